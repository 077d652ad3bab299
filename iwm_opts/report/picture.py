"""Figures as bytes of a picture."""

import io

from matplotlib.figure import Figure
from matplotlib.text import Text


def picture_bytes(figure: Figure, kind: str) -> bytes:
    """Figure as PNG, SVG or PDF; dollar signs in names are text, not formulas."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    return buffer.getvalue()
