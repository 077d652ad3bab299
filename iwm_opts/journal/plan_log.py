"""Trades of a plan's backtest as a log, to review and to compare own results with."""

from dataclasses import replace

import pandas as pd

from iwm_opts.conventions import Right
from iwm_opts.journal.packages import strategy_of
from iwm_opts.journal.paper_trade import OPEN
from iwm_opts.journal.readers import backtest_label, log_of_backtest
from iwm_opts.journal.trade_log import SHARES, TradeLog, log_of_rows
from iwm_opts.market.contract import Contract
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import PlanResult
from iwm_opts.spreads.typed import TypedLeg


def log_of_plan(result: PlanResult) -> TradeLog:
    """Trades of a plan over its ranges apart from the stress periods; without one, over these.

    Returns: filled by the model and left by the rules; each trade names the plan, and its market.
    """
    plan, stages = result.plan, result.ranges or result.stress
    market = backtest_label(result.market, result.provenance)
    tables = [stage.trades for stage in stages if len(stage.trades)]
    if not tables:
        return log_of_rows(pd.DataFrame(), market, provenance=result.provenance)
    trades = pd.concat(tables, ignore_index=True)
    if plan.instrument == "shares":
        return log_of_rows(_share_rows(trades, plan, market), market, provenance=result.provenance)
    log = log_of_backtest(trades, market, result.provenance, source=market)
    strategies = []
    for text, expiration in zip(log.trades["legs"], log.trades["expiration"], strict=True):
        day, legs = expiration.date(), [TypedLeg.parse(leg) for leg in text.split()]
        rights: list[Right] = ["C" if leg.right > 0 else "P" for leg in legs]
        named = [Contract(plan.symbol, day, right, leg.strike) for leg, right in zip(legs, rights, strict=True)]
        strategies.append(strategy_of([(leg.sign * leg.ratio, item) for leg, item in zip(legs, named, strict=True)]))
    return replace(log, trades=log.trades.assign(plan=plan.name, symbol=plan.symbol, strategy=strategies))


def _share_rows(trades: pd.DataFrame, plan: Plan, market: str) -> pd.DataFrame:
    """Share trades in the columns of a log: a purchase is a negative credit."""
    slipped = plan.costs.share_slippage
    exit_slippage = trades["slippage"] / trades["shares"] - slipped
    # A trade on daily bars is entered at the open; when within a session a stop was met they do not say.
    is_daily = trades["entry"] == trades["entry"].dt.normalize()
    entry = trades["entry"].where(~is_daily, trades["entry"] + pd.Timedelta(OPEN))
    columns = {
        **{name: trades[name] for name in ("exit", "reason", "fees", "pnl", "risk")}, "entry": entry, "plan": plan.name,
        "market": market, "symbol": plan.symbol, "strategy": SHARES, "contracts": trades["shares"], "multiplier": 1,
        "planned_contracts": trades["shares"], "credit": -trades["entry_price"], "debit": -trades["exit_price"],
        "entry_mid": slipped - trades["entry_price"], "exit_mid": -trades["exit_price"] - exit_slippage,
        "entry_model": -trades["entry_price"], "exit_model": -trades["exit_price"],
        "due": trades["exit"].dt.normalize(), "due_debit": -trades["exit_price"], "model_fees": trades["fees"],
        "settlement": trades["dividends"], "planned_risk": trades["risk"],
    }  # fmt: skip
    return pd.DataFrame(columns)
