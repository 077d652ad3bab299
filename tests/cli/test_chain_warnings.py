"""Every command that reads a chain says what its reader left out."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

CHAINS = Path(__file__).parents[1] / "cases/chains"
LEFT_OUT = "20 rows of other symbols (SPY): left out"
LEGS = ("--leg", "+1P225", "--leg", "-1P230", "--expiration", "2026-11-20")
LOG = """symbol,strategy,legs,expiration,entry,exit,contracts,credit,debit,fees
IWM,bull-put,+1P225 -1P230,2026-11-20,2026-09-28,,1,0.80,,1.30
IWM,bull-put,+1P225 -1P230,2026-10-30,soon,2026-09-25,1,0.80,0.30,2.60
"""


@pytest.fixture
def market(tmp_path):
    """Chain of IWM with some rows of SPY."""
    with gzip.open(CHAINS / "base.csv.gz") as file:
        chain = pd.read_csv(file)
    path = tmp_path / "chain.csv"
    pd.concat([chain, chain.head(20).assign(underlying_symbol="SPY")]).to_csv(path, index=False)
    return ("--source", path, "--as-of", "2026-10-02", "--dividends", "none", "--rate", "0.037")


@pytest.mark.parametrize(
    "command",
    [
        ("condor", "--no-gate"),
        ("manage", *LEGS, "--credit", "0.8"),
        ("fills", *LEGS),
        ("fills", "--by", "delta"),
        ("ticket", *LEGS),
        ("whatif", "--no-gate"),
        ("paper", "open", "--no-gate"),
    ],
)
def test_rows_left_out_are_named(run, market, command):
    page = run(*command, *market)
    assert page.code == 0, page.err
    assert LEFT_OUT in " ".join((page.out + page.err).split())


def test_management_names_what_its_log_left_out(run, market, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(LOG)
    page = run("manage", log, *market)
    assert page.code == 0, page.err
    text = " ".join(page.out.split())
    assert LEFT_OUT in text
    assert "'soon'" in text
    notes = run("manage", log, *market, "--format", "json").json["notes"]
    assert any("'soon'" in note for note in notes)
    assert LEFT_OUT in notes


def test_marks_on_paper_name_them(run, market):
    run("paper", "open", "--no-gate", *market)
    assert LEFT_OUT in run("paper", "mark", *market).err
    assert LEFT_OUT in run("paper", "close", "1", *market).err
