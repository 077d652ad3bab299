"""Numbers that a simulated market runs on, and where they come from."""

from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from math import isfinite, log, sqrt
from pathlib import Path
from typing import Any, get_origin

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.documents import parse_toml
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.opening import read_toml
from iwm_opts.kernels.simulation.quote import SPREAD_TERMS
from iwm_opts.kernels.simulation.ssvi import MAX_CONVEXITY
from iwm_opts.market.contract import check_symbol

SHIPPED = "iwm.toml"
CONTROL = "to-2019"  # names the calibration that shows what years it was not fitted to make of the model
CONTROL_FILE = "iwm-to-2019.toml"
FACTOR_DAYS = (4, 10, 17, 35)  # to expiration: where factors on spreads are stated; between, linear in log days
TYPICAL_VOL = 0.20  # of the underlying, at which companions state their own
MAX_ETA = 2.0  # of smiles: beyond, there may be arbitrage
# Of smiles, with uncertainty.
COEFFICIENTS = ("skew", "skew_level", "skew_slope", "log_eta", "eta_level", "eta_slope", "convexity")


@dataclass(frozen=True, slots=True)
class Dynamics:
    """The real world: spot and its variance. Rates are a year; see `simulation.dynamics` for the equations."""

    growth: float  # expected growth of spot at `TYPICAL_VOL`, dividends left out
    variance_price: float  # more of it for each unit of variance
    floor: float  # of variance, beneath the middle and slow factors
    level: float  # logarithm of the rest at zero factors
    fast_share: float  # of variance that the fast factor multiplies, at zero factors
    fast_speed: float
    fast_vol: float
    fast_correlation: float  # of the factor's shocks to those of spot
    fast_convexity: float  # and to the squares of those of spot
    middle_speed: float
    middle_vol: float
    middle_correlation: float
    middle_heat: float  # how fast its vol grows with it: by a factor of 2 / (1 + exp(-middle_heat x factor))
    slow_speed: float
    slow_vol: float
    slow_correlation: float
    premium_speed: float  # of the variance premium around its level
    premium_vol: float
    premium_correlation: float
    term_speed: float  # of the level that prices see the slow factor revert to
    term_vol: float
    reversal: float  # share of a session's surprise that the next one takes back
    jump_rate: float  # jumps of spot
    jump_mean: float  # of the log price
    jump_sd: float
    jump_lift: float  # of the fast factor, for each unit of downward jump
    jump_middle_lift: float  # of the middle factor
    burst_rate: float  # jumps of variance alone
    burst_mean: float  # of the fast factor, exponential
    burst_middle_share: float  # of a burst that the middle factor takes as well

    def __post_init__(self) -> None:
        for name in ("fast_speed", "middle_speed", "slow_speed", "premium_speed", "term_speed"):
            _require(name, getattr(self, name) > 0.0, getattr(self, name), "must be positive")
        for name in (
            "floor",
            "fast_vol",
            "middle_vol",
            "slow_vol",
            "premium_vol",
            "jump_rate",
            "jump_sd",
            "burst_rate",
            "burst_mean",
            "burst_middle_share",
        ):
            _require(name, getattr(self, name) >= 0.0, getattr(self, name), "must not be negative")
        _require("fast_share", 0.0 <= self.fast_share <= 1.0, self.fast_share, "must lie between 0 and 1")
        for name in ("fast_correlation", "middle_correlation", "slow_correlation", "premium_correlation"):
            _require(name, abs(getattr(self, name)) < 1.0, getattr(self, name), "must lie between -1 and 1")
        events = self.jump_rate + self.burst_rate
        rule = "must leave sessions without an event, jumps counted too"
        _require("burst_rate", events < SESSIONS_PER_YEAR, self.burst_rate, rule)
        independent = 1.0 - self.fast_correlation**2 - self.fast_convexity**2
        _require(
            "fast_convexity",
            independent > 0.0,
            self.fast_convexity,
            "squared and added to fast_correlation squared must stay below 1",
        )
        # exp(b z^2) of a standard normal z has no mean from b = 1/2; b is the square's part in a session's shock.
        square = self.fast_convexity * self.fast_vol / sqrt(2.0 * SESSIONS_PER_YEAR)
        rule = f"times fast_convexity over {sqrt(2.0 * SESSIONS_PER_YEAR):.1f} must be below 1/2, or the mean variance"
        _require("fast_vol", square < 0.5, self.fast_vol, f"{rule} is infinite")
        largest = self.burst_mean * (1.0 + self.burst_middle_share)
        rule = "must be below 1 with the middle factor's share added, or the mean variance is infinite"
        _require("burst_mean", largest < 1.0, self.burst_mean, rule)


