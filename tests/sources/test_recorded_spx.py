"""Recorded S&P 500 chains: the engine against a selection by hand in pandas and scipy, and the faults of peers.

The hand knows nothing of this package: it reads the files, finds forwards by parity at one strike, vols by root
finding, strikes by delta, and follows every condor to its end.
"""

import tracemalloc
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr

from iwm_opts.backtest.engine import backtest
from iwm_opts.backtest.rules import Costs, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.sources.recorded_files import recorded_days
from iwm_opts.sources.registry import open_source
from iwm_opts.sources.source import SpanRequest
from iwm_opts.spreads.entry_rule import EntryRule
from iwm_opts.spreads.legs import Wing
from tests.market_quotes import quotes_near
from tests.refusals import refused, refused_data, shows

pytestmark = pytest.mark.market_data

CHAINS, BARS, GATE = "options/SPX_cboe_20190425_20190607.csv.gz", "daily/GSPC_yahoo.csv.gz", "vol/VIX_History.csv.gz"
DTE, SLACK, DELTA, WIDTH, PROFIT, FEE, RANK = 14, 4, 0.16, 25.0, 0.5, 0.65, 60.0
SIGN, RIGHT = (1, -1, -1, 1), "PPCC"
RATE = 0.025  # bills paid 2.4% then; a point of rate moves a delta of 16 by 0.0001


def rules(fees="custom:0.65", profit=PROFIT, entry="natural", leave="natural"):
    wing = Wing(width=WIDTH)
    fills = [FillModel.parse(text) for text in (entry, leave, "stress:3")]
    return Rules(
        EntryRule(
            dte=DTE, dte_slack=SLACK, put_delta=DELTA, call_delta=DELTA, put_wing=wing, call_wing=wing, max_open=99
        ),
        GateRule(below=RANK),
        ExitRule(profit=profit, stop=None, dte=None),
        SizeRule(contracts=1),
        Costs(*fills, FeeSchedule.parse(fees)),
    )


@pytest.fixture(scope="module")
def market(market_data):
    return recorded_days(str(market_data / CHAINS), SpanRequest(symbol="SPX", bars=market_data / BARS, max_dte=30))


@pytest.fixture(scope="module")
def history(market_data):
    return load_iv_history(market_data / GATE, "SPX", 30)


@pytest.fixture(scope="module")
def ours(market, history):
    return backtest(market, history, rules())


@pytest.fixture(scope="module")
def quotes(market_data):
    table = pd.read_csv(market_data / CHAINS, parse_dates=["quote_date", "expiration"])
    return table[(table["expiration"] - table["quote_date"]).dt.days <= 30]


@pytest.fixture(scope="module")
def by_hand(quotes, market_data):
    """Trades as (entry, exit, expiration, strikes, reason, dollars, root)."""
    bars = pd.read_csv(market_data / BARS, index_col="Date", parse_dates=True)
    vix = pd.read_csv(market_data / GATE, index_col="DATE", parse_dates=True)["CLOSE"]
    days, trades = list(quotes["quote_date"].unique()), []
    book = book_of(quotes)
    for place, day in enumerate(days[:-1]):
        window = vix[vix.index < day].iloc[-252:]
        if 100 * (window.iloc[-1] - window.min()) / (window.max() - window.min()) >= RANK:
            continue
        found = choose(quotes[quotes["quote_date"] == day], day)
        if found is None:
            continue
        root, expiration, strikes = found
        credit = natural(book, day, root, expiration, strikes, +1)
        if not credit > 0:
            continue
        trades.append(follow(book, bars, days[place + 1 :], day, root, expiration, strikes, credit))
    return trades


def book_of(quotes):
    """(bid, ask) by day, root, expiration, right and strike."""
    key = zip(*(quotes[name] for name in ("quote_date", "root", "expiration", "right", "strike")), strict=True)
    return dict(zip(key, zip(quotes["bid"], quotes["ask"], strict=True), strict=True))


