"""Evidence of a backtest: the strategy against its baselines on the same market."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.baselines import (
    OPPOSITE,
    RANDOM,
    UNGATED,
    Baselines,
    opposite_gate,
    prepare_baselines,
    random_gate,
    strategy,
    without_gate,
)
from iwm_opts.backtest.bootstrap import DRAWS, LEVEL, Interval, ratio_interval
from iwm_opts.backtest.breakeven import (
    BreakevenPremium,
    BreakevenSlippage,
    breakeven_premium,
    breakeven_slippage,
)
from iwm_opts.backtest.engine import run_totals
from iwm_opts.backtest.factors import Factor, FamilyTest, family_test, one_factor_at_a_time
from iwm_opts.backtest.macro import macro_notes
from iwm_opts.backtest.metrics import Metrics, independent_trades, measure
from iwm_opts.backtest.quote_bands import SPREADS, QuoteBand, quote_bands
from iwm_opts.backtest.result import Backtest
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.trial import PooledResult, Trial, gain_per_trade, risk_sample, trade_sample
from iwm_opts.conventions import SESSIONS_PER_YEAR, counted
from iwm_opts.io.mapping import Mapper, in_order, ranges

Array = NDArray[np.float64]
OnProgress = Callable[[int, int], None]

RANDOM_DRAWS: Final = 200
DRAWS_AT_ONCE: Final = 25  # of a task
NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """Results of one set of entry days on all trials, per package and day of risk."""

    name: str
    condition: str  # on which days it enters
    results: PooledResult
    metrics: Metrics
    independent: float  # trades that share no day with another, see `metrics.independent_trades`
    per_trade: Interval  # mean net gain of a package, dollars
    on_risk: Interval  # net gain over the dollars at risk each night, a year

    @classmethod
    def of(cls, name: str, results: Sequence[Backtest], trials: Sequence[Trial], seed: int, draws: int) -> "Arm":
        """Figures of results, a trial each."""
        pooled = PooledResult(tuple(results), tuple(trials))
        trades = pooled.trades
        metrics = measure(trades, pooled.equity, pooled.account)
        held = metrics.average_sessions
        return cls(
            name=name,
            condition=results[0].label,
            results=pooled,
            metrics=metrics,
            independent=independent_trades(trades),
            per_trade=ratio_interval([trade_sample(result) for result in results], held, seed, draws),
            on_risk=_yearly(ratio_interval([risk_sample(result) for result in results], held, seed, draws)),
        )

    @property
    def trades(self) -> int:
        """How many, over all trials."""
        return self.metrics.trades


@dataclass(frozen=True, slots=True)
class Difference:
    """The strategy less one rival, over the same resampled days."""

    rival: str
    trades: int  # of the rival; for random entries the mean of the draws
    rival_per_trade: float
    rival_on_risk: float
    per_trade: Interval
    on_risk: Interval
    p_value: float  # share of random draws that did at least as well per trade; NaN for other rivals

    @classmethod
    def between(cls, gated: Arm, other: Arm, seed: int, draws: int) -> "Difference":
        """Gated less another arm."""
        held = np.fmax(gated.metrics.average_sessions, other.metrics.average_sessions)
        pairs = list(zip(gated.results.results, other.results.results, strict=True))
        per_trade = [np.hstack([trade_sample(a), trade_sample(b)]) for a, b in pairs]
        on_risk = [np.hstack([risk_sample(a), risk_sample(b)]) for a, b in pairs]
        return cls(
            rival=other.name,
            trades=other.trades,
            rival_per_trade=other.per_trade.estimate,
            rival_on_risk=other.on_risk.estimate,
            per_trade=ratio_interval(per_trade, float(held), seed, draws),
            on_risk=_yearly(ratio_interval(on_risk, float(held), seed, draws)),
            p_value=NAN,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Evidence for a strategy and its uncertainty."""

    rules: Rules
    strategy: Arm
    baselines: tuple[Arm, ...]
    differences: tuple[Difference, ...]
    factors: tuple[Factor, ...]  # the rules as given and with one thing changed, one package a trade
    factor_test: FamilyTest | None  # of those; None where too few traded
    slippage: BreakevenSlippage
    premium: BreakevenPremium | None  # None: the market is not simulated, or it was not asked for
    bands: tuple[QuoteBand, ...]  # over what modelled quotes leave open; empty where not asked for
    seed: int
    notes: tuple[str, ...]


