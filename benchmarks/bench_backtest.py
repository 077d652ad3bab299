"""Backtests beside a plain-Python loop, optopsy and ironcondor, each on equal work.

On a busy machine read CPU time: --benchmark-timer=time.process_time (all but the sweep on two threads).

The peers come by `pip install optopsy ironcondor`; neither pins anything that conflicts with this package. Their cases
are skipped where they are not installed, and optopsy's without the real chains of IWM_OPTS_TEST_DATA.
"""

import json
import os
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.engine import NO_PASSAGES, backtest, blank_passages, prepare, rule_rows, run
from iwm_opts.backtest.gate import is_open
from iwm_opts.backtest.prepared import on_weekdays
from iwm_opts.backtest.prices import price_book
from iwm_opts.backtest.reference_loop import RULES, plain_backtest
from iwm_opts.backtest.rules import Costs, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.backtest.sweep import sweep
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.kernels.backtest.codes import SkipReason, Summary
from iwm_opts.kernels.backtest.day_loop import run_backtests
from iwm_opts.kernels.backtest.marks import quotes_on
from iwm_opts.kernels.backtest.state import CHOSEN, COLUMNS, blank_trades
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.sources.recorded_files import recorded_days
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.source import SpanRequest
from iwm_opts.sources.surface_days import SurfaceDays
from iwm_opts.spreads.entry_rule import EntryRule

TEN_YEARS = date(2014, 1, 2), date(2024, 12, 31)
START = date(2015, 1, 2)  # what lies before warms the rank up
PLAIN_DAYS = 250
DATA = os.environ.get("IWM_OPTS_TEST_DATA")


@pytest.fixture(scope="module")
def stage():
    market = simulate_market(*TEN_YEARS, seed=7)
    days = SurfaceDays(market, START)
    days.surface()
    return days, market.iv_history(10)


def rounds(benchmark, group, name, call, count, unit, repeats=20):
    benchmark.group, benchmark.name = group, name
    result = benchmark.pedantic(call, rounds=repeats, warmup_rounds=1)
    if benchmark.stats:
        benchmark.extra_info[unit] = count / benchmark.stats.stats.min
    return result


def test_quotes_of_any_option(benchmark, stage):
    surface = stage[0].surface()
    count, rows = 100_000, len(surface.rows) // COLUMNS
    rng = np.random.default_rng(1)
    row = rng.integers(0, rows, count)
    right = rng.choice([-1.0, 1.0], count)
    strike = np.round(surface.rows.reshape(-1, COLUMNS)[row, 0] * rng.uniform(0.85, 1.1, count))
    out = [np.empty(count) for _ in range(3)]
    rounds(benchmark, "marks", "any option", lambda: quotes_on(*surface, row, right, strike, *out), count, "quotes/s")


def test_marks_of_every_life(benchmark, stage):
    prepared = prepare(*stage, Rules())
    book = prepared.book.complete()
    assert (book.lifetimes.choice == CHOSEN).mean() > 0.5

    def call():
        book.lifetimes.quoted[:] = 0
        book.complete()

    rounds(benchmark, "marks", "lives of a book", call, book.bid.size, "quotes/s")


def passes(prepared, rules, is_fresh):
    """Backtests of some rules that share a book, without the tables of their trades."""
    days, count = len(prepared.ranks), len(rules)
    allowed = np.isfinite(prepared.ranks) & on_weekdays(prepared.market, prepared.rules.entry)
    if prepared.rules.gate.below is not None:
        allowed &= prepared.ranks < prepared.rules.gate.below
    state, rows = prepared.state(), rule_rows(rules, [0] * count)
    skips, summary = np.zeros((count, len(SkipReason)), dtype=np.int64), np.empty((count, len(Summary)))
    trades, equity = blank_trades(days), np.empty((1, days))
    passages = NO_PASSAGES
    if not is_fresh:
        price_book(prepared.book.complete(), prepared.costs, prepared.prices)
        passages = blank_passages(rows, len(prepared.book))

    def call():
        run_backtests(state, rows, allowed[None].copy(), passages, is_fresh, 0, count, trades, equity, skips, summary)
        return summary

    return call


