"""How much worse the world may be before nothing is left: the break-even slippage and the break-even premium."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.bootstrap import ratio_interval
from iwm_opts.backtest.engine import run, run_totals
from iwm_opts.backtest.gate import known_ranks
from iwm_opts.backtest.prepared import Prepared
from iwm_opts.backtest.result import Totals
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.trial import Trial, gain_per_trade, trade_sample
from iwm_opts.conventions import DAYS_PER_YEAR, MULTIPLIER, SESSIONS_PER_YEAR
from iwm_opts.execution.fills import FillModel
from iwm_opts.io.mapping import Mapper, in_order
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.simulation.dynamics import priced_variance
from iwm_opts.simulation.parameters import Premium
from iwm_opts.sources.surface_days import SurfaceDays

Array = NDArray[np.float64]

MOST_HALF_SPREADS: Final = 8.0  # spreads widened 3 to 7 times in the panic of February 2018
MOST_PREMIUM: Final = 3.0  # times the one that the simulation puts in
SLIPPAGE_STEPS: Final = 10
PREMIUM_TOLERANCE: Final = 0.01
PREMIUM_STEPS: Final = 8
IV_YEARS: Final = 30.0 / DAYS_PER_YEAR
NAN: Final = float("nan")


@dataclass(frozen=True, slots=True)
class BreakevenSlippage:
    """The fill, in half-spreads from mid on the way in and out alike, at which the mean net gain is zero.

    A stop pays that or its own convention, whichever is dearer. Trades are chosen and closed anew at every fill, as
    exits are judged by what closing costs.
    """

    share: float  # of the summed half-spread; NaN where none, see `reason`
    offset: float  # dollars a share that it is on the way in, mean of the trades
    round_trip: float  # dollars a package, way in and out together
    at_mid: float  # mean net gain of a package filled at mid, dollars
    as_filled: float  # the same at the fills of the rules
    paid: float  # fill cost of the rules, entry and exit, dollars a package
    reason: str  # why the scale is NaN, else empty


def breakeven_slippage(prepared: Sequence[Prepared]) -> BreakevenSlippage:
    """Break-even slippage over the trades of all trials.

    Parameters
    ----------
    prepared : sequence of Prepared
        The rules prepared on each trial; their books are used again.
    """
    rules = prepared[0].rules

    def filled(fraction: float) -> list[Totals]:
        stop_share = max(fraction, rules.costs.stop.share(len(prepared[0].book.legs)))
        fill, stop = (FillModel.parse(f"stress:{share!r}") for share in (fraction, stop_share))
        costs = replace(rules.costs, entry=fill, exit=fill, stop=stop)
        return [run_totals(ready.with_costs(costs)) for ready in prepared]

    as_ruled = [run_totals(ready) for ready in prepared]
    at_mid = gain_per_trade(filled(0.0))
    gains = {"at_mid": at_mid, "as_filled": gain_per_trade(as_ruled), "paid": _slippage(as_ruled)}
    if not at_mid > 0.0:
        reason = "no gain even at mid" if math.isfinite(at_mid) else "no trades"
        return BreakevenSlippage(NAN, NAN, NAN, **gains, reason=reason)
    if gain_per_trade(filled(MOST_HALF_SPREADS)) > 0.0:
        return BreakevenSlippage(
            NAN, NAN, NAN, **gains, reason=f"the rules gain even {MOST_HALF_SPREADS:g} half-spreads from mid"
        )
    low, high = 0.0, MOST_HALF_SPREADS
    for _ in range(SLIPPAGE_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if gain_per_trade(filled(middle)) > 0.0 else (low, middle)
    at = filled(high)
    trades = sum(run.trades for run in at)
    offset = sum(run.entry_slippage for run in at) / trades / MULTIPLIER if trades else NAN
    return BreakevenSlippage(high, offset, _slippage(at), **gains, reason="")


def _slippage(totals: Sequence[Totals]) -> float:
    trades = sum(run.trades for run in totals)
    return sum(run.slippage for run in totals) / trades if trades else NAN


@dataclass(frozen=True, slots=True)
class BreakevenPremium:
    """The share of the simulation's variance premium at which the mean net gain is zero.

    At 0 options cost their average simulated payout; at 1 their calibrated price.
    """

    scale: float  # NaN where none, see `reason`
    standard_error: float  # from the gains' own at that scale and their slope in it; NaN where unknown
    priced_over_realised: float  # mean 30-day implied over mean realised variance of these paths, as simulated
    breakeven_priced_over_realised: float  # the same at that scale
    gain_without_premium: float  # mean net gain of a package at scale 0, dollars
    reason: str  # why the scale is NaN, else empty


def scaled_premium(premium: Premium, scale: float) -> Premium:
    """Premium with every parameter scaled by `scale` from its neutral value."""
    nothing = Premium()
    knobs = {field.name: getattr(nothing, field.name) for field in fields(Premium)}
    return Premium(**{name: none + scale * (getattr(premium, name) - none) for name, none in knobs.items()})


def premium_days(trial: Trial) -> SurfaceDays | None:
    """Days of a trial whose variance premium is a parameter; None for any other market."""
    days = trial.market.surface_days
    return days if days is not None and days.market.has_premium else None


def repriced(days: SurfaceDays, history: IvHistory, scale: float) -> tuple[SurfaceDays, IvHistory]:
    """Return the same simulated world, day for day, with options that cost another premium.

    The index that its gate ranks moves by what model-free variance at its tenor moves by.
    """
    market = days.market
    assert history.tenor_days is not None  # a simulated market's own
    parameters = replace(market.parameters, premium=scaled_premium(market.parameters.premium, scale))
    years = history.tenor_days / DAYS_PER_YEAR
    moved = np.sqrt(
        priced_variance(parameters, market.states, years) / priced_variance(market.parameters, market.states, years)
    )
    factor = pd.Series(moved, index=pd.DatetimeIndex(market.days)).reindex(history.closes.index)
    return days.under(parameters), replace(history, closes=history.closes * factor)


def prepared_at(prepared: Prepared, days: SurfaceDays, history: IvHistory, scale: float) -> Prepared:
    """Rules prepared on `repriced`, from those prepared on the days: their expirations and strikes are the same."""
    moved, ranked = repriced(days, history, scale)
    rows = prepared.book.surface_rows(np.ones(len(days.days), dtype=np.bool_), prepared.rules.exit.dte)
    quoted = prepared.with_surface(days.surface_under(moved.market.parameters, rows))
    return replace(quoted, ranks=known_ranks(days.days, ranked, prepared.rules.gate))


def totals_at(rules: Rules, trials: Sequence[Trial], scale_and_place: tuple[float, int]) -> Totals:
    """Sum the trades of the rules on one path at a premium, on a worker."""
    scale, place = scale_and_place
    trial, days = trials[place], premium_days(trials[place])
    assert days is not None  # by `breakeven_premium`
    return run_totals(prepared_at(trial.prepare(rules), days, trial.history, scale))


def breakeven_premium(
    trials: Sequence[Trial],
    rules: Rules,
    seed: int,
    on_progress: Callable[[int, int], None] | None = None,
    mapper: Mapper | None = None,
) -> BreakevenPremium | None:
    """Break-even variance premium over the trades of all trials; None unless all are simulated.

    A modelled market is scaled to a real index, so its premium is not a parameter.

    Every scale is tried on the same paths, so that only prices change. `on_progress` is called with (scales done, most
    scales). `mapper` runs the paths of a scale on workers that open the same trials.
    """
    days = [each for trial in trials if (each := premium_days(trial)) is not None]
    if len(days) < len(trials):
        return None
    tried: dict[float, tuple[list[Prepared], float]] = {}
    given = [(trial.prepare(rules), each, trial.history) for trial, each in zip(trials, days, strict=True)]

    def gain(scale: float) -> float:
        if scale not in tried:
            if on_progress:
                on_progress(len(tried), PREMIUM_STEPS + 2)
            prepared = [prepared_at(*path, scale) for path in given]
            tried[scale] = prepared, gain_per_trade([run_totals(ready) for ready in prepared])
        return tried[scale][1]

    gains: dict[float, float] = {}

    def mapped(scale: float) -> float:
        if mapper is None:
            return gain(scale)
        if scale not in gains:
            if on_progress:
                on_progress(len(gains), PREMIUM_STEPS + 2)
            places = [(scale, place) for place in range(len(trials))]
            rows = in_order(mapper, partial(totals_at, rules), places)
            gains[scale] = gain_per_trade([Totals(*row) for row in rows])
        return gains[scale]

    ratio = _priced_over_realised(days, 1.0)
    without, shipped = mapped(0.0), mapped(1.0)
    low, high = (0.0, 1.0) if shipped > 0.0 else (1.0, MOST_PREMIUM)
    if without > 0.0:
        return BreakevenPremium(NAN, NAN, ratio, NAN, without, "the rules gain even without a premium")
    if not mapped(high) > 0.0:
        reason = f"no gain even at {MOST_PREMIUM:g} times the premium"
        return BreakevenPremium(NAN, NAN, ratio, NAN, without, reason)
    scale, slope = _root(mapped, low, high)
    gain(scale)  # the trades at that scale
    results = [run(ready) for ready in tried[scale][0]]
    sample = [trade_sample(result) for result in results]
    held = np.concatenate([result.trades["sessions"].to_numpy(dtype=np.float64) for result in results])
    error = ratio_interval(sample, float(held.mean()), seed, draws=2).standard_error
    return BreakevenPremium(
        scale, error / slope if slope > 0.0 else NAN, ratio, _priced_over_realised(days, scale), without, ""
    )


def _root(gain: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Scale at which a rising gain is zero, and its slope there, by chords and bisection.

    A chord alone creeps up from one side where the gain bends; every second step halves the interval.
    """
    at_low, at_high = gain(low), gain(high)
    for step in range(PREMIUM_STEPS):
        share = 0.5 if step % 2 else min(max(-at_low / (at_high - at_low), 0.05), 0.95)
        middle = low + share * (high - low)
        middle_gain = gain(middle)
        if middle_gain > 0.0:
            high, at_high = middle, middle_gain
        else:
            low, at_low = middle, middle_gain
        if high - low < PREMIUM_TOLERANCE:
            break
    nearest = low if abs(at_low) < abs(at_high) else high
    return nearest, (at_high - at_low) / (high - low)


def _priced_over_realised(days: Sequence[SurfaceDays], scale: float) -> float:
    """Mean 30-day implied variance over mean realised variance, all paths together."""
    priced, realised = [], []
    for each in days:
        market, first = each.market, len(each.market.days) - len(each.days)
        parameters = replace(market.parameters, premium=scaled_premium(market.parameters.premium, scale))
        priced.append(priced_variance(parameters, market.states, IV_YEARS)[first:])
        realised.append(SESSIONS_PER_YEAR * market.states.log_return[first:] ** 2)
    return float(np.concatenate(priced).mean() / np.concatenate(realised).mean())
