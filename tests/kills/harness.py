"""Kill, crowd, starve and displace every writer; JSON of what broke on standard output.

    python tests/kills/harness.py --kills 200 --seed 1 [writer ...]

Each writer is a command of the package in a process of its own, forked from one that has imported and compiled all of
it. Uninterrupted it leaves the reference; killed it leaves files of the reference or of before, and run again the
reference itself. Every other kill comes at a random moment, the rest before a random operation on a file.
"""

import argparse
import contextlib
import hashlib
import json
import mmap
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np

NOBODY = 65534
VARIANTS, PART = "variants.parquet", "part-"  # of a sweep: a part becomes a part of the whole
LEDGERS = "record/imports/"
KEPT = "cache/tasks/"  # results of a run on a cluster, until it ends
DERIVED = "iv.csv"  # a line a day that is recorded: days that a full disk refuses are absent
UNFINISHED = (".part", ".part.json")  # of downloads, which are resumed
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
dte_slack = 4
delta = 0.20
width = 10
[costs]
fill = "natural"
[checklist]
minimum = 1
criteria = ["calm", "premium"]
"""


WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
FILE_EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"}
PAGE, PAGES, ENOUGH = 4096, (1, 2, 3, 4, 6, 8, 12, 24, 48, 96), 1 << 14  # bytes; free pages of full disks
NOWS = {"1970": 0.0, "2001": 978_307_200.0, "2100": 4_102_444_800.0}
PLACES = {  # variables of an interpreter of its own; an empty one is taken away
    "Tokyo, C, -W error, -O, no HOME": (
        {"TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONHASHSEED": "7", "HOME": "",
         "XDG_CACHE_HOME": "", "XDG_DATA_HOME": ""},
        ("-W", "error", "-O"),
    ),
    "Sydney": ({"TZ": "Australia/Sydney", "OMP_NUM_THREADS": "3", "NUMBA_NUM_THREADS": "2"}, ()),
}  # fmt: skip


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
    has_own_process: bool = False  # replaces the forked process by an interpreter


FEW = ("--draws", 19, "--random-draws", 5)


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
        command("paper", action, *arguments, "--source", INPUTS / "chain.csv.gz", "--as-of", "2026-03-02")

    return act


def _opened(folder: Path) -> None:
    _OPEN(folder)


def _sweep(name: str, *arguments: object) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        paths = [folder / argument if isinstance(argument, Path) else argument for argument in arguments]
        command("sweep", *MARKET, "--grid", "profit=0.25,none", "--grid", "short-delta=0.1,0.2", "--draws", 19,
                "--threads", 1, "--output", folder / name, *paths)  # fmt: skip

    return act


def _shards(folder: Path) -> None:
    for number in (1, 2):
        _sweep(f"shard-{number}", "--shard", f"{number}/2")(folder)


def _of_result(name: str, *arguments: object) -> Callable[[Path], None]:
    return lambda folder: command(*arguments, "--output", folder / name)


def _on_cluster(folder: Path) -> None:
    """Keep the results of tasks as on a cluster, with one that is this process."""
    from iwm_opts.api import cluster

    cluster.open_client = lambda *_: contextlib.nullcontext()  # type: ignore[assignment]
    cluster.map_on_cluster = lambda _, function, items, **__: enumerate(map(function, items))  # type: ignore[assignment]
    command("montecarlo", RESULT, "--histories", 4000, "--cluster", "local", "--output", folder / "sizes.json")


def _refused(folder: Path) -> None:
    """Set a download aside that holds no chain, and fail."""
    with contextlib.suppress(SystemExit), open(os.devnull, "w") as sink, contextlib.redirect_stderr(sink):
        command("fetch", "chains", "--from", f"{os.environ['IWM_OPTS_CBOE_URL']}/refused.csv")


def _written_and_drawn(folder: Path) -> None:
    command("whatif", "--source", INPUTS / "chain.csv.gz", "--as-of", "2026-03-02", "--no-gate",
            "--output", folder / "values.parquet", "--plot", folder / "values.svg")  # fmt: skip


def _replaced(*arguments: object) -> Callable[[Path], None]:
    return lambda folder: command("backtest", *MARKET, *arguments, "--overwrite", "--output", folder / "result")


INPUTS = Path(os.environ.get("IWM_OPTS_KILL_INPUTS", tempfile.gettempdir()))
PLAN_FILE, RESULT, LOG = INPUTS / "plan.toml", INPUTS / "result", INPUTS / "log.csv"
RECORDED = ("--source", INPUTS / "histories", "--iv-history", INPUTS / "RVX_History.csv", "--ivr-below", "100",
            "--dividends", "none", "--output")  # fmt: skip
_OPEN = _paper(
    "open", "--plan", PLAN_FILE, "--anyway", "--answer", "calm=met", "--iv-history", INPUTS / "RVX_History.csv"
)
WRITERS: dict[str, Writer] = {
    "fetch": Writer(lambda folder: command("fetch", "--feed", "cboe", "--indices", "RVX")),
    "fetch-chains": Writer(lambda folder: command("fetch", "chains", "--from", INPUTS / "histories")),
    "fetch-address": Writer(
        lambda folder: command("fetch", "chains", "--from", f"{os.environ['IWM_OPTS_CBOE_URL']}/2026.csv")
    ),
    "fetch-refused": Writer(_refused),
    "snapshot": Writer(lambda folder: command("snapshot", "--source", INPUTS / "chain.csv.gz")),
    "simulate": Writer(
        lambda folder: command(
            "simulate", "--days", 15, "--chains", "weekly", "--max-dte", 20, "--workers", 1, "--output", folder / "sim"
        ),
        may_wait=False,
    ),
    "sweep": Writer(_sweep("sweep"), may_wait=False),
    "sweep-shard": Writer(_sweep("shard", "--shard", "1/2"), may_wait=False),
    "sweep-merge": Writer(
        _sweep("merged", "merge", Path("shard-1"), Path("shard-2")), _shards, may_wait=False
    ),
    "backtest": Writer(lambda folder: command("backtest", *MARKET, "--output", folder / "result"), may_wait=False),
    "overwrite": Writer(_replaced("--profit", 0.25), _replaced(), may_wait=False),
    "walk-forward": Writer(
        lambda folder: command("walk-forward", *MARKET, "--grid", "profit=0.25,none", "--in-sample", 20,
                               "--out-of-sample", 10, "--output", folder / "walk"),
        may_wait=False,
    ),
    "cluster": Writer(_on_cluster),
    "picture": Writer(_written_and_drawn),
    "evidence": Writer(
        lambda folder: command("evidence", *MARKET, *FEW, "--output", folder / "page.html")
    ),
    "recorded": Writer(lambda folder: command("backtest", *RECORDED, folder / "result"), may_wait=False),
    "plan": Writer(
        lambda folder: command("plan", "--edge", "vol-contraction", "--save", folder / "plan.toml", "--check",
                               "--source", "sim", "--as-of", "2026-03-02", "--output", folder / "check.txt")
    ),
    "paper-open": Writer(_OPEN),
    "paper-mark": Writer(_paper("mark"), _opened),
    "paper-close": Writer(_paper("close", 1), _opened, may_wait=False),
    "paper-roll": Writer(_paper("roll", 1), _opened, may_wait=False),
    "own-fills": Writer(lambda folder: command("review", LOG, "--keep-fills")),
    "written-log": Writer(lambda folder: command("review", LOG, "--write-log", folder / "log.parquet")),
    "report": Writer(_of_result("sheet.html", "report", RESULT)),
    "montecarlo": Writer(_of_result("sizes.json", "montecarlo", RESULT, "--histories", 200)),
    "review": Writer(_of_result("review.html", "review", LOG)),
    "panel": Writer(_panel),
    "kernel": Writer(_kernel, has_own_process=True),
}  # fmt: skip


def variants(file: Path) -> list[str]:
    """Rows of a sweep."""
    import pyarrow.parquet as pq

    return list(map(str, pq.read_table(file, partitioning=None).to_pylist()))


def state(folder: Path) -> dict[str, str]:
    """Digests of files by name, temporary ones left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in IGNORED]
    kept = [path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def at_home(folder: Path) -> dict[str, str]:
    """Variables that send everything that a writer keeps to a folder."""
    return {"IWM_OPTS_DATA": str(folder / "record"), "IWM_OPTS_CACHE": str(folder / "cache")}


def start(
    act: Callable[[Path], None], folder: Path, before: Callable[[], None] = lambda: None, errors: str = "stderr"
) -> int:
    """Fork a writer; its errors go to a file, or nowhere."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.environ |= at_home(folder)
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


def on_file_events(act: Callable[[], None]) -> None:
    """Call before each operation on a file, for the rest of this process."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        is_open = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if is_open or event in FILE_EVENTS:
            act()

    sys.addaudithook(hook)


class Countdown:
    """Kill this process at an operation on a file, or count them for its parent."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.shared = mmap.mmap(-1, 8)

    @property
    def count(self) -> int:
        """Operations so far."""
        return int.from_bytes(self.shared[:8], "little")

    def begin(self) -> None:
        """Begin to count, in the process of the writer."""
        on_file_events(self._event)

    def _event(self) -> None:
        self.shared[:8] = (self.count + 1).to_bytes(8, "little")
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def at_clock(now: float) -> None:
    """Set the clock of this process."""

    class Anytime(type):
        def __instancecheck__(cls, value: object) -> bool:  # what was made at the right clock is a datetime too
            return isinstance(value, datetime)

    class Odd(datetime, metaclass=Anytime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.fromtimestamp(now, tz)

    time.time = lambda: now
    for name, module in list(sys.modules.items()):
        if name.startswith("iwm_opts") and getattr(module, "datetime", None) is datetime:
            module.datetime = Odd


class Attack:
    """One writer under attack."""

    def __init__(self, name: str, root: Path, seed: int, disks: int) -> None:
        self.name, self.writer, self.root = name, WRITERS[name], root / name
        self.random, self.disks, self.full_disks = random.Random(seed), disks, 0
        self.broken: list[str] = []
        self.root.mkdir(parents=True)
        reference = self._fresh("reference")
        self.before = state(reference)
        counter, begin = Countdown(), time.perf_counter()
        code = finish(start(self.writer.act, reference, counter.begin))
        self._expect(code == 0, f"the reference fails: {self._words()}")
        self.seconds, self.events = time.perf_counter() - begin, counter.count
        self.reference = state(reference)
        self.days = {line for file in reference.rglob(DERIVED) for line in file.read_text().splitlines(keepends=True)}
        self.variants = {row for file in reference.rglob(VARIANTS) for row in variants(file)}

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
        """Each file is of before or of the reference; parts of a sweep hold some of its variants."""
        if self.writer.has_own_process:  # numba's index names its data files; the run after says whether they fit
            return
        for file, digest in state(folder).items():
            if file.endswith(UNFINISHED):
                continue
            if file.startswith(LEDGERS):  # written as files are read: whole JSON, and in the end the reference
                json.loads((folder / file).read_text())
                continue
            if file.startswith(KEPT):  # each is whole, or not there
                np.load(folder / file)
                continue
            if Path(file).name == DERIVED and self.days:
                lines = (folder / file).read_text().splitlines(keepends=True)
                self._expect(set(lines) <= self.days, f"{what}: {file} holds an odd or cut line")
                continue
            if Path(file).name.startswith(PART):
                rows = variants(folder / file)
                self._expect(len(set(rows)) == len(rows), f"{what}: {file} holds a variant twice")
                self._expect(set(rows) <= self.variants, f"{what}: {file} holds an odd variant")
                continue
            wholes = (self.before.get(file), self.reference.get(file), self.reference.get(f"{file}.refused"))
            self._expect(digest in wholes, f"{what}: {file} is half written")
        lost = (self.before.keys() & self.reference.keys()) - state(folder).keys()
        self._expect(not lost, f"{what}: {sorted(lost)[:3]} of before are lost")

    def _complete(self, folder: Path, what: str) -> None:
        code = finish(start(self.writer.act, folder))
        is_done = code == 1 and self.name in ("paper-close", "paper-roll")  # before the kill, and it says so
        self._expect(code == 0 or is_done, f"{what}: run again it ends with {code}: {self._words()}")
        self._same(folder, f"{what}: run again")

    def _same(self, folder: Path, what: str) -> None:
        if not self.writer.has_own_process:
            there = state(folder)
            odd = [name for name in {*there, *self.reference} if there.get(name) != self.reference.get(name)]
            self._expect(not odd, f"{what} it leaves other {odd[:3]}")

    def kills(self, count: int) -> int:
        """Kill at random; a folder that a run has completed is compared and emptied."""
        folder, killed, again = self._fresh("kills"), 0, 0
        while killed < count:
            if killed % 2 and self.events:
                countdown = Countdown(self.random.randint(1, self.events))
                child = start(self.writer.act, folder, countdown.begin)
            else:
                child = start(self.writer.act, folder)
                time.sleep(self.random.uniform(0.0, 1.1) * self.seconds)
                os.kill(child, signal.SIGKILL)
            code = finish(child)
            killed += code == -signal.SIGKILL
            again += code != -signal.SIGKILL
            self._whole(folder, f"kill {killed}")
            if code != -signal.SIGKILL or killed % 8 == 0 or killed == count:
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

    def file_system(self) -> None:
        """A file system of its own with few free pages: an error of one line or the work done, and whole files."""
        folder = self._fresh("disk")
        held = shutil.copytree(folder, self.root / "held", dirs_exist_ok=True)
        for pages in self.random.sample(PAGES, self.disks):
            pages += sum(1 + path.stat().st_size // PAGE for path in held.rglob("*"))
            if not mounted(folder, pages):
                return
            try:
                shutil.copytree(held, folder, dirs_exist_ok=True)
                code, words = finish(start(self.writer.act, folder)), self._words()
                self.full_disks += code != 0
                self._expect(code in (0, 1, 2), f"{pages} pages: it ends with {code}: {words}")
                self._expect(code == 0 or len(words.splitlines()) == 1, f"{pages} pages: {words}")
                self._whole(folder, f"{pages} pages")
                self._expect(mounted(folder, ENOUGH, "remount,"), "no more pages")
                self._complete(folder, f"after {pages} pages")
            finally:
                subprocess.run(["umount", folder], check=True)

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

    def clock(self, name: str) -> None:
        """Run at an odd clock: done or refused in one line, whole files, and all is well once the clock is right."""
        folder = self._fresh("clock")
        code = finish(start(self.writer.act, folder, partial(at_clock, NOWS[name])))
        words = self._words()
        self._expect(code in (0, 1, 2), f"in {name} it ends with {code}: {words}")
        self._expect(code == 0 or len(words.splitlines()) == 1, f"in {name}: {words}")
        self._whole(folder, f"in {name}")
        self._complete(folder, f"after {name}")

    def place(self) -> Path:
        """Return a folder for an interpreter of its own."""
        return self._fresh("place")

    def placed(self, name: str, code: int, errors: str) -> None:
        """An interpreter of its own under odd variables and flags left the reference, without a word."""
        self._expect(code == 0, f"{name}: it ends with {code}: {errors[-500:]}")
        self._expect(not errors, f"{name}: it says {errors[-500:]}")
        self._same(self.root / "place", f"{name}:")


def mounted(folder: Path, pages: int, how: str = "") -> bool:
    """Mount a file system of so many pages, where this user may."""
    if os.geteuid() or not shutil.which("mount"):
        return False
    options = f"{how}size={pages * PAGE},mode=0777"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def warm(name: str, folder: Path) -> None:
    """Import and compile in this process, for all children."""
    (folder / "at").mkdir(parents=True)
    os.environ |= at_home(folder)
    with open(os.devnull, "w") as sink, contextlib.redirect_stdout(sink):
        WRITERS[name].prepare(folder / "at")
        WRITERS[name].act(folder / "at")


def run_in_places(attacks: Sequence[Attack], names: Iterable[str]) -> None:
    """Run all writers, one after the other, in an interpreter of each place."""
    attacks = sorted(attacks, key=lambda attack: attack.writer.has_own_process)  # which ends it
    for name in names:
        variables, flags = PLACES[name]
        environment = {key: value for key, value in (os.environ | variables).items() if variables.get(key) != ""}
        acts = [part for attack in attacks for part in ("--act", attack.name, str(attack.place()))]
        done = subprocess.run(
            [sys.executable, *flags, __file__, *acts], capture_output=True, text=True, check=False, env=environment
        )
        for attack in attacks:
            attack.placed(name, done.returncode, done.stderr)


def attacked(name: str, folder: Path, given: argparse.Namespace) -> tuple[Attack, dict[str, object]]:
    """Attacks on a writer: kills, seconds of an uninterrupted run, and what broke."""
    if not WRITERS[name].has_own_process:
        warm(name, folder / f"warm-{name}")
    begin = time.perf_counter()
    attack = Attack(name, folder, given.seed, given.disks)
    killed = attack.kills(given.kills)
    for writers in given.crowds:
        attack.crowd(writers)
    attack.full()
    attack.file_system()
    if not WRITERS[name].has_own_process:  # another user could not start an interpreter of this one's
        attack.read_only()
        for clock in given.clocks:
            attack.clock(clock)
    seconds = {"seconds": round(attack.seconds, 3), "all": round(time.perf_counter() - begin, 1)}
    counts = {"kills": killed, "events": attack.events, "full disks": attack.full_disks}
    return attack, {**counts, **seconds}


def main() -> None:
    """Attack the writers named, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--crowds", type=int, nargs="*", default=[2, 8])
    parser.add_argument("--disks", type=int, default=len(PAGES), help="full file systems, where root may mount them")
    parser.add_argument("--places", type=int, default=len(PLACES), help="of these, in interpreters of their own")
    parser.add_argument("--clocks", nargs="*", default=list(NOWS), help="of these")
    parser.add_argument("--act", nargs=2, action="append", help="run a writer in a folder, and nothing else")
    parser.add_argument("writers", nargs="*", default=list(WRITERS))
    given = parser.parse_args()
    for name, place in given.act or ():
        os.environ |= at_home(Path(place))
        WRITERS[name].act(Path(place))
    if given.act:
        return
    PLAN_FILE.write_text(PLAN)
    attacks, results = [], {}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        os.environ |= at_home(Path(folder) / "made")
        if {"report", "montecarlo", "cluster"} & {*given.writers}:
            command("backtest", *MARKET, "--output", RESULT)
        for name in given.writers:
            attack, results[name] = attacked(name, Path(folder), given)
            attacks.append(attack)
            print(json.dumps({name: {**results[name], "broken": attack.broken}}), file=sys.stderr, flush=True)
        run_in_places(attacks, list(PLACES)[: given.places])
    print(json.dumps({attack.name: {**results[attack.name], "broken": attack.broken[:10]} for attack in attacks}))


if __name__ == "__main__":
    main()
