"""Interrupts and ends from outside, odd environments and odd clocks."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from iwm_opts.cli.main import _stop
from iwm_opts.io.archive import DATA_VARIABLE, ChainArchive, open_record
from iwm_opts.io.atomic import remove_unfinished, write_durably
from iwm_opts.io.panel_cache import CACHE_VARIABLE, cache_folder, cached_build, load
from iwm_opts.io.panel_files import build_panel
from iwm_opts.kernels._jit import _user_cache
from tests.refusals import refused

COMMAND = (sys.executable, "-c", "from iwm_opts.cli.main import run; run()")  # as the installed script does
ENVIRONMENTS = {
    "one": ({"TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "OMP_NUM_THREADS": "3"},
            ("-W", "error", "-O")),
    "another": ({"TZ": "Australia/Sydney", "HOME": "", "XDG_CACHE_HOME": "", "XDG_DATA_HOME": "",
                 "PYTHONHASHSEED": "7", "NUMBA_NUM_THREADS": "2"}, ()),
}  # fmt: skip


def started(folder: Path) -> subprocess.Popen[str]:
    """A simulation that has begun to write."""
    arguments = ("simulate", "--days", "2520", "--workers", "1", "--output", str(folder))
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in the background
    )  # fmt: skip
    while process.poll() is None and not list(folder.glob("path-0/*.parquet")):
        time.sleep(0.01)
    time.sleep(0.3)
    return process


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "code", "words"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_stop_is_one_line_and_leaves_no_temporary_file(tmp_path, number, code, words):
    folder = tmp_path / "sim"
    process = started(folder)
    process.send_signal(number)
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code, err
    lines = [line for line in err.splitlines() if "\r" not in line and line.startswith("iwm-opts:")]
    assert lines == [f"iwm-opts: error: {words}"]
    assert "Traceback" not in err
    assert list(folder.rglob("*.tmp")) == []


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="reads /proc")
def test_the_workers_of_a_killed_simulation_end_with_it(tmp_path):
    arguments = ("simulate", "--days", "2520", "--workers", "2", "--output", str(tmp_path / "sim"))
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None and not list(tmp_path.glob("sim/path-0/*.parquet")):
        time.sleep(0.05)
    workers = [number for number in children.read_text().split() if b"spawn_main" in command_of(number)]
    assert len(workers) == 2
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10.0
    while any(b"spawn_main" in command_of(number) for number in workers):
        assert time.monotonic() < deadline, "a worker goes on without its parent"
        time.sleep(0.05)


def command_of(number: str) -> bytes:
    """Command line of a process; empty once it is gone."""
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return b""


GRID = ("--grid", "profit=0.1,0.15,0.2,0.25,0.3,0.35,0.4,0.45,0.5,0.55", "--grid", "stop=0.5,1,1.5,2,2.5,3",
        "--grid", "short-delta=0.05,0.08,0.1,0.12,0.14,0.16,0.18,0.2", "--paths", "20")  # fmt: skip
LONG = {  # commands that take a minute and more
    "simulate": ("simulate", "--days", "2520", "--chains", "daily", "--workers", "2", "--output", "sim"),
    "backtest": ("backtest", "--source", "sim", "--paths", "2000", "--output", "result"),
    "sweep": ("sweep", "--source", "sim", *GRID, "--output", "sweep"),
    "sweep --cluster": ("sweep", "--source", "sim", *GRID, "--cluster", "local", "--output", "sweep"),
    "walk-forward": ("walk-forward", "--source", "sim", *GRID, "--output", "walk"),
    "evidence": ("evidence", "--source", "sim", "--paths", "500", "--output", "page.html"),
    "montecarlo": ("montecarlo", "log.csv", "--histories", "9000000", "--output", "page.json"),
    "claims": ("claims", "--source", "sim", "--output", "page.md"),
    "bench": ("bench",),
    "fetch": ("fetch", "--feed", "cboe"),
    "fetch chains": ("fetch", "chains", "--from", "URL/2026.csv"),
    "snapshot": ("snapshot", "--source", "cboe", "--force"),
}


STOPPED = [  # IWM_OPTS_TEST_STOPS=2: each by both
    (name, signal.SIGTERM if (place + turn) % 2 else signal.SIGINT)
    for turn in range(int(os.environ.get("IWM_OPTS_TEST_STOPS", "1")))
    for place, name in enumerate(LONG)
]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("name", "number"), STOPPED)
def test_a_stop_of_a_long_command_is_one_line_and_leaves_nothing(tmp_path, live_server, answer, name, number):
    for path in ("/2026.csv", "/api/global/us_indices/daily_prices/RVX_History.csv",
                 "/api/global/delayed_quotes/options/IWM.json"):  # fmt: skip
        live_server.serve(path, answer(b"x" * 100, delay=60.0))
    rows = [f"2024-{month:02}-02,2024-{month:02}-09,1,1.0,{0.5 + month % 2}\n" for month in range(1, 13)]
    (tmp_path / "log.csv").write_text("entry,exit,contracts,credit,debit\n" + "".join(rows))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    variables = {"TMPDIR": str(temporary), "IWM_OPTS_DATA": str(tmp_path / "record")}
    arguments = [argument.replace("URL", live_server.url) for argument in LONG[name]]
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env=os.environ | variables, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    time.sleep(4.0 if "--workers" in arguments or "--cluster" in arguments else 2.5)  # seconds; claims take four
    # A terminal sends Ctrl-C to every process of the command; SIGTERM is meant for one.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    begin = time.monotonic()
    try:
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    code, words = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}[number]
    assert process.returncode == code, err
    assert time.monotonic() - begin < 10.0
    lines = [line for line in err.splitlines() if line.strip() and not line.startswith(("cluster of", "Compiling "))]
    assert lines == [f"iwm-opts: error: {words}"]
    left = [path for path in (*tmp_path.rglob("*.tmp"), *temporary.rglob("*")) if path.is_file()]
    assert left == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("seconds", [2.5, 5.0])
def test_a_stop_while_kernels_compile_is_no_crash(tmp_path, seconds):
    process = subprocess.Popen(
        [*COMMAND, "condor", "--source", "sim"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "iwm-opts: error: interrupted"


def test_a_stop_in_a_callback_of_the_compiler_comes_later(monkeypatch):
    sent = threading.Event()
    monkeypatch.setattr(os, "kill", lambda process, number: sent.set())
    frame = {"__name__": "llvmlite.binding.executionengine", "stop": _stop, "frame": sys._getframe}
    exec("def callback(): stop(2, frame())", frame)
    frame["callback"]()
    assert sent.wait(5.0)
    with pytest.raises(KeyboardInterrupt):
        _stop(signal.SIGINT, sys._getframe())


@pytest.fixture(scope="module")
def screened(made_quotes, tmp_path_factory):
    """Screen of one chain as JSON in an environment."""
    folder = tmp_path_factory.mktemp("environments")
    made_quotes().to_csv(folder / "chain.csv.gz", index=False)

    def run(variables: dict[str, str], flags: tuple[str, ...]) -> str:
        arguments = ("-m", "iwm_opts.cli.main", "condor", "--source", "chain.csv.gz", "--format", "json", "--quiet")
        environment = {**os.environ, "IWM_OPTS_DATA": str(folder / "record"), **variables}
        if variables.get("HOME") == "":
            environment = {name: value for name, value in environment.items() if variables.get(name) != ""}
        done = subprocess.run(
            [sys.executable, *flags, *arguments], capture_output=True, check=False, cwd=folder, env=environment
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        assert done.stderr == b""
        return done.stdout.decode()

    return run


@pytest.fixture(scope="module")
def usual(screened):
    """Screen of the chain as a user runs it."""
    return screened({}, ())


@pytest.mark.parametrize("name", ["one", pytest.param("another", marks=pytest.mark.slow)])
def test_an_environment_changes_no_number(screened, usual, name):
    assert screened(*ENVIRONMENTS[name]) == usual


@pytest.mark.skipif(os.name == "nt", reason="users of POSIX")
def test_without_a_home_the_remedy_is_a_variable(monkeypatch):
    def nobody(_: object) -> None:
        raise KeyError

    for variable in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", DATA_VARIABLE, CACHE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    with refused("IWM_OPTS_DATA", "", "Set IWM_OPTS_DATA"):
        open_record()
    with refused("IWM_OPTS_CACHE", "", "Set IWM_OPTS_CACHE"):
        cache_folder()
    with pytest.raises(OSError, match=r"."):
        _user_cache().mkdir(parents=True)  # kernels are compiled and not kept
    monkeypatch.setenv(DATA_VARIABLE, "~nobody-at-all/x")
    with refused("IWM_OPTS_DATA", "~nobody-at-all/x"):
        open_record()


@pytest.mark.parametrize("now", [0.0, 978_307_200.0, 4_102_444_800.0])
def test_an_odd_clock_loses_nothing(now, made_quotes, tmp_path, monkeypatch):
    monkeypatch.setenv("IWM_OPTS_CACHE", str(tmp_path / "cache"))
    made_quotes().to_csv(tmp_path / "chain.csv", index=False)
    monkeypatch.setattr(time, "time", lambda: now)
    write_durably(tmp_path / "kept" / "file", b"x")
    remove_unfinished(tmp_path / "kept", older_than=60.0)
    assert (tmp_path / "kept" / "file").read_bytes() == b"x"
    file = tmp_path / "chain.csv"
    first = cached_build([file], {}, lambda: build_panel([file]))
    again = cached_build([file], {}, lambda: build_panel([file]))
    np.testing.assert_array_equal(first.panel.quotes, again.panel.quotes)
    kept = [path for path in (tmp_path / "cache" / "panels").glob("[0-9a-f]*") if path.is_dir()]
    assert all(load(folder) is not None for folder in kept)
    with ChainArchive(tmp_path / "record").lock():
        pass
