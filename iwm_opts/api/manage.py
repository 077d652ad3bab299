"""Management of open positions: marks, exits due, rolls, and the portfolio."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from iwm_opts.api.chain import ChainRequest, OptionChain, open_chain
from iwm_opts.api.result import Day, OnProgress, Result, as_day
from iwm_opts.conventions import FEE_SCHEDULE, FILL_MODEL, REALISED_IMPLIED_VARIANCE, SESSIONS_PER_YEAR, counted
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.execution.legs import check_contracts
from iwm_opts.io.age import staleness
from iwm_opts.io.bars import load_bars
from iwm_opts.io.series_notes import series_notes
from iwm_opts.journal.paper import open_journal
from iwm_opts.journal.paper_trade import Campaign, PaperTrade, campaigns_of
from iwm_opts.journal.positions import (
    ExpirationRisk,
    HeldPosition,
    expiration_risks,
    held_position,
    log_campaigns,
    log_positions,
    typed_position,
)
from iwm_opts.journal.readers import read_log
from iwm_opts.journal.trade_log import TradeLog
from iwm_opts.market.calendar import NEW_YORK, latest_session
from iwm_opts.market.chain import Chain
from iwm_opts.market.signals import total_return_close
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.report.manage_table import Portfolio, manage_record, manage_rows, manage_table
from iwm_opts.report.records import Record
from iwm_opts.sources.simulated import redated_note
from iwm_opts.spreads.typed import TypedLeg, check_side

PAPER = "paper"  # the journal of the archive
NAMED = 3  # remarks in a refusal; the rest is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class ManageRequest:
    """Which positions, at which chain, under which exits.

    Fields as the parameters of `manage`; further:

    Parameters
    ----------
    log : str, Path or TradeLog
        `paper`, the paper journal, or a trade log, whose open packages are read.
    legs : tuple of TypedLeg
        A position of your own, in place of a log.
    variance_ratio : float
        Realised over implied variance of the managed expectancy.
    """

    chain: ChainRequest | OptionChain
    log: str | Path | TradeLog = PAPER
    legs: tuple[TypedLeg, ...] = ()
    expiration: date | None = None
    credit: float | None = None
    opened: date | None = None
    contracts: int = 1
    exits: ExitLevels = field(default_factory=ExitLevels)
    fill: str = FILL_MODEL
    fees: str = FEE_SCHEDULE
    variance_ratio: float = REALISED_IMPLIED_VARIANCE
    bars: str | None = None
    spy: str | None = None
    now: datetime = field(default_factory=lambda: datetime.now(NEW_YORK))

    def __post_init__(self) -> None:
        FillModel.parse(self.fill)
        FeeSchedule.parse(self.fees)
        check_contracts(self.contracts)
        if self.legs and (self.expiration is None or self.credit is None):
            raise InputError("legs", len(self.legs), "need an expiration and a credit", "give both")
        if self.legs and self.credit is not None:
            check_side(self.legs, "credit", self.credit)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Management(Result):
    """Open positions at a chain.

    Attributes
    ----------
    positions : tuple of HeldPosition
    portfolio : Portfolio
    chain : Chain
    stale : str
        Why nothing is decided; empty on fresh quotes.
    notes : tuple of str
        Trades left out; what the readers of the log and the chain left out or decided.
    """

    plotted: ClassVar[tuple[str, ...]] = ("pnl", "trade", "legs")

    is_private: ClassVar[bool] = True

    positions: tuple[HeldPosition, ...]
    portfolio: Portfolio
    chain: Chain
    stale: str = ""
    notes: tuple[str, ...] = ()

    def rows(self) -> list[Record]:
        """One row a position: trade, expiration, dte, legs, contracts, credit, debit ($/share), pnl ($) and more."""
        return manage_rows(self.positions)

    def record(self) -> Record:
        return manage_record(self.positions, self.portfolio, self.chain, self.stale, self.notes)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return manage_table(self.positions, self.portfolio, self.chain, self.stale, self.notes, columns)

    def headline(self) -> tuple[str, list[str], str]:
        lines = [f"source {self.chain.source}", *([self.stale] if self.stale else [])]
        return f"{counted(len(self.positions), 'open positions')}, {self.chain.as_of}", lines, self.chain.label


def answer_manage(request: ManageRequest, on_progress: OnProgress | None = None) -> Management:
    """Mark open positions and say what is due; see `ManageRequest`.

    Raises
    ------
    InputError
        Without an open position.
    """
    opened = open_chain(request.chain, on_progress)
    snapshot = opened.snapshot
    trades, notes, campaigns = _positions(request, snapshot)
    if not trades:
        remedy = "open one on paper (iwm-opts paper open), or give a log or legs"
        more = f"; and {len(notes) - NAMED} more" if len(notes) > NAMED else ""
        shown = "; ".join(notes[:NAMED]) + more or request.log
        raise InputError("positions", shown, "no open position of options", remedy)
    stale = "" if snapshot.is_day_named else staleness(snapshot.chain, request.now)
    held = tuple(
        replace(
            held_position(trade, snapshot, request.variance_ratio, decides=not stale),
            log_name=name,
            campaign=campaigns.get(name),
        )
        for name, trade in trades.items()
    )
    portfolio, of_bars = _portfolio(held, request, snapshot)
    redated = redated_note(snapshot.chain, (trade.opened[:10] for trade in trades.values()))
    warnings = (*(warning for warning in opened.warnings if warning != opened.stale), *redated)
    no_rolls = [f"trade {position.name}: {reason}" for position in held for reason in position.no_rolls]
    return Management(held, portfolio, snapshot.chain, stale, (*no_rolls, *notes, *warnings, *of_bars))


def _positions(
    request: ManageRequest, snapshot: Snapshot
) -> tuple[dict[str, PaperTrade], list[str], Mapping[str, Campaign]]:
    chain = snapshot.chain
    if request.legs:
        assert request.expiration is not None  # checked by the request
        assert request.credit is not None
        opened = request.opened or latest_session(chain.as_of - timedelta(days=1))
        trade = typed_position(
            request.legs, request.expiration, request.credit, snapshot=snapshot, opened=opened,
            contracts=request.contracts, exits=request.exits, fill=request.fill, fees=request.fees,
        )  # fmt: skip
        return {str(trade.number): trade}, [], {}
    if request.log == PAPER:
        journal = open_journal().trades()
        trades = [trade for trade in journal if trade.is_open and trade.symbol == chain.symbol]
        options = {str(trade.number): trade for trade in trades if trade.shares is None}
        shares = [f"trade {trade.number}: shares, see paper mark" for trade in trades if trade.shares is not None]
        return options, shares, campaigns_of(trades, journal)
    log = request.log if isinstance(request.log, TradeLog) else read_log(Path(request.log))
    positions, left_out = log_positions(log, snapshot, request.exits, request.fill, request.fees)
    return positions, [*left_out, *log.remarks], log_campaigns(log)


def _portfolio(
    held: Sequence[HeldPosition], request: ManageRequest, snapshot: Snapshot
) -> tuple[Portfolio, tuple[str, ...]]:
    """Return sums over positions, and notes on the bars behind their beta."""
    marked = [position for position in held if position.mark is not None]
    priced = [position for position in marked if position.has_greeks]
    total = {name: sum(getattr(p, name) for p in priced) for name in ("delta", "gamma", "theta", "vega")}
    unpriced = tuple(position.name for position in marked if not position.has_greeks)
    beta, shares = math.nan, math.nan
    notes: tuple[str, ...] = ()
    if request.bars and request.spy:
        bars = load_bars(request.bars, snapshot.chain.symbol)
        spy = load_bars(request.spy, "SPY", is_choice=False)
        beta, price = _beta(bars, spy, request.spy, snapshot.chain.as_of)
        notes = series_notes({"bars": bars, "SPY": spy})
        shares = total["delta"] * beta * snapshot.chain.spot / price
    risks: list[ExpirationRisk] = expiration_risks(held, snapshot)
    portfolio = Portfolio(
        **total, pnl=sum(position.pnl for position in marked), beta=beta, spy_delta=shares,
        unmarked=len(held) - len(marked), unpriced=unpriced, risks=tuple(risks),
    )  # fmt: skip
    return portfolio, notes


def _beta(ours: pd.DataFrame, theirs: pd.DataFrame, spy: str, day: date) -> tuple[float, float]:
    """Beta of daily returns over the last 252 sessions up to a day, and SPY's last close."""
    closes = pd.concat([total_return_close(ours), total_return_close(theirs)], axis=1, join="inner")
    closes = closes[closes.index <= pd.Timestamp(day)].iloc[-int(SESSIONS_PER_YEAR) - 1 :]
    returns = closes.pct_change(fill_method=None).dropna().to_numpy()
    if len(returns) < 20:
        raise InputError(
            "spy", spy, f"{counted(len(returns), 'common sessions')} up to {day}: too few", "give longer bars"
        )
    covariance = np.cov(returns.T)
    until = theirs[theirs.index <= pd.Timestamp(day)]
    return float(covariance[0, 1] / covariance[1, 1]), float(until["close"].iloc[-1])


