"""The table of options by command: one name, meaning and default everywhere; help under headings."""

import re
import subprocess
import sys
from dataclasses import asdict

import click
import pytest

from iwm_opts.cli.backtest import backtest
from iwm_opts.cli.command import FIRST_OPTIONS, HeadedCommand
from iwm_opts.cli.main import COMMANDS, GROUPS, _command, cli
from iwm_opts.cli.requests import rules
from iwm_opts.cli.values import Values

# Options that differ between commands, each with its reason. An entry that no longer differs fails the test.
EXCEPTIONS = {
    "--account": "a review takes the plan's account where none is given, a record its own",
    "--backtest": "of a review a file, of a plan a question",
    "--call-delta": "screens take every strike of a range, backtests the nearest to one value",
    "--edge": "a plan has no edge unless one is named",
    "--from": "files to fetch, or the first day to trade",
    "--first": "facts start with the volatility index",
    "--instrument": "a kind of plan, or a package",
    "--ivr-below": "verticals and single options have no gate unless one is named",
    "--histories": "each has its own least number",
    "--output": "a file of a page, a folder of a result",
    "--paths": "files of one path, backtests of several",
    "--plan": "several plans share the account of a backtest",
    "--put-delta": "screens take every strike of a range, backtests the nearest to one value",
    "--scenario": "files of one scenario, backtests of several",
    "--seed": "files are always written with a seed",
    "--short-delta": "screens take every strike of a range, backtests the nearest to one value",
    "--sort": "figures of candidates, or of backtests",
    "--source": "the present, the simulated market, or the archive",
    "--stop": "a price of shares, or a multiple of the credit",
    "--time-stop": "paper has the plan's exits",
    "--top": "candidates, or variants",
    "--years": "of a market, or of a history",
    "--width": "screens try several widths, a backtest has one",
}


def all_commands():
    for name in COMMANDS:
        command = _command(name)
        inner = command.commands if isinstance(command, click.Group) else {"": command}
        for sub, each in inner.items():
            yield f"{name} {sub}".strip(), each


def meaning(option):
    kind = option.type
    choices = tuple(kind.choices) if isinstance(kind, click.Choice) else ()
    bounds = (getattr(kind, "min", None), getattr(kind, "max", None))
    return option.name, kind.name, choices, bounds, option.multiple, option.is_flag, str(option.default), option.envvar


def test_an_option_means_the_same_in_every_command():
    table = {}
    for name, command in all_commands():
        for option in command.params:
            if isinstance(option, click.Option):
                table.setdefault(max(option.opts, key=len), {}).setdefault(meaning(option)[:-1], []).append(name)
    differing = {spelling: list(kinds.values()) for spelling, kinds in table.items() if len(kinds) > 1}
    assert {name: kinds for name, kinds in differing.items() if name not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) - set(differing) == set()


def test_a_gate_can_be_switched_off_wherever_there_is_one():
    for name, command in all_commands():
        spellings = {spelling for option in command.params for spelling in option.opts}
        if "--ivr-below" in spellings and name != "ivr":  # which reports the gate and trades nothing
            assert "--no-gate" in spellings, name


@pytest.mark.parametrize(("name", "command"), list(all_commands()))
def test_at_most_ten_options_come_first(name, command):
    assert isinstance(command, HeadedCommand)
    assert set(command.first) <= {parameter.name for parameter in command.params}
    page = command.get_help(click.Context(command, info_name=name))
    leading, *rest = re.split(r"\n\n(?=\S)", page.partition("\nOptions:")[2])
    shown = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", leading, re.MULTILINE))
    options = [option for option in command.params if isinstance(option, click.Option)]
    expected = {option.name for option in options if shown & set(option.opts)} - {"help"}
    assert expected == (set(command.first) or expected)
    assert 0 < len(shown) <= FIRST_OPTIONS
    headings = [section for section in rest if re.match(r"[A-Z][^\n]*:\n", section)]
    assert headings or len(options) <= FIRST_OPTIONS


def test_a_mistyped_command_gets_a_suggestion(run):
    failed = run("condr")
    assert failed.code == 2
    assert "condor" in failed.err
    assert "--short-delta" in run("condor", "--shrot-delta", "0.2").err


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("sweep mrege one two --grid stop=1,2", "merge"), ("fetch sries", "series"), ("fetch chans", "chains"),
        ("plan sve", "--save"), ("plan chek", "--check"), ("paper opne", "open"),
        ("backtest --strategy iron-cndor", "iron-condor"), ("condor --engine nmba", "numba"),
    ],
)  # fmt: skip
def test_a_mistyped_word_gets_a_suggestion(run, typed, suggestion):
    failed = run(*typed.split())
    assert failed.code == 2
    assert re.search(rf"Did you mean '?{suggestion}\b", failed.err), failed.err


def test_commands_are_listed_in_groups_without_heavy_imports():
    probe = (
        "import sys; from iwm_opts.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit(len({'numpy', 'pandas', 'numba'} & set(sys.modules)))"
    )
    page = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True).stdout
    sections = [section.split("\n") for section in page.split("\n\n")]
    groups = {lines[0].rstrip(":"): [line.split()[0] for line in lines[1:] if line[2:3].strip()] for lines in sections}
    assert {name: groups[name] for name in GROUPS} == {name: list(commands) for name, commands in GROUPS.items()}
    assert max(map(len, GROUPS.values())) < 10


def test_the_command_alone_shows_three_commands(run):
    page = run()
    assert page.code == 0
    commands = [line.split()[1] for line in page.out.splitlines() if line.startswith("  iwm-opts ")]
    assert len(commands) == 3
    assert set(commands) <= set(cli.list_commands(click.Context(cli)))


def test_no_gate_opens_a_closed_gate(run, chain_file, history_file):
    screened = ("condor", "--source", chain_file, "--iv-history", history_file, "--dte", "28:50", "--format", "json",
                "--as-of", "2026-03-02")  # fmt: skip
    assert run(*screened, "--ivr-below", "0").json["gate"]["open"] is False
    assert run(*screened, "--ivr-below", "0", "--no-gate").json["gate"]["open"] is True


@pytest.mark.parametrize("word", ["off", "none"])
@pytest.mark.parametrize(
    "option", ["--ivr-below", "--ivr-at-least", "--profit", "--stop", "--exit-dte", "--time-stop", "--exit-rank"]
)
def test_a_level_that_can_be_switched_off_takes_both_words(option, word):
    for name, command in all_commands():
        if name not in ("ivr", "paper open", "size"):  # a rank to report, the plan's exits, a price
            for parameter in command.params:
                if option in parameter.opts:
                    value = parameter.type.convert(word, parameter, None)
                    assert value is None or value != value, name


def test_a_gate_that_is_off_is_no_gate():
    request = backtest.make_context("backtest", ["--ivr-below", "off", "--time-stop", "none"])
    off, no_gate = rules(Values.of(request)), rules(Values.of(backtest.make_context("backtest", ["--no-gate"])))
    assert (off.ivr_below, off.time_stop) == (None, None)
    assert asdict(off) == asdict(no_gate)


def test_help_loads_few_modules():
    """A bound on work, not on time: modules beyond the interpreter's own and click's."""
    probe = (
        "import sys; import click; before = set(sys.modules); sys.argv = ['iwm-opts', 'condor', '--help']\n"
        "from iwm_opts.cli.main import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(len(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert int(done.stderr) < 60
