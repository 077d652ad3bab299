import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.market.calendar import sessions
from iwm_opts.market.iv_rank import IvHistory, covered_ranks, iv_rank, open_gate_by_weekday, rolling_iv_rank
from tests.refusals import refused

FIRST_SESSION = date(2024, 1, 2)
SESSIONS_2024 = pd.DatetimeIndex(sessions(FIRST_SESSION, date(2024, 12, 31)))


def history(*values, index=None):
    index = SESSIONS_2024[: len(values)] if index is None else pd.DatetimeIndex(index)
    return IvHistory("RVX", 30, pd.Series(values, index=index, dtype=float), True, "RVX: a stand-in")


def after(count):
    """First day on which a history of so many sessions is past."""
    return SESSIONS_2024[count - 1].date() + timedelta(days=1)


def test_worked_example():
    # Market Chameleon and OptionSamurai define both by such a table: range 10..30, value 15, two of four below.
    result = iv_rank(history(0.30, 0.10, 0.20, 0.12, 0.15), before=after(5), lookback=5)
    assert result.rank == pytest.approx(25.0)
    assert result.percentile == pytest.approx(50.0)
    assert result.coverage == 1.0
    assert result.warnings == ()
    assert result.reason == ""


def test_the_result_names_its_series():
    result = iv_rank(history(0.30, 0.10, 0.15), before=after(3), lookback=3)
    assert (result.series, result.tenor_days, result.proxy, result.note) == ("RVX", 30, True, "RVX: a stand-in")
    assert result.value_date == SESSIONS_2024[2].date()


def test_the_day_of_the_decision_is_not_seen():
    assert iv_rank(history(0.30, 0.10, 0.15), before=SESSIONS_2024[2].date(), lookback=2).value == 0.10


def test_only_the_lookback_counts():
    result = iv_rank(history(0.90, 0.01, 0.30, 0.10, 0.20), before=after(5), lookback=3)
    assert result.rank == pytest.approx(50.0)


def test_a_gap_costs_coverage_and_does_not_lengthen_the_window():
    # Five sessions up to the last: 0.90 is the sixth from the end and stays outside although one of the five is a gap.
    result = iv_rank(history(0.90, 0.30, 0.10, math.nan, 0.12, 0.15), before=after(6), lookback=5)
    assert result.observations == 4
    assert result.coverage == pytest.approx(0.8)
    assert result.rank == pytest.approx(25.0)


def test_an_absent_row_is_a_gap_too():
    days = SESSIONS_2024[[0, 1, 2, 4, 5]]
    result = iv_rank(history(0.90, 0.30, 0.10, 0.12, 0.15, index=days), before=after(6), lookback=5)
    assert result.observations == 4


def test_low_coverage_warns():
    result = iv_rank(history(0.30, 0.10, 0.15), before=after(3), lookback=10)
    assert result.rank == pytest.approx(25.0)
    assert result.warnings == ("RVX has 3 of 10 sessions: the rank covers 30%",)


def test_a_stale_value_warns():
    result = iv_rank(history(0.30, 0.10, 0.15), before=after(6), lookback=3)
    assert result.warnings == (f"values given of RVX end on 2024-01-04: 3 sessions before {after(6)} have no value",)


def test_a_decision_after_a_weekend_is_not_stale():
    # 2024-01-05 was a Friday, 01-08 the next session.
    assert iv_rank(history(0.30, 0.10, 0.20, 0.15), before=date(2024, 1, 8), lookback=4).warnings == ()


def test_values_on_holidays_are_ignored_and_counted():
    # 2024-01-15 was Martin Luther King day; the VIX has a row there, the exchange no session.
    days = [*SESSIONS_2024[6:9], pd.Timestamp("2024-01-15")]
    result = iv_rank(history(0.30, 0.10, 0.15, 0.01, index=days), before=date(2024, 1, 16), lookback=3)
    assert result.value == 0.15
    assert result.rank == pytest.approx(25.0)
    assert result.warnings == ("RVX: values on days without a session ignored: 1",)


@pytest.mark.parametrize(
    ("values", "reason"),
    [((0.2, 0.2, 0.2), "every observation is the same"), ((0.2,), "one observation has no range")],
)
def test_a_window_without_a_range_says_why(values, reason):
    result = iv_rank(history(*values), before=after(len(values)), lookback=3)
    assert math.isnan(result.rank)
    assert math.isnan(result.percentile)
    assert result.reason == reason


def test_no_history_says_what_to_do():
    with refused("before", "2023-01-03", "IV", "`iv_history`"):
        iv_rank(history(0.2, 0.3), before=date(2023, 1, 3))
    with refused("before", "2024-01-03", "IV"):
        iv_rank(history(), before=date(2024, 1, 3))


def test_a_lookback_of_one_is_refused():
    with refused("lookback", 1, "2"):
        iv_rank(history(0.2, 0.3), before=date(2024, 1, 5), lookback=1)