def manage(
    chain: OptionChain,
    positions: str | Path | TradeLog | Sequence[str] = PAPER,
    *,
    expiration: Day | None = None,
    credit: float | None = None,
    opened: Day | None = None,
    contracts: int = 1,
    exits: ExitLevels | None = None,
    fill: str = FILL_MODEL,
    fees: str = FEE_SCHEDULE,
    bars: str | None = None,
    spy: str | None = None,
    now: datetime | None = None,
) -> Management:
    """Open positions at a chain: P&L, exits due, assignment, rolls, and the portfolio.

    Parameters
    ----------
    chain : OptionChain
    positions : str, Path, TradeLog or list of str
        `paper`, the paper journal; a trade log; or a list of legs such as ["+1P270", "-1P275"].
    expiration, credit, opened, contracts
        Of legs; the credit in $/share, a debit negative.
    exits : ExitLevels, optional
        Of legs and logs.
    fill, fees : str
        Of legs and logs.
    bars, spy : str, optional
        Daily bars of the underlying and of SPY, for deltas weighted by beta.
    now : datetime, optional
        Aware time that decides whether quotes are stale; the clock's unless given. Those of a chain read with `as_of`
        never are.

    Returns
    -------
    Management

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> chain = iwm.read_chain("sim", as_of="2026-11-20")
    >>> legs = ["+1P282", "-1P287", "-1C319", "+1C324"]
    >>> held = iwm.manage(chain, legs, expiration="2026-12-31", credit=1.30, opened="2026-11-13")
    >>> bool(held.positions[0].pnl > 0), held.positions[0].rule
    (True, '')
    """
    typed = () if isinstance(positions, str | Path | TradeLog) else tuple(TypedLeg.parse(text) for text in positions)
    return answer_manage(
        ManageRequest(
            chain=chain, log=positions if isinstance(positions, str | Path | TradeLog) else PAPER, legs=typed,
            expiration=as_day("expiration", expiration), credit=credit, opened=as_day("opened", opened),
            contracts=contracts, exits=exits or ExitLevels(), fill=fill, fees=fees, bars=bars, spy=spy,
            now=now or datetime.now(NEW_YORK),
        )
    )  # fmt: skip
