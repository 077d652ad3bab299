"""Damaged and odd tables of market data; see conftest for how to run more."""

import gzip
import io
import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iwm_opts.io.bars import load_bars
from iwm_opts.io.dividends import load_dividends
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.panel_files import build_panel
from iwm_opts.io.plan_tables import load_events, load_sectors
from iwm_opts.io.yields import load_yields
from iwm_opts.journal.readers import read_log

ROWS = int(os.environ.get("IWM_OPTS_FUZZ_ROWS", "0"))  # of chains in all
EXAMPLES = 30 if "IWM_OPTS_FUZZ_SECONDS" in os.environ else int(os.environ.get("IWM_OPTS_FUZZ", "60")) // 2
ODD_CELLS = (
    "", " ", "nan", "inf", "-inf", "1e400", "-1", "0", "99999999999999999999", "1e-400", "2026-02-30", "0000-00-00",
    "9999-12-31", "-5", "null", "[bold]x[/]", "=1+1", "\x00", "\x1b[31m", "é", "日本", "a" * 20_000, "1,2,3", '"', "'",
    "../../etc/passwd", "True", "{}", "[]", "12:00", "1790899200", "۱۲", "NaT", "<NA>", "\\N", "C", "P", "1e9", "1e-9",
    "0001-01-01", "-1-01-01", "2024-06-03T00:00:00+25:00", "2024-06-03 10:00:00-04:00", "1e30", "123456", "99999",
    "1969-12-31", "2047-01-04", "1.5e-8", "\u202e", "\ud7ff", "$5", "5%", "(5)", "1_000", "0x1F", "٫5", "²",
    "-" * 9_000, "9" * 9_000 + "x", "9" * 401, "9" * 5_001, "Time" + "/A" * 4_000,
)  # fmt: skip
FACTORS = (-1.0, 0.0, 1e-9, 1e-4, 100.0, 1e4, 1e9, 1e300, float("nan"))
FIRST, LAST = pd.Timestamp("1970-01-01"), pd.Timestamp(datetime.now(UTC).year + 20, 12, 31)


def chain_table(expirations: int = 2) -> pd.DataFrame:
    """A market in parity at spot 100."""
    rows = []
    for expiration in pd.date_range("2024-06-07", periods=expirations, freq="14D").strftime("%Y-%m-%d"):
        for strike in (90.0, 95.0, 97.5, 99.0, 100.0, 101.0, 102.5, 105.0, 110.0):
            for right, sign in (("C", 1), ("P", -1)):
                value = max(sign * (100.0 - strike), 0.0) + max(3.0 - 0.25 * abs(strike - 100.0), 0.25)
                row = ("2024-06-03", "IWM", 100.0, expiration, right, strike, value - 0.05, value + 0.05, 10, 0.2)
                rows.append(row)
    names = "quote_date,underlying_symbol,underlying_price,expiration,right,strike,bid,ask,volume,implied_volatility"
    return pd.DataFrame(rows, columns=names.split(",")).round(2)


def log_table() -> pd.DataFrame:
    days = pd.bdate_range("2024-01-02", periods=12)
    return pd.DataFrame(
        {
            "entry": days.strftime("%Y-%m-%d"), "exit": (days + pd.Timedelta(days=9)).strftime("%Y-%m-%d"),
            "symbol": "IWM", "strategy": "iron-condor", "legs": "+1P195 -1P200 -1C240 +1C245",
            "expiration": (days + pd.Timedelta(days=30)).strftime("%Y-%m-%d"), "contracts": 2, "credit": 1.2,
            "debit": 0.6, "fees": 5.2, "reason": "profit", "rank": 12.5, "marks": "2024-01-03=-12.50",
            "checklist": "trend=met",
        }
    )  # fmt: skip


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


def _finite(values: pd.Series, *, at_least: float = -np.inf, most: float = np.inf, blank: bool = True) -> None:
    """Every number is finite and within its range; NaN where a column may be blank."""
    numbers = values.to_numpy(dtype=np.float64)
    assert blank or not np.isnan(numbers).any(), values.name
    numbers = numbers[~np.isnan(numbers)]
    assert (np.isfinite(numbers) & (numbers >= at_least) & (numbers <= most)).all(), (values.name, numbers)


def _dated(days: pd.Series | pd.DatetimeIndex) -> None:
    days = pd.Series(days).dropna()
    days = days.dt.tz_localize(None)
    assert days.between(FIRST, LAST).all(), days


