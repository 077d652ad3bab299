"""Every writer under kill -9, other writers, a full disk, a read-only folder, odd clocks and odd surroundings.

`IWM_OPTS_TEST_KILLS=200` kills each that often and prints figures with `-s`; see `harness.py`.
"""

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest

import iwm_opts

KILLS = int(os.environ.get("IWM_OPTS_TEST_KILLS", "1"))
HARNESS = Path(__file__).parent / "harness.py"
QUICK = ("fetch", "snapshot", "paper-open", "panel")
SLOW = {  # those of a group share a process, and its imports
    "backtests": ("backtest", "plan", "recorded", "evidence", "walk-forward", "overwrite"),
    "sweeps": ("simulate", "sweep", "sweep-merge", "sweep-shard"),
    "results": ("report", "montecarlo", "picture"),
    "journal": ("paper-mark", "paper-close", "paper-roll", "own-fills", "written-log", "review"),
    "chains": ("fetch-chains", "fetch-address", "fetch-refused"),
    "kernel": ("kernel",),
    "cluster": ("cluster",),
}
CROWDS = (3,) if KILLS < 10 else (2, 8)
CLOCKS = ("1970", "2100") if KILLS < 10 else ("1970", "2001", "2100")
RVX = "DATE,OPEN,HIGH,LOW,CLOSE\n06/03/2025,24,25,23,24\n06/04/2025,24,25,23,23\n"

HISTORIES = {2025: ("2025-12-30", "2025-12-31"), 2026: ("2026-01-02", "2026-01-05")}
LOG = "entry,exit,symbol,strategy,legs,expiration,contracts,credit,debit,fees,entry_mid,entry_half_spread\n" + "".join(
    f"{month}-04,{month}-15,IWM,iron-condor,+1P195 -1P200 -1C240 +1C245,{month}-28,2,1.2,0.6,5.2,1.25,0.1\n"
    for month in (f"2024-{number:02}" for number in range(1, 13))
)

# Modules that write what is kept, and a writer of the harness that is killed within each.
WRITERS_OF = {
    "api/result.py": "report", "cli/output.py": "picture", "backtest/saved.py": "backtest",
    "sources/export.py": "simulate",
    "backtest/kept_results.py": "cluster", "backtest/sweep_folder.py": "sweep", "journal/paper.py": "paper-open",
    "journal/trade_log.py": "written-log", "journal/forecasts.py": "snapshot",
    "journal/fill_calibration.py": "own-fills",
    "io/panel_cache.py": "panel", "io/archive.py": "snapshot", "io/archive_series.py": "fetch",
    "io/archive_iv.py": "snapshot",
    "io/histories.py": "fetch-chains", "io/download.py": "fetch-address", "api/chain_histories.py": "fetch-refused",
}  # fmt: skip
WRITING = ("write_durably", "put_folder", "record.write", "archive.write", "os.replace", "os.rename", "os.fsync")
SHARED = ("io/atomic.py",)  # that the others call

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks writers")


@pytest.fixture
def inputs() -> Iterator[Path]:
    """Folder that another user may read; those of pytest are closed to all but one."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def attacked(inputs, live_server, answer, made_quotes):
    """Run the harness on some writers and return what broke."""
    made_quotes().to_csv(inputs / "chain.csv.gz", index=False)
    days = pd.bdate_range("2025-01-02", "2026-02-27")
    closes = [15.0 + 15.0 * (len(days) - place) / len(days) for place in range(len(days))]
    history = pd.DataFrame({"DATE": days.strftime("%m/%d/%Y"), "CLOSE": closes}).round(2)
    history.to_csv(inputs / "RVX_History.csv", index=False)
    (inputs / "histories").mkdir()
    table = made_quotes().drop(columns="quote_time")
    for year, days in HISTORIES.items():
        rows = pd.concat([table.assign(quote_date=pd.Timestamp(day)) for day in days], ignore_index=True)
        rows.to_csv(inputs / "histories" / f"{year}.csv", index=False)
    live_server.serve("/2026.csv", answer((inputs / "histories" / "2026.csv").read_bytes()))
    live_server.serve("/refused.csv", answer("Rate limit exceeded\n"))
    (inputs / "log.csv").write_text(LOG)
    live_server.serve("/api/global/us_indices/daily_prices/RVX_History.csv", answer(RVX))

    def run(*writers: str) -> dict[str, dict[str, object]]:
        environment = os.environ | {"IWM_OPTS_KILL_INPUTS": str(inputs), "IWM_OPTS_CBOE_URL": live_server.url}
        disks = 10 if KILLS >= 10 else 1
        counts = ("--kills", str(KILLS), "--disks", str(disks), "--places", str(len(CROWDS)))
        options = (*counts, "--crowds", *map(str, CROWDS), "--clocks", *CLOCKS, "--")
        command = [sys.executable, str(HARNESS), *options, *writers]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
        assert done.returncode == 0
        return json.loads(done.stdout)

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    "writers", [pytest.param(QUICK, id="usual"), *(pytest.param(SLOW[name], id=name) for name in SLOW)]
)
def test_no_writer_loses_doubles_or_halves_anything(attacked, writers):
    results = attacked(*writers)
    assert {name: result["broken"] for name, result in results.items()} == {name: [] for name in writers}
    assert all(result["kills"] == KILLS for result in results.values())


def test_every_module_that_writes_has_a_writer():
    root = Path(iwm_opts.__file__).parent
    found = set()
    for file in root.rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
        if any(ast.unparse(call.func).endswith(WRITING) for call in calls):
            found.add(str(file.relative_to(root)))
    assert found - {*SHARED} == {*WRITERS_OF}
    assert {*WRITERS_OF.values()} <= {*QUICK, *chain.from_iterable(SLOW.values())}