@pytest.mark.parametrize("is_fresh", [True, False], ids=["own-marks", "shared-marks"])
def test_ten_years_of_daily_condors(benchmark, stage, is_fresh):
    """The default rules: gate below 20, five open, half-spread quotes, fees, sized by equity, marked every day."""
    prepared = prepare(*stage, Rules())
    deltas = np.linspace(0.12, 0.2, 32)
    own = (
        [replace(Rules(), entry=EntryRule(put_delta=d, call_delta=d)) for d in deltas] if is_fresh else [Rules()] * 512
    )
    call = passes(prepared, own, is_fresh)
    summary = rounds(benchmark, "ten years", f"{'own' if is_fresh else 'shared'} marks", call, len(own), "backtests/s")
    benchmark.extra_info["package-days"] = float(summary[:, Summary.PACKAGE_DAYS].mean())


def test_the_reported_backtest(benchmark, stage):
    """The same with everything: gate ranked, tables of trades and equity, attribution to greeks."""
    rounds(benchmark, "ten years", "reported", lambda: backtest(*stage, Rules()), 1, "backtests/s", 5)


@pytest.mark.parametrize("threads", [1, 2])
def test_sweep(benchmark, stage, threads):
    grid = [
        Rules(gate=GateRule(below=below), exit=ExitRule(profit=profit, stop=stop, dte=dte))
        for below, profit, stop, dte in product(
            (15.0, 20.0), np.linspace(0.2, 0.9, 32), np.linspace(0.5, 4, 32), (14, 21)
        )
    ]  # fmt: skip
    call = lambda: sweep(*stage, grid, threads)  # noqa: E731
    rounds(benchmark, "sweep, books and tables included", f"{threads} threads", call, len(grid), "backtests/s", 3)


@pytest.mark.parametrize("engine", ["kernels", "plain"])
def test_a_year_beside_plain_python(benchmark, stage, engine):
    days, history = stage
    year = SurfaceDays(days.market, days.days[-PLAIN_DAYS])
    prepared = prepare(year, history, RULES)
    allowed = is_open(prepared.ranks, RULES.gate)
    if engine == "plain":
        found = rounds(
            benchmark, "a year", engine, lambda: plain_backtest(year, PLAIN_DAYS, allowed.tolist()), 1, "backtests/s", 3
        )
        ours = run(prepared).trades["pnl"]
        assert sorted(one.pnl for one in found) == pytest.approx(sorted(ours), abs=0.01)
        return
    rounds(benchmark, "a year", engine, passes(prepared, [RULES] * 64, True), 64, "backtests/s")


# --- optopsy: long puts of a recorded chain, held to expiry ---

CHAINS = "options/SPX_cboe_20190425_20190607.csv.gz"
OPTOPSY_COLUMNS = [
    "underlying_symbol", "underlying_price", "option_type", "expiration", "quote_date", "strike", "bid", "ask",
]  # fmt: skip
NO_DATA = pytest.mark.skipif(not DATA, reason="needs IWM_OPTS_TEST_DATA")


