from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from iwm_opts.io.parse import parse_day, parse_moment, parse_right, parse_size
from iwm_opts.market.calendar import NEW_YORK


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-08",
        " 2026-07-08",
        "20260708",
        "07/08/2026",
        "7/8/26",
        "2026-07-08T00:00:00Z",
        "2026-07-08 15:45:00",
        "1783468800",
    ],
)
def test_a_day_in_every_spelling(text):
    assert parse_day(text) == date(2026, 7, 8)


def test_a_time_in_another_zone_belongs_to_new_york_s_day():
    assert parse_day("2026-07-10T01:53:07Z") == date(2026, 7, 9)


@pytest.mark.parametrize("text", ["", "soon", "2026-02-30", "13/13/2026", "15:45", "7"])
def test_what_is_no_day(text):
    with pytest.raises(ValueError, match="is not a date"):
        parse_day(text)


@given(st.integers(946_684_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_moments_keep_their_instant(moment):
    assume(moment.time() != time())  # a midnight is a date
    # By the epoch: in the repeated hour of autumn, aware times of two zones never compare equal (PEP 495).
    assert parse_moment(moment.isoformat(), NEW_YORK).timestamp() == moment.timestamp()


def test_moments_without_a_zone_take_the_column_s():
    assert parse_moment("2026-06-26 18:18:22", ZoneInfo("UTC")).isoformat() == "2026-06-26T14:18:22-04:00"
    assert parse_moment("01/02/2026 15:45", NEW_YORK).isoformat() == "2026-01-02T15:45:00-05:00"
    assert parse_moment("14:53:27", NEW_YORK) == time(14, 53, 27)


@pytest.mark.parametrize(
    "text",
    [
        "10-02-2026", "2026/10/02", "Oct 02, 2026", "October 2, 2026", "Fri Oct 02 2026", "Friday, October 2, 2026",
        "02-Oct-2026", "02-Oct-26", "02OCT2026", "2 October 2026", "20261002", "20261002.0", "46297", "1790899200.0",
        "1790899200000", "1790899200000000", "1790899200000000000", "1.7908992e+18", "2026-10-02 00:00:00+00:00",
        "2026-10-02T00:00:00.000Z", "2026-10-02", "2026-10-02T04:00:00Z", "2026-10-02 06:00:00+02:00", "20261002000000",
    ],
)  # fmt: skip
def test_a_date_or_a_midnight_has_no_time_of_day(text):
    assert parse_moment(text, NEW_YORK) == date(2026, 10, 2)


@pytest.mark.parametrize(
    "text",
    [
        "October 2, 2026 at 3:45 PM EDT", "October 2, 2026 at 3:45 PM GMT-4", "10/02/2026 19:45 UTC+0",
        "10/02/2026 15:45", "10/02/2026 3:45 PM ET", "2026-10-02 19:45:00Z",
        "2026-10-02T15:45:00.000-04:00", "2026-10-02T19:45:00.123456789Z", "1790970300", "1790970300000",
        "1790970300000000000", "20261002 15:45:00", "2026-10-02 14:45 CDT",
    ],
)  # fmt: skip
def test_a_time_of_day_in_every_spelling(text):
    assert parse_moment(text, NEW_YORK).replace(second=0, microsecond=0).isoformat() == "2026-10-02T15:45:00-04:00"


def test_the_order_of_day_and_month():
    assert parse_day("03/04/2026", "mdy") == date(2026, 3, 4)
    assert parse_day("03.04.2026", "dmy") == date(2026, 4, 3)


def test_rights_and_sizes():
    assert [parse_right(word) for word in ("C", "call", " Calls ", "p", "PUT")] == ["C", "C", "C", "P", "P"]
    assert parse_size("12 x 34") == (12.0, 34.0)
    for parse, text in ((parse_right, "straddle"), (parse_size, "12")):
        with pytest.raises(ValueError, match="is not a"):
            parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "20261002 154500", "20261002T154500", "20261002154500", "202610021545", "20261002 1545", "2026-10-02 1545",
        "Fri Oct 02 2026 15:45:00 GMT-0400 (Eastern Daylight Time)", "Fri Oct 02 2026 21:45:00 GMT+0200",
    ],
)  # fmt: skip
def test_a_moment_in_digits_alone_and_of_a_browser(text):
    assert parse_moment(text, NEW_YORK).isoformat() == "2026-10-02T15:45:00-04:00"


@pytest.mark.parametrize("text", ["2026-10", "2026-10-02 09.30", "261002154500"])
def test_digits_that_only_python_takes_for_a_time(text):
    with pytest.raises(ValueError, match="is not a date or time"):
        parse_moment(text, NEW_YORK)
