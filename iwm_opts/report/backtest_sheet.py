"""Tear sheet of a backtest: costs first, then equity, calendar, trades, risk, parameters and data."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.metrics import (
    PATH,
    STRESS_PERIODS,
    Drawdown,
    Metrics,
    by_path,
    independent_trades,
    measure,
    with_account,
)
from iwm_opts.backtest.periods import by_calendar, by_period
from iwm_opts.backtest.result import CASCADE
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.saved import Saved, data_digests, rules_record
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.conventions import counted
from iwm_opts.market.chain import LABELS
from iwm_opts.report import figures
from iwm_opts.report.backtest_table import (
    CASCADE_WORDS,
    COSTS,
    GREEK_WORDS,
    PERIOD_HEADS,
    period_rows,
    rules_lines,
    skipped_days,
    too_small,
    uncertainty_lines,
)
from iwm_opts.report.page import Block, Bullets, Chart, Grid, Page, Paragraph, Section, page_of
from iwm_opts.report.words import dollars, input_text, number, percent, price

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
GATE_COLOUR: Final = figures.GAIN
MOST_FAINT: Final = 12  # single paths drawn behind their mean
MOST_TRADES: Final = 400  # of the table; the CSV holds all


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A backtest as its sheet needs it, run just now or read from a folder."""

    name: str
    kind: str
    gate: str
    rules: Rules
    trades: pd.DataFrame
    equity: pd.DataFrame
    notes: tuple[str, ...]
    skipped: Mapping[str, int]
    inputs: Mapping[str, Any]  # digests of data, options as typed
    uncertainty: Mapping[str, Any] | None = None  # record of `backtest.uncertainty.Uncertainty`

    @property
    def account(self) -> float:
        """Dollars at the start of each path."""
        return self.rules.size.account

    @property
    def metrics(self) -> Metrics:
        """Figures of the result."""
        return measure(self.trades, self.equity, self.account)

    @property
    def label(self) -> str:
        """Label of quotes that are not recorded; empty for recorded ones."""
        return LABELS.get(self.kind, "")

    @classmethod
    def of(cls, result: PooledResult) -> "Run":
        """Make a run of a result at hand."""
        first = result.results[0]
        return cls(
            result.name, result.kind, first.label, first.rules, result.trades, result.equity, result.notes,
            skipped_days(result), data_digests(result.trials),
            result.uncertainty.record() if result.uncertainty else None,
        )  # fmt: skip

    @classmethod
    def of_saved(cls, saved: Saved) -> "Run":
        """Make a run of a saved result."""
        config, rules = saved.config, saved.rules
        markets = config["markets"]
        name = markets[0]["name"] + (f" and {counted(len(markets) - 1, 'more paths')}" if len(markets) > 1 else "")
        kind = config.get("provenance") or ("simulated" if config["simulated"] else "recorded")
        inputs = {**config.get("data", {}), **{f"--{k}": v for k, v in config["asked"].items()},
                  "version at the run": config["version"]}  # fmt: skip
        return cls(
            name, kind, str(rules.gate), rules, saved.trades, saved.equity, tuple(config["notes"]),
            config["skipped"], inputs, saved.summary.get("uncertainty"),
        )  # fmt: skip


def backtest_sheet(run: Run, more: Sequence[Section] = (), title: str = "") -> Page:
    """Page of one backtest; `more` follows the first sections, and `title` is the market's name unless given."""
    metrics, trades = run.metrics, run.trades
    if not len(trades):
        costs: list[Block] = [Paragraph("No trade.")]
    else:
        costs = [cascade_chart({name: float(trades[name].sum()) for name in CASCADE}, len(trades))]
        if lines := uncertainty_lines(run.uncertainty):
            costs.append(Bullets(tuple(line.strip() for line in lines)))
        costs += metric_grids(metrics, independent_trades(trades))
    sections = [Section("Costs", tuple(costs))]
    if len(trades):
        sections += [
            Section("Equity", (_equity(run),)),
            *more,
            Section("By year and month", tuple(calendar(trades, run.equity, run.account))),
            Section("Trades", tuple(trade_charts(trades))),
            Section("Stress periods", (_stress(run),)),
        ]
    sections += [Section("Parameters", (parameters(run),)), Section("Data quality", (_quality(run),))]
    if len(trades):
        sections.append(Section("List of trades", tuple(_list(trades))))
    return page_of(title or f"Backtest: {run.name}", run.label, sections, provenance(run))


