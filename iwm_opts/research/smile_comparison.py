"""Smile shapes of the simulator and of a real chain at equal model-free variance."""

import math
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.kernels.simulation.ssvi import at_the_money
from iwm_opts.market.iv_index import IvIndex, model_free_variance
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.slices import ExpirySlice, Forward
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.simulation.parameters import TYPICAL_VOL, SmileShape
from iwm_opts.simulation.surface import reshaped, shape_at

Array = NDArray[np.float64]

TARGET_DAYS: Final = (10, 35)  # a week's trade and a month's
WIDEST: Final = 2.5  # standard deviations from the forward


@dataclass(frozen=True, slots=True, eq=False)
class SmileComparison:
    """One expiration of a chain; arrays of shape (n,), out-of-the-money options by strike."""

    expiration: date
    dte: int
    deviations: Array  # log(strike / forward) over the total standard deviation at the money
    real: Array  # implied vol of midpoints, decimal
    model: Array
    model_free: float  # vol, that both share

    @property
    def rms(self) -> float:
        """Root mean square of the difference, decimal."""
        return float(np.sqrt(np.mean((self.model - self.real) ** 2)))


def compare_smiles(shape: SmileShape, snapshot: Snapshot) -> tuple[SmileComparison, ...]:
    """Smiles of the expirations nearest to `TARGET_DAYS`; the skew factor is at its mean.

    Without an IV10 or IV30 the level is that of the expiration, and the slope of vol zero.

    Raises
    ------
    DataError
        When the quotes of an expiration cannot be priced.
    """
    pairs = zip(snapshot.slices, snapshot.forwards, strict=True)
    live = [(quotes, forward) for quotes, forward in pairs if forward is not None and quotes.years > 0.0]
    smiles: dict[date, SmileComparison] = {}
    for days in TARGET_DAYS:
        quotes, forward = min(live, key=lambda pair: abs(pair[0].dte - days))
        smiles[quotes.expiration] = _comparison(shape, snapshot.iv, snapshot.table(quotes.expiration), quotes, forward)
    return tuple(smiles.values())


def _comparison(
    shape: SmileShape, iv: IvIndex, table: OptionTable, quotes: ExpirySlice, forward: Forward
) -> SmileComparison:
    variance = model_free_variance(quotes, forward).total_variance
    ratio = iv.iv10 / iv.iv30
    level, slope = (iv.iv30, math.log(ratio)) if math.isfinite(ratio) else (math.sqrt(variance / quotes.years), 0.0)
    skew, eta, convexity = shape_at(shape, math.log(level / TYPICAL_VOL), slope, 0.0)
    theta = np.empty(1)
    at_the_money(
        np.array([variance]), float(skew[0]), shape.tilt, float(eta[0]), shape.gamma, float(convexity[0]), theta
    )
    k = np.log(table.strike / table.forward.price)
    deviations = k / math.sqrt(float(theta[0]))
    used = (table.right * k >= 0.0) & (np.abs(deviations) <= WIDEST) & (table.bid > 0.0) & np.isfinite(table.iv)
    order = np.argsort(k[used])
    model = reshaped(shape, skew, eta, convexity, theta).total_variance(0, k[used][order])
    return SmileComparison(
        expiration=quotes.expiration,
        dte=quotes.dte,
        deviations=deviations[used][order],
        real=table.iv[used][order],
        model=np.sqrt(model / quotes.years),
        model_free=math.sqrt(variance / quotes.years),
    )
