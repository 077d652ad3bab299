"""Early assignment of short options: when the holder's exercise pays, and what that costs whoever is short.

A call is exercised on the eve of an ex-date, when its exercise value is above its value without the dividend; a
put at and below the boundary of the American put, for the interest on the strike. Two common rules fire too early: an
extrinsic value below the dividend (the call keeps its put and the interest on the strike), and a European put worth
less than its exercise value (waiting may still pay).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import DAYS_PER_YEAR, MULTIPLIER
from iwm_opts.errors import InputError
from iwm_opts.kernels.trading import assignment
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.pricing._broadcast import Values, evaluate
from iwm_opts.pricing.american import american_boundary

EVE = 8.0 / 24.0 / DAYS_PER_YEAR  # from the close of the eve, the last moment of exercise, to the ex-date's midnight

Array = NDArray[np.float64]
CashDividend = tuple[float, float, date]  # years from now, dollars a share, ex-date


@dataclass(frozen=True, slots=True)
class AssignmentDate:
    """An ex-date before expiry and the spot from which a short option is assigned about it."""

    ex_date: date
    dividend: float  # dollars a share
    # Call: spot on the eve at and above which exercise pays. Put: spot on the ex-date, the dividend gone, at and below
    # which it pays, for on the eve the holder waits for the drop. NaN where it pays at no spot.
    boundary: float
    cost: float  # dollars a contract: dividend owed on the shares short (calls) and the exercise fee


@dataclass(frozen=True, slots=True)
class AssignmentRisk:
    """Early assignment of one short option."""

    right: float  # +1 call, -1 put
    strike: float
    boundary_today: float  # of a put: spot at and below which exercise pays today; NaN where none, and for a call
    dates: tuple[AssignmentDate, ...]  # in order

    def pays_today(self, spot: float) -> bool:
        """Whether a put's holder gains by exercise now; for a call see `ShortOption.pays_today`."""
        return spot <= self.boundary_today

    @property
    def worst_cost(self) -> float:
        """Dollars a contract at the dearest ex-date at which assignment can pay, 0 without one."""
        return max((d.cost for d in self.dates if not math.isnan(d.boundary)), default=0.0)


def assignment_risks(
    right: ArrayLike,
    strike: ArrayLike,
    iv: ArrayLike,
    spot: float,
    rate: float,
    t: float,
    dividends: Iterable[CashDividend] = (),
    exercise_fee: float = 0.0,
) -> list[AssignmentRisk]:
    """When short options of one expiration are assigned early, and what that costs.

    Parameters
    ----------
    right : array_like, shape (n,)
        +1 call, -1 put.
    strike, iv : array_like, shape (n,)
        Dollars a share; annualised decimal. Boundaries are NaN where the iv is.
    spot : float
        Dollars a share, now.
    rate : float
        Continuously compounded, annual, not negative.
    t : float
        Years to expiry.
    dividends : iterable of (years, cash, ex_date)
        Those at or before now and after expiry are left out.
    exercise_fee : float
        Dollars a contract.

    Raises
    ------
    InputError
        When strike, iv and right differ in length, or as for `iwm_opts.american_price`.
    """
    rights, strikes, vols = (np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in (right, strike, iv))
    if not rights.shape == strikes.shape == vols.shape or rights.ndim != 1:
        raise InputError("strike", strikes.shape, "right, strike and iv need one length")
    ahead = sorted((d for d in dividends if 0.0 < d[0] <= t), key=lambda d: d[0])
    today = np.where(rights < 0.0, _boundaries(rights, strikes, vols, rate, t, ahead, 0.0, spot), np.nan)
    on_dates = [_on_date(rights, strikes, vols, rate, t, ahead, k) for k in range(len(ahead))]
    risks = []
    for i in range(len(rights)):
        short = rights[i] > 0.0
        dates = tuple(
            AssignmentDate(day, cash, float(value[i]), MULTIPLIER * cash * short + exercise_fee)
            for (_, cash, day), value in zip(ahead, on_dates, strict=True)
        )
        risks.append(AssignmentRisk(float(rights[i]), float(strikes[i]), float(today[i]), dates))
    return risks