def provenance(run: Run) -> tuple[str, ...]:
    """Market, days, data and rules, a line each."""
    days = run.equity.index
    paths = run.equity[PATH].nunique() if PATH in run.equity else 1
    digest = ", ".join(f"{name} {value}" for name, value in run.inputs.items() if not name.startswith("--"))
    span = f"{days.min().date()} to {days.max().date()}, {run.metrics.sessions:,} sessions"
    return (
        f"{run.name}, {run.kind} quotes; {span}{f' a path, {paths} paths' if paths > 1 else ''}",
        f"gate {run.gate}; data: {digest}",
        *rules_lines(run.rules),
    )


def cascade_chart(total: Mapping[str, float], trades: int, caption: str = "") -> Chart:
    """Waterfall from the gain at mid to the net gain; costs count as losses."""
    values = [-float(total[name]) if name in COSTS else float(total[name]) for name in CASCADE]
    sentence = f"{counted(trades, 'trades')}, dollars of whole positions. {breakeven_sentence(total)} {caption}"
    names = [CASCADE_WORDS[name].replace(", ", "<br>").replace(" and ", "<br>and ") for name in CASCADE]
    figure = figures.waterfall(names, values)
    return Chart("What became of the gain at mid", figure, sentence.strip(), is_wide=True)


def breakeven_sentence(total: Mapping[str, float]) -> str:
    """Slippage at which these trades net nothing, beside the slippage paid; entries and exits unchanged."""
    paid = float(total["entry_slippage"]) + float(total["exit_slippage"])
    net = float(total["mid_pnl"]) - float(total["fees"]) + float(total["assignment"])
    if not paid > 0.0:
        return "No slippage was paid."
    if net <= 0.0:
        costs = f"{dollars(paid)} of slippage and {dollars(float(total['fees']))} of fees paid"
        return f"Break-even slippage: none, the trades lose even at mid after fees ({costs})."
    return f"Break-even slippage: {dollars(net)}, {net / paid:.2f} times the {dollars(paid)} paid (same trades)."


def metric_grids(
    m: Metrics, apart: float, drawdowns: Mapping[str, Drawdown] | None = None, more: Sequence[tuple[str, str]] = ()
) -> Iterator[Grid]:
    """Figures in two tables; a yearly one only with a year of days and enough trades apart.

    `apart` counts trades that share no day, `drawdowns` go by what they are of, in place of that of `m`, and `more` are
    further rows about money, behind the gain.
    """
    short = too_small(m.sessions, apart)

    def yearly(text: str) -> str:
        return "-" if short else text

    falls_by_name = {f"max drawdown{what}": fall for what, fall in (drawdowns or {"": m.max_drawdown}).items()}
    left = [
        ("gain", f"{dollars(m.pnl)}{' a path' if m.paths > 1 else ''}, {percent(m.total_return, 1)} of the account"),
        *more,
        ("a year, on the account", yearly(percent(m.annual_return, 1))),
        ("a year, on risk capital", yearly(percent(m.annual_return_on_risk, 1))),
        ("a year, a dollar at risk", yearly(percent(m.return_on_risk_in_use, 1))),
        *(
            (name, f"{dollars(fall.dollars)}, {percent(fall.share, 1)}, {fall.sessions} sessions")
            for name, fall in falls_by_name.items()
        ),
        ("Sharpe, Sortino", yearly(f"{number(m.sharpe, 2)}, {number(m.sortino, 2)}")),
        ("exposure", f"{percent(m.exposure)} of sessions"),
    ]
    right = [
        ("trades; apart", f"{m.trades:,}; about {apart:,.0f} share no day"),
        ("win rate", percent(m.win_rate, 1)),
        ("average gain, loss", f"{dollars(m.average_gain, 2)}, {dollars(m.average_loss, 2)}"),
        ("a trade", f"{dollars(m.expectancy, 2)}, {percent(m.expectancy_on_risk, 1)} of risk"),
        ("profit factor", number(m.profit_factor, 2)),
        ("worst 5%", f"{dollars(m.cvar, 2)} on average"),
        ("losing run", f"{m.losing_run} trades; deepest {dollars(m.losing_run_loss)}"),
    ]
    if short:
        left.append(("yearly figures", f"not shown: {short}"))
    yield Grid(("money", "value"), tuple(left))
    yield Grid(("trades", "value"), tuple(right))


