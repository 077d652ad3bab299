"""The simulated market's kernels beside numpy doing the same arithmetic: state paths, quotes, what is built on them.

Each pair gets the same inputs and is checked to agree. One thread; compiling is kept out by a warm-up call.
"""

import math
from dataclasses import asdict
from datetime import date

import numpy as np
import pytest
from scipy.special import ndtr

from iwm_opts.conventions import SESSIONS_PER_YEAR, TICK
from iwm_opts.kernels.simulation.paths import SHOCKS
from iwm_opts.kernels.simulation.quote import (
    FAR_DAYS,
    LONGEST_DAYS,
    PREMIUM_FLOOR,
    ROUNDING_SLACK,
    WIDEST,
    quote_expiration,
    surface_row,
)
from iwm_opts.simulation.dynamics import FACTORS, State, _threshold, advance_states
from iwm_opts.simulation.parameters import TYPICAL_VOL, shipped_parameters
from iwm_opts.sources.simulated import simulate_market

PARAMETERS = shipped_parameters()
QUOTES = 100_000
SPEEDS = ("fast", "middle", "slow", "premium")
PATHS, SESSIONS = 400, 2_520
SMILE = {"spot": 280.0, "forward": 280.6, "discount": 0.9965, "years": 35 / 365, "days": 35.0}
SMILE |= {"theta": 0.0042, "rho": -0.45, "phi": 12.5, "convexity": 0.055, "widening": 1.3}


def rounds(benchmark, group, name, call, count, unit):
    benchmark.group, benchmark.name = group, name
    result = benchmark.pedantic(call, rounds=12, warmup_rounds=1)
    if benchmark.stats:
        benchmark.extra_info[unit] = count / benchmark.stats.stats.min
    return result