@NO_DATA
@pytest.mark.parametrize("engine", ["optopsy", "reported", "kernels"])
def test_long_puts_of_a_recorded_chain(benchmark, engine):
    """optopsy's own rule, every put at every entry up to 14 days before expiry, beside one put a day marked daily.

    Dollars and fills differ by rule, so that a trade is the unit: compare trades a second. optopsy joins entries with
    exits and marks nothing between; here every day in between is priced, and a report has a fixed cost of its tables.
    """
    path = Path(DATA) / CHAINS
    group = "long puts to expiry, trades a second"
    if engine == "optopsy":
        optopsy = pytest.importorskip("optopsy")
        table = pd.read_csv(path, parse_dates=["quote_date", "expiration"])
        near = (table["expiration"] - table["quote_date"]).dt.days <= 14
        table = table[near].rename(columns={"right": "option_type", "spot": "underlying_price"})
        table = table.assign(option_type=table["option_type"].str.lower(), underlying_symbol="SPX")
        table = table[
            [
                *[
                    "underlying_symbol",
                    "underlying_price",
                    "option_type",
                    "expiration",
                    "quote_date",
                    "strike",
                    "bid",
                    "ask",
                ]
            ]
        ]
        call = lambda: optopsy.long_puts(table, raw=True, max_entry_dte=15, exit_dte=0)  # noqa: E731
        count = len(call())
        rounds(benchmark, group, engine, call, count, "trades/s", 5)
        return
    market = recorded_days(
        str(path), SpanRequest(symbol="SPX", bars=Path(DATA) / "daily/GSPC_yahoo.csv.gz", max_dte=30)
    )
    rules = Rules(
        EntryRule("long-put", 10, 10, put_delta=0.3, max_open=99), GateRule(None, None, 20),
        ExitRule(None, None, dte=None), SizeRule(contracts=1), Costs(fees=FeeSchedule.parse("custom:0.65")),
    )  # fmt: skip
    everyday = np.ones(len(market.days), dtype=bool)
    prepared = prepare(market, flat_history(market.days), rules)
    count = len(run(prepared, everyday).trades)
    call = lambda: run(prepared, everyday)  # noqa: E731
    if engine == "kernels":
        state, rows, flags = prepared.state(), rule_rows([rules] * 64, [0] * 64), everyday[None].copy()
        skips, summary = np.zeros((64, len(SkipReason)), dtype=np.int64), np.empty((64, len(Summary)))
        trades, equity, count = blank_trades(len(everyday)), np.empty((1, len(everyday))), 64 * count

        def call():
            prepared.prices.entry.priced[:] = 0
            run_backtests(state, rows, flags, NO_PASSAGES, False, 0, 64, trades, equity, skips, summary)

    rounds(benchmark, group, engine, call, count, "trades/s", 10)


def flat_history(days):
    index = pd.DatetimeIndex([days[0] - timedelta(days=7), *days[:-1]])
    return IvHistory("made", 10, pd.Series(np.linspace(0.2, 0.3, len(index)), index=index), False, "")


# --- ironcondor: one condor over 36 days, from a file of its quotes ---

FEED = {
    "step": "int32", "ts": "int64", "underlying": "object", "underlying_price": "int64", "tick_size": "int64",
    "contract_multiplier": "int32", "expiration": "int64", "strike": "int64", "style": "object", "bid": "int64",
    "ask": "int64", "bid_size": "int32", "ask_size": "int32", "implied_volatility": "float64", "delta": "float64",
    "gamma": "float64", "theta": "float64", "vega": "float64",
}  # fmt: skip
STEPS = 36


@pytest.fixture(scope="module")
def condor(stage):
    """One condor of the simulated market and its quotes from entry on."""
    days, history = stage
    rules = Rules(
        EntryRule(dte=55, dte_slack=8, max_open=99), GateRule(None, None, 20), ExitRule(None, None, dte=None),
        SizeRule(contracts=1), Costs(*(FillModel.parse("natural"),) * 3, FeeSchedule.parse("custom:0.65")),
    )  # fmt: skip
    book = prepare(days, history, rules).book.complete()
    c = next(i for i in range(len(book)) if book.lifetimes.quoted[i] > STEPS and book.lifetimes.choice[i] == CHOSEN)
    return days, book, c


