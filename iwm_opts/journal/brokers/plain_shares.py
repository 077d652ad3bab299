"""Brokers whose exports write delivered shares as plain purchases and sales at the strike."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.journal.brokers.layout import RowReport
from iwm_opts.journal.executions import DELIVERS, SETTLES_WITHIN, Execution
from iwm_opts.market.contract import settlement_of

SAME_PRICE = 0.005  # dollars


def with_deliveries(executions: Iterable[Execution], report: RowReport) -> list[Execution]:
    """Read the executions with the share rows of assignments and exercises marked as their deliveries.

    A delivery is in a hundred shares a contract, at the strike, within days of the ending.
    """
    rows = list(executions)
    owed: Counter[int] = Counter()
    endings = [
        (place, row)
        for place, row in enumerate(rows)
        if row.kind in DELIVERS and row.contract and settlement_of(row.contract.root).delivery == "physical"
    ]
    for place, row in endings:
        owed[place] = MULTIPLIER * abs(row.quantity)
    marked = []
    for row in rows:
        if row.kind == "trade" and row.contract is None:
            ending = next(
                (
                    place
                    for place, other in endings
                    if other.contract is not None
                    and (other.account, other.symbol) == (row.account, row.symbol)
                    and abs(other.contract.strike - row.price) < SAME_PRICE
                    and owed[place] >= abs(row.quantity)
                    and abs(other.when - row.when) <= SETTLES_WITHIN
                ),
                None,
            )
            if ending is not None:
                owed[ending] -= abs(row.quantity)
                report.skipped["shares delivered (they follow from the options)"] += 1
                row = replace(row, kind="delivery", effect="")
        marked.append(row)
    return marked
