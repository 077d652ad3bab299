import math

import mpmath as mp
import numpy as np
import pytest

from iwm_opts.kernels import elementary
from iwm_opts.kernels._jit import kernel


def over(function):
    """Loop of a scalar kernel over arrays, compiled unless NUMBA_DISABLE_JIT is set."""

    @kernel(cache=False)
    def loop1(x, out):
        for i in range(x.shape[0]):
            out[i] = function(x[i])

    def apply(x):
        x = np.array(x, dtype=float)
        out = np.empty_like(x)
        with np.errstate(all="ignore"):
            loop1(x, out)
        return out

    return apply


@kernel(cache=False)
def _log_ratios(a, b, out):
    for i in range(a.shape[0]):
        out[i] = elementary.log_ratio(a[i], b[i])


def relative_error(found, exact):
    return max(abs(mp.mpf(float(f)) / e - 1) for f, e in zip(found, exact, strict=True))


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(50):
        yield


def test_exp():
    x = np.r_[np.linspace(-708, 709, 400), np.linspace(-1, 1, 201)]
    assert relative_error(over(elementary.exp)(x), [mp.exp(v) for v in x]) < 3e-16
    np.testing.assert_array_equal(
        over(elementary.exp)([math.nan, math.inf, -math.inf, -800.0, 800.0, 0.0]),
        [math.nan, math.inf, 0, 0, math.inf, 1],
    )


def test_log():
    x = np.exp(np.linspace(-700, 700, 400))
    assert relative_error(over(elementary.log)(x), [mp.log(v) for v in x]) < 4e-16
    assert over(elementary.log)([1.0])[0] == 0.0
    assert np.isnan(over(elementary.log)([math.nan, math.inf, -math.inf, 0.0, -1.0])).all()


@pytest.mark.parametrize("distance", [1e-15, 1e-12, 1e-6, 1e-2, 0.3, 3.0])
def test_log_ratio_keeps_its_digits_near_one(distance):
    b = np.linspace(90, 400, 101)
    a = np.r_[b * (1 + distance), b / (1 + distance)]
    b = np.r_[b, b]
    a, b = a[a != b], b[a != b]
    out = np.empty_like(a)
    _log_ratios(a, b, out)
    assert (
        relative_error(out, [mp.log(mp.mpf(u) / mp.mpf(v)) for u, v in zip(a.tolist(), b.tolist(), strict=True)])
        < 5e-16
    )


def test_erfcx():
    z = np.r_[0.0, np.geomspace(1e-6, 25, 400)]
    assert relative_error(over(elementary.erfcx)(z), [mp.exp(mp.mpf(v) ** 2) * mp.erfc(v) for v in z]) < 1e-15
    # z sqrt(pi) erfcx(z) = 1 - 1 / (2 z^2) + ... (Abramowitz and Stegun 1964, 7.1.23)
    assert over(elementary.erfcx)([1e9])[0] == pytest.approx(1e-9 / math.sqrt(math.pi), rel=1e-15)
    assert over(elementary.erfcx)([math.inf])[0] == 0.0


def test_normal_distribution():
    x = np.linspace(-8, 8, 401)
    assert relative_error(over(elementary.normal_cdf)(x), [mp.ncdf(v) for v in x]) < 5e-15
    assert relative_error(over(elementary.normal_pdf)(x), [mp.npdf(v) for v in x]) < 5e-15
    tail = np.linspace(-37, -8, 101)
    assert relative_error(over(elementary.normal_cdf)(tail), [mp.ncdf(v) for v in tail]) < 1e-13
    np.testing.assert_array_equal(
        over(elementary.normal_cdf)([math.nan, math.inf, -math.inf, 0.0]), [math.nan, 1.0, 0.0, 0.5]
    )
