"""Bands of gains over what modelled quotes leave open: the shape of the smile and the width of spreads."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.bands import GainBand
from iwm_opts.backtest.baselines import Baselines
from iwm_opts.backtest.book import Book
from iwm_opts.backtest.engine import run_totals
from iwm_opts.backtest.prepared import Prepared
from iwm_opts.backtest.prices import blank_prices
from iwm_opts.backtest.result import Totals
from iwm_opts.backtest.trial import gain_per_trade
from iwm_opts.conventions import Provenance
from iwm_opts.errors import InputError
from iwm_opts.kernels.backtest.state import Surface
from iwm_opts.simulation.dynamics import drawn_skew
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.surface import drawn_smile
from iwm_opts.sources.daily_market import DailyMarket
from iwm_opts.sources.surface_days import SurfaceDays

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

SPREADS: Final = (0.7, 1.0, 1.4)  # times the modelled ones: within it lie sessions and years of IWM and SPY
LEVEL: Final = 0.90  # share of the draws between the bounds
SPREAD_NAME: Final = f"spreads x {SPREADS[0]:g} to {SPREADS[-1]:g}"
DRAWS: Final = 20  # of the smile, by default
FEW_DRAWS: Final = 6  # beside every other modelled gain
SMILE_NAME: Final = f"smile, {LEVEL:.0%} normal, {FEW_DRAWS} draws"


class Quotes(NamedTuple):
    """Other quotes of the surface model on the same days."""

    parameters: Parameters
    skew: Array | float = 0.0  # added to the skew factor of each day


Change = Callable[[SurfaceDays], Quotes]


class Entered(NamedTuple):
    """Rules on a market, and the days to enter on."""

    prepared: Prepared
    allowed: Flags | None = None  # days of the rules' gate where None


@dataclass(frozen=True, slots=True)
class QuoteBand:
    """Bounds of mean net gains of a package over some quotes, dollars a trade."""

    name: str
    gated: tuple[float, float]
    ungated: tuple[float, float]
    difference: tuple[float, float]  # gated less ungated under the same quotes


def quote_bands(
    baselines: Sequence[Baselines], draws: int, seed: int, on_progress: Callable[[int, int], None] | None = None
) -> tuple[QuoteBand, ...]:
    """Band over draws of the smile's coefficients, and over narrower and wider spreads.

    Spot, model-free variance and the ranks of gates stay as they are; packages are chosen, marked and closed anew on
    the other quotes.

    Parameters
    ----------
    baselines : sequence of Baselines
        Of the rules, a trial each.
    draws : int
        Of the smile: of its coefficients, from the covariance of their estimates, and on modelled markets of what these
        leave of each day's skew. The band holds the middle 90% of them.
    seed : int
    on_progress : callable, optional
        Called with (markets done, markets).

    Raises
    ------
    InputError
        When the quotes are recorded.
    """
    arms = [Entered(each.gated) for each in baselines], [Entered(each.ungated, each.ranked) for each in baselines]
    gains = _gains(arms, _changes(draws, seed), on_progress)
    gains = np.column_stack([gains, gains[:, 0] - gains[:, 1]])
    tail = 0.5 - 0.5 * LEVEL
    smile = np.quantile(gains[:draws], [tail, 1.0 - tail], axis=0)
    spreads = np.array([gains[draws:].min(axis=0), gains[draws:].max(axis=0)])
    names = f"smile, {LEVEL:.0%} of {draws} draws", SPREAD_NAME
    bands = zip(names, (smile, spreads), strict=True)
    return tuple(QuoteBand(name, *((float(low), float(high)) for low, high in bounds.T)) for name, bounds in bands)


def gain_bands(results: Sequence[Sequence[Entered]], seed: int = 1) -> list[tuple[GainBand, ...]]:
    """Band over a few draws of the smile, and range over narrower and wider spreads; none unless modelled.

    Few draws have no quantiles: the band is normal about the gain under the quotes as modelled, with the mean square of
    the draws' differences from it. A quarter of the time of `quote_bands`.

    Parameters
    ----------
    results : sequence of sequence of Entered
        What each result pools: the rules of a trial or of a stretch of days. All are read from the same other quotes.
    seed : int

    Returns
    -------
    list of tuple of GainBand
        One a result.
    """
    if not all(modelled_surface(entered.prepared.market) for result in results for entered in result):
        return [()] * len(results)
    estimates = [gain_per_trade([run_totals(*entered) for entered in result]) for result in results]
    gains = _gains(results, _changes(FEW_DRAWS, seed))
    return [_about(estimate, drawn) for estimate, drawn in zip(estimates, gains.T, strict=True)]


def bands_of(estimate: float, gain: Callable[[Change], float], seed: int = 1) -> tuple[GainBand, ...]:
    """Bands as of `gain_bands`, about a gain that is computed anew under each of the other quotes."""
    return _about(estimate, np.array([gain(change) for change in _changes(FEW_DRAWS, seed)]))


def modelled_surface(market: DailyMarket) -> SurfaceDays | None:
    """Days of a surface around real prices, whose quotes can be modelled anew; None for any other market."""
    return market.surface_days if market.provenance is Provenance.MODELLED else None


def _about(estimate: float, gains: Array) -> tuple[GainBand, ...]:
    """Bands about a gain, from those under the quotes of `_changes`."""
    spread = math.hypot(*(gains[:FEW_DRAWS] - estimate)) / math.sqrt(FEW_DRAWS)
    reach = NormalDist().inv_cdf(0.5 + 0.5 * LEVEL) * spread
    spreads = gains[FEW_DRAWS:]
    return GainBand(SMILE_NAME, estimate - reach, estimate + reach), GainBand(
        SPREAD_NAME, float(spreads.min()), float(spreads.max())
    )


def _changes(draws: int, seed: int) -> list[Change]:
    """Draws of the smile, then spreads from narrower to wider."""
    rng = np.random.default_rng([seed, 2])
    return [*(_with_smile(int(rng.integers(2**63))) for _ in range(draws)), *map(_with_spreads, SPREADS)]


def _with_smile(seed: int) -> Change:
    def drawn(days: SurfaceDays) -> Quotes:
        given, rng = days.market.parameters, np.random.default_rng(seed)
        smile = drawn_smile(given.smile, rng)
        # A simulated market has moved its skew already.
        skew = drawn_skew(smile, len(days.days), rng) if modelled_surface(days) else 0.0
        return Quotes(replace(given, smile=smile), skew)

    return drawn


def _with_spreads(factor: float) -> Change:
    def widened(days: SurfaceDays) -> Quotes:
        given = days.market.parameters
        first, *others = given.spread.coefficients  # of the logarithm of spreads
        return Quotes(replace(given, spread=replace(given.spread, coefficients=(first + math.log(factor), *others))))

    return widened


def _gains(
    results: Sequence[Sequence[Entered]],
    changes: Sequence[Change],
    on_progress: Callable[[int, int], None] | None = None,
) -> Array:
    """Mean net gain of a package in each result under changed quotes, shape (changes, results).

    The surface of a market is priced once a change; rules that share packages or prices go on to share them.
    """
    rows: dict[SurfaceDays, Flags] = {}
    by_book: dict[Book, list[tuple[int, Prepared, Flags | None]]] = defaultdict(list)
    surface_of: dict[Book, SurfaceDays] = {}
    for place, result in enumerate(results):
        for prepared, allowed in result:
            book, days = prepared.book, prepared.market.surface_days
            if days is None:
                rule = "recorded quotes have no smile to draw"
                raise InputError("bands", prepared.market.name, rule, "leave the bands out")
            is_read = book.surface_rows(prepared.entry_days(allowed), prepared.rules.exit.dte)
            rows[days] = rows[days] | is_read if days in rows else is_read
            by_book[book].append((place, prepared, allowed))
            surface_of[book] = days
    gains = []
    for done, change in enumerate(changes, start=1):
        surfaces: dict[SurfaceDays, Surface] = {}
        for days, is_read in rows.items():
            quotes = change(days)
            surfaces[days] = days.surface_under(quotes.parameters, is_read, quotes.skew)
        totals: list[list[Totals]] = [[] for _ in results]
        for book, entered in by_book.items():
            quoted = book.with_surface(surfaces[surface_of[book]])
            prices = {prepared.prices: blank_prices(quoted) for _, prepared, _ in entered}
            for place, prepared, allowed in entered:
                requoted = replace(prepared, book=quoted, prices=prices[prepared.prices])
                totals[place].append(run_totals(requoted, allowed))
        gains.append([gain_per_trade(each) for each in totals])
        if on_progress:
            on_progress(done, len(changes))
    return np.array(gains)
