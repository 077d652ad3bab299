"""A sweep on two processes has the bytes of one process, whatever the chunks, lost workers and stops."""

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest

import iwm_opts as iwm
from iwm_opts.api.cluster import open_trials
from iwm_opts.api.rule_grid import variants_of
from iwm_opts.api.sweep import SweepRequest, answer_sweep, grid_rules, run_shard
from iwm_opts.backtest import cluster
from iwm_opts.backtest.grid import DailyGains
from iwm_opts.backtest.saved import data_digests
from iwm_opts.backtest.selection import COLUMNS
from tests.refusals import refused, refused_data

pytest.importorskip("distributed")
dask = pytest.importorskip("dask")

pytestmark = pytest.mark.filterwarnings("default")  # of sockets and event loops of the cluster

GRID = {"profit": [0.25, 0.5, 0.75], "short_delta": [0.1, 0.2]}


@pytest.fixture(scope="module")
def market():
    return iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=2, seed=5)


def swept(market, **more):
    rules = iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1)
    return iwm.sweep(market, rules, GRID, draws=99, **more)


def request_of(market, **more):
    rules = iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1)
    return SweepRequest(market=market, grid=GRID, rules=grid_rules(rules, GRID), draws=99, **more)


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


def test_the_test_against_luck_is_read_on_the_workers(market, client, monkeypatch):
    grid = {"profit": [0.2 + 0.03 * i for i in range(25)], "stop": [0.5 + 0.1 * i for i in range(25)]}
    rules = iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1)
    alone = iwm.sweep(market, rules, grid, draws=99, threads=1)
    assert len({outcome.digest for outcome in alone.swept.outcomes}) > 2 * COLUMNS
    monkeypatch.setattr(DailyGains, "__call__", lambda gains, places: pytest.fail("read in this process"))
    assert iwm.sweep(market, rules, grid, draws=99, client=client, chunk=200).to_json() == alone.to_json()


def test_what_is_sent_does_not_grow_with_the_variants(market, monkeypatch):
    """Heads, values and ranges; a resumed sweep sends the numbers of the ranges with holes, 8 bytes each."""
    monkeypatch.setattr(cluster, "_spans", lambda *_: [(0, 400), (400, 90_000)])
    sent = []
    monkeypatch.setattr(cluster, "map_on_cluster", lambda _, *work: sent.append(work) or [])
    grid = {"profit": [0.2 + 0.002 * i for i in range(300)], "short_delta": [0.1, 0.2, 0.3], "time_stop": range(1, 101)}
    rules = grid_rules(iwm.Rules(contracts=1), grid)
    variants = variants_of(grid, rules)
    for some in (variants, variants.take(np.delete(np.arange(90_000), 30))):
        list(cluster.run_variants_on_cluster(None, None, some))
    for (function, items, _), holes in zip(sent, (0, 399), strict=True):
        assert len(pickle.dumps((function, items))) < 30_000 + 8 * holes
        assert [type(item) for item in items] == [np.ndarray if holes else range, range]


def test_a_lost_worker_changes_nothing(market, client, alone):
    client.restart(wait_for_workers=True)
    victim = next(iter(client.run(os.getpid).values()))
    killed = []

    def kill(done, total):
        if not killed:
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)

    spread = answer_sweep(request_of(market, chunk=1), kill, client)
    assert killed
    assert spread.to_json() == alone.to_json()


def test_a_stopped_sweep_goes_on_from_its_folder(market, client, alone, tmp_path):
    swept(market, folder=tmp_path / "sweep", threads=1)
    whole = tmp_path / "sweep" / "variants.parquet"
    content = whole.read_bytes()
    whole.unlink()
    request = request_of(market, folder=tmp_path / "part", threads=1, shard=(2, 3))
    run_shard(request)
    (tmp_path / "part" / "variants.parquet").rename(tmp_path / "sweep" / "part-000000.parquet")
    spread = swept(market, folder=tmp_path / "sweep", client=client, chunk=1)
    assert spread.resumed == 2
    assert spread.to_json() == alone.to_json()
    assert whole.read_bytes() == content
    assert not list((tmp_path / "sweep").glob("part-*"))


