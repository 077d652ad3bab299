"""American options, flat arrays in and out: which method for whom, and the search for implied vols."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import DAYS_PER_YEAR, VOL_POINT
from iwm_opts.errors import InputError
from iwm_opts.pricing._broadcast import Array
from iwm_opts.pricing.black import black_greeks, black_price, greeks
from iwm_opts.pricing.implied import black_implied_vol

Dividends = Iterable[tuple[float, float]]
Mask = NDArray[np.bool_]

LOWEST_VOL: Final = 0.005  # below, options are priced at it: no share moves less, and a grid cannot resolve it
HIGHEST_VOL: Final = 10.0  # implied vols are sought up to here
START_VOL: Final = 0.3  # where the European formula finds none
VOL_TOLERANCE: Final = 1e-6
PRICE_TOLERANCE: Final = 1e-7
MAX_PASSES: Final = 60  # bisection alone needs 24 for the tolerance
STEEP: Final = 0.03  # of the premium, between two steps: beyond it premiums lean on the vol too much to extrapolate
SMALL_PREMIUM: Final = 1e-4  # dollars: its error after one step is a hundredth of it
# Share of the vol that vega is measured over, each way: kinks on eves bend it, and errors of a grid blur it.
CALL_VEGA_BUMP: Final = 0.002
PUT_VEGA_BUMP: Final = 0.01

# Puts with dividends. Where exercise begins, its boundary moves by more than a grid can follow, which leaves an error
# in proportion to rate x strike x time for any vol; it falls with nodes^2.
NODES: Final = (136, 160)
NODES_SQUARED: Final = (1.7e6, 3e6)  # for a rate x t of 1, with t the longest time without an ex-date
STEPS: Final = (56, 140)  # of the finer of two runs
WIDE: Final = 0.5  # vol sqrt(t) from which the second of each counts
# 2 rate sqrt(t) / vol up to which the fixed-point iteration of a put's boundary converges (it fails from 1.6 on)
MOST_PULL: Final = 1.3
SAME_DAY: Final = 0.5 / DAYS_PER_YEAR  # dividends nearer to each other go ex together, at the earlier time
SESSION: Final = 6.5 / 24.0 / DAYS_PER_YEAR  # a share that goes ex on the day of expiry opens this long before it
MOST_PAID: Final = 0.5  # of the share: the worth of all dividends that can be priced
LITTLE_PAID: Final = 0.1  # of the share: so much is priced at any vol
FAR_FROM_PAID: Final = 3.0  # standard deviations from the share to the dividends so far, or they may exhaust it
BOUND_SLACK: Final = 1e-4  # of the strike: a price below its bound by more is not resolved
LEAST_INTEREST: Final = 1e-9  # rate x t below which no put is exercised early


@dataclass(frozen=True, slots=True, eq=False)
class Expiry:
    """One expiry as seen from one moment, with the dividends within its life alone."""

    t: float
    rate: float
    ex_time: Array  # ascending
    cash: Array

    @classmethod
    def of(cls, t: float, rate: float, dividends: Dividends) -> "Expiry":
        """Check rate and dividends, leave out those beyond the expiry's life, add up those of one day."""
        for name, value in (("t", t), ("rate", rate)):
            if np.ndim(value):
                rule = "American prices share one expiry: an array is not accepted"
                raise InputError(name, f"shape {np.shape(value)}", rule, "call once an expiry")
        if not 0.0 <= rate < math.inf:
            rule = "American exercise needs a finite rate of zero or more"
            raise InputError("rate", rate, rule, "give a decimal such as 0.037")
        pairs = np.array(sorted(map(_pair, dividends)), dtype=np.float64).reshape(-1, 2)
        pairs = pairs[(pairs[:, 0] > 0.0) & (pairs[:, 0] <= t) & (pairs[:, 1] > 0.0)]
        pairs[:, 0] = np.minimum(pairs[:, 0], max(t - SESSION, 0.5 * t))
        first: list[int] = []
        for k, when in enumerate(pairs[:, 0]):
            if not first or when - pairs[first[-1], 0] > SAME_DAY:
                first.append(k)
        cash = np.add.reduceat(pairs[:, 1], first) if first else np.empty(0)
        return cls(float(t), float(rate), np.ascontiguousarray(pairs[first, 0]), cash)

    @property
    def dividend_value(self) -> float:
        return float(self.cash @ np.exp(-self.rate * self.ex_time))

    def resolution(self, wide: bool) -> tuple[int, int]:
        """Nodes of the grid, and time steps of the finer run, for puts with dividends."""
        longest = np.diff(self.ex_time, prepend=0.0, append=self.t).max()
        return max(NODES[wide], math.ceil(math.sqrt(NODES_SQUARED[wide] * self.rate * longest))), STEPS[wide]


