import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.kernels.panel.rank import rank_and_percentile, rolling_rank, rolling_rank_and_percentile


def test_worked_example():
    # By hand: range 10 to 30, last 15, so (15 - 10) / (30 - 10); of the four others 10 and 12 lie below.
    assert rank_and_percentile(np.array([30.0, 10.0, 20.0, 12.0, 15.0])) == (25.0, 50.0, 5)


def test_gaps_count_for_nothing():
    assert rank_and_percentile(np.array([30.0, np.nan, 10.0, np.nan, 20.0, 12.0, 15.0])) == (25.0, 50.0, 5)


def test_a_gap_at_the_end_has_no_rank():
    rank, percentile, observed = rank_and_percentile(np.array([1.0, 2.0, np.nan]))
    assert math.isnan(rank)
    assert math.isnan(percentile)
    assert observed == 2


def test_a_flat_window_has_no_rank():
    rank, percentile, observed = rank_and_percentile(np.array([0.2, 0.2, 0.2]))
    assert math.isnan(rank)
    assert math.isnan(percentile)
    assert observed == 3


@given(st.lists(st.one_of(st.floats(0.05, 2.0), st.just(math.nan)), min_size=1, max_size=40), st.integers(2, 15))
def test_rolling_is_the_window_ending_at_each_value(values, lookback):
    array = np.array(values)
    rank, percentile = np.empty(len(array)), np.empty(len(array))
    observed = np.empty(len(array), dtype=np.int64)
    rolling_rank_and_percentile(array, lookback, rank, percentile, observed)
    for i in range(len(array)):
        window = [v for v in values[max(0, i + 1 - lookback) : i + 1] if not math.isnan(v)]
        assert observed[i] == len(window)
        if math.isnan(values[i]) or min(window) == max(window):
            assert math.isnan(rank[i])
            assert math.isnan(percentile[i])
        else:
            low, high = min(window), max(window)
            assert math.isclose(rank[i], 100 * (values[i] - low) / (high - low), abs_tol=1e-9)
            below = sum(v < values[i] for v in window) / (len(window) - 1)
            assert math.isclose(percentile[i], 100 * below, abs_tol=1e-9)


@given(
    st.lists(st.one_of(st.floats(0.05, 2.0), st.sampled_from([0.3, 0.4]), st.just(math.nan)), min_size=1, max_size=60),
    st.integers(1, 12),
)
def test_rolling_rank_is_the_rank_of_every_window(values, lookback):
    array = np.array(values)
    rank, seen = np.empty(len(values)), np.empty(len(values), dtype=np.int64)
    rolling_rank(array, lookback, rank, seen)
    for i in range(len(values)):
        wanted, _, observed = rank_and_percentile(array[max(0, i + 1 - lookback) : i + 1].copy())
        assert seen[i] == observed
        assert rank[i] == pytest.approx(wanted, nan_ok=True, abs=1e-9)
