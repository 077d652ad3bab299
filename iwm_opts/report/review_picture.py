"""Plots of a review: booked results and the change-point scan."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iwm_opts.conventions import PICTURE_KINDS
from iwm_opts.errors import InputError
from iwm_opts.journal.review import Review
from iwm_opts.report.picture import picture_bytes
from iwm_opts.report.plots import GAIN, GREY, INK, LOSS, TODAY
from iwm_opts.report.words import dollars


def review_picture(review: Review, suffix: str) -> bytes:
    """Equity and drawdown above, the scan's statistic and its threshold below, as .png, .svg or .pdf."""
    kind = suffix.removeprefix(".").lower()
    if kind not in PICTURE_KINDS:
        raise InputError("plot", suffix, "unknown picture format", f"end the name in one of {', '.join(PICTURE_KINDS)}")
    figure = Figure(figsize=(9, 6.5), dpi=150, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    draw_booked(upper, review)
    _scan(lower, review)
    label = f"{review.log.label}  " if review.log.label else ""
    plan = f", plan {review.plan}" if review.plan else ""
    upper.set_title(f"{label}{review.log.source}{plan}: {review.diagnosis.edge.word}", loc="left", color=INK)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return picture_bytes(figure, kind)


def draw_booked(upper: Axes, review: Review) -> None:
    """Account and booked results, dollars; open trades at their marks where there are any."""
    days, level = review.equity.index.to_numpy(), review.equity["equity"].to_numpy(dtype=np.float64)
    peak = np.maximum.accumulate(np.maximum(level, review.account))
    upper.fill_between(days, level, peak, step="post", color=LOSS, alpha=0.12, lw=0, label="below the peak")
    upper.step(days, level, where="post", color=INK, lw=1.5, label="account and booked results")
    if review.marked is not None:
        marked = review.marked.equity
        days, level = marked.index.to_numpy(), marked.to_numpy()
        upper.step(days, level, where="post", color=TODAY, lw=1.0, label="with open trades at marks")
    upper.axhline(review.account, color=GREY, lw=0.8, ls=":")
    upper.yaxis.set_major_formatter(lambda value, _: dollars(value))
    upper.set_ylabel("equity")
    upper.legend(frameon=False, fontsize=8, loc="best")


def _scan(axes: Axes, review: Review) -> None:
    edge, scan = review.diagnosis.edge, review.diagnosis.edge.scan
    axes.set_ylabel("shortfall of the worst\nstretch, standardised")
    if scan is None:
        axes.text(0.5, 0.5, edge.sentence, transform=axes.transAxes, ha="center", va="center", fontsize=9, color=INK)
        return
    trades = review.diagnosis.trades
    days: Any = trades["exit"][trades["result"].notna()].to_numpy()
    axes.plot(days, scan.path, color=TODAY, lw=1.4, label="after each trade")
    axes.axhline(scan.threshold, color=LOSS, lw=1.0, ls="--", label="crossed by luck in 1 of 200 such logs")
    if edge.since is not None and edge.since_low is not None and edge.since_high is not None:
        axes.axvspan(_at(edge.since_low), _at(edge.since_high), color=LOSS, alpha=0.15, lw=0, label="when it began")
        axes.axvline(_at(edge.since), color=LOSS, lw=1.0)
    if edge.known_on is not None:
        axes.axvline(_at(edge.known_on), color=GAIN, lw=1.0, ls=":", label="first known")
    axes.legend(frameon=False, fontsize=8, loc="best")


def _at(moment: pd.Timestamp) -> Any:
    """Time as matplotlib's axis takes it: its annotations know numbers only."""
    return moment.to_datetime64()