def _pair(dividend: tuple[float, float]) -> tuple[float, float]:
    try:
        when, cash = (float(part) for part in dividend)
    except (TypeError, ValueError):
        raise InputError(
            "dividends", dividend, "not a pair of years to ex-date and dollars a share", "write (0.25, 0.62)"
        ) from None
    if not (math.isfinite(when) and 0.0 <= cash < math.inf):
        rule = "needs a finite time and a cash amount of zero or more"
        raise InputError("dividends", dividend, rule, "write (0.25, 0.62)")
    return when, cash


class Expiries:
    """Several expiries side by side: numbers of shape (E,), dividends of shape (E, K), filled up behind the last."""

    def __init__(self, expiries: Sequence[Expiry]) -> None:
        self.items = tuple(expiries)
        self.t = np.array([expiry.t for expiry in expiries])
        self.rate = np.array([expiry.rate for expiry in expiries])
        self.discount = np.array([math.exp(min(-expiry.rate * expiry.t, 0.0)) for expiry in expiries])
        self.dividend_value = np.array([expiry.dividend_value for expiry in expiries])
        self.pays = np.array([expiry.cash.size > 0 for expiry in expiries])
        # Exercise at expiry is the last of the times at which it may be best.
        most = max(expiry.cash.size for expiry in expiries)
        shape = (len(expiries), most)
        self.ex_time, self.paid, self.discounts = np.zeros(shape), np.zeros(shape), np.ones((len(expiries), most + 1))
        self.cash = np.zeros((len(expiries), most + 1))
        for row, expiry in enumerate(expiries):
            count = expiry.cash.size
            if count:
                paid = np.cumsum(expiry.cash * np.exp(-expiry.rate * expiry.ex_time))
                self.paid[row], self.ex_time[row] = paid[-1], expiry.ex_time[-1]
                self.paid[row, :count], self.ex_time[row, :count] = paid, expiry.ex_time
            self.cash[row, :count] = expiry.cash
            self.discounts[row] = self.discount[row]
            self.discounts[row, :count] = [math.exp(-expiry.rate * when) for when in expiry.ex_time]


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """Options; arrays of shape (n,)."""

    sign: Array
    spot: Array
    strike: Array
    expiries: Expiries
    which: NDArray[np.int64]  # place of each one's expiry

    @classmethod
    def of(cls, sign: Array, spot: Array, strike: Array, expiry: Expiry) -> "Options":
        """Options of one expiry."""
        return cls(sign, spot, strike, Expiries((expiry,)), np.zeros(sign.size, dtype=np.int64))

    def __getitem__(self, chosen: Mask | NDArray[np.int64]) -> "Options":
        columns = (self.sign[chosen], self.spot[chosen], self.strike[chosen])
        return Options(*columns, self.expiries, self.which[chosen])

    @property
    def t(self) -> Array:
        return np.asarray(self.expiries.t[self.which])

    @property
    def rate(self) -> Array:
        return np.asarray(self.expiries.rate[self.which])

    @property
    def discount(self) -> Array:
        return np.asarray(self.expiries.discount[self.which])

    @property
    def pays(self) -> Mask:
        """Whether a dividend is ahead."""
        return np.asarray(self.expiries.pays[self.which])

    @property
    def forward(self) -> Array:
        """Forward price, NaN where the dividends are worth more than the share."""
        prepaid = self.spot - self.expiries.dividend_value[self.which]
        return np.asarray(np.where(prepaid > 0.0, prepaid, np.nan) / self.discount)

    @property
    def intrinsic(self) -> Array:
        """What immediate exercise pays."""
        return np.maximum(self.sign * (self.spot - self.strike), 0.0)

    @property
    def least(self) -> Array:
        """Value that no price without arbitrage is below: the best of a few times to exercise, now known for sure.

        Now, on the eve of each ex-date (calls), after it (puts), or at expiry (Merton 1973, sections 3 and 4).
        """
        worth, paid = self.intrinsic, np.zeros(self.spot.size)
        for of_expiry, discounts in zip(self.expiries.cash.T, self.expiries.discounts.T, strict=True):
            cash, discount = of_expiry[self.which], discounts[self.which]
            for remaining in (paid, paid + cash * discount):
                worth = np.maximum(worth, self.sign * (np.maximum(self.spot - remaining, 0.0) - self.strike * discount))
            paid = paid + cash * discount
        return worth

    @property
    def exercised_early(self) -> Mask:
        """All but calls without a dividend ahead (Merton 1973, theorem 2)."""
        return (self.sign < 0.0) | self.pays

    def usable(self, vol: Array) -> Mask:
        """Whether inputs are ones an option can have."""
        finite = np.isfinite(self.spot) & np.isfinite(self.strike) & np.isfinite(vol)
        positive = (self.spot > 0.0) & (self.strike > 0.0) & (vol >= 0.0)
        return np.asarray(finite & positive & (self.t >= 0.0) & (self.t < math.inf))

    def may_cost(self, price: Array) -> Mask:
        """Whether a vol may give the prices."""
        below = price < np.where(self.sign > 0.0, self.spot, self.strike)
        return np.asarray(self.usable(np.zeros_like(price)) & (price > self.least) & (self.t > 0.0) & below)

    def _paid(self, vol: Array) -> tuple[Array, Mask]:
        """Largest share of the spot that the dividends take, and whether they can hardly exhaust it on any ex-date."""
        if not self.expiries.paid.size:
            return np.zeros(vol.size), np.ones(vol.size, dtype=np.bool_)
        with np.errstate(all="ignore"):
            paid = self.expiries.paid[self.which] / self.spot[:, None]
            away = -np.log(paid) >= FAR_FROM_PAID * vol[:, None] * np.sqrt(self.expiries.ex_time[self.which])
        return np.where(self.pays, paid[:, -1], 0.0), np.asarray(away.all(axis=1) | ~self.pays)

    def is_in_domain(self, vol: Array) -> Mask:
        """Whether the share survives its dividends; outside, the spot model does not apply."""
        paid, is_safe = self._paid(vol)
        return (paid <= LITTLE_PAID) | (is_safe & (paid <= MOST_PAID))

    def bounded(self, value: Array, vol: Array) -> Array:
        """Prices, raised to `least` where rounding left them below it; NaN outside the domain and where unresolved.

        `least` holds where the dividends are paid in full.
        """
        least = np.where(self._paid(vol)[1], self.least, self.intrinsic)
        is_known = self.is_in_domain(vol) & (value >= least - BOUND_SLACK * self.strike)
        return np.where(is_known, np.maximum(value, least), np.nan)

    def solved(self, vol: Array, exercise: bool = True) -> Array:
        """Price, delta, gamma and boundary, shape (4, n); all usable, with time left.

        Calls by quadrature between ex-dates, puts without a dividend ahead by collocation of their boundary, other puts
        by finite differences.
        """
        out = np.empty((4, vol.size))
        vol = np.maximum(vol, LOWEST_VOL)
        for place in np.unique(self.which).tolist():
            for sign in (1.0, -1.0):
                chosen = np.flatnonzero((self.which == place) & (self.sign == sign))
                if chosen.size:
                    some = self[chosen]
                    out[:, chosen] = some._of_one_right(vol[chosen], sign, self.expiries.items[place], exercise)
        if exercise:  # where no put gains by it, at a rate of zero, its grid does not look
            out[0] = np.maximum(out[0], self.intrinsic)
        return out

    def _of_one_right(self, vol: Array, sign: float, expiry: Expiry, exercise: bool) -> Array:
        out = np.empty((4, vol.size))
        terms = (expiry.rate, expiry.t, expiry.ex_time, expiry.cash)
        early = exercise and expiry.rate * expiry.t > LEAST_INTEREST
        # Each kernel loads, and on a first run compiles for seconds, where it prices: a European market needs none.
        if sign > 0.0:
            from iwm_opts.kernels.pricing.american_call import american_call

            american_call(self.spot, self.strike, vol, *terms, exercise, out)
        elif early and not expiry.cash.size:
            converges = 2.0 * expiry.rate * math.sqrt(expiry.t) <= MOST_PULL * vol
            if converges.any():
                from iwm_opts.kernels.pricing.american_put import american_put

                some, bounds = self[converges], np.empty((4, int(converges.sum())))
                american_put(some.spot, some.strike, vol[converges], expiry.rate, expiry.t, bounds)
                out[:, converges] = bounds
            if not converges.all():
                out[:, ~converges] = self[~converges]._on_grid(vol[~converges], expiry, early)
        else:
            out[:] = self._on_grid(vol, expiry, early)
        return out

    def _on_grid(self, vol: Array, expiry: Expiry, early: bool) -> Array:
        """Return puts by finite differences, shape (4, n); otherwise as `solved`."""
        from iwm_opts.kernels.pricing.american_dividend_put import american_dividend_put

        out = np.empty((4, vol.size))
        terms = (expiry.rate, expiry.t, expiry.ex_time, expiry.cash)
        is_wide = vol * math.sqrt(expiry.t) > WIDE
        for wide in np.unique(is_wide):  # by each option's own vol: no price depends on the others asked for
            some, bounds = self[is_wide == wide], np.empty((4, int((is_wide == wide).sum())))
            resolution = expiry.resolution(bool(wide))
            american_dividend_put(some.spot, some.strike, vol[is_wide == wide], *terms, early, *resolution, bounds)
            out[:, is_wide == wide] = bounds
        return out

    def as_european(self, vol: Array) -> Array:
        """European prices in closed form, the forward net of dividends."""
        return np.asarray(black_price(self.sign, self.forward, self.strike, self.t, vol, self.discount))


