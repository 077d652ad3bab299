"""Hostile values in every option of every command.

The commands come from click's own tree, and what a command is attacked with from its parameters: a new command, or a
new option, is attacked without a line here. `IWM_OPTS_ATTACKS=200 pytest tests/security/test_commands.py` makes 200
runs of each command, with seeds from `IWM_OPTS_ATTACKS_FIRST` on; a finding names its arguments.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest

from iwm_opts.cli.command import FILES, WRITTEN
from iwm_opts.cli.main import cli, main
from iwm_opts.errors import IwmOptsError

RUNS = int(os.environ.get("IWM_OPTS_ATTACKS", "2"))  # of each command
FIRST = int(os.environ.get("IWM_OPTS_ATTACKS_FIRST", "0"))  # seed

LONG = "n" * 10_000
NAMES = (
    "", " ", ".", "..", "-", "--", "/", "../../x", "../../x.csv", "../../x.html", "../../x.toml", "a\0b", "a\0b.csv",
    "a\nb",
    "a\nb.csv", LONG, f"{LONG}.csv", "d/" * 3_000, "missing.csv", "missing/x.csv", "missing.csv/x.csv", "folder",
    "folder/", "folder.csv", "pipe", "pipe.csv", "loop", "loop.csv", "loop/x.csv", "broken.csv", "/dev/full",
    "/dev/zero",
    "closed/x.csv", "closed/x", "x.csv", "x.json", "x.html", "x.png", "x.toml", "x.parquet", "X.HTML", "x.md/", "~",
    "~nobody/x",
    "\ud800", "\ud800.csv", "\x1b[31m.csv", "\u202e.csv", "*", "*.csv", "[", "[a-", "**", "?", "{year}", "binary.csv",
    "empty.csv", "file:///etc/passwd", "http://", "http://[", "http://[::1", "http://127.0.0.1:99999/x",
    "http://127.0.0.1:x/", "http://127.0.0.1:9/\xe4", "http://127.0.0.1:9/a b", "http://127.0.0.1:9/a\nb",
    "http://\xe4.invalid:9/x", "http://a..b/x", f"http://{LONG}/x", "HTTP://127.0.0.1:9/{year}.csv", "ftp://127.0.0.1/x",
    "tcp://", "tcp://x", "tcp://127.0.0.1:x", "tcp://127.0.0.1:99999", "tls://[", "plan.toml", "log.csv", "result",
    "chain.csv",
    "iv.csv", "bars.csv", "sim", "archive", "modelled", "auto", "paper", "none", "off", "to-2019", "mine",
)  # fmt: skip
NUMBERS = (
    "nan", "-nan", "inf", "-inf", "1e308", "-1e308", "1e-308", "5e-324", "-0", "0", "-0.0", "-1", "1", "2", "1e400",
    "1" + "0" * 400, "-1" + "0" * 400, "9" * 5_001, "0x1F", "0_2", "1,5", "٣", "½", "²", "1e", "--1", "+-1", "%",
    "0%", "-5%", "100%", "101%", "1e9%", "1e308%", "nan%", "1e999999999%", "0:0", "1:0", "nan:nan", "0:inf", "0:1e308",
    f"0:1{'0' * 400}", f"{'9' * 5_001}:1", ":", "::", "1:2:3", "-1:1", "0.5:0.5", "2147483648", "9223372036854775807",
    "9223372036854775808", "18446744073709551616", "4294967297", "1/0", "0/0", "1/1", "2/1", f"1/{'9' * 5_001}",
    f"1{'0' * 400}/1{'0' * 400}", "1,2,nan", "0", "0,0", "-1,2", "1e308,1e-308", ",", "inf,1", "0sd", "nansd",
    "1e308sd",
    "1e-308sd", "0.1sd", "0%", "1e308%",
)  # fmt: skip
DAYS = (
    "0001-01-01", "0001-01-02", "9999-12-31", "9999-12-30", "1969-12-31", "1677-09-21", "1885-01-01", "2262-04-12",
    "2100-01-01", "2026-02-30", "20260302", "2026-W10-1", "2026-03-02T00:00", "0000-00-00", "-1-01-01", "10000-01-01",
    "2026-3-2", "2026-03-01", "today", "00:00", "24:00", "23:59", "9:30", "-1:00",
)  # fmt: skip
WORDS = (
    "[red]x[/red]", "[/]", "[link=http://h]x[/link]", "<script>alert(1)</script>", "=1+1", "@x", "+x", "-x",
    "\x1b[31mx",
    "\u202ex", LONG, "%s", "%(x)s", "{0}", "{x.__class__}", "$x", "`x`", "日本", "true", "null", "None", "a=b", "a=b=c",
    "=",
    "=met", "calm=", "calm=met", "calm=x", "a;b", "a|b", "a,b", ",,", "'", '"', "\\", "\\x", "IWM", "iwm", "^IWM",
    "IWM ", "SPX",
    "SPXW", "IWM1", "A" * 20, "A/B", "BRK.B", "CON", "fraction:nan", "fraction:1e308", "fraction:-1", "stress:inf",
    "stress:1e308", "effective:", "orats:1", "mine:", "mine:1e308", "mine:1/2=nan", "custom:", "custom:nan",
    "custom:1e308",
    "commission=nan", "commission=1e308,exchange=-1e308", "zero", "2026-03-20:nan", "2026-03-20:1e308", "0001-01-01:1",
    "2026-03-20:0.5,2026-03-20:0.5", "1:1", "UTC", "Etc/../../etc/passwd", "America/New_York\0", "../zoneinfo", "local",
    "profit=nan", "profit=", "profit=0.25", "profit=0:1:0", "profit=0:1:1e-400", "profit=0:1e999999:1",
    "profit=1e999999999:1e999999999:1", "profit=0:inf:1", "profit=nan:1:1", "profit=0.1:0.9:nan", "profit=-1", "stop=0",
    "width=1e308", "width=0sd", "dte=0", "dte=1e308", "dte=0:1", "short-delta=0", "short-delta=1",
    "short-delta=0:1e308",
    "every=1" + "0" * 400, "max-open=9223372036854775808", "weekday=mon", "risk=100%", "account=1e-308",
    "account=1e308",
    "fees=x", "fill=stress:1e308", "output=x", "=1", "short-delta=0.1,0.1", f"profit={','.join(['0.5'] * 1_001)}",
)  # fmt: skip
LEGS = (
    "+1P195", "-1P200", "+1P195@0.70/0.74", "-1P200@1.20/1.26", "-1P200@1.26/1.20", "+1P195@nan/nan", "+1P195@0/inf",
    "+1P195@1e308/1e308", "+0P195@1/2", "+99999999999999999999P195@1/2", "-1Pnan@1/2", "+1P1e308@1/2", "+1P0@1/2",
    "+1X195",
    "1P195@1/2", "+1P195@1", "+1P195@-1/2", "P195", "+1P", "+1P195@1/2/3", "+1C" + "9" * 400 + "@1/2",
)  # fmt: skip
VALUES = (*NAMES, *NUMBERS, *DAYS, *WORDS, *LEGS)

MARKET = ("--source", "sim", "--from", "2023-02-15", "--to", "2023-04-28", "--seed", "5", "--paths", "1",
          "--ivr-lookback", "20", "--ivr-below", "60", "--dte", "30", "--exit-dte", "10")  # fmt: skip
CHAIN = ("--source", "chain.csv", "--iv-history", "iv.csv", "--as-of", "2026-03-02")
SERIES = ("--bars", "bars.csv", "--iv-history", "iv.csv")
USUAL: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # arguments and options of a run that works
    "condor": ((), CHAIN), "vertical": ((), CHAIN), "single": ((), CHAIN), "ticket": ((), CHAIN), "whatif": ((), CHAIN),
    "manage": (("open.csv",), ("--source", "chain.csv", "--as-of", "2026-03-02")),
    "ivr": ((), CHAIN), "fills": ((), CHAIN), "size": ((), ("--max-loss", "395")),
    "plan": ((), ("--edge", "vol-contraction", *SERIES, "--as-of", "2026-02-27")),
    "claims": ((), (*SERIES, "--claim", "contraction")),
    "simulate": ((), ("--days", "10", "--chains", "weekly", "--max-dte", "10", "--workers", "1", "--output",
    "given/sim")),
    "fetch": (("chains",), ("--from", "histories",)),
    "snapshot": ((), ("--source", "chain.csv")),
    "backtest": ((), MARKET),
    "evidence": ((), (*MARKET, "--draws", "19", "--random-draws", "2", "--no-premium")),
    "sweep": ((), (*MARKET, "--grid", "profit=0.25,0.5", "--draws", "19", "--threads", "1")),
    "walk-forward": ((), (*MARKET, "--grid", "profit=0.25,0.5", "--in-sample", "20", "--out-of-sample", "10")),
    "montecarlo": (("log.csv",), ("--histories", "100", "--threads", "1")),
    "bench": ((), ("--years", "1", "--repeats", "1")),
    "paper open": ((), ("--plan", "plan.toml", "--anyway", *CHAIN)),
    "paper mark": ((), ("--source", "chain.csv", "--as-of", "2026-03-02")),
    "paper close": (("1",), ("--source", "chain.csv", "--as-of", "2026-03-02")),
    "paper roll": (("1",), ("--source", "chain.csv", "--as-of", "2026-03-02")),
    "review": (("log.csv",), ()),
    "report": (("result",), ()),
}  # fmt: skip
PLAN = """
version = 1
name = "condors"
edge = "vol-contraction"
horizon = "multi-week"
instrument = "condor"
[checklist]
minimum = 1
criteria = ["calm"]
"""


@dataclass(frozen=True)
class Attacked:
    """A command of the tree."""

    name: str
    command: click.Command

    @property
    def usual(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return USUAL.get(self.name, ((), ()))

    def arguments(self, given: list[str], argument: str | None) -> list[str]:
        """Arguments of a run that gives options, or in place of its arguments another."""
        arguments, options = self.usual
        arguments = arguments if argument is None else (argument,)
        return [*self.name.split(), *options, *given, "--", *arguments]


def tree(group: click.Group, above: str = "") -> Iterator[Attacked]:
    """All commands below a group."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from tree(command, f"{above}{name} ")
        elif command is not None:
            yield Attacked(f"{above}{name}", command)


