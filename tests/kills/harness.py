"""Kill, crowd and starve every writer; JSON of what broke on standard output.

    python tests/kills/harness.py --kills 200 --seed 1 [writer ...]

Each writer is a command of the package in a process of its own, forked from one that has imported and compiled all of
it. Uninterrupted it leaves the reference; killed at a random moment it leaves files of the reference or of before, and
run again the reference itself.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NOBODY = 65534
IGNORED = (".lock", "digests.json", "about.json")  # about.json: checked through the panel that it describes
MARKET = ("--source", "sim", "--from", "2023-02-15", "--to", "2023-04-28", "--seed", "5", "--paths", "1",
          "--ivr-lookback", "20", "--ivr-below", "60", "--dte", "30", "--exit-dte", "10")  # fmt: skip
PLAN = """
version = 1
name = "condors"
edge = "vol-contraction"
horizon = "multi-week"
instrument = "condor"
[account]
value = 100000
risk = "1%"
[package]
dte = 32
delta = 0.20
width = 10
[costs]
fill = "natural"
[checklist]
minimum = 1
criteria = ["calm", "premium"]
"""


def command(*arguments: object) -> None:
    """Run the command line in this process."""
    from iwm_opts.cli.main import main

    try:
        main([*map(str, arguments), "--quiet"])
    except SystemExit as stop:
        if stop.code:
            raise


@dataclass(frozen=True)
class Writer:
    """A command that writes."""

    act: Callable[[Path], None]  # writes into a folder
    prepare: Callable[[Path], None] = lambda folder: None  # what is there before
    may_wait: bool = True  # several at once: all succeed; else some are refused


def _panel(folder: Path) -> None:
    from iwm_opts.io.panel_files import read_panel

    panel = read_panel([INPUTS / "chain.csv.gz"])
    assert len(panel) == 1
    assert float(np.nansum(panel.quotes)) > 0.0


KERNEL = """
import numpy as np
from iwm_opts.kernels.panel.rank import rank_and_percentile
assert abs(rank_and_percentile(np.array([0.30, 0.10, 0.20, 0.12, 0.15]))[0] - 25.0) < 1e-9
"""


def _kernel(folder: Path) -> None:
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    os.execv(sys.executable, [sys.executable, "-c", KERNEL])


def _paper(action: str, *arguments: object) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        command("paper", action, *arguments, "--source", INPUTS / "chain.csv.gz")

    return act


def _opened(folder: Path) -> None:
    _OPEN(folder)


INPUTS = Path(os.environ.get("IWM_OPTS_KILL_INPUTS", tempfile.gettempdir()))
PLAN_FILE = INPUTS / "plan.toml"
_OPEN = _paper(
    "open", "--plan", PLAN_FILE, "--anyway", "--answer", "calm=met", "--iv-history", INPUTS / "RVX_History.csv"
)
WRITERS: dict[str, Writer] = {
    "fetch": Writer(lambda folder: command("fetch", "--feed", "cboe", "--indices", "RVX")),
    "snapshot": Writer(lambda folder: command("snapshot", "--source", INPUTS / "chain.csv.gz")),
    "simulate": Writer(
        lambda folder: command(
            "simulate", "--days", 15, "--chains", "weekly", "--max-dte", 20, "--workers", 1, "--output", folder / "sim"
        ),
        may_wait=False,
    ),
    "sweep": Writer(
        lambda folder: command(
            "sweep", *MARKET, "--grid", "profit=0.25,none", "--grid", "short-delta=0.1,0.2", "--draws", 19,
            "--threads", 1, "--output", folder / "sweep",
        ),
        may_wait=False,
    ),
    "backtest": Writer(lambda folder: command("backtest", *MARKET, "--output", folder / "result"), may_wait=False),
    "plan": Writer(
        lambda folder: command("plan", "--edge", "vol-contraction", "--save", folder / "plan.toml", "--check",
                               "--source", "sim", "--output", folder / "check.txt")
    ),
    "paper-open": Writer(_OPEN),
    "paper-mark": Writer(_paper("mark"), _opened),
    "paper-close": Writer(_paper("close", 1), _opened, may_wait=False),
    "panel": Writer(_panel),
    "kernel": Writer(_kernel),
}  # fmt: skip


def content(file: Path) -> bytes:
    """Bytes of a file; the lines of a sweep in the grid's order."""
    data = file.read_bytes()
    return b"".join(sorted(data.splitlines(keepends=True))) if file.name == "variants.jsonl" else data


