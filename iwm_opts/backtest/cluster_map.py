"""Any function over items on a Dask cluster, with the results of one process.

The function is shipped once, items one a task. A market is not shipped: a worker opens it by its request, keeps it, and
compares its prices with the client's by digest. Results depend on function and item alone, so that workers, order,
retries and lost workers do not change a byte.
"""

import hashlib
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from iwm_opts.backtest.cluster import RETRIES
from iwm_opts.backtest.saved import data_digests
from iwm_opts.backtest.trial import Trial
from iwm_opts.errors import DataError, IwmOptsError

if TYPE_CHECKING:
    from distributed import Client

_trials: dict[str, tuple[Trial, ...]] = {}  # of this worker, by the digest of their opener
_opening = Lock()


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
        raise DataError("cluster", rule, "run it again, or without --cluster") from None


def run_item(work: tuple[Callable[..., Any], MarketOpener | None], item: Any) -> Any:
    """Run the function on one item, on a worker."""
    function, opener = work
    return function(item) if opener is None else function(opener.trials(), item)


def _digest(item: Any) -> str:
    return hashlib.sha256(pickle.dumps(item)).hexdigest()[:16]
