"""Entry rule: the package to open, and the days to open it on."""

from dataclasses import dataclass, field
from typing import Final, cast

import numpy as np

from iwm_opts.conventions import MAX_OPEN, STRATEGY, VERTICAL_KINDS, VerticalKind
from iwm_opts.errors import InputError
from iwm_opts.spreads.legs import UNITS, Wing
from iwm_opts.spreads.vertical import is_credit

CONDOR: Final = "iron-condor"
LONG_CALL: Final = "long-call"
LONG_PUT: Final = "long-put"
STRATEGIES: Final = (CONDOR, *VERTICAL_KINDS, LONG_CALL, LONG_PUT)
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri")
WING: Final = Wing.parse(STRATEGY.history_width)
# strategy: sides and rights of its legs in ascending strike
LEGS: Final = {
    CONDOR: ((1, -1, -1, 1), (-1, -1, 1, 1)),
    "bull-put": ((1, -1), (-1, -1)),
    "bear-call": ((-1, 1), (1, 1)),
    "bull-call": ((1, -1), (1, 1)),
    "bear-put": ((-1, 1), (-1, -1)),
    LONG_CALL: ((1,), (1,)),
    LONG_PUT: ((1,), (-1,)),
}


@dataclass(frozen=True, slots=True)
class EntryRule:
    """Entry rule: the package and the entry days.

    Deltas choose the short leg of a condor's sides and of credit verticals, the long leg of debit verticals and of
    single options, which are bought; a wing is the other leg of its side.
    """

    strategy: str = CONDOR
    dte: int = STRATEGY.target_dte  # calendar days: the expiration nearest to it is taken
    dte_slack: int = STRATEGY.dte_slack  # and none farther from it than this
    put_delta: float = STRATEGY.short_delta  # |delta|; the nearest strike is taken
    call_delta: float = STRATEGY.short_delta
    put_wing: Wing = field(default=WING)
    call_wing: Wing = field(default=WING)
    min_credit_width: float = 0.0  # credit at the entry fill over the wider wing; nothing to a debit
    weekdays: tuple[str, ...] = ()  # of WEEKDAYS; none means every session
    every: int = 1  # sessions from one entry to the next, at least
    max_open: int = MAX_OPEN  # positions

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise InputError("strategy", self.strategy, "is not traded here", f"choose one of {', '.join(STRATEGIES)}")
        for day in self.weekdays:
            if day not in WEEKDAYS:
                raise InputError("weekdays", day, "unknown weekday", f"choose of {', '.join(WEEKDAYS)}")
        for name, value, least in (("dte", self.dte, 1), ("every", self.every, 1), ("max_open", self.max_open, 1)):
            if value < least:
                raise InputError(name, value, f"must be at least {least}")
        for name, delta in (("put_delta", self.put_delta), ("call_delta", self.call_delta)):
            if not 0.0 < delta < 1.0:
                raise InputError(name, delta, "must lie in (0, 1)", "give for instance 0.16")

    @property
    def is_credit(self) -> bool:
        """Whether the package is sold for a credit, without which it is not traded."""
        return self.strategy == CONDOR or (
            self.strategy in VERTICAL_KINDS and is_credit(cast("VerticalKind", self.strategy))
        )


def wings_of(rule: EntryRule) -> tuple[float, ...]:
    """Delta of each side's anchor; its wing's width, unit and slack, or else delta: NaN for the other of the two."""
    put, call = rule.put_wing, rule.call_wing
    return (*_side(rule.put_delta, put), *_side(rule.call_delta, call))


def _side(delta: float, wing: Wing) -> tuple[float, ...]:
    return delta, wing.multiple, UNITS.index(wing.unit), wing.slack, or_nan(wing.delta)


def or_nan(value: float | None) -> float:
    return np.nan if value is None else float(value)
