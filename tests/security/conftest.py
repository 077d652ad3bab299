"""What holds of every command however it is attacked."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import matplotlib
import pytest

from iwm_opts.cli.command import SKIP
from iwm_opts.cli.main import main
from iwm_opts.kernels._jit import CACHE_DIR

LONGEST_MESSAGE = 500  # characters
SECONDS = 10.0  # of a core, of a run; the first of a machine compiles kernels
LONGEST_WAIT = 60.0  # seconds of a run on a busy machine
COMPILES = "Compiling kernels"
PREFIX = "iwm-opts: error: "
Judgement = tuple[int | None, list[str]]
CODES = (0, 1, 2, SKIP)  # SKIP: of `plan --check --exit-code` and `paper`, which did nothing


class HangError(BaseException):
    """A run that takes too long: no handler of errors takes it."""


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise HangError


class Watch:
    """Names of what this process writes, while it is on."""

    def __init__(self) -> None:
        self.is_on, self.written = False, set[str]()
        sys.addaudithook(self._event)

    def _event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        if event == "open":
            name, _, flags = arguments
            if (
                isinstance(name, str | bytes | os.PathLike)
                and isinstance(flags, int)
                and flags & (os.O_WRONLY | os.O_RDWR)
            ):
                self.written.add(os.fsdecode(name))
        elif event in ("os.rename", "os.link", "os.symlink"):
            self.written.add(os.fsdecode(arguments[1]))
        elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod"):
            self.written.add(os.fsdecode(arguments[0]))


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture
def judged(watch, capsys, tmp_path, monkeypatch) -> Iterator[Callable[[list[str], list[Path]], Judgement]]:
    """Run a command that may write below some folders; its exit code, and what must not be of how it ended."""
    before = signal.signal(signal.SIGALRM, _too_long)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = [tmp_path, CACHE_DIR.parent, Path(matplotlib.get_cachedir())]
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # of modules that a command is the first to import

    def run(arguments: list[str], folders: list[Path]) -> Judgement:
        capsys.readouterr()
        begin, found, here = time.process_time(), [], Path.cwd()
        watch.written.clear()
        signal.setitimer(signal.ITIMER_REAL, LONGEST_WAIT)
        watch.is_on, code = True, None
        try:
            main([*arguments])
        except SystemExit as stop:
            code = stop.code or 0
        except HangError:
            found.append("does not end")
        except BaseException as error:
            found.append(f"raises {type(error).__name__}: {error}")
        finally:
            watch.is_on = False
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        seconds, err = time.process_time() - begin, capsys.readouterr().err
        lines = err.splitlines()
        errors = [line for line in lines if line.startswith(PREFIX)]
        if seconds > SECONDS and COMPILES not in err:
            found.append("takes too long")
        is_silent = code in (1, 2) and not errors and "not marked: " not in err
        if code is not None and (code not in CODES or len(errors) > 1 or is_silent):
            found.append(f"ends with {code} and {len(errors)} errors")
        if "Traceback" in err or "run again with --debug" in err:
            found.append("has an internal error")
        if any(len(line) > LONGEST_MESSAGE + len(PREFIX) for line in errors):
            found.append(f"has an error of {max(map(len, errors))} characters")
        if not "".join(lines).replace("\r", "").isprintable():
            found.append("prints control characters")
        if strange := sorted(name for name in watch.written if not _is_in(here / name, [*own, *folders])):
            found.append(f"writes {strange[:3]}")
        return code, [f"{each}, {seconds:.1f} s: {_shown(arguments)}: {err[-600:]}" for each in found]

    yield run
    signal.signal(signal.SIGALRM, before)


def _is_in(path: Path, folders: list[Path]) -> bool:
    try:
        place = Path(os.path.realpath(path))
    except (OSError, ValueError):
        return False
    return str(place).startswith("/dev/") or any(folder in (place, *place.parents) for folder in map(_real, folders))


def _real(folder: Path) -> Path:
    return Path(os.path.realpath(folder))


def _shown(arguments: list[str]) -> str:
    return " ".join(repr(each if len(each) < 60 else f"{each[:50]}...{len(each)}") for each in arguments)
