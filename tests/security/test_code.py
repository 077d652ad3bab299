"""What the package never calls, and files made to exhaust it."""

import ast
import gzip
import time
from pathlib import Path

import pandas as pd
import pytest

import iwm_opts
from iwm_opts.errors import DataError
from iwm_opts.io import limits
from iwm_opts.io.bars import load_bars
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.limits import Budget
from iwm_opts.io.plan_tables import load_events
from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data

FORBIDDEN = {
    "eval", "exec", "compile", "pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.loads", "shelve.open",
    "yaml.load", "os.system", "os.popen", "subprocess.run", "subprocess.Popen", "subprocess.call",
    "subprocess.check_output", "pd.read_pickle", "pd.eval", "pickle.dump", "pickle.dumps", "tempfile.mktemp",
    "joblib.load", "webbrowser.open", "xml.etree.ElementTree.parse",
}  # fmt: skip
OF_DASK = {"pickle.dumps"}  # digests of work for a cluster of the user's own, which pickles whatever it is sent
SENDER = Path(iwm_opts.__file__).parent / "backtest" / "cluster.py"
FILES = sorted(Path(iwm_opts.__file__).parent.rglob("*.py"))


def named(tree: ast.AST) -> set[str]:
    """Dotted names, and names of calls."""
    nodes = list(ast.walk(tree))
    calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    return calls | {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_no_call_runs_code_of_a_file(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert named(tree) & FORBIDDEN == (OF_DASK if file == SENDER else set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            keywords = {word.arg: word.value for word in node.keywords}
            for name in ("shell", "allow_pickle"):
                value = keywords.get(name)
                assert not (isinstance(value, ast.Constant) and value.value is True), (file.name, node.lineno)
            verify = keywords.get("verify")
            assert not (isinstance(verify, ast.Constant) and verify.value is False), (file.name, node.lineno)


def test_entities_of_an_xml_are_refused(tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><FlexQueryResponse>&b;</FlexQueryResponse>'
    file = tmp_path / "flex.xml"
    file.write_text(bomb)
    with refused_data("flex.xml", "DOCTYPE"):
        read_log(file)


def packed(tmp_path: Path, name: str, content: bytes) -> Path:
    file = tmp_path / name
    file.write_bytes(gzip.compress(content))
    return file


@pytest.mark.parametrize("read", [load_chain, load_bars, load_iv_history, lambda file: load_events(file)])
def test_a_bomb_of_gzip_is_refused_within_a_second_of_memory(read, tmp_path):
    head = b"date,open,high,low,close,event,strike,bid,ask,right,expiration,quote_date\n"
    file = packed(tmp_path, "bomb.csv.gz", head + b"0," * 20_000_000)
    with pytest.raises(DataError):
        read(file)


def test_a_table_of_many_columns_is_refused(tmp_path):
    file = tmp_path / "wide.csv"
    file.write_text(",".join(f"c{place}" for place in range(5_000)) + "\n" + ",".join("1" * 5_000) + "\n")
    for read in (load_chain, load_bars):
        with refused_data("wide.csv", "columns", "5,000", "2,000"):
            read(file)


def test_a_cell_of_many_characters_is_refused(tmp_path):
    file = tmp_path / "long.csv"
    file.write_text("date,open,high,low,close\n2024-01-02,1,1,1," + "1" * 20_000 + "\n")
    with refused_data("long.csv", "content"):
        load_bars(file)


@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_a_cell_of_many_characters_is_refused_in_every_format(tmp_path, suffix):
    table = pd.DataFrame({"date": ["2024-01-02"], "event": ["x" * 20_000]})
    file = tmp_path / f"long.{suffix}"
    table.to_parquet(file) if suffix == "parquet" else table.to_json(file, orient="records")
    with refused_data(file, "event", "20,000", "10,000"):
        load_events(file)


def test_reading_ends_by_seconds(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"x")
    monkeypatch.setattr(limits, "MIN_SECONDS", 0.0)
    with refused_data("file", "time", "0"):
        list(Budget(file).metered(map(time.sleep, (0.01, 0.01))))


def test_a_slow_reader_of_batches_is_not_charged(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"x")
    monkeypatch.setattr(limits, "MIN_SECONDS", 0.05)
    for _ in Budget(file).metered(range(3)):
        time.sleep(0.05)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_documents_are_parsed_by_one_gate(file):
    parsers = {"json.load", "json.loads", "tomllib.load", "tomllib.loads"}
    used = named(ast.parse(file.read_text(encoding="utf-8"))) & parsers
    assert used == ({"json.loads", "tomllib.loads"} if file.name == "documents.py" else set())
