from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from iwm_opts.market.calendar import sessions
from iwm_opts.simulation.listing import (
    Listing,
    Listings,
    StrikeRanges,
    listed_expirations,
    listed_strikes,
    listings,
    third_friday,
)


def strikes(listing, day, closes, fine_closes):
    ranges = StrikeRanges(*(np.array([close]) for close in (*closes, *fine_closes)))
    return listed_strikes(Listings.of([[listing]]), np.array([day.toordinal()]), ranges)[1]


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
    listing = Listing(date(2026, 7, 31), "weekly", date(2026, 6, 19))
    before = strikes(listing, date(2026, 6, 26), (290.0, 290.0), (290.0, 290.0))
    after = strikes(listing, date(2026, 7, 10), (260.0, 290.0), (260.0, 290.0))
    assert set(before) <= set(after)


def test_steps_by_distance():
    listing = Listing(date(2026, 7, 31), "weekly", date(2026, 6, 19))
    found = strikes(listing, date(2026, 6, 26), (298.0, 298.0), (298.0, 298.0))
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
    found = strikes(listing, date(2026, 6, 26), (95.0, 99.0), (95.0, 99.0))
    fine, coarse = np.arange(82.0, 106.6, 0.5), np.arange(48.0, 114.0)
    assert found.tolist() == sorted({*fine, *coarse})
