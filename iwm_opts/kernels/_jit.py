"""Compile options of the kernels and the cache of their machine code.

Numba keys its on-disk cache by the decorated function's own file: editing a callee in another file leaves the caller's
machine code stale, and silently wrong. So the cache lives in a folder named by a digest of every source that kernels
read, under the user's NUMBA_CACHE_DIR if set, else the platform's user cache; digests no longer in use are pruned.
NUMBA_CACHE_DIR is process-wide, so it is set only while one of our functions is decorated.

Compiling costs Python time, some 2 ms for each operation of a function. Three habits keep it low: a kernel with a
signature compiles on its first call and not on import, building blocks are kept like kernels, and the compiler leaves
out what plain numeric loops do not need: see `_compiler`.
"""

import contextlib
import functools
import hashlib
import json
import os
import pickle
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import config as _config
from numba.core import event, types
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher
from numba.core.runtime.nrt import rtsys

from iwm_opts.documents import parse_object
from iwm_opts.kernels._compiler import (
    InlineCompiler,
    InlineLibrary,
    KernelCompiler,
    KernelLibrary,
    SeparateCompiler,
    lean_compiler,
    without_blas,
)

config: Any = _config  # its settings come from the environment: no type checker sees them
Cache: Any = FunctionCache  # and their methods are only partly annotated
CacheImpl: Any = CompileResultCacheImpl
Compiled: Any = CompileResult
Dispatcher: Any = CPUDispatcher

# NaN means "no quote" and must survive: neither nnan nor ninf may be assumed.
FASTMATH = {"contract", "nsz"}
OPTIONS: dict[str, Any] = {
    "nopython": True, "boundscheck": None, "nogil": True, "error_model": "numpy", "fastmath": FASTMATH,
    "no_cfunc_wrapper": True,
}  # fmt: skip
# A function that allocates nothing needs no reference counts. Numba would count every array of every record at every
# call: a day loop that hands its records on spent nine tenths of its time there.
COUNTLESS: dict[str, Any] = {"_nrt": False}
ALLOCATE = frozenset({"empty", "empty_like", "zeros"})
INLINED: dict[str, Any] = {"forceinline": True, "no_cpython_wrapper": True, **COUNTLESS}
UNFUSED: dict[str, Any] = {"fastmath": FASTMATH - {"contract"}}
STALE_AFTER_DAYS = 14  # another checkout may still be using its own digest
LONGEST_WAIT = 120.0  # seconds for another process that compiles; a stopped one must not block this one
_DIGEST_PREFIX = "kernels-"
_DURATIONS = "compile-seconds.json"
CACHE_FAULTS = (OSError, EOFError, pickle.UnpicklingError, ValueError, IndexError, AttributeError, ImportError)


def _user_cache() -> Path:
    try:
        home = Path.home()
    except RuntimeError:  # no HOME and an unnamed user, as in containers: nothing can be kept there
        home = Path(os.devnull)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "iwm-opts" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "iwm-opts"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "iwm-opts"


def _digest() -> str:
    # The folder counts too: numba keeps each installation's machine code apart.
    folder = Path(__file__).parent
    content = hashlib.sha256(str(folder.resolve()).encode())
    # Constants of `conventions` are compiled in.
    for file in (folder.parent / "conventions.py", *sorted(folder.rglob("*.py"))):
        content.update(file.relative_to(folder.parent).as_posix().encode())
        content.update(file.read_bytes())
    return content.hexdigest()[:16]


def cache_parent() -> Path:
    """Folder that holds one sub-folder of compiled kernels per version of their source."""
    return Path(config.CACHE_DIR) if config.CACHE_DIR else _user_cache()


CACHE_DIR = cache_parent() / f"{_DIGEST_PREFIX}{_digest()}"


