import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iwm_opts.backtest.share_exits import ShareExits
from iwm_opts.backtest.shares import ShareRules, trade_shares
from iwm_opts.market.calendar import sessions
from iwm_opts.market.minutes import Minutes
from iwm_opts.plans.edges import Momentum
from iwm_opts.plans.intraday import trade_momentum
from tests.refusals import refused, shows

WARM = 20  # sessions before, each of range 2 about 100: an ATR of 2
DAYS = pd.DatetimeIndex(
    sessions(pd.Timestamp("2024-01-02").date(), pd.Timestamp("2024-06-28").date()), name="date"
).as_unit("us")
FREE = {"slippage": 0.0}


def bars_after_warm_up(*rows, dividend=None):
    """Quiet sessions at 100 and then rows of open, high, low, close."""
    table = [(100.0, 101.0, 99.0, 100.0)] * WARM + list(rows)
    bars = pd.DataFrame(table, columns=["open", "high", "low", "close"], index=DAYS[: len(table)])
    return bars if dividend is None else bars.assign(dividend=[0.0] * WARM + dividend)


def traded(*rows, dividend=None, **rules):
    """One trade allowed at the open of the first row; $500 at risk with an ATR of 2 and a prior low of 99."""
    bars = bars_after_warm_up(*rows, dividend=dividend)
    allowed = np.zeros(len(bars), dtype=bool)
    allowed[WARM] = True
    return trade_shares(bars, allowed, ShareRules(**{**FREE, **rules}))


def only(result):
    assert len(result.trades) == 1
    return result.trades.iloc[0]


def test_a_stop_is_hit_on_the_day_of_entry():
    # entry 100, stop min(99 - 0.2, 100 - 2) = 98: 500 / 2 = 250 shares, all of the $500 lost
    trade = only(traded((100, 100.5, 97.5, 99)))
    assert (trade.stop, trade.shares, trade.exit_price, trade.reason) == (98.0, 250, 98.0, "stop")
    assert trade.pnl == pytest.approx(-500.0)
    assert trade.risk == pytest.approx(500.0)
    assert trade.sessions == 1


def test_a_gap_through_the_stop_fills_at_the_open():
    trade = only(traded((100, 101, 99, 100), (95, 96, 94, 95.5)))
    assert (trade.exit_price, trade.reason, trade.sessions) == (95.0, "stop", 2)
    assert trade.pnl == pytest.approx(-1250.0)  # 250 shares x $5: more than was to be risked
    assert trade.max_adverse == pytest.approx(-1250.0)


def test_target_at_its_price_and_above_it_on_a_gap():
    assert only(traded((100, 104.5, 99, 104))).exit_price == pytest.approx(104.0)  # two ATR
    gap = only(traded((100, 101, 99, 100.5), (105, 106, 104.5, 105)))
    assert (gap.exit_price, gap.reason) == (105.0, "target")


def test_where_one_bar_reaches_both_the_stop_counts():
    assert only(traded((100, 105, 97, 104))).reason == "stop"


def test_time_stop_leaves_at_the_open_after_the_third_close():
    quiet = (100, 101, 99, 101.9)  # under one ATR of progress
    trade = only(traded((100, 101, 99, 100), quiet, quiet, (101.5, 102, 101, 101.8), quiet))
    assert (trade.reason, trade.exit_price, trade.sessions) == ("time", 101.5, 4)
    ahead = (101, 102.5, 100.5, 102.1)  # more than one ATR: it stays until the data ends
    trade = only(traded((100, 101, 99, 100), ahead, ahead, ahead, ahead))
    assert (trade.reason, trade.exit_price) == ("end of data", 102.1)


def test_a_longest_holding():
    ahead = (102, 103, 101.5, 102.5)
    trade = only(traded(*[ahead] * 7, exits=ShareExits(max_sessions=5, time_stop_sessions=None)))
    assert (trade.reason, trade.sessions) == ("time", 6)


def test_a_short_is_the_mirror():
    # entry 100, stop max(101 + 0.2, 100 + 2) = 102; a gap to 105 loses five dollars
    trade = only(traded((100, 101, 99, 100), (105, 106, 104, 105), sign=-1))
    assert (trade.stop, trade.target, trade.exit_price) == (102.0, 96.0, 105.0)
    assert trade.pnl == pytest.approx(-1250.0)
    assert only(traded((100, 101, 95.5, 97), sign=-1)).pnl == pytest.approx(1000.0)


