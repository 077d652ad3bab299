"""Joint dynamics of spot, variance and priced variance.

Real world, a year as unit of time and one session a step:

    d ln S = (growth + variance_price (V - TYPICAL_VOL^2) - c - V / 2) dt + sqrt(V) dW + J dN
    V  = (floor + exp(level + m + y)) (1 - fast_share + fast_share exp(x))
    dx = -fast_speed x dt + fast_vol dW_x - jump_lift J dN + B dM
    dm = -middle_speed m dt + middle_vol h(m) dW_m - jump_middle_lift J dN + burst_middle_share B dM,
         h(m) = 2 / (1 + exp(-middle_heat m))
    dy = -slow_speed y dt + slow_vol dW_y
    du = -premium_speed u dt + premium_vol dW_u
    dp = -term_speed p dt + term_vol dW_p

dW_x, dW_m, dW_y and dW_u are correlated with dW as `fast_correlation` and its like say, and with each other through it
alone; dW_p is alone. A share of dW_x is neither: of its standard normal number a session, `fast_convexity` times
(z^2 - 1) / sqrt(2), z that of dW, so that large returns lift variance whatever their sign (Bollerslev 1986,
"Generalized autoregressive conditional heteroskedasticity", Journal of Econometrics 31(3)) and, together with the
correlation, falls lift it more than rises of the same size lower it. In the calibration it is all but a function of
past returns, and implied vol has its own noise from the premium: Guyon and Lekeufack 2023, "Volatility is (mostly)
path-dependent", Quantitative Finance 23(9). N counts jumps of spot, J normal, compensated by c; M counts bursts of
variance, B exponential. Growth that rises with variance, by which a calm market drifts and a stormy one recovers:
Merton 1980, "On estimating the expected return on the market", Journal of Financial Economics 8(4). Log- variance
factors of different speed, with leverage: Chernov, Gallant, Ghysels and Tauchen 2003, "Alternative models for stock
price dynamics", Journal of Econometrics 116, section 2.3. Jumps in both spot and variance: Eraker, Johannes and Polson
2003, "The impact of jumps in volatility and returns", Journal of Finance 58(3). Variance as a sum of exponentials that
move to different degrees: Bergomi 2008, "Smile dynamics III", Risk 21(10). The floor holds the level of calm markets
up, while the fast factor, which multiplies it as well, moves them from day to day; both sums make relative moves of
variance larger the higher it is, which gives changes of log implied vol their right tail and keeps it low in its own
range for most of the time. Moves of implied vol cluster (as those of realised vol do: Corsi, Mittnik, Pigorsch and
Pigorsch 2008, "The volatility of realized volatility", Econometric Reviews 27(1)), because those of the middle factor
grow with it: it lies still in calm months and lifts in spikes, so that low ranks are common and high ones rare. The
next session reverses the fraction `reversal` of a session's surprise return.

Prices see another world. In it the factors revert to `fast_shift`, `middle_shift` and `slow_shift` + p in place of 0,
events come `jump_ratio` times as often, and variance is exp(level + u) times as large, u fading with tenor; there m
moves by `middle_vol` alone. Priced variance at a tenor is the mean over it of the expected rate, as in Bergomi 2005,
"Smile dynamics II", Risk 18(10).
V exp(u) is a sum of four products, size x exp(a x + b (m + y) + u) with a and b 0 or 1, and of each

    E[exp(a x_s + b (m_s + y_s) + u_s)] = exp(a x e^(-fast_speed s) + b m e^(-middle_speed s) + b y e^(-slow_speed s)
                                              + u e^(-premium_speed s) + shifts + half the variance of the shocks
                                              + what their squares and the events up to s add to the cumulant)

plus what jumps of spot add to the model-free variance, 2 E[e^J - 1 - J] a jump (Carr and Wu 2009, "Variance risk
premiums", Review of Financial Studies 22(3), proposition 1).

Every knob of `Premium` is a statement about how dear options are: an edge measured on this market echoes it.
"""

