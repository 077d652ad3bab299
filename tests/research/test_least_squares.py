import math
from itertools import pairwise

import numpy as np
import pytest

from iwm_opts.research.least_squares import least_squares


def test_rosenbrock_as_a_sum_of_squares():
    # The classical valley, minimum 0 at (1, ..., 1) (Rosenbrock 1960; More, Garbow and Hillstrom 1981, problem 21).
    def valley(x):
        return np.concatenate([10 * (x[1::2] - x[::2] ** 2), 1 - x[::2]])

    found = least_squares(valley, np.tile([-1.2, 1.0], 3), steps=100)
    assert found.value < 1e-10
    assert found.point == pytest.approx(np.ones(6), abs=1e-4)


def test_a_straight_line_is_ordinary_least_squares():
    # Oracle: numpy's own linear solver.
    rng = np.random.default_rng(1)
    design, seen = rng.normal(size=(40, 3)), rng.normal(size=40)
    found = least_squares(lambda b: design @ b - seen, np.zeros(3), steps=30)
    assert found.point == pytest.approx(np.linalg.lstsq(design, seen)[0], abs=1e-6)


def test_forbidden_points_are_walked_around():
    def half_plane(x):
        return np.array([math.nan, 0.0]) if x[0] < 0.5 else x

    found = least_squares(half_plane, np.array([2.0, 1.0]), steps=60)
    assert found.point[0] >= 0.5
    assert found.value < 0.5


def test_improvements_are_told():
    told = []
    least_squares(lambda x: x, np.ones(3), 5, report=lambda step, value: told.append((step, value)))
    assert [step for step, _ in told] == list(range(1, len(told) + 1))
    assert all(one > other for (_, one), (_, other) in pairwise(told))
