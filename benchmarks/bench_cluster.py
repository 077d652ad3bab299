"""Sweeps on a Dask cluster of this machine: efficiency against one process, the scheduler's memory, cost of a task.

    python benchmarks/bench_cluster.py [--variants 100000] [--paths 20] [--years 10] [--workers 2] [--draws 200]

Scheduler and single-threaded workers are processes of their own. Kernels are compiled and markets opened, here and on
the workers, by a small sweep before the clock starts. One process has one thread of linear algebra, as a worker has
(OPENBLAS_NUM_THREADS=1 before the command). Efficiency is the time of one process over the time of the
cluster times its workers. Tasks that do nothing are timed on 1, 2 and 64 workers, the 64 as threads of one process:
their time is the scheduler's and the client's.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
from bench_million import grid_of
from distributed import Client, LocalCluster

import iwm_opts as iwm
from iwm_opts.api.rule_grid import RuleGrid
from iwm_opts.api.sweep import SweepRequest, answer_sweep
from iwm_opts.backtest.cluster import MALLOC, QUIET, map_on_cluster

TASKS = 2_000


@contextmanager
def processes(workers: int):
    """Client and the scheduler's process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        commands = [["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]]
        commands += [["dask_worker", "--nthreads", "1", "--nworkers", "1", "--no-dashboard"]] * workers
        names = {name: f"DASK_{name.upper().replace('.', '__').replace('-', '_')}" for name in QUIET}
        environment = os.environ | {names[name]: str(value) for name, value in QUIET.items()}
        environment |= {name: str(value) for name, value in MALLOC.items()}
        started = []
        for module, *options in commands:
            command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(file), *options]
            started.append(subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL))
            while not file.exists():
                time.sleep(0.1)
        try:
            with Client(scheduler_file=str(file), direct_to_workers=True) as client:
                client.wait_for_workers(workers, timeout=60)
                yield client, psutil.Process(started[0].pid)
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait()


@contextmanager
def watched(process: psutil.Process):
    """Resident bytes of a process, every half second."""
    sizes, is_over = [process.memory_info().rss], threading.Event()

    def watch():
        while not is_over.wait(0.5):
            sizes.append(process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield sizes
    finally:
        is_over.set()
        thread.join()


def same(item: int) -> int:
    return item


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=100_000)
    parser.add_argument("--paths", type=int, default=20)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()
    market = iwm.simulated_market(years=options.years, paths=options.paths, seed=1)
    base = iwm.Rules()

    def sweep(count: int, client: Client | None = None):
        grid = grid_of(count)
        rules = RuleGrid(grid, lambda values: replace(base, **values))
        request = SweepRequest(market=market, grid=grid, rules=rules, draws=options.draws, threads=1)
        start = time.perf_counter()
        result = answer_sweep(request, client=client)
        return result, time.perf_counter() - start

    sweep(1_000)
    alone, seconds = sweep(options.variants)
    with processes(options.workers) as (client, scheduler):
        sweep(1_000, client)
        with watched(scheduler) as sizes:
            spread, on_cluster = sweep(options.variants, client)
    assert spread.to_json() == alone.to_json()
    variants = len(alone.swept.outcomes)
    print(f"{variants:,} variants x {options.paths} paths: one process {seconds:.1f} s, {options.workers} workers")
    print(f"{on_cluster:.1f} s, efficiency {seconds / (options.workers * on_cluster):.0%}; the same bytes")
    before, middle, most = (size / 2**20 for size in (sizes[0], sizes[len(sizes) // 2], max(sizes)))
    print(f"scheduler: {before:.0f} MB before, {middle:.0f} halfway, {most:.0f} at most")
    for workers in (1, 2, 64):
        options = {"threads_per_worker": 1, "memory_limit": 0, "dashboard_address": None}
        with LocalCluster(n_workers=workers, processes=workers < 64, **options) as cluster, Client(cluster) as client:
            list(map_on_cluster(client, same, list(range(100))))
            start = time.perf_counter()
            results = dict(map_on_cluster(client, same, list(range(TASKS))))
            took = time.perf_counter() - start
            assert results == {place: place for place in range(TASKS)}
        print(f"{workers} workers: {took / TASKS * 1e3:.2f} ms a task that does nothing")


if __name__ == "__main__":
    main()