import math
from dataclasses import dataclass, fields, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.kernels.simulation.paths import SHOCKS, Advanced, StateNumbers, advance, expected_variance, mean_reverting
from iwm_opts.simulation.parameters import TYPICAL_VOL, Dynamics, Parameters, Premium, SmileShape

Array = NDArray[np.float64]

NODE, WEIGHT = np.polynomial.legendre.leggauss(8)  # of the mean over a tenor: 1e-7 of a month, 2e-4 of three years
AGE, AGE_WEIGHT = np.polynomial.legendre.leggauss(16)  # of the events within it
STREAMS = (
    "start", "state", "skew", "term", "bars", "range", "companions", "volume", "quotes", "intraday", "middle", "jump",
    "settle",
)  # fmt: skip
SETTLE = 252  # sessions in which events come into balance with their fading, and the middle factor with its heat
AGES = 1000  # sessions that a fast factor remembers
_NEVER = 40.0  # standard deviations that no normal number reaches


@dataclass(frozen=True, slots=True)
class State:
    """Factors at one close."""

    fast: float
    middle: float
    slow: float
    premium: float
    term: float
    skew: float  # deviation of atanh(-rho)


FACTORS = tuple(field.name for field in fields(State))  # columns of a table of states


@dataclass(frozen=True, slots=True, eq=False)
class StatePath:
    """Factors along one path; arrays of shape (n,), one entry a session, at its close."""

    log_return: Array  # over the session, dividends included
    variance: Array  # diffusive variance rate that held during the session, a year
    fast: Array
    middle: Array
    slow: Array
    premium: Array
    term: Array
    skew: Array
    jump: Array  # of spot, within the log return; 0 in most sessions

    def __len__(self) -> int:
        return len(self.log_return)

    def after(self, sessions: int) -> "StatePath":
        """Path without its first sessions."""
        return StatePath(*(getattr(self, field.name)[sessions:].copy() for field in fields(self)))

    def at(self, place: int) -> State:
        """Factors at the close of one session."""
        return State(**{field.name: float(getattr(self, field.name)[place]) for field in fields(State)})


def generator(seed: int, path: int, stream: str, *more: int) -> np.random.Generator:
    """Random numbers of one stream of one path; the same whatever else is drawn."""
    key = (path, STREAMS.index(stream), *more)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def stationary_start(parameters: Parameters, seed: int, path: int = 0) -> State:
    """Start drawn from where the factors would spend their time without events and without the middle one's heat.

    Calmer than the market is: see `settled_start`.
    """
    d, shape = parameters.dynamics, parameters.smile
    draws = generator(seed, path, "start").standard_normal(6)
    spreads = {
        "fast": (d.fast_vol, d.fast_speed),
        "slow": (d.slow_vol, d.slow_speed),
        "premium": (d.premium_vol, d.premium_speed),
        "term": (d.term_vol, d.term_speed),
        "skew": (shape.skew_vol, shape.skew_speed),
        "middle": (d.middle_vol, d.middle_speed),
    }
    pairs = zip(draws, spreads.items(), strict=True)
    start = {name: float(z * vol / np.sqrt(2.0 * speed)) for z, (name, (vol, speed)) in pairs}
    return State(**start)


def settled_start(parameters: Parameters, seed: int, path: int = 0) -> State:
    """Start drawn from where the factors spend their time: `stationary_start`, `SETTLE` sessions on.

    From the first alone IV30 would begin a seventh too low and climb for a year, which is neither in the real market
    nor in the histories that the calibration is judged on.
    """
    raw = stationary_start(parameters, seed, path)
    shocks = generator(seed, path, "settle").standard_normal((SETTLE, SHOCKS))
    settled = advance_states(parameters.dynamics, shocks, raw)
    moved = {name: float(settled[name][-1]) for name in ("fast", "middle", "slow", "premium")}
    return replace(raw, **moved)


