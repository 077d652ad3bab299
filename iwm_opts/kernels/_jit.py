"""The one place for numba compile options and for where compiled kernels are cached.

Numba keys its on-disk cache by the decorated function's own file: editing a callee in another file leaves the
caller's machine code stale, and silently wrong. So the cache lives in a folder named by a digest of every file in
`kernels/`, under the user's NUMBA_CACHE_DIR if set, else the platform's user cache; digests no longer in use are
pruned. NUMBA_CACHE_DIR is process-wide, so it is set only while one of our functions is decorated.
"""

import contextlib
import hashlib
import os
import pickle
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core import config as _config
from numba.core import event

config: Any = _config  # its settings come from the environment: no type checker sees them

# NaN means "no quote" and must survive: neither nnan nor ninf may be assumed.
FASTMATH = {"contract", "nsz"}
OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": FASTMATH}
# A function that allocates nothing needs no reference counts. Numba would count every array of every record at every
# call: a day loop that hands its records on spent nine tenths of its time there.
COUNTLESS: dict[str, Any] = {"_nrt": False}
STALE_AFTER_DAYS = 14  # another checkout may still be using its own digest
_DIGEST_PREFIX = "kernels-"
CACHE_FAULTS = (OSError, EOFError, pickle.UnpicklingError, ValueError, IndexError, AttributeError, ImportError)


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "iwm-opts" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "iwm-opts"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "iwm-opts"


def _digest() -> str:
    # The folder counts too: numba keeps each installation's machine code apart.
    content = hashlib.sha256(str(Path(__file__).parent.resolve()).encode())
    folder = Path(__file__).parent
    for file in sorted(folder.rglob("*.py")):
        content.update(file.relative_to(folder).as_posix().encode())
        content.update(file.read_bytes())
    return content.hexdigest()[:16]


def cache_parent() -> Path:
    """Folder that holds one sub-folder of compiled kernels per version of their source."""
    return Path(config.CACHE_DIR) if config.CACHE_DIR else _user_cache()


CACHE_DIR = cache_parent() / f"{_DIGEST_PREFIX}{_digest()}"


def is_kept() -> bool:
    """Whether compiled kernels can be kept in their folder.

    Numba would silently keep them beside the sources instead, where an edited callee leaves its callers stale.
    """
    try:
        CACHE_DIR.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(CACHE_DIR, os.W_OK | os.X_OK)


def is_compiled() -> bool:
    """Whether a kernel cache for this version of the source is on disk."""
    return CACHE_DIR.exists() and any(CACHE_DIR.rglob("*.nbc"))


class _Compilations(event.Listener):
    """Hears of every function that numba compiles because no cache holds it."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell: Callable[[], None] | None = tell

    def on_start(self, event: Any) -> None:
        """Tell of the first of our own."""
        if self.tell is not None and event.data["dispatcher"].py_func.__module__.startswith(__package__):
            tell, self.tell = self.tell, None
            tell()

    def on_end(self, event: Any) -> None:
        """Nobody asks."""


@contextlib.contextmanager
def on_first_compilation(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` before the first kernel that no cache holds is compiled, if one is: some load late."""
    with event.install_listener("numba:compile", _Compilations(tell)):
        yield


def prune_stale() -> None:
    """Remove kernel caches of other source versions that nobody has used for a while."""
    limit = time.time() - STALE_AFTER_DAYS * 86_400
    with contextlib.suppress(OSError):
        for folder in CACHE_DIR.parent.glob(f"{_DIGEST_PREFIX}*"):
            if folder != CACHE_DIR and folder.stat().st_mtime < limit:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _our_cache() -> Iterator[None]:
    before = config.CACHE_DIR
    config.CACHE_DIR = str(CACHE_DIR)
    try:
        yield
    finally:
        config.CACHE_DIR = before


IS_KEPT = is_kept()


def kernel(signature: Any = None, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function as a kernel: eagerly where a signature is given, on first use otherwise."""
    wanted = OPTIONS | {"cache": IS_KEPT} | options

    def decorate(function: Callable[..., Any]) -> Any:
        with _our_cache():
            for attempt in (wanted, wanted, wanted | {"cache": False}):
                with contextlib.suppress(*CACHE_FAULTS):
                    return _compiled(function, signature, attempt)
                # Cut off by a power failure or a full disk: what can be compiled again is no loss.
                shutil.rmtree(CACHE_DIR, ignore_errors=True)
            return _compiled(function, signature, wanted | {"cache": False})  # no fault of the cache: let it speak

    return decorate


def _compiled(function: Callable[..., Any], signature: Any, options: dict[str, Any]) -> Any:
    compiler: Any = numba.njit(signature, **options)
    return compiler(function)


def record_type(record: type, *fields: Any) -> Any:
    """Numba type of a NamedTuple whose fields have these types: how kernels take more than a handful of arrays."""
    return numba.types.BaseTuple.from_types(fields, record)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a scalar building block that LLVM inlines into the loops that call it.

    Inlined by numba itself (`inline="always"`) the types of its body would be inferred anew at every call: 19 seconds
    of compiling for the barrier kernels against 0.6, for the same machine code. It allocates nothing, and so counts no
    references: see COUNTLESS.
    """
    return kernel(forceinline=True, cache=False, **COUNTLESS)(function)


prune_stale()