levels = st.lists(st.floats(0.05, 2.0), min_size=3, max_size=60, unique=True)


@given(levels, st.floats(0.1, 10.0))
def test_rank_ignores_units(values, scale):
    here = iv_rank(history(*values), before=after(len(values)), lookback=60)
    there = iv_rank(history(*(v * scale for v in values)), before=after(len(values)), lookback=60)
    assert there.rank == pytest.approx(here.rank, abs=1e-6)
    assert 0 <= here.rank <= 100
    assert 0 <= here.percentile <= 100


@given(levels, levels, st.integers(2, 60))
def test_rows_on_or_after_the_decision_change_nothing(past, future, lookback):
    before = SESSIONS_2024[len(past)].date()
    alone = iv_rank(history(*past), before, lookback)
    assert iv_rank(history(*past, *future), before, lookback) == alone


@given(levels, st.integers(2, 60))
def test_the_last_rolling_row_is_the_rank(values, lookback):
    row = rolling_iv_rank(history(*values), lookback).iloc[-1]
    result = iv_rank(history(*values), after(len(values)), lookback)
    assert (row["value"], row["rank"], row["percentile"]) == (result.value, result.rank, result.percentile)
    assert row["observations"] == result.observations


def test_rolling_counts_sessions_and_lists_observations():
    table = rolling_iv_rank(history(0.90, 0.30, 0.10, math.nan, 0.12, 0.15), lookback=5)
    assert table["observations"].tolist() == [1, 2, 3, 4, 4]
    assert list(table.index) == list(SESSIONS_2024[[0, 1, 2, 4, 5]])


def test_open_gates_are_counted_by_the_weekday_of_the_close():
    # Ten weeks in which every Friday marks the week's low: with 5 sessions of lookback only Fridays rank at 0.
    index = SESSIONS_2024[:50]
    values = [0.10 if day.weekday() == 4 else 0.20 + 0.01 * day.weekday() for day in index]
    shares = {s.weekday: s for s in open_gate_by_weekday(history(*values), threshold=20.0, lookback=5)}
    assert shares["Friday"].share == 1.0
    assert all(shares[day].open_days == 0 for day in ("Tuesday", "Wednesday", "Thursday"))
    assert sum(s.days for s in shares.values()) == 47  # the first three windows hold fewer than 4 of 5 sessions


def test_no_ranked_day_has_no_share():
    assert all(math.isnan(s.share) for s in open_gate_by_weekday(history(0.2, 0.3), lookback=10))


def test_last_values_for_a_chart_stop_before_the_decision():
    assert history(0.1, 0.2, math.nan, 0.3, 0.4).last(2, before=SESSIONS_2024[4].date()).tolist() == [0.2, 0.3]
    assert history(0.1, 0.2).last(5).tolist() == [0.1, 0.2]


@pytest.fixture(scope="module")
def rvx(market_data: Path) -> IvHistory:
    table = pd.read_csv(market_data / "vol" / "RVX_History.csv.gz")
    index = pd.to_datetime(table["DATE"], format="%m/%d/%Y")
    return IvHistory("RVX", 30, pd.Series(table["CLOSE"].to_numpy() / 100, index=pd.DatetimeIndex(index)), True, "")


@pytest.mark.market_data
@pytest.mark.parametrize(("lookback", "share", "lowest", "highest"), [(252, 0.40, 0.07, 0.83), (10, 0.36, 0.32, 0.48)])
def test_how_often_the_gate_opens_on_rvx(rvx, lookback, share, lowest, highest):
    # MEASURED section 1, whole percents.
    table = rolling_iv_rank(rvx, lookback).iloc[lookback - 1 :]
    is_open = table["rank"] < 20
    by_year = is_open.groupby(pd.DatetimeIndex(table.index).year).mean().loc[2010:]
    assert is_open.mean() == pytest.approx(share, abs=0.005)
    assert by_year.min() == pytest.approx(lowest, abs=0.005)
    assert by_year.max() == pytest.approx(highest, abs=0.005)


@pytest.mark.market_data
def test_days_by_rank_on_rvx(rvx):
    # MEASURED section 1: n 1490 / 1663 / 545 over 252 observations; five missing sessions shift a few.
    rank = rolling_iv_rank(rvx, 252)["rank"].iloc[251:].to_numpy()
    counts = np.histogram(rank, [0, 20, 50, 100.0001])[0]
    assert counts.tolist() == pytest.approx([1490, 1663, 545], abs=3)


def test_a_rank_of_a_window_mostly_unobserved_is_unknown():
    ranks = covered_ranks(history(*np.linspace(0.2, 0.3, 60)), 20)
    assert ranks.iloc[:15].isna().all()  # 15 of 20 are three quarters
    assert (ranks.iloc[15:] == 100.0).all()
