import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.backtest.share_exits import ShareExits
from iwm_opts.risk.sizing import share_size
from tests.refusals import refused


def test_the_lower_of_the_two_stops():
    exits = ShareExits()
    # entry 100, ATR 2: one ATR below is 98; a prior low of 97.5 less 0.1 ATR is 97.3
    assert exits.stop(100.0, 97.5, 2.0) == pytest.approx(97.3)
    assert exits.stop(100.0, 99.0, 2.0) == pytest.approx(98.0)
    # mirrored: the higher of 102 and the prior high plus 0.2
    assert exits.stop(100.0, 103.0, 2.0, sign=-1) == pytest.approx(103.2)
    assert exits.stop(100.0, 101.0, 2.0, sign=-1) == pytest.approx(102.0)


def test_target_and_time():
    exits = ShareExits(max_sessions=10)
    assert exits.target(100.0, 2.0) == pytest.approx(104.0)
    assert exits.target(100.0, 2.0, sign=-1) == pytest.approx(96.0)
    assert ShareExits(target_atr=None).target(100.0, 2.0) is None
    assert not exits.is_slow(2, -5.0, 2.0)  # not yet
    assert exits.is_slow(3, 1.9, 2.0)
    assert not exits.is_slow(3, 2.0, 2.0)  # one ATR of progress
    assert not exits.is_slow(4, 0.0, 2.0)  # it is asked once, at the third close
    assert exits.is_slow(10, 9.0, 2.0)


@given(st.floats(10, 500), st.floats(0.9, 1.1), st.floats(0.05, 10), st.sampled_from([1, -1]))
def test_the_stop_is_at_least_one_atr_on_the_losing_side(entry, prior, atr, sign):
    stop = ShareExits().stop(entry, prior * entry, atr, sign)
    assert sign * (entry - stop) >= atr * (1 - 1e-9)
    mirrored = ShareExits().stop(-entry, -prior * entry, atr, -sign)
    assert mirrored == pytest.approx(-stop)


def test_the_strategy_s_sizing_example():
    # ATR 2.20, $500 at risk, one ATR of stop: 500 / 2.20 = 227.27
    exits = ShareExits()
    stop = exits.stop(200.0, 199.5, 2.20)
    assert stop == pytest.approx(197.80)
    assert share_size(50_000, 0.01, 200.0, stop).contracts == 227
    # a stop expected to fill two cents beyond costs two shares: 500 / 2.22 = 225.2
    assert share_size(50_000, 0.01, 200.0, stop, slippage=0.02).contracts == 225


@pytest.mark.parametrize("wrong", [{"stop_atr": 0.0}, {"low_buffer": -0.1}, {"target_atr": 0.0}, {"max_sessions": 0}])
def test_rules_out_of_range_are_refused(wrong):
    with refused(*next(iter(wrong.items()))):
        ShareExits(**wrong)
