"""Rich renderables as text, at the width of whoever reads it."""

import io
import shutil
import sys
from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table

NARROW, WIDE = 80, 120


def width() -> int:
    """Columns of the terminal (or of COLUMNS), at least 80."""
    return max(NARROW, shutil.get_terminal_size((WIDE, 24)).columns)


def render(parts: Iterable[RenderableType], columns: int | None = None) -> str:
    """Text of several renderables, coloured only on a terminal."""
    text = io.StringIO()
    colour = columns is None and sys.stdout is not None and sys.stdout.isatty()
    console = Console(file=text, width=columns or width(), force_terminal=colour, highlight=False, emoji=False)
    for part in parts:
        console.print(part)
    lines = text.getvalue().splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def natural_width(table: Table) -> int:
    """Columns that a table takes when nothing is cut."""
    console = Console(width=10_000)
    return Measurement.get(console, console.options, table).maximum


def plain_table(*columns: str, left: Iterable[str] = ()) -> Table:
    """Table without frames; columns are right-aligned unless named in `left`."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0, show_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in tuple(left) else "right", no_wrap=True)
    return table
