"""The paper journal: trades at real quotes and model fills, marked by the day, in one file that is never half written.

The file lies in the local record (`paper/journal.json`). Every change is made under the record's lock on the version on
disk at that moment, and put in place whole; a mark of a day replaces that day's, so that marking twice changes nothing.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Final, TypeVar

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.archive import ChainArchive, open_record
from iwm_opts.io.atomic import write_durably
from iwm_opts.io.opening import as_kind, read_object
from iwm_opts.journal.paper_trade import Closing, Mark, PaperTrade, check_open
from iwm_opts.journal.trade_log import TradeLog, log_of_rows, provenance_of_text

VERSION: Final = 6
READ: Final = (1, 2, 3, 4, 5, 6)
# Without shares until 2, minutes to leave options at until 3, rolls until 4, roots until 5, provenance until 6.
FILE: Final = ("paper", "journal.json")
DAY: Final = 10  # characters of 2024-06-03
MOST_COUNTED: Final = 100_000  # days, sessions or minutes of an exit rule
RESTORE: Final = "restore it from a backup; nothing was changed"


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class PaperJournal:
    """The journal of a record."""

    record: ChainArchive

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.record.folder.joinpath(*FILE)

    def trades(self) -> tuple[PaperTrade, ...]:
        """All trades in order of opening.

        Raises DataError when the file is damaged or of a later version; it is left as it is.
        """
        trades = kept_rows(self.path, "trades", PaperTrade, READ)
        check_days(self.path, trades)
        return trades

    def add(self, trade: PaperTrade) -> tuple[PaperTrade, bool]:
        """Open a trade, numbered by the journal; the same plan and legs opened on the same day are the same trade.

        Returns `trade`: as the journal has it.
        """
        outcome: list[tuple[PaperTrade, bool]] = []

        def package(item: PaperTrade) -> tuple[object, ...]:
            return item.opened[:DAY], item.plan, item.symbol, item.root, item.expiration, item.legs

        def change(held: tuple[PaperTrade, ...]) -> tuple[PaperTrade, ...]:
            twin = next((candidate for candidate in held if package(candidate) == package(trade)), None)
            if twin is not None:
                outcome.append((twin, False))
                return held
            numbered = replace(trade, number=max((candidate.number for candidate in held), default=0) + 1)
            outcome.append((numbered, True))
            return (*held, numbered)

        self._change(change)
        return outcome[0]

    def mark(self, number: int, mark: Mark) -> None:
        """Mark a trade; the mark of a day replaces that day's. A trade that is closed meanwhile is left alone."""

        def change(held: tuple[PaperTrade, ...]) -> tuple[PaperTrade, ...]:
            return tuple(
                marked_once(trade, mark) if trade.number == number and trade.is_open else trade for trade in held
            )

        self._change(change)

    def close(self, number: int, closing: Closing, marks: Sequence[Mark] = ()) -> PaperTrade:
        """Leave a trade, with its last marks in the same write.

        Raises InputError when the number is unknown or its trade is closed.
        """

        def change(held: tuple[PaperTrade, ...]) -> tuple[PaperTrade, ...]:
            closed = replace(reduce(marked_once, marks, _open(held, number)), closing=closing)
            return tuple(closed if item.number == number else item for item in held)

        return find(self._change(change), number)

    def roll(self, number: int, mark: Mark, closing: Closing, successor: PaperTrade) -> tuple[PaperTrade, PaperTrade]:
        """Leave a trade and open its successor in one write.

        Raises InputError when the number is unknown or its trade is closed.
        """

        def change(held: tuple[PaperTrade, ...]) -> tuple[PaperTrade, ...]:
            trade = _open(held, number)
            closed = replace(marked_once(trade, mark), closing=closing)
            opened = replace(successor, number=max(item.number for item in held) + 1, rolled_from=number)
            return (*(closed if item.number == number else item for item in held), opened)

        after = self._change(change)
        return find(after, number), after[-1]

    def _change(self, change: Callable[[tuple[PaperTrade, ...]], tuple[PaperTrade, ...]]) -> tuple[PaperTrade, ...]:
        """Read, change and write under one lock, so that two writers lose nothing of each other."""
        with self.record.lock():
            before = self.trades()
            after = change(before)
            if after != before:
                text = json.dumps({"version": VERSION, "trades": [asdict(trade) for trade in after]}, indent=1) + "\n"
                write_durably(self.path, text.encode(), is_private=True)
        return after


