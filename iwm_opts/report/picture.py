"""Figures as bytes of a picture."""

import io
from collections.abc import Callable
from typing import Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

WRITTEN_ON: Final = {"svg": "Date", "pdf": "CreationDate"}  # where a format holds the time of writing


def drawn(draw: Callable[[Axes], object], kind: str, width: float, height: float) -> bytes:
    """Figure of what `draw` paints on its axes, as PNG, SVG or PDF."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    draw(figure.subplots())
    return picture_bytes(figure, kind)


def picture_bytes(figure: Figure, kind: str) -> bytes:
    """Figure as PNG, SVG or PDF, the same bytes each time; dollar signs in names are text, not formulas."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "iwm-opts"}):  # names of its parts, else random
        figure.savefig(buffer, format=kind, metadata={WRITTEN_ON[kind]: None} if kind in WRITTEN_ON else None)
    return buffer.getvalue()
