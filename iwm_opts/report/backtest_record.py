"""A backtest as a record for JSON, and its trades as CSV."""

from dataclasses import asdict

from iwm_opts.backtest.metrics import independent_trades, measure
from iwm_opts.backtest.periods import by_calendar, by_period
from iwm_opts.backtest.result import CASCADE
from iwm_opts.backtest.saved import provenance, rules_record
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.report.records import Record, frame_records, rows_as_csv


def backtest_record(result: PooledResult) -> Record:
    """Everything: market, rules, figures, periods, paths, trades and notes."""
    trades, equity, account = result.trades, result.equity, result.account
    return {
        "market": market_record(result),
        "rules": rules_record(result.results[0].rules),
        "gate": {
            "condition": result.results[0].label,
            "open_days": sum(run.gate_open_days for run in result.results),
            "ranked_days": sum(run.ranked_days for run in result.results),
        },
        "metrics": asdict(measure(trades, equity, account)) | {"independent_trades": independent_trades(trades)},
        "cascade": {name: float(trades[name].sum()) for name in CASCADE},
        "exits": {str(name): int(count) for name, count in trades["reason"].value_counts().items()},
        "by_year": frame_records(by_calendar(trades, equity, account).reset_index()),
        "by_month": frame_records(by_calendar(trades, equity, account, "month").reset_index()),
        "by_period": frame_records(by_period(trades, equity, account).reset_index()),
        "by_scenario": [
            {"scenario": name or None} | asdict(measure(pooled.trades, pooled.equity, account))
            for name, pooled in result.by_scenario().items()
        ],
        "paths": [
            {"path": trial.path, "scenario": trial.scenario or None, "market": run.market}
            | asdict(measure(run.trades, run.equity, account))
            for run, trial in zip(result.results, result.trials, strict=True)
        ],
        "uncertainty": result.uncertainty.record() if result.uncertainty else None,
        "skipped": [run.skipped for run in result.results],
        "trades": frame_records(trades),
        "notes": list(result.notes),
    }


def market_record(result: PooledResult) -> Record:
    """Which market, and whether its quotes were ever a market's."""
    days = result.results[0].equity.index
    return {
        "name": result.name,
        "kind": result.kind,
        "simulated": not result.kind.is_real,
        "modelled": result.kind == "modelled",
        "paths": len(result.results),
        "first": days[0].date().isoformat(),
        "last": days[-1].date().isoformat(),
        "sessions": len(days),
    }


def trades_csv(result: PooledResult) -> str:
    """One row a trade, by path; columns as in `result.Backtest`."""
    head = provenance(result)
    rows = [head | row for row in frame_records(result.trades)]
    return rows_as_csv(rows, [*head, *(str(name) for name in result.trades.columns)])
