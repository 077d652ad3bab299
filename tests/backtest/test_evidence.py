"""A gate that knows is told from one that does not; break-even points stand where gains are zero."""

import math
from dataclasses import replace
from itertools import groupby

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.baselines import prepare_baselines, random_gate, strategy, without_gate
from iwm_opts.backtest.bootstrap import ratio_interval
from iwm_opts.backtest.breakeven import (
    breakeven_premium,
    breakeven_slippage,
    prepared_at,
    repriced,
    scaled_premium,
)
from iwm_opts.backtest.engine import backtest, prepare, run, run_totals
from iwm_opts.backtest.evidence import gather_evidence
from iwm_opts.backtest.factors import family_test, variants
from iwm_opts.backtest.rules import Costs, ExitRule, GateRule
from iwm_opts.backtest.selection import superior_ability
from iwm_opts.backtest.trial import package_gains, risk_sample, trade_sample
from iwm_opts.execution.fills import FillModel
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.report.evidence_table import evidence_table
from iwm_opts.report.finding import finding
from iwm_opts.simulation.parameters import Premium
from iwm_opts.spreads.legs import Wing
from tests.refusals import shows


def mean_gain(results):
    """Mean gain of a package over the trades of all results, dollars."""
    return np.concatenate([package_gains(result.trades) for result in results]).mean()


@pytest.fixture(scope="module")
def many(small_rules):
    """Rules that open every day, so that few trades are kept out by others."""
    return replace(small_rules, entry=replace(small_rules.entry, max_open=60))


@pytest.fixture(scope="module")
def rivals(small_trials, many):
    return [prepare_baselines(one, many) for one in small_trials]


def with_history(trial, is_low):
    """The trial with a history whose close before each day is low, rank 0, where the flag of the day says so."""
    days = pd.DatetimeIndex(trial.history.closes.index)
    flags = pd.Series(is_low, index=pd.DatetimeIndex(trial.market.days)).reindex(days).fillna(True).to_numpy(bool)
    closes = pd.Series(np.where(np.roll(flags, -1), 0.1, 0.3), index=days)
    closes.iloc[0] = 0.3
    return replace(trial, history=IvHistory("made", 10, closes, proxy=False, note=""))


def knowing(trial, rules):
    """A history that knows which entries will gain: no real one can."""
    gains = run(prepare(trial.market, trial.history, replace(rules, gate=GateRule(None, lookback=20)))).trades
    good = set(gains[gains["pnl"] > gains["pnl"].median()]["entry"])
    return with_history(trial, [pd.Timestamp(day) in good for day in trial.market.days])


def test_a_gate_that_knows_the_future_is_found(small_trials, many):
    trials = [knowing(one, many) for one in small_trials]
    found = gather_evidence(trials, many, draws=199, random_draws=40, wants_premium=False)
    assert found.differences[0].per_trade.low > 0
    assert found.differences[1].per_trade.low > 0
    assert found.differences[2].p_value == pytest.approx(1 / 41)
    assert shows(finding(found), "Evidence", "gate")
    assert "SIMULATED DATA" in finding(found)
    assert found.premium is None
    gains = np.concatenate([package_gains(one.trades) for one in found.strategy.results.results])
    assert found.strategy.per_trade.estimate == pytest.approx(gains.mean())


def test_gates_that_know_nothing_are_seldom_believed(rivals):
    believed = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        blind = [
            replace(one, gated=replace(one.gated, ranks=np.repeat(rng.uniform(0, 100, 60), 4)[: len(one.gated.ranks)]))
            for one in rivals
        ]
        pairs = [(strategy(one), without_gate(one)) for one in blind]
        sample = [np.hstack([trade_sample(a), trade_sample(b)]) for a, b in pairs]
        believed += ratio_interval(sample, 14, seed, draws=99).excludes_zero
    assert believed <= 4


def test_without_a_trade_there_is_no_evidence(small_trials, small_rules):
    rules = replace(small_rules, gate=GateRule(below=0.0, lookback=20))
    found = gather_evidence(small_trials, rules, draws=19, random_draws=3, wants_premium=False)
    assert shows(finding(found), "No evidence", "no trade")
    assert math.isnan(found.strategy.per_trade.estimate)
    assert found.slippage.reason == "no trades"


def test_few_trades_are_called_few(small_trials, small_rules):
    rules = replace(small_rules, entry=replace(small_rules.entry, max_open=1), gate=GateRule(10.0, lookback=20))
    found = gather_evidence(small_trials[:1], rules, draws=99, random_draws=3, wants_premium=False)
    assert found.strategy.independent < 10
    assert shows(finding(found), "too few")


def test_one_seed_is_one_answer(small_trials, small_rules):
    one, again = (
        gather_evidence(small_trials, small_rules, seed=9, draws=49, random_draws=5, wants_premium=False)
        for _ in range(2)
    )
    assert one.differences == again.differences
    assert finding(one) == finding(again)