def condor_feed(condor, path):
    days, book, c = condor
    first, start = book.lifetimes.first[c], book.lifetimes.entry[c]
    rows = []
    for step in range(STEPS):
        for j, strike in enumerate(book.strike[c]):
            rows.append(
                {
                    "step": step, "ts": int(pd.Timestamp(days.days[start + step]).value), "underlying": "IWM",
                    "underlying_price": round(100 * days.spot[start + step]), "tick_size": 1,
                    "contract_multiplier": 100, "expiration": int(pd.Timestamp(book.series[c].expiration).value),
                    "strike": round(100 * strike), "style": "put" if j < 2 else "call",
                    "bid": round(100 * book.bid[j, first + step]),
                    "ask": round(100 * book.ask[j, first + step]), "bid_size": 50, "ask_size": 50,
                    "implied_volatility": 0.2, "delta": 0.2, "gamma": 0.01, "theta": -0.05, "vega": 0.1,
                }
            )  # fmt: skip
    pd.DataFrame(rows).astype(FEED).to_parquet(path, index=False)


def test_one_condor_in_ironcondor(benchmark, condor, tmp_path):
    ironcondor = pytest.importorskip("ironcondor")
    feed = tmp_path / "condor.parquet"
    condor_feed(condor, feed)
    _, book, c = condor
    long_put, short_put, short_call, long_call = (round(100 * k) for k in book.strike[c])
    asks = [round(100 * book.ask[j, book.lifetimes.first[c]]) for j in range(4)]
    bids = [round(100 * book.bid[j, book.lifetimes.first[c]]) for j in range(4)]
    made = iter(range(10**6))

    def call():
        config = ironcondor.BacktestConfig(seed=1, capital_cents=5_000_000).data_parquet(str(feed))
        config = config.strategy_iron_condor(
            underlying="IWM", underlying_price_cents=round(100 * condor[0].spot[book.lifetimes.entry[c]]),
            short_call_strike_cents=short_call, short_put_strike_cents=short_put, long_call_strike_cents=long_call,
            long_put_strike_cents=long_put, expiration_ns=int(pd.Timestamp(book.series[c].expiration).value),
            quantity=1, premium_short_call_cents=bids[2], premium_short_put_cents=bids[1],
            premium_long_call_cents=asks[3], premium_long_put_cents=asks[0],
        )  # fmt: skip
        config = config.execution_naive().fees(per_contract_cents=65).exit_time_steps(STEPS - 1)
        return ironcondor.run(config.output_dir(str(tmp_path / f"out{next(made)}")))

    bundle = rounds(benchmark, "one condor, 36 days", "ironcondor, file to bundle", call, 1, "condors/s", 10)
    assert json.dumps(bundle.metrics())


@pytest.mark.parametrize("what", ["reported", "kernels"])
def test_one_condor_here(benchmark, condor, what):
    """The same condor: opened, marked on each of 36 days and closed; with its tables, and the kernels alone."""
    days, book, c = condor
    entry = int(book.lifetimes.entry[c])
    rules = replace(
        Rules(book.rule, GateRule(None, None, 20), ExitRule(None, None, dte=None, sessions=STEPS - 1), SizeRule(1)),
        costs=Costs(*(FillModel.parse("natural"),) * 3, FeeSchedule.parse("custom:0.65")),
    )
    prepared = prepare(days, flat_history(days.days), rules, book)
    allowed = np.arange(len(days.days)) == entry
    if what == "reported":
        found = rounds(benchmark, "one condor, 36 days", what, lambda: run(prepared, allowed), 1, "condors/s")
        assert found.trades["sessions"].tolist() == [STEPS - 1]
        return
    state, rows = prepared.state(), rule_rows([rules], [0])
    trades, equity = blank_trades(len(allowed)), np.empty((1, len(allowed)))
    skips, summary = np.zeros((1, len(SkipReason)), dtype=np.int64), np.empty((1, len(Summary)))
    flags = allowed[None].copy()
    call = lambda: run_backtests(state, rows, flags, NO_PASSAGES, True, 0, 1, trades, equity, skips, summary)  # noqa: E731
    rounds(benchmark, "one condor, 36 days", what, call, 1, "condors/s")
