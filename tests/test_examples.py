import importlib
import os
import runpy
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
DATA = os.environ.get("IWM_OPTS_TEST_DATA", "")
FEW = {  # families; paths, years and every twentieth session; resamples
    "selection_tests": ("4",),
    "managed_calibration": ("1", "1", "20"),
    "periods_apart": (DATA, "100"),
}
WITHOUT_DATA = {"four_stories"}  # `tables` makes its table with the data, and compares it
IMPORTED = {"smile_calibration"}  # `tables` imports it, and so keeps its fits


@contextmanager
def suppress_success():
    """Let a script exit without an error."""
    try:
        yield
    except SystemExit as stop:
        if stop.code:
            raise


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_runs_and_agrees(example, monkeypatch):
    monkeypatch.syspath_prepend(example.parent)  # as for a script
    monkeypatch.setattr(sys, "argv", [str(example), *FEW.get(example.stem, ())])
    if example.stem in WITHOUT_DATA:
        monkeypatch.setenv("IWM_OPTS_TEST_DATA", "")
    with suppress_success():
        if example.stem in IMPORTED:
            importlib.import_module(example.stem).main()
        else:
            runpy.run_path(str(example), run_name="__main__")
