from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from iwm_opts.market.calendar import sessions
from iwm_opts.simulation.listing import (
    Listing,
    Listings,
    listed_expirations,
    listed_strikes,
    listings,
    third_friday,
)


def strikes(listing, day, closes):
    """Strikes of one listing on a day, from closes by date."""
    known, values = np.array([each.toordinal() for each in closes]), np.array([*closes.values()])
    return listed_strikes(Listings.of([[listing]]), np.array([day.toordinal()]), known, values)[1]


def test_before_2021_only_fridays_monthlies_and_quarter_ends():
    found = listed_expirations(date(2019, 5, 6))
    assert {one.kind for one in found} == {"weekly", "monthly", "quarter-end"}
    near = [one.expiration for one in found if one.kind == "weekly"]
    assert near == [date(2019, 5, 10), date(2019, 5, 24), date(2019, 5, 31), date(2019, 6, 7), date(2019, 6, 14)]


def test_tuesdays_came_after_mondays():
    weekdays = {one.expiration.weekday() for one in listed_expirations(date(2023, 3, 6)) if one.kind == "daily"}
    assert weekdays == {0, 2}


@pytest.mark.parametrize(
    ("year", "month", "expiration"),
    [(2026, 7, date(2026, 7, 17)), (2027, 6, date(2027, 6, 17)), (2019, 4, date(2019, 4, 18))],
)  # OCC calendar: 18 June 2027 keeps Juneteenth, 19 April 2019 was Good Friday
def test_third_friday(year, month, expiration):
    assert third_friday(year, month) == expiration


def test_strikes_once_listed_stay():
    # Up and down across $100 and $200 within two and a half years, through every kind of expiration and its windows.
    days = [day.item() for day in sessions(date(2022, 1, 3), date(2024, 12, 31))]
    closes = 150.0 + 70.0 * np.sin(np.arange(len(days)) / 40.0)
    known = np.array([day.toordinal() for day in days])
    listed = listings(days)
    start, strike = listed_strikes(listed, known[listed.place], known, closes)
    before = {}
    for row, expiration in enumerate(listed.expiration):
        now = set(strike[start[row] : start[row + 1]])
        assert before.get(expiration, set()) <= now, (date.fromordinal(expiration), days[listed.place[row]])
        before[expiration] = now


def test_a_monthly_keeps_its_far_dollars_in_its_last_weeks():
    # Listed at $180 eight months ahead: dollars from 0.87 x 180 = 156.6 on. At $230 with 30 days left new dollars start
    # at 0.76 x 230 = 174.8, and the old ones from 157 to 174 stay.
    listing = Listing(date(2026, 7, 17), "monthly", date(2025, 11, 17))
    closes = {date(2025, 11, 17): 180.0, date(2026, 5, 29): 230.0, date(2026, 6, 17): 230.0}
    found = strikes(listing, date(2026, 6, 17), closes)
    assert set(range(157, 175)) <= set(found)
    assert found[np.diff(found, prepend=0.0) == 1.0].max() == 248.0  # 1.08 x 230 = 248.4


def test_steps_by_distance():
    listing = Listing(date(2026, 7, 31), "weekly", date(2026, 6, 19))
    found = strikes(listing, date(2026, 6, 26), {date(2026, 6, 26): 298.0})
    assert set(np.diff(found[(found >= 260) & (found <= 320)])) == {1.0}
    assert set(np.diff(found[found <= 250])) == {5.0}


@pytest.mark.market_data
@pytest.mark.parametrize("day", ["2026-06-15", "2026-06-26", "2026-07-02"])
def test_expirations_are_those_of_the_real_chain(market_data, day):
    chain = pd.read_csv(
        market_data / "options" / "IWM_cboe_full_20260615_20260702.csv.gz",
        usecols=["quote_date", "session", "expiration"],
    )
    listed = chain[(chain["quote_date"] == day) & (chain["session"] == "mid")]["expiration"].unique()
    wanted = {date.fromisoformat(one) for one in listed}
    found = {one.expiration for one in listed_expirations(date.fromisoformat(day))}
    assert len(found ^ wanted) <= 1, sorted(found ^ wanted)


@pytest.mark.parametrize("first", [date(1999, 6, 1), date(2012, 12, 3), date(2021, 9, 20), date(2026, 3, 2)])
def test_a_stretch_lists_what_its_days_list(first):
    days = [day.item() for day in sessions(first, first + timedelta(days=400))]
    listed = listings(days)
    assert [tuple(listed.rows(place)) for place in range(len(days))] == [listed_expirations(day) for day in days]


def test_strikes_by_hand():
    # A weekly 35 days ahead, closes from 95 to 99: half dollars from 0.86 x 95 to 1.08 x 99, dollars from 0.5 x 95 to
    # 1.15 x 99.
    listing = Listing(date(2026, 7, 31), "weekly", date(2026, 6, 19))
    found = strikes(listing, date(2026, 6, 26), {date(2026, 6, 22): 95.0, date(2026, 6, 26): 99.0})
    fine, coarse = np.arange(82.0, 107.0, 0.5), np.arange(48.0, 114.0)
    assert found.tolist() == sorted({*fine, *coarse})
