"""Chains and series packed as people pack them: zip, xlsx, gzip; equal to the plain file, or refused by name."""

import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.bars import load_bars
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.panel_files import build_panel, read_panel
from iwm_opts.io.yields import load_yields
from iwm_opts.journal.readers import read_log
from iwm_opts.market.bars import PRICES
from tests.refusals import refused_data, shows

HEADER = b"quote_date,underlying_symbol,expiration,right,strike,bid,ask\n2026-10-02,IWM,2026-10-30,C,240,1,2\n"


def zipped(path, *names):
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names or (path.name,):
            file.writestr(name, path.read_bytes())
        file.writestr(f"__MACOSX/._{path.name}", b"\0")
    return archive


def as_workbook(path):
    book = path.with_suffix(".xlsx")
    table = pd.read_csv(path)
    for name in ("quote_date", "expiration"):
        if name in table:
            table[name] = pd.to_datetime(table[name])
    table.to_excel(book, index=False)
    return book


def as_parquet_zipped(path):
    parquet = path.with_suffix(".parquet")
    pd.read_csv(path).to_parquet(parquet, index=False)
    return zipped(parquet)


@pytest.mark.parametrize("pack", [zipped, as_workbook, as_parquet_zipped])
def test_a_packed_chain_is_the_same_chain(case, quotes_of, base, pack):
    path = pack(case("chains/base.csv"))
    chain = load_chain(path)
    assert (chain.symbol, str(chain.as_of), chain.source) == ("IWM", "2026-10-02", str(path))
    quotes = quotes_of(path)
    assert quotes.index.equals(base.index)
    np.testing.assert_allclose(quotes.to_numpy(), base.to_numpy(), atol=1e-9)


@pytest.mark.parametrize("form", ["%m/%d/%Y", "%d/%m/%Y"])
@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@pytest.mark.parametrize("load", [load_iv_history, load_bars, load_yields])
def test_dates_of_which_excel_turned_a_part_are_refused(tmp_path, load, suffix, form):
    days = pd.bdate_range("2024-01-02", "2024-12-31")
    cells = [pd.Timestamp(day.year, day.day, day.month) if day.day <= 12 else f"{day:{form}}" for day in days]
    prices = dict.fromkeys(("OPEN", "HIGH", "LOW", "CLOSE"), 5.0)
    table, path = pd.DataFrame({"DATE": cells, **prices}), tmp_path / f"series{suffix}"
    table.to_excel(path, index=False) if suffix == ".xlsx" else table.to_csv(path, index=False)
    with refused_data(path, "dates", "Excel", "12"):
        load(path)


def test_expirations_of_which_excel_turned_a_part_are_refused(case, tmp_path):
    table = pd.read_csv(case("chains/base.csv"), parse_dates=["expiration"])
    days = table["expiration"].map(lambda day: day.replace(month=day.day, day=day.month) if day.day <= 12 else day)
    turned = days.dt.strftime("%Y-%m-%d").where(table["expiration"].dt.day <= 12, days.dt.strftime("%m/%d/%Y"))
    table.assign(expiration=turned).to_excel(tmp_path / "chain.xlsx", index=False)
    for load in (load_chain, lambda path: read_panel([path])):
        with refused_data("chain.xlsx", "dates", "Excel", "2026-09-10", "10/30/2026"):
            load(tmp_path / "chain.xlsx")


@pytest.mark.parametrize("pack", [zipped, as_workbook])
def test_packed_days_are_the_same_panel(case, pack):
    path = case("backtests/bt_full.csv")
    plain, packed = read_panel([path]), read_panel([pack(path)])
    assert (plain.dates, plain.strike.tolist()) == (packed.dates, packed.strike.tolist())
    np.testing.assert_array_equal(plain.quotes, packed.quotes)


@pytest.mark.parametrize("pack", [zipped, as_workbook])
def test_packed_series_are_the_same_series(case, pack):
    path = case("series/bars_iso.csv")
    assert load_bars(pack(path))[PRICES].equals(load_bars(path)[PRICES])
    path = case("series/h_RVX_cboe.csv")
    assert load_iv_history(pack(path)).closes.equals(load_iv_history(path).closes)


@pytest.mark.parametrize("load", [load_chain, load_bars])
def test_an_archive_of_several_files_is_named(case, load):
    path = zipped(case("chains/base.csv"), "2025.csv", "2026.csv")
    with refused_data("base.zip", "members", "2025.csv", "2026.csv"):
        load(path)