def open_journal(record: ChainArchive | None = None) -> PaperJournal:
    """Journal of a record, the user's unless given."""
    return PaperJournal(record or open_record())


def find(trades: Sequence[PaperTrade], number: int) -> PaperTrade:
    """Trade of a number. Raises InputError when there is none."""
    match = next((trade for trade in trades if trade.number == number), None)
    if match is None:
        numbers = ", ".join(str(trade.number) for trade in trades if trade.is_open)
        remedy = f"open are {numbers}" if numbers else "open one: iwm-opts paper open --plan FILE"
        raise InputError("trade", number, "is not in the journal", remedy)
    return match


def _open(trades: Sequence[PaperTrade], number: int) -> PaperTrade:
    """Open trade of a number. Raises InputError when there is none, or it is closed."""
    trade = find(trades, number)
    check_open(trade)
    return trade


def marked_once(trade: PaperTrade, mark: Mark) -> PaperTrade:
    """Trade with a mark in place of that day's."""
    others = [previous for previous in trade.marks if previous.day != mark.day]
    return replace(trade, marks=tuple(sorted([*others, mark], key=lambda previous: previous.day)))


def kept_rows(path: Path, name: str, kind: type[Row], versions: Sequence[int]) -> tuple[Row, ...]:
    """Rows of a file `{"version": …, name: […]}`, every field of its type; none without the file.

    Raises DataError when the file is damaged or of a later version.
    """
    document = read_object(path, RESTORE)
    if document is None:
        return ()
    version = document.get("version")
    if version not in versions:
        rule = f"version {version!r} is not {versions[-1]}, which this tool reads"
        raise DataError(path, rule, "update iwm-opts", "version")
    rows = document.get(name)
    for row in rows if isinstance(rows, list) else ():
        trade = row.get("trade", row) if isinstance(row, dict) else None  # of a forecast, or the row itself
        if isinstance(trade, dict) and "provenance" not in trade:  # from before the field
            trade["provenance"] = provenance_of_text(str(trade.get("market")))
    return as_kind(rows, tuple[kind, ...], path, name, RESTORE)  # type: ignore[valid-type]


def check_days(path: Path, trades: Iterable[PaperTrade]) -> None:
    """Refuse trades of a file whose days are none, or whose exits count more days or minutes than a position lives."""
    for trade in trades:
        limits = [trade.exits.dte, trade.exits.sessions, trade.exits.minute]
        limits += [] if trade.shares is None else [trade.shares.exit_minute]
        for limit in limits:
            if limit is not None and not 0 <= limit <= MOST_COUNTED:
                rule = f"is damaged (trade {trade.number}: an exit after {str(limit)[:12]} days or minutes)"
                raise DataError(path, rule, RESTORE, f"trade {trade.number}")
        expiration = [trade.expiration] if trade.shares is None else []
        closing = [] if trade.closing is None else [trade.closing.at]
        for text in (trade.opened, *expiration, *(mark.day for mark in trade.marks), *closing):
            try:
                date.fromisoformat(text[:DAY])
            except ValueError:
                raise DataError(
                    path, f"is damaged (trade {trade.number}: {text!r} is not a day)", RESTORE, f"trade {trade.number}"
                ) from None


def for_review(trades: Sequence[PaperTrade]) -> TradeLog:
    """Journal as a log to review: with real quotes, simulated trades are left out and counted."""
    real = [trade for trade in trades if trade.provenance.is_real]
    if not real or len(real) == len(trades):
        return log_of_paper(trades)
    log = log_of_paper(real)
    return replace(
        log, notes=(*log.notes, f"{counted(len(trades) - len(real), 'trades')} on a simulated market left out")
    )


def log_of_paper(trades: Sequence[PaperTrade]) -> TradeLog:
    if not trades:
        raise DataError("paper journal", "holds no trade", "open one: iwm-opts paper open --plan FILE", "trades")
    return log_of_rows([trade.log_row() for trade in trades], "paper journal")
