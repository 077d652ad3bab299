"""Sweeps on a Dask cluster: a task is a range of variants; a worker opens the market once and keeps it.

A market is not shipped: its request is, and each worker opens it (simulates it, or reads the same files) and compares
its prices with the client's by digest. The figures of a variant depend on its rules and the market alone, so that
workers, ranges, order, retries and lost workers do not change a byte.
"""

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from iwm_opts.backtest.grid import Outcomes, Variant, Variants, run_variants
from iwm_opts.backtest.saved import data_digests
from iwm_opts.backtest.trial import Trial
from iwm_opts.errors import DataError, InputError, IwmOptsError

if TYPE_CHECKING:
    from distributed import Client

LOCAL: Final = "local"
TASKS_A_WORKER: Final = 8  # unless a chunk is given: enough to even out ranges of unequal length
RETRIES: Final = 3  # of a task whose worker was lost
TIMEOUT: Final = 30.0  # seconds to reach a scheduler
MISSING: Final = "needs dask and distributed"
INSTALL: Final = 'install them with: pip install "iwm-opts[cluster]"'

_trials: dict[str, tuple[Trial, ...]] = {}  # of this worker, by the digest of their work
_opening = Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What a worker needs to run any range of variants.

    Attributes
    ----------
    open_trials : callable
        Opens the market; picklable.
    data : dict
        Digests of the data that the client sees; see `data_digests`.
    variants : Variants
        Those that share packages are neighbours.
    """

    open_trials: Callable[[], tuple[Trial, ...]]
    data: Mapping[str, str]
    variants: Variants


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
            on_open(f"cluster of {count} workers; dashboard {client.dashboard_link}")
        yield client
    finally:
        client.close()
        if started is not None:
            started.close()


def run_on_cluster(
    client: "Client",
    open_trials: Callable[[], tuple[Trial, ...]],
    data: Mapping[str, str],
    variants: Sequence[Variant],
    chunk: int | None = None,
) -> Iterator[Outcomes]:
    """Run variants on a cluster; yields outcomes in the order in which ranges are done.

    Parameters
    ----------
    client : distributed.Client
    open_trials : callable
        Opens the market on a worker; picklable.
    data : mapping
        `data_digests` of the client's trials.
    variants : sequence of Variant
    chunk : int, optional
        Variants a task; the outcomes do not depend on it.

    Raises
    ------
    DataError
        When a worker sees other prices, or the cluster is lost: outcomes yielded before are whole.
    """
    from distributed import as_completed

    if not variants:
        return
    work = Work(open_trials, data, Variants.of(variants).by_book())
    payload = pickle.dumps(work)
    key = hashlib.sha256(payload).hexdigest()[:16]
    workers = max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)
    size = chunk or max(1, -(-len(variants) // (workers * TASKS_A_WORKER)))
    try:
        # A task in place of scattered data: it can be computed again when the workers that hold it are lost.
        shared = client.submit(pickle.loads, payload, key=f"iwm-work-{key}", retries=RETRIES)
        futures = [
            client.submit(
                run_range, shared, key, start, start + size, key=f"iwm-sweep-{key}-{start}-{size}", retries=RETRIES
            )
            for start in range(0, len(variants), size)
        ]
        for future in as_completed(futures):
            yield future.result()
            future.release()
    except IwmOptsError:
        raise
    except (OSError, CancelledError, RuntimeError) as error:  # also distributed's KilledWorker and CommClosedError
        name = type(error).__name__
        raise DataError("cluster", f"lost ({name}: {error})", "run it again: --output keeps what is done") from None


def run_range(work: Work, key: str, start: int, stop: int) -> Outcomes:
    """Outcomes of a range of variants, on a worker.

    Raises
    ------
    DataError
        When the market of this worker has other prices than the client's.
    """
    with _opening:
        if key not in _trials:
            _trials.clear()  # memory for one market
            _trials[key] = work.open_trials()
    trials = _trials[key]
    if data_digests(trials) != work.data:
        rule = "a worker sees other prices than the client"
        raise DataError("cluster", rule, "give the workers the same files and release of iwm-opts")
    return Outcomes.joined(list(run_variants(trials, work.variants[start:stop], threads=1)))
