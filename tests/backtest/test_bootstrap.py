"""Coverage on markets where the truth is known, and the closed form against plain resampling."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length

from iwm_opts.backtest.bootstrap import MIN_PATHS, _resampled_days, optimal_block, ratio_interval
from iwm_opts.report.backtest_table import uncertainty_lines

HOLD = 15


def condor_days(n, rng, edge=0.0):
    """Gain of a condor entered on each day, held for 15 sessions, and a persistent gate that adds `edge` where open."""
    move = np.convolve(rng.standard_t(5, n + HOLD - 1), np.ones(HOLD), "valid") / math.sqrt(HOLD * 5 / 3)
    gain = np.where(np.abs(move) < 1.2, 45.0, -70.0 * (np.abs(move) - 0.6)).clip(-300.0)
    level, shocks = np.zeros(n), rng.standard_normal(n)
    for i in range(1, n):
        level[i] = 0.95 * level[i - 1] + 0.31 * shocks[i]
    is_open = (level < -0.25).astype(float)
    gain = gain + edge * is_open
    return np.stack([gain * is_open, is_open, gain, np.ones(n)], axis=1)


def test_under_a_null_market_the_interval_covers_zero_as_often_as_it_says():
    # 80 markets of six years: 95% of them are 76, with a binomial spread of 2.
    found = [
        ratio_interval([condor_days(1500, np.random.default_rng(seed))], HOLD, seed, draws=199) for seed in range(80)
    ]
    covered = sum(not one.excludes_zero for one in found)
    assert 69 <= covered <= 80


def test_a_planted_edge_is_found():
    found = [
        ratio_interval([condor_days(2500, np.random.default_rng(seed), edge=40.0)], HOLD, seed, draws=199)
        for seed in range(10)
    ]
    assert sum(one.low > 0 for one in found) >= 9
    assert np.mean([one.estimate for one in found]) == pytest.approx(40.0 * 0.6, rel=0.25)  # open on 40% of days


def test_over_paths_the_interval_covers_as_often_as_it_says():
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        paths = [condor_days(250, rng) for _ in range(12)]
        one = ratio_interval(paths, HOLD, seed, draws=199)
        assert one.resampled == "12 paths"
        covered += not one.excludes_zero
    assert 86 <= covered <= 100


def test_independent_days_give_the_textbook_error_of_a_mean():
    rng = np.random.default_rng(3)
    gain = rng.normal(5.0, 20.0, 2000)
    one = ratio_interval([np.stack([gain, np.ones(2000)], axis=1)], 0.5, seed=1)
    assert one.estimate == pytest.approx(gain.mean())
    assert one.block < 8
    assert one.standard_error == pytest.approx(20.0 / math.sqrt(2000), rel=0.15)
    assert one.high - one.estimate == pytest.approx(1.96 * one.standard_error, rel=0.15)


def lagged_error(paths, block):
    """Standard error of the resampled mean of several paths, lag by lag."""
    n, total = sum(map(len, paths)), 0.0
    for path in paths:
        days, pull = len(path), path - np.concatenate(paths).mean()
        pull = pull - pull.mean()
        for lag in range(days):
            weight = (1.0 - lag / days) * (1.0 - 1.0 / block) ** lag
            total += (1.0 if lag == 0 else 2.0) * weight * (pull @ np.roll(pull, -lag))
    return math.sqrt(total) / n


def test_draws_are_those_of_arch():
    paths = [condor_days(days, np.random.default_rng(days)) for days in (180, 240)]
    values, _ = _resampled_days(paths, 12, np.random.default_rng(5), 3)
    rng = np.random.default_rng(5)
    streams = [StationaryBootstrap(12, path, seed=rng).bootstrap(3) for path in paths]
    for i in range(1, 4):
        drawn = np.concatenate([next(stream)[0][0] for stream in streams])
        gain, count, other, days = drawn.sum(axis=0)
        assert values[i] == pytest.approx(gain / count - other / days, rel=1e-12)


def test_the_error_is_that_of_the_lag_weights_and_of_plain_resampling():
    rng = np.random.default_rng(4)
    paths = [np.convolve(rng.standard_normal(days + 10), np.ones(11), "valid") for days in (300, 40)]
    samples = [np.stack([path, np.ones(len(path))], axis=1) for path in paths]
    _, errors = _resampled_days(samples, 12, rng, 4000)
    assert errors[0] == pytest.approx(lagged_error(paths, 12), rel=1e-12)
    streams = [StationaryBootstrap(12, path, seed=5 + i).apply(np.sum, 4000) for i, path in enumerate(paths)]
    assert errors[0] == pytest.approx(math.sqrt(sum(sums.var() for sums in streams)) / 340, rel=0.1)


def test_the_error_of_each_draw_is_that_of_its_days():
    path = np.convolve(np.random.default_rng(6).standard_normal(90), np.ones(11), "valid")
    _, errors = _resampled_days([np.stack([path, np.ones(80)], axis=1)], 7, np.random.default_rng(8), 5)
    for i, drawn in enumerate(StationaryBootstrap(7, path, seed=np.random.default_rng(8)).bootstrap(5)):
        assert errors[i + 1] == pytest.approx(lagged_error([drawn[0][0]], 7), rel=1e-12)


@pytest.mark.parametrize("days", [11, 60, 700, 4100])
@pytest.mark.parametrize("memory", [1, 4, 30])
def test_block_lengths_are_those_of_arch(days, memory):
    series = np.convolve(np.random.default_rng(days).standard_normal(days + memory - 1), np.ones(memory), "valid")
    assert optimal_block(series) == pytest.approx(optimal_block_length(series)["stationary"].iloc[0], rel=1e-9)


def test_few_paths_are_resampled_by_days_and_one_seed_is_one_interval():
    paths = [condor_days(400, np.random.default_rng(seed)) for seed in range(MIN_PATHS - 1)]
    one, again = (ratio_interval(paths, HOLD, 7, draws=99) for _ in range(2))
    assert one == again
    assert one.block >= 2 * HOLD
    assert one.resampled.startswith("blocks of")


@pytest.mark.parametrize(
    "sample", [np.zeros((50, 4)), np.zeros((50, 2)), np.tile([1.0, 1.0, 1.0, 1.0], (50, 1))], ids=["none", "no", "same"]
)
def test_where_nothing_can_be_told_nothing_is(sample):
    one = ratio_interval([sample], HOLD, 1, draws=19)
    assert not one.is_known
    assert not one.excludes_zero


def test_one_trade_is_no_sample():
    sample = np.zeros((50, 2))
    sample[10] = 40.0, 1.0
    assert not ratio_interval([sample], HOLD, 1, draws=99).is_known


def test_two_trades_at_the_very_end_are_measured():
    sample = np.zeros((300, 2))
    sample[[-9, -1]] = [[0.1, 1.0], [-0.2, 1.0]]
    found = ratio_interval([sample], 1.0, seed=1)
    assert found.estimate == pytest.approx(-0.05)


def test_few_trades_have_an_estimate_without_bounds():
    sample = np.stack([np.random.default_rng(1).normal(5.0, 10.0, 40), np.ones(40)], axis=1)
    interval = ratio_interval([sample], 1.0, 1, 99)
    assert interval.of_trades(10) == interval
    few = interval.of_trades(9)
    assert few.estimate == interval.estimate
    assert not few.is_known
    record = {"per_trade": asdict(few), "bands": []}
    assert uncertainty_lines(record) == [f"a trade ${few.estimate:.2f}; 95% sampling interval unknown"]
    saved = {"per_trade": record["per_trade"] | {"low": None, "high": None}, "bands": []}  # NaN as JSON holds it
    assert uncertainty_lines(saved) == uncertainty_lines(record)
