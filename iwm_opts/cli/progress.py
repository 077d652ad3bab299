"""A progress bar with rate and time left on standard error, on a terminal only."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

LARGE: Final = 100.0  # a second; below, three digits


@contextmanager
def progress(what: str, values: Mapping[str, object]) -> Iterator[Callable[[int, int], None] | None]:
    """Something to call with (done, total); None without a terminal, or with --quiet."""
    if values.get("quiet") or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, Task
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            rate = task.finished_speed or task.speed
            return Text("" if rate is None else f"{rate:,.3g}/s" if rate < LARGE else f"{rate:,.0f}/s")

    columns = (*Progress.get_default_columns(), RateColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
