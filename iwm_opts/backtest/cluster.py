"""Work on a Dask cluster, with the results of one process.

A function is shipped once, items one a task. A market is not shipped: a worker opens it by its request (simulates it,
or reads the same files), keeps it, and compares its prices with the client's by digest. Results depend on function and
item alone, so that workers, chunks, order, retries and lost workers do not change a byte.
"""

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock, local
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.grid import MOST_BOOKS, DailyGains, Outcomes, Variant, Variants, run_variants
from iwm_opts.backtest.rule_table import RuleTable
from iwm_opts.backtest.saved import data_digests
from iwm_opts.backtest.selection import COLUMNS, Family, Work
from iwm_opts.backtest.sweep import BookCache
from iwm_opts.backtest.trial import Trial
from iwm_opts.conventions import counted
from iwm_opts.errors import DataError, InputError, IwmOptsError
from iwm_opts.io.mapping import ranges

if TYPE_CHECKING:
    from distributed import Client

Array = NDArray[np.float64]
Places = NDArray[np.int64]

LOCAL: Final = "local"
TASKS_A_WORKER: Final = 8  # unless a chunk is given: enough to even out ranges of unequal length
RETRIES: Final = 3  # of a task whose worker was lost
TIMEOUT: Final = 30.0  # seconds to reach a scheduler
MISSING: Final = "needs dask and distributed"
INSTALL: Final = 'install them with: pip install "iwm-opts[cluster]"'

_trials: dict[str, tuple[Trial, ...]] = {}  # of this worker, by the digest of their opener
_opening = Lock()
_worker = local()  # trials and their books of a thread of this worker


@dataclass(frozen=True, slots=True)
class MarketOpener:
    """How a worker opens the market.

    Attributes
    ----------
    open_trials : callable
        Picklable.
    data : mapping
        `data_digests` of the client's trials.
    """

    open_trials: Callable[[], tuple[Trial, ...]]
    data: Mapping[str, str]

    def trials(self) -> tuple[Trial, ...]:
        """Trials of this worker, opened once.

        Raises
        ------
        DataError
            When they have other prices than the client's.
        """
        key = hashlib.sha256(pickle.dumps(self)).hexdigest()
        with _opening:
            if key not in _trials:
                _trials.clear()  # memory for one market
                _trials[key] = self.open_trials()
        trials = _trials[key]
        if data_digests(trials) != self.data:
            rule = "a worker sees other prices than the client"
            raise DataError("cluster", rule, "give the workers the same files and release of iwm-opts")
        return trials