def test_one_factor_at_a_time_is_the_backtest_of_each(small_trials, small_rules):
    one_each = replace(small_rules, size=replace(small_rules.size, contracts=1))
    by_risk = replace(small_rules, size=replace(small_rules.size, contracts=None))
    found = gather_evidence(small_trials, by_risk, draws=19, random_draws=3, wants_premium=False).factors
    by_name = {factor.name: factor for factor in found}
    wide = Wing.parse("4%")
    changed = {
        "as given": one_each,
        "wings 4%": replace(one_each, entry=replace(one_each.entry, put_wing=wide, call_wing=wide)),
        "no stop": replace(one_each, exit=replace(one_each.exit, stop=None)),
        "held to expiry": replace(one_each, exit=ExitRule(None, None, dte=None)),
    }
    for name, rules in changed.items():
        gated = [backtest(trial.market, trial.history, rules) for trial in small_trials]
        free = replace(rules, gate=replace(rules.gate, below=None, at_least=None))
        ungated = [backtest(trial.market, trial.history, free) for trial in small_trials]
        assert by_name[name].trades == sum(len(result.trades) for result in gated)
        assert by_name[name].gated.estimate == pytest.approx(mean_gain(gated))
        assert by_name[name].ungated_trades == sum(len(result.trades) for result in ungated)
        assert by_name[name].ungated.estimate == pytest.approx(mean_gain(ungated))
    assert len({factor.gated.estimate for factor in found}) > 5


def test_all_factors_are_tested_against_luck_together(small_trials, small_rules):
    evidence = gather_evidence(small_trials, small_rules, draws=19, random_draws=3, wants_premium=False)
    one_each = replace(small_rules, size=replace(small_rules.size, contracts=1))
    gains = []
    for rules in variants(one_each).values():
        free = replace(rules, gate=replace(rules.gate, below=None, at_least=None))
        for each in (rules, free):
            results = [backtest(trial.market, trial.history, each) for trial in small_trials]
            gains.append(np.concatenate([trade_sample(result)[:, 0] for result in results]))
    held = evidence.strategy.metrics.average_sessions
    expected = superior_ability(np.stack(gains, axis=1), math.ceil(2.0 * held), 1, 499)
    test = evidence.factor_test
    assert test.rules == len(gains) > 15
    assert test.p_value == pytest.approx(expected.p_consistent)
    assert test.significant == (expected.p_stepdown < 0.05).sum()


def test_a_short_sample_has_no_figure_a_year(small_trials, small_rules):
    evidence = gather_evidence(small_trials, small_rules, draws=19, random_draws=3, wants_premium=False)
    names = "without the gate", "random entries"
    rows = [line for line in evidence_table(evidence, 120).splitlines() if line.strip().startswith(names)]
    assert [line.count("%") for line in rows] == [1, 0, 0, 0]  # the share of trades won


def test_an_edge_is_significant_and_the_rows_of_luck_are_not():
    rng = np.random.default_rng(4)
    samples = [[np.stack([rng.normal(0.0, 20.0, 400), np.ones(400)], axis=1)] for _ in range(12)]
    assert family_test(samples, 3.0, seed=1).significant == 0
    samples[3][0][:, 0] += 6.0
    test = family_test(samples, 3.0, seed=1)
    assert test.p_value < 0.01
    assert test.significant == 1
    assert family_test([[np.zeros((400, 2))]] * 3, math.nan, seed=1) is None


def test_wings_in_standard_deviations_follow_the_vol(small_trials, small_rules):
    wing = Wing.parse("0.5sd")
    rules = replace(small_rules, entry=replace(small_rules.entry, put_wing=wing, call_wing=wing), gate=GateRule(None))
    rules = replace(rules, gate=GateRule(None, lookback=20), size=replace(rules.size, contracts=1))
    trial = small_trials[0]
    trades = backtest(trial.market, trial.history, rules).trades
    assert len(trades) > 5
    for trade in trades.to_dict("records")[:20]:
        day, expiration = trade["entry"].date(), trade["expiration"].date()
        table = take_snapshot(trial.market.market.chain(day), rate=0.04, exercise="european").table(expiration)
        low, short = (float(leg[3:]) for leg in trade["legs"].split()[:2])
        assert short - low == pytest.approx(0.5 * table.stdev, abs=0.75)  # strikes are a dollar apart


def test_random_gates_are_open_as_often_in_spells_as_long(rivals):
    one = rivals[0]
    spells = sorted(len(list(group)) for is_open, group in groupby(one.open_days[one.ranked]) if is_open)
    rng = np.random.default_rng(2)
    drawn = [random_gate(one, rng) for _ in range(50)]
    assert all(gate.sum() == one.open_days.sum() for gate in drawn)
    assert not any(gate[~one.ranked].any() for gate in drawn)
    assert len({gate.tobytes() for gate in drawn}) > 45
    for gate in drawn:  # two spells may meet, and one may be cut where the shuffled days end
        lengths = sorted(len(list(group)) for is_open, group in groupby(gate[one.ranked]) if is_open)
        assert len(lengths) <= len(spells) + 1
        assert sum(lengths) == sum(spells)
    share = np.mean(drawn, axis=0)[one.ranked]
    assert share.min() > 0.1
    assert share.max() < 0.9


