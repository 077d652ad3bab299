from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.backtest.shares import ShareRules
from iwm_opts.journal.equity import depth_of, marked_equity, realised_equity
from iwm_opts.journal.paper import log_of_paper
from iwm_opts.journal.review import review
from iwm_opts.journal.trade_log import as_csv, log_of_rows, marks_of, marks_text
from iwm_opts.market.calendar import sessions
from iwm_opts.report.review_record import review_record
from iwm_opts.report.review_table import review_table
from tests.refusals import shows

# Monday 2 to Friday 6 March 2026. The trade stands 400 under water on Wednesday and comes back; booked it made 50.
ROW = {"entry": "2026-03-02 10:00", "exit": "2026-03-05 15:00", "contracts": 1, "credit": 1.0, "debit": 0.5,
       "risk": 400.0, "marks": "2026-03-02=-10.00; 2026-03-04=-400.00"}  # fmt: skip
OPEN = {"entry": "2026-03-04 11:00", "contracts": 1, "credit": 1.0, "marks": "2026-03-04=-20.00; 2026-03-06=-70.00"}


def log(*rows):
    return log_of_rows([dict(row) for row in rows], "mine")


def test_every_session_has_its_marks_and_results():
    found = marked_equity(log(ROW, OPEN).trades, 10_000.0)
    # Tuesday carries Monday's mark; from Thursday on 50 are booked and the open trade stands at its own marks.
    assert list(found.equity) == [9_990.0, 9_990.0, 9_580.0, 10_030.0, 9_980.0]
    assert (found.held, found.marked) == (3 + 3, 2 + 2)


def test_the_drawdown_is_of_marked_equity_and_the_booked_one_stands_beside():
    whole = review(log(ROW, OPEN), account=10_000.0).whole
    assert whole.marked.drawdown.dollars == pytest.approx(-420.0)
    assert whole.marked.drawdown.share == pytest.approx(-0.042)
    assert (whole.marked.worst_day, whole.marked.worst_date) == (pytest.approx(-410.0), date(2026, 3, 4))
    assert whole.booked.drawdown.dollars == 0.0
    assert whole.metrics.pnl == pytest.approx(50.0)  # what is open is in no result


def test_pages_say_which_drawdown_it_is():
    marked, booked = review(log(ROW, OPEN), account=10_000.0), review(log({**ROW, "marks": ""}), account=10_000.0)
    page, bare = " ".join(review_table(marked).split()), " ".join(review_table(booked).split())
    assert shows(page, "-4.2% (-$420); worst day 2026-03-04: -$410 (4 of 6 closes")
    assert shows(page, "results: 0.0% ($0)")
    assert shows(bare, "booked results", "no marks")
    record = review_record(marked)
    assert record["whole"]["drawdown_of"] == "marked equity"
    assert record["months"][0]["max_drawdown_dollars"] == pytest.approx(-420.0)
    assert record["whole"]["booked_drawdown"] == 0.0
    assert review_record(booked)["whole"]["drawdown_of"] == "booked results only"


def test_a_month_begins_where_the_one_before_ended():
    first = {**ROW, "entry": "2026-03-30 10:00", "exit": "2026-04-02 15:00",
             "marks": "2026-03-30=-100.00; 2026-03-31=-300.00; 2026-04-01=-350.00"}  # fmt: skip
    (april,) = review(log(first), account=10_000.0).months
    assert april.marked.drawdown.dollars == pytest.approx(-50.0)  # from 9,700 at the end of March
    assert april.marked.worst_day == pytest.approx(-50.0)


def test_marks_that_cannot_be_read_are_named():
    for text, rule in (
        ("2026-03-02", "'2026-03-02' is not a mark"),
        ("02.03.2026=1", "is not a mark"),
        ("2026-03-02=1; 2026-03-02=2", "occurs twice"),
        ("2026-03-02=nan", "is not a finite amount"),
    ):
        found = log({**ROW, "marks": text})
        assert rule in found.problems[0]
        assert found.problems[0].startswith("line 2: ")
        assert found.problems[0].endswith("taken as unknown")
        assert list(found.trades["marks"]) == [""]


def test_marks_survive_the_file(tmp_path):
    from iwm_opts.journal.readers import read_log

    file = tmp_path / "log.csv"
    file.write_text(as_csv(log(ROW)))
    assert marks_of(read_log(file).trades["marks"][0]) == {date(2026, 3, 2): -10.0, date(2026, 3, 4): -400.0}


def test_nothing_fell_where_nothing_was_held():
    empty = pd.Series([], index=pd.DatetimeIndex([]), dtype=float)
    assert depth_of(empty, 100.0).worst_date is None
    assert depth_of(empty, 100.0).drawdown.share == 0.0


def test_the_paper_journal_carries_its_marks():
    # 100 shares bought at 100.01, marked at 98 less a cent of slippage: -2.02 a share.
    from iwm_opts.journal.paper_trade import Exits, Mark, PaperTrade, Shares

    rules = ShareRules()
    one = PaperTrade(
        1, "dips", "bars", "IWM", "", (), 100, 100, "2026-03-02 09:30:00", -100.01, -100.0, -100.01, "0.01 a share",
        "0 a share", 0.0, 300.0, 300.0, None, Exits(), {},
        (Mark("2026-03-02", "2026-03-02 16:00:00", 98.0, -98.0, -97.99, 0.0, ""),),
        None, Shares(97.0, None, 2.0, rules.exits, 0.01),
    )  # fmt: skip
    assert log_of_paper([one]).trades["marks"][0] == "2026-03-02=-202.00"


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20), st.integers(-500, 500)), min_size=1, max_size=8))
def test_marked_and_booked_end_alike_once_everything_is_closed(trades):
    # Whatever the marks on the way (here the negative of the result): at the end the account is what was booked.
    days = pd.DatetimeIndex(sessions(date(2026, 1, 5), date(2026, 4, 30)))
    rows = []
    for begin, length, result in trades:
        marks = {days[begin + at].date(): -float(result) for at in range(length)}
        rows.append({"entry": days[begin], "exit": days[begin + length], "contracts": 1, "credit": 0.0,
                     "debit": -result / 100.0, "risk": 500.0, "marks": marks_text(marks)})  # fmt: skip
    log = log_of_rows(rows, "mine")
    found = marked_equity(log.trades, 10_000.0)
    booked = realised_equity(log.closed, 10_000.0)["equity"]
    assert booked.iloc[-1] == pytest.approx(10_000.0 + sum(result for *_, result in trades))
    if found is not None:
        assert found.equity.iloc[-1] == pytest.approx(booked.iloc[-1])
        # Between them lie the marks of what is held, and nothing else.
        held = sum((-result if days[begin] <= booked.index[3] < days[begin + length] else 0.0)
                   for begin, length, result in trades) if len(booked) > 3 else 0.0  # fmt: skip
        assert len(booked) <= 3 or found.equity.iloc[3] - booked.iloc[3] == pytest.approx(held)
    else:
        assert all(length == 0 for _, length, _ in trades)


def test_a_trade_that_a_log_dates_on_a_holiday_is_booked_on_the_session_before():
    holiday = {"entry": "2026-01-19 10:00", "exit": "2026-01-19 15:00", "contracts": 1, "credit": 1.0, "debit": 0.5,
               "risk": 400.0}  # fmt: skip
    found = review(log(holiday), account=10_000.0)
    assert list(found.equity.index) == [pd.Timestamp("2026-01-16")]
    assert list(found.equity["equity"]) == [10_050.0]
