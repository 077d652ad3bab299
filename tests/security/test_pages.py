"""Markup, formulas and control characters in every text of a plan, a log, a chain and its company, in every page."""

import csv
import io
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from iwm_opts.cli.main import main
from iwm_opts.plans.plan import load_plan

TEXT = "=1+1<script>alert(1)</script><img src=x onerror=y>[c](javascript:z)![p](http://h)\x1b[31m\u202e[bold red]\"'`"
NAMED = "=1+1<img src=x onerror=y>[c](javascript:z)![p](h)\x1b[31m\u202e[bold red]\"'`"  # of a file: without a slash
PLAIN = "plain"
FIELDS = ("symbol", "strategy", "reason", "plan", "market", "checklist", "trade", "legs", "account", "notes", "series")
FREE = ("strategy", "reason", "plan", "market", "trade", "account", "notes")  # those that take any text
SIMULATED = ("--source", "sim", "--from", "2023-02-15", "--to", "2023-06-28", "--seed", "5", "--paths", "1",
             "--ivr-lookback", "20", "--ivr-below", "60", "--dte", "30", "--exit-dte", "10")  # fmt: skip
MARKET = ("--bars", "BARS", "--iv-history", "IV")
PLAN_DATA = (*MARKET, "--kre", "BARS", "--spy", "BARS", "--events", "EVENTS", "--sectors", "SECTORS")
PLAN = """
version = 1
name = {text}
edge = "{edge}"
horizon = "{horizon}"
instrument = "{instrument}"
[checklist]
minimum = 1
criteria = ["calm", "no-event", "volume"]
[review]
daily = [{text}]
"""


class Tags(HTMLParser):
    """Tags and names of attributes of a page, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))


def tags_of(page: str) -> set[tuple[str, tuple[str, ...]]]:
    tags = Tags()
    tags.feed(page)
    return set(tags.tags)


def toml_of(text: str) -> str:
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in text) + '"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder in which all commands run."""
    folder, before = tmp_path_factory.mktemp("pages"), Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture
def run(folder, monkeypatch, capsys):
    """Run a command, and return what it printed."""
    monkeypatch.setenv("IWM_OPTS_DATA", str(folder / "record"))

    def call(*arguments: object) -> str:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert not stop.value.code, captured.err
        return captured.out + captured.err

    return call


def check_text(text: str) -> None:
    assert {mark for mark in text if not mark.isprintable()} <= {"\n"}


def check_csv(text: str) -> None:
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert not re.match(r"[=+\-@\t\r]", cell) or re.fullmatch(r"[-+]?[\d.e+-]+|-?inf", cell), cell
            check_text(cell)


