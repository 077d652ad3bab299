"""Implied terms of a panel: rates, forwards, IV10, IV30, vols and deltas."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import (
    ASSUMED_RATE,
    CLOSED_DAY_WEIGHT,
    DAYS_PER_YEAR,
    MIN_SESSIONS_FOR_INDEX,
    Exercise,
)
from iwm_opts.errors import DataError
from iwm_opts.kernels.panel.brackets import tenor_brackets
from iwm_opts.kernels.panel.implied_rate import growth_rates, parity_forwards, slope_rates
from iwm_opts.kernels.panel.variance_index import total_variances
from iwm_opts.market.calendar import effective_days_per_year
from iwm_opts.market.contract import settlement_of
from iwm_opts.market.dividends import ONE_YEAR, DividendSchedule
from iwm_opts.market.forward import MAX_RATE_ERROR, all_european_quotes, european_forward, european_forwards
from iwm_opts.market.iv_index import (
    FULL_COMPLETENESS,
    TENORS,
    model_free_variance,
    strip_fault,
)
from iwm_opts.market.option_table import OptionTable, priced_table
from iwm_opts.market.panel import CALL_ASK, CALL_BID, PUT_ASK, PUT_BID, Flags, Panel, Places, gathered
from iwm_opts.market.slices import ExpirySlice, Forward
from iwm_opts.market.snapshot import check_rate
from iwm_opts.market.surface import MIN_QUOTES
from iwm_opts.pricing.american import AmericanQuotes, Quoted, implied_deltas
from iwm_opts.pricing.black import greeks
from iwm_opts.pricing.implied import black_implied_vol
from iwm_opts.pricing.quotes import EuropeanQuotes, QuoteModel

Array = NDArray[np.float64]

GIVEN, IMPLIED, NOT_NEGATIVE, ASSUMED = range(4)  # source of a day's rate
UNPRICED, PRICED, NO_SMILE = 0, 1, -1  # state of a slice
DELTA_SLACK: Final = 0.04  # more than American and European |delta|s of one option differ by, both ways
DEEP_DELTA: Final = 0.7
IV_COLUMNS: Final = ("iv10", "iv30", "iv10_calendar", "iv30_calendar")


class KnownDividends:
    """Dividends as each day knew them: those paid so far, and last year's carried on."""

    def __init__(self, schedule: DividendSchedule | None, until: int) -> None:
        self.schedule, self.until = schedule, date.fromordinal(until) + timedelta(days=1)
        self._of: dict[int, tuple[Places, Array]] = {}

    def of(self, day: int) -> tuple[Places, Array]:
        """Ordinals and amounts of the dividends ahead of a day."""
        if self.schedule is None:
            return np.empty(0, dtype=np.int64), np.empty(0)
        if day not in self._of:
            today = date.fromordinal(day)
            paid = [dividend for dividend in self.schedule.dividends if dividend.ex_date <= today]
            recent = [dividend for dividend in paid if dividend.ex_date >= today - 2 * ONE_YEAR] or paid[-4:]
            ahead = DividendSchedule(tuple(recent), self.schedule.source).projected_to(today, self.until)
            coming = [dividend for dividend in ahead.dividends if dividend.ex_date > today]
            self._of[day] = (
                np.array([dividend.ex_date.toordinal() for dividend in coming], dtype=np.int64),
                np.array([dividend.amount for dividend in coming], dtype=np.float64),
            )
        return self._of[day]

    def flows(self, day: int, expiration: int) -> tuple[tuple[float, float], ...]:
        """Dividends from a day to an expiration as (years ahead, $/share)."""
        ex, amount = self.of(day)
        return tuple(
            ((when - day) / DAYS_PER_YEAR, cash)
            for when, cash in zip(ex.tolist(), amount.tolist(), strict=True)
            if when <= expiration
        )

    def owed(self, panel: Panel) -> Array:
        """Dividends from each slice's day to its expiration, $/share, shape (S,)."""
        total = np.zeros(len(panel.expiration))
        if self.schedule is None:
            return total
        for place, day in enumerate(panel.day.tolist()):
            here = slice(panel.day_start[place], panel.day_start[place + 1])
            ex, amount = self.of(day)
            sums = np.concatenate([[0.0], np.cumsum(amount)])
            total[here] = sums[np.searchsorted(ex, panel.expiration[here], side="right")]
        return total


