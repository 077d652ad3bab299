"""Plots of a package's value today and at expiry over the underlying's price."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.kernels.trading.payoff import payoff_line
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.report.screen_table import expiry_words, strikes
from iwm_opts.report.screening import Screening
from iwm_opts.report.words import dollars
from iwm_opts.spreads.candidate import Candidate
from iwm_opts.spreads.whatif import worth

Array = NDArray[np.float64]

POINTS = 801
AMERICAN_POINTS = 161  # a smooth curve, and a grid each
SPAN_SIGMAS = 2.5  # half-width of the picture, in standard deviations of the price at expiry
INK, TODAY, GAIN, LOSS, GREY = "#1b1f24", "#2563a8", "#2e8b57", "#c0392b", "#8a9199"


def draw_rows(axes: Axes, frame: pd.DataFrame, value: str, labels: Sequence[str]) -> None:
    """Draw a column by row, the first on top: with its interval where the frame has one, else as bars.

    Parameters
    ----------
    axes : Axes
    frame : DataFrame
    value : str
        Column; its interval is in the columns that end in `low` and `high` in place of `estimate`, or follow it so.
    labels : sequence of str
        Columns that name a row.
    """
    shown = frame[frame[value].notna()]
    names = shown[list(labels)].astype(str).agg(" ".join, axis=1).to_list()
    places, values = np.arange(len(shown)), shown[value].to_numpy(dtype=np.float64)
    stem = value.removesuffix("estimate").rstrip("_")
    low, high = (f"{stem}_{end}".lstrip("_") for end in ("low", "high"))
    if low in shown and high in shown:
        bounds = shown[[low, high]].to_numpy(dtype=np.float64)
        axes.hlines(places, bounds[:, 0], bounds[:, 1], color=TODAY, lw=2.0)
        axes.plot(values, places, "o", color=INK)
    else:
        axes.barh(places, values, color=np.where(values < 0.0, LOSS, TODAY).tolist())
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.axvline(0.0, color=GREY, lw=0.8)
    axes.set_xlabel((stem or value).replace("_", " "))


def draw_payoff(axes: Axes, result: Screening, place: int = 0) -> None:
    """Draw the payoff of one candidate of a screen.

    Profit and loss after fill and opening fees, dollars a package, at expiry, and today at each option's own vol; the
    breakevens; one standard deviation of the price at expiry, lognormal at the at-the-money vol.
    """
    candidate, snapshot = result.screened.kept[place].candidate, result.snapshot
    sigma, spot = candidate.atm_vol * math.sqrt(candidate.years), snapshot.chain.spot
    low = min(spot * math.exp(-SPAN_SIGMAS * sigma), 0.97 * min(candidate.strikes))
    high = max(spot * math.exp(SPAN_SIGMAS * sigma), 1.03 * max(candidate.strikes))
    _draw(axes, candidate, snapshot, np.linspace(low, high, POINTS), sigma)
    label = snapshot.chain.label.partition(":")[0]
    simulated = f"{label}  " if label else ""
    traded = "" if result.gate.is_open else "   NOT TRADED: gate closed"
    package = f"{snapshot.chain.symbol} {candidate.strategy} {strikes(candidate)}"
    title = f"{simulated}{package}, {expiry_words(candidate.expiration)}{traded}"
    axes.set_title(title, loc="left", fontsize=11, color=INK)


def _draw(axes: Axes, candidate: Candidate, snapshot: Snapshot, spots: Array, sigma: float) -> None:
    spot, line = snapshot.chain.spot, np.empty_like(spots)
    payoff_line(candidate.kind.sign, candidate.kind.right, np.array(candidate.strikes), spots, line)
    expiry = MULTIPLIER * (line + candidate.fill.price) - candidate.fees
    low, high = spot * math.exp(-sigma), spot * math.exp(sigma)
    axes.axvspan(low, high, color=GREY, alpha=0.13, lw=0, label="one sigma at expiry")
    axes.axhline(0.0, color=GREY, lw=0.8)
    axes.axvline(spot, color=GREY, lw=0.8, ls=":")
    axes.fill_between(spots, expiry, 0.0, where=expiry > 0, interpolate=True, color=GAIN, alpha=0.15, lw=0)
    axes.fill_between(spots, expiry, 0.0, where=expiry < 0, interpolate=True, color=LOSS, alpha=0.12, lw=0)
    axes.plot(spots, expiry, color=INK, lw=1.8, label="at expiry")
    # If the price moved at once: each option keeps its own vol, the forward moves along.
    grid = spots if snapshot.exercise == "european" else np.linspace(spots[0], spots[-1], AMERICAN_POINTS)
    value = np.interp(spots, grid, worth(candidate, snapshot, grid))
    today = MULTIPLIER * (value + candidate.fill.price) - candidate.fees
    axes.plot(spots, today, color=TODAY, lw=1.4, ls="--", label="today, each option at its own vol")
    _label(axes, f"{spot:.2f} now", (spot, 0.98), (4, 0), ha="left", va="top", xycoords=axes.get_xaxis_transform())
    for level in candidate.breakevens:
        outwards = -1 if level < spot else 1
        axes.plot(level, 0.0, "o", color=INK, ms=4)
        side = "right" if outwards < 0 else "left"
        _label(axes, f"{level:.2f}", (level, 0.0), (7 * outwards, 5), ha=side, va="bottom")
    axes.margins(y=0.12)
    axes.set_xlim(spots[0], spots[-1])
    axes.set_xlabel(f"{snapshot.chain.symbol}, dollars")
    axes.set_ylabel("profit and loss after fill and fees, dollars a package")
    axes.yaxis.set_major_formatter(lambda value, _: dollars(value))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.12))


def _label(axes: Axes, text: str, at: tuple[float, float], offset: tuple[int, int], **placing: Any) -> None:
    axes.annotate(text, at, xytext=offset, textcoords="offset points", fontsize=8, color=INK, **placing)
