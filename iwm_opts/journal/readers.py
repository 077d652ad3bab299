"""Reading trade logs: this tool's own, its backtests', and brokers' exports."""

import codecs
import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from iwm_opts.backtest.metrics import PATH
from iwm_opts.conventions import MULTIPLIER, TIMEZONE
from iwm_opts.errors import DataError
from iwm_opts.journal import interactive_brokers, tastytrade, thinkorswim
from iwm_opts.journal.cells import NAMED, Rejected, rows_of_text
from iwm_opts.journal.executions import Execution
from iwm_opts.journal.matching import match_executions
from iwm_opts.journal.packages import PackageTrade, strategy_of
from iwm_opts.journal.share_lots import ShareTrade
from iwm_opts.journal.trade_log import (
    ACCOUNT_OF,
    MODELLED,
    REQUIRED,
    SHARES,
    SHORT_SHARES,
    SIMULATED,
    TradeLog,
    log_of_rows,
)
from iwm_opts.spreads.typed import TypedLeg, payoff_of

BACKTEST_COLUMNS: Final = ("entry", "exit", "mid_pnl", "entry_slippage", "exit_slippage", "pnl")
NEEDED_OF_BACKTEST: Final = (
    *BACKTEST_COLUMNS, "expiration", "reason", "legs", "contracts", "rank", "credit", "debit", "fees", "assignment",
    "risk", "dte",
)  # fmt: skip
KNOWN: Final = (
    f"a trade log of this tool (columns {' and '.join(REQUIRED)} at least), the trades of a backtest, "
    f"{thinkorswim.NAME}, {tastytrade.NAME} or {interactive_brokers.NAME}"
)
MADE: Final = ("simulated", "modelled")  # columns of a backtest's CSV
MODELLED_NAMES: Final = "modelled market"  # as `sources.modelled` calls them
HEADER_ROWS: Final = 2_000  # of a file, among which a header is looked for


def read_log(path: Path, zone: str = TIMEZONE) -> TradeLog:
    """Read a trade log of any known layout.

    Parameters
    ----------
    path : Path
        CSV or Parquet; or the folder of a saved backtest.
    zone : str
        Time zone of a broker's times that carry none.

    Raises
    ------
    DataError
        When the file is none of the layouts, or holds no trade.
    """
    if path.is_dir():
        return _of_folder(path)
    if path.suffix.lower() in (".parquet", ".pq"):
        return _of_frame(_parquet(path), path)
    try:
        rows = rows_of_text(_text(path))
    except csv.Error as error:  # bytes that are no text, a quote that is never closed
        raise DataError(path, f"is no CSV: {error}", f"give {KNOWN}") from None
    if not rows:
        raise DataError(path, "is empty", f"give {KNOWN}")
    for layout in (interactive_brokers, thinkorswim):
        if any(layout.is_header(cells) for _, cells in rows[:HEADER_ROWS]):
            rejected = Rejected()
            return _of_broker(layout.read(rows, ZoneInfo(zone), rejected), layout.NAME, path, rejected)
    if tastytrade.is_header(rows[0][1]):
        rejected = Rejected()
        return _of_broker(tastytrade.read(rows, ZoneInfo(zone), rejected), tastytrade.NAME, path, rejected)
    return _of_frame(_frame(rows, path), path)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}", "check the path") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    return content.decode("utf-8-sig", errors="replace")


def log_of_backtest(trades: pd.DataFrame, market: str, *, is_simulated: bool, source: str = "backtest") -> TradeLog:
    """The trades of a backtest (`backtest.result`) as a log: filled and left as its model and rules have it."""
    units = MULTIPLIER * trades["contracts"]
    frame = pd.DataFrame(
        {
            **{name: trades[name] for name in ("entry", "exit", "expiration", "reason", "legs", "contracts", "rank")},
            "market": _by_path(market, trades),
            "credit": trades["credit"],
            "debit": trades["debit"],
            "entry_mid": trades["credit"] + trades["entry_slippage"] / units,
            "exit_mid": trades["debit"] - trades["exit_slippage"] / units,
            "entry_model": trades["credit"],
            "exit_model": trades["debit"],
            "planned_contracts": trades["contracts"],
            "fees": trades["fees"],
            "model_fees": trades["fees"],
            "settlement": trades["assignment"],
            "pnl": trades["pnl"],
            "risk": trades["risk"],
            "planned_risk": trades["risk"],
            "dte": trades["dte"],
            "due": trades["exit"],
            "due_debit": trades["debit"],
            **({PATH: trades[PATH]} if PATH in trades else {}),
        }
    )
    notes = ("filled by the model and left by the rules: a backtest has no slips to find",)
    return log_of_rows(frame, source, notes=notes, is_simulated=is_simulated)


