import math

import pytest

from iwm_opts.conventions import counted
from iwm_opts.report.words import dollars, grid_value, number, percent, points, price, strike


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (dollars(1234.5), "$1,234"),
        (dollars(-12.345, 2), "-$12.35"),
        (dollars(-0.001, 2), "$0.00"),
        (dollars(math.inf), "unlimited"),
        (dollars(math.nan), "-"),
        (price(1.095), "1.095"),
        (price(1.1), "1.10"),
        (price(math.nan), "-"),
        (strike(270.0), "270"),
        (strike(272.5), "272.5"),
        (percent(0.1234, 1), "12.3%"),
        (percent(math.nan), "-"),
        (percent(-0.0004, 1), "0.0%"),
        (number(-0.04), "0.0"),
        (number(-0.06), "-0.1"),
        (percent(math.inf), "unlimited"),
        (number(math.inf, 2), "unlimited"),
        (grid_value(None), "off"),
        (grid_value(0.25), "0.25"),
        (grid_value("5%"), "5%"),
        (points(0.252), "25.2"),
        (number(math.nan), "-"),
        (counted(1, "contracts"), "1 contract"),
        (counted(1200, "shares"), "1,200 shares"),
        (counted(1, "entries"), "1 entry"),
        (counted(1, "rows repeat", "row repeats"), "1 row repeats"),
        (counted(2, "rows repeat", "row repeats"), "2 rows repeat"),
    ],
)
def test_numbers_as_people_write_them(text, expected):
    assert text == expected
