"""Stress scenarios: where a path starts, and how the world differs while it lasts.

A scenario is a start of the factors and changes to the real world's dynamics, chosen so that the paths drawn under it
bracket a stretch of the real market in drawdown, its length, and implied vol; those measures are in the same file.
Option prices ignore the changes: they price the factors under the unchanged dynamics.
"""

from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iwm_opts.documents import parse_toml
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.opening import read_toml
from iwm_opts.simulation.dynamics import State, StatePath, priced_variance, simulate_states
from iwm_opts.simulation.parameters import Dynamics, Parameters, is_number

Array = NDArray[np.float64]

SHIPPED = "scenarios.toml"
IV_YEARS = 30.0 / 365.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a market path."""

    drawdown: float  # deepest fall from a peak, negative
    sessions: float  # from that peak to the trough
    peak_iv: float  # highest 30-day implied vol, decimal
    mean_iv: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """A start and a changed world."""

    name: str
    title: str
    first: date  # session it begins on
    sessions: int
    start: State
    changes: dict[str, float]  # of `Dynamics`
    measured: Outcome | None  # the real stretch; None for a user's own

    def world(self, base: Parameters) -> Parameters:
        """Parameters that states are drawn under; prices keep `base`."""
        changes: dict[str, Any] = dict(self.changes)
        return replace(base, dynamics=replace(base.dynamics, **changes))

    def outcomes(self, base: Parameters, paths: int, seed: int = 1) -> Array:
        """Outcome of each of some paths, one row a path in the order of `Outcome`'s fields, shape (paths, 4)."""
        world = self.world(base)
        rows = []
        for path in range(paths):
            states = simulate_states(world, self.sessions, seed, path, self.start)
            outcome = outcome_of(states, priced_variance(base, states, IV_YEARS))
            rows.append([getattr(outcome, field.name) for field in fields(outcome)])
        return np.array(rows)


def outcome_of(states: StatePath, variance: Array) -> Outcome:
    """Drawdown and implied vol of a path."""
    level = np.concatenate([[0.0], np.cumsum(states.log_return)])
    fall = np.expm1(level - np.maximum.accumulate(level))
    trough = int(np.argmin(fall))
    peak = int(np.argmax(level[: trough + 1]))
    iv = np.sqrt(variance)
    return Outcome(float(fall[trough]), float(trough - peak), float(iv.max()), float(iv.mean()))


@cache
def shipped_scenarios() -> dict[str, Scenario]:
    """Scenarios that come with the package, by name."""
    text = files("iwm_opts.simulation").joinpath(SHIPPED).read_text(encoding="utf-8")
    return _scenarios(parse_toml(text), SHIPPED)


def load_scenarios(path: Path) -> dict[str, Scenario]:
    """Read a user's scenarios (TOML, laid out like the shipped ones).

    Raises
    ------
    DataError
        When the file cannot be read, or a scenario lacks something or holds what nothing reads.
    """
    _, tables = read_toml(path, "give a scenario file")
    return _scenarios(tables, str(path))


def scenario(name: str, scenarios: dict[str, Scenario] | None = None) -> Scenario:
    """One scenario by name, shipped unless others are given."""
    choices = shipped_scenarios() if scenarios is None else scenarios
    if name not in choices:
        raise InputError("scenario", name, "unknown scenario", f"choose one of {', '.join(choices)}")
    return choices[name]


def _scenarios(tables: dict[str, Any], source: str) -> dict[str, Scenario]:
    return {name: _scenario(name, table, source) for name, table in tables.items()}


def _scenario(name: str, table: Any, source: str) -> Scenario:
    if not isinstance(table, dict):
        raise DataError(source, f"{name} is not a table", f"write [{name}], as in a shipped scenario", name)
    needed, optional = {"first", "sessions", "start"}, {"title", "dynamics", "measured"}
    for missing in sorted(needed - set(table)):
        raise DataError(
            source, f"[{name}] lacks {missing}", "start from a copy of a shipped scenario", f"{name}.{missing}"
        )
    for unknown in sorted(set(table) - needed - optional):
        raise DataError(
            source,
            f"[{name}] does not know {unknown}",
            f"it holds {', '.join(sorted(needed | optional))}",
            f"{name}.{unknown}",
        )
    _require_kinds(name, table, source)
    for section, kind in (("start", State), ("dynamics", Dynamics), ("measured", Outcome)):
        names = {field.name for field in fields(kind)}
        for unknown in sorted(set(table.get(section, {})) - names):
            rule, remedy = f"[{name}.{section}] does not know {unknown}", f"choose from {', '.join(sorted(names))}"
            raise DataError(source, rule, remedy, f"{name}.{section}.{unknown}")
    start = State(**{field.name: 0.0 for field in fields(State)} | table["start"])
    measured = table.get("measured")
    for missing in sorted(names - set(names if measured is None else measured)):
        rule, remedy = f"[{name}.measured] lacks {missing}", "start from a copy of a shipped scenario"
        raise DataError(source, rule, remedy, f"{name}.measured.{missing}")
    return Scenario(
        name,
        table.get("title", name),
        table["first"],
        table["sessions"],
        start,
        table.get("dynamics", {}),
        None if measured is None else Outcome(**measured),
    )


def _require_kinds(name: str, table: dict[str, Any], source: str) -> None:
    """Refuse a scenario whose entries are not of their kind."""
    sessions = table["sessions"]
    wrong = [("first", "no date, such as 2024-01-02")] if type(table["first"]) is not date else []
    if not isinstance(sessions, int) or isinstance(sessions, bool) or sessions < 1:
        wrong.append(("sessions", "no whole number from 1"))
    for part in ("start", "dynamics", "measured"):
        values = table.get(part, {})
        if not isinstance(values, dict) or not all(is_number(number) for number in values.values()):
            wrong.append((part, "no table of finite numbers"))
    for entry, what in wrong:
        raise DataError(
            source, f"[{name}] has {entry} = {table[entry]!r}, which is {what}", "correct it there", f"{name}.{entry}"
        )
