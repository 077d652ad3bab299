"""The trade log: one row a package trade, whoever kept it: a backtest, a paper journal, a broker, or the trader.

Money received is positive in `credit`, money paid to leave is positive in `debit`, both in dollars a share of one
package; everything else in dollars is for the whole position. For a closed trade

    pnl = multiplier x contracts x (credit - debit) - fees + settlement

Times are New York without a zone; a time of midnight is a day whose time nobody wrote down.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.errors import DataError

TEXTS: Final = {
    "trade": "what the trade is known by",
    "plan": "name of the plan it follows",
    "market": "broker, paper or the market of a backtest",
    "symbol": "underlying",
    "strategy": "such as iron-condor",
    "legs": "as typed: +1P195 -1P200 -1C240 +1C245; `:2026-08-21` behind a leg that expires on another day",
    "reason": "why it was left: profit, stop, dte, expiry, assignment, closed, ...",
    "checklist": "answers at entry: criterion=met, unmet, unknown, or untold, joined by semicolons",
    "rolled_from": "trades closed in the order that opened this one, joined by spaces",
    "marks": "P&L after fees at the marks of the days it was held: 2026-03-02=-12.50, joined by semicolons",
}
TIMES: Final = {
    "entry": "when it was opened",
    "exit": "when the last of it was left; empty while open",
    "expiration": "day of the first leg to expire",
    "due": "first day on which a rule of the plan called for the exit",
}
NUMBERS: Final = {
    "contracts": "packages, or shares",
    "multiplier": "100 for options, 1 for shares; 100 where it is not said",
    "planned_contracts": "what the plan's size allowed",
    "credit": "own fill at entry",
    "debit": "own fill at exit",
    "entry_mid": "mid of the package at entry, as a credit",
    "exit_mid": "mid at exit, as a debit",
    "entry_model": "fill model at entry, as a credit",
    "exit_model": "fill model at exit, as a debit",
    "due_debit": "what leaving on the due day would have cost under the fill model, and dividends received after it",
    "fees": "paid",
    "model_fees": "by the fee schedule",
    "settlement": "of assignments and exercises, shares sold included; dividends of shares held",
    "pnl": "after fees",
    "risk": "largest loss at entry, after fill and fees",
    "planned_risk": "largest loss that the plan allowed",
    "rank": "IV rank that the entry rested on, 0 to 100",
    "dte": "calendar days to expiration at entry",
}
COLUMNS: Final = {**TEXTS, **TIMES, **NUMBERS}
REQUIRED: Final = ("entry", "contracts")
ORDER: Final = (
    "trade", "plan", "market", "symbol", "strategy", "legs", "expiration", "entry", "exit", "reason", "contracts",
    "multiplier", "planned_contracts", "credit", "debit", "entry_mid", "exit_mid", "entry_model", "exit_model", "due",
    "due_debit", "fees", "model_fees", "settlement", "pnl", "risk", "planned_risk", "rank", "dte", "checklist",
    "rolled_from", "marks",
)  # fmt: skip
SHARES: Final = "shares"  # strategies without legs
SHORT_SHARES: Final = "short-shares"
CENT: Final = 0.01
# What `market` says where nobody ever traded: on made prices, or on quotes modelled around real ones.
SIMULATED: Final = "SIMULATED"
MODELLED: Final = "MODELLED QUOTES"
ACCOUNT_OF: Final = ", account "  # in `market`, before the name of an account where a file holds several
MOMENTS: Final = ("%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%y", "%m/%d/%y %H:%M", "%m/%d/%y %H:%M:%S")


@dataclass(frozen=True, slots=True, eq=False)
class TradeLog:
    """Package trades in order of entry, with what had to be left out.

    `trades` has the columns of `ORDER`, and whatever others the file had (their names are kept: regime fields of one's
    own). NaN, NaT and "" are unknown. A trade without an `exit` is open.
    """

    trades: pd.DataFrame
    source: str
    problems: tuple[str, ...] = ()  # rows left out, each named
    notes: tuple[str, ...] = ()
    is_simulated: bool = False  # nobody traded at these prices; see `is_modelled`

    @property
    def is_modelled(self) -> bool:
        """Whether only the quotes of options were made, around real prices of the underlying."""
        markets = self.trades["market"]
        return self.is_simulated and bool(len(markets)) and bool(markets.str.contains(MODELLED).all())

    @property
    def label(self) -> str:
        """What stands above anything that is said of trades nobody made; empty for real ones."""
        if not self.is_simulated:
            return ""
        return MODELLED if self.is_modelled else f"{SIMULATED} MARKET"

    @property
    def closed(self) -> pd.DataFrame:
        """Trades with a known result, in order of their exit."""
        done = self.trades["exit"].notna() & self.trades["pnl"].notna()
        return self.trades[done].sort_values(["exit", "entry"], kind="stable").reset_index(drop=True)

    @property
    def open(self) -> pd.DataFrame:
        """Trades still open."""
        return self.trades[self.trades["exit"].isna()]


def log_of_rows(
    rows: Sequence[dict[str, object]] | pd.DataFrame,
    source: str,
    problems: Iterable[str] = (),
    notes: Iterable[str] = (),
    *,
    is_simulated: bool = False,
) -> TradeLog:
    """A trade log of rows with some of the columns; the rest is worked out or unknown.

    Worked out are `pnl` from the fills, and `dte`; rows that contradict themselves are named and left out.
    """
    frame = pd.DataFrame(rows).reset_index(drop=True)
    lines = frame.pop("line") if "line" in frame else pd.Series(frame.index + 2)
    extra = [str(name) for name in frame if name not in COLUMNS]
    told: list[str] = []
    done = {}
    for name in (*ORDER, *extra):
        done[name] = _column(frame, name, lines, told)
    trades = pd.DataFrame(done, index=frame.index)
    trades["fees"] = trades["fees"].fillna(0.0)
    trades["settlement"] = trades["settlement"].fillna(0.0)
    trades["multiplier"] = trades["multiplier"].fillna(MULTIPLIER)
    made = trades["multiplier"] * trades["contracts"] * (trades["credit"] - trades["debit"])
    made += trades["settlement"] - trades["fees"]
    contradicts = (trades["pnl"] - made).abs() > CENT * np.maximum(1.0, trades["contracts"])
    trades["pnl"] = trades["pnl"].fillna(made.where(trades["exit"].notna()))
    dte = (trades["expiration"].dt.normalize() - trades["entry"].dt.normalize()).dt.days
    trades["dte"] = trades["dte"].fillna(dte.astype(np.float64))
    trades["marks"] = [_sound_marks(text, line, told) for text, line in zip(trades["marks"], lines, strict=True)]
    keep = _sound(trades, contradicts, made, lines, told)
    named = trades["trade"].where(trades["trade"] != "", [str(n) for n in range(1, len(trades) + 1)])
    trades = trades.assign(trade=named)[keep].sort_values("entry", kind="stable").reset_index(drop=True)
    return TradeLog(trades, source, (*problems, *told), tuple(notes), is_simulated)


def _column(frame: pd.DataFrame, name: str, lines: pd.Series, told: list[str]) -> pd.Series:
    """One column as its type; a cell that cannot be read is named."""
    if name not in frame:
        if name in NUMBERS:
            return pd.Series(np.nan, index=frame.index, dtype=np.float64)
        if name in TIMES:
            return pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]")
        return pd.Series("", index=frame.index, dtype=object)
    given = frame[name]
    if name in NUMBERS:
        found: pd.Series = pd.to_numeric(given, errors="coerce").astype(np.float64)
        found = found.where(np.isfinite(found))
    elif name in TIMES:
        found = _moments(given)
    else:
        return given.astype(object).where(given.notna(), "").astype(str).astype(object)
    lost = found.isna() & given.notna() & (given.astype(str).str.strip() != "")
    for at in frame.index[lost]:
        kind = "number" if name in NUMBERS else "date"
        told.append(f"line {lines[at]}: {name} {given[at]!r} is no {kind}: taken as unknown")
    return found


def _moments(given: pd.Series) -> pd.Series:
    """Times as ISO or Americans write them; a guess by row would take 02.03. for February and 13.03. for March."""
    found = pd.to_datetime(given, errors="coerce", format="ISO8601").astype("datetime64[us]")
    for form in MOMENTS:
        rest = found.isna() & given.notna()
        if rest.any():
            told = pd.to_datetime(given[rest].astype(str).str.strip(), errors="coerce", format=form)
            found[rest] = told.astype("datetime64[us]")
    return found


def _sound_marks(text: str, line: object, told: list[str]) -> str:
    """Marks that can be read; what cannot is named, and the trade has none then."""
    try:
        marks_of(text)
    except DataError as error:
        told.append(f"line {line}: {error.rule}: its marks are taken as unknown")
        return ""
    return text


def _sound(
    trades: pd.DataFrame, contradicts: pd.Series, made: pd.Series, lines: pd.Series, told: list[str]
) -> "pd.Series[bool]":
    """Rows that break no rule; each that does is named under the first one."""
    entry, left, contracts = trades["entry"], trades["exit"], trades["contracts"]
    day_only = left.dt.normalize() == left
    early = left.where(~day_only, left + pd.Timedelta(days=1)) < entry
    rules = {
        "has no entry time": entry.isna(),
        "contracts must be a whole number of at least 1": ~((contracts >= 1) & (contracts == contracts.round())),
        "leaves before it enters": early,
        "has an exit but neither pnl nor credit and debit": left.notna() & trades["pnl"].isna(),
    }
    keep = pd.Series(True, index=trades.index)
    for rule, broken in rules.items():
        for at in trades.index[keep & broken]:
            told.append(f"line {lines[at]}: {rule}: left out")
        keep &= ~broken
    for at in trades.index[keep & contradicts & left.notna()]:
        told.append(
            f"line {lines[at]}: pnl {trades['pnl'][at]:.2f} is not what its fills, fees and settlement make, "
            f"{made[at]:.2f}: left out"
        )
    return keep & ~(contradicts & left.notna())


def as_csv(log: TradeLog) -> str:
    """The log as CSV, times to the second; what is unknown is empty."""
    text: str = log.trades.to_csv(index=False, date_format="%Y-%m-%d %H:%M:%S", lineterminator="\n")
    return text


def write_log(log: TradeLog, path: Path) -> None:
    """Write the log, whole or not at all, as CSV or Parquet by its ending.

    Raises
    ------
    DataError
        When it cannot be written.
    """
    from iwm_opts.io.atomic import write_durably

    if path.suffix.lower() in (".parquet", ".pq"):
        import io

        buffer = io.BytesIO()
        log.trades.to_parquet(buffer, index=False)
        write_durably(path, buffer.getvalue())
    else:
        write_durably(path, as_csv(log).encode())


def answers_of(text: str) -> dict[str, str]:
    """Checklist answers of one trade, `criterion=met; other=unknown`.

    Raises
    ------
    DataError
        When an answer is none of met, unmet, unknown and untold.
    """
    found = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        name, _, answer = (piece.strip() for piece in part.partition("="))
        if answer not in ANSWERS:
            rule = f"{part!r} is no answer"
            raise DataError("checklist", rule, f"write criterion=answer, answer being {', '.join(ANSWERS)}")
        found[name] = answer
    return found


def accounts_of(trades: pd.DataFrame) -> "pd.Series[str]":
    """Account of each trade; empty where the file held one alone."""
    return pd.Series([text.partition(ACCOUNT_OF)[2] for text in trades["market"]], index=trades.index, dtype=object)


def marks_of(text: str) -> dict[date, float]:
    """P&L of one trade at the marks of its days, dollars.

    Raises
    ------
    DataError
        When a part is no day and amount, or a day is there twice.
    """
    found: dict[date, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        day, _, amount = (piece.strip() for piece in part.partition("="))
        try:
            at, gain = date.fromisoformat(day), float(amount)
        except ValueError:
            raise DataError("marks", f"{part!r} is no mark", "write day=dollars, as 2026-03-02=-12.50") from None
        if at in found or not np.isfinite(gain):
            rule = "is there twice" if at in found else "is no finite amount"
            raise DataError("marks", f"{part!r} {rule}", "keep one amount a day")
        found[at] = gain
    return found


def marks_text(marks: dict[date, float]) -> str:
    """Marks as the log writes them, to the cent."""
    return "; ".join(f"{day.isoformat()}={gain:.2f}" for day, gain in sorted(marks.items()))


UNTOLD: Final = "untold"  # judged afterwards, without the data: what was known at the entry nobody can say now
ANSWERS: Final = ("met", "unmet", "unknown", UNTOLD)


def answers_text(answers: dict[str, str]) -> str:
    """Checklist answers as the log writes them."""
    return "; ".join(f"{name}={answer}" for name, answer in answers.items())