def simulate_states(
    parameters: Parameters, sessions: int, seed: int, path: int = 0, start: State | None = None
) -> StatePath:
    """Simulate one path, one session a step.

    Parameters
    ----------
    parameters : Parameters
    sessions : int
    seed, path : int
        The same two give the same numbers whatever other paths are drawn.
    start : State, optional
        Factors before the first session; a settled draw unless given.
    """
    start = start or settled_start(parameters, seed, path)
    return states_from(parameters, state_shocks(sessions, seed, path), seed, path, start)


def states_from(parameters: Parameters, shocks: Array, seed: int, path: int, start: State) -> StatePath:
    """Path that `state_shocks`, drawn before, make from a start."""
    sessions = len(shocks)
    result = advance_states(parameters.dynamics, shocks, start)
    d, shape = parameters.dynamics, parameters.smile
    term = wander(generator(seed, path, "term").standard_normal(sessions), d.term_speed, d.term_vol, start.term)
    skew_shocks = generator(seed, path, "skew").standard_normal(sessions)
    skew = wander(skew_shocks, shape.skew_speed, shape.skew_vol, start.skew)
    return StatePath(**result, term=term, skew=skew)


def state_shocks(sessions: int, seed: int, path: int) -> Array:
    """Return standard normals that a path's factors follow, shape (sessions, SHOCKS)."""
    shocks = np.empty((sessions, SHOCKS))
    shocks[:, :-1] = generator(seed, path, "state").standard_normal((sessions, SHOCKS - 1))
    shocks[:, -1] = generator(seed, path, "middle").standard_normal(sessions)
    return shocks


def wander(shocks: Array, speed: float, vol: float, start: float) -> Array:
    """Mean-reverting factor after each session, shape of the shocks."""
    out = np.empty(len(shocks))
    mean_reverting(shocks, 1.0 / SESSIONS_PER_YEAR, speed, vol, start, out)
    return out


def drawn_skew(smile: SmileShape, sessions: int, rng: np.random.Generator) -> Array:
    """Draw a path of the skew factor in its stationary state, shape (sessions,)."""
    start = smile.skew_vol / math.sqrt(2.0 * smile.skew_speed) * rng.standard_normal()
    return wander(rng.standard_normal(sessions), smile.skew_speed, smile.skew_vol, start)


def advance_states(dynamics: Dynamics, shocks: Array, start: State) -> dict[str, Array]:
    """Factors after each row of shocks, shape (n, SHOCKS); everything in a `StatePath` but term and skew."""
    d, dt = dynamics, 1.0 / SESSIONS_PER_YEAR
    out = Advanced(*np.empty((len(Advanced._fields), len(shocks))))
    state = np.array([start.fast, start.middle, start.slow, start.premium, 0.0], dtype=np.float64)
    drift = (
        d.growth - d.variance_price * TYPICAL_VOL**2 - d.jump_rate * float(np.expm1(d.jump_mean + 0.5 * d.jump_sd**2))
    )
    derived = {
        "drift": drift, "jump_threshold": _threshold(d.jump_rate * dt), "burst_threshold": _threshold(d.burst_rate * dt)
    }  # fmt: skip
    given = {name: getattr(d, name) for name in StateNumbers._fields if name not in derived}
    advance(shocks, dt, StateNumbers(**given, **derived), state, out)
    return out._asdict()


def priced_variance(parameters: Parameters, states: StatePath, years: float) -> Array:
    """Model-free implied variance rate at one tenor, for every close of a path.

    Parameters
    ----------
    years : float
        Tenor on the clock that variance runs on.

    Returns
    -------
    ndarray, shape (len(states),)
        A year; its square root is a vol.
    """
    return variance_curve(parameters.dynamics, parameters.premium, np.array([years])).along(states, 0)