@dataclass(frozen=True, slots=True, eq=False)
class PanelTerms:
    """Rate of every day, discount and forward of every slice."""

    panel: Panel
    exercise: Exercise
    dividends: KnownDividends
    rate: Array  # continuously compounded, annual, shape (D,)
    implied: Array  # rate that the quotes imply, NaN where none, shape (D,)
    rate_source: Places  # GIVEN, IMPLIED, NOT_NEGATIVE or ASSUMED, shape (D,)
    discount: Array  # shape (S,)
    forward: Array  # $/share, NaN where the quotes imply none, shape (S,)

    def forward_of(self, index: int) -> Forward | None:
        """Forward of one slice; None where its quotes imply none."""
        if math.isnan(self.forward[index]):
            return None
        place = int(np.searchsorted(self.panel.day_start, index, side="right")) - 1
        return Forward(float(self.forward[index]), float(self.discount[index]), float(self.rate[place]), "parity")

    def model(self, index: int) -> QuoteModel:
        """Way from the prices of one slice to vols."""
        return EuropeanQuotes() if self.exercise == "european" else self._american_model(index)

    def american(self, slices: Places) -> tuple[list[int], list[ExpirySlice], list[Forward], list[AmericanQuotes]]:
        """Those of some slices whose quotes imply a forward: places, quotes, forwards, and ways to American vols."""
        forwards = {index: forward for index in slices.tolist() if (forward := self.forward_of(index)) is not None}
        quotes = [self.panel.expiry_slice(index) for index in forwards]
        return list(forwards), quotes, list(forwards.values()), [self._american_model(index) for index in forwards]

    def _american_model(self, index: int) -> AmericanQuotes:
        place = int(np.searchsorted(self.panel.day_start, index, side="right")) - 1
        return AmericanQuotes(self.dividends.flows(int(self.panel.day[place]), int(self.panel.expiration[index])))

    def rate_warnings(self) -> dict[int, str]:
        """Warning of each day whose rate is not implied by its quotes, by place."""
        warnings = {}
        for place in np.flatnonzero(self.rate_source == NOT_NEGATIVE).tolist():
            warnings[place] = (
                f"the chain implies a rate of {self.implied[place]:.2%}: zero taken, no less prices American exercise; "
                "give `rate`"
            )
        for place in np.flatnonzero(self.rate_source == ASSUMED).tolist():
            warnings[place] = (
                f"the chain implies no rate that its quotes agree on: {ASSUMED_RATE:.1%} assumed; give `rate`"
            )
        return warnings


def panel_terms(
    panel: Panel,
    rate: float | None = None,
    dividends: DividendSchedule | None = None,
    exercise: Exercise | None = None,
) -> PanelTerms:
    """Rates, discounts and forwards of a panel, all days at once.

    Parameters
    ----------
    panel : Panel
    rate : float, optional
        Continuously compounded, annual. Unless given, the panel's own where it has one, else implied by each day's
        quotes, else assumed.
    dividends : DividendSchedule, optional
        Each day knows those paid by then, and projects the last year's.
    exercise : {"american", "european"}, optional
        By the rule of the root unless given; quotes of a model are European.

    Raises
    ------
    InputError
        When the rate makes no sense.
    """
    by_rule = settlement_of(panel.roots[panel.root[0]]).exercise
    style: Exercise = exercise or (by_rule if panel.provenance.is_real else "european")
    if rate is not None:
        check_rate(rate, style)
    schedule = KnownDividends(dividends, int(panel.expiration.max()))
    stated = panel.rate if rate is None else np.full(len(panel), rate)
    implied, error = np.full(len(panel), np.nan), np.full(len(panel), np.nan)
    if np.isnan(stated).any():
        count = np.zeros(len(panel), dtype=np.int64)
        if style == "european":
            slope_rates(
                panel.day_start, panel.strike_start, panel.years, panel.strike, *panel.quotes, implied, error, count
            )
        else:
            growth_rates(
                panel.day_start, panel.strike_start, panel.years, schedule.owed(panel), panel.strike, *panel.quotes,
                implied, error, count,
            )  # fmt: skip
        implied[~(error <= MAX_RATE_ERROR)] = np.nan
    source = np.where(np.isfinite(stated), GIVEN, np.where(np.isfinite(implied), IMPLIED, ASSUMED))
    if style == "american":
        source[(source == IMPLIED) & (implied < 0.0)] = NOT_NEGATIVE
    choices = [stated, implied, np.zeros(len(panel)), np.full(len(panel), ASSUMED_RATE)]
    rates = np.choose(source, choices)
    discount = np.exp(-rates[panel.slice_day] * panel.years)
    forward = np.empty(len(panel.expiration))
    parity_forwards(panel.strike_start, panel.strike, *panel.quotes, discount, forward)
    return PanelTerms(panel, style, schedule, rates, implied, source.astype(np.int64), discount, forward)


