"""The registry of layouts, the files that carry them, and the exports that are refused by name."""

import gzip
import io
import json
import zipfile
from datetime import datetime

import pytest
from openpyxl import Workbook

from iwm_opts.api.review import OpenTrades, review
from iwm_opts.errors import DataError
from iwm_opts.journal import brokers
from iwm_opts.journal.brokers import Layout, not_supported
from iwm_opts.journal.executions import Execution
from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data

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
        (b"\xd0\xcf\x11\xe0 old workbook", ("kind", "Excel 97-2003")),
        (b"%PDF-1.7", ("kind", "PDF")),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ("kind", "PNG")),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", ("kind", "JPEG")),
        (b"SQLite format 3\x00", ("kind", "SQLite")),
        (b"<html><table></table></html>", ("kind", "web page")),
        (b"<?xml version='1.0'?><Other/>", ("kind", "XML")),
        (b"\x1f\x8b damaged", ("content", "gzip")),
        (zipped(a="1", b="2"), ("members", "2 files", "a, b")),
        (b'{"answer": {"rows": []}}', ("kind", "JSON", "CSV")),
        (b'{"option": [{"strike": 240, "bid": 1, "greeks": {"delta": 0.5}}]}', ("kind", "option chain")),
        (b'{"BrokerageTransactions": [', ("content", "JSON")),
        (b'# mine\nversion = 1\nname = "a"\nedge = "vol-contraction"\n', ("kind", "a plan")),
        (b'{"version": 1, "name": "a", "edge": "vol-contraction", "exits": {"profit": 0.5}}', ("kind", "a plan")),
        (b"[review]\naccount = 50000\n", ("kind", "TOML")),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", ("kind", "Git LFS")),
        (b"/annex/objects/SHA256E-s9--1.csv\n", ("kind", "git-annex")),
        (b"<!-- saved -->\n<!DOCTYPE html><html></html>", ("kind", "web page")),
        (
            b"<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'/>",
            ("kind", "Excel 2003"),
        ),
        (b"OFXHEADER:100\n<OFX>", ("kind", "Quicken")),
        (b"quote_date,expiration,right,strike,bid,ask\n2026-10-02,2026-11-20,P,240,1,2\n", ("kind", "option chain")),
        (b"Last: 240\nExpiration Date,Calls,Bid,Ask,Strike,Puts\n1,2,3,4,5,6\n", ("kind", "option chain")),
        (b"Date,Open,High,Low,Close,Volume\n2026-10-02,1,1,1,1,1\n", ("kind", "prices")),
        (b"Symbol,Last Price $,Change $,Quantity\nIWM,1,1,1\n", ("kind", "positions")),
        (b"Statement,Header,Field Name,Field Value\nStatement,Data,Title,x\n", ("Trades",)),
        (
            b"Statement,Header,Field Name,Field Value\nOpen Positions,Header,DataDiscriminator,Asset Category,Symbol\n",
            ("Trades",),
        ),
        (
            "Relev\u00e9,Header,Nom\nTransaction History,Header,Date,Compte,Symbole,Quantit\u00e9\n".encode(),
            ("language",),
        ),
        (b"PAR1 damaged", ("content", "Parquet")),
        (b"a\0b\0c", ("kind", "CSV")),
        (b"   \n", ("size",)),
    ],
)
def test_what_holds_no_table_is_named(tmp_path, content, rule):
    file = tmp_path / "log"
    file.write_bytes(content)
    with refused_data("log", *rule):
        read_log(file)


