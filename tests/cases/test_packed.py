"""Chains and series packed as people pack them: zip, xlsx, gzip; equal to the plain file, or refused by name."""

import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.bars import load_bars
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.panel_files import read_panel
from iwm_opts.market.bars import PRICES

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
    with pytest.raises(DataError, match=r"zip archive of 2 files: 2025\.csv, 2026\.csv\. Extract one"):
        load(path)


@pytest.mark.parametrize("load", [load_chain, load_bars])
@pytest.mark.parametrize("content", [b"PK\x03\x04....", b"PK\x03\x04" + bytes(100)])
def test_a_damaged_archive_is_named(tmp_path, load, content):
    path = tmp_path / "chain.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged or locked zip archive"):
        load(path)


@pytest.mark.parametrize("load", [load_chain, load_bars])
@pytest.mark.parametrize("body", [HEADER + b"\n" * 20, b'[{"a": 1},' + b" " * 20, b"PAR1" + bytes(20)])
def test_a_file_that_unpacks_a_thousandfold_is_refused(tmp_path, load, body):
    path = tmp_path / "chain.csv.gz"
    path.write_bytes(gzip.compress(body + bytes([body[-1]]) * 40_000_000, 9))
    with pytest.raises(DataError, match="unpacks to more than"):
        load(path)
