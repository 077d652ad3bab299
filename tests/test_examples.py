import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
FEW = {"selection_tests": ("4",)}  # families
WITHOUT_DATA = {"four_stories"}  # `tables` makes its table with the data, and compares it


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_runs_and_agrees(example):
    variables = {"IWM_OPTS_TEST_DATA": ""} if example.stem in WITHOUT_DATA else {}
    command = [sys.executable, str(example), *FEW.get(example.stem, ())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env=os.environ | variables)
    assert done.returncode == 0, done.stdout + done.stderr