def prices(options: Options, vol: Array) -> Array:
    """American prices, shape (n,)."""
    usable = options.usable(vol)
    expired = usable & (options.t == 0.0)
    values = np.where(expired, options.intrinsic, np.nan)
    usable &= ~expired
    early = usable & options.exercised_early
    late = usable & ~early
    if early.any():
        some = options[early]
        values[early] = some.bounded(some.solved(vol[early])[0], vol[early])
    if late.any():
        values[late] = options[late].as_european(vol[late])
    return values


def reasons(options: Options, vol: Array) -> list[str]:
    """Why each option has no price; empty where it has one."""
    usable, in_domain, value = options.usable(vol), options.is_in_domain(vol), prices(options, vol)
    words = np.select(
        [~usable, ~in_domain, np.isnan(value)],
        [
            "an input is missing or out of range",
            f"dividends are worth over {MOST_PAID:.0%} of the share, or may exhaust it at this vol",
            "the grid gives less than a bound that holds without a model",
        ],
        "",
    )
    return [str(word) for word in words]


def deltas(options: Options, vol: Array) -> Array:
    """Deltas, shape (n,): those of `all_greeks`."""
    values = np.full(vol.size, np.nan)
    usable = options.usable(vol) & (vol > 0.0) & (options.t > 0.0)
    early = usable & options.exercised_early
    late = usable & ~early
    solved = np.empty((2, vol.size))
    # Options on one grid lean on each other: there the vols of a vega's bumps go along.
    is_put, least_vol = options.sign < 0.0, vol * (1.0 - PUT_VEGA_BUMP)
    is_free = (options.rate * options.t <= LEAST_INTEREST) | options.pays
    on_grid = is_put & (is_free | (2.0 * options.rate * np.sqrt(options.t) > MOST_PULL * least_vol))
    for chosen, solve in ((early & ~on_grid, Options.solved), (early & on_grid, _greeks_solved)):
        if chosen.any():
            solved[:, chosen] = solve(options[chosen], vol[chosen])[:2]
    if early.any():
        price, delta = solved[:, early]
        values[early] = np.where(np.isnan(options[early].bounded(price, vol[early])), np.nan, delta)
    if late.any():
        some = options[late]
        values[late] = greeks(some.sign, some.spot, some.strike, some.t, some.rate, vol[late]).delta
    return values


