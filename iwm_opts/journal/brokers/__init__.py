"""Brokers' exports: one module a broker, each with the layouts that it reads, and the registry of them all.

A layout of one's own is an entry point of the group `iwm_opts.brokers` that names a `Layout`.
"""

from functools import cache
from importlib.metadata import entry_points
from typing import Final

from iwm_opts.journal.brokers import (
    fidelity,
    ib_flex,
    interactive_brokers,
    not_supported,
    option_omega,
    optopsy,
    robinhood,
    schwab,
    tastytrade,
    td_ameritrade,
    thinkorswim,
)
from iwm_opts.journal.brokers.layout import Export, Layout, RowReport, Table

GROUP: Final = "iwm_opts.brokers"
# The first layout that a file matches is read: specific layouts go first.
LAYOUTS: Final = (
    interactive_brokers.STATEMENT, interactive_brokers.TRANSACTION_HISTORY, interactive_brokers.OTHER_LANGUAGE,
    interactive_brokers.HISTORY_OF_OTHER_LANGUAGE, thinkorswim.STATEMENT, thinkorswim.ACTIVITY,
    tastytrade.TRANSACTIONS, tastytrade.LEGACY, ib_flex.FLEX_CSV, ib_flex.CONFIRMATIONS_CSV, ib_flex.FLEX_XML,
    ib_flex.ANSWER, schwab.HISTORY, robinhood.ACTIVITY, fidelity.ACTIVITY, td_ameritrade.TRANSACTIONS,
    option_omega.TRADE_LOG, option_omega.SNAKE_CASE, optopsy.TRADE_LOG, optopsy.RAW,
    interactive_brokers.WITHOUT_TRADES,
)  # fmt: skip


@cache
def layouts() -> tuple[Layout, ...]:
    """Layouts in the order in which they are tried: plug-ins, the package's own, and those known but not read."""
    plugins = tuple(layout for entry in entry_points(group=GROUP) if isinstance(layout := entry.load(), Layout))
    return (*plugins, *LAYOUTS, *not_supported.LAYOUTS)


def names() -> tuple[str, ...]:
    """Names of the exports that are read."""
    return tuple(dict.fromkeys(layout.name for layout in LAYOUTS))


__all__ = ["Export", "Layout", "RowReport", "Table", "layouts", "names"]
