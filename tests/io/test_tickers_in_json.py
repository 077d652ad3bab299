"""JSON of several tickers: read by --symbol, or refused with the tickers."""

import json

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.bars import load_bars
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.panel_files import build_panel
from tests.refusals import refused_data

DAYS = pd.bdate_range("2026-08-03", periods=20, name="Date")


def bars(close):
    steps = close + np.arange(20.0)
    return pd.DataFrame({"Open": steps, "High": steps + 2, "Low": steps - 2, "Close": steps + 1, "Volume": 9}, DAYS)


def as_json(frame, orient):
    return frame.to_json(orient=orient, date_format="iso")


def filed(frames, orient):
    return json.dumps({name: json.loads(as_json(frame, orient)) for name, frame in frames.items()})


@pytest.mark.parametrize("orient", ["index", "split", "records", "columns"])
def test_chains_filed_by_ticker(quotes, save, orient):
    rows = quotes().drop(columns="underlying_symbol")
    path = save(filed({"IWM": rows, "SPY": rows.assign(bid=rows["bid"] + 0.01)}, orient), "chains.json")
    for read in (load_chain, lambda path: build_panel([path])):
        with refused_data("chains.json", "symbol", "IWM", "SPY", "`symbol`"):
            read(path)
    chain = load_chain(path, symbol="IWM")
    assert (chain.symbol, len(chain.quotes)) == ("IWM", len(rows))
    assert chain.quotes["bid"].sum() == pytest.approx(rows["bid"].sum())


SEVERAL = pd.concat({"IWM": bars(100.0), "SPY": bars(300.0)})
BARS = {
    "filed by ticker": filed({"IWM": bars(100.0), "SPY": bars(300.0)}, "index"),
    **{f"MultiIndex, {orient}": as_json(SEVERAL, orient) for orient in ("index", "columns", "split")},
    "MultiIndex, day first": as_json(SEVERAL.swaplevel(), "index"),
}


@pytest.mark.parametrize("name", BARS)
def test_bars_by_ticker_and_day(save, name):
    path = save(BARS[name], "bars.json")
    with refused_data("bars.json", "symbol", "2", "IWM", "SPY"):
        load_bars(path)
    for symbol, first in (("IWM", 101.0), ("SPY", 301.0)):
        assert load_bars(path, symbol)["close"].iloc[0] == first


@pytest.mark.parametrize("orient", ["index", "columns", "split"])
def test_a_column_a_ticker_is_refused_with_the_tickers(save, orient):
    table = pd.DataFrame({"IWM": np.arange(20.0) + 20, "SPY": 15.0}, DAYS)
    path = save(as_json(table, orient), "wide.json")
    for read in (load_bars, lambda path: load_iv_history(path, "IWM", 30)):
        with refused_data("wide.json", "symbol", "2", "IWM", "SPY") as error:
            read(path)
        assert error.value.remedy.startswith("keep the columns of one symbol; give a CSV")