def test_columns_that_occur_twice_are_refused_where_they_differ_and_are_needed(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("entry,contracts,pnl,PnL\n2026-03-02,1,5,6\n")
    with refused_data("log.csv", "pnl"):
        read_log(file)
    file.write_text("entry,exit,contracts,pnl,PnL,notes,Notes,Line\n2026-03-02,2026-03-10,1,5,5,a,b,7\n")
    log = read_log(file)
    assert list(log.closed["pnl"]) == [5.0]
    assert [f"column {name} occurs more than once: the first is read" for name in ("pnl", "notes")] == list(log.notes)


def test_a_column_that_nobody_needs_may_occur_twice(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("entry,exit,contracts,credit,debit,fees,notes,Notes\n2026-03-02,2026-03-10,1,0.5,0.2,2.56,a,b\n")
    assert list(read_log(file).closed["pnl"]) == [pytest.approx(27.44)]


def test_reasons_of_a_log_without_trades_are_whole(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(
        "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Comm/Fee,Code\n"
        'Trades,Data,Order,Stocks,USD,XYZ,"2026-03-02, 10:00:00",100,50,-1,O\n'
        "Corporate Actions,Header,Asset Category,Currency,Report Date,Date/Time,Description,Quantity\n"
        'Corporate Actions,Data,Stocks,USD,2026-03-10,"2026-03-09, 20:25:00",XYZ(1) Merged for USD 54,-100\n'
    )
    with refused_data("log.csv, Interactive Brokers activity statement", "trades"):
        read_log(file)


OWN_HEADER = "entry,exit,contracts,credit,debit,fees,pnl\n"
OWN_ROW = "2026-03-03,2026-03-10,1,0.50,0.20,1.00,29.00\n"


@pytest.mark.parametrize("cell", ["\u20ac12.00", "\u00a312.00", '"12,00 \u20ac"', "12.00 EUR", "C$12.00"])
@pytest.mark.parametrize("column", ["fees", "pnl"])
def test_money_of_another_currency_is_refused_by_name(tmp_path, cell, column):
    row = f"2026-03-02,2026-03-10,1,0.50,0.20,{cell if column == 'fees' else '0'},{cell if column == 'pnl' else ''}\n"
    file = tmp_path / "log.csv"
    file.write_text(OWN_HEADER + row + OWN_ROW)
    log = read_log(file)
    assert list(log.closed["pnl"]) == [29.00]
    (problem,) = log.problems
    assert problem.startswith(f"line 2: {column} ")
    assert problem.endswith("is in another currency than USD: left out")


def test_rows_in_another_currency_are_refused_by_name(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(
        "entry,exit,contracts,pnl,currency\n2026-03-02,2026-03-10,1,12,EUR\n2026-03-03,2026-03-10,1,5,US$\n"
    )
    log = read_log(file)
    assert list(log.closed["pnl"]) == [5.00]
    assert log.problems == ("line 2: currency 'EUR': only USD is read: left out",)


def test_dollars_may_be_named(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("entry,exit,contracts,pnl\n2026-03-02,2026-03-10,1,US$12.00\n2026-03-03,2026-03-10,1,USD 5\n")
    assert list(read_log(file).closed["pnl"]) == [12.00, 5.00]


TRADEBLOCKS = {
    "columns of Option Omega": (
        "date_opened,time_opened,opening_price,legs,premium,closing_price,date_closed,time_closed,avg_closing_cost,"
        "reason_for_close,pl,num_contracts,strategy,opening_commissions_fees,closing_commissions_fees\n"
        "2026-03-02,10:00:00,200,1 Mar 20 190 P STO 1.20 | 1 Mar 20 185 P BTO 0.70,50,199,2026-03-10,11:00:00,-20,"
        "Profit Target,27.44,1,BPS,1.28,1.28\n"
    ),
    "columns without premium": (
        "symbol,trade_id,date_opened,time_opened,date_closed,time_closed,opening_price,closing_price,quantity,pl,"
        "opening_commissions_fees,closing_commissions_fees,max_profit,max_loss,strategy,status,notes\n"
        "IWM,1,2026-03-02,10:00:00,2026-03-10,11:00:00,0.5,0.2,1,27.44,1.28,1.28,50,450,BPS,closed,\n"
    ),
}


@pytest.mark.parametrize("columns", TRADEBLOCKS)
def test_tradeblocks_columns_in_snake_case(tmp_path, columns):
    file = tmp_path / "tradelog.csv"
    file.write_text(TRADEBLOCKS[columns])
    (trade,) = read_log(file).closed.itertuples()
    assert (trade.pnl, trade.fees, trade.contracts) == (27.44, 2.56, 1)  # 50 - 20 less 1.28 + 1.28
    assert str(trade.entry) == "2026-03-02 10:00:00"


def test_a_log_of_opening_balances_alone_names_all_that_it_holds(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(
        "Date,Action,Symbol,Description,Quantity,Price,Fees & Comm,Amount\n"
        "03/20/2026,Qualified Dividend,IWM,x,,,,$11.00\n"
        "03/12/2026,Buy to Close,SPY 04/17/2026 600.00 C,CALL,2,$1.00,$1.32,-$201.32\n"
    )
    result = review(file)
    assert isinstance(result, OpenTrades)
    record = result.record()
    assert record["rows_skipped"] == {"dividends (not in the results)": 1}
    assert [balance["quantity"] for balance in record["opening_balances"]] == [-2]
    assert "1 of dividends" in result.to_text()
    assert "opening balance: 2 SPY260417C00600000 short" in result.to_text()


TRADE = {"commission": 0.35, "description": "PUT", "price": 1.2, "quantity": -1, "symbol": "IWM260320P00190000"}
EVENT = {"amount": 119.65, "date": "2026-03-02T00:00:00Z", "type": "option", "option": TRADE}
TASTY = {"id": 1, "transaction-type": "Trade", "symbol": "IWM   260320P00190000", "price": "1.2", "fees": {}}
FILL = {"activity_type": "FILL", "transaction_time": "2026-03-02T15:00:00Z", "symbol": "IWM260320P00190000"}
IBKR = {"execution_id": "0001", "symbol": "IWM", "side": "S", "trade_time": "20260302-15:00:00", "conid": 1, "size": 1}
ROBIN = {"chain_symbol": "IWM", "legs": [{"side": "sell", "executions": []}], "state": "filled"}
STOCK = {"instrument": "https://x", "executions": [{"price": "200"}], "side": "buy"}


@pytest.mark.parametrize(
    ("content", "name", "remedy"),
    [
        ({"history": {"event": [EVENT]}}, "Tradier account history", "entry, exit, contracts, pnl"),
        ({"history": {"event": EVENT}}, "Tradier account history", "entry, exit, contracts, pnl"),
        ({"history": {"event": []}}, "Tradier account history", "entry, exit, contracts, pnl"),
        ({"gainloss": {"closed_position": [{"cost": 1}]}}, "Tradier gain/loss", "entry, exit, contracts, pnl"),
        ({"data": {"items": [TASTY]}, "context": "/transactions"}, "tastytrade transactions", "History, Transactions"),
        ({"data": {"items": []}}, "tastytrade API", "History, Transactions"),
        ([FILL], "Alpaca account activities", "entry, exit, contracts, pnl"),
        ([FILL | {"activity_type": "OPEXP"}], "Alpaca account activities", "entry, exit, contracts, pnl"),
        ([IBKR], "Interactive Brokers Client Portal trades", "Flex query"),
        ({"trades": [IBKR]}, "Interactive Brokers Client Portal trades", "Flex query"),
        ([ROBIN], "Robinhood option orders", "account activity"),
        ({"results": [ROBIN]}, "Robinhood option orders", "account activity"),
        ([STOCK], "Robinhood stock orders", "account activity"),
        ([{"activityId": 1, "transferItems": []}], "Schwab transactions", "transaction history"),
    ],
)
def test_json_of_a_brokers_interface_is_named(tmp_path, content, name, remedy):
    file = tmp_path / "history.json"
    file.write_text(json.dumps(content))
    with pytest.raises(DataError) as refusal:
        read_log(file)
    assert f"{name}" in str(refusal.value)
    assert "not supported" in str(refusal.value)
    assert remedy in str(refusal.value)
