from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.gate import is_open, known_ranks
from iwm_opts.backtest.rules import GateRule
from iwm_opts.market.calendar import sessions
from iwm_opts.market.iv_rank import IvHistory, iv_rank

DAYS = [day.item() for day in sessions(date(2024, 1, 2), date(2024, 4, 30))]
CLOSES = pd.Series(0.2 + 0.05 * np.sin(np.arange(len(DAYS)) ** 1.3), index=pd.DatetimeIndex(DAYS))
HISTORY = IvHistory("made", 10, CLOSES, proxy=False, note="")
RULE = GateRule(below=20, lookback=20)


def test_a_day_reads_the_rank_that_a_decision_on_it_would_read():
    found = known_ranks(DAYS, HISTORY, RULE)
    assert np.isnan(found[:16]).all()  # 16 of 20 sessions are the least that counts as observed
    for place in (30, 50, 80):
        assert found[place] == pytest.approx(iv_rank(HISTORY, DAYS[place], 20).rank)


def test_what_comes_later_changes_nothing_known_before():
    changed = CLOSES.copy()
    changed.iloc[40:] = 3.0
    before, after = (known_ranks(DAYS, replace(HISTORY, closes=c), RULE)[:41] for c in (CLOSES, changed))
    np.testing.assert_array_equal(before, after)


def test_an_unknown_rank_opens_no_gate():
    assert is_open(np.array([np.nan, 10.0, 20.0]), RULE).tolist() == [False, True, False]


def test_a_gate_without_bounds_needs_no_history():
    empty = replace(HISTORY, closes=CLOSES.iloc[:0])
    ranks = known_ranks(DAYS, empty, GateRule(below=None))
    assert np.isnan(ranks).all()
    assert is_open(ranks, GateRule(below=None)).all()