@contextmanager
def open_client(cluster: str, on_open: Callable[[str], None] | None = None) -> Iterator["Client"]:
    """Client of a cluster.

    Parameters
    ----------
    cluster : str
        `local`: one single-threaded process a core, for this run alone; the address of a scheduler, `tcp://HOST:PORT`;
        or its scheduler file.
    on_open : callable, optional
        Called with a line on the workers and the dashboard.

    Raises
    ------
    InputError
        When dask is not installed.
    DataError
        When no scheduler answers.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError("cluster", cluster, MISSING, INSTALL) from None
    started = None
    try:
        if cluster == LOCAL:
            started = LocalCluster(
                n_workers=os.cpu_count() or 1, threads_per_worker=1, processes=True, dashboard_address=":0"
            )
            client = Client(started)
        elif "://" in cluster:
            client = Client(cluster, timeout=TIMEOUT)
        elif Path(cluster).is_file():
            client = Client(scheduler_file=cluster, timeout=TIMEOUT)
        else:
            rule = "names neither local, an address nor a scheduler file"
            raise InputError("cluster", cluster, rule, "write local, tcp://HOST:PORT or a file")
    except (OSError, ValueError) as error:
        if isinstance(error, IwmOptsError):
            raise
        raise DataError(cluster, f"no scheduler answers ({error})", "start one, or use --cluster local") from None
    try:
        if on_open:
            count = len(client.scheduler_info(n_workers=-1)["workers"])
            on_open(f"cluster of {counted(count, 'workers')}; dashboard {client.dashboard_link}")
        yield client
    finally:
        client.close()
        if started is not None:
            started.close()


def map_on_cluster(
    client: "Client",
    function: Callable[..., Any],
    items: Sequence[Any],
    opener: MarketOpener | None = None,
) -> Iterator[tuple[int, Any]]:
    """Run a function on each item; see `io.mapping.Mapper`.

    Parameters
    ----------
    client : distributed.Client
    function : callable
        Picklable; takes an item, after the trials of the market where it is opened.
    items : sequence
        Picklable.
    opener : MarketOpener, optional

    Raises
    ------
    DataError
        When a worker sees other prices, or the cluster is lost.
    """
    from distributed import as_completed

    payload = pickle.dumps((function, opener))
    key = hashlib.sha256(payload).hexdigest()[:16]
    try:
        # A task in place of scattered data: it can be computed again when the workers that hold it are lost.
        work = client.submit(pickle.loads, payload, key=f"iwm-work-{key}", retries=RETRIES)
        futures = {
            client.submit(run_item, work, item, key=f"iwm-item-{key}-{_digest(item)}", retries=RETRIES): place
            for place, item in enumerate(items)
        }
        for future in as_completed(list(futures)):
            yield futures[future], future.result()
            future.release()
    except IwmOptsError:
        raise
    except (OSError, CancelledError, RuntimeError) as error:  # also distributed's KilledWorker and CommClosedError
        rule = f"lost ({type(error).__name__}: {error})"
        raise DataError("cluster", rule, "run it again: what --output holds is kept") from None


def run_item(work: tuple[Callable[..., Any], MarketOpener | None], item: Any) -> Any:
    """Run the function on one item, on a worker."""
    function, opener = work
    return function(item) if opener is None else function(opener.trials(), item)


def _digest(item: Any) -> str:
    return hashlib.sha256(pickle.dumps(item)).hexdigest()[:16]


def run_variants_on_cluster(
    client: "Client", opener: MarketOpener, variants: Sequence[Variant], chunk: int | None = None
) -> Iterator[Outcomes]:
    """Run variants on a cluster; yields outcomes in the order in which ranges are done.

    Parameters
    ----------
    client : distributed.Client
    opener : MarketOpener
    variants : sequence of Variant
    chunk : int, optional
        Variants a task; the outcomes do not depend on it.

    Raises
    ------
    DataError
        When a worker sees other prices, or the cluster is lost: outcomes yielded before are whole.
    """
    run = partial(run_range, Variants.of(variants).by_book())
    spans = _spans(client, len(variants), chunk)
    for _, outcomes in map_on_cluster(client, run, spans, opener) if spans else ():
        yield outcomes


def _spans(client: "Client", count: int, chunk: int | None = None) -> list[tuple[int, int]]:
    """First and stop of each task's stretch."""
    workers = max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)
    return ranges(count, chunk or max(1, -(-count // (workers * TASKS_A_WORKER))))


def run_range(variants: Variants, trials: Sequence[Trial], span: tuple[int, int]) -> Outcomes:
    """Outcomes of a range of variants, on a worker."""
    some = variants[slice(*span)]
    return Outcomes.joined(list(run_variants(trials, some, threads=1, caches=_book_caches(trials))))


def family_on_cluster(client: "Client", opener: MarketOpener, gains: DailyGains, places: Places) -> Family:
    """Daily P&L of some variants, read on the workers of a cluster by the test against luck.

    Parameters
    ----------
    client : distributed.Client
    opener : MarketOpener
        Of the trials of `gains`.
    gains : DailyGains
    places : ndarray of int
        Of the family's variants.
    """
    rules = gains.rules.take(places)

    def elsewhere(work: Work, order: Places) -> Iterator[list[Any]]:
        """Results of each stretch's chunks, in the order of the stretches."""
        chunk_of = -(-len(order) // COLUMNS)  # chunks stay whole: sums over their variants keep their bytes
        spans = [(start * COLUMNS, stop * COLUMNS) for start, stop in _spans(client, chunk_of)]
        waiting: dict[int, list[Any]] = {}
        following = 0
        for place, results in map_on_cluster(client, partial(work_on_range, rules, order, work), spans, opener):
            waiting[place] = results
            while following in waiting:
                yield waiting.pop(following)
                following += 1

    return Family(gains.days, len(places), lambda some: gains(places[some]), elsewhere)


def work_on_range(
    rules: RuleTable, order: Places, work: Work, trials: Sequence[Trial], span: tuple[int, int]
) -> list[Any]:
    """Results of work on the daily P&L of each chunk of a range of variants, on a worker."""
    gains = DailyGains(trials, rules, 1, _book_caches(trials))
    family = Family(gains.days, len(rules), gains)
    return list(family.results(work, order[slice(*span)]))


def _book_caches(trials: Sequence[Trial]) -> Sequence[BookCache]:
    """Books of a worker's trials, for its next task to go on with."""
    if getattr(_worker, "trials", None) is not trials:
        _worker.trials, _worker.caches = trials, [BookCache(MOST_BOOKS) for _ in trials]
    caches: Sequence[BookCache] = _worker.caches
    return caches
