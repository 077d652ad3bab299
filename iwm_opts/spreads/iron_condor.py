"""Iron condors: a put spread sold below the price and a call spread above it."""

from collections.abc import Sequence

import numpy as np

from iwm_opts.execution.legs import Legs
from iwm_opts.market.option_table import OptionTable
from iwm_opts.spreads.legs import DeltaRange, Packages, Wing, by_delta, whole, wing_of

STRATEGY = "iron-condor"
LEGS = Legs.of(sign=(1, -1, -1, 1), right=(-1, -1, 1, 1))  # long put, short put, short call, long call


def iron_condors(
    table: OptionTable, put_delta: DeltaRange, call_delta: DeltaRange, wings: Sequence[tuple[Wing, Wing]]
) -> Packages:
    """Iron condors whose short strikes lie in delta ranges, the two sides balanced.

    Each short put is paired with the short call whose place in its own range is nearest to the put's, and the other
    way round, so that a symmetric range gives delta-neutral condors.

    Parameters
    ----------
    put_delta, call_delta : DeltaRange
        |delta| of the short strikes.
    wings : sequence of (put wing, call wing)
        Each pair is tried; the two may differ.
    """
    puts, calls = by_delta(table, "P", put_delta), by_delta(table, "C", call_delta)
    shorts = np.empty((0, 2), dtype=np.intp)
    if len(puts) and len(calls):
        put_place = _place(np.abs(table.delta[puts]), put_delta)
        call_place = _place(np.abs(table.delta[calls]), call_delta)
        apart = np.abs(put_place[:, None] - call_place[None, :])
        by_put = np.column_stack([puts, calls[apart.argmin(axis=1)]])
        shorts = np.concatenate([by_put, np.column_stack([puts[apart.argmin(axis=0)], calls])])
    condors = [
        np.column_stack(
            [wing_of(table, shorts[:, 0], put_wing, -1), shorts, wing_of(table, shorts[:, 1], call_wing, +1)]
        )
        for put_wing, call_wing in wings
    ]
    index = np.concatenate(condors)
    is_apart = table.strike[index[:, 1]] < table.strike[index[:, 2]]
    return whole(STRATEGY, index[is_apart], LEGS, is_credit=True)


def _place(delta: np.ndarray, target: DeltaRange) -> np.ndarray:
    """Place of a delta within its range, 0 to 1."""
    span = target.high - target.low
    return (delta - target.low) / span if span > 0 else np.zeros_like(delta)
