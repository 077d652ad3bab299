"""A sweep on two processes has the bytes of one process, whatever the chunks, lost workers and stops."""

import json
import os
import signal
from functools import partial

import pytest

import iwm_opts as iwm
from iwm_opts.api.cluster import open_trials
from iwm_opts.api.sweep import SweepRequest, answer_sweep, grid_rules
from iwm_opts.backtest import cluster
from iwm_opts.errors import DataError, InputError

pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("default")  # of sockets and event loops of the cluster

GRID = {"profit": [0.25, 0.5, 0.75], "short_delta": [0.1, 0.2]}


@pytest.fixture(scope="module")
def market():
    return iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=2, seed=5)


def swept(market, **more):
    rules = iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1)
    return iwm.sweep(market, rules, GRID, draws=99, **more)


@pytest.fixture(scope="module")
def alone(market):
    return swept(market, threads=1)


def digests(result):
    return [outcome.digest for outcome in result.swept.outcomes]


@pytest.mark.parametrize("chunk", [None, 1, 6])
def test_the_bytes_are_those_of_one_process(market, client, alone, chunk):
    spread = swept(market, client=client, chunk=chunk)
    assert spread.to_json() == alone.to_json()
    assert digests(spread) == digests(alone)


def test_a_lost_worker_changes_nothing(market, client, alone):
    client.restart(wait_for_workers=True)
    victim = next(iter(client.run(os.getpid).values()))
    killed = []

    def kill(done, total):
        if not killed:
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)

    rules = iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1)
    request = SweepRequest(market=market, grid=GRID, rules=grid_rules(rules, GRID), draws=99, chunk=1)
    spread = answer_sweep(request, kill, client)
    assert killed
    assert spread.to_json() == alone.to_json()


def test_a_stopped_sweep_goes_on_from_its_folder(market, client, alone, tmp_path):
    swept(market, folder=tmp_path / "sweep", threads=1)
    lines = (tmp_path / "sweep" / "variants.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "sweep" / "variants.jsonl").write_bytes(b"".join(lines[:2]) + lines[2][:40])
    spread = swept(market, folder=tmp_path / "sweep", client=client, chunk=1)
    assert spread.resumed == 2
    assert spread.to_json() == alone.to_json()
    numbers = [json.loads(line)["number"] for line in (tmp_path / "sweep" / "variants.jsonl").read_bytes().splitlines()]
    assert sorted(numbers) == list(range(6))


def test_a_worker_with_other_prices_is_refused(market, client):
    variants = swept(market, threads=1).swept.variants
    opener = cluster.MarketOpener(partial(open_trials, market.request, 60, None), {"0": "0" * 16})
    with pytest.raises(DataError, match="other prices than the client"):
        list(cluster.run_variants_on_cluster(client, opener, variants))


def test_a_cluster_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="names neither local"), cluster.open_client(str(tmp_path / "scheduler.json")):
        pass
