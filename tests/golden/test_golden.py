"""JSON of every command on the simulated market, compared by value with what was recorded (`record.py`)."""

import importlib.util
import json
from pathlib import Path

import click
import pytest

from iwm_opts.cli.main import COMMANDS, _command

FOLDER = Path(__file__).parent


def load(name):
    spec = importlib.util.spec_from_file_location(f"golden_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases = load("cases")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("golden"))
        for name, value in cases.VARIABLES.items():
            patch.setenv(name, value)
        return dict(cases.outcomes())


@pytest.mark.slow
@pytest.mark.parametrize("name", cases.COMMANDS)
def test_json_is_as_recorded(outcomes, name):
    golden = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    found = list(cases.differences(golden, outcomes[name]))
    assert not found, "\n".join(
        [f"{name}: {len(found)} differences; to accept, python tests/golden/record.py", *found[:20]]
    )


def test_every_command_is_recorded():
    recorded = {tuple(line.split()[:2]) for line in cases.COMMANDS.values()}
    for name in set(COMMANDS) - {"report"}:  # which writes pages of results
        command = _command(name)
        subs = command.commands if isinstance(command, click.Group) else [None]
        for sub in subs:
            assert any(words[0] == name and sub in (None, *words[1:]) for words in recorded), (name, sub)


@pytest.mark.parametrize(
    ("golden", "now", "path"),
    [
        ({"a": [{"b": 1.0}]}, {"a": [{"b": 1.0 + 1e-8}]}, "$.a[0].b: 1.0, now 1.00000001"),
        ({"a": [1, 2]}, {"a": [1]}, "$.a: 2 items, now 1"),
        ({"a": None}, {"a": 0.0}, "$.a: None, now 0.0"),
        ({"a": True}, {"a": 1}, "$.a: True, now 1"),
        ({"a": 1}, {"b": 1}, "$.a: not in now: 1"),
    ],
)
def test_a_difference_names_path_and_both_values(golden, now, path):
    assert next(cases.differences(golden, now)) == path
    assert not list(cases.differences(golden, golden))
    assert not list(cases.differences(1.0, 1.0 + 1e-10))