@pytest.mark.parametrize("load", [load_chain, load_bars])
@pytest.mark.parametrize("content", [b"PK\x03\x04....", b"PK\x03\x04" + bytes(100)])
def test_a_damaged_archive_is_named(tmp_path, load, content):
    path = tmp_path / "chain.zip"
    path.write_bytes(content)
    with refused_data("chain.zip", "content", "zip archive or workbook"):
        load(path)


@pytest.mark.parametrize("load", [load_chain, load_bars])
@pytest.mark.parametrize("body", [HEADER + b"\n" * 20, b'[{"a": 1},' + b" " * 20, b"PAR1" + bytes(20)])
def test_a_file_that_unpacks_a_thousandfold_is_refused(tmp_path, load, body):
    path = tmp_path / "chain.csv.gz"
    path.write_bytes(gzip.compress(body + bytes([body[-1]]) * 40_000_000, 9))
    with refused_data("chain.csv.gz", "size", "4 MB"):
        load(path)


def sheets(path, parts):
    book = path.with_suffix(".xlsx")
    with pd.ExcelWriter(book) as writer:
        for name, table in parts.items():
            table.to_excel(writer, sheet_name=name, index=False)
    return book


def by(table, column, *, is_kept, names=str):
    rest = table if is_kept else table.drop(columns=column)
    return {names(value): rest[table[column] == value] for value in table[column].unique()}


NOTES = pd.DataFrame({"Notes": ["downloaded by hand", "see page 2"]})
RIGHT_NAMES = {"C": "IWM Calls", "P": "IWM Puts"}


@pytest.mark.parametrize(
    "parts",
    [
        lambda table: by(table, "expiration", is_kept=True),
        lambda table: by(table, "expiration", is_kept=False),
        lambda table: by(table, "right", is_kept=False, names=RIGHT_NAMES.get),
        lambda table: by(table.drop(columns="underlying_symbol"), "right", is_kept=False, names=RIGHT_NAMES.get),
        lambda table: {"Read me": NOTES, "Chain": table},
        lambda table: {"Sheet1": table[:200], "Sheet2": table[table.columns[::-1]][200:], "Source": NOTES},
        lambda table: {"2026-10-02": table[:200].drop(columns="quote_date"), "02-Oct-2026": table[200:].iloc[:, 1:]},
    ],
)  # fmt: skip
def test_sheets_of_one_table_are_one_chain(case, quotes_of, base, parts):
    path = case("chains/base.csv")
    book = sheets(path, parts(pd.read_csv(path)))
    chain = load_chain(book, symbol="IWM")
    assert str(chain.as_of) == "2026-10-02"
    assert any("sheets" in note for note in chain.quality.notes)
    quotes = quotes_of(book, symbol="IWM")
    assert quotes.index.equals(base.index)
    np.testing.assert_allclose(quotes.to_numpy(), base.to_numpy(), atol=1e-9)
    assert build_panel([book], symbol="IWM").panel.strike.size == build_panel([path]).panel.strike.size


def test_sheets_of_several_tables_are_named(case):
    path = case("chains/base.csv")
    table = pd.read_csv(path)
    book = sheets(path, {"Chain": table, "Greeks": table[["expiration", "strike", "right", "delta"]]})
    with refused_data("base.xlsx", "sheets", "2 different tables", "Chain", "Greeks"):
        load_chain(book)
    nameless = table.drop(columns="underlying_symbol")
    with refused_data("base.xlsx", "sheets", "2", "IWM", "SPY"):
        load_chain(sheets(path, {"IWM": nameless, "SPY": nameless}))
    bars = case("series/bars_iso.csv")
    table = pd.read_csv(bars)
    with refused_data("bars_iso.xlsx", "sheets", "2", "IWM", "KRE"):
        load_bars(sheets(bars, {"IWM": table, "KRE": table}))
    years = {str(year): part for year, part in table.groupby(table.iloc[:, 0].str[:4])}
    assert load_bars(sheets(bars, years))[PRICES].equals(load_bars(bars)[PRICES])