@pytest.mark.parametrize("exit_", [ExitRule(), ExitRule(profit=0.25, stop=1.0, touch=True)])
def test_totals_are_those_of_the_tables(rivals, exit_):
    rng = np.random.default_rng(4)
    for trial in rivals:
        prepared = replace(trial.ungated, rules=replace(trial.ungated.rules, exit=exit_))
        gate = random_gate(trial, rng)
        result, totals = run(prepared, gate), run_totals(prepared, gate)
        trades = result.trades
        assert totals.trades == len(trades) > 5
        assert totals.gain == pytest.approx(package_gains(trades).sum())
        slippage = trades["entry_slippage"] / trades["contracts"]
        assert totals.entry_slippage == pytest.approx(slippage.sum())
        assert totals.slippage == pytest.approx((slippage + trades["exit_slippage"] / trades["contracts"]).sum())
        assert (totals.change, totals.risk) == pytest.approx(tuple(risk_sample(result).sum(axis=0)))


def test_a_gate_reversal_exit_belongs_to_the_gate(small_trials, small_rules):
    rules = replace(small_rules, exit=ExitRule(rank=60.0))
    found = prepare_baselines(small_trials[0], rules)
    assert "gate" in set(strategy(found).trades["reason"])
    assert "gate" not in set(without_gate(found).trades["reason"])


def test_at_the_break_even_slippage_nothing_is_left(kind_trials, small_rules):
    trials = kind_trials
    rules = replace(small_rules, costs=Costs(stop=FillModel.parse("natural")))
    prepared = [prepare(one.market, one.history, rules) for one in trials]
    found = breakeven_slippage(prepared)
    assert found.reason == ""

    def at(share):
        fill, stop = FillModel.parse(f"stress:{share}"), FillModel.parse(f"stress:{max(share, 1.0)}")
        costs = replace(rules.costs, entry=fill, exit=fill, stop=stop)
        return [backtest(t.market, t.history, replace(rules, costs=costs)) for t in trials]

    def gain(share):
        return mean_gain(at(share))

    assert gain(found.share) <= 0.0 < gain(found.share - 0.02)
    assert found.at_mid == pytest.approx(gain(0.0))
    assert found.as_filled == pytest.approx(mean_gain([run(one) for one in prepared]))
    # Slippage takes all that the packages it leaves gain between mids, less their fees.
    left = pd.concat([one.trades for one in at(found.share)])
    wanted = (left["mid_pnl"] - left["fees"]) / left["contracts"]
    assert found.round_trip == pytest.approx(wanted.mean() - gain(found.share), abs=0.01)


def test_at_the_break_even_premium_nothing_is_left(fair_trials, small_rules):
    trials = fair_trials
    found = breakeven_premium(trials, small_rules, seed=1)
    assert found is not None
    assert found.reason == ""
    near = []
    for scale in (found.scale - 0.15, found.scale + 0.15):  # a trade more or less jumps by some dollars
        moved = [repriced(trial.market, trial.history, scale) for trial in trials]
        near.append(mean_gain([backtest(*each, small_rules) for each in moved]))
    assert near[0] < near[1]
    assert near[0] < 3.0
    assert near[1] > -3.0
    assert found.gain_without_premium < 0.0
    assert (found.scale > 1.0) == (found.breakeven_priced_over_realised > found.priced_over_realised)


def test_a_premium_is_scaled_towards_none():
    premium = Premium(level=0.25, fast_shift=-0.125, slow_shift=1.5, jump_ratio=1.5)
    assert scaled_premium(premium, 1.0) == premium
    assert scaled_premium(premium, 0.0) == Premium()
    half = scaled_premium(premium, 0.5)
    assert (half.level, half.fast_shift, half.slow_shift, half.jump_ratio) == (0.125, -0.0625, 0.75, 1.25)


def test_another_premium_changes_prices_and_nothing_else(small_trials):
    one = small_trials[0]
    free, history = repriced(one.market, one.history, 0.0)
    np.testing.assert_array_equal(free.spot, one.market.spot)
    assert (history.closes < one.history.closes).all()
    own_index = free.market.index(one.market.days[20]).iv10
    assert history.closes[pd.Timestamp(one.market.days[20])] == pytest.approx(own_index, rel=0.03)


@pytest.mark.parametrize("scale", [0.0, 0.5])
def test_another_premium_gives_the_gains_of_a_whole_market_under_it(small_trials, small_rules, scale):
    for trial in small_trials:
        priced = trial.market, trial.history
        expected = prepare(*repriced(*priced, scale), small_rules)
        found = prepared_at(trial.prepare(small_rules), *priced, scale)
        np.testing.assert_array_equal(found.ranks, expected.ranks)
        assert found.book.series == expected.book.series
        assert run_totals(found) == pytest.approx(run_totals(expected), abs=1e-9)
