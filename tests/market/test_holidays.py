import numpy as np
import pandas as pd
import pytest

from iwm_opts.market.holidays import all_sessions


@pytest.fixture(scope="module")
def published():
    from exchange_calendars import get_calendar

    return get_calendar("XNYS", start="1993-01-01", end="2045-12-31").schedule


def test_sessions_are_those_of_exchange_calendars(published):
    days = all_sessions().days
    days = days[days <= np.datetime64("2045-12-31")]
    assert (days == published.index.to_numpy().astype("datetime64[D]")).all()


def test_half_days_are_those_of_exchange_calendars(published):
    close = published["close"].dt.tz_convert("America/New_York")
    half = published.index[close.dt.hour == 13].to_numpy().astype("datetime64[D]")
    assert close.dt.hour.isin([13, 16]).all()
    sessions = all_sessions()
    days = sessions.days[sessions.is_half]
    assert (days[days <= np.datetime64("2045-12-31")] == half).all()


@pytest.mark.parametrize(
    ("day", "is_session"),
    [("2027-12-31", True), ("2028-01-03", True), ("2026-07-03", False), ("2021-06-18", True), ("2060-04-16", False)],
)  # New Year's Day 2028 is a Saturday and not observed; Juneteenth since 2022; Good Friday 2060
def test_rules(day, is_session):
    assert (pd.Timestamp(day).to_datetime64().astype("datetime64[D]") in all_sessions().days) == is_session
