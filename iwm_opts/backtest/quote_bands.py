"""Bands of gains over what modelled quotes leave open: the shape of the smile and the width of spreads."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.baselines import prepare_baselines
from iwm_opts.backtest.engine import run_totals
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.simulated import SimulatedDays
from iwm_opts.backtest.trial import Trial, gain_per_trade, market_kind
from iwm_opts.errors import InputError
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.surface import drawn_smile

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

MODELLED: Final = "modelled"

SPREADS: Final = (0.7, 1.4)  # times the modelled ones: within it lie sessions and years of IWM and SPY
LEVEL: Final = 0.90  # share of the draws between the bounds
SPREAD_NAME: Final = f"spreads x {SPREADS[0]:g} to {SPREADS[1]:g}"
DRAWS: Final = 20  # of the smile, by default
FEW_DRAWS: Final = 6  # beside every backtest: two seconds of work


@dataclass(frozen=True, slots=True)
class QuoteBand:
    """Bounds of mean net gains of a package over some quotes, dollars a trade."""

    name: str
    gated: tuple[float, float]
    ungated: tuple[float, float]
    difference: tuple[float, float]  # gated less ungated under the same quotes


def quote_bands(
    trials: Sequence[Trial], rules: Rules, draws: int, seed: int, on_progress: Callable[[int, int], None] | None = None
) -> tuple[QuoteBand, ...]:
    """Band over draws of the smile's coefficients, and over narrower and wider spreads.

    Spot, model-free variance and the ranks of gates stay as they are; packages are chosen, marked and closed anew on
    the other quotes.

    Parameters
    ----------
    draws : int
        Of the smile, from the covariance of its estimates; the band holds the middle 90% of them.
    on_progress : callable, optional
        Called with (markets done, markets).

    Raises
    ------
    InputError
        When the quotes are recorded.
    """
    if not all(isinstance(trial.market, SimulatedDays) for trial in trials):
        raise InputError("bands", draws, "recorded quotes have no smile to draw", "leave the bands out")
    changes = _changes(draws, seed)
    gains = []
    for done, change in enumerate(changes, start=1):
        gains.append(_gains(trials, rules, change))
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


def gain_bands(
    trials: Sequence[Trial], rules: Rules, allowed: Sequence[Flags | None], seed: int = 1
) -> tuple[GainBand, ...]:
    """Band over a few draws of the smile, and range over narrower and wider spreads; none unless modelled.

    Few draws have no quantiles: the band is normal about the gain under the quotes as modelled, with the mean square of
    the draws' differences from it. A third of the time of the draws of `quote_bands`.

    Parameters
    ----------
    trials : sequence of Trial
    rules : Rules
    allowed : sequence of (ndarray of bool or None)
        Days to enter on, by trial; None for those of the gate.
    seed : int
    """
    if not all(market_kind(trial.market) == MODELLED for trial in trials):
        return ()
    gains = []
    for change in (lambda given: given, *_changes(FEW_DRAWS, seed)):
        requoted = [_requoted(trial, rules, change).prepare(rules) for trial in trials]
        gains.append(gain_per_trade([run_totals(each, days) for each, days in zip(requoted, allowed, strict=True)]))
    estimate, drawn, spreads = gains[0], gains[1 : FEW_DRAWS + 1], gains[FEW_DRAWS + 1 :]
    spread = math.hypot(*(gain - estimate for gain in drawn)) / math.sqrt(FEW_DRAWS)
    reach = NormalDist().inv_cdf(0.5 + 0.5 * LEVEL) * spread
    return (
        GainBand(f"smile, {LEVEL:.0%} normal, {FEW_DRAWS} draws", estimate - reach, estimate + reach),
        GainBand(SPREAD_NAME, min(spreads), max(spreads)),
    )


def _changes(draws: int, seed: int) -> list[Callable[[Parameters], Parameters]]:
    """Draws of the smile, then narrower and wider spreads."""
    rng = np.random.default_rng([seed, 2])
    return [*(_with_smile(rng) for _ in range(draws)), *map(_with_spreads, SPREADS)]


def _band(name: str, bounds: Array) -> QuoteBand:
    gated, ungated, difference = ((float(low), float(high)) for low, high in bounds.T)
    return QuoteBand(name, gated, ungated, difference)


def _with_smile(rng: np.random.Generator) -> Callable[[Parameters], Parameters]:
    seed = int(rng.integers(2**63))
    return lambda given: replace(given, smile=drawn_smile(given.smile, np.random.default_rng(seed)))


def _with_spreads(factor: float) -> Callable[[Parameters], Parameters]:
    def widened(given: Parameters) -> Parameters:
        first, *rest = given.spread.coefficients
        return replace(given, spread=replace(given.spread, coefficients=(first + float(np.log(factor)), *rest)))

    return widened


def _gains(
    trials: Sequence[Trial], rules: Rules, change: Callable[[Parameters], Parameters]
) -> tuple[float, float, float]:
    """Mean net gain of a package gated, ungated, and their difference under changed quotes."""
    prepared = [prepare_baselines(_requoted(trial, rules, change), rules) for trial in trials]
    gated = gain_per_trade([run_totals(each.gated) for each in prepared])
    ungated = gain_per_trade([run_totals(each.ungated, each.ranked) for each in prepared])
    return gated, ungated, gated - ungated


def _requoted(trial: Trial, rules: Rules, change: Callable[[Parameters], Parameters]) -> Trial:
    days = trial.market
    assert isinstance(days, SimulatedDays)  # by the callers
    requoted = days.repriced(change(days.market.parameters), rules.entry.dte, rules.entry.dte_slack)
    return replace(trial, market=requoted)
