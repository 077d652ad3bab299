"""One edge in several instruments, side by side."""

from collections.abc import Sequence

from rich.console import RenderableType

from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.backtest.metrics import Period
from iwm_opts.plans.instruments import InstrumentResult, defined_less_naked, trading_costs
from iwm_opts.plans.plan import Plan
from iwm_opts.report.console import plain_table, render_page
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, number, percent


def instruments_table(
    plan: Plan, period: Period, results: Sequence[InstrumentResult], label: str = "", columns: int | None = None
) -> str:
    """Gains on risk with their interval, costs, worst loss over planned risk and drawdown, one row an instrument.

    A block for each way of entering: by the whole plan, and on every signal of the edge.
    """
    risk = f"{percent(plan.account.risk, 1)} of {dollars(plan.account.value)} at risk a trade"
    parts: list[RenderableType] = [f"{plan.edge} on {plan.symbol}, {period.first} to {period.last}, {risk}"]
    parts += dict.fromkeys(result.market for result in results)
    heads = ("instrument", "trades", "win", "P&L", "costs", "gain/risk (95%)", "worst/risk", "drawdown")
    for entries in dict.fromkeys(result.entries for result in results):
        table = plain_table(*heads, left=("instrument",))
        for result in results:
            m, on_risk = result.result.metrics, result.on_risk
            if result.entries != entries:
                continue
            if m is None:
                table.add_row(result.instrument, "-", "-", "-", "-", result.result.reason, "-", "-")
                continue
            gain = percent(on_risk.estimate, 1)
            gain += f" ({percent(on_risk.low, 1)} to {percent(on_risk.high, 1)})" if on_risk.is_known else ""
            table.add_row(
                result.instrument, str(m.trades), percent(m.win_rate), dollars(m.pnl),
                dollars(trading_costs(result.result.trades)), gain, number(result.worst_on_risk, 2),
                percent(m.max_drawdown.share, 1),
            )  # fmt: skip
        parts += ["", f"entered by {entries}", table]
    parts.append("")
    for difference in defined_less_naked(results):
        gain = f"{difference.gain.estimate:+.1%} of the risk a trade"
        if difference.gain.is_known:
            gain += f" ({difference.gain.low:+.1%} to {difference.gain.high:+.1%})"
        pair = f"{difference.instrument} less {difference.against}, {difference.entries}"
        parts.append(f"{pair}: {gain}, {difference.trades} trades: {difference.verdict}")
    parts += ["", *dict.fromkeys(f"{result.instrument}: loss {result.risk}" for result in results)]
    return render_page(label, parts, notes_of(results), columns)


def notes_of(results: Sequence[InstrumentResult]) -> list[str]:
    """Return notes of the results, without repeats."""
    return list(dict.fromkeys(note for result in results for note in result.notes))


def difference_rows(results: Sequence[InstrumentResult]) -> list[Record]:
    """One record a way of entering: defined risk less naked options."""
    return [
        {
            **{name: getattr(difference, name) for name in ("entries", "instrument", "against", "trades", "verdict")},
            **_bounds("gain_on_risk", difference.gain),
        }
        for difference in defined_less_naked(results)
    ]


def _bounds(name: str, interval: Interval) -> Record:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


def instrument_rows(results: Sequence[InstrumentResult]) -> list[Record]:
    """One record an instrument."""
    rows = []
    for result in results:
        m = result.result.metrics
        rows.append(
            {
                "instrument": result.instrument, "entries": result.entries, "market": result.market,
                "loss_bounded_by": result.risk, "trades": m.trades if m else 0,
                "win_rate": m.win_rate if m else None, "pnl": m.pnl if m else None,
                "costs": trading_costs(result.result.trades), **_bounds("gain_on_risk", result.on_risk),
                "worst_loss_on_risk": result.worst_on_risk, "max_drawdown": m.max_drawdown.share if m else None,
                "average_sessions": m.average_sessions if m else None,
            }
        )  # fmt: skip
    return rows
