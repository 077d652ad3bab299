from io import StringIO

import numpy as np
import pandas as pd
import pytest

from iwm_opts.conventions import Provenance
from iwm_opts.journal.readers import read_log
from iwm_opts.journal.trade_log import ORDER, answers_of, answers_text, as_csv, log_of_rows, write_log
from tests.refusals import refused_data


def row(**other):
    fields = {"entry": "2026-03-02 10:00", "exit": "2026-03-09 11:00", "contracts": 2, "credit": 1.0, "debit": 0.4}
    return {**fields, "fees": 3.0, **other}


def test_what_is_missing_is_worked_out():
    log = log_of_rows([row(expiration="2026-03-20", risk=800.0)], "mine")
    (trade,) = log.trades.itertuples()
    assert trade.pnl == pytest.approx(200 * 0.6 - 3.0)
    assert trade.dte == 18
    assert trade.multiplier == 100
    assert list(log.trades)[: len(ORDER)] == list(ORDER)


def test_shares_count_one_by_one():
    (trade,) = log_of_rows([row(contracts=50, multiplier=1, credit=-200.0, debit=-203.0)], "mine").trades.itertuples()
    assert trade.pnl == pytest.approx(150.0 - 3.0)


def test_columns_of_ones_own_are_kept():
    assert log_of_rows([row(regime="calm")], "mine").trades["regime"].tolist() == ["calm"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"entry": None}, "line 2: has no entry time: left out"),
        ({"entry": "soon"}, "line 2: entry 'soon' is not a date: taken as unknown"),
        ({"contracts": 0}, "line 2: contracts must be a whole number of at least 1: left out"),
        ({"contracts": 1.5}, "line 2: contracts must be a whole number of at least 1: left out"),
        ({"contracts": "two"}, "line 2: contracts 'two' is not a number: left out"),
        ({"exit": "2026-02-27"}, "line 2: leaves before it enters: left out"),
        ({"debit": None}, "line 2: has an exit but neither pnl nor credit and debit: left out"),
        ({"pnl": 500.0}, "line 2: pnl 500.00 is not what its fills, fees and settlement make, 117.00: left out"),
    ],
)
def test_a_bad_row_is_named_and_left_out(change, problem):
    log = log_of_rows([{**row(), **change}, row()], "mine")
    assert log.problems[0] == problem
    assert len(log.trades) == 1


def test_a_day_without_a_time_is_no_contradiction():
    log = log_of_rows([row(entry="2026-03-02 10:00", exit="2026-03-02")], "mine")
    assert log.problems == ()


@pytest.mark.parametrize("name", ["log.csv", "log.parquet"])
def test_a_log_reads_back_as_it_was_written(tmp_path, name):
    log = log_of_rows([row(rank=12.5, checklist="a=met; b=unknown"), row(exit=None, debit=np.nan)], "mine")
    write_log(log, tmp_path / name)
    again = read_log(tmp_path / name)
    pd.testing.assert_frame_equal(again.trades, log.trades)
    assert (len(again.closed), len(again.open)) == (1, 1)


@pytest.mark.parametrize(
    ("market", "kind", "label"),
    [
        ("tastytrade", Provenance.RECORDED, ""),
        ("backtest, SIMULATED market: seed 22", Provenance.SIMULATED, "SIMULATED MARKET"),
        ("backtest, MODELLED QUOTES: RVX", Provenance.MODELLED, "MODELLED QUOTES"),
    ],
)
def test_a_log_without_provenance_keeps_its_meaning(tmp_path, market, kind, label):
    path = tmp_path / "old.csv"
    log = log_of_rows([row(market=market, provenance=kind)] * 2, "mine")
    log.trades.drop(columns="provenance").to_csv(path, index=False)
    again = read_log(path)
    assert (again.provenance, again.label, log.label) == (kind, label, label)
    pd.testing.assert_frame_equal(again.trades, log.trades)


def test_trades_of_several_provenances():
    rows = [row(provenance=kind) for kind in ("recorded", " Modelled ", "", "nonsense")]
    log = log_of_rows(rows, "mine")
    assert log.trades["provenance"].tolist() == ["recorded", "modelled", "recorded"]
    assert log.provenance is Provenance.SIMULATED
    (problem,) = log.problems
    assert "nonsense" in problem
    assert log_of_rows(rows[::2], "mine").provenance is Provenance.RECORDED


def test_csv_leaves_the_unknown_empty():
    table = pd.read_csv(StringIO(as_csv(log_of_rows([row()], "mine"))))
    assert table["rank"].isna().all()
    assert table["entry"].tolist() == ["2026-03-02 10:00:00"]


def test_answers_read_back():
    answers = {"trend": "met", "no-event": "unknown"}
    assert answers_of(answers_text(answers)) == answers
    assert answers_of("") == {}
    with refused_data("checklist", "", "trend=yes"):
        answers_of("trend=yes")


def entries(*days):
    return log_of_rows([{"entry": day, "contracts": 1} for day in days], "typed").trades["entry"]


def test_one_date_decides_the_order_of_day_and_month_for_all():
    assert set(entries("03/02/2026", "13/02/2026").dt.month) == {2}
    assert set(entries("03/02/2026", "03/13/2026").dt.month) == {3}
    assert list(entries("3/10/2026").dt.month) == [3]  # 3 October 2026 is a Saturday
    assert list(entries("02.03.2026", "2026-03-02")) == [pd.Timestamp("2026-03-02")] * 2  # dots: the day first


def test_two_readings_of_dates_are_refused_with_both_named():
    # 3 February and 2 March 2026 are sessions both.
    with refused_data("typed", "", "2026-03-02", "2026-02-03"):
        entries("03/02/2026 10:00")


def test_days_without_a_session_are_named():
    # A Sunday, and Good Friday; options may end on the Saturday after their expiration.
    rows = [
        row(entry="2026-03-08 10:00", exit="2026-03-10", line=2),
        row(entry="2026-03-09", exit="2026-03-21", expiration="2026-03-20", line=3),
        row(entry="2026-03-09", exit="2026-04-03", expiration="2026-04-17", line=4),
    ]
    assert log_of_rows(rows, "mine").warnings == (
        "entry on a day without a session: line 2 Sunday 2026-03-08; check the dates",
        "exit on a day without a session: line 4 Friday 2026-04-03; check the dates",
    )
    assert log_of_rows(rows, "mine", provenance=Provenance.SIMULATED).warnings == ()
