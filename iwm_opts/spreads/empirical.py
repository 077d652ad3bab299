"""Empirical measure: returns of the past in implied standard deviations, by IV rank, on the chain's own vol.

A smile with scaled variance has no drift and takes its premium off both sides alike. The returns that followed had a
drift, and a premium on the put side alone: expected profits of puts and calls differ by more than their costs.

The returns are in excess of the carry (dividends back, the Treasury rate off) and start from the chain's forward: the
years behind them had rates of about 1%, and a forward has today's rate and dividends in it.
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
SYMBOL: Final = "IWM"  # for options on anything else its returns are a stand-in
SOURCE: Final = "IWM over RVX, next 24 sessions, 2009-2025"


class Moves(NamedTuple):
    """Log returns over implied standard deviations: means of equal parts, lowest first."""

    windows: int  # overlapping
    independent: int  # windows without overlap that know as much of a vertical's mean payoff
    parts: tuple[float, ...]


# By rank of RVX at the close: IWM's log return with dividends over the next 24 sessions, less the Treasury rate, over
# RVX x sqrt(24/252), 2009-09-16 to 2025-06-04 (`examples/empirical_measure.py` measures them again).
MOVES: Final[dict[str, Moves]] = {
    "any": Moves(3949, 292, (
        -3.507, -1.742, -1.458, -1.222, -1.065, -0.922, -0.819, -0.733, -0.642, -0.573, -0.496, -0.427,
        -0.367, -0.313, -0.265, -0.221, -0.174, -0.128, -0.075, -0.033, 0.009, 0.054, 0.093, 0.133,
        0.171, 0.208, 0.244, 0.285, 0.322, 0.358, 0.399, 0.436, 0.473, 0.514, 0.548, 0.582,
        0.616, 0.652, 0.691, 0.734, 0.780, 0.828, 0.872, 0.922, 0.975, 1.039, 1.104, 1.199,
        1.347, 1.709,
    )),
    "below 20": Moves(1491, 143, (
        -3.495, -1.858, -1.615, -1.437, -1.272, -1.150, -1.039, -0.926, -0.835, -0.780, -0.722, -0.660,
        -0.596, -0.516, -0.450, -0.387, -0.334, -0.284, -0.244, -0.205, -0.165, -0.129, -0.086, -0.051,
        -0.015, 0.027, 0.065, 0.095, 0.124, 0.159, 0.197, 0.234, 0.274, 0.315, 0.352, 0.390,
        0.427, 0.465, 0.503, 0.544, 0.580, 0.623, 0.673, 0.722, 0.773, 0.849, 0.934, 1.057,
        1.184, 1.540,
    )),
    "20 to 50": Moves(1711, 163, (
        -3.776, -1.688, -1.327, -1.087, -0.932, -0.811, -0.694, -0.595, -0.521, -0.441, -0.378, -0.319,
        -0.271, -0.216, -0.161, -0.091, -0.033, 0.009, 0.063, 0.112, 0.158, 0.197, 0.235, 0.272,
        0.307, 0.338, 0.377, 0.424, 0.458, 0.501, 0.532, 0.559, 0.592, 0.623, 0.650, 0.686,
        0.721, 0.760, 0.796, 0.834, 0.865, 0.908, 0.946, 0.989, 1.048, 1.099, 1.174, 1.269,
        1.451, 1.831,
    )),
    "50 and above": Moves(546, 85, (
        -2.985, -1.355, -0.997, -0.752, -0.603, -0.502, -0.400, -0.324, -0.271, -0.220, -0.179, -0.139,
        -0.091, -0.053, -0.003, 0.032, 0.074, 0.108, 0.142, 0.176, 0.197, 0.229, 0.268, 0.312,
        0.343, 0.381, 0.409, 0.445, 0.478, 0.516, 0.548, 0.577, 0.604, 0.633, 0.661, 0.696,
        0.748, 0.800, 0.834, 0.876, 0.909, 0.944, 0.976, 1.007, 1.048, 1.092, 1.171, 1.280,
        1.367, 1.689,
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
    spot = table.forward.price * np.exp(math.sqrt(variance) * np.array(moves.parts))
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
