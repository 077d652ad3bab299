import csv
from pathlib import Path

import numpy as np
import pytest

from iwm_opts.kernels.pricing import black

ORACLE = Path(__file__).parents[2] / "oracles" / "black_mpmath.csv"
INPUTS = ("spot", "strike", "t", "rate", "vol", "dividend_yield")


def columns(domain):
    """Operands and expected values of one part of the oracle as contiguous arrays."""
    with ORACLE.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["domain"] == domain]
    values = {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name not in ("domain", "right")}
    sign = np.array([1.0 if row["right"] == "C" else -1.0 for row in rows])
    return [sign, *(values[name] for name in INPUTS)], values


@pytest.mark.parametrize(("domain", "tolerance"), [("price", 1e-12), ("price_small_stdev", 1e-10)])
def test_prices_against_mpmath(domain, tolerance):
    operands, expected = columns(domain)
    out = np.empty_like(operands[0])
    black.prices(*operands, out)
    np.testing.assert_allclose(out, expected["price"], rtol=tolerance, atol=0)


@pytest.mark.parametrize("domain", ["price", "price_small_stdev"])
def test_greeks_against_mpmath(domain):
    operands, expected = columns(domain)
    found = [np.empty_like(operands[0]) for _ in range(5)]
    black.all_greeks(*operands, *found)
    scale = {"theta": 1e-12 * operands[1] / operands[3]}  # a sum whose terms may cancel
    for name, values in zip(("delta", "gamma", "vega", "theta", "rho"), found, strict=True):
        np.testing.assert_array_less(
            np.abs(values - expected[name]), 1e-12 * np.abs(expected[name]) + scale.get(name, 1e-300)
        )


def test_corners():
    #                  payoff, payoff, forward payoff, NaN: t < 0, vol < 0, spot <= 0, strike <= 0, infinite, NaN
    spot = np.array([90.0, 110.0, 100.0, 100.0, 100.0, 0.0, 100.0, np.inf, np.nan])
    strike = np.array([100.0, 100.0, 100.0, 100.0, 100.0, 100.0, -1.0, 100.0, 100.0])
    t = np.array([0.0, 0.0, 2.0, -0.1, 1.0, 1.0, 1.0, 1.0, 1.0])
    vol = np.array([0.2, 0.2, 0.0, 0.2, -0.2, 0.2, 0.2, 0.2, 0.2])
    sign, rate, dividend_yield = np.ones(9), np.full(9, 0.05), np.zeros(9)
    out = np.empty(9)
    five = [np.empty(9) for _ in range(5)]
    with np.errstate(all="ignore"):
        black.prices(sign, spot, strike, t, rate, vol, dividend_yield, out)
        black.all_greeks(sign, spot, strike, t, rate, vol, dividend_yield, *five)
    np.testing.assert_allclose(out, [0, 10, 100 - 100 * np.exp(-0.1)] + [np.nan] * 6, rtol=1e-14)
    assert np.isnan(five).all()
