"""Files of a simulated market: whole, the same whoever writes them, and read back by what reads a market's files."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.errors import DataError
from iwm_opts.io.bars import load_bars
from iwm_opts.io.dividends import load_dividends
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.provenance import Origin, origin_of
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.pricing.implied import black_implied_vol
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.scenarios import scenario
from iwm_opts.sources.export import MANIFEST, Plan, chain_days, export
from iwm_opts.sources.registry import open_source
from iwm_opts.sources.source import DayRequest
from tests.refusals import refused_data

PLAN = Plan(
    shipped_parameters(), None, seed=7, paths=2, first=date(2023, 12, 20), last=date(2024, 1, 10), chains="weekly",
    most_dte=60, intraday=True,
)  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != ".lock"
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "simulated"
    found = export(PLAN, folder)
    return folder, found


@pytest.fixture(scope="module")
def chain_file(written):
    return written[0] / "path-1" / "chains-2024.parquet"


def test_what_there_is(written):
    folder, found = written
    assert {one.kind: one.files for one in found} == {"bars": 6, "iv": 2, "dividends": 2, "chains": 4, "intraday": 4}
    names = set(contents(folder))
    assert {"simulation.json", "path-0/bars-KRE.parquet", "path-1/iv.parquet", "path-1/intraday-2023.parquet"} <= names
    assert sum(one.files for one in found) == len(names) - 1
    assert sum(one.size for one in found) == sum(len(c) for name, c in contents(folder).items() if name != MANIFEST)
    assert json.loads((folder / MANIFEST).read_text())["simulated"] is True


def test_any_number_of_workers_writes_the_same_bytes(written, tmp_path):
    export(PLAN, tmp_path / "two", workers=2)
    assert contents(tmp_path / "two") == contents(written[0])


class PowerFailureError(Exception):
    """What cuts a run off."""


def test_cut_off_and_run_again_it_writes_the_same_bytes(written, tmp_path):
    def stop(done: int, total: int) -> None:
        if done > total // 3:
            raise PowerFailureError

    with pytest.raises(PowerFailureError):
        export(PLAN, tmp_path, progress=stop)
    there = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.parquet")}
    assert 0 < len(there) < 16
    (tmp_path / "path-0" / ".half.tmp").write_bytes(b"PAR1 and no more")
    export(PLAN, tmp_path)
    assert contents(tmp_path) == contents(written[0])
    assert {file: file.stat().st_mtime_ns for file in there} == there  # what was whole is not written again


def test_a_lost_cluster_is_one_line_with_what_is_kept(tmp_path):
    def lost(function, items):
        yield 0, function(items[0])
        raise DataError("cluster", "lost (CommClosedError)", "start it, and run the command again")

    with refused_data("cluster", "", "CommClosedError", "1 of 18 files"):
        export(PLAN, tmp_path, mapper=lost)


def test_paths_do_not_hang_on_how_many_there_are(written, tmp_path):
    export(replace(PLAN, paths=1), tmp_path)
    alone, both = contents(tmp_path), contents(written[0])
    assert all(both[name] == content for name, content in alone.items() if name != MANIFEST)
    assert both["path-0/bars-IWM.parquet"] != both["path-1/bars-IWM.parquet"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 8}, "seed 7, not 8"),
        ({"most_dte": 30}, "most_dte 60, not 30"),
        ({"scenario": scenario("q4-2018")}, "scenario None, not q4-2018"),
    ],
)
def test_another_simulation_does_not_mix_in(written, change, told):
    with refused_data("simulated", "simulation", told):
        export(replace(PLAN, **change), written[0])


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with refused_data(tmp_path, "files", "simulation.json"):
        export(PLAN, tmp_path)
    assert contents(tmp_path) == {"mine.txt": b"keep"}


def test_bars_and_dividends_read_back(written):
    folder, market = written[0] / "path-1", PLAN.market(1)
    for symbol in ("IWM", "SPY", "KRE"):
        found = load_bars(folder / f"bars-{symbol}.parquet")
        assert (found.to_numpy() == market.bars(symbol).to_numpy()).all()
        assert list(found.index.date) == list(market.days)
    ahead = market.dividends.dividends
    assert load_dividends(folder / "dividends.csv").dividends == ahead
    assert len(ahead) > 8


@pytest.mark.parametrize("tenor", [10, 30])
def test_the_iv_history_reads_back_and_says_what_it_is(written, tenor):
    found = load_iv_history(written[0] / "path-0" / "iv.parquet", "IWM", tenor)
    wanted = PLAN.market(0).iv_history(tenor).closes
    assert found.closes.to_numpy() == pytest.approx(wanted.to_numpy(), rel=1e-12)
    assert (found.tenor_days, found.proxy) == (tenor, False)
    assert found.series == f"IWM IV{tenor}, SIMULATED"
    assert "SIMULATED" in found.note


def test_intraday_bars_are_those_of_the_days(written):
    rows = pq.read_table(written[0] / "path-0" / "intraday-2024.parquet").to_pandas()
    market = PLAN.market(0)
    day = date(2024, 1, 3)
    of_day = rows[rows["time"].dt.date == day]
    wanted = market.intraday(day)
    assert (of_day["close"].to_numpy() == wanted["close"].to_numpy()).all()
    assert of_day["time"].iloc[-1] == wanted.index[-1]


def test_chains_read_back_without_a_defect_or_a_warning(chain_file):
    market = PLAN.market(1)
    for day in (date(2024, 1, 5), date(2024, 1, 10)):
        chain = load_chain(chain_file, as_of=day)
        wanted = market.rows(day, most_dte=60)
        assert chain.quality.usable == chain.quality.rows == len(wanted)
        assert chain.quality.summary.endswith("no defects")
        assert chain.warnings == ()
        assert chain.quality.notes == (
            f"{len(pd.read_parquet(chain_file)) - len(wanted):,} rows of other days: left out",
        )
        assert (chain.symbol, chain.spot, chain.as_of) == ("IWM", market.closes[market.place(day)], day)
        order = ["expiration", "strike", "right"]
        wanted = wanted.sort_values(order, ignore_index=True)
        for name in ("strike", "bid", "ask", "bid_size", "open_interest", "volume"):
            assert (chain.quotes[name] == wanted[name]).all(), name
        assert chain.quotes["implied_volatility"].to_numpy() == pytest.approx(wanted["implied_volatility"], abs=1e-7)


def test_its_own_vols_lie_between_those_of_bid_and_ask(chain_file):
    # To 1e-6, with the rate that the file says and the forwards that the market had.
    market, day = PLAN.market(1), date(2024, 1, 5)
    on_day = open_source(str(chain_file)).on_day(DayRequest(as_of=day))
    table = market.table(market.place(day), market.place(day), most_dte=60)
    tested = 0
    for row, listing in enumerate(table.listings):
        quotes = on_day.chain.rows(listing.expiration)
        sign = quotes["right"].map(RIGHT_SIGN).to_numpy(dtype=float)
        out_of_the_money = sign * (quotes["strike"] - table.forward[row]) >= 0.0
        quotes, sign = quotes[out_of_the_money & (quotes["bid"] > 0.0)], sign[out_of_the_money & (quotes["bid"] > 0.0)]
        low, high = (
            black_implied_vol(
                sign, quotes[side].to_numpy(), float(table.forward[row]), quotes["strike"].to_numpy(),
                float(table.years[row]), float(np.exp(-on_day.rate * table.years[row])),
            )
            for side in ("bid", "ask")
        )  # fmt: skip
        own = quotes["implied_volatility"].to_numpy()
        assert (low <= own + 1e-6).all()
        assert (own <= high + 1e-6).all()
        tested += len(quotes)
    assert tested > 300


def test_midpoints_give_the_vols_back_where_quotes_are_narrow(chain_file):
    # The loader's own way: rate of the file, forwards from parity, vols of midpoints.
    market, day = PLAN.market(1), date(2024, 1, 5)
    on_day = open_source(str(chain_file)).on_day(DayRequest(as_of=day))
    snapshot = take_snapshot(on_day.chain, on_day.rate, market.dividends, on_day.exercise)
    assert snapshot.warnings == ()
    for table in snapshot.tables((20, 60))[0]:
        rows = on_day.chain.rows(table.expiration).set_index(["right", "strike"])["implied_volatility"]
        right = np.where(table.right > 0.0, "C", "P")
        own = rows.loc[list(zip(right, table.strike, strict=True))].to_numpy()
        near = (np.abs(table.delta) > 0.05) & (np.abs(table.delta) < 0.5)
        width = 0.5 * (table.ask - table.bid) / (100.0 * table.vega)  # of the quote, in vol
        assert (np.abs(table.iv - own)[near] <= width[near] + 1e-6).all()


def test_what_a_model_quoted_is_never_taken_for_a_market(chain_file, tmp_path):
    on_day = open_source(str(chain_file)).on_day(DayRequest())
    assert (on_day.chain.simulated, on_day.chain.modelled) == (True, False)
    assert on_day.exercise == "european"  # IWM's are American, these are not
    assert on_day.rate == PLAN.parameters.setting.rate
    assert origin_of(chain_file) == Origin(True, False, on_day.rate)
    plain = tmp_path / "plain.csv"
    plain.write_text("a,b\n1,2\n")
    assert origin_of(plain) == origin_of(tmp_path / "none.parquet") == Origin()


def test_whose_chains_are_written():
    days: Sequence[date] = [day.date() for day in pd.bdate_range("2024-01-24", "2024-02-09")]
    assert chain_days(days, "daily") == list(days)
    assert chain_days(days, "weekly") == [date(2024, 1, 26), date(2024, 2, 2), date(2024, 2, 9)]
    assert chain_days(days, "monthly") == [date(2024, 1, 31), date(2024, 2, 9)]
    assert chain_days(days, "none") == []
