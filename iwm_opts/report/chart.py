"""A line through time as block characters, for a terminal."""

from collections.abc import Sequence

import numpy as np

BLOCKS = " ▁▂▃▄▅▆▇█"
HEIGHT = 7  # rows


def block_chart(values: Sequence[float], columns: int, height: int = HEIGHT) -> list[tuple[float, str]]:
    """Columns of blocks, from the top row down.

    Parameters
    ----------
    values : sequence of float
        Without NaN; more than `columns` of them are averaged in equal groups.
    columns : int
        Characters across.
    height : int
        Rows.

    Returns
    -------
    list of (float, str)
        Each row's upper edge in the units of the values, and its characters. The bottom is the smallest value.
    """
    groups = [part.mean() for part in np.array_split(np.asarray(values, dtype=float), min(columns, len(values)))]
    low, high = min(groups), max(groups)
    span = (high - low) or 1.0
    eighths = [round((value - low) / span * height * 8) for value in groups]
    rows = []
    for row in range(height, 0, -1):
        cells = (BLOCKS[min(max(e - 8 * (row - 1), 0), 8)] for e in eighths)
        rows.append((low + span * row / height, "".join(cells)))
    return rows
