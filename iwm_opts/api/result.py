"""Base of every result: a DataFrame, a dictionary, JSON, CSV, text and a notebook table."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from iwm_opts.conventions import OUTPUT_KINDS, PICTURE_KINDS
from iwm_opts.errors import InputError, printable
from iwm_opts.io.atomic import write_durably
from iwm_opts.report.console import WIDE
from iwm_opts.report.html import notebook_table
from iwm_opts.report.page import Bullets, Page, Section, Verbatim, as_html, as_markdown
from iwm_opts.report.records import Record, as_json, finite, frame_records, parquet_bytes, rows_as_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Day = date | datetime | pd.Timestamp | str
OnProgress = Callable[[int, int], None]  # called with (done, total)


class Result(ABC):
    """Result of a request.

    Attributes
    ----------
    is_private : bool
        Holds an account's trades: its files are readable by their owner alone.
    plotted : tuple of str
        Columns of `plot`: a figure, then those that name its row; empty where no one figure sums a result up.
    """

    __slots__ = ()
    is_private: ClassVar[bool] = False
    plotted: ClassVar[tuple[str, ...]] = ()

    def rows(self) -> list[Record]:
        """Return the main table, a record a row; columns and units as each result documents them."""
        return frame_records(self.to_frame())

    def to_frame(self) -> pd.DataFrame:
        """Return the main table: `rows` as a DataFrame unless a result says otherwise."""
        return pd.DataFrame(self.rows())

    @abstractmethod
    def record(self) -> Record:
        """Everything, before numbers are rounded for JSON."""

    def to_csv(self) -> str:
        """Rows of the main table as CSV, as the command prints them."""
        return rows_as_csv(self.rows())

    @abstractmethod
    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        """Page that the command prints.

        Parameters
        ----------
        verbose : bool
            Every detail.
        columns : int, optional
            Width in characters; that of the terminal unless given.
        """

    @abstractmethod
    def headline(self) -> tuple[str, list[str], str]:
        """Title, lines of gate and provenance, and the label of data that are not recorded (else empty)."""

    def to_dict(self) -> Record:
        """Everything as plain values: equal to the JSON of the command."""
        record: Record = finite(self.record())
        return record

    def to_json(self) -> str:
        """Everything as JSON; undefined and infinite numbers are null."""
        return as_json(self.record())

    def to_markdown(self) -> str:
        """Label, provenance and the page of the command."""
        return as_markdown(self._page())

    def to_html(self, path: str | Path | None = None) -> str:
        """One self-contained page: it reads nothing from the network.

        Parameters
        ----------
        path : str or Path, optional
            File to write as well.
        """
        sheet = self.sheet()
        if sheet is None:
            page = as_html(self._page())
        else:
            from iwm_opts.report.sheet import sheet_html

            page = sheet_html(sheet)
        if path is not None:
            write_durably(Path(path), page.encode(errors="replace"), is_private=self.is_private)
        return page

    def sheet(self) -> Page | None:
        """Page of charts of `to_html`; None where it is the text of the command."""
        return None

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Figure of `plotted` by row: estimates with their intervals where there are any, else bars.

        Raises
        ------
        InputError
            Where no one figure sums a result up.
        """
        if not self.plotted:
            raise InputError("plot", type(self).__name__, "no one figure sums it up", "draw a column of `to_frame()`")
        value, *labels = self.plotted
        return self.draw(self.to_frame(), value, labels, ax)

    def draw(self, frame: pd.DataFrame, value: str, labels: Sequence[str], ax: "Axes | None" = None) -> "Axes":
        """Column of a frame by row, under title and label of the result; see `report.plots.draw_rows`."""
        from iwm_opts.report.plots import draw_rows

        axes, (title, _, label) = new_axes(ax), self.headline()
        draw_rows(axes, frame, value, labels)
        axes.set_title(" ".join(filter(None, (label, title))), loc="left", fontsize=10, parse_math=False)
        return axes

    def picture(self, suffix: str) -> bytes:
        """Picture as PNG, SVG or PDF.

        Raises
        ------
        InputError
            Where a result has none.
        """
        raise InputError("plot", suffix, "not drawn of this result", "write a page")

    def write(self, path: str | Path, verbose: bool = False) -> None:
        """Write to a file in the format of its suffix: .html, .csv, .json, .md, .txt or .parquet.

        Raises
        ------
        InputError
            For another suffix.
        """
        write_durably(Path(path), self.content(Path(path).suffix, verbose), is_private=self.is_private)

    def content(self, suffix: str, verbose: bool = False) -> bytes:
        """File that `write` writes for a suffix, without colours and at full width."""
        kind = suffix.removeprefix(".").lower()
        if kind == "parquet":
            return parquet_bytes(self.to_frame(), *self.headline())
        makers: dict[str, Callable[[], str]] = {
            "html": self.to_html,
            "csv": lambda: printable(self.to_csv(), "\n"),
            "json": self.to_json,
            "md": self.to_markdown,
            "txt": lambda: self.to_text(verbose, WIDE),
        }
        if kind not in makers:
            raise InputError("output", suffix, "unknown suffix", f"end the name in .{', .'.join(OUTPUT_KINDS)}")
        return makers[kind]().encode(errors="replace")

    def _page(self) -> Page:
        title, lines, label = self.headline()
        blocks = (Bullets(tuple(lines)),) if lines else ()
        return Page(
            title, (label,) if label else (), (Section("Result", (*blocks, Verbatim(self.to_text(True, WIDE)))),)
        )

    def _repr_html_(self) -> str:
        title, lines, label = self.headline()
        return notebook_table(title, lines, self.to_frame(), label)

    def __repr__(self) -> str:
        title, lines, label = self.headline()
        return f"<{type(self).__name__} {'; '.join(filter(None, (label, title, *lines[:1])))}>"


def as_day(name: str, value: Day | None) -> date | None:
    """Day as a `date`: from a date, a timestamp, or text YYYY-MM-DD.

    Raises
    ------
    InputError
        When text is not a date.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise InputError(name, value, "not a date", "write YYYY-MM-DD") from None
    return value.date() if isinstance(value, datetime) else value


def new_axes(ax: "Axes | None", width: float = 9.0, height: float = 5.0) -> "Axes":
    """Axes given, else those of a new figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def picture(suffix: str, draw: Callable[["Axes"], object], width: float = 9.0, height: float = 5.0) -> bytes:
    """Save the picture that `draw` paints.

    Parameters
    ----------
    suffix : str
        `.png`, `.svg` or `.pdf`, with or without the dot.
    draw : callable
        Takes the axes.

    Raises
    ------
    InputError
        For another suffix.
    """
    kind = suffix.removeprefix(".").lower()
    if kind not in PICTURE_KINDS:
        raise InputError("plot", suffix, "unknown picture format", f"end the name in {', '.join(PICTURE_KINDS)}")
    from iwm_opts.report.picture import drawn

    return drawn(draw, kind, width, height)
