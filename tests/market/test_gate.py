from datetime import date

import numpy as np
import pytest

from iwm_opts.market.gate import ivr_gate
from iwm_opts.market.iv_rank import IvRank


def ranked(rank, reason="", missed=0, observations=252):
    return IvRank("RVX", 0.2, date(2025, 6, 3), 30, rank, 50.0, 252, observations, missed, True, "", reason, ())


@pytest.mark.parametrize(("rank", "is_open"), [(0.0, True), (19.99, True), (20.0, False), (100.0, False)])
def test_open_strictly_below(rank, is_open):
    gate = ivr_gate(ranked(rank), 20.0)
    assert gate.is_open is is_open
    assert gate.condition == "IV rank < 20"
    assert f"RVX ranks {rank:.1f} on 2025-06-03" in gate.reasons[0]


def test_closed_without_a_rank_and_says_why():
    assert ivr_gate(None, 20.0).reasons == ("no IV history to rank within; give --iv-history",)
    gate = ivr_gate(ranked(np.nan, "every observation is the same"), 20.0)
    assert not gate.is_open
    assert "every observation is the same" in gate.reasons[0]


def test_a_stale_rank_opens_no_gate():
    assert ivr_gate(ranked(10.0, missed=5), 20.0).is_open
    gate = ivr_gate(ranked(10.0, missed=6), 20.0)
    assert not gate.is_open
    assert "6 sessions ago" in gate.reasons[0]


def test_a_few_observations_open_no_gate():
    assert ivr_gate(ranked(10.0, observations=126), 20.0).is_open
    gate = ivr_gate(ranked(0.0, observations=2), 20.0)
    assert not gate.is_open
    assert "2 of 252 sessions" in gate.reasons[0]
