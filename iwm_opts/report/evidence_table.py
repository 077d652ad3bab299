"""Evidence on a gate as text and record: strategy, baselines, differences, finding."""

from collections.abc import Iterator
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
from iwm_opts.backtest.selection import SIGNIFICANT
from iwm_opts.report.backtest_record import market_record
from iwm_opts.report.backtest_table import head_lines, label_lines, too_small
from iwm_opts.report.console import note_lines, plain_table, render
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.words import dollars, number, percent

EXPLAINED = (
    "a trade: net gain of one package; on risk: net gain over the dollars at risk each night, a year",
    "apart: trades that share no day, by average uniqueness; the others repeat what those say",
    "mid: gain of a package before slippage and fees; random entries: mean of the draws",
)


BANDS = "what modelled quotes leave open, a trade after costs; the intervals above are sampling error alone"


def evidence_table(evidence: Evidence, columns: int | None = None) -> str:
    """Whole page as text."""
    pooled = evidence.strategy.results
    parts: list[RenderableType] = [*label_lines(pooled.kind), *head_lines(pooled), Text("")]
    parts += [Text(evidence.finding, style="bold"), Text("")]
    parts += [
        Text("what each set of entry days gained, after costs", style="bold"),
        _indented(_arms(evidence)),
        Text(""),
    ]
    parts += [
        Text("the strategy less each, on the same days", style="bold"),
        _indented(_differences(evidence)),
        Text(""),
    ]
    parts += [
        Text("one factor at a time, a trade after costs", style="bold"), _indented(_factors(evidence)),
        Text(family_line(evidence)), Text(""),
    ]  # fmt: skip
    if evidence.bands:
        parts += [Text(BANDS, style="bold"), _indented(_bands(evidence)), Text("")]
    parts += [Text(line) for line in (*EXPLAINED, *_method(evidence))]
    parts += [Text(""), *note_lines(evidence.notes), *label_lines(pooled.kind)]
    return render(parts, columns)


def _arms(evidence: Evidence) -> Table:
    table = plain_table("", "trades", "apart", "win", "a trade", "95% interval", "on risk", "mid", left=("",))
    for arm in (evidence.strategy, *evidence.baselines):
        table.add_row(
            arm.name if arm.name != "strategy" else arm.condition,
            f"{arm.trades:,}",
            f"{arm.independent:,.0f}",
            percent(arm.metrics.win_rate),
            dollars(arm.per_trade.estimate, 2),
            _span(arm.per_trade),
            on_risk(arm),
            dollars(_at_mid(arm), 2),
        )
    chance = evidence.differences[-1]
    table.add_row(
        RANDOM, f"{chance.trades:,}", "", "", dollars(chance.rival_per_trade, 2), "",
        "-" if is_small(evidence.strategy) else percent(chance.rival_on_risk, 1), "",
    )  # fmt: skip
    return table


def is_small(arm: Arm) -> bool:
    """Whether a sample gives no figure a year."""
    return bool(too_small(arm.metrics.sessions, arm.independent))


def on_risk(arm: Arm) -> str:
    """Return on risk a year; a dash for a small sample."""
    return "-" if is_small(arm) else percent(arm.on_risk.estimate, 1)


def _differences(evidence: Evidence) -> Table:
    table = plain_table("less", "a trade", "95% interval", "on risk", "95% interval ", "p", left=("less",))
    small = {arm.name for arm in evidence.baselines if is_small(arm)}
    for difference in evidence.differences:
        is_short = is_small(evidence.strategy) or difference.rival in small
        yearly = percent(difference.on_risk.estimate, 1), _span(difference.on_risk, of_risk=True)
        table.add_row(
            difference.rival,
            dollars(difference.per_trade.estimate, 2),
            _span(difference.per_trade),
            *(("-", "-") if is_short else yearly),
            number(difference.p_value, 3),
        )
    return table


