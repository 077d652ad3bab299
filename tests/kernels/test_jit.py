"""Where compiled kernels are kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core import config

from iwm_opts.kernels import _jit
from iwm_opts.kernels.trading.payoff import intrinsic


def test_the_users_numba_is_left_as_it_was():
    before = config.CACHE_DIR
    _jit.kernel()(lambda x: x)
    assert before == config.CACHE_DIR


RANK = "import numpy as np; from iwm_opts.kernels.panel.rank import rank_and_percentile\n"
ROLLING = "import numpy as np; from iwm_opts.kernels.panel.rank import rolling_rank; result = np.arange(9.0)\n"
CALL = "rank_and_percentile(np.arange(9.0))\n"


def run_fresh(probe, cache):
    """Standard output of Python code with a cache folder of its own."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "NUMBA_DISABLE_JIT": "0"}
    command = [sys.executable, "-c", probe]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_cache_is_named_by_the_sources_and_lives_where_the_user_says(tmp_path):
    probe = "from iwm_opts.kernels import _jit; print(_jit.CACHE_DIR, _jit.is_compiled())"
    folder, compiled = run_fresh(RANK + CALL + probe, tmp_path).split()
    assert folder.startswith(str(tmp_path / "kernels-"))
    assert compiled == "True"
    assert [one.name for one in tmp_path.iterdir()] == [folder.rpartition("/")[2]]


def test_imports_compile_nothing(tmp_path):
    probe = "import iwm_opts.kernels.backtest.day_loop; from iwm_opts.kernels import _jit; print(_jit.is_compiled())"
    assert run_fresh(probe, tmp_path) == "False\n"


@pytest.mark.parametrize(
    ("call", "of_numba"),
    [
        (RANK + "result = " + CALL + "result = result[0]\n", "numba.np.arraymath"),
        (
            ROLLING + "rolling_rank(1.0 * result, 5, result, np.empty(9, dtype=np.int64))\n",
            "numba.cpython.randomimpl",  # imported with functions that allocate
        ),
    ],
)
def test_kept_kernels_load_without_numbas_own_library(call, of_numba, tmp_path):
    probe = call + f"import sys; print(result, {of_numba!r} in sys.modules)"
    compiled, loaded = run_fresh(probe, tmp_path), run_fresh(probe, tmp_path)
    assert compiled.endswith(" True\n")
    assert loaded == compiled.replace("True", "False")


def test_threads_share_the_first_call(tmp_path):
    probe = RANK + (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from threading import Barrier\n"
        "ready = Barrier(8)\n"
        "def call(_):\n"
        "    ready.wait()\n"
        "    return rank_and_percentile(np.arange(9.0))[0]\n"
        "with ThreadPoolExecutor(8) as pool: print(*set(pool.map(call, range(8))))"
    )
    assert run_fresh(probe, tmp_path) == "100.0\n"  # compiled
    assert run_fresh(probe, tmp_path) == "100.0\n"  # loaded


def test_a_declared_signature_is_the_only_one(tmp_path):
    probe = RANK + CALL + "try: rank_and_percentile(np.arange(9))\nexcept TypeError: print('refused')\n"
    probe += "print(len(rank_and_percentile.signatures))"
    assert run_fresh(probe, tmp_path).split() == ["refused", "1"]


def test_a_literal_argument_compiles_no_second_version(tmp_path):
    probe = (
        "from iwm_opts.kernels._jit import kernel\n"
        "from iwm_opts.kernels.trading.payoff import intrinsic\n"
        "kernel('float64(float64)', cache=False)(lambda x: intrinsic(1.0, x, 2.0) + intrinsic(x, x, x))(1.0)\n"
        "print(len(intrinsic.signatures))"
    )
    assert run_fresh(probe, tmp_path) == "1\n"


def test_building_blocks_run_as_python_when_python_calls_them():
    assert intrinsic(1.0, 100.0, 103.0) == 3.0