def boundaries(options: Options, vol: Array) -> Array:
    """Exercise boundaries, shape (n,)."""
    values = np.full(vol.size, np.nan)
    early = options.usable(vol) & (vol > 0.0) & (options.t > 0.0) & options.exercised_early
    if early.any():
        some = options[early]
        values[early] = np.where(some.is_in_domain(vol[early]), some.solved(vol[early])[3], np.nan)
    return values


def european_value(options: Options, vol: Array, american_value: Array) -> Array:
    """European prices at the same vols; with dividends on the same grid, which frees the difference of its errors."""
    if not options.pays.any():
        return options.as_european(vol)
    european = np.where(options.pays, american_value, options.as_european(vol))
    priced = options.pays & np.isfinite(american_value)
    if priced.any():
        european[priced] = options[priced].solved(vol[priced], exercise=False)[0]
    return european


def all_greeks(options: Options, vol: Array) -> Array:
    """Price, delta, gamma, vega, theta and boundary, shape (6, n)."""
    values = np.full((6, vol.size), np.nan)
    usable = options.usable(vol) & (vol > 0.0) & (options.t > 0.0)
    early = usable & options.exercised_early
    late = usable & ~early
    if early.any():
        some = options[early]
        solved = _greeks_solved(some, vol[early])
        solved[0] = some.bounded(solved[0], vol[early])
        values[:, early] = np.where(np.isnan(solved[0]), np.nan, solved)
    if late.any():
        some = options[late]
        exact = greeks(some.sign, some.spot, some.strike, some.t, some.rate, vol[late])
        values[0, late] = some.as_european(vol[late])
        values[1:5, late] = exact.delta, exact.gamma, exact.vega, exact.theta
    return values


