"""One edge in several instruments, side by side."""

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from iwm_opts.backtest.metrics import Period
from iwm_opts.plans.instruments import Difference, InstrumentResult, defined_less_naked, trading_costs
from iwm_opts.plans.plan import Plan
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.words import dollars, number, percent


def instruments_table(
    plan: Plan, period: Period, results: Sequence[InstrumentResult], label: str = "", columns: int | None = None
) -> str:
    """Gains on risk with their interval, costs, worst loss over planned risk and drawdown, one row an instrument.

    A block for each way of entering: by the whole plan, and on every signal of the edge.
    """
    named: list[RenderableType] = [Text(label, style="bold white on red")] if label else []
    risk = f"{percent(plan.account.risk, 1)} of {dollars(plan.account.value)} at risk a trade"
    markets = dict.fromkeys(result.market for result in results)
    head = [f"{plan.edge} on {plan.symbol}, {period.first} to {period.last}, {risk}", *markets]
    blocks: list[RenderableType] = []
    for entries in dict.fromkeys(result.entries for result in results):
        blocks += [
            Text(""),
            Text(f"entered by {entries}"),
            _block([result for result in results if result.entries == entries]),
        ]
    blocks += [Text(""), *(Text(_sentence(result)) for result in defined_less_naked(results))]
    lines = [Text(line) for line in dict.fromkeys(f"{result.instrument}: loss {result.risk}" for result in results)]
    notes = [Text(f"note: {note}", style="yellow") for note in notes_of(results)]
    return render([*named, *(Text(line) for line in head), *blocks, Text(""), *lines, *notes, *named], columns)


def notes_of(results: Sequence[InstrumentResult]) -> list[str]:
    """Return notes of the results, without repeats."""
    return list(dict.fromkeys(note for result in results for note in result.notes))


def _sentence(difference: Difference) -> str:
    gain = f"{difference.gain.estimate:+.1%} of the risk a trade"
    if difference.gain.is_known:
        gain += f" ({difference.gain.low:+.1%} to {difference.gain.high:+.1%})"
    pair = f"{difference.instrument} less {difference.against}, {difference.entries}"
    return f"{pair}: {gain}, {difference.trades} trades: {difference.verdict}"


def _block(results: Sequence[InstrumentResult]) -> Table:
    table = plain_table(
        "instrument", "trades", "win", "P&L", "costs", "gain/risk (95%)", "worst/risk", "drawdown",
        left=("instrument",),
    )  # fmt: skip
    for result in results:
        m = result.result.metrics
        if m is None:
            table.add_row(result.instrument, "-", "-", "-", "-", result.result.reason, "-", "-")
            continue
        gain = percent(result.on_risk.estimate, 1)
        if result.on_risk.is_known:
            gain += f" ({percent(result.on_risk.low, 1)} to {percent(result.on_risk.high, 1)})"
        table.add_row(
            result.instrument, str(m.trades), percent(m.win_rate), dollars(m.pnl),
            dollars(trading_costs(result.result.trades)), gain, number(result.worst_on_risk, 2),
            percent(m.max_drawdown.share, 1),
        )  # fmt: skip
    return table


def difference_rows(results: Sequence[InstrumentResult]) -> list[dict[str, Any]]:
    """One record a way of entering: defined risk less naked options."""
    return [
        {
            "entries": difference.entries,
            "instrument": difference.instrument,
            "against": difference.against,
            "gain_on_risk": difference.gain.estimate,
            "gain_on_risk_low": difference.gain.low,
            "gain_on_risk_high": difference.gain.high,
            "trades": difference.trades,
            "verdict": difference.verdict,
        }
        for difference in defined_less_naked(results)
    ]


def instrument_rows(results: Sequence[InstrumentResult]) -> list[dict[str, Any]]:
    """One record an instrument."""
    rows = []
    for result in results:
        m = result.result.metrics
        rows.append(
            {
                "instrument": result.instrument,
                "entries": result.entries,
                "market": result.market,
                "loss_bounded_by": result.risk,
                "trades": m.trades if m else 0,
                "win_rate": m.win_rate if m else None,
                "pnl": m.pnl if m else None,
                "costs": trading_costs(result.result.trades),
                "gain_on_risk": result.on_risk.estimate,
                "gain_on_risk_low": result.on_risk.low,
                "gain_on_risk_high": result.on_risk.high,
                "worst_loss_on_risk": result.worst_on_risk,
                "max_drawdown": m.max_drawdown.share if m else None,
                "average_sessions": m.average_sessions if m else None,
            }
        )
    return rows
