import json

import pandas as pd
import pytest

from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.scenarios import scenario
from iwm_opts.sources.recorded_files import recorded_days
from tests.refusals import shows

LABEL = "SIMULATED MARKET: not real quotes"
SMALL = ("--days", 12, "--chains", "weekly", "--max-dte", 60, "--workers", 1)


@pytest.fixture
def simulated(run, tmp_path):
    def call(*arguments):
        return run("simulate", "--output", tmp_path / "out", "--seed", 7, *SMALL, *arguments)

    return call


def test_every_command_reads_what_it_wrote(simulated, run, tmp_path):
    assert simulated("--quiet").code == 0
    path = tmp_path / "out" / "path-0"
    chain, history = path / "chains-2016.parquet", path / "iv.parquet"
    arguments = ("--source", chain, "--iv-history", history, "--dividends", path / "dividends.csv", "--dte", "22:55",
                 "--exit-dte", "none")  # fmt: skip
    screen = run("condor", *arguments, "--ivr-below", 100, "--ivr-lookback", 10, "--format", "json").json
    assert screen["market"]["simulated"] is True
    assert screen["market"]["exercise"] == "european"
    assert shows(screen["market"]["rate_source"], "market's options")
    assert screen["iv"]["series"] == "IWM IV10, SIMULATED"
    assert screen["gate"]["open"] is True
    assert screen["candidates"]
    page = run("condor", *arguments, "--ivr-below", 100, "--ivr-lookback", 10).out.splitlines()
    assert page[0] == page[-1] == LABEL
    assert run("fills", "--source", chain, "--format", "json").json["simulated"] is True
    assert run("claims", "--bars", path / "bars-IWM.parquet", "--format", "json").json["simulated"] is True
    assert "SIMULATED" in run("ivr", "--iv-history", history, "--ivr-lookback", 10).out
    assert run("snapshot", "--source", chain).code == 0
    assert run("condor", "--source", "record", "--format", "json").json["market"]["simulated"] is True


def test_it_says_what_it_wrote(simulated):
    page = simulated()
    lines = page.out.splitlines()
    assert lines[0] == lines[-1] == LABEL
    assert "written: " in page.err
    about = simulated("--format", "json").json  # there already: nothing is written again
    assert about["simulated"] is True
    assert {one["kind"]: one["files"] for one in about["files"]} == {"bars": 3, "iv": 1, "dividends": 1, "chains": 1}
    assert (about["first"], about["last"]) == ("2016-01-04", "2016-01-20")


def test_another_seed_needs_another_folder(simulated, run, tmp_path):
    simulated("--quiet")
    failed = run("simulate", "--output", tmp_path / "out", "--seed", 8, *SMALL)
    assert failed.code == 1
    assert shows(failed.err, "seed 7", "8", "--output")


def test_a_scenario_by_name_and_out_of_a_file(run, tmp_path):
    one = scenario("march-2020")
    named = run("simulate", "--output", tmp_path / "a", "--scenario", "march-2020", "--chains", "none", "--workers", 1)
    assert named.code == 0
    closes = pd.read_parquet(tmp_path / "a" / "path-0" / "bars-IWM.parquet")["close"]
    assert len(closes) == one.sessions
    file = tmp_path / "own.toml"
    start = ", ".join(f"{name} = {getattr(one.start, name)}" for name in one.start.__slots__)
    file.write_text(
        f"[mine]\nfirst = {one.first}\nsessions = 5\nstart = {{ {start} }}\n"
        f"[mine.dynamics]\n" + "".join(f"{name} = {value}\n" for name, value in one.changes.items())
    )
    own = run("simulate", "--output", tmp_path / "b", "--scenario", file, "--chains", "none", "--workers", 1)
    assert own.code == 0
    found = pd.read_parquet(tmp_path / "b" / "path-0" / "bars-IWM.parquet")["close"]
    assert (found.to_numpy() == closes.iloc[:5].to_numpy()).all()
    assert json.loads((tmp_path / "b" / "simulation.json").read_text())["scenario"] == "mine"
    wrong = run("simulate", "--output", tmp_path / "c", "--scenario", f"{file}:other")
    assert wrong.code == 1
    assert shows(wrong.err, "other", "mine")


def test_no_day_lies_ahead(run, tmp_path):
    failed = run("simulate", "--output", tmp_path / "out", "--days", 99_999)
    assert failed.code == 1
    assert shows(failed.err, "days=99999", "2016-01-04", "--first")
    assert not (tmp_path / "out").exists()


def test_parameters_from_a_file(run, tmp_path):
    from pathlib import Path

    import iwm_opts.simulation as simulation

    text = (Path(simulation.__path__[0]) / "iwm.toml").read_text(encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(text.replace("spot = 280", "spot = 150", 1), encoding="utf-8")
    done = run(
        "simulate", "--output", tmp_path / "out", "--parameters", file, "--days", 5, "--chains", "none", "--workers", 1
    )
    assert done.code == 0
    assert pd.read_parquet(tmp_path / "out" / "path-0" / "bars-IWM.parquet")["open"].iloc[0] == pytest.approx(
        150, rel=0.05
    )


def test_what_reads_simulated_files_says_so_and_knows_their_rate(run, tmp_path):
    run("simulate", "--output", tmp_path, "--days", 300, "--chains", "none", "--workers", 1)
    named = ("--bars", tmp_path / "path-0" / "bars-IWM.parquet", "--iv-history", tmp_path / "path-0" / "iv.parquet")
    for command in ("backtest", "condor"):
        told = run(command, "--source", "modelled", *named)
        assert LABEL in told.out
        assert "real prices" not in told.out
    found = run("backtest", "--source", "modelled", *named, "--format", "json").json
    assert (found["market"]["simulated"], found["market"]["modelled"]) == (True, False)
    run("simulate", "--output", tmp_path / "b", "--days", 12, "--workers", 1, "--max-dte", 60)
    days = recorded_days(str(tmp_path / "b" / "path-0" / "chains-2016.parquet"))
    assert set(days.panel.rate) == {shipped_parameters().setting.rate}


@pytest.mark.parametrize("workers", [1, 2])
def test_days_without_an_expiration_so_near_are_named(run, tmp_path, workers):
    days = ("--days", 10, "--chains", "weekly", "--max-dte", 1)
    page = run("simulate", *days, "--workers", workers, "--output", tmp_path / "sim")
    assert page.code == 1
    assert shows(page.err, "max_dte=1", "2016-01-08", "7 or more")
