"""The distributions: a wheel built from the sdist, installed alone, runs."""

import json
import os
import shutil
import site
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def built(folder, kind, source):
    """Build a distribution with the backend of the project, without the network."""
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True, text=True)
    return folder / done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_the_wheel_alone_runs_the_main_command(tmp_path):
    copy = tmp_path / "source"
    # Not the files git tracks: the tests also run in a copy of the tree without a repository.
    shutil.copytree(ROOT / "iwm_opts", copy / "iwm_opts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    sdist = built(tmp_path, "sdist", copy)
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    wheel = built(tmp_path, "wheel", next((tmp_path / "unpacked").iterdir()))
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "iwm_opts").rglob("*.py")}
    assert modules | {"iwm_opts/py.typed", "iwm_opts/simulation/iwm.toml"} <= held

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True)
    target = next((tmp_path / "env" / "lib").iterdir()) / "site-packages"
    # The dependencies come from this interpreter; a path in a .pth file brings no editable installation along.
    (target / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments):
        command = [tmp_path / "env" / "bin" / "iwm-opts", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout

    where = subprocess.run(
        [python, "-c", "import iwm_opts; print(iwm_opts.__file__)"],
        cwd=tmp_path, env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert Path(where.strip()).is_relative_to(target)
    assert "condor" in run()
    screen = json.loads(run("condor", "--source", "sim", "--as-of", "2026-06-26", "--seed", "7", "--format", "json"))
    assert screen["market"]["simulated"] is True
    assert screen["candidates"]
