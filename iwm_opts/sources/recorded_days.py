"""Recorded chains as a backtest reads them: real bids and asks.

A day's quotes are those of one capture. An option whose strike left the chain, or whose quote is unusable, is marked by
the smile drawn through what its expiration still quotes; one whose expiration is missing that day has no mark at all.
Both are flagged (`BY_SMILE`, `CARRIED`), so that the engine can count them: neither is dropped.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import DAYS_PER_YEAR, IVR_TENOR_DAYS, RIGHT_SIGN, Provenance, counted, some
from iwm_opts.errors import InputError
from iwm_opts.io.panel_cache import kept_arrays
from iwm_opts.kernels.backtest import state
from iwm_opts.kernels.backtest.marks import OVERNIGHT
from iwm_opts.kernels.backtest.state import Days, Surface
from iwm_opts.kernels.panel.options import find_slices, quotes_of
from iwm_opts.market.calendar import at_close, latest_session, sessions
from iwm_opts.market.contract import Settlement, settlement_of
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_index import DEFINITION
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.panel import ARRAYS, Panel, Places
from iwm_opts.market.panel_terms import PanelIv, PanelPrices, PanelTerms, panel_iv
from iwm_opts.market.quote_rows import Report
from iwm_opts.risk.assignment import is_assigned_by_quotes
from iwm_opts.sources.daily_quotes import (
    BY_SMILE,
    CARRIED,
    NO_SURFACE,
    QUOTED,
    Candidates,
    Flags,
    Marks,
    PackageQuotes,
    PackageRows,
    Packages,
    Series,
    Terms,
)
from iwm_opts.sources.surface_days import ECHO
from iwm_opts.spreads.entry_rule import EntryRule, wings_of
from iwm_opts.spreads.entry_selection import select_packages

Array = NDArray[np.float64]

SHOWN: Final = 5  # days that a note names
TICK_NOISE: Final = 1e-6  # fraction of a tick that binary arithmetic may miss a decimal price by


@dataclass(frozen=True, eq=False)
class RecordedDays:
    """Recorded chains of one symbol, a capture a day; `recorded_days` reads them.

    Without bars the open, high, low and close of a day are unknown: a touch never counts as met, and what settles on
    the opening print, or on the close of a day that was captured before it, settles at an estimate, counted as one.
    """

    panel: Panel
    implied: PanelTerms
    bars: pd.DataFrame  # open, high, low and close by date, $/share; empty where there are none
    given_dividends: DividendSchedule | None
    max_dte: int  # calendar days to the farthest expiration that an entry may reach
    remarks: tuple[str, ...] = ()
    settling_days: tuple[date, ...] = ()  # sessions after the last capture, with bars alone

    surface_days = None
    companions = None

    @property
    def name(self) -> str:
        """Name in output."""
        return self.panel.name

    @property
    def symbol(self) -> str:
        """Underlying."""
        return self.panel.symbol

    @property
    def provenance(self) -> Provenance:
        """Source of the quotes: the archive and files also hold simulated chains."""
        return self.panel.provenance

    @property
    def days(self) -> tuple[date, ...]:
        """Sessions with a capture, and those after them that settle by their bars."""
        return (*self.panel.dates, *self.settling_days)

    @cached_property
    def digest(self) -> str:
        """Digest of the quotes, the terms that price them and the bars."""
        content = hashlib.sha256(repr((self.panel.roots, self._basis)).encode())
        for name in ARRAYS:
            content.update(np.ascontiguousarray(getattr(self.panel, name)).data)  # no copy of gigabytes
        content.update(self.bars.to_numpy(dtype=np.float64).tobytes())
        return content.hexdigest()

    @property
    def quoted_days(self) -> int:
        """Sessions with a capture."""
        return len(self.panel)

    @property
    def notes(self) -> tuple[str, ...]:
        """Days left out, warnings by kind, sessions without a capture, and unknown prices of the underlying."""
        notes = [*([] if self.provenance.is_real else [ECHO]), *self.panel.notes, *self._warnings(), *self.remarks]
        days = self.panel.dates
        notes += self.panel.quality_summary()
        expected = sessions(days[0], days[-1]).tolist()
        if missing := [str(day) for day in sorted(set(expected) - set(days))]:
            shown = some(missing, SHOWN)
            notes.append(f"{len(missing)} of {len(expected)} sessions without a recorded chain ({shown})")
        if self.settling_days:
            notes.append(f"no chain after {days[-1]}: what expires on {self.settling_days[0]} settles by the bars")
        unknown = [str(day) for day, close in zip(days, self.panel.close, strict=True) if np.isnan(close)]
        if len(unknown) == len(days):
            notes.append("no bars of the underlying: no touch is seen, and settlements are estimated; give `bars`")
        elif unknown:
            notes.append(f"{counted(len(unknown), 'days')} without a bar of the underlying ({some(unknown, SHOWN)})")
        morning = [root for root in self.panel.roots if self.settlement(root).settles_on == "open"]
        if morning:
            price = "the last price known before" if self.bars.empty else "the bars' open"
            notes.append(
                f"{', '.join(morning)} settles on the opening print (SOQ), not recorded here: {price} stands in"
            )
        return tuple(notes)

    def _warnings(self) -> tuple[str, ...]:
        """Warnings that follow from the quotes, one a kind."""
        report, days = Report(), self.panel.day.tolist()
        indices = [iv.warnings(tenor) for tenor, iv in self._indices.items()]
        for warnings in (self.implied.rate_warnings(), *indices):
            for place, text in warnings.items():
                report.warn(days[place], text)
        for place in np.flatnonzero(~self.panel.is_timed).tolist():
            close = f"the quotes carry no time of day: the close of {self.panel.dates[place]} is assumed"
            report.warn(days[place], close)
        if self.given_dividends is None and settlement_of(self.symbol).pays_dividends:
            for day in days:
                report.warn(
                    day, f"dividends of {self.symbol} not given: max_loss leaves out what an early assigned short call "
                    "would owe; give `dividends`",
                )  # fmt: skip
        return report.notes(days[0], days[-1], len(days))

    @property
    def spot(self) -> Array:
        """Price of the underlying at the time of the quotes."""
        return self._with_bars(self.panel.spot, "close")

    @property
    def opened(self) -> Array:
        """Opening prices, from the bars."""
        return self._with_bars(self.panel.open, "open")

    @property
    def high(self) -> Array:
        """Daily highs, from the bars."""
        return self._with_bars(self.panel.high, "high")

    @property
    def low(self) -> Array:
        """Daily lows, from the bars."""
        return self._with_bars(self.panel.low, "low")

    def _with_bars(self, of_panel: Array, column: str) -> Array:
        """Prices of the captured days, and those of the bars of the days behind them."""
        if not self.settling_days:
            return of_panel
        behind = self.bars[column].reindex(pd.DatetimeIndex(list(self.settling_days)))
        return np.concatenate([of_panel, behind.to_numpy(dtype=np.float64)])

    @cached_property
    def dividends(self) -> DividendSchedule:
        """Dividends of the underlying; empty where none are given."""
        return self.given_dividends or DividendSchedule((), "not given")

    def settlement(self, root: str) -> Settlement:
        """Rule of the root."""
        return settlement_of(root)

    def settlement_price(self, series: Series) -> float:
        """Return the open or close of the last session up to the expiration, as its root settles; NaN where unknown.

        A day without a capture still has its bar. Without bars only a capture of the close knows the close.
        """
        day = latest_session(series.expiration)
        column = self.settlement(series.root).settles_on
        if pd.Timestamp(day) in self.bars.index:
            return float(self.bars[column].loc[pd.Timestamp(day)])
        place = int(np.searchsorted(self.panel.day, day.toordinal()))
        is_captured = place < len(self.panel) and self.panel.day[place] == day.toordinal()
        is_close = is_captured and self.panel.is_timed[place] and self.panel.moment[place] == at_close(day).timestamp()
        return float(self.panel.spot[place]) if is_close and column == "close" else math.nan

    def terms(self, place: int, series: Series) -> Terms:
        """Forward by put-call parity, which dividends lower by themselves; NaN where the day's quotes hold none.

        Early exercise is not taken off the quotes, which leaves American forwards up to $0.15 low at two months (see
        `market.forward`).
        """
        is_captured = place < len(self.panel)
        index = self.panel.slice_of(place, series.root, series.expiration.toordinal()) if is_captured else -1
        if index < 0 or math.isnan(self.implied.forward[index]):
            return Terms(math.nan, math.nan, math.nan)
        columns = (self.panel.years, self.implied.forward, self.implied.discount)
        return Terms(*(float(column[index]) for column in columns))

    def surface(self) -> Surface:
        """Empty: quotes are given."""
        return NO_SURFACE

    def entries(self, rule: EntryRule, allowed: Flags | None = None) -> Candidates:
        """Package that the rule picks on each day, where it finds one, from the nearest expiration with a smile.

        Of two expirations as near the earlier one; of two roots on one day the one with the more strikes. Deltas are of
        the vol that an option's own midpoint implies.

        Raises
        ------
        InputError
            When the rule reaches beyond `max_dte`.
        """
        before_last = len(self.panel) - 1
        places = np.arange(before_last) if allowed is None else np.flatnonzero(allowed[:before_last])
        if self.implied.exercise == "european":
            chosen = self._selected(rule, places)
        else:  # American vols take milliseconds a slice
            about = {"rule": repr((rule.strategy, rule.dte, rule.dte_slack, wings_of(rule))), "days": places.tolist()}
            chosen = kept_arrays(self.panel, {**about, **self._basis}, lambda: self._selected(rule, places))
        place, index, strike = (chosen[name] for name in ("place", "index", "strike"))
        series = [self._series(at) for at in index.tolist()]
        none = np.full(len(place), -1, dtype=np.int64)
        offset = np.zeros(len(place) + 1, dtype=np.int64)
        packages = Packages(strike, self.quote)
        return Candidates(place.astype(np.int64), tuple(series), none, offset, np.empty(0), packages)

    def _selected(self, rule: EntryRule, places: Places) -> dict[str, NDArray[Any]]:
        """Day, slice and strikes of the package that the rule picks, on each of some days that have one."""
        near = tuple(sorted({value for at, value in enumerate(wings_of(rule)) if at % 5 in (0, 4) and value == value}))
        index = self._nearest(places, rule.dte, rule.dte_slack, near)
        place, index = places[index >= 0], index[index >= 0]
        delta = self._prices.call_delta, self._prices.put_delta
        spot, stdev = self.panel.spot[place], np.full(len(place), np.nan)
        if "sd" in (rule.put_wing.unit, rule.call_wing.unit):  # a smile takes milliseconds
            tables = [self._prices.table(at) for at in index.tolist()]
            stdev = np.array([math.nan if table is None else table.stdev for table in tables])
        strike, is_whole = select_packages(
            rule, index, self.panel.strike_start, self.panel.strike, self.panel.quotes, delta, spot, stdev
        )
        return {"place": place[is_whole], "index": index[is_whole], "strike": strike[is_whole]}

    def quote(self, rows: PackageRows) -> PackageQuotes:
        """Quotes of package rows, and short legs that are assigned overnight."""
        legs, owner, place, strike = rows.legs, rows.owner, rows.place, rows.strike
        expires = np.array([series.expiration.toordinal() for series in rows.series], dtype=np.int64)[owner]
        index = self._slices(place, expires, [series.root for series in rows.series], owner)
        marks = self._marked(np.tile(index, len(legs)), np.repeat(legs.right, len(place)), strike.ravel())
        origin = marks.origin.reshape(strike.shape)
        carried = (origin == CARRIED).any(axis=0)
        # A package is chosen on quotes, so that the first row of a life is never carried.
        last = np.maximum.accumulate(np.where(carried, 0, np.arange(len(place))))
        bid, ask = (quotes.reshape(strike.shape)[:, last] for quotes in (marks.bid, marks.ask))
        kinds = np.zeros((3, len(place)), dtype=np.int64)
        kinds[state.BY_SMILE] = np.where(carried, 0, (origin == BY_SMILE).sum(axis=0))
        kinds[state.CARRIED] = carried
        ahead = np.append(rows.days.dividend[1:], 0.0) > 0.0
        for j in np.flatnonzero(legs.sign < 0.0):
            right, spot = legs.right[j], self.spot[place]
            in_the_money = (right * (spot - strike[j]) > 0.0) & ((right < 0.0) | ahead[place])
            candidates = np.flatnonzero(in_the_money & rows.is_physical[owner] & ~carried & (index >= 0))
            if len(candidates):
                next_ex = _next_dividend(rows.days, place[candidates], expires[candidates])
                is_assigned = self._is_assigned(
                    index[candidates], right, spot[candidates], strike[j, candidates], *next_ex
                )
                kinds[state.ASSIGNED_BITS, candidates[is_assigned]] |= 1 << int(j)
        return PackageQuotes(bid, ask, kinds)

    def _is_assigned(
        self, index: Places, right: float, spot: Array, strike: Array, next_ex: Array, next_cash: Array
    ) -> Flags:
        """Whether short options of one right are assigned, by the opposite right's midpoint."""
        marks = self._marked(index, np.full(len(index), -right), np.ascontiguousarray(strike))
        bid = np.maximum(marks.bid, 0.0)
        mid = np.where(marks.origin == CARRIED, np.nan, 0.5 * (bid + marks.ask))
        years, discount = self.panel.years[index], self.implied.discount[index]
        prepaid = self.implied.forward[index] * discount
        rate = -np.log(discount) / years
        assigned = is_assigned_by_quotes(right, spot, strike, mid, rate, years, spot - prepaid, next_ex, next_cash, bid)
        is_assigned: Flags = np.asarray(assigned) == 1.0
        return is_assigned

    def iv_history(self, tenor_days: int = IVR_TENOR_DAYS) -> IvHistory:
        """Symbol's own IV10 or IV30, one value a captured day.

        Raises
        ------
        InputError
            When the tenor is neither.
        """
        if tenor_days not in (10, 30):
            raise InputError("ivr_tenor", tenor_days, "not a tenor of recorded chains", "choose 10 or 30")
        if tenor_days not in self._indices:

            def make() -> dict[str, Any]:
                index = panel_iv(self.implied, f"iv{tenor_days}")
                return {"value": index.value, "completeness": index.completeness, "unquoted": index.unquoted}

            about = {"iv": f"iv{tenor_days}", "definition": DEFINITION, **self._basis}
            self._indices[tenor_days] = PanelIv(**kept_arrays(self.panel, about, make))
        values = self._indices[tenor_days].value
        closes = pd.Series(values, index=pd.DatetimeIndex(self.panel.dates, name="date"), dtype=float)
        series = f"{self.symbol} IV{tenor_days}"
        return IvHistory(series, tenor_days, closes, proxy=False, note=f"{series}: {self.symbol}'s own, of {self.name}")

    # Derived from the quotes

    @property
    def _basis(self) -> dict[str, object]:
        """Inputs of vols and indices apart from the quotes."""
        implied = self.implied
        return {
            "rates": np.unique(implied.rate[implied.rate_source == 0]).tolist(),
            "exercise": implied.exercise,
            "dividends": [(str(dividend.ex_date), dividend.amount) for dividend in self.dividends.dividends],
            "is_given": self.given_dividends is not None,
        }

    @cached_property
    def _indices(self) -> dict[int, PanelIv]:
        """IV10 and IV30 as far as they were wanted."""
        return {}

    @cached_property
    def _prices(self) -> PanelPrices:
        return PanelPrices(self.implied)

    def _nearest(self, places: Places, dte: int, slack: int, near: tuple[float, ...] = ()) -> Places:
        """Slice of the expiration nearest to `dte` that draws a smile, on each of some days; -1 for none.

        Its options are priced, American ones about the |delta|s in `near` alone unless that is empty.
        """
        if dte + slack > self.max_dte:
            rule = f"expirations of more than {self.max_dte} days were not read"
            raise InputError("dte", f"{dte} +-{slack}", rule, "choose fewer days, or read with a larger max_dte")
        panel = self.panel
        days, apart = panel.dte, np.abs(panel.dte - dte)
        is_entry = np.zeros(len(panel), dtype=np.bool_)
        is_entry[places] = True
        slices = np.flatnonzero(is_entry[panel.slice_day] & (days > 0) & (apart <= slack))
        by_name = np.argsort(np.argsort(panel.roots))[panel.root[slices]]
        strikes = np.diff(panel.strike_start)[slices]
        slices = slices[np.lexsort((by_name, -strikes, days[slices], apart[slices], panel.slice_day[slices]))]
        nearest = np.full(len(panel), -1, dtype=np.int64)
        while len(slices):  # the first of each day; where it draws no smile, the next
            day, at = np.unique(panel.slice_day[slices], return_index=True)
            priced = self._prices.price(slices[at], near)
            nearest[day[priced]] = slices[at[priced]]
            rest = np.ones(len(slices), dtype=np.bool_)
            rest[at] = False
            slices = slices[rest & (nearest[panel.slice_day[slices]] < 0)]
        return nearest[places]

    def _series(self, index: int) -> Series:
        return Series(self.panel.roots[self.panel.root[index]], date.fromordinal(int(self.panel.expiration[index])))

    def _slices(self, place: Places, expires: Places, roots: Sequence[str], owner: Places) -> Places:
        """Slice of each row of a book; -1 where the day does not list its expiration."""
        names = list(self.panel.roots)
        root = np.array([names.index(name) for name in roots], dtype=np.int64)[owner]
        index = np.full(len(place), -1, dtype=np.int64)
        captured = np.flatnonzero(place < len(self.panel))
        slices = np.empty(len(captured), dtype=np.int64)
        of_captured = place[captured], expires[captured], root[captured], slices
        find_slices(self.panel.day_start, self.panel.expiration, self.panel.root, *of_captured)
        index[captured] = slices
        return index

    def _marked(self, index: Places, right: Array, strike: Array) -> Marks:
        """Quotes of options by slice, and their origin; arrays of shape (n,)."""
        bid, ask = np.empty(len(strike)), np.empty(len(strike))
        quotes_of(self.panel.strike_start, self.panel.strike, *self.panel.quotes, index, right, strike, bid, ask)
        origin = np.where(np.isfinite(bid), QUOTED, CARRIED)
        lost = np.flatnonzero((origin == CARRIED) & (index >= 0))
        for at in np.unique(index[lost]).tolist():
            table = self._prices.table(at)
            if table is not None:
                rows = lost[index[lost] == at]
                tick = self.settlement(table.root).tick
                bid[rows], ask[rows] = smile_quotes(table, right[rows], strike[rows], tick)
                origin[rows] = np.where(np.isfinite(bid[rows]), BY_SMILE, CARRIED)
        return Marks(bid, ask, origin)


