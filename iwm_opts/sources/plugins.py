"""Chain sources of other packages: entry points of the group `iwm_opts.sources`.

An entry point names a function of a symbol and a day (None: the newest) that returns one capture as a DataFrame with
the required columns of `conventions.CHAIN_COLUMNS`. `--source NAME` and `read_chain(NAME)` then read it; its quotes
pass the same checks as those of a file.
"""

from collections.abc import Callable
from datetime import date
from importlib.metadata import entry_points
from typing import Final

import pandas as pd

from iwm_opts.market.capture import make_chain
from iwm_opts.market.chain import Chain

GROUP: Final = "iwm_opts.sources"
SourceFunction = Callable[[str, date | None], pd.DataFrame]


def names() -> tuple[str, ...]:
    """Names of the sources that other packages register."""
    return tuple(sorted(entry_points(group=GROUP).names))


def plugin_chain(name: str, symbol: str, as_of: date | None, spot: float | None = None) -> Chain | None:
    """Chain of a registered source; None where no package registers the name.

    Parameters
    ----------
    name : str
    symbol : str
    as_of : date, optional
    spot : float, optional
        Price of the underlying, dollars, over that of the quotes.

    Raises
    ------
    DataError
        For quotes that are not a market.
    """
    if name not in names():
        return None
    read: SourceFunction = entry_points(group=GROUP)[name].load()
    return make_chain(read(symbol, as_of), symbol=symbol, source=name, spot=spot)
