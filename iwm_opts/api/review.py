"""Reviews of a trade log: the months, rules kept and broken, fills, and whether the edge is still there."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import pandas as pd

from iwm_opts.api.plan_data import PlanDataRequest, open_plan_data
from iwm_opts.api.plans import TradingPlan
from iwm_opts.api.result import Result, new_axes
from iwm_opts.conventions import TIMEZONE, Provenance, counted
from iwm_opts.errors import InputError
from iwm_opts.execution.fills import DEFAULT_MODEL, FillModel
from iwm_opts.execution.own_fills import own_fill_model
from iwm_opts.io.archive import open_record
from iwm_opts.journal.compliance import rules_of
from iwm_opts.journal.fill_calibration import compare_fills_with, is_own, keep_fills
from iwm_opts.journal.paper import for_review, open_journal
from iwm_opts.journal.plan_replay import earlier_trades, lacks_rules, replayed
from iwm_opts.journal.quotes import FileQuotes, with_quotes
from iwm_opts.journal.readers import read_log
from iwm_opts.journal.review import Review, of_plan
from iwm_opts.journal.review import review as review_log
from iwm_opts.journal.trade_log import TradeLog, as_csv
from iwm_opts.plans.plan import Plan
from iwm_opts.report.page import Page
from iwm_opts.report.records import Record
from iwm_opts.report.review_record import log_record, month_records, review_record
from iwm_opts.report.review_sheet import review_sheet
from iwm_opts.report.review_table import log_table, review_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MIN_EARLIER: Final = 30  # trades of a plan's own backtest that results are compared with where no backtest is given
PAPER: Final = "paper"  # the journal of the archive; a file of that name is ./paper
Earlier = tuple[pd.DataFrame, str]  # trades and their name


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRequest:
    """Review of a trade log: execution, rules and edge.

    Fields as the parameters of `review`; further:

    Parameters
    ----------
    timezone : str
        Of a broker's times that carry none.
    recorded_quotes : bool
        Mids and model fills from recorded chains, where the log has none.
    quotes : tuple of str
        Chain files, folders and globs that give them first.
    keep_fills : bool
        Keep the offsets of the fills from mid in the archive, for the fill convention `mine`.
    """

    log: str | Path | TradeLog
    plan: Plan | None = None
    data: PlanDataRequest = field(default_factory=PlanDataRequest)
    backtest: str | Path | None = None
    account: float | None = None
    timezone: str = TIMEZONE
    recorded_quotes: bool = False
    quotes: tuple[str, ...] = ()
    keep_fills: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ReviewResult(Result):
    """Months, rules, fills and the state of the edge.

    Attributes
    ----------
    review : Review
    log : TradeLog
        The trades, completed by the plan and recorded quotes.
    """

    is_private: ClassVar[bool] = True

    review: Review
    log: TradeLog

    @property
    def trades(self) -> pd.DataFrame:
        """The trades, one row each; columns as in a log of this tool."""
        return self.log.trades

    def rows(self) -> list[Record]:
        """One row a month: trades, P&L and costs ($), win rate (0 to 1), drawdown."""
        return month_records(self.review)

    def record(self) -> Record:
        return review_record(self.review)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return review_table(self.review, verbose, columns)

    def headline(self) -> tuple[str, list[str], str]:
        return f"review of {self.log.source}", [counted(len(self.log.trades), "trades")], self.log.label

    def sheet(self) -> Page:
        """Costs, edge, equity, calendar, trades, rules kept and broken."""
        return review_sheet(self.review)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Account and booked results, dollars."""
        from iwm_opts.report.review_picture import draw_booked

        axes = new_axes(ax)
        draw_booked(axes, self.review)
        axes.set_title(" ".join(filter(None, (self.log.label, self.headline()[0]))), loc="left", parse_math=False)
        return axes

    def picture(self, suffix: str) -> bytes:
        """Equity and the scan for a change as PNG, SVG or PDF."""
        from iwm_opts.report.review_picture import review_picture

        return review_picture(self.review, suffix)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OpenTrades(Result):
    """A log without a closed trade: its open trades, and the rows that were not used.

    Attributes
    ----------
    log : TradeLog
    """

    is_private: ClassVar[bool] = True

    log: TradeLog

    def to_frame(self) -> pd.DataFrame:
        """Open trades, one row each; columns as in a log of this tool."""
        return self.log.open

    def record(self) -> Record:
        return log_record(self.log)

    def to_csv(self) -> str:
        return as_csv(self.log)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return log_table(self.log, columns)

    def headline(self) -> tuple[str, list[str], str]:
        return f"{self.log.source}, no closed trade", [counted(len(self.log.open), "open trades")], self.log.label


def read_trades(path: str | Path, *, timezone: str = TIMEZONE) -> TradeLog:
    """Read a trade log.

    Parameters
    ----------
    path : str or Path
        A log of this tool, the trades of a backtest, a broker's export, or `paper`: the paper journal.
    timezone : str
        Of a broker's times that carry none.

    Returns
    -------
    TradeLog
        `.trades` is a DataFrame, one row a trade.

    Raises
    ------
    DataError
        For a file of no known layout, or a row that breaks its rules.
    """
    if str(path) == PAPER:
        return for_review(open_journal().trades())
    return read_log(Path(path), timezone)