def smile_quotes(table: OptionTable, right: Array, strike: Array, tick: float) -> tuple[Array, Array]:
    """Bid and ask of options without a quote of their own.

    The value is that of the smile, at least what immediate exercise pays where that is allowed. Half-spreads are those
    of the strikes of the same right that are quoted, interpolated, and that of the outermost one beyond them. Rounded
    outward to the tick; NaN where the right quotes nothing.
    """
    value = table.smile.value(right, strike)
    if settlement_of(table.root).exercise == "american":
        value = np.maximum(value, right * (table.spot - strike))
    half = np.full(len(strike), np.nan)
    for sign in RIGHT_SIGN.values():
        side = np.flatnonzero((table.right == sign) & np.isfinite(table.bid) & np.isfinite(table.ask))
        if len(side):
            of_side = right == sign
            half[of_side] = np.interp(strike[of_side], table.strike[side], 0.5 * (table.ask - table.bid)[side])
    bid = np.maximum(np.floor((value - half) / tick + TICK_NOISE) * tick, 0.0)
    ask = np.maximum(np.ceil((value + half) / tick - TICK_NOISE) * tick, tick)
    return bid, ask


def _next_dividend(days: Days, place: Places, expires: Places) -> tuple[Array, Array]:
    """Years from the close of days to the next ex-date up to an expiration, and its cash; NaN and 0 without one."""
    ex_places = np.append(np.flatnonzero(days.dividend > 0.0), len(days.dividend))
    ordinal, dividend = np.append(days.ordinal, np.inf), np.append(days.dividend, 0.0)
    following = ex_places[np.searchsorted(ex_places, place, side="right")]
    is_due = ordinal[following] <= expires
    wait = np.where(is_due, ordinal[following] - days.ordinal[place], 0.0) - 1.0 + OVERNIGHT
    return np.where(is_due, wait / DAYS_PER_YEAR, np.nan), np.where(is_due, dividend[following], 0.0)
