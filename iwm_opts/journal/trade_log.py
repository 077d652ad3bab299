"""The trade log: one row a package trade, whoever kept it: a backtest, a paper journal, a broker, or the trader.

Money received is positive in `credit`, money paid to leave is positive in `debit`, both in dollars a share of one
package; everything else in dollars is for the whole position. For a closed trade

    pnl = multiplier x contracts x (credit - debit) - fees + settlement

Times are New York without a zone; a time of midnight is a day without a known time.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from iwm_opts.conventions import MULTIPLIER, YEARS, Provenance, counted
from iwm_opts.errors import DataError, printable
from iwm_opts.io.age import now
from iwm_opts.io.atomic import write_durably
from iwm_opts.io.numbers import is_foreign
from iwm_opts.io.spreadsheet_text import guarded_frame
from iwm_opts.journal.executions import BOOKED_WITHIN, ZONES_APART
from iwm_opts.journal.fields import (
    CALENDAR_YEARS,
    CURRENCY,
    Notation,
    TwoReadingsError,
    check_not_turned,
    day_first,
    decimal_sign,
    from_epoch,
    from_excel_serial,
    in_new_york,
    is_blank,
    is_epoch,
    is_excel_serial,
    notation_warnings,
    number,
    parse_moment,
    shown,
)
from iwm_opts.journal.opening import OpeningBalance
from iwm_opts.journal.own_signs import with_paid_positive
from iwm_opts.journal.packages import MERGED, PARTLY
from iwm_opts.journal.share_lots import SHARES as SHARES
from iwm_opts.journal.share_lots import SHORT_SHARES as SHORT_SHARES
from iwm_opts.market.calendar import NEW_YORK, sessions
from iwm_opts.market.contract import is_adjusted

COLUMNS: Final[dict[str, tuple[Literal["text", "time", "number"], str]]] = {  # in order: kind and meaning
    "trade": ("text", "identifier of the trade"),
    "plan": ("text", "name of the plan it follows"),
    "market": ("text", "broker, paper or the market of a backtest"),
    "provenance": ("text", "of the prices traded at: recorded, modelled or simulated; recorded where it is not said"),
    "symbol": ("text", "underlying"),
    "strategy": ("text", "such as iron-condor"),
    "legs": ("text", "as typed: +1P195 -1P200 -1C240 +1C245; `:2026-08-21` behind a leg that expires on another day"),
    "expiration": ("time", "day of the first leg to expire"),
    "entry": ("time", "when it was opened"),
    "exit": ("time", "when the last of it was left; empty while open"),
    "reason": ("text", "why it was left: profit, stop, dte, expiry, assignment, closed, legged out, merger, ..."),
    "contracts": ("number", "packages, or shares"),
    "multiplier": ("number", "100 for options, 1 for shares; 100 where it is not said"),
    "planned_contracts": ("number", "contracts that the plan's size allowed"),
    "credit": ("number", "own fill at entry"),
    "debit": ("number", "own fill at exit"),
    "entry_mid": ("number", "mid of the package at entry, as a credit"),
    "exit_mid": ("number", "mid at exit, as a debit"),
    "entry_model": ("number", "fill model at entry, as a credit"),
    "exit_model": ("number", "fill model at exit, as a debit"),
    "entry_half_spread": ("number", "H of the package at entry: the sum of its legs' half-spreads"),
    "exit_half_spread": ("number", "H of the package at exit"),
    "due": ("time", "first day on which a rule of the plan called for the exit"),
    "due_debit": (
        "number",
        "cost of leaving on the due day under the fill model, and dividends received after it",
    ),
    "fees": ("number", "paid; NaN where an open trade's are not known"),
    "model_fees": ("number", "by the fee schedule"),
    "settlement": ("number", "of assignments and exercises, shares sold included; dividends of shares held"),
    "pnl": ("number", "after fees"),
    "risk": ("number", "largest loss at entry, after fill and fees"),
    "planned_risk": ("number", "largest loss that the plan allowed"),
    "rank": ("number", "IV rank that the entry rested on, 0 to 100"),
    "dte": ("number", "calendar days to expiration at entry"),
    "checklist": ("text", "answers at entry: criterion=met, unmet, unknown, or untold, joined by semicolons"),
    "rolled_from": ("text", "trades closed in the order that opened this one, joined by spaces"),
    "marks": ("text", "P&L after fees at the marks of the days it was held: 2026-03-02=-12.50, joined by semicolons"),
}
ORDER: Final = tuple(COLUMNS)
TIMES, NUMBERS = (tuple(name for name, (item, _) in COLUMNS.items() if item == kind) for kind in ("time", "number"))
REQUIRED: Final = ("entry", "contracts")
ENDED: Final = ("expiry", "assignment", "exercise", "assigned", MERGED)  # reasons without a closing order
DELIVERED: Final = ("assignment", "exercise", "assigned")  # those that may leave shares
LEG_DAY: Final = r":(\d{4}-\d{2}-\d{2})"  # of a leg that expires on a day of its own
CENT: Final = 0.01
CURRENCY_COLUMN: Final = "currency"  # of a log of one's own
DOLLARS: Final = (CURRENCY, "$", "US$", "US DOLLAR", "DOLLAR")
# In `market`, for made prices, and for quotes modelled around real prices of the underlying.
SIMULATED: Final = "SIMULATED"
MODELLED: Final = "MODELLED QUOTES"
REPRICED: Final = "re-priced"  # in `market`, where a model's fills replaced those of the log
ACCOUNT_OF: Final = ", account "  # in `market`, before the name of an account where a file holds several
MONEY: Final = ("contracts", "multiplier", "credit", "debit", "fees", "settlement", "pnl")  # a result rests on them
RANGES: Final = {"rank": (0.0, 100.0), "contracts": (0.0, 1e9), "multiplier": (0.0, 1e6)}  # a number outside is not one
LARGEST: Final = 1e12  # dollars, up or down, of any other number
# Rules of a row, by its trade and the result that its fills make.
ADJUSTED: Final = (
    "symbol {trade.symbol}: adjusted contracts deliver other than 100 shares, and the row has neither pnl nor "
    "multiplier"
)
CONTRADICTS: Final = "pnl {trade.pnl:.2f} is not what its fills, fees and settlement make, {made:.2f}"
NAMED: Final = 20  # open trades whose legs expired; the rest is counted
SPOTS: Final = ("entry_spot", "exit_spot")  # price of the underlying, where a file has it
BACKTEST_NUMBERS: Final = (
    "mid_pnl", "entry_slippage", "exit_slippage", "assignment", "path", "sessions", "days", *SPOTS,
)  # fmt: skip
ORDERED: Final = (("entry", "exit"), ("entry", "expiration"))  # columns of times, the earlier first


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
    provenance: Provenance = Provenance.RECORDED  # of all trades: modelled where each is that was made
    opening: tuple[OpeningBalance, ...] = ()  # positions from before the file
    skipped: dict[str, int] = field(default_factory=dict)  # rows of the file not used, by reason
    warnings: tuple[str, ...] = ()  # uncommon readings of the file, with what decided them

    @property
    def label(self) -> str:
        """Label of made trades, for the head of a report; empty for real ones."""
        return {Provenance.MODELLED: MODELLED, Provenance.SIMULATED: f"{SIMULATED} MARKET"}.get(self.provenance, "")

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader must know of the file: warnings, notes, and rows left out."""
        return (*self.warnings, *self.notes, *self.problems)

    @property
    def closed(self) -> pd.DataFrame:
        """Trades with a known result, in order of their exit."""
        done = self.trades["exit"].notna() & self.trades["pnl"].notna()
        return self.trades[done].sort_values(["exit", "entry"], kind="stable").reset_index(drop=True)

    @property
    def open(self) -> pd.DataFrame:
        return self.trades[self.trades["exit"].isna()]


