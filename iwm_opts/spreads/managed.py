"""Managed expectancy: profit target, stop and DTE exit of a package on paths of price and implied variance.

Paths start from the chain: the smile of the expiration, kept in standard deviations; the variance of each session, from
the term structure between IV10 and IV30; realised variance at the real-world ratio. The level of implied variance
reverts and falls with rising prices as RVX did.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import (
    DAYS_PER_YEAR,
    MULTIPLIER,
    REALISED_IMPLIED_VARIANCE,
    REALISED_IMPLIED_VARIANCE_INTERVAL,
    STRATEGY,
    TICK,
)
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fees import FeeSchedule, premium_sold
from iwm_opts.execution.fills import FillModel
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.backtest.codes import EXPIRY, PROFIT, STOP
from iwm_opts.kernels.trading import managed
from iwm_opts.market.calendar import effective_days, effective_days_per_year, sessions, years_to_expiry
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.spreads.analysis import Analysis
from iwm_opts.spreads.typed import TypedLeg, legs_of, row_of

Array = NDArray[np.float64]

PATHS: Final = 2_000  # half of them mirrored: standard error of a probability about a point
# Next to the ratio's interval, the largest misses of a decile (`examples/managed_calibration.py`): of P50 over 6,324
# simulated entries, of the expected profit over 6,814 others, as a fraction of the credit.
MODEL_ERROR: Final = 0.105
PROFIT_ERROR: Final = 0.05
SEED: Final = 17
# RVX 2009-2025: autocorrelation of log IV30 at 5 sessions 0.912; its daily change has sd 0.060, correlation with the
# return -0.73. Variance moves twice as much, and the level more than its mean over 21 sessions.
REVERSION: Final = -math.log(0.912) / 5.0  # a session
LEVEL_VOL: Final = 2.0 * 0.060 * 21.0 * REVERSION / -math.expm1(-21.0 * REVERSION)  # a session
LEVEL_CORRELATION: Final = -0.73
# Of the log ratio of realised to implied variance, at an unchanged mean: its mean is 0.81, its median 0.79^2.
RATIO_SPREAD: Final = 0.5
FREEDOM: Final = 6.0  # degrees of Student's t: excess kurtosis 3 of returns over their own vol
SCALES: Final = (0.5, 2.0)  # of a package that changes its sign no mean is a measure
REACH: Final = 12.0  # standard deviations of the smile's table
NODES: Final = 961
STOP_FILL: Final = FillModel.parse(STRATEGY.stop_fill)
METHOD: Final = (
    f"{PATHS:,} paths under the smile's own dynamics: smile kept in standard deviations, level of implied variance as "
    "RVX 2009-2025"
)


@dataclass(frozen=True, slots=True)
class Managed:
    """Expectancy of one package under its own exits; the intervals span the variance ratio's and the model's error."""

    prob_target: float  # P50: the profit target is reached before stop, DTE exit and expiry
    prob_target_interval: tuple[float, float]
    prob_stop: float
    days_held: float  # calendar days, mean
    expected_profit: float  # dollars a package, after fills and fees both ways
    expected_profit_interval: tuple[float, float]
    error: float  # standard error of expected_profit by simulation, dollars


@dataclass(frozen=True, slots=True)
class ManagedTerms:
    """Exits and costs that packages are managed by."""

    exits: ExitLevels
    fill: FillModel  # of exits
    fees: FeeSchedule
    variance_ratio: float = REALISED_IMPLIED_VARIANCE
    stop_fill: FillModel = STOP_FILL

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Realised over implied variance: the ratio and the ends of its interval."""
        low, high = (end / REALISED_IMPLIED_VARIANCE for end in REALISED_IMPLIED_VARIANCE_INTERVAL)
        return self.variance_ratio, self.variance_ratio * low, self.variance_ratio * high


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """Packages of one kind at the quotes of an expiration; arrays of shape (n, legs) or (n,), dollars a share."""

    legs: Legs
    strike: Array
    iv: Array
    bid: Array
    ask: Array
    credit: Array  # at the entry; a debit negative
    fees: Array  # paid to open, dollars a package


@dataclass(frozen=True, slots=True, eq=False)
class SessionCurve:
    """Closes ahead of an expiration, and the variance to each; arrays of shape (sessions,)."""

    days_left: Array  # calendar days
    days_held: Array
    years_left: Array
    elapsed: Array  # share of the total variance that has passed, 0 to 1


