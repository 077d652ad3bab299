import pandas as pd
import pytest

LABEL = "MODELLED QUOTES: real prices of the underlying, modelled option quotes"


@pytest.fixture
def files(tmp_path):
    """A fund that swings within 3%, and an index that falls from 30 to 16 points."""
    days = pd.bdate_range("2022-08-01", "2024-02-15")
    days = days[~days.isin(pd.to_datetime(["2022-09-05", "2022-11-24", "2022-12-26", "2023-01-02", "2023-01-16"]))]
    close = [200.0 + 6.0 * ((place % 9) - 4) / 4.0 for place in range(len(days))]
    bars = pd.DataFrame({"date": days, "open": close, "high": [c + 1 for c in close], "low": [c - 1 for c in close]})
    bars.assign(close=close, volume=1e6).to_csv(tmp_path / "IWM.csv", index=False)
    level = [30.0 - 14.0 * place / len(days) for place in range(len(days))]
    pd.DataFrame({"DATE": days.strftime("%m/%d/%Y"), "CLOSE": level}).to_csv(tmp_path / "RVX_History.csv", index=False)
    return ("--bars", tmp_path / "IWM.csv", "--iv-history", tmp_path / "RVX_History.csv", "--rate", "0.05")


def test_a_screen_on_modelled_quotes(run, files):
    found = run("condor", "--source", "modelled", *files, "--as-of", "2024-02-01", "--format", "json").json
    market = found["market"]
    assert (market["simulated"], market["modelled"]) == (True, True)
    assert (market["source"], market["exercise"], market["rate"]) == ("modelled market, RVX", "european", 0.05)
    assert found["chain_iv"]["iv30"] == pytest.approx(0.1637, rel=0.01)  # the index of the day, less about its clock
    assert found["iv"]["proxy"] is True
    assert found["iv"]["value_date"] == "2024-01-31"
    assert found["gate"]["open"] is True
    assert found["candidates"]
    assert any(warning.startswith("modelled: surface of the calibrated simulation") for warning in found["warnings"])


def test_the_label_stands_above_and_below(run, files):
    for command in ("condor", "vertical", "ivr"):
        lines = run(command, "--source", "modelled", *files, "--as-of", "2024-02-01").out.splitlines()
        assert lines[0] == lines[-1] == LABEL, command
    assert "MODELLED QUOTES" in run("fills", "--source", "modelled", *files, "--as-of", "2024-02-01").out


def test_a_day_without_an_index_and_another_symbol(run, files):
    failed = run("condor", "--source", "modelled", *files, "--as-of", "2024-03-01")
    assert failed.code == 1
    assert "RVX: has no value on 2024-03-01: that session has no modelled quotes" in failed.err
    failed = run("condor", "--source", "modelled", *files, "--symbol", "SPY")
    assert failed.code == 1
    assert "the modelled market is of IWM" in failed.err
    failed = run("condor", "--source", "modelled", *files, "--session", "close")
    assert failed.code == 1
    assert "means nothing on the modelled market" in failed.err
