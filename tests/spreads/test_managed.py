"""Managed expectancy of candidates on a made chain."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.market.capture import make_chain
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.spreads.managed import ManagedTerms, path_model, position_of, session_curve
from iwm_opts.spreads.typed import TypedLeg

CONDOR = [TypedLeg.parse(text) for text in ("+1P180", "-1P185", "-1C213", "+1C218")]
EXPIRATION = date(2026, 4, 17)


@pytest.fixture(scope="module")
def snapshot(made_quotes):
    return take_snapshot(make_chain(made_quotes(), symbol="IWM", source="made"), rate=0.04, exercise="european")


def outlook(snapshot, exits, ratio=0.81, fill="mid", fees="zero", credit=None):
    table = snapshot.table(EXPIRATION)
    schedule = FeeSchedule.parse(fees)
    position = position_of(table, CONDOR, 0.0 if credit is None else credit, schedule)
    if credit is None:
        mid = 0.5 * (position.bid + position.ask)
        position = position_of(table, CONDOR, -float((mid * position.legs.contracts).sum()), schedule)
    terms = ManagedTerms(exits, FillModel.parse(fill), schedule, ratio, FillModel.parse("mid"))
    return path_model(table, snapshot).outlook(position, terms)[0]


def test_a_fair_game_costs_nothing(snapshot):
    """At a ratio of 1, at mid and without fees or exits on price, nothing is expected: the smile prices the package."""
    stated = outlook(snapshot, ExitLevels(profit=None, stop=None, dte=21), ratio=1.0)
    assert stated.prob_target == stated.prob_stop == 0.0
    assert stated.days_held == 25.0
    assert abs(stated.expected_profit) < 4.0 * stated.error + 2.0


def test_less_variance_pays_the_seller_and_costs_are_taken_off(snapshot):
    exits = ExitLevels()
    calm, fair, wild = (outlook(snapshot, exits, ratio).expected_profit for ratio in (0.6, 0.81, 1.2))
    assert calm > fair > wild
    dear = outlook(snapshot, exits, fill="natural", fees="tastytrade").expected_profit
    assert dear < fair - 5.0


def test_stops_pay_the_quoted_spread_once():
    terms = ManagedTerms(ExitLevels(), FillModel.parse("mid"), FeeSchedule.parse("zero"), 0.81)
    assert terms.stop_fill == FillModel.parse("natural")


def test_probabilities_move_with_the_levels(snapshot):
    near, far = (outlook(snapshot, ExitLevels(profit=level)) for level in (0.2, 0.7))
    assert near.prob_target > far.prob_target + 0.2
    assert near.days_held < far.days_held
    tight, loose = (outlook(snapshot, ExitLevels(stop=level)) for level in (0.5, 3.0))
    assert tight.prob_stop > loose.prob_stop
    low, high = near.prob_target_interval
    assert low < near.prob_target < high
    assert near.expected_profit_interval[0] <= near.expected_profit <= near.expected_profit_interval[1]


def test_the_same_chain_gives_the_same_figures(snapshot):
    assert outlook(snapshot, ExitLevels()) == outlook(snapshot, ExitLevels())


def test_variance_accrues_by_session_and_slower_under_a_lower_iv10():
    moment = datetime(2026, 3, 2, 16, tzinfo=ZoneInfo("America/New_York"))
    flat, rising = (session_curve(moment, EXPIRATION, near, 0.20) for near in (0.20, 0.12))
    assert flat.days_left[0] == 45.0
    assert flat.elapsed[-1] == rising.elapsed[-1] == 1.0
    weekend = np.diff(flat.elapsed)[3]  # from Friday 6 to Monday 9 March: 1.6 effective days against 1
    assert weekend / np.diff(flat.elapsed)[0] == pytest.approx(1.6)
    assert (rising.elapsed[:-1] < flat.elapsed[:-1]).all()
