import numpy as np
import pytest

from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.kernels.trading.fees import orders


def test_cap_minimum_and_the_regulators_by_hand():
    charges = FeeSchedule.parse(
        "commission=1,closing=0.5,cap=10,minimum=3,exchange=0.1,orf=0.02,taf=0.01,sec=2e-5"
    ).charges
    sold, ratio, out = np.array([-1.0, 1.0]), np.ones(2), np.empty(2)
    orders(charges, charges.opening, sold, ratio, 12.0, np.array([0.0, 2.5]), out)
    # Each leg of 12 is capped at 10; 24 contracts at 0.12; 12 sold at 0.01; 2e-5 of 250 dollars a package.
    assert out.tolist() == pytest.approx([20 + 2.88 + 0.12, 20 + 2.88 + 0.12 + 12 * 0.005])
    orders(charges, charges.closing, -sold, ratio, 1.0, np.zeros(2), out)
    assert out[0] == pytest.approx(3 + 0.24 + 0.01)  # a dollar of commission, at least three
    ratio[1] = 0.0  # a leg that is no part of the order
    orders(charges, charges.closing, -sold, ratio, 8.0, np.zeros(2), out)
    assert out[0] == pytest.approx(4 + 0.96 + 0.08)
