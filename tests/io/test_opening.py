"""Documents and files that would exhaust or hold up a reader."""

import json
import os
import time
from pathlib import Path

import pytest

from iwm_opts.documents import parse_json, parse_object, parse_toml
from iwm_opts.errors import DataError
from iwm_opts.io.atomic import write_durably, write_special
from iwm_opts.io.bars import load_bars
from iwm_opts.io.files import load_chain
from iwm_opts.io.opening import as_kind, read_object, read_toml, read_whole
from iwm_opts.io.panel_files import build_panel
from iwm_opts.io.zones import named_zone
from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a = " + "9" * 401, "a is a whole number of more than 64 bits"),
        ("a = 0x" + "f" * 5_001, "a is a whole number of more than 64 bits"),
        ("[t]\nb = [1, {c = 9223372036854775808}]", "c is a whole number of more than 64 bits"),
        ("a = " + "9" * 5_001, "too many digits"),
        ("a = " + "[" * 5_000, "is nested more than 12 levels deep"),
        ("a = " + "[" * 12 + "]" * 12, "is nested more than 12 levels deep"),
        ("b = 1\n" + "a." * 13 + "c = 1", "line 2 has a key of more than 12 parts"),
        ("'a' . " * 13 + "c = 1", "line 1 has a key of more than 12 parts"),
        ("a = '" + "x" * 10_001 + "'", "line 1 has 10,007 characters, more than 10,000"),
    ],
)
def test_toml_out_of_limits_is_refused(text, rule):
    with pytest.raises(ValueError, match=rule):
        parse_toml(text)


def test_toml_at_its_limits_is_read():
    assert parse_toml("a = 9223372036854775807\nb = -9223372036854775808") == {"a": 2**63 - 1, "b": -(2**63)}
    assert parse_toml("a = " + "[" * 11 + "]" * 11)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[" * 100_000, "is nested more than 12 levels deep"),
        ('{"a":' + "[" * 12 + "]" * 12 + "}", "is nested more than 12 levels deep"),
        ('{"a": ' + "9" * 401 + "}", "holds a whole number of 401 digits, more than 300"),
        ('{"a": ' + "9" * 5_001 + "}", "holds a whole number of 5,001 digits, more than 300"),
        *((text, "holds no JSON object") for text in ("[]", "null", "5", '"x"', "true")),
        (b"\xff\xfe{", "is not UTF-8|Expecting value"),
    ],
)
def test_json_of_this_package_out_of_limits_is_refused(text, rule):
    with pytest.raises(ValueError, match=rule):
        parse_object(text)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5_001, b"\xff"])
def test_any_json_fails_with_a_value_error(text):
    with pytest.raises(ValueError, match=r"deep|digits|UTF-8"):
        parse_json(text)


def test_a_document_names_its_file(tmp_path):
    file = tmp_path / "odd"
    assert read_object(file, "mend it") is None
    file.write_text("[]")
    with refused_data("odd", "content", "JSON", "Mend"):
        read_object(file, "mend it")
    with refused_data("odd", "content", "TOML"):
        read_toml(file, "mend it")
    file.write_bytes(b"#" * 300_000)
    with refused_data("odd", "size", "262,144"):
        read_toml(file, "mend it")


def test_a_value_of_another_type_is_named(tmp_path):
    with refused_data("f", "rows.0"):
        as_kind(["x"], list[int], "f", "rows", "mend it")


READERS = [load_chain, lambda path: build_panel([path]), load_bars, read_log, lambda path: read_toml(path, "x")]


@pytest.mark.parametrize("read", READERS)
def test_a_pipe_without_a_writer_is_refused_at_once(read, tmp_path):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    start = time.monotonic()
    with refused_data("pipe.csv", "kind"):
        read(pipe)
    assert time.monotonic() - start < 5.0


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/full"])
def test_a_device_is_refused(read, path):
    with refused_data(path, "kind"):
        read(Path(path))


def test_a_pipe_of_the_shell_is_read_whole():
    end, other = os.pipe()
    os.write(other, b"a = 1")
    os.close(other)
    assert read_toml(Path(f"/dev/fd/{end}"), "x")[1] == {"a": 1}
    os.close(end)


def test_files_without_a_size_are_empty(tmp_path):
    assert read_whole(Path("/dev/null"), 10) == b""
    assert read_whole(Path("/proc/version"), 10) == b""  # as /proc/kmsg, whose reading waits


def test_a_pipe_is_written_to_where_it_is_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with refused_data("pipe", "kind"):
        write_special(pipe, b"x")
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_special(pipe, b"x")
    assert os.read(end, 10) == b"x"
    os.close(end)
    write_special(Path("/dev/null"), b"x")
    with refused_data("full", "kind"):
        write_special(Path("/dev/full"), b"x")


def test_a_name_with_control_characters_is_not_written(tmp_path):
    with refused_data("a\nb.json", "name"):
        write_durably(tmp_path / "a\nb.json", b"")
    assert not list(tmp_path.iterdir())


def test_a_header_of_marks_is_read_in_linear_time(tmp_path):
    assert named_zone("-" * 200_000) is None
    assert named_zone("Time (CET)")[0] == "Time"
    file = tmp_path / "bars.csv"
    file.write_text("-" * 200_000 + "\n" + json.dumps([1]))
    start = time.monotonic()
    with pytest.raises(DataError):
        load_bars(file)
    assert time.monotonic() - start < 5.0
