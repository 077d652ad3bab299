"""Every writer under kill -9, other writers, a full disk and a read-only folder.

`IWM_OPTS_TEST_KILLS=200` kills each that often, and the kernel cache too; see `harness.py`.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

KILLS = int(os.environ.get("IWM_OPTS_TEST_KILLS", "1"))
HARNESS = Path(__file__).parent / "harness.py"
QUICK = ("fetch", "snapshot", "paper-open", "panel")
SLOW = ("simulate", "sweep", "backtest", "plan", "paper-mark", "paper-close")
RVX = "DATE,OPEN,HIGH,LOW,CLOSE\n06/03/2025,24,25,23,24\n06/04/2025,24,25,23,23\n"

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
    live_server.serve("/api/global/us_indices/daily_prices/RVX_History.csv", answer(RVX))

    def run(*writers: str, kills: int = KILLS, crowds: tuple[int, ...] = (3,)) -> dict[str, dict[str, object]]:
        environment = os.environ | {"IWM_OPTS_KILL_INPUTS": str(inputs), "IWM_OPTS_CBOE_URL": live_server.url}
        options = ("--kills", str(kills), "--crowds", *map(str, crowds), "--")
        command = [sys.executable, str(HARNESS), *options, *writers]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("writers", [QUICK, pytest.param(SLOW, marks=pytest.mark.slow)])
def test_no_writer_loses_doubles_or_halves_anything(attacked, writers):
    results = attacked(*writers)
    assert {name: result["broken"] for name, result in results.items()} == {name: [] for name in writers}
    assert all(result["kills"] == KILLS for result in results.values())


@pytest.mark.slow
def test_the_kernel_cache_survives_kills(attacked):
    result = attacked("kernel", kills=max(KILLS, 5), crowds=(2, 4))["kernel"]
    assert result["broken"] == []
