import math

import numpy as np
import pytest
from scipy.stats import skew

from iwm_opts.research.facts import FACTS, JOINT, NAMES, History, measure_facts, scaled
from iwm_opts.research.history import real_history, simulated_history
from iwm_opts.simulation.parameters import shipped_parameters


def fact(history, name):
    return measure_facts(history)[NAMES.index(name)]


def history(n=2000, seed=1, **columns):
    rng = np.random.default_rng(seed)
    found = {
        "log_return": 0.01 * rng.standard_normal(n),
        "atr_share": 0.015 + 0.001 * rng.standard_normal(n),
        "iv": 0.2 * np.exp(0.1 * rng.standard_normal(n)),
        "short_slope": 1.0 + 0.1 * rng.standard_normal(n),
        "long_slope": 1.1 + 0.1 * rng.standard_normal(n),
        "slope_level": 0.2 * np.exp(0.1 * rng.standard_normal(n)),
    }
    return History(**found | columns)


def test_realised_vol_looks_at_the_next_21_sessions():
    # Returns of exactly 1% a day are 15.87% a year; with implied vol at 20% the gap is 4.13 points on every day.
    flat = history(600, log_return=np.full(600, 0.01), iv=np.full(600, 0.2) + 1e-9 * np.arange(600))
    assert fact(flat, "IV30 less realised, mean") == pytest.approx(20.0 - math.sqrt(252.0), abs=1e-3)
    assert fact(flat, "realised below IV30") == 1.0
    assert fact(flat, "realised over implied variance") == pytest.approx(252 * 1e-4 / 0.04, rel=1e-5)


def test_a_change_in_the_past_is_not_seen_by_realised_vol():
    late = np.full(600, 0.01)
    late[-21:] = 0.05
    one = measure_facts(history(600, log_return=late))
    assert np.isfinite(one[NAMES.index("IV30 less realised, mean")])


def test_leverage_and_the_skew_of_a_month_by_plain_loops():
    r = 0.01 * np.random.default_rng(4).standard_t(4, 400)
    echo = [r[t] * sum(r[t + k] ** 2 for k in range(1, 11)) / 10 for t in range(len(r) - 10)]
    months = [sum(r[t + 1 : t + 22]) for t in range(len(r) - 21)]
    found = history(400, log_return=r)
    assert fact(found, "leverage, return on variance of the next 10") == pytest.approx(np.mean(echo) / r.std() ** 3)
    assert fact(found, "return of 21 sessions, skew") == pytest.approx(skew(months))


def test_gaps_are_left_out():
    short = np.full(2000, np.nan)
    short[1000:] = history().short_slope[1000:]
    assert fact(history(short_slope=short), "short slope mean") == pytest.approx(short[1000:].mean())


def test_a_market_without_an_index_of_its_slope_has_the_other_facts():
    bare = np.full(2000, np.nan)
    found = measure_facts(history(short_slope=bare, long_slope=bare))
    assert [name for name, value in zip(NAMES, found, strict=True) if np.isnan(value)] == [
        n for n in NAMES if "slope" in n
    ]


def test_measuring_on_every_session_is_measuring():
    one = history()
    assert measure_facts(one, np.arange(len(one))) == pytest.approx(measure_facts(one), nan_ok=True)


def test_scales_keep_the_order_of_values():
    values = measure_facts(history())
    for step in (1.0001, 1.01):
        moved = scaled(values * step) - scaled(values)
        assert (moved * values >= 0.0).all()
    assert len(set(NAMES)) == len(FACTS) == 50
    assert JOINT.sum() == 45


@pytest.mark.market_data
def test_the_real_market(history_files):
    # 2009-09-16 to 2025-06-04: figures measured independently from the same files.
    real = real_history(history_files, "2009-09-16", "2025-06-04")
    wanted = {
        "return vol": (0.225, 5e-4), "return kurtosis": (7.5, 0.15), "|return| autocorrelation 21": (0.14, 5e-3),
        "ATR share mean": (0.0180, 5e-5), "ATR share median": (0.0161, 5e-5), "IV30 mean": (23.7, 0.05),
        "log IV30 autocorrelation 252": (0.24, 5e-3), "log IV30 change kurtosis": (5.6, 0.1),
        "log IV30 change and return": (-0.73, 5e-3), "IV30 less realised, median": (4.5, 0.05),
        "realised over implied variance": (0.81, 5e-3), "short slope mean": (0.951, 5e-4),
        "long slope and log level": (-0.68, 1e-2),
    }  # fmt: skip
    assert len(real) == 3949
    for name, (value, slack) in wanted.items():
        assert fact(real, name) == pytest.approx(value, abs=slack), name


def test_simulated_histories_have_every_fact():
    found = measure_facts(simulated_history(shipped_parameters(), 1000, seed=1))
    assert np.isfinite(found).all()