def is_kept() -> bool:
    """Whether compiled kernels can be kept in their folder.

    Numba would silently keep them next to the sources instead, where an edited callee leaves its callers stale.
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
    """Listener that times compilation and reports its start."""

    def __init__(self, on_start: Callable[[], None]) -> None:
        self.announce: Callable[[], None] | None = on_start
        self.depth = 0
        self.began = self.seconds = 0.0

    def on_start(self, event: Any) -> None:
        """Start the clock at the outermost kernel; announce the first one of ours."""
        if not self.depth:
            self.began = time.perf_counter()
        self.depth += 1
        if self.announce is not None and event.data["dispatcher"].py_func.__module__.startswith(__package__):
            announce, self.announce = self.announce, None
            announce()

    def on_end(self, event: Any) -> None:
        """Stop the clock."""
        self.depth -= 1
        if not self.depth:
            self.seconds += time.perf_counter() - self.began


@contextlib.contextmanager
def on_first_compilation(announce: Callable[[], None], name: str = "") -> Iterator[None]:
    """Call `announce` before the first kernel that no cache holds is compiled, if any is.

    With a `name` the seconds of compiling are kept for `last_seconds`.
    """
    listener = _Compilations(announce)
    try:
        with event.install_listener("numba:compile", listener):
            yield
    finally:
        if name and listener.seconds and IS_KEPT:
            _keep_seconds(name, listener.seconds)


def last_seconds(name: str) -> float | None:
    """Seconds that compiling took the last time, whatever version of the source; None if unknown."""
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        return float(parse_object((CACHE_DIR.parent / _DURATIONS).read_text()).get(name, ""))
    return None


def _keep_seconds(name: str, seconds: float) -> None:
    file = CACHE_DIR.parent / _DURATIONS
    kept: dict[str, float] = {}
    with contextlib.suppress(OSError, ValueError, TypeError):
        kept = dict(parse_object(file.read_text()))
    if seconds > 1.0 or name not in kept:  # a kernel or two that a new option needs says nothing of a first run
        with contextlib.suppress(OSError):
            file.write_text(json.dumps(kept | {name: round(seconds, 1)}))


def prune_stale() -> None:
    """Remove kernel caches of other source versions unused for STALE_AFTER_DAYS; mark this one as used."""
    limit = time.time() - STALE_AFTER_DAYS * 86_400
    with contextlib.suppress(OSError):
        if CACHE_DIR.stat().st_mtime < time.time() - 86_400:
            os.utime(CACHE_DIR)
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


class _KernelCacheImpl(CacheImpl):  # type: ignore[misc]
    """Compiled kernels on disk."""

    library: type[KernelLibrary | InlineLibrary] = KernelLibrary

    def reduce(self, result: Any) -> Any:
        """Return what is kept of a compile result.

        Of its environments those with constants: to read the others imports the modules of numba that they were
        written in, which costs a warm start 0.2 s.
        """
        *parts, envs = super().reduce(result)
        return *parts, tuple(env for env in envs if env.consts)

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        """Compile result of what was kept."""
        kept, fndesc, env, signature, objectmode, lifted, annotation, reload_init, envs = payload
        for load in reload_init:
            load()
        library = self.library.rebuild(target_context.codegen(), kept, fndesc)
        for referenced in envs:
            library.codegen.set_env(referenced.env_name, referenced)
        return Compiled(
            target_context=target_context, typing_context=target_context.typing_context, library=library,
            environment=env, entry_point=target_context.get_executable(library, fndesc, env), fndesc=fndesc,
            type_annotation=annotation, signature=signature, objectmode=objectmode, lifted=lifted, typing_error=None,
            call_helper=None, metadata=None, reload_init=reload_init, referenced_envs=envs,
        )  # fmt: skip


class _InlineCacheImpl(_KernelCacheImpl):
    """Compiled building blocks on disk."""

    library = InlineLibrary


@functools.cache
def _compilers_lock() -> Any:
    """Lock of the process that compiles; reentrant, as callees compile while their callers hold it."""
    from filelock import FileLock

    return FileLock(CACHE_DIR / ".lock")


class _SharedCache(Cache):  # type: ignore[misc]
    """Cache of one function, written by one process at a time.

    Numba numbers the data files of a function's signatures: of two processes that compile different ones at once, the
    second may leave its code under the first one's number. A process that waits finds the work done.
    """

    _impl_class = _KernelCacheImpl
    _is_held = False

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load a compiled signature; without one, return None and hold the lock until `release`."""
        # Numba would first register all that it can compile: 0.2 s. Compiled code needs only the runtime; compiling
        # registers the rest.
        with lean_compiler():  # kernels hold what they need of it
            rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            result = self._load_overload(sig, target_context)
        if result is None and not self._is_held:
            with contextlib.suppress(OSError):
                _compilers_lock().acquire(timeout=LONGEST_WAIT)
                self._is_held = True
                with without_blas():
                    result = super().load_overload(sig, target_context)
        return result

    def release(self) -> None:
        """Let other processes compile."""
        if self._is_held:
            self._is_held = False
            _compilers_lock().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_compilers_lock.cache_clear)  # one from before a fork is its parent's


class _InlineCache(_SharedCache):
    """Cache of one building block."""

    _impl_class = _InlineCacheImpl