COMMANDS = {attacked.name: attacked for attacked in tree(cli)}


@pytest.fixture(scope="module")
def home(made_quotes, tmp_path_factory) -> Path:
    """Folder with an input of every kind, far enough below another that `../../x` stays within that."""
    home = tmp_path_factory.mktemp("attack") / "above" / "and" / "home"
    home.mkdir(parents=True)
    quotes = made_quotes()
    quotes.to_csv(home / "chain.csv", index=False)
    days = pd.bdate_range("2025-01-02", "2026-02-27")
    steps = np.arange(len(days))
    pd.DataFrame({"DATE": days.strftime("%m/%d/%Y"), "CLOSE": 30.0 - steps / 20}).to_csv(home / "iv.csv", index=False)
    bars = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "open": 200.0, "high": 210.0, "low": 190.0})
    bars.assign(close=200.0 - steps % 5, volume=1000).to_csv(home / "bars.csv", index=False)
    (home / "histories").mkdir()
    for day in ("2025-12-30", "2026-01-05"):
        history = quotes.drop(columns="quote_time").assign(quote_date=day)
        history.to_csv(home / "histories" / f"{day}.csv", index=False)
    row = {"symbol": "IWM", "strategy": "iron-condor", "contracts": 1, "credit": 1.2}
    position = {"entry": "2026-02-20", "legs": "+1P185 -1P190 -1C210 +1C215", "expiration": "2026-03-20"}
    pd.DataFrame([row | position]).to_csv(home / "open.csv", index=False)
    months = [f"2024-{month:02}" for month in range(1, 13)]
    trades = [
        row | {"entry": f"{month}-04", "exit": f"{month}-15", "legs": "+1P195 -1P200 -1C240 +1C245",
               "expiration": f"{month}-28", "debit": 0.6, "entry_mid": 1.25, "entry_half_spread": 0.1}
        for month in months
    ]  # fmt: skip
    pd.DataFrame(trades).to_csv(home / "log.csv", index=False)
    (home / "plan.toml").write_text(PLAN)
    (home / "empty.csv").touch()
    (home / "binary.csv").write_bytes(bytes(range(256)) * 40)
    for name in ("folder", "folder.csv", "closed", "given"):
        (home / name).mkdir()
    (home / "closed").chmod(0o555)
    for name in ("pipe", "pipe.csv"):
        os.mkfifo(home / name)
    for name, target in (("loop", "back"), ("back", "loop"), ("loop.csv", "loop"), ("broken.csv", "nowhere/x.csv")):
        (home / name).symlink_to(target)
    return home