def _greeks_solved(options: Options, vol: Array) -> Array:
    bump = vol * np.where(options.sign > 0.0, CALL_VEGA_BUMP, PUT_VEGA_BUMP)
    up, down = vol + bump, vol - bump
    thrice = options[np.tile(np.arange(vol.size), 3)]
    values = thrice.solved(np.concatenate((vol, up, down))).reshape(4, 3, -1)
    price, delta, gamma, boundary = values[:, 0]
    vega = (values[0, 1] - values[0, 2]) / (up - down) * VOL_POINT
    # Theta from the Black-Scholes equation, which holds where the option lives on.
    theta = options.rate * (price - options.spot * delta) - 0.5 * (vol * options.spot) ** 2 * gamma
    theta = np.where((options.sign < 0.0) & (options.spot <= boundary), 0.0, theta / DAYS_PER_YEAR)
    return np.array([price, delta, gamma, vega, theta, boundary])


def implied(options: Options, price: Array) -> Array:
    """Vols that give the prices, NaN where none does."""
    inside = options.may_cost(price)
    european = black_implied_vol(options.sign, price, options.forward, options.strike, options.t, options.discount)
    vols = np.where(inside, european, np.nan)
    early = inside & options.exercised_early
    if early.any():
        some = options[early]
        solved = _search(some, price[early], vols[early])
        vols[early] = np.where(some.is_in_domain(np.nan_to_num(solved)), solved, np.nan)
    return vols


