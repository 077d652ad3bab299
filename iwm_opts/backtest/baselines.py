"""What a gate is measured against: the same rules without it, behind the opposite one, and behind random ones.

All trade the same packages at the same prices on the same days of the same market; only the days on which they may
enter differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.engine import Prepared, run
from iwm_opts.backtest.gate import is_open
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
class Rivals:
    """One trial prepared for every set of entry days: the strategy's own rules, and those of its rivals.

    A gate-reversal exit is a part of the gate: rivals do without it. Where the rules have none, both are one.
    """

    own: Prepared
    rival: Prepared

    @property
    def ranked(self) -> Flags:
        """Days on which the rank is known; no set of rules enters on another."""
        return np.isfinite(self.own.ranks)

    @property
    def open_days(self) -> Flags:
        """Days on which the strategy's gate is open."""
        return is_open(self.own.ranks, self.own.rules.gate)


def prepare_rivals(trial: Trial, rules: Rules) -> Rivals:
    """Prepare a trial once for the strategy and all that it is compared with."""
    own = trial.prepare(rules)
    if rules.exit.rank is None:
        return Rivals(own, own)
    ungated = replace(rules, exit=replace(rules.exit, rank=None))
    return Rivals(own, trial.prepare(ungated, own.book))


def strategy(rivals: Rivals) -> Backtest:
    """The rules as given."""
    return run(rivals.own)


def without_gate(rivals: Rivals) -> Backtest:
    """The same rules on every day with a known rank."""
    return run(rivals.rival, rivals.ranked, UNGATED)


def opposite_gate(rivals: Rivals, rank: float = OPPOSITE_RANK) -> Backtest:
    """The same rules where the rank is at least `rank`."""
    gate = replace(rivals.own.rules.gate, below=None, at_least=rank)
    return run(rivals.rival, is_open(rivals.own.ranks, gate), str(gate))


def random_gate(rivals: Rivals, rng: np.random.Generator) -> Flags:
    """A gate open as often as the strategy's and in spells as long, at times that have nothing to do with the market.

    Its open and closed spells, over the days with a known rank, are shuffled and the whole is turned by a random number
    of days. Single random days would be spread more evenly than any gate and would make chance look smaller than it is.
    """
    ranked = np.flatnonzero(rivals.ranked)
    flags = rivals.open_days[ranked]
    drawn = np.zeros(len(rivals.ranked), dtype=bool)
    if not len(flags):
        return drawn
    edges = np.flatnonzero(np.diff(flags)) + 1
    spells = np.split(flags, edges)
    parts = [[spell for spell in spells if spell[0] == state] for state in (bool(flags[0]), not flags[0])]
    for part in parts:
        rng.shuffle(part)
    first, second = parts
    mixed = [spell for i, one in enumerate(first) for spell in (one, *second[i : i + 1])]
    drawn[ranked] = np.roll(np.concatenate(mixed), int(rng.integers(len(flags))))
    return drawn


def random_entries(rivals: Sequence[Rivals], rng: np.random.Generator) -> list[Backtest]:
    """The same rules behind a random gate on each of some trials."""
    return [run(one.rival, random_gate(one, rng), RANDOM) for one in rivals]


def is_gated(gate: GateRule) -> bool:
    """Whether a gate keeps any day with a known rank out."""
    return gate.below is not None or gate.at_least is not None
