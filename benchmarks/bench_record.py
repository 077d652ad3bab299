"""Two years of full daily IWM chains in the local record: one day, the whole IV history, a market for backtests.

The chains are simulated, about 5,400 rows each and 2.7 million in all; making them takes most of a minute and is no
part of any figure. Each figure has the process of its own that a command has, whose peak memory stands beside it.
"""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from iwm_opts.io.archive import ChainArchive
from iwm_opts.sources.recorded_files import recorded_days
from iwm_opts.sources.simulated import simulate_market

FIRST, LAST, SEED = date(2024, 1, 2), date(2025, 12, 31), 1
MEASURED = """
import json, resource, sys, time
from pathlib import Path
from iwm_opts.io.archive import ChainArchive
record = ChainArchive(Path(sys.argv[1]))
days = record.days("IWM")
record.chain("IWM", days[0])  # imports
{setup}
begin = time.perf_counter(), time.process_time()
rows = {work}
wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(json.dumps({{"seconds": wall, "cpu seconds": cpu, "peak MB": peak, "rows": rows}}))
"""
WORK = {
    "one day's full chain": ("", 'len(record.chain("IWM", days[len(days) // 2]).quotes)'),
    "IV10 and IV30 of all days, index lost": (
        "from iwm_opts.io.archive_iv import iv_values\nnext(record.folder.rglob('iv.csv'), Path('none')).unlink(1)",
        'len(iv_values(record, "IWM"))',
    ),
    "IV10 and IV30 of all days, index there": (
        'from iwm_opts.io.archive_iv import iv_values\niv_values(record, "IWM")',
        'len(iv_values(record, "IWM"))',
    ),
    "all days as a market for backtests": (
        (
            "import os\nfrom iwm_opts.sources import recorded_files, recorded_market, source\n"
            "os.environ['IWM_OPTS_DATA'] = sys.argv[1]"
        ),
        'len(recorded_files.archive_days(recorded_market.recorded_market("IWM"), source.SpanRequest()).days)',
    ),
}


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    record = ChainArchive(tmp_path_factory.mktemp("record"))
    market = simulate_market(FIRST, LAST, seed=SEED)
    for day in market.days:
        record.add(market.chain(day))
    return record


@pytest.mark.parametrize("what", WORK)
def test_record(benchmark, record, what):
    setup, work = WORK[what]
    script = MEASURED.format(setup=setup, work=work)
    benchmark.group, benchmark.name = "two years of daily chains (whole process; see the extra columns)", what

    def run():
        done = subprocess.run(
            [sys.executable, "-c", script, str(record.folder)], capture_output=True, text=True, check=True
        )
        benchmark.extra_info |= json.loads(done.stdout)

    benchmark.pedantic(run, rounds=1)
    print(f"\n{what}: {benchmark.extra_info}")


def test_chain_file(benchmark):
    """29 sessions of S&P 500 chains, 397,000 rows of gzipped CSV, from the file to a market for backtests."""
    folder = os.environ.get("IWM_OPTS_TEST_DATA")
    if folder is None:
        pytest.skip("no market data: set IWM_OPTS_TEST_DATA to a folder that holds it")
    path = Path(folder) / "options" / "SPX_cboe_20190425_20190607.csv.gz"
    benchmark.group, benchmark.name = "a chain file", "29 SPX sessions, 397,000 rows"
    market = benchmark.pedantic(recorded_days, (str(path), "SPX"), rounds=3, warmup_rounds=1)
    assert len(market.days) == 29
