from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from iwm_opts.markets.health import check_clock
from iwm_opts.sources.age import now


def states(run):
    return {check["name"]: check for check in run("doctor", "--format", "json").json["checks"]}


def test_it_looks_at_everything_and_says_what_to_do(run):
    found = states(run)
    assert found["installation"]["state"] == "ok"
    assert found["Yahoo"]["state"] == found["Cboe"]["state"] == "warning"
    assert "--source PATH" in found["Yahoo"]["remedy"]
    assert found["chains"]["remedy"] == "record one with: iwm-opts snapshot"
    assert {"kernels", "record", "clock"} <= set(found)
    page = run("doctor")
    assert page.code == 0
    assert "-> record one with: iwm-opts snapshot" in page.out


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


def test_a_record_without_a_right_to_write(run, monkeypatch):
    monkeypatch.setattr("iwm_opts.markets.health.os.access", lambda *_: False)
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
    assert found["--sort", "edge"]["origin"] == "default"
    assert found["IWM_OPTS_DATA", str(tmp_path / "record")]["origin"].startswith("variable")
    assert "--account" in run("doctor", "--config").out
