"""Oracles: packages summed move by move, and the raw returns behind the constants."""

import importlib.util
import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from iwm_opts.api.chain import read_chain
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.report.screen_table import empirical_words
from iwm_opts.spreads.analysis import Terms, analyse
from iwm_opts.spreads.empirical import MOVES, PARTS, empirical, rank_group
from iwm_opts.spreads.iron_condor import iron_condors
from iwm_opts.spreads.legs import DeltaRange, Wing

TERMS = Terms(FillModel.parse("natural"), FeeSchedule.parse("commission=1,exercise=5"))
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def condor(table):
    near = DeltaRange(0.16, 0.16)
    return analyse(table, iron_condors(table, near, near, [(Wing(5.0), Wing(5.0))]), TERMS)


@pytest.mark.parametrize(("rank", "group"), [(0.0, "below 20"), (19.99, "below 20"), (20.0, "20 to 50"),
                                             (50.0, "50 and above"), (100.0, "50 and above"), (None, "any"),
                                             (math.nan, "any")])  # fmt: skip
def test_ranks_fall_into_groups(rank, group):
    assert rank_group(rank) == group


def test_gains_are_those_of_each_move_leg_by_leg(table, condor):
    found = empirical(table, condor, 0, 0.05**2, 10.0, TERMS)
    rows, discount = condor.packages.index[0], table.smile.discount
    totals, puts, calls = [], [], []
    for move in MOVES["below 20"].parts:
        spot, by_side, costs = table.forward.price * math.exp(0.05 * move), {-1.0: 0.0, 1.0: 0.0}, 4.0
        for row, sign in zip(rows, (1, -1, -1, 1), strict=True):
            right, payoff = table.right[row], max(table.right[row] * (spot - table.strike[row]), 0.0)
            gain = discount * payoff + table.early_exercise[row] - 0.5 * (table.bid[row] + table.ask[row])
            by_side[right] += 100 * sign * gain
            costs += 100 * 0.5 * (table.ask[row] - table.bid[row]) + 5.0 * (payoff > 0)
        puts.append(by_side[-1.0])
        calls.append(by_side[1.0])
        totals.append(by_side[-1.0] + by_side[1.0] - costs)
    assert found.expected_profit.estimate == pytest.approx(np.mean(totals))
    assert found.put_side.estimate == pytest.approx(np.mean(puts))
    assert found.call_side.estimate == pytest.approx(np.mean(calls))
    reach = 1.959964 * np.std(calls) / math.sqrt(MOVES["below 20"].independent)
    assert found.call_side.high - found.call_side.estimate == pytest.approx(reach, rel=1e-5)
    free = Terms(FillModel.parse("mid"), FeeSchedule.parse("commission=0"))
    at_mid = analyse(table, condor.packages, free).expected_profit[0]
    assert found.put_side_smile + found.call_side_smile == pytest.approx(at_mid)


def test_without_a_move_everything_is_kept(table, condor):
    found = empirical(table, condor, 0, 0.0, None, TERMS)
    kept = 100 * condor.fills.price[0] - 4.0
    early = 100 * (table.early_exercise[condor.packages.index[0]] * [1, -1, -1, 1]).sum()
    assert found.expected_profit.estimate == pytest.approx(kept + early)
    assert found.expected_profit.low == pytest.approx(found.expected_profit.high)


def test_another_symbol_is_told_that_the_returns_are_a_stand_in(table, condor):
    found = empirical(table, condor, 0, 0.05**2, None, TERMS)
    assert "stand-in for SPX" in empirical_words(found, "SPX")
    assert "stand-in" not in empirical_words(found, "IWM")


def test_moves_are_parts_of_sorted_returns():
    for moves in MOVES.values():
        assert len(moves.parts) == PARTS
        assert list(moves.parts) == sorted(moves.parts)
    groups = [MOVES[name] for name in ("below 20", "20 to 50", "50 and above")]
    assert sum(moves.windows for moves in groups) <= MOVES["any"].windows


@pytest.mark.market_data
def test_constants_are_measured_again(market_data, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    spec = importlib.util.spec_from_file_location("empirical_measure", EXAMPLES / "empirical_measure.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    frame = module.standardised_returns(market_data)
    for name, moves in MOVES.items():
        low, high = module.RANKS[name]
        chosen = (frame["rank"] >= low) & (frame["rank"] < high) | (name == "any")
        returns = np.sort(frame["move"][chosen].to_numpy())
        assert len(returns) == moves.windows
        assert [part.mean() for part in np.array_split(returns, PARTS)] == pytest.approx(moves.parts, abs=6e-4)
        assert module.independent(frame, chosen.to_numpy()) == pytest.approx(moves.independent, abs=0.6)
        # A part stands for its returns: payoffs of verticals at 1 and 1.35 standard deviations keep their mean.
        for side in (-1.0, 1.0):
            payoff = [np.clip(side * np.asarray(x) - 1.0, 0.0, 0.35).mean() for x in (returns, moves.parts)]
            assert payoff[0] == pytest.approx(payoff[1], abs=0.002)


@pytest.mark.market_data
def test_calls_are_dearer_to_sell_than_a_driftless_smile_says(market_data):
    files = sorted((market_data / "options").glob("IWM_cboe_full_20260615_20260702*"))
    chain = read_chain(str(files[0]), as_of=date(2026, 6, 26))
    table = chain.snapshot.table(date(2026, 7, 31))
    near = DeltaRange(0.16, 0.16)
    found = empirical(table, analyse(table, iron_condors(table, near, near, [(Wing(5.0), Wing(5.0))]), Terms()), 0,
                      0.2535**2 * table.years, None, Terms())  # fmt: skip
    # A desk's own bootstrap of 2009 to 2025: put +18.3 (se 7.2), call -5.9 (7.9); product put +8.5, call +12.2.
    assert found.put_side.estimate == pytest.approx(18.3, abs=2.0)
    assert found.call_side.estimate == pytest.approx(-5.9, abs=7.9)
    assert found.call_side.estimate < 0.0  # on the forward: its 3.6% of carry were a gain of the calls otherwise
    assert (found.put_side.high - found.put_side.low) / 3.92 == pytest.approx(7.2, rel=0.35)
    assert found.call_side_smile > found.call_side.estimate + 5.0
