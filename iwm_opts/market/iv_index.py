"""Constant-maturity implied volatility of a chain, model-free: IV10 and IV30.

Variance of each expiration after the Cboe Volatility Index Mathematics Methodology, then linear interpolation of
total variance between the two expirations that bracket the tenor. Interpolated on the effective clock by default,
because variance accrues in sessions: on a calendar clock an index between daily expirations measures weekends.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from iwm_opts.conventions import CLOSED_DAY_WEIGHT, DAYS_PER_YEAR, MIN_SESSIONS_FOR_INDEX, counted
from iwm_opts.kernels.panel.constant_maturity import SAME_MOMENT
from iwm_opts.kernels.panel.variance_index import total_variance
from iwm_opts.market.calendar import effective_days_per_year
from iwm_opts.market.slices import ExpirySlice, Forward

DEFINITION = 5  # of IV10 and IV30: raise it whenever the same chain would give other values
# 1: raw midpoints; 2: European equivalents of American quotes; 3: absent options skipped, incomplete strips refused;
# 4: also those whose wing ends in absent options before zero bids; 5: the put at K0 below it, the call above, quotes of
# 0/0 skipped as absent, and variance within the day measured for all expirations.
TENORS = (10, 30)  # calendar days
MIN_WING_STRIKES = 3  # puts or calls
MIN_COMPLETENESS = 0.90  # share of the variance that quotes support, below which it is refused
FULL_COMPLETENESS = 0.95  # and below which an index from it is flagged


European = Callable[[ExpirySlice, Forward], tuple[ExpirySlice, Forward]]


@dataclass(frozen=True, slots=True)
class ModelFreeVariance:
    """Implied variance of one expiration from its out-of-the-money quotes."""

    root: str
    expiration: date
    years: float
    effective_days: float
    sessions_left: int
    total_variance: float  # sigma^2 T; NaN where the quotes give none, with a reason
    puts: int  # strikes used below K0
    calls: int  # and above
    lowest: float  # strikes used, dollars; NaN where none
    highest: float
    is_dry: bool  # both wings ended for want of bids, not of strikes
    absent: int  # options that the chain lacks up to the ends of the wings
    unquoted: int  # those of them that it lists at 0/0
    completeness: float  # share of the variance that quotes support, 0 to 1; NaN where there is none
    reason: str  # reason of a missing variance; empty otherwise

    @property
    def vol(self) -> float:
        """Annualised volatility, decimal."""
        return math.sqrt(self.total_variance / self.years)

    @property
    def support(self) -> str:
        """How much of the variance quotes support, and what the strip lacks."""
        unquoted = f", {self.unquoted} of them listed at 0/0" if self.unquoted else ""
        absent = f" ({counted(self.absent, 'options')} absent{unquoted})" if self.absent else ""
        return f"quotes support {self.completeness:.1%} of the variance to {self.expiration}{absent}"

    @property
    def caveat(self) -> str:
        """Why it is missing or what its strip lacks; empty for a complete strip."""
        is_whole = self.completeness >= FULL_COMPLETENESS and not self.unquoted
        return self.reason or ("" if is_whole else self.support)


@dataclass(frozen=True, slots=True)
class ConstantMaturityIv:
    """Implied volatility at one tenor, on the effective and on the calendar clock."""

    tenor_days: int
    iv: float  # effective clock, decimal; NaN with a reason
    iv_calendar: float
    near: ModelFreeVariance | None  # expirations that bracket the tenor on the effective clock
    far: ModelFreeVariance | None
    reason: str  # why a value is missing; empty where both are there
    brackets_calendar: tuple[ModelFreeVariance, ...] = ()  # those on the calendar clock

    @property
    def brackets(self) -> tuple[ModelFreeVariance, ...]:
        """Expirations that bracket the tenor on the effective clock."""
        return tuple(v for v in (self.near, self.far) if v is not None)

    @property
    def caveat(self) -> str:
        """Least complete strip of the brackets below `FULL_COMPLETENESS`, else that with most quotes of 0/0."""
        least = min(self.brackets, key=lambda v: (min(v.completeness, FULL_COMPLETENESS), -v.unquoted), default=None)
        return f"IV{self.tenor_days}: {least.support}" if least is not None and least.caveat else ""


@dataclass(frozen=True, slots=True)
class IvIndex:
    """IV10 and IV30 of one chain; NaN where no pair of expirations brackets the tenor."""

    ten: ConstantMaturityIv
    thirty: ConstantMaturityIv

    @property
    def iv10(self) -> float:
        """10-day implied volatility on the effective clock."""
        return self.ten.iv

    @property
    def iv30(self) -> float:
        """30-day implied volatility on the effective clock."""
        return self.thirty.iv

    @property
    def iv10_calendar(self) -> float:
        """10-day implied volatility on the calendar clock."""
        return self.ten.iv_calendar

    @property
    def iv30_calendar(self) -> float:
        """30-day implied volatility on the calendar clock."""
        return self.thirty.iv_calendar

    @property
    def reasons(self) -> tuple[str, ...]:
        """Missing values and incomplete strips."""
        missing = (iv.reason for iv in (self.ten, self.thirty) if iv.reason)
        return (*missing, *(iv.caveat for iv in (self.ten, self.thirty) if iv.caveat))


def model_free_variance(quotes: ExpirySlice, forward: Forward | None) -> ModelFreeVariance:
    """Model-free implied variance of one expiration.

    Parameters
    ----------
    quotes : ExpirySlice
        A bid of zero ends a wing when it is the second in a row. A NaN quote is an absent option, and skipped; so is a
        quote of 0/0.
    forward : Forward or None
        None, or an expired slice, gives NaN with a reason.

    Returns
    -------
    ModelFreeVariance
    """
    if forward is None or quotes.years <= 0.0:
        reason = "has expired" if quotes.years <= 0.0 else "no forward"
        return _variance(quotes, Strip(math.nan, 0, 0), reason)
    arrays = (quotes.strike, quotes.call_bid, quotes.call_ask, quotes.put_bid, quotes.put_ask)
    contiguous = (array.astype(float, order="C", copy=True) for array in arrays)  # kernels take writable arrays
    strip = Strip(*total_variance(*contiguous, forward.price, forward.discount))
    reason = strip_fault(strip.variance, strip.puts, strip.calls, strip.completeness)
    if reason:
        return _variance(quotes, Strip(math.nan, strip.puts, strip.calls), reason)
    return _variance(quotes, strip, "")


def strip_fault(variance: float, puts: int, calls: int, completeness: float) -> str:
    """Reason to refuse the variance of a strip; empty where there is none."""
    if min(puts, calls) < MIN_WING_STRIKES:
        return f"{counted(puts, 'puts')} and {counted(calls, 'calls')} with a bid, each wing needs {MIN_WING_STRIKES}"
    if not variance > 0.0:
        return "the quotes sum to no positive variance"
    if completeness < MIN_COMPLETENESS:
        return f"quotes support {completeness:.0%} of its variance, at least {MIN_COMPLETENESS:.0%} is needed"
    return ""


class Strip(NamedTuple):
    """Result of `kernels.panel.variance_index.total_variance`."""

    variance: float
    puts: int
    calls: int
    low: int = -1
    high: int = -1
    low_dry: bool = False
    high_dry: bool = False
    absent: int = 0
    unquoted: int = 0
    completeness: float = math.nan


def _variance(quotes: ExpirySlice, strip: Strip, reason: str) -> ModelFreeVariance:
    return ModelFreeVariance(
        root=quotes.root,
        expiration=quotes.expiration,
        years=quotes.years,
        effective_days=quotes.effective_days,
        sessions_left=quotes.sessions_left,
        total_variance=strip.variance,
        puts=strip.puts,
        calls=strip.calls,
        lowest=float(quotes.strike[strip.low]) if strip.low >= 0 else math.nan,
        highest=float(quotes.strike[strip.high]) if strip.high >= 0 else math.nan,
        is_dry=strip.low_dry and strip.high_dry,
        absent=strip.absent,
        unquoted=strip.unquoted,
        completeness=strip.completeness,
        reason=reason,
    )


def constant_maturity_iv(
    variances: Sequence[ModelFreeVariance], tenor_days: int, closed_day_weight: float = CLOSED_DAY_WEIGHT
) -> ConstantMaturityIv:
    """Implied volatility at a constant tenor from the variances of a chain's expirations.

    Parameters
    ----------
    variances : sequence of ModelFreeVariance
        Expirations with fewer than `MIN_SESSIONS_FOR_INDEX` sessions left or without a variance are left out. Where
        two roots share an expiry time, the one with more strikes counts: an adjusted root lists few.
    tenor_days : int
        Calendar days. On the effective clock the target is tenor x effective days a year / 365.
    closed_day_weight : float
        The weight that the slices' effective days were counted with.

    Returns
    -------
    ConstantMaturityIv
        Annualised on the calendar tenor. Never extrapolated: NaN and a reason where nothing brackets the tenor.
    """
    usable = _one_a_moment(variances)
    target = tenor_days * effective_days_per_year(closed_day_weight) / DAYS_PER_YEAR
    effective = _bracket(usable, target, lambda v: v.effective_days)
    calendar = _bracket(usable, float(tenor_days), lambda v: v.years * DAYS_PER_YEAR)
    listed = counted(len(usable), "usable expirations")
    listed += f", {usable[0].expiration} to {usable[-1].expiration}" if usable else ""
    missing = [
        f"IV{tenor_days}: no expirations bracket {tenor_days} days on the {clock} clock "
        f"({listed}); none is extrapolated"
        for clock, pair in (("effective", effective), ("calendar", calendar))
        if not pair
    ]
    return ConstantMaturityIv(
        tenor_days=tenor_days,
        iv=_interpolated(effective, target, tenor_days, lambda v: v.effective_days),
        iv_calendar=_interpolated(calendar, float(tenor_days), tenor_days, lambda v: v.years * DAYS_PER_YEAR),
        near=effective[0] if effective else None,
        far=effective[1] if effective else None,
        reason="; ".join(missing),
        brackets_calendar=calendar or (),
    )


def iv_index(
    slices: Sequence[ExpirySlice],
    forwards: Sequence[Forward | None],
    closed_day_weight: float = CLOSED_DAY_WEIGHT,
    european: European | None = None,
) -> IvIndex:
    """IV10 and IV30 of a chain, on the effective and on the calendar clock.

    Parameters
    ----------
    slices, forwards : sequences of the same length
        One moment's expirations and their forwards (None where there is none).
    closed_day_weight : float
        The weight that the slices' effective days were counted with.
    european : callable, optional
        Turns American quotes and their forward into the European ones that the formula is about; called for the
        expirations that the index rests on.

    Returns
    -------
    IvIndex
    """
    variances = [model_free_variance(quotes, forward) for quotes, forward in zip(slices, forwards, strict=True)]
    if european is not None:
        raw = (constant_maturity_iv(variances, days, closed_day_weight) for days in TENORS)
        needed = [v for iv in raw for v in (*iv.brackets, *iv.brackets_calendar)]
        for place, (quotes, forward) in enumerate(zip(slices, forwards, strict=True)):
            if forward is not None and any(variances[place] is v for v in needed):
                variances[place] = model_free_variance(*european(quotes, forward))
    return IvIndex(*(constant_maturity_iv(variances, days, closed_day_weight) for days in TENORS))


Clock = Callable[[ModelFreeVariance], float]


def _one_a_moment(variances: Sequence[ModelFreeVariance]) -> list[ModelFreeVariance]:
    """Expirations fit for an index, ascending in time, one root each."""
    fullest: dict[float, ModelFreeVariance] = {}
    for variance in variances:
        if variance.reason or variance.sessions_left < MIN_SESSIONS_FOR_INDEX:
            continue
        rival = fullest.get(variance.years)
        if rival is None or variance.puts + variance.calls > rival.puts + rival.calls:
            fullest[variance.years] = variance
    return [fullest[years] for years in sorted(fullest)]


def _bracket(
    usable: Sequence[ModelFreeVariance], target: float, clock: Clock
) -> tuple[ModelFreeVariance, ModelFreeVariance] | None:
    """Nearest expirations on either side of the target; the same one twice where it falls on the target."""
    before = [v for v in usable if clock(v) <= target + SAME_MOMENT]
    after = [v for v in usable if clock(v) >= target - SAME_MOMENT]
    return (before[-1], after[0]) if before and after else None


def _interpolated(
    bracket: tuple[ModelFreeVariance, ModelFreeVariance] | None, target: float, tenor_days: int, clock: Clock
) -> float:
    if bracket is None:
        return math.nan
    near, far = bracket
    gap = clock(far) - clock(near)
    share = (target - clock(near)) / gap if gap > 0.0 else 0.0
    variance = near.total_variance + share * (far.total_variance - near.total_variance)
    return math.sqrt(variance * DAYS_PER_YEAR / tenor_days)
