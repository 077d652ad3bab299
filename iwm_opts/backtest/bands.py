"""A mean net gain: its sampling interval, and bands over what modelled quotes leave open."""

from dataclasses import asdict, dataclass
from typing import Any

from iwm_opts.backtest.bootstrap import Interval


@dataclass(frozen=True, slots=True)
class GainBand:
    """Bounds of a mean net gain of a package over some quotes, dollars a trade."""

    name: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Of the mean net gain of a package, dollars a trade."""

    per_trade: Interval
    bands: tuple[GainBand, ...]  # empty unless quotes are modelled

    def record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
