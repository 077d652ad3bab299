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
    markets = dict.fromkeys(one.market for one in results)
    head = [f"{plan.edge} on {plan.symbol}, {period.first} to {period.last}, {risk}", *markets]
    blocks: list[RenderableType] = []
    for entries in dict.fromkeys(one.entries for one in results):
        blocks += [Text(""), Text(f"entered by {entries}"), _block([one for one in results if one.entries == entries])]
    blocks += [Text(""), *(Text(_told(one)) for one in defined_less_naked(results))]
    lines = [Text(line) for line in dict.fromkeys(f"{one.instrument}: loss {one.risk}" for one in results)]
    told = [Text(f"note: {note}", style="yellow") for note in notes_of(results)]
    return render([*named, *(Text(line) for line in head), *blocks, Text(""), *lines, *told, *named], columns)


def notes_of(results: Sequence[InstrumentResult]) -> list[str]:
    """What to know before believing any of it, each said once."""
    return list(dict.fromkeys(note for one in results for note in one.notes))


def _told(one: Difference) -> str:
    gain = f"{one.gain.estimate:+.1%} of the risk a trade"
    if one.gain.is_known:
        gain += f" ({one.gain.low:+.1%} to {one.gain.high:+.1%})"
    return f"{one.instrument} less {one.against}, {one.entries}: {gain}, {one.trades} trades: {one.verdict}"


def _block(results: Sequence[InstrumentResult]) -> Table:
    table = plain_table(
        "instrument", "trades", "win", "P&L", "costs", "gain/risk (95%)", "worst/risk", "drawdown",
        left=("instrument",),
    )  # fmt: skip
    for one in results:
        m = one.result.metrics
        if m is None:
            table.add_row(one.instrument, "-", "-", "-", "-", one.result.reason, "-", "-")
            continue
        gain = percent(one.on_risk.estimate, 1)
        if one.on_risk.is_known:
            gain += f" ({percent(one.on_risk.low, 1)} to {percent(one.on_risk.high, 1)})"
        table.add_row(
            one.instrument, str(m.trades), percent(m.win_rate), dollars(m.pnl),
            dollars(trading_costs(one.result.trades)), gain, number(one.worst_on_risk, 2),
            percent(m.max_drawdown.share, 1),
        )  # fmt: skip
    return table


def difference_rows(results: Sequence[InstrumentResult]) -> list[dict[str, Any]]:
    """One record a way of entering: defined risk less naked options."""
    return [
        {
            "entries": one.entries,
            "instrument": one.instrument,
            "against": one.against,
            "gain_on_risk": one.gain.estimate,
            "gain_on_risk_low": one.gain.low,
            "gain_on_risk_high": one.gain.high,
            "trades": one.trades,
            "verdict": one.verdict,
        }
        for one in defined_less_naked(results)
    ]


def instrument_rows(results: Sequence[InstrumentResult]) -> list[dict[str, Any]]:
    """One record an instrument."""
    rows = []
    for one in results:
        m = one.result.metrics
        rows.append(
            {
                "instrument": one.instrument,
                "entries": one.entries,
                "market": one.market,
                "loss_bounded_by": one.risk,
                "trades": m.trades if m else 0,
                "win_rate": m.win_rate if m else None,
                "pnl": m.pnl if m else None,
                "costs": trading_costs(one.result.trades),
                "gain_on_risk": one.on_risk.estimate,
                "gain_on_risk_low": one.on_risk.low,
                "gain_on_risk_high": one.on_risk.high,
                "worst_loss_on_risk": one.worst_on_risk,
                "max_drawdown": m.max_drawdown.share if m else None,
                "average_sessions": m.average_sessions if m else None,
            }
        )
    return rows
