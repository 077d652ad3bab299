"""Plotly figures as plain values: data and layout, in the colours of every page."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np

from iwm_opts.report.words import dollars

Figure = dict[str, Any]

INK, BLUE, GAIN, LOSS, GREY, ORANGE = "#1b1f24", "#2563a8", "#2e8b57", "#c0392b", "#8a9199", "#d98a1f"
COLOURS: Final = (INK, ORANGE, BLUE, GAIN, "#7d4fa3", GREY)
DIVERGING: Final = [[0.0, LOSS], [0.5, "#ffffff"], [1.0, GAIN]]
SEQUENTIAL: Final = [[0.0, "#eef3f8"], [1.0, BLUE]]
DOLLARS: Final = "$,.2~f"  # of axes: cents where a small range needs them
PERCENT: Final = ".2~%"
LABEL_ROOM: Final = 0.12  # of the span, above and below, for labels outside the bars
MOST_LINES: Final = 200  # of parallel coordinates
SHADES: Final = 8


def figure(data: Sequence[Mapping[str, Any]], **layout: Any) -> Figure:
    """Traces and layout; keywords go over the common layout."""
    common = {
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
        "margin": {"l": 60, "r": 12, "t": 12, "b": 44},
        "paper_bgcolor": "#fff",
        "plot_bgcolor": "#fff",
        "showlegend": len(data) > 1,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        "hoverlabel": {"font": {"size": 12}},
    }
    axes = {name: {"gridcolor": "#eee", "zerolinecolor": GREY, "automargin": True} for name in ("xaxis", "yaxis")}
    merged = {name: axes[name] | layout.pop(name, {}) for name in axes}
    return {"data": [dict(trace) for trace in data], "layout": common | merged | layout}


def waterfall(names: Sequence[str], values: Sequence[float]) -> Figure:
    """Cascade that starts at zero; the last value is the total of those before."""
    ends = [0.0, *accumulate(values[:-1])]
    room = LABEL_ROOM * ((max(ends) - min(ends)) or 1.0)
    trace = {
        "type": "waterfall",
        "x": list(names),
        "y": [*values[:-1], 0.0],
        "measure": [*["relative"] * (len(values) - 1), "total"],
        "text": [dollars(value) for value in values],
        "textposition": "outside",
        "cliponaxis": False,
        "connector": {"line": {"color": GREY, "width": 1}},
        "increasing": {"marker": {"color": GAIN}},
        "decreasing": {"marker": {"color": LOSS}},
        "totals": {"marker": {"color": INK}},
    }
    axis = {"tickformat": DOLLARS, "range": [min(ends) - room, max(ends) + room]}
    return figure([trace], yaxis=axis, margin={"l": 60, "r": 12, "t": 28, "b": 44})


def bars(
    names: Sequence[Any], values: Sequence[float], *, text: Sequence[str] = (), axis: str = "", money: bool = True
) -> Figure:
    """One bar a name, green above zero and red below."""
    trace = {
        "type": "bar",
        "x": list(map(str, names)),
        "y": list(values),
        "text": list(text),
        "textposition": "auto",
        "marker": {"color": [GAIN if value >= 0 else LOSS for value in values]},
    }
    return figure([trace], yaxis={"tickformat": DOLLARS if money else "", "title": {"text": axis}}, xaxis=CATEGORY)


CATEGORY: Final = {"type": "category"}


def stacked(names: Sequence[str], parts: Mapping[str, Sequence[float]], axis: str = "") -> Figure:
    """Horizontal bars of parts that add up."""
    traces = [
        {"type": "bar", "orientation": "h", "y": list(names), "x": list(values), "name": part,
         "marker": {"color": colour}}
        for (part, values), colour in zip(parts.items(), COLOURS, strict=False)
    ]  # fmt: skip
    return figure(
        traces,
        barmode="stack",
        yaxis={"type": "category", "autorange": "reversed"},
        xaxis={"title": {"text": axis}, "tickformat": DOLLARS},
    )


def histogram(values: Sequence[float], axis: str) -> Figure:
    """Distribution of values, with a line at their mean."""
    data = np.asarray(values, dtype=float)
    bins = min(60, max(10, round(2 * len(data) ** 0.5)))
    counts, edges = np.histogram(data, bins=bins)
    middle = [0.5 * float(low + high) for low, high in pairwise(edges)]
    trace = {
        "type": "bar",
        "x": middle,
        "y": [int(count) for count in counts],
        "width": [float(edges[1] - edges[0])] * bins,
        "marker": {"color": [GAIN if value >= 0 else LOSS for value in middle]},
    }
    shapes = [_upright(float(data.mean()), INK)] if len(data) else []
    few = 1 if max(counts, default=0) < 6 else None  # no ticks between whole trades
    return figure([trace], xaxis={"title": {"text": axis}, "tickformat": DOLLARS},
                  yaxis={"title": {"text": "trades"}, "dtick": few}, shapes=shapes, bargap=0.02)  # fmt: skip


def scatter(
    x: Sequence[float], y: Sequence[float], axes: tuple[str, str], *, is_gain: Sequence[bool], text: Sequence[str] = ()
) -> Figure:
    """Points, winners green and losers red."""
    traces = []
    for name, colour, flag in (("gain", GAIN, True), ("loss", LOSS, False)):
        rows = [row for row, gain in enumerate(is_gain) if bool(gain) is flag]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [x[row] for row in rows],
                "y": [y[row] for row in rows],
                "text": [text[row] for row in rows] if text else [],
                "marker": {"color": colour, "size": 5, "opacity": 0.6},
            }
        )
    return figure(
        traces,
        xaxis={"title": {"text": axes[0]}, "tickformat": DOLLARS},
        yaxis={"title": {"text": axes[1]}, "tickformat": DOLLARS},
    )


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    *,
    form: str = "$,.0f",
    axes: tuple[str, str] = ("", ""),
    is_diverging: bool = True,
) -> Figure:
    """Cells coloured by value: red below zero, green above; `values` are rows of columns."""
    grid = np.asarray(values, dtype=float).reshape(len(rows), len(columns))
    size = float(np.nanmax(np.abs(grid))) if np.isfinite(grid).any() else 1.0
    bounds = {"zmin": -size, "zmax": size, "colorscale": DIVERGING} if is_diverging else {"colorscale": SEQUENTIAL}
    trace = {
        "type": "heatmap",
        "x": list(map(str, columns)),
        "y": list(map(str, rows)),
        "z": grid.tolist(),
        "texttemplate": f"%{{z:{form}}}" if grid.size <= 400 else "",
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        **bounds,
    }
    return figure(
        [trace],
        xaxis={"type": "category", "title": {"text": axes[1]}, "showgrid": False},
        yaxis={"type": "category", "title": {"text": axes[0]}, "showgrid": False, "autorange": "reversed"},
    )


def intervals(names: Sequence[str], estimates: Sequence[float], lows: Sequence[float], highs: Sequence[float],
              axis: str, form: str = "$,.2f") -> Figure:  # fmt: skip
    """Estimates with their intervals, and a line at zero."""
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": list(estimates),
        "y": list(names),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - value for value, high in zip(estimates, highs, strict=True)],
            "arrayminus": [value - low for value, low in zip(estimates, lows, strict=True)],
            "color": BLUE,
        },
        "marker": {"color": BLUE, "size": 9},
    }
    return figure(
        [trace],
        xaxis={"title": {"text": axis}, "tickformat": form},
        yaxis={"type": "category", "autorange": "reversed"},
        shapes=[_upright(0.0, GREY)],
    )


def equity(
    lines: Iterable[tuple[str, Sequence[Any], Sequence[float], Sequence[float]]],
    *,
    faint: Iterable[tuple[Sequence[Any], Sequence[float]]] = (),
    markers: Mapping[str, tuple[Sequence[Any], Sequence[float], str]] | None = None,
    bands: Sequence[tuple[Any, Any, str, str]] = (),
) -> Figure:
    """Equity above drawdown: lines of (name, days, equity, drawdown) over faint single paths, (days, equity).

    Markers are (days, equity, symbol) by name, bands (first, last, colour, name written into it).
    """
    traces: list[Figure] = [
        {"type": "scatter", "mode": "lines", "x": list(days), "y": list(values), "hoverinfo": "skip",
         "line": {"color": GREY, "width": 0.7}, "opacity": 0.5, "showlegend": False}
        for days, values in faint
    ]  # fmt: skip
    for (name, days, values, falls), colour in zip(lines, COLOURS, strict=False):
        traces += [
            {"type": "scatter", "mode": "lines", "name": name, "x": list(days), "y": list(values),
             "line": {"color": colour, "width": 1.6}},
            {"type": "scatter", "mode": "lines", "x": list(days), "y": list(falls), "yaxis": "y2", "showlegend": False,
             "name": f"{name}, below peak", "fill": "tozeroy", "line": {"color": colour, "width": 1}},
        ]  # fmt: skip
    for name, (days, values, symbol) in (markers or {}).items():
        traces.append(
            {"type": "scatter", "mode": "markers", "name": name, "x": list(days), "y": list(values),
             "marker": {"symbol": symbol, "size": 5, "color": BLUE, "opacity": 0.5}}
        )  # fmt: skip
    return figure(
        traces,
        showlegend=True,
        xaxis={"type": "date", "anchor": "y2"},
        yaxis={"domain": [0.34, 1.0], "tickformat": DOLLARS, "title": {"text": "equity"}},
        yaxis2={"domain": [0.0, 0.26], "tickformat": PERCENT, "gridcolor": "#eee", "automargin": True,
                "title": {"text": "below peak"}},
        shapes=[
            {"type": "rect", "xref": "x", "yref": "paper", "x0": first, "x1": last, "y0": 0, "y1": 1, "layer": "below",
             "line": {"width": 0}, "fillcolor": colour, "opacity": 0.12}
            for first, last, colour, _ in bands
        ],
        annotations=[
            {"xref": "x", "yref": "paper", "x": first, "y": 1, "text": name, "showarrow": False, "xanchor": "left",
             "yanchor": "top", "font": {"size": 10, "color": GREY}}
            for first, _, _, name in bands if name
        ],
    )  # fmt: skip


def curves(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], axes: tuple[str, str], form: str = DOLLARS,
           uprights: Sequence[float] = ()) -> Figure:  # fmt: skip
    """Lines over a number."""
    traces = [
        {"type": "scatter", "mode": "lines", "name": name, "x": list(x), "y": list(y),
         "line": {"color": colour, "width": 1.6}}
        for (name, (x, y)), colour in zip(lines.items(), COLOURS * 4, strict=False)
    ]  # fmt: skip
    return figure(
        traces,
        xaxis={"title": {"text": axes[0]}},
        yaxis={"title": {"text": axes[1]}, "tickformat": form},
        shapes=[_upright(value, GREY) for value in uprights],
    )


def parallel(dimensions: Mapping[str, Sequence[Any]], metric: Sequence[float], name: str) -> Figure:
    """Parallel coordinates: one line a variant, from pale to blue as its metric rises.

    At most `MOST_LINES` variants, the best and the worst; drawn as plain lines, which print and need no WebGL.
    """
    order = [int(place) for place in np.argsort(np.nan_to_num(np.asarray(metric, dtype=float), nan=-np.inf))]
    half = MOST_LINES // 2
    kept = order if len(order) <= MOST_LINES else [*order[:half], *order[-half:]]
    places = {axis: _places(values) for axis, values in dimensions.items()}
    axes = list(dimensions)
    groups = np.array_split(np.array(kept, dtype=int), min(SHADES, len(kept)) or 1)
    traces: list[Figure] = []
    for place, group in enumerate(groups):
        x: list[Any] = []
        y: list[Any] = []
        for row in group:
            x += [*range(len(axes)), None]
            y += [*(places[axis][0][row] for axis in axes), None]
        share = place / max(len(groups) - 1, 1)  # from pale grey to blue
        shade = ", ".join(str(round(a + share * (b - a))) for a, b in zip((205, 212, 220), (37, 99, 168), strict=True))
        ends = [float(metric[row]) for row in group]
        span = f"{min(ends):.3g} to {max(ends):.3g}" if ends else ""
        traces.append(
            {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": f"{name} {span}", "hoverinfo": "name",
             "line": {"color": f"rgb({shade})", "width": 0.8 + 1.6 * share}}
        )  # fmt: skip
    notes = [
        {"x": at, "y": height, "text": label, "showarrow": False, "xanchor": "left", "xshift": 4,
         "font": {"size": 10}, "bgcolor": "rgba(255,255,255,0.75)"}
        for at, axis in enumerate(axes) for height, label in places[axis][1]
    ]  # fmt: skip
    return figure(
        traces,
        xaxis={"tickvals": list(range(len(axes))), "ticktext": axes, "range": [-0.1, len(axes) - 0.7],
               "gridcolor": GREY},
        yaxis={"visible": False, "range": [-0.08, 1.08]},
        annotations=notes,
    )  # fmt: skip


def _places(values: Sequence[Any]) -> tuple[list[float], list[tuple[float, str]]]:
    """Height of each value between 0 and 1, and the ticks of its axis: by size for numbers, else by order."""
    numbers = [float(v) if isinstance(v, int | float) and not isinstance(v, bool) else float("nan") for v in values]
    finite = sorted({v for v in numbers if np.isfinite(v)})
    if finite and all(np.isfinite(v) for v in numbers):
        low, span = finite[0], (finite[-1] - finite[0]) or 1.0
        ticks = finite if len(finite) <= 8 else [finite[0], finite[-1]]
        return [(v - low) / span for v in numbers], [((v - low) / span, f"{v:.4g}") for v in ticks]
    names = list(dict.fromkeys(map(str, values)))
    step = 1.0 / max(len(names) - 1, 1)
    heights = {label: place * step for place, label in enumerate(names)}
    return [heights[str(v)] for v in values], [(height, label) for label, height in heights.items()]


def _upright(x: float, colour: str) -> Figure:
    return {"type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1,
            "line": {"color": colour, "width": 1, "dash": "dot"}}  # fmt: skip