def sound_chain(chain) -> None:
    quotes, spot = chain.quotes, chain.spot
    assert 0.0 < spot < np.inf
    _dated(pd.DatetimeIndex([chain.as_of]))
    _dated(quotes["expiration"])
    _dated(quotes["quote_time"])
    _finite(quotes["strike"], at_least=spot / 1e3, most=spot * 1e3, blank=False)
    for side in ("bid", "ask"):
        _finite(quotes[side], at_least=-1e3 * spot, most=1e3 * spot)
    usable = quotes[["bid", "ask"]].notna().all(axis=1)
    assert int(usable.sum()) >= chain.quality.usable > 0
    for name in ("volume", "open_interest", "bid_size", "ask_size", "implied_volatility"):
        _finite(quotes[name], at_least=0.0)
    assert chain.symbol.isprintable()
    assert "/" not in chain.symbol
    assert len(chain.symbol) <= 20


def sound_panel(build) -> None:
    panel = build.panel
    _dated(pd.DatetimeIndex(panel.dates))
    _dated(pd.DatetimeIndex([date.fromordinal(int(day)) for day in panel.expiration]))
    _finite(pd.Series(panel.spot), at_least=np.nextafter(0.0, 1.0))
    spot = float(np.nanmax(panel.spot))
    _finite(pd.Series(panel.strike), at_least=spot / 1e3, most=1e3 * spot, blank=False)
    _finite(pd.Series(panel.quotes.ravel()), at_least=0.0, most=1e3 * spot)


def sound_bars(bars) -> None:
    _dated(bars.index)
    assert bars.index.is_unique
    assert bars.index.is_monotonic_increasing
    for name in ("open", "high", "low", "close"):
        _finite(bars[name], at_least=np.nextafter(0.0, 1.0), most=1e7, blank=False)
    ends = bars[["open", "close"]]
    assert (ends.max(axis=1) <= bars["high"] * (1 + 1e-5)).all()
    assert (ends.min(axis=1) >= bars["low"] * (1 - 1e-5)).all()
    if "volume" in bars:
        _finite(bars["volume"], at_least=0.0)
    if "dividend" in bars:
        _finite(bars["dividend"], at_least=0.0, blank=False)
    for name in {"adjusted_close", "split"} & set(bars):
        _finite(bars[name], at_least=np.nextafter(0.0, 1.0), blank=False)


def sound_iv(history) -> None:
    _dated(history.closes.index)
    assert history.closes.index.is_unique
    assert history.closes.index.is_monotonic_increasing
    _finite(history.closes, at_least=0.0, most=3.0)


def sound_minutes(minutes) -> None:
    bars = minutes.bars
    _dated(bars.index)
    assert bars.index.is_unique
    for name in ("open", "close"):
        _finite(bars[name], at_least=np.nextafter(0.0, 1.0), most=1e7, blank=False)
    for name in ("high", "low"):
        _finite(bars[name], at_least=np.nextafter(0.0, 1.0), most=1e7)
    _finite(bars["volume"], at_least=0.0, most=1e12, blank=False)


def sound_dividends(schedule) -> None:
    _dated(pd.DatetimeIndex([dividend.ex_date for dividend in schedule.dividends]))
    _finite(pd.Series([dividend.amount for dividend in schedule.dividends], dtype=float), at_least=0.0, most=1e3)


def sound_yields(rates) -> None:
    _dated(rates.index)
    assert rates.index.is_unique
    _finite(rates, at_least=-0.03, most=0.3, blank=False)


def sound_events(events) -> None:
    _dated(events["date"])
    assert events["date"].notna().all()
    assert events["event"].str.len().between(1, 100).all()


def sound_sectors(sectors) -> None:
    _dated(sectors["date"])
    _finite(sectors["weight"], at_least=0.0, most=1.2, blank=False)


def sound_log(log) -> None:
    trades = log.trades
    for name in ("entry", "exit", "expiration", "due"):
        _dated(trades[name])
    assert trades["entry"].notna().all()
    _finite(trades["contracts"], at_least=1.0, most=1e9, blank=False)
    _finite(trades["multiplier"], at_least=0.0, blank=False)
    for name in ("credit", "debit", "fees", "settlement", "risk", "entry_mid", "exit_mid"):
        _finite(trades[name], at_least=-1e12, most=1e12)
    _finite(trades["pnl"])  # a product of the others where no column holds it
    _finite(trades["rank"], at_least=0.0, most=100.0)