def choose(today, day):
    """Root, expiration and strikes of the condor, the nearest expiration first, of two roots the fuller one."""
    ahead = today[today["expiration"] > day]
    apart = ((ahead["expiration"] - day).dt.days - DTE).abs()
    if not (apart <= SLACK).any():
        return None
    expiration = ahead.loc[apart == apart.min(), "expiration"].min()
    rows = ahead[ahead["expiration"] == expiration]
    root = rows.groupby("root")["strike"].nunique().idxmax()
    rows = rows[(rows["root"] == root) & (rows["ask"] > 0)]
    mids = rows.assign(mid=(rows["bid"] + rows["ask"]) / 2).set_index("strike")
    call_less_put = (mids.loc[mids["right"] == "C", "mid"] - mids.loc[mids["right"] == "P", "mid"]).dropna()
    years = (expiration - day).days / 365
    at, discount = call_less_put.abs().idxmin(), np.exp(-RATE * years)
    forward = at + call_less_put[at] / discount
    short = {}
    for right, sign in (("P", -1), ("C", 1)):
        side = rows[(rows["right"] == right) & (sign * (rows["strike"] - forward) > 0)]
        deltas = {
            row.strike: delta((row.bid + row.ask) / 2, sign, forward, row.strike, years, discount)
            for row in side.itertuples()
            if row.bid > 0 and abs(row.strike / forward - 1) < 0.08
        }
        short[right] = min(deltas, key=lambda strike: abs(deltas[strike] - DELTA))
    strikes = (short["P"] - WIDTH, short["P"], short["C"], short["C"] + WIDTH)
    return root, expiration, strikes


def delta(price, sign, forward, strike, years, discount):
    def black(vol):
        d1 = (np.log(forward / strike) + vol * vol * years / 2) / (vol * np.sqrt(years))
        d2 = d1 - vol * np.sqrt(years)
        return discount * sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * d2))

    vol = brentq(lambda guess: black(guess) - price, 0.001, 5.0)
    return ndtr(sign * (np.log(forward / strike) + vol * vol * years / 2) / (vol * np.sqrt(years)))


def natural(book, day, root, expiration, strikes, way):
    """Credit of opening (+1) or closing (-1) at the bids and asks."""
    credit = 0.0
    for sign, right, strike in zip(SIGN, RIGHT, strikes, strict=True):
        bid, ask = book[day, root, expiration, right, strike]
        credit -= way * sign * (ask if way * sign > 0 else bid)
    return round(credit, 2)


def follow(book, bars, days, entry, root, expiration, strikes, credit):
    for day in days:
        if day >= expiration:
            level = bars.loc[expiration, "Open" if root == "SPX" else "Close"]
            worth = sum(
                sign * max((level - strike) * (1 if right == "C" else -1), 0.0)
                for sign, right, strike in zip(SIGN, RIGHT, strikes, strict=True)
            )
            return entry, day, expiration, strikes, "expiry", 100 * (credit + worth) - 4 * FEE, root
        debit = -natural(book, day, root, expiration, strikes, -1)
        if debit <= (1 - PROFIT) * credit + 1e-9:
            return entry, day, expiration, strikes, "profit", 100 * (credit - debit) - 8 * FEE, root
    debit = -natural(book, days[-1], root, expiration, strikes, -1)
    return entry, days[-1], expiration, strikes, "end of data", 100 * (credit - min(debit, WIDTH)) - 8 * FEE, root


def strikes_of(legs):
    return tuple(float(leg[3:]) for leg in legs.split())


def test_same_trades_as_a_selection_by_hand(ours, by_hand):
    found = ours.trades
    assert len(by_hand) >= 15
    assert {"profit", "expiry", "end of data"} == {trade[4] for trade in by_hand}
    settled = {(trade[6], trade[2].date()) for trade in by_hand if trade[4] == "expiry"}
    assert ("SPX", date(2019, 5, 17)) in settled  # on the opening print of a day without a chain
    assert any(root == "SPXW" for root, _ in settled)
    assert found["entry"].tolist() == [trade[0] for trade in by_hand]
    assert found["expiration"].tolist() == [trade[2] for trade in by_hand]
    assert [strikes_of(legs) for legs in found["legs"]] == [trade[3] for trade in by_hand]
    assert found["exit"].tolist() == [trade[1] for trade in by_hand]
    assert found["reason"].tolist() == [trade[4] for trade in by_hand]
    assert found["pnl"].tolist() == pytest.approx([trade[5] for trade in by_hand], abs=0.005)


def test_every_mark_of_these_trades_was_quoted(ours):
    assert ours.trades["marks_by_smile"].sum() == 0
    assert ours.trades["days_without_quote"].sum() == 0


def test_settlements_on_an_opening_print_are_named(market):
    named = [note for note in market.notes if "SOQ" in note]
    assert len(named) == ("SPX" in market.panel.roots)
    assert all(note.startswith("SPX settles on the opening print") for note in named)


def test_gaps_are_told(ours):
    assert any(shows(note, "2 of 31 sessions", "chain (2019-05-10, 2019-05-17)") for note in ours.notes)


