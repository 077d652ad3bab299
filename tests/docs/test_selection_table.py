"""The table of size and power in the documentation is that of its script."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("selection_tests", ROOT / "examples" / "selection_tests.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def blocks(script):
    """Sums of each block of the families behind the table."""
    rows = np.loadtxt(ROOT / "tests" / "oracles" / "selection_families.csv", delimiter=",")
    return rows.reshape(len(rows), len(script.TRUTHS), len(script.COLUMNS), 2)


def test_the_table_sums_up_its_blocks(script, blocks):
    page = (ROOT / "docs" / "how-it-works" / "evidence.md").read_text(encoding="utf-8")
    assert script.table(len(blocks) * script.BLOCK, blocks.sum(axis=0)) in page


@pytest.mark.parametrize("block", [0, -1])
def test_a_block_is_what_the_tests_say_of_its_families(script, blocks, block):
    first = (block % len(blocks)) * script.BLOCK
    np.testing.assert_allclose(script.sums(range(first, first + script.BLOCK)), blocks[block], rtol=1e-9)
