import csv
import gzip
import io
import json
import time
import zipfile

import pandas as pd
import pytest

from iwm_opts.io import packed, tables
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.panel_files import build_panel
from iwm_opts.io.tables import batches, open_table
from iwm_opts.io.text import Utf8Stream
from tests.refusals import refused_data

HEADER = "quote_date,underlying_symbol,underlying_price,expiration,right,strike,bid,ask\n"
ROW = "2024-06-03,IWM,100,2024-06-21,C,100,2.95,3.05\n"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.csv", ("size",)),
        (b"\n\n", "a.csv", ("size",)),
        (b"", "a.csv.gz", ("size",)),
        (HEADER.encode(), "a.csv", ("rows",)),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a.pdf", ("kind", "PDF", "CSV", "Parquet", "JSON")),
        (b"PK\x03\x04\x14\x00", "a.zip", ("content", "zip")),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.png", ("kind",)),
        (b"PAR1 and then nothing", "a.parquet", ("content", "Parquet")),
        (b"\x1f\x8b\x08\x00 broken", "a.csv", ("content", "gzip")),
        (b'{"options": [', "a.json", ("content", "JSON")),
        (b'{"options": []}', "a.json", ("answer",)),
        (b"Dear diary\nnothing today\n", "a.txt", ("expiration, right, strike, bid, ask", "Dear diary")),
        (HEADER.encode() + b"2024-06-03,IWM,100\n", "a.csv", ("row 2", "3 cells", "8")),
        (b'{"bid": 1}\n{"bid": 2,\n', "a.json", ("content", "line 2", "JSON")),
        (HEADER.encode("utf-16"), "a.csv", ("rows",)),
        (
            (HEADER + ROW).replace(",", "~").encode(),
            "a.csv",
            ("separator", "~"),
        ),
        ((HEADER + ROW).replace(",", "^").encode("utf-16"), "a.csv", ("separator", "'^'")),
        ((HEADER + ROW).replace(",", "   ").encode(), "a.txt", ("separator", "spaces")),
        ((HEADER + ROW).replace(",", "\x01").encode(), "a.txt", ("separator", "control characters")),
    ],
)
def test_what_is_no_chain_is_refused_in_one_line(save, content, name, message):
    with refused_data(name, *message) as caught:
        load_chain(save(content, name))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_directories_and_absent_files(tmp_path):
    with refused_data(tmp_path, "path"):
        load_chain(tmp_path)
    with refused_data("nowhere.csv", "content"):
        load_chain(tmp_path / "nowhere.csv")


def test_a_file_cut_short_is_noticed(quotes, save, tmp_path):
    whole = gzip.compress(quotes().to_csv(index=False).encode())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with refused_data("cut.csv.gz", "content"):
        load_chain(path)


def test_gzip_is_known_by_content_not_by_name(quotes, save):
    packed = gzip.compress(quotes().to_csv(index=False).encode())
    assert len(load_chain(save(packed, "chain.csv")).quotes) == 36
    assert len(load_chain(save(quotes(), "chain.txt")).quotes) == 36


def test_a_small_gzip_file_is_unpacked_once_until_it_changes(quotes, save, monkeypatch):
    opened, read = [], packed.read_whole

    def counted(path, most):
        opened.append(path)
        return read(path, most)

    monkeypatch.setattr(packed, "read_whole", counted)
    path = save(quotes(), "chain.csv.gz")
    assert len(load_chain(path).quotes) == 36
    assert opened.count(path) == 1
    path.write_bytes(gzip.compress(quotes().iloc[:30].to_csv(index=False).encode()))
    assert len(load_chain(path).quotes) == 30


@pytest.mark.parametrize("name", ["chain.csv", "chain.csv.gz"])
def test_rows_of_a_small_csv_are_parsed_once(quotes, save, monkeypatch, name):
    passes, read = [], tables._csv_batches

    def counted(*request):
        passes.append(request)
        return read(*request)

    monkeypatch.setattr(tables, "_csv_batches", counted)
    assert len(load_chain(save(quotes().assign(last_trade_time="2026-06-12T12:13:05"), name)).quotes) == 36
    assert len(passes) == 1


