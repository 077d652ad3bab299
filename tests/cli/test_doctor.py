import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from iwm_opts.io.age import now
from iwm_opts.io.panel_cache import ABOUT, PANELS
from iwm_opts.sources.health import check_clock
from tests.refusals import shows


def states(run):
    return {check["name"]: check for check in run("doctor", "--format", "json").json["checks"]}


def test_it_looks_at_everything_and_says_what_to_do(run):
    found = states(run)
    assert found["installation"]["state"] == "ok"
    assert found["Yahoo"]["state"] == found["Cboe"]["state"] == "warning"
    assert "--source PATH" in found["Yahoo"]["remedy"]
    assert shows(found["chains"]["remedy"], "iwm-opts snapshot")
    assert {"kernels", "record", "clock"} <= set(found)
    page = run("doctor")
    assert page.code == 0
    assert shows(page.out, "iwm-opts snapshot")


def test_sources_that_answer(run, live_server, answer):
    live_server.serve("/v8/finance/chart/IWM", answer("{}"))
    live_server.serve("/api/global/us_indices/daily_prices/RVX_History.csv", answer("DATE,CLOSE\n"))
    found = states(run)
    assert found["Yahoo"]["state"] == found["Cboe"]["state"] == "ok"
    assert live_server.url in found["Yahoo"]["finding"]


def test_a_damaged_file_comes_to_light(run, chain_file, tmp_path):
    run("snapshot", "--source", chain_file)
    file = next((tmp_path / "record" / "chains").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-1])
    found = states(run)
    assert found["damaged files"]["state"] == "warning"
    assert file.name in found["damaged files"]["finding"]
    assert states(run)["damaged files"]["finding"].startswith("1 set aside")


SERIES = "date,open,high,low,close\n"


@pytest.fixture
def series(tmp_path):
    def put(kind, name, text):
        path = tmp_path / "record" / kind / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return put


def test_sound_series_are_told_with_their_last_day(run, series):
    today = now().date()
    series("bars", "IWM", f"{SERIES}2026-03-02,1,1,1,1\n{today},1,1,1,1\n")
    series("dividends", "IWM", "ex_date,amount\n2024-03-20,0.5\n")  # old ones are no fault
    found = states(run)
    assert shows(found["bars"]["finding"], "IWM 2 rows", f"to {today}")
    assert found["bars"]["state"] == found["dividends"]["state"] == "ok"


@pytest.mark.parametrize(
    ("kind", "name", "text", "finding", "command"),
    [
        ("indices", "RVX", b"\x00\xff\n\x80", "damaged", "--indices RVX"),
        ("indices", "VIX", SERIES, "has no rows", "--indices VIX"),
        ("indices", "VIX", "date,open\n2026-03-02,1\n", "has no close column", "--indices VIX"),
        ("bars", "IWM", f"{SERIES}2026-03-03,1,1,1,1\n2026-03-02,1,1,1,1\n", "do not ascend", "--symbols IWM"),
        ("bars", "KRE", f"{SERIES}2026-03-02,1,1,1,\n", "1 of 1 rows hold no close", "--symbols KRE"),
        ("bars", "IWM_5m", f"{SERIES}2020-03-02 09:30,1,1,1,1\n", "sessions ago", "--symbols IWM --interval 5m"),
        ("dividends", "IWM", "ex_date,amount\n2026-03-20,x\n", "hold no amount", "--symbols IWM"),
    ],
)
def test_series_that_are_no_use_are_named_with_what_to_do(run, series, kind, name, text, finding, command):
    series(kind, name, text)
    check = states(run)[f"{kind} of {name}"]
    assert check["state"] == "warning"
    assert finding in check["finding"]
    assert check["remedy"] == f"fetch again: iwm-opts fetch --whole {command}"


def test_a_record_without_a_right_to_write(run, monkeypatch):
    monkeypatch.setattr("iwm_opts.sources.health.os.access", lambda *_: False)
    assert states(run)["record"]["state"] == "failed"


@pytest.mark.parametrize(("minutes", "state"), [(0, "ok"), (10, "failed")])
def test_a_clock_that_is_wrong(minutes, state):
    elsewhere = format_datetime(datetime.now(UTC) - timedelta(minutes=minutes), usegmt=True)
    assert check_clock(now(), [None, elsewhere])[0].state == state


def test_config_shows_values_and_origins(run, tmp_path, monkeypatch):
    (tmp_path / "iwm-opts.toml").write_text('[defaults]\naccount = 10000\n[size]\nrisk = "2%"\n')
    monkeypatch.setenv("IWM_OPTS_FILL", "mid")
    rows = run("doctor", "--config", "--format", "json").json["options"]
    found = {(row["option"], row["value"]): row for row in rows}
    assert found["--account", "10000"]["origin"] == "file iwm-opts.toml"
    assert found["--risk", "2%"]["commands"] == "size"
    assert found["--fill", "mid"]["origin"] == "variable IWM_OPTS_FILL"
    assert found["--sort", "ev-managed"]["origin"] == "default"
    assert found["IWM_OPTS_DATA", str(tmp_path / "record")]["origin"].startswith("variable")
    assert "--account" in run("doctor", "--config").out


def test_the_panel_cache_is_shown_and_cleared(run, tmp_path, monkeypatch):
    monkeypatch.setenv("IWM_OPTS_CACHE", str(tmp_path / "cache"))
    assert "empty" in states(run)["panel cache"]["finding"]
    panel = tmp_path / "cache" / PANELS / "0123"
    panel.mkdir(parents=True)
    texts = {"name": "made", "symbol": "IWM", "provenance": "recorded", "first": "2024-01-02", "last": "2024-01-04"}
    lists = {"notes": [], "roots": [], "remarks": []}
    about = texts | lists | {"days": 3, "refused": {}, "warnings": {}, "other_captures": {}}
    (panel / ABOUT).write_text(json.dumps(about))
    derived = panel.parent / "derived-0123.npz"
    derived.write_bytes(bytes(3_000_000))
    finding = states(run)["panel cache"]["finding"]
    assert "made, 3 days from 2024-01-02" in finding
    assert "1 panel, 1 file of" in finding
    assert " 3 MB in" in finding
    assert run("doctor", "--clear-cache").code == 0
    assert not panel.exists()
    assert not derived.exists()


def test_the_suffix_of_the_output_decides_its_format(run, tmp_path):
    assert run("doctor", "--output", tmp_path / "checks.json").code == 0
    assert json.loads((tmp_path / "checks.json").read_text())["checks"]
    assert run("doctor", "--output", tmp_path / "checks.csv").code == 0
    assert (tmp_path / "checks.csv").read_text().splitlines()[0].count(",") >= 2
    refused = run("doctor", "--output", tmp_path / "checks.parquet")
    assert (refused.code, shows(refused.err, "txt, json, csv")) == (2, True)
    assert run("doctor", "--format", "csv", "--output", tmp_path / "checks.json").code == 2
