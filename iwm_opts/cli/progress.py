"""Progress with rate and time left on standard error: a bar on a terminal, elsewhere a line now and then."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import Final, TypeVar

import click

LARGE: Final = 100.0  # a second; below, three digits
SECONDS_A_LINE: Final = 30.0

OnProgress = Callable[[int, int], None]  # called with (done, total)
Answer = TypeVar("Answer")


@contextmanager
def progress(what: str, values: Mapping[str, object]) -> Iterator[OnProgress | None]:
    """Progress of one piece of work; see `steps`."""
    with steps(values) as step:
        yield step(what)


def answered(
    what: str, answer: Callable[..., Answer], request: object, values: Mapping[str, object], **more: object
) -> Answer:
    """Answer of the API to a request, with its progress."""
    with progress(what, values) as on_progress:
        return answer(request, on_progress, **more)


@contextmanager
def steps(values: Mapping[str, object]) -> Iterator[Callable[[str], OnProgress | None]]:
    """Progress of pieces of work that follow each other, by name; None with --quiet.

    Work of which less is done than before, or in all another number, has begun anew.
    """
    if values.get("quiet"):
        yield lambda what: None
        return
    if not sys.stderr.isatty():
        yield lines
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[pace]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def step(what: str) -> OnProgress:
            bar, pace = bars.add_task(what, total=None, visible=not bars.tasks, pace=""), Pace()

            def on_progress(done: int, total: int) -> None:
                bars.update(bar, completed=done, total=total, visible=True, pace=pace.words(done, total))

            return on_progress

        yield step


class Pace:
    """Rate and time left of work since it began, or began anew."""

    def __init__(self) -> None:
        self.began = monotonic()
        self.first = self.last = self.total = (
            sys.maxsize
        )  # what was done before the first call took no time of this run

    def words(self, done: int, total: int) -> str:
        """How much is done, and the rate and the time left once they are known."""
        now = monotonic()
        if done < self.last or total != self.total:
            self.began, self.first = now, done
        self.last, self.total = done, total
        if not (done > self.first and now > self.began):
            return f"{done:,} of {total:,}"
        rate = (done - self.first) / (now - self.began)
        left = timedelta(seconds=round((total - done) / rate))
        return f"{done:,} of {total:,}, {_rate(rate)}, {left} left"


def lines(what: str) -> OnProgress:
    """Write a line at most every `SECONDS_A_LINE`."""
    pace, said = Pace(), monotonic()

    def on_progress(done: int, total: int) -> None:
        nonlocal said
        words, now = pace.words(done, total), monotonic()
        said = max(said, pace.began)
        if now - said >= SECONDS_A_LINE and pace.first < done < total:
            said = now
            click.echo(f"{what}: {words}", err=True)

    return on_progress


def _rate(rate: float) -> str:
    return f"{rate:,.3g}/s" if rate < LARGE else f"{rate:,.0f}/s"