@dataclass(frozen=True, slots=True)
class ShortOption:
    """Early assignment of one short option of a chain: by its vol, and by the quotes of the other right."""

    risk: AssignmentRisk
    opposite_mid: float  # of the other right at the strike, dollars a share; NaN without a two-sided quote
    # 1 where exercise pays by the quotes alone, 0 where not, NaN where they do not say: of a put now; of a call were
    # the next ex-date tomorrow, at today's quotes, and NaN without one.
    pays_by_quotes: float
    spot: float
    day: date  # of the quotes

    @property
    def next_date(self) -> AssignmentDate | None:
        """Ex-date of a call whose last session of exercise is today; None otherwise."""
        first = next(iter(self.risk.dates), None)
        is_call = self.risk.right > 0.0
        return first if is_call and first is not None and eve_of(first.ex_date) == latest_session(self.day) else None

    @property
    def boundary_now(self) -> float:
        """Spot from which exercise pays today; NaN where it pays at none, or the vol is unknown."""
        if self.risk.right < 0.0:
            return self.risk.boundary_today
        return math.nan if self.next_date is None else self.next_date.boundary

    @property
    def pays_today(self) -> bool:
        """Whether the holder gains by exercise today, so that assignment is expected tonight.

        At the boundary; without one by the quotes of the other right.
        """
        if not math.isnan(self.boundary_now):
            return self.risk.right * (self.spot - self.boundary_now) >= 0.0
        is_asked = self.risk.right < 0.0 or self.next_date is not None
        return is_asked and self.pays_by_quotes == 1.0


def eve_of(ex_date: date) -> date:
    """Last session before an ex-date, on which a call is exercised for the dividend."""
    return latest_session(ex_date - timedelta(days=1))


def short_options(
    snapshot: Snapshot,
    expiration: date,
    rate: float,
    years: float,
    options: tuple[ArrayLike, ArrayLike, ArrayLike],
    exercise_fee: float,
) -> list[ShortOption]:
    """Early assignment of short options of one expiration of a chain of American exercise.

    Parameters
    ----------
    snapshot : Snapshot
    expiration : date
    rate, years : float
        Continuously compounded, annual; to expiry.
    options : (right, strike, iv)
        Each of shape (n,); see `assignment_risks`.
    exercise_fee : float
        Dollars a contract.
    """
    right, strike, _ = (np.atleast_1d(np.asarray(column, dtype=np.float64)) for column in options)
    spot, flows = snapshot.chain.spot, snapshot.cash_flows(expiration)
    due = snapshot.dividends_until(expiration)
    dividends = [(when, cash, payment.ex_date) for (when, cash), payment in zip(flows, due, strict=True)]
    risks = assignment_risks(*options, spot, rate, years, dividends, exercise_fee)
    bids, mids = zip(*(_opposite(snapshot, expiration, *leg) for leg in zip(right, strike, strict=True)), strict=True)
    worth = sum(cash * math.exp(-rate * when) for when, cash in flows if when <= years)
    next_ex, next_cash = min((flow for flow in flows if flow[0] <= years), default=(math.nan, 0.0))
    pays = is_assigned_by_quotes(right, spot, strike, mids, rate, years, worth, next_ex, next_cash, bids)
    value = np.where((right < 0.0) | (worth > 0.0), pays, math.nan)
    return [
        ShortOption(risk, float(mid), float(answer), spot, snapshot.chain.as_of)
        for risk, mid, answer in zip(risks, mids, value, strict=True)
    ]


def _opposite(snapshot: Snapshot, expiration: date, right: float, strike: float) -> tuple[float, float]:
    """Bid and midpoint of the other right at a strike and expiration, of the root that lists most strikes."""
    listed = [quotes for quotes in snapshot.slices if quotes.expiration == expiration]
    quotes = max(listed, key=lambda quotes: len(quotes.strike))
    bid, mid = (quotes.put_bid, quotes.put_mid) if right > 0.0 else (quotes.call_bid, quotes.call_mid)
    here = np.flatnonzero(np.isclose(quotes.strike, strike))
    return (float(bid[here[0]]), float(mid[here[0]])) if here.size else (math.nan, math.nan)