def log_of_rows(
    rows: Sequence[dict[str, object]] | pd.DataFrame,
    source: str,
    problems: Iterable[str] = (),
    notes: Iterable[str] = (),
    *,
    provenance: Provenance = Provenance.RECORDED,
    decimal: Literal[".", ","] | None = ".",
    is_own: bool = False,
) -> TradeLog:
    """Trade log of rows with some of the columns; the rest is worked out or unknown.

    Worked out are `pnl` from the fills, and `dte`; rows that contradict themselves, or whose money cannot be read, are
    named and left out.

    Raises DataError when numbers, dates or signs have two readings.

    `rows`: typed, or text as spreadsheets write it.
    `problems`, `notes`: of the rows before they became trades.
    `provenance`: of rows that do not say.
    `decimal`: decimal sign where no number of the rows decides. None refuses them then.
    `is_own`: the rows are kept by hand: their fees and debits may be cash flows (`own_signs`).
    """
    frame = pd.DataFrame(rows).reset_index(drop=True)
    has_lines = "line" in frame
    lines = frame.pop("line") if has_lines else pd.Series(frame.index + 2)
    extra = [str(name) for name in frame if name not in COLUMNS]
    row_problems: list[str] = []
    try:
        notation, warnings = _notation(frame, decimal)
    except TwoReadingsError as error:
        raise DataError(source, *str(error).split("; ", 1)) from None
    unreadable = pd.Series(False, index=frame.index)
    columns = {}
    for name in (*ORDER, *extra):
        column, lost = _column(frame, name, notation)
        columns[name] = column
        unreadable |= _name_lost(frame, name, lost, lines, row_problems)
    if CURRENCY_COLUMN in columns:
        currencies = columns[CURRENCY_COLUMN].astype(str)
        foreign = ~currencies.map(is_blank) & ~currencies.str.strip().str.upper().isin(DOLLARS)
        for at in frame.index[foreign]:
            rule = f"currency {shown(currencies[at])}: only {CURRENCY} is read: left out"
            row_problems.append(f"line {lines[at]}: {rule}")
        unreadable |= foreign
    trades = pd.DataFrame(columns, index=frame.index)
    trades["provenance"] = trades["provenance"].str.strip().str.lower().replace("", str(provenance))
    unknown_provenance = ~trades["provenance"].isin(list(Provenance))
    of_log = log_provenance(trades["provenance"][~unknown_provenance], provenance)
    trades["settlement"] = trades["settlement"].fillna(0.0)
    adjusted = trades["multiplier"].isna() & (trades["legs"] != "") & trades["symbol"].map(is_adjusted)
    trades["multiplier"] = trades["multiplier"].fillna(MULTIPLIER)
    if is_own:
        try:
            trades, has_two_results, signs = with_paid_positive(trades, lines, row_problems)
        except TwoReadingsError as error:
            raise DataError(source, *str(error).split("; ", 1)) from None
        unreadable, warnings = unreadable | has_two_results, (*warnings, *signs)
    trades["fees"] = trades["fees"].mask(trades["fees"].isna() & trades["exit"].notna(), 0.0)  # open: by the schedule
    made = trades["multiplier"] * trades["contracts"] * (trades["credit"] - trades["debit"])
    made = (made + trades["settlement"] - trades["fees"]).where(~adjusted)
    unknown = adjusted & trades["exit"].notna() & trades["pnl"].isna()
    contradicts = (trades["pnl"] - made).abs() > CENT * np.maximum(1.0, trades["contracts"])
    trades["pnl"] = trades["pnl"].fillna(made.where(trades["exit"].notna()))
    dte = (trades["expiration"].dt.normalize() - trades["entry"].dt.normalize()).dt.days
    trades["dte"] = trades["dte"].fillna(dte.astype(np.float64))
    for name, read in (("marks", marks_of), ("checklist", answers_of)):
        for at in trades.index:
            try:
                read(trades[name][at])
            except DataError as error:
                row_problems.append(f"line {lines[at]}: {name} {error.rule}: taken as unknown")
                trades.loc[at, name] = ""
    keep = ~unreadable
    rules = [
        (unknown, ADJUSTED),
        (unknown_provenance, "provenance {trade.provenance} is not one of " + ", ".join(Provenance)),
        *_dating_rules(trades, is_simulated=not of_log.is_real),
        *_rules(trades),
        (contradicts & trades["exit"].notna(), CONTRADICTS),
    ]
    for broken, rule in rules:  # each row that breaks some is named under the first
        for at in trades.index[keep & broken]:
            row_problems.append(f"line {lines[at]}: {rule.format(trade=trades.loc[at], made=made[at])}: left out")
        keep &= ~broken
    if has_lines and of_log.is_real:
        warnings = (*warnings, *_days_without_session(trades[keep], lines))
    named = trades["trade"].where(trades["trade"] != "", [str(n) for n in range(1, len(trades) + 1)])
    trades = trades.assign(trade=named)[keep].sort_values("entry", kind="stable").reset_index(drop=True)
    return TradeLog(trades, source, (*problems, *row_problems), tuple(notes), of_log, warnings=warnings)


