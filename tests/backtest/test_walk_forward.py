from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.engine import backtest, run
from iwm_opts.backtest.gate import is_open
from iwm_opts.backtest.grid import Variant
from iwm_opts.backtest.trial import package_gains
from iwm_opts.backtest.walk_forward import Schedule, longest_trade, scores, spans, walk_trials
from iwm_opts.conventions import Provenance
from iwm_opts.market.calendar import sessions
from iwm_opts.sources.surface_days import SurfaceDays
from tests.refusals import refused


def test_windows_never_share_a_day_and_cover_what_is_left():
    windows = spans(400, Schedule(in_sample=100, out_of_sample=60), 15)
    assert [(w.start, w.stop, w.first, w.last) for w in windows] == [
        (0, 100, 115, 175), (60, 160, 175, 235), (120, 220, 235, 295), (180, 280, 295, 355), (240, 340, 355, 400),
    ]  # fmt: skip
    anchored = spans(400, Schedule(in_sample=100, out_of_sample=60, scheme="anchored"), 15)
    assert {w.start for w in anchored} == {0}
    assert [(w.stop, w.first) for w in anchored] == [(w.stop, w.first) for w in windows]
    with refused("days", 110):
        spans(110, Schedule(in_sample=100), 15)


def test_the_gap_is_the_longest_trade(small_rules, small_trials):
    assert longest_trade([small_rules]) >= backtest_sessions(small_trials[0], small_rules)
    held = replace(small_rules, exit=replace(small_rules.exit, sessions=5))
    assert longest_trade([held]) == 5
    assert longest_trade([held, small_rules]) == longest_trade([small_rules])


@pytest.mark.parametrize("days", [1, 5, 7, 24, 38, 45, 52, 60, 75, 90, 120, 180])
def test_no_trade_is_open_on_both_sides_of_the_gap(small_rules, days):
    """Of every entry in 20 years: sessions until the first that is some calendar days on."""
    entries = pd.DatetimeIndex(sessions(date(2005, 1, 3), date(2024, 12, 31)))
    exits = entries.searchsorted(entries + pd.Timedelta(days=days))
    longest = (exits - np.arange(len(entries)))[exits < len(entries)].max()
    entry = replace(small_rules.entry, dte=days + 5, dte_slack=5)
    rules = replace(small_rules, entry=entry, exit=replace(small_rules.exit, dte=10))
    assert longest <= longest_trade([rules]) <= longest + 3


def backtest_sessions(trial, rules):
    return backtest(trial.market, trial.history, rules).trades["sessions"].max()


@pytest.mark.parametrize("criterion", ["sharpe", "sortino", "pnl"])
def test_scores_are_of_the_days_of_the_window_alone(criterion):
    rng = np.random.default_rng(1)
    levels = 1_000.0 + np.cumsum(rng.normal(0.0, 1.0, (3, 50)), axis=1)
    levels[2] = 1_000.0
    score = scores(levels, np.full(3, 1_000.0), (10, 30), criterion)
    returns = levels[0, 10:30] / levels[0, 9:29] - 1.0
    expected = {
        "sharpe": returns.mean() / returns.std(ddof=1) * 252**0.5,
        "sortino": returns.mean() / (np.minimum(returns, 0.0) ** 2).mean() ** 0.5 * 252**0.5,
        "pnl": levels[0, 29] - levels[0, 9],
    }
    assert score[0] == pytest.approx(expected[criterion])
    assert np.isnan(score[2])
    levels[:, 30:] = 0.0
    assert scores(levels, np.full(3, 1_000.0), (10, 30), criterion)[0] == score[0]


@pytest.fixture(scope="module")
def walk(small_trials, small_rules):
    variants = [
        Variant(number, {"profit": profit}, replace(small_rules, exit=replace(small_rules.exit, profit=profit)))
        for number, profit in enumerate((0.25, 0.5, 0.9))
    ]
    return walk_trials(small_trials, variants, Schedule(in_sample=50, out_of_sample=25)), variants


