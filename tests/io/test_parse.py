from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
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
    with pytest.raises(ValueError, match="is no date"):
        parse_day(text)


@given(st.integers(946_684_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_moments_keep_their_instant(moment):
    # By the epoch: in the repeated hour of autumn, aware times of two zones never compare equal (PEP 495).
    assert parse_moment(moment.isoformat(), NEW_YORK).timestamp() == moment.timestamp()


def test_moments_without_a_zone_take_the_column_s():
    assert parse_moment("2026-06-26 18:18:22", ZoneInfo("UTC")).isoformat() == "2026-06-26T14:18:22-04:00"
    assert parse_moment("01/02/2026 15:45", NEW_YORK).isoformat() == "2026-01-02T15:45:00-05:00"
    assert parse_moment("14:53:27", NEW_YORK) == time(14, 53, 27)


def test_rights_and_sizes():
    assert [parse_right(word) for word in ("C", "call", " Calls ", "p", "PUT")] == ["C", "C", "C", "P", "P"]
    assert parse_size("12 x 34") == (12.0, 34.0)
    for parse, text in ((parse_right, "straddle"), (parse_size, "12")):
        with pytest.raises(ValueError, match="is no"):
            parse(text)
