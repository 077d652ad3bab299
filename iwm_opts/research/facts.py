"""Facts about a market that a simulation of it must reproduce, measured the same way on both."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import GATE_RANK, IVR_LOOKBACK, MIN_COVERAGE, SESSIONS_PER_YEAR
from iwm_opts.kernels.panel.rank import rolling_rank
from iwm_opts.research.forward_windows import change_ahead, implied_deviations, sum_ahead, variance_ahead

Array = NDArray[np.float64]
Index = NDArray[np.int64]

REALISED_SESSIONS: Final = 21
ECHO_SESSIONS: Final = 10
CHANGE_SESSIONS: Final = 10
ATR_PERIOD: Final = 14
POINTS: Final = 100.0
HIGH_RANK: Final = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """A market's daily closes; every array has shape (n,), one entry a session, NaN where unknown."""

    log_return: Array
    atr_share: Array  # 14-day average true range over price
    iv: Array  # 30-day implied vol, decimal
    short_slope: Array  # 9-day over 30-day implied vol
    long_slope: Array  # 3-month over 30-day implied vol
    slope_level: Array  # the 30-day implied vol that the slopes are over: another index's where they are proxies
    notes: tuple[str, ...] = ()  # on the files that they come from

    def __len__(self) -> int:
        return len(self.log_return)


@dataclass(frozen=True, slots=True)
class Fact:
    """One number about a history, and how it is compared."""

    name: str
    measure: Callable[["_Sample"], float]
    scale: Callable[[float], float] = float  # brings long-tailed facts nearer to a normal law
    joint: bool = True  # whether the joint distance counts it


def measure_facts(history: History, index: Index | None = None) -> Array:
    """Every fact of `FACTS` on a history, shape (len(FACTS),).

    Parameters
    ----------
    history : History
    index : ndarray of int, optional
        Sessions to measure on, with repetitions as a bootstrap draws them; lags and windows reach into the history
        itself.
    """
    sample = _Sample(_Table(history), index)
    return np.array([fact.measure(sample) for fact in FACTS])


def measure_resamples(history: History, indices: Iterable[Index]) -> Array:
    """Every fact on each of several samples of sessions, shape (samples, len(FACTS)); see `measure_facts`."""
    table = _Table(history)
    return np.array([[fact.measure(sample) for fact in FACTS] for sample in (_Sample(table, i) for i in indices)])


def scaled(values: Array) -> Array:
    """Facts on the scale they are compared on; shape (..., len(FACTS)). NaN stays NaN."""
    out = np.empty_like(values)
    with np.errstate(invalid="ignore"):  # comparing NaN raises a flag
        for place, fact in enumerate(FACTS):
            out[..., place] = np.vectorize(fact.scale, otypes=[float])(values[..., place])
    return out


class _Table:
    """Columns derived from a history, each computed once."""

    def __init__(self, history: History) -> None:
        r, iv = history.log_return, history.iv
        self.r, self.size, self.atr, self.iv = r, np.abs(r), history.atr_share, POINTS * iv
        self.log_iv = np.log(iv)
        self.change = np.concatenate([[np.nan], np.diff(self.log_iv)])
        self.short, self.long = history.short_slope, history.long_slope
        self.log_level = np.log(history.slope_level)
        self.change_size = np.abs(self.change)
        self.realised = variance_ahead(r, REALISED_SESSIONS)
        self.month = sum_ahead(r, REALISED_SESSIONS)
        self.echo = r * sum_ahead(r * r, ECHO_SESSIONS) / ECHO_SESSIONS
        self.gap = POINTS * (iv - np.sqrt(self.realised))
        rank, seen = np.empty(len(iv)), np.empty(len(iv), dtype=np.int64)
        rolling_rank(np.array(iv), IVR_LOOKBACK, rank, seen)
        rank[seen < MIN_COVERAGE * IVR_LOOKBACK] = np.nan  # before the first whole lookback
        self.gate = np.where(np.isnan(rank), np.nan, rank < GATE_RANK)
        self.high = np.where(np.isnan(rank), np.nan, rank >= HIGH_RANK)
        calm = np.where(self.gate == 1.0, 1.0, np.nan)
        deviation = implied_deviations(r, iv, REALISED_SESSIONS)
        self.calm_put = calm * np.where(np.isnan(deviation), np.nan, deviation < -1.0)
        self.calm_call = calm * np.where(np.isnan(deviation), np.nan, deviation > 1.0)
        self.calm_change = calm * POINTS * change_ahead(iv, CHANGE_SESSIONS)


