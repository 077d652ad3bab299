"""Where a plan stands on a day: the size it would have, and the days on which it is reviewed."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.rules import STOP_FILL
from iwm_opts.journal.plan_report import plan_report_on
from iwm_opts.market.calendar import sessions
from iwm_opts.market.minutes import Minutes
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.intraday import trade_momentum
from iwm_opts.plans.plan import make_plan, make_usual_plan
from iwm_opts.plans.plan_backtest import share_rules
from iwm_opts.report.plan_document import plan_page
from tests.refusals import shows

NO_RULES = {"checklist": {"minimum": 1, "criteria": ["quiet"]}, "macro": {"enabled": False}}


@pytest.fixture(scope="module")
def gapped():
    """Forty sessions about 100 dollars; the last opens at 102 on twice the volume and is at 103 by minute 15."""
    days = pd.DatetimeIndex(sessions(date(2024, 1, 2), date(2024, 2, 28)), name="date")[:40]
    table = {"open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0, "volume": 1e6}
    bars = pd.DataFrame(table, index=days)
    frames = []
    for day in days:
        minute = np.arange(60)
        is_last = day == days[-1]
        price = np.where(minute < 15, 102.0, 103.0) if is_last else np.full(60, 100.0)
        frames.append(
            pd.DataFrame(
                {"open": price, "high": price + 0.1, "low": price - 0.1, "close": price + 0.05}
                | {"volume": 2e4 if is_last else 1e4, "minute": minute},
                index=day + pd.to_timedelta(570 + minute, unit="min"),
            )
        )
    return Inputs(bars, minutes=Minutes(pd.concat(frames), (), "made"))


def test_momentum_is_sized_at_the_price_of_its_minute(gapped):
    plan = make_plan(name="gaps", edge="momentum", horizon="intraday", instrument="shares", **NO_RULES)
    day = gapped.bars.index[-1].date()
    standing = plan_report_on(plan, gapped, day, with_evidence=False)
    sizing = standing.sizing
    # ATR 2, the low before 99: the stop is 99 - 0.2 = 98.80, and 500 / (103 - 98.80 + 0.01) = 118.7
    assert (sizing.entry, sizing.at_minute) == (103.0, True)
    assert sizing.stop == pytest.approx(98.8)
    assert sizing.size.contracts == math.floor(500.0 / 4.21)
    # and that is what its backtest buys
    (trade,) = trade_momentum(gapped.bars, gapped.minutes, plan.rule, share_rules(plan)).trades.itertuples()
    assert trade.shares == sizing.size.contracts
    text = str(plan_page(standing))
    assert shows(text, "at 103.00", "15 of")
    assert not shows(text, "proxy")


def test_before_the_minute_the_last_price_or_the_close_stands_in(gapped):
    plan = make_plan(name="gaps", edge="momentum", horizon="intraday", instrument="shares", **NO_RULES)
    last = gapped.bars.index[-1]
    made = gapped.minutes.bars
    early = replace(gapped, minutes=Minutes(made[(made.index < last) | (made["minute"] < 15)], (), "made"))
    assert (
        plan_report_on(plan, early, last.date(), with_evidence=False).sizing.entry == 102.05
    )  # the close of minute 14
    sizing = plan_report_on(plan, early, date(2024, 2, 29), with_evidence=False).sizing  # no minute of it is there
    assert (sizing.entry, sizing.at_minute) == (100.0, False)


@pytest.mark.parametrize(
    ("day", "monthly", "quarterly"),
    [
        # by the exchange's calendar: Good Friday closes March 2024 on the 28th, Memorial Day leaves the 31st of May
        (date(2024, 2, 29), ["2024-02-29", "2024-03-28", "2024-04-30"], ["2024-03-28", "2024-06-28", "2024-09-30"]),
        # a half day ends November 2024, 2024-12-31 is a session
        (date(2024, 11, 27), ["2024-11-29", "2024-12-31", "2025-01-31"], ["2024-12-31", "2025-03-31", "2025-06-30"]),
    ],
)
def test_reviews_fall_on_the_last_sessions(gapped, day, monthly, quarterly):
    plan = make_plan(name="dips", edge="mean-reversion", horizon="swing", instrument="shares", **NO_RULES)
    days = pd.DatetimeIndex(sessions(date(2024, 1, 2), day), name="date")[:-1]
    bars = pd.DataFrame({name: gapped.bars[name].iloc[0] for name in gapped.bars}, index=days)
    standing = plan_report_on(plan, Inputs(bars), day, with_evidence=False)
    assert [one.isoformat() for one in standing.monthly] == monthly
    assert [one.isoformat() for one in standing.quarterly][:3] == quarterly


def test_the_size_of_a_condor_counts_dividends_and_fees(gapped):
    last = gapped.bars.index[-1]
    older = gapped.bars.iloc[:1].set_axis([last - pd.Timedelta(days=330)])
    bars = pd.concat([older.assign(dividend=0.70), gapped.bars.assign(dividend=0.0)])  # due again 364 days later
    plan = make_usual_plan("vol-contraction", costs={"fees": "custom:0.65"})
    status = plan_report_on(plan, replace(gapped, bars=bars), last.date(), with_evidence=False)
    # 100 x (5 + 0.70) + 4 x 0.65 = 572.60 is 72.60 above the risk of 500.
    assert status.sizing.each == pytest.approx(572.60)
    assert status.sizing.size.contracts == 0
    assert shows(status.sizing.worked, "= floor(500.00 / 572.60) = 0, 1 from", "of 0.73")
    page = str(plan_page(status))
    assert f"filled at {STOP_FILL}." in page
    unknown = plan_report_on(plan, gapped, last.date(), with_evidence=False).sizing
    assert unknown.each == pytest.approx(502.60)
    assert "dividends unknown" in unknown.worked
