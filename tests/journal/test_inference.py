"""Oracles: scipy.stats, which the module does not use, and figures of the papers it names."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from iwm_opts.journal.inference import (
    detectable,
    detectable_share,
    difference_of,
    holm,
    mean_of,
    p_above_zero,
    p_by_shuffling,
    p_of_breaches,
    share_interval,
)

FIRST = np.array([0.31, -0.42, 0.18, 0.27, -0.65, 0.22, 0.12, 0.25])
SECOND = np.array([-0.12, -0.35, 0.21, -0.71, 0.05])


def test_a_mean_has_students_interval():
    found = mean_of(FIRST)
    low, high = stats.t.interval(0.95, len(FIRST) - 1, FIRST.mean(), stats.sem(FIRST))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert p_above_zero(found) == pytest.approx(stats.ttest_1samp(FIRST, 0.0, alternative="greater").pvalue)


def test_a_difference_is_welchs():
    found, p = difference_of(FIRST, SECOND)
    oracle = stats.ttest_ind(FIRST, SECOND, equal_var=False, alternative="greater")
    interval = stats.ttest_ind(FIRST, SECOND, equal_var=False).confidence_interval(0.95)
    assert p == pytest.approx(oracle.pvalue)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_shuffling_is_a_permutation_test():
    exact = stats.permutation_test(
        (FIRST, SECOND), lambda a, b, axis: a.mean(axis) - b.mean(axis), n_resamples=np.inf, alternative="greater"
    ).pvalue
    assert p_by_shuffling(FIRST, SECOND) == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 9_999))


def test_shuffling_accuses_as_seldom_as_it_says_where_one_side_is_small():
    # A healthy plan: a third of its trades reach a target of 3, the others a stop. Ten of 90 lack a criterion that is
    # worth nothing; where all ten were stopped, which happens in one log of sixty, their spread says next to nothing.
    generator, level, wrong, welch = np.random.default_rng(7), 0.005, 0, 0
    for _ in range(1_500):
        results = np.where(generator.random(90) < 1 / 3, 3.0, -1.0) + generator.normal(0.0, 0.1, 90)
        _, p = difference_of(results[10:], results[:10])
        welch += p <= level
        wrong += p <= level and p_by_shuffling(results[10:], results[:10]) <= level
    assert welch > 3 * level * 1_500  # what it is for
    assert wrong <= stats.binom.ppf(0.999, 1_500, level)


def test_trades_that_share_days_widen_the_interval():
    # Four times the variance is twice the error; a quarter as many trades know as much.
    alone, shared = mean_of(FIRST), mean_of(FIRST, dependence=4.0)
    assert shared.error == pytest.approx(2.0 * alone.error)
    assert shared.high - shared.low > 2.0 * (alone.high - alone.low)


def test_breaches_are_counted_exactly():
    assert p_of_breaches(0, 40) == 1.0
    assert p_of_breaches(6, 40) == pytest.approx(stats.binomtest(6, 40, 0.05, alternative="greater").pvalue)
    low, high = share_interval(6, 40)
    oracle = stats.binomtest(6, 40).proportion_ci(0.95, "exact")
    assert (low, high) == (pytest.approx(oracle.low), pytest.approx(oracle.high))


def test_holm_by_hand():
    # 0.01 x 4, 0.02 x 3, then never less than before: 0.03 x 2, 0.05 x 1 below it.
    assert holm([0.03, 0.01, math.nan, 0.05, 0.02]) == pytest.approx([0.06, 0.04, math.nan, 0.06, 0.06], nan_ok=True)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_holm_is_no_milder_than_the_p_and_no_stricter_than_bonferroni(values):
    adjusted = holm(values)
    for p, one in zip(values, adjusted, strict=True):
        assert p <= one <= min(1.0, p * len(values)) + 1e-12


def test_the_smallest_effect_seen_is_seen_four_times_in_five():
    generator = np.random.default_rng(3)
    n, level = 100, 0.005
    effect = detectable(1.0 / math.sqrt(n), level)
    seen = [
        stats.ttest_1samp(generator.normal(effect, 1.0, n), 0.0, alternative="greater").pvalue <= level
        for _ in range(2_000)
    ]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.03)


def test_the_smallest_habit_seen_is_seen_four_times_in_five():
    n, level = 120, 0.001
    share = detectable_share(n, level)
    needed = next(k for k in range(n) if stats.binomtest(k, n, 0.05, alternative="greater").pvalue <= level)
    assert stats.binom.sf(needed - 1, n, share) >= 0.8
    assert stats.binom.sf(needed - 1, n, share - 0.01) < 0.8
    assert detectable_share(2, level) == 1.0


def test_nothing_is_said_of_nothing():
    assert math.isnan(mean_of(np.array([])).value)
    assert math.isnan(difference_of(FIRST, SECOND[:1])[1])
    assert math.isnan(p_above_zero(mean_of(np.array([1.0]))))
