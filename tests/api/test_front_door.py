"""The package's front page: lazy names, documented and typed."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import iwm_opts
from iwm_opts import api
from iwm_opts.lazy import homes

ROOT = Path(iwm_opts.__file__).parent


def test_the_import_loads_nothing_heavy():
    probe = (
        "import sys, iwm_opts; dir(iwm_opts)\n"
        "loaded = {'numpy', 'pandas', 'numba', 'scipy', 'matplotlib', 'click', 'rich'} & set(sys.modules)\n"
        "print(loaded); sys.exit(len(loaded))"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


@pytest.mark.parametrize("name", sorted(set(iwm_opts.__all__) - {"__version__"}))
def test_every_public_name_is_documented(name):
    member = getattr(iwm_opts, name)
    page = inspect.getdoc(member) or ""
    assert page.splitlines()[0].endswith(".")
    if inspect.isfunction(member) and member.__module__.startswith("iwm_opts.api"):
        assert "Parameters\n---" in page
        assert all(parameter in page for parameter in inspect.signature(member).parameters)


def test_the_command_line_finds_every_name_of_the_api():
    names = homes(api.__file__)
    assert {name for name in names if not hasattr(api, name)} == set()
    assert not hasattr(api, "no_such_name")


OF_CLICK = {"command.py": {"__init__"}}  # which hands click what click takes


@pytest.mark.parametrize("room", ["api", "cli"])
def test_no_any_in_signatures_and_fields(room):
    for file in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name not in OF_CLICK.get(
                file.name, ()
            ):
                arguments = node.args
                named = [
                    *arguments.posonlyargs,
                    *arguments.args,
                    *arguments.kwonlyargs,
                    arguments.vararg,
                    arguments.kwarg,
                ]
                annotations = [node.returns, *(each.annotation for each in named if each is not None)]
            elif isinstance(node, ast.AnnAssign):
                annotations = [node.annotation]
            elif isinstance(node, ast.ClassDef):
                annotations = node.bases
            else:
                continue
            names = {
                each.id
                for annotation in annotations
                if annotation is not None
                for part in ast.walk(annotation)
                for each in ast.walk(ast.parse(part.value) if is_text(part) else part)
                if isinstance(each, ast.Name)
            }
            assert "Any" not in names, f"{file.name}:{node.lineno}"


def is_text(node):
    """Whether an annotation, or a part of one, is written as text."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_the_click_context_is_read_in_two_places():
    """Where a call becomes `Values`, and where doctor lists all options."""
    reading = {file.name for file in (ROOT / "cli").rglob("*.py") if "get_current_context" in file.read_text()}
    assert reading <= {"doctor.py"}


def test_no_click_below_the_command_line():
    for file in ROOT.rglob("*.py"):
        if file.parent.name != "cli":
            assert "import click" not in file.read_text(), file


MOST_PARAMETERS = 12  # of a function that is no kernel; those of the public API that fill a request in have its fields


def test_functions_take_few_parameters():
    many = {}
    for file in ROOT.rglob("*.py"):
        if "kernels" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                calls = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
                asks = any(isinstance(each, ast.Name) and each.id.endswith("Request") for each in calls)
                is_public = node.name in iwm_opts.__all__ and asks
                count = len([each for each in given if each.arg not in ("self", "cls")])
                if count > MOST_PARAMETERS and not is_public:
                    many[f"{file.relative_to(ROOT)}:{node.name}"] = count
    assert not many
