"""Tests that take long are marked slow, and stay so."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TESTS = """
import time

import pytest


def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_dear():
    work(0.5)


def test_asleep():
    time.sleep(0.6)


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_cases(seconds):
    work(seconds)


def test_listed():
    work(0.5)
"""


def test_every_listed_test_exists():
    names: dict[str, set[str]] = {}
    for line in (HERE / "slow.txt").read_text(encoding="utf-8").splitlines():
        seconds, name = line.split(" ", 1)
        assert float(seconds) > 0.0
        file, _, test = name.removesuffix("[]").partition("::")
        names.setdefault(file, set()).add(test.rpartition("::")[2])
    for file, listed in names.items():
        nodes = ast.walk(ast.parse((HERE.parent / file).read_text(encoding="utf-8")))
        assert listed <= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}, file


def test_a_test_that_takes_long_fails_a_run_with_a_limit_unless_it_is_listed(tmp_path):
    shutil.copy(HERE / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    (tmp_path / "slow.txt").write_text("0.5 test_made.py::test_cases[]\n0.5 test_made.py::test_listed\n")
    (tmp_path / "test_made.py").write_text(TESTS)
    variables = {"IWM_OPTS_TEST_CPU": "0.3", "IWM_OPTS_TEST_LIST": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert re.findall(r"^MARK SLOW: .* (\S+)$", done.stdout, re.MULTILINE) == ["test_made.py::test_dear"]
    assert done.returncode == 1
    rows = [line.split() for line in (tmp_path / "slow.txt").read_text().splitlines()]
    assert [name.partition("::")[2] for _, name in rows] == ["test_cases", "test_dear", "test_listed"]
    assert all(0.5 <= float(seconds) < 1.5 for seconds, _ in rows)
