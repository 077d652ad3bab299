"""Vertical spreads: one option bought and one sold, same right and expiration."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from iwm_opts.conventions import RIGHT_SIGN, Right, VerticalKind
from iwm_opts.errors import InputError
from iwm_opts.execution.legs import Legs
from iwm_opts.market.option_table import OptionTable
from iwm_opts.spreads.legs import DeltaRange, Packages, Wing, by_delta, whole, wing_of

# kind: right, side of the leg that delta chooses, direction from it to the other leg
KINDS: Final[dict[VerticalKind, tuple[Right, int, int]]] = {
    "bull-put": ("P", -1, -1),  # credit: short put, long put below
    "bear-call": ("C", -1, +1),  # credit: short call, long call above
    "bull-call": ("C", +1, +1),  # debit: long call, short call above
    "bear-put": ("P", +1, -1),  # debit: long put, short put below
}


def is_credit(kind: VerticalKind) -> bool:
    """Whether a kind of vertical is sold for a credit."""
    return KINDS[kind][1] < 0


def verticals(table: OptionTable, kind: VerticalKind, delta: DeltaRange, wings: Sequence[Wing]) -> Packages:
    """All verticals of a kind whose chosen leg lies in a delta range.

    Parameters
    ----------
    kind : {"bull-put", "bear-call", "bull-call", "bear-put"}
    delta : DeltaRange
        |delta| of the short leg of a credit spread, of the long leg of a debit spread.
    wings : sequence of Wing
        Distances to the other leg, each tried.
    """
    if kind not in KINDS:
        raise InputError("kind", kind, "unknown vertical spread", f"choose one of {', '.join(KINDS)}")
    right, side, direction = KINDS[kind]
    chosen = by_delta(table, right, delta)
    pairs = [np.column_stack([chosen, wing_of(table, chosen, wing, direction)]) for wing in wings]
    index = np.concatenate(pairs)
    sign = (side, -side)
    if direction < 0:  # ascending strikes
        index, sign = index[:, ::-1], (-side, side)
    return whole(kind, index, Legs.of(sign, [RIGHT_SIGN[right]] * 2), is_credit=is_credit(kind))
