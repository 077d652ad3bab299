"""The registry of layouts, the files that carry them, and the exports that are refused by name."""

import gzip
import io
import zipfile
from datetime import datetime

import pytest
from openpyxl import Workbook

from iwm_opts.errors import DataError
from iwm_opts.journal import brokers
from iwm_opts.journal.brokers import Layout, not_supported
from iwm_opts.journal.executions import Execution
from iwm_opts.journal.readers import read_log

OWN = "entry,exit,contracts,pnl\n2026-03-02,2026-03-10,1,27.44\n"


@pytest.mark.parametrize(("name", "proof", "remedy"), not_supported.NOT_SUPPORTED)
def test_an_export_that_is_not_read_is_named_with_what_to_give(tmp_path, name, proof, remedy):
    file = tmp_path / "export.csv"
    file.write_text(",".join(column.title() for column in proof) + "\n" + ",".join("1" for _ in proof) + "\n")
    with pytest.raises(DataError) as refusal:
        read_log(file)
    assert name in str(refusal.value)
    assert refusal.value.remedy == remedy


def test_no_two_layouts_are_proved_by_the_same_row():
    read = [layout for layout in brokers.layouts() if layout.proof]
    clashes = {
        (first.name, second.name)
        for at, first in enumerate(read)
        for second in read[at + 1 :]
        if set(first.proof) <= set(second.proof) and first.name != second.name
    }
    assert clashes == set()


@pytest.fixture
def plugin(monkeypatch):
    """A layout of somebody else's, as an installed package would add it."""

    def read(export):
        return [
            Execution(row_time, "IWM", None, quantity, price, effect=effect, line=line)
            for (line, _), (row_time, quantity, price, effect) in zip(export.rows[1:], FILLS, strict=True)
        ]

    class Entry:
        @staticmethod
        def load():
            return Layout("My broker", ("my time", "my quantity"), read)

    monkeypatch.setattr(brokers, "entry_points", lambda group: [Entry] if group == brokers.GROUP else [])
    brokers.layouts.cache_clear()
    yield
    brokers.layouts.cache_clear()


FILLS = (
    (datetime(2026, 3, 2, 10), 100, 200.0, "open"),  # noqa: DTZ001 - logs are New York without a zone
    (datetime(2026, 3, 3, 10), -100, 201.0, "close"),  # noqa: DTZ001
)


@pytest.mark.usefixtures("plugin")
def test_a_layout_may_be_added_by_an_entry_point(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("My Time,My Quantity\n1,2\n3,4\n")
    log = read_log(file)
    assert list(log.closed["pnl"]) == [100.0]
    assert "My broker" in log.source


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def workbook(text):
    book, buffer = Workbook(), io.BytesIO()
    book.active.title = "Notes"
    sheet = book.create_sheet("Log")
    for line in text.splitlines():
        sheet.append([float(cell) if cell.replace(".", "").isdigit() else cell for cell in line.split(",")])
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.csv.gz", gzip.compress(OWN.encode(), mtime=0)),
        ("log.zip", zipped(log=OWN)),
        ("log.xlsx", workbook(OWN)),
        ("log.csv", ("sep=;\n" + OWN.replace(",", ";").replace("27.44", "27,44")).encode("utf-16")),
        ("log.csv", ("My trades of March\n\n" + OWN).encode("cp1252")),
    ],
)
def test_a_log_is_read_however_it_is_packed(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    assert list(read_log(file).closed["pnl"]) == [27.44]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"\xd0\xcf\x11\xe0 old workbook", "Excel 97-2003 workbook"),
        (b"%PDF-1.7", "is a PDF"),
        (b"<html><table></table></html>", "is a web page"),
        (b"<?xml version='1.0'?><Other/>", "XML of an unknown kind"),
        (b"\x1f\x8b damaged", "damaged gzip"),
        (zipped(a="1", b="2"), "zip archive of 2 files: a, b"),
        (b'{"history": {"event": []}}', "is JSON"),
        (b"Statement,Header,Field Name,Field Value\nStatement,Data,Title,x\n", "holds no section Trades"),
        (b"PAR1 damaged", "Parquet that cannot be read"),
        (b"a\0b\0c", "is not text"),
        (b"   \n", "is empty"),
    ],
)
def test_what_holds_no_table_is_named(tmp_path, content, rule):
    file = tmp_path / "log"
    file.write_bytes(content)
    with pytest.raises(DataError, match=rule):
        read_log(file)


def test_columns_that_occur_twice_are_refused(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("entry,contracts,pnl,PnL\n2026-03-02,1,5,6\n")
    with pytest.raises(DataError, match="columns that occur twice: pnl"):
        read_log(file)
