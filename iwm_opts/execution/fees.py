"""Fees of a broker, exchanges, the clearing house and regulators for a package of options.

Fees are per contract and leg, not per leg. Presets hold a dated schedule for options on stocks and ETFs (index options
such as RUT and SPX carry exchange surcharges that none of them holds); check yours and override what differs. Brokers
round each charge to the cent in their own way; here nothing is rounded.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from math import inf, nan
from typing import Any, Final, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import FEE_SCHEDULE, MULTIPLIER
from iwm_opts.errors import InputError
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.trading.fees import Charges, orders

Array = NDArray[np.float64]
Premium = TypeVar("Premium", float, Array)

# Options regulatory fee a contract and side, by the rule that exchanges charge it under. From 2026-01-02 on several
# charge only trades executed on them; before, each charged all trades of its members, wherever executed.
ORF: Final[dict[str, float]] = {"executed": 0.0145, "all-exchanges": 0.02815}
INDUSTRY_SOURCES: Final = (
    "orf 0.0145: middle of 0.014 to 0.015 under the rule of 2026-01-02; what each venue charges is not confirmed",
    "orf=all-exchanges 0.02815: the rule until 2026-01-01, sum over all on 2025-03-03 (Interactive Brokers guides)",
    "taf 0.00329: FINRA trading activity fee, sales only, since 2026-01-01 (SR-FINRA-2024-019; Robinhood's schedule)",
    "sec 20.60 per million of premium sold: Section 31, since 2026-04-04 (SEC release 34-104909; Robinhood's schedule)",
    "clearing 0.025: The Options Clearing Corporation, since 2025-02-14 (90 FR 10544)",
    "left out: the consolidated audit trail's fee, 0.0003 a contract",
)
INDUSTRY: Final[dict[str, float]] = {"orf": ORF["executed"], "taf": 0.00329, "sec": 20.60e-6, "clearing": 0.025}
SCHEDULE_DATE: Final = date(2026, 4, 4)  # when the youngest rate above took effect


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Charges in dollars a contract unless said; zero where nothing is charged."""

    name: str
    commission: float = 0.0  # to open
    closing: float = 0.0  # commission to close
    cap: float = inf  # most commission for one leg of an order, dollars
    minimum: float = 0.0  # least commission for an order that pays any, dollars
    exchange: float = 0.0
    orf: float = 0.0  # options regulatory fee
    taf: float = 0.0  # FINRA trading activity fee, on contracts sold
    sec: float = 0.0  # SEC Section 31, share of the premium sold
    clearing: float = 0.0
    exercise: float = 0.0  # a contract exercised or assigned
    as_of: date | None = None  # date of the schedule; None for one the user made
    sources: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a schedule as written on the command line.

        `tastytrade` (any preset), `zero`, `custom:0.65` (commission both ways and nothing else),
        `commission=0.65,exchange=0.02` (closing costs as much as opening unless given), or a preset with changes,
        `schwab,commission=0.50`. `orf` also takes the name of a rule of `ORF`: `tastytrade,orf=all-exchanges`.

        Raises
        ------
        InputError
            For an unknown preset or key, or a charge that is not a finite number of zero or more.
        """
        head, *changes = [part.strip() for part in text.strip().lower().split(",")]
        if "=" in head:
            changes, head = [head, *changes], "zero"
        if head.startswith("custom:"):
            charge = _charge(text, "commission", head.removeprefix("custom:"))
            schedule = cls("custom", commission=charge, closing=charge)
        elif head in PRESETS:
            schedule = cls(head, **PRESETS[head])
        else:
            remedy = f"choose one of {', '.join(PRESETS)}, custom:0.65 or key=value"
            raise InputError("fees", text, f"unknown fee schedule {head!r}", remedy)
        charges: dict[str, Any] = {}
        for change in changes:
            key, _, value = change.partition("=")
            if key not in CHARGES:
                raise InputError("fees", text, f"unknown charge {key!r}", f"choose one of {', '.join(CHARGES)}")
            charges[key] = ORF[value] if key == "orf" and value in ORF else _charge(text, key, value)
        if not charges:
            return schedule
        if "commission" in charges and schedule.name == "zero":
            charges.setdefault("closing", charges["commission"])
        name = "custom" if schedule.name == "zero" else f"{schedule.name}, changed"
        return replace(schedule, name=name, **charges)

    @property
    def label(self) -> str:
        """The schedule and its date, for a reader."""
        return f"{self.name}, schedule of {self.as_of}" if self.as_of else self.name

    def opening_fees(self, legs: Legs, contracts: int, premium_sold: Premium) -> Premium:
        """Fees to open, dollars for one package.

        Parameters
        ----------
        legs : Legs
        contracts : int
            Packages in the order. Caps and minimums are shared among them, so that one package of many may cost less.
        premium_sold : float or array
            Premium of the short legs of one package, dollars a share, on which the SEC takes its share: see the
            function `premium_sold`. An array gives an array of fees.

        Raises
        ------
        InputError
            When there is not one contract.
        """
        return self._order(self.commission, legs, contracts, premium_sold)

    def closing_fees(self, legs: Legs, contracts: int, premium_sold: Premium) -> Premium:
        """Fees to close a package opened as `legs`; as `opening_fees`, but the premium is that of the long legs."""
        return self._order(self.closing, legs.closing(), contracts, premium_sold)

    def exercise_fees(self, contracts_exercised: float) -> float:
        """Fees for contracts exercised or assigned, dollars."""
        return self.exercise * contracts_exercised

    @property
    def charges(self) -> Charges:
        """The schedule as kernels read it."""
        flat = self.exchange + self.orf + self.clearing
        ways = self.commission, self.closing
        return Charges(*ways, self.cap, self.minimum, flat, self.taf, self.sec, self.exercise, float(MULTIPLIER))

    def _order(self, commission: float, legs: Legs, contracts: int, premium_sold: Premium) -> Premium:
        if contracts < 1:
            raise InputError("contracts", contracts, "must be at least 1")
        premiums = np.array(premium_sold, dtype=np.float64)
        fees = np.empty(premiums.size)
        orders(self.charges, commission, -legs.sign, legs.ratio, float(contracts), premiums.ravel(), fees)
        fees /= contracts
        return cast("Premium", fees.reshape(premiums.shape) if premiums.ndim else fees.item())


def premium_sold(legs: Legs, bid: ArrayLike, ask: ArrayLike) -> Array:
    """Premium at mid of the short legs, $/share: base of the SEC fee, to a fraction of a cent.

    Parameters
    ----------
    legs : Legs
        `legs.closing()` gives the premium sold at the exit.
    bid, ask : array_like, shape (..., legs)
        Dollars a share; negative bids count as zero.

    Returns
    -------
    ndarray, shape (...)
        NaN where a short leg has no quote.
    """
    mid = 0.5 * (np.maximum(np.asarray(bid, dtype=np.float64), 0.0) + np.asarray(ask, dtype=np.float64))
    sold: Array = (mid * legs.ratio)[..., legs.sign < 0].sum(axis=-1)
    return sold


CHARGES: Final = ("commission", "closing", "cap", "minimum", "exchange", "orf", "taf", "sec", "clearing", "exercise")


def _charge(text: str, key: str, value: str) -> float:
    try:
        charge = float(value)
    except ValueError:
        charge = nan
    if not 0.0 <= charge < inf:
        raise InputError("fees", text, f"{key} needs a number of zero or more", f"write {key}=0.65")
    return charge


def _preset(*sources: str, **charges: float) -> dict[str, Any]:
    return {**INDUSTRY, **charges, "as_of": SCHEDULE_DATE, "sources": (*sources, *INDUSTRY_SOURCES)}


GUIDES: Final = "commission: broker guides of early 2026 agree; not read on the broker's own page"
PRESETS: Final[dict[str, dict[str, Any]]] = {
    "tastytrade": _preset(
        "commission 1.00 to open, 0 to close, cap 10 a leg, clearing 0.10 (tastytrade.com, commissions and fees)",
        "exercise 5.00 a notice, charged here on every contract; not read on the broker's own page, check it",
        commission=1.0,
        cap=10.0,
        clearing=0.10,
        exercise=5.0,
    ),
    "ibkr": _preset(
        "commission 0.65, at least 1.00 an order, up to 10,000 contracts a month (Interactive Brokers, options tiered)",
        "left out: 0.50 and 0.25 for premiums below 0.10 and 0.05, so cheap wings are overstated",
        "exchange 0: passed through, from a rebate of 0.90 to a charge of 0.95 a contract by venue and liquidity",
        "exercise 0 (Interactive Brokers resellers; US stock options)",
        commission=0.65,
        closing=0.65,
        minimum=1.0,
    ),
    "schwab": _preset(GUIDES, commission=0.65, closing=0.65),
    "fidelity": _preset(
        GUIDES, "left out: buying to close at 0.65 or less is free of commission", commission=0.65, closing=0.65
    ),
    "robinhood": _preset("commission 0 on options on stocks and ETFs (Robinhood, trading fees)"),
    "zero": {},
}
DEFAULT_FEES: Final = FeeSchedule.parse(FEE_SCHEDULE)