def log_provenance(trades: "pd.Series[str]", empty: Provenance) -> Provenance:
    """Provenance of a log by that of its trades: simulated where made ones differ; `empty` without any."""
    made = set(trades) - {Provenance.RECORDED}
    if not made:
        return Provenance.RECORDED if len(trades) else empty
    return Provenance.MODELLED if set(trades) == {Provenance.MODELLED} else Provenance.SIMULATED


def provenance_of_text(market: str) -> Provenance:
    """Provenance of a trade in a file without that field, by the text of its market."""
    return Provenance.of(simulated=SIMULATED in market, modelled=MODELLED in market)


def market_text(provenance: Provenance, name: str) -> str:
    """Market of a trade on paper as output names it, made prices first."""
    return name if provenance.is_real else f"{SIMULATED} market, {name}"


def typed_columns(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Trades of a backtest as text, with their columns as dates, texts and numbers; and warnings of their reading.

    Raises ValueError names line, column and cell of the first that cannot be read.
    """
    frame = frame.reset_index(drop=True)
    lines = frame.pop("line") if "line" in frame else pd.Series(frame.index + 2)
    notation, warnings = _notation(frame, ".")
    typed = {}
    for name in frame:
        typed[name], lost = _column(frame, str(name), notation)
        for at in frame.index[lost]:
            raise ValueError(f"line {lines[at]}, column {name}: {shown(str(frame[name][at]))} cannot be read")
    return pd.DataFrame(typed, index=frame.index), warnings


def _is_text(column: pd.Series) -> bool:
    return not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column))


def _cells(frame: pd.DataFrame, name: str) -> list[str]:
    """Cells of a column as text; blank ones are empty."""
    return ["" if value is None or value is pd.NaT or value != value else str(value) for value in frame[name]]


def _notation(frame: pd.DataFrame, decimal: Literal[".", ","] | None) -> tuple[Notation, tuple[str, ...]]:
    """Decimal sign and order of day and month, by all columns of a frame; and warnings of uncommon ones."""
    numbers = [
        cell
        for name in (*NUMBERS, *BACKTEST_NUMBERS)
        if name in frame and _is_text(frame[name])
        for cell in _cells(frame, name)
    ]
    times = {name: _cells(frame, name) for name in TIMES if name in frame and _is_text(frame[name])}
    for cells in times.values():
        check_not_turned(cells, (*times.get("entry", ()), *times.get("exit", ())))
    stamps = [cell for name in ("entry", "exit") for cell in times.get(name, []) if not is_blank(cell)]
    pairs = [
        (first, last)
        for earlier, later in ORDERED
        for first, last in zip(times.get(earlier, []), times.get(later, []), strict=False)
        if not is_blank(first) and not is_blank(last)
    ]
    stamps = [cell for cell in stamps if _is_moment(cell)]
    pairs = [pair for pair in pairs if all(map(_is_moment, pair))]
    notation = Notation(decimal_sign(numbers, decimal), day_first(stamps, pairs))
    return notation, notation_warnings(notation, numbers, stamps, pairs)


def _is_moment(cell: str) -> bool:
    """Whether a cell is a date in one order of day and month at least."""
    for order in (False, True):
        try:
            parse_moment(cell, order)
        except ValueError:
            continue
        return True
    return False


def _column(frame: pd.DataFrame, name: str, notation: Notation) -> tuple[pd.Series, "pd.Series[bool]"]:
    """One column as its type, and the cells of it that cannot be read."""
    lost = pd.Series(False, index=frame.index)
    if name not in frame:
        if name in NUMBERS:
            return pd.Series(np.nan, index=frame.index, dtype=np.float64), lost
        if name in TIMES:
            return pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]"), lost
        return pd.Series("", index=frame.index, dtype=object), lost
    given = frame[name]
    if name in NUMBERS or name in BACKTEST_NUMBERS:
        if pd.api.types.is_numeric_dtype(given):  # of times and spans, every cell is named as no number
            column = given.astype(np.float64)
            sound = _in_range(name, column)
            return column.where(sound), lost | (column.notna() & ~sound)
        cells = _cells(frame, name)
        values = [np.nan] * len(cells)
        for at, cell in enumerate(cells):
            with suppress(ValueError):  # the cell is named
                text = cell.removesuffix("%") if name == "rank" else cell
                values[at] = np.nan if is_blank(cell) else number(text, name, notation.decimal)
        column = pd.Series(values, index=frame.index, dtype=np.float64)
        column = column.where(_in_range(name, column))
    elif name in TIMES:
        cells = _cells(frame, name) if _is_text(given) or pd.api.types.is_numeric_dtype(given) else []
        column = _moments(cells, given, notation.day_first)
        if not cells:
            return column, column.isna() & given.notna()
    else:
        return given.astype(object).where(given.notna(), "").astype(str).astype(object), lost
    lost = column.isna() & pd.Series([not is_blank(cell) for cell in cells], index=frame.index)
    return column, lost


def _in_range(name: str, values: "pd.Series[float]") -> "pd.Series[bool]":
    return values.between(*RANGES.get(name, (-LARGEST, LARGEST)))


def _moments(cells: list[str], given: pd.Series, is_day_first: bool) -> pd.Series:
    """Return times in New York without a zone; a column of midnights in a zone is one of days."""
    if not cells:
        times = pd.to_datetime(given)
        if times.dt.tz is not None:
            is_days = bool((times.dropna() == times.dropna().dt.normalize()).all())
            times = times.dt.tz_localize(None) if is_days else times.dt.tz_convert(NEW_YORK).dt.tz_localize(None)
        return times.astype("datetime64[us]").where(times.dt.year.isin(YEARS))
    filled = [cell for cell in cells if any(map(str.isdigit, cell))]  # not words of a row of totals
    parse: Callable[[str], datetime] = partial(parse_moment, day_first=is_day_first)
    if filled and all(map(is_excel_serial, filled)):
        parse = from_excel_serial
    elif filled and all(map(is_epoch, filled)):
        parse = from_epoch
    moments: list[datetime | None] = []
    for cell in cells:
        try:
            moments.append(None if is_blank(cell) else parse(cell))
        except ValueError:
            moments.append(None)
    is_days = all(moment is None or moment.time() == time() for moment in moments)
    naive = [
        None if moment is None else moment.replace(tzinfo=None) if is_days else in_new_york(moment)
        for moment in moments
    ]
    return pd.Series(naive, index=given.index, dtype="datetime64[us]")


def _name_lost(
    frame: pd.DataFrame, name: str, lost: "pd.Series[bool]", lines: pd.Series, problems: list[str]
) -> "pd.Series[bool]":
    """Name cells that cannot be read; rows are unreadable where a result rests on them."""
    is_money = name in MONEY
    for at in frame.index[lost]:
        kind = "number" if name in NUMBERS else "date"
        rule = "left out" if is_money else "taken as unknown"
        cell = str(frame[name][at])
        fault = f"is in another currency than {CURRENCY}" if is_foreign(cell) else f"is not a {kind}"
        problems.append(f"line {lines[at]}: {name} {shown(cell)} {fault}: {rule}")
    return lost & is_money


Rules = list[tuple["pd.Series[bool]", str]]  # rows that break it, and its text


def _dating_rules(trades: pd.DataFrame, *, is_simulated: bool) -> Rules:
    """Trades entered or left in the future (of real ones), or after their legs expired.

    Shares of an assignment or exercise may be held for long: such trades may end any time later.
    """
    entry, exits, first = (trades[name].dt.normalize() for name in ("entry", "exit", "expiration"))
    has_shares = trades["reason"].isin(DELIVERED) | (trades["settlement"] != 0.0)
    ahead, last = pd.Timestamp(now().date() + ZONES_APART), _last_expirations(trades)
    return [
        ((entry > ahead) & (not is_simulated), "entry {trade.entry:%Y-%m-%d} lies in the future"),
        ((exits > ahead) & (not is_simulated), "exit {trade.exit:%Y-%m-%d} lies in the future"),
        (entry > first, "entry {trade.entry:%Y-%m-%d} lies after the first expiration of its legs"),
        (
            (exits > last + BOOKED_WITHIN) & ~has_shares,
            "exit {trade.exit:%Y-%m-%d} lies after the expiration of its legs",
        ),
    ]


def _rules(trades: pd.DataFrame) -> Rules:
    """Trades without a number or time that a log needs, or whose exit lies before their entry."""
    exits, contracts = trades["exit"], trades["contracts"]
    early = exits.where(exits.dt.normalize() != exits, exits + pd.Timedelta(days=1)) < trades["entry"]
    return [
        (trades["entry"].isna(), "has no entry time"),
        (~((contracts >= 1) & (contracts == contracts.round())), "contracts must be a whole number of at least 1"),
        (early, "leaves before it enters"),
        (exits.notna() & trades["pnl"].isna(), "has an exit but neither pnl nor credit and debit"),
    ]


def _days_without_session(trades: pd.DataFrame, lines: pd.Series) -> list[str]:
    """Warn of entries and exits on weekends and holidays; options end on any day from their expiration on."""
    ended = trades["exit"].dt.normalize() >= _last_expirations(trades)
    warnings = []
    for name, days in (("entry", trades["entry"]), ("exit", trades["exit"].where(~ended))):
        days = days[days.dt.year.isin(CALENDAR_YEARS)].dt.normalize()
        if days.empty:
            continue
        closed = days[~days.isin(pd.to_datetime(sessions(days.min().date(), days.max().date())))]
        named = ", ".join(f"line {lines[at]} {day:%A %Y-%m-%d}" for at, day in closed[:NAMED].items())
        more = f" and {len(closed) - NAMED} more" if len(closed) > NAMED else ""
        if named:
            warnings.append(f"{name} on a day without a session: {named}{more}; check the dates")
    return warnings


def _last_expirations(trades: pd.DataFrame) -> pd.Series:
    """Day on which the last leg of each trade expires; NaT where unknown."""
    first = trades["expiration"].dt.normalize()
    legs = trades["legs"].str.extractall(LEG_DAY)[0]
    days = pd.to_datetime(legs, errors="coerce").groupby(level=0).max().reindex(trades.index)
    last: pd.Series = first.where(first.isna() | ~(days > first), days)
    return last


def with_expired_noted(log: TradeLog, until: date | None = None) -> TradeLog:
    """Return the log with a note of each open trade whose legs expired before the file ends.

    `until`: last day that the file covers, where it is later than those of the trades.
    """
    trades = log.trades
    ends = [stamp.date() for name in ("entry", "exit") if pd.notna(stamp := trades[name].max())]
    until = min(max([*ends, *([until] if until else [])], default=date.min), now().date())
    is_held = trades["reason"].isin(("", "open")) | trades["reason"].str.startswith(PARTLY)
    is_open = trades["exit"].isna() & is_held & (trades["settlement"] == 0.0)
    last = _last_expirations(trades)
    expired: list[int] = []
    if ends:
        expired = list(trades.index[is_open & last.notna() & (last < pd.Timestamp(until))])
    notes = [
        f"trade {trades['trade'][at]}, {trades['symbol'][at]} {trades['legs'][at]}".rstrip()
        + f": expired {last[at]:%Y-%m-%d}, no closing row (the file ends {until}): result unknown, still counted open"
        for at in expired[:NAMED]
    ]
    if len(expired) > NAMED:
        notes.append(f"and {counted(len(expired) - NAMED, 'open trades more', 'open trade more')} whose legs expired")
    return replace(log, notes=(*log.notes, *notes))


def as_csv(log: TradeLog) -> str:
    """Log as CSV, times to the second; unknown values are empty, texts like formulas guarded, no control characters."""
    text = guarded_frame(log.trades).to_csv(index=False, date_format="%Y-%m-%d %H:%M:%S", lineterminator="\n")
    return printable(text, "\n")


def write_log(log: TradeLog, path: Path) -> None:
    """Write the log, whole or not at all, as CSV or Parquet by its ending; its owner alone may read it.

    Raises DataError when it cannot be written.
    """
    if path.suffix.lower() in (".parquet", ".pq"):
        buffer = io.BytesIO()
        log.trades.to_parquet(buffer, index=False)
        write_durably(path, buffer.getvalue(), is_private=True)
    else:
        write_durably(path, as_csv(log).encode(errors="replace"), is_private=True)


def answers_of(text: str) -> dict[str, str]:
    """Checklist answers of one trade, `criterion=met; other=unknown`.

    Raises DataError when an answer is not one of met, unmet, unknown and untold.
    """
    answers = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        name, _, answer = (piece.strip() for piece in part.partition("="))
        if answer not in ANSWERS:
            rule = f"{shown(part)} is not an answer"
            raise DataError("checklist", rule, f"write criterion=answer, answer being {', '.join(ANSWERS)}")
        answers[name] = answer
    return answers


def accounts_of(trades: pd.DataFrame) -> "pd.Series[str]":
    """Account of each trade; empty where the file held one alone."""
    return pd.Series([text.partition(ACCOUNT_OF)[2] for text in trades["market"]], index=trades.index, dtype=object)


def marks_of(text: str) -> dict[date, float]:
    """P&L of one trade at the marks of its days, dollars.

    Raises DataError when a part is not a day and an amount, or a day occurs twice.
    """
    marks: dict[date, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        day, _, amount = (piece.strip() for piece in part.partition("="))
        try:
            at, gain = date.fromisoformat(day), float(amount)
        except ValueError:
            raise DataError(
                "marks", f"{shown(part)} is not a mark", "write day=dollars, as 2026-03-02=-12.50"
            ) from None
        if at in marks or not np.isfinite(gain):
            rule = "occurs twice" if at in marks else "is not a finite amount"
            raise DataError("marks", f"{shown(part)} {rule}", "keep one amount a day")
        marks[at] = gain
    return marks


def marks_text(marks: dict[date, float]) -> str:
    """Return marks as the log writes them, to the cent."""
    return "; ".join(f"{day.isoformat()}={gain:.2f}" for day, gain in sorted(marks.items()))


UNTOLD: Final = "untold"  # judged afterwards: the data of the entry is not available
ANSWERS: Final = ("met", "unmet", "unknown", UNTOLD)


def answers_text(answers: dict[str, str]) -> str:
    """Checklist answers as the log writes them."""
    return "; ".join(f"{name}={answer}" for name, answer in answers.items())
