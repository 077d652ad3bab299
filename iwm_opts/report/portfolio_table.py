"""Several plans on one account, as text and records."""

from typing import Final

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.backtest.metrics import independent_trades
from iwm_opts.backtest.uncertainty import uncertainty_columns
from iwm_opts.conventions import counted
from iwm_opts.plans.portfolio import PortfolioResult, PortfolioStage
from iwm_opts.report.console import plain_table, render_page
from iwm_opts.report.plan_backtest import ANSWERS, uncertainty_parts
from iwm_opts.report.records import Record, picked
from iwm_opts.report.words import dollars, number, percent

ALL: Final = "account"
METHOD: Final = (
    "each plan sizes on the start and its own result; shared limits rest on the equity of all at the close before, "
    "deltas of open positions on their entries"
)


def portfolio_table(result: PortfolioResult, label: str = "", columns: int | None = None) -> str:
    """Trades, refusals, P&L and drawdowns by period and plan, correlations and the verdict, as text."""
    stages = (*result.stress, *result.ranges)
    table = plain_table("period", "trades", "refused", "P&L", "fall", "in fall", "", left=("period", ""))
    for row in portfolio_rows(result):
        word, style = ANSWERS[row["holds"]] if row["is_stress"] and not row["plan"] else ("", "")
        if row["plan"] == result.plans[0].name:
            table.add_row(row["period"], style="bold")
        table.add_row(
            f"  {row['plan'] or ALL}", str(row["trades"]), str(row["refused"]), dollars(row["pnl"]),
            percent(row["max_drawdown"], 1), dollars(row["drawdown_pnl"]), Text(word, style=style),
            style=None if row["plan"] else "bold",
        )  # fmt: skip
    parts: list[RenderableType] = [
        f"{counted(len(result.plans), 'plans')} on one account of {dollars(result.account)}, {result.market}",
        *(f"shared limits: {limits_text(result)}", "", table),
        *("fall: deepest drawdown; in fall: P&L within that of the account", ""),
    ]
    parts += [
        f"correlation of daily P&L, {stage.total.period.name}: {correlations(result, stage)}"
        for stage in stages
        if stage.total.metrics is not None
    ]
    named = [
        (f"{part.period.name}, {plan.name}", part)
        for stage in stages
        for plan, part in zip(result.plans, stage.parts, strict=True)
    ]
    parts += ["", *uncertainty_parts(named), Text.assemble("verdict     ", (result.verdict, "bold")), ""]
    for name, part in named:
        counts = ", ".join(f"{count:,} {what}" for what, count in part.counts.items() if count)
        parts.append(f"{name}: {part.reason or counts or 'no signal'}")
    return render_page(label, parts, (METHOD, *result.notes), columns)


def limits_text(result: PortfolioResult) -> str:
    """Shared limits in words."""
    limits = result.limits
    delta = "off" if limits.max_net_delta is None else percent(limits.max_net_delta)
    return (
        f"open risk {percent(limits.max_open_risk)}, buying power {percent(limits.max_buying_power)}, "
        f"net delta {delta} of equity"
    )


def correlations(result: PortfolioResult, stage: PortfolioStage) -> str:
    """Correlation of each pair of plans."""
    names, matrix = [plan.name for plan in result.plans], stage.correlation
    pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))]
    return ", ".join(f"{names[i]} and {names[j]} {number(matrix[i, j], 2)}" for i, j in pairs)


def portfolio_rows(result: PortfolioResult) -> list[Record]:
    """One record a period and plan, then the account's; P&L of the plans sum to it."""
    rows = []
    for stage in (*result.stress, *result.ranges):
        falls = stage.drawdown_parts if stage.total.metrics else [0.0] * len(stage.parts)
        refused = [sum(n for why, n in part.counts.items() if why.startswith("refused")) for part in stage.parts]
        named = zip((plan.name for plan in result.plans), stage.parts, refused, falls, strict=True)
        for name, part, count, fall in (*named, ("", stage.total, sum(refused), float(sum(falls)))):
            m = part.metrics
            rows.append(
                {
                    "period": part.period.name, "is_stress": stage in result.stress, "plan": name,
                    "trades": m.trades if m else 0, "refused": count, "pnl": m.pnl if m else 0.0,
                    "max_drawdown": m.max_drawdown.share if m else 0.0, "drawdown_pnl": float(fall),
                    "holds": part.holds, "independent_trades": independent_trades(part.trades),
                    **uncertainty_columns(part.uncertainty),
                }
            )  # fmt: skip
    return rows


def portfolio_record(result: PortfolioResult) -> Record:
    """Everything as a record for JSON."""
    limits, stages = result.limits, (*result.stress, *result.ranges)
    return {
        "plans": [plan.name for plan in result.plans],
        "account": result.account,
        "market": result.market,
        "limits": picked(limits, "max_open_risk", "max_buying_power", "max_net_delta"),
        "periods": portfolio_rows(result),
        "correlation": {
            stage.total.period.name: stage.correlation.tolist() for stage in stages if stage.total.metrics is not None
        },
        "verdict": result.verdict,
        "notes": [METHOD, *result.notes],
    }
