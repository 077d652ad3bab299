"""Expirations, clock and weights of published indices against dates and sums worked out by hand."""

from datetime import date

import numpy as np
import pytest

from iwm_opts.simulation.published import INDEX_RULES, Era, IndexRule, published_composition


def chosen(name, day):
    composition = published_composition(INDEX_RULES[name], [day])
    return [date.fromordinal(int(each)) for each in composition.expiration[:, 0]]


@pytest.mark.parametrize(
    ("name", "day", "terms"),
    [
        # White paper of 2009: on the second Friday in June 2009 June and July, on the Monday after July and August.
        ("VIX", date(2009, 6, 12), [date(2009, 6, 19), date(2009, 7, 17)]),
        ("VIX", date(2009, 6, 15), [date(2009, 7, 17), date(2009, 8, 21)]),
        # White paper of 2019: on the second Tuesday of October options of 24 and 31 days, a day later of 30 and 37.
        ("VIX", date(2018, 10, 9), [date(2018, 11, 2), date(2018, 11, 9)]),
        ("VIX", date(2018, 10, 10), [date(2018, 11, 9), date(2018, 11, 16)]),
        ("RVX", date(2018, 10, 10), [date(2018, 10, 19), date(2018, 11, 16)]),
        ("RVX", date(2022, 3, 16), [date(2022, 4, 14), date(2022, 4, 22)]),  # Good Friday: Thursday's
        # Nine days ahead of a Thursday is a Saturday.
        ("VIX9D", date(2014, 5, 8), [date(2014, 5, 16), date(2014, 5, 23)]),
        ("VIX9D", date(2023, 6, 1), [date(2023, 6, 9), date(2023, 6, 12)]),
    ],
)
def test_terms(name, day, terms):
    assert chosen(name, day) == terms


def test_weights_of_an_extrapolated_month():
    # At 16:00 on Monday 2009-06-15 July 17 at 9:30 is 31 days 17.5 hours ahead, August 21 66 days 17.5 hours.
    composition = published_composition(INDEX_RULES["VIX"], [date(2009, 6, 15)])
    near, far = 31 + 17.5 / 24, 66 + 17.5 / 24
    assert composition.years[:, 0] * 365 == pytest.approx([near, far])
    share = (far - 30) / (far - near)
    assert composition.weight[:, 0] * 30 / 365 == pytest.approx([share, 1 - share])
    assert composition.weight[1, 0] < 0.0


def test_effective_time_counts_sessions_to_settlement():
    # 31 days 17.5 hours from 2009-06-15 with Friday July 3 closed: 22 sessions and 9 other days up to July 16, then
    # 17.5 hours of Friday's session.
    composition = published_composition(INDEX_RULES["VIX"], [date(2009, 6, 15)])
    expected = 22 + 9 * 0.3 + 17.5 / 24
    assert composition.effective_years[0, 0] * (252 + 113 * 0.3) == pytest.approx(expected)


def test_a_calendar_clock_saws_by_weekday():
    # With variance 1 a session and 0.3 another day, and no bias, nine calendar days hold 8.0 effective ones from a
    # Monday's close on (4 to Friday, 9.6 to the next: 4 + 5/7 x 5.6), 7.2 from a Friday's (5.6 + 2/7 x 5.6).
    rule = IndexRule(9, (Era(date.min, (4,)),), settles_at_open=False)
    days = [date(2014, 5, 5), date(2014, 5, 9)]
    composition = published_composition(rule, days)
    variance = (composition.weight * composition.effective_years).sum(axis=0)
    assert variance * 9 / 365 * (252 + 113 * 0.3) == pytest.approx([8.0, 7.2])


@pytest.mark.market_data
def test_rvx_rolled_with_third_fridays_until_2020(market_data):
    # VIX has taken Fridays since 2014-10-06: on the Mondays on which third Fridays roll, RVX fell against it as long as
    # it kept to them.
    series = {}
    for name in ("RVX", "VIX"):
        rows = np.genfromtxt(market_data / f"vol/{name}_History.csv.gz", delimiter=",", skip_header=1, dtype=str)
        series[name] = {
            np.datetime64(f"{day[6:]}-{day[:2]}-{day[3:5]}"): float(close) for day, *_, close in rows.tolist()
        }
    shared = sorted(set(series["RVX"]) & set(series["VIX"]))
    change = np.diff([np.log(series["RVX"][day] / series["VIX"][day]) for day in shared])
    third = np.array([np.busday_offset(f"{year}-{month:02}", 2, "forward", weekmask="Fri")
                      for year in range(2009, 2026) for month in range(1, 13)])  # fmt: skip
    is_roll = np.isin(np.array(shared[1:]), third - 4)
    after = np.array(shared[1:]) >= np.datetime64("2020-04-20")
    kept = (np.array(shared[1:]) >= np.datetime64("2014-10-06")) & ~after
    assert change[is_roll & kept].mean() < -0.02
    assert abs(change[is_roll & after].mean()) < 0.01
