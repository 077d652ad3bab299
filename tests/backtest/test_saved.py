import json
import os
import sys
from dataclasses import replace

import pandas as pd
import pytest

from iwm_opts.backtest.comparison import compare_results
from iwm_opts.backtest.engine import prepare, run
from iwm_opts.backtest.metrics import measure
from iwm_opts.backtest.rules import Costs, ExitRule, Rules
from iwm_opts.backtest.saved import load_result, rules_from_record, rules_record, save_result
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.conventions import Provenance
from iwm_opts.errors import DataError
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.io.atomic import put_folder
from iwm_opts.journal.readers import read_log
from iwm_opts.market.sector_filter import MacroFilter
from iwm_opts.spreads.entry_rule import EntryRule
from iwm_opts.spreads.legs import Wing
from tests.refusals import refused, refused_data, shows

ASKED = {"source": "sim", "seed": 5}


@pytest.fixture(scope="module")
def greedy(small_trials, small_rules):
    """The same markets with a nearer profit target."""
    rules = replace(small_rules, exit=replace(small_rules.exit, profit=0.25))
    return PooledResult(tuple(run(prepare(t.market, t.history, rules)) for t in small_trials), tuple(small_trials))


def test_what_was_saved_is_read_back(small_result, tmp_path):
    folder = tmp_path / "results" / "one"
    assert save_result(folder, small_result, ASKED)
    found = load_result(folder)
    pd.testing.assert_frame_equal(found.trades, small_result.trades, check_freq=False)
    pd.testing.assert_frame_equal(found.equity, small_result.equity, check_freq=False)
    assert found.rules == small_result.results[0].rules
    assert found.config["asked"] == ASKED
    assert found.config["simulated"] is True
    account = small_result.account
    assert found.metrics == measure(small_result.trades, small_result.equity, account)
    assert found.summary["metrics"]["expectancy"] == pytest.approx(found.trades["pnl"].mean())
    assert sum(one["trades"] for one in found.summary["by_year"]) == len(found.trades)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["one"]


def test_the_same_result_again_is_no_news_and_another_one_is_refused(small_result, greedy, tmp_path):
    folder = tmp_path / "one"
    save_result(folder, small_result, ASKED)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert not save_result(folder, small_result, ASKED)
    with refused("output", str(folder), "another result"):
        save_result(folder, greedy, ASKED)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert save_result(folder, greedy, ASKED, overwrite=True)
    assert load_result(folder).rules.exit.profit == 0.25
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_folder_of_something_else_is_never_touched(small_result, tmp_path):
    (tmp_path / "thesis.txt").write_text("ten years")
    for overwrite in (False, True):
        with refused("output", str(tmp_path), "a result"):
            save_result(tmp_path, small_result, ASKED, overwrite)
    assert (tmp_path / "thesis.txt").read_text() == "ten years"


def test_files_beside_a_result_are_never_removed(small_result, greedy, tmp_path):
    folder = tmp_path / "one"
    save_result(folder, small_result, ASKED)
    (folder / "notes.md").write_text("why")
    assert not save_result(folder, small_result, ASKED, overwrite=True)
    with refused("output", str(folder), "notes.md", "`overwrite`"):
        save_result(folder, greedy, ASKED, overwrite=True)
    assert (folder / "notes.md").read_text() == "why"
    assert load_result(folder).rules.exit.profit == 0.5


