"""Attempts on readers: each ends in a sound result or in a package error of at most 500 printable characters.

`IWM_OPTS_FUZZ=2500 IWM_OPTS_FUZZ_ROWS=1000000` runs 2,500 cases of each kind of file and chains of a million rows;
`IWM_OPTS_FUZZ_SECONDS=60` stops after a minute in all; without any, a few cases of each kind. `IWM_OPTS_FUZZ_FIRST` is
the first seed, for cases that have not run yet. A finding names its kind and seed, and runs again alone with
`IWM_OPTS_FUZZ_SEED`.
"""

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from iwm_opts.errors import IwmOptsError

CASES = int(os.environ.get("IWM_OPTS_FUZZ", "25"))  # for each kind of file
SECONDS = float(os.environ.get("IWM_OPTS_FUZZ_SECONDS", "inf"))
FIRST = int(os.environ.get("IWM_OPTS_FUZZ_FIRST", "0"))  # seed
ONE = os.environ.get("IWM_OPTS_FUZZ_SEED")
LONGEST_MESSAGE = 500
LONGEST_RUN = 10.0  # seconds
KINDS = 19  # that share the seconds


@dataclass
class Tally:
    """Figures of one kind of file."""

    cases: int = 0
    rows: int = 0
    refused: int = 0
    longest_message: int = 0
    longest_run: float = 0.0
    started: float = field(default_factory=time.monotonic)


@contextmanager
def nothing_swallowed() -> Iterator[None]:
    """Raise what Python would print as ignored: an exception in a callback of a library."""
    swallowed: list[str] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda event: swallowed.append(repr(event.exc_value))
    try:
        yield
    finally:
        sys.unraisablehook = before
        if swallowed:
            raise AssertionError(f"swallowed: {swallowed[0]}")


class Fuzz:
    """Seeds of cases, attempts, and figures of both."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}

    def seeds(self, kind: str, needed_rows: int = 0) -> Iterator[int]:
        """Seeds until the cases, the rows or the seconds are used up."""
        tally = self.tallies.setdefault(kind, Tally())
        tally.started = time.monotonic()
        if ONE:
            yield int(ONE)
            return
        seed = FIRST
        while (seed < FIRST + CASES or tally.rows < needed_rows) and time.monotonic() - tally.started < SECONDS / KINDS:
            yield seed
            seed += 1

    def each(self, kind: str, case: Callable[[int], None], needed_rows: int = 0) -> None:
        """Run the case of each seed, and name every finding at the end."""
        findings = []
        for seed in self.seeds(kind, needed_rows):
            try:
                case(seed)
            except AssertionError as error:
                findings.append(f"{kind}, {seed}: {' '.join(str(error).split())[:300]}")
        assert not findings, "\n".join([f"{len(findings)} findings:", *findings[:50]])

    def attempt(
        self,
        kind: str,
        seed: object,
        read: Callable[[], object],
        check: Callable[[object], None] = lambda result: None,
        rows: int = 0,
        *,
        is_setting: bool = False,
    ) -> None:
        """Run a reader once; `check` asserts what holds of its result. The error of a setting has a remedy."""
        tally = self.tallies.setdefault(kind, Tally())
        start, message, remedy = time.monotonic(), "", ""
        try:
            with warnings.catch_warnings(), nothing_swallowed():
                warnings.simplefilter("error")
                result = read()
        except IwmOptsError as error:
            message = str(error)
            remedy = getattr(error, "remedy", "")
            tally.refused += 1
        except Exception as error:
            raise AssertionError(f"{kind}, {seed}: {type(error).__name__}: {error}"[:2000]) from error
        else:
            check(result)
        seconds = time.monotonic() - start
        tally.cases, tally.rows = tally.cases + 1, tally.rows + rows
        tally.longest_message = max(tally.longest_message, len(message))
        tally.longest_run = max(tally.longest_run, seconds)
        assert len(message) <= LONGEST_MESSAGE, (kind, seed, len(message))
        assert message.isprintable(), (kind, seed)
        assert remedy or not (message and is_setting), (kind, seed, message)
        assert seconds < LONGEST_RUN, (kind, seed, seconds)


FUZZ = Fuzz()


@pytest.fixture(scope="session")
def fuzz() -> Fuzz:
    return FUZZ


@pytest.fixture(scope="session")
def corpus() -> list[Path]:
    """Past findings: file names begin with their kind."""
    return sorted((Path(__file__).parent / "corpus").iterdir())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not FUZZ.tallies or not {"IWM_OPTS_FUZZ", "IWM_OPTS_FUZZ_SECONDS"} & set(os.environ):
        return
    terminalreporter.section("fuzz")
    terminalreporter.write_line("kind         cases       rows   refused  longest message  longest run")
    for kind, tally in FUZZ.tallies.items():
        terminalreporter.write_line(
            f"{kind:<10} {tally.cases:>7,} {tally.rows:>10,} {tally.refused / max(tally.cases, 1):>9.0%} "
            f"{tally.longest_message:>16} {tally.longest_run:>10.2f} s"
        )