def exercise_premiums(options: Options, price: Array) -> Array:
    """American less European price at the vol that gives the American one, NaN where none does.

    Without dividends the premium p solves A(v) - E(v) = p at the vol v of the European price, E(v) = price - p. It
    hardly leans on vol: two steps of that fixed point and Aitken's extrapolation leave 1e-5 dollars. Where it does
    lean, deep in the money, and with dividends, whose European price is a grid's too, the vol is searched for.
    """
    inside = options.may_cost(price)
    premium = np.where(inside, 0.0, np.nan)
    early = np.flatnonzero(inside & options.exercised_early)
    if early.size:
        premium[early] = np.nan
        settled = early[~options.pays[early]]
        if settled.size:
            premium[settled] = _settled_premiums(options[settled], price[settled])
        rest = early[np.isnan(premium[early])]
        if rest.size:
            some, vol = options[rest], implied(options[rest], price[rest])
            value = prices(some, vol)
            premium[rest] = np.maximum(value - european_value(some, vol, value), 0.0)
    return premium


def _settled_premiums(options: Options, price: Array) -> Array:
    """Premiums by the fixed point of `exercise_premiums`; NaN where it does not settle at once."""
    first = _premium_at(options, price)
    second = first.copy()
    more = first > SMALL_PREMIUM
    if more.any():
        second[more] = _premium_at(options[more], (price - first)[more])
    slope = np.where(more, second / np.maximum(first, SMALL_PREMIUM) - 1.0, 0.0)
    return np.where(np.abs(slope) < STEEP, first + (second - first) / (1.0 - slope), np.nan)


def _premium_at(options: Options, european: Array) -> Array:
    """American less European price at the vols of European prices; no dividends."""
    terms = (options.forward, options.strike, options.t, options.discount)
    vol = np.asarray(black_implied_vol(options.sign, european, *terms))
    return np.maximum(prices(options, vol) - european, 0.0)


def _search(options: Options, price: Array, start: Array) -> Array:
    """Vols by secant steps within a bracket, from `start`; bisection where a step leaves the bracket."""
    size = price.size
    vol = np.clip(np.where(np.isnan(start), START_VOL, start), LOWEST_VOL, HIGHEST_VOL)
    exact = black_greeks(options.sign, options.forward, options.strike, options.t, vol)
    slope = np.asarray(exact.vega) / VOL_POINT
    low, high = np.full(size, LOWEST_VOL), np.full(size, HIGHEST_VOL)
    last_vol, last_gap, vols = np.full(size, np.nan), np.full(size, np.nan), np.full(size, np.nan)
    open_ = np.arange(size)
    for _ in range(MAX_PASSES):
        at = vol[open_]
        gap = options[open_].solved(at)[0] - price[open_]
        low[open_[gap < 0.0]] = at[gap < 0.0]
        high[open_[gap >= 0.0]] = at[gap >= 0.0]
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = (gap - last_gap[open_]) / (at - last_vol[open_])
            bend = np.abs(secant / slope[open_] - 1.0)
            slope[open_] = np.where(secant > 0.0, secant, slope[open_])
            step_to = at - gap / slope[open_]
        inside = (step_to > low[open_]) & (step_to < high[open_])
        step_to = np.where(inside, step_to, np.sqrt(low[open_] * high[open_]))
        met = np.abs(gap) < PRICE_TOLERANCE
        # A secant step leaves an error of the order of the last two steps' product times a curvature: below 10, but
        # above 100 where a put is about to be exercised; the slopes of two steps tell.
        step = np.abs(step_to - at)
        product = step * np.abs(at - last_vol[open_])
        done = met | (step < VOL_TOLERANCE) | (inside & (product < 0.1 * VOL_TOLERANCE) & (step * bend < VOL_TOLERANCE))
        vols[open_[done]] = np.where(met, at, step_to)[done]
        last_vol[open_], last_gap[open_], vol[open_] = at, gap, step_to
        open_ = open_[~done]
        if not open_.size:
            break
    vols[(vols < LOWEST_VOL + 2.0 * VOL_TOLERANCE) | (vols > HIGHEST_VOL - 2.0 * VOL_TOLERANCE)] = np.nan
    return vols
