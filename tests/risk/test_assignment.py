from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.pricing.american import american_price
from iwm_opts.pricing.black import price
from iwm_opts.report.assignment_lines import assignment_words
from iwm_opts.risk.assignment import (
    AssignmentDate,
    AssignmentRisk,
    ShortOption,
    assignment_risks,
    is_assigned_by_quotes,
)
from tests.refusals import refused, shows

EX_DATE = date(2026, 9, 15)
SPOT, DIVIDEND, VOL, RATE = 297.0, 0.695, 0.22, 0.037
# The study names neither rate nor strikes. With every dollar within 10% of the spot, its four counts come out at rates
# of 3.7 to 3.85% and at no other; how many more strikes the common rule takes, 5 and 4, no lower strike changes.
STRIKE = np.arange(267.0, 298.0)


def is_assigned_at_vol(right, spot, strike, vol, rate, t, dividends=()):
    """The rule by continuation at a known vol: exercise value against the American option held on."""
    sign, spots = {"C": 1.0, "P": -1.0}[right], np.asarray(spot, dtype=float)
    exercised = sign * (spots - strike)
    if right == "C":  # on the eve: the share less the first dividend, against exercise with it
        first = dividends[0][1] if dividends else 0.0
        held = american_price(1, np.maximum(spots - first, 0.01), strike, t, rate, vol, dividends[1:])
        pays = (exercised > held) & bool(dividends)
    else:
        held = american_price(-1, spots, strike, t, rate, vol, dividends)
        pays = exercised >= held - 1e-9
    return np.where(np.isfinite(held), pays & (exercised > 0.0), np.nan)


@pytest.mark.parametrize(("days", "too_early", "optimal"), [(10, 21, 16), (30, 4, 0)])
def test_extrinsic_below_the_dividend_fires_too_early(days, too_early, optimal):
    # A study of IWM calls on the eve of an ex-date: 21 strikes against 16 optimal at 10 days, 4 against 0 at 30.
    t = days / 365
    call = american_price("C", SPOT, STRIKE, t, RATE, VOL, [(1e-6, DIVIDEND)])
    assert np.sum(call - (SPOT - STRIKE) < DIVIDEND) == too_early
    put = price("P", SPOT - DIVIDEND, STRIKE, t, RATE, VOL)
    assert is_assigned_by_quotes(1, SPOT, STRIKE, put, RATE, t, DIVIDEND).sum() == optimal
    assert is_assigned_at_vol("C", SPOT, STRIKE, VOL, RATE, t, [(1e-6, DIVIDEND)]).sum() == optimal
    risks = assignment_risks(np.ones(31), STRIKE, np.full(31, VOL), SPOT, RATE, t, [(1e-6, DIVIDEND, EX_DATE)])
    assert sum(risk.dates[0].boundary <= SPOT for risk in risks) == optimal


def test_a_short_call_is_assigned_where_exercise_equals_the_call_without_its_dividend():
    # On the eve max(S - K, Black(S - D)) is at its kink (Merton 1973).
    (risk,) = assignment_risks([1], [270.0], [VOL], SPOT, RATE, 40 / 365, [(30 / 365, 1.2, EX_DATE)], 5.0)
    (eve,) = risk.dates
    assert eve.boundary - 270.0 == pytest.approx(price("C", eve.boundary - 1.2, 270.0, 10 / 365, RATE, VOL), abs=2e-3)
    assert eve.cost == pytest.approx(120.0 + 5.0)
    assert risk.worst_cost == eve.cost
    assert np.isnan(risk.boundary_today)
    assert not risk.pays_today(1e9)


def test_a_call_whose_dividend_is_below_the_interest_is_never_assigned():
    (risk,) = assignment_risks([1], [270.0], [VOL], SPOT, 0.05, 0.5, [(0.05, 0.5, EX_DATE)])
    assert np.isnan(risk.dates[0].boundary)
    assert risk.worst_cost == 0.0


def test_a_short_put_is_assigned_where_it_is_worth_its_exercise_value():
    (risk,) = assignment_risks([-1], [300.0], [VOL], SPOT, RATE, 30 / 365, (), 5.0)
    below, above = risk.boundary_today - 0.5, risk.boundary_today + 0.5
    assert risk.pays_today(below)
    assert not risk.pays_today(above)
    assert american_price("P", below, 300.0, 30 / 365, RATE, VOL) == pytest.approx(300.0 - below, abs=1e-9)
    assert american_price("P", above, 300.0, 30 / 365, RATE, VOL) > 300.0 - above


