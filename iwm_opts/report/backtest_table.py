"""A backtest as text: rules, metrics, costs and periods."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from iwm_opts.backtest.bands import GainBand, Uncertainty
from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.backtest.metrics import Metrics, independent_trades, measure
from iwm_opts.backtest.periods import by_calendar, by_period
from iwm_opts.backtest.result import CASCADE
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.conventions import MIN_COVERAGE, SESSIONS_PER_YEAR
from iwm_opts.market.chain import LABELS
from iwm_opts.market.iv_index import TENORS
from iwm_opts.report.console import bold, indented, plain_table, render_page
from iwm_opts.report.words import dollars, number, percent
from iwm_opts.spreads.entry_rule import CONDOR

NAME, HEAD = 13, 15  # characters of a line of a name and of a column's head
MIN_APART = 30  # trades that share no day, below which a yearly figure says nothing
COSTS = ("entry_slippage", "exit_slippage", "fees")
CASCADE_WORDS = {
    "mid_pnl": "gain at mid",
    "entry_slippage": "slippage, entry",
    "exit_slippage": "slippage, exit",
    "fees": "fees",
    "assignment": "assignment and settlement",
    "pnl": "net",
}
GREEK_WORDS = {
    "delta_pnl": "by delta",
    "gamma_pnl": "by gamma",
    "vega_pnl": "by vega",
    "theta_pnl": "by theta",
    "residual_pnl": "the rest",
}
PERIOD_HEADS = ("sessions", "trades", "win", "a trade", "gain", "return", "drawdown")


def backtest_table(result: PooledResult, verbose: bool = False, columns: int | None = None) -> str:
    """Whole page as text; by month and by path too where `verbose`."""
    trades = result.trades
    parts: list[RenderableType] = [*head_lines(result), ""]
    if len(trades):
        metrics, apart = measure(trades, result.equity, result.account), independent_trades(trades)
        short = too_small(metrics.sessions, apart)
        parts += [_figures(metrics, apart), *([f"figures a year not shown: {short}"] if short else [])]
        parts += uncertainty_lines(result.uncertainty.record() if result.uncertainty else None)
        for title, table in (*_trade_tables(trades), *_run_tables(result, verbose)):
            parts += ["", bold(title), indented(table)]
    else:
        parts.append(bold("No trade."))
    reasons = sorted(((count, why) for why, count in skipped_days(result).items()), reverse=True)
    skipped = ", ".join(f"{count:,} {why}" for count, why in reasons)
    parts += ["", *([f"no entry on allowed days: {skipped}"] if skipped else [])]
    return render_page(LABELS.get(result.kind, ""), parts, result.notes, columns)


def skipped_days(result: PooledResult) -> Counter[str]:
    """Count the allowed days without an entry by reason."""
    return sum((Counter(run.skipped) for run in result.results), Counter[str]())


def uncertainty_lines(uncertainty: Mapping[str, Any] | None) -> list[str]:
    """Word the sampling interval and bands of a gain a trade, from their record; nothing where unmeasured."""
    if uncertainty is None:
        return []
    interval, bands = uncertainty["per_trade"], uncertainty["bands"]
    lines = [f"a trade {dollars(interval['estimate'], 2)}; 95% sampling interval {_span(interval)}"]
    if bands:
        spans = (f"{_span(band)} ({band['name']})" for band in bands)
        lines.append(f"  what modelled quotes leave open: {', '.join(spans)}; by draws: evidence")
    return lines


def _span(bounds: Mapping[str, Any], digits: int = 2) -> str:
    low, high = (bounds[name] for name in ("low", "high"))  # null in a saved result where unknown
    is_known = low is not None and math.isfinite(low)
    return f"{dollars(low, digits)} to {dollars(high, digits)}" if is_known else "unknown"


def uncertainty_table(named: Sequence[tuple[str, pd.DataFrame, Uncertainty | None]]) -> Table:
    """Mean gain of a package with sample, interval and bands; a row a result of name, trades and uncertainty."""
    bands = next((measured.bands for _, _, measured in named if measured), ())
    heads = ["95% sampling interval", *(band.name for band in bands)]
    table = plain_table("", "trades", "apart", "a trade", *(fill(head, HEAD) for head in heads), left=("",))
    for name, trades, measured in named:
        spans: list[Interval | GainBand] = [measured.per_trade, *measured.bands] if measured else []
        words = [_span({"low": span.low, "high": span.high}, 0) for span in spans] or ["-"] * len(heads)
        mean = dollars(measured.per_trade.estimate, 2) if measured else "-"
        table.add_row(fill(name, NAME), f"{len(trades):,}", f"{independent_trades(trades):,.0f}", mean, *words)
    return table


def head_lines(result: PooledResult) -> list[RenderableType]:
    """Market, rules and gate; where no rank is known, the remedy: its index has gaps, or its history is short."""
    first, history = result.results[0], result.trials[0].history
    days = first.equity.index
    opened, ranked = (sum(getattr(run, n) for run in result.results) for n in ("gate_open_days", "ranked_days"))
    named = sorted({run.scenario for run in result.trials if run.scenario})
    lengths = sorted({len(run.equity) for run in result.results})
    counted = f"{lengths[0]:,} sessions" if len(lengths) == 1 else f"{lengths[0]:,} to {lengths[-1]:,} sessions"
    span = f"{days[0].date()} to {days[-1].date()}, {counted}" if len(named) < 2 else counted
    if ranked:
        share = f"{percent(opened / ranked)} of {ranked:,} ranked days"
    elif opened:
        share = "every day; no rank is known"
    else:
        coverage = history.closes.reindex(days).notna().mean()
        remedy = "give a longer `iv_history`, or choose a shorter `ivr_lookback`"
        if history.tenor_days == TENORS[0] and not history.proxy and coverage < MIN_COVERAGE:
            remedy = f"IV{TENORS[0]} has values on {percent(coverage)} of the days; choose `ivr_tenor` {TENORS[1]}"
        share = f"no day, as no rank is known: {remedy}"
    under, each = f", {', '.join(named)}" if named else "", " a path" if len(result.results) > 1 else ""
    market = Text.assemble((result.name, "bold"), f"{under}  {span}{each}")
    return [market, *rules_lines(first.rules), f"gate     {first.label}: open on {share}"]


def rules_lines(rules: Rules) -> list[str]:
    """Rules in words, a line each for entries, exits, size and costs."""
    entry, out, size, costs, gate = rules.entry, rules.exit, rules.size, rules.costs, rules.gate
    often = [", ".join(entry.weekdays)] if entry.weekdays else []
    often += [f"every {entry.every} sessions"] if entry.every > 1 else []
    often += [f"credit/width >= {entry.min_credit_width:g}"] if entry.min_credit_width else []
    often += [f"at most {entry.max_open} open"]
    ends = [f"profit {percent(out.profit)}"] if out.profit is not None else []
    paid = "credit" if entry.is_credit else "debit"
    ends += [f"stop {out.stop:g} x {paid}"] if out.stop is not None else []
    ends += ["touch"] if out.touch else []
    ends += [f"{out.dte} DTE"] if out.dte is not None else []
    ends += [f"{out.sessions} sessions"] if out.sessions is not None else []
    ends += [f"IV rank >= {out.rank:g}"] if out.rank is not None else []
    put = f"|delta| {entry.put_delta:g}, wing {entry.put_wing}"
    call = f"|delta| {entry.call_delta:g}, wing {entry.call_wing}"
    both = put if put == call else f"put {put}, call {call}"
    sides = both if entry.strategy == CONDOR else put if "put" in entry.strategy else call
    before = "before" if gate.lag == 1 else f"{gate.lag} sessions before"
    at_risk = f"{percent(size.risk_share, 1)} of equity at risk a trade, {percent(size.max_open_risk)} in all"
    fixed = f"{size.contracts} a trade" if size.contracts else at_risk
    return [
        f"entries  {entry.strategy}, {entry.dte} DTE +-{entry.dte_slack}, {sides}; {', '.join(often)}",
        f"exits    {', '.join([*ends, 'expiry'])}",
        f"size     {fixed}, account {dollars(size.account)}",
        f"costs    in {costs.entry}, out {costs.exit}, stops {costs.stop}; fees {costs.fees.label}",
        *([f"macro    {rules.macro} at the close 1 before"] if rules.macro else []),
        f"decided  on the close {before}, ranked within {gate.lookback} sessions",
    ]


def too_small(days: int, apart: float) -> str:
    """Why a sample gives no figure a year; empty where it does."""
    if days < SESSIONS_PER_YEAR:
        return f"{days} sessions, less than a year"
    return f"about {int(apart)} trades apart, {MIN_APART} are needed" if apart < MIN_APART else ""


def _figures(m: Metrics, independent: float) -> Table:
    """Figures in two columns of name and value."""
    fall, short = m.max_drawdown, too_small(m.sessions, independent)

    def yearly(text: str, before: str = "") -> str:
        return before.removesuffix(", ") or "-" if short else f"{before}{text}"

    on_risk = f"{percent(m.annual_return_on_risk, 1)} a year"
    parts = [
        ("gain", f"{dollars(m.pnl)}{' a path' if m.paths > 1 else ''}"),
        ("on the account", yearly(f"{percent(m.annual_return, 1)} a year", f"{percent(m.total_return, 1)}, ")),
        ("on risk capital", yearly(on_risk, f"{percent(m.total_return_on_risk, 1)}, ")),
        ("risk capital", f"{dollars(m.risk_capital)} at most"),
        ("on risk in use", yearly(f"{percent(m.return_on_risk_in_use, 1)} a year")),
        ("max drawdown", f"{dollars(fall.dollars)}, {percent(fall.share, 1)}"),
        ("its length", f"{fall.sessions} sessions{'' if fall.is_recovered else ' and on'}"),
        ("Sharpe, Sortino", yearly(f"{number(m.sharpe, 2)}, {number(m.sortino, 2)}")),
        ("exposure", f"{percent(m.exposure)} of days"),
    ]
    right = [
        ("trades", f"{m.trades:,}"),
        ("sharing no day", f"about {independent:,.0f}"),
        ("win rate", percent(m.win_rate, 1)),
        ("average gain", dollars(m.average_gain, 2)),
        ("average loss", dollars(m.average_loss, 2)),
        ("expectancy", f"{dollars(m.expectancy, 2)}, {percent(m.expectancy_on_risk, 1)} of risk"),
        ("profit factor", number(m.profit_factor, 2)),
        ("worst 5%", f"{dollars(m.cvar, 2)} on average"),
        ("losing run", f"{m.losing_run}; deepest {dollars(m.losing_run_loss)}"),
    ]
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for _ in range(4):
        table.add_column(no_wrap=True)
    for first, other in zip(parts, right, strict=True):
        table.add_row(*first, *other)
    return table


def _trade_tables(trades: pd.DataFrame) -> Iterator[tuple[str, Table]]:
    """Cascade of costs, and trades by exit, with their titles."""
    table = plain_table("", "dollars", "a trade", left=("",))
    greeks = ((name, f"at mid, {word}", "dim") for name, word in GREEK_WORDS.items() if name in trades)
    for name, word, style in (*((n, CASCADE_WORDS[n], "bold" if n == "pnl" else "") for n in CASCADE), *greeks):
        total = (-1.0 if name in COSTS else 1.0) * float(trades[name].sum())
        table.add_row(word, dollars(total), dollars(total / len(trades), 2), style=style)
    yield "what became of the money", table
    groups = sorted(trades.groupby("reason"), key=lambda pair: -len(pair[1]))
    rows = (
        (str(reason), f"{len(group):,}", percent(len(group) / len(trades)), dollars(float(group["pnl"].mean()), 2),
         f"{float(group['sessions'].mean()):.1f}")
        for reason, group in groups
    )  # fmt: skip
    yield "how trades ended", plain_table("", "trades", "share", "gain a trade", "sessions", left=("",), rows=rows)


def period_rows(periods: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Rows of `periods.by_period` as text: name, then `PERIOD_HEADS`."""
    for name, row in periods.iterrows():
        yield (
            str(name), f"{int(row['sessions'])}", f"{int(row['trades'])}", percent(row["win_rate"]),
            dollars(row["expectancy"], 2), dollars(row["pnl"]), percent(row["return"], 1),
            percent(row["max_drawdown"], 1),
        )  # fmt: skip


