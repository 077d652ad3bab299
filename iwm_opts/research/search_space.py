"""Search space of a calibration: parameters and their scales."""

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]

STEEPEST: Final = 0.97  # correlations stay within it
SMALLEST: Final = 1e-3  # of what must be positive, and from the ends of a share

# Fitted parameters and their search scale: "log" for positive ones, "atanh" for correlations, "logit" for
# shares, else a unit. The term factor's speed stays: the facts do not separate it from its vol.
FREE: Final[tuple[tuple[str, str, str | float], ...]] = (
    ("dynamics", "growth", 0.1),
    ("dynamics", "variance_price", 3.0),
    ("dynamics", "floor", "log"),
    ("dynamics", "level", 0.5),
    ("dynamics", "fast_share", "logit"),
    ("dynamics", "fast_speed", "log"),
    ("dynamics", "fast_vol", "log"),
    ("dynamics", "fast_correlation", "atanh"),
    ("dynamics", "fast_convexity", 0.2),
    ("dynamics", "middle_speed", "log"),
    ("dynamics", "middle_vol", "log"),
    ("dynamics", "middle_correlation", "atanh"),
    ("dynamics", "middle_heat", 1.0),
    ("dynamics", "slow_speed", "log"),
    ("dynamics", "slow_vol", "log"),
    ("dynamics", "slow_correlation", "atanh"),
    ("dynamics", "premium_speed", "log"),
    ("dynamics", "premium_vol", "log"),
    ("dynamics", "premium_correlation", "atanh"),
    ("dynamics", "jump_rate", "log"),
    ("dynamics", "jump_mean", 0.02),
    ("dynamics", "jump_sd", "log"),
    ("dynamics", "jump_lift", "log"),
    ("dynamics", "jump_middle_lift", "log"),
    ("dynamics", "burst_rate", "log"),
    ("dynamics", "burst_mean", "log"),
    ("dynamics", "burst_middle_share", "log"),
    ("premium", "level", 0.2),
    ("premium", "fast_shift", 0.5),
    ("premium", "middle_shift", 0.5),
    ("premium", "slow_shift", 0.5),
    ("dynamics", "term_vol", "log"),
    ("dynamics", "reversal", 0.05),
    ("bars", "range_scale", "log"),
    ("bars", "range_speed", "log"),
    ("bars", "range_vol", "log"),
)


def point_of(parameters: Parameters) -> Array:
    return np.array([_encode(getattr(getattr(parameters, part), name), how) for part, name, how in FREE])


def with_point(parameters: Parameters, point: Array) -> Parameters:
    changes: dict[str, dict[str, float]] = {}
    for (part, name, how), value in zip(FREE, point, strict=True):
        changes.setdefault(part, {})[name] = _decode(float(value), how)
    parts: dict[str, Any] = {part: replace(getattr(parameters, part), **values) for part, values in changes.items()}
    return replace(parameters, **parts)


def _encode(value: float, how: str | float) -> float:
    """Parameter on the scale it is sought on; one at the end of its range starts just inside."""
    if how == "log":
        return math.log(max(value, SMALLEST))
    if how == "logit":
        inside = min(max(value, SMALLEST), 1.0 - SMALLEST)
        return math.log(inside / (1.0 - inside))
    if how == "atanh":
        return math.atanh(min(max(value / STEEPEST, SMALLEST - 1.0), 1.0 - SMALLEST))
    return value / float(how)


def _decode(value: float, how: str | float) -> float:
    if how == "log":
        return math.exp(value)
    if how == "logit":
        return 1.0 / (1.0 + math.exp(-value))
    return STEEPEST * math.tanh(value) if how == "atanh" else value * float(how)
