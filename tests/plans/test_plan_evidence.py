from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.metrics import Period
from iwm_opts.market.calendar import sessions
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.plan import make_usual_plan
from iwm_opts.plans.plan_backtest import Stage
from iwm_opts.plans.plan_evidence import plan_evidence
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.surface_days import SurfaceDays
from tests.refusals import refused, shows

DIPS = {"macro": {"enabled": False}, "checklist": {"minimum": 1, "criteria": ("quiet", "stretch")}}
DAYS = pd.DatetimeIndex(sessions(date(2015, 1, 2), date(2021, 12, 31)), name="date")
WHOLE = Period("all", DAYS[0].date(), DAYS[-1].date())


def made(seed, rebound):
    """Returns without memory, but for a rebound in the three sessions after three straight declines over 2.5%."""
    rng = np.random.default_rng(seed)
    returns = 0.012 * rng.standard_normal(len(DAYS))
    for t in range(3, len(DAYS) - 3):
        last = returns[t - 2 : t + 1]
        if (last < 0.0).all() and np.prod(1.0 + last) < 0.975:
            returns[t + 1 : t + 4] += rebound
    close = 100.0 * np.cumprod(1.0 + returns)
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.004, np.minimum(opened, close) * 0.996
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": 1e6, "dividend": 0.0}
    return Inputs(pd.DataFrame(columns, index=DAYS))


def test_a_planted_rebound_is_found():
    found = plan_evidence(make_usual_plan("mean-reversion", **DIPS), Stage(WHOLE, made(3, 0.012)))
    assert [one.name for one in found.rungs] == ["any session", "edge", "whole plan"]
    edge = found.rungs[1]
    assert edge.over_any.excludes_zero
    assert edge.over_any.estimate > 0.3
    assert found.sentence.startswith("The rules help: +")


def test_nothing_planted_is_no_evidence():
    told = [
        plan_evidence(make_usual_plan("mean-reversion", **DIPS), Stage(WHOLE, made(seed, 0.0))).sentence
        for seed in (21, 22, 23)
    ]
    assert sum(one.startswith("No evidence that the rules help") for one in told) >= 2


def test_rungs_are_nested_and_gains_are_of_the_trades():
    plan = make_usual_plan("mean-reversion", **DIPS)
    found = plan_evidence(plan, Stage(WHOLE, made(5, 0.0)))
    every, edge, whole = found.rungs
    assert every.trades > edge.trades >= whole.trades > 0
    assert every.over_any is None
    assert edge.over_any.estimate == pytest.approx(edge.gain.estimate - every.gain.estimate)
    assert 0 < edge.independent <= edge.trades


def test_few_trades_tell_nothing():
    quiet = make_usual_plan("mean-reversion", **DIPS, **{"mean-reversion": {"total": "9%"}})
    found = plan_evidence(quiet, Stage(WHOLE, made(5, 0.0)))
    assert shows(found.sentence, "too few")
    assert not found.rungs[-1].gain.is_known


def test_condors_of_a_plan_against_condors_of_any_session():
    market = simulate_market(date(2022, 1, 3), date(2024, 6, 28), seed=5)
    funds = {symbol: market.bars(symbol) for symbol in market.parameters.companions}
    inputs = Inputs(market.bars(), funds, market.iv_history())
    period = Period("all", date(2023, 3, 1), market.days[-1])
    plan = make_usual_plan("vol-contraction", checklist={"minimum": 1})
    found = plan_evidence(plan, Stage(period, inputs, SurfaceDays(market, date(2023, 3, 1))))
    every, edge, whole = found.rungs
    assert every.trades > edge.trades >= whole.trades > 10
    assert every.independent < 0.5 * every.trades  # condors of some weeks, one a day
    with refused("source", None, "`source` modelled"):
        plan_evidence(plan, Stage(period, inputs))