def state(folder: Path) -> dict[str, str]:
    """Digests of files by name, temporary ones left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in IGNORED]
    kept = [path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    return {str(path.relative_to(folder)): hashlib.sha256(content(path)).hexdigest() for path in kept}


def start(
    act: Callable[[Path], None], folder: Path, before: Callable[[], None] = lambda: None, errors: str = "stderr"
) -> int:
    """Fork a writer; its errors go to a file, or nowhere."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.environ |= {"IWM_OPTS_DATA": str(folder / "record"), "IWM_OPTS_CACHE": str(folder / "cache")}
        out = os.open(os.devnull, os.O_WRONLY)
        file = folder.parent / f"{errors}-{os.getpid()}" if errors else os.devnull
        err = os.open(file, os.O_WRONLY | os.O_CREAT, 0o666)
        os.dup2(out, 1)
        os.dup2(err, 2)
        before()
        act(folder)
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}".encode())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def finish(child: int) -> int:
    """Exit code of a writer, -signal for a killed one."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Attack:
    """One writer under attack."""

    def __init__(self, name: str, root: Path, seed: int) -> None:
        self.name, self.writer, self.root = name, WRITERS[name], root / name
        self.random = random.Random(seed)
        self.broken: list[str] = []
        self.root.mkdir(parents=True)
        reference = self._fresh("reference")
        self.before = state(reference)
        begin = time.perf_counter()
        self._expect(finish(start(self.writer.act, reference)) == 0, f"the reference fails: {self._words()}")
        self.seconds = time.perf_counter() - begin
        self.reference = state(reference)

    def _fresh(self, name: str) -> Path:
        folder = self.root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        os.chmod(folder, 0o777)
        if name != "template" and (self.root / "template").exists():
            shutil.copytree(self.root / "template", folder, dirs_exist_ok=True)
        elif self.writer.prepare is not WRITERS["fetch"].prepare and name != "template":
            template = self.root / "template"
            template.mkdir()
            self._expect(finish(start(self.writer.prepare, template)) == 0, f"no preparation: {self._words()}")
            shutil.copytree(template, folder, dirs_exist_ok=True)
        return folder

    def _words(self) -> str:
        files = sorted(self.root.glob("stderr-*"), key=lambda file: file.stat().st_mtime)
        return files[-1].read_text(errors="replace")[-500:] if files else ""

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.broken.append(what)

    def _whole(self, folder: Path, what: str) -> None:
        """Each file is of before or of the reference; a sweep's lines may be fewer, the last one cut."""
        if self.name == "kernel":  # numba's index names its data files; the run after says whether they fit
            return
        for file, digest in state(folder).items():
            if file.endswith("variants.jsonl"):
                continue
            self._expect(digest in (self.before.get(file), self.reference.get(file)), f"{what}: {file} is half written")

    def _complete(self, folder: Path, what: str) -> None:
        code = finish(start(self.writer.act, folder))
        is_done = code == 1 and self.name == "paper-close"  # it was closed before the kill, and says so
        self._expect(code == 0 or is_done, f"{what}: run again it ends with {code}: {self._words()}")
        if self.name != "kernel":
            there = state(folder)
            odd = [name for name in {*there, *self.reference} if there.get(name) != self.reference.get(name)]
            self._expect(not odd, f"{what}: run again it leaves other {odd[:3]}")

    def kills(self, count: int) -> int:
        """Kill at random moments; a folder that a run has completed is compared and emptied."""
        folder, killed, again = self._fresh("kills"), 0, 0
        while killed < count:
            child = start(self.writer.act, folder)
            time.sleep(self.random.uniform(0.0, 1.1) * self.seconds)
            os.kill(child, signal.SIGKILL)
            code = finish(child)
            killed += code == -signal.SIGKILL
            again += code != -signal.SIGKILL
            self._whole(folder, f"kill {killed}")
            if code != -signal.SIGKILL or killed % 4 == 0 or killed == count:
                self._complete(folder, f"kill {killed}")
                folder = self._fresh("kills")
            if again > 20 * count:
                self.broken.append("it ends before it can be killed")
                break
        return killed

    def crowd(self, writers: int) -> None:
        """Several at once: one result, as of one of them."""
        folder = self._fresh("crowd")
        codes = [finish(child) for child in [start(self.writer.act, folder) for _ in range(writers)]]
        wanted = {0} if self.writer.may_wait else {0, 1, 2}
        self._expect(set(codes) <= wanted and 0 in codes, f"{writers} at once end with {codes}: {self._words()}")
        self._complete(folder, f"{writers} at once")

    def full(self) -> None:
        """No file may grow beyond a few bytes: an error of one line, and whole files."""
        folder = self._fresh("full")

        def limit() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

        most = self.random.choice((0, 1, 100, 3000))
        code = finish(start(self.writer.act, folder, limit, errors=""))  # a file of errors could not grow either
        self._expect(code in (0, 1), f"full disk: it ends with {code}: {self._words()}")
        self._whole(folder, "full disk")
        self._complete(folder, "full disk")

    def read_only(self) -> None:
        """A folder that cannot be written: an error of one line, or the work done without keeping it."""
        folder = self._fresh("read-only")
        for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            path.chmod(0o555)

        def unprivileged() -> None:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)

        code = finish(start(self.writer.act, folder, unprivileged))
        words = self._words()
        self._expect(code in (0, 1, 2), f"read-only: it ends with {code}: {words}")
        self._expect(code == 0 or len(words.splitlines()) == 1, f"read-only: {words}")
        self._expect(state(folder) == self.before, "read-only: something was written")
        for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            path.chmod(0o777)
        self._complete(folder, "read-only")


def main() -> None:
    """Attack the writers named, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--crowds", type=int, nargs="*", default=[2, 8])
    parser.add_argument("writers", nargs="*", default=list(WRITERS))
    given = parser.parse_args()
    PLAN_FILE.write_text(PLAN)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for name in given.writers:
            warm = Path(folder) / f"warm-{name}"
            (warm / "at").mkdir(parents=True)
            if name != "kernel":  # imports and compiles in this process, for all children
                os.environ |= {"IWM_OPTS_DATA": str(warm / "record"), "IWM_OPTS_CACHE": str(warm / "cache")}
                with open(os.devnull, "w") as sink, contextlib.redirect_stdout(sink):
                    WRITERS[name].prepare(warm / "at")
                    WRITERS[name].act(warm / "at")
            attack = Attack(name, Path(folder), given.seed)
            killed = attack.kills(given.kills)
            for writers in given.crowds:
                attack.crowd(writers)
            attack.full()
            if name != "kernel":
                attack.read_only()
            results[name] = {"kills": killed, "seconds": round(attack.seconds, 3), "broken": attack.broken[:10]}
            print(json.dumps({name: results[name]}), file=sys.stderr, flush=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