def test_a_put_waits_for_the_dividend_and_is_assigned_after_it():
    (risk,) = assignment_risks([-1], [300.0], [VOL], SPOT, RATE, 30 / 365, [(2 / 365, 0.7, EX_DATE)], 5.0)
    assert np.isnan(risk.boundary_today)
    (alone,) = assignment_risks([-1], [300.0], [VOL], SPOT, RATE, 28 / 365)
    assert risk.dates[0].boundary == pytest.approx(alone.boundary_today, rel=1e-9)
    assert risk.dates[0].cost == 5.0


def lattice_boundary(rate, vol, t, steps=800):
    """Highest spot, of a strike of 1, at which a binomial American put is worth no more than exercise (CRR 1979)."""
    dt = t / steps
    up = np.exp(vol * np.sqrt(dt))
    p, discount = (np.exp(rate * dt) - 1 / up) / (up - 1 / up), np.exp(-rate * dt)

    def waits(spot):
        prices = spot * up ** np.arange(-steps, steps + 1, 2.0)
        value = np.maximum(1.0 - prices, 0.0)
        for left in range(steps - 1, -1, -1):
            prices = prices[1:] / up
            value = discount * (p * value[1:] + (1 - p) * value[:-1])
            if left:
                value = np.maximum(value, 1.0 - prices)
        return value[0] > 1.0 - spot

    low, high = 0.2, 1.0
    while high - low > 1e-4:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if waits(middle) else (middle, high)
    return low


def assigned_put(moneyness, rate, vol, t, strike=220.0, dividends=()):
    """The rule on the European call's price at the strike."""
    ahead = sorted(d for d in dividends if d[0] < t)
    paid = sum(cash * np.exp(-rate * when) for when, cash in ahead)
    spot = strike * moneyness
    call = price("C", spot - paid, strike, t, rate, vol)
    return is_assigned_by_quotes(-1, spot, strike, call, rate, t, paid, *(ahead[0] if ahead else ()))


@pytest.mark.parametrize(("rate", "vol", "days"), [
    (0.05, 0.18, 30), (0.05, 0.18, 5), (0.03, 0.25, 45), (0.01, 0.20, 45), (0.001, 0.35, 60), (0.08, 0.15, 180),
    (0.04, 0.60, 10), (0.04, 0.22, 365),
])  # fmt: skip
def test_a_put_is_assigned_from_the_american_boundary_down(rate, vol, days):
    boundary = lattice_boundary(rate, vol, days / 365)
    away = 0.005 + 0.02 * (1.0 - boundary)
    assert assigned_put(boundary - away, rate, vol, days / 365) == 1.0
    assert assigned_put(boundary + away, rate, vol, days / 365) == 0.0


def test_a_european_put_below_its_exercise_value_is_not_enough():
    # r 5%, vol 18%, 30 days: the European put falls below exercise at -5.5% of moneyness, the boundary lies at -8.1%.
    t = 30 / 365
    assert price("P", 0.94 * 220.0, 220.0, t, 0.05, 0.18) < 0.06 * 220.0
    assert [assigned_put(1 - down, 0.05, 0.18, t) for down in (0.055, 0.065, 0.079, 0.083)] == [0, 0, 0, 1]
    assert 1 - lattice_boundary(0.05, 0.18, t) == pytest.approx(0.081, abs=0.001)


def quantlib_holds(moneyness, rate, vol, days, ex_day, cash, strike=220.0):
    """Whether the put is worth more than exercise by QuantLib's finite differences, dividends in the spot model."""
    ql = pytest.importorskip("QuantLib")
    today = ql.Date(2, 3, 2026)
    ql.Settings.instance().evaluationDate = today
    curve = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, ql.Actual365Fixed())) for r in (0.0, rate)]
    smile = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), vol, ql.Actual365Fixed()))
    spot = ql.QuoteHandle(ql.SimpleQuote(strike * moneyness))
    option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Put, strike), ql.AmericanExercise(today, today + days))
    process = ql.BlackScholesMertonProcess(spot, *curve, smile)
    option.setPricingEngine(
        ql.FdBlackScholesVanillaEngine(process, ql.DividendVector([today + ex_day], [cash]), 400, 800)
    )
    return option.NPV() > strike * (1 - moneyness) + 1e-3


