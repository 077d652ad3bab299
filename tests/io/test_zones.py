"""Times in zones: named by cells and columns, or told by the session's volume."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from iwm_opts.conventions import TIMEZONE
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.parse import parse_moment
from iwm_opts.market.calendar import NEW_YORK

AT = datetime(2026, 10, 2, 15, 45, tzinfo=NEW_YORK)
DAYS = ("2026-03-02", "2026-03-16", "2026-07-06")  # New York's clock changes on 8 March, Berlin's on the 29th


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-02 21:45 Europe/Berlin", "20261002 21:45:00 Europe/Berlin", "2026-10-02T19:45Z[UTC]",
        "2026-10-02 21:45 CET", "10/02/2026 2:45 PM CST", "2026-10-02 15:45 EST", "20261002 15:45:00 US/Eastern",
        "2026-10-02T15:45:00-04:00[America/New_York]", "2026-10-03 04:45 JST", "2026-10-02 19:45 GMT",
    ],
)  # fmt: skip
def test_a_zone_behind_a_time(text):
    assert parse_moment(text, ZoneInfo("Asia/Tokyo")) == AT


def test_an_unknown_place_is_refused():
    with pytest.raises(ValueError, match="unknown zone Europe/Atlantis"):
        parse_moment("2026-10-02 21:45 Europe/Atlantis", NEW_YORK)


@pytest.fixture
def session() -> pd.DataFrame:
    """Minutes of extended hours, 04:00 to 19:59 New York, of which the session trades 95% of the volume."""
    rows = []
    for day in DAYS:
        times = pd.date_range(f"{day} 04:00", f"{day} 19:59", freq="min", tz=TIMEZONE)
        minute = times.hour * 60 + times.minute
        regular = (minute >= 570) & (minute < 960)
        volume = np.where(regular, 95_000 / 390, 5_000 / 570)
        prices = {"Open": 99.0, "High": 101.0, "Low": 98.0, "Close": 100.0}
        rows.append(pd.DataFrame({"Date": times, **prices, "Volume": volume}))
    return pd.concat(rows, ignore_index=True)


ZONES = ("UTC", "Europe/London", "Europe/Berlin", "America/Chicago", "Asia/Tokyo", "Asia/Kolkata", "Australia/Sydney")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hours", ["extended", "regular"])
def test_the_volume_says_the_zone_of_minutes(session, tmp_path, zone, hours):
    expected = load_minutes(_written(session, tmp_path, TIMEZONE)).bars
    if hours == "regular":
        session = session[session["Volume"] > 100.0]
    minutes = load_minutes(_written(session, tmp_path, zone))
    pd.testing.assert_frame_equal(minutes.bars, expected)
    assert any(f"taken for {zone}" in note for note in minutes.skipped)


def test_minutes_of_new_york_stay(session, tmp_path):
    minutes = load_minutes(_written(session, tmp_path, TIMEZONE))
    assert len(minutes.bars) == 3 * 390
    assert minutes.skipped == ("1,710 minutes outside the regular session left out",)


@pytest.mark.parametrize(("column", "zone"), [("Time (CET)", "Europe/Berlin"), ("datetime_utc", "UTC")])
def test_a_column_names_the_zone_of_minutes(session, tmp_path, column, zone):
    clock = session["Date"].dt.hour * 60 + session["Date"].dt.minute
    morning = session[(clock >= 570) & (clock < 600)]  # too little to tell a zone by
    expected = load_minutes(_written(morning, tmp_path, TIMEZONE)).bars
    path = _written(morning.rename(columns={"Date": column}), tmp_path, zone)
    pd.testing.assert_frame_equal(load_minutes(path).bars, expected)


def _written(minutes, folder, zone):
    column = minutes.columns[0]
    times = minutes[column].dt.tz_convert(zone).dt.strftime("%Y-%m-%d %H:%M:%S")
    path = folder / "minutes.csv"
    minutes.assign(**{column: times}).to_csv(path, index=False)
    return path
