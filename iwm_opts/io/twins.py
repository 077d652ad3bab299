"""Columns of one meaning in a file: others than the one that is read are compared with it on all rows."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iwm_opts.errors import DataError
from iwm_opts.io.formats import Layout
from iwm_opts.io.layouts.common import SYNONYMS
from iwm_opts.io.layouts.layout import plain
from iwm_opts.io.tables import DataFile, batches_spelled

SAME: Final = 1e-4  # relative difference of two columns that say the same: one is rounded
NUMBERS: Final = (
    "strike", "bid", "ask", "underlying_price", "implied_volatility", "delta", "gamma", "theta", "vega",
    "last", "volume", "open_interest",
)  # fmt: skip


def chain_twins(file: DataFile, layout: Layout) -> list[str]:
    """Name columns of a chain file that have the meaning of one that is read and other numbers; of unknown vendors."""
    if layout.shape != "long" or layout.vendor is not None:
        return []
    names = {plain(name): name for name in file.columns if name not in layout.columns.values()}
    notes = []
    for role in NUMBERS:
        used = layout.columns.get(role)
        for other in other_columns(names, SYNONYMS[role], used) if used else ():
            pair = [used or "", other]
            with suppress(DataError):  # both hold numbers
                parts = [batch.rows for _, batch in batches_spelled(file, pair, (), frozenset())]
                table = pa.Table.from_batches(parts)
                first, second = (np.asarray(table.column(name).to_numpy(), dtype=np.float64) for name in pair)
                notes.append(difference(role, used or "", other, first, second))
    return [note for note in notes if note]


def other_columns(names: Mapping[str, str], spellings: Sequence[str], used: str | None) -> list[str]:
    """Columns that have one of some plain names, without the one that is read."""
    present = dict.fromkeys(names[spelling] for spelling in spellings if spelling in names)
    return [name for name in present if name != used]


def difference(role: str, used: str, other: str, first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
    """Both names and the first numbers that differ; empty where all that both have are the same."""
    both = np.isfinite(first) & np.isfinite(second)
    differs = both & (np.abs(first - second) > SAME * np.maximum(np.abs(first), np.abs(second)))
    if not differs.any():
        return ""
    place = int(np.argmax(differs))
    what = f"{role.replace('_', ' ')}: column {used.strip()} is read; {other.strip()} differs"
    pair = f"{first[place]:g} against {second[place]:g}"
    return f"{what} in {int(differs.sum())} of {int(both.sum())} rows (first: {pair})"
