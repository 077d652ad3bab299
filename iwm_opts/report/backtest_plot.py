"""Plots of equity and drawdown of each path."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from iwm_opts.backtest.metrics import PATH, STRESS_PERIODS
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.conventions import counted
from iwm_opts.market.chain import LABELS
from iwm_opts.report.picture import picture_bytes
from iwm_opts.report.plots import GREY, INK, LOSS, TODAY
from iwm_opts.report.words import dollars, percent

COLOURS = (INK, "#d98a1f", TODAY, "#2e8b57")  # of the sets of rules, the strategy first
FAINT = 0.25  # of single paths behind their mean

Results = Sequence[tuple[str, PooledResult]]  # a name for the legend, and the result


def equity_picture(results: Results, kind: str, title: str = "") -> bytes:
    """Equity and drawdown of one or several sets of rules on the same trials, as `png`, `svg` or `pdf`."""
    figure = Figure(figsize=(9, 5.4), dpi=150, layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1.0))
    draw_equity(top, results, title)
    for (_, result), colour in zip(results, COLOURS, strict=False):
        paths = _paths(result)
        width, strength = (1.0, 1.0) if len(paths) == 1 else (0.7, 0.4)
        for path in paths:
            level = np.concatenate([[result.account], path.to_numpy()])
            fall = level / np.maximum.accumulate(level) - 1.0
            bottom.plot(path.index, fall[1:], color=colour, lw=width, alpha=strength)
    first = results[0][1]
    days = first.equity.index
    for story in STRESS_PERIODS if first.kind != "simulated" else ():
        if days[0].date() <= story.last and story.first <= days[-1].date():
            start, end = (float(date2num(day)) for day in (story.first, story.last))
            for axes in (top, bottom):
                axes.axvspan(start, end, color=LOSS, alpha=0.09, lw=0)
            where = top.get_xaxis_transform()
            top.annotate(story.name, (start, 0.01), xycoords=where, fontsize=7, color=GREY, va="bottom")
    bottom.axhline(0.0, color=GREY, lw=0.8)
    bottom.set_ylabel("below peak")
    bottom.yaxis.set_major_formatter(lambda value, _: percent(value, 1))
    locator = AutoDateLocator()
    bottom.xaxis.set_major_locator(locator)
    bottom.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01)
    return picture_bytes(figure, kind)


def draw_equity(axes: Axes, results: Results, title: str = "") -> None:
    """Equity of one or several sets of rules on the same trials, on axes of the caller's."""
    for (name, result), colour in zip(results, COLOURS, strict=False):
        paths = _paths(result)
        # Scenarios are dated apart: paths are averaged only where they share their days.
        is_shared = all(path.index.equals(paths[0].index) for path in paths)
        alone = len(paths) == 1
        for path in paths:
            axes.plot(path.index, path, color=colour, lw=1.6 if alone else 0.8, alpha=1.0 if alone else FAINT)
        if is_shared and not alone:
            axes.plot(paths[0].index, sum(paths[1:], paths[0]) / len(paths), color=colour, lw=1.8)
        last = float(np.mean([float(path.iloc[-1]) for path in paths]))
        gain = f"{dollars(last - result.account)}{'' if alone else ' a path'}"
        label = f"{name}: {gain}, {counted(len(result.trades), 'trades')}"
        axes.plot([], [], color=colour, lw=1.8, label=label)
    first = results[0][1]
    label = LABELS.get(first.kind, "").partition(":")[0]
    axes.set_title(f"{label + '   ' if label else ''}{title or first.name}", loc="left", fontsize=11, color=INK)
    axes.axhline(first.account, color=GREY, lw=0.8)
    axes.yaxis.set_major_formatter(lambda value, _: dollars(value))
    axes.set_ylabel("equity, marked to the exit fill")
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def _paths(result: PooledResult) -> "list[pd.Series[float]]":
    return [path["equity"] for _, path in result.equity.groupby(PATH)]