class _Sample:
    """Some sessions of a table, or all of them; what several facts need of a column is computed once."""

    def __init__(self, table: _Table, index: Index | None) -> None:
        self.table, self.index = table, index
        self._columns: dict[str, _Column] = {}

    def column(self, name: str) -> "_Column":
        """Column without its gaps."""
        if name not in self._columns:
            self._columns[name] = _Column(self.every(name))
        return self._columns[name]

    def every(self, name: str) -> Array:
        """Column with its gaps."""
        values: Array = getattr(self.table, name)
        return values if self.index is None else values[self.index]

    def pairs(self, name: str, lag: int) -> tuple[Array, Array]:
        """Column and its value `lag` sessions later."""
        values: Array = getattr(self.table, name)
        if self.index is None:
            return values[:-lag], values[lag:]
        first = self.index[self.index + lag < len(values)]
        return values[first], values[first + lag]


class _Column:
    """Apply a measure to values without gaps."""

    def __init__(self, values: Array) -> None:
        self.values = values[~np.isnan(values)]

    @cached_property
    def mean(self) -> float:
        return float(self.values.mean()) if len(self.values) else math.nan

    @cached_property
    def ordered(self) -> Array:
        return np.sort(self.values)

    @cached_property
    def central(self) -> tuple[float, float, float]:
        """Central moments of order 2 to 4; NaN of no values."""
        if not len(self.values):
            return math.nan, math.nan, math.nan
        centred = self.values - self.mean
        squares = centred * centred
        return float(squares.mean()), float((squares * centred).mean()), float((squares * squares).mean())

    def quantile(self, q: float) -> float:
        """Linear between order statistics, as numpy's; NaN of no values."""
        if not len(self.ordered):
            return math.nan
        place = q * (len(self.ordered) - 1)
        low = int(place)
        high = min(low + 1, len(self.ordered) - 1)
        return float(self.ordered[low] + (place - low) * (self.ordered[high] - self.ordered[low]))


Measure = Callable[[_Sample], float]


def _of(name: str, statistic: Callable[[_Column], float]) -> Measure:
    return lambda sample: statistic(sample.column(name))


def _lagged(name: str, lag: int) -> Measure:
    return lambda sample: _correlation(*sample.pairs(name, lag))


def _joint(fact: str, other: str) -> Measure:
    return lambda sample: _correlation(sample.every(fact), sample.every(other))


def _variance_ratio(sample: _Sample) -> float:
    realised, implied = sample.every("realised"), (sample.every("iv") / POINTS) ** 2
    observed = ~np.isnan(realised + implied)
    return float(realised[observed].sum() / implied[observed].sum())


def _leverage(sample: _Sample) -> float:
    """How a return moves the variance of the sessions after it (Bouchaud, Matacz and Potters 2001, PRL 87(22))."""
    sd = _sd(sample.column("r"))
    return sample.column("echo").mean / sd**3 if sd > 0.0 else math.nan


def _correlation(a: Array, b: Array) -> float:
    observed = ~np.isnan(a + b)
    if not observed.any():
        return math.nan
    a, b = a[observed], b[observed]
    a, b = a - a.mean(), b - b.mean()
    spread = math.sqrt((a @ a) * (b @ b))
    return float(a @ b) / spread if spread > 0.0 else math.nan


def _skew(x: _Column) -> float:
    """Central moment in units of the standard deviation; NaN where nothing moves."""
    second, third, _ = x.central
    return third / second**1.5 if second > 0.0 else math.nan


def _kurtosis(x: _Column) -> float:
    second, _, fourth = x.central
    return fourth / second**2 - 3.0 if second > 0.0 else math.nan


def _quantile(q: float) -> Callable[[_Column], float]:
    return lambda x: x.quantile(q)


def _mean(x: _Column) -> float:
    return x.mean


def _sd(x: _Column) -> float:
    return math.sqrt(x.central[0])


def _log(x: float) -> float:
    return math.log(max(x, 0.05))


def _signed_log(x: float) -> float:
    return math.copysign(math.log1p(abs(x)), x)


