import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from iwm_opts.backtest.montecarlo import (
    BATCH,
    DailyRecord,
    MonteCarloQuestion,
    Resampling,
    kelly_size,
    monte_carlo,
    random_blocks,
    simulate_histories,
)
from iwm_opts.kernels.backtest.montecarlo import resample_equity
from tests.refusals import refused


def record(*paths, compounded=False, holding=math.nan):
    return DailyRecord(tuple(np.asarray(path, dtype=float) for path in paths), compounded, holding)


def plain_history(moves, size, compounded):
    """Equity day by day, in plain Python: end, deepest drawdown, lowest."""
    levels = [1.0]
    for move in moves:
        levels.append(max(levels[-1] + size * move * (levels[-1] if compounded else 1.0), 0.0))
        if levels[-1] == 0.0:
            break
    depth = min(level / max(levels[: day + 1]) - 1.0 for day, level in enumerate(levels))
    return levels[-1], depth, min(levels)


@pytest.mark.parametrize("compounded", [False, True])
def test_histories_are_those_of_a_plain_loop(compounded):
    rng = np.random.default_rng(2)
    first_path, second_path = rng.normal(0.0, 0.05, 30), rng.normal(0.0, 0.05, 20)
    source = record(first_path, second_path, compounded=compounded)
    first, length = random_blocks(np.random.default_rng(3), 50, 40, 25, 4)
    sizes = np.array([0.5, 1.0, 6.0])
    outcomes, size_of_fall = [np.empty((40, 3)) for _ in range(3)], np.empty(40)
    blocks = source.all_moves, source.following, first, length
    resample_equity(*blocks, sizes, compounded, 0.3, np.empty(25), *outcomes, size_of_fall)
    ruined = falls = 0
    for i in range(40):
        days = []
        for start, count in zip(first[i], length[i], strict=True):
            path, offset = (first_path, 0) if start < 30 else (second_path, 30)
            days += [path[(start - offset + step) % len(path)] for step in range(count)]
        for k, size in enumerate(sizes):
            expected = plain_history(days[:25], size, compounded)
            assert [values[i, k] for values in outcomes] == pytest.approx(expected, abs=1e-12)
            ruined += expected[0] == 0.0
        if size_of_fall[i] < math.inf:
            near = [
                plain_history(days[:25], factor * size_of_fall[i], compounded)[1] for factor in (1 - 1e-7, 1 + 1e-7)
            ]
            assert near[0] > -0.3 >= near[1]
            falls += 1
    assert falls > 30
    assert compounded or ruined  # six times the size wipes some histories out


def test_blocks_cover_a_history_and_have_the_mean_length():
    first, length = random_blocks(np.random.default_rng(1), 500, 400, 2_520, 20)
    assert length.sum(axis=1).min() >= 2_520
    assert length.mean() == pytest.approx(20.0, rel=0.03)
    assert np.bincount(first.ravel(), minlength=500).min() > 0


def test_ruin_of_independent_days_is_that_of_a_random_walk():
    # First passage of Brownian motion with drift (Karatzas and Shreve 1991, 3.5.12), its barrier moved by 0.5826
    # standard deviations for daily observation (Broadie, Glasserman and Kou 1997, Mathematical Finance 7).
    mean, sd, days, loss = 0.0002, 0.01, 504, 0.2
    values = norm.ppf((np.arange(4_000) + 0.5) / 4_000)
    source = record(mean + sd * values / values.std())
    outcome = monte_carlo(source, MonteCarloQuestion(sizes=(1.0,), years=2, histories=20_000, ruin=loss, block=1))
    barrier, total = loss + 0.5826 * sd, sd * math.sqrt(days)
    passage = norm.cdf((-barrier - mean * days) / total)
    passage += math.exp(-2.0 * mean * barrier / sd**2) * norm.cdf((-barrier + mean * days) / total)
    assert outcome.sizes[0].p_ruin == pytest.approx(passage, abs=0.01)
    assert outcome.sizes[0].p_loss == pytest.approx(norm.cdf(-mean * days / total), abs=0.01)
    assert outcome.sizes[0].final[1] == pytest.approx(1.0 + mean * days, abs=0.01)


def test_results_depend_on_the_seed_alone():
    source = record(np.random.default_rng(1).normal(0.0, 0.01, 300), compounded=True)
    resampling = Resampling(block=5, sessions=252, histories=2_500, seed=1, threads=1)
    alone = simulate_histories(source, [1.0, 2.0], resampling)
    together = simulate_histories(source, [1.0, 2.0], replace(resampling, threads=3))
    other = simulate_histories(source, [1.0, 2.0], replace(resampling, seed=2))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(alone, together, strict=True))
    assert not np.array_equal(alone.final, other.final)


