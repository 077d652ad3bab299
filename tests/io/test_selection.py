import subprocess
import sys
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iwm_opts.io.files import load_chain
from iwm_opts.io.panel_files import build_panel
from tests.refusals import refused_data, shows

DAYS = [date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 6)]


@pytest.fixture(params=["chain.csv", "chain.csv.gz", "chain.parquet"])
def week(request, quotes, save):
    return save(pd.concat([quotes(day) for day in reversed(DAYS)]), request.param)


def test_the_latest_day_unless_asked(week):
    assert load_chain(week).as_of == date(2024, 6, 6)
    assert load_chain(week, as_of=date(2024, 6, 4)).as_of == date(2024, 6, 4)
    assert len(load_chain(week, as_of=date(2024, 6, 4)).quotes) == 36


@pytest.mark.parametrize(
    ("day", "nearest"),
    [
        (date(2024, 6, 5), "`as_of` 2024-06-04 or `as_of` 2024-06-06"),
        (date(2024, 6, 1), "`as_of` 2024-06-03"),
        (date(2025, 1, 2), "`as_of` 2024-06-06"),
    ],
)
def test_a_day_outside_the_file_names_the_nearest(week, day, nearest):
    with refused_data(week, "quote_date", day, "3 days", "2024-06-03", "2024-06-06", nearest):
        load_chain(week, as_of=day)


@pytest.mark.parametrize("name", ["chain.csv", "chain.parquet"])
def test_several_symbols(quotes, save, name):
    other = quotes(DAYS[0]).assign(underlying_symbol="SPY", strike=lambda f: f["strike"] + 0.5)
    path = save(pd.concat([quotes(DAYS[0]), other]), name)
    with refused_data(path, "symbol", "IWM", "SPY", "`symbol`"):
        load_chain(path)
    with refused_data(path, "symbol", "QQQ", "IWM", "SPY", "`symbol`"):
        load_chain(path, symbol="QQQ")
    assert load_chain(path, symbol="spy").quotes["strike"].min() == 90.5
    assert load_chain(path, symbol="IWM").quotes["strike"].min() == 90.0


def test_a_row_without_a_symbol_is_named(quotes, save):
    frame = quotes()
    frame.loc[3, "underlying_symbol"] = None
    with refused_data("chain.csv", "underlying_symbol", "row 5"):
        load_chain(save(frame))


ROWS, SESSIONS = 2_000_000, 500
MEASURE = """
import resource, sys
from iwm_opts.io.files import load_chain
from iwm_opts.io.panel_files import build_panel
import pyarrow.dataset
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
chain = load_chain(sys.argv[1])
print(len(chain.quotes), chain.as_of, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture(scope="module")
def years(tmp_path_factory):
    """A history of two million rows: the same market on 500 sessions."""
    a_day = ROWS // SESSIONS
    days = np.busday_offset("2022-01-03", np.arange(SESSIONS), roll="forward")
    strike = np.repeat(np.linspace(50.0, 150.0, a_day // 2), 2)
    sign = np.tile([1.0, -1.0], a_day // 2)
    mid = np.maximum(sign * (100.0 - strike), 0.0) + 1.0
    noise = np.random.default_rng(1).random(ROWS)
    columns = {
        "symbol": pa.array(["IWM"] * ROWS),
        "expiration": np.repeat(days + np.timedelta64(10, "D"), a_day),
        "strike": np.tile(strike, SESSIONS),
        "type": np.tile(np.where(sign > 0, "call", "put"), SESSIONS),
        "bid": np.tile(mid - 0.01, SESSIONS),
        "ask": np.tile(mid + 0.01, SESSIONS),
        "date": np.repeat(days, a_day),
        **dict.fromkeys(("last", "mark", "implied_volatility", "delta", "gamma", "theta", "vega", "rho"), noise),
    }
    path = tmp_path_factory.mktemp("years") / "IWM.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=200_000)
    return path


def test_one_day_of_two_million_rows_needs_little_memory(years):
    # Read whole, the fourteen numeric columns alone take 220 MB.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE, years], capture_output=True, text=True, check=True
    )
    rows, day, grown = done.stdout.split()
    kilobyte = 1024 if sys.platform == "darwin" else 1
    assert (int(rows), day) == (ROWS // SESSIONS, "2023-12-01")
    assert int(grown) / kilobyte < 160_000


@pytest.mark.parametrize("name", ["chain.csv", "chain.csv.gz"])
def test_a_few_stray_rows_of_a_later_day_are_not_the_chain(quotes, save, name):
    stray = quotes(DAYS[2]).iloc[:1]
    path = save(pd.concat([stray, quotes(DAYS[0]), quotes(DAYS[1])]), name)
    with refused_data(
        path, "quote_date", "2024-06-06", "1 row", "2024-06-04", "36", "`as_of` 2024-06-04", "`as_of` 2024-06-06"
    ):
        load_chain(path)
    assert load_chain(path, as_of=DAYS[1]).as_of == DAYS[1]


@pytest.mark.parametrize("name", ["chain.csv", "chain.parquet"])
def test_rows_left_out_are_counted(quotes, save, name):
    other = quotes(DAYS[0]).assign(underlying_symbol="SPY")
    path = save(pd.concat([quotes(DAYS[0]), quotes(DAYS[1]), other]), name)
    chain = load_chain(path, symbol="IWM")
    assert shows(build_panel([path], symbol="IWM").remarks, "36 rows", "symbols (SPY)")
    assert shows(chain.warnings, "36 rows", "symbols (SPY)")
    assert shows(chain.quality.notes, "36 rows")
