"""What-if: value and P&L of a package over price, implied vol and date."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.api.chain import OptionChain
from iwm_opts.api.result import Day, Result, as_day, new_axes, picture
from iwm_opts.api.screening import Package
from iwm_opts.conventions import FEE_SCHEDULE, FILL_MODEL, MULTIPLIER
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.journal.paper import find, open_journal
from iwm_opts.journal.paper_marks import check_same_market
from iwm_opts.journal.paper_trade import PaperTrade, typed_legs
from iwm_opts.market.calendar import at_close, latest_session
from iwm_opts.market.snapshot import SECONDS_PER_YEAR, Snapshot
from iwm_opts.report.page import Page
from iwm_opts.report.records import Record, market_record
from iwm_opts.report.screen_table import strikes
from iwm_opts.report.whatif_table import whatif_sheet, whatif_table
from iwm_opts.spreads.analysis import Terms, analyse
from iwm_opts.spreads.candidate import Candidate
from iwm_opts.spreads.candidate import candidate as candidate_of
from iwm_opts.spreads.legs import Packages
from iwm_opts.spreads.typed import TypedLeg, check_side, legs_of, row_of
from iwm_opts.spreads.whatif import worth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOVES: Final = (-0.10, -0.075, -0.05, -0.025, 0.0, 0.025, 0.05, 0.075, 0.10)
LINE_POINTS: Final = 121  # of a line over price
VOL_SHIFTS: Final = (-0.05, 0.0, 0.05, 0.10)
MOST_UNITS: Final = 100  # contracts of a package


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfRequest:
    """A package and the scenarios that it is valued in.

    Fields as the parameters of `whatif`; further:

    Parameters
    ----------
    trade : int, optional
        A trade of the paper journal, in place of either.
    """

    package: Package | None = None
    legs: tuple[TypedLeg, ...] = ()
    trade: int | None = None
    chain: OptionChain | None = None
    expiration: date | None = None
    credit: float | None = None
    fill: str = FILL_MODEL
    fees: str = FEE_SCHEDULE
    moves: tuple[float, ...] = MOVES
    vol_shifts: tuple[float, ...] = VOL_SHIFTS
    dates: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if (self.package is not None) + bool(self.legs) + (self.trade is not None) != 1:
            raise ConflictError("package", None, "a what-if has one package", "give a candidate, legs or a paper trade")
        if self.package is None and self.chain is None:
            raise InputError("chain", None, "legs and paper trades need a chain", "give one")
        if self.legs and self.expiration is None:
            raise InputError("expiration", None, "typed legs need an expiration", "give for instance 2026-12-18")
        if self.legs and self.credit is not None:
            check_side(self.legs, "credit", self.credit)
        for name, values, low in (("moves", self.moves, -1.0), ("vol_shifts", self.vol_shifts, -np.inf)):
            if not values or not all(low < value < np.inf for value in values):
                raise InputError(name, values, "needs finite numbers, moves above -1", "give for instance -0.05, 0.05")


@dataclass(frozen=True, slots=True)
class Valued:
    """A package to value: its legs and entry, and the market it is on."""

    candidate: Candidate
    snapshot: Snapshot
    name: str
    entry: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WhatIf(Result):
    """Value and P&L of a package by scenario.

    Attributes
    ----------
    valued : Valued
        Package and market.
    table : DataFrame
        One row a scenario; see `to_frame`.
    """

    is_private: ClassVar[bool] = True  # the package may be a paper trade

    valued: Valued
    table: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """One row a scenario.

        Returns
        -------
        DataFrame
            date (datetime64), dte; move (fraction), spot ($); vol_shift (decimal); value (model value of the legs), pnl
            (value plus entry at the fill less opening fees, before any cost of closing): $ a package. NaN where a leg
            has no value.
        """
        return self.table.copy()

    def record(self) -> Record:
        candidate = self.valued.candidate
        return {
            "market": market_record(self.valued.snapshot),
            "strategy": candidate.strategy,
            "strikes": strikes(candidate),
            "expiration": candidate.expiration.isoformat(),
            "credit_fill": candidate.fill.price,
            "fees": candidate.fees,
            "scenarios": self.rows(),
            "warnings": list(self.valued.snapshot.chain.warnings),
        }

    def rows(self) -> list[Record]:
        dated = self.table.assign(date=self.table["date"].dt.strftime("%Y-%m-%d"))
        return [{str(name): value for name, value in row.items()} for row in dated.to_dict("records")]

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return whatif_table(self.table, self.headline(), self.valued.snapshot.chain.warnings, columns)

    def _fine(self) -> pd.DataFrame:
        """Scenarios at many prices and unchanged implied vols, for lines."""
        moves = np.linspace(self.table["move"].min(), self.table["move"].max(), LINE_POINTS)
        dates = tuple(pd.Timestamp(day).date() for day in self.table["date"].unique())
        return _scenarios(self.valued, moves, (0.0,), dates)

    def sheet(self) -> Page:
        """P&L over price by date, and heat maps of price by vol shift."""
        return whatif_sheet(self.table, self._fine(), self.headline(), self.valued.candidate.strikes)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """P&L over price by date, implied vols unchanged, $ a package."""
        axes = new_axes(ax)
        for day, rows in self._fine().groupby("date", sort=False):
            axes.plot(rows["spot"], rows["pnl"], label=f"{day:%Y-%m-%d}")
        axes.axhline(0.0, color="0.6", lw=0.8)
        axes.set_xlabel("price of the underlying, $")
        axes.set_ylabel("P&L, $ a package")
        axes.set_title(self.headline()[0], loc="left", fontsize=10)
        axes.legend(frameon=False)
        return axes

    def picture(self, suffix: str) -> bytes:
        """Plot as PNG, SVG or PDF."""
        return picture(suffix, self.plot)

    def headline(self) -> tuple[str, list[str], str]:
        chain = self.valued.snapshot.chain
        title = f"{chain.symbol} {chain.spot:.2f}, {self.valued.name}"
        return title, [f"{self.valued.entry}; quotes {chain.as_of}, source {chain.source}"], chain.label


def answer_whatif(request: WhatIfRequest) -> WhatIf:
    """Value a package in every scenario; see `WhatIfRequest`.

    Raises
    ------
    InputError
        For a strike that is not listed, and dates outside today to expiration.
    """
    if request.package is None:
        valued = _of_legs(request)
    else:
        candidate, snapshot = request.package.sized.candidate, request.package.screening.snapshot
        name = f"{candidate.strategy} {candidate.expiration} {strikes(candidate)}"
        entry = f"entry {candidate.fill.price:.2f} $/share at {candidate.fill.model}, fees ${candidate.fees:.2f}"
        valued = Valued(candidate, snapshot, name, entry)
    today, last = valued.snapshot.chain.as_of, valued.candidate.expiration
    for day in request.dates:
        if not today <= day <= last:
            raise InputError("dates", day.isoformat(), f"outside {today} to {last}", "choose a day between")
    halfway = latest_session(today + timedelta(days=(last - today).days // 2))
    dates = request.dates or tuple(dict.fromkeys((today, max(halfway, today), last)))
    return WhatIf(valued, _scenarios(valued, np.array(request.moves), request.vol_shifts, dates))


def _scenarios(
    valued: Valued, moves: NDArray[np.float64], vol_shifts: Sequence[float], dates: Sequence[date]
) -> pd.DataFrame:
    candidate, snapshot = valued.candidate, valued.snapshot
    today, moment = snapshot.chain.as_of, snapshot.chain.moment
    spots = snapshot.chain.spot * (1.0 + moves)
    frames = []
    for day in dates:
        # Expiration is valued as the payoff; some classes expire on the open of their last day.
        elapsed = (at_close(day).timestamp() - moment.timestamp()) / SECONDS_PER_YEAR if day > today else 0.0
        elapsed = candidate.years if day == candidate.expiration else elapsed
        for shift in vol_shifts:
            value = MULTIPLIER * worth(candidate, snapshot, spots, elapsed, shift)
            frames.append(
                pd.DataFrame(
                    {
                        "date": pd.Timestamp(day).as_unit("us"),
                        "dte": (candidate.expiration - day).days,
                        "move": moves,
                        "spot": spots,
                        "vol_shift": shift,
                        "value": value,
                        "pnl": value + MULTIPLIER * candidate.fill.price - candidate.fees,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def _of_legs(request: WhatIfRequest) -> Valued:
    """Typed legs, or a trade of the paper journal; legs whose quotes imply no vol take the smile's."""
    assert request.chain is not None  # checked by the request
    snapshot = request.chain.snapshot
    trade = None if request.trade is None else _paper_trade(request.trade, snapshot)
    expiration = request.expiration if trade is None else date.fromisoformat(trade.expiration)
    assert expiration is not None  # checked by the request
    typed = request.legs if trade is None else typed_legs(trade)
    # One contract a leg: a leg of two is two legs.
    units = sorted((replace(leg, ratio=1) for leg in typed for _ in range(leg.ratio)), key=lambda leg: leg.strike)
    if len(units) > MOST_UNITS:
        raise InputError("legs", len(units), f"trade more than {MOST_UNITS} contracts a package", "divide them")
    table = snapshot.table(expiration, (trade and trade.root) or None)
    rows = np.array([row_of(leg, table) for leg in units], dtype=np.intp)
    table = snapshot.with_smile_vols(table, rows)
    terms = Terms(FillModel.parse(request.fill), FeeSchedule.parse(request.fees))
    credit = request.credit if trade is None else trade.credit
    legs = " ".join(leg.name for leg in sorted(typed, key=lambda leg: leg.strike))
    packages = Packages("legs", rows[None, :], legs_of(units), is_credit=False)
    chosen = candidate_of(table, analyse(table, packages, terms), 0)
    if credit is None and not chosen.fill.is_filled:
        raise InputError("credit", None, f"a leg of {legs} has no two-sided quote", "give the credit of the entry")
    how = f"at {chosen.fill.model}" if credit is None else "as given"
    if credit is not None:
        chosen = replace(chosen, fill=replace(chosen.fill, price=credit))
    name = f"{expiration} {legs}"
    if trade is not None:
        chosen = replace(chosen, strategy=trade.strategy, fees=trade.fees / trade.contracts)
        name = f"paper trade {trade.number}, {trade.strategy} {name}, one package of {trade.contracts}"
        how = f"of {trade.opened[:10]}"
    return Valued(chosen, snapshot, name, f"entry {chosen.fill.price:.2f} $/share {how}, fees ${chosen.fees:.2f}")


