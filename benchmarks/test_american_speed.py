"""American prices and implied vols beside QuantLib's finite differences, one expiry of 60 strikes, both rights."""

import numpy as np
import pytest

from iwm_opts.pricing.american import american_implied_vol, american_price

SPOT, RATE, DAYS = 220.0, 0.04, 45
RIGHT, STRIKE = np.repeat([1.0, -1.0], 60), np.tile(np.linspace(170.0, 270.0, 60), 2)
VOL = 0.25 - 0.3 * np.log(STRIKE / SPOT)
EX_DAY, CASH = 20, 0.62
DIVIDENDS = [(EX_DAY / 365, CASH)]


def quantlib(steps, nodes):
    ql = pytest.importorskip("QuantLib")
    today, count = ql.Date(2, 1, 2026), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    spot = ql.QuoteHandle(ql.SimpleQuote(SPOT))
    curve = ql.YieldTermStructureHandle(ql.FlatForward(today, RATE, count))
    options = []
    for right, strike, vol in zip(RIGHT, STRIKE, VOL, strict=True):
        flat = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), vol, count))
        kind = ql.Option.Call if right > 0 else ql.Option.Put
        option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, strike), ql.AmericanExercise(today, today + DAYS))
        process = ql.BlackScholesProcess(spot, curve, flat)
        dividends = [ql.FixedDividend(CASH, today + EX_DAY)]
        option.setPricingEngine(ql.FdBlackScholesVanillaEngine(process, dividends, steps, nodes))
        options.append(option)

    def price():
        for option in options:
            option.recalculate()
        return np.array([option.NPV() for option in options])

    return price


@pytest.mark.benchmark(group="american price, 120 options, one dividend")
def test_price(benchmark):
    benchmark(american_price, RIGHT, SPOT, STRIKE, DAYS / 365, RATE, VOL, DIVIDENDS)


@pytest.mark.benchmark(group="american price, 120 options, one dividend")
def test_price_quantlib_200_by_400(benchmark):
    price = quantlib(200, 400)
    benchmark.extra_info["largest error"] = float(np.abs(price() - quantlib(1600, 3200)()).max())
    benchmark.pedantic(price, rounds=3)


@pytest.mark.benchmark(group="american implied vol, 120 options, one dividend")
def test_implied_vol(benchmark):
    quoted = american_price(RIGHT, SPOT, STRIKE, DAYS / 365, RATE, VOL, DIVIDENDS)
    benchmark(american_implied_vol, RIGHT, quoted, SPOT, STRIKE, DAYS / 365, RATE, DIVIDENDS)