def _run_tables(result: PooledResult, verbose: bool) -> Iterator[tuple[str, Table]]:
    """Figures by year, stress period, scenario, path, and month where verbose, with their titles."""
    trades, equity, account = result.trades, result.equity, result.account
    periods = [("by year: trades by entry, money by day", by_calendar(trades, equity, account))]
    stress = by_period(trades, equity, account)
    within = stress[stress["sessions"] > 0]
    periods += [("hard times", within)] if result.kind != "simulated" and len(within) else []
    for title, frame in periods:
        yield title, plain_table("", *PERIOD_HEADS, left=("",), rows=period_rows(frame))
    has_scenarios = any(trial.scenario for trial in result.trials)
    if has_scenarios:
        table = plain_table("", "paths", "trades", "win", "a trade", "gain", "worst 5%", "drawdown", left=("",))
        for name, pooled in result.by_scenario().items():
            m = measure(pooled.trades, pooled.equity, pooled.account)
            figures = str(m.paths), f"{m.trades}", percent(m.win_rate), dollars(m.expectancy, 2), dollars(m.pnl)
            table.add_row(name, *figures, dollars(m.cvar, 2), percent(m.max_drawdown.share, 1))
        yield "by scenario, money a path", table
    if len(result.results) > 1:
        names = ["path", *(["scenario"] if has_scenarios else [])]
        table = plain_table(*names, "trades", "win", "a trade", "gain", "drawdown", "Sharpe", left=names)
        for run, trial in zip(result.results, result.trials, strict=True):
            m = measure(run.trades, run.equity, account)
            money = f"{m.trades}", percent(m.win_rate), dollars(m.expectancy, 2), dollars(m.pnl)
            sharpe = "-" if too_small(m.sessions, independent_trades(run.trades)) else number(m.sharpe, 2)
            scenario = [trial.scenario] if has_scenarios else []
            table.add_row(str(trial.path), *scenario, *money, percent(m.max_drawdown.share, 1), sharpe)
        yield "by path", table
    if verbose:
        months = period_rows(by_calendar(trades, equity, account, "month"))
        yield "by month", plain_table("", *PERIOD_HEADS, left=("",), rows=months)
