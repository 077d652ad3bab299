"""Damaged and odd files: a package error of at most 500 characters, or a sound result; never anything else.

`IWM_OPTS_FUZZ=100000` runs as many cases as that; the default is a short run. Each case is named by its seed, and runs
again alone with `IWM_OPTS_FUZZ_SEED`.
"""

import gzip
import io
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iwm_opts.errors import IwmOptsError
from iwm_opts.io.bars import load_bars
from iwm_opts.io.dividends import load_dividends
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.plan_tables import load_events, load_sectors
from iwm_opts.io.yields import load_yields

CASES = int(os.environ.get("IWM_OPTS_FUZZ", "40"))  # for each kind of file
ONE = os.environ.get("IWM_OPTS_FUZZ_SEED")
LONGEST_MESSAGE = 500
LONGEST_RUN = 10.0  # seconds
ODD_CELLS = (
    "", " ", "nan", "inf", "-inf", "1e400", "-1", "0", "99999999999999999999", "1e-400", "2026-02-30", "0000-00-00",
    "9999-12-31", "-5", "null", "[bold]x[/]", "=1+1", "\x00", "\x1b[31m", "é", "日本", "a" * 20_000, "1,2,3", '"', "'",
    "../../etc/passwd", "True", "{}", "[]", "12:00", "1790899200", "۱۲", "NaT", "<NA>", "\\N", "C", "P",
)  # fmt: skip


def chain_table() -> pd.DataFrame:
    """A market in parity at spot 100."""
    rows = []
    for expiration in ("2024-06-07", "2024-06-21"):
        for strike in (90.0, 95.0, 97.5, 99.0, 100.0, 101.0, 102.5, 105.0, 110.0):
            for right, sign in (("C", 1), ("P", -1)):
                value = max(sign * (100.0 - strike), 0.0) + max(3.0 - 0.25 * abs(strike - 100.0), 0.25)
                row = ("2024-06-03", "IWM", 100.0, expiration, right, strike, value - 0.05, value + 0.05, 10, 0.2)
                rows.append(row)
    names = "quote_date,underlying_symbol,underlying_price,expiration,right,strike,bid,ask,volume,implied_volatility"
    return pd.DataFrame(rows, columns=names.split(",")).round(2)


def series_table() -> pd.DataFrame:
    days = pd.bdate_range("2024-01-02", periods=40).strftime("%Y-%m-%d")
    close = 20.0 + np.arange(40) * 0.1
    return pd.DataFrame(
        {"date": days, "open": close, "high": close + 1.0, "low": close - 1.0, "close": close, "volume": 1000}
    ).round(2)


def minute_table() -> pd.DataFrame:
    times = pd.date_range("2024-01-02 09:30", periods=40, freq="min").strftime("%Y-%m-%d %H:%M:%S")
    return series_table().rename(columns={"date": "datetime"}).assign(datetime=times)


def dividend_table() -> pd.DataFrame:
    return pd.DataFrame({"ex_date": ["2024-03-15", "2024-06-14", "2024-09-13"], "amount": [0.5, 0.6, 0.7]})


def yield_table() -> pd.DataFrame:
    return series_table()[["date"]].assign(US3M=5.2)


def event_table() -> pd.DataFrame:
    return pd.DataFrame({"date": ["2024-01-04", "2024-02-01"], "event": ["ISM", "GDP"]})


def sector_table() -> pd.DataFrame:
    return pd.DataFrame({"date": "2024-01-04", "sector": ["Health", "Banks"], "weight": [0.6, 0.4]})


KINDS: dict[str, tuple[Callable[[], pd.DataFrame], Callable[[Path], object]]] = {
    "chain": (chain_table, load_chain),
    "bars": (series_table, load_bars),
    "iv": (series_table, load_iv_history),
    "minutes": (minute_table, load_minutes),
    "dividends": (dividend_table, load_dividends),
    "yields": (yield_table, load_yields),
    "events": (event_table, load_events),
    "sectors": (sector_table, lambda path: load_sectors([path])),
}