@dataclass(frozen=True, slots=True, eq=False)
class PanelIv:
    """One implied-volatility index of every day; arrays of shape (D,), NaN where no expirations bracket its tenor."""

    value: Array  # annualised decimal
    completeness: Array  # of the less complete of its two strips, 0 to 1
    unquoted: Places  # options listed at 0/0 within its strips

    def warnings(self, tenor_days: int) -> dict[int, str]:
        """Warning of each day without a value or from an incomplete strip, by place."""
        skipped = f"IV{tenor_days}: quotes of 0/0 within a strip are skipped"
        warnings = dict.fromkeys(np.flatnonzero(self.unquoted).tolist(), skipped)
        for place in np.flatnonzero(self.completeness < FULL_COMPLETENESS).tolist():
            warnings[place] = (
                f"IV{tenor_days}: quotes support {self.completeness[place]:.1%} of the variance of an expiration"
            )
        for place in np.flatnonzero(np.isnan(self.value)).tolist():
            warnings[place] = f"IV{tenor_days}: no expirations bracket {tenor_days} days; none is extrapolated"
        return warnings


def panel_iv(terms: PanelTerms, column: str = "iv10") -> PanelIv:
    """IV10 or IV30 of every day of a panel.

    As `market.iv_index.iv_index` on each day's slices. American quotes are turned into European ones in the slices
    that the index rests on.

    Parameters
    ----------
    terms : PanelTerms
    column : str
        One of IV_COLUMNS: the tenor, on the effective or on the calendar clock.

    Returns
    -------
    PanelIv
    """
    panel = terms.panel
    count = len(panel.expiration)
    variance, completeness = np.empty(count), np.empty(count)
    puts, calls, unquoted = (np.empty(count, dtype=np.int64) for _ in range(3))
    total_variances(
        panel.strike_start, panel.strike, panel.quotes, terms.forward, terms.discount, variance, puts, calls, unquoted,
        completeness,
    )  # fmt: skip
    for index in np.flatnonzero(np.isfinite(variance)).tolist():
        if strip_fault(variance[index], int(puts[index]), int(calls[index]), float(completeness[index])):
            variance[index] = np.nan
    variance[panel.sessions_left < MIN_SESSIONS_FOR_INDEX] = np.nan
    tenor = _tenor(panel, column)
    if terms.exercise == "american":
        nearest = np.unique(_brackets(panel, tenor, variance, puts + calls))
        read, slices, forwards, models = terms.american(nearest[nearest >= 0])
        for index, european in zip(read, all_european_quotes(slices, forwards, models), strict=True):
            strip = model_free_variance(*european)
            variance[index] = strip.total_variance
            puts[index], calls[index], completeness[index] = strip.puts, strip.calls, strip.completeness
    near, far = _brackets(panel, tenor, variance, puts + calls)
    gap = tenor.clock[far] - tenor.clock[near]
    share = np.where(gap > 0.0, (tenor.target - tenor.clock[near]) / np.where(gap > 0.0, gap, 1.0), 0.0)
    total = variance[near] + share * (variance[far] - variance[near])
    is_known = near >= 0
    value = np.sqrt(np.where(is_known, total, np.nan) * DAYS_PER_YEAR / tenor.days)
    least = np.where(is_known, np.fmin(completeness[near], completeness[far]), np.nan)
    return PanelIv(value, least, np.where(is_known, np.maximum(unquoted[near], unquoted[far]), 0))


class _Tenor(NamedTuple):
    days: int  # calendar days
    clock: Array  # days to each slice's expiry, shape (S,)
    target: float  # on that clock


