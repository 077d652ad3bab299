"""Rich renderables as text, at the width of whoever reads it."""

import io
import shutil
import sys
from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table

NARROW, WIDE = 80, 120


def width() -> int:
    """Columns of the terminal (or of COLUMNS), at least 80."""
    return max(NARROW, shutil.get_terminal_size((WIDE, 24)).columns)


def render(parts: Iterable[RenderableType], columns: int | None = None) -> str:
    """Text of several renderables, coloured and cut to the width only on a terminal."""
    text = io.StringIO()
    is_terminal = columns is None and sys.stdout is not None and sys.stdout.isatty()
    room = columns or width()
    console = Console(file=text, width=room, force_terminal=is_terminal, highlight=False, emoji=False)
    for part in parts:
        console.width = room if is_terminal else max(room, _uncut_width(part))
        console.print(part)
    lines = text.getvalue().splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def natural_width(part: RenderableType) -> int:
    """Columns that a table takes when nothing is cut."""
    console = Console(width=10_000)
    return Measurement.get(console, console.options, part).maximum


def _uncut_width(part: RenderableType) -> int:
    """Columns of a table whose cells do not wrap; 0 of anything that does."""
    table = part.renderable if isinstance(part, Padding) else part
    if isinstance(table, Table) and all(column.no_wrap for column in table.columns):
        return natural_width(part)
    return 0


def plain_table(*columns: str, left: Iterable[str] = ()) -> Table:
    """Table without frames; columns are right-aligned unless named in `left`."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0, show_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in tuple(left) else "right", no_wrap=True)
    return table