Case = tuple[Callable[[], pd.DataFrame], Callable[[Path], object], Callable[[object], None]]
KINDS: dict[str, Case] = {
    "chain": (chain_table, load_chain, sound_chain),
    "panel": (chain_table, lambda path: build_panel([path]), sound_panel),
    "bars": (series_table, load_bars, sound_bars),
    "iv": (series_table, load_iv_history, sound_iv),
    "minutes": (minute_table, load_minutes, sound_minutes),
    "dividends": (dividend_table, load_dividends, sound_dividends),
    "yields": (yield_table, load_yields, sound_yields),
    "events": (event_table, load_events, sound_events),
    "sectors": (sector_table, lambda path: load_sectors([path]), sound_sectors),
    "log": (log_table, read_log, sound_log),
}
BROKERS = sorted(Path(__file__).parents[1].joinpath("journal/exports").iterdir())


def constant(value: object, kind: pa.DataType) -> Callable[[list[str]], pa.Array]:
    """Column of one value in place of any."""
    return lambda cells: pa.array([value] * len(cells), kind)


TYPES: dict[str, Callable[[list[str]], pa.Array]] = {
    "list": constant([1.0], pa.list_(pa.float64())),
    "struct": constant({"a": 1}, pa.struct([("a", pa.int64())])),
    "map": constant([("k", 1)], pa.map_(pa.string(), pa.int64())),
    "binary": constant(b"\xff", pa.binary()),
    "null": constant(None, pa.null()),
    "integer": constant(1 << 62, pa.int64()),
    "unsigned": constant((1 << 64) - 1, pa.uint64()),
    "boolean": constant(True, pa.bool_()),
    "nan": constant(float("nan"), pa.float64()),
    "infinite": constant(float("inf"), pa.float64()),
    "half": constant(np.float16(1.5), pa.float16()),
    "decimal": constant(Decimal("1.5"), pa.decimal128(38, 10)),
    "time": constant(5, pa.time32("s")),
    "span": constant(5, pa.duration("ns")),
    "date": constant(19_724, pa.date32()),
    "timestamp": constant(1_704_153_600, pa.timestamp("s")),
    "zoned": constant(1_704_153_600, pa.timestamp("s", "Asia/Tokyo")),
    "words": lambda cells: pa.array(cells).dictionary_encode(),
    "bytes": lambda cells: pa.array([b"\xff"] * len(cells)).dictionary_encode(),
}


