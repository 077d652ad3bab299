import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.backtest.gate import is_open, known_ranks
from iwm_opts.backtest.rules import GateRule
from iwm_opts.market.calendar import sessions
from iwm_opts.market.gate import gate_ranks, ivr_gate, known_rank
from iwm_opts.market.iv_rank import IvHistory, IvRank, iv_rank
from iwm_opts.market.signals import allowed_on
from iwm_opts.plans.edges import VolContraction
from tests.refusals import shows


def ranked(rank, reason="", missed=0, observations=252):
    return IvRank("RVX", 0.2, date(2025, 6, 3), 30, rank, 50.0, 252, observations, missed, True, "", reason, ())


@pytest.mark.parametrize(("rank", "is_open"), [(0.0, True), (19.99, True), (20.0, False), (100.0, False)])
def test_open_strictly_below(rank, is_open):
    gate = ivr_gate(ranked(rank), 20.0)
    assert gate.is_open is is_open
    assert gate.condition == "IV rank < 20"
    assert f"RVX ranks {rank:.1f} on 2025-06-03" in gate.reasons[0]


def test_closed_without_a_rank_and_says_why():
    assert ivr_gate(None, 20.0).reasons == ("no IV history to rank within; give `iv_history`",)
    gate = ivr_gate(ranked(np.nan, "made"), 20.0)
    assert not gate.is_open
    assert "made" in gate.reasons[0]


def test_a_stale_rank_opens_no_gate():
    assert ivr_gate(ranked(10.0, missed=5), 20.0).is_open
    gate = ivr_gate(ranked(10.0, missed=6), 20.0)
    assert not gate.is_open
    # The file ends, not the index: Cboe goes on publishing RVX.
    assert gate.reasons[0].startswith("values given of RVX end on 2025-06-03, 6 sessions ago: too old")


def test_a_few_observations_open_no_gate():
    assert ivr_gate(ranked(10.0, observations=202), 20.0).is_open
    for observations in (2, 151, 201):  # 60% and just under 80% of 252
        gate = ivr_gate(ranked(0.0, observations=observations), 20.0)
        assert not gate.is_open
        assert f"{observations} of 252 sessions" in gate.reasons[0]


@given(st.lists(st.sampled_from([0.18, 0.2, 0.21, 0.25, np.nan]), min_size=30, max_size=60))
def test_screen_backtest_and_plan_agree_on_every_day(values):
    days = [day.item() for day in sessions(date(2024, 1, 2), date(2024, 5, 31))][: len(values) + 8]
    closes = pd.Series(values, index=pd.DatetimeIndex(days[: len(values)]), dtype=float).dropna()
    if closes.empty:
        return
    history = IvHistory("made", 10, closes, proxy=False, note="")
    edge = VolContraction(below=20.0, lookback=20)
    backtest = is_open(known_ranks(days, history, GateRule(below=20.0, lookback=20)), GateRule(below=20.0, lookback=20))
    plan = allowed_on(edge.signals(history), days)
    for place, day in enumerate(days):
        if closes.index[0].date() < day:
            screen = ivr_gate(iv_rank(history, day, 20), 20.0).is_open
            assert screen == backtest[place] == plan[place]


def test_a_rank_is_carried_over_five_sessions_and_no_further():
    days = pd.DatetimeIndex(sessions(date(2024, 1, 2), date(2024, 3, 28)))
    closes = pd.Series(np.linspace(0.3, 0.2, 30), index=days[:30])
    ranks = gate_ranks(IvHistory("made", 10, closes, proxy=False, note=""), 20)
    assert ranks.index.equals(days[:35])
    assert ranks.iloc[15:].eq(0.0).all()


def test_the_rank_of_the_session_before_is_named():
    assert shows(ivr_gate(ranked(10.0), 20.0).reasons[0], "2025-06-03 (the close before)")
    assert "on 2025-06-03," in ivr_gate(ranked(10.0, missed=2), 20.0).reasons[0]


def test_a_rank_that_no_gate_opens_on_is_unknown():
    assert known_rank(ranked(12.0)) == 12.0
    assert known_rank(ranked(95.0)) == 95.0
    for unusable in (ranked(12.0, missed=265), ranked(12.0, observations=100), ranked(math.nan), None):
        assert known_rank(unusable) is None
