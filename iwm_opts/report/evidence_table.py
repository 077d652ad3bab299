"""Evidence on a gate as text, page and record: strategy, baselines, differences, finding."""

from collections.abc import Iterator
from dataclasses import asdict, replace

from rich.console import RenderableType

from iwm_opts.backtest.baselines import RANDOM
from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.backtest.evidence import Arm, Evidence
from iwm_opts.backtest.saved import rules_record
from iwm_opts.backtest.selection import SIGNIFICANT
from iwm_opts.market.chain import LABELS
from iwm_opts.report import figures
from iwm_opts.report.backtest_record import market_record
from iwm_opts.report.backtest_sheet import Run, backtest_sheet, equity_line
from iwm_opts.report.backtest_table import head_lines, too_small
from iwm_opts.report.console import bold, indented, plain_table, render_page
from iwm_opts.report.finding import finding
from iwm_opts.report.page import Block, Chart, Grid, Page, Paragraph, Section
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, number, percent

EXPLAINED = (
    "a trade: net gain of one package; on risk: net gain over the dollars at risk each night, a year",
    "apart: trades that share no day, by average uniqueness; the others repeat what those say",
    "mid: gain of a package before slippage and fees; random entries: mean of the draws",
)
BANDS = "what modelled quotes leave open, a trade after costs; the intervals above are sampling error alone"
FACTORS = ("gated", "95% interval", "trades", "ungated", "95% interval ")


def evidence_table(evidence: Evidence, columns: int | None = None) -> str:
    """Whole page as text."""
    pooled = evidence.strategy.results
    parts: list[RenderableType] = [*head_lines(pooled), "", bold(finding(evidence)), ""]
    chance = evidence.differences[-1]
    trades = (arm.results.trades for arm in _arms(evidence))
    at_mid = [float((each["mid_pnl"] / each["contracts"]).mean()) for each in trades]
    arms = [
        *((*row, dollars(gain, 2)) for row, gain in zip(_arm_rows(evidence), at_mid, strict=True)),
        (
            RANDOM, f"{chance.trades:,}", "", "", dollars(chance.rival_per_trade, 2), "",
            "-" if _is_small(evidence.strategy) else percent(chance.rival_on_risk, 1), "",
        ),
    ]  # fmt: skip
    heads: tuple[str, ...] = ("", "trades", "apart", "win", "a trade", "95% interval", "on risk", "mid")
    parts += [bold("what each set of entry days gained, after costs")]
    parts += [indented(plain_table(*heads, left=("",), rows=arms)), ""]
    heads = ("less", "a trade", "95% interval", "on risk", "95% interval ", "p")
    parts += [bold("the strategy less each, on the same days")]
    parts += [indented(plain_table(*heads, left=("less",), rows=_difference_rows(evidence))), ""]
    parts += [bold("one factor at a time, one package a trade, after costs")]
    parts += [indented(plain_table("", *FACTORS, left=("",), rows=factor_rows(evidence))), family_line(evidence), ""]
    if evidence.bands:
        table = plain_table("", "gated", "ungated", "difference", left=("",), rows=band_rows(evidence))
        parts += [bold(BANDS), indented(table), ""]
    interval = evidence.differences[0].per_trade
    resampled = chance.per_trade.resampled
    parts += [*EXPLAINED, f"p: share of {resampled}, open as often in spells as long, that did as well by the trade"]
    if interval.is_known:
        draws = f"{interval.draws:,} draws of {interval.resampled}"
        parts.append(f"intervals: bootstrap-t, {draws}, days paired; seed {evidence.seed}")
    return render_page(LABELS.get(pooled.kind, ""), [*parts, ""], evidence.notes, columns)


def _arms(evidence: Evidence) -> tuple[Arm, ...]:
    return evidence.strategy, *evidence.baselines


def _name(arm: Arm) -> str:
    return arm.condition if arm.name == "strategy" else arm.name


def _is_small(arm: Arm) -> bool:
    """Whether a sample gives no figure a year."""
    return bool(too_small(arm.metrics.sessions, arm.independent))


