from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.sector_filter import MacroFilter
from iwm_opts.plans.checklist import CRITERIA, Inputs, checklist, criteria_met
from iwm_opts.plans.decision import decide, decision_day, entry_days
from iwm_opts.plans.edges import MeanReversion
from iwm_opts.plans.plan import make_plan
from tests.refusals import refused, shows

DIPS = {"name": "dips", "edge": "mean-reversion", "horizon": "swing", "instrument": "shares"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_decision_is_what_the_backtest_reads(wandering, seed):
    data = wandering(seed)
    plan = make_plan(**DIPS, **{"mean-reversion": {"declines": 2, "total": "1%"}}, checklist={"minimum": 2})
    days = [day.date() for day in data.bars.index]
    allowed = entry_days(plan, data).allowed
    sample = sorted({*np.flatnonzero(allowed).tolist(), *range(210, len(days), 7)})
    assert allowed.any()
    for place in sample:
        assert decide(plan, data, days[place]).take == allowed[place], days[place]


def test_the_future_changes_no_decision(wandering):
    data = wandering(5)
    plan = make_plan(**DIPS, **{"mean-reversion": {"declines": 2, "total": "1%"}}, checklist={"minimum": 2})
    cut = 280
    day = data.bars.index[cut]
    other = wandering(6)
    spliced = Inputs(
        pd.concat([data.bars[:cut], other.bars[cut:]]),
        {symbol: pd.concat([fund[:cut], other.funds[symbol][cut:]]) for symbol, fund in data.funds.items()},
    )
    here, there = entry_days(plan, data).allowed, entry_days(plan, spliced).allowed
    assert (here[: cut + 1] == there[: cut + 1]).all()
    assert decide(plan, data, day.date()) == decide(plan, spliced, day.date())


def test_macro_filter_by_hand(make_bars):
    fund = make_bars([100.0, 98.5, 97.0, 97.0])  # -1.5%, -1.52%, 0
    days = [day.date() for day in fund.index]
    clear = MacroFilter().clear(fund)
    assert clear.isna().tolist() == [True, False, False, False]
    assert clear.iloc[1:].tolist() == [True, False, True]  # down exactly 1.5% does not block
    state = MacroFilter().on(fund, days[3])
    assert (state.state, state.value_date) == ("unmet", days[2])
    assert "-1.52%" in state.detail
    assert MacroFilter().on(None, days[3]).state == "unknown"
    assert MacroFilter().on(fund.drop(index=fund.index[2]), days[3]).state == "unknown"


def test_an_unknown_filter_blocks_and_a_missing_one_is_named(wandering):
    data = wandering(1)
    plan = make_plan(**DIPS)
    last = data.bars.index[-1].date()
    without = replace(data, funds={})
    decision = decide(plan, without, last)
    assert not decision.take
    assert shows(decision.reasons, "macro filter", "unknown")
    with refused("macro.symbol", "KRE", "`kre` FILE", "enabled = false"):
        entry_days(plan, without)
    assert decide(make_plan(**DIPS, macro={"enabled": False}), without, last).macro is None


def test_unknown_criteria_never_count(make_bars):
    data = Inputs(make_bars(np.linspace(100, 120, 250)))
    day = date(2025, 1, 2)
    answers = checklist(MeanReversion.criteria, 3, data, day)
    states = {answer.name: answer.state for answer in answers.answers}
    assert states["market-trend"] == states["banks-hold"] == states["no-panic"] == "unknown"
    assert states["trend"] == "unknown"  # the bars end before the session that a decision on that day reads
    assert answers.met == 0
    assert not answers.passes


def test_criteria_by_hand(make_bars):
    rising = make_bars(np.linspace(100, 120, 260))
    history = IvHistory("RVX", 30, pd.Series(np.linspace(0.3, 0.1, 260), index=rising.index), True, "made")
    funds = {"SPY": make_bars(np.linspace(120, 100, 260)), "XBI": make_bars(np.linspace(100, 130, 260))}
    events = pd.DataFrame({"date": [rising.index[100], rising.index[-1]], "event": ["ISM", "GDP"]})
    data = Inputs(rising, funds, history, events=events)
    day = rising.index[-1].date()
    answers = {one.name: one for one in checklist(tuple(CRITERIA), 3, data, day).answers}
    assert answers["trend"].state == "met"
    assert answers["market-trend"].state == "unmet"
    assert answers["biotech-lead"].state == "met"  # 30 points of rise against 20
    assert answers["stretch"].state == "unmet"
    assert answers["no-panic"].state == "met"  # the lowest of its year
    assert answers["premium"].state == "met"  # 10% implied against next to nothing realised
    assert answers["no-event"].state == "unmet"  # GDP is on that very session
    assert answers["banks-hold"].state == "unknown"
    assert "needs `kre`" in answers["banks-hold"].detail
    assert criteria_met(("trend", "market-trend", "no-event"), data).iloc[-2] == 1


def test_releases_are_unknown_outside_their_list(make_bars):
    bars = make_bars(np.linspace(100, 120, 60))
    data = Inputs(bars, events=pd.DataFrame({"date": [bars.index[10], bars.index[20]], "event": ["ISM", "ISM"]}))
    signal = CRITERIA["no-event"].read(data).signal
    assert signal.isna().sum() == 60 - 11  # known for decisions on sessions 10 to 20
    assert not signal.iloc[9]
    assert signal.iloc[10]
    assert not signal.iloc[19]


def test_stale_bars_are_refused_with_the_day_they_can_decide(wandering):
    data = wandering(1)
    plan = make_plan(**DIPS)
    day = decision_day(plan, data)
    with refused("as_of", "2026-03-04", f"`as_of` {day}"):
        decide(plan, data, date(2026, 3, 4))
    decide(plan, data, day)
    holed = replace(data, bars=data.bars.drop(data.bars.index[-3]))
    with refused("as_of", "2025-04-09", data.bars.index[-3].date()):
        decide(plan, holed, data.bars.index[-2].date())


@pytest.mark.market_data
def test_momentum_decided_from_its_first_minutes(real):
    plan = make_plan(name="gaps", edge="momentum", horizon="intraday", instrument="shares", macro={"enabled": False})
    assert decide(plan, real, date(2020, 5, 8)).signal.state == "met"
    assert decide(plan, real, date(2020, 5, 7)).signal.state == "unmet"
    # the daily bar of the session itself is not needed
    known = replace(real, bars=real.bars[real.bars.index < "2020-05-08"])
    assert decide(plan, known, date(2020, 5, 8)) == decide(plan, real, date(2020, 5, 8))
    assert decide(plan, real, date(2020, 6, 9)).signal.state == "unknown"  # no minutes


@pytest.mark.market_data
def test_what_is_unknown_is_said_in_words(real):
    gaps = make_plan(name="gaps", edge="momentum", horizon="intraday", instrument="shares", macro={"enabled": False})
    early = decide(gaps, real, date(2019, 10, 22)).signal  # the second session of the minutes: no mean yet
    assert (early.state, shows(early.detail, "unknown", "mean")) == ("unknown", True)
    premium = make_plan(name="premium", edge="vol-contraction", horizon="multi-week", instrument="condor")
    late = decide(premium, real, date(2025, 6, 20)).signal  # the history ends on 2025-06-04
    assert (late.state, shows(late.detail, "RVX", "on 2025-06-18")) == ("unknown", True)
