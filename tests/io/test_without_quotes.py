"""Files of options without bid and ask: named for what they are wherever they are given."""

import json

import pytest

from iwm_opts.io.bars import load_bars
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.panel_files import read_panel
from iwm_opts.io.yields import load_yields
from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data, shows

CONTRACT = {"symbol": "IWM", "strike": 240.0, "right": "CALL", "expiration": "2026-10-09"}
DEFINITION = {
    "ts_recv": "2026-10-02T10:30:00Z", "instrument_id": 1001, "raw_symbol": "IWM   261009C00240000",
    "instrument_class": "C", "expiration": "2026-10-09T00:00:00Z", "strike_price": "240.000000000", "underlying": "IWM",
}  # fmt: skip
DEFINITIONS, STATISTICS = "Databento definitions", "Databento statistics"
THETADATA, ALONE = "ThetaData", "open interest alone"
FILES = {
    "definitions.csv": (DEFINITIONS, f"{','.join(DEFINITION)}\n" + 2 * f"{','.join(map(str, DEFINITION.values()))}\n"),
    "definitions.jsonl": (DEFINITIONS, 2 * f"{json.dumps(DEFINITION | {'hd': {'rtype': 19}})}\n"),
    "statistics.csv": (
        STATISTICS,
        "ts_recv,ts_event,ts_ref,price,quantity,stat_type,symbol\n"
        + 2 * "2026-10-02T10:30:00Z,2026-10-02T10:30:00Z,2026-10-01T00:00:00Z,,1033,9,IWM   261009C00240000\n",
    ),
    "v2_series.csv": (THETADATA, "ms_of_day,open_interest,date\n23400000,1033,20261002\n23400000,1040,20261005\n"),
    "v2_bulk.csv": (
        THETADATA,
        ("root,expiration,strike,right,ms_of_day,open_interest,date\n"
         "IWM,20261009,240000,C,23400000,1033,20261002\nIWM,20261009,240000,P,23400000,1033,20261002\n"),
    ),
    "v2_series.json": (
        THETADATA,
        json.dumps({
            "header": {"format": ["ms_of_day", "open_interest", "date"], "next_page": "null"},
            "response": [[23400000, 1033, 20261002], [23400000, 1040, 20261005]],
        }),
    ),
    "v3.csv": (
        THETADATA,
        ("symbol,expiration,strike,right,timestamp,open_interest\n"
         "IWM,2026-10-09,240.000,CALL,2026-10-02T06:30:00,1033\nIWM,2026-10-09,240.000,PUT,2026-10-02T06:30:00,1033\n"),
    ),
    "v3.json": (
        THETADATA,
        json.dumps({
            "response": [{"contract": CONTRACT, "data": [{"timestamp": "2026-10-02T06:30:00", "open_interest": 1033}]}]
        }),
    ),
    "series.csv": (ALONE, "timestamp,open_interest\n2026-10-02T06:30:00,1033\n2026-10-05T06:30:00,1050\n"),
}  # fmt: skip
SERIES = {
    "iv": lambda path: load_iv_history(path, "IWM", 30), "bars": load_bars, "minutes": load_minutes,
    "yields": load_yields,
}  # fmt: skip


@pytest.fixture(params=FILES)
def named(request, tmp_path):
    what, text = FILES[request.param]
    path = tmp_path / request.param
    path.write_text(text)
    return what, path


@pytest.mark.parametrize("read", [load_chain, lambda path: read_panel([path])], ids=["chain", "panel"])
def test_a_chain_is_refused_by_name_with_what_to_fetch(named, read):
    what, path = named
    with refused_data(path, "kind") as error:
        read(path)
    assert what in error.value.rule
    assert shows(error.value.remedy, "bid", "ask")


@pytest.mark.parametrize("read", SERIES.values(), ids=SERIES)
def test_a_series_is_refused_by_name_with_what_is_read(named, read):
    what, path = named
    with refused_data(path, "kind") as error:
        read(path)
    assert what in error.value.rule
    assert error.value.remedy.startswith("give a CSV")


def test_a_trade_log_is_refused_by_name(named):
    what, path = named
    if path.suffix == ".csv":
        with refused_data(path, "kind", what):
            read_log(path)