def options():
    strike = np.linspace(180.0, 340.0, QUOTES // 2)
    return np.repeat([1.0, -1.0], QUOTES // 2), np.tile(strike, 2)


def quotes_in_the_kernel():
    sign, strike = options()
    coefficients = np.array(PARAMETERS.spread.coefficients)
    out = [np.empty(QUOTES) for _ in range(4)]

    def call():
        quote_expiration(sign, strike, surface_row(**SMILE), coefficients, TICK, *out)
        return out

    return call


def quotes_in_numpy():
    sign, strike = options()
    c = PARAMETERS.spread.coefficients
    spot, forward, discount, years, days, theta, rho, phi, convexity, widening = SMILE.values()
    lt = math.log(min(days, LONGEST_DAYS) + 1.0)
    far = max(lt - math.log(FAR_DAYS), 0.0)

    def call():
        k = np.log(strike / forward)
        shifted = phi * k + rho
        bend = 3.0 * math.sqrt(theta / (1.0 + theta))
        wings = 2.0 * convexity * bend * (np.sqrt(bend * bend + k * k) - bend)
        stdev = np.sqrt(0.5 * theta * (1.0 + rho * phi * k + np.sqrt(shifted * shifted + 1.0 - rho * rho)) + wings)
        side = np.where(k < 0.0, -1.0, 1.0)
        d1 = -k / stdev + 0.5 * stdev
        weight = ndtr(side * d1)
        premium = np.maximum(discount * side * (forward * weight - strike * ndtr(side * (d1 - stdev))), 0.0)
        inside = sign != side
        fair = np.where(inside, premium + discount * sign * (forward - strike), premium)
        fair = np.maximum(fair, sign * (spot - strike))
        delta = side * weight + np.where(inside, sign, 0.0)
        lp = np.log(premium + PREMIUM_FLOOR)
        it = np.sqrt(np.maximum(2.0 * np.abs(delta) - 1.0, 0.0))
        value = c[0] + c[1] * lp + c[2] * lt + c[3] * lp * lt + c[4] * lp * lp + c[5] * lt * lt
        value += c[6] * far + c[7] * far * far + c[14] * (sign > 0.0)
        value += it * (c[8] + c[9] * it + c[10] * lt + c[11] * lt * lt + c[12] * it * lt + c[13] * far)
        half = 0.5 * widening * np.minimum(np.exp(value), WIDEST)
        bid = np.maximum(np.floor((fair - half) / TICK + ROUNDING_SLACK), 0.0) * TICK
        ask = np.maximum(np.ceil((fair + half) / TICK - ROUNDING_SLACK), 1.0) * TICK
        return np.round(bid, 6), np.round(ask, 6), stdev / math.sqrt(years), delta * discount * forward / spot

    return call


@pytest.mark.parametrize("engine", [quotes_in_the_kernel, quotes_in_numpy], ids=lambda engine: engine.__name__)
def test_quotes(benchmark, engine):
    found = rounds(benchmark, f"quote {QUOTES:,} options", engine.__name__, engine(), QUOTES, "quotes a second")
    for one, other in zip(found, quotes_in_numpy()(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def shocks():
    return np.random.default_rng(1).standard_normal((PATHS, SESSIONS, SHOCKS))


def paths_in_the_kernel():
    drawn, start = shocks(), State(*np.zeros(len(FACTORS)))

    def call():
        found = [advance_states(PARAMETERS.dynamics, one, start) for one in drawn]
        return [np.stack([one[name] for one in found]) for name in ("log_return", "variance", "fast")]

    return call


def paths_in_numpy():
    """All paths a session at a time, which is as far as numpy can vectorise a recursion."""
    drawn = np.ascontiguousarray(shocks().transpose(1, 2, 0))
    d, dt = PARAMETERS.dynamics, 1.0 / SESSIONS_PER_YEAR
    p = asdict(d)
    keep = {name: math.exp(-p[f"{name}_speed"] * dt) for name in SPEEDS}
    sd = {name: p[f"{name}_vol"] * math.sqrt((1.0 - keep[name] ** 2) / (2.0 * p[f"{name}_speed"])) for name in SPEEDS}
    drift = d.growth - d.variance_price * TYPICAL_VOL**2 - d.jump_rate * math.expm1(d.jump_mean + 0.5 * d.jump_sd**2)
    jump_level, burst_level = _threshold(d.jump_rate * dt), _threshold(d.burst_rate * dt)

    def shock(name, z, own):
        correlation = p[f"{name}_correlation"]
        return sd[name] * (correlation * z + math.sqrt(1.0 - correlation**2) * own)

    def call():
        log_return, variance, fast = (np.empty((SESSIONS, PATHS)) for _ in range(3))
        x, m, y, u, surprise = (np.zeros(PATHS) for _ in range(5))
        for i in range(SESSIONS):
            z, own_x, own_y, own_u, event, size, own_m = drawn[i]
            rate = (d.floor + np.exp(d.level + m + y)) * (1.0 - d.fast_share + d.fast_share * np.exp(x))
            expected = (drift + (d.variance_price - 0.5) * rate) * dt - d.reversal * surprise
            jumps = event > jump_level
            jump = np.where(jumps, d.jump_mean + d.jump_sd * size, 0.0)
            burst = np.where(event < -burst_level, -d.burst_mean * np.log(ndtr(size)), 0.0)
            surprise = np.sqrt(rate * dt) * z + jump
            u = keep["premium"] * u + shock("premium", z, own_u)
            own = math.sqrt(1.0 - d.fast_correlation**2 - d.fast_convexity**2)
            mixed = d.fast_correlation * z + d.fast_convexity * (z * z - 1.0) * math.sqrt(0.5) + own * own_x
            x = keep["fast"] * x + sd["fast"] * mixed - d.jump_lift * jump + burst
            m = (
                keep["middle"] * m
                + 2.0 / (1.0 + np.exp(-d.middle_heat * m)) * shock("middle", z, own_m)
                - d.jump_middle_lift * jump
                + d.burst_middle_share * burst
            )
            y = keep["slow"] * y + shock("slow", z, own_y)
            log_return[i], variance[i], fast[i] = expected + surprise, rate, x
        return [log_return.T, variance.T, fast.T]

    return call


@pytest.mark.parametrize("engine", [paths_in_the_kernel, paths_in_numpy], ids=lambda engine: engine.__name__)
def test_paths(benchmark, engine):
    steps = PATHS * SESSIONS
    found = rounds(benchmark, f"{steps:,} day-steps", engine.__name__, engine(), steps, "day-steps a second")
    for one, other in zip(found, paths_in_numpy()(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-12)


@pytest.fixture(scope="module")
def market():
    return simulate_market(date(2015, 1, 2), date(2024, 12, 31), seed=1)


def test_surface_of_ten_years(benchmark, market):
    rows = len(market.table())
    rounds(benchmark, f"surface, {rows:,} rows of ten years", "table", market.table, rows, "rows a second")


def test_chain_of_a_day(benchmark, market):
    day = market.days[2000]
    rows = len(market.rows(day))
    rounds(benchmark, f"one day, {rows:,} rows", "rows", lambda: market.rows(day), rows, "rows a second")
