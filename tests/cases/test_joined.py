"""Files that users join, resave and wrap: each is read whole with a count of what is left out, or refused by name."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.files import load_chain
from iwm_opts.io.panel_files import build_panel
from tests.refusals import refused_data, shows

DAY = "2026-10-02"
DOCUMENTS = ["marketdata.json", "pandas_split.json", "pandas_columns.json", "pandas_index.json", "pandas_records.json",
             "tradier.json", "schwab.json", "polygon.json"]  # fmt: skip
SPY_LEFT_OUT = "486 rows of other symbols (SPY): left out"


def assert_whole(quotes_of, base, path):
    quotes = quotes_of(path, symbol="IWM")
    assert quotes.index.equals(base.index)
    np.testing.assert_allclose(quotes.to_numpy(), base.to_numpy(), atol=1e-9)


@pytest.mark.parametrize("wrap", [lambda d: [d], lambda d: {"at": "14:00", "payload": d}, lambda d: {"IWM": d}])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_answer_inside_another_document(case, quotes_of, base, name, wrap):
    path = case(f"chains/{name}")
    path.write_text(json.dumps(wrap(json.loads(path.read_text()))))
    assert_whole(quotes_of, base, path)


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "pandas_index.json"])
def test_answers_by_ticker_are_kept_apart(case, quotes_of, base, name):
    path = case(f"chains/{name}")
    text = path.read_text()
    path.write_text(json.dumps({"IWM": json.loads(text), "SPY": json.loads(text.replace("IWM", "SPY"))}))
    assert_whole(quotes_of, base, path)
    assert SPY_LEFT_OUT in load_chain(path, symbol="IWM").warnings


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_answer_that_occurs_twice(case, quotes_of, base, name):
    path = case(f"chains/{name}")
    text = json.dumps(json.loads(path.read_text()))
    path.write_text(f"{text}\n{text}")
    assert_whole(quotes_of, base, path)
    assert load_chain(path, symbol="IWM").quality.duplicate == 486


def table_of(base):
    table = base.reset_index()
    table["underlying"], table["spot"] = "IWM", 240.15
    return table


def test_rows_of_another_root_are_counted(base, quotes_of, tmp_path):
    table = table_of(base).drop(columns="underlying")
    path = tmp_path / "roots.csv"
    pd.concat([table.assign(root="IWM"), table.assign(root="SPY")]).assign(quote_date=DAY).to_csv(path, index=False)
    assert_whole(quotes_of, base, path)
    assert SPY_LEFT_OUT in load_chain(path, symbol="IWM").warnings


@pytest.mark.parametrize("times", [2, 1])
def test_captures_with_a_time_by_contract(base, quotes_of, tmp_path, times):
    """The newest row of each contract is the capture; a row that occurs twice is counted."""
    table = table_of(base)
    second = pd.to_timedelta(np.arange(len(table)), unit="s")
    late = table.assign(bid_date=pd.Timestamp(f"{DAY} 15:40") + second)
    early = table.assign(bid_date=pd.Timestamp(f"{DAY} 11:00") + second, bid=table["bid"] / 2)
    path = tmp_path / "captures.csv"
    pd.concat([late, early if times == 2 else late]).to_csv(path, index=False)
    assert_whole(quotes_of, base, path)
    chain = load_chain(path, symbol="IWM")
    if times == 2:
        assert any(shows(note, "486 rows") for note in chain.quality.notes)
    else:
        assert chain.quality.duplicate == 486
    panel = build_panel([path], symbol="IWM").panel
    expected = build_panel([write(late, tmp_path / "late.csv")], symbol="IWM").panel
    np.testing.assert_array_equal(panel.quotes, expected.quotes)


def write(table, path):
    table.to_csv(path, index=False)
    return path


def padded(text, delimiter):
    rows = list(csv.reader(io.StringIO(text)))
    width = max(map(len, rows))
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([*row, *[""] * (width - len(row))] for row in rows)
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("blank", [0, 3])
def test_a_download_resaved_by_a_spreadsheet(case, quotes_of, base, delimiter, blank):
    path = case("chains/cboe_quotedata.csv")
    rows = padded(path.read_text(), delimiter)
    path.write_text(rows + (delimiter * 21 + "\n") * blank)
    assert_whole(quotes_of, base, path)
    assert str(load_chain(path).quote_time)[:16] == f"{DAY} 15:45"


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("is_book", [False, True])
def test_a_line_below_the_rows_that_a_spreadsheet_pads(base, tmp_path, delimiter, is_book):
    part = base.loc[pd.Timestamp("2026-10-30")].reset_index()
    lines = ["Strike,Bid,Mid,Ask,Latest,Volume,Open Int,OI Chg,Delta,IV,Type,Time"]
    lines += [f"{row.strike},{row.bid},{row.bid},{row.ask},1,10,20,1,0.5,21.2%,{'Call' if row.right == 'C' else 'Put'},"
              "10/02/26" for row in part.itertuples()]  # fmt: skip
    text = padded("\n".join([*lines, '"Downloaded from Barchart.com as of 10-02-2026 03:45pm CDT"']), delimiter)
    path = tmp_path / "iwm-options-exp-2026-10-30-weekly-show-all-stacked-10-02-2026.csv"
    path.write_text(text + delimiter * 11 + "\n")
    if is_book:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
        path = path.with_suffix(".xlsx")
        pd.DataFrame(rows).replace("", None).to_excel(path, index=False, header=False)
    chain = load_chain(path, symbol="IWM")
    assert (str(chain.as_of), len(chain.quotes)) == (DAY, len(part))


def test_files_joined_with_their_headers_are_named(case):
    path = case("chains/base.csv")
    path.write_text(path.read_text() * 2)
    with refused_data("base.csv", "row 488"):
        load_chain(path)


def test_an_epoch_that_a_spreadsheet_rounded_is_named(case):
    path = case("chains/d_epoch_ms.csv")
    path.write_text(path.read_text().replace("1790899200000", "1.79097E+12"))
    with refused_data("d_epoch_ms.csv", "quote_date", "1.79097E+12"):
        load_chain(path)
