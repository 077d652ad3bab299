"""Small tables that a plan reads: dates of scheduled releases, and the fund's sector weights."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from iwm_opts.documents import parse_json
from iwm_opts.errors import DataError
from iwm_opts.io.failures import gate
from iwm_opts.io.identity import check_file_name
from iwm_opts.io.opening import as_path
from iwm_opts.io.packed import content_of
from iwm_opts.io.parse import Order, parse_day
from iwm_opts.io.reader import Frame, date_order, number_columns, of_symbol, plain_name, read_frame, tickers_of
from iwm_opts.io.series_notes import NOTES
from iwm_opts.io.text import text_of

EVENT_REMEDY: Final = "give a CSV file with the columns date and event, such as 2024-02-01,ISM"
SECTOR_REMEDY: Final = "give a CSV with date, sector and weight, or holdings as iShares publishes them"
HOLDINGS_DATE: Final = "fund holdings as of"
DOTTED: Final = re.compile(r"\d{1,2}\.\d{1,2}\.\d")  # its order of day and month depends on the country
WEIGHTS: Final = ("weight", "weight_pct", "weight_(%)", "weight_%")
NO_SECTOR: Final = ("cash and/or derivatives", "-", "")
LONGEST_NAME: Final = 100  # characters of an event
WHOLE: Final = (0.9, 1.1)  # range of the sum of a date's weights


def load_events(path: str | Path) -> pd.DataFrame:
    """Read dates of scheduled releases from a table with the columns date and event (ISM, GDP, ...), in any order.

    Dates ascend, events are in upper case. Raises DataError when the file cannot be read, lacks a column, or a row has
    no date or no name.
    """
    path = Path(path)
    frame = read_frame(path, EVENT_REMEDY)
    frame.check_no_twins(("date", "event"))
    table = frame.cells.rename(columns=plain_name)
    for column in ("date", "event"):
        if column not in table:
            raise DataError(
                path, f"has no {column} column, only {', '.join(map(str, table.columns))}", EVENT_REMEDY, column
            )
    order, notes = date_order(frame, _spelled(frame, "date"))
    days = _dates(path, table["date"], order)
    names = table["event"].astype(object).where(table["event"].notna(), "").astype(str).str.strip().str.upper()
    if (names == "").any():
        raise DataError(path, f"row {int((names == '').to_numpy().argmax()) + 2} names no event", EVENT_REMEDY, "event")
    if (names.str.len() > LONGEST_NAME).any():
        row = int((names.str.len() > LONGEST_NAME).to_numpy().argmax()) + 2
        raise DataError(path, f"row {row} names an event in over {LONGEST_NAME} characters", EVENT_REMEDY, "event")
    events = pd.DataFrame({"date": days, "event": names}).sort_values("date", ignore_index=True)
    events.attrs[NOTES] = (*frame.notes, *notes)
    return events


def load_sectors(paths: Sequence[str | Path], symbol: str | None = None) -> pd.DataFrame:
    """Read sector weights (share of the fund) at one or several dates, ascending.

    Tables have a date, a sector (or gics_sector) and a weight (or weight_pct, in per cent); the rows of the expected
    symbol are read. Holdings as iShares publishes them come one file a date, without cash and derivatives; Yahoo's fund
    profile (JSON, its own sectors) is dated by the file's name. Raises DataError when a file cannot be read as any of
    these or is of another fund, a date has a sector twice, or the weights of a date do not add up to about one.
    """
    parts = [_sectors(Path(path), symbol) for path in paths]
    notes = tuple(note for part in parts for note in part.attrs.pop(NOTES, ()))
    sectors = pd.concat(parts, ignore_index=True)
    again = sectors.duplicated(["date", "sector"])
    if again.any():
        row = sectors[again].iloc[0]
        rule = f"sector {row['sector']!r} of {row['date']:%Y-%m-%d} occurs twice"
        raise DataError(", ".join(map(str, paths)), rule, "give each sector of a date once", "sector")
    for day, weights in sectors.groupby("date")["weight"]:
        if not WHOLE[0] <= weights.sum() <= WHOLE[1]:
            source = ", ".join(map(str, paths))
            raise DataError(source, f"weights of {day:%Y-%m-%d} add up to {weights.sum():.0%}", SECTOR_REMEDY, "weight")
    sectors = sectors.sort_values(["date", "weight"], ascending=[True, False], ignore_index=True)
    sectors.attrs[NOTES] = notes
    return sectors


def _sectors(path: Path, symbol: str | None) -> pd.DataFrame:
    if symbol is not None:
        check_file_name(path, symbol)
    if path.suffix == ".json" and (profile := _profile(path)) is not None:
        return profile
    order: Order = "mdy"
    notes: tuple[str, ...] = ()
    table = _holdings(path)
    if table is None:
        frame = read_frame(path, SECTOR_REMEDY)
        is_of_funds = 2 * len(tickers_of(frame)) <= len(frame.cells)  # a holding has one row, a fund one a sector
        frame = of_symbol(frame, symbol) if symbol and is_of_funds else frame
        notes = frame.notes
        frame.check_no_twins(("date", "sector", "gicssector", "weight", "weightpct"))
        table = frame.cells.rename(columns=plain_name)
        table = table.rename(columns={"gics_sector": "sector", "weight_(%)": "weight", "weight_%": "weight"})
        weights = next((str(name) for name in frame.cells.columns if plain_name(name) in WEIGHTS), None)
        if weights is not None:
            figures, number_notes = number_columns(frame, [weights])
            table["weight"] = figures[weights] / (100.0 if plain_name(weights) == "weight_pct" else 1.0)
            notes = (*notes, *number_notes)
        if "date" in table:
            order, order_notes = date_order(frame, _spelled(frame, "date"))
            notes = (*notes, *order_notes)
    for column in ("date", "sector", "weight"):
        if column not in table:
            raise DataError(
                path, f"has no {column} column, only {', '.join(map(str, table.columns))}", SECTOR_REMEDY, column
            )
    dated = _dates(path, table["date"], order)
    weight = _numbers(path, table["weight"])
    totals = weight.groupby(dated).sum()
    if totals.between(100.0 * WHOLE[0], 100.0 * WHOLE[1]).all():
        weight, notes = weight / 100.0, (*notes, "weights are per cent: those of each date add up to about 100")
    sectors = pd.DataFrame({"date": dated, "sector": table["sector"].astype(str), "weight": weight})
    sectors.attrs[NOTES] = notes
    return sectors


def _holdings(path: Path) -> pd.DataFrame | None:
    """Sector weights of an iShares holdings file, by market value; None where it is none."""
    if not as_path(path).is_file():
        return None  # `read_frame` names the defect
    with gate(path, SECTOR_REMEDY, "cannot be read as holdings ({})"):
        lines = text_of(content_of(path).content).splitlines()
        head = next((i for i, line in enumerate(lines[:20]) if line.startswith("Ticker,")), None)
        dated = next((line for line in lines[:20] if line.lower().startswith(HOLDINGS_DATE)), None)
        if head is None or dated is None:
            return None
        commas = lines[head].count(",")
        rows = (line for line in lines[head + 1 :] if line.startswith('"') and line.count('","') >= commas)
        table = pd.read_csv(io.StringIO("\n".join([lines[head], *rows])), thousands=",")
        table = table[~table["Sector"].astype(str).str.strip().str.lower().isin(NO_SECTOR)]
        value = _numbers(path, table["Market Value"])
        weight = value.groupby(table["Sector"].astype(str)).sum() / value.sum()
        day = dated.partition(",")[2].strip().strip('"')
        return pd.DataFrame({"date": day, "sector": weight.index, "weight": weight.to_numpy()})


def _profile(path: Path) -> pd.DataFrame | None:
    """Yahoo's profile of a fund, or yfinance's weights, named by its date: IWM_20260503.json; None of a table."""
    with gate(path, SECTOR_REMEDY, "not a fund profile with sectorWeightings ({})"):
        document = parse_json(text_of(content_of(path).content))
        if isinstance(document, list):
            return None
        is_flat = all(isinstance(value, int | float) for value in document.values())
        given = document if is_flat else document["sectorWeightings"]
        weights = dict(pair for entry in (given if isinstance(given, list) else [given]) for pair in entry.items())
        weights = {name: value["raw"] if isinstance(value, dict) else value for name, value in weights.items()}
        digits = "".join(character for character in path.stem if character.isdigit())[-8:]
        if len(digits) < len("20260503"):
            raise DataError(
                path, "a fund profile without its date", "name the file by it, such as IWM_20260503.json", "date"
            )
        day = pd.to_datetime(digits, format="%Y%m%d")
    weight = _numbers(path, pd.Series(list(weights.values())))
    return pd.DataFrame({"date": day, "sector": list(weights), "weight": weight})


def _spelled(frame: Frame, name: str) -> str:
    """Column as the file spells a plain name."""
    return next(str(column) for column in frame.cells.columns if plain_name(column) == name)


def _dates(path: Path, column: "pd.Series[str]", order: Order = "mdy") -> "pd.Series[pd.Timestamp]":
    """Days in one order of month and day."""
    days = []
    for row, cell in enumerate(map(str, column)):
        try:
            if DOTTED.match(cell.strip()):
                raise ValueError("is not a date")
            days.append(parse_day(cell, order))
        except ValueError as error:
            raise DataError(path, f"row {row + 2}: {cell[:60]!r} {error}", "write YYYY-MM-DD", "date") from None
    return pd.Series(days, index=column.index, dtype="datetime64[us]")


def _numbers(path: Path, column: "pd.Series[str]") -> "pd.Series[float]":
    texts = column.astype(str).str.strip().str.removesuffix("%").str.replace(",", "")
    values = pd.to_numeric(texts, errors="coerce").astype(float)
    if not (values >= 0.0).all():
        row = int((~(values >= 0.0)).to_numpy().argmax())
        raise DataError(path, f"row {row + 2}: {str(column.iloc[row])!r} is not a weight", SECTOR_REMEDY, "weight")
    return values