def _by_path(market: str, trades: pd.DataFrame) -> object:
    """The market of each trade; several paths are accounts of their own."""
    if PATH not in trades or trades[PATH].nunique() < 2:
        return market
    return [f"{market}{ACCOUNT_OF}path {path}" for path in trades[PATH]]


def backtest_told(name: str, *, is_simulated: bool, is_modelled: bool | None = None) -> str:
    """What a log says of the market of a backtest: whether anybody traded on it stands before its name.

    Modelled markets are known by their names where nobody says.
    """
    if not is_simulated:
        return f"backtest, {name}"
    known = MODELLED_NAMES in name if is_modelled is None else is_modelled
    return f"backtest, {MODELLED if known else f'{SIMULATED} market'}: {name}"


def log_of_executions(executions: Sequence[Execution], market: str, source: str, rejected: Rejected) -> TradeLog:
    """Executions of a broker as a log; risk of a package is its worst payoff at expiry less the credit, fees included.

    Mids and model fills are unknown, planned sizes and checklist answers too, and of shares the risk: add the columns
    to the log that `--write-log` gives, and review that; or complete it by a plan's rules (`plan_replay`).
    """
    if rejected.decimal_comma:
        raise DataError(source, rejected.decimal_comma, "export it with American numbers, 1,234.50")
    matched = match_executions(executions)
    rows = [_row(name, trade, market) for name, trade in _numbered(matched.packages)]
    rows += [_share_row(name, trade, market) for name, trade in _numbered(matched.shares)]
    problems = (*rejected.lines(), *matched.problems)
    if not rows:
        left_out = "; ".join((*problems, *rejected.notes()))
        raise DataError(source, "holds no trade that could be read", left_out or f"give {KNOWN}")
    accounts = sorted({one.account for one in executions if one.account})
    told = (f"{len(accounts)} accounts in the file, kept apart: {', '.join(accounts)}",) if len(accounts) > 1 else ()
    return log_of_rows(rows, source, problems, (*rejected.notes(), *matched.notes, *told, *_twice(executions)))


def _twice(executions: Sequence[Execution]) -> tuple[str, ...]:
    """Rows that say the same: two fills of a kind, or two exports that overlap; nobody can tell, and both count."""
    lines: dict[Execution, list[int]] = {}
    for one in executions:
        if one.kind != "reorganisation":  # a split is told by two rows, and moves nothing here
            lines.setdefault(replace(one, line=0), []).append(one.line)
    repeated = [found for found in lines.values() if len(found) > 1]
    if not repeated:
        return ()
    named = "; ".join(" and ".join(map(str, found)) for found in repeated[:NAMED])
    what = f"{sum(map(len, repeated))} rows say what another one says, and all are counted"
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


def _share_row(name: str, trade: ShareTrade, market: str) -> dict[str, object]:
    """What is bought is a negative credit, as for options; a short one is a credit."""
    sign = 1 if trade.shares > 0 else -1
    return {
        "trade": name,
        "market": _market(market, trade.account),
        "symbol": trade.symbol,
        "strategy": SHARES if sign > 0 else SHORT_SHARES,
        "entry": trade.entry,
        "exit": trade.exit,
        "reason": trade.reason,
        "contracts": abs(trade.shares),
        "multiplier": 1,
        "credit": -sign * trade.paid,
        "debit": -sign * trade.left_at,
        "fees": trade.fees,
    }


def _market(market: str, account: str) -> str:
    return f"{market}{ACCOUNT_OF}{account}" if account else market


def _row(name: str, trade: PackageTrade, market: str) -> dict[str, object]:
    first = min(contract.expiration for _, contract in trade.legs)
    is_open = trade.exit is None
    return {
        "trade": name,
        "market": _market(market, trade.account),
        "symbol": trade.symbol,
        "strategy": strategy_of(trade.legs),
        "legs": " ".join(
            f"{count:+d}{contract.right}{contract.strike:g}"
            + ("" if contract.expiration == first else f":{contract.expiration}")
            for count, contract in trade.legs
        ),
        "expiration": pd.Timestamp(first),
        "entry": trade.entry,
        "exit": trade.exit,
        "reason": trade.reason,
        "contracts": trade.contracts,
        "credit": trade.credit,
        "debit": trade.debit,
        "fees": trade.fees,
        "settlement": trade.settlement,
        "risk": np.nan if is_open and trade.reason != "open" else _risk(trade),
        "rolled_from": " ".join(str(number) for number in trade.rolled_from),
    }