def _equity(run: Run) -> Chart:
    levels = [path["equity"] for _, path in by_path(run.equity)]
    is_shared = all(level.index.equals(levels[0].index) for level in levels)
    line = equity_line("mean of the paths" if len(levels) > 1 and is_shared else "equity", run.equity, run.account)
    mean = pd.Series(line[2], index=levels[0].index)
    entries = pd.DatetimeIndex(run.trades["entry"].unique()).sort_values()
    at = mean.reindex(entries) if len(levels) == 1 else mean.iloc[:0]
    bands: list[tuple[str, str, str, str]] = []  # stretches of an open gate; none where it never closes
    if len(levels) == 1 and "gate_open" in run.equity and not run.equity["gate_open"].all():
        flags, days = run.equity["gate_open"].to_numpy(dtype=bool), iso(run.equity.index)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
        bands = [(days[start], days[end - 1], GATE_COLOUR, "") for start, end in edges.reshape(-1, 2)]
    first, last = levels[0].index.min().date(), levels[0].index.max().date()
    stress = [
        (max(story.first, first).isoformat(), min(story.last, last).isoformat(), figures.LOSS, story.name)
        for story in STRESS_PERIODS
        if run.kind != "simulated" and story.first <= last and first <= story.last
    ]
    figure = figures.equity(
        [line],
        faint=[(iso(level.index), level.tolist()) for level in levels[:MOST_FAINT]] if len(levels) > 1 else [],
        markers={"entry": (iso(at.index), at.tolist(), "triangle-up")} if len(at) else {},
        bands=[*bands, *stress],
    )
    shading = f"{'Green: gate open. ' if bands else ''}{'Red: stress periods. ' if stress else ''}"
    apart = "" if is_shared else " Paths of several scenarios: the first is drawn in full."
    caption = f"{shading}Open packages are marked to the exit fill.{apart}"
    return Chart("Equity and drawdown", figure, caption, height=460, is_wide=True)


def equity_line(name: str, equity: pd.DataFrame, account: float) -> tuple[str, list[str], list[float], list[float]]:
    """Name, days, mean equity of the paths and its fall; the first path where they are dated apart."""
    levels = [path["equity"] for _, path in by_path(equity)]
    is_shared = all(level.index.equals(levels[0].index) for level in levels)
    mean = sum(levels[1:], levels[0]) / len(levels) if is_shared else levels[0]
    return name, iso(mean.index), mean.tolist(), falls(mean, account)


def falls(level: "pd.Series[float]", account: float) -> list[float]:
    """Equity below its peak so far, the account included; at most 0."""
    whole = with_account(np.asarray(level, dtype=np.float64), account)
    return [float(fall) for fall in (whole / np.maximum.accumulate(whole) - 1.0)[1:]]


def calendar(trades: pd.DataFrame, equity: pd.DataFrame, account: float, drawdown: str = "drawdown") -> Iterator[Block]:
    """Months as a heat map, years as bars and a table; `drawdown` heads the column of drawdowns."""
    months = by_calendar(trades, equity, account, "month")
    years = sorted({str(name)[:4] for name in months.index})
    gain = {(str(name)[:4], int(str(name)[5:7])): float(pnl) for name, pnl in months["pnl"].items()}
    cells = [[gain.get((year, month), math.nan) for month in range(1, 13)] for year in years]
    figure = figures.heat_map(years, MONTHS, cells)
    each = " a path" if len(list(by_path(equity))) > 1 else ""
    height = max(220, 34 * len(years) + 70)
    yield Chart(f"Gain by month, dollars{each}", figure, "Change of equity within the month.", height, is_wide=True)
    yield periods_grid("year", by_calendar(trades, equity, account), drawdown)


def periods_grid(name: str, periods: pd.DataFrame, drawdown: str = "drawdown") -> Grid:
    """Rows of `periods.by_period`."""
    heads = tuple("win rate" if head == "win" else head for head in PERIOD_HEADS[:-1])
    return Grid((name, *heads, drawdown), tuple(period_rows(periods)))


