"""A progress bar on standard error, on a terminal only."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def progress(what: str, values: Mapping[str, object]) -> Iterator[Callable[[int, int], None] | None]:
    """Something to call with (done, total); None without a terminal, or with --quiet."""
    if values.get("quiet") or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
