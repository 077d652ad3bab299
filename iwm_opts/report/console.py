"""Rich renderables as text, at the width of whoever reads it."""

import io
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from iwm_opts.errors import printable

NARROW, WIDE = 80, 120


def width() -> int:
    """Columns of the terminal (or of COLUMNS), at least 80."""
    return max(NARROW, shutil.get_terminal_size((WIDE, 24)).columns)


def note_lines(notes: Iterable[str]) -> list[RenderableType]:
    """Return notes, one a line."""
    return [Text(f"note: {note}", style="yellow") for note in notes]


def label_lines(label: str) -> list[RenderableType]:
    """Label of data that are not recorded, for the top and the bottom of a page; none where it is empty."""
    return [Text(label, style="bold red")] if label else []


def bold(text: str) -> Text:
    """Title or verdict."""
    return Text(text, style="bold")


def indented(part: RenderableType, columns: int = 3) -> Padding:
    """Part below its title."""
    return Padding(part, (0, 0, 0, columns), expand=False)


def render_page(
    label: str, parts: Iterable[RenderableType], notes: Iterable[str] = (), columns: int | None = None
) -> str:
    """Parts and notes between the label's lines."""
    return render([*label_lines(label), *parts, *note_lines(notes), *label_lines(label)], columns)


def render(parts: Iterable[RenderableType], columns: int | None = None) -> str:
    """Text of several renderables, coloured and cut to the width only on a terminal; `Text` of no_wrap never is."""
    text = io.StringIO()
    is_terminal = columns is None and sys.stdout is not None and sys.stdout.isatty()
    room = columns or width()
    console = Console(file=text, width=room, force_terminal=is_terminal, highlight=False, emoji=False, markup=False)
    for part in parts:
        table = part.renderable if isinstance(part, Padding) else part
        is_uncut = isinstance(table, Table) and all(column.no_wrap for column in table.columns)
        console.width = max(room, natural_width(part)) if is_uncut and not is_terminal else room
        console.print(Visible(part), soft_wrap=isinstance(part, Text) and bool(part.no_wrap))
    lines = text.getvalue().splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


@dataclass(frozen=True, slots=True)
class Visible:
    """Renderable with its control characters written out: data cannot drive a terminal."""

    part: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.part, options):
            yield Segment(printable(segment.text, "\n"), segment.style, segment.control)


def natural_width(part: RenderableType) -> int:
    """Columns that a table takes when nothing is cut."""
    console = Console(width=10_000, markup=False)
    return Measurement.get(console, console.options, part).maximum


def plain_table(*columns: str, left: Iterable[str] = (), rows: Iterable[Iterable[RenderableType]] = ()) -> Table:
    """Table without frames; columns are right-aligned unless named in `left`."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0, show_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in tuple(left) else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def figures_grid(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and their figures, without heads."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*row)
    return table


def fitted_table(
    rows: Sequence[Mapping[str, str]], columns: int, left: Iterable[str], optional: Sequence[Sequence[str]]
) -> Table:
    """Table that fits: groups of optional columns are left out in turn until it does. An empty row is a blank line."""
    names = list(next(row for row in rows if row))
    for group in ((), *optional):
        names = [name for name in names if name not in group]
        table = plain_table(*names, left=left)
        for row in rows:
            table.add_row(*(row[name] for name in names) if row else ())
        if natural_width(table) <= columns:
            break
    return table
