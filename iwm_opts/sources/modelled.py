"""Modelled history: real closes and a real volatility index, with quotes of the surface model around them.

On each day the surface is scaled until the 30-day index of its own quotes, composed as the publisher composes it, is
the published one (`simulation.published`, `simulation.scaling`). The ratio of short vol to it comes from a short index
over its base, or is fixed. The shape of the smile, the spreads and the listing are the simulated market's. Prices of
the underlying are real, its options' were never traded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import groupby
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import Provenance, counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.panel_cache import PACKAGE, code_digest, kept_by_inputs
from iwm_opts.market.calendar import effective_days_per_year, sessions
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.simulation.dynamics import FACTORS, StatePath, variance_rate
from iwm_opts.simulation.index_states import IndexTargets
from iwm_opts.simulation.listing import FIRST_ORDINAL, listings
from iwm_opts.simulation.parameters import Parameters, shipped_parameters
from iwm_opts.simulation.published import (
    INDEX_RULES,
    Composition,
    own_composition,
    plain_composition,
    published_composition,
)
from iwm_opts.simulation.scaling import TENOR_DAYS, Scaled, scale_to_index
from iwm_opts.simulation.surface_table import surface_table
from iwm_opts.sources.surface_market import SurfaceMarket

Array = NDArray[np.float64]

TYPICAL_SLOPE: Final = 0.95  # VIX9D over VIX, mean of 2011 to 2025
INDEX_SLACK: Final = 5e-4  # decimal vol: a day whose quotes miss the index by more has none
SHORT_DAYS: Final = 9
SEED: Final = 1  # of sizes, open interest and volume
KEPT_FROM: Final = 252  # sessions whose states are kept on disk
MOST_MISSING: Final = 5  # sessions in a row without quotes
NO_BAR: Final = "no bar"
LONG_LISTED: Final = timedelta(days=915)  # no expiration is listed for longer


@dataclass(frozen=True, slots=True, eq=False)
class Slope:
    """9-day over 30-day implied vol by day."""

    ratio: "pd.Series[float]"  # by date; days that it lacks take `typical`
    typical: float  # on the effective clock
    source: str
    indices: tuple[str, str] = ("", "")  # short and base, as in `simulation.published.INDEX_RULES`


@dataclass(frozen=True, eq=False)
class ModelledMarket(SurfaceMarket):
    """Real closes of an underlying under quotes scaled to a volatility index."""

    underlying: pd.DataFrame  # real bars, also from before `days`
    volatility: IvHistory  # index that the quotes are scaled to
    miss: Array  # 30-day index of the quotes less the given one, decimal, shape (n,)
    gaps: dict[date, str]  # sessions between the first and the last day that have no quotes, and why
    notes: tuple[str, ...]  # inputs of the quotes
    of_simulated: bool = False  # bars or index came from files that say so: nothing here is real then

    index_note = "index of the modelled market's own quotes, never traded"

    @property
    def provenance(self) -> Provenance:
        """Source of its quotes; simulated where the prices of the underlying are."""
        return Provenance.SIMULATED if self.of_simulated else Provenance.MODELLED

    def bars(self, symbol: str | None = None) -> pd.DataFrame:
        """Real daily bars of the underlying, on the market's days.

        Raises
        ------
        InputError
            For any other symbol, which has no bars.
        """
        if symbol not in (None, self.symbol):
            raise InputError("symbol", symbol, f"is not in the {self.name}", f"it has {self.symbol}")
        return self.underlying.loc[pd.DatetimeIndex(self.days)]

    def _draw(self, place: int) -> int:
        return self.days[place].toordinal()  # the same whatever stretch of days was asked for

    def _why_not(self, day: date) -> str:
        why = self.gaps.get(day)
        return f"that session has no quotes: {why}" if why else super()._why_not(day)

    @cached_property
    def _known_closes(self) -> tuple[NDArray[np.int64], Array]:
        bars = self.underlying
        ordinals = pd.DatetimeIndex(bars.index).to_numpy().astype("datetime64[D]").astype(np.int64) + FIRST_ORDINAL
        return ordinals, bars["close"].to_numpy(dtype=np.float64, copy=True)


def modelled_market(
    bars: pd.DataFrame,
    volatility: IvHistory,
    slope: Slope,
    rates: "pd.Series[float] | float",
    dividends: DividendSchedule,
    first: date | None = None,
    last: date | None = None,
    parameters: Parameters | None = None,
    notes: Sequence[str] = (),
) -> ModelledMarket:
    """Scale the surface model to a volatility index, day by day.

    Parameters
    ----------
    bars : DataFrame
        As from `io.bars.load_bars`, adjusted for splits and not for dividends.
    volatility : IvHistory
        30-day model-free index, decimal.
    slope : Slope
    rates : float or Series by date
        Continuously compounded; a Series has a value on each day.
    dividends : DividendSchedule
        Real ones; what lies behind the last is projected.
    first, last : date, optional
        The stretch wanted; what bars and index share unless given.
    parameters : Parameters, optional
        Smile, spreads and term structure; the shipped calibration unless given.
    notes : sequence of str
        Notes on the inputs, for the output.

    Raises
    ------
    DataError
        When bars and index share no session of the stretch.
    """
    parameters = parameters or shipped_parameters()
    days, gaps = _shared_days(bars, volatility, first, last)
    unvalued = [day for day, why in gaps.items() if why != NO_BAR]
    if unvalued:
        notes = [*notes, f"{counted(len(unvalued), 'sessions')} without a value of {volatility.series}, left out"]
    at = pd.DatetimeIndex(days)
    level = _values(volatility.closes, at)
    by_day = _values(rates, at) if isinstance(rates, pd.Series) else np.full(len(days), rates)
    owed = dividends.projected_to(days[-1], days[-1] + LONG_LISTED)
    nothing = np.full(len(days), np.nan)
    flat = StatePath(*(np.zeros(len(days)) for _ in fields(StatePath)))
    market = ModelledMarket(
        f"modelled market, {volatility.series}", parameters, tuple(days),
        _values(bars["close"], at), flat, by_day, owed, SEED, 0,
        bars, volatility, nothing, gaps, tuple(notes), keeps_indices=len(days) >= KEPT_FROM,
    )  # fmt: skip
    return _with_states(market, _kept_scaled(market, level, slope))


def _kept_scaled(market: ModelledMarket, level: Array, slope: Slope) -> Scaled:
    """Kept result of `_scaled`: half a second for seventeen years."""
    if len(market.days) < KEPT_FROM:
        return _scaled(market, level, slope)
    ordinals, closes = market._known_closes
    ratio = _values(slope.ratio, pd.DatetimeIndex(market.days))
    inputs = {
        "days": [day.toordinal() for day in market.days],
        "arrays": [values.tobytes() for values in (level, market.closes, market.rates, ordinals, closes, ratio)],
        "slope": (slope.typical, slope.indices),
        "index": market.volatility.series,
        "dividends": market.dividends,
        "parameters": market.parameters,
        "code": code_digest(PACKAGE),
    }

    def scale() -> dict[str, Array]:
        scaled = _scaled(market, level, slope)
        return {"factors": scaled.factors, "miss": scaled.miss}

    return Scaled(**kept_by_inputs(inputs, scale))


def _values(series: "pd.Series[float]", at: pd.DatetimeIndex) -> Array:
    return np.asarray(series.reindex(at), dtype=np.float64).copy()


def _shared_days(
    bars: pd.DataFrame, volatility: IvHistory, first: date | None, last: date | None
) -> tuple[list[date], dict[date, str]]:
    """Sessions with a bar and an index value, and the sessions between them that lack one."""
    closes = volatility.closes.dropna()
    priced, valued = (table.index.to_numpy().astype("datetime64[D]").tolist() for table in (bars, closes))
    lowest = max(filter(None, (first, priced[0], valued[0])))
    highest = min(filter(None, (last, priced[-1], valued[-1])))
    shared = sessions(lowest, highest).tolist() if lowest <= highest else []
    has_bar, has_value = set(priced), set(valued)
    days = [day for day in shared if day in has_bar and day in has_value]
    if not days:
        raise DataError(
            volatility.series,
            f"bars ({priced[0]} to {priced[-1]}) and index ({valued[0]} to {valued[-1]}) share no session"
            + (f" from {first}" if first else "")
            + (f" to {last}" if last else ""),
            "give files that overlap, or another `as_of`",
            "date",
        )
    gaps = {
        day: f"no value of {volatility.series}" if day in has_bar else NO_BAR
        for day in shared
        if day not in has_bar or day not in has_value
    }
    # What is held across sessions missing in a row could be neither marked nor closed by its rules.
    for is_gap, stretch in ((gap, list(of_gap)) for gap, of_gap in groupby(shared, key=lambda day: day in gaps)):
        if is_gap and len(stretch) > MOST_MISSING:
            raise DataError(
                "modelled market",
                f"{len(stretch)} sessions in a row, {stretch[0]} to {stretch[-1]}, have {gaps[stretch[0]]}; "
                f"at most {MOST_MISSING} may be missing",
                "give files that have them, or `first` and `last` on one side of them",
                "date",
            )
    return days, gaps


def _scaled(market: ModelledMarket, level: Array, slope: Slope) -> Scaled:
    days, listed = market.days, listings(market.days)
    rule = INDEX_RULES.get(market.volatility.series)
    if rule is not None and rule.tenor_days == TENOR_DAYS:
        composition = published_composition(rule, days)
    else:
        composition = own_composition(days, listed, TENOR_DAYS)
    is_read = (listed.expiration == composition.expiration[:, listed.place]).any(axis=0)
    is_whole = np.bincount(listed.place[is_read], minlength=len(days)) == len(composition.expiration)
    is_whole &= np.isfinite(composition.weight).all(axis=0)
    scaled = Scaled(np.full((len(days), len(FACTORS)), np.nan), np.full(len(days), np.nan))
    if not is_whole.any():
        return scaled
    whole = np.flatnonzero(is_whole)
    listed = listed.take(is_read & is_whole[listed.place])
    table = surface_table(market.parameters, market.moments(0, len(days)), listed)
    strikes = market.listed_strikes(table.listings)
    composition, table = composition.take(whole), table.take(whole)
    table = replace(  # settlement at the open is earlier than an ETF's expiry
        table,
        years=composition.years.T.ravel(),
        effective_days=effective_days_per_year() * composition.effective_years.T.ravel(),
    )
    ratio = _values(slope.ratio.reindex(pd.DatetimeIndex(days)), pd.DatetimeIndex(days))[whole]
    of_short, of_base = _slope_compositions(slope, [days[place] for place in whole], np.isfinite(ratio))
    ratio = np.where(np.isfinite(ratio), ratio, slope.typical)
    some = scale_to_index(
        market.parameters, table, strikes, IndexTargets(level[whole], ratio, composition, of_short, of_base)
    )
    scaled.factors[whole], scaled.miss[whole] = some.factors, some.miss
    return scaled


def _slope_compositions(
    slope: Slope, days: Sequence[date], is_known: NDArray[np.bool_]
) -> tuple[Composition, Composition]:
    """Short and base index of the ratio: as published where a published ratio is known, else on the effective clock."""
    compositions = []
    for name, tenor in zip(slope.indices, (SHORT_DAYS, TENOR_DAYS), strict=True):
        plain, rule = plain_composition(tenor, len(days)), INDEX_RULES.get(name)
        published = plain if rule is None else published_composition(rule, days)
        compositions.append(published.where(is_known, plain))
    short, base = compositions
    return short, base


def _with_states(market: ModelledMarket, scaled: Scaled) -> ModelledMarket:
    """Market on the days that could be scaled; the others become gaps."""
    fits = np.abs(scaled.miss) <= INDEX_SLACK
    series, lost = market.volatility.series, {}
    for day in (day for day, fit in zip(market.days, fits, strict=True) if not fit):
        lost[day] = f"no surface of the model has quotes whose index is that of {series}"
        # With monthly expirations alone, some days lie between two without a 30-day index.
        own = None if series in INDEX_RULES else own_composition([day], listings([day]), TENOR_DAYS)
        if own is not None and not np.isfinite(own.weight).all():
            lost[day] = f"no expirations around {TENOR_DAYS} days are listed to compute an index from"
    if not fits.any():
        day, why = next(iter(lost.items()))
        raise DataError(series, f"{day}: {why}", "give a 30-day index in points or decimals", "value")
    days = tuple(day for day, fit in zip(market.days, fits, strict=True) if fit)
    closes, factors = market.closes[fits], scaled.factors[fits]
    log_return = _values(np.log(market.underlying["close"]).diff(), pd.DatetimeIndex(days))
    variance = variance_rate(market.parameters.dynamics, *factors[:, :3].T)
    columns = {name: np.ascontiguousarray(column) for name, column in zip(FACTORS, factors.T, strict=True)}
    states = StatePath(log_return=log_return, variance=variance, jump=np.zeros(len(days)), **columns)
    return replace(
        market, days=days, closes=closes, states=states, rates=market.rates[fits], miss=scaled.miss[fits],
        gaps=dict(sorted({**market.gaps, **lost}.items())),
    )  # fmt: skip
