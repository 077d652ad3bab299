"""Every notebook runs from its first cell to its last, and its results draw their tables."""

import ast
import json
from pathlib import Path

import matplotlib as mpl
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples" / "notebooks").glob("*.ipynb"))


def run_cell(source, name, variables):
    """Run a cell; the value of its last line, as a notebook would show it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), variables)
    return eval(compile(ast.Expression(last.value), name, "eval"), variables) if last else None


def test_there_are_three():
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mpl.use("Agg")
    variables: dict[str, object] = {}
    for place, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == [], f"cell {place} holds an output: clear it before the commit"
        shown = run_cell("".join(cell["source"]), f"{notebook.name}[{place}]", variables)
        if hasattr(shown, "_repr_html_"):
            assert "<table" in shown._repr_html_(), f"cell {place} shows no table"
