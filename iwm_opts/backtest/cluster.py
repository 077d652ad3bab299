"""Work on a Dask cluster, with the results of one process.

A function is shipped once, items one a task. A market is not shipped: a worker opens it by its request (simulates it,
or reads the same files), keeps it, and compares its prices with the client's by digest. Results depend on function and
item alone, so that workers, chunks, order, retries and lost workers do not change a byte.
"""

import hashlib
import logging
import os
import pickle
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock, local
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.grid import MOST_BOOKS, DailyGains, Outcomes, Variant, Variants, run_variants
from iwm_opts.backtest.rule_table import GridRules, RuleTable
from iwm_opts.backtest.saved import data_digests
from iwm_opts.backtest.selection import COLUMNS, Family, Work
from iwm_opts.backtest.sweep import BookCache
from iwm_opts.backtest.trial import Trial
from iwm_opts.conventions import counted
from iwm_opts.errors import DataError, InputError, IwmOptsError
from iwm_opts.io.mapping import ranges
from iwm_opts.io.opening import read_object
from iwm_opts.io.panel_cache import PACKAGE, code_digest

if TYPE_CHECKING:
    from distributed import Client

Places = NDArray[np.int64]

LOCAL: Final = "local"
ADDRESS: Final = re.compile(r"(?:tcp|tls|wss?)://(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+):(\d{1,5})/?")
PORTS: Final = range(1, 1 << 16)
WRITE: Final = "write local, tcp://HOST:PORT or a scheduler's file"
SHORTEST: Final = 64  # parts of a worker's share, of which the last tasks are one each
LONGEST: Final = 2**15  # variants of a task: a minute of 20 paths, which a stop or a lost worker costs at most
RETRIES: Final = 3  # of a task whose worker was lost
TIMEOUT: Final = 30.0  # seconds to reach a scheduler
SECONDS_A_LOOK: Final = "1s"
QUIET: Final = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": SECONDS_A_LOOK,
    "distributed.admin.tick.interval": SECONDS_A_LOOK,
    "distributed.admin.system-monitor.interval": SECONDS_A_LOOK,
    "distributed.scheduler.work-stealing-interval": SECONDS_A_LOOK,
    "distributed.scheduler.worker-saturation": 1.0,
}
"""Settings of a local cluster: Dask's looks at itself, up to 100 a second, take a tenth of two cores by default, and a
second task of a worker would wait for its first while others have none."""
MALLOC: Final = {"MALLOC_TRIM_THRESHOLD_": 2**28, "MALLOC_MMAP_THRESHOLD_": 2**25}
"""Environment of local workers: under Dask's own, every array is new pages, a fifth more time to read daily P&L."""
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
        key = digest(self)
        with _opening:
            if key not in _trials:
                _trials.clear()  # memory for one market
                trials = self.open_trials()
                if data_digests(trials) != self.data:
                    rule = "a worker sees other prices than the client"
                    raise DataError("cluster", rule, "give the workers the same files", "prices")
                _trials[key] = trials
            return _trials[key]


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
        from distributed.utils import silence_logging_cmgr
    except ImportError:
        raise InputError("cluster", cluster, MISSING, INSTALL) from None
    with ExitStack() as stack:
        # A lost connection ends in an error of one line: no tracebacks of Dask's around it.
        stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
        try:
            client = _connect(cluster, stack)
        except (OSError, ValueError) as error:
            if isinstance(error, IwmOptsError):
                raise
            raise DataError(
                cluster, f"no scheduler answers ({error})", "start one, or use `cluster` local", "scheduler"
            ) from None
        if on_open:
            count = len(client.scheduler_info(n_workers=-1)["workers"])
            on_open(f"cluster of {counted(count, 'workers')}; dashboard {client.dashboard_link}")
        yield client


