"""No cell, symbol or name of a plan reaches the file system."""

import json
import os
import stat
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from iwm_opts.backtest.saved import load_result
from iwm_opts.cli.main import main
from iwm_opts.conventions import OUTPUT_KINDS, PICTURE_KINDS
from iwm_opts.errors import DataError, IwmOptsError
from iwm_opts.execution.own_fills import FILE
from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.archive_series import merge_series, series_path
from iwm_opts.io.atomic import write_durably
from iwm_opts.io.bars import load_bars
from iwm_opts.io.dividends import load_dividends
from iwm_opts.io.download import Pace, download, name_of
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.panel_files import build_panel
from iwm_opts.io.plan_tables import load_events, load_sectors
from iwm_opts.io.yields import load_yields
from iwm_opts.journal.paper import PaperJournal
from iwm_opts.journal.readers import read_log
from iwm_opts.journal.trade_log import log_of_rows, write_log
from iwm_opts.plans.plan import load_plan
from iwm_opts.simulation.parameters import load_parameters, parameters_from, shipped_parameters
from iwm_opts.simulation.scenarios import load_scenarios
from tests.refusals import refused, refused_data, shows

HOSTILE = (
    "../../x",
    "..",
    ".",
    "/etc/passwd",
    "a\0b",
    "a\nb",
    "*",
    "?",
    "[a]",
    "a" * 10_000,
    "~",
    "$HOME",
    "CON|",
    "",
    "\\x",
)


FROM_FILES = (
    "../../x",
    "a\0b",
    "a\nb",
    "*",
    "?",
    "[a]",
    "a" * 10_000,
    "~",
    "$H/../x",
    "CON|",
    "\\x",
    "<b>",
    "\x1b[31m",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_symbol_that_is_a_path_is_refused_by_every_writer(name, tmp_path):
    record = ChainArchive(tmp_path)
    bars = pd.DataFrame({"close": [1.0]}, index=pd.DatetimeIndex(["2024-01-02"], name="date"))
    for attempt in (
        lambda: record.chain_folder(name),
        lambda: series_path(record, "bars", name),
        lambda: merge_series(record, "bars", name, bars),
        lambda: record.days(name),
    ):
        with refused("symbol", str(name)[:40]):
            attempt()
    assert [path.name for path in tmp_path.rglob("*") if path.name != ".lock"] == []


@pytest.mark.parametrize("name", FROM_FILES)
def test_a_symbol_in_a_file_is_refused(name, made_quotes, tmp_path):
    table = made_quotes().assign(underlying_symbol=name)
    file = tmp_path / "chain.parquet"
    table.to_parquet(file)
    with refused_data("chain.parquet", "underlying_symbol") as error:
        load_chain(file)
    assert len(str(error.value)) <= 500
    assert str(error.value).isprintable()


def test_symbols_of_parameters_name_files(tmp_path):
    tables = shipped_parameters().to_dict()
    tables["setting"]["symbol"] = "../../x"
    with refused("symbol", "../../x"):
        parameters_from(tables, "parameters.toml")


def mode(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.skipif(os.name == "nt", reason="modes of Windows")
def test_files_of_an_account_are_its_owners_alone(tmp_path):
    record = ChainArchive(tmp_path / "record")
    journal = PaperJournal(record)
    write_durably(journal.path, json.dumps({"version": 3, "trades": []}).encode(), is_private=True)
    assert mode(journal.path) == 0o600
    assert mode(journal.path.parent) == 0o700
    log = log_of_rows([{"entry": "2026-03-02", "contracts": 1, "credit": 1.0}], "made")
    for name in ("log.csv", "log.parquet"):
        write_log(log, tmp_path / name)
        assert mode(tmp_path / name) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="modes of Windows")
def test_other_files_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_durably(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert mode(tmp_path / "file") == 0o640


def test_temporary_files_are_unpredictable_and_not_through_links(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    monkeypatch.setattr("iwm_opts.io.atomic.secrets.token_hex", lambda _: "guessed")
    (tmp_path / ".guessed.tmp").symlink_to(victim)
    with refused_data("file", "", "File exists"):
        write_durably(tmp_path / "file", b"x")
    assert victim.read_bytes() == b"kept"
    monkeypatch.undo()
    names = set()
    replace = os.replace
    monkeypatch.setattr("iwm_opts.io.atomic.os.replace", lambda a, b: (names.add(str(a)), replace(a, b)))
    for _ in range(20):
        write_durably(tmp_path / "file", b"x")
    assert len(names) == 20


def test_a_record_is_read_by_the_names_of_its_own_files_alone(tmp_path):
    folder = tmp_path / "chains" / "symbol=IWM" / "date=2024-01-02"
    folder.mkdir(parents=True)
    for name in ("../../../x.parquet", "20240102T100000-zz.parquet", "readme.txt"):
        (folder / name.replace("/", "_")).write_bytes(b"x")
    assert ChainArchive(tmp_path).captures("IWM", date(2024, 1, 2)) == []
    with pytest.raises(IwmOptsError):
        ChainArchive(tmp_path).chain("IWM", date(2024, 1, 2))


OF_AN_ACCOUNT = {  # commands that read an account's trades, and the kinds of file that they write
    ("review", "log.csv", "--output"): OUTPUT_KINDS,
    ("review", "log.csv", "--plot"): PICTURE_KINDS,
    ("review", "log.csv", "--write-log"): ("csv", "parquet"),
    ("report", "log.csv", "--output"): ("html",),
    ("montecarlo", "log.csv", "--histories", "100", "--output"): OUTPUT_KINDS,
}


@pytest.mark.skipif(os.name == "nt", reason="modes of Windows")
@pytest.mark.parametrize("arguments", OF_AN_ACCOUNT, ids=" ".join)
def test_files_of_an_account_that_commands_write_are_its_owners_alone(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))
    rows = [f"2024-{month:02}-02,2024-{month:02}-09,1,1.0,0.{month % 9},1.1,0.1" for month in range(1, 13)]
    (tmp_path / "log.csv").write_text(
        "\n".join(["entry,exit,contracts,credit,debit,entry_mid,entry_half_spread", *rows])
    )
    for suffix in OF_AN_ACCOUNT[arguments]:
        page = tmp_path / f"page.{suffix}"
        page.touch(0o644)  # replaced, not written into
        with pytest.raises(SystemExit) as stop:
            main([*arguments, str(page), "--quiet"])
        assert not stop.value.code
        assert mode(page) == 0o600, suffix


@pytest.mark.skipif(os.name == "nt", reason="modes of Windows")
def test_own_fills_are_their_owners_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))
    rows = [f"2024-{month:02}-02,2024-{month:02}-09,1,1.0,0.{month % 9},1.1,0.2" for month in range(1, 13)]
    (tmp_path / "log.csv").write_text(
        "\n".join(["entry,exit,contracts,credit,debit,entry_mid,entry_half_spread", *rows])
    )
    with pytest.raises(SystemExit) as stop:
        main(["review", str(tmp_path / "log.csv"), "--keep-fills", "--quiet"])
    assert not stop.value.code
    assert mode(tmp_path / "record" / FILE) == 0o600


