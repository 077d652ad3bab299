"""Edges by name: the package's own, and those of other packages through entry points of the group `iwm_opts.edges`.

An entry point names a function of `Inputs` (bars, funds, IV history, minutes) that returns a boolean Series: whether
each close signals an entry on the next session.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final

import pandas as pd

from iwm_opts.errors import InputError
from iwm_opts.market.signals import allowed_on
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.edges import MeanReversion, VolContraction

GROUP: Final = "iwm_opts.edges"
EdgeFunction = Callable[[Inputs], "pd.Series[bool]"]


def _mean_reversion(data: Inputs) -> "pd.Series[bool]":
    return MeanReversion().signals(data.bars)


def _vol_contraction(data: Inputs) -> "pd.Series[bool]":
    if data.history is None:
        raise InputError("iv_history", None, "the edge ranks an IV history", "name one: `iv_history` RVX_History.csv")
    return VolContraction().signals(data.history)


OWN: Final[dict[str, EdgeFunction]] = {"mean-reversion": _mean_reversion, "vol-contraction": _vol_contraction}


def names() -> tuple[str, ...]:
    """Names of all edges that signal at a close."""
    return (*OWN, *sorted(entry_points(group=GROUP).names))


def edge_entries(name: str, data: Inputs) -> "pd.Series[bool]":
    """Sessions on which an edge enters: those after a close that signals.

    Parameters
    ----------
    name : str
        One of `names()`.
    data : Inputs

    Returns
    -------
    Series of bool
        Sessions of the bars as index; an unknown signal is False.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if name not in names():
        raise InputError("edge", name, "unknown edge", f"choose one of {', '.join(names())}")
    signal = OWN[name] if name in OWN else entry_points(group=GROUP)[name].load()
    days = pd.DatetimeIndex(data.bars.index)
    return pd.Series(allowed_on(signal(data), [day.date() for day in days]), index=days, name=name)
