import csv
import io
import json
import math
from dataclasses import fields

import pandas as pd
import pytest

from iwm_opts.backtest.metrics import Metrics
from iwm_opts.report.comparison_table import UNITS
from tests.refusals import shows

SIM = ("--from", "2023-02-15", "--to", "2023-08-31", "--seed", 5, "--paths", 2, "--ivr-lookback", 20)
RULES = ("--ivr-below", 40, "--dte", 30, "--exit-dte", 10, "--contracts", 1)


@pytest.fixture
def traded(run):
    return lambda *more: run("backtest", *SIM, *RULES, *more)


@pytest.fixture(scope="module")
def index_files(tmp_path_factory):
    """Bars and a 30-day index of invented days, for modelled history."""
    folder = tmp_path_factory.mktemp("modelled")
    days = pd.bdate_range("2023-01-03", "2023-06-30")
    days = days[~days.isin(pd.to_datetime(["2023-01-16", "2023-02-20", "2023-04-07", "2023-05-29", "2023-06-19"]))]
    close = pd.Series([190 + 8 * math.sin(i / 9) + 3 * math.sin(i * 1.7) for i in range(len(days))]).round(2)
    bars = pd.DataFrame({"date": days, "open": close, "high": close + 1, "low": close - 1, "close": close})
    bars.to_csv(folder / "IWM.csv", index=False)
    index = [23 + 4 * math.sin(i / 7) for i in range(len(days))]
    pd.DataFrame({"DATE": days.strftime("%m/%d/%Y"), "CLOSE": index}).round(2).to_csv(
        folder / "RVX_History.csv", index=False
    )
    return "--bars", folder / "IWM.csv", "--iv-history", folder / "RVX_History.csv"


def test_the_page_says_simulated_above_and_below_and_adds_up(traded):
    page = traded("-v")
    lines = page.out.splitlines()
    assert (lines[-1], lines[0].partition(":")[0]) == (lines[0], "SIMULATED MARKET")
    assert all(len(line) <= 80 for line in lines)
    assert "simulated market, seed 5 and 1 more path" in page.out
    assert "IV rank < 40" in page.out
    for heading in ("what became of the money", "how trades ended", "by year", "by path", "by month"):
        assert heading in page.out
    assert "…" not in page.out


def test_its_csv_is_a_log_that_review_reads_and_names_what_it_is(run, traded, index_files, tmp_path):
    (tmp_path / "sim.csv").write_text(traded("--format", "csv").out)
    asked = ("backtest", "--source", "modelled", *index_files, "--ivr-lookback", 20, *RULES, "--quiet")
    (tmp_path / "modelled.csv").write_text(run(*asked, "--format", "csv").out)
    run(*asked, "--output", "results")
    made = traded("--format", "json").json["metrics"]["pnl"]  # of the mean path
    told = run("review", "sim.csv", "--format", "json").json
    assert told["account"] == 100_000.0  # two paths
    assert told["whole"]["pnl"] == pytest.approx(2 * made)
    assert any(note.startswith("2 paths, each taken to start with $50,000") for note in told["notes"])
    for log, simulated_alone in (("sim.csv", True), ("modelled.csv", False), ("results", False)):
        found = run("review", log, "--format", "json")
        assert found.code == 0, found.err
        assert (found.json["simulated"], found.json["modelled"]) == (True, not simulated_alone)
        label = "SIMULATED MARKET" if simulated_alone else "MODELLED QUOTES"
        assert run("review", log).out.startswith(f"{label}  {log}")


