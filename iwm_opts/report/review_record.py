"""A review as records: its JSON, and its months as CSV."""

from dataclasses import asdict

import pandas as pd

from iwm_opts.conventions import Provenance
from iwm_opts.journal.edge_state import EdgeState
from iwm_opts.journal.fill_calibration import calibrate_fills
from iwm_opts.journal.inference import Estimate
from iwm_opts.journal.review import Review, Span
from iwm_opts.journal.trade_log import TradeLog
from iwm_opts.report.records import Record, picked

MARKED, BOOKED = "marked equity", "booked results only"
MONTH_FIGURES = (
    "trades", "win_rate", "average_gain", "average_loss", "gain_loss_ratio", "losing_run", "losing_run_loss",
    "expectancy", "expectancy_on_risk", "profit_factor", "pnl",
)  # fmt: skip


def log_record(log: TradeLog) -> Record:
    """Contents of a log: closed and open trades, opening balances, and rows not used by reason."""
    trades = [
        {
            **{name: trade[name] for name in ("symbol", "strategy", "legs", "contracts", "credit", "fees", "reason")},
            "expiration": None if pd.isna(trade["expiration"]) else f"{trade['expiration']:%Y-%m-%d}",
            "entry": f"{trade['entry']:%Y-%m-%d %H:%M:%S}",
        }
        for trade in log.open.to_dict("records")
    ]
    balances = [
        picked(balance, "name", "symbol", "quantity", "how", "price", "line")
        | {"account": balance.account or None, "ended": f"{balance.ended:%Y-%m-%d}"}
        for balance in log.opening
    ]
    return {
        "source": log.source, "simulated": not log.provenance.is_real,
        "modelled": log.provenance is Provenance.MODELLED, "closed": len(log.closed),
        "open": len(log.open), "open_trades": trades, "opening_balances": balances,
        "rows_skipped": dict(log.skipped), "warnings": list(log.warnings), "notes": list(log.notes),
        "left_out": list(log.problems),
    }  # fmt: skip


def review_record(review: Review) -> Record:
    """Everything a review found; shares are 0 to 1, undefined is None once written as JSON."""
    diagnosis, log, marked = review.diagnosis, review.log, review.marked
    deepest = (review.whole.marked or review.whole.booked).drawdown
    return {
        **log_record(log),
        "plan": review.plan or None,
        "compared_with": review.baseline or None,
        "account": review.account,
        "closed": len(diagnosis.trades),
        "months": month_records(review),
        "whole": span_record(review.whole)
        | {
            "max_drawdown_sessions": deepest.sessions,
            "sessions_held": marked.held if marked else None,
            "sessions_marked": marked.marked if marked else None,
        },
        "open_marked": review.open_marks[1],
        "open_pnl": review.open_marks[0] if review.open_marks[1] else None,
        "edge": _edge_record(diagnosis.edge),
        "faults": [fault.name for fault in diagnosis.faults],
        "findings": [
            {
                **picked(finding, "name", "topic", "breaches", "unit", "p", "p_adjusted", "smallest_seen", "cost"),
                "sentence": finding.sentence, "fault": finding.is_fault, "trades": finding.n,
                "estimate": _estimate(finding.estimate),
            }
            for finding in diagnosis.findings
        ],
        "effects": [
            {
                **picked(effect, "name", "kind", "losers"), "with": _estimate(effect.with_it),
                "without": _estimate(effect.without_it), "difference": _estimate(effect.difference),
            }
            for effect in diagnosis.effects
        ],
        "losers": asdict(diagnosis.losers),
        "family_error": diagnosis.family_error,
        "fill_offsets": [
            {"by": row.by, "group": row.group, "offset": _estimate(row.offset)} for row in calibrate_fills(log)
        ],
        "notes": [*diagnosis.notes, *log.notes],
    }  # fmt: skip


def month_records(review: Review) -> list[Record]:
    """One record a month, in order."""
    return [span_record(span) for span in review.months]


def span_record(span: Span) -> Record:
    """Figures and costs of a month, or of all of it; dollars unless said."""
    deepest = span.marked or span.booked
    return {
        "month": span.name,
        **picked(span.metrics, *MONTH_FIGURES),
        "drawdown_of": MARKED if span.marked else BOOKED,
        "max_drawdown": deepest.drawdown.share,
        "max_drawdown_dollars": deepest.drawdown.dollars,
        "worst_day": deepest.worst_date and deepest.worst_date.isoformat(),
        "worst_day_dollars": deepest.worst_day,
        "booked_drawdown": span.booked.drawdown.share,
        "booked_drawdown_dollars": span.booked.drawdown.dollars,
        "booked_worst_day_dollars": span.booked.worst_day,
        "fees": span.costs.fees,
        "fees_over_model": span.costs.fee_cost,
        "slippage_to_mid": span.costs.slippage,
        "slippage_over_model": span.costs.fill_cost,
        "late_exit_cost": span.costs.late_cost,
        "trades_with_mid": span.costs.known_slippage,
        "trades_with_model_fill": span.costs.known_fills,
    }


def _edge_record(edge: EdgeState) -> Record:
    scan, days = edge.scan, picked(edge, "since", "since_low", "since_high", "known_on")
    return {
        "state": edge.word,
        "sentence": edge.sentence,
        "trades": edge.n,
        "independent_trades": edge.independent,
        "mean_result": _estimate(edge.mean),
        "backtest_trades": edge.baseline_n,
        "backtest_mean_result": edge.baseline_mean,
        "win_rate": edge.win_rate and asdict(edge.win_rate),
        "average": edge.average and asdict(edge.average),
        **{name: None if day is None else day.date() for name, day in days.items()},
        "power_to_see_the_end": edge.power_to_see_the_end,
        "p_if_the_edge_were_nothing": edge.p_of_nothing,
        "scan": scan and picked(scan, "statistic", "threshold", "p", "mean_before", "mean_after", "replicates"),
    }


def _estimate(estimate: Estimate) -> Record:
    return picked(estimate, "value", "low", "high") | {"trades": estimate.n}
