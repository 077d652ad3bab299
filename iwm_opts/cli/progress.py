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
SECONDS_OF_RATE: Final = 600.0  # tasks of a cluster take a minute and more

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
    from rich.progress import Progress, ProgressColumn, Task
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            rate = task.finished_speed or task.speed
            return Text("" if rate is None else _rate(rate))

    columns = (*Progress.get_default_columns(), RateColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, speed_estimate_period=SECONDS_OF_RATE) as bars:

        def step(what: str) -> OnProgress:
            bar = bars.add_task(what, total=None, visible=not bars.tasks)

            def on_progress(done: int, total: int) -> None:
                if done < bars.tasks[bar].completed:
                    bars.reset(bar)
                bars.update(bar, completed=done, total=total, visible=True)

            return on_progress

        yield step


def lines(what: str) -> OnProgress:
    """Write a line at most every `SECONDS_A_LINE`."""
    began = said = monotonic()
    first = last = of = sys.maxsize  # what was done before the first call took no time of this run

    def on_progress(done: int, total: int) -> None:
        nonlocal began, said, first, last, of
        now = monotonic()
        if done < last or total != of:
            began, said, first = now, now, done
        last, of = done, total
        if now - said >= SECONDS_A_LINE and first < done < total:
            said, rate = now, (done - first) / (now - began)
            left = timedelta(seconds=round((total - done) / rate))
            click.echo(f"{what}: {done:,} of {total:,}, {_rate(rate)}, {left} left", err=True)

    return on_progress


def _rate(rate: float) -> str:
    return f"{rate:,.3g}/s" if rate < LARGE else f"{rate:,.0f}/s"
