"""Where a result goes: suffix, folder or file, quiet, widths and consoles."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from iwm_opts.cli.main import COMMANDS, _command
from iwm_opts.cli.options import QUIET_HELP
from tests.refusals import shows

SMALL = ("--source", "sim", "--paths", "1", "--seed", "5", "--from", "2023-02-15", "--to", "2023-08-31")


@pytest.fixture(scope="module")
def size_page():
    return ("size", "--max-loss", "412", "--account", "50000")


@pytest.mark.parametrize("suffix", ["html", "csv", "json", "md", "txt", "parquet"])
def test_the_suffix_decides_the_format(run, tmp_path, size_page, suffix):
    done = run(*size_page, "--output", f"x.{suffix}")
    assert (done.code, done.out, done.err.splitlines()[-1]) == (0, "", f"written: x.{suffix}")
    content = (tmp_path / f"x.{suffix}").read_bytes()
    expected = run(*size_page, "--format", "json").json
    if suffix == "json":
        assert json.loads(content) == expected
    elif suffix == "csv":
        assert content.decode() == run(*size_page, "--format", "csv").out
    elif suffix == "parquet":
        frame = pd.read_parquet(io.BytesIO(content))
        assert frame["contracts"].tolist() == [expected["contracts"]]
        about = json.loads(pq.read_schema(io.BytesIO(content)).metadata[b"iwm_opts"])
        assert set(about) == {"title", "lines", "label"}
    elif suffix == "html":
        assert content.startswith(b"<!doctype html>")
    else:
        assert run(*size_page).out.splitlines()[0] in content.decode()


def test_an_unknown_suffix_is_refused_before_anything_is_computed(run, tmp_path, size_page):
    for command in (size_page, ("backtest", *SMALL), ("sweep", "--grid", "stop=1,2", *SMALL)):
        failed = run(*command, "--output", "x.docx")
        assert (failed.code, failed.out) == (2, "")
        assert ".html, .csv, .json, .md, .txt, .parquet" in failed.err
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_contradicts_the_suffix_is_refused(run, size_page):
    failed = run(*size_page, "--format", "json", "--output", "x.csv")
    assert (failed.code, "--format json contradicts --output x.csv" in failed.err) == (2, True)
    assert run(*size_page, "--format", "json", "--output", "bare").code == 0
    assert json.loads(Path("bare").read_text())["contracts"] > 0


def test_a_backtest_goes_to_a_folder_or_a_file(run, tmp_path):
    saved = run("backtest", *SMALL, "--output", "v1.5/")
    assert "written: folder v1.5 (rules, trades, equity, figures)" in saved.err
    assert saved.out.startswith("SIMULATED")
    assert (tmp_path / "v1.5").is_dir()
    filed = run("backtest", *SMALL, "--output", "trades.csv")
    assert (filed.out, filed.err.splitlines()[-1]) == ("", "written: trades.csv")
    assert len(pd.read_csv("trades.csv")) == len(pd.read_parquet(tmp_path / "v1.5" / "trades.parquet"))
    refused = run("backtest", "--compare", "v1.5", "v1.5", "--output", "folder")
    assert (refused.code, shows(refused.err, "--output folder", "page.html")) == (2, True)


@pytest.mark.parametrize("command", [("backtest",), ("sweep", "--grid", "profit=0.25,0.5")])
def test_a_dash_is_standard_output_of_results_that_folders_keep(run, tmp_path, command):
    done = run(*command, *SMALL, "--output", "-")
    assert (done.code, done.out) == (0, run(*command, *SMALL).out)
    assert not (tmp_path / "-").exists()


def test_quiet_prints_nothing(run, size_page):
    of_log = ("review", "log.csv")
    Path("log.csv").write_text("entry,exit,contracts,credit,debit,fees\n2026-03-02,2026-03-10,1,0.50,0.20,2.56\n")
    for command in (size_page, (*size_page, "--output", "x.html"), ("backtest", *SMALL),
                    ("backtest", *SMALL, "--output", "kept"), of_log, ("doctor", "--config"),
                    ("ticket", "--leg", "-1P200@1.20/1.26", "--expiration", "2035-12-21"),
                    ("paper", "list"), ("sweep", *SMALL, "--grid", "profit=0.25,0.5", "--draws", "19", "--output", "s",
                                        "--shard", "1/2")):  # fmt: skip
        done = run(*command, "--quiet")
        assert (done.code, done.out, done.err) == (0, "", ""), command
    assert Path("x.html").exists()
    assert Path("kept").is_dir()


def test_quiet_leaves_what_is_asked_for(run, size_page):
    for asked in (("--format", "json"), ("--format", "csv"), ("--format", "table"), ("--output", "-")):
        assert run(*size_page, *asked, "--quiet").out == run(*size_page, *asked).out != ""
    order = ("ticket", "--leg", "-1P200@1.20/1.26", "--expiration", "2035-12-21", "--order-format", "occ")
    assert run(*order, "--quiet").out == run(*order).out != ""
    assert run("size", "--max-loss", "-1", "--quiet").err != ""


def test_every_command_is_quiet_by_one_definition():
    commands = [_command(name) for name in COMMANDS]
    all_commands = [each for command in commands for each in getattr(command, "commands", {"": command}).values()]
    options = [{each.name: each for each in command.params}.get("quiet") for command in all_commands]
    assert {(tuple(each.opts), each.help) for each in options if each} == {(("-q", "--quiet"), QUIET_HELP)}
    assert None not in options


def test_files_hold_no_colours_and_whole_tables(run, tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    from iwm_opts.cli.main import main

    for name in ("x.txt", "x.md", "x.html"):
        with pytest.raises(SystemExit):
            main(["condor", "--source", "sim", "--seed", "7", "--as-of", "2026-06-26", "--output", name, "-q"])
        text = (tmp_path / name).read_text()
        assert "\x1b" not in text
        assert "…" not in text
        assert max(map(len, text.splitlines())) > 80


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}])
def test_old_consoles_get_tables_of_ascii(variables):
    command = [sys.executable, "-m", "iwm_opts.cli.main", "ivr", "--source", "sim", "--seed", "7"]
    page = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, check=True).stdout
    assert page.isascii()
    assert b"?" not in page
    assert b"#" in page


def test_percentages_are_fractions(run, chain_file):
    by_share, by_percent = (
        run("backtest", *SMALL, "--profit", profit, "--fill", fill, "--format", "json").json
        for profit, fill in (("0.25", "fraction:0.3"), ("25%", "fraction:30%"))
    )
    assert by_share == by_percent
    assert run("condor", "--source", chain_file, "--rate", "4.5%", "--format", "json").json["market"]["rate"] == 0.045
    wrong = run("backtest", *SMALL, "--profit", "a%")
    assert (wrong.code, "'a%'" in wrong.err) == (2, True)


def test_a_grid_takes_ranges(run):
    ranged = run("sweep", *SMALL, "--grid", "profit=0.3:0.5:0.1", "--draws", "19", "--format", "json", "-q").json
    assert [variant["profit"] for variant in ranged["variants"]] == [0.3, 0.4, 0.5]
    grid = ("--grid", "profit=25%:75%:25%", "--grid", "put-width=4%,5", "--draws", "19", "--format", "csv")
    rows = pd.read_csv(io.StringIO(run("sweep", *SMALL, *grid).out))
    assert rows["profit"].tolist() == [0.25, 0.25, 0.5, 0.5, 0.75, 0.75]
    assert rows["put_width"].tolist() == ["4%", "5"] * 3  # of the price, and dollars
    for grid, message in (
        ("profit=0.5:0.3:0.1", "needs FIRST <= LAST"),
        ("profit=0.1:0.3:0", "a STEP above 0"),
        ("profit=0:1:0.0001", "more than 1,000 values"),
        ("profit=a:b:c", "not FIRST:LAST:STEP"),
    ):
        failed = run("sweep", *SMALL, "--grid", grid)
        assert (failed.code, message in failed.err) == (2, True)


def test_two_chains_are_named_by_symbol(run, made_quotes, tmp_path):
    made_quotes().to_csv("IWM.csv", index=False)
    made_quotes().assign(underlying_symbol="SPY").drop(columns="root", errors="ignore").to_csv("SPY.csv", index=False)
    done = run("fills", "--source", "IWM.csv", "--versus", "SPY.csv", "--format", "csv")
    assert {"spread_IWM", "spread_SPY", "ratio"} <= set(pd.read_csv(io.StringIO(done.out)))
    alone = run("fills", "--source", "IWM.csv", "--versus", "IWM.csv", "--versus-symbol", "IWM", "--format", "csv")
    assert {"spread_IWM_2026-03-02_1", "spread_IWM_2026-03-02_2"} <= set(pd.read_csv(io.StringIO(alone.out)))


def test_a_second_chain_without_a_date_says_whose_it_takes(run, made_quotes):
    made_quotes().to_csv("IWM.csv", index=False)
    undated = made_quotes().assign(underlying_symbol="SPY").drop(columns=["quote_date", "quote_time"])
    undated.to_csv("SPY.csv", index=False)
    asked = ("fills", "--source", "IWM.csv", "--versus", "SPY.csv")
    notes = [note for note in run(*asked, "--format", "json").json["warnings"] if note.startswith("SPY 2026-03-02: ")]
    assert [note.partition(": ")[2] for note in notes[:2]] == [
        "its day is that of the first chain, as none was named",
        "the file has no quote date: taken for quotes of 2026-03-02",
    ]
    named = run(*asked, "--versus-as-of", "2026-03-02", "--format", "json").json["warnings"]
    assert not shows(named, "first chain")


def test_chains_of_one_symbol_fit_80_columns(run, made_quotes):
    made_quotes().to_csv("IWM.csv", index=False)
    page = run("fills", "--source", "IWM.csv", "--versus", "IWM.csv", "--versus-symbol", "IWM").out
    assert max(map(len, page.splitlines())) <= 80
    assert "1: IWM_2026-03-02_1, 2: IWM_2026-03-02_2" in " ".join(page.split())


def test_a_stale_chain_keeps_the_gate_closed(run, chain_file, history_file):
    asked = ("condor", "--source", chain_file, "--iv-history", history_file, "--dte", "28:50", "--format", "json")
    stale, named = run(*asked).json, run(*asked, "--as-of", "2026-03-02").json
    assert (stale["gate"]["open"], named["gate"]["open"]) == (False, True)
    assert stale["gate"]["reasons"][0].startswith("STALE: quotes of 2026-03-02")
    assert stale["candidates"][0]["size"]["contracts"] == 0 < named["candidates"][0]["size"]["contracts"]
    assert "STALE" in run("snapshot", "--source", chain_file).out


def test_a_dash_of_options_that_write_files_is_standard_output(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = "entry,exit,contracts,credit,debit,fees\n"
    (tmp_path / "log.csv").write_text(header + "2026-03-02,2026-03-10,1,0.50,0.20,2.56\n")
    done = run("review", "log.csv", "--write-log", "-")
    assert (done.code, "1 closed trade" in done.err) == (0, True)
    assert list(pd.read_csv(io.StringIO(done.out))["pnl"]) == [27.44]
    assert run("review", "log.csv", "--write-log", "-", "--quiet").err == ""
    filed = run("review", "log.csv", "--write-log", "-", "--output", "review.html")
    assert (filed.out, (tmp_path / "review.html").exists()) == (done.out, True)
    both = run("review", "log.csv", "--write-log", "-", "--output", "-")
    assert (both.code, both.out) == (2, "")
    plot = run("review", "log.csv", "--plot", "-")
    assert (plot.code, shows(plot.err, "--plot", "'-'")) == (2, True)
    folder = run("simulate", "--output", "-")
    assert (folder.code, shows(folder.err, "--output -", "folder")) == (2, True)
    assert not (tmp_path / "-").exists()
