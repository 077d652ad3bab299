"""Figures as bytes of a picture."""

import io
from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text


def drawn(draw: Callable[[Axes], object], kind: str, width: float, height: float) -> bytes:
    """Figure of what `draw` paints on its axes, as PNG, SVG or PDF."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    draw(figure.subplots())
    return picture_bytes(figure, kind)


def picture_bytes(figure: Figure, kind: str) -> bytes:
    """Figure as PNG, SVG or PDF; dollar signs in names are text, not formulas."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    return buffer.getvalue()
