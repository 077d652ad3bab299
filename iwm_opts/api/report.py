"""Reports: results kept in files, as results again."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from iwm_opts.api.backtest import CompareRequest, answer_comparison
from iwm_opts.api.result import Result, new_axes
from iwm_opts.api.review import ReviewRequest, answer_review
from iwm_opts.backtest.saved import CONFIG, Saved, load_result
from iwm_opts.backtest.sweep_folder import HEAD
from iwm_opts.errors import InputError
from iwm_opts.io.opening import as_path
from iwm_opts.report.backtest_sheet import Run, backtest_sheet
from iwm_opts.report.page import Page, as_markdown
from iwm_opts.report.records import Record, frame_records, rows_as_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_RESULTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """Report on a result kept in a file or folder, or on two.

    Parameters
    ----------
    paths : tuple of str or Path
        A saved backtest, or a trade log (see `read_trades`); two saved backtests are compared.
    """

    paths: tuple[str | Path, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.paths) <= MOST_RESULTS:
            raise InputError("paths", len(self.paths), "a report is on one result, or on two", "name one or two")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SavedResult(Result):
    """A saved backtest.

    Attributes
    ----------
    saved : Saved
    """

    saved: Saved
    _run: Run = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_run", Run.of_saved(self.saved))

    @property
    def trades(self) -> pd.DataFrame:
        """One row a trade; columns as in `BacktestResult.trades`."""
        return self.saved.trades

    def to_frame(self) -> pd.DataFrame:
        """Trades; see `trades`."""
        return self.saved.trades

    def record(self) -> Record:
        return {**self.saved.config, **self.saved.summary, "trades": frame_records(self.saved.trades)}

    def to_csv(self) -> str:
        return rows_as_csv(frame_records(self.saved.trades), [str(name) for name in self.saved.trades.columns])

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return as_markdown(self.sheet())

    def to_markdown(self) -> str:
        """Page, charts by their captions."""
        return self.to_text()

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Equity of each path, dollars."""
        axes, (title, _, label) = new_axes(ax), self.headline()
        for _, path in self.saved.equity.groupby("path"):
            axes.plot(path.index.to_numpy(), path["equity"].to_numpy(), lw=1.0)
        axes.set_ylabel("equity")
        axes.set_title(" ".join(filter(None, (label, title))), loc="left", parse_math=False)
        return axes

    def sheet(self) -> Page:
        """Tear sheet."""
        return backtest_sheet(self._run)

    def headline(self) -> tuple[str, list[str], str]:
        return self._run.name, [f"gate {self._run.gate}", str(self.saved.folder)], self._run.label


def answer_report(request: ReportRequest) -> Result:
    """Report on a result; see `ReportRequest`.

    Raises
    ------
    InputError
        For a folder without a saved backtest, and a trade log beside another result.
    """
    paths = [as_path(path) for path in request.paths]
    for path in paths:
        if path.is_dir() and not (path / CONFIG).exists():
            holds = "holds a sweep" if (path / HEAD).exists() else "holds no saved backtest"
            remedy = (
                "write it when the sweep is run, to page.html" if "sweep" in holds else "name a folder of a backtest"
            )
            raise InputError("path", str(path), holds, remedy)
    if len(paths) == MOST_RESULTS:
        return answer_comparison(CompareRequest(first=paths[0], second=paths[1]))
    if paths[0].is_dir():
        return SavedResult(load_result(paths[0]))
    return answer_review(ReviewRequest(log=request.paths[0]))


def report(*paths: str | Path) -> Result:
    """Report on a saved backtest or a trade log; two saved backtests are compared.

    Parameters
    ----------
    paths : str or Path
        Folders of `BacktestResult.save`, or a log.

    Returns
    -------
    Result
        `write("sheet.html")` writes its tear sheet.
    """
    return answer_report(ReportRequest(paths=paths))
