import math
from dataclasses import astuple
from datetime import date, datetime

import numpy as np
import pytest

from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.simulation.dynamics import State
from iwm_opts.simulation.listing import Listing, Listings
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.quotes import quote_market
from iwm_opts.simulation.surface_table import Moments, spread_widening, surface_table

PARAMETERS = shipped_parameters()
CLOSE = datetime(2026, 6, 26, 16, tzinfo=NEW_YORK)
CALM = State(-0.5, 0.5, -0.3, 0.0, 0.0, 0.0)
STRIKES = np.arange(200.0, 401.0, 5.0)


def quoted(expirations, state=CALM, dividends=(), at=CLOSE):
    listings = [Listing(day, "monthly", date(2026, 1, 2)) for day in expirations]
    table = surface_table(PARAMETERS, moments(state, dividends, at), Listings.of([listings]))
    return quote_market(PARAMETERS, table, [STRIKES] * len(table))


def moments(state=CALM, dividends=(), at=CLOSE, after_close=False):
    schedule = DividendSchedule(tuple(dividends), "test")
    rate = np.array([PARAMETERS.setting.rate])
    return Moments((at,), np.array([300.0]), rate, np.array([astuple(state)]), schedule, after_close)


def test_forward_is_net_of_the_dividends_before_expiry():
    # Hull 2018, equation 5.2: (S - present value of income) grows at the rate.
    dividend = Dividend(date(2026, 7, 10), 0.70)
    before, after = quoted([date(2026, 7, 2), date(2026, 7, 17)], dividends=[dividend])
    rate = PARAMETERS.setting.rate
    assert before.forward == pytest.approx(300.0 * math.exp(rate * before.years), rel=1e-12)
    owed = 0.70 * math.exp(-rate * 14 / 365)
    assert after.forward == pytest.approx((300.0 - owed) * math.exp(rate * after.years), rel=1e-12)


def test_what_has_expired_is_not_quoted():
    found = quoted([date(2026, 6, 26), date(2026, 6, 29)])
    assert [one.listing.expiration for one in found] == [date(2026, 6, 29)]


def test_midpoints_obey_parity_and_fall_with_distance():
    (one,) = quoted([date(2026, 7, 31)])
    mid = 0.5 * (one.bid + one.ask)
    near = np.abs(one.strike / one.forward - 1.0) < 0.05
    parity = one.discount * (one.forward - one.strike)
    width = one.ask - one.bid
    assert (np.abs(mid[0] - mid[1] - parity) <= 0.5 * width.sum(axis=0))[near].all()
    assert (np.diff(one.ask[0]) <= 1e-9).all()
    assert (np.diff(one.ask[1]) >= -1e-9).all()


def test_spreads_widen_only_under_stress_and_up_to_a_limit():
    fast = np.zeros((3, 6))
    fast[:, 0] = -0.5, 3.0, 6.0
    calm, shock, worse = spread_widening(PARAMETERS, fast)
    assert calm == 1.0
    assert 1.0 < shock < worse <= PARAMETERS.spread.stress_most
    calm, wild = (quoted([date(2026, 7, 31)], state)[0] for state in (CALM, State(6.0, 0.0, 0.0, 0.0, 0.0, 0.0)))
    assert (wild.ask - wild.bid).sum() > 2.0 * (calm.ask - calm.bid).sum()


def test_after_the_close_is_wider():
    listing = [Listing(date(2026, 7, 31), "weekly", date(2026, 6, 19))]
    inside, after = (
        quote_market(
            PARAMETERS, surface_table(PARAMETERS, moments(after_close=late), Listings.of([listing])), [STRIKES]
        )[0]
        for late in (False, True)
    )
    assert (after.ask - after.bid).sum() > 1.2 * (inside.ask - inside.bid).sum()
    assert after.vol == pytest.approx(inside.vol)


@pytest.mark.parametrize(
    ("after_close", "monday", "friday"),
    [(False, 1.44, (1.04, 0.65)), (True, 2.44, (1.53, 1.70))],
)
def test_spreads_follow_the_weekday_of_the_expiration(after_close, monday, friday):
    # From Friday 2026-06-26 Monday 07-06 is ten days ahead, a stated point; Friday 07-10 14, between 10 and 17.
    days = (date(2026, 7, 6), date(2026, 7, 10))
    listed = Listings.of([[Listing(day, "weekly", date(2026, 6, 19)) for day in days]])
    table = surface_table(PARAMETERS, moments(after_close=after_close), listed)
    at, to = friday
    assert table.widening == pytest.approx([monday, at + (to - at) * math.log(1.4) / math.log(1.7)])
