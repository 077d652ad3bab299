"""What a backtest is evidence of: the strategy against its rivals on the same market, and a plain sentence about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.baselines import (
    OPPOSITE,
    RANDOM,
    UNGATED,
    Rivals,
    opposite_gate,
    prepare_rivals,
    random_entries,
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
from iwm_opts.backtest.macro import macro_notes
from iwm_opts.backtest.metrics import Metrics, independent_trades, measure
from iwm_opts.backtest.result import Backtest
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.trial import Pooled, Trial, mean_gain, risk_sample, trade_sample
from iwm_opts.conventions import SESSIONS_PER_YEAR

Array = NDArray[np.float64]
Told = Callable[[int, int], None]

RANDOM_DRAWS: Final = 200
NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One set of entry days on all trials: what it gained, a package and a day of risk."""

    name: str
    condition: str  # on which days it enters
    results: Pooled
    metrics: Metrics
    independent: float  # trades that share no day with another, see `metrics.independent_trades`
    per_trade: Interval  # mean net gain of a package, dollars
    on_risk: Interval  # net gain over the dollars at risk each night, a year

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


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What was found, and how much it is worth."""

    rules: Rules
    strategy: Arm
    rivals: tuple[Arm, ...]
    differences: tuple[Difference, ...]
    slippage: BreakevenSlippage
    premium: BreakevenPremium | None  # None: the market is not simulated, or it was not asked for
    seed: int
    notes: tuple[str, ...]

    @property
    def finding(self) -> str:
        """What was found, in words."""
        from iwm_opts.backtest.finding import sentences

        return " ".join(sentences(self))


def gather_evidence(
    trials: Sequence[Trial],
    rules: Rules,
    seed: int = 1,
    draws: int = DRAWS,
    random_draws: int = RANDOM_DRAWS,
    wants_premium: bool = True,
    told: Told | None = None,
) -> Evidence:
    """Compare the rules with their rivals on some trials of one market.

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
    told : callable, optional
        Hears how many of how many steps are done.
    """
    steps = _Steps(told, random_draws + (10 if wants_premium else 0))
    prepared = [prepare_rivals(one, rules) for one in trials]

    def arm(name: str, results: Sequence[Backtest]) -> Arm:
        return _arm(name, results, trials, seed, draws)

    own = arm("strategy", [strategy(one) for one in prepared])
    others = (
        arm(UNGATED, [without_gate(one) for one in prepared]),
        arm(OPPOSITE, [opposite_gate(one) for one in prepared]),
    )
    differences = [_difference(own, other, seed, draws) for other in others]
    differences.append(_against_chance(own, prepared, seed, random_draws, steps))
    premium = breakeven_premium(trials, rules, seed, steps.at) if wants_premium else None
    return Evidence(
        rules=rules,
        strategy=own,
        rivals=others,
        differences=tuple(differences),
        slippage=breakeven_slippage([one.own for one in prepared], trials),
        premium=premium,
        seed=seed,
        notes=(*own.results.notes, *macro_notes(trials, rules)),
    )


class _Steps:
    """Counts what is done of work that comes in two parts."""

    def __init__(self, told: Told | None, total: int) -> None:
        self.told, self.total, self.before = told, total, 0

    def at(self, done: int, _of: int) -> None:
        if self.told:
            self.told(self.before + done, self.total)


def _arm(name: str, results: Sequence[Backtest], trials: Sequence[Trial], seed: int, draws: int) -> Arm:
    pooled = Pooled(tuple(results), tuple(trials))
    trades = pooled.trades
    metrics = measure(trades, pooled.equity, pooled.account)
    held = metrics.average_sessions
    return Arm(
        name=name,
        condition=results[0].label,
        results=pooled,
        metrics=metrics,
        independent=independent_trades(trades),
        per_trade=ratio_interval([trade_sample(one) for one in results], held, seed, draws),
        on_risk=_yearly(ratio_interval([risk_sample(one) for one in results], held, seed, draws)),
    )


def _difference(own: Arm, other: Arm, seed: int, draws: int) -> Difference:
    held = np.fmax(own.metrics.average_sessions, other.metrics.average_sessions)
    pairs = list(zip(own.results.results, other.results.results, strict=True))
    per_trade = [np.hstack([trade_sample(a), trade_sample(b)]) for a, b in pairs]
    on_risk = [np.hstack([risk_sample(a), risk_sample(b)]) for a, b in pairs]
    return Difference(
        rival=other.name,
        trades=other.trades,
        rival_per_trade=other.per_trade.estimate,
        rival_on_risk=other.on_risk.estimate,
        per_trade=ratio_interval(per_trade, float(held), seed, draws),
        on_risk=_yearly(ratio_interval(on_risk, float(held), seed, draws)),
        p_value=NAN,
    )


def _yearly(one: Interval) -> Interval:
    year = SESSIONS_PER_YEAR
    bounds = (year * one.estimate, year * one.standard_error, year * one.low, year * one.high)
    return Interval(*bounds, one.level, one.draws, one.block, one.resampled)


def _against_chance(own: Arm, prepared: Sequence[Rivals], seed: int, draws: int, steps: _Steps) -> Difference:
    """The strategy against many random gates: where it stands among them is what chance alone allows."""
    rng = np.random.default_rng([seed, 1])
    gains, returns, trades = np.full(draws, NAN), np.full(draws, NAN), np.zeros(draws)
    for i in range(draws):
        results = random_entries(prepared, rng)
        gains[i] = mean_gain(results)
        change, borne = np.sum([risk_sample(one).sum(axis=0) for one in results], axis=0)
        returns[i] = SESSIONS_PER_YEAR * change / borne if borne > 0.0 else NAN
        trades[i] = sum(len(one.trades) for one in results)
        steps.at(i + 1, draws)
    steps.before = draws
    known = gains[np.isfinite(gains)]
    beaten = float((known >= own.per_trade.estimate).sum())
    is_known = len(known) and np.isfinite(own.per_trade.estimate)
    return Difference(
        rival=RANDOM,
        trades=round(float(trades.mean())) if draws else 0,
        rival_per_trade=float(known.mean()) if len(known) else NAN,
        rival_on_risk=float(np.nanmean(returns)) if np.isfinite(returns).any() else NAN,
        per_trade=_beyond(own.per_trade.estimate, gains),
        on_risk=_beyond(own.on_risk.estimate, returns),
        p_value=(beaten + 1.0) / (len(known) + 1.0) if is_known else NAN,
    )


def _beyond(value: float, drawn: Array) -> Interval:
    """A value less what chance gives, and less the bounds that chance keeps within."""
    known = drawn[np.isfinite(drawn)]
    words = f"{len(known)} random gates"
    if not len(known) or not np.isfinite(value):
        return Interval(NAN, NAN, NAN, NAN, LEVEL, len(known), NAN, words)
    low, high = np.quantile(known, [0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL])
    spread = float(known.std(ddof=1)) if len(known) > 1 else NAN
    mean = float(known.mean())
    return Interval(value - mean, spread, value - float(high), value - float(low), LEVEL, len(known), NAN, words)
