"""The rules of a backtest: when to enter and with what, when to leave, how many, and what trading costs.

A decision to enter rests on the rank of the close `lag` sessions before, a size on the equity of the close before.
Strikes are chosen, and orders filled, on the quotes of the day itself. Exits are judged once a day on its quotes, by
the price at which the package could then be closed under the exit fill.
"""

from dataclasses import dataclass, field
from typing import Final

from iwm_opts.conventions import ACCOUNT, DTE_WINDOW, GATE_RANK, IVR_LOOKBACK, RISK_SHARE, WING_WIDTH
from iwm_opts.errors import InputError
from iwm_opts.execution.fees import DEFAULT_FEES, FeeSchedule
from iwm_opts.execution.fills import DEFAULT_MODEL, FillModel
from iwm_opts.spreads.legs import Wing

CONDOR: Final = "iron-condor"
STRATEGIES: Final = (CONDOR, "bull-put", "bear-call")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri")
SHORT_DELTA: Final = 0.16  # one standard deviation out, inside what the screen looks at
PROFIT_TARGET: Final = 0.5  # of the entry credit
STOP_LOSS: Final = 2.0  # times the entry credit
EXIT_DTE: Final = DTE_WINDOW[0]
STOP_FILL: Final = FillModel.parse("stress:3")  # spreads of the panic of February 2018 widened 3 to 7 times


@dataclass(frozen=True, slots=True)
class EntryRule:
    """What is sold, and on which days."""

    strategy: str = CONDOR
    dte: int = DTE_WINDOW[1]  # calendar days: the expiration nearest to it is taken
    dte_slack: int = 10  # and none farther from it than this
    put_delta: float = SHORT_DELTA  # |delta| of the short put; the nearest strike is taken
    call_delta: float = SHORT_DELTA
    put_wing: Wing = field(default=Wing(width=WING_WIDTH))
    call_wing: Wing = field(default=Wing(width=WING_WIDTH))
    min_credit_width: float = 0.0  # credit at the entry fill over the wider wing
    weekdays: tuple[str, ...] = ()  # of WEEKDAYS; none means every session
    every: int = 1  # sessions from one entry to the next, at least
    max_open: int = 5  # positions

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise InputError("strategy", self.strategy, "is not sold here", f"choose one of {', '.join(STRATEGIES)}")
        for day in self.weekdays:
            if day not in WEEKDAYS:
                raise InputError("weekdays", day, "is no weekday", f"choose of {', '.join(WEEKDAYS)}")
        for name, value, least in (("dte", self.dte, 1), ("every", self.every, 1), ("max_open", self.max_open, 1)):
            if value < least:
                raise InputError(name, value, f"must be at least {least}")


@dataclass(frozen=True, slots=True)
class GateRule:
    """The IV rank at which entries are allowed; without a bound, any (the rank must be known all the same)."""

    below: float | None = GATE_RANK  # itself excluded
    at_least: float | None = None
    lookback: int = IVR_LOOKBACK  # sessions
    lag: int = 1  # sessions between the close that is ranked and the entry

    def __post_init__(self) -> None:
        if self.lag < 1:
            raise InputError("lag", self.lag, "must be at least 1", "the close of the day itself is not known yet")

    def __str__(self) -> str:
        bounds = [f"IV rank < {self.below:g}"] if self.below is not None else []
        bounds += [f"IV rank >= {self.at_least:g}"] if self.at_least is not None else []
        return " and ".join(bounds) or "any IV rank"


@dataclass(frozen=True, slots=True)
class ExitRule:
    """When to leave before expiry; None switches a rule off.

    On a day that calls for several, the dearest way out is taken: a stop, then a touch (both filled as a stop), then
    dte, time, gate and profit, which are filled alike.
    """

    profit: float | None = PROFIT_TARGET  # close when that costs (1 - profit) x entry credit or less
    stop: float | None = STOP_LOSS  # close when that costs (1 + stop) x entry credit or more
    touch: bool = False  # the day's high or low reached a short strike; filled at that day's close
    dte: int | None = EXIT_DTE  # this many calendar days left, or fewer
    sessions: int | None = None  # this many sessions in the trade, or more
    rank: float | None = None  # IV rank of the close before at this, or above

    def __post_init__(self) -> None:
        if self.profit is not None and not 0.0 < self.profit <= 1.0:
            raise InputError("profit", self.profit, "must be above 0 and at most 1", "half of the credit is 0.5")
        if self.stop is not None and not self.stop > 0.0:
            raise InputError("stop", self.stop, "must be positive", "losing twice the credit is 2")
        if self.sessions is not None and self.sessions < 1:
            raise InputError("sessions", self.sessions, "must be at least 1")


@dataclass(frozen=True, slots=True)
class SizeRule:
    """How many packages: a fixed number, or a share of the equity of the close before."""

    contracts: int | None = None
    risk_share: float = RISK_SHARE
    account: float = ACCOUNT  # dollars at the start

    def __post_init__(self) -> None:
        if self.contracts is not None and self.contracts < 1:
            raise InputError("contracts", self.contracts, "must be at least 1")


@dataclass(frozen=True, slots=True)
class Costs:
    """Fills on the way in, on the way out and on a stop or touch; fees."""

    entry: FillModel = field(default=DEFAULT_MODEL)
    exit: FillModel = field(default=DEFAULT_MODEL)
    stop: FillModel = field(default=STOP_FILL)
    fees: FeeSchedule = field(default=DEFAULT_FEES)


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that a backtest decides by."""

    entry: EntryRule = field(default_factory=EntryRule)
    gate: GateRule = field(default_factory=GateRule)
    exit: ExitRule = field(default_factory=ExitRule)
    size: SizeRule = field(default_factory=SizeRule)
    costs: Costs = field(default_factory=Costs)