def _tenor(panel: Panel, column: str) -> _Tenor:
    place = IV_COLUMNS.index(column)
    days = TENORS[place % len(TENORS)]
    if place < len(TENORS):
        return _Tenor(days, panel.effective_days, days * effective_days_per_year(CLOSED_DAY_WEIGHT) / DAYS_PER_YEAR)
    return _Tenor(days, panel.years * DAYS_PER_YEAR, float(days))


def _brackets(panel: Panel, tenor: _Tenor, variance: Array, options: Places) -> tuple[Places, Places]:
    """Slices on either side of a tenor on every day, -1 where there are none."""
    near, far = (np.empty(len(panel), dtype=np.int64) for _ in range(2))
    tenor_brackets(panel.day_start, panel.years, tenor.clock, variance, options, tenor.target, near, far)
    return near, far


@dataclass(slots=True, eq=False)
class PanelPrices:
    """Deltas of the slices that a decision reads, priced when first needed."""

    terms: PanelTerms
    state: Places = field(init=False)  # UNPRICED, PRICED or NO_SMILE, shape (S,)
    call_delta: Array = field(init=False)  # NaN where no vol is implied, shape (N,)
    put_delta: Array = field(init=False)
    tables: dict[int, OptionTable | None] = field(default_factory=dict)
    near: dict[int, tuple[float, ...]] = field(default_factory=dict)  # |delta|s about which a slice is priced

    def __post_init__(self) -> None:
        panel = self.terms.panel
        self.state = np.zeros(len(panel.expiration), dtype=np.int64)
        self.call_delta, self.put_delta = (np.empty(len(panel.strike)) for _ in range(2))

    def price(self, slices: Places, near: tuple[float, ...] = ()) -> Flags:
        """Price some slices; which of them have a smile.

        Parameters
        ----------
        slices : ndarray of int
        near : tuple of float
            |delta|s about which American options are priced, the others left NaN; empty prices all. European ones
            always are.
        """
        if self.terms.exercise == "european":
            new = np.unique(slices[self.state[slices] == UNPRICED])
            if len(new):
                self._price_european(new)
        else:
            self._price_american(
                [
                    index
                    for index in np.unique(slices).tolist()
                    if self.state[index] == UNPRICED or (self.near.get(index, ()) and self.near[index] != near)
                ],
                near,
            )
        return np.asarray(self.state[slices] == PRICED)

    def table(self, index: int) -> OptionTable | None:
        """Options of one slice with their smile; None where its quotes draw none."""
        if index not in self.tables:
            self.tables[index] = None
            forward, panel = self._forward(index), self.terms.panel
            if forward is not None:
                spot = float(panel.spot[int(np.searchsorted(panel.day_start, index, side="right")) - 1])
                with suppress(DataError):
                    self.tables[index] = priced_table(spot, panel.expiry_slice(index), forward, self.terms.model(index))
        return self.tables[index]

    def _forward(self, index: int) -> Forward | None:
        """Forward of one slice, early exercise taken off; None where its quotes imply none."""
        forward = self.terms.forward_of(index)
        if forward is None or self.terms.exercise == "european":
            return forward
        try:
            return european_forward(self.terms.panel.expiry_slice(index), forward, self.terms.model(index))
        except DataError:
            return None

    def _price_european(self, slices: Places) -> None:
        panel, terms = self.terms.panel, self.terms
        rows, _ = gathered(panel.strike_start, slices)
        index = np.repeat(slices, panel.strike_start[slices + 1] - panel.strike_start[slices])
        forward, discount, years = terms.forward[index], terms.discount[index], panel.years[index]
        rate, strike = terms.rate[panel.slice_day[index]], panel.strike[rows]
        usable = np.zeros(len(rows), dtype=np.bool_)
        sides = ((1.0, CALL_BID, CALL_ASK, self.call_delta), (-1.0, PUT_BID, PUT_ASK, self.put_delta))
        for sign, bid, ask, delta in sides:
            mid = 0.5 * (panel.quotes[bid, rows] + panel.quotes[ask, rows])
            delta[rows], is_vol = _european_deltas(sign, mid, forward, strike, years, discount, rate)
            usable |= is_vol & ((strike < forward) == (sign < 0.0))
        place = np.searchsorted(slices, index)
        self.state[slices] = np.where(np.bincount(place[usable], minlength=len(slices)) >= MIN_QUOTES, PRICED, NO_SMILE)

    def _price_american(self, indices: list[int], near: tuple[float, ...]) -> None:
        """Deltas of some slices: of all options, or of those whose European delta is about one wanted."""
        start = self.terms.panel.strike_start
        for index in indices:
            rows = slice(start[index], start[index + 1])
            self.put_delta[rows] = self.call_delta[rows] = np.nan
            self.state[index], self.near[index] = NO_SMILE, near
            table = None if near else self.table(index)
            if table is not None:
                self.state[index] = PRICED
                self.put_delta[rows], self.call_delta[rows] = np.split(table.delta, 2)
        if not near:
            return
        read, slices, forwards, models = self.terms.american(np.array(indices, dtype=np.int64))
        european = european_forwards(slices, forwards, models)
        priced = [
            (index, quotes, forward, model)
            for index, quotes, forward, model in zip(read, slices, european, models, strict=True)
            if forward is not None
        ]
        quoted, rows_of = [], []
        wanted = wanted_places([entry[1] for entry in priced], [entry[2] for entry in priced], near)
        for (index, quotes, forward, model), chosen in zip(priced, wanted, strict=True):
            if chosen is not None:
                puts, calls = chosen
                right = np.repeat([-1.0, 1.0], [len(puts), len(calls)])
                mid = np.concatenate([quotes.put_mid[puts], quotes.call_mid[calls]])
                strike = np.concatenate([quotes.strike[puts], quotes.strike[calls]])
                self.state[index] = PRICED
                quoted.append(Quoted(model, right, mid, strike, quotes.years, forward))
                rows_of.append((start[index] + puts, start[index] + calls))
        for deltas, (puts, calls) in zip(implied_deltas(quoted), rows_of, strict=True):
            self.put_delta[puts], self.call_delta[calls] = deltas[: len(puts)], deltas[len(puts) :]


