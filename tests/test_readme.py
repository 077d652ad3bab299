"""The README shows what the program prints."""

import re
import shlex
from pathlib import Path

import pytest

from iwm_opts.cli.main import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(marker):
    match = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert match, marker
    return match[1]


def test_the_session_is_real(capsys, monkeypatch, tmp_path):
    command, _, shown = block("session").partition("\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(shlex.split(command.removeprefix("$ iwm-opts ")))
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("marker", ["main", "tests"])
def test_the_commands_are_one_line(marker):
    assert block(marker).count("\n") == 1


def test_python_examples_run():
    for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(code, "README.md", "exec"), {})
