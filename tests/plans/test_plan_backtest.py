from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.metrics import Period
from iwm_opts.backtest.shares import trade_shares
from iwm_opts.market.calendar import sessions
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.plan import make_plan
from iwm_opts.plans.plan_backtest import Stage, share_rules, stress_stages, verdict
from iwm_opts.plans.runner import backtest_plan
from tests.refusals import refused, shows

DIPS = {
    "name": "dips",
    "edge": "mean-reversion",
    "horizon": "swing",
    "instrument": "shares",
    "macro": {"enabled": False},
    "checklist": {"minimum": 1, "criteria": ("quiet", "stretch")},
}


@pytest.mark.parametrize(
    ("holds", "says"),
    [
        ([False, False, False], "fails in all 3 stress periods: restructure"),
        ([True, True, False], "holds in 2 of 3 stress periods: worth paper trading"),
        ([True, True, True], "holds in 3 of 3 stress periods: worth paper trading"),
        ([True, True, None], "worth paper trading; 1 of 3 say nothing"),
        ([True, False, False], "not worth paper trading yet"),
        ([False, None, False], "not worth paper trading yet; 1 of 3 say nothing"),
        ([True, None, False], "not decided"),
        ([None, None, None], "not decided: holds in 0 of 3"),
    ],
)
def test_the_verdict_in_the_strategy_s_words(holds, says):
    assert says in verdict(holds)


@pytest.fixture(scope="module")
def saw():
    """Five declines of 1.2%, then five rises, over 2017 to 2022."""
    days = pd.DatetimeIndex(sessions(date(2017, 1, 3), date(2022, 12, 30)), name="date")
    steps = np.where(np.arange(len(days)) % 10 < 5, -0.012, 0.0123)
    close = 150.0 * np.exp(np.cumsum(steps))
    opened = np.concatenate([[150.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.002, np.minimum(opened, close) * 0.998
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": 1e6, "dividend": 0.0}
    return Inputs(pd.DataFrame(columns, index=days))


def test_periods_start_afresh_and_add_up(saw):
    plan = make_plan(**DIPS)
    days = Period("2019", date(2019, 1, 1), date(2019, 12, 31))
    result = backtest_plan(plan, stress_stages(saw), [Stage(days, saw)])
    assert [one.period.name for one in result.stress] == ["Q4 2018", "Feb-Apr 2020", "2022"]
    for one in (*result.stress, *result.ranges):
        assert one.trades["entry"].between(pd.Timestamp(one.period.first), pd.Timestamp(one.period.last)).all()
        assert one.metrics.pnl == pytest.approx(one.trades["pnl"].sum())
        assert one.counts["entries allowed"] == one.metrics.trades
    # by hand from the loop itself: the same entries on the whole history, from the first day of the year
    allowed = np.zeros(len(saw.bars), dtype=bool)
    for entry in result.ranges[0].trades["entry"]:
        allowed[saw.bars.index.get_loc(entry)] = True
    alone = trade_shares(saw.bars, allowed, share_rules(plan))
    assert alone.trades["pnl"].sum() == pytest.approx(result.ranges[0].metrics.pnl)


def test_a_period_without_data_says_nothing(saw):
    early = Inputs(saw.bars[saw.bars.index < "2019"])
    result = backtest_plan(make_plan(**DIPS), stress_stages(early))
    assert [one.holds is None for one in result.stress] == [False, True, True]
    assert shows(result.stress[1].reason, "from 2017-01-03 to 2018-12-31")
    assert "2 of 3 say nothing" in result.verdict


def test_what_is_missing_is_named(saw):
    with refused("minutes", None, "`minutes` FILE"):
        backtest_plan(
            make_plan(name="m", edge="momentum", horizon="intraday", instrument="shares", macro={"enabled": False}),
            stress_stages(saw),
        )
    with refused("source", None, "vertical"):
        backtest_plan(make_plan(**{**DIPS, "instrument": "vertical"}), stress_stages(saw))
    plan = make_plan(**{**DIPS, "checklist": {"minimum": 1, "criteria": ("quiet", "no-event", "biotech-lead")}})
    notes = backtest_plan(plan, stress_stages(saw)).notes
    assert any(shows(note, "no-event is") and "`events`" in note for note in notes)
    assert any(shows(note, "biotech-lead is") for note in notes)