def answer_review(request: ReviewRequest) -> ReviewResult | OpenTrades:
    """Review a trade log; see `ReviewRequest`."""
    given, plan = request.log, request.plan
    log = given if isinstance(given, TradeLog) else read_trades(given, timezone=request.timezone)
    is_open = log.closed.empty and bool(len(log.open) or log.opening)
    earlier: Earlier | None = None
    if plan is not None and not is_open:
        log, earlier = _by_plan(log, plan, request)
    fill = FillModel.parse(plan.costs.fill) if plan else DEFAULT_MODEL
    if request.quotes:
        log = with_quotes(log, FileQuotes(request.quotes), fill)
    if request.recorded_quotes:
        log = with_quotes(log, open_record(), fill)
    log = _with_fills_compared(log, fill, is_kept=request.keep_fills)
    if is_open:
        return OpenTrades(log)
    baseline, name = earlier or (None, "")
    if request.backtest:
        run = read_log(Path(request.backtest))
        baseline, name = run.closed, run.source + (f" ({run.label})" if run.label else "")
        log = replace(log, notes=(*log.notes, *(f"{run.source}: {line}" for line in (*run.warnings, *run.problems))))
    return ReviewResult(review_log(log, rules_of(plan) if plan else None, baseline, name, request.account), log)


def _with_fills_compared(log: TradeLog, fill: FillModel, *, is_kept: bool) -> TradeLog:
    """Log with notes that hold its fills against the model's and those measured before; kept where asked."""
    models = [fill]
    with suppress(InputError):  # nothing measured before
        models.append(own_fill_model(open_record()))
    notes = compare_fills_with(log, models)
    if is_kept:
        made = int((~is_own(log.trades)).sum())
        without = f"; without {made} trades that a model filled" if made else ""
        notes.append(f"kept for `fill` mine: {keep_fills(open_record(), log)}{without}")
    return replace(log, notes=(*log.notes, *notes))


def _by_plan(log: TradeLog, plan: Plan, request: ReviewRequest) -> tuple[TradeLog, Earlier | None]:
    """Trades of the plan with its rules on the data, and its backtest before them; notes name missing data."""
    log = of_plan(log, rules_of(plan))
    if not lacks_rules(log, plan):
        return log, None
    try:
        data = open_plan_data(replace(request.data, source="record", symbol=plan.symbol))
    except InputError as error:
        what = "size, risk, exits, fills and checklist" if plan.instrument == "shares" else "the checklist"
        remedy = "give `bars` FILE or run iwm-opts fetch"
        note = f"needs data: {what} of trades without it are not judged: {error.rule}; {remedy}"
        return replace(log, notes=(*log.notes, note)), None
    log = replace(log, notes=(*log.notes, *data.notes))
    has_made_prices = log.provenance is Provenance.SIMULATED
    if bool(data.label) != has_made_prices:
        kinds = ("are SIMULATED", "are not") if data.label else ("are real", "are SIMULATED")
        if request.data.bars or data.label:
            rule = f"{kinds[0]}, and the trades {kinds[1]}"
            raise InputError("bars", request.data.bars, rule, "name the bars of the market that was traded")
        note = "needs data: the trades are SIMULATED, and not judged by the plan on the record's real bars"
        return replace(log, notes=(*log.notes, note)), None
    log = replayed(log, plan, data.inputs, request.account)
    if plan.instrument != "shares" or plan.momentum or log.trades.empty:
        return log, None
    first = log.trades["entry"].min().date()
    try:
        earlier = earlier_trades(plan, data.inputs, first)
    except InputError as error:
        note = f"needs data: no backtest of the plan to hold the results against: {error.rule}; {error.remedy}"
        return replace(log, notes=(*log.notes, note)), None
    label = f"{counted(len(earlier), 'trades')} of the plan's backtest on the bars before {first}"
    return log, (earlier, label) if len(earlier) >= MIN_EARLIER else None


def review(
    log: TradeLog | str | Path,
    *,
    plan: TradingPlan | None = None,
    data: PlanDataRequest | None = None,
    backtest: str | Path | None = None,
    account: float | None = None,
) -> ReviewResult | OpenTrades:
    """Review a trade log.

    Parameters
    ----------
    log : TradeLog, str or Path
        Of `read_trades`, or a file.
    plan : TradingPlan, optional
        That the trades should have followed.
    data : PlanDataRequest, optional
        Files that the plan is judged on; the local archive unless given.
    backtest : str or Path, optional
        Trades of a backtest to compare the results with.
    account : float, optional
        Dollars at the start.

    Returns
    -------
    ReviewResult or OpenTrades
        The latter for a log without a closed trade.
    """
    return answer_review(
        ReviewRequest(
            log=log, plan=plan.plan if plan else None, data=data or PlanDataRequest(), backtest=backtest,
            account=account,
        )
    )  # fmt: skip