def wanted_places(
    slices: Sequence[ExpirySlice], forwards: Sequence[Forward], near: tuple[float, ...]
) -> list[tuple[Places, Places] | None]:
    """Places of the puts and calls of each slice that may have a wanted |delta|; None where too few draw a smile."""
    if not slices:
        return []
    counts = [len(quotes.strike) for quotes in slices]
    price, discount, rate = (
        np.repeat([getattr(forward, name) for forward in forwards], counts) for name in ("price", "discount", "rate")
    )
    strike, ends = np.concatenate([quotes.strike for quotes in slices]), np.cumsum(counts)[:-1]
    years = np.repeat([quotes.years for quotes in slices], counts)
    usable, places = np.zeros(len(slices), dtype=np.int64), []
    for sign, mids in ((-1.0, [q.put_mid for q in slices]), (1.0, [q.call_mid for q in slices])):
        delta, is_vol = _european_deltas(sign, np.concatenate(mids), price, strike, years, discount, rate)
        is_outside = np.split(is_vol & ((strike < price) == (sign < 0.0)), ends)
        usable += [int(outside.sum()) for outside in is_outside]
        of_slices = zip(np.split(np.abs(delta), ends), mids, strict=True)
        places.append([places_about(deltas, np.isfinite(mid), near) for deltas, mid in of_slices])
    enough = (usable >= MIN_QUOTES).tolist()
    return [(puts, calls) if is_enough else None for puts, calls, is_enough in zip(*places, enough, strict=True)]


def _european_deltas(
    sign: float, mid: Array, forward: Array, strike: Array, years: Array, discount: Array, rate: Array
) -> tuple[Array, Flags]:
    """Deltas of options of one right as Europeans, and which imply a vol with vega; arrays of shape (n,)."""
    iv = np.asarray(black_implied_vol(sign, mid, forward, strike, years, discount=discount))
    sensitivities = greeks(sign, forward * discount, strike, years, rate, iv)
    return np.asarray(sensitivities.delta), np.isfinite(iv) & (np.asarray(sensitivities.vega) > 0.0)


def places_about(delta: Array, is_quoted: Flags, near: tuple[float, ...]) -> Places:
    """Places of the options whose American |delta| may be the nearest to one wanted, by their European one."""
    is_near = np.zeros(len(delta), dtype=np.bool_)
    for level in near:
        miss = np.abs(delta - level)
        least = np.nanmin(miss, initial=np.inf)
        is_near |= miss <= least + DELTA_SLACK
        if level > DEEP_DELTA:  # below European value in the money: no vol, and exercised soon
            is_near |= np.isnan(delta) & is_quoted
    return np.flatnonzero(is_near)
