"""The rules of a backtest: when to enter and with what, when to leave, how many, and what trading costs.

A decision to enter rests on the rank of the close `lag` sessions before, a size on the equity of the close before.
Strikes are chosen, and orders filled, on the quotes of the day itself. Exits are judged once a day on its quotes, by
the price at which the package could then be closed under the exit fill.
"""

from dataclasses import dataclass, field
from math import inf
from typing import Final

from iwm_opts.conventions import (
    ACCOUNT,
    GATE_RANK,
    IVR_LOOKBACK,
    RISK_SHARE,
    STRATEGY,
)
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import check_days, check_profit, price_level
from iwm_opts.execution.fees import DEFAULT_FEES, FeeSchedule
from iwm_opts.execution.fills import DEFAULT_MODEL, FillModel
from iwm_opts.execution.legs import check_contracts
from iwm_opts.market.sector_filter import MacroFilter
from iwm_opts.risk.sizing import MAX_OPEN_RISK
from iwm_opts.spreads.entry_rule import EntryRule

WORST, BEST = ORDERS = ("worst", "best")  # which exit counts on a day that calls for several
MEASURES: Final = ("rank", "percentile")
STOP_FILL: Final = FillModel.parse(STRATEGY.stop_fill)


@dataclass(frozen=True, slots=True)
class GateRule:
    """The IV rank at which entries are allowed; without a bound, any (the rank must be known all the same)."""

    below: float | None = GATE_RANK  # itself excluded
    at_least: float | None = None
    lookback: int = IVR_LOOKBACK  # sessions
    measure: str = "rank"  # or "percentile", which the bounds then are of
    lag: int = 1  # sessions between the close that is ranked and the entry

    def __post_init__(self) -> None:
        if self.lag < 1:
            raise InputError("lag", self.lag, "must be at least 1", "the close of the day itself is not known yet")
        if self.below is not None and self.at_least is not None and not self.at_least < self.below:
            rule = f"is never reached below {self.below:g}: no day would pass"
            raise InputError("at_least", self.at_least, rule, "leave one of the bounds out, or turn them round")
        if self.measure not in MEASURES:
            raise InputError(
                "measure", self.measure, "unknown measure of a gate", f"choose one of {', '.join(MEASURES)}"
            )

    def __str__(self) -> str:
        bounds = [f"IV {self.measure} < {self.below:g}"] if self.below is not None else []
        bounds += [f"IV {self.measure} >= {self.at_least:g}"] if self.at_least is not None else []
        return " and ".join(bounds) or f"any IV {self.measure}"


@dataclass(frozen=True, slots=True)
class ExitRule:
    """When to leave before expiry; None switches a rule off.

    On a day that calls for several, the most costly exit applies: a stop, then a touch (both filled as a stop), then
    dte, time, gate and profit, which are filled alike. `first="best"` turns the order round.

    Profit and stop are fractions of the package's credit or debit: closing a credit costs (1 - profit) x credit or
    less, (1 + stop) x credit or more; selling a debit back brings (1 + profit) x debit or more, (1 - stop) x debit or
    less.
    """

    profit: float | None = STRATEGY.profit
    stop: float | None = STRATEGY.stop
    touch: bool = False  # the day's high or low reached a short strike; filled at that day's close
    dte: int | None = STRATEGY.exit_dte  # this many calendar days left, or fewer
    sessions: int | None = None  # this many sessions in the trade, or more
    rank: float | None = None  # IV rank of the close before at this, or above
    first: str = WORST

    def __post_init__(self) -> None:
        object.__setattr__(self, "profit", price_level("profit", self.profit))
        object.__setattr__(self, "stop", price_level("stop", self.stop))
        check_days("exit_dte", self.dte, 0)
        check_days("sessions", self.sessions, 1)
        if self.first not in ORDERS:
            raise InputError("first", self.first, "unknown order of exits", f"choose one of {', '.join(ORDERS)}")


@dataclass(frozen=True, slots=True)
class SizeRule:
    """How many packages: a fixed number, or a share of the equity of the close before."""

    contracts: int | None = None
    risk_share: float = RISK_SHARE
    account: float = ACCOUNT  # dollars at the start
    max_open_risk: float = MAX_OPEN_RISK  # share of the account at risk in all positions, where sized by equity

    def __post_init__(self) -> None:
        for name, share in (("risk", self.risk_share), ("max_open_risk", self.max_open_risk)):
            if not 0.0 < share <= 1.0:
                raise InputError(name, share, "must be above 0 and at most 1", "1% is 0.01")
        if not 0.0 < self.account < inf:
            raise InputError("account", self.account, "must be a positive number of dollars")
        if self.contracts is not None:
            check_contracts(self.contracts)


@dataclass(frozen=True, slots=True)
class Costs:
    """Fills at entry, at exit and on a stop or touch; fees."""

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
    macro: MacroFilter | None = None

    def __post_init__(self) -> None:
        check_profit(self.exit.profit, is_credit=self.entry.is_credit)
        if self.entry.is_credit:
            return
        if self.exit.touch:
            raise InputError("touch", True, f"does not apply to a {self.entry.strategy}", "use it with credit packages")
        if self.entry.min_credit_width > 0.0:
            raise InputError(
                "min_credit_width",
                self.entry.min_credit_width,
                f"does not apply to a {self.entry.strategy}",
                "use it with credit packages",
            )
