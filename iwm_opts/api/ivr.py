"""IV rank: the latest rank, its history, and the weekdays on which the gate opens."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from iwm_opts.api.chain import ChainRequest, OptionChain, open_chain
from iwm_opts.api.result import Day, OnProgress, Result, as_day, new_axes
from iwm_opts.conventions import GATE_RANK, IVR_LOOKBACK
from iwm_opts.errors import InputError
from iwm_opts.market.calendar import next_session
from iwm_opts.market.gate import ivr_gate
from iwm_opts.market.iv_rank import IvHistory, iv_rank, open_gate_by_weekday, rolling_iv_rank
from iwm_opts.report.ivr_table import IvSummary, ivr_record, ivr_table
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.screen_table import rank_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrRequest:
    """IV rank on a day.

    Fields as the parameters of `rank_iv`; further:

    Parameters
    ----------
    chain : ChainRequest or OptionChain, optional
        Whose own IV10 and IV30 are shown, and whose history is ranked where none is given.
    """

    chain: ChainRequest | OptionChain | None = None
    history: IvHistory | None = None
    as_of: date | None = None
    ivr_below: float = GATE_RANK
    lookback: int = IVR_LOOKBACK


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IvRankReport(Result):
    """IV rank, percentile and gate, with the history behind them."""

    summary: IvSummary

    @property
    def rank(self) -> float:
        """IV rank, 0 to 100; NaN where it is undefined."""
        return self.summary.rank.rank

    @property
    def percentile(self) -> float:
        """IV percentile, 0 to 100."""
        return self.summary.rank.percentile

    @property
    def is_open(self) -> bool:
        """Whether the gate is open."""
        return self.summary.gate.is_open

    def to_frame(self) -> pd.DataFrame:
        """Rank of every observation.

        Returns
        -------
        DataFrame
            Dates as index; value (IV, decimal), rank, percentile (0 to 100), observations (sessions in the window).
        """
        return rolling_iv_rank(self.summary.history, self.summary.rank.lookback)

    def record(self) -> Record:
        return ivr_record(self.summary)

    def to_csv(self) -> str:
        return rows_as_csv([self.record()["iv"]])

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return ivr_table(self.summary, columns)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the readers of chain and history left out or decided, and what to know before trusting the rank."""
        return self.summary.warnings

    def headline(self) -> tuple[str, list[str], str]:
        gate, snapshot = self.summary.gate, self.summary.snapshot
        lines = [f"gate {gate.condition}: {'OPEN' if gate.is_open else 'CLOSED'}", self.summary.history.note]
        return rank_line(self.summary.rank).plain, lines, snapshot.chain.label if snapshot else ""

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """IV in vol points, with the days on which the gate is open shaded."""
        axes, frame = new_axes(ax), self.to_frame()
        axes.plot(frame.index, 100.0 * frame["value"], lw=1.2)
        low, high = axes.get_ylim()
        below = (frame["rank"] < self.summary.threshold).to_numpy()
        axes.fill_between(frame.index, low, high, where=below, alpha=0.15, lw=0, step="mid", label="gate open")
        axes.set_ylim(low, high)
        axes.set_ylabel(f"{self.summary.history.series}, vol points")
        axes.set_title(rank_line(self.summary.rank).plain, loc="left", fontsize=10)
        axes.legend(frameon=False)
        return axes


def answer_ivr(request: IvrRequest, on_progress: OnProgress | None = None) -> IvRankReport:
    """Rank an IV history; see `IvrRequest`."""
    chain = open_chain(request.chain, on_progress) if request.chain else None
    day = chain.as_of if chain else request.as_of
    history = request.history or (chain.history if chain else None)
    if history is None:
        raise InputError("iv_history", None, "no IV history was given", "name one: `iv_history` RVX_History.csv")
    if day is None:
        day = next_session(history.last(1).index[-1].date())
    history = history.before(day)
    rank = iv_rank(history, day, request.lookback)
    weekdays = open_gate_by_weekday(history, request.ivr_below, request.lookback)
    gate, snapshot = ivr_gate(rank, request.ivr_below), chain.snapshot if chain else None
    return IvRankReport(IvSummary(history, rank, gate, weekdays, request.ivr_below, snapshot))


def rank_iv(
    history: IvHistory, *, as_of: Day | None = None, ivr_below: float = GATE_RANK, lookback: int = IVR_LOOKBACK
) -> IvRankReport:
    """Rank an IV history on a day, with the gate and the weekdays on which it opens.

    Parameters
    ----------
    history : IvHistory
    as_of : date or str, optional
        Day of the decision; the session after the history's last value unless given.
    ivr_below : float
        Threshold of the gate, 0 to 100.
    lookback : int
        Sessions.
    """
    return answer_ivr(
        IvrRequest(history=history, as_of=as_day("as_of", as_of), ivr_below=ivr_below, lookback=lookback)
    )  # fmt: skip
