"""The paper journal in the format that review reads."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError
from iwm_opts.journal.paper_trade import Mark, PaperTrade
from iwm_opts.journal.trade_log import SIMULATED, TradeLog, answers_text, log_of_rows, marks_text


def for_review(trades: Sequence[PaperTrade]) -> TradeLog:
    """Journal as a log to review: with real quotes, simulated trades are left out and counted."""
    real = [trade for trade in trades if SIMULATED not in trade.market]
    if not real or len(real) == len(trades):
        return log_of_paper(trades)
    log = log_of_paper(real)
    return replace(
        log, notes=(*log.notes, f"{counted(len(trades) - len(real), 'trades')} on a simulated market left out")
    )


def log_of_paper(trades: Sequence[PaperTrade], source: str = "paper journal") -> TradeLog:
    """Journal as a trade log."""
    rows = [_row(trade) for trade in trades]
    if not rows:
        raise DataError(source, "holds no trade", "open one: iwm-opts paper open --plan FILE")
    return log_of_rows(rows, source, is_simulated=any(SIMULATED in trade.market for trade in trades))


def _row(trade: PaperTrade) -> dict[str, object]:
    closing, due = trade.closing, trade.due
    if due is None and closing is not None:  # left before any rule called: not late
        due = Mark(closing.at[:10], closing.at, math.nan, closing.mid, closing.model, 0.0, closing.reason)
    fees = trade.fees + (closing.fees if closing else 0.0)
    # Dividends of the days after it would have been missed by leaving when it was due.
    is_late = due is not None and closing is not None and due.day < closing.at[:10]
    since = (
        closing.dividends / (trade.contracts * trade.multiplier) - due.dividends if closing and due and is_late else 0.0
    )
    return {
        "trade": str(trade.number),
        "plan": trade.plan,
        "market": f"paper, {trade.market}",
        "symbol": trade.symbol,
        "strategy": trade.strategy,
        "legs": trade.text,
        "expiration": trade.expiration or None,
        "multiplier": trade.multiplier,
        "settlement": closing.dividends if closing else 0.0,
        "entry": trade.opened,
        "exit": closing.at if closing else None,
        "reason": closing.reason if closing else "open",
        "contracts": trade.contracts,
        "planned_contracts": trade.planned_contracts,
        "credit": trade.credit,
        "debit": closing.debit if closing else math.nan,
        "entry_mid": trade.mid,
        "exit_mid": closing.mid if closing else math.nan,
        "entry_model": trade.model,
        "exit_model": closing.model if closing else math.nan,
        "due": due.day if due else None,
        "due_debit": due.debit + since if due else math.nan,
        "fees": fees,
        "model_fees": fees,
        "risk": trade.risk,
        "planned_risk": trade.planned_risk,
        "rank": math.nan if trade.rank is None else trade.rank,
        "checklist": answers_text(trade.checklist),
        "rolled_from": "" if trade.rolled_from is None else str(trade.rolled_from),
        "marks": marks_text({date.fromisoformat(mark.day): trade.gain_at(mark) for mark in trade.marks}),
    }
