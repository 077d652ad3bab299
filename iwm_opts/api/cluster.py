"""Clusters of requests: the client to run on, and markets that workers open themselves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from iwm_opts.api.markets import Market, MarketRequest, open_market
from iwm_opts.backtest.cluster import MarketOpener, map_on_cluster, open_client
from iwm_opts.backtest.kept_results import kept_results
from iwm_opts.backtest.saved import data_digests
from iwm_opts.backtest.trial import Trial
from iwm_opts.errors import InputError
from iwm_opts.io.mapping import Mapper

if TYPE_CHECKING:
    from distributed import Client

OnCluster = Callable[[str], None]


@contextmanager
def cluster_mapper(
    cluster: str | None,
    client: "Client | None" = None,
    on_cluster: OnCluster | None = None,
    opener: MarketOpener | None = None,
    is_kept: bool = False,
) -> Iterator[Mapper | None]:
    """Mapper on a client, or on the cluster named (see `backtest.cluster.open_client`); None without either.

    `on_cluster` is called with a line on the cluster; `opener` serves functions that take the trials of a market;
    `is_kept` keeps results in the cache folder until the run ends, as `backtest.kept_results`.
    """
    if client is None and not cluster:
        yield None
        return
    with nullcontext(client) if client is not None else open_client(str(cluster), on_cluster) as opened:
        mapper: Mapper = partial(map_on_cluster, opened, opener=opener)
        with kept_results(mapper, opener) if is_kept else nullcontext(mapper) as chosen:
            yield chosen


def market_opener(market: Market, trials: tuple[Trial, ...], max_dte: int, macro: str | None) -> MarketOpener:
    """Build the opener of a market from its request.

    Raises
    ------
    InputError
        For a market without one.
    """
    if market.request is None:
        rule = "cannot be opened on a worker"
        remedy = "make it with simulated_market, modelled_market or recorded_market"
        raise InputError("market", market.name, rule, remedy)
    return MarketOpener(partial(open_trials, market.request, max_dte, macro), data_digests(trials))


def open_trials(request: MarketRequest, max_dte: int, macro: str | None) -> tuple[Trial, ...]:
    """Open a market on a worker."""
    return open_market(request, max_dte).with_macro(macro)
