from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from iwm_opts.backtest.metrics import Period
from iwm_opts.backtest.trial import package_gains
from iwm_opts.conventions import Provenance
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.instruments import compare_instruments, defined_less_naked, trading_costs
from iwm_opts.plans.plan import make_usual_plan
from iwm_opts.plans.plan_backtest import Stage, engine_rules
from iwm_opts.plans.runner import backtest_plan
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.surface_days import SurfaceDays
from tests.refusals import refused

OPEN = {"macro": {"enabled": False}, "checklist": {"minimum": 1, "criteria": ("quiet", "market-trend", "calm")}}


@pytest.fixture(scope="module")
def stage():
    market = simulate_market(date(2022, 1, 3), date(2024, 6, 28), seed=13)
    funds = {symbol: market.bars(symbol) for symbol in market.parameters.companions}
    inputs = Inputs(market.bars(), funds, market.iv_history())
    return Stage(Period("all", date(2023, 3, 1), market.days[-1]), inputs, SurfaceDays(market, date(2023, 3, 1)))


def test_an_edge_in_every_instrument_that_fits(stage):
    plan = make_usual_plan("mean-reversion", **OPEN, **{"mean-reversion": {"declines": 2, "total": "1%"}})
    found = compare_instruments(plan, stage)
    assert [one.entries for one in found] == 3 * ["the whole plan"] + 3 * ["every signal of the edge"]
    results = {one.instrument: one for one in found[:3]}
    assert list(results) == ["shares", "options", "vertical"]
    for one, every in zip(found[:3], found[3:], strict=True):
        assert set(one.result.trades["entry"]) <= set(every.result.trades["entry"])
        assert every.result.counts["signals"] == one.result.counts["signals"]
    costs = results["vertical"].result.trades
    paid = costs["entry_slippage"] + costs["exit_slippage"] + costs["fees"]
    assert trading_costs(costs) == pytest.approx(paid.sum())
    assert trading_costs(results["shares"].result.trades) > 0.0
    entries = {name: set(one.result.trades["entry"].dt.date) for name, one in results.items()}
    assert entries["vertical"] <= set(stage.market.days)
    for name, one in results.items():
        trades = one.result.trades
        assert len(trades) > 5, name
        assert one.on_risk.estimate == pytest.approx((trades["pnl"] / trades["risk"]).mean())
        assert one.worst_on_risk == pytest.approx(-(trades["pnl"] / trades["risk"]).min())
    assert results["vertical"].worst_on_risk <= 1.01  # defined risk, and the fees of closing on top
    assert results["options"].worst_on_risk <= 1.01


def test_defined_risk_against_naked_options_is_measured(stage):
    plan = make_usual_plan("mean-reversion", **OPEN, **{"mean-reversion": {"declines": 2, "total": "1%"}})
    results = compare_instruments(plan, stage)
    found = defined_less_naked(results)
    assert [one.entries for one in found] == ["the whole plan", "every signal of the edge"]
    for one in found:
        means = {
            other.instrument: (other.result.trades["pnl"] / other.result.trades["risk"]).mean()
            for other in results
            if other.entries == one.entries
        }
        assert one.gain.estimate == pytest.approx(means["vertical"] - means["options"])
        assert one.gain.low < one.gain.estimate < one.gain.high
        told = "inconclusive" if one.gain.low <= 0.0 <= one.gain.high else "vertical"
        assert told in one.verdict
    assert defined_less_naked([one for one in results if one.instrument != "options"]) == []


def test_condors_of_a_plan_are_the_engine_s(stage):
    plan = make_usual_plan("vol-contraction", **OPEN)
    rules = engine_rules(plan, "iron-condor")
    assert (rules.entry.dte, rules.entry.put_delta, rules.exit.profit, rules.exit.stop) == (45, 0.16, 0.5, 2.0)
    result = backtest_plan(plan, [stage]).stress[0]
    assert result.metrics.trades > 0
    ranks = result.trades["rank"].to_numpy()
    assert (ranks < 20.0).all()  # the plan's own signal is the gate


def test_a_vertical_is_chosen_by_the_rank_of_the_close_before(stage):
    plan = make_usual_plan(
        "mean-reversion", instrument="vertical", **OPEN, **{"mean-reversion": {"declines": 2, "total": "1%"}}
    )
    trades = backtest_plan(plan, [], [stage]).ranges[0].trades
    credit = trades["credit"] > 0.0
    assert credit.any()
    assert (~credit).any()
    assert (trades.loc[credit, "rank"] >= 50.0).all()
    assert not (trades.loc[~credit, "rank"] >= 50.0).any()


def test_options_need_a_market(stage):
    with refused("source", None, "`source` modelled or sim"):
        compare_instruments(make_usual_plan("mean-reversion", **OPEN), Stage(stage.period, stage.data))


def test_a_plan_in_options_has_the_bands_of_markets_made_with_other_spreads(stage, monkeypatch):
    plan = make_usual_plan(
        "mean-reversion", instrument="vertical", **OPEN, **{"mean-reversion": {"declines": 2, "total": "1%"}}
    )
    half = replace(stage, period=Period("half", stage.period.first, date(2023, 10, 31)))
    monkeypatch.setattr(SurfaceDays, "provenance", Provenance.MODELLED)
    found = backtest_plan(plan, [half], [stage])
    spread = stage.market.market.parameters.spread
    gains = []
    for factor in (0.7, 1.0, 1.4):
        coefficients = (spread.coefficients[0] + np.log(factor), *spread.coefficients[1:])
        parameters = replace(stage.market.market.parameters, spread=replace(spread, coefficients=coefficients))
        market = stage.market.under(parameters)
        result = backtest_plan(plan, [replace(half, market=market)], [replace(stage, market=market)])
        gains.append([package_gains(each.trades).mean() for each in (*result.stress, *result.ranges)])
    for each, made in zip((*found.stress, *found.ranges), zip(*gains, strict=True), strict=True):
        smile, spreads = each.uncertainty.bands
        assert (spreads.low, spreads.high) == pytest.approx((min(made), max(made)))
        estimate = each.uncertainty.per_trade.estimate
        assert estimate == pytest.approx(package_gains(each.trades).mean())
        assert (smile.low + smile.high) / 2.0 == pytest.approx(estimate)
        assert smile.low < smile.high
    assert backtest_plan(make_usual_plan("mean-reversion", **OPEN), [], [stage]).ranges[0].uncertainty is None  # shares
