"""Empirical measure: returns of the past in implied standard deviations, by IV rank, on the chain's own vol.

A smile with scaled variance has no drift and takes its premium off both sides alike. The returns that followed had a
drift, and a premium on the put side alone: expected profits of puts and calls differ by more than their costs.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import GATE_RANK, MULTIPLIER
from iwm_opts.market.option_table import OptionTable
from iwm_opts.spreads.analysis import Analysis, Terms

Array = NDArray[np.float64]

PARTS: Final = 50
HIGH_RANK: Final = 50.0
RANKS: Final = {
    "any": (-math.inf, math.inf),
    "below 20": (-math.inf, GATE_RANK),
    "20 to 50": (GATE_RANK, HIGH_RANK),
    "50 and above": (HIGH_RANK, math.inf),
}
LEVEL: Final = 0.95
SOURCE: Final = "IWM over RVX, next 24 sessions, 2009-2025"


class Moves(NamedTuple):
    """Log returns over implied standard deviations: means of equal parts, lowest first."""

    windows: int  # overlapping
    independent: int  # windows without overlap that know as much of a vertical's mean payoff
    parts: tuple[float, ...]


# By rank of RVX at the close: IWM's log return over the next 24 sessions over RVX x sqrt(24/252), 2009-09-16 to
# 2025-06-04 (`examples/empirical_measure.py` measures them again).
MOVES: Final[dict[str, Moves]] = {
    "any": Moves(3949, 296, (
        -3.509, -1.740, -1.454, -1.216, -1.049, -0.917, -0.815, -0.717, -0.635, -0.570, -0.496, -0.428,
        -0.367, -0.318, -0.271, -0.224, -0.178, -0.125, -0.079, -0.038, 0.003, 0.050, 0.087, 0.124,
        0.169, 0.208, 0.243, 0.281, 0.319, 0.361, 0.402, 0.440, 0.477, 0.515, 0.549, 0.582,
        0.613, 0.649, 0.688, 0.729, 0.776, 0.822, 0.866, 0.922, 0.974, 1.032, 1.099, 1.195,
        1.343, 1.728,
    )),
    "below 20": Moves(1491, 147, (
        -3.495, -1.853, -1.603, -1.423, -1.264, -1.137, -1.022, -0.921, -0.833, -0.768, -0.706, -0.654,
        -0.592, -0.520, -0.448, -0.392, -0.338, -0.303, -0.256, -0.217, -0.166, -0.126, -0.097, -0.063,
        -0.026, 0.020, 0.063, 0.092, 0.119, 0.160, 0.197, 0.234, 0.267, 0.306, 0.348, 0.383,
        0.427, 0.469, 0.506, 0.536, 0.581, 0.616, 0.670, 0.719, 0.779, 0.849, 0.930, 1.031,
        1.164, 1.533,
    )),
    "20 to 50": Moves(1711, 163, (
        -3.776, -1.698, -1.325, -1.075, -0.928, -0.799, -0.674, -0.593, -0.511, -0.443, -0.375, -0.316,
        -0.267, -0.214, -0.165, -0.085, -0.034, 0.005, 0.058, 0.100, 0.153, 0.198, 0.233, 0.272,
        0.306, 0.346, 0.393, 0.428, 0.463, 0.503, 0.538, 0.566, 0.591, 0.618, 0.648, 0.681,
        0.717, 0.751, 0.787, 0.821, 0.858, 0.908, 0.951, 0.993, 1.045, 1.102, 1.180, 1.269,
        1.455, 1.865,
    )),
    "50 and above": Moves(546, 84, (
        -3.003, -1.364, -0.984, -0.749, -0.599, -0.505, -0.404, -0.325, -0.271, -0.219, -0.174, -0.127,
        -0.086, -0.043, -0.006, 0.035, 0.063, 0.099, 0.133, 0.168, 0.204, 0.233, 0.262, 0.308,
        0.341, 0.387, 0.416, 0.453, 0.480, 0.513, 0.551, 0.579, 0.606, 0.640, 0.669, 0.699,
        0.752, 0.808, 0.846, 0.877, 0.913, 0.942, 0.969, 1.017, 1.064, 1.108, 1.169, 1.247,
        1.378, 1.708,
    )),
}  # fmt: skip


class Gain(NamedTuple):
    """Mean gain of a package or of one side of it with its 95% interval, dollars."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Empirical:
    """Expected profit under the empirical measure, held to expiry."""

    rank: str  # ranks that the returns followed, a key of `RANKS`
    windows: int
    expected_profit: Gain  # after fill and fees
    put_side: Gain | None  # at mid before costs; None without puts
    call_side: Gain | None
    put_side_smile: float | None  # the same under the smile with scaled variance
    call_side_smile: float | None


def rank_group(rank: float | None) -> str:
    """Ranks that an IV rank belongs to; `any` for an unknown one."""
    if rank is None or math.isnan(rank):
        return "any"
    return next(name for name, (low, high) in RANKS.items() if name != "any" and low <= rank < high)


def empirical(
    table: OptionTable, analysis: Analysis, place: int, variance: float, rank: float | None, terms: Terms
) -> Empirical:
    """Compute the expected profit of one package, returns of the past drawn on the variance of its expiration.

    Parameters
    ----------
    table : OptionTable
    analysis : Analysis
    place : int
        Of the package.
    variance : float
        Model-free variance to expiry, as RVX is model-free.
    rank : float, optional
        IV rank, 0 to 100.
    terms : Terms
    """
    group = rank_group(rank)
    moves = MOVES[group]
    rows, legs = analysis.packages.index[place], analysis.packages.legs
    spot = table.spot * np.exp(math.sqrt(variance) * np.array(moves.parts))
    strike, right, contracts = table.strike[rows], legs.right, legs.contracts
    in_the_money = np.maximum(right * (spot[:, None] - strike), 0.0)
    worth = contracts * (table.smile.discount * in_the_money + table.early_exercise[rows])
    gain = MULTIPLIER * (worth - contracts * table.mid[rows])  # a leg each, at mid
    at_smile = table.smile.value(right, strike, terms.variance_ratio) + table.early_exercise[rows]
    by_smile = MULTIPLIER * contracts * (at_smile - table.mid[rows])

    def side(sign: float) -> tuple[Gain | None, float | None]:
        chosen = right == sign
        if not chosen.any():
            return None, None
        return _mean(gain[:, chosen].sum(axis=1), moves.independent), float(by_smile[chosen].sum())

    costs = analysis.fills.slippage[place] + analysis.fees[place]
    exercised = terms.fees.exercise_fees(1.0) * ((in_the_money > 0.0) * legs.ratio).sum(axis=1)
    (puts, puts_smile), (calls, calls_smile) = side(-1.0), side(1.0)
    total = _mean(gain.sum(axis=1) - costs - exercised, moves.independent)
    return Empirical(group, moves.windows, total, puts, calls, puts_smile, calls_smile)


def _mean(gains: Array, independent: int) -> Gain:
    mean = float(gains.mean())
    reach = NormalDist().inv_cdf(0.5 + 0.5 * LEVEL) * float(gains.std()) / math.sqrt(independent)
    return Gain(mean, mean - reach, mean + reach)
