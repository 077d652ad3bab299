"""What a gate is worth, for people and as a record: the strategy, its rivals, the differences, and a sentence."""

from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from iwm_opts.backtest.baselines import RANDOM
from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.backtest.evidence import Arm, Evidence
from iwm_opts.backtest.saved import rules_record
from iwm_opts.report.backtest_record import market_record
from iwm_opts.report.backtest_table import head_lines, label_lines, note_lines
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.words import dollars, number, percent

EXPLAINED = (
    "a trade: net gain of one package; on risk: net gain over the dollars at risk each night, a year",
    "apart: trades that share no day, by average uniqueness; the others repeat what those say",
    "mid: gain of a package before slippage and fees; random entries: mean of the draws",
)


def evidence_table(found: Evidence, columns: int | None = None) -> str:
    """The whole page as text."""
    own = found.strategy.results
    parts: list[RenderableType] = [*label_lines(own.kind), *head_lines(own), Text("")]
    parts += [Text(found.finding, style="bold"), Text("")]
    parts += [Text("what each set of entry days gained, after costs", style="bold"), _indented(_arms(found)), Text("")]
    parts += [Text("the strategy less each, on the same days", style="bold"), _indented(_differences(found)), Text("")]
    parts += [Text(line) for line in (*EXPLAINED, *_method(found))]
    parts += [Text(""), *note_lines(found.notes), *label_lines(own.kind)]
    return render(parts, columns)


def _arms(found: Evidence) -> Table:
    table = plain_table("", "trades", "apart", "win", "a trade", "95% interval", "on risk", "mid", left=("",))
    for one in (found.strategy, *found.baselines):
        table.add_row(
            one.name if one.name != "strategy" else one.condition,
            f"{one.trades:,}",
            f"{one.independent:,.0f}",
            percent(one.metrics.win_rate),
            dollars(one.per_trade.estimate, 2),
            _span(one.per_trade),
            percent(one.on_risk.estimate, 1),
            dollars(_at_mid(one), 2),
        )
    chance = found.differences[-1]
    table.add_row(
        RANDOM, f"{chance.trades:,}", "", "", dollars(chance.rival_per_trade, 2), "",
        percent(chance.rival_on_risk, 1), "",
    )  # fmt: skip
    return table


def _differences(found: Evidence) -> Table:
    table = plain_table("less", "a trade", "95% interval", "on risk", "95% interval ", "p", left=("less",))
    for one in found.differences:
        table.add_row(
            one.rival,
            dollars(one.per_trade.estimate, 2),
            _span(one.per_trade),
            percent(one.on_risk.estimate, 1),
            _span(one.on_risk, of_risk=True),
            number(one.p_value, 3),
        )
    return table


def _at_mid(one: Arm) -> float:
    trades = one.results.trades
    return float((trades["mid_pnl"] / trades["contracts"]).mean())


def _span(one: Interval, of_risk: bool = False) -> str:
    if not one.is_known:
        return "-"
    low, high = (percent(v, 0) if of_risk else dollars(v, 2) for v in (one.low, one.high))
    return f"{low} to {high}"


def _method(found: Evidence) -> list[str]:
    one, chance = found.differences[0].per_trade, found.differences[-1].per_trade
    told = [f"p: share of {chance.resampled}, open as often in spells as long, that did as well by the trade"]
    if one.is_known:
        told.append(f"intervals: bootstrap-t, {one.draws:,} draws of {one.resampled}, days paired; seed {found.seed}")
    return told


def evidence_record(found: Evidence) -> Record:
    """Everything as a record for JSON."""
    return {
        "market": market_record(found.strategy.results),
        "rules": rules_record(found.rules),
        "finding": found.finding,
        "arms": [_arm_record(one) for one in (found.strategy, *found.baselines)],
        "differences": [asdict(one) for one in found.differences],
        "breakeven_slippage": asdict(found.slippage),
        "breakeven_premium": asdict(found.premium) if found.premium else None,
        "seed": found.seed,
        "notes": list(found.notes),
    }


def _arm_record(one: Arm) -> Record:
    return {
        "name": one.name,
        "condition": one.condition,
        "trades": one.trades,
        "independent_trades": one.independent,
        "per_trade": asdict(one.per_trade),
        "on_risk": asdict(one.on_risk),
        "metrics": asdict(one.metrics),
    }


def evidence_csv(found: Evidence) -> str:
    """One row a difference."""
    return rows_as_csv([asdict(one) for one in found.differences])


def _indented(what: Any) -> Padding:
    return Padding(what, (0, 0, 0, 3), expand=False)