def test_a_gzip_file_of_two_members_is_read_whole(quotes, save):
    header, _, rows = quotes().to_csv(index=False).encode().partition(b"\n")
    content = gzip.compress(header + b"\n") + gzip.compress(rows)
    assert len(load_chain(save(content, "chain.csv")).quotes) == 36


def test_a_gzip_file_that_unpacks_to_more_than_is_kept_streams(quotes, save, monkeypatch):
    monkeypatch.setattr("iwm_opts.io.packed.SMALL_UNPACKED", 100)
    assert len(load_chain(save(gzip.compress(quotes().to_csv(index=False).encode()), "chain.csv.gz")).quotes) == 36


def test_gzipped_parquet(quotes, save, tmp_path):
    inner = save(quotes(), "inner.parquet").read_bytes()
    assert len(load_chain(save(gzip.compress(inner), "outer.parquet")).quotes) == 36


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_and_a_byte_order_mark(quotes, save, delimiter):
    text = "\ufeff" + quotes().to_csv(index=False, sep=delimiter)
    assert len(load_chain(save(text)).quotes) == 36


@pytest.mark.parametrize("name", ["chain.csv", "chain.csv.gz"])
@pytest.mark.parametrize("tail", [",1", ",,"])
def test_a_ragged_row_is_named(quotes, save, name, tail):
    lines = quotes().to_csv(index=False).splitlines()
    lines[20] += tail
    with refused_data(name, "row 21", "13", 13 + tail.count(",")):
        load_chain(save("\n".join(lines), name))


@pytest.mark.parametrize("titles", [1, 2, 3])
def test_a_second_download_below_the_first_is_named(quotes, save, titles):
    above = [f"iShares Russell 2000 ETF,Last: {240 + line}" for line in range(titles)]
    rows = quotes().to_csv(index=False).splitlines()
    with refused_data("chain.csv", f"row {len(rows) + 1}"):
        load_chain(save("\n".join([*rows, *above, *rows])))


@pytest.mark.parametrize(("shares", "left"), [(-99, 36), (0, 36), (100, 36), (150, 35)])
def test_a_negative_size_of_a_contract_is_unknown(quotes, save, shares, left):
    frame = quotes().assign(contract_size=[shares, *[100] * 35])
    path = save(frame.to_csv(index=False))
    assert len(load_chain(path).quotes) == left
    asks = build_panel([path], "IWM").panel.quotes[1::2]
    assert int(pd.notna(asks).sum()) == left


def test_contracts_inside_of_cells_and_keys_are_named(quotes, save):
    frame = quotes()
    cells = frame[["bid"]].assign(details="{'strike_price': 200.0}", underlying_asset="{}")
    with refused_data("chain.csv", "kind", "Polygon or Massive"):
        load_chain(save(cells.to_csv(index=False)))
    nested = frame.assign(expiration=pd.to_datetime(frame["expiration"])).set_index(["expiration", "strike", "right"])
    with refused_data("chain.json", "kind", "JSON", "reset_index"):
        load_chain(save(nested.to_json(orient="index"), "chain.json"))


def test_empty_names_and_equal_names_of_columns_that_are_not_read(quotes, save):
    frame = quotes().reset_index()
    text = frame.to_csv(index=False).replace("index,", ",", 1)
    assert len(load_chain(save(text)).quotes) == 36


def test_json_records_with_what_stands_beside_them(save):
    document = {"symbol": "IWM", "timestamp": "2024-06-03 18:00:00", "current_price": 100, "walls": [{"a": 1}]}
    document["options"] = [
        {"option": "IWM240607C00100000", "bid": 1.0, "ask": None},
        {"option": "IWM240607P00100000", "bid": 2},
    ]
    file = open_table(save(json.dumps(document), "a.json"))
    (batch,) = batches(file, ["bid", "ask", "current_price"], ["option", "feed_timestamp"])
    assert batch.rows.column("bid").to_pylist() == [1.0, 2.0]
    assert batch.rows.column("ask").to_pylist() == [None, None]
    assert batch.rows.column("current_price").to_pylist() == [100.0, 100.0]
    assert batch.rows.column("feed_timestamp").to_pylist() == ["2024-06-03 18:00:00"] * 2