def test_json_is_complete_and_agrees_with_its_trades(traded):
    found = traded("--format", "json").json
    trades = found["trades"]
    assert found["market"]["simulated"] is True
    assert found["market"]["paths"] == 2
    assert found["metrics"]["trades"] == len(trades) == sum(found["exits"].values())
    assert found["metrics"]["expectancy"] == pytest.approx(sum(t["pnl"] for t in trades) / len(trades))
    assert found["metrics"]["pnl"] == pytest.approx(sum(t["pnl"] for t in trades) / 2, abs=1e-6)
    cascade = found["cascade"]
    costs = cascade["entry_slippage"] + cascade["exit_slippage"] + cascade["fees"]
    assert cascade["mid_pnl"] - costs + cascade["assignment"] == pytest.approx(cascade["pnl"], abs=1e-6)
    assert sum(one["trades"] for one in found["by_month"]) == len(trades)
    assert [one["trades"] for one in found["paths"]] == [sum(t["path"] == p for t in trades) for p in (0, 1)]
    assert found["rules"]["gate"]["below"] == 40
    assert found["rules"]["exit"] | {"dte": 10, "profit": 0.5, "stop": 2.0} == found["rules"]["exit"]


def test_csv_is_the_trades(traded):
    rows = list(csv.DictReader(io.StringIO(traded("--format", "csv").out)))
    assert len(rows) == len(traded("--format", "json").json["trades"])
    assert {"simulated", "path", "entry", "legs", "pnl", "risk"} <= set(rows[0])


def test_one_seed_is_one_result_and_rules_change_it(traded):
    first, again = (traded("--format", "json").out for _ in range(2))
    assert first == again
    wider = traded("--format", "json", "--width", 10).json
    assert all("P" in t["legs"] for t in wider["trades"])
    assert wider["metrics"]["risk_capital"] > 1.5 * json.loads(first)["metrics"]["risk_capital"]


def test_rules_are_taken_as_typed(traded):
    rules = traded(
        "--format", "json", "--profit", "none", "--stop", 1.5, "--touch", "--time-stop", 9, "--short-delta", 0.2,
        "--call-delta", 0.1, "--wing-delta", 0.05, "--fill", "natural", "--stop-fill", "stress:4", "--fees", "zero",
        "--lag", 2, "--weekday", "mon", "--weekday", "thu", "--every", 3, "--max-open", 2, "--dte", "25:45",
        "--exit-dte", 18,
    ).json["rules"]  # fmt: skip
    assert rules["exit"] | {"profit": None, "stop": 1.5, "touch": True, "sessions": 9} == rules["exit"]
    entry = rules["entry"]
    assert (entry["dte"], entry["dte_slack"], entry["put_delta"], entry["call_delta"]) == (35, 10, 0.2, 0.1)
    assert entry["put_wing"]["delta"] == 0.05
    assert (entry["weekdays"], entry["every"], entry["max_open"]) == (["mon", "thu"], 3, 2)
    costs = rules["costs"]
    assert [costs[name]["kind"] for name in ("entry", "exit", "stop")] == ["natural", "natural", "stress"]
    assert rules["gate"]["lag"] == 2


def test_a_floor_alone_is_the_opposite_gate(traded):
    run_with = ("--format", "json")
    gates = [
        traded(*run_with, *more).json["gate"]["condition"] for more in ((), ("--no-gate",), ("--ivr-at-least", 10))
    ]
    assert gates == ["IV rank < 40", "any IV rank", "IV rank < 40 and IV rank >= 10"]


def test_results_are_saved_compared_and_never_overwritten(run, traded, tmp_path):
    folder = tmp_path / "gated"
    assert "written" in traded("--output", folder).err
    assert "already there" in traded("--output", folder).err
    refused = traded("--output", folder, "--profit", 0.25)
    assert (refused.code, shows(refused.err, folder, "--overwrite")) == (1, True)
    assert "written" in traded("--output", tmp_path / "quick", "--profit", 0.25).err
    assert UNITS.keys() == {field.name for field in fields(Metrics)}
    page = run("backtest", "--compare", folder, tmp_path / "quick")
    assert "rules.exit.profit" in page.out
    for name, unit in (("trades", "all paths"), ("pnl", "$ a path"), ("expectancy", "$ a trade")):
        assert any(line.split()[:1] == [name] and line.endswith(unit) for line in page.out.splitlines())
    assert all(len(line) <= 80 for line in page.out.splitlines()[2:])
    found = run("backtest", "--compare", folder, tmp_path / "quick", "--format", "json").json
    assert found["config"] == [
        {"name": "asked.profit", "first": None, "second": 0.25},
        {"name": "rules.exit.profit", "first": 0.5, "second": 0.25},
    ]
    assert found["yearly_difference"]["resampled"].startswith("blocks of")
    assert run("backtest", "--compare", folder, tmp_path / "absent").code == 1