class _Kernel(Dispatcher):  # type: ignore[misc]
    """Dispatcher that compiles its declared signature, or loads it, on the first call."""

    compiler: type[KernelCompiler] = KernelCompiler
    cache: type[_SharedCache] = _SharedCache
    declared: Any = None  # signature; None compiles for the arguments of each call
    few = 0  # elements of arrays that may still be worked on in Python

    def compile(self, sig: Any) -> Any:
        """Compile a signature, or load it."""
        try:
            with global_compiler_lock:
                return super().compile(sig)
        finally:
            if isinstance(self._cache, _SharedCache):
                self._cache.release()

    def prepare(self) -> None:
        """Compile the declared signature, or load it; a damaged cache is replaced."""
        if self.declared is None or not self._can_compile:
            return
        with global_compiler_lock:  # a thread that waits here finds the work done
            if self._can_compile:
                self._prepare()

    def _prepare(self) -> None:
        for _ in range(2):
            with contextlib.suppress(*CACHE_FAULTS):
                self.compile(self.declared)
                break
            # Cut off by a power failure or a full disk: the folder is rebuilt from nothing.
            shutil.rmtree(CACHE_DIR, ignore_errors=True)
        else:
            self._cache.disable()
            self.compile(self.declared)
        self.disable_compile()

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Signature of a call from another kernel."""
        self.prepare()
        # A literal is a type of its own: the callee would be compiled again for it.
        return super().get_call_template([types.unliteral(argument) for argument in args], kws)

    def _compile_for_args(self, *args: Any, **kws: Any) -> Any:
        if self.declared is None:
            return super()._compile_for_args(*args, **kws)
        if self.few > 0 and self._can_compile:
            self.few -= max(getattr(value, "size", 1) for value in args)
            if self.few >= 0:
                return self._run_in_python
        self.prepare()
        match = self.typingctx.resolve_overload(
            self.py_func, self.nopython_signatures, tuple(map(self.typeof_pyval, args)), {}, allow_ambiguous=False
        )
        if match is None:
            self._explain_matching_error(*args)
        return self.overloads[match.args].entry_point

    def _run_in_python(self, *args: Any) -> Any:
        """Call the Python function; its result has the types of compiled code.

        Python reads an element of a memory view, a number of its own, in half the time of numpy's.
        """
        try:
            with np.errstate(all="ignore"):
                result = self.py_func(*map(_views, args))
        except (ArithmeticError, ValueError):  # of Python's floats, where compiled code gives infinity or NaN
            self.prepare()
            return self(*args)
        if isinstance(result, tuple):
            return tuple(value.item() if isinstance(value, np.generic) else value for value in result)
        return result.item() if isinstance(result, np.generic) else result


def _views(argument: Any) -> Any:
    """Replace arrays of one dimension by views of their memory: rows of a view are not implemented."""
    if type(argument) is tuple:
        return tuple(map(_views, argument))
    return argument.data if isinstance(argument, np.ndarray) and argument.ndim == 1 else argument


class _Inline(_Kernel):
    """Building block of kernels; a call from Python runs the Python function."""

    compiler: type[KernelCompiler] = InlineCompiler
    cache = _InlineCache

    def __call__(self, *args: Any) -> Any:
        return self.py_func(*args)


class _Separate(_Inline):
    """Building block of kernels whose code exists once."""

    compiler = SeparateCompiler


def kernel(
    signature: Any = None, cache: bool = True, few: int = 0, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function as a kernel on its first call, for the signature where one is given.

    The first calls, on up to `few` elements in all, run as Python: to load machine code takes 5 ms and to make it half
    a second, and a screen sizes one package. Such a kernel writes every element of its results anew in each call, uses
    arrays of one dimension by element and slice, and is UNFUSED, as its building blocks must be: see `unfused`. A
    kernel that calls nothing in ALLOCATE is COUNTLESS.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        counts = {} if ALLOCATE.intersection(function.__code__.co_names) else COUNTLESS
        fusion = UNFUSED if few else {}
        dispatcher = _dispatcher(_Kernel, function, signature, cache and IS_KEPT, counts | fusion | options)
        if not config.DISABLE_JIT:
            dispatcher.few = few
        return dispatcher

    return decorate


def inline(function: Callable[..., Any]) -> Any:
    """Compile a scalar building block that LLVM inlines into the loops that call it.

    Inlined by numba itself (`inline="always"`) the types of its body would be inferred anew at every call: 19 seconds
    of compiling for the barrier kernels against 0.6, for the same machine code. It allocates nothing, and so counts no
    references: see COUNTLESS.
    """
    return _dispatcher(_Inline, function, None, IS_KEPT, INLINED)


def unfused(function: Callable[..., Any]) -> Any:
    """Compile a building block as `inline` does, for the same bits as in Python: no product is rounded with its sum."""
    return _dispatcher(_Inline, function, None, IS_KEPT, INLINED | UNFUSED)


def internal(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel; unlike with `inline` LLVM decides whether its code is copied to each call.

    Copies of a long function at several calls cost LLVM seconds and run no faster.
    """
    return _dispatcher(_Inline, function, None, IS_KEPT, {"no_cpython_wrapper": True, **COUNTLESS})


def separate(function: Callable[..., Any]) -> Any:
    """Compile a long part of a kernel whose code is not copied to each call: LLVM translates it once."""
    return _dispatcher(_Separate, function, None, IS_KEPT, INLINED | {"forceinline": False})


def _dispatcher(
    kind: type[_Kernel], function: Callable[..., Any], signature: Any, cache: bool, options: dict[str, Any]
) -> Any:
    if config.DISABLE_JIT:
        return function
    dispatcher = kind(function, targetoptions=OPTIONS | options, pipeline_class=kind.compiler)
    if signature is not None:
        dispatcher.declared = signature
    if cache:
        with _our_cache():
            dispatcher._cache = kind.cache(function)
    return dispatcher


def record_type(record: type, *fields: Any) -> Any:
    """Numba type of a NamedTuple whose fields have these types: how kernels take more than a handful of arrays."""
    return numba.types.BaseTuple.from_types(fields, record)


prune_stale()
