"""Backtests that end in expiry, assignment, vanished quotes, and missing or zero days; every result by hand.

The condor is sold at 0.99 for 4 x $0.65: 96.40 where it expires between its short strikes. Where IWM falls to 226.40 on
the expiration day the short 230 put is assigned, and its shares leave at the next open, 226.00: 96.40 - 400.00.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

from iwm_opts.cli.main import main
from tests.refusals import shows

RULES = (
    "--no-gate", "--dte", "14", "--exit-dte", "none", "--profit", "none", "--stop", "none", "--contracts", "1",
    "--max-open", "1", "--fees", "custom:0.65", "--dividends", "none", "--rate", "0.037",
)  # fmt: skip
NOTES = {
    "bt_full.csv": (), "bt_gone.csv": ("12 marks by the smile",),
    "bt_missing_day.csv": ("1 of 10 sessions without a recorded chain (2026-10-07)",),
    "bt_zero_day.csv": ("bid and ask are zero", "1 of 10 sessions without a recorded chain (2026-10-07)"),
}  # fmt: skip


@pytest.fixture
def result(case, capsys, tmp_path):
    def run(name, bars, *options):
        source = name if isinstance(name, Path) else case(f"backtests/{name}")
        files = "--source", source, "--bars", case(f"backtests/{bars}")
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in ("backtest", *files, *RULES, "--format", "json", *options)])
        assert not stop.value.code
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("name", NOTES)
def test_what_expires_after_the_last_chain_settles_by_the_bars(result, name):
    answer = result(name, "bt_bars.csv")
    (trade,) = answer["trades"]
    assert trade["pnl"] == pytest.approx(96.40, abs=0.005)
    assert (trade["reason"], trade["exit"]) == ("expiry", "2026-10-16")
    notes = "\n".join(answer["notes"])
    assert shows(notes, "after 2026-10-15", "2026-10-16 settles")
    assert all(note in notes for note in NOTES[name])


def test_shares_of_an_assignment_leave_at_the_next_open(result):
    (trade,) = result("be_crash.csv", "be_crash_bars.csv")["trades"]
    assert trade["pnl"] == pytest.approx(96.40 - 400.00, abs=0.005)
    assert (trade["reason"], trade["exit"]) == ("expiry", "2026-10-16")


def test_nothing_settles_after_the_last_day_of_the_run(result):
    (trade,) = result("bt_full.csv", "bt_bars.csv", "--to", "2026-10-15")["trades"]
    assert (trade["reason"], trade["exit"]) == ("end of data", "2026-10-15")


def test_a_position_that_expires_weeks_later_is_closed_at_its_last_quotes(case, result, tmp_path):
    path = case("backtests/bt_full.csv")
    table = pd.read_csv(path)
    later = table[table["quote_date"] <= "2026-10-06"]
    (tmp_path / "early").mkdir()
    later.to_csv(tmp_path / "early/bt_full.csv", index=False)
    answer = result(tmp_path / "early/bt_full.csv", "bt_bars.csv")
    (trade,) = answer["trades"]
    assert (trade["reason"], trade["exit"]) == ("end of data", "2026-10-06")