def test_bad_numbers_of_other_kinds_of_file(quotes, save):
    frame = quotes().astype(str)
    frame.loc[3, "ask"] = "n.b."
    with refused_data("text.parquet", "ask", "row 4", "n.b."):
        load_chain(save(frame, "text.parquet"))


def test_ways_to_leave_a_cell_empty(quotes, save):
    frame = quotes().astype(str)
    frame.loc[:5, "volume"] = ["", " ", "NA", "nan", "None", "-"]
    for name in ("a.csv", "a.parquet"):
        assert load_chain(save(frame, name)).quotes["volume"].isna().sum() == 6


def test_a_cell_beyond_the_reader_s_limit_below_the_sample_is_named(tmp_path, made_quotes):
    text = made_quotes().to_csv(index=False)
    path = tmp_path / "chain.csv"
    path.write_text(text + "a" * 20_000 + "\n" + text.splitlines()[-1] + "\n")
    before = csv.field_size_limit(10_000)  # as series leave it
    try:
        with refused_data("chain.csv", "content", "CSV"):
            load_chain(path)
    finally:
        csv.field_size_limit(before)


class Failing(io.RawIOBase):
    def readable(self):
        return True

    def readinto(self, buffer):
        raise EOFError("cut short")


def test_a_failure_ends_a_stream_of_text_and_is_kept():
    stream = Utf8Stream(Failing(), "utf-8")
    assert stream.read() == b""
    assert str(stream.error) == "cut short"
    stream = Utf8Stream(io.BytesIO(b"a\xff"), "utf-8")
    assert (stream.read(), stream.error) == ("a\ufffd".encode(), None)
    stream = Utf8Stream(io.BytesIO("é".encode("utf-16")[:-1]), "utf-16")
    assert stream.read() == b""
    assert isinstance(stream.error, UnicodeDecodeError)


def test_a_chain_whose_gzip_is_damaged_far_down_says_so(made_quotes, tmp_path):
    table = pd.concat([made_quotes()] * 30, ignore_index=True)
    content = bytearray(gzip.compress(table.to_csv(index=False).encode()))
    content[-8] ^= 1
    (tmp_path / "chain.csv.gz").write_bytes(content)
    with refused_data("chain.csv.gz", "content", "CRC"):
        list(batches(open_table(tmp_path / "chain.csv.gz"), ("strike",), ("right",)))


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def workbook(path, rows):
    """Workbook of one sheet, its rows as XML."""
    openpyxl = pytest.importorskip("openpyxl")
    openpyxl.Workbook().save(path)
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, SHEET.format(rows) if name.endswith("sheet1.xml") else content)
    return path


def cell(column, line):
    return f'<row r="{line}"><c r="{column}{line}"><v>1</v></c></row>'


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([cell("XFD", line) for line in range(1, 30_000)], ("columns", "16,384", "2,000")),
        ([cell("BXX", line) for line in range(1, 30_000)], ("size", "33,554,432")),
        ([cell("A", 99_999_999_999)], ("rows",)),
    ],
    ids=["wide", "many", "far"],
)
def test_a_small_workbook_of_many_cells_ends_soon(rows, message, tmp_path):
    path = workbook(tmp_path / "book.xlsx", "".join(rows))
    assert path.stat().st_size < 300_000
    begin = time.process_time()
    with refused_data("book.xlsx", *message):
        open_table(path)
    assert time.process_time() - begin < 10.0


def test_a_line_of_millions_of_cells_is_refused_before_it_is_split(tmp_path):
    (tmp_path / "iv.csv").write_text("# notes\ndate,close" + ",x" * 20_000_000 + "\n")
    begin = time.process_time()
    with refused_data("iv.csv", "columns", "20,000,002", "2,000"):
        load_iv_history(tmp_path / "iv.csv")
    assert time.process_time() - begin < 5.0


def test_gzip_of_one_row_over_and_over_is_refused(tmp_path):
    content = gzip.compress(b"2024-01-02,1,1,1,1,1\n" * (1 << 20))
    (tmp_path / "bars.csv.gz").write_bytes(content)
    with refused_data("bars.csv.gz", "size"):
        load_iv_history(tmp_path / "bars.csv.gz")
