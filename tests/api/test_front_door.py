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


# Signatures that click itself leaves open: what it converts, hands on and decorates.
OF_CLICK = {"convert", "invoke", "__init__", "option", "list_commands"}


@pytest.mark.parametrize("room", ["api", "cli"])
def test_no_any_in_signatures(room):
    for file in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.FunctionDef) or node.name in OF_CLICK:
                continue
            annotations = [argument.annotation for argument in (*node.args.args, *node.args.kwonlyargs)]
            texts = [ast.unparse(each) for each in (*annotations, node.returns) if each is not None]
            assert not [text for text in texts if "Any" in text], f"{file.name}:{node.lineno}"


def test_the_click_context_is_read_in_two_places():
    """Where a call becomes `Values`, and where doctor lists all options."""
    reading = {file.name for file in (ROOT / "cli").rglob("*.py") if "get_current_context" in file.read_text()}
    assert reading <= {"doctor.py"}


def test_no_click_below_the_command_line():
    for file in ROOT.rglob("*.py"):
        if file.parent.name != "cli":
            assert "import click" not in file.read_text(), file