def is_assigned_by_quotes(
    right: Any,
    spot: ArrayLike,
    strike: ArrayLike,
    opposite_mid: ArrayLike,
    rate: ArrayLike,
    t: ArrayLike,
    dividend_value: ArrayLike,
    next_ex: ArrayLike = math.nan,
    next_cash: ArrayLike = 0.0,
    opposite_bid: ArrayLike = math.inf,
) -> Values:
    """Whether short options are assigned, by the option of the other right at their strike.

    A call is to be asked about on the eve of an ex-date alone: on any other day, held on, it is worth more than
    exercised (Merton 1973). A put is exercised on any day, at the American boundary at the vol that the call implies.
    All arguments broadcast, so that one call answers for every leg on every day of a backtest.

    Parameters
    ----------
    right : str or number, or array_like of them
        "C" or "P", or +1 for a call and -1 for a put.
    spot, strike : array_like
        Dollars a share; of a call on the eve, with the dividend still in the spot.
    opposite_mid : array_like
        Midpoint of the other right at the same strike and expiration, dollars a share; NaN without one.
    rate, t : array_like
        Continuously compounded, annual decimal; years to expiry.
    dividend_value : array_like
        Present value of the dividends before expiry, tomorrow's included, dollars a share.
    next_ex, next_cash : array_like
        For puts: years to the next ex-date before expiry, NaN without one, and its dividend, dollars a share.
    opposite_bid : array_like
        Of a put's call, dollars a share. Without a bid its midpoint implies no vol: the interest must be above it.

    Returns
    -------
    float or ndarray of the broadcast shape
        1 where it is assigned, 0 where not, NaN (unknown) where an input is NaN. A call: in the money, with
        put + strike (1 - exp(-rate t)) below the dividends (Hull 2018, Options, Futures, and Other Derivatives, 10th
        ed., section 15.12, with parity for the value held). The put's own early-exercise premium, and the right to
        exercise on a later eve, make the rule fire a little late and a little early.

    Raises
    ------
    InputError
        When an argument is not numeric or shapes do not broadcast.

    Notes
    -----
    A European put worth less than its exercise value is not enough: waiting may still pay (at 5%, vol 18% and 30 days
    that holds from 5.5% below the strike on, exercise pays from 8.1% on). See `kernels.trading.assignment`.
    """
    quote = {"opposite_mid": opposite_mid, "opposite_bid": opposite_bid}
    operands = {"spot": spot, "strike": strike, **quote, "rate": rate, "t": t}
    dividends = {"next_ex": next_ex, "next_cash": next_cash, "dividend_value": dividend_value}
    return evaluate(assignment.is_assigned, 1, right, **operands, **dividends)[0]


def _on_date(
    right: Array, strike: Array, vol: Array, rate: float, t: float, ahead: Sequence[CashDividend], k: int
) -> Array:
    """Boundaries about the k-th ex-date: of calls on its eve, of puts on the date itself."""
    when = ahead[k][0]
    eve = max(when - EVE, 0.0)
    calls = _boundaries(right, strike, vol, rate, t, ahead[k:], eve, strike)
    puts = _boundaries(right, strike, vol, rate, t, ahead[k + 1 :], when, strike)
    return np.asarray(np.where(right > 0.0, calls, puts))


def _boundaries(
    right: Array, strike: Array, vol: Array, rate: float, t: float, ahead: Sequence[CashDividend], now: float, spot: Any
) -> Array:
    """Exercise boundaries at a moment `now` years ahead; the spot only says where to look."""
    flows = [(when - now, cash) for when, cash, _ in ahead]
    return np.asarray(american_boundary(right, spot, strike, t - now, rate, vol, flows))