@pytest.fixture
def attack(home, judged, tmp_path, monkeypatch):
    """Run a command, and say what must not be of how it ended."""
    top = home.parents[2]
    monkeypatch.chdir(home)
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))
    monkeypatch.setenv("IWM_OPTS_CACHE", str(top / "cache"))
    for variable in ("IWM_OPTS_YAHOO_URL", "IWM_OPTS_CBOE_URL"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    pytest.importorskip("yfinance").set_tz_cache_location(str(top / "cache" / "yfinance"))

    def run(arguments: list[str], *, may_write: bool, must_work: bool = False) -> list[str]:
        before = _inputs(home)
        code, findings = judged(arguments, [top] if may_write else [top / "cache", home / "given"])
        if must_work and code:
            findings.append(f"ends with {code}: {arguments}")
        return findings if may_write or _inputs(home) == before else [*findings, f"changes an input: {arguments}"]

    return run


def _inputs(home: Path) -> dict[str, tuple[int, int]]:
    states = {path.name: path.lstat() for path in home.iterdir() if path.name != "given"}
    return {name: (state.st_size, state.st_mtime_ns) for name, state in states.items()}


def open_trade(attack, name: str) -> None:
    """Open a paper trade for the commands that take one."""
    if name.startswith("paper ") and name != "paper open":
        assert attack(COMMANDS["paper open"].arguments([], None), may_write=False, must_work=True) == []


def given_to(parameter: click.Parameter, value: str) -> list[str]:
    """Words of the command line that give an option a value; a flag takes none."""
    name = max(parameter.opts, key=len)
    return [name] if getattr(parameter, "is_flag", False) else [name, value]


@cache
def taken_by(command: click.Command, parameter: click.Parameter) -> tuple[str, ...]:
    """Hostile values that a parameter takes."""
    values: Iterable[object] = VALUES
    if isinstance(parameter.type, click.Choice):
        values = parameter.type.choices
    elif any(kind in (parameter.metavar or "") for kind in FILES):
        values = NAMES
    return tuple(str(value) for value in values if is_taken(command, parameter, str(value)))


def is_taken(command: click.Command, parameter: click.Parameter, value: str) -> bool:
    """Whether a parameter takes a value, or refuses it as it should."""
    try:
        many = parameter.multiple or parameter.nargs == -1
        parameter.process_value(click.Context(command), [value] if many else value)
    except (click.ClickException, IwmOptsError):
        return False
    return True


def drawn(attacked: Attacked, seed: int) -> tuple[list[str], str | None, bool]:
    """Options and argument of a run, and whether they name what to write."""
    random = np.random.default_rng([seed, sorted(COMMANDS).index(attacked.name)])
    parameters = attacked.command.params
    given, argument, may_write = [], None, False
    for _ in range(int(random.choice((1, 1, 1, 2, 2, 3)))):
        parameter = parameters[int(random.integers(len(parameters)))]
        values = taken_by(attacked.command, parameter) if random.integers(4) else VALUES  # those that get further
        value = values[int(random.integers(len(values)))] if values else ""
        if isinstance(parameter, click.Argument):
            argument = value
            continue
        given += given_to(parameter, value) * int(random.choice((1, 1, 1, 2)))
        may_write |= parameter.name in WRITTEN
    return given, argument, may_write


@pytest.fixture(scope="module", autouse=True)
def _saved_result(home):
    """A saved result for the commands that read one."""
    before = Path.cwd()
    os.chdir(home)
    try:
        with pytest.raises(SystemExit) as stop:
            main(["backtest", *MARKET, "--output", "result", "--quiet"])
        assert not stop.value.code
    finally:
        os.chdir(before)


@pytest.mark.skipif(os.name == "nt", reason="names and signals of POSIX")
@pytest.mark.parametrize("name", COMMANDS)
def test_hostile_options_end_in_a_result_or_in_one_line(attack, name):
    open_trade(attack, name)
    findings = []
    for seed in range(FIRST, FIRST + RUNS):
        given, argument, may_write = drawn(COMMANDS[name], seed)
        findings += [
            f"{seed}: {each}" for each in attack(COMMANDS[name].arguments(given, argument), may_write=may_write)
        ]
    assert not findings, "\n".join([f"{len(findings)} findings", *findings[:40]])


def distinct() -> dict[tuple[object, ...], tuple[click.Command, click.Parameter]]:
    """Parameters that differ in name, kind or limits."""
    found: dict[tuple[object, ...], tuple[click.Command, click.Parameter]] = {}
    for attacked in COMMANDS.values():
        for parameter in attacked.command.params:
            kind = (
                parameter.name,
                type(parameter.type),
                repr(parameter.type),
                parameter.nargs,
                repr(parameter.callback),
            )
            found.setdefault(kind, (attacked.command, parameter))
    return found


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
def test_every_option_takes_or_refuses_every_hostile_value(home, monkeypatch, tmp_path):
    monkeypatch.chdir(home)
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))
    findings = []
    for command, parameter in distinct().values():
        if getattr(parameter, "is_flag", False):
            continue
        for value in VALUES:
            try:
                is_taken(command, parameter, value)
            except BaseException as error:
                findings.append(f"{parameter.name} {value[:60]!r}: {type(error).__name__}: {str(error)[:100]}")
    assert not findings, "\n".join([f"{len(findings)} findings", *findings[:40]])


@pytest.mark.parametrize("name", USUAL)
def test_the_usual_run_of_each_command_works(attack, home, name):
    """So that an attack reaches more than the first check."""
    open_trade(attack, name)
    shutil.rmtree(home / "given")
    (home / "given").mkdir()
    assert attack(COMMANDS[name].arguments([], None), may_write=False, must_work=True) == []