def test_a_worker_with_other_prices_is_refused(market, client):
    variants = swept(market, threads=1).swept.variants
    opener = cluster.MarketOpener(partial(open_trials, market.request, 60, None), {"0": "0" * 16})
    with refused_data("cluster", "prices"):
        list(cluster.run_variants_on_cluster(client, opener, variants))


def test_a_worker_of_another_release_is_refused(client, monkeypatch):
    monkeypatch.setattr(cluster, "code_digest", lambda rooms: "0" * 32)
    with refused_data("cluster", "release"):
        list(cluster.map_on_cluster(client, abs, [1, 2]))


def test_markets_that_differ_in_quotes_alone_differ(market, monkeypatch):
    spread = market.trials[0].market.surface_days.market.parameters.spread
    name = next(field.name for field in fields(spread) if isinstance(getattr(spread, field.name), float))
    before = data_digests(market.trials)
    assert data_digests(iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=2, seed=5).trials) == before
    days = market.trials[0].market
    wider = replace(days.market.parameters, spread=replace(spread, **{name: 1.1 * getattr(spread, name)}))
    trial = replace(market.trials[0], market=replace(days, market=replace(days.market, parameters=wider)))
    assert data_digests((trial, *market.trials[1:]))["prices"] != before["prices"]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_scheduler_that_dies_ends_in_one_line_with_what_is_kept(market, alone, tmp_path, capfd):
    file, python = tmp_path / "scheduler.json", [sys.executable, "-m"]
    address = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
    worker = ["--nworkers", "1", "--nthreads", "1", "--no-dashboard", "--death-timeout", "60"]
    with ExitStack() as stack:

        def start(name, *options):
            command = [*python, f"distributed.cli.{name}", "--scheduler-file", str(file), *options]
            process = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            )
            stack.callback(os.killpg, process.pid, signal.SIGKILL)
            return process

        scheduler = start("dask_scheduler", *address)
        start("dask_worker", *worker)
        while not file.is_file() or not file.read_text().endswith("}"):
            time.sleep(0.2)
        request = request_of(market, folder=tmp_path / "sweep", cluster=str(file), chunk=1)
        with refused_data("cluster", "connection", "6 variants") as raised:
            answer_sweep(request, lambda done, total: os.kill(scheduler.pid, signal.SIGKILL))
    assert len(str(raised.value).splitlines()) == 1
    assert capfd.readouterr().err == ""
    again = swept(market, folder=tmp_path / "sweep", threads=1)
    assert again.resumed >= 1
    assert again.to_json() == alone.to_json()


def test_a_cluster_that_is_not_there_is_named(tmp_path):
    path = str(tmp_path / "scheduler.json")
    with refused("cluster", path), cluster.open_client(path):
        pass


def test_a_local_cluster_does_not_look_at_itself_all_the_time(monkeypatch):
    for name in cluster.MALLOC:  # an earlier cluster of this process leaves its own
        monkeypatch.delenv(name, raising=False)
    with cluster.open_client("local") as opened:
        (profile, *_) = opened.run(dask.config.get, "distributed.worker.profile.enabled").values()
        thresholds = [next(iter(opened.run(os.getenv, name).values())) for name in cluster.MALLOC]
    assert (profile, *thresholds) == (False, "268435456", "33554432")


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:99999", "tcp://x", "ucx://x:1", "tcp://[", '{"address": 5}', "{}"]
)
def test_an_address_that_is_none_is_named(address, tmp_path):
    (tmp_path / "scheduler.json").write_text(address)
    cluster_name = str(tmp_path / "scheduler.json") if address.startswith("{") else address
    with refused("cluster", cluster_name), cluster.open_client(cluster_name):
        pass