FACTS: Final[tuple[Fact, ...]] = (
    Fact("return vol", _of("r", lambda x: math.sqrt(SESSIONS_PER_YEAR * x.central[0])), _log),
    Fact("return skew", _of("r", _skew), _signed_log),
    Fact("return kurtosis", _of("r", _kurtosis), _log),
    Fact("|return| autocorrelation 1", _lagged("size", 1)),
    Fact("|return| autocorrelation 5", _lagged("size", 5)),
    Fact("|return| autocorrelation 21", _lagged("size", 21)),
    Fact("|return| autocorrelation 63", _lagged("size", 63)),
    Fact("return autocorrelation 1", _lagged("r", 1)),
    Fact("leverage, return on variance of the next 10", _leverage),
    Fact("return of 21 sessions, skew", _of("month", _skew), _signed_log),
    Fact("ATR share mean", _of("atr", _mean), lambda x: _log(POINTS * x)),
    Fact("ATR share median", _of("atr", _quantile(0.5)), lambda x: _log(POINTS * x)),
    Fact("IV30 mean", _of("iv", _mean), _log),
    Fact("IV30 median", _of("iv", _quantile(0.5)), _log),
    Fact("IV30 sd", _of("iv", _sd), _log),
    Fact("IV30 min", _of("iv", _quantile(0.0)), _log),
    Fact("IV30 max", _of("iv", _quantile(1.0)), _log),
    Fact("IV30 5%", _of("iv", _quantile(0.05)), _log),
    Fact("IV30 95%", _of("iv", _quantile(0.95)), _log),
    Fact("log IV30 sd", _of("log_iv", _sd), _log),
    Fact("log IV30 autocorrelation 1", _lagged("log_iv", 1), lambda x: -_log(POINTS * (1.0 - x))),
    Fact("log IV30 autocorrelation 5", _lagged("log_iv", 5), lambda x: -_log(POINTS * (1.0 - x))),
    Fact("log IV30 autocorrelation 21", _lagged("log_iv", 21)),
    Fact("log IV30 autocorrelation 63", _lagged("log_iv", 63)),
    Fact("log IV30 autocorrelation 252", _lagged("log_iv", 252)),
    Fact("log IV30 change sd", _of("change", _sd), lambda x: _log(POINTS * x)),
    Fact("log IV30 change skew", _of("change", _skew), _signed_log),
    Fact("log IV30 change kurtosis", _of("change", _kurtosis), _log),
    Fact("log IV30 change and return", _joint("change", "r")),
    Fact("IV30 less realised, mean", _of("gap", _mean)),
    Fact("IV30 less realised, median", _of("gap", _quantile(0.5))),
    Fact("realised below IV30", _of("gap", lambda x: float((x.values > 0.0).mean()))),
    Fact("realised over implied variance", _variance_ratio, _log),
    Fact("short slope mean", _of("short", _mean)),
    Fact("short slope sd", _of("short", _sd), lambda x: _log(POINTS * x)),
    Fact("short slope 5%", _of("short", _quantile(0.05))),
    Fact("short slope 95%", _of("short", _quantile(0.95))),
    Fact("short slope and log level", _joint("short", "log_level")),
    Fact("long slope mean", _of("long", _mean)),
    Fact("long slope sd", _of("long", _sd), lambda x: _log(POINTS * x)),
    Fact("long slope 5%", _of("long", _quantile(0.05))),
    Fact("long slope 95%", _of("long", _quantile(0.95))),
    Fact("long slope and log level", _joint("long", "log_level")),
    Fact("share of IV rank below 20", _of("gate", _mean)),
    Fact("share of IV rank from 50", _of("high", _mean)),
    Fact("return mean", _of("r", lambda x: SESSIONS_PER_YEAR * x.mean), joint=False),
    Fact("|log IV30 change| autocorrelation 1", _lagged("change_size", 1), joint=False),
    Fact("IV30 change of 10 sessions, rank below 20", _of("calm_change", _mean), joint=False),
    Fact("return below -1 implied sd, rank below 20", _of("calm_put", _mean), joint=False),
    Fact("return above 1 implied sd, rank below 20", _of("calm_call", _mean), joint=False),
)
NAMES: Final = tuple(fact.name for fact in FACTS)
JOINT: Final[NDArray[np.bool_]] = np.array([fact.joint for fact in FACTS])
