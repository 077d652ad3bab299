"""Public pricing under threads, after fork and spawn, and over many screens: the same numbers, no memory kept."""

import gc
import json
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import astuple
from typing import Any

import numpy as np
import pandas as pd
import pytest

import iwm_opts as io

THREADS = 8
STRIKES = np.linspace(60.0, 140.0, 400)
SCREENS = int(os.environ.get("IWM_OPTS_TEST_SCREENS", "5"))
GROWTH = 20 << 20  # bytes that numpy's and pandas' own caches may take


FEW, PAID = STRIKES[::20], ((0.1, 0.6),)  # strikes; years to an ex-date and dollars a share
CALLS = {  # every public pricing function, after the right and the spot; with a dividend the kernels are others
    "price": (STRIKES, 0.25, 0.04, 0.2), "greeks": (STRIKES, 0.25, 0.04, 0.2),
    "american_price": (FEW, 0.25, 0.04, 0.2), "american_greeks": (FEW, 0.25, 0.04, 0.2),
}  # fmt: skip
INVERSES = {"implied_vol": "price", "american_implied_vol": "american_price"}


def values(result: Any) -> np.ndarray:
    """Numbers of a price or of greeks."""
    parts = [result] if isinstance(result, np.ndarray) else list(astuple(result))
    return np.concatenate([np.ravel(part) for part in parts])


def work(shift: float) -> list[tuple[str, tuple[object, ...]]]:
    """Calls of every public pricing function at a spot, by name and arguments."""
    spot, calls = 100.0 + shift, []
    for right in ("C", "P"):
        for name, arguments in CALLS.items():
            for paid in ((), (PAID,)) if name.startswith("american") else ((),):
                calls.append((name, (right, spot, *arguments, *paid)))
        for name, of in INVERSES.items():
            strikes, *terms, vol = CALLS[of]
            calls.append((name, (right, getattr(io, of)(right, spot, strikes, *terms, vol), spot, strikes, *terms)))
    return calls


def priced(shift: float) -> np.ndarray:
    """Every public pricing function over a row of strikes."""
    return np.concatenate([values(getattr(io, name)(*arguments)) for name, arguments in work(shift)])


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
    calls = work(0.0)
    alone = [values(getattr(io, name)(*arguments)) for name, arguments in calls]
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        done = [pool.submit(getattr(io, name), *arguments) for name, arguments in calls]
        for one, other in zip(alone, done, strict=True):
            np.testing.assert_array_equal(one, values(other.result()))


COMPILED_AFTER_FORK = """
import os
import numpy as np
from iwm_opts.kernels.panel.rank import rank_and_percentile
child = os.fork()
rank = rank_and_percentile(np.array([0.30, 0.10, 0.20, 0.12, 0.15]))[0]
if not child:
    os._exit(0 if abs(rank - 25.0) < 1e-9 else 1)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_child_compiles_what_its_parent_has_not(tmp_path):
    command = [sys.executable, "-c", COMPILED_AFTER_FORK]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert list(tmp_path.rglob("*.nbc"))


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
import hashlib, json, sys, tempfile
from pathlib import Path
import iwm_opts as io
from iwm_opts.cli.main import main
import numpy as np
import pandas as pd
from iwm_opts import api
threads, workers = int(sys.argv[1]), sys.argv[2]
market = io.simulated_market(first="2023-02-15", last="2023-05-31", seed=5, paths=2, ivr_lookback=20)
rules = io.Rules(ivr_lookback=20, ivr_below=60, dte=(20, 40), exit_dte=10)
grid = {"profit": [0.25, 0.5], "stop": [1, 2, None]}
pnl = pd.Series(np.random.default_rng(1).normal(40.0, 400.0, 1_000))
question = api.MonteCarloQuestion(histories=3_000, years=1.0, threads=threads)
results = {
    "backtest": io.backtest(market, rules),
    "sweep": io.sweep(market, rules, grid, draws=19, threads=threads),
    "evidence": io.evidence(market, rules, draws=19, random_draws=5),
    "walk-forward": io.walk_forward(market, rules, grid, in_sample=30, out_of_sample=15, threads=threads),
    "montecarlo": api.answer_montecarlo(api.MonteCarloRequest(record=pnl, account=50_000.0, question=question)),
}
# JSON is rounded, a frame is not.
parts = {name: result.to_json() + result.to_frame().to_csv() for name, result in results.items()}
digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in parts.items()}
with tempfile.TemporaryDirectory() as folder:
    try:
        main(["simulate", "--days", "15", "--chains", "weekly", "--max-dte", "20", "--workers", workers,
              "--output", folder, "--quiet"])
    except SystemExit as stop:
        assert not stop.code
    for file in sorted(Path(folder).rglob("*.*")):
        digests[str(file.relative_to(folder))] = hashlib.sha256(file.read_bytes()).hexdigest()
sys.stderr.write(json.dumps(digests))
"""
SETTINGS = {  # variables, threads, workers
    "usual": ({}, "2", "1"),
    "1": ({"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}, "1", "1"),
    "2": ({"OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2", "PYTHONHASHSEED": "7"}, "2", "2"),
    "4": ({"OMP_NUM_THREADS": "4", "NUMBA_NUM_THREADS": "4", "PYTHONHASHSEED": "99"}, "4", "4"),
    "8": ({"OMP_NUM_THREADS": "4", "NUMBA_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}, "8", "2"),
}


def digests(variables: dict[str, str], threads: str, workers: str) -> dict[str, str]:
    """Digests of results by name, made in a process of its own."""
    command = [sys.executable, "-c", RESULTS, threads, workers]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | variables)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stderr)


@pytest.fixture(scope="module")
def usual() -> dict[str, str]:
    """Digests of the usual settings."""
    return digests(*SETTINGS["usual"])


@pytest.mark.parametrize("name", ["4", *(pytest.param(name, marks=pytest.mark.slow) for name in ("1", "2", "8"))])
def test_threads_workers_and_hashes_change_no_byte(usual, name):
    assert len(usual) > 8
    assert digests(*SETTINGS[name]) == usual


def test_the_order_of_a_grid_changes_no_figure():
    market = io.simulated_market(first="2023-02-15", last="2023-05-31", seed=5, paths=1, ivr_lookback=20)
    rules = io.Rules(ivr_lookback=20, ivr_below=60, dte=(20, 40), exit_dte=10)
    # Deltas, as variants that trade the same tie, and of those the first is the best.
    grids = (
        {"profit": [0.25, 0.5, 0.75], "short_delta": [0.16, 0.3]},
        {"short_delta": [0.3, 0.16], "profit": [0.75, 0.25, 0.5]},
    )
    tables = [io.sweep(market, rules, grid, draws=19, threads=2).to_frame() for grid in grids]
    sorted_tables = (table.sort_values(["profit", "short_delta"]).reset_index(drop=True) for table in tables)
    one, other = (table.drop(columns="number") for table in sorted_tables)
    pd.testing.assert_frame_equal(one, other[one.columns], check_exact=True)
