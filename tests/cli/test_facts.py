import numpy as np
import pandas as pd
import pytest

from iwm_opts.market.calendar import sessions
from iwm_opts.simulation.daily_bars import RangeShocks, log_bars
from iwm_opts.simulation.dynamics import priced_variance, simulate_states
from iwm_opts.simulation.parameters import load_parameters, shipped_parameters


@pytest.fixture(scope="module")
def market_files(tmp_path_factory):
    """Bars and indices as a vendor would deliver them, of a market that is one simulated path; options to read them."""
    folder = tmp_path_factory.mktemp("market")
    parameters = shipped_parameters()
    days = pd.DatetimeIndex(sessions(pd.Timestamp("2012-01-03").date(), pd.Timestamp("2015-12-31").date()))
    states = simulate_states(parameters, len(days), seed=21)
    before = 100.0 * np.exp(np.cumsum(states.log_return) - states.log_return)
    logs = log_bars(parameters, states, RangeShocks(len(days), 21, 0))
    opened, high, low, close = (before * np.exp(part) for part in (logs.opened, logs.high, logs.low, states.log_return))
    bars = pd.DataFrame({"Date": days, "Open": opened, "High": high, "Low": low, "Close": close, "Volume": 1e6})
    bars.to_csv(folder / "bars.csv", index=False)
    options = ["--bars", folder / "bars.csv"]
    for name, days_of, file in (
        ("iv-history", 30, "RVX"), ("short-index", 9, "VIX9D"), ("middle-index", 30, "VIX"), ("long-index", 93, "VIX3M")
    ):  # fmt: skip
        vol = 100.0 * np.sqrt(priced_variance(parameters, states, days_of / 365.0))
        table = pd.DataFrame({"DATE": days.strftime("%m/%d/%Y"), "CLOSE": vol.round(3)})
        table.to_csv(folder / f"{file}_History.csv", index=False)
        options += [f"--{name}", folder / f"{file}_History.csv"]
    return [*options, "--first", "2012-02-01", "--last", "2015-12-31"]


def test_without_files_it_shows_the_record_of_the_calibration(run):
    shown = run("facts")
    assert shown.code == 0
    assert "SIMULATED" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "fitted to 2009-09-16 to 2019-12-31" in shown.out
    record = run("facts", "--format", "json").json
    assert record["simulated"] is True
    assert [one["window"][:10] for one in record["provenance"]["joint"]] == ["2009-09-16", "2020-01-01", "2009-09-16"]
    rows = run("facts", "--format", "csv").out.splitlines()
    assert len(rows) == 1 + len(record["provenance"]["facts"])


def test_a_market_made_by_the_model_is_accepted(run, market_files, tmp_path):
    shown = run("facts", *market_files, "--histories", 400, "--plot", tmp_path / "facts.png", "--format", "json")
    assert shown.code == 0, shown.err
    assert (tmp_path / "facts.png").read_bytes().startswith(b"\x89PNG")
    (whole,) = shown.json["windows"]
    assert whole["distance"] < 1.3 * whole["distance_95"]
    assert whole["inside"] > 0.75 * len(whole["facts"])
    assert {"name", "real", "real_low", "real_high", "low", "high", "distance", "band_ratio", "inside"} == set(
        whole["facts"][0]
    )
    assert [one["bucket"] for one in shown.json["by_rank"]["real"]] == ["[0.0, 20.0)", "[20.0, 50.0)", "[50.0, inf)"]


def test_the_table_names_every_part(run, market_files, chain_file):
    page = run("facts", *market_files, "--histories", 400, "--chain", chain_file).out
    for part in ("joint distance", "bootstrap", "by IV rank over 252 sessions", "smile of", "SIMULATED"):
        assert part in page


def test_calibrating_writes_a_file_that_loads(run, market_files, tmp_path, monkeypatch):
    from iwm_opts.research import acceptance, calibration

    for name, few in (("ROUNDS", 1), ("STEPS", 1), ("HISTORIES", 4)):
        monkeypatch.setattr(calibration, name, few)
    monkeypatch.setattr(acceptance, "JUDGED", 200)
    file = tmp_path / "mine.toml"
    done = run("facts", *market_files, "--calibrate", file)
    assert done.code == 0, done.err
    found = load_parameters(file)
    assert found.provenance["fitted"] == ["2012-02-01", "2015-12-31"]
    assert found.dynamics != shipped_parameters().dynamics
    assert run("facts", "--parameters", file).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bars", "x.csv"], "--bars needs --iv-history too"),
        (["--plot", "x.png"], "--plot needs --bars and the four indices too"),
        (["--first", "2020-01-01", "--last", "2019-01-01"], "must come before --last"),
    ],
)
def test_wrong_usage_is_named(run, tmp_path, arguments, message):
    (tmp_path / "x.csv").touch()
    wrong = run("facts", *arguments)
    assert wrong.code == 2
    assert message in wrong.err