def test_blocks_keep_runs_of_losses():
    shocks = np.random.default_rng(4).normal(0.0, 0.01, 3_000)
    runs = np.convolve(shocks, np.ones(15) / math.sqrt(15.0), mode="valid")
    question = MonteCarloQuestion(sizes=(1.0,), years=3, histories=2_000)
    kept = monte_carlo(record(runs), question)
    shuffled = monte_carlo(record(runs), replace(question, block=1))
    assert kept.block > 15
    assert kept.sizes[0].drawdown[1] < 1.5 * shuffled.sizes[0].drawdown[1]


def test_blocks_are_at_least_twice_as_long_as_a_trade():
    days = np.random.default_rng(5).normal(0.0, 0.01, 500)
    assert record(days, holding=12.2).block == 25
    assert record(days, holding=400.0).block == 500 // 3


@pytest.mark.parametrize("compounded", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 5_000.0])
def test_the_size_for_a_drawdown_has_its_chance(compounded, scale):
    days = scale * np.random.default_rng(6).normal(0.0005, 0.01, 800)
    question = MonteCarloQuestion(years=2, histories=3_000, drawdown=0.25, chance=0.1, block=10)
    source = record(days, compounded=compounded)
    size = monte_carlo(source, question).size_at
    resampling = Resampling(block=10, sessions=504, histories=3_000)
    falls = simulate_histories(source, [size, (1.0 + 2e-6) * size], resampling).drawdown
    assert (falls <= -0.25).sum(axis=0).tolist() == [300, 301]


def test_a_record_without_a_loss_has_no_limit():
    source = record(np.full(100, 0.001))
    assert kelly_size(source, 1, 1).full == math.inf
    for compounded in (False, True):
        source = record(np.full(100, 0.001), compounded=compounded)
        assert monte_carlo(source, MonteCarloQuestion(years=1, histories=100)).size_at == math.inf


def test_gains_beyond_all_bounds_hide_no_fall():
    # A product of the gains alone overflows before the loss comes.
    days = np.r_[np.full(400, 0.05), -1e-4]
    source = record(days, compounded=True)
    outcomes = simulate_histories(source, [1.0], Resampling(block=1_000, sessions=401, histories=200), drawdown=0.25)
    falls = outcomes.size_of_fall[np.isfinite(outcomes.size_of_fall)]
    assert len(falls) > 100
    assert np.median(falls) == pytest.approx(0.25 / 1e-4)


def test_progress_is_in_histories():
    calls = []
    question = MonteCarloQuestion(years=1, histories=BATCH + 10, threads=1)
    monte_carlo(
        record(np.random.default_rng(1).normal(0.0, 0.01, 60)), question, on_progress=lambda *at: calls.append(at)
    )
    assert calls == [(BATCH, BATCH + 10), (BATCH + 10, BATCH + 10)]


def test_kelly_of_a_coin():
    # 60 wins and 40 losses of 2% each: f* = (p - q) / 0.02 (Kelly 1956; Thorp 2006).
    coin = record(np.where(np.arange(100) % 5 < 3, 0.02, -0.02))
    assert kelly_size(coin, 1, 1).full == pytest.approx(10.0)
    assert kelly_size(record(-coin.moves[0]), 1, 1).full == 0.0


def test_kelly_allows_for_uncertainty_as_for_a_normal_mean():
    # Growth m mu - m^2 s^2 / 2 with an estimated mean is largest at t^2 / (1 + t^2) of the estimate.
    values = norm.ppf((np.arange(2_000) + 0.5) / 2_000)
    values = np.random.default_rng(7).permutation(values / values.std())
    for t in (1.5, 3.0):
        estimate = kelly_size(record(0.001 * (values + t / math.sqrt(2_000.0))), 1, 1)
        assert estimate.full == pytest.approx(t / math.sqrt(2_000.0) / 0.001, rel=0.02)
        assert estimate.shrunk / estimate.full == pytest.approx(t**2 / (1.0 + t**2), abs=0.05)
        assert estimate.p_none == pytest.approx(norm.cdf(-t), abs=0.03)


@pytest.mark.parametrize(
    ("name", "value"), [("drawdown", 0.0), ("chance", 1.0), ("ruin", 2.0), ("sizes", (0.0,)), ("years", 0.0)]
)
def test_a_question_names_its_fault(name, value):
    with refused(name, value):
        MonteCarloQuestion(**{name: value})


def test_a_record_must_be_long_and_known():
    with refused("days", 5, "20 days"):
        record(np.zeros(5))
    with refused("pnl", np.nan):
        record(np.full(30, np.nan))