def check_markdown(text: str) -> None:
    outside = re.sub(r"^```$.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"<(script|img)|\]\(", outside)  # in code too: a backtick of a text may end it
    check_text(text)


def check_pages(run, hostile, plain, *arguments):
    """Write a result of hostile and of plain inputs, and compare the tags of both."""

    def page(inputs: dict[str, Path], kind: str) -> str:
        run(*(inputs.get(argument, argument) for argument in arguments), "--output", f"page.{kind}")
        return Path(f"page.{kind}").read_text(encoding="utf-8")

    made, usual = page(hostile, "html"), page(plain, "html")
    assert tags_of(made) - {("code", ())} <= tags_of(usual)
    controls, usual_controls = ({mark for mark in text if not mark.isprintable()} for text in (made, usual))
    assert controls <= usual_controls
    check_markdown(page(hostile, "md"))
    check_csv(page(hostile, "csv"))
    check_text(page(hostile, "txt"))
    check_text(run(*(hostile.get(argument, argument) for argument in arguments)))


def log_file(folder: Path, fields: tuple[str, ...], text: str) -> Path:
    days = pd.bdate_range("2024-01-02", periods=24, freq="7D")
    table = pd.DataFrame(
        {
            "entry": days.strftime("%Y-%m-%d"), "exit": (days + pd.Timedelta(days=9)).strftime("%Y-%m-%d"),
            "symbol": "IWM", "strategy": "iron-condor", "legs": "+1P195 -1P200 -1C240 +1C245",
            "expiration": (days + pd.Timedelta(days=30)).strftime("%Y-%m-%d"), "contracts": 2, "credit": 1.2,
            "debit": [0.6, 1.9] * 12, "fees": 5.2, "reason": "profit", "rank": 12.5, "plan": "condors",
        }
    ).assign(**dict.fromkeys(fields, text))  # fmt: skip
    folder.mkdir(exist_ok=True)
    file = folder / "log.csv"
    table.to_csv(file, index=False)
    return file


def inputs(folder: Path, text: str, name: str, quotes: pd.DataFrame) -> dict[str, Path]:
    """Files of a text and under a name, by the words that stand for them."""
    folder = folder / name
    folder.mkdir()
    named = ("CHAIN", "IV", "BARS", "EVENTS", "SECTORS", "CONDORS", "SHARES", "RESULT", "OPEN")
    files = {word: folder / f"{name}{word}.csv" for word in named}
    quotes.to_csv(files["CHAIN"], index=False)
    days = pd.bdate_range("2025-01-02", "2026-02-27")
    steps = pd.Series(range(len(days)))
    pd.DataFrame({"DATE": days.strftime("%m/%d/%Y"), "CLOSE": 30 - steps / 20}).to_csv(files["IV"], index=False)
    bars = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "open": 200.0, "high": 210.0, "low": 190.0})
    bars.assign(close=200.0 - steps % 5, volume=1000).to_csv(files["BARS"], index=False)
    pd.DataFrame({"date": ["2026-03-03"], "event": [text[:95]]}).to_csv(files["EVENTS"], index=False)
    sectors = pd.DataFrame({"date": "2026-02-27", "sector": [text, "Banks"], "weight": [0.6, 0.4]})
    sectors.to_csv(files["SECTORS"], index=False)
    for word, edge, horizon, instrument in (
        ("CONDORS", "vol-contraction", "multi-week", "condor"), ("SHARES", "mean-reversion", "swing", "shares")
    ):  # fmt: skip
        files[word] = files[word].with_suffix(".toml")
        plan = PLAN.format(text=toml_of(text), edge=edge, horizon=horizon, instrument=instrument)
        files[word].write_text(plan, encoding="utf-8")
    row = {"entry": "2026-02-20", "symbol": "IWM", "strategy": "iron-condor", "legs": "+1P185 -1P190 -1C210 +1C215",
           "expiration": "2026-03-20", "contracts": 1, "credit": 1.2, "plan": text, "market": text}  # fmt: skip
    pd.DataFrame([row]).to_csv(files["OPEN"], index=False)
    return files | {"LOG": log_file(folder, FREE, text), "RESULT": folder / f"{name}result"}


@pytest.fixture(scope="module")
def files(folder, made_quotes):
    """Hostile and plain inputs."""
    return inputs(folder, TEXT, NAMED, made_quotes()), inputs(folder, PLAIN, PLAIN, made_quotes())


@pytest.fixture(scope="module", autouse=True)
def _with_pages():
    pytest.importorskip("plotly")
    pytest.importorskip("jinja2")


COMMANDS = (
    ("plan", "--plan", "CONDORS", *PLAN_DATA, "--as-of", "2026-03-02"),
    ("plan", "--plan", "SHARES", *PLAN_DATA, "--as-of", "2026-03-02"),
    ("plan", "--check", "--plan", "SHARES", *PLAN_DATA, "--as-of", "2026-03-02"),
    ("plan", "--backtest", "--plan", "SHARES", *PLAN_DATA),
    ("evidence", "--plan", "SHARES", *PLAN_DATA),
    ("condor", "--source", "CHAIN", "--iv-history", "IV"),
    ("condor", "--source", "CHAIN", "--iv-history", "IV", "--matrix"),
    ("vertical", "--source", "CHAIN", "--iv-history", "IV"),
    ("single", "--source", "CHAIN", "--iv-history", "IV"),
    ("whatif", "--source", "CHAIN", "--iv-history", "IV"),
    ("ticket", "--source", "CHAIN", "--iv-history", "IV", "--plan", "CONDORS", "--no-gate", "--as-of", "2026-03-02"),
    ("ivr", "--iv-history", "IV"),
    ("ivr", "--iv-history", "IV", "--source", "CHAIN"),
    ("fills", "--source", "CHAIN"),
    ("manage", "OPEN", "--source", "CHAIN"),
    ("claims", *MARKET, "--events", "EVENTS", "--sectors", "SECTORS"),
    ("backtest", "--source", "modelled", *MARKET, "--ivr-lookback", "20"),
    ("sweep", "--source", "modelled", *MARKET, "--ivr-lookback", "20", "--grid", "profit=0.25,0.5", "--draws", "19"),
    (
        "walk-forward",
        "--source",
        "modelled",
        *MARKET,
        "--ivr-lookback",
        "20",
        "--grid",
        "profit=0.25,0.5",
        "--in-sample",
        "100",
        "--out-of-sample",
        "50",
    ),
    ("review", "LOG"),
    ("report", "LOG"),
    ("montecarlo", "LOG", "--histories", "100"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:3]))
