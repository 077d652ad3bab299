import math

import numpy as np
import pytest
from scipy.special import ndtr

from iwm_opts.kernels.simulation.quote import SPREAD_TERMS, quote_expiration, surface_row

SPOT, FORWARD, DISCOUNT, YEARS = 250.0, 250.6, 0.996, 0.1
THETA, RHO, PHI, CONVEXITY = 0.005, -0.4, 12.0, 0.05


def quote(strike, sign, coefficients, widening=1.0):
    strike, sign = np.broadcast_arrays(np.asarray(strike, dtype=float), sign)
    out = [np.empty(len(strike)) for _ in range(4)]
    row = surface_row(SPOT, FORWARD, DISCOUNT, YEARS, 36.0, THETA, RHO, PHI, CONVEXITY, widening)
    quote_expiration(sign.astype(float), strike.copy(), row, coefficients, 0.01, *out)
    return out


def constant(spread):
    c = np.zeros(SPREAD_TERMS)
    c[0] = math.log(spread)
    return c


def fair(strike, sign):
    """Black 1976 with scipy's normal distribution, on the smile's vol; wings as a bounded parabola."""
    k = np.log(strike / FORWARD)
    wings = 2 * CONVEXITY * k**2 / (1 + np.sqrt(1 + k**2 * (1 + THETA) / (9 * THETA)))
    v = np.sqrt(THETA / 2 * (1 + RHO * PHI * k + np.sqrt((PHI * k + RHO) ** 2 + 1 - RHO**2)) + wings)
    d1 = -k / v + v / 2
    value = DISCOUNT * sign * (FORWARD * ndtr(sign * d1) - strike * ndtr(sign * (d1 - v)))
    return (
        np.maximum(value, sign * (SPOT - strike)),
        v / math.sqrt(YEARS),
        DISCOUNT * FORWARD / SPOT * sign * ndtr(sign * d1),
    )


STRIKES = np.arange(150.0, 351.0, 5.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_quotes_bracket_fair_value_by_half_a_spread_rounded_outward(sign):
    bid, ask, vol, delta = quote(STRIKES, sign, constant(0.10))
    value, wanted_vol, wanted_delta = fair(STRIKES, sign)
    assert (bid <= np.maximum(value - 0.05, 0.0) + 1e-9).all()
    assert (bid >= np.maximum(value - 0.06, 0.0) - 1e-9).all()
    assert (ask >= value + 0.05 - 1e-9).all()
    assert (ask <= value + 0.06 + 1e-9).all()
    assert vol == pytest.approx(wanted_vol, rel=1e-12)
    assert delta == pytest.approx(wanted_delta, abs=1e-12)


def test_cents_and_no_quote_below_one():
    bid, ask, _, _ = quote(np.arange(20.0, 120.0), -1, constant(1e-4))
    assert (bid == 0.0).all()
    assert (ask == 0.01).all()
    for quotes in quote(STRIKES, 1, constant(0.033))[:2]:
        assert quotes * 100 == pytest.approx(np.round(quotes * 100), abs=1e-6)


def test_widening_multiplies_the_spread():
    narrow, wide = quote(STRIKES, 1, constant(0.2)), quote(STRIKES, 1, constant(0.2), widening=5.0)
    far = narrow[0] > 1.0
    ratio = (wide[1] - wide[0])[far] / (narrow[1] - narrow[0])[far]
    assert (ratio > 4.4).all()
    assert (ratio < 5.2).all()