def test_a_picture_is_written(traded, tmp_path):
    assert "written" in traded("--plot", tmp_path / "equity.png", "-q").err or (tmp_path / "equity.png").exists()
    assert (tmp_path / "equity.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--source", "yahoo"), "source='yahoo'"),
        (("--iv-history", "x.csv"), "iv_history"),
        (("--width", 5, "--wing-delta", 0.05), "Give one of them"),
        (("--strategy", "bull-call", "--put-width", 5), "put_width"),
        (("--no-gate", "--ivr-at-least", 50), "contradict each other"),
        (("--ivr-at-least", 50), "no day would pass"),
        (("--dte", "55:35"), "low <= high"),
        (("--scenario", "q4-2018"), "a scenario has dates of its own"),
        (("--fill", "best"), "unknown fill convention"),
        (("--stop", "soon"), "not a valid"),
        (("--risk", "2%"), "contracts"),
        (("--from", "2023-08-01", "--to", "2023-07-01"), "2023-07-01"),
        (("--output", "/"), "holds files other than a result"),
        (("--source", "absent.csv"), "--paths is of the simulated market"),
        (("--macro", "KRE"), "Add --macro-applies-to-condors"),
        (("--macro", "KRE.csv", "--macro-applies-to-condors"), "unknown companion"),
        (("--macro", "KRE", "--macro-drop", "-1%"), "must be above 0"),
        (("--macro", "KRE", "--strategy", "bear-call"), "gains from a fall"),
        (("--macro-drop", "1%"), "means nothing without --macro"),
        (("--kre", "KRE.csv"), "the filter of these rules is --macro"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(traded, tmp_path, options, told):
    for name in ("x.csv", "KRE.csv"):
        (tmp_path / name).touch()
    failed = traded(*options)
    assert failed.code in (1, 2)
    assert told in failed.err
    assert len(failed.err.splitlines()) == 1
    assert failed.out == ""


def test_a_macro_filter_keeps_out_and_says_so(run, traded):
    kept = ("--macro", "KRE", "--macro-drop", "0.5%", "--macro-applies-to-condors")
    page = traded(*kept).out
    assert shows(page, "KRE return >= -0.005 at", "1 before")
    found, free = (traded(*more, "--format", "json").json for more in (kept, ()))
    assert found["rules"]["macro"]["drop"] == 0.005
    assert all(one["KRE return >= -0.005 is not met"] > 0 for one in found["skipped"])
    assert {t["entry"] for t in found["trades"]} != {t["entry"] for t in free["trades"]}
    swept = run("sweep", *SIM, *RULES, *kept, "--grid", "macro-drop=0.5%,50%", "--draws", 19, "--format", "json").json
    assert [v["trades"] for v in swept["variants"]] == [len(found["trades"]), len(free["trades"])]


def test_a_file_that_is_not_there_is_named(run):
    failed = run("backtest", "--source", "absent.csv")
    assert (failed.code, "absent.csv" in failed.err) == (1, True)


def test_scenarios_are_told_apart(run):
    worlds = ("--scenario", "march-2020", "--scenario", "q4-2018")
    found = run("backtest", *worlds, "--paths", 2, "--seed", 3, "--format", "json").json
    assert [one["scenario"] for one in found["paths"]] == ["march-2020", "march-2020", "q4-2018", "q4-2018"]
    assert [(one["scenario"], one["paths"], one["sessions"]) for one in found["by_scenario"]] == [
        ("march-2020", 2, 51), ("q4-2018", 2, 83),
    ]  # fmt: skip
    assert sum(one["trades"] for one in found["by_scenario"]) == found["metrics"]["trades"]
    # The calibrated world in front gives the first days a rank; where a crash leaves no index there is none.
    assert 2 * 83 + 51 <= found["gate"]["ranked_days"] <= 2 * (51 + 83)


def test_modelled_history_says_so(run, index_files):
    page = run("backtest", "--source", "modelled", *index_files, "--ivr-lookback", 20, *RULES)
    assert page.code == 0, page.err
    lines = page.out.splitlines()
    assert (lines[-1], lines[0].partition(":")[0]) == (lines[0], "MODELLED QUOTES")
    found = run("backtest", "--source", "modelled", *index_files, "--ivr-lookback", 20, *RULES, "--format", "json").json
    assert found["market"]["kind"] == "modelled"
    assert found["market"]["first"] > "2023-01-20"
    assert found["metrics"]["trades"] > 0


def test_evidence_has_a_sentence_rivals_and_break_even_points(run, tmp_path):
    more = ("--draws", 99, "--random-draws", 19, "--plot", tmp_path / "evidence.png")
    page = run("evidence", *SIM, *RULES, *more)
    assert page.code == 0, page.err
    lines = page.out.splitlines()
    assert (lines[-1], lines[0].partition(":")[0]) == (lines[0], "SIMULATED MARKET")
    assert all(len(line) <= 80 for line in lines)
    assert "…" not in page.out
    assert shows(" ".join(page.out.split()), "SIMULATED DATA", "variance premium")
    assert (tmp_path / "evidence.png").read_bytes().startswith(b"\x89PNG")
    found = run("evidence", *SIM, *RULES, *more[:4], "--format", "json").json
    assert [one["name"] for one in found["arms"]] == ["strategy", "without the gate", "opposite gate"]
    assert [one["rival"] for one in found["differences"]] == ["without the gate", "opposite gate", "random entries"]
    own, other = found["arms"][:2]
    difference = found["differences"][0]["per_trade"]
    assert difference["estimate"] == pytest.approx(own["per_trade"]["estimate"] - other["per_trade"]["estimate"])
    assert difference["low"] < difference["estimate"] < difference["high"]
    assert found["breakeven_premium"] is not None
    assert found["breakeven_slippage"]["paid"] > 0
    assert found["finding"].split(".")[0] in " ".join(page.out.split())


def test_evidence_on_modelled_history_asks_for_no_premium(run, index_files):
    found = run(
        "evidence", "--source", "modelled", *index_files, "--ivr-lookback", 20, *RULES, "--draws", 49,
        "--random-draws", 9, "--format", "json",
    )  # fmt: skip
    assert found.code == 0, found.err
    assert found.json["breakeven_premium"] is None
    assert "modelled, not traded" in found.json["finding"]


def test_evidence_bands_gains_over_what_modelled_quotes_leave_open(run, index_files):
    given = (
        "evidence", "--source", "modelled", *index_files, "--ivr-lookback", 20, *RULES, "--draws", 49,
        "--random-draws", 9, "--bands", 3,
    )  # fmt: skip
    page, found = run(*given), run(*given, "--format", "json").json
    assert page.code == 0, page.err
    assert shows(page.out, "modelled quotes", "after costs")
    assert [line for line in page.out.splitlines() if len(line) > 80] == []
    assert "…" not in page.out
    smile, spreads = found["quote_bands"]
    assert (smile["name"], spreads["name"]) == ("smile, 90% of 3 draws", "spreads x 0.7 to 1.4")
    estimate = found["arms"][1]["per_trade"]["estimate"]
    low, high = spreads["ungated"]
    assert low - 1e-6 <= estimate <= high + 1e-6  # the quotes as modelled lie between


def test_modelled_gains_have_an_interval_and_bands_wherever_they_are_printed(run, index_files, tmp_path):
    given = ("--source", "modelled", *index_files, "--ivr-lookback", 20, *RULES)
    page, found = run("backtest", *given), run("backtest", *given, "--format", "json").json
    interval, (smile, spreads) = found["uncertainty"]["per_trade"], found["uncertainty"]["bands"]
    assert interval["estimate"] == pytest.approx(found["metrics"]["pnl"] / found["metrics"]["trades"])  # one contract
    assert spreads["low"] - 1e-6 <= interval["estimate"] <= spreads["high"] + 1e-6  # the quotes as modelled lie between
    assert smile["low"] < interval["estimate"] < smile["high"]
    for words in ("95% sampling interval", "what modelled quotes leave open", "(spreads x 0.7 to 1.4)"):
        assert words in " ".join(page.out.split())
    assert run("backtest", *given, "--output", tmp_path / "saved").code == 0
    saved = json.loads((tmp_path / "saved" / "summary.json").read_text())["uncertainty"]
    assert [band["low"] for band in saved["bands"]] == pytest.approx([smile["low"], spreads["low"]])
    assert saved["per_trade"]["low"] == pytest.approx(interval["low"])
    assert run("evidence", *given, "--draws", 49, "--random-draws", 9, "--output", tmp_path / "evidence.html").code == 0
    sheet = (tmp_path / "evidence.html").read_text()
    assert shows(sheet, "one factor")
    assert "smile, 90% of 20 draws" in sheet


def test_a_sweep_has_the_bands_of_its_best_variant(run, index_files, tmp_path):
    given = ("--source", "modelled", *index_files, "--ivr-lookback", 20, *RULES)
    asked = ("sweep", *given, "--grid", "profit=0.25,0.5", "--grid", "put-delta=0.1,0.2", "--draws", 99)
    page, found = run(*asked), run(*asked, "--format", "json").json
    best = found["best"]
    assert best["number"] == max(found["variants"], key=lambda row: row["expectancy"])["number"]
    rules = found["variants"][best["number"]]
    chosen = ("--profit", rules["profit"], "--put-delta", rules["put_delta"], "--format", "json")
    assert best["uncertainty"] == run("backtest", *given, *chosen).json["uncertainty"]
    assert [band["name"] for band in best["uncertainty"]["bands"]][1] == "spreads x 0.7 to 1.4"
    assert all(len(line) <= 80 for line in page.out.splitlines())
    for words in ("as if chosen beforehand", "95% sampling interval", "what modelled quotes leave open"):
        assert words in " ".join(page.out.split())
    assert run(*asked, "--output", tmp_path / "sweep.html").code == 0
    assert "spreads x 0.7 to 1.4" in (tmp_path / "sweep.html").read_text()


def test_a_walk_forward_has_the_bands_of_each_arm(run, index_files):
    given = ("--source", "modelled", *index_files)
    asked = (
        "walk-forward", *given, "--ivr-lookback", 20, "--no-gate", "--dte", 20, "--exit-dte", 5, "--contracts", 1,
        "--grid", "profit=0.25,0.5", "--in-sample", 30, "--out-of-sample", 20,
    )  # fmt: skip
    page, found = run(*asked), run(*asked, "--format", "json").json
    assert page.code == 0, page.err
    assert all(len(line) <= 80 for line in page.out.splitlines())
    for arm in found["arms"]:
        smile, spreads = arm["bands"]
        assert smile["low"] < arm["per_trade"]["estimate"] < smile["high"]
        assert spreads["low"] - 1e-6 <= arm["per_trade"]["estimate"] <= spreads["high"] + 1e-6


def test_the_control_is_a_market_of_its_own_by_name(traded):
    shipped, control = (traded("--format", "csv", *more).out for more in ((), ("--parameters", "to-2019")))
    assert control.splitlines()[0] == shipped.splitlines()[0]
    assert control != shipped


def test_an_entry_window_that_meets_the_dte_exit_is_refused(run):
    refused = run("backtest", "--dte", "30")
    assert (refused.code, refused.out) == (1, "")
    assert "exit_dte=21" in refused.err