class PathModel:
    """Paths from one expiration of a chain, shared by all packages on it.

    Parameters
    ----------
    table : OptionTable
    moment : datetime
        Aware time of the quotes.
    iv10, iv30 : float
        Of the chain; NaN for a flat term structure.
    """

    def __init__(self, table: OptionTable, moment: datetime, iv10: float, iv30: float) -> None:
        self.table = table
        self.curve = session_curve(moment, table.expiration, iv10, iv30)
        smile = table.smile
        self.stdev = float(smile.total_stdev(smile.forward)[0][0])
        self.nodes = np.linspace(-REACH, REACH, NODES)
        self.strikes = smile.forward * np.exp(self.nodes * self.stdev)
        self.smile = smile.total_stdev(self.strikes)[0] / self.stdev
        self._paths: dict[tuple[float, int, float], tuple[Array, Array]] = {}
        self._scales: dict[tuple[int, bytes], Array] = {}

    @property
    def total_variance(self) -> float:
        """Model-free variance to expiry: out-of-the-money options over squared strikes (Carr and Madan 1998)."""
        smile, strikes = self.table.smile, self.strikes
        right = np.where(strikes < smile.forward, -1.0, 1.0)
        density = smile.value(right, strikes) / strikes  # dK / K^2 in steps of log strike
        return float(2.0 / smile.discount * np.trapezoid(density, np.log(strikes)))

    def outlook(self, position: Position, terms: ManagedTerms) -> list[Managed]:
        """Compute the expectancy of each package."""
        central, low, high = (self.figures(position, terms, ratio) for ratio in terms.ratios)
        outlooks = []
        for i in range(len(position.strike)):
            target, stop, days, profit, error = (float(column[i]) for column in central)
            targets, profits = ([figures[which][i] for figures in (low, central, high)] for which in (0, 3))
            low_target, high_target = _span(targets)
            span = max(low_target - MODEL_ERROR, 0.0), min(high_target + MODEL_ERROR, 1.0)
            low_profit, high_profit = _span(profits)
            miss = PROFIT_ERROR * MULTIPLIER * abs(float(position.credit[i]))
            band = low_profit - miss, high_profit + miss
            outlooks.append(Managed(target, span, stop, days, profit, band, error))
        return outlooks

    def figures(self, position: Position, terms: ManagedTerms, ratio: float) -> tuple[Array, ...]:
        """Probabilities of target and stop, days held, expected profit and its error; shape (n,) each."""
        n, exits = len(position.strike), terms.exits
        late = np.flatnonzero(self.curve.days_left <= (exits.dte or 0))
        last = int(late[0]) + 1 if len(late) else len(self.curve.days_left)  # sessions until the DTE exit, or expiry
        log_forward, level = self._walk(ratio, last)
        days = self._days(last)
        end, debit = np.empty((2, PATHS), dtype=np.int64), np.empty(PATHS)
        reason, held = end[managed.WHY], end[managed.AFTER]
        figures = np.empty((5, n))
        legs = position.legs
        for i in range(n):
            at = self._legs(position, i)
            credit = float(position.credit[i])
            target, stop = exits.profit_level(is_credit=credit > 0.0), exits.stop_level(is_credit=credit > 0.0)
            levels = (target, stop, exits.dte, exits.sessions)
            numbers = np.array(
                [credit, *(math.nan if level is None else float(level) for level in levels),
                 *exit_share(terms.fill, len(legs)), terms.stop_fill.share(len(legs)),
                 terms.fees.exercise / MULTIPLIER]
            )  # fmt: skip
            managed.outcomes(
                log_forward, level, days, self.smile, REACH, self.table.forward.price, self.stdev, at, numbers,
                self._scale(at, last, days), end, debit,
            )  # fmt: skip
            sold = float((at[managed.PRICE] * legs.ratio)[legs.sign > 0.0].sum())
            closing = np.where(reason == EXPIRY, 0.0, float(terms.fees.closing_fees(legs, 1, sold)))
            profit = MULTIPLIER * (credit - debit) - position.fees[i] - closing
            half = 0.5 * (profit[: PATHS // 2] + profit[PATHS // 2 :])  # mirrored pairs are one draw
            figures[:, i] = (
                np.mean(reason == PROFIT), np.mean(reason == STOP), self.curve.days_held[held - 1].mean(),
                profit.mean(), half.std() / math.sqrt(len(half)),
            )  # fmt: skip
        return tuple(figures)

    def _legs(self, position: Position, i: int) -> Array:
        """Rows of one package as the kernel reads them."""
        strike, iv = position.strike[i], position.iv[i]
        at_smile = self.table.smile.total_stdev(strike)[0]
        mid = 0.5 * (position.bid[i] + position.ask[i])
        half = 0.5 * (position.ask[i] - position.bid[i])
        legs = position.legs
        ratio = iv * math.sqrt(self.table.years) / at_smile
        return np.ascontiguousarray(np.stack([strike, legs.right, legs.contracts, ratio, mid, half]))

    def _scale(self, at: Array, last: int, days: Array) -> Array:
        """Today's cost, carried at the rate, over the mean cost under the pricing measure; shape (last,)."""
        key = (last, at.tobytes())
        if key in self._scales:
            return self._scales[key]
        mean = np.empty(last)
        log_forward, level = self._walk(1.0, last, spread=0.0)
        terms = (days, self.smile, REACH, self.table.forward.price, self.stdev, at)
        managed.mean_costs(log_forward, level, *terms, mean)
        today = -float((at[managed.CONTRACTS] * at[managed.PRICE]).sum())
        grown = np.exp(self.table.forward.rate * (self.table.years - self.curve.years_left[:last]))
        self._scales[key] = np.asarray(np.clip(today * grown / mean, *SCALES))
        return self._scales[key]

    def _days(self, last: int) -> Array:
        curve = self.curve
        remaining = 1.0 - curve.elapsed[:last]
        remaining[curve.days_left[:last] == 0.0] = 0.0
        number = np.arange(1, last + 1)
        ahead = np.maximum(len(curve.days_left) - number, 1) * REVERSION
        loading = -np.expm1(-ahead) / ahead
        keep = math.exp(-REVERSION)
        spread = LEVEL_VOL**2 * (1.0 - keep ** (2 * number)) / (1.0 - keep**2)
        discount = np.exp(-self.table.forward.rate * curve.years_left[:last])
        return np.ascontiguousarray(
            np.stack([remaining, loading, 0.5 * loading**2 * spread, curve.days_left[:last], discount])
        )

    def _walk(self, ratio: float, last: int, spread: float = RATIO_SPREAD) -> tuple[Array, Array]:
        """Paths at a mean ratio of realised to implied variance; `spread` is the sd of its logarithm."""
        key = (ratio, last, spread)
        if key not in self._paths:
            generator = np.random.Generator(np.random.PCG64(SEED))
            half = PATHS // 2  # each half of the shocks mirrored in the other
            z = generator.standard_t(FREEDOM, (half, last)) * math.sqrt((FREEDOM - 2.0) / FREEDOM)
            level = generator.standard_normal((half, last))
            scatter = np.tile(generator.standard_normal(half), 2)
            shocks, level_shocks = np.concatenate([z, -z]), np.concatenate([level, -level])
            variance = self.total_variance * np.diff(self.curve.elapsed[:last], prepend=0.0)
            out = np.empty((PATHS, last)), np.empty((PATHS, last))
            keep = math.exp(-REVERSION)
            ratios = ratio * np.exp(spread * scatter - 0.5 * spread**2)
            managed.walk(shocks, level_shocks, variance, ratios, keep, LEVEL_VOL, LEVEL_CORRELATION, *out)
            self._paths[key] = out
        return self._paths[key]


def positions_of(table: OptionTable, analysis: Analysis, places: Sequence[int] | NDArray[np.intp]) -> Position:
    """Select packages of an analysis, entered at their fills."""
    index = analysis.packages.index[places]
    quotes = (table.strike[index], table.iv[index], table.bid[index], table.ask[index])
    return Position(analysis.packages.legs, *quotes, analysis.fills.price[places], analysis.fees[places])


def position_of(table: OptionTable, typed: Sequence[TypedLeg], credit: float, fees: FeeSchedule) -> Position:
    """One package of typed legs at the quotes of an expiration, entered at `credit` ($/share)."""
    ordered = sorted(typed, key=lambda leg: leg.strike)
    legs, rows = legs_of(ordered), np.array([row_of(leg, table) for leg in ordered])
    bid, ask = table.bid[rows], table.ask[rows]
    paid = float(fees.opening_fees(legs, 1, float(premium_sold(legs, bid, ask))))
    strike, iv, bids, asks = (column[None, :] for column in (table.strike[rows], table.iv[rows], bid, ask))
    return Position(legs, strike, iv, bids, asks, np.array([credit]), np.array([paid]))


def path_model(table: OptionTable, snapshot: Snapshot) -> PathModel | None:
    """Paths from one expiration of a snapshot; None where no session lies ahead of it."""
    if table.dte < 1:
        return None
    return PathModel(table, snapshot.chain.moment, snapshot.iv.iv10, snapshot.iv.iv30)


def session_curve(moment: datetime, expiration: date, iv10: float, iv30: float) -> SessionCurve:
    """List the closes after a moment up to an expiration, and how variance accrues to them.

    Variance accrues on the effective clock at the rate of IV10 for 10 calendar days, and after them at the forward
    rate between 10 and 30 days; at one rate where either is unknown.
    """
    today = moment.date()
    closes = [day.astype(object) for day in sessions(today, expiration) if day.astype(object) > today]
    dtes = np.array([float((expiration - day).days) for day in closes])
    clock = effective_days(moment, closes)
    years = years_to_expiry(moment, [*closes, expiration])
    turn = 10.0 * effective_days_per_year() / DAYS_PER_YEAR
    near, far = 1.0, 1.0
    if iv10 > 0.0 and iv30 > 0.0:
        forward = (30.0 * iv30**2 - 10.0 * iv10**2) / 20.0
        near, far = iv10**2, max(forward, 0.25 * iv30**2)
    variance = near * np.minimum(clock, turn) + far * np.maximum(clock - turn, 0.0)
    return SessionCurve(dtes, float((expiration - today).days) - dtes, years[-1] - years[:-1], variance / variance[-1])


def exit_share(fill: FillModel, legs: int) -> tuple[float, float]:
    """Offset of a closing fill as a share of the summed half-spread, and its least, dollars a share."""
    return fill.share(legs), TICK if fill.kind == "fraction" else 0.0


def _span(values: Sequence[float]) -> tuple[float, float]:
    return float(min(values)), float(max(values))