@dataclass(frozen=True, slots=True, eq=False)
class VarianceCurve:
    """Priced variance at m tenors as a function of the state: constant + sum(weight exp(loadings . state))."""

    constant: float
    nodes: Array  # (m, 6, nodes): weights, and loadings of fast, middle, slow, premium and term

    def at(self, state: State) -> Array:
        """Priced variance rates for one state, shape (m,)."""
        factors = np.array([state.fast, state.middle, state.slow, state.premium, state.term])
        exponent = np.einsum("mfn,f->mn", self.nodes[:, 1:], factors)
        return np.asarray(self.constant + (self.nodes[:, 0] * np.exp(exponent)).sum(axis=1))

    def along(self, states: StatePath, tenor: int) -> Array:
        """Priced variance rates of one of the tenors at every close of a path, shape (len(states),)."""
        out = np.empty(len(states))
        factors = np.stack([states.fast, states.middle, states.slow, states.premium, states.term])
        expected_variance(factors, self.constant, self.nodes[tenor], out)
        return out


def variance_curve(dynamics: Dynamics, premium: Premium, years: Array) -> VarianceCurve:
    """Coefficients of priced variance at tenors `years`, shape (m,), positive.

    The mean over [0, tenor] is taken at Gauss-Legendre nodes in the square root of time, close together where the fast
    factor decays.
    """
    d = dynamics
    z = 0.5 * (NODE + 1.0)
    s = years[:, None] * z**2
    products = (
        ((1.0 - d.fast_share) * d.floor, 0.0, 0.0),
        (d.fast_share * d.floor, 1.0, 0.0),
        ((1.0 - d.fast_share) * math.exp(d.level), 0.0, 1.0),
        (d.fast_share * math.exp(d.level), 1.0, 1.0),
    )
    parts = [_nodes(d, premium, s, *product) for product in products if product[0] > 0.0]
    nodes = np.stack([np.hstack(columns) for columns in zip(*parts, strict=True)], axis=1)
    nodes[:, 0] *= np.tile(WEIGHT * z, len(parts))
    return VarianceCurve(premium.jump_ratio * jump_variance(d), nodes)


def _nodes(d: Dynamics, premium: Premium, s: Array, size: float, with_fast: float, with_slow: float) -> list[Array]:
    """Weights and loadings, in the order of `VarianceCurve.nodes`, of one of the products that make variance.

    Its expectation at times s under prices, where it is size x exp(with_fast x + with_slow (m + y)).
    """
    fast, middle = with_fast * np.exp(-d.fast_speed * s), with_slow * np.exp(-d.middle_speed * s)
    slow, fade = with_slow * np.exp(-d.slow_speed * s), np.exp(-d.premium_speed * s)
    shifts = premium.fast_shift * (with_fast - fast) + premium.middle_shift * (with_slow - middle)
    shifts += premium.slow_shift * (with_slow - slow)
    spread = 0.5 * _shock_variance(d, s, with_fast, with_slow) + _convexity_cumulant(d, s, with_fast, with_slow)
    events = premium.jump_ratio * _event_cumulant(d, s, with_fast, with_slow)
    weight = size * np.exp(premium.level + shifts + spread + events)
    return [weight, fast, middle, slow, fade, with_slow - slow]


def jump_variance(dynamics: Dynamics) -> float:
    """Return the jumps' part of model-free variance, a year: 2 E[e^J - 1 - J] times their rate."""
    d = dynamics
    return 2.0 * d.jump_rate * (float(np.expm1(d.jump_mean + 0.5 * d.jump_sd**2)) - d.jump_mean)


