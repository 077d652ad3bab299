"""Bands of gains over what modelled quotes leave open: the shape of the smile and the width of spreads."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.baselines import Baselines
from iwm_opts.backtest.engine import Prepared, run_totals
from iwm_opts.backtest.simulated import SimulatedDays
from iwm_opts.backtest.trial import gain_per_trade, market_kind
from iwm_opts.errors import InputError
from iwm_opts.kernels.backtest.state import Surface
from iwm_opts.simulation.dynamics import drawn_skew
from iwm_opts.simulation.surface import drawn_smile

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Change = Callable[[SimulatedDays, Flags], Surface]
"""Makes other quotes of the days, on the rows of the surface that are read."""

MODELLED: Final = "modelled"

SPREADS: Final = (0.7, 1.4)  # times the modelled ones: within it lie sessions and years of IWM and SPY
LEVEL: Final = 0.90  # share of the draws between the bounds
SPREAD_NAME: Final = f"spreads x {SPREADS[0]:g} to {SPREADS[1]:g}"
DRAWS: Final = 20  # of the smile, by default
FEW_DRAWS: Final = 6  # beside every backtest


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
    if not all(isinstance(each.gated.market, SimulatedDays) for each in baselines):
        raise InputError("bands", draws, "recorded quotes have no smile to draw", "leave the bands out")
    rows = [_rows(each.gated, each.gated.entry_days() | each.ungated.entry_days(each.ranked)) for each in baselines]
    changes = _changes(draws, seed)
    gains = []
    for done, change in enumerate(changes, start=1):
        gains.append(_gains(baselines, rows, change))
        if on_progress:
            on_progress(done, len(changes))
    by_market = np.array(gains)
    tail = 0.5 - 0.5 * LEVEL
    smile = np.quantile(by_market[:draws], [tail, 1.0 - tail], axis=0)
    spreads = np.sort(by_market[draws:], axis=0)
    names = f"smile, {LEVEL:.0%} of {draws} draws", SPREAD_NAME
    return tuple(_band(name, bounds) for name, bounds in zip(names, (smile, spreads), strict=True))


@dataclass(frozen=True, slots=True)
class GainBand:
    """Bounds of a mean net gain of a package over some quotes, dollars a trade."""

    name: str
    low: float
    high: float


def gain_bands(prepared: Sequence[Prepared], allowed: Sequence[Flags | None], seed: int = 1) -> tuple[GainBand, ...]:
    """Band over a few draws of the smile, and range over narrower and wider spreads; none unless modelled.

    Few draws have no quantiles: the band is normal about the gain under the quotes as modelled, with the mean square of
    the draws' differences from it. A quarter of the time of `quote_bands`.

    Parameters
    ----------
    prepared : sequence of Prepared
        The rules, a trial each.
    allowed : sequence of (ndarray of bool or None)
        Days to enter on, by trial; None for those of the gate.
    seed : int
    """
    if not all(market_kind(each.market) == MODELLED for each in prepared):
        return ()
    rows = [_rows(each, each.entry_days(days)) for each, days in zip(prepared, allowed, strict=True)]

    def gain(quoted: Iterable[Prepared]) -> float:
        return gain_per_trade([run_totals(each, days) for each, days in zip(quoted, allowed, strict=True)])

    estimate = gain(prepared)
    gains = [gain(map(partial(_requoted, change), prepared, rows)) for change in _changes(FEW_DRAWS, seed)]
    drawn, spreads = gains[:FEW_DRAWS], gains[FEW_DRAWS:]
    spread = math.hypot(*(gain - estimate for gain in drawn)) / math.sqrt(FEW_DRAWS)
    reach = NormalDist().inv_cdf(0.5 + 0.5 * LEVEL) * spread
    return (
        GainBand(f"smile, {LEVEL:.0%} normal, {FEW_DRAWS} draws", estimate - reach, estimate + reach),
        GainBand(SPREAD_NAME, min(spreads), max(spreads)),
    )


def _changes(draws: int, seed: int) -> list[Change]:
    """Draws of the smile, then narrower and wider spreads."""
    rng = np.random.default_rng([seed, 2])
    return [*(_with_smile(rng) for _ in range(draws)), *map(_with_spreads, SPREADS)]


def _band(name: str, bounds: Array) -> QuoteBand:
    gated, ungated, difference = ((float(low), float(high)) for low, high in bounds.T)
    return QuoteBand(name, gated, ungated, difference)


def _with_smile(rng: np.random.Generator) -> Change:
    seed = int(rng.integers(2**63))

    def drawn(days: SimulatedDays, rows: Flags) -> Surface:
        given, rng = days.market.parameters, np.random.default_rng(seed)
        smile = drawn_smile(given.smile, rng)
        # A simulated market has moved its skew already.
        skew = drawn_skew(smile, len(days.days), rng) if market_kind(days) == MODELLED else 0.0
        return days.surface_under(replace(given, smile=smile), rows, skew)

    return drawn


def _with_spreads(factor: float) -> Change:
    def widened(days: SimulatedDays, _: Flags) -> Surface:
        surface = days.surface()
        coefficients = surface.coefficients.copy()
        coefficients[0] += math.log(factor)  # of the logarithm of spreads
        return surface._replace(coefficients=coefficients)

    return widened


def _rows(prepared: Prepared, entries: Flags) -> Flags:
    """Rows of the surface that backtests with entries on some days may read, whatever its quotes."""
    return prepared.book.surface_rows(entries, prepared.rules.exit.dte)


def _requoted(change: Change, prepared: Prepared, rows: Flags) -> Prepared:
    days = prepared.market
    assert isinstance(days, SimulatedDays)  # by the callers
    return prepared.with_surface(change(days, rows))


def _gains(baselines: Sequence[Baselines], rows: Sequence[Flags], change: Change) -> tuple[float, float, float]:
    """Mean net gain of a package gated, ungated, and their difference under changed quotes."""
    gated = [_requoted(change, each.gated, is_read) for each, is_read in zip(baselines, rows, strict=True)]
    ungated = [
        run_totals(replace(quoted, rules=each.ungated.rules), each.ranked)
        for quoted, each in zip(gated, baselines, strict=True)
    ]
    gains = gain_per_trade([run_totals(quoted) for quoted in gated]), gain_per_trade(ungated)
    return *gains, gains[0] - gains[1]
