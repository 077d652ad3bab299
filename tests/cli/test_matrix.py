"""`iwm-opts condor --matrix`."""

import csv
import io

import pytest


@pytest.fixture
def screened(run, chain_file, history_file):
    def call(*arguments):
        chain = (
            "--source",
            chain_file,
            "--iv-history",
            history_file,
            "--dte",
            "28:50",
            "--dividends",
            "none",
            "--as-of",
            "2026-03-02",
        )
        return run("condor", *chain, "--matrix", *arguments)

    return call


def test_formats_hold_the_same_cells(screened):
    cells = screened("--format", "json").json["cells"]
    rows = list(csv.DictReader(io.StringIO(screened("--format", "csv").out)))
    assert len(cells) == len(rows) == 8
    assert [float(row["credit_fill"]) for row in rows] == [cell["credit_fill"] for cell in cells]
    page = screened().out
    assert all(len(line) <= 80 for line in page.splitlines())
    assert all(cell["strikes"] in page for cell in cells)


def test_a_closed_gate_sizes_nothing(screened):
    closed = screened("--ivr-below", "0", "--format", "json").json
    assert closed["gate"]["open"] is False
    assert {cell["contracts"] for cell in closed["cells"]} == {0}
    opened = screened("--no-gate", "--format", "json").json
    assert max(cell["contracts"] for cell in opened["cells"]) >= 1


@pytest.mark.parametrize("option", [("--short-delta", "0.2"), ("--top", "3"), ("--plot", "x.png")])
def test_options_of_a_list_are_refused(screened, option):
    refused = screened(*option)
    assert (refused.code, refused.out) == (2, "")
    assert option[0] in refused.err


def test_a_closed_gate_names_the_size_behind_an_open_one(run, chain_file):
    arguments = (
        "condor",
        "--matrix",
        "--source",
        chain_file,
        "--as-of",
        "2026-03-02",
        "--dte",
        "30:50",
        "--ivr-below",
        "1",
    )
    closed = run(*arguments, "--format", "json").json["cells"]
    opened = run(*arguments, "--no-gate", "--format", "json").json["cells"]
    assert [cell["contracts_if_open"] for cell in closed] == [cell["contracts"] for cell in opened]
    assert max(cell["contracts_if_open"] for cell in closed) >= 1
    page = run(*arguments).out
    assert "0 (1)" in page
    assert "packages considered" in page
    assert max(map(len, page.splitlines())) <= 80


def test_a_cell_without_a_package_says_why(screened):
    found = screened("--min-open-interest", "1000000", "--format", "json").json
    assert {cell["reason"] for cell in found["cells"]} == {"fewer than the open interest wanted"}
    page = screened("--min-open-interest", "1000000").out
    assert page.count("no package") == 8 + 2  # cells, and a line an expiration
    assert {cell["reason"] for cell in screened("--format", "json").json["cells"]} == {""}
