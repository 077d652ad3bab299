"""Size and power of the tests against luck on families of variants with known truth.

    python examples/selection_tests.py            40 families
    python examples/selection_tests.py 2000       the table of the documentation

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
    largest = np.empty(DRAWS)
    for draw in range(DRAWS):
        first, _ = stationary_blocks(len(pnl), 1.0, rng)
        largest[draw] = (pnl[first].mean(axis=0) - pnl.mean(axis=0)).max()
    return float((1 + (largest >= pnl.mean(axis=0).max()).sum()) / (1 + DRAWS))


def judged(seed: int, edge: float, others: float) -> Array:
    """One family: whether each test rejects, in the order of `COLUMNS`."""
    pnl = family(seed, edge, others)
    result = superior_ability(pnl, 1.0, seed, DRAWS)
    rejected = result.p_stepdown <= LEVEL
    return np.array([
        result.p_consistent <= LEVEL, p_unstudentised(pnl, seed) <= LEVEL, rejected[0], rejected[1:].any(),
        deflated_sharpe_ratios(pnl).max() > 1.0 - LEVEL, overfitting_probability(pnl),
    ])  # fmt: skip


def main() -> None:
    """Print all truths as a Markdown table."""
    families = int(sys.argv[1]) if len(sys.argv) > 1 else FAMILIES
    rates = [np.array([judged(seed, *truth) for seed in range(families)]) for truth in TRUTHS.values()]
    print(f"| {families:,} families | {' | '.join(TRUTHS)} |\n| --- |{' ---: |' * len(TRUTHS)}")
    for place, name in enumerate(COLUMNS):
        cells = (
            f"{rate[:, place].mean():.1%} ± {rate[:, place].std(ddof=1) / math.sqrt(families):.1%}" for rate in rates
        )
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
