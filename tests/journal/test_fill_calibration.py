"""Offsets of fills that are known because they were planted, and worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from iwm_opts.execution.fills import FillModel
from iwm_opts.execution.own_fills import own_fill_model
from iwm_opts.io.archive import ChainArchive, open_record
from iwm_opts.journal.fill_calibration import (
    calibrate_fills,
    compare_fills_with,
    fill_model_of,
    fills_of,
    interval_of,
    keep_fills,
)
from iwm_opts.journal.inference import mean_of
from iwm_opts.journal.trade_log import log_of_rows
from iwm_opts.plans.plan import load_plan
from tests.refusals import refused, refused_data, shows


def trade(day, offset, legs="+1P185 -1P190", half_spread=0.05, **other):
    """Opened and left at a fraction of H from a mid of 0.50 and of 0.20."""
    return {
        "entry": f"2026-03-{day:02d} 10:30", "exit": f"2026-03-{day:02d} 15:45", "expiration": "2026-04-17",
        "legs": legs, "contracts": 1, "credit": 0.50 - offset * half_spread, "debit": 0.20 + offset * half_spread,
        "entry_mid": 0.50, "exit_mid": 0.20, "entry_half_spread": half_spread, "exit_half_spread": half_spread, **other,
    }  # fmt: skip


def offset_of(calibration, by, group):
    (row,) = (row for row in calibration if (row.by, row.group) == (by, group))
    return row.offset


def test_a_planted_offset_is_found_by_legs_spread_and_time():
    condor = "+1P185 -1P190 -1C240 +1C245"
    rows = [trade(day, 0.4) for day in range(2, 7)] + [trade(day, 0.8, condor, 0.20) for day in range(9, 14)]
    calibration = calibrate_fills(log_of_rows(rows, "planted"))
    assert offset_of(calibration, "all", "all").value == pytest.approx(0.6)
    assert offset_of(calibration, "legs", "2").value == pytest.approx(0.4)
    assert offset_of(calibration, "legs", "4").value == pytest.approx(0.8)
    assert offset_of(calibration, "half_spread", "over $0.10").value == pytest.approx(0.8)
    assert offset_of(calibration, "time", "after 15:30").n == 10
    assert offset_of(calibration, "dte", "over 30").n == 20


def test_the_interval_counts_days_not_fills():
    # 0.2 and 0.6 by turns over ten days: the standard error of ten days is the deviation over the root of ten.
    rows = [trade(day, 0.2 if day % 2 else 0.6) for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)]
    estimate = offset_of(calibrate_fills(log_of_rows(rows, "planted")), "all", "all")
    deviation = pd.Series([0.2, 0.6] * 10).std()
    assert estimate.error == pytest.approx(deviation / 10**0.5)
    assert estimate.low < 0.4 < estimate.high


def test_a_fill_without_quotes_is_no_evidence():
    rows = [trade(2, 0.4), trade(3, 0.9, entry_half_spread=None, exit_mid=None), trade(4, 0.9, half_spread=0.0)]
    assert list(fills_of(log_of_rows(rows, "planted"))["offset"]) == pytest.approx([0.4, 0.4])


def test_trades_that_one_order_opened_are_one_fill():
    """One order left in three: one fill at the entry, three at the exits."""
    rows = [trade(2, 0.4, exit=f"2026-03-0{day} 15:45") for day in (3, 4, 5)]
    assert list(fills_of(log_of_rows(rows, "planted"))["side"]) == ["entry", "exit", "exit", "exit"]
    others = [trade(2, 0.4, market=f"broker, account {name}", exit=None) for name in "ab"]
    assert len(fills_of(log_of_rows(others, "planted"))) == 2


def test_own_fills_become_a_fill_model():
    rows = [trade(day, 0.4) for day in (2, 3, 4, 5, 6)]
    model = fill_model_of(log_of_rows(rows, "planted"))
    assert str(model) == "mine:0.4/2=0.4"
    assert (model.share(2), model.share(4)) == (0.4, 0.4)
    with refused("fill", "mine", "8 fills", "10"):
        fill_model_of(log_of_rows(rows[:4], "planted"))


def test_the_offset_of_a_package_is_that_of_its_legs_where_enough_are_known():
    condor = "+1P185 -1P190 -1C240 +1C245"
    rows = [trade(day, 0.4) for day in range(2, 7)] + [trade(day, 0.8, condor) for day in range(9, 14)]
    model = fill_model_of(log_of_rows(rows, "planted"))
    assert str(model) == "mine:0.6/2=0.4/4=0.8"
    assert [model.share(legs) for legs in (1, 2, 3, 4)] == [0.6, 0.4, 0.6, 0.8]
    assert FillModel.parse(str(model)) == model


def test_fills_better_than_mid_count_as_mid():
    assert str(fill_model_of(log_of_rows([trade(day, -0.3) for day in range(2, 7)], "planted"))) == "mine:0/2=0"


def test_a_calibration_is_kept_in_the_archive(tmp_path):
    archive = ChainArchive(tmp_path)
    with refused("fill", "mine"):
        own_fill_model(archive)
    kept = keep_fills(archive, log_of_rows([trade(day, 0.25) for day in range(2, 9)], "planted"))
    assert own_fill_model(archive) == kept == FillModel.parse("mine:0.25/2=0.25")


def test_a_plan_states_the_offsets_of_mine(tmp_path, monkeypatch):
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "archive"))
    path = tmp_path / "plan.toml"
    path.write_text(
        'version = 1\nname = "a"\nedge = "vol-contraction"\nhorizon = "multi-week"\ninstrument = "condor"\n'
        '[costs]\nfill = "mine"\n'
    )
    with refused_data("plan.toml", "costs.fill", "iwm-opts review"):
        load_plan(path)
    keep_fills(open_record(), log_of_rows([trade(day, 0.25) for day in range(2, 9)], "planted"))
    assert load_plan(path).costs.fill == "mine:0.25/2=0.25"


def test_own_fills_are_held_against_conventions():
    rows = [trade(day, 0.3 if day % 2 else 0.4) for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)]
    models = [FillModel.parse(name) for name in ("fraction:0.5", "mid", "mine:0.35")]
    words = [line.partition("): ")[2] for line in compare_fills_with(log_of_rows(rows, "planted"), models)]
    assert words == [
        "better than fraction:0.5, 0.50 of H", "worse than mid, 0.00 of H", "not told apart from mine:0.35, 0.35 of H",
    ]  # fmt: skip


MADE = (
    "Option Omega",
    "optopsy",
    "backtest, calm",
    "paper, archive",
    "re-priced, x",
    "paper, Interactive Brokers activity statement",
)


@pytest.mark.parametrize("market", MADE)
def test_fills_that_a_model_made_are_not_kept_as_own(tmp_path, market):
    rows = [trade(day, 0.0, market=market) for day in range(2, 7)]
    record = ChainArchive(tmp_path)
    with refused("fill", "mine"):
        keep_fills(record, log_of_rows(rows, "planted"))
    own = [trade(day, 0.4, market="tastytrade transactions") for day in range(9, 14)]
    assert str(keep_fills(record, log_of_rows(rows + own, "planted"))) == "mine:0.4/2=0.4"


@pytest.mark.parametrize("provenance", ["simulated", "modelled"])
def test_fills_at_made_prices_are_not_kept_as_own(tmp_path, provenance):
    made = [trade(day, 0.0, provenance=provenance) for day in range(2, 7)]
    own = [trade(day, 0.4) for day in range(9, 14)]
    assert str(keep_fills(ChainArchive(tmp_path), log_of_rows(made + own, "planted"))) == "mine:0.4/2=0.4"


def test_an_interval_of_one_day_is_not_written():
    rows = [trade(2, 0.4, entry=f"2026-03-02 10:3{n}", exit=f"2026-03-02 15:4{n}") for n in range(5)]
    (line,) = compare_fills_with(log_of_rows(rows, "planted"), [FillModel.parse("mid")])
    assert shows(line, "at 0.40 of H (0.40 to 0.40)", "mid, 0.00 of H")
    (row, *_) = calibrate_fills(log_of_rows([trade(2, 0.4, exit=None)], "planted"))
    assert interval_of(row.offset) == ""
    zero = mean_of(np.array([-1e-9, -1e-9, -1e-9]))
    assert interval_of(zero) == " (0.00 to 0.00)"