def test_costs_by_hand():
    # entry 100.01, stop 98.01; each share risks 2.01, 500 / 2.01 = 248 shares; filled at 98.00 after a cent
    trade = only(traded((100, 100.5, 97.5, 99), slippage=0.01, fees=0.005))
    assert (trade.shares, trade.entry_price, trade.exit_price) == (248, 100.01, 98.0)
    assert trade.mid_pnl == pytest.approx(-248 * 1.99)
    assert trade.slippage == pytest.approx(248 * 0.02)
    assert trade.fees == pytest.approx(2 * 248 * 0.005)
    assert trade.pnl == pytest.approx(-248 * 2.01 - 2.48)


def test_dividends_are_received_overnight_only():
    rows = [(100, 101, 99, 100), (100, 101, 99, 100), (100, 101, 99, 100)]
    held = traded(*rows, dividend=[0.0, 0.5, 0.0])
    assert only(held).dividends == pytest.approx(125.0)  # 250 shares
    bought_ex = traded(*rows, dividend=[0.5, 0.0, 0.0])
    assert only(bought_ex).dividends == 0.0
    assert shows(traded(*rows).notes[0], "no dividends")


def test_the_account_pays_for_the_shares():
    # a quiet market: ATR 2 and 1% allow 250 shares of $100; $20,000 pay for 200
    trade = only(traded((100, 100.5, 99, 99), account=20_000.0, risk_share=0.02))
    assert trade.shares == 200
    nothing = traded((100, 101, 99, 100), account=50.0)
    assert nothing.skipped == {"size is zero, limited by risk": 1}


def test_the_open_risk_of_all_positions_is_capped():
    bars = bars_after_warm_up(*[(100, 101, 99, 100)] * 4)
    allowed = np.array([False] * WARM + [True] * 4)
    rules = ShareRules(slippage=0.0, max_open_risk=0.015, exits=ShareExits(time_stop_sessions=None))
    trades = trade_shares(bars, allowed, rules).trades
    assert trades["shares"].tolist() == [250, 125]  # half a position is left, then nothing


def test_trades_of_a_range_start_on_its_first_day():
    bars = bars_after_warm_up(*[(100, 101, 99, 100)] * 10)
    allowed = np.array([False] * WARM + [True] * 10)
    found = trade_shares(bars, allowed, ShareRules(**FREE), first=DAYS[WARM + 4].date(), last=DAYS[WARM + 7].date())
    assert found.equity.index.tolist() == DAYS[WARM + 4 : WARM + 8].tolist()
    assert found.trades["entry"].min() == DAYS[WARM + 4]
    assert found.trades["exit"].max() == DAYS[WARM + 7]


def walk(seed, count=90, scale=0.02):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(scale * rng.standard_normal(count)))
    opened = np.concatenate([[100.0], close[:-1]]) * np.exp(0.7 * scale * rng.standard_normal(count))
    high = np.maximum(opened, close) * np.exp(np.abs(0.5 * scale * rng.standard_normal(count)))
    low = np.minimum(opened, close) * np.exp(-np.abs(0.5 * scale * rng.standard_normal(count)))
    dividend = np.where(np.arange(count) % 30 == 29, 0.4, 0.0)
    columns = {"open": opened, "high": high, "low": low, "close": close, "dividend": dividend}
    return pd.DataFrame(columns, index=DAYS[:count]), rng.random(count) < 0.3


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([1, -1]), st.floats(0.0, 0.05), st.floats(0.0, 0.01))
def test_every_cent_is_accounted_for(seed, sign, slippage, fees):
    bars, allowed = walk(seed)
    rules = ShareRules(slippage=slippage, fees=fees, sign=sign)
    found = trade_shares(bars, allowed, rules)
    trades, equity = found.trades, found.equity
    assert equity["equity"].iloc[-1] == pytest.approx(rules.account + trades["pnl"].sum(), abs=1e-6)
    cascade = trades["mid_pnl"] - trades["slippage"] - trades["fees"] + trades["dividends"]
    assert cascade.to_numpy() == pytest.approx(trades["pnl"].to_numpy(), abs=1e-6)
    inside = trades[trades["reason"].isin(["stop", "target"])]
    days = bars.loc[inside["exit"]]
    quoted = inside["exit_price"].to_numpy() + sign * np.where(inside["reason"] == "target", 0.0, slippage)
    assert (quoted <= days["high"].to_numpy() + 1e-9).all()
    assert (quoted >= days["low"].to_numpy() - 1e-9).all()
    assert equity["positions"].max() <= rules.max_open
    assert (equity["open_risk"] <= equity["equity"].shift(1).cummax().fillna(rules.account) * 0.06 + 1e-6).all()


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(30, 80))
def test_what_comes_later_changes_nothing_decided(seed, cut):
    bars, allowed = walk(seed)
    other, _ = walk(seed + 1)
    spliced = pd.concat([bars[:cut], other[cut:]])
    early = pd.Timestamp(DAYS[cut])
    here, there = (trade_shares(table, allowed).trades for table in (bars, spliced))
    columns = ["entry", "shares", "entry_price", "stop", "target"]
    pd.testing.assert_frame_equal(here[here["entry"] < early][columns], there[there["entry"] < early][columns])
    pd.testing.assert_frame_equal(
        here[here["exit"] < early].reset_index(drop=True), there[there["exit"] < early].reset_index(drop=True)
    )


