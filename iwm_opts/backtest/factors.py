"""One factor at a time: the same rules with other wings, exits or none, behind the gate and without it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.baselines import Baselines
from iwm_opts.backtest.bootstrap import Interval, ratio_interval
from iwm_opts.backtest.engine import run_sample
from iwm_opts.backtest.gate import is_open
from iwm_opts.backtest.rules import ExitRule, Rules
from iwm_opts.backtest.selection import MIN_DAYS, MIN_VARIANTS, SIGNIFICANT, superior_ability
from iwm_opts.backtest.trial import Trial
from iwm_opts.spreads.entry_rule import LEGS
from iwm_opts.spreads.legs import Wing

Array = NDArray[np.float64]

DRAWS: Final = 499  # resamples behind each interval: a dozen rows are read together
WINGS: Final = (*map(Wing.parse, ("1%", "2%", "4%", "0.5sd")), Wing(delta=0.05))
HELD: Final = ExitRule(profit=None, stop=None, dte=None)
GIVEN: Final = "as given"


@dataclass(frozen=True, slots=True)
class Factor:
    """Net gain of a package under the rules as given or with one thing changed, dollars a trade."""

    name: str
    trades: int  # gated
    gated: Interval
    ungated_trades: int
    ungated: Interval


class FamilyTest(NamedTuple):
    """Test of the rules as given and of each with one thing changed, gated and ungated, against luck."""

    rules: int  # that traded
    p_value: float  # that none of them gains: Hansen's SPA, studentised
    significant: int  # of them, jointly: Romano-Wolf stepdown


def variants(rules: Rules) -> dict[str, Rules]:
    """Rules by name: as given, then each with one thing changed; those that change nothing are left out.

    One package a trade, as given too: wide wings would not fit the size of the rules, and rows of two sizes would
    differ in two things.
    """
    rules = replace(rules, size=replace(rules.size, contracts=1))
    entry, exits = rules.entry, rules.exit
    changed = {
        f"wings {wing}": replace(rules, entry=replace(entry, put_wing=wing, call_wing=wing)) for wing in WINGS
    }  # fmt: skip
    apart = {"no target": {"profit": None}, "no stop": {"stop": None, "touch": False}, "no DTE exit": {"dte": None}}
    changed |= {name: replace(rules, exit=replace(exits, **off)) for name, off in apart.items()}  # type: ignore[arg-type]
    changed["held to expiry"] = replace(rules, exit=HELD)
    if len(LEGS[entry.strategy][0]) == 1:
        changed = {name: variant for name, variant in changed.items() if not name.startswith("wings")}
    return {GIVEN: rules} | {name: variant for name, variant in changed.items() if variant != rules}


def one_factor_at_a_time(
    trials: Sequence[Trial], baselines: Sequence[Baselines], rules: Rules, holding: float, seed: int
) -> tuple[tuple[Factor, ...], list[Sequence[Array]]]:
    """Run each variant gated and ungated; variants of one wing share their packages and marks.

    Parameters
    ----------
    trials : sequence of Trial
    baselines : sequence of Baselines
        Of the rules, a trial each: their books are used again.
    rules : Rules
        As given; those of size alone are not read.
    holding : float
        Sessions that a trade of the rules is held on average.
    seed : int

    Returns
    -------
    factors : tuple of Factor
    samples : list
        Gain and trades by day of entry, a trial each: of each factor gated and ungated.
    """
    factors = []
    all_samples: list[Sequence[Array]] = []
    for name, variant in variants(rules).items():
        gated, ungated = [], []
        for trial, baseline in zip(trials, baselines, strict=True):
            book = baseline.gated.book  # serves the same entries, and other wings on a surface
            if variant.entry == baseline.gated.rules.entry:
                prepared = replace(baseline.gated, rules=variant)
            else:
                shared = book.with_rule(variant.entry) if len(book.arrays.surface) else None
                prepared = trial.prepare(variant, shared)
            gated.append(run_sample(prepared, is_open(prepared.ranks, rules.gate)))
            free = replace(variant, exit=replace(variant.exit, rank=None))  # that exit is part of the gate
            ungated.append(run_sample(replace(prepared, rules=free), baseline.ranked))
        counts = [round(sum(sample[:, 1].sum() for sample in samples)) for samples in (gated, ungated)]
        # Without its DTE exit a trade may be held twice as long: blocks follow the data where they ask for more.
        spans = [ratio_interval(samples, holding, seed, DRAWS) for samples in (gated, ungated)]
        factors.append(Factor(name, counts[0], spans[0], counts[1], spans[1]))
        all_samples += [gated, ungated]
    return tuple(factors), all_samples


def family_test(samples: Sequence[Sequence[Array]], holding: float, seed: int) -> FamilyTest | None:
    """Test some rules, given by gain and trades by day of entry on each trial, against luck; None for too few."""
    gains = np.stack([np.concatenate(trials)[:, 0] for trials in samples], axis=1)
    gains = gains[:, np.ptp(gains, axis=0) > 0.0]
    days, count = gains.shape
    if days < MIN_DAYS or count < MIN_VARIANTS:
        return None
    block = min(math.ceil(np.fmax(2.0 * holding, 1.0)), max(days // 3, 1))
    result = superior_ability(gains, block, seed, DRAWS)
    return FamilyTest(count, result.p_consistent, int((result.p_stepdown < SIGNIFICANT).sum()))