def test_each_window_trades_its_choice_and_nothing_before_it(walk, small_trials):
    result, _ = walk
    for trial, traded in zip(small_trials, result.result.results, strict=True):
        windows = [window for window in result.windows if window.path == trial.path]
        assert traded.equity.index[0].date() == windows[0].first
        assert traded.trades["entry"].min().date() >= windows[0].first
        for window in windows:
            inside = traded.trades[
                traded.trades["entry"].between(pd.Timestamp(window.first), pd.Timestamp(window.last))
            ]
            alone = backtest(trial.market, trial.history, window.variant.rules).trades
            both = inside.merge(alone, on="entry", suffixes=("", "_alone"))
            assert (both["legs"] == both["legs_alone"]).all()
            assert both["pnl"].to_numpy() == pytest.approx(both["pnl_alone"].to_numpy())
        assert traded.equity["equity"].iloc[-1] - 50_000.0 == pytest.approx(traded.trades["pnl"].sum(), abs=0.02)


def test_a_grid_of_one_is_its_fixed_rule(small_trials, small_rules):
    one = [Variant(0, {"profit": 0.5}, small_rules)]
    result = walk_trials(small_trials[:1], one, Schedule(in_sample=50, out_of_sample=200))
    pd.testing.assert_frame_equal(result.result.results[0].trades, result.default.results[0].trades)
    pd.testing.assert_frame_equal(result.result.results[0].equity, result.default.results[0].equity)
    assert not result.switches


def test_choices_are_best_in_sample_and_hindsight_out_of_sample(walk, small_trials):
    result, variants = walk
    for window in result.windows:
        trial = small_trials[window.path]
        equity = [backtest(trial.market, trial.history, v.rules).equity["equity"] for v in variants]
        first, last = pd.Timestamp(window.in_first), pd.Timestamp(window.in_last)
        returns = [level.pct_change().fillna(level.iloc[0] / 50_000.0 - 1.0)[first:last] for level in equity]
        sharpe = [r.mean() / r.std() * 252**0.5 if r.std() > 0.0 else np.nan for r in returns]
        if not np.isnan(sharpe).all():
            assert window.variant.number == int(np.nanargmax(sharpe))
            assert window.score == pytest.approx(np.nanmax(sharpe))
    assert set(result.drift) == {"profit"}


def test_results_have_the_bands_of_markets_made_with_other_spreads(monkeypatch, small_trials, small_rules):
    monkeypatch.setattr(SurfaceDays, "provenance", Provenance.MODELLED)
    exits = small_rules.exit
    variants = [
        Variant(number, {"profit": profit}, replace(small_rules, exit=replace(exits, profit=profit)))
        for number, profit in enumerate((0.25, 0.9))
    ]
    walk = walk_trials(small_trials, variants, Schedule(in_sample=50, out_of_sample=25))
    assert {window.variant.number for window in walk.windows} == {0, 1}  # the choices differ
    found = {"walk": [], "default": [], "hindsight": []}
    for factor in (0.7, 1.0, 1.4):
        pooled = {name: [] for name in found}
        for trial in small_trials:
            days, spread = trial.market, trial.market.market.parameters.spread
            coefficients = (spread.coefficients[0] + np.log(factor), *spread.coefficients[1:])
            parameters = replace(days.market.parameters, spread=replace(spread, coefficients=coefficients))
            wide = replace(trial, market=days.under(parameters))
            windows = [window for window in walk.windows if window.path == trial.path]
            dates = pd.DatetimeIndex(days.days)

            def traded(rules, first, last, market=wide, dates=dates):
                ready = market.prepare(rules)
                inside = (dates >= pd.Timestamp(first)) & (dates <= pd.Timestamp(last))
                return package_gains(run(ready, is_open(ready.ranks, rules.gate) & inside).trades)

            pooled["walk"] += [traded(each.variant.rules, each.first, each.last) for each in windows]
            for name in ("default", "hindsight"):
                rules = getattr(walk, f"{name}_variant").rules
                pooled[name].append(traded(rules, windows[0].first, days.days[-1]))
        for name, parts in pooled.items():
            found[name].append(np.concatenate(parts).mean())
    for name, result in (("walk", walk.result), ("default", walk.default), ("hindsight", walk.hindsight)):
        smile, spreads = result.uncertainty.bands
        assert (spreads.low, spreads.high) == pytest.approx((min(found[name]), max(found[name])))
        estimate = result.uncertainty.per_trade.estimate
        assert estimate == pytest.approx(package_gains(result.trades).mean())
        assert (smile.low + smile.high) / 2.0 == pytest.approx(estimate)