def test_wrong_rules_are_refused():
    bars = bars_after_warm_up((100, 101, 99, 100))
    with refused("allowed", 3, "21 bars"):
        trade_shares(bars, np.zeros(3, dtype=bool))
    with refused("sign", 0, "1"):
        ShareRules(sign=0)
    with refused("slippage", -1.0):
        ShareRules(slippage=-1.0)


def session_of(day, prices, volume=10.0):
    times = pd.Timestamp(day) + pd.to_timedelta(570 + np.arange(len(prices)), unit="min")
    price = np.array(prices, dtype=float)
    table = {"open": price, "high": price + 0.05, "low": price - 0.05, "close": price, "volume": volume}
    return pd.DataFrame(table | {"minute": np.arange(len(prices))}, index=times)


def momentum_trade(prices, mend=lambda frame: frame, **rules):
    """A gap to 102 on twice the volume after five quiet sessions; daily ATR 2, prior low 99."""
    bars = bars_after_warm_up()
    days = DAYS[WARM - 5 : WARM]
    quiet = [session_of(day, [100.0] * 60) for day in days]
    day = DAYS[WARM]
    bars = pd.concat([bars, pd.DataFrame({"open": 102.0, "high": 103, "low": 97, "close": 102}, index=[day])])
    minutes = pd.concat([*quiet, mend(session_of(day, prices, 20.0))])
    edge = Momentum(volume_sessions=5)
    return trade_momentum(bars, Minutes(minutes, ()), edge, ShareRules(**{**FREE, **rules}))


def test_momentum_enters_at_minute_15_and_leaves_at_minute_45():
    rising = [102.0 + 0.02 * minute for minute in range(60)]
    trade = only(momentum_trade(rising))
    assert trade.entry == DAYS[WARM] + pd.Timedelta(hours=9, minutes=45)
    assert trade.exit == DAYS[WARM] + pd.Timedelta(hours=10, minutes=15)
    # stop min(99 - 0.2, 102.3 - 2) = 98.8: 500 / 3.5 = 142 shares, and 30 minutes of two cents
    assert (trade.stop, trade.shares, trade.reason) == (pytest.approx(98.8), 142, "time")
    assert trade.pnl == pytest.approx(142 * 0.60)


def test_momentum_is_stopped_and_reads_no_bad_tick():
    falling = [102.0] * 20 + [98.0] * 40
    trade = only(momentum_trade(falling))
    assert (trade.reason, trade.exit_price) == ("stop", 98.0)  # the bar opened beyond 98.8

    def tick(frame):
        return frame.assign(low=frame["low"].where(frame["minute"] != 20))

    steady = only(momentum_trade([102.0] * 60, tick))
    assert (steady.reason, steady.pnl) == ("time", 0.0)
    assert steady.max_adverse == pytest.approx(-0.05 * steady.shares)


def test_a_halt_at_the_entry_minute_is_no_entry():
    halted = momentum_trade([102.0] * 60, lambda frame: frame[(frame["minute"] < 14) | (frame["minute"] > 25)])
    assert halted.trades.empty
    assert halted.skipped == {"no bar at the entry minute": 1}


def test_a_closed_day_trades_nothing():
    found = momentum_trade([100.0] * 60)
    assert found.trades.empty
    assert found.equity["equity"].tolist() == [50_000.0] * 6