def mutated_table(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A table with odd cells, and columns dropped, doubled, renamed, reordered or of other types."""
    table = table.astype(object).copy()
    for _ in range(int(rng.integers(0, 4))):
        row, column = int(rng.integers(len(table))), int(rng.integers(table.shape[1]))
        table.iloc[row, column] = ODD_CELLS[int(rng.integers(len(ODD_CELLS)))]
    choice = int(rng.integers(8))
    names = list(table.columns)
    name = names[int(rng.integers(len(names)))]
    if choice == 0:
        table = table.drop(columns=name)
    elif choice == 1:
        table = pd.concat([table, table[[name]]], axis=1)
    elif choice == 2:
        table = table.rename(columns={name: ODD_CELLS[int(rng.integers(len(ODD_CELLS)))][:50]})
    elif choice == 3:
        table[name] = ODD_CELLS[int(rng.integers(len(ODD_CELLS)))]
    elif choice == 4:
        table = table.sample(frac=1.0, random_state=int(rng.integers(1 << 31)))
    elif choice == 5:
        table = table.iloc[: int(rng.integers(0, 3))]
    return table


def written(table: pd.DataFrame, rng: np.random.Generator) -> bytes:
    """A table as CSV in some dialect, JSON in some orient, or Parquet with some types."""
    form = int(rng.integers(6))
    if form <= 2:
        mark = (",", ";", "\t", "|")[int(rng.integers(4))]
        encoding = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le")[int(rng.integers(5))]
        return table.to_csv(index=False, sep=mark).encode(encoding, errors="replace")
    text = table.map(str)
    if form == 3:
        orient = ("records", "split", "values", "list")[int(rng.integers(4))]
        if orient in ("split", "list"):
            lists = {f"{place}{name}": text.iloc[:, place].tolist() for place, name in enumerate(text.columns)}
            return json.dumps(lists).encode()
        rows = text.to_numpy().tolist()
        records = [dict(zip(map(str, text.columns), row, strict=True)) for row in rows]
        return json.dumps(records if orient == "records" else rows).encode()
    columns = [text.iloc[:, place].tolist() for place in range(text.shape[1])]
    arrays = [pa.array(column) for column in columns]
    if form == 5 and arrays:
        odd = int(rng.integers(len(arrays)))
        length = len(text)
        arrays[odd] = (
            pa.array([[1.0]] * length, pa.list_(pa.float64())),
            pa.array([{"a": 1}] * length, pa.struct([("a", pa.int64())])),
            pa.array([b"\xff"] * length, pa.binary()),
            pa.array([None] * length, pa.null()),
            pa.array([1 << 62] * length, pa.int64()),
            pa.array([True] * length),
        )[int(rng.integers(6))]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=[str(name) for name in text.columns]), out)
    return out.getvalue()


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, cut, doubled or packed."""
    data = bytearray(content)
    choice = int(rng.integers(6))
    if choice == 0 and data:
        for _ in range(int(rng.integers(1, 20))):
            data[int(rng.integers(len(data)))] = int(rng.integers(256))
    elif choice == 1:
        del data[int(rng.integers(len(data) + 1)) :]
    elif choice == 2:
        data = data + data[: int(rng.integers(len(data) + 1))]
    packed = bytes(data)
    if int(rng.integers(4)) == 0:
        packed = gzip.compress(packed)
        if int(rng.integers(3)) == 0:
            packed = packed[: int(rng.integers(2, len(packed)))]
    return packed


def one_case(kind: str, seed: int, folder: Path) -> None:
    """Read one damaged file."""
    make, read = KINDS[kind]
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    path = folder / f"{kind}-{seed}.csv"
    path.write_bytes(damaged(written(mutated_table(make(), rng), rng), rng))
    start = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read(path)
        message = ""
    except IwmOptsError as error:
        message = str(error)
    except Exception as error:
        raise AssertionError(f"{kind}, seed {seed}: {type(error).__name__}: {error}") from error
    assert len(message) <= LONGEST_MESSAGE, (kind, seed, len(message))
    assert message.isprintable(), (kind, seed)
    assert time.monotonic() - start < LONGEST_RUN, (kind, seed)
    path.unlink()


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_an_error_of_the_package_or_sound(kind, tmp_path):
    for seed in [int(ONE)] if ONE else range(CASES):
        one_case(kind, seed, tmp_path)