SUMS = ("../../x.csv", "..", "http://127.0.0.1:9/x.csv", "//127.0.0.1:9/x.csv", "file:///etc/passwd", "a%00b.csv",
        "a%2f..%2fx.csv", "a" * 300, "a\x1b[31m.csv", "%2e%2e", "?x", "#y", "/x.csv", "a/../x", "é")  # fmt: skip


@pytest.mark.parametrize("name", SUMS)
def test_a_list_of_checksums_names_files_beside_it_alone(name, live_server, answer, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))
    live_server.serve("/d/SHA256SUMS", answer(f"{'0' * 64}  {name}\n"))
    with pytest.raises(SystemExit):
        main(["fetch", "chains", "--from", f"{live_server.url}/d/SHA256SUMS"])
    error = capsys.readouterr().err
    assert shows(error, "beside SHA256SUMS")
    assert error.rstrip("\n").isprintable()
    assert live_server.asked == ["/d/SHA256SUMS"]
    assert [path for path in tmp_path.rglob("*.csv*") if "d" in path.parts] == []


@pytest.mark.parametrize("address", ["http://h/a%00b", "http://h/..", "http://h/%2e%2e", "http://h/" + "a" * 300])
def test_an_odd_name_of_an_address_names_no_file(address):
    assert name_of(address) == ""


