"""The table of size and power in the documentation is that of its script."""

import importlib.util
import math
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (.+?)((?: \| [\d.]+% ± [\d.]+%)+) \|$", re.MULTILINE)
CELL = re.compile(r"([\d.]+)% ± ([\d.]+)%")
FEW = 60


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("selection_tests", ROOT / "examples" / "selection_tests.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs" / "how-it-works" / "evidence.md").read_text(encoding="utf-8")


def test_some_families_agree_with_the_table(script, page):
    rows = ROW.findall(page)
    assert [name for name, _ in rows] == list(script.COLUMNS)
    for column, truth in enumerate(script.TRUTHS.values()):
        rates = np.array([script.judged(seed, *truth) for seed in range(FEW)])
        for place, (name, cells) in enumerate(rows):
            stated, error = (float(figure) / 100.0 for figure in CELL.findall(cells)[column])
            spread = max(error * math.sqrt(2_000.0 / FEW), 1.0 / FEW)  # of a mean of few families
            assert abs(rates[:, place].mean() - stated) < 4.0 * spread, name


@pytest.mark.slow
def test_the_table_is_what_the_script_prints(script, page, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["selection_tests.py", "2000"])
    script.main()
    assert capsys.readouterr().out in page
