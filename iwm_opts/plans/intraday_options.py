"""The momentum edge in options: a package bought or sold some minutes after the open, closed at minute 45 or before.

No source records quotes by the minute, so they are modelled from the surface of the close before: see
`sources.within_session`. Filling, fees, size and exits are those of the engine, the clock in minutes in place of
sessions; a package is judged at the opening price of each bar, and no position is held overnight.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.gate import known_ranks
from iwm_opts.backtest.market import DailyMarket
from iwm_opts.backtest.result import Backtest
from iwm_opts.backtest.rules import Rules
from iwm_opts.errors import InputError
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.minutes import Minutes, bar_minutes
from iwm_opts.plans.edges import Momentum
from iwm_opts.plans.intraday import momentum_sessions
from iwm_opts.plans.session_account import COLUMNS, SessionBook
from iwm_opts.sources.surface_market import SurfaceMarket
from iwm_opts.sources.within_session import OPENING_WIDENING, SMILES, Smile, smile_note

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

PROXY: Final = (
    "PROXY: option quotes within the session are modelled from the surface of the close before, at each bar's opening "
    f"price; half-spreads of mid-session x {OPENING_WIDENING:g} in the first hour (one capture of an opening)"
)


def surface_behind(market: DailyMarket | None) -> SurfaceMarket:
    """Surface that quotes within a session are modelled from.

    Raises InputError without a market, or with recorded quotes.
    """
    if market is not None and market.surface_market is not None:
        return market.surface_market
    rule = "options within the session are modelled from a surface, and none is there"
    raise InputError("source", None if market is None else market.name, rule, "give `source` modelled, or sim")


def trade_momentum_packages(
    bars: pd.DataFrame,
    minutes: Minutes,
    edge: Momentum,
    market: SurfaceMarket,
    history: IvHistory,
    rules: Rules,
    allowed: Flags | None = None,
    smile: Smile = SMILES[0],
    every_session: bool = False,
) -> Backtest:
    """Trade the momentum edge in one kind of package.

    The package is chosen on quotes at the opening price of the first bar at or after the edge's entry minute, by the
    entry rule, and filled on them. At the opening price of each later bar it is closed where stop or profit of the exit
    rule are reached, and on the first bar at or after the exit minute in any case (at the last close where trading
    stopped before).

    `bars`: daily bars, for the edge.
    `market`: what closed the session before is read, and nothing later.
    `history`: ranked for the record of each trade.
    `rules`: its dte, session, touch, rank and macro exits do not apply: the edge has its own clock.
    `allowed` (shape (sessions of `bars`,)): sessions on which the other rules of a plan allow an entry; all unless
      given.
    `every_session`: trade every session, whatever the signal: the baseline.
    Returns: `trades` has the columns of `COLUMNS`, meanings as in `Backtest`, entry and exit in minutes of New York,
      prices of the underlying with them; equity on each session of the minutes.
    """
    index, chosen, skipped = momentum_sessions(bars, minutes, edge, allowed, every_session)
    days = [day.date() for day in index]
    ranks = known_ranks(days, history, rules.gate)
    book = SessionBook(market, rules, edge, smile, bar_minutes(minutes.bars))
    marks = []
    for place, (_, session) in enumerate(minutes.bars.groupby(pd.DatetimeIndex(minutes.bars.index).normalize())):
        if chosen[place]:
            book.trade(session, days[place], float(ranks[place]))
        marks.append(book.equity)
    notes = (PROXY, f"assumed: {smile_note(smile)}", *skipped)
    table = pd.DataFrame(book.rows, columns=list(COLUMNS))
    equity = pd.DataFrame({"equity": marks, "cash": marks, "open_risk": 0.0, "positions": 0}, index=index)
    return Backtest(
        f"momentum, {rules.entry.strategy}", market.name, True, rules, table, equity, int(chosen.sum()),
        int(np.isfinite(ranks).sum()), book.skipped, notes,
    )  # fmt: skip