def mutated_table(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A table with odd cells or figures, and columns dropped, doubled, renamed, reordered or of other types."""
    table = table.astype(object).copy()
    for _ in range(int(rng.integers(0, 3))):
        row, column = int(rng.integers(len(table))), int(rng.integers(table.shape[1]))
        cell = table.iloc[row, column]
        is_scaled = isinstance(cell, float | int) and rng.integers(2)
        odd = ODD_CELLS[int(rng.integers(len(ODD_CELLS)))]
        table.iloc[row, column] = cell * FACTORS[int(rng.integers(len(FACTORS)))] if is_scaled else odd
    names = list(table.columns)
    name = names[int(rng.integers(len(names)))]
    odd = ODD_CELLS[int(rng.integers(len(ODD_CELLS)))]
    choice = int(rng.integers(20))
    if choice == 0:
        table = table.drop(columns=name)
    elif choice == 1:
        table = pd.concat([table, table[[name]]], axis=1)
    elif choice == 2:
        table = table.rename(columns={name: odd[:50]})
    elif choice == 3:
        table[name] = odd
    elif choice == 4:
        table = table.sample(frac=1.0, random_state=int(rng.integers(1 << 31)))
    elif choice == 5:
        table = table.iloc[: int(rng.integers(0, 3))]
    elif choice == 6:
        factor = FACTORS[int(rng.integers(len(FACTORS)))]
        table[name] = [cell * factor if isinstance(cell, float) else cell for cell in table[name]]
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
        types = list(TYPES.values())
        arrays[odd] = types[int(rng.integers(len(types)))](columns[odd])
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=[str(name) for name in text.columns]), out)
    return out.getvalue()


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, cut, doubled or packed."""
    data = bytearray(content)
    choice = int(rng.integers(12))
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
        if int(rng.integers(6)) == 0:
            packed = packed[: int(rng.integers(2, len(packed)))]
    return packed


def table_of(kind: str, rng: np.random.Generator) -> pd.DataFrame:
    """A sound table of a kind; chains are of 2 to 40 expirations."""
    make = KINDS[kind][0]
    return chain_table(int(rng.integers(2, 41))) if make is chain_table and ROWS else make()


@pytest.fixture(scope="module", autouse=True)
def _compiled(tmp_path_factory):
    """Kernels are compiled before anything is timed."""
    for kind, (make, read, check) in KINDS.items():
        path = tmp_path_factory.mktemp("sound") / f"{kind}.csv"
        make().to_csv(path, index=False)
        check(read(path))


def run_case(kind: str, seed: int, folder: Path, fuzz) -> None:
    """Read one damaged file."""
    _, read, check = KINDS[kind]
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    table = mutated_table(table_of(kind, rng), rng)
    path = folder / f"{kind}-{seed}.csv"
    path.write_bytes(damaged(written(table, rng), rng))
    fuzz.attempt(kind, seed, partial(read, path), check, len(table))
    path.unlink()


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_an_error_of_the_package_or_sound(kind, tmp_path, fuzz):
    needed_rows = ROWS if kind == "chain" else 0
    fuzz.each(kind, lambda seed: run_case(kind, seed, tmp_path, fuzz), needed_rows)


def test_a_damaged_export_of_a_broker_is_an_error_of_the_package_or_sound(tmp_path, fuzz):
    def case(seed: int) -> None:
        rng = np.random.default_rng(seed)
        content = BROKERS[seed % len(BROKERS)].read_bytes()
        for _ in range(int(rng.integers(1, 4))):
            content = with_odd_cell(content, rng)
        path = tmp_path / f"{seed}.csv"
        path.write_bytes(damaged(content, rng))
        fuzz.attempt("broker", seed, partial(read_log, path), sound_log)
        path.unlink()

    fuzz.each("broker", case)


def with_odd_cell(content: bytes, rng: np.random.Generator) -> bytes:
    """Text with one cell of one line changed."""
    lines = content.decode().split("\n")
    place = int(rng.integers(len(lines)))
    cells = lines[place].split(",")
    cells[int(rng.integers(len(cells)))] = ODD_CELLS[int(rng.integers(len(ODD_CELLS)))]
    lines[place] = ",".join(cells)
    return "\n".join(lines).encode()


CELLS = st.one_of(
    st.sampled_from(ODD_CELLS), st.text(max_size=40), st.floats().map(repr), st.integers().map(str),
    st.dates(date(1, 1, 1), date(9999, 12, 31)).map(str), st.datetimes().map(str),
)  # fmt: skip
CHANGES = st.lists(st.tuples(st.integers(0, 39), st.integers(0, 12), CELLS), max_size=4)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(KINDS)), changes=CHANGES, mark=st.sampled_from(",;\t|"), as_json=st.booleans())
def test_any_cell_is_an_error_of_the_package_or_sound(tmp_path, fuzz, kind, changes, mark, as_json):
    make, read, check = KINDS[kind]
    table = make().astype(object)
    for row, column, cell in changes:
        table.iloc[row % len(table), column % table.shape[1]] = cell
    path = tmp_path / "table"
    text = json.dumps(table.map(str).to_dict("records")) if as_json else table.to_csv(index=False, sep=mark)
    path.write_bytes(text.encode(errors="replace"))
    fuzz.attempt(kind, changes, partial(read, path), check, len(table))


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_any_type_is_an_error_of_the_package_or_sound(kind, tmp_path, fuzz):
    make, read, check = KINDS[kind]
    table = make().map(str)
    path = tmp_path / "table.parquet"
    for name in table:
        for of_type, array in TYPES.items():
            columns = {each: pa.array(table[each].tolist()) for each in table} | {name: array(table[name].tolist())}
            pq.write_table(pa.table(columns), path)
            fuzz.attempt(kind, f"{name} of {of_type}", partial(read, path), check, len(table))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mark", ["-", "_", "/A", "(", ".", "9", " ", "'", "[", "a-"])
def test_a_line_of_one_mark_is_an_error_of_the_package_or_sound(kind, mark, tmp_path, fuzz):
    _, read, check = KINDS[kind]
    path = tmp_path / "table.csv"
    for length in (9_000, 200_000):
        path.write_text(mark * (length // len(mark)) + "\n1,2\n")
        fuzz.attempt(kind, f"{mark} x {length}", partial(read, path), check)


def test_past_findings_stay_mended(corpus, fuzz):
    for path in corpus:
        kind = path.name.partition("-")[0]
        if kind in KINDS:
            _, read, check = KINDS[kind]
            fuzz.attempt(kind, path.name, partial(read, path), check)