FEW = (
    "import numpy as np; from iwm_opts.kernels._jit import kernel\n"
    "half = kernel('float64(float64[::1], float64)', cache=False, few=10)(lambda x, by: len(x) / by)\n"
)


def test_the_first_elements_run_as_python_and_then_the_kernel_compiles(tmp_path):
    probe = FEW + "for _ in range(4): print(half(np.ones(4), 2.0), type(half(np.ones(1), 2.0)), len(half.signatures))"
    lines = run_fresh(probe, tmp_path).splitlines()
    assert lines == [f"2.0 <class 'float'> {compiled}" for compiled in (0, 0, 1, 1)]


def test_more_elements_than_a_few_compile_at_once(tmp_path):
    assert run_fresh(FEW + "print(half(np.ones(11), 2.0), len(half.signatures))", tmp_path) == "5.5 1\n"


def test_what_python_refuses_is_left_to_compiled_code(tmp_path):
    probe = (
        "from iwm_opts.kernels._jit import kernel\n"
        "inverse = kernel('float64(float64)', cache=False, few=10)(lambda x: 1.0 / x)\n"
        "print(inverse(0.0), len(inverse.signatures))"
    )
    assert run_fresh(probe, tmp_path) == "inf 1\n"


def test_the_compiler_is_lean_for_kernels_alone(tmp_path):
    probe = RANK + (
        "import gc; from llvmlite.binding import ffi; from numba.core import types\n"
        "def state(): return gc.isenabled(), len(ffi.lib._lock._cblist), types.BaseFunction.get_call_type\n"
        "before = state(); " + CALL + "print(before == state())"
    )
    assert run_fresh(probe, tmp_path) == "True\n"


def test_the_users_functions_may_use_what_a_kernel_compiled(tmp_path):
    probe = (
        "import numba, numpy as np; from iwm_opts.kernels._jit import kernel\n"
        "def smallest(x):\n    room = np.empty(2)\n    room[0] = min(x, 2.0)\n    return room[0]\n"
        "print(kernel('float64(float64)', cache=False)(smallest)(3.0), numba.njit(smallest)(1.0))"
    )
    assert run_fresh(probe, tmp_path) == "2.0 1.0\n"