@dataclass(frozen=True, slots=True)
class Premium:
    """What option prices add to expected variance. All at their defaults, they add nothing."""

    level: float = 0.0  # log ratio of priced to expected variance at the shortest tenor
    fast_shift: float = 0.0  # where prices see the fast factor revert to
    middle_shift: float = 0.0  # and the middle one
    slow_shift: float = 0.0  # and the slow one: the slope of the term structure
    jump_ratio: float = 1.0  # priced over real frequency of events


@dataclass(frozen=True, slots=True)
class SmileShape:
    """Smile at every expiration: eSSVI whose skew and eta follow the level of vol and its slope, with convex wings.

    Formulas: `kernels.simulation.ssvi` and `simulation.surface.shape_at`. Fitted by `research.smile_fit`.
    """

    skew: float  # atanh(-rho) of 45 days at `TYPICAL_VOL`, term structure flat
    skew_level: float  # a unit of log vol of 30 days
    skew_slope: float  # and of the log ratio of 10-day vol to it
    skew_speed: float  # of what they leave, which reverts to 0
    skew_vol: float
    log_eta: float  # curvature, likewise
    eta_level: float
    eta_slope: float
    eta_skew: float  # a unit of what level and slope leave of skew
    convexity: float  # total variance added a unit of squared log-moneyness, within 3 standard deviations
    tilt: float  # of skew, a unit of log total variance at the money
    gamma: float
    covariance: tuple[float, ...]  # of the estimates of `COEFFICIENTS`, lower triangle by rows

    def __post_init__(self) -> None:
        object.__setattr__(self, "covariance", tuple(self.covariance))
        _require("gamma", 0.0 < self.gamma <= 0.5, self.gamma, "must lie in (0, 1/2], or there may be arbitrage")
        steepest = 0.25 * (1.0 - self.gamma)
        rule = f"must lie within {steepest:g} of 0, or there may be arbitrage"
        _require("tilt", abs(self.tilt) <= steepest, self.tilt, rule)
        rule = f"must not be above {log(MAX_ETA):.3f}, or there may be arbitrage"
        _require("log_eta", self.log_eta <= log(MAX_ETA), self.log_eta, rule)
        holds = 0.0 <= self.convexity <= MAX_CONVEXITY
        rule = f"must lie between 0 and {MAX_CONVEXITY:g}, or there may be arbitrage"
        _require("convexity", holds, self.convexity, rule)
        count, size = len(self.covariance), len(COEFFICIENTS)
        rule = f"there must be {size * (size + 1) // 2} numbers, the lower triangle of {size} rows"
        _require("covariance", count == size * (size + 1) // 2, count, rule)


@dataclass(frozen=True, slots=True)
class SpreadModel:
    """Quoted spreads; `coefficients` as in `kernels.simulation.quote.full_spread`."""

    coefficients: tuple[float, ...]
    friday: tuple[float, ...]  # factor on expirations on Fridays, at each of `FACTOR_DAYS`
    other: tuple[float, ...]  # and on other days
    friday_after_close: tuple[float, ...]  # the same for quotes captured after the close
    other_after_close: tuple[float, ...]
    stress_start: float  # ratio of 10-day to 90-day implied vol above which spreads widen
    stress_power: float  # and how fast
    stress_most: float  # and how far

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficients", tuple(self.coefficients))
        count = len(self.coefficients)
        _require("coefficients", count == SPREAD_TERMS, count, f"there must be {SPREAD_TERMS} spread coefficients")
        for name in ("friday", "other", "friday_after_close", "other_after_close"):
            factors = tuple(getattr(self, name))
            object.__setattr__(self, name, factors)
            rule = f"there must be {len(FACTOR_DAYS)} positive factors, at {', '.join(map(str, FACTOR_DAYS))} days"
            _require(name, len(factors) == len(FACTOR_DAYS) and min(factors) > 0.0, factors, rule)


@dataclass(frozen=True, slots=True)
class BarShape:
    """Daily bars of the underlying."""

    overnight: float  # share of a day's variance before the open, where `range_scale` is 1
    range_scale: float  # variance within the session over what `overnight` leaves: of its range and of its return
    range_speed: float  # its logarithm wanders
    range_vol: float
    volume: float  # median shares a session
    volume_elasticity: float  # of log volume to the size of the return, in units of the day's vol
    volume_speed: float  # the rest of log volume wanders
    volume_vol: float


@dataclass(frozen=True, slots=True)
class Companion:
    """A fund whose returns go with the underlying's: beta times them plus a part of its own."""

    spot: float  # at the start of a path, dollars
    beta: float
    own_vol: float  # of its own part, a year, at the underlying's `TYPICAL_VOL`
    elasticity: float  # of that vol to the underlying's
    tail: float  # degrees of freedom of its own part's Student law
    overnight: float  # share of a day's variance before the open
    range_scale: float  # variance of the high-low range over that of a Brownian motion with the rest
    volume: float
    volume_elasticity: float

    def __post_init__(self) -> None:
        _require("tail", self.tail > 2.0, self.tail, "must be above 2, or the variance is infinite")


@dataclass(frozen=True, slots=True)
class Setting:
    """What does not move."""

    symbol: str
    spot: float  # at the start of a path, dollars
    rate: float  # continuously compounded, annual
    dividend_yield: float  # annual, paid in quarters


@dataclass(frozen=True, slots=True)
class Parameters:
    """Everything that a simulated market runs on."""

    setting: Setting
    dynamics: Dynamics
    premium: Premium
    smile: SmileShape
    spread: SpreadModel
    bars: BarShape
    companions: dict[str, Companion]  # by symbol
    provenance: dict[str, Any]  # date ranges, facts matched and residuals of the calibration

    def to_dict(self) -> dict[str, Any]:
        """Nested tables, as in the file."""
        return asdict(self)


SECTIONS: dict[str, type] = {
    "setting": Setting,
    "dynamics": Dynamics,
    "premium": Premium,
    "smile": SmileShape,
    "spread": SpreadModel,
    "bars": BarShape,
}


def load_parameters(path: Path) -> Parameters:
    """Read a parameter file (TOML).

    Raises
    ------
    DataError
        When it is invalid TOML, lacks a table or a number, or holds an unknown one.
        A number that breaks its rule is named with its table.
    """
    _, tables = read_toml(path, "give a parameter file")
    return parameters_from(tables, str(path))


def parameters_from(tables: dict[str, Any], source: str) -> Parameters:
    """Parameters from nested tables, named `source` in errors."""
    for name in SECTIONS:
        if name not in tables:
            raise DataError(source, f"has no [{name}] table", "start from a copy of the shipped file", name)
    companions_given = tables.get("companions", {})
    if not isinstance(companions_given, dict):
        raise DataError(source, "[companions] is not a table", "start from a copy of the shipped file", "companions")
    parts = {name: _section(kind, tables[name], name, source) for name, kind in SECTIONS.items()}
    companions = {
        check_symbol(symbol): _section(Companion, table, f"companions.{symbol}", source)
        for symbol, table in companions_given.items()
    }
    check_symbol(parts["setting"].symbol)
    return Parameters(**parts, companions=companions, provenance=tables.get("provenance", {}))


def parameters_of(given: str | None) -> Parameters:
    """Parameters from a file, `CONTROL`, or None for the shipped calibration."""
    if given is None:
        return shipped_parameters()
    return control_parameters() if given == CONTROL else load_parameters(Path(given))


@cache
def shipped_parameters() -> Parameters:
    """Calibration that comes with the package, fitted to all of its years."""
    return _packaged(SHIPPED)


@cache
def control_parameters() -> Parameters:
    """Return the same model fitted to the years up to 2019 alone, so that the later ones can judge it."""
    return _packaged(CONTROL_FILE)


def _packaged(name: str) -> Parameters:
    return parameters_from(parse_toml(files("iwm_opts.simulation").joinpath(name).read_text(encoding="utf-8")), name)


def _section(kind: type, table: dict[str, Any], name: str, source: str) -> Any:
    if not isinstance(table, dict):
        raise DataError(source, f"[{name}] is not a table", "start from a copy of the shipped file", name)
    names = {field.name for field in fields(kind)}
    unknown, missing = sorted(set(table) - names), sorted(names - set(table))
    if unknown or missing:
        what = f"[{name}] has an unknown entry {unknown[0]}" if unknown else f"[{name}] lacks {missing[0]}"
        raise DataError(source, what, f"it holds {', '.join(sorted(names))}", f"{name}.{(unknown or missing)[0]}")
    lists = {field.name for field in fields(kind) if get_origin(field.type) is tuple}
    for entry, value in table.items():
        _require_numbers(source, name, entry, value, entry in lists)
    try:
        return kind(**table)
    except InputError as error:
        rule = f"[{name}] {error.name} = {error.value!r}: {error.rule}"
        raise DataError(source, rule, error.remedy or "correct it there", f"{name}.{error.name}") from None


def is_number(value: object) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _require_numbers(source: str, section: str, entry: str, value: object, is_list: bool) -> None:
    """Require a finite number or a list of them; the symbol is a text."""
    if entry == "symbol":
        kind, holds = "a text", isinstance(value, str)
    else:
        kind = "a list of finite numbers" if is_list else "a finite number"
        values = value if isinstance(value, list | tuple) else [value]
        holds = isinstance(value, list | tuple) == is_list and all(map(is_number, values))
    if not holds:
        raise DataError(
            source,
            f"[{section}] has {entry} = {value!r}, which is not {kind}",
            "correct it there",
            f"{section}.{entry}",
        )


def _require(name: str, holds: bool, value: object, rule: str) -> None:
    if not holds:
        raise InputError(name, value, rule)