def test_text_and_names_of_files_are_text_on_every_page(run, files, arguments):
    check_pages(run, *files, *arguments)


def test_text_of_a_saved_result_is_text_on_its_pages(run, files):
    for inputs in files:  # no command writes to a name with control characters; a folder can be renamed to one
        run("backtest", *SIMULATED, "--output", "written")
        Path("written").rename(inputs["RESULT"])
    config = files[0]["RESULT"] / "config.json"
    values = json.loads(config.read_text())
    values["notes"] = values["markets"][0]["name"] = TEXT
    values["notes"] = [TEXT]
    values["asked"] = {TEXT: TEXT}
    config.write_text(json.dumps(values))
    check_pages(run, *files, "report", "RESULT")
    check_pages(run, *files, "montecarlo", "RESULT", "--histories", "100")


def test_text_of_a_paper_trade_is_text(run, files):
    for place in files:
        run("paper", "open", "--plan", place["CONDORS"], "--anyway", "--source", place["CHAIN"], "--answer",
            "calm=met", "--iv-history", place["IV"])  # fmt: skip
    mark = ("paper", "mark", "--source", files[0]["CHAIN"], "--as-of", "2026-03-02")
    for text in (run("paper", "list"), run("paper", "list", "--format", "csv"), run(*mark)):
        check_text(text)
    check_csv(run("paper", "list", "--format", "csv"))
    check_pages(run, *files, "review", "paper")


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in FREE])
def test_text_of_other_fields_of_a_log_is_text_or_refused(folder, capsys, field):
    with pytest.raises(SystemExit):
        main(["review", str(log_file(folder / "odd", (field,), TEXT))])
    captured = capsys.readouterr()
    check_text(captured.out + captured.err)


PRINTED = (  # what goes to standard output alone
    ("review", "LOG", "--write-log", "-"),
    ("plan", "--plan", "CONDORS", *PLAN_DATA, "--as-of", "2026-03-02", "--prompt"),
    ("plan", "--plan", "CONDORS", *PLAN_DATA, "--as-of", "2026-03-02", "--save", "-"),
    ("plan", "--plan", "CONDORS", *PLAN_DATA, "--as-of", "2026-03-02", "--format", "json"),
    ("ticket", "--source", "CHAIN", "--plan", "CONDORS", "--no-gate", "--as-of", "2026-03-02", "--order-format", "occ"),
    ("review", "LOG", "--format", "csv"),
    ("review", "LOG", "--format", "json"),
)


@pytest.mark.parametrize("arguments", PRINTED, ids=lambda arguments: f"{arguments[0]} {arguments[-2]} {arguments[-1]}")
def test_text_drives_no_terminal_in_what_is_printed(run, files, arguments):
    check_text(run(*(files[0].get(argument, argument) for argument in arguments)))


def test_a_plan_of_any_name_reads_back_the_same(run, folder):
    name = TEXT[:100] + "\x7f\x9b31m\ufeff\u2028"
    for place in ("odd.toml", "again.toml"):
        named = ("--name", name, "--edge", "vol-contraction") if place == "odd.toml" else ("--plan", "odd.toml")
        run("plan", *named, "--source", "sim", "--as-of", "2026-03-02", "--check", "--save", place)
    assert load_plan(folder / "odd.toml").name == name
    assert (folder / "odd.toml").read_bytes() == (folder / "again.toml").read_bytes()