@pytest.mark.parametrize(("rate", "vol", "days", "ex_day", "cash"), [
    (0.05, 0.25, 45, 40, 0.4), (0.05, 0.25, 45, 30, 0.8), (0.05, 0.15, 90, 60, 0.8), (0.03, 0.25, 90, 30, 0.4),
])  # fmt: skip
def test_a_dividend_ahead_lowers_the_boundary(rate, vol, days, ex_day, cash):
    dividends = [(ex_day / 365, cash)]
    ladder = np.arange(0.97, 0.70, -0.0025)
    exact = next(m for m in ladder if not quantlib_holds(m, rate, vol, days, ex_day, cash))
    assert assigned_put(exact + 0.016, rate, vol, days / 365, dividends=dividends) == 0.0
    assert assigned_put(exact - 0.016, rate, vol, days / 365, dividends=dividends) == 1.0


def test_a_put_waits_for_a_dividend_worth_more_than_the_interest_until_it():
    # 20 days of 4% on 220 are 0.48: a dividend of 0.6 is waited for at any spot, one of 0.1 is not.
    for moneyness in (0.9, 0.8, 0.5):
        assert quantlib_holds(moneyness, 0.04, 0.25, 45, 20, 0.6)
        assert assigned_put(moneyness, 0.04, 0.25, 45 / 365, dividends=[(20 / 365, 0.6)]) == 0.0
    assert assigned_put(0.8, 0.04, 0.25, 45 / 365, dividends=[(20 / 365, 0.1)]) == 1.0


def test_a_dividend_on_the_day_of_expiry_is_owed():
    # Asked at the close 20 days before; an hour earlier the answer was 85 dollars all along.
    t = 20 / 365
    (risk,) = assignment_risks([1], [270.0], [VOL], SPOT, RATE, t, [(t, 0.85, EX_DATE)])
    assert [d.ex_date for d in risk.dates] == [EX_DATE]
    assert risk.worst_cost == pytest.approx(85.0)


def test_quotes_decide_without_a_model():
    # Interest on 100 until expiry is 1.0: the call pays where put + 1 lie below the dividends. A call worth nothing has
    # no vol, and its put no reason to wait.
    rate = -np.log(0.99)
    puts = is_assigned_by_quotes(-1, 90.0, 100.0, [0.0, 4.0, np.nan], rate, 1.0, 0.7)
    calls = is_assigned_by_quotes(1, 110.0, 100.0, [0.2, 0.8, np.nan], rate, 1.0, 1.5)
    assert puts == pytest.approx([1, 0, np.nan], nan_ok=True)
    assert calls == pytest.approx([1, 0, np.nan], nan_ok=True)
    assert is_assigned_by_quotes(1, 110.0, 100.0, 0.4, rate, 1.0, 0.7) == 0.0
    assert isinstance(is_assigned_by_quotes(1, 110.0, 100.0, 0.4, rate, 1.0, 1.5), float)


def test_days_and_legs_broadcast():
    spot, strike = np.array([[95.0], [105.0]]), np.array([90.0, 100.0, 110.0])
    found = is_assigned_by_quotes(1, spot, strike, 0.1, 0.0, [[0.1], [0.2]], 0.5)
    assert found.tolist() == [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]


def test_nothing_out_of_the_money_or_at_expiry_is_assigned_early():
    # Quotes gone stale: a put worth a cent above a spot far below its strike, a call likewise.
    assert is_assigned_by_quotes(1, 90.0, 100.0, 0.01, 0.04, 0.1, 1.0) == 0.0
    assert is_assigned_by_quotes(-1, 110.0, 100.0, 0.01, 0.04, 0.5, 0.0) == 0.0
    assert is_assigned_by_quotes(-1, 90.0, 100.0, 0.0, 0.04, 0.0, 0.0) == 0.0


