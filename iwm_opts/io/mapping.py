"""Work as a map of a function over items: in this process, or wherever a mapper runs it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar, cast

T = TypeVar("T")
Mapper = Callable[[Callable[..., Any], Sequence[Any]], Iterator[tuple[int, Any]]]
"""Yields the place of each item and its result, in the order in which they are done."""


@contextmanager
def thread_pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Pool of threads; work that has not begun is dropped when the caller is stopped or fails."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def map_on_threads(threads: int, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Run a function on each item on threads of this process; see `Mapper`."""
    with thread_pool(threads) as pool:
        yield from enumerate(pool.map(function, items))


def in_order(
    mapper: Mapper | None,
    function: Callable[[Any], Any],
    items: Sequence[Any],
    on_done: Callable[[int], None] | None = None,
) -> list[Any]:
    """Results in the order of the items, in this process without a mapper.

    `on_done` is called with the number of items done.
    """
    results: dict[int, Any] = {}
    for place, result in mapper(function, items) if mapper else enumerate(map(function, items)):
        results[place] = result
        if on_done:
            on_done(len(results))
    return [results[place] for place in range(len(items))]


def ranges(count: int, size: int) -> list[tuple[int, int]]:
    """First and stop of stretches of at most `size`."""
    return [(first, min(first + size, count)) for first in range(0, count, size)]


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Items, the next one made in a thread while one is in use."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield cast("T", item)