def _paper_trade(number: int, snapshot: Snapshot) -> PaperTrade:
    """Open trade in options of the paper journal, on the market that it was opened on."""
    trade = find(open_journal().trades(), number)
    if trade.shares is not None:
        raise InputError("trade", number, "is in shares", "name a trade in options")
    if trade.symbol != snapshot.chain.symbol:
        rule = f"is of {trade.symbol}, and the chain of {snapshot.chain.symbol}"
        raise InputError("trade", number, rule, f"give a chain of {trade.symbol}")
    check_same_market(trade, snapshot.chain.provenance, snapshot.chain.source)
    return trade


def whatif(
    package: Package | int | str | Sequence[str],
    chain: OptionChain | None = None,
    *,
    expiration: Day | None = None,
    credit: float | None = None,
    fill: str = FILL_MODEL,
    fees: str = FEE_SCHEDULE,
    moves: Sequence[float] = MOVES,
    vol_shifts: Sequence[float] = VOL_SHIFTS,
    dates: Sequence[Day] = (),
) -> WhatIf:
    """Value a package over price, implied vol and date.

    Parameters
    ----------
    package : Package, int, str or sequence of str
        A candidate of a screen, the number of a paper trade, or typed legs such as "-1P275 +1P270".
    chain : OptionChain, optional
        Of legs or a paper trade.
    expiration : date or str, optional
        Of legs.
    credit : float, optional
        Of legs at the entry, $/share, a debit negative; the fill of today unless given.
    fill, fees : str
        Of legs.
    moves : sequence of float
        Moves of the underlying as fractions of spot.
    vol_shifts : sequence of float
        Added to every leg's implied vol, annualised decimals.
    dates : sequence of date or str
        Today, halfway and expiration unless given.

    Returns
    -------
    WhatIf

    Raises
    ------
    InputError
        For a move of -1 or below, or a date outside today to expiration.

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> chain = iwm.read_chain("sim", as_of="2026-06-26", seed=7)
    >>> frame = iwm.whatif(iwm.screen(chain)[0], moves=[-0.1, 0.0, 0.1], vol_shifts=[0.0]).to_frame()
    >>> len(frame), bool(frame["pnl"].iloc[-2] > 0)
    (9, True)
    """
    days = tuple(day for day in (as_day("dates", item) for item in dates) if day is not None)
    texts = () if isinstance(package, Package | int) else package.split() if isinstance(package, str) else package
    return answer_whatif(
        WhatIfRequest(
            package=package if isinstance(package, Package) else None,
            trade=package if isinstance(package, int) else None,
            legs=tuple(TypedLeg.parse(text) for text in texts), chain=chain,
            expiration=as_day("expiration", expiration), credit=credit, fill=fill, fees=fees, moves=tuple(moves),
            vol_shifts=tuple(vol_shifts), dates=days,
        )
    )  # fmt: skip
