"""Reading trade logs: this tool's own, its backtests', and brokers' exports."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import shorten
from typing import Final, Literal, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from iwm_opts.backtest.metrics import MADE, PATH
from iwm_opts.conventions import MULTIPLIER, TIMEZONE, Provenance, counted
from iwm_opts.errors import DataError
from iwm_opts.io.layouts.accounts import without_quotes
from iwm_opts.io.opening import as_path
from iwm_opts.io.text import check_separator
from iwm_opts.io.workbook import Rows, Sheet, joined
from iwm_opts.journal import brokers
from iwm_opts.journal.brokers.layout import DELIVERED, NAMED, Export, Layout, RowReport
from iwm_opts.journal.brokers.not_supported import table_of
from iwm_opts.journal.executions import Execution, OwedShares, may_deliver
from iwm_opts.journal.fields import TwoReadingsError, columns_of, is_blank
from iwm_opts.journal.log_file import LogFile, open_log
from iwm_opts.journal.matching import match_executions
from iwm_opts.journal.packages import PackageTrade
from iwm_opts.journal.share_lots import ShareTrade
from iwm_opts.journal.trade_log import (
    ACCOUNT_OF,
    COLUMNS,
    CURRENCY_COLUMN,
    MODELLED,
    REQUIRED,
    SIMULATED,
    SPOTS,
    TradeLog,
    log_of_rows,
    provenance_of_text,
    typed_columns,
    with_expired_noted,
)
from iwm_opts.market.contract import is_adjusted

BACKTEST_COLUMNS: Final = ("entry", "exit", "mid_pnl", "entry_slippage", "exit_slippage", "pnl")
NEEDED_OF_BACKTEST: Final = (
    *BACKTEST_COLUMNS, "expiration", "reason", "legs", "contracts", "rank", "credit", "debit", "fees", "assignment",
    "risk", "dte",
)  # fmt: skip
KNOWN: Final = (
    f"a trade log (columns {' and '.join(REQUIRED)} at least), the trades of a backtest, or an export of "
    "Interactive Brokers, tastytrade, thinkorswim, Schwab, TD Ameritrade, Robinhood, Fidelity, Option Omega or optopsy"
)
UNSAID: Final = f"no column {' or '.join(MADE)}: whether its prices are real is not known"
MODELLED_NAMES: Final = "modelled market"  # as `sources.modelled` calls them
NAMED_REASONS, MESSAGE_PART = 3, 150  # of why a file holds no trade: how many, and their characters
OTHER_XML: Final = (
    ("urn:schemas-microsoft-com:office:spreadsheet", "an Excel 2003 workbook", "Save it as .xlsx or CSV"),
    ("<OFX>", "an OFX download of Quicken", "Export the transactions as CSV"),
)
HEADER_ROWS: Final = 2_000  # of a file, among which a header is looked for


def read_log(path: Path, zone: str = TIMEZONE) -> TradeLog:
    """Read a trade log of any known layout.

    Raises DataError when the file is none of the layouts, holds no trade, or has two readings.

    `path`: CSV, Excel, XML or Parquet, also inside gzip or zip; or the folder of a saved backtest.
    `zone`: time zone of a broker's times that carry none.
    """
    path = as_path(path)
    if path.is_dir():  # a saved backtest (`backtest.saved`)
        from iwm_opts.backtest.saved import load_result

        saved = load_result(path)
        names = [market["name"] for market in saved.config["markets"]]
        market = names[0] + (f" and {counted(len(names) - 1, 'more paths')}" if len(names) > 1 else "")
        is_modelled = MODELLED_NAMES in market  # of folders from before the field
        old = Provenance.of(simulated=saved.config["simulated"], modelled=saved.config["simulated"] and is_modelled)
        provenance = Provenance(saved.config.get("provenance", old))
        label = backtest_label(market, provenance)
        return log_of_backtest(saved.trades, label, provenance, source=f"{path.name} ({market})")
    file = open_log(path)
    if len(file.sheets) > 1:  # one sheet of a workbook holds the log, or several hold a part of it each
        rows, notes = joined(file.sheets, header_place, file.path, has_accounts=True)
        file = replace(file, sheets=[Sheet("", rows)], notes=(*file.notes, *notes))
    try:
        log = _of_file(file, ZoneInfo(zone))
    except TwoReadingsError as error:
        raise DataError(path, *str(error).split("; ", 1)) from None
    return replace(log, notes=(*file.notes, *log.notes)) if file.notes else log


def header_place(rows: Rows) -> int | None:
    """Place of the header of a log of any layout; None without one."""
    places = [layout.header(rows, HEADER_ROWS) for layout in brokers.layouts()]
    own = (place for place, (_, cells) in enumerate(rows[:HEADER_ROWS]) if _is_own_header(cells))
    return next((place for place in (*places, next(own, None)) if place is not None), None)


def _is_own_header(cells: Sequence[str]) -> bool:
    """Whether cells name the columns of a log of this tool, of a spreadsheet or of a backtest."""
    return set(REQUIRED) <= set(columns_of(cells)) or set(BACKTEST_COLUMNS) <= set(columns_of(cells))


def _of_file(file: LogFile, zone: ZoneInfo) -> TradeLog:
    if file.parquet:
        return _of_frame(file.frame(), file.path)
    for word, what, remedy in OTHER_XML if file.is_xml else ():
        if word in file.text[:10_000]:
            raise DataError(file.path, f"is {what}", remedy, "kind")
    for layout in brokers.layouts() if file.is_xml else ():
        if layout.root and f"<{layout.root}" in file.text[:10_000]:
            return _of_broker(layout, Export((), zone, RowReport(), text=file.text), file.path)
    if file.is_xml:
        raise DataError(file.path, "XML of an unknown kind", f"Give {KNOWN}", "kind")
    for delimiter in file.delimiters():
        rows = file.rows(delimiter)
        for layout in brokers.layouts():
            header = layout.header(rows, HEADER_ROWS)
            if header is not None:
                return _of_broker(layout, Export(rows, zone, RowReport(), header, delimiter), file.path)
    # A log of this tool or of a spreadsheet: its header is the first row with the required columns.
    path = file.path
    for delimiter in file.delimiters():
        rows = file.rows(delimiter)
        for place, (_, cells) in enumerate(rows[:HEADER_ROWS]):
            if _is_own_header(cells):
                return _of_frame(_frame(rows[place:], path), path, delimiter)
        _check_other_table([cells for _, cells in rows[:HEADER_ROWS]], path)
    names = {*COLUMNS, *(name for layout in brokers.layouts() for name in layout.proof)}
    lines = file.text.split("\n", HEADER_ROWS)[:HEADER_ROWS]
    check_separator(path, lines, lambda cell: columns_of([cell])[0] in names)
    head = next((cells for _, cells in file.rows(file.delimiters()[0])), [])
    columns = ", ".join(name for name in columns_of(head) if name)
    missing = " and ".join(name for name in REQUIRED if name not in columns.split(", "))
    raise DataError(path, f"unknown layout: no column {missing} (columns: {columns[:120]})", f"Give {KNOWN}", "columns")


def _of_broker(layout: Layout, export: Export, path: Path) -> TradeLog:
    try:
        activity = layout.read(export)
    except DataError as error:
        raise DataError(path, f"{error.source}: {error.rule}", error.remedy, error.field) from None
    source = f"{path.name}, {layout.name}"
    if isinstance(activity, pd.DataFrame):
        log = log_of_rows(activity, source, export.report.problems(), export.report.notes())
        if log.trades.empty:
            raise _no_trades(source, log.problems, log.notes)
        log = with_expired_noted(log, export.report.until)
        return replace(log, skipped=dict(export.report.skipped), warnings=tuple(export.report.warnings))
    return log_of_executions(activity, layout.name, source, export.report, layout.paper)


def _no_trades(source: str, problems: Sequence[str], notes: Sequence[str]) -> DataError:
    reasons = (*problems, *notes)
    named = "; ".join(shorten(reason, MESSAGE_PART, placeholder="...") for reason in reasons[:NAMED_REASONS])
    more = f"; and {len(reasons) - NAMED_REASONS} more" if len(reasons) > NAMED_REASONS else ""
    return DataError(
        source, "holds no trade that could be read", f"{named}{more}" if reasons else f"Give {KNOWN}", "trades"
    )


def _check_other_table(rows: Sequence[Sequence[str]], path: Path) -> None:
    """Refuse chains, bars and positions by name."""
    table = table_of(rows)
    if table is not None:
        raise DataError(path, f"{table[0]}, not a trade log", table[1], "kind")
    other = next((other for cells in rows if (other := without_quotes(cells)) is not None), None)
    if other is not None:
        raise DataError(path, f"holds {other[0]}, not a trade log", f"Give {KNOWN}", "kind")


def log_of_backtest(trades: pd.DataFrame, market: str, provenance: Provenance, *, source: str = "backtest") -> TradeLog:
    """Trades of a backtest (`backtest.result`) as a log: filled and left as its model and rules have it."""
    units = MULTIPLIER * trades["contracts"]
    has_paths = PATH in trades and len(set(trades[PATH].dropna())) > 1  # accounts of their own
    columns = {
        **{name: trades[name] for name in ("entry", "exit", "expiration", "reason", "legs", "contracts", "rank")},
        "market": [f"{market}{ACCOUNT_OF}path {path}" for path in trades[PATH]] if has_paths else market,
        "credit": trades["credit"], "debit": trades["debit"],
        "entry_mid": trades["credit"] + trades["entry_slippage"] / units,
        "exit_mid": trades["debit"] - trades["exit_slippage"] / units, "entry_model": trades["credit"],
        "exit_model": trades["debit"], "planned_contracts": trades["contracts"], "fees": trades["fees"],
        "model_fees": trades["fees"], "settlement": trades["assignment"], "pnl": trades["pnl"], "risk": trades["risk"],
        "planned_risk": trades["risk"], "dte": trades["dte"], "due": trades["exit"], "due_debit": trades["debit"],
        **{name: trades[name] for name in (PATH, *SPOTS) if name in trades},
    }  # fmt: skip
    frame = pd.DataFrame(columns)
    notes = ("filled by the model and left by the rules: a backtest has no slips to find",)
    return log_of_rows(frame, source, notes=notes, provenance=provenance)


def backtest_label(name: str, provenance: Provenance) -> str:
    """Market of a backtest as a log names it, made data first."""
    if provenance.is_real:
        return f"backtest, {name}"
    return f"backtest, {MODELLED if provenance is Provenance.MODELLED else f'{SIMULATED} market'}: {name}"


def log_of_executions(
    executions: Sequence[Execution], market: str, source: str, report: RowReport, paper: str = ""
) -> TradeLog:
    """Match a broker's executions to a log; risk of a package is its worst payoff at expiry less the credit and fees.

    Mids and model fills are unknown, planned sizes and checklist answers too, and of shares the risk: add the columns
    to the log that `--write-log` gives, and review that; or complete it by a plan's rules (`plan_replay`). The market
    of accounts that match `paper` names them as such: their fills are simulated.
    """
    executions = _with_deliveries_without_option(_without_adjusted(executions, report), report)
    accounts = sorted({execution.account for execution in executions if execution.account})
    on_paper = [account for account in accounts if paper and re.match(paper, account, re.IGNORECASE)]
    if len({execution.account for execution in executions}) == 1:
        executions = [replace(execution, account="") for execution in executions]
    matched = match_executions(executions, report.left_out)
    known = [trade for trade in matched.packages if trade.exit is None or not np.isnan(trade.debit)]
    markets = {account: _market(market, account, is_paper=account in on_paper) for account in accounts}
    markets[""] = _market(market, "", is_paper=bool(accounts) and accounts == on_paper)
    rows = [trade.log_row(name, markets[trade.account]) for name, trade in _numbered(known)]
    rows += [trade.log_row(name, markets[trade.account]) for name, trade in _numbered(matched.shares)]
    problems = (*report.problems(), *matched.problems)
    if not rows and not matched.opening:
        raise _no_trades(source, problems, report.notes())
    notes = list(report.notes())
    notes += matched.notes
    notes += [f"account {account} trades on paper: its fills are not own fills" for account in on_paper]
    if len(accounts) > 1:
        notes.append(f"{len(accounts)} accounts in the file, kept apart: {', '.join(accounts)}")
    notes += _repeated(executions)
    log = log_of_rows(rows, source, problems, notes)
    report.reach(f"{execution.when.date()}" for execution in executions)
    log = with_expired_noted(log, report.until)
    return replace(
        log, opening=matched.opening, skipped=dict(report.skipped), warnings=tuple(dict.fromkeys(report.warnings))
    )


def _without_adjusted(executions: Sequence[Execution], report: RowReport) -> list[Execution]:
    """Leave out executions in adjusted contracts, which deliver other than 100 shares, and count them by root.

    The shares that they deliver are bought and sold at the strike.
    """
    adjusted = [row for row in executions if row.contract is not None and is_adjusted(row.contract.root)]
    kept = []
    for execution in executions:
        if execution.contract is not None and is_adjusted(execution.contract.root):
            report.skipped[f"adjusted contracts {execution.contract.root} (they deliver other than 100 shares)"] += 1
            if execution.kind == "reorganisation":
                kept.append(execution)  # it names what became of a contract that the file may hold
        elif execution.kind == "delivery" and any(may_deliver(ending, execution) for ending in adjusted):
            kept.append(_traded_for_an_option(execution))
        else:
            kept.append(execution)
    return kept


def _with_deliveries_without_option(executions: Sequence[Execution], report: RowReport) -> list[Execution]:
    """Return shares delivered for options that the file does not hold as bought and sold at the strike.

    Rows of the other deliveries are counted: their shares follow from the options.
    """
    owed = OwedShares(executions)
    deliveries = [row for row in executions if row.kind == "delivery" and row.quantity]
    remaining = {row.line: abs(row.quantity) - owed.take(row) for row in deliveries}
    rows = [row for row in executions if row.line not in remaining]
    for row in deliveries:
        size, sign = abs(row.quantity), 1 if row.quantity > 0 else -1
        count = remaining[row.line]
        if count:
            count -= owed.take(replace(row, quantity=sign * count), at_strike=False)
        if count < size:
            report.skipped[DELIVERED] += 1
            rows.append(replace(row, quantity=sign * (size - count), fees=row.fees * (size - count) / size))
        if count:
            verb, what = ("bought", "purchase") if sign > 0 else ("sold", "sale")
            report.remarks.append(
                f"line {row.line}: {count} {row.symbol} {verb} at {row.price:g} for an option that the file does not "
                f"hold: counted as a {what} of shares"
            )
            rows.append(_traded_for_an_option(replace(row, quantity=sign * count, fees=row.fees * count / size)))
    return rows


def _traded_for_an_option(shares: Execution) -> Execution:
    effect = shares.effect or ("close" if shares.quantity < 0 else "")
    return replace(shares, kind="trade", effect=effect, order=shares.order or f"line {shares.line}")


def _repeated(executions: Sequence[Execution]) -> tuple[str, ...]:
    """Rows with the same content, all counted: two fills of a kind, or exports that overlap."""
    lines: dict[Execution, list[int]] = {}
    for execution in executions:
        if execution.kind != "reorganisation":  # a split has two rows, and moves nothing here
            lines.setdefault(replace(execution, line=0), []).append(execution.line)
    repeated = [numbers for numbers in lines.values() if len(numbers) > 1]
    if not repeated:
        return ()
    named = "; ".join(" and ".join(map(str, numbers)) for numbers in repeated[:NAMED])
    what = f"{sum(map(len, repeated))} rows have the same content as another, and all are counted"
    return (f"{what} (lines {named}): where exports that overlap were joined, remove one of each",)


Trade = TypeVar("Trade", PackageTrade, ShareTrade)


def _numbered(trades: Sequence[Trade]) -> list[tuple[str, Trade]]:
    """Trades with their names: the parts of one package are 3, 3b, 3c."""
    seen: dict[int, int] = {}
    named = []
    for trade in trades:
        part = seen[trade.number] = seen.get(trade.number, 0) + 1
        named.append((f"{trade.number}{'' if part == 1 else chr(96 + min(part, 26))}", trade))
    return named


def _market(market: str, account: str, *, is_paper: bool) -> str:
    return f"{'paper, ' if is_paper else ''}{market}{f'{ACCOUNT_OF}{account}' if account else ''}"


def _of_frame(frame: pd.DataFrame, path: Path, delimiter: str = ",") -> TradeLog:
    frame, notes = _without_twins(frame.set_axis(columns_of([str(name) for name in frame]), axis="columns"), path)
    names = [str(name) for name in frame]
    if all(name in names for name in BACKTEST_COLUMNS):
        log = _of_backtest(frame, path)
        return replace(log, notes=(*notes, *log.notes))
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        _check_other_table([names], path)
        raise DataError(
            path, f"not a trade log: no column {' and '.join(missing)}", f"Give {KNOWN}", " and ".join(missing)
        )
    if "market" in frame and "provenance" not in frame:  # a log from before that column
        frame = frame.assign(provenance=frame["market"].astype(str).map(provenance_of_text))
    again = frame.drop(columns="line", errors="ignore").astype(str).duplicated()
    if again.any():
        lines = frame["line"] if "line" in frame else pd.Series(range(1, len(frame) + 1), index=frame.index)
        named, have = ", ".join(map(str, lines[again][:NAMED])), counted(int(again.sum()), "rows have", "row has")
        notes += (f"{have} the same content as another (lines {named}): counted; remove what is twice",)
    decimal: Literal["."] | None = "." if delimiter == "," else None
    log = log_of_rows(frame, path.name, (), notes, decimal=decimal, is_own=True)
    if log.trades.empty:
        raise _no_trades(str(path), log.problems, ())
    return with_expired_noted(log)


def _without_twins(frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the first of columns of one name, and notes; those that a log needs must hold the same.

    Raises DataError when they differ.
    """
    is_again = frame.columns.duplicated()
    twice = list(dict.fromkeys(frame.columns[is_again]))
    differ = [
        name for name in twice
        if name in (*COLUMNS, *NEEDED_OF_BACKTEST, *MADE, PATH, *SPOTS, CURRENCY_COLUMN)
        and bool(frame.loc[:, frame.columns == name].astype(str).nunique(axis="columns").gt(1).any())
    ]  # fmt: skip
    if differ:
        raise DataError(
            path,
            f"columns that occur twice and differ: {', '.join(sorted(differ))}",
            "Remove one of each",
            ", ".join(sorted(differ)),
        )
    notes = tuple(f"column {name} occurs more than once: the first is read" for name in twice)
    return frame.loc[:, ~is_again], notes


