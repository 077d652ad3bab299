"""Baselines of a gate: the same rules ungated, behind the opposite gate and behind random gates.

All trade the same packages at the same prices on the same days of the same market; only the days on which they may
enter differ.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.engine import run
from iwm_opts.backtest.gate import is_open
from iwm_opts.backtest.prepared import Prepared
from iwm_opts.backtest.result import Backtest
from iwm_opts.backtest.rules import GateRule, Rules
from iwm_opts.backtest.trial import Trial

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

OPPOSITE_RANK: Final = 50.0
UNGATED: Final = "without the gate"
OPPOSITE: Final = "opposite gate"
RANDOM: Final = "random entries"


@dataclass(frozen=True, slots=True, eq=False)
class Baselines:
    """One trial prepared for every set of entry days: the strategy's rules and its baselines'.

    A gate-reversal exit is part of the gate: baselines do without it. Where the rules have none, both are one.
    """

    gated: Prepared
    ungated: Prepared

    @property
    def ranked(self) -> Flags:
        """Days on which the rank is known; no set of rules enters on another."""
        return np.isfinite(self.gated.ranks)

    @property
    def open_days(self) -> Flags:
        """Days on which the strategy's gate is open."""
        return is_open(self.gated.ranks, self.gated.rules.gate)


def prepare_baselines(trial: Trial, rules: Rules) -> Baselines:
    """Prepare a trial once for the strategy and all that it is compared with."""
    prepared = trial.prepare(rules)
    if rules.exit.rank is None:
        return Baselines(prepared, prepared)
    ungated = replace(rules, exit=replace(rules.exit, rank=None))
    return Baselines(prepared, trial.prepare(ungated, prepared.book))


def strategy(baselines: Baselines) -> Backtest:
    """Rules as given."""
    return run(baselines.gated)


def without_gate(baselines: Baselines) -> Backtest:
    """Return the same rules on every day with a known rank."""
    return run(baselines.ungated, baselines.ranked, UNGATED)


def opposite_gate(baselines: Baselines, rank: float = OPPOSITE_RANK) -> Backtest:
    """Return the same rules where the rank is at least `rank`."""
    gate = replace(baselines.gated.rules.gate, below=None, at_least=rank)
    return run(baselines.ungated, is_open(baselines.gated.ranks, gate), str(gate))


def random_gate(baselines: Baselines, rng: np.random.Generator) -> Flags:
    """Gate open as often as the strategy's and in spells as long, at times that have nothing to do with the market.

    Its open and closed spells, over the days with a known rank, are shuffled and the whole is turned by a random number
    of days. Single random days would be spread more evenly than any gate and would make chance look smaller than it is.
    """
    ranked = np.flatnonzero(baselines.ranked)
    flags = baselines.open_days[ranked]
    drawn = np.zeros(len(baselines.ranked), dtype=bool)
    if not len(flags):
        return drawn
    edges = np.flatnonzero(np.diff(flags)) + 1
    lengths = np.diff(edges, prepend=0, append=len(flags))
    states = np.arange(len(lengths)) % 2 == (0 if flags[0] else 1)
    for spells in (lengths[0::2], lengths[1::2]):
        rng.shuffle(spells)
    drawn[ranked] = np.roll(np.repeat(states, lengths), int(rng.integers(len(flags))))
    return drawn


def is_gated(gate: GateRule) -> bool:
    """Whether a gate keeps any day with a known rank out."""
    return gate.below is not None or gate.at_least is not None
