"""Many rules on the same trials: every combination of a grid, on all cores, and how much the best of them is luck.

Variants that open the same packages at the same costs share a book and its marks; books are spread over threads, and
what comes out depends neither on how many there are nor on which finishes first.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.bootstrap import DRAWS
from iwm_opts.backtest.engine import run
from iwm_opts.backtest.metrics import Metrics, independent_trades, measure
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.trial import Pooled, Trial
from iwm_opts.errors import InputError

Array = NDArray[np.float64]

MIN_MODELS: Final = 2
NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """One combination of a grid."""

    number: int  # its place in the grid
    values: Mapping[str, Any]  # of the grid's names
    rules: Rules


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a variant did on all trials."""

    number: int
    metrics: Mapping[str, Any]  # of `metrics.Metrics`, the drawdown flattened, and independent_trades
    daily: Array  # change of equity by day, dollars; trials one after the other


@dataclass(frozen=True, slots=True)
class SnoopingTest:
    """Whether the best of many variants gained more than the best of as many worthless ones would.

    Hansen 2005, "A test for superior predictive ability", Journal of Business & Economic Statistics 23(4): the null is
    that no variant gains more a day than not trading. The three p-values differ in how bad variants count; White's
    reality check is the last, the most cautious.
    """

    best: int  # number of the variant with the largest mean daily gain
    models: int
    p_lower: float
    p_consistent: float
    p_upper: float
    block: int  # mean length of the stationary bootstrap's blocks, sessions


def sweep(
    trials: Sequence[Trial],
    variants: Sequence[Variant],
    threads: int,
    done: Callable[[Outcome], None] | None = None,
) -> Iterator[Outcome]:
    """Run every variant on every trial; outcomes come as they are ready.

    Parameters
    ----------
    trials : sequence of Trial
    variants : sequence of Variant
    threads : int
        At least 1.
    done : callable, optional
        Hears each outcome in the thread that asked.
    """
    groups = list(_shared(variants).values())
    # Where there are fewer books than threads, some books are made twice: that costs less than an idle core.
    share = math.ceil(threads / len(groups)) if groups else 1
    parts = [group[i::share] for group in groups for i in range(min(share, len(group)))]
    with ThreadPoolExecutor(max(1, min(threads, len(parts)))) as pool:
        waiting: set[Future[list[Outcome]]] = {pool.submit(_group, trials, part) for part in parts}
        try:
            while waiting:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for outcome in (one for future in ready for one in future.result()):
                    if done:
                        done(outcome)
                    yield outcome
        finally:
            for future in waiting:
                future.cancel()


def snooping_test(outcomes: Sequence[Outcome], holding: float, seed: int, draws: int = DRAWS) -> SnoopingTest | None:
    """Test the best of some outcomes against luck; None where fewer than two of them ever traded.

    Parameters
    ----------
    holding : float
        Sessions that trades are held on average; blocks are twice as long.
    """
    from arch.bootstrap import SPA

    moving = [one for one in outcomes if np.ptp(one.daily) > 0.0]
    if len(moving) < MIN_MODELS:
        return None
    gains = np.stack([one.daily for one in moving], axis=1)
    block = int(np.clip(math.ceil(2.0 * holding), 1, max(len(gains) // 3, 1)))
    test = SPA(np.zeros(len(gains)), -gains, block_size=block, reps=draws, bootstrap="stationary", seed=seed)
    test.compute()
    best = moving[int(np.argmax(gains.mean(axis=0)))].number
    p = test.pvalues
    lower, consistent, upper = (float(p[name]) for name in ("lower", "consistent", "upper"))
    return SnoopingTest(best, len(moving), lower, consistent, upper, block)


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of a grid, the last name turning fastest.

    Raises
    ------
    InputError
        When a name has no value, or one twice.
    """
    found: list[dict[str, Any]] = [{}]
    for name, values in grid.items():
        if not values or len(set(map(str, values))) < len(values):
            raise InputError("grid", f"{name}={','.join(map(str, values))}", "needs values, each once")
        found = [one | {name: value} for one in found for value in values]
    return found


def outcome_of(variant: Variant, result: Pooled) -> Outcome:
    """Figures and daily gains of a variant."""
    trades, equity = result.trades, result.equity
    figures = measure(trades, equity, result.account)
    daily = [
        np.diff(one.equity["equity"].to_numpy(dtype=np.float64), prepend=result.account) for one in result.results
    ]  # fmt: skip
    return Outcome(variant.number, flat(figures, independent_trades(trades)), np.concatenate(daily))


def flat(figures: Metrics, independent: float) -> dict[str, Any]:
    """Metrics as one level of names."""
    found: dict[str, Any] = {}
    for name, value in asdict(figures).items():
        inner = {f"{name}_{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
        found |= inner
    return found | {"independent_trades": independent}


def _shared(variants: Sequence[Variant]) -> dict[Any, list[Variant]]:
    """Variants by what they share a book and its prices in."""
    groups: dict[Any, list[Variant]] = {}
    for one in variants:
        entry, rules = one.rules.entry, one.rules
        chosen = (entry.strategy, entry.dte, entry.dte_slack, entry.put_delta, entry.call_delta)
        key = (*chosen, entry.put_wing, entry.call_wing, rules.costs)
        groups.setdefault(key, []).append(one)
    return groups


def _group(trials: Sequence[Trial], variants: Sequence[Variant]) -> list[Outcome]:
    """Run variants that share a book, trial by trial."""
    results: list[list[Any]] = [[] for _ in variants]
    for trial in trials:
        first = trial.prepare(variants[0].rules)
        for place, variant in enumerate(variants):
            same = variant.rules.gate == first.rules.gate and variant.rules.macro == first.rules.macro
            prepared = replace(first, rules=variant.rules) if same else trial.prepare(variant.rules, first.book)
            results[place].append(run(prepared))
    return [
        outcome_of(variant, Pooled(tuple(found), tuple(trials)))
        for variant, found in zip(variants, results, strict=True)
    ]
