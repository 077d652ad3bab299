import math

import numpy as np
import pytest

from iwm_opts.simulation.minimise import minimise


def test_rosenbrock_in_six_dimensions():
    # The classical valley, minimum 0 at (1, ..., 1) (Rosenbrock 1960).
    def valley(x):
        return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())

    found = minimise(valley, np.zeros(6), step=0.5, generations=900, seed=1)
    assert found.value < 1e-8
    assert found.point == pytest.approx(np.ones(6), abs=1e-3)


def test_forbidden_points_are_walked_around():
    def half_plane(x):
        return math.inf if x[0] < 0.5 else float((x**2).sum())

    found = minimise(half_plane, np.array([2.0, 1.0, -1.0]), step=0.3, generations=200, seed=1)
    assert found.value == pytest.approx(0.25, abs=1e-3)


def test_same_seed_same_search():
    runs = [minimise(lambda x: float((x**2).sum()), np.ones(3), 0.3, 20, seed=4).point for _ in range(2)]
    assert runs[0].tobytes() == runs[1].tobytes()
