"""The record survives kill -9 at any moment, while chains, the IV index or a series are being written."""

import json
import os
import signal
import subprocess
import sys
import time as clock

import pandas as pd
import pytest

from iwm_opts.cli.main import main
from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.archive_iv import INDEX_FILE, iv_values
from iwm_opts.io.archive_series import read_series
from iwm_opts.market.capture import make_chain

pytestmark = pytest.mark.slow

KILLS = 90
WAYS = ("chains", "index", "series")

# Imports once, then forks a writer for each kill: what is killed is a process of its own, at full speed from its start.
KILLER = """
import json, os, pickle, random, signal, sys, time
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
import pandas as pd
from iwm_opts.io.archive_iv import add_with_index
from iwm_opts.io.archive_series import merge_series
from iwm_opts.io.archive import ChainArchive

folder, chain, kills = Path(sys.argv[1]), pickle.loads(Path(sys.argv[2]).read_bytes()), int(sys.argv[3])
ways = ("chains", "index", "series")
bars = pd.DataFrame({"close": 1.0}, index=pd.DatetimeIndex(pd.bdate_range("2000-01-03", periods=9000), name="date"))
add_with_index(ChainArchive(folder / "warm"), chain)  # compiles

def write(way, kill, say):
    record = ChainArchive(folder / way)
    for step in count():
        one = replace(chain, quote_time=chain.quote_time - timedelta(hours=4) + timedelta(seconds=30 * kill + step))
        if way == "chains":
            say(record.add(one).path.name)
        elif way == "index":
            say(add_with_index(record, one)[0].key)
        else:
            rows = 30 * kill + step + 1
            merge_series(record, "bars", "IWM", bars.iloc[:rows])
            say(str(rows))

rng, said, seconds = random.Random(1), {way: [] for way in ways}, {}
for kill in range(kills):
    way = ways[kill % len(ways)]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            write(way, kill // len(ways), lambda line: os.write(writer, (line + "\\n").encode()))
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as lines:
        committed = [lines.readline()]
        if way not in seconds:  # how long a write takes on this machine, in a child that has made one
            start = time.perf_counter()
            committed.append(lines.readline())
            seconds[way] = time.perf_counter() - start
        time.sleep(rng.uniform(0.0, 3.0) * seconds[way])
        os.kill(child, signal.SIGKILL)
        said[way] += [line.strip() for line in (*committed, *lines) if line.endswith("\\n")]
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
print(json.dumps(said))
"""


@pytest.fixture
def chain(made_quotes):
    return make_chain(made_quotes(), symbol="IWM", source="made")


def test_a_kill_at_any_moment_loses_nothing_committed(chain, tmp_path):
    kills = int(os.environ.get("IWM_OPTS_TEST_KILLS", KILLS))
    file = tmp_path / "chain.pickle"
    pd.to_pickle(chain, file)
    command = [sys.executable, "-c", KILLER, str(tmp_path), str(file), str(kills)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert all(len(said[way]) > kills // len(WAYS) + 1 for way in WAYS)  # some were killed in a later one
    records = {way: ChainArchive(tmp_path / way) for way in WAYS}

    for way in ("chains", "index"):
        captures = records[way].captures("IWM", chain.as_of)
        assert all(records[way].open(one) is not None for one in captures)
    assert set(said["chains"]) <= {one.path.name for one in records["chains"].captures("IWM", chain.as_of)}

    table = pd.read_csv(records["index"].chain_folder("IWM") / INDEX_FILE, index_col="capture")
    assert set(said["index"]) <= set(table.index)
    assert table[["iv30", "iv30_calendar", "definition"]].notna().all(axis=None)
    captures = records["index"].captures("IWM", chain.as_of)
    assert list(iv_values(records["index"], "IWM").index) == [one.key for one in captures]

    series = read_series(records["series"], "bars", "IWM")
    assert len(series) >= max(map(int, said["series"]))
    assert (series["close"] == 1.0).all()
    assert all(record.set_aside == [] for record in records.values())


@pytest.mark.parametrize("moment", [0.0, 0.01, "committed", "indexed"])
def test_a_killed_snapshot_command_leaves_a_record_that_the_next_one_goes_on_with(
    made_quotes, tmp_path, monkeypatch, moment
):
    """Killed so many seconds after it has made the folder of the symbol, or as soon as a file is in place."""
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))
    record = ChainArchive(tmp_path / "record")
    file = tmp_path / "chain.csv"
    made_quotes().to_csv(file, index=False)
    program = "import sys; from iwm_opts.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", program, "snapshot", "--source", str(file)]
    awaited = {"committed": "**/*.parquet", "indexed": f"**/{INDEX_FILE}"}.get(moment, "chains/*")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not any(record.folder.glob(str(awaited))):
        clock.sleep(0.001)
    clock.sleep(moment if isinstance(moment, float) else 0.0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    days = record.days("IWM")
    assert all(record.open(one) is not None for day in days for one in record.captures("IWM", day))
    assert days or isinstance(moment, float)
    with pytest.raises(SystemExit) as done:
        main(["snapshot", "--source", str(file)])
    assert not done.value.code
    (day,) = record.days("IWM")
    (capture,) = record.captures("IWM", day)
    assert record.open(capture) is not None
    assert list(iv_values(record, "IWM").index) == [capture.key]
    assert record.set_aside == []
    assert not list(capture.path.parent.glob("*.tmp"))
