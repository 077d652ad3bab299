"""Where compiled kernels are kept."""

import os
import subprocess
import sys

from numba.core import config

from iwm_opts.kernels import _jit


def test_the_users_numba_is_left_as_it_was():
    before = config.CACHE_DIR
    _jit.kernel()(lambda x: x)
    assert before == config.CACHE_DIR


def test_the_cache_is_named_by_the_sources_and_lives_where_the_user_says(tmp_path):
    probe = (
        "import iwm_opts.kernels.panel.rank; from iwm_opts.kernels import _jit; "
        "print(_jit.CACHE_DIR, _jit.is_compiled())"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    done = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=True)
    folder, compiled = done.stdout.split()
    assert folder.startswith(str(tmp_path / "kernels-"))
    assert compiled == "True"
    assert [one.name for one in tmp_path.iterdir()] == [folder.rpartition("/")[2]]


def test_stale_caches_are_pruned_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(_jit, "CACHE_DIR", tmp_path / "kernels-new")
    for name, age in (("kernels-old", 30), ("kernels-recent", 1), ("other", 30)):
        (tmp_path / name).mkdir()
        stamp = (tmp_path / name).stat().st_mtime - age * 86_400
        os.utime(tmp_path / name, (stamp, stamp))
    _jit.prune_stale()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["kernels-recent", "other"]


def test_the_first_compilation_is_told_of_once_and_cached_kernels_are_not(tmp_path):
    probe = (
        "from iwm_opts.kernels._jit import on_first_compilation\n"
        "with on_first_compilation(lambda: print('told')):\n"
        "    import iwm_opts.kernels.panel.rank, iwm_opts.kernels.trading.sizing\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    command = [sys.executable, "-c", probe]
    said = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout for _ in "12"]
    assert said == ["told\n", ""]
