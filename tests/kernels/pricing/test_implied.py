import csv
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

from iwm_opts.kernels._jit import kernel
from iwm_opts.kernels.pricing import implied

ORACLE = Path(__file__).parents[2] / "oracles" / "black_mpmath.csv"


@kernel(cache=False)
def _normalised(b, x, guess, out):
    for i in range(b.shape[0]):
        guess[i] = implied.first_guess(b[i], x[i])
        out[i] = implied.normalised_implied(b[i], x[i])


def exact_premium(x, s):
    """Normalised premium of the option out of the money by x, in 60 digits (Jaeckel 2017, section 2)."""
    with mp.workdps(60):
        x, s = mp.mpf(x), mp.mpf(s)
        near = mp.exp(-x / 2) * mp.erfc((x / s - s / 2) / mp.sqrt(2))
        far = mp.exp(x / 2) * mp.erfc((x / s + s / 2) / mp.sqrt(2))
        return float((near - far) / 2)


@pytest.mark.parametrize(
    ("stdev", "guess_tolerance", "tolerance"),
    [
        (0.005, 1e-4, 1e-12),
        (0.05, 1e-4, 1e-13),
        (0.5, 2e-3, 1e-14),
        (1.5, 5e-3, 1e-14),
        (3.0, 0.04, 1e-14),
        (4, 0.1, 1e-13),
    ],
)
def test_guess_and_two_steps(stdev, guess_tolerance, tolerance):
    x = stdev * np.r_[0.0, np.geomspace(1e-6, 29.0, 60)]
    b = np.array([exact_premium(v, stdev) for v in x.tolist()])
    keep = b > 1e-200
    guess, out = np.empty(keep.sum()), np.empty(keep.sum())
    _normalised(b[keep], x[keep], guess, out)
    np.testing.assert_allclose(guess, stdev, rtol=guess_tolerance)
    np.testing.assert_allclose(out, stdev, rtol=tolerance)


@pytest.mark.parametrize(("domain", "tolerance"), [("implied", 1e-12), ("implied_large_stdev", 1e-8)])
def test_implied_vols_against_mpmath(domain, tolerance):
    with ORACLE.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["domain"] == domain]
    sign = np.array([1.0 if row["right"] == "C" else -1.0 for row in rows])
    operands = [
        np.array([float(row[name]) for row in rows])
        for name in ("price", "spot", "strike", "t", "rate", "dividend_yield")
    ]
    out = np.empty_like(sign)
    implied.implied_vols(sign, *operands, out)
    np.testing.assert_allclose(out, [float(row["implied_vol"]) for row in rows], rtol=tolerance, atol=0)


def test_nan_where_no_vol_gives_the_price():
    #                 worthless, negative, spot itself, above spot, t = 0, t < 0, NaN, infinite, stdev above 5
    price = np.array([0.0, -1.0, 100.0, 101.0, 5.0, 5.0, np.nan, np.inf, 99.9])
    t = np.array([1.0, 1.0, 1.0, 1.0, 0.0, -1.0, 1.0, 1.0, 1.0])
    same = np.full(9, 100.0)
    out = np.empty(9)
    with np.errstate(all="ignore"):
        implied.implied_vols(np.ones(9), price, same, same, t, np.zeros(9), np.zeros(9), out)
    assert np.isnan(out).all()