def test_a_result_that_came_meanwhile_is_kept(small_result, greedy, tmp_path, monkeypatch):
    folder = tmp_path / "one"

    def put_late(made, target, *, overwrite):
        monkeypatch.undo()
        save_result(folder, greedy, ASKED)
        put_folder(made, target, overwrite=overwrite)

    monkeypatch.setattr(sys.modules[save_result.__module__], "put_folder", put_late)
    with refused_data("one", "", "Directory not empty"):
        save_result(folder, small_result, ASKED)
    assert load_result(folder).rules.exit.profit == 0.25
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_link_to_a_result_is_followed(small_result, greedy, tmp_path):
    save_result(tmp_path / "one", small_result, ASKED)
    (tmp_path / "link").symlink_to("one")
    save_result(tmp_path / "link", greedy, ASKED, overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert load_result(tmp_path / "one").rules.exit.profit == 0.25
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "one"]


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2")
def test_a_result_is_replaced_in_one_step(small_result, greedy, tmp_path, monkeypatch):
    save_result(tmp_path / "one", small_result, ASKED)
    monkeypatch.setattr(os, "rename", None)
    save_result(tmp_path / "one", greedy, ASKED, overwrite=True)
    assert load_result(tmp_path / "one").rules.exit.profit == 0.25
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("stop", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_what_was_there(small_result, greedy, tmp_path, monkeypatch, stop):
    folder = tmp_path / "one"
    save_result(folder, small_result, ASKED)
    real = os.rename

    def stopped(source, target):
        if str(target) == str(folder) and ".tmp" in str(source):
            raise stop
        real(source, target)

    monkeypatch.setattr("iwm_opts.io.atomic._exchanged", lambda one, other: False)
    monkeypatch.setattr(os, "rename", stopped)
    with pytest.raises((DataError, KeyboardInterrupt)):
        save_result(folder, greedy, ASKED, overwrite=True)
    assert load_result(folder).rules.exit.profit == 0.5
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    monkeypatch.setattr(os, "rename", real)
    save_result(folder, greedy, ASKED, overwrite=True)
    assert load_result(folder).rules.exit.profit == 0.25
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_two_results_side_by_side(small_result, greedy, tmp_path):
    save_result(tmp_path / "a", small_result, ASKED)
    save_result(tmp_path / "b", greedy, ASKED)
    found = compare_results(load_result(tmp_path / "a"), load_result(tmp_path / "b"))
    assert found.config == (("rules.exit.profit", 0.5, 0.25),)
    a, b = small_result.trades, greedy.trades
    keys = {tuple(row) for row in a[["path", "entry", "expiration", "legs"]].to_numpy()}
    shared = [row for row in b.itertuples() if (row.path, row.entry, row.expiration, row.legs) in keys]
    assert found.shared_trades == len(shared) > 5
    assert (found.only_first, found.only_second) == (len(a) - len(shared), len(b) - len(shared))
    sessions = len(small_result.equity) / 2
    assert found.yearly.estimate == pytest.approx((b["pnl"].sum() - a["pnl"].sum()) / 2 / sessions * 252, abs=1e-6)
    same = compare_results(load_result(tmp_path / "a"), load_result(tmp_path / "a"))
    assert (same.config, same.only_first, same.shared_difference, same.yearly.estimate) == ((), 0, 0.0, 0.0)


def test_a_damaged_folder_says_which_file(small_result, tmp_path):
    folder = tmp_path / "one"
    save_result(folder, small_result, ASKED)
    (folder / "trades.parquet").write_bytes(b"PAR1 and nothing more")
    with refused_data("trades.parquet", "content"):
        load_result(folder)
    (folder / "config.json").write_text(json.dumps({"layout": 99}))
    with refused_data("config.json", "layout", "99"):
        load_result(folder)
    with refused_data(tmp_path, "files"):
        load_result(tmp_path)
    with refused_data("absent", "kind"):
        load_result(tmp_path / "absent")


def test_rules_survive_the_way_through_json():
    rules = Rules(
        EntryRule(strategy="bull-put", put_wing=Wing(delta=0.05), weekdays=("mon", "thu")),
        exit=ExitRule(profit=None, touch=True, rank=50.0),
        costs=Costs(FillModel.parse("natural"), fees=FeeSchedule.parse("custom:0.65")),  # its cap is infinite
    )
    assert rules_from_record(json.loads(json.dumps(rules_record(rules), allow_nan=False))) == rules
    old = {"name": "KRE return", "at_least": -0.02 - 1e-9, "at_most": None, "lag": 1}  # as release 0.2 wrote it
    assert rules_from_record(rules_record(rules) | {"macro": old}).macro == MacroFilter("KRE", 0.02)
    with refused_data("rules", "", "profit=7.0", "at most 1"):
        rules_from_record(rules_record(rules) | {"exit": {"profit": 7.0}})
    with refused_data("rules", "entry.dte", "integer"):
        rules_from_record(rules_record(rules) | {"entry": {"dte": "x"}})


def test_written_trades_say_that_their_prices_are_made(small_result, tmp_path):
    save_result(tmp_path / "one", small_result, ASKED)
    log = read_log(tmp_path / "one" / "trades.parquet")
    assert (log.provenance, log.label) == (Provenance.SIMULATED, "SIMULATED MARKET")
    assert not log.warnings
    small_result.trades.to_parquet(tmp_path / "bare.parquet")
    assert shows(read_log(tmp_path / "bare.parquet").warnings[0], "no column", "prices")


@pytest.mark.parametrize(
    ("name", "kind"), [("calm", Provenance.SIMULATED), ("modelled market, RVX", Provenance.MODELLED)]
)
def test_a_folder_without_provenance_keeps_its_meaning(small_result, tmp_path, name, kind):
    save_result(tmp_path / "one", small_result, ASKED)
    path = tmp_path / "one" / "config.json"
    config = json.loads(path.read_text())
    assert config.pop("provenance") == "simulated"
    config["markets"][0]["name"] = name
    path.write_text(json.dumps(config))
    log = read_log(tmp_path / "one")
    assert (log.provenance, set(log.trades["provenance"])) == (kind, {str(kind)})
