"""Price, five greeks and implied vol of 100,000 options in one thread, beside the libraries that pip can install.

Every engine gets the same arrays and returns its usual result; scalar libraries are called in a loop. Compiling is kept
out by a warm-up call.
"""

import importlib
import math
from types import SimpleNamespace

import numpy as np
import pytest

import iwm_opts

OPTIONS = 100_000
SPOT, RATE, DIVIDEND_YIELD = 220.0, 0.04, 0.012  # IWM in mid 2025, roughly
PRICE_FLOOR = 0.005  # dollars: half a tick


@pytest.fixture(scope="module")
def book():
    """Out-of-the-money options within 30% of spot, a day to a year out, vols 10% to 120%, worth half a cent or more."""
    rng = np.random.default_rng(1)
    n = 2 * OPTIONS
    strike = SPOT * rng.uniform(0.7, 1.3, n)
    t = np.exp(rng.uniform(math.log(1 / 365), 0.0, n))
    vol = rng.uniform(0.1, 1.2, n)
    right = np.where(strike >= SPOT * np.exp((RATE - DIVIDEND_YIELD) * t), 1.0, -1.0)
    price = iwm_opts.price(right, SPOT, strike, t, RATE, vol, DIVIDEND_YIELD)
    keep = np.flatnonzero(price >= PRICE_FLOOR)[:OPTIONS]
    assert keep.size == OPTIONS
    columns = {"right": right, "strike": strike, "t": t, "vol": vol, "price": price}
    return SimpleNamespace(**{name: values[keep] for name, values in columns.items()})


def iwm_opts_with_letters(book):
    return iwm_opts_engine(SimpleNamespace(**{**vars(book), "right": np.where(book.right > 0, "C", "P")}))


def iwm_opts_engine(book):
    b, market = book, {"spot": SPOT, "rate": RATE, "dividend_yield": DIVIDEND_YIELD}
    return {
        "price": lambda: iwm_opts.price(b.right, strike=b.strike, t=b.t, vol=b.vol, **market),
        "greeks": lambda: iwm_opts.greeks(b.right, strike=b.strike, t=b.t, vol=b.vol, **market),
        "implied_vol": lambda: iwm_opts.implied_vol(b.right, b.price, strike=b.strike, t=b.t, **market),
    }


def numpy_ndtr(book):
    ndtr = pytest.importorskip("scipy.special").ndtr
    w, strike, t, vol = book.right, book.strike, book.t, book.vol

    def terms():
        root_t = np.sqrt(t)
        prepaid, present = SPOT * np.exp(-DIVIDEND_YIELD * t), strike * np.exp(-RATE * t)
        stdev = vol * root_t
        d1 = np.log(prepaid / present) / stdev + 0.5 * stdev
        return root_t, prepaid, stdev, d1, prepaid * ndtr(w * d1), present * ndtr(w * (d1 - stdev))

    def price():
        *_, half1, half2 = terms()
        return w * (half1 - half2)

    def greeks():
        root_t, prepaid, stdev, d1, half1, half2 = terms()
        density = prepaid * np.exp(-0.5 * d1 * d1) * 0.3989422804014327
        theta = (-0.5 * density * vol / root_t + w * (DIVIDEND_YIELD * half1 - RATE * half2)) / 365.0
        vega, rho = density * root_t * 0.01, w * half2 * t * 0.01
        return w * half1 / SPOT, density / (SPOT * SPOT * stdev), vega, theta, rho

    return {"price": price, "greeks": greeks}


def vollib(book):
    pytest.importorskip("vollib")
    price = importlib.import_module("vollib.black_scholes_merton").black_scholes_merton
    implied = importlib.import_module("vollib.black_scholes_merton.implied_volatility").implied_volatility
    analytical = importlib.import_module("vollib.black_scholes_merton.greeks.analytical")
    five = (analytical.delta, analytical.gamma, analytical.vega, analytical.theta, analytical.rho)
    flags = np.where(book.right > 0, "c", "p").tolist()
    rows = list(zip(flags, book.strike.tolist(), book.t.tolist(), book.vol.tolist(), book.price.tolist(), strict=True))
    return {
        "price": lambda: [price(f, SPOT, k, t, RATE, v, DIVIDEND_YIELD) for f, k, t, v, _ in rows],
        "greeks": lambda: [[g(f, SPOT, k, t, RATE, v, DIVIDEND_YIELD) for g in five] for f, k, t, v, _ in rows],
        "implied_vol": lambda: [implied(p, SPOT, k, t, RATE, DIVIDEND_YIELD, f) for f, k, t, _, p in rows],
    }