def _connect(cluster: str, stack: ExitStack) -> "Client":
    """Client of a cluster, both closed with the stack."""
    import dask
    from distributed import Client, LocalCluster

    if cluster == LOCAL:
        environment = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in MALLOC.items()}
        with dask.config.set({**QUIET, **environment}):
            local_cluster = LocalCluster(
                n_workers=os.cpu_count() or 1, threads_per_worker=1, processes=True, dashboard_address=":0",
                silence_logs=logging.CRITICAL,
            )  # fmt: skip
        # Results need not pass through the scheduler, and stay in its memory, where workers can be reached.
        options: dict[str, Any] = {"address": stack.enter_context(local_cluster), "direct_to_workers": True}
    else:
        address: object = cluster
        if "://" not in cluster:  # the scheduler's file
            if not Path(cluster).is_file():
                rule = "names neither local, an address nor a scheduler file"
                raise InputError("cluster", cluster, rule, WRITE)
            address = (read_object(Path(cluster), WRITE) or {}).get("address")
        named = ADDRESS.fullmatch(address) if isinstance(address, str) else None
        if named is None or int(named[1]) not in PORTS:
            raise InputError("cluster", cluster, "names no address of a scheduler", WRITE)
        options = {"address": named[0]}
    client: Client = stack.enter_context(Client(**options, timeout=TIMEOUT))
    return client


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
        When a worker has other prices or another release, or the cluster is lost.
    """
    from distributed import as_completed

    key = digest((function, opener))
    try:
        # A task in place of scattered data: it can be computed again when the workers that hold it are lost.
        work = client.submit(open_work, function, opener, code_digest(PACKAGE), key=f"iwm-work-{key}", retries=RETRIES)
        # One group of tasks, which the scheduler hands out as workers come free: apart, each would get half at once.
        keys = [(f"iwm-item-{key}", digest(item)) for item in items]
        futures = client.map(run_item, items, key=keys, retries=RETRIES, work=work)
        places = {future: place for place, future in enumerate(futures)}
        for future in as_completed(futures):
            yield places.pop(future), future.result()
            future.release()
    except IwmOptsError:
        raise
    except (OSError, CancelledError, RuntimeError) as error:  # also distributed's KilledWorker and CommClosedError
        rule = f"lost ({type(error).__name__}: {error})"
        raise DataError("cluster", rule, "start it, and run the command again", "connection") from None


def open_work(
    function: Callable[..., Any], opener: MarketOpener | None, code: str
) -> tuple[Callable[..., Any], MarketOpener | None]:
    """Return function and opener, on a worker of the client's release.

    Raises
    ------
    DataError
    """
    if code_digest(PACKAGE) != code:
        rule = "a worker has another release of iwm-opts than the client"
        raise DataError("cluster", rule, "install the same on the workers", "release")
    return function, opener


def run_item(item: Any, work: tuple[Callable[..., Any], MarketOpener | None]) -> Any:
    """Run the function on one item, on a worker."""
    function, opener = work
    return function(item) if opener is None else function(opener.trials(), item)


def digest(value: object) -> str:
    """Return the key of a function, market or item; in another process of the same release it is the same."""
    return hashlib.sha256(pickle.dumps(value)).hexdigest()[:16]


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
    variants = Variants.of(variants)
    ranks = np.sort(variants.source.ranks(variants.numbers))
    items = [as_range(ranks[slice(*span)]) for span in _spans(client, len(ranks), chunk)]
    for _, outcomes in map_on_cluster(client, partial(run_range, variants.source), items, opener) if items else ():
        yield outcomes


def _spans(client: "Client", count: int, chunk: int | None = None, most: int = LONGEST) -> list[tuple[int, int]]:
    """First and stop of each task's stretch: half of what a worker has left and at most `most`, or of a given chunk.

    Long stretches first and short ones last keep tasks few, and workers busy to the end.
    """
    if chunk:
        return ranges(count, chunk)
    workers = max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)
    least, spans, start = max(1, count // (workers * SHORTEST)), [], 0
    while start < count:
        stop = min(start + min(max(least, (count - start) // (2 * workers)), most), count)
        spans.append((start, stop))
        start = stop
    return spans


def as_range(numbers: Places) -> range | Places:
    """Return numbers that follow each other as a range, others as they are."""
    first, last = int(numbers[0]), int(numbers[-1])
    return range(first, last + 1) if last - first + 1 == len(numbers) else numbers


def run_range(rules: RuleTable | GridRules, trials: Sequence[Trial], ranks: range | Places) -> Outcomes:
    """Outcomes of the variants of some ascending ranks, on a worker."""
    variants = Variants(rules.at_ranks(np.asarray(ranks)), rules, _no_values)
    return Outcomes.joined(list(run_variants(trials, variants, threads=1, caches=_book_caches(trials))))


def _no_values(_number: int) -> Mapping[str, Any]:
    return {}


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
    rules, numbers = gains.variants.source, gains.variants.numbers[places]

    def elsewhere(work: Work, order: Places) -> Iterator[list[Any]]:
        """Results of each stretch's chunks, in the order of the stretches."""
        chunk_of = -(-len(order) // COLUMNS)  # chunks stay whole: sums over their variants keep their bytes
        spans = _spans(client, chunk_of, most=LONGEST // COLUMNS)
        items = [numbers[order[start * COLUMNS : stop * COLUMNS]] for start, stop in spans]
        waiting: dict[int, list[Any]] = {}
        following = 0
        for place, results in map_on_cluster(client, partial(work_on_some, rules, work), items, opener):
            waiting[place] = results
            while following in waiting:
                yield waiting.pop(following)
                following += 1

    return Family(gains.days, len(places), lambda some: gains(places[some]), elsewhere)


def work_on_some(rules: RuleTable | GridRules, work: Work, trials: Sequence[Trial], numbers: Places) -> list[Any]:
    """Results of work on the daily P&L of each chunk of some variants, on a worker."""
    gains = DailyGains(trials, Variants(numbers, rules, _no_values), 1, _book_caches(trials))
    family = Family(gains.days, len(numbers), gains)
    return list(family.results(work, np.arange(len(numbers))))


def _book_caches(trials: Sequence[Trial]) -> Sequence[BookCache]:
    """Books of a worker's trials, for its next task to go on with."""
    if getattr(_worker, "trials", None) is not trials:
        _worker.trials, _worker.caches = trials, [BookCache(MOST_BOOKS) for _ in trials]
    caches: Sequence[BookCache] = _worker.caches
    return caches
