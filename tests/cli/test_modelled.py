import pandas as pd
import pytest

from tests.refusals import shows

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
    assert (found["iv"]["series"], found["iv"]["proxy"]) == ("IV10, modelled market, RVX", False)  # its own
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
    assert shows(failed.err, "RVX", "on 2024-03-01", "quotes")
    failed = run("condor", "--source", "modelled", *files, "--symbol", "SPY")
    assert failed.code == 1
    assert shows(failed.err, "of IWM", "modelled")
    failed = run("condor", "--source", "modelled", *files, "--session", "close")
    assert failed.code == 1
    assert shows(failed.err, "session", "close", "modelled market")


def test_before_the_weeklies_of_2010_a_rank_needs_the_30_day_index(run, tmp_path):
    days = pd.bdate_range("2008-09-02", "2009-12-31")
    close = [70.0 + 2.0 * ((place % 9) - 4) / 4.0 for place in range(len(days))]
    bars = pd.DataFrame({"date": days, "open": close, "high": [c + 1 for c in close], "low": [c - 1 for c in close]})
    bars.assign(close=close).to_csv(tmp_path / "IWM.csv", index=False)
    level = [40.0 - 14.0 * place / len(days) for place in range(len(days))]
    pd.DataFrame({"DATE": days.strftime("%m/%d/%Y"), "CLOSE": level}).to_csv(tmp_path / "RVX_History.csv", index=False)
    files = ("--bars", tmp_path / "IWM.csv", "--iv-history", tmp_path / "RVX_History.csv", "--rate", "0.05")
    asked = ("backtest", "--source", "modelled", *files, "--from", "2009-10-01")
    ten, thirty, long = (
        " ".join(run(*asked, *more).out.split())
        for more in ((), ("--ivr-tenor", "30"), ("--ivr-tenor", "30", "--ivr-lookback", "500"))
    )
    assert shows(ten, "IV10 has", "36% of", "--ivr-tenor 30")
    assert "open on 100% of" in thirty
    assert shows(long, "--iv-history", "--ivr-lookback")


DOUBTS = (
    "rows are on days without a session (first: ",
    "bars: 5 sessions have no bar (2023-03-06 to 2023-03-10): windows across them are left out",
    "IV history: rows without a value left out: 1",
    "yields: dates are DD/MM/YYYY",
    "dividends: 1 ex-date is not a session, kept (first: Saturday 2023-09-16)",
)


@pytest.fixture
def odd_files(files, tmp_path):
    """The files with missing, additional and blank rows, yields of DD/MM/YYYY and a dividend on a Saturday."""
    bars = pd.read_csv(tmp_path / "IWM.csv")
    bars = pd.concat([bars[~bars["date"].between("2023-03-06", "2023-03-10")], bars.iloc[-1:]], ignore_index=True)
    bars.loc[len(bars) - 1, "date"] = "2023-06-03"
    bars.to_csv(tmp_path / "IWM.csv", index=False)
    index = tmp_path / "RVX_History.csv"
    index.write_text(index.read_text() + "02/16/2024,\n")
    days = pd.bdate_range("2022-08-01", "2024-02-15")
    rows = "".join(f"{day:%d/%m/%Y},4.5\n" for day in days)
    (tmp_path / "yields.csv").write_text(f"date,US3M\n{rows}")
    (tmp_path / "dividends.csv").write_text("ex_date,amount\n2023-06-15,0.6\n2023-09-16,0.6\n2023-12-14,0.8\n")
    return (*files[:4], "--yields", tmp_path / "yields.csv", "--dividends", tmp_path / "dividends.csv")


@pytest.mark.parametrize("command", ["condor", "ivr", "backtest", "evidence", "sweep"])
def test_every_command_names_the_defects_of_its_files(run, odd_files, command):
    more = ("--as-of", "2024-02-01") if command in ("condor", "ivr") else ("--exit-dte", 10)
    more += ("--grid", "dte=30,35") if command == "sweep" else ()
    result = run(command, "--source", "modelled", *odd_files, *more, "--format", "json")
    assert result.code == 0, result.err
    record = result.json
    notes = record.get("notes") or record["warnings"]
    for doubt in DOUBTS:
        assert sum(doubt in note for note in notes) == 1, (command, doubt, "\n".join(notes))
    shown = " ".join(run(command, "--source", "modelled", *odd_files, *more).out.split())
    assert " ".join(DOUBTS[0].split()) in shown