def test_a_download_writes_through_no_link(live_server, answer, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    (tmp_path / "file.part").symlink_to(victim)
    live_server.serve("/file", answer(b"1,2,3\n"))
    with pytest.raises(DataError):
        download(f"{live_server.url}/file", tmp_path / "file", pace=Pace(backoff=0.01))
    assert victim.read_bytes() == b"kept"


READERS = {
    "chain": load_chain, "panel": lambda path: build_panel([path]), "bars": load_bars, "iv": load_iv_history,
    "minutes": load_minutes, "dividends": load_dividends, "yields": load_yields, "events": load_events,
    "sectors": lambda path: load_sectors([path]), "log": read_log, "plan": load_plan, "scenarios": load_scenarios,
    "parameters": load_parameters, "result": load_result,
}  # fmt: skip


@pytest.fixture
def odd_names(tmp_path):
    """Names under which nothing can be read."""
    (tmp_path / "loop").symlink_to("back")
    (tmp_path / "back").symlink_to("loop")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    there = [tmp_path / name for name in ("loop", "loop/x", "broken", "folder", "pipe")]
    long = ("n" * 300, "n" * 10_000, "d/" * 3_000)
    return [
        *there,
        *long,
        "a\0b.csv",
        "/dev/fd/\0",
        "\ud800.csv",
        "a\nb.csv",
        "\x1b[31m.csv",
        "/dev/zero",
        "/etc/passwd/x",
    ]


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
@pytest.mark.parametrize("kind", READERS)
def test_a_name_of_no_file_is_an_error_of_the_package(kind, odd_names):
    for name in odd_names:
        with pytest.raises(IwmOptsError) as error:
            READERS[kind](Path(name))
        assert len(str(error.value)) <= 500
        assert str(error.value).isprintable()


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
@pytest.mark.parametrize("arguments", [("size", "--max-loss", "395", "--output", "loop"),
                                       ("backtest", "--source", "sim", "--output", "loop"),
                                       ("simulate", "--output", "loop"), ("simulate", "--output", "a\nb")])  # fmt: skip
def test_an_output_that_is_no_name_is_a_usage_error(arguments, odd_names, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert "symbolic links" in error or "control characters" in error


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
def test_a_message_of_a_long_name_says_why(capsys):
    with pytest.raises(SystemExit):
        main(["size", "--max-loss", "395", "--output", "a" * 3_000 + ".json"])
    error = capsys.readouterr().err
    assert "too long" in error
    assert len(error) < 520


def test_a_setting_holds_no_nul(tmp_path, capsys):
    (tmp_path / "iwm-opts.toml").write_text('[condor]\nsource = "a\\u0000b"\n')
    with pytest.raises(SystemExit) as stop:
        main(["--config", str(tmp_path / "iwm-opts.toml"), "condor"])
    assert stop.value.code == 1
    assert "source = 'a\\x00b' holds NUL. Take it out." in capsys.readouterr().err


INPUTS = {  # a command, and the input that it would overwrite
    ("review", "x.csv", "--output", "x.csv"): "LOG",
    ("review", "log.csv", "--quotes", "x.csv", "--write-log", "x.csv"): "--quotes",
    ("report", "x.csv", "--output", "x.csv"): "RESULT",
    ("montecarlo", "x.csv", "--output", "x.csv"): "RECORD",
    ("manage", "x.csv", "--output", "x.csv"): "LOG",
    ("fetch", "chains", "--from", "x.csv", "--output", "x.csv"): "--from",
    ("fetch", "chains", "--from", "folder", "--output", "folder/x.csv"): "--from",
    ("fetch", "chains", "--from", "*.csv", "--output", "x.csv"): "--from",
    ("claims", "--sectors", "a.csv", "--sectors", "x.csv", "--output", "x.csv"): "--sectors",
    ("backtest", "--source", "folder", "--output", "folder/x.csv"): "--source",
    ("backtest", "--scenario-file", "x.csv", "--output", "x.csv"): "--scenario-file",
    ("condor", "--source", "link.csv", "--output", "x.csv"): "--source",
    ("size", "--config", "x.csv", "--output", "x.csv"): "--config",
    ("ivr", "--iv-history", "x.csv", "--output", "x.csv"): "--iv-history",
}


@pytest.mark.parametrize("arguments", INPUTS, ids=" ".join)
def test_no_output_overwrites_an_input(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("x.csv", "a.csv", "log.csv", "folder/x.csv"):
        (tmp_path / name).write_text("" if "--config" in arguments else "kept")
    (tmp_path / "link.csv").symlink_to("x.csv")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    assert stop.value.code == 2
    assert shows(capsys.readouterr().err, f"what {INPUTS[arguments]}", "overwrite")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.csv")} == before
