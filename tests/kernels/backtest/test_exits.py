import math

import numpy as np
import pytest

from iwm_opts.kernels.backtest.codes import HELD, PROFIT, STOP, TIME
from iwm_opts.kernels.backtest.exits import first_exit

MINUTE = np.array([15.0, 16.0, 17.0, 45.0])


def left(*close, credit=1.0, profit=0.5, stop=2.0, best_first=False):
    return first_exit(np.array([0.0, *close]), MINUTE[: len(close) + 1], credit, profit, stop, 45.0, best_first)


@pytest.mark.parametrize(
    ("close", "found"),
    [
        ((-0.8, -0.6, -0.6), (3, TIME)),
        ((-0.8, -0.5, -0.6), (2, PROFIT)),
        ((-3.0, -0.5, -0.6), (1, STOP)),
        ((-0.8, -0.6, -3.0), (3, STOP)),  # the dearest of two at the last minute
        ((-0.8, -0.6, -0.4), (3, TIME)),
        ((math.nan, -0.5), (2, PROFIT)),  # no quote decides nothing
        ((-0.8, -0.7), (-1, HELD)),
    ],
)
def test_a_credit_of_a_dollar(close, found):
    assert left(*close) == found


def test_a_debit_of_two_dollars():
    # Selling back at 3 is half of it gained, at 1 half of it lost.
    assert left(2.9, 3.0, credit=-2.0) == (2, PROFIT)
    assert left(1.1, 1.0, credit=-2.0, stop=0.5) == (2, STOP)
    assert left(0.0, 0.0, 0.0, credit=-2.0, stop=math.nan, profit=math.nan) == (3, TIME)


def test_the_entry_is_no_exit():
    assert first_exit(np.array([-9.0, -0.9]), MINUTE[:2], 1.0, 0.5, 2.0, 45.0, False) == (-1, HELD)