def quantlib(book):
    ql = pytest.importorskip("QuantLib")
    kind = [ql.Option.Call if w > 0 else ql.Option.Put for w in book.right]
    forward = (SPOT * np.exp((RATE - DIVIDEND_YIELD) * book.t)).tolist()
    discount = np.exp(-RATE * book.t).tolist()
    stdev = (book.vol * np.sqrt(book.t)).tolist()
    rows = list(zip(kind, book.strike.tolist(), forward, stdev, discount, book.t.tolist(), strict=True))

    def greeks_of(kind, strike, forward, stdev, discount, t):
        c = ql.BlackCalculator(ql.PlainVanillaPayoff(kind, strike), forward, stdev, discount)
        return c.delta(SPOT), c.gamma(SPOT), c.vega(t), c.thetaPerDay(SPOT, t), c.rho(t)

    def implied():
        found = [
            ql.blackFormulaImpliedStdDev(w, k, f, p, d) for (w, k, f, _, d, _), p in zip(rows, prices, strict=True)
        ]
        return np.array(found) / np.sqrt(book.t)

    prices = book.price.tolist()
    return {
        "price": lambda: [ql.blackFormula(w, k, f, s, d) for w, k, f, s, d, _ in rows],
        "greeks": lambda: [greeks_of(*row) for row in rows],
        "implied_vol": implied,
    }


def fast_vollib(book, backend):
    module = pytest.importorskip("fast_vollib")
    flag = np.where(book.right > 0, "c", "p")
    options = {"backend": backend, "return_as": "numpy"}
    model = options | {"model": "black_scholes_merton"}
    b = book
    return {
        "price": lambda: module.fast_black_scholes_merton(
            flag, SPOT, b.strike, b.t, RATE, b.vol, DIVIDEND_YIELD, **options
        ),
        "greeks": lambda: module.get_all_greeks(
            flag, SPOT, b.strike, b.t, RATE, b.vol, DIVIDEND_YIELD, **model | {"return_as": "dict"}
        ),
        "implied_vol": lambda: module.fast_implied_volatility(
            b.price, SPOT, b.strike, b.t, RATE, flag, DIVIDEND_YIELD, **model
        ),
    }


def fast_vollib_jackel(book):
    jackel = pytest.importorskip("fast_vollib.jackel")
    b, is_call = book, book.right > 0

    def implied():
        undiscounted = b.price * np.exp(RATE * b.t)
        return jackel.jackel_iv_black(
            undiscounted, SPOT * np.exp((RATE - DIVIDEND_YIELD) * b.t), b.strike, b.t, is_call
        )

    return {"implied_vol": implied}


ENGINES = {
    "iwm-opts": iwm_opts_engine,
    "iwm-opts, C and P": iwm_opts_with_letters,
    "numpy + scipy ndtr": numpy_ndtr,
    "fast-vollib numba": lambda book: fast_vollib(book, "numba"),
    "fast-vollib numpy": lambda book: fast_vollib(book, "numpy"),
    "fast-vollib jackel": fast_vollib_jackel,
    "QuantLib": quantlib,
    "vollib": vollib,
}
LOOPS = {"QuantLib", "vollib", "fast-vollib numpy"}  # seconds a call: fewer rounds


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("task", ["price", "greeks", "implied_vol"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # peers warn of their own overflows
@pytest.mark.filterwarnings("ignore:future versions will not create a writeable array")  # fast-vollib numba broadcasts
def test_pricing(benchmark, book, task, engine):
    calls = ENGINES[engine](book)
    if task not in calls:
        pytest.skip(f"{engine} has no {task}")
    benchmark.group = f"{task} of {OPTIONS:,} options"
    benchmark.name = engine
    benchmark.pedantic(calls[task], rounds=3 if engine in LOOPS else 60, warmup_rounds=1)