def archived(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("depth", ["gz", "zip", "xlsx", "gz of zip", "gz of gz", "gz of xlsx", "companions"])
def test_a_table_packed_twice_is_read(case, quotes_of, base, tmp_path, depth):
    path = case("chains/base.csv")
    raw, book = path.read_bytes(), as_workbook(path).read_bytes()
    single = archived(tmp_path / "inner.zip", {"base.csv": raw}).read_bytes()
    junk = {"README.txt": b"by hand", ".DS_Store": b"\0", "__MACOSX/._base.csv": b"\0", "layout.pdf": b"%PDF"}
    made = {
        "gz": lambda: archived(tmp_path / "a.zip", {"base.csv.gz": gzip.compress(raw)}),
        "zip": lambda: archived(tmp_path / "a.zip", {"inner.zip": single}),
        "xlsx": lambda: archived(tmp_path / "a.zip", {"base.xlsx": book}),
        "companions": lambda: archived(tmp_path / "a.zip", {**junk, "data/base.csv": raw}),
    }
    packed = {"gz of zip": single, "gz of gz": gzip.compress(raw), "gz of xlsx": book}
    file = tmp_path / "a.gz"
    if depth in packed:
        file.write_bytes(gzip.compress(packed[depth]))
    else:
        file = made[depth]()
    np.testing.assert_allclose(quotes_of(file).to_numpy(), base.to_numpy(), atol=1e-9)
    if depth == "companions":
        assert any("not read: README.txt, layout.pdf" in note for note in load_chain(file).quality.notes)


@pytest.mark.parametrize("load", [load_chain, load_bars, read_log])
@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ({}, ("members",)),
        ({"README.txt": b"nothing"}, ("members", "README.txt")),
        ({"mimetype": b"", "content.xml": b"<a/>"}, ("kind", "OpenDocument")),
        ({"xl/workbook.bin": b""}, ("kind", "Excel workbook")),
    ],
)
def test_an_archive_without_a_table_is_named(tmp_path, load, files, rule):
    with refused_data("a.zip", *rule):
        load(archived(tmp_path / "a.zip", files))


@pytest.mark.parametrize("load", [load_chain, load_bars])
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("base.csv.gz", ("content", "gzip")),
        ("base.xlsx", ("content", "zip archive or workbook")),
        ("base.parquet", ("content", "Parquet")),
        ("base.json", ("content", "JSON", "line 1")),
    ],
)
def test_a_file_cut_short_is_named(case, load, name, rule):
    path = case("chains/base.csv")
    table, whole = pd.read_csv(path), path.with_name(name)
    if name.endswith(".gz"):
        whole.write_bytes(gzip.compress(path.read_bytes()))
    elif name.endswith(".xlsx"):
        as_workbook(path)
    elif name.endswith(".parquet"):
        table.to_parquet(whole)
    else:
        table.to_json(whole, orient="records")
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with refused_data(name, *rule):
        load(whole)


def test_a_text_cut_short_is_named(case):
    path = case("chains/base.csv")
    path.write_bytes(path.read_bytes()[:30_000].rpartition(b",")[0])
    with refused_data("base.csv", "row 376", "13 cells", "14"):
        load_chain(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_every_encoding_of_a_spreadsheet_is_read(case, quotes_of, base, encoding):
    path = case("chains/base.csv")
    text = path.read_text()
    path.write_bytes(text.encode(encoding))
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)
    bars = case("series/bars_iso.csv")
    expected = load_bars(bars)[PRICES]
    bars.write_bytes(bars.read_text().encode(encoding))
    assert load_bars(bars)[PRICES].equals(expected)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (bytes(257) + b"ustar" + bytes(300), ("kind", "tar archive")),
        (b"Rar!\x1a\x07", ("kind", "RAR")),
        (b"ARROW1\0\0", ("kind", "Feather")),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_another_kind_of_file_is_named(tmp_path, content, what, pack):
    path = tmp_path / "chain.bin"
    path.write_bytes(pack(content))
    with refused_data("chain.bin", *what):
        load_chain(path)


LOG = pd.DataFrame(
    {"symbol": "IWM", "entry": ["2025-12-01", "2026-01-05"], "exit": ["2025-12-05", "2026-01-09"], "contracts": 1,
     "credit": [1.0, 0.9], "debit": [0.5, 0.4], "fees": 2.6}
)  # fmt: skip


def test_sheets_of_a_log(tmp_path):
    summary = pd.DataFrame({"Month": ["Dec", "Jan"], "Result": [47.4, 47.4]})
    book = sheets(tmp_path / "log.csv", {"Summary": summary, "2025": LOG[:1], "2026": LOG[1:]})
    log = read_log(book)
    assert log.closed["pnl"].round(2).tolist() == [47.4, 47.4]
    assert "sheets joined: 2025, 2026" in log.notes
    assert shows(log.notes, "Summary")
    with refused_data("log.xlsx", "sheets", "2", "IRA", "Margin"):
        read_log(sheets(tmp_path / "log.csv", {"IRA": LOG[:1], "Margin": LOG[1:]}))