@given(st.floats(0.8, 1.2), st.floats(0.1, 0.8), st.integers(3, 200), st.floats(0.0, 0.08), st.floats(0.05, 3.0))
def test_a_call_by_its_european_put_is_assigned_where_exercise_beats_black_without_the_dividend(
    moneyness, vol, days, rate, cash
):
    # Merton 1973: on the eve of the last ex-date the call held is Black and Scholes on the share less its dividend.
    strike, t = SPOT * moneyness, days / 365
    held = price("C", SPOT - cash, strike, t, rate, vol)
    put = price("P", SPOT - cash, strike, t, rate, vol)
    gain = SPOT - strike - held
    if abs(gain) > 1e-9:
        assert is_assigned_by_quotes(1, SPOT, strike, put, rate, t, cash) == (gain > 0.0)
        assert is_assigned_at_vol("C", SPOT, strike, vol, rate, t, [(1e-6, cash)]) == (gain > 0.0)


def test_at_a_vol_the_boundary_divides_assigned_from_held():
    (put,) = assignment_risks([-1], [300.0], [VOL], SPOT, RATE, 30 / 365)
    spots = put.boundary_today + np.array([-0.5, 0.5])
    assert is_assigned_at_vol("P", spots, 300.0, VOL, RATE, 30 / 365).tolist() == [1.0, 0.0]
    (call,) = assignment_risks([1], [270.0], [VOL], SPOT, RATE, 10 / 365, [(1e-9, 1.2, EX_DATE)])
    spots = call.dates[0].boundary + np.array([-0.1, 0.1])
    assert is_assigned_at_vol("C", spots, 270.0, VOL, RATE, 10 / 365, [(1e-9, 1.2)]).tolist() == [0.0, 1.0]
    # Without an ex-date ahead a call is never exercised; an unknown vol decides nothing.
    assert is_assigned_at_vol("C", 500.0, 270.0, VOL, RATE, 10 / 365) == 0.0
    assert np.isnan(is_assigned_at_vol("P", SPOT, 300.0, np.nan, RATE, 10 / 365))


def test_lengths_must_agree():
    with refused("strike", (1,)):
        assignment_risks([1, -1], [100.0], [0.2], 100.0, 0.04, 0.1)


def test_a_call_without_a_bid_is_judged_by_its_interest_alone():
    # 4 days of 4.6% on 100 are 0.05. A cent with a bid implies a vol of 90%, at which a put at 80 waits.
    t = 4 / 365
    assert is_assigned_by_quotes(-1, 80.0, 100.0, 0.01, 0.046, t, 0.0) == 0.0
    assert is_assigned_by_quotes(-1, 80.0, 100.0, 0.01, 0.046, t, 0.0, opposite_bid=0.0) == 1.0
    assert is_assigned_by_quotes(-1, 80.0, 100.0, 0.06, 0.046, t, 0.0, opposite_bid=0.0) == 0.0
    assert is_assigned_by_quotes(-1, 80.0, 100.0, 0.01, 0.0005, t, 0.0, opposite_bid=0.0) == 0.0  # interest of 0.0005


def short_option(right=1.0, boundary=180.0, spot=200.0, day=date(2026, 3, 2), ex_date=date(2026, 3, 3), quotes=0.0):
    dates = (AssignmentDate(ex_date, 2.5, boundary, 255.0),) if right > 0 else ()
    return ShortOption(AssignmentRisk(right, 155.0, boundary, dates), 0.1, quotes, spot, day)


@pytest.mark.parametrize(
    ("option", "pays"),
    [
        (short_option(), True),
        (short_option(spot=179.0), False),
        (short_option(day=date(2026, 2, 27), ex_date=date(2026, 3, 2)), True),  # Friday before a Monday
        (short_option(day=date(2026, 2, 26), ex_date=date(2026, 3, 2)), False),
        (short_option(boundary=np.nan), False),
        (short_option(boundary=np.nan, quotes=1.0), True),
        (short_option(boundary=np.nan, quotes=1.0, day=date(2026, 2, 26)), False),
        (short_option(right=-1.0, boundary=150.0, spot=149.0), True),
        (short_option(right=-1.0, boundary=150.0, spot=151.0), False),
        (short_option(right=-1.0, boundary=np.nan, quotes=1.0), True),
    ],
)
def test_assignment_is_expected_tonight_where_exercise_pays_today(option, pays):
    assert option.pays_today is pays
    assert shows(assignment_words(option), "tonight") is pays