def _risk(trade: PackageTrade) -> float:
    """Dollars that the position could lose by expiry; NaN where unbounded or its legs expire on several days."""
    if len({contract.expiration for _, contract in trade.legs}) > 1:
        return float("nan")
    typed = [
        TypedLeg(
            1 if count > 0 else -1, abs(count), 1 if contract.right == "C" else -1, contract.strike, np.nan, np.nan
        )
        for count, contract in trade.legs
    ]
    loss = MULTIPLIER * trade.contracts * (-payoff_of(typed).worst - trade.credit)
    return loss if np.isfinite(loss) and loss > 0 else float("nan")


def _of_broker(executions: list[Execution], name: str, path: Path, rejected: Rejected) -> TradeLog:
    return log_of_executions(executions, name, f"{path.name}, {name}", rejected)


def _of_folder(path: Path) -> TradeLog:
    """A saved backtest (`backtest.saved`)."""
    from iwm_opts.backtest.saved import load_result

    saved = load_result(path)
    is_simulated = bool(saved.config["simulated"])
    names = [market["name"] for market in saved.config["markets"]]
    market = names[0] + (f" and {len(names) - 1} more paths" if len(names) > 1 else "")
    told = backtest_told(market, is_simulated=is_simulated)
    return log_of_backtest(saved.trades, told, is_simulated=is_simulated, source=f"{path.name} ({market})")


def _of_frame(frame: pd.DataFrame, path: Path) -> TradeLog:
    names = {str(name).strip().lower(): name for name in frame}
    frame = frame.rename(columns={name: low for low, name in names.items()})
    if all(name in names for name in BACKTEST_COLUMNS):
        is_simulated, is_modelled = (_says(frame, name) for name in MADE)
        frame = _typed(frame.drop(columns=list(MADE), errors="ignore"), path)
        source = f"{path.name}, trades of a backtest"
        market = backtest_told(path.name, is_simulated=is_simulated, is_modelled=is_modelled)
        return log_of_backtest(frame, market, is_simulated=is_simulated, source=source)
    missing = [name for name in REQUIRED if name not in names]
    if missing and any(name.count(";") > 1 for name in names):
        raise DataError(path, "is separated by semicolons", "save it with commas between the columns")
    if missing:
        raise DataError(path, f"is no trade log: no column {' and '.join(missing)}", f"give {KNOWN}")
    made = f"{SIMULATED}|{MODELLED}"
    told = bool(frame["market"].astype(str).str.contains(made).any()) if "market" in frame else False
    log = log_of_rows(frame, path.name, is_simulated=told)
    if log.trades.empty:
        raise DataError(path, "holds no trade that could be read", "; ".join(log.problems[:3]))
    return log


def _says(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column of yes and no says yes anywhere."""
    return name in frame and bool(frame[name].astype(str).str.lower().isin(("true", "1")).any())


def _typed(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Trades of a backtest out of CSV: their columns as dates, texts and numbers."""
    done = frame.copy()
    for name in frame:
        try:
            if name in ("entry", "exit", "expiration"):
                done[name] = pd.to_datetime(frame[name])
            elif name not in ("reason", "legs"):
                done[name] = pd.to_numeric(frame[name].replace("", np.nan))
        except (ValueError, TypeError) as error:
            raise DataError(path, f"column {name} cannot be read: {error}", "write it with iwm-opts backtest") from None
    missing = [name for name in NEEDED_OF_BACKTEST if name not in done]
    if missing:
        raise DataError(path, f"trades of a backtest without {', '.join(missing)}", "write them with iwm-opts backtest")
    return done


def _frame(rows: list[tuple[int, list[str]]], path: Path) -> pd.DataFrame:
    names = rows[0][1]
    ragged = [line for line, cells in rows[1:] if len(cells) != len(names)]
    if ragged:
        lines = ", ".join(map(str, ragged[:5]))
        raise DataError(path, f"line {lines}: cells do not fit the header of {len(names)}", "correct the rows")
    frame = pd.DataFrame([cells for _, cells in rows[1:]], columns=names, dtype=object)
    return frame.assign(line=[line for line, _ in rows[1:]])


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(path, f"is no Parquet file that can be read: {error}", "check the path") from None