def _factors(evidence: Evidence) -> Table:
    table = plain_table("", "gated", "95% interval", "trades", "ungated", "95% interval ", left=("",))
    for row in factor_rows(evidence):
        table.add_row(*row)
    return table


def factor_rows(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    """Rules as given, then each with one thing changed, as text."""
    ungated = evidence.baselines[0]
    given = evidence.strategy
    rows = [("rules as given", given.trades, given.per_trade, ungated.per_trade)]
    rows += [(each.name, each.trades, each.gated, each.ungated) for each in evidence.factors]
    for name, trades, gated, without in rows:
        spans = (_span(each, places=0) for each in (gated, without))
        yield name, dollars(gated.estimate, 2), next(spans), f"{trades:,}", dollars(without.estimate, 2), *spans


def family_line(evidence: Evidence) -> str:
    """Test of all rows of the factors against luck."""
    test = evidence.factor_test
    if test is None:
        return "too few rules traded to test them against luck"
    return (
        f"chance of a best row as good of {test.rules} worthless ones: {percent(test.p_value)} (Hansen's studentised "
        f"SPA); significant rows: {test.significant} (Romano-Wolf, {percent(SIGNIFICANT)} jointly)"
    )


def _bands(evidence: Evidence) -> Table:
    table = plain_table("", "gated", "ungated", "difference", left=("",))
    for row in band_rows(evidence):
        table.add_row(*row)
    return table


def band_rows(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    """Bands over what modelled quotes leave open, as text."""
    for band in evidence.bands:
        spans = (band.gated, band.ungated, band.difference)
        yield band.name, *(f"{dollars(low, 1)} to {dollars(high, 1)}" for low, high in spans)


def _at_mid(arm: Arm) -> float:
    trades = arm.results.trades
    return float((trades["mid_pnl"] / trades["contracts"]).mean())


def _span(interval: Interval, of_risk: bool = False, places: int = 2) -> str:
    if not interval.is_known:
        return "-"
    low, high = (percent(v, 0) if of_risk else dollars(v, places) for v in (interval.low, interval.high))
    return f"{low} to {high}"


def _method(evidence: Evidence) -> list[str]:
    interval, chance = evidence.differences[0].per_trade, evidence.differences[-1].per_trade
    lines = [f"p: share of {chance.resampled}, open as often in spells as long, that did as well by the trade"]
    if interval.is_known:
        lines.append(
            f"intervals: bootstrap-t, {interval.draws:,} draws of {interval.resampled}, days paired; "
            f"seed {evidence.seed}"
        )
    return lines


def evidence_record(evidence: Evidence) -> Record:
    """Everything as a record for JSON."""
    return {
        "market": market_record(evidence.strategy.results),
        "rules": rules_record(evidence.rules),
        "finding": evidence.finding,
        "arms": [_arm_record(item) for item in (evidence.strategy, *evidence.baselines)],
        "differences": [asdict(item) for item in evidence.differences],
        "factors": [asdict(item) for item in evidence.factors],
        "factor_test": evidence.factor_test._asdict() if evidence.factor_test else None,
        "breakeven_slippage": asdict(evidence.slippage),
        "breakeven_premium": asdict(evidence.premium) if evidence.premium else None,
        "quote_bands": [asdict(item) for item in evidence.bands],
        "seed": evidence.seed,
        "notes": list(evidence.notes),
    }


def _arm_record(arm: Arm) -> Record:
    return {
        "name": arm.name,
        "condition": arm.condition,
        "trades": arm.trades,
        "independent_trades": arm.independent,
        "per_trade": asdict(arm.per_trade),
        "on_risk": asdict(arm.on_risk),
        "metrics": asdict(arm.metrics),
    }


def evidence_csv(evidence: Evidence) -> str:
    """One row a difference."""
    return rows_as_csv([asdict(difference) for difference in evidence.differences])


def _indented(what: Any) -> Padding:
    return Padding(what, (0, 0, 0, 3), expand=False)