def trade_charts(trades: pd.DataFrame) -> Iterator[Block]:
    """P&L distribution, exits by reason, excursions and greeks, as far as the trades hold them."""
    pnl = trades["pnl"].astype(float)
    caption = f"Mean {dollars(float(pnl.mean()), 2)} (dotted), median {dollars(float(pnl.median()), 2)}."
    yield Chart("P&L of a trade", figures.histogram(pnl.tolist(), "dollars a trade"), caption)
    groups = sorted(trades.groupby("reason"), key=lambda pair: -len(pair[1]))
    reasons = [str(reason) or "not said" for reason, _ in groups]
    gains = [float(group["pnl"].mean()) for _, group in groups]
    counts = [f"{len(group):,}" for _, group in groups]
    figure = figures.bars(reasons, gains, text=counts, axis="mean P&L, dollars")
    yield Chart("Exits by reason", figure, "Height: mean P&L of a trade; label: number of trades.")
    if {"max_adverse", "max_favourable"} <= set(trades):
        days = iso(pd.DatetimeIndex(trades["entry"]))
        shown = [f"{day}: {dollars(value)}" for day, value in zip(days, pnl, strict=True)]
        figure = figures.scatter(
            trades["max_adverse"].astype(float).tolist(), trades["max_favourable"].astype(float).tolist(),
            ("largest open loss (MAE), dollars", "largest open gain (MFE), dollars"),
            is_gain=(pnl > 0).tolist(), text=shown,
        )  # fmt: skip
        yield Chart("Excursions", figure, "Marks at the exit fill, before fees; one point a trade.")
    greeks = [name for name in GREEK_WORDS if name in trades]
    if greeks:
        sums = [float(trades[name].sum()) for name in greeks]
        names = [GREEK_WORDS[name] for name in greeks]
        figure = figures.bars(names, sums, text=[dollars(value) for value in sums], axis="dollars at mid")
        yield Chart("P&L by greeks", figure, "The gain at mid, all trades, split day by day.")


def _stress(run: Run) -> Block:
    if run.kind == "simulated":
        return Paragraph("The market is simulated: its dates carry no history. Run --scenario for stress worlds.")
    periods = by_period(run.trades, run.equity, run.account)
    within = periods[periods["sessions"] > 0]
    if not len(within):
        return Paragraph("No stress period (Q4 2018, February to April 2020, 2022) lies within these days.")
    return periods_grid("period", within)


def parameters(run: Run) -> Grid:
    """Every rule by its path, and the inputs."""
    return parameters_grid(rules_record(run.rules), run.inputs)


def parameters_grid(rules: Mapping[str, Any], inputs: Mapping[str, Any]) -> Grid:
    """Entries of nested rules by dotted name, then inputs."""
    rows = (*flat_inputs(rules), *inputs.items())
    return Grid(("parameter", "value"), tuple((name, input_text(value)) for name, value in rows))


def flat_inputs(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Entries of nested records by dotted name."""
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from flat_inputs(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _quality(run: Run) -> Block:
    trades = run.trades
    lines = list(run.notes)
    for name, words in (("marks_by_smile", "marks by the smile"), ("days_without_quote", "days without a quote")):
        if name in trades and len(trades):
            lines.append(f"{int(trades[name].sum()):,} {words} in {int(trades['sessions'].sum()):,} trade-days")
    skipped = sorted(((count, why) for why, count in run.skipped.items() if count), reverse=True)
    lines += [f"no entry on {counted(count, 'allowed days')}: {why}" for count, why in skipped]
    return Bullets(tuple(lines)) if lines else Paragraph("No defect and no gap was noted.")


def _list(trades: pd.DataFrame) -> Iterator[Block]:
    shown = trades.sort_values("entry").tail(MOST_TRADES)
    if len(shown) < len(trades):
        yield Paragraph(f"The last {MOST_TRADES} of {len(trades):,} trades; --output trades.csv holds all.")
    path = [PATH] if PATH in trades and len(trades[PATH].unique()) > 1 else []
    forms: Mapping[str, Callable[[Any], str]] = {
        **dict.fromkeys(("entry", "exit"), lambda day: day.date().isoformat()),
        **dict.fromkeys(("credit", "debit"), price),
        "contracts": lambda count: f"{count:g}",
        "pnl": lambda pnl: dollars(pnl, 2),
    }
    names = (*path, "entry", "exit", "legs", "contracts", "credit", "debit", "reason", "pnl")
    columns = [name for name in names if name in shown]
    texts = (shown[name].map(forms.get(name, str)) for name in columns)
    yield Grid(tuple(columns), tuple(zip(*texts, strict=True)))


def iso(days: pd.Index) -> list[str]:
    """Days as plotly reads them."""
    return [day.date().isoformat() for day in pd.DatetimeIndex(days)]
