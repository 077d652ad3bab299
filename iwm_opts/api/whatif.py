"""What-if: value and P&L of a package over price, implied vol and date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from iwm_opts.api.result import Day, Result, as_day, new_axes, picture
from iwm_opts.api.screening import Package
from iwm_opts.conventions import MULTIPLIER
from iwm_opts.errors import InputError
from iwm_opts.market.calendar import at_close, latest_session
from iwm_opts.market.snapshot import SECONDS_PER_YEAR
from iwm_opts.report.console import notes_text
from iwm_opts.report.page import Page
from iwm_opts.report.records import Record, market_record, rows_as_csv
from iwm_opts.report.screen_table import strikes
from iwm_opts.report.whatif_sheet import whatif_sheet
from iwm_opts.report.whatif_table import whatif_table
from iwm_opts.spreads.whatif import worth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOVES: Final = (-0.10, -0.075, -0.05, -0.025, 0.0, 0.025, 0.05, 0.075, 0.10)
LINE_POINTS: Final = 121  # of a line over price
VOL_SHIFTS: Final = (-0.05, 0.0, 0.05, 0.10)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfRequest:
    """A package and the scenarios that it is valued in.

    Parameters
    ----------
    package : Package
        A candidate of a screen.
    moves : tuple of float
        Moves of the underlying as fractions of spot.
    vol_shifts : tuple of float
        Added to every leg's implied vol, annualised decimals.
    dates : tuple of date
        Valued at the close of each; today is the moment of the quotes. Today, halfway and expiration unless given.
    """

    package: Package
    moves: tuple[float, ...] = MOVES
    vol_shifts: tuple[float, ...] = VOL_SHIFTS
    dates: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        today, last = self.package.screening.snapshot.chain.as_of, self.package.sized.candidate.expiration
        for name, values, low in (("moves", self.moves, -1.0), ("vol_shifts", self.vol_shifts, -np.inf)):
            if not values or not all(low < value < np.inf for value in values):
                raise InputError(name, values, "needs finite numbers, moves above -1", "give for instance -0.05, 0.05")
        for day in self.dates:
            if not today <= day <= last:
                raise InputError("dates", day.isoformat(), f"outside {today} to {last}", "choose a day between")
        if not self.dates:
            halfway = latest_session(today + timedelta(days=(last - today).days // 2))
            object.__setattr__(self, "dates", tuple(dict.fromkeys((today, max(halfway, today), last))))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WhatIf(Result):
    """Value and P&L of a package by scenario.

    Attributes
    ----------
    package : Package
    table : DataFrame
        One row a scenario; see `to_frame`.
    """

    package: Package
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
        """Market, package and scenarios."""
        candidate = self.package.sized.candidate
        return {
            "market": market_record(self.package.screening.snapshot),
            "strategy": candidate.strategy,
            "strikes": strikes(candidate),
            "expiration": candidate.expiration.isoformat(),
            "credit_fill": candidate.fill.price,
            "fees": candidate.fees,
            "scenarios": self._rows(),
            "warnings": list(self.package.screening.snapshot.chain.warnings),
        }

    def _rows(self) -> list[Record]:
        dated = self.table.assign(date=self.table["date"].dt.strftime("%Y-%m-%d"))
        return [{str(name): value for name, value in row.items()} for row in dated.to_dict("records")]

    def to_csv(self) -> str:
        """One row a scenario."""
        return rows_as_csv(self._rows())

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        """P&L by price and vol shift, one table a date."""
        notes = self.package.screening.snapshot.chain.warnings
        return whatif_table(self.table, self.headline(), columns) + notes_text(notes, columns)

    def _fine(self) -> pd.DataFrame:
        """Scenarios at many prices and unchanged implied vols, for lines."""
        moves = np.linspace(self.table["move"].min(), self.table["move"].max(), LINE_POINTS)
        dates = tuple(pd.Timestamp(day).date() for day in self.table["date"].unique())
        request = WhatIfRequest(package=self.package, moves=tuple(moves.tolist()), vol_shifts=(0.0,), dates=dates)
        return answer_whatif(request).table

    def sheet(self) -> Page:
        """P&L over price by date, and heat maps of price by vol shift."""
        return whatif_sheet(self.table, self._fine(), self.headline(), self.package.sized.candidate.strikes)

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
        """Package; fill and source."""
        candidate, chain = self.package.sized.candidate, self.package.screening.snapshot.chain
        title = f"{chain.symbol} {chain.spot:.2f}, {candidate.strategy} {candidate.expiration} {strikes(candidate)}"
        entry = f"entry {candidate.fill.price:.2f} $/share at {candidate.fill.model}, fees ${candidate.fees:.2f}"
        return title, [f"{entry}; quotes {chain.as_of}, source {chain.source}"], chain.label


def answer_whatif(request: WhatIfRequest) -> WhatIf:
    """Value a package in every scenario; see `WhatIfRequest`."""
    package = request.package
    candidate, snapshot = package.sized.candidate, package.screening.snapshot
    today, moment, moves = snapshot.chain.as_of, snapshot.chain.moment, np.array(request.moves)
    spots = snapshot.chain.spot * (1.0 + moves)
    frames = []
    for day in request.dates:
        # Expiration is valued as the payoff; some classes expire on the open of their last day.
        elapsed = (at_close(day).timestamp() - moment.timestamp()) / SECONDS_PER_YEAR if day > today else 0.0
        elapsed = candidate.years if day == candidate.expiration else elapsed
        for shift in request.vol_shifts:
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
    return WhatIf(package, pd.concat(frames, ignore_index=True))


def whatif(
    package: Package,
    *,
    moves: Sequence[float] = MOVES,
    vol_shifts: Sequence[float] = VOL_SHIFTS,
    dates: Sequence[Day] = (),
) -> WhatIf:
    """Value a package over price, implied vol and date.

    Parameters
    ----------
    package : Package
        A candidate of a screen; a package of your own through `OwnPackages`.
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
    days = tuple(day for day in (as_day("dates", each) for each in dates) if day is not None)
    return answer_whatif(WhatIfRequest(package=package, moves=tuple(moves), vol_shifts=tuple(vol_shifts), dates=days))
