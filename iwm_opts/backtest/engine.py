"""The engine: opens, holds and closes the packages of a book by the rules, day by day, every cent accounted for."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book
from iwm_opts.backtest.book_builder import build_book
from iwm_opts.backtest.gate import is_open, known_ranks, known_values
from iwm_opts.backtest.own_levels import OwnLevels
from iwm_opts.backtest.prepared import Prepared, Run, macro_met, market_costs, on_weekdays
from iwm_opts.backtest.prices import blank_prices, price_book
from iwm_opts.backtest.result import Backtest, Totals, assemble, sample, total
from iwm_opts.backtest.rules import BEST, Rules
from iwm_opts.errors import InputError
from iwm_opts.kernels.backtest.codes import EXIT_SETTINGS, SkipReason, Summary
from iwm_opts.kernels.backtest.day_loop import run_backtests
from iwm_opts.kernels.backtest.state import PLACES, RULE_FIELDS, blank_trades
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.sources.daily_market import DailyMarket
from iwm_opts.spreads.entry_rule import wings_of

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int32]

NO_LEVELS: Final = (-1.0,) * len(EXIT_SETTINGS)
NO_PASSAGES: Final = np.empty((0, 0), dtype=np.int32)  # exits are searched


def prepare(
    market: DailyMarket,
    history: IvHistory,
    rules: Rules,
    book: Book | None = None,
    macro: pd.Series | None = None,
) -> Prepared:
    """Make ready to run rules over a market.

    Parameters
    ----------
    market : DailyMarket
    history : IvHistory
        History that the gate ranks; observations after a decision's close are not read for it.
    rules : Rules
    book : Book, optional
        Of the same market and entry rule, where it was built before.
    macro : Series, optional
        Daily returns of the macro filter's fund, ascending dates as index.

    Raises
    ------
    InputError
        When the rules have a macro filter and none is given.
    """
    ranks = known_ranks(market.days, history, rules.gate)
    book = build_book(market, rules.entry) if book is None else book
    if rules.macro is not None and macro is None:
        raise InputError(
            "macro", rules.macro.symbol, "is asked for by the rules and not given", "give its daily series"
        )
    values = None if rules.macro is None or macro is None else known_values(market.days, macro)
    return Prepared(market, rules, ranks, values, book, market_costs(market, book, rules.costs), blank_prices(book))


def backtest(market: DailyMarket, history: IvHistory, rules: Rules, macro: pd.Series | None = None) -> Backtest:
    """Run the rules over a market; see `run` for what happens on a day."""
    return run(prepare(market, history, rules, macro=macro))


def run(prepared: Prepared, allowed: Flags | None = None, label: str | None = None) -> Backtest:
    """Trade the packages of a prepared book on the days that are allowed.

    Each day packages are closed first, then one may be opened: on an allowed day and weekday, the macro filter clear,
    when the last entry is `every` sessions back, a place is free, the credit at the entry fill is above zero and enough
    for its width, and the size is at least one package. A size is a share of the equity at the close before.

    Parameters
    ----------
    prepared : Prepared
    allowed : ndarray of bool, shape (days,), optional
        Days with an open gate; that of the rules unless given.
    label : str, optional
        What to call it; the gate's condition unless given.
    """
    gate = prepared.rules.gate
    flags = is_open(prepared.ranks, gate) if allowed is None else np.asarray(allowed, dtype=np.bool_)
    entries = flags & on_weekdays(prepared.market, prepared.rules.entry)
    rule, values, skipped = prepared.rules.macro, prepared.macro, {}
    if rule is not None and values is not None:  # entry days that the macro filter keeps out, by why
        kept_out = entries & ~rule.is_clear(values)
        kept_out[-1:] = False
        unknown = int((kept_out & ~np.isfinite(values)).sum())
        counts = {f"{rule.symbol} return is unknown": unknown, f"{rule} is not met": int(kept_out.sum()) - unknown}
        skipped = {why: count for why, count in counts.items() if count}
    entries &= macro_met(prepared)
    return assemble(prepared, _run(prepared, entries), label or str(gate), flags, skipped)


def run_totals(prepared: Prepared, allowed: Flags | None = None) -> Totals:
    """Return sums over the trades of `run`, for a tenth of its time."""
    return total(prepared, _run(prepared, prepared.entry_days(allowed)))


def run_sample(prepared: Prepared, allowed: Flags) -> Array:
    """Dollars a package gained, and trades, by day of entry on the allowed days; shape (days, 2)."""
    return sample(prepared, _run(prepared, prepared.entry_days(allowed)))


def _run(prepared: Prepared, entries: Flags) -> Run:
    """Run the day loop with entries on the days given."""
    count = len(entries)
    levels, skips = np.empty((1, count)), np.zeros((1, len(SkipReason)), dtype=np.int64)
    result = Run(blank_trades(count), levels[0], skips, np.empty((1, len(Summary))))
    rows, passages = rule_rows([prepared.rules], [0]), NO_PASSAGES
    if prepared.own_levels is not None:
        passages = _own_passages(prepared, prepared.own_levels, rows)
    run_backtests(
        prepared.state(), rows, entries[None, :].copy(), passages, False, 0, 1, result.trades, levels, skips,
        result.summary,
    )  # fmt: skip
    return result


def _own_passages(prepared: Prepared, own: OwnLevels, rows: Array) -> Ints:
    """Table of first passages whose profit targets and stops are the caller's; `rows` is made to read them there."""
    book, prices = prepared.book.complete(), prepared.prices
    price_book(book, prepared.costs, prices)
    by_name = own.passages(book, prices)
    rows[:, [PLACES[f"{name.upper()}_BOUND"] for name in by_name]] = 0.0  # any level: its row of the table is known
    passages = blank_passages(rows, len(book))
    for name, passage in by_name.items():
        passages[int(rows[0, PLACES[f"{name.upper()}_LEVEL"]])] = passage
    return passages


def rule_rows(rules: Sequence[Rules], gates: Sequence[int]) -> Array:
    """Rules as kernels read them, shape (len(rules), len(RULE_FIELDS)); `gates` are rows of the allowed days."""
    rows = np.empty((len(rules), len(RULE_FIELDS)))
    for row, rule, gate in zip(rows, rules, gates, strict=True):
        entry, exit_, size = rule.entry, rule.exit, rule.size
        row[:] = np.array([
            *wings_of(entry), gate, entry.min_credit_width, entry.every, entry.max_open,
            *(getattr(exit_, setting.field) for setting in EXIT_SETTINGS), exit_.first == BEST, size.contracts or 0,
            size.risk_share, size.max_open_risk, size.account, *NO_LEVELS,
        ], dtype=np.float64)  # fmt: skip
    return rows


def blank_passages(rows: Array, packages: int) -> Ints:
    """Table of first passages for some rules as kernels read them, whose levels are numbered here.

    Backtests that share an exit's bound share its row: it costs them one search a package, whatever their number.
    """
    levels = 0
    for setting in EXIT_SETTINGS:
        bound, place = (PLACES[f"{setting.reason.name}_{part}"] for part in ("BOUND", "LEVEL"))
        is_on = rows[:, bound] > 0.0 if setting.is_flag else np.isfinite(rows[:, bound])
        bounds, level = np.unique(rows[is_on, bound], return_inverse=True)
        rows[:, place] = -1.0
        rows[is_on, place] = levels + level
        levels += len(bounds)
    return np.full((max(levels, 1), packages), -1, dtype=np.int32)
