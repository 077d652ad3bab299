"""Plans on one account: shared limits by hand, sums to the cent."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

import iwm_opts as iwm
from iwm_opts.backtest.metrics import Period
from iwm_opts.market.calendar import sessions
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.plan import make_plan
from iwm_opts.plans.plan_backtest import Stage, StageResult
from iwm_opts.plans.portfolio import (
    BUYING_POWER,
    NET_DELTA,
    OPEN_RISK,
    SharedLimits,
    backtest_portfolio,
    first_refusal,
    run_stage,
)
from iwm_opts.plans.runner import PlanRunner
from iwm_opts.report.portfolio_table import portfolio_table
from tests.refusals import refused

ACCOUNT = 100_000.0
DAYS = pd.DatetimeIndex(sessions(date(2024, 1, 2), date(2024, 1, 12)), name="date")  # nine
PERIOD = Period("made", DAYS[0].date(), DAYS[-1].date())
DIPS = {
    "edge": "mean-reversion", "horizon": "swing", "instrument": "shares", "macro": {"enabled": False},
    "checklist": {"minimum": 1, "criteria": ("quiet", "stretch")},
}  # fmt: skip


def part(entry, last, risk=0.0, power=0.0, delta=0.0, equity=ACCOUNT):
    """Result of one trade, with the same equity on all days."""
    columns = {
        "entry": DAYS[entry], "exit": DAYS[last], "risk": risk, "buying_power": power, "entry_delta": delta,
        "entry_spot": 200.0,
    }  # fmt: skip
    table = pd.DataFrame({"equity": np.full(len(DAYS), equity)}, index=DAYS)
    return StageResult(PERIOD, None, pd.DataFrame([columns]), table, {})


@pytest.mark.parametrize(
    ("first", "second", "limits", "why"),
    [
        # $600 and $500 at risk: over 1% of $100,000, within 1% of the $110,000 that a gain of $10,000 makes.
        ({"risk": 600.0}, {"risk": 500.0}, SharedLimits(0.01), OPEN_RISK),
        ({"risk": 600.0, "equity": 110_000.0}, {"risk": 500.0}, SharedLimits(0.01), None),
        ({"risk": 600.0}, {"risk": 400.0}, SharedLimits(0.01), None),  # exactly the limit
        ({"power": 60_000.0}, {"power": 50_000.0}, SharedLimits(), BUYING_POWER),
        ({"power": 60_000.0}, {"power": 50_000.0}, SharedLimits(max_buying_power=1.2), None),
        # 150 + 120 shares of $200 are $54,000.
        ({"delta": 150.0}, {"delta": 120.0}, SharedLimits(max_net_delta=0.5), NET_DELTA),
        ({"delta": 150.0}, {"delta": 120.0}, SharedLimits(max_net_delta=0.54), None),
        ({"delta": 150.0}, {"delta": -120.0}, SharedLimits(max_net_delta=0.3), None),  # 30 shares are left
        ({"delta": 150.0}, {"delta": -310.0}, SharedLimits(max_net_delta=0.3), NET_DELTA),  # -160 shares are $32,000
    ],
)
def test_shared_limits_by_hand(first, second, limits, why):
    refusal = first_refusal([part(0, 5, **first), part(3, 6, **second)], ACCOUNT, limits)
    assert (refusal and refusal[1]) == why
    if refusal:
        assert (refusal[0].plan, refusal[0].day) == (1, DAYS[3])


def test_a_position_that_closes_on_the_day_is_out_of_the_way():
    limits = SharedLimits(0.01)
    assert first_refusal([part(0, 3, risk=600.0), part(3, 6, risk=500.0)], ACCOUNT, limits) is None
    both = [part(3, 3, risk=600.0), part(3, 6, risk=500.0)]  # of the same day: open together
    assert first_refusal(both, ACCOUNT, limits)[1] == OPEN_RISK


@pytest.fixture(scope="module")
def saw():
    """Five declines of 1.2%, then five rises."""
    days = pd.DatetimeIndex(sessions(date(2018, 1, 3), date(2019, 12, 30)), name="date")
    close = 150.0 * np.exp(np.cumsum(np.where(np.arange(len(days)) % 10 < 5, -0.012, 0.0123)))
    opened = np.concatenate([[150.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.002, np.minimum(opened, close) * 0.998
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": 1e6, "dividend": 0.0}
    return Stage(Period("2019", date(2019, 1, 1), date(2019, 12, 31)), Inputs(pd.DataFrame(columns, index=days)))


def plans(*names, **account):
    table = {"value": ACCOUNT, "risk": 0.01, "max_open_risk": 0.05, **account}
    return [make_plan(name=name, account=table, **DIPS) for name in names]


def test_the_second_plan_is_refused_on_the_day_that_the_first_fills_the_limit(saw):
    first, second = plans("first", "second")
    alone = PlanRunner(first).run(saw)
    day = alone.trades["entry"].iloc[0]
    # Both would enter that day with nearly $1,000 at risk each, and $1,500 are allowed.
    stage = run_stage([PlanRunner(first), PlanRunner(second)], saw, ACCOUNT, SharedLimits(0.015, 10.0))
    assert 900.0 < alone.trades["risk"].iloc[0] <= 1_000.0
    assert day in set(stage.parts[0].trades["entry"])
    assert day not in set(stage.parts[1].trades["entry"])
    assert stage.parts[1].counts[OPEN_RISK] >= 1
    free = run_stage([PlanRunner(first), PlanRunner(second)], saw, ACCOUNT, SharedLimits(1.0, 10.0))
    for each in free.parts:
        pd.testing.assert_frame_equal(each.trades, alone.trades)


@pytest.mark.parametrize(
    ("limits", "why", "used"),
    [
        (SharedLimits(0.02, 10.0), OPEN_RISK, lambda trades: trades["risk"]),
        (SharedLimits(1.0, 1.2), BUYING_POWER, lambda trades: trades["shares"] * trades["entry_price"]),
        (SharedLimits(1.0, 10.0, 1.2), NET_DELTA, lambda trades: trades["shares"] * trades["entry_price"]),
    ],
)
def test_no_entry_is_left_beyond_the_limits_and_none_is_refused_without_cause(saw, limits, why, used):
    names = ("first", "second", "third")
    bound = {OPEN_RISK: limits.max_open_risk, BUYING_POWER: limits.max_buying_power, NET_DELTA: limits.max_net_delta}

    def most_used(stage):
        total, trades = stage.total.equity["equity"], stage.total.trades
        fractions = []
        for day, entered in trades.groupby("entry"):
            before = total[total.index < day]
            equity = before.iloc[-1] if len(before) else ACCOUNT
            held = trades[(trades["entry"] < day) & (trades["exit"] > day)]
            if why == NET_DELTA:  # of all shares at the price of the entry
                shares = held["shares"].sum() + entered["shares"].sum()
                fractions.append(shares * entered["entry_price"].iloc[0] / equity)
            else:
                fractions.append((used(held).sum() + used(entered).sum()) / equity)
        return max(fractions)

    stage = run_stage([PlanRunner(plan) for plan in plans(*names)], saw, ACCOUNT, limits)
    free = run_stage([PlanRunner(plan) for plan in plans(*names)], saw, ACCOUNT, SharedLimits(1.0, 10.0))
    refused = [sum(each.counts.get(word, 0) for each in stage.parts) for word in bound]
    assert refused[list(bound).index(why)] > 10
    assert sum(refused) == refused[list(bound).index(why)]
    assert most_used(stage) <= bound[why] < most_used(free)
    assert not any(each.counts.get(word) for each in free.parts for word in bound)


def test_the_plans_sum_to_the_account_to_the_cent(saw):
    result = backtest_portfolio(plans("first", "second", risk=0.007), [], [saw], ACCOUNT, SharedLimits(0.025, 10.0))
    (stage,) = result.ranges
    pnl = [each.metrics.pnl for each in stage.parts]
    assert stage.total.metrics.pnl == pytest.approx(sum(pnl), abs=0.005)
    assert stage.total.trades["pnl"].sum() == pytest.approx(sum(pnl), abs=0.005)
    assert stage.daily.to_numpy().sum() == pytest.approx(sum(pnl), abs=0.005)
    assert sum(stage.drawdown_parts) == pytest.approx(stage.total.metrics.max_drawdown.dollars, abs=0.005)
    assert len(stage.total.trades) == sum(len(each.trades) for each in stage.parts)
    np.testing.assert_allclose(stage.correlation, np.corrcoef(stage.daily[0], stage.daily[1]))


def test_the_page_fits_a_terminal_and_names_plans_under_their_period(saw):
    names = "vol-contraction-condor", "mean-reversion-shares"
    result = backtest_portfolio(plans(*names, risk=0.007), [saw], [saw], ACCOUNT, SharedLimits(0.025, 10.0))
    lines = portfolio_table(result, columns=80).splitlines()
    assert max(map(len, lines)) <= 80
    place = lines.index("2019")
    assert [line.split()[0] for line in lines[place + 1 : place + 4]] == [*names, "account"]


def test_a_plan_beside_one_without_data_runs_alone(saw):
    empty = Stage(Period("1999", date(1999, 1, 4), date(1999, 12, 31)), saw.data)
    stage = run_stage([PlanRunner(plan) for plan in plans("first", "second")], empty, ACCOUNT, SharedLimits())
    assert stage.total.metrics is None


FAST = make_plan(name="fast", edge="momentum", horizon="intraday", instrument="shares")


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (plans("same", "same"), "same, same"),
        (
            [*plans("first"), make_plan(name="fast", edge="momentum", horizon="intraday", instrument="shares")],
            "fast",
        ),
    ],
)
def test_plans_that_cannot_share_an_account(saw, made, names):
    with refused("plan", names):
        backtest_portfolio(made, [], [saw], ACCOUNT)


def test_trades_hold_buying_power_and_delta():
    market = iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=1, seed=5)
    condors = iwm.backtest(market, iwm.Rules(ivr_below=None, contracts=2, width=5, fees="zero")).trades
    np.testing.assert_allclose(condors["buying_power"], 2 * 100 * (5.0 - condors["credit"]))
    assert (condors["entry_delta"].abs() < 2 * 100 * 0.10).all()  # short 16 deltas either side
    calls = iwm.backtest(market, iwm.Rules(strategy="long-call", ivr_below=None, contracts=1, short_delta=0.50)).trades
    np.testing.assert_allclose(calls["entry_delta"], 50.0, atol=8.0)  # of the nearest strike
    assert calls["entry_delta"].median() == pytest.approx(50.0, abs=0.5)
