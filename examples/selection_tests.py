"""Size and power of the tests against luck on families of variants with known truth.

    python examples/selection_tests.py            40 families
    python examples/selection_tests.py 2000       the table of the documentation
    python examples/selection_tests.py 2000 tests/oracles/selection_families.csv
                                                  the same, and the sums of each 40 families that a test checks it by

A family is nine variants of 250 days, three each traded at 1, 2 and 5 contracts, half of their variance common. Without
an edge a 5% test should reject 5% of families; with an edge of the first variant as many as it can: a t of 4.3 is
expected where the others gain nothing, of 3.6 where they lose, as costs make them.
"""

import math
import sys

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.selection import (
    deflated_sharpe_ratios,
    overfitting_probability,
    stationary_blocks,
    superior_ability,
)

Array = NDArray[np.float64]

FAMILIES, DAYS, DRAWS = 40, 250, 199
BLOCK = 40  # families
CONTRACTS = np.repeat([1.0, 2.0, 5.0], 3)
TRUTHS = {  # gain of the first variant and of the others, standard deviations a day
    "without an edge": (0.0, 0.0),
    "one variant with an edge": (0.27, 0.0),
    "the same, others lose": (0.23, -0.04),
}
LEVEL = 0.05
COLUMNS = (
    "SPA, studentised", "SPA, not studentised", "stepdown: the first variant", "stepdown: any other variant",
    "deflated Sharpe over 95%", "mean probability of overfitting",
)  # fmt: skip


def family(seed: int, edge: float, others: float) -> Array:
    """Daily P&L, shape (days, variants)."""
    rng = np.random.default_rng(seed)
    shocks = math.sqrt(0.5) * (rng.standard_normal((DAYS, 1)) + rng.standard_normal((DAYS, len(CONTRACTS))))
    shocks[:, 0] += edge
    shocks[:, 1:] += others
    return shocks * CONTRACTS


def p_unstudentised(pnl: Array, seed: int) -> float:
    """P-value of the largest mean, dollars, under independent days."""
    rng = np.random.default_rng(seed)
    days = np.stack([stationary_blocks(len(pnl), 1.0, rng)[0] for _ in range(DRAWS)])
    mean = pnl.mean(axis=0)
    largest = (pnl[days].mean(axis=1) - mean).max(axis=1)
    return float((1 + (largest >= mean.max()).sum()) / (1 + DRAWS))


def judged(seed: int, edge: float, others: float) -> Array:
    """One family: whether each test rejects, in the order of `COLUMNS`."""
    pnl = family(seed, edge, others)
    result = superior_ability(pnl, 1.0, seed, DRAWS)
    rejected = result.p_stepdown <= LEVEL
    return np.array([
        result.p_consistent <= LEVEL, p_unstudentised(pnl, seed) <= LEVEL, rejected[0], rejected[1:].any(),
        deflated_sharpe_ratios(pnl).max() > 1.0 - LEVEL, overfitting_probability(pnl),
    ])  # fmt: skip


def sums(seeds: range) -> Array:
    """Sum what `judged` says, and its square, over families; shape (truths, columns, 2)."""
    results = np.array([[judged(seed, *truth) for seed in seeds] for truth in TRUTHS.values()])
    return np.stack([results.sum(axis=1), (results**2).sum(axis=1)], axis=-1)


def table(families: int, total: Array) -> str:
    """Means and their standard errors as a Markdown table."""
    mean, square = total[..., 0] / families, total[..., 1] / families
    error = np.sqrt(np.maximum(square - mean**2, 0.0) / (families - 1))
    lines = [f"| {families:,} families | {' | '.join(TRUTHS)} |", f"| --- |{' ---: |' * len(TRUTHS)}"]
    for place, name in enumerate(COLUMNS):
        cells = (f"{mean[truth, place]:.1%} ± {error[truth, place]:.1%}" for truth in range(len(TRUTHS)))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print all truths as a Markdown table; keep the sums of each block of families where a file is named."""
    families = int(sys.argv[1]) if len(sys.argv) > 1 else FAMILIES
    blocks = np.array([sums(range(first, min(first + BLOCK, families))) for first in range(0, families, BLOCK)])
    if len(sys.argv) > 2:
        np.savetxt(sys.argv[2], blocks.reshape(len(blocks), -1), "%.10g", ",")
    print(table(families, blocks.sum(axis=0)), end="")


if __name__ == "__main__":
    main()