def _shock_variance(d: Dynamics, s: Array, with_fast: float, with_slow: float) -> Array:
    """Variance of with_fast x_s + with_slow (m_s + y_s) + u_s that the shocks add from now."""
    factors = (
        (with_fast * d.fast_vol, d.fast_speed, d.fast_correlation),
        (with_slow * d.middle_vol, d.middle_speed, d.middle_correlation),
        (with_slow * d.slow_vol, d.slow_speed, d.slow_correlation),
        (d.premium_vol, d.premium_speed, d.premium_correlation),
    )
    total = np.zeros_like(s)
    for i, (vol_i, speed_i, corr_i) in enumerate(factors):
        for j, (vol_j, speed_j, corr_j) in enumerate(factors):
            shared = 1.0 if i == j else corr_i * corr_j
            total -= shared * vol_i * vol_j * np.expm1(-(speed_i + speed_j) * s) / (speed_i + speed_j)
    return total


def _convexity_cumulant(d: Dynamics, s: Array, with_fast: float, with_slow: float) -> Array:
    """Addition of squared spot shocks in x to log E[exp(with_fast x + with_slow (m + y) + u)].

    Beyond half the variance, in which they count already. Of a session's normal z, log E[exp(a z + b (z^2 - 1))] is
    a^2 / (2 - 4 b) - b - log(1 - 2 b) / 2; half its variance, a^2 / 2 + b^2, is taken off.
    """
    age, dt = s[..., None] * 0.25 * (AGE + 1.0) ** 2, 1.0 / SESSIONS_PER_YEAR
    fast = with_fast * d.fast_vol * np.exp(-d.fast_speed * age)
    slope = d.fast_correlation * fast
    slope += with_slow * d.middle_correlation * d.middle_vol * np.exp(-d.middle_speed * age)
    slope += with_slow * d.slow_correlation * d.slow_vol * np.exp(-d.slow_speed * age)
    slope += d.premium_correlation * d.premium_vol * np.exp(-d.premium_speed * age)
    a, b = slope * math.sqrt(dt), d.fast_convexity * fast * math.sqrt(0.5 * dt)
    session = -b - b * b - 0.5 * np.log1p(-2.0 * b) + a * a * b / (1.0 - 2.0 * b)
    return np.asarray(s * (session * AGE_WEIGHT * 0.5 * (AGE + 1.0)).sum(axis=-1) / dt)


def _event_cumulant(d: Dynamics, s: Array, with_fast: float, with_slow: float) -> Array:
    """Logarithm of the mean factor that events up to s put on exp(with_fast x + with_slow m) at s."""
    age = s[..., None] * 0.25 * (AGE + 1.0) ** 2
    fast, middle = with_fast * np.exp(-d.fast_speed * age), with_slow * np.exp(-d.middle_speed * age)
    lifted = -d.jump_lift * fast - d.jump_middle_lift * middle
    jumps = np.expm1(lifted * d.jump_mean + 0.5 * (lifted * d.jump_sd) ** 2)
    mean = d.burst_mean * (fast + d.burst_middle_share * middle)
    rate = d.jump_rate * jumps + d.burst_rate * mean / (1.0 - mean)
    return np.asarray(s * (rate * AGE_WEIGHT * 0.5 * (AGE + 1.0)).sum(axis=-1))


def premium_beside_fast(dynamics: Dynamics) -> float:
    """Divide the stationary covariance of premium and fast factor by the fast one's variance, events left aside."""
    d = dynamics
    shared = d.fast_correlation * d.premium_correlation * d.premium_vol / (d.fast_speed + d.premium_speed)
    return 2.0 * d.fast_speed * shared / d.fast_vol if d.fast_vol > 0.0 else 0.0


def variance_rate(dynamics: Dynamics, fast: Array, middle: Array, slow: Array) -> Array:
    """Diffusive variance rate of states, a year; the equation of `kernels.simulation.paths.advance`."""
    d = dynamics
    return np.asarray((d.floor + np.exp(d.level + middle + slow)) * (1.0 - d.fast_share + d.fast_share * np.exp(fast)))


def _threshold(probability: float) -> float:
    """Level that a standard normal exceeds with this probability."""
    return NormalDist().inv_cdf(1.0 - probability) if probability > 0.0 else _NEVER
