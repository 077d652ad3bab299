"""Minimising a noisy function of some twenty numbers without derivatives: CMA-ES."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """Best point seen and its value."""

    point: Array
    value: float
    evaluations: int


def minimise(
    function: Callable[[Array], float],
    start: Array,
    step: float,
    generations: int,
    seed: int,
    report: Callable[[int, float], None] | None = None,
) -> Minimum:
    """Minimise by covariance matrix adaptation (Hansen 2016, "The CMA evolution strategy: a tutorial", appendix A).

    Parameters
    ----------
    function : callable
        From a point, shape (n,), to a value; infinite where the point is not allowed.
    start : ndarray, shape (n,)
        Variables of order one.
    step : float
        First standard deviation of the search.
    report : callable, optional
        Called with the generation and the best value so far.
    """
    n, rng = len(start), np.random.default_rng(seed)
    count = 4 + int(3 * math.log(n))
    kept = count // 2
    weight = math.log((count + 1) / 2) - np.log(np.arange(1, kept + 1))
    weight /= weight.sum()
    mass = 1.0 / float((weight**2).sum())
    c_sigma = (mass + 2) / (n + mass + 5)
    damping = 1 + 2 * max(0.0, math.sqrt((mass - 1) / (n + 1)) - 1) + c_sigma
    c_path = (4 + mass / n) / (n + 4 + 2 * mass / n)
    c_one = 2 / ((n + 1.3) ** 2 + mass)
    c_mass = min(1 - c_one, 2 * (mass - 2 + 1 / mass) / ((n + 2) ** 2 + mass))
    expected = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
    mean, covariance = start.astype(float), np.eye(n)
    path, path_sigma = np.zeros(n), np.zeros(n)
    best, best_value = mean, function(mean)
    for generation in range(generations):
        values, vectors = np.linalg.eigh(covariance)
        root = np.sqrt(np.maximum(values, 1e-20))
        steps = (rng.standard_normal((count, n)) * root) @ vectors.T
        scores = np.array([function(mean + step * s) for s in steps])
        order = np.argsort(scores)
        if scores[order[0]] < best_value:
            best, best_value = mean + step * steps[order[0]], float(scores[order[0]])
        chosen = steps[order[:kept]]
        move = weight @ chosen
        mean = mean + step * move
        whitened = vectors @ ((vectors.T @ move) / root)
        path_sigma = (1 - c_sigma) * path_sigma + math.sqrt(c_sigma * (2 - c_sigma) * mass) * whitened
        path = (1 - c_path) * path + math.sqrt(c_path * (2 - c_path) * mass) * move
        covariance = (1 - c_one - c_mass) * covariance + c_one * np.outer(path, path)
        covariance += c_mass * (chosen.T * weight) @ chosen
        step *= math.exp(c_sigma / damping * (float(np.linalg.norm(path_sigma)) / expected - 1))
        if report:
            report(generation, best_value)
    return Minimum(best, best_value, 1 + generations * count)
