"""The engine against a slow loop that reads whole chains and shares no arithmetic with it."""

import math
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from iwm_opts.backtest.engine import prepare, run
from iwm_opts.backtest.rules import Costs, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.backtest.trial import PooledResult, Trial
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.market.iv_rank import iv_rank
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.surface_days import SurfaceDays
from iwm_opts.spreads.entry_rule import EntryRule
from iwm_opts.spreads.legs import Wing

SIGN, RIGHT = (1, -1, -1, 1), "PPCC"
FEE = 0.65
RULES = Rules(
    EntryRule(dte=30, max_open=3, put_wing=Wing(width=5.0), call_wing=Wing(width=5.0)),
    GateRule(below=60, lookback=20),
    ExitRule(profit=0.25, stop=1.0, dte=12),
    SizeRule(contracts=2),
    Costs(
        FillModel.parse("natural"),
        FillModel.parse("natural"),
        FillModel.parse("stress:2"),
        FeeSchedule.parse("custom:0.65"),
    ),
)


@pytest.fixture(scope="module")
def market():
    return simulate_market(date(2023, 1, 3), date(2023, 5, 31), seed=5)


@pytest.fixture(scope="module")
def ours(market):
    return run(prepare(SurfaceDays(market, date(2023, 2, 15)), market.iv_history(10), RULES))


def slow_loop(market, first):
    history, trades, held = market.iv_history(10), [], []
    days = [day for day in market.days if day >= first]
    for day in days:
        quotes = market.chain(day).quotes
        spot = float(quotes["underlying_price"].iloc[0])
        book = {(r.expiration.date(), r.right, r.strike): r for r in quotes.itertuples()}
        for one in list(held):
            debit, stressed = to_close(one, book, spot, day)
            why = reason(one, debit, day, day == days[-1])
            if why:
                paid = min(stressed, 5.0) if why == "stop" else debit
                fees = 2 * 4 * FEE * (1 if why == "expiry" else 2)
                trades.append((one["day"], day, why, one["strikes"], 200 * (one["credit"] - paid) - fees))
                held.remove(one)
        rank = iv_rank(history, day, 20)
        if rank.rank < 60 and rank.coverage >= 0.8 and len(held) < 3 and day != days[-1]:
            found = choose(quotes, book, day)
            if found and found["credit"] > 0:
                held.append(found)
    return sorted(trades)


def choose(quotes, book, day):
    expiration = min({r[0] for r in book}, key=lambda e: (abs((e - day).days - 30), e))
    if abs((expiration - day).days - 30) > 10:
        return None
    short = {}
    for right in "PC":
        rows = quotes[(quotes["expiration"] == pd.Timestamp(expiration)) & (quotes["right"] == right)]
        short[right] = float(rows["strike"].iloc[(rows["delta"].abs() - 0.16).abs().to_numpy().argmin()])
    strikes = (short["P"] - 5, short["P"], short["C"], short["C"] + 5)
    legs = [book.get((expiration, right, strike)) for right, strike in zip(RIGHT, strikes, strict=True)]
    if any(leg is None for leg in legs):
        return None
    credit = sum(-s * (leg.ask if s > 0 else leg.bid) for s, leg in zip(SIGN, legs, strict=True))
    return {"day": day, "expiration": expiration, "strikes": strikes, "credit": round(credit, 2)}


def to_close(one, book, spot, day):
    if day >= one["expiration"]:
        worth = [max((spot - k) * (1 if r == "C" else -1), 0) for r, k in zip(RIGHT, one["strikes"], strict=True)]
        return (-sum(s * w for s, w in zip(SIGN, worth, strict=True)),) * 2
    legs = [book[one["expiration"], right, strike] for right, strike in zip(RIGHT, one["strikes"], strict=True)]
    mid = -sum(s * (leg.bid + leg.ask) / 2 for s, leg in zip(SIGN, legs, strict=True))
    half = sum((leg.ask - leg.bid) / 2 for leg in legs)
    cents = [math.ceil(round((mid + k * half) * 100, 4)) / 100 for k in (1, 2)]
    return min(cents[0], 5.0), cents[1]


def reason(one, debit, day, is_last):
    if day >= one["expiration"]:
        return "expiry"
    if debit >= 2 * one["credit"]:
        return "stop"
    if (one["expiration"] - day).days <= 12:
        return "dte"
    if debit <= 0.75 * one["credit"]:
        return "profit"
    return "end of data" if is_last else None


def test_trades_and_profits_are_those_of_the_slow_loop(market, ours):
    theirs = slow_loop(market, date(2023, 2, 15))
    found = ours.trades.sort_values(["entry", "exit"])
    assert len(theirs) > 5
    assert [
        (a.date(), b.date(), r) for a, b, r in zip(found["entry"], found["exit"], found["reason"], strict=True)
    ] == [one[:3] for one in theirs]
    assert found["pnl"].to_list() == pytest.approx([one[4] for one in theirs], abs=0.005)


def test_no_cent_is_lost(ours):
    t = ours.trades
    assert (
        t["mid_pnl"] - t["entry_slippage"] - t["exit_slippage"] - t["fees"] + t["assignment"]
    ).to_list() == pytest.approx(t["pnl"].to_list(), abs=1e-9)
    assert ours.equity["equity"].iloc[-1] == pytest.approx(50_000 + t["pnl"].sum(), abs=1e-6)


@pytest.mark.parametrize(("account", "is_told"), [(20_000.0, True), (200_000.0, False)])
def test_an_account_too_small_for_most_packages_is_told(market, account, is_told):
    history = market.iv_history(10)
    trial = Trial(SurfaceDays(market, date(2023, 2, 15)), history)
    found = run(trial.prepare(replace(RULES, size=SizeRule(risk_share=0.01, account=account))))
    days = found.skipped.get("size is zero, limited by risk", 0)
    assert (days > len(found.trades)) is is_told
    notes = PooledResult((found,), (trial,)).notes
    assert any(str(days) in note and "`account`" in note for note in notes) is is_told