def _of_backtest(frame: pd.DataFrame, path: Path) -> TradeLog:
    missing = [name for name in NEEDED_OF_BACKTEST if name not in frame]
    if missing:
        raise DataError(
            path,
            f"trades of a backtest without {', '.join(missing)}",
            "Write them with iwm-opts backtest",
            ", ".join(missing),
        )
    is_simulated, is_modelled = (  # whether a column of yes and no says yes anywhere
        name in frame and bool(frame[name].astype(str).str.lower().isin(("true", "1")).any()) for name in MADE
    )
    unsaid = () if {*MADE} & {*frame} else (UNSAID,)
    frame = frame.drop(columns=list(MADE), errors="ignore")
    try:
        frame, warnings = typed_columns(frame)
    except ValueError as error:
        raise DataError(path, str(error), "Write them with iwm-opts backtest") from None
    provenance = Provenance.of(simulated=is_simulated, modelled=is_modelled)
    source = f"{path.name}, trades of a backtest"
    log = log_of_backtest(frame, backtest_label(path.name, provenance), provenance, source=source)
    return replace(log, warnings=(*unsaid, *warnings))


def _frame(rows: Rows, path: Path) -> pd.DataFrame:
    """Rows below a header as text; rows of totals and notes are left to the rules of a log."""
    names = rows[0][1]
    width = max(at + 1 for at, name in enumerate(names) if name)
    body = [(line, cells) for line, cells in rows[1:] if any(not is_blank(cell) for cell in cells)]
    body = [(line, cells + [""] * (width - 1) if len(cells) == 1 else cells) for line, cells in body]  # text, no row
    ragged = [line for line, cells in body if len(cells) < width or any(cells[len(names) :])]
    if ragged:
        lines = ", ".join(map(str, ragged[:5]))
        raise DataError(path, f"line {lines}: cells do not fit the header of {width}", "Correct the rows", "rows")
    frame = pd.DataFrame([cells[:width] for _, cells in body], columns=names[:width], dtype=object)
    frame = frame.loc[:, [name not in ("", "line") for name in columns_of(names[:width])]]
    return frame.assign(line=[line for line, _ in body])