def gather_evidence(
    trials: Sequence[Trial],
    rules: Rules,
    seed: int = 1,
    draws: int = DRAWS,
    random_draws: int = RANDOM_DRAWS,
    wants_premium: bool = True,
    band_draws: int = 0,
    on_progress: OnProgress | None = None,
    mapper: Mapper | None = None,
) -> Evidence:
    """Compare the rules with their baselines on trials of one market.

    Parameters
    ----------
    trials : sequence of Trial
        Paths of one market; their trades are pooled.
    rules : Rules
    seed : int
        Of resampling and of random entries.
    draws, random_draws : int
        Resamples behind each interval; sets of random entries.
    wants_premium : bool
        Whether to look for the break-even premium where the market is simulated: ten times the work of the rest.
    band_draws : int
        Draws of the smile behind a band of gains, where quotes are modelled; 0 for none.
    on_progress : callable, optional
        Called with (steps done, steps).
    mapper : Mapper, optional
        Runs random gates and the premium on workers that open the same trials: functions take them before an item.
    """
    extra = (10 if wants_premium else 0) + (band_draws + len(SPREADS) if band_draws else 0)
    steps = _Steps(on_progress, random_draws + extra)
    prepared = [prepare_baselines(trial, rules) for trial in trials]
    gated = Arm.of("strategy", [strategy(trial) for trial in prepared], trials, seed, draws)
    others = (
        Arm.of(UNGATED, [without_gate(trial) for trial in prepared], trials, seed, draws),
        Arm.of(OPPOSITE, [opposite_gate(trial) for trial in prepared], trials, seed, draws),
    )
    differences = [Difference.between(gated, other, seed, draws) for other in others]
    differences.append(_against_chance(gated, prepared, seed, random_draws, steps, mapper))
    premium = breakeven_premium(trials, rules, seed, steps.at, mapper) if wants_premium else None
    steps.before += 10 if wants_premium else 0
    bands = quote_bands(prepared, band_draws, seed, steps.at) if band_draws else ()
    held = gated.metrics.average_sessions
    factors, samples = one_factor_at_a_time(trials, prepared, rules, held, seed)
    return Evidence(
        rules=rules,
        strategy=gated,
        baselines=others,
        differences=tuple(differences),
        factors=factors,
        factor_test=family_test(samples, held, seed),
        slippage=breakeven_slippage([trial.gated for trial in prepared]),
        premium=premium,
        bands=bands,
        seed=seed,
        notes=(*gated.results.notes, *macro_notes(trials, rules)),
    )


class _Steps:
    """Progress of work in two parts."""

    def __init__(self, on_progress: OnProgress | None, total: int) -> None:
        self.on_progress, self.total, self.before = on_progress, total, 0

    def at(self, done: int, _of: int) -> None:
        if self.on_progress:
            self.on_progress(self.before + done, self.total)


def _yearly(daily: Interval) -> Interval:
    year = SESSIONS_PER_YEAR
    bounds = (year * daily.estimate, year * daily.standard_error, year * daily.low, year * daily.high)
    return Interval(*bounds, daily.level, daily.draws, daily.block, daily.resampled)


def random_draws_on(rules: Rules, seed: int, trials: Sequence[Trial], stretch: tuple[int, int]) -> Array:
    """Draw random gates from the first to before the last of a stretch, on a worker; see `_random_draws`."""
    return np.array(list(_random_draws([prepare_baselines(trial, rules) for trial in trials], seed, stretch)))


def _random_draws(prepared: Sequence[Baselines], seed: int, stretch: tuple[int, int]) -> Iterator[tuple[float, ...]]:
    """Gain a trade, return on risk and trades of each random gate of a stretch; gates before it are drawn, not run."""
    rng = np.random.default_rng([seed, 1])
    for draw in range(stretch[1]):
        gates = [random_gate(baseline, rng) for baseline in prepared]
        if draw < stretch[0]:
            continue
        totals = [run_totals(baseline.ungated, gate) for baseline, gate in zip(prepared, gates, strict=True)]
        risk = sum(run.risk for run in totals)
        on_risk = SESSIONS_PER_YEAR * sum(run.change for run in totals) / risk if risk > 0.0 else NAN
        yield gain_per_trade(totals), on_risk, float(sum(run.trades for run in totals))


def _against_chance(
    gated: Arm, prepared: Sequence[Baselines], seed: int, draws: int, steps: _Steps, mapper: Mapper | None
) -> Difference:
    """Rank the strategy among many random gates."""
    rows: list[Sequence[float]] = []
    if mapper is None:
        for row in _random_draws(prepared, seed, (0, draws)):
            rows.append(row)
            steps.at(len(rows), draws)
    else:
        on_workers = partial(random_draws_on, prepared[0].gated.rules, seed)
        parts = in_order(
            mapper, on_workers, ranges(draws, DRAWS_AT_ONCE),
            lambda done: steps.at(min(done * DRAWS_AT_ONCE, draws), draws),
        )  # fmt: skip
        rows = [row for part in parts for row in part]
    gains, returns, trades = np.array(rows, dtype=np.float64).reshape(draws, 3).T
    steps.before = draws
    finite = gains[np.isfinite(gains)]
    beaten = float((finite >= gated.per_trade.estimate).sum())
    is_known = len(finite) and np.isfinite(gated.per_trade.estimate)
    return Difference(
        rival=RANDOM,
        trades=round(float(trades.mean())) if draws else 0,
        rival_per_trade=float(finite.mean()) if len(finite) else NAN,
        rival_on_risk=float(np.nanmean(returns)) if np.isfinite(returns).any() else NAN,
        per_trade=_beyond(gated.per_trade.estimate, gains),
        on_risk=_beyond(gated.on_risk.estimate, returns),
        p_value=(beaten + 1.0) / (len(finite) + 1.0) if is_known else NAN,
    )


def _beyond(value: float, drawn: Array) -> Interval:
    """Value less what chance gives, and less the bounds that chance keeps within."""
    finite = drawn[np.isfinite(drawn)]
    words = counted(len(finite), "random gates")
    if not len(finite) or not np.isfinite(value):
        return Interval(NAN, NAN, NAN, NAN, LEVEL, len(finite), NAN, words)
    low, high = np.quantile(finite, [0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL])
    spread = float(finite.std(ddof=1)) if len(finite) > 1 else NAN
    mean = float(finite.mean())
    return Interval(value - mean, spread, value - float(high), value - float(low), LEVEL, len(finite), NAN, words)
