"""A walk-forward as text and record: windows, comparison with fixed rules, efficiency and drift."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from iwm_opts.backtest.bands import Uncertainty
from iwm_opts.backtest.bootstrap import DRAWS, Interval, ratio_interval
from iwm_opts.backtest.grid import Variant
from iwm_opts.backtest.metrics import Metrics, independent_trades, measure
from iwm_opts.backtest.result import Backtest
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.backtest.walk_forward import ROLLING, WalkForward
from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.market.chain import LABELS
from iwm_opts.report.backtest_record import market_record
from iwm_opts.report.backtest_table import rules_lines, too_small, uncertainty_table
from iwm_opts.report.console import bold, indented, plain_table, render_page
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, grid_value, number, percent

Array = NDArray[np.float64]

MOST_WINDOWS = 40  # of the page; JSON and CSV hold all
CHOSEN = "walk-forward"
A_DAY = "P&L a session of the choice in sample, and traded out of sample"


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One arm out of sample."""

    name: str
    results: PooledResult
    metrics: Metrics
    uncertainty: Uncertainty | None  # of the mean net gain of a package; None without a trade
    excess: Interval | None  # daily P&L of the walk-forward less this one's, dollars; None of itself


def compare_arms(walk: WalkForward, seed: int, draws: int = DRAWS) -> tuple[Comparison, ...]:
    """Walk-forward, default rule and best fixed rule in hindsight, on the same days, with intervals."""

    def arm(name: str, results: PooledResult) -> Comparison:
        figures = measure(results.trades, results.equity, results.account)
        held, excess = figures.average_sessions, None
        if results is not walk.result:
            pairs = zip(walk.result.results, results.results, strict=True)
            samples = [np.hstack([_daily(ours), _daily(theirs)]) for ours, theirs in pairs]
            excess = ratio_interval(samples, held, seed, draws)
        return Comparison(name, results, figures, results.uncertainty, excess)

    return (
        arm(CHOSEN, walk.result),
        arm(f"default: {_values(walk.default_variant)}", walk.default),
        arm(f"hindsight: {_values(walk.hindsight_variant)}", walk.hindsight),
    )


def _daily(result: Backtest) -> Array:
    """Change of equity and 1 by day: numerator and denominator of a mean."""
    equity = result.equity["equity"].to_numpy(dtype=np.float64)
    return np.stack([np.diff(equity, prepend=result.rules.size.account), np.ones(len(equity))], axis=1)


def _short(arm: Comparison) -> str:
    return arm.name.partition(":")[0]


def _values(variant: Variant) -> str:
    return ", ".join(f"{name} {grid_value(value)}" for name, value in variant.values.items())


def walk_forward_table(walk: WalkForward, comparison: Sequence[Comparison], columns: int | None = None) -> str:
    """Whole page as text."""
    plan, days, arms = walk.schedule, walk.result.results[0].equity.index, list(comparison)
    begin = "the last" if plan.scheme == ROLLING else "at least"
    drift = ", ".join(f"{name} {percent(share)}" for name, share in walk.drift.items())
    ratio = "undefined (no gain in sample)" if math.isnan(walk.efficiency) else f"{walk.efficiency:.2f}"
    changes = [str(window.first) for window in walk.switches if window.path == walk.windows[0].path]
    traded = f"{walk.gap} sessions of gap, {plan.out_of_sample} sessions traded"
    parts: list[RenderableType] = [
        Text.assemble((walk.result.name, "bold"), f"  out of sample {days[0].date()} to {days[-1].date()}"),
        f"{plan.scheme}: {begin} {plan.in_sample} sessions choose by {plan.criterion}, {traded}",
        *(*rules_lines(walk.default_variant.rules), ""),
        bold(f"walk-forward efficiency {ratio}; drift (re-selections that change a value): {drift}"),
        *(f"choices changed on the first path: {', '.join(changes) or 'never'}", ""),
    ]
    rows = (
        (
            arm.name, f"{arm.metrics.trades:,}", dollars(arm.metrics.pnl),
            percent(arm.metrics.max_drawdown.share, 1),
            "-" if too_small(arm.metrics.sessions, independent_trades(arm.results.trades))
            else number(arm.metrics.sharpe, 2),
        )
        for arm in arms
    )  # fmt: skip
    parts += [indented(plain_table("", "trades", "P&L", "fall", "Sharpe", left=("",), rows=rows)), ""]
    named = [(_short(arm), arm.results.trades, arm.uncertainty) for arm in arms]
    parts += [indented(uncertainty_table(named)), ""]
    parts += [
        f"less the {_short(arm)}: {dollars(arm.excess.estimate, 2)} a day "
        f"({dollars(arm.excess.low, 2)} to {dollars(arm.excess.high, 2)})"
        for arm in arms
        if arm.excess is not None
    ]
    parts += ["", indented(_windows(walk)), ""]
    if len(walk.windows) > MOST_WINDOWS:
        parts.append(f"{MOST_WINDOWS} of {len(walk.windows)} windows; the CSV has all")
    parts.append(f"in, out a day: {A_DAY}; fall: deepest drawdown")
    return render_page(LABELS.get(walk.result.kind, ""), parts, walk.result.notes, columns)


def _windows(walk: WalkForward) -> Table:
    switched = {id(window) for window in walk.switches}
    rows = (
        (
            str(window.path), str(window.first), str(window.last), *map(grid_value, window.variant.values.values()),
            number(window.score, 2), *(dollars(pnl / SESSIONS_PER_YEAR, 2) for pnl in (window.in_pnl, window.out_pnl)),
            "changed" if id(window) in switched else "",
        )
        for window in walk.windows[:MOST_WINDOWS]
    )  # fmt: skip
    names = (*walk.default_variant.values, walk.schedule.criterion)
    return plain_table("path", "from", "to", *names, "in a day", "out a day", "", rows=rows)


def window_records(walk: WalkForward) -> list[Record]:
    """One record a window."""
    switched = {id(window) for window in walk.switches}
    return [
        {
            "path": window.path,
            **{name: getattr(window, name).isoformat() for name in ("in_first", "in_last", "first", "last")},
            "variant": window.variant.number,
            **{name.replace("-", "_"): value for name, value in window.variant.values.items()},
            **{name: getattr(window, name) for name in ("score", "in_pnl", "out_pnl")},
            "switched": id(window) in switched,
        }
        for window in walk.windows
    ]


def walk_forward_record(walk: WalkForward, comparison: Sequence[Comparison]) -> Record:
    """Everything as a record for JSON."""
    return {
        "market": market_record(walk.result),
        "schedule": asdict(walk.schedule) | {"gap": walk.gap},
        "efficiency": walk.efficiency,
        "drift": walk.drift,
        "switches": [window.first.isoformat() for window in walk.switches],
        "hindsight_variant": walk.hindsight_variant.number,
        "arms": [
            {
                "name": _short(arm),
                "metrics": asdict(arm.metrics),
                **(arm.uncertainty.record() if arm.uncertainty else {"per_trade": None, "bands": []}),
                "excess": None if arm.excess is None else asdict(arm.excess),
            }
            for arm in comparison
        ],
        "windows": window_records(walk),
        "notes": list(walk.result.notes),
    }
