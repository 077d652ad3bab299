"""Public pricing under threads, after fork and spawn, and over many screens: the same numbers, no memory kept."""

import gc
import json
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import iwm_opts as io

THREADS = 8
STRIKES = np.linspace(60.0, 140.0, 400)
SCREENS = int(os.environ.get("IWM_OPTS_TEST_SCREENS", "5"))
GROWTH = 20 << 20  # bytes that numpy's and pandas' own caches may take


def priced(shift: float) -> np.ndarray:
    """Prices, implied vols and American prices of a row of strikes."""
    european = io.price("P", 100.0 + shift, STRIKES, 0.25, 0.04, 0.2)
    vols = io.implied_vol("P", european, 100.0 + shift, STRIKES, 0.25, 0.04)
    american = io.american_price("P", 100.0 + shift, STRIKES[::20], 0.25, 0.04, 0.2)
    return np.concatenate([european, vols, american])


def test_eight_threads_give_what_one_gives():
    shifts = [0.25 * place for place in range(THREADS)] * 4
    alone = [priced(shift) for shift in shifts]
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(priced, shifts))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_give_what_the_parent_gives(method):
    arguments = ("P", 100.0, STRIKES[::20], 0.25, 0.04, 0.2)
    alone = io.american_price(*arguments)
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, context) as pool:
        done = pool.submit(io.american_price, *arguments).result()
    np.testing.assert_array_equal(alone, done)


def resident() -> int:
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads /proc")
def test_memory_is_flat_over_many_screens(made_quotes, tmp_path):
    """1,000 of them with IWM_OPTS_TEST_SCREENS=1000."""
    made_quotes().to_csv(tmp_path / "chain.csv.gz", index=False)

    def screened() -> None:
        io.screen(io.read_chain(tmp_path / "chain.csv.gz"))

    for _ in range(3):
        screened()
    gc.collect()
    before = resident()
    for _ in range(SCREENS):
        screened()
    gc.collect()
    assert resident() - before < GROWTH


RESULTS = """
import hashlib, json, sys
import iwm_opts as io
threads = int(sys.argv[1])
market = io.simulated_market(first="2023-02-15", last="2023-06-30", seed=5, paths=2, ivr_lookback=20)
rules = io.Rules(ivr_lookback=20, ivr_below=60, dte=(20, 40), exit_dte=10)
parts = {
    "backtest": io.backtest(market, rules).to_csv(),
    "sweep": io.sweep(market, rules, {"profit": [0.25, 0.5]}, draws=99, threads=threads).to_csv(),
    "evidence": io.evidence(market, rules, draws=99, random_draws=20, premium=False).to_csv(),
}
print(json.dumps({name: hashlib.sha256(text.encode()).hexdigest() for name, text in parts.items()}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("omp", "numba", "threads", "seed"), [("1", "1", "1", "0"), ("4", "2", "3", "99")])
def test_threads_of_any_library_change_no_byte(omp, numba, threads, seed):
    environment = {"OMP_NUM_THREADS": omp, "NUMBA_NUM_THREADS": numba, "PYTHONHASHSEED": seed}
    runs = []
    for variables, count in (({}, "2"), (environment, threads)):
        command = [sys.executable, "-c", RESULTS, count]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | variables)
        assert done.returncode == 0, done.stderr[-3000:]
        runs.append(json.loads(done.stdout))
    assert runs[0] == runs[1]
