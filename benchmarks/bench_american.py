"""American prices of one expiry, 60 strikes and both rights, in one thread beside QuantLib.

Errors stand in the tables too: without dividends against QdFp in high precision; with dividends against our own methods
at a resolution that errs by less than 1e-5, which the tests hold against QuantLib's two finest grids extrapolated (its
error with dividends falls with the step and not with its square). Compiling is kept out by a warm-up call.
"""

from time import perf_counter

import numpy as np
import pytest

from iwm_opts.kernels.pricing.american_call import american_call
from iwm_opts.kernels.pricing.american_dividend_put import american_dividend_put
from iwm_opts.pricing.american import american_implied_vol, american_price

ql = pytest.importorskip("QuantLib")

SPOT, RATE = 220.0, 0.04  # IWM in mid 2025, roughly
RIGHT, STRIKE = np.repeat([1.0, -1.0], 60), np.tile(np.linspace(170.0, 270.0, 60), 2)
VOL = 0.25 - 0.3 * np.log(STRIKE / SPOT)
PUTS = RIGHT < 0
LIVES = {
    "45 days, 1 dividend": (45, (20,)),
    "180 days, 2": (180, (40, 131)),
    "365 days, 4": (365, (40, 131, 222, 313)),
    "730 days, 8": (730, tuple(range(40, 730, 91))),
}
CASH = 0.62
GRIDS = ((200, 400), (400, 800), (800, 1600))  # time steps and nodes of QuantLib's finite differences
FINE = (700, 300)  # nodes and time steps of the reference for puts; that for calls errs by 1e-6 at any setting


def quantlib(days, ex_days, engine):
    """Prices of every option, an engine each, built beforehand."""
    today, count = ql.Date(2, 1, 2026), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    spot = ql.QuoteHandle(ql.SimpleQuote(SPOT))
    curve = ql.YieldTermStructureHandle(ql.FlatForward(today, RATE, count))
    dividends = [ql.FixedDividend(CASH, today + day) for day in ex_days]
    options = []
    for right, strike, vol in zip(RIGHT, STRIKE, VOL, strict=True):
        if engine == "QdFp" and right > 0:
            continue
        flat = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), vol, count))
        kind = ql.Option.Call if right > 0 else ql.Option.Put
        option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, strike), ql.AmericanExercise(today, today + days))
        process = ql.BlackScholesProcess(spot, curve, flat)
        if engine == "QdFp":
            option.setPricingEngine(ql.QdFpAmericanEngine(process, ql.QdFpAmericanEngine.highPrecisionScheme()))
        else:
            option.setPricingEngine(ql.FdBlackScholesVanillaEngine(process, dividends, *engine))
        options.append(option)

    def price():
        for option in options:
            option.recalculate()
        return np.array([option.NPV() for option in options])

    return price


def ours(days, ex_days, puts_alone=False):
    right, strike, vol = (x[PUTS] if puts_alone else x for x in (RIGHT, STRIKE, VOL))
    dividends = [(day / 365, CASH) for day in ex_days]
    return lambda: american_price(right, SPOT, strike, days / 365, RATE, vol, dividends)


def converged(days, ex_days):
    """Prices with dividends whose error is below 1e-5."""
    t, ex_time, cash = days / 365, np.array(ex_days) / 365, np.full(len(ex_days), CASH)
    found, out = np.empty(len(RIGHT)), np.empty((4, 60))
    american_dividend_put(np.full(60, SPOT), STRIKE[PUTS], VOL[PUTS], RATE, t, ex_time, cash, True, *FINE, out)
    found[PUTS] = out[0]
    american_call(np.full(60, SPOT), STRIKE[~PUTS], VOL[~PUTS], RATE, t, ex_time, cash, True, out)
    found[~PUTS] = out[0]
    return found


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("engine", ["iwm-opts", *GRIDS], ids=str)
def test_price_with_dividends(benchmark, life, engine):
    days, ex_days = LIVES[life]
    price = ours(days, ex_days) if engine == "iwm-opts" else quantlib(days, ex_days, engine)
    benchmark.group, benchmark.name = f"120 American prices, {life}", str(engine)
    benchmark.extra_info["largest error"] = float(np.abs(price() - converged(days, ex_days)).max())
    benchmark.pedantic(price, rounds=30 if engine == "iwm-opts" else 2, warmup_rounds=1)


@pytest.mark.parametrize("life", LIVES)
def test_times_quantlib_at_no_better_error(benchmark, life):
    """In one run, at shipped settings: QuantLib's coarsest grid, whose error is the larger, in times of ours."""
    days, ex_days = LIVES[life]
    price, theirs, best = ours(days, ex_days), quantlib(days, ex_days, GRIDS[0]), converged(days, ex_days)
    error, their_error = (float(np.abs(f() - best).max()) for f in (price, theirs))
    assert error < 3e-4 < their_error
    start = perf_counter()
    theirs()
    taken = perf_counter() - start
    benchmark.group, benchmark.name = "120 American prices, QuantLib's finite differences beside", life
    benchmark.pedantic(price, rounds=40, warmup_rounds=1)
    ratio = taken / benchmark.stats.stats.min if benchmark.enabled else float("nan")
    benchmark.extra_info |= {"error": error, "error of QuantLib": their_error, "times as fast": ratio}


@pytest.mark.parametrize("engine", ["iwm-opts", "QdFp"])
def test_puts_without_dividends(benchmark, engine):
    price = ours(45, (), puts_alone=True) if engine == "iwm-opts" else quantlib(45, (), "QdFp")
    benchmark.group, benchmark.name = "60 American puts, 45 days, no dividend", engine
    benchmark.extra_info["largest error"] = float(np.abs(price() - quantlib(45, (), "QdFp")()).max())
    benchmark.pedantic(price, rounds=30, warmup_rounds=1)


def test_implied_vol(benchmark):
    days, ex_days = LIVES["45 days, 1 dividend"]
    quoted, dividends = ours(days, ex_days)(), [(day / 365, CASH) for day in ex_days]
    benchmark.group, benchmark.name = "120 American implied vols, 45 days, 1 dividend", "iwm-opts"
    benchmark.pedantic(
        american_implied_vol, (RIGHT, quoted, SPOT, STRIKE, days / 365, RATE, dividends), rounds=20, warmup_rounds=1
    )


def test_implied_vols_of_a_chain(benchmark):
    """Thirty-two expirations from 1 day to two and a half years, 78 strikes and both rights: 4,992 quotes."""
    every_quarter = [(day / 365, CASH) for day in range(80, 950, 91)]
    chain = []
    for days in np.unique(np.geomspace(1, 900, 45).astype(int))[-32:]:
        strike = np.tile(SPOT * np.exp(np.linspace(-3.0, 2.0, 78) * 0.22 * np.sqrt(max(days, 10) / 365)), 2)
        right, vol = np.repeat([1.0, -1.0], 78), 0.22 - 0.2 * np.log(strike / SPOT)
        value = american_price(right, SPOT, strike, days / 365, RATE, vol, every_quarter)
        chain.append((right, value, SPOT, strike, days / 365, RATE, every_quarter))

    def imply():
        return [american_implied_vol(*terms) for terms in chain]

    benchmark.group, benchmark.name = f"{sum(len(c[3]) for c in chain):,} American implied vols of a chain", "iwm-opts"
    benchmark.pedantic(imply, rounds=5, warmup_rounds=1)
