"""Brokers whose exports write days without times, and delivered shares as plain purchases and sales at the strike."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.journal.brokers.layout import RowReport, each_row, without_cancelled, without_futures
from iwm_opts.journal.executions import (
    Execution,
    OwedShares,
    underlying,
    with_day_orders,
    with_named_settlements,
)
from iwm_opts.journal.fields import Row, is_blank, number, shown
from iwm_opts.market.contract import Contract, settlement_of


def read_days(
    rows: Sequence[Row],
    read: Callable[[Row, RowReport, list[Execution]], Execution | None],
    amended: tuple[Container[int], Container[int]],
    report: RowReport,
) -> list[Execution]:
    """Read the executions of rows without times; `read` adds settlements in unknown words to its list.

    `amended` are the lines of cancellations and of corrections.
    """
    settlements: list[Execution] = []
    executions = each_row(without_futures(rows, report), lambda row, report: read(row, report, settlements), report)
    executions = without_cancelled(executions, amended[0], report, amended[1])
    executions, lost = with_named_settlements(executions, settlements)
    report.remarks += lost
    return with_day_orders(with_deliveries(executions))


def settlement_row(row: Row, contract: Contract, word: str) -> Execution:
    """Cash settlement of an index option under a word that is not known, its price that of all its contracts.

    Raises
    ------
    ValueError
        When it cannot be one.
    """
    amount, when = row.number("amount"), row.moment("date")
    is_index = settlement_of(contract.root).delivery == "cash"
    if not is_index or not amount or when.date() < contract.expiration:
        raise ValueError(f"{shown(word)} is not known: {contract.symbol}, amount {amount:.2f}")
    text = row.text("quantity").upper().rstrip("SL")
    size = 0 if is_blank(text) else round(abs(number(text, "quantity")))
    return Execution(
        when, underlying(contract.root), contract, size, abs(amount) / MULTIPLIER, effect="close", kind="cash",
        line=row.line, account=row.text("account"),
    )  # fmt: skip


def with_deliveries(executions: Iterable[Execution]) -> list[Execution]:
    """Read the executions with the share rows of assignments and exercises marked as their deliveries.

    A delivery is in a hundred shares a contract, at the strike, the way that the option delivers, within days of the
    ending; one row may be that of several endings.
    """
    rows = list(executions)
    owed, marked = OwedShares(rows), []
    for row in rows:
        if row.kind == "trade" and row.contract is None and owed.of(row) == abs(row.quantity):
            owed.take(row)
            row = replace(row, kind="delivery", effect="")
        marked.append(row)
    return marked