def _arm_rows(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    """Entry days, trades, trades apart, win rate, gain a trade with its interval, return on risk a year."""
    for arm in _arms(evidence):
        yield (
            _name(arm), f"{arm.trades:,}", f"{arm.independent:,.0f}", percent(arm.metrics.win_rate),
            dollars(arm.per_trade.estimate, 2), _span(arm.per_trade),
            "-" if _is_small(arm) else percent(arm.on_risk.estimate, 1),
        )  # fmt: skip


def _difference_rows(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    small = {arm.name for arm in evidence.baselines if _is_small(arm)}
    for difference in evidence.differences:
        is_short = _is_small(evidence.strategy) or difference.rival in small
        yearly = percent(difference.on_risk.estimate, 1), _span(difference.on_risk, of_risk=True)
        per_trade = dollars(difference.per_trade.estimate, 2), _span(difference.per_trade)
        yield difference.rival, *per_trade, *(("-", "-") if is_short else yearly), number(difference.p_value, 3)


def factor_rows(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    """Rules as given, then each with one thing changed, as text."""
    for factor in evidence.factors:
        gated, ungated = ((dollars(each.estimate, 2), _span(each, places=0)) for each in (factor.gated, factor.ungated))
        yield factor.name, *gated, f"{factor.trades:,}", *ungated


def family_line(evidence: Evidence) -> str:
    """Test of all rows of the factors against luck."""
    test = evidence.factor_test
    if test is None:
        return "too few rules traded to test them against luck"
    return (
        f"chance of a best row as good of {test.rules} worthless ones: {percent(test.p_value)} (Hansen's studentised "
        f"SPA); significant rows: {test.significant} (Romano-Wolf, {percent(SIGNIFICANT)} jointly)"
    )


def band_rows(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    """Bands over what modelled quotes leave open, as text."""
    for band in evidence.bands:
        spans = (band.gated, band.ungated, band.difference)
        yield band.name, *(f"{dollars(low, 1)} to {dollars(high, 1)}" for low, high in spans)


def _span(interval: Interval, of_risk: bool = False, places: int = 2) -> str:
    if not interval.is_known:
        return "-"
    low, high = (percent(v, 0) if of_risk else dollars(v, places) for v in (interval.low, interval.high))
    return f"{low} to {high}"


def evidence_sheet(evidence: Evidence) -> Page:
    """Page of a gate against its baselines: the strategy's, with differences and their intervals."""
    run = replace(Run.of(evidence.strategy.results), notes=evidence.notes)
    blocks: list[Block] = [Paragraph(finding(evidence))]
    names = [difference.rival for difference in evidence.differences]
    for title, axis, form, each in (
        ("Difference a trade", "strategy less baseline, dollars a package", "$,.2f",
         [difference.per_trade for difference in evidence.differences]),
        ("Difference on risk", "strategy less baseline, a year of a dollar at risk", ".0%",
         [difference.on_risk for difference in evidence.differences]),
    ):  # fmt: skip
        ends = ([value.low for value in each], [value.high for value in each])
        figure = figures.intervals(names, [value.estimate for value in each], *ends, axis, form)
        caption = "Points: estimates; lines: 95% intervals, days paired. Right of zero: the gate gains."
        blocks.append(Chart(title, figure, caption))
    lines = [equity_line(_name(arm), arm.results.equity, arm.results.account) for arm in _arms(evidence)]
    title = "Equity of the strategy and its baselines"
    blocks.append(Chart(title, figures.equity(lines), "Mean of the paths.", 420, is_wide=True))
    heads = ("entry days", "trades", "apart", "win rate", "a trade", "95% interval", "on risk a year")
    blocks.append(Grid(heads, tuple(_arm_rows(evidence))))
    blocks.append(Grid(("one factor at a time, one package a trade", *FACTORS), tuple(factor_rows(evidence))))
    bands = [(BANDS, Grid(("", "gated", "ungated", "difference"), tuple(band_rows(evidence))))]
    for line, grid in ((family_line(evidence), None), *(bands if evidence.bands else ())):
        blocks += [Paragraph(f"{line[0].upper()}{line[1:]}."), *([grid] if grid else [])]
    slippage = evidence.slippage
    reached = slippage.reason or (
        f"{number(slippage.share, 2)} half-spreads each way, {dollars(slippage.round_trip, 2)} a package and round trip"
    )
    blocks.append(Paragraph(f"Break-even slippage, trades chosen and closed anew at every fill: {reached}."))
    more = [Section("Gate against baselines", tuple(blocks))]
    return backtest_sheet(run, more, f"Evidence: {run.gate} on {run.name}")


def evidence_record(evidence: Evidence) -> Record:
    """Everything as a record for JSON."""
    return {
        "market": market_record(evidence.strategy.results),
        "rules": rules_record(evidence.rules),
        "finding": finding(evidence),
        "arms": [
            {
                "name": arm.name, "condition": arm.condition, "trades": arm.trades,
                "independent_trades": arm.independent,
                **{name: asdict(getattr(arm, name)) for name in ("per_trade", "on_risk", "metrics")},
            }
            for arm in _arms(evidence)
        ],
        "differences": [asdict(item) for item in evidence.differences],
        "factors": [asdict(item) for item in evidence.factors],
        "factor_test": evidence.factor_test._asdict() if evidence.factor_test else None,
        "breakeven_slippage": asdict(evidence.slippage),
        "breakeven_premium": asdict(evidence.premium) if evidence.premium else None,
        "quote_bands": [asdict(item) for item in evidence.bands],
        "seed": evidence.seed,
        "notes": list(evidence.notes),
    }  # fmt: skip
