"""Ten years of recorded chains: reading them into a panel, and a backtest on them, first and later.

    IWM_OPTS_TEN_YEARS=FOLDER pytest benchmarks/bench_panel.py -s

FOLDER: output of `iwm-opts simulate --days 2520 --seed 7 --output FOLDER` (7.1 million rows); without it two years
are simulated first. Ratios of CPU seconds in one run: to pyarrow reading and sorting the same columns, and to F, the
CPU of importing numba, pandas and pyarrow. Each figure has a process of its own, whose peak memory is printed too.
Kernels are compiled before anything is measured. American chains are those of one year without their provenance, so
that exercise follows the root.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = "IWM_OPTS_TEN_YEARS"
MEASURED = """
import json, resource, sys, time
source = sys.argv[1]
begin = time.process_time()
{work}
used = time.process_time() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(json.dumps({{"cpu seconds": used, "peak MB": peak}}))
"""
READ_AND_SORT = """
import glob
import pyarrow.dataset as ds
names = ["quote_date", "quote_time", "root", "expiration", "right", "strike", "bid", "ask", "underlying_price"]
table = ds.dataset(sorted(glob.glob(source + "/path-0/chains-*.parquet"))).to_table(columns=names)
table = table.sort_by([(name, "ascending") for name in ("quote_date", "expiration", "strike", "right")])
"""
IMPORTS = "import numba, pandas, pyarrow"
PANEL = "from iwm_opts.io.panel_files import build_panel\nbuild_panel([source])"
BACKTEST = """
from iwm_opts.sources.recorded_files import recorded_days
from iwm_opts.backtest.engine import backtest
from iwm_opts.backtest.rules import Rules
market = recorded_days(source)
assert len(backtest(market, market.iv_history(10), Rules()).equity)
"""


def measure(work: str, source: Path, cache: Path) -> dict[str, float]:
    """CPU seconds and peak memory of some work in a process of its own."""
    environment = {**os.environ, "IWM_OPTS_CACHE": str(cache)}
    command = [sys.executable, "-c", MEASURED.format(work=work), str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    named = os.environ.get(SOURCE)
    if named:
        return Path(named)
    folder = tmp_path_factory.mktemp("chains") / "simulated"
    command = [sys.executable, "-m", "iwm_opts.cli.main", "simulate", "--days", "504", "--seed", "7"]
    subprocess.run([*command, "--output", str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def american(source, tmp_path_factory) -> Path:
    import pyarrow.parquet as pq

    year = sorted((source / "path-0").glob("chains-*.parquet"))[1]
    path = tmp_path_factory.mktemp("american") / "chains.parquet"
    pq.write_table(pq.read_table(year).replace_schema_metadata({}), path)
    return path


def test_history_of_years(source, american, tmp_path):
    for path in (source, american):
        measure(BACKTEST, path, tmp_path / "compiled")  # kernels
    imports = measure(IMPORTS, source, tmp_path)["cpu seconds"]
    table = measure(READ_AND_SORT, source, tmp_path)["cpu seconds"]
    figures = {
        "panel, first time": measure(PANEL, source, tmp_path / "none"),
        "backtest, first time": measure(BACKTEST, source, tmp_path / "kept"),
        "backtest, later": measure(BACKTEST, source, tmp_path / "kept"),
        "American year, first time": measure(BACKTEST, american, tmp_path / "american"),
        "American year, later": measure(BACKTEST, american, tmp_path / "american"),
    }
    print(f"\nF {imports:.2f} s, pyarrow reads and sorts in {table:.2f} s")
    for name, figure in figures.items():
        used, peak = figure["cpu seconds"], figure["peak MB"]
        print(f"{name:28s} {used:6.2f} s {used / table:5.2f} x pyarrow {used / imports:6.1f} F {peak:6.0f} MB")