def test_elements_are_those_of_python():
    @_jit.kernel(
        "float64(float64[::1], float64[:, ::1], float64[:, :, ::1], int64[::1], boolean[::1], int32)", cache=False
    )
    def mixed(x, y, z, n, flags, k):
        total = x[-1] + y[1, -2] + z[-1, k, 0] + x[n[0]]
        for i in range(x.shape[0]):
            for j in range(y.shape[1]):
                y[i % 2, j] = y[i % 2, j] * x[i] + n[-1]
                z[j % 2, i, -k] += 1
            flags[i] = x[i] > 1.5
            n[i] = x[i] * 3.0
            if flags[i - 1]:
                total += y[-1][1]
        return total

    def arrays():
        rng = np.random.default_rng(3)
        return (
            rng.uniform(0.0, 3.0, 4),
            rng.random((2, 3)),
            rng.random((2, 4, 2)),
            np.arange(-1, 3),
            np.ones(4, dtype=bool),
        )

    given, copies = arrays(), arrays()
    assert mixed(*given, np.int32(1)) == pytest.approx(
        getattr(mixed, "py_func", mixed)(*copies, np.int32(1)), rel=1e-14
    )
    for one, other in zip(given, copies, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_compiling_leaves_linear_algebra_to_those_who_use_it(tmp_path):
    probe = RANK + (
        "import sys, numba\n" + CALL + "print('scipy.linalg' in sys.modules)\n"
        "print(numba.njit(lambda a: a @ a)(2.0 * np.eye(2))[1, 1], 'scipy.linalg' in sys.modules)"
    )
    assert run_fresh(probe, tmp_path) == "False\n4.0 True\n"


def test_a_kept_kernel_is_linked_into_the_next(tmp_path):
    run_fresh(RANK + CALL, tmp_path)
    probe = (
        RANK + "from iwm_opts.kernels._jit import kernel\n"
        "def last_rank(values): return rank_and_percentile(values)[0]\n"
        "print(kernel('float64(float64[::1])', cache=False)(last_rank)(np.arange(9.0)), end='')"
    )
    assert run_fresh(probe, tmp_path) == "100.0"


def test_a_separate_part_is_called_and_not_copied(tmp_path):
    (tmp_path / "parts.py").write_text(
        "import numpy as np; from iwm_opts.kernels._jit import kernel, separate\n"
        "part = separate(lambda x: np.sqrt(x) + 1.0)\n"
        "whole = kernel('float64(float64)', cache=False)(lambda x: part(x) * part(x + 1.0))\n"
    )
    probe = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from parts import whole\n"
    probe += "print(whole(0.0), [code.count('define internal') for code in whole.inspect_llvm().values()])"
    assert run_fresh(probe, tmp_path) == "2.0 [1]\n"


def test_constants_that_kernels_compile_in_are_part_of_the_digest(tmp_path):
    shutil.copytree(Path(_jit.__file__).parents[1], tmp_path / "iwm_opts")
    probe = "from iwm_opts.kernels import _jit; print(_jit.CACHE_DIR.name)"
    probe = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {probe}"
    before = run_fresh(probe, tmp_path / "cache")
    with (tmp_path / "iwm_opts" / "conventions.py").open("a") as file:
        file.write("A_CONSTANT = 1\n")
    assert run_fresh(probe, tmp_path / "cache") != before


def test_two_processes_that_compile_at_once_share_the_work(tmp_path):
    probe = (
        "from iwm_opts.kernels._jit import on_first_compilation\n" + RANK
        + "with on_first_compilation(lambda: print('compiled')):\n    " + CALL
    )  # fmt: skip
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    processes = [
        subprocess.Popen([sys.executable, "-c", probe], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert sorted(process.communicate()[0] for process in processes) == ["", "", "compiled\n"]


def test_stale_caches_are_pruned_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(_jit, "CACHE_DIR", tmp_path / "kernels-new")
    for name, age in (("kernels-old", 30), ("kernels-recent", 1), ("other", 30)):
        (tmp_path / name).mkdir()
        stamp = (tmp_path / name).stat().st_mtime - age * 86_400
        os.utime(tmp_path / name, (stamp, stamp))
    _jit.prune_stale()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["kernels-recent", "other"]


def test_a_cache_in_use_is_marked_as_used(tmp_path, monkeypatch):
    monkeypatch.setattr(_jit, "CACHE_DIR", tmp_path / "kernels-ours")
    (tmp_path / "kernels-ours").mkdir()
    stamp = (tmp_path / "kernels-ours").stat().st_mtime - 30 * 86_400
    os.utime(tmp_path / "kernels-ours", (stamp, stamp))
    _jit.prune_stale()
    assert (tmp_path / "kernels-ours").stat().st_mtime > stamp + 29 * 86_400


def test_the_first_compilation_is_announced_once_and_cached_kernels_are_not(tmp_path):
    probe = (
        RANK + "from iwm_opts.kernels.trading.sizing import whole_units\n"
        "from iwm_opts.kernels._jit import last_seconds, on_first_compilation\n"
        "with on_first_compilation(lambda: print('announced'), 'probe'):\n"
        "    " + CALL + "    whole_units(10.0, 3.0)\n"
        "print(0.0 < last_seconds('probe') < 100.0, last_seconds('another'))"
    )
    assert [run_fresh(probe, tmp_path) for _ in "12"] == ["announced\nTrue None\n", "True None\n"]


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_a_damaged_cache_is_rebuilt(tmp_path, suffix):
    probe = RANK + "print(rank_and_percentile(np.arange(9.0)))"
    result = run_fresh(probe, tmp_path)
    for file in tmp_path.rglob(f"*.{suffix}"):
        file.write_bytes(file.read_bytes()[:20])
    assert run_fresh(probe, tmp_path) == result
