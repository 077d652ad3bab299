"""Evidence, Monte Carlo, files and facts on two processes have the bytes of one."""

import os
import signal
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

import iwm_opts as iwm
from iwm_opts.api.cluster import market_opener
from iwm_opts.api.simulation import SimulateRequest, answer_simulate
from iwm_opts.backtest.cluster import map_on_cluster
from iwm_opts.backtest.evidence import random_draws_on
from iwm_opts.backtest.montecarlo import BATCH, DailyRecord, Resampling, simulate_histories
from iwm_opts.io.mapping import in_order, ranges
from iwm_opts.research.goodness_of_fit import judge
from iwm_opts.research.path_ensemble import PathEnsemble, facts_of_paths, target_of
from iwm_opts.simulation.parameters import shipped_parameters
from tests.refusals import refused_data

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("default")  # of sockets and event loops of the cluster

RECORD = DailyRecord((np.random.default_rng(3).normal(0.0002, 0.01, 750),), is_compounded=True, holding=12.0)
RESAMPLING = Resampling(block=24, sessions=252, histories=5 * BATCH + 7)


@pytest.fixture(scope="module")
def market():
    return iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=2, seed=5)


def test_evidence(market, client):
    rules = iwm.Rules(ivr_below=50, dte=30, exit_dte=10, contracts=1)
    alone, spread = (iwm.evidence(market, rules, draws=19, random_draws=30, client=each) for each in (None, client))
    assert spread.to_json() == alone.to_json()
    assert alone.evidence.premium is not None
    assert spread.evidence.premium == alone.evidence.premium


def test_montecarlo(client):
    pnl = pd.Series(np.random.default_rng(1).normal(40.0, 400.0, 1_000))
    alone, spread = (
        iwm.montecarlo(pnl, account=50_000, years=1, histories=3_000, client=each).to_json() for each in (None, client)
    )
    assert spread == alone


def test_a_stopped_run_goes_on(client, monkeypatch):
    pnl = pd.Series(np.random.default_rng(1).normal(40.0, 400.0, 1_000))
    computed, limit = [], [2]

    def limited(*arguments, **options):
        for place, result in map_on_cluster(*arguments, **options):
            if len(computed) == limit[0]:
                raise KeyboardInterrupt
            computed.append(place)
            yield place, result

    def ask(each):
        return iwm.montecarlo(pnl, account=50_000, years=1, histories=3_000, seed=8, client=each).to_json()

    monkeypatch.setattr("iwm_opts.api.cluster.map_on_cluster", limited)
    with pytest.raises(KeyboardInterrupt):
        ask(client)
    limit[0] = 10_000
    assert ask(client) == ask(None)
    both_runs, computed[:] = len(computed), []
    assert ask(client) == ask(None)
    assert len(computed) == both_runs  # each task once, in either run; nothing is kept after a whole one


def test_no_task_waits_for_a_long_one_while_a_worker_is_free():
    settings = {"distributed.scheduler.work-stealing": False, "distributed.scheduler.worker-saturation": 1.0}
    seconds = [4.0, *np.linspace(0.05, 0.06, 20).tolist()]  # a second for all but the first
    with (
        dask.config.set(settings),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert [place for place, _ in map_on_cluster(client, time.sleep, seconds)][-1] == 0


def test_files_of_a_simulation(client, tmp_path):
    request = SimulateRequest(
        output=tmp_path / "alone", days=7, paths=2, seed=7, chains="weekly", max_dte=30, workers=1
    )
    answer_simulate(request)
    answer_simulate(replace(request, output=tmp_path / "spread"), client=client)
    files = sorted(path.relative_to(tmp_path / "alone") for path in (tmp_path / "alone").rglob("*.*"))
    assert len(files) > 10
    for file in files:
        assert (tmp_path / "spread" / file).read_bytes() == (tmp_path / "alone" / file).read_bytes()


def test_facts(client):
    parameters = shipped_parameters()
    target = target_of(next(PathEnsemble(600, 1, seed=9).histories(parameters)))
    alone, spread = (judge(parameters, target, 120, mapper=each) for each in (None, partial(map_on_cluster, client)))
    assert repr(spread) == repr(alone)  # facts that are undefined in 600 sessions are NaN


@pytest.mark.parametrize("size", [1, 3, 8])
def test_facts_do_not_depend_on_the_stretches(size):
    facts = partial(facts_of_paths, shipped_parameters(), 600, 4)
    parts = in_order(None, facts, ranges(8, size))
    np.testing.assert_array_equal(np.concatenate(parts), facts((0, 8)))


@pytest.mark.parametrize("size", [1, 7, 12])
def test_random_gates_do_not_depend_on_the_stretches(market, size):
    rules = iwm.Rules(ivr_below=50, dte=30, exit_dte=10, contracts=1).resolved()
    parts = [random_draws_on(rules, 1, market.trials, stretch) for stretch in ranges(12, size)]
    np.testing.assert_array_equal(np.concatenate(parts), random_draws_on(rules, 1, market.trials, (0, 12)))


def test_a_lost_worker_changes_nothing(client):
    client.restart(wait_for_workers=True)
    victims = list(client.run(os.getpid).values())

    def losing(function, items):
        for done, result in enumerate(map_on_cluster(client, function, items)):
            if done == 0:
                os.kill(victims[0], signal.SIGKILL)
            yield result

    alone = simulate_histories(RECORD, [0.5, 1.0], RESAMPLING)
    spread = simulate_histories(RECORD, [0.5, 1.0], replace(RESAMPLING, mapper=losing))
    for one, other in zip(alone, spread, strict=True):
        assert one.tobytes() == other.tobytes()


def test_a_worker_with_other_prices_is_refused(market, client):
    opener = market_opener(market, market.trials, 60, None)
    other = replace(opener, data={**opener.data, next(iter(opener.data)): "0" * 16})
    rules = iwm.Rules(ivr_below=50, dte=30, exit_dte=10, contracts=1).resolved()
    function = partial(random_draws_on, rules, 1)
    assert len(list(map_on_cluster(client, function, [(0, 1)], opener))) == 1
    with refused_data("cluster", "prices"):
        list(map_on_cluster(client, function, [(0, 1)], other))
