"""Plots of the simulator against real data: autocorrelations, distributions, slopes, smiles."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from iwm_opts.conventions import PICTURE_KINDS
from iwm_opts.errors import InputError
from iwm_opts.report.facts_table import ChainSmiles
from iwm_opts.report.picture import picture_bytes
from iwm_opts.report.plots import GREY, INK, LOSS, TODAY
from iwm_opts.research.acceptance import Acceptance, Curve

TITLES = {
    "|return| autocorrelation": ("Autocorrelation of |return|", "lag, sessions"),
    "return autocorrelation": ("Autocorrelation of returns", "lag, sessions"),
    "log IV30 autocorrelation": ("Autocorrelation of log IV30", "lag, sessions"),
    "IV30": ("IV30, points, by percentile", "percentile"),
    "short slope": ("Slope: IV of 9 days over 30, by percentile", "percentile"),
    "long slope": ("Slope: IV of 3 months over 30, by percentile", "percentile"),
}


def facts_picture(acceptance: Acceptance, smiles: ChainSmiles | None, suffix: str) -> bytes:
    """Curves of the widest window, real over the simulated 5 to 95% band; smiles in a third row where there are any."""
    kind = suffix.removeprefix(".").lower()
    if kind not in PICTURE_KINDS:
        raise InputError("plot", suffix, "unknown picture format", f"end the name in one of {', '.join(PICTURE_KINDS)}")
    rows = 3 if smiles else 2
    figure = Figure(figsize=(13, 3.7 * rows + 0.6), dpi=130, layout="constrained")
    grid = figure.add_gridspec(rows, 6)
    for place, curve in enumerate(acceptance.curves):
        row, column = divmod(place, 3)
        axes = figure.add_subplot(grid[row, 2 * column : 2 * column + 2])
        _draw(axes, curve)
        if place == 0:
            axes.legend(frameon=False, fontsize=9)
    for place, smile in enumerate(smiles.smiles if smiles else ()):
        axes = figure.add_subplot(grid[2, 3 * place : 3 * place + 3])
        axes.plot(smile.deviations, 100.0 * smile.real, "o", color=INK, ms=3, label="real midpoints")
        order, model = np.argsort(smile.deviations), "model, skew at its mean"
        axes.plot(smile.deviations[order], 100.0 * smile.model[order], color=LOSS, lw=1.6, label=model)
        day = smiles.chain.as_of if smiles else None
        title = f"Smile of {day}, {smile.dte} days, points: off by {100.0 * smile.rms:.2f} rms"
        _finish(axes, title, "log(strike / forward), standard deviations")
        axes.legend(frameon=False, fontsize=9)
    whole = acceptance.windows[-1]
    judged = whole.judgement
    figure.suptitle(
        f"SIMULATED DATA against the real market, {whole.first} to {whole.last}: joint distance "
        f"{judged.mahalanobis:.1f}, 95% of simulated histories within {judged.mahalanobis_95:.1f}",
        x=0.01, ha="left", fontsize=13, color=INK,
    )  # fmt: skip
    return picture_bytes(figure, kind)


def _draw(axes: Axes, curve: Curve) -> None:
    title, label = TITLES[curve.name]
    of_distribution = label == "percentile"
    axis = 100.0 * curve.axis if of_distribution else curve.axis
    drawn = curve.simulated
    axes.fill_between(axis, drawn.low, drawn.high, color=TODAY, alpha=0.18, lw=0, label="simulated 5-95%")
    axes.plot(axis, drawn.mean, color=TODAY, lw=1.2, ls="--", label="simulated mean")
    axes.plot(axis, curve.real, color=INK, lw=1.6, label="real")
    if not of_distribution:
        axes.axhline(0.0, color=GREY, lw=0.8)
    axes.set_xlim(axis[0], axis[-1])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _finish(axes, title, label)


def _finish(axes: Axes, title: str, label: str) -> None:
    axes.set_title(title, loc="left", fontsize=10.5, color=INK)
    axes.set_xlabel(label, fontsize=9, color=INK)
    axes.tick_params(labelsize=8.5, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