class TestFaultsOfPeers:
    """MEASURED, section 4: each is what a published backtester does."""

    def test_commission_is_dollars_a_contract_not_dollars_a_share(self, ours, market, history):
        free = backtest(market, history, rules(fees="zero"))
        legs = np.where(ours.trades["reason"] == "expiry", 4, 8)
        assert (free.trades["pnl"] - ours.trades["pnl"]).tolist() == pytest.approx((FEE * legs).tolist(), abs=1e-9)
        three = backtest(market, history, Rules(**{**vars_of(rules()), "size": SizeRule(contracts=3)}))
        assert three.trades["pnl"].tolist() == pytest.approx((3 * ours.trades["pnl"]).tolist(), abs=1e-6)

    def test_profit_targets_pay_slippage_and_fees(self, ours):
        taken = ours.trades[ours.trades["reason"] == "profit"]
        assert len(taken) >= 3
        assert (taken["exit_slippage"] > 0).all()
        assert taken["fees"].tolist() == pytest.approx([8 * FEE] * len(taken))

    def test_a_trade_whose_strike_left_the_chain_is_kept(self, ours, history, market_data, tmp_path):
        trade = ours.trades[ours.trades["reason"] == "expiry"].iloc[0]
        table = pd.read_csv(market_data / CHAINS, parse_dates=["quote_date", "expiration"])
        table = table[
            ((table["expiration"] - table["quote_date"]).dt.days <= 30) & (table["quote_date"] >= trade["entry"])
        ]
        table = table[table["quote_date"] <= trade["exit"]]
        short_put = strikes_of(trade["legs"])[1]
        left = (table["quote_date"] > trade["entry"]) & (table["expiration"] == trade["expiration"])
        path = tmp_path / "thinned.csv"
        table[~(left & (table["strike"] == short_put))].to_csv(path, index=False)
        market = recorded_days(str(path), SpanRequest(symbol="SPX", bars=market_data / BARS, max_dte=30))
        found = backtest(market, history, rules(profit=None)).trades
        (kept,) = found[(found["entry"] == trade["entry"])].to_dict("records")
        assert kept["legs"] == trade["legs"]
        assert kept["marks_by_smile"] == table["quote_date"].nunique() - 2  # every day but entry and settlement
        assert kept["pnl"] == pytest.approx(trade["pnl"], abs=1e-6)  # it settles at the same close

    def test_all_condors_of_a_chain_are_never_there_at_once(self, market, history):
        """Five dates of every strike ran a peer out of 8 GB; two verticals of 200 strikes make 4e8 condors."""
        first = quotes_near(market, 0, DTE, SLACK)
        assert len(first.strike) > 200
        tracemalloc.start()
        backtest(market, history, rules())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 30e6

    def test_the_profit_target_is_the_package_s(self, ours, quotes):
        """A leg alone at half its price ends nothing, and a package ends whole."""
        book, days, alone = book_of(quotes), quotes["quote_date"].unique(), 0
        for trade in ours.trades.itertuples():
            strikes = strikes_of(trade.legs)
            of = trade.expiration, "P", strikes[1]
            root = next(root for root in ("SPXW", "SPX") if (trade.entry, root, *of) in book)
            for right, strike in zip("PC", strikes[1:3], strict=True):
                sold = book[trade.entry, root, trade.expiration, right, strike][0]
                held = [day for day in days if trade.entry < day < min(trade.exit, trade.expiration)]
                paid = [book[day, root, trade.expiration, right, strike][1] for day in held]
                alone += any(price <= 0.5 * sold for price in paid)
        assert alone >= 3  # shorts that had made half of their price while their condor was held on
        assert not ours.trades.duplicated(["entry"]).any()


def vars_of(of):
    return {name: getattr(of, name) for name in ("entry", "gate", "exit", "size", "costs")}


def test_expirations_are_read_as_far_out_as_the_rules_reach(history, market_data):
    source, bars = str(market_data / CHAINS), str(market_data / BARS)
    day = date(2019, 5, 1)
    near, far = (
        open_source(source)
        .over_days(SpanRequest(symbol="SPX", ranked=history, bars=bars, first=day, last=day, max_dte=max_dte))[0]
        .market
        for max_dte in (30, 200)
    )
    assert quotes_near(far, 0, 180, 20).dte > 150
    with refused("dte", "180 +-20", "120 days"):
        quotes_near(near, 0, 180, 20)


def test_a_range_without_a_day_is_told_with_what_there_is(market_data):
    told = ("quote_date", "2020-01-01", "2020-02-01", "29 days", "2019-04-25", "2019-06-07", "`first`")
    with refused_data("SPX_cboe_20190425_20190607.csv.gz", *told):
        recorded_days(
            str(market_data / CHAINS), SpanRequest(symbol="SPX", first=date(2020, 1, 1), last=date(2020, 2, 1))
        )
