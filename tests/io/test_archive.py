"""The record survives what happens to files: kills, second writers, full disks, flipped bytes."""

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

import pandas as pd
import pytest

from iwm_opts.io import atomic as durable
from iwm_opts.io.archive import ChainArchive, choose, open_record
from iwm_opts.market.capture import make_chain
from tests.refusals import refused_data

DAY = date(2026, 3, 2)
WRITER = """
import sys, pickle
from datetime import timedelta
from dataclasses import replace
from pathlib import Path
from iwm_opts.io.archive import ChainArchive
chain = pickle.loads(Path(sys.argv[2]).read_bytes())
record, first, step = ChainArchive(Path(sys.argv[1])), int(sys.argv[3]), int(sys.argv[4])
for second in range(first, 10_000, step):
    one = replace(chain, quote_time=chain.quote_time - timedelta(hours=2) + timedelta(seconds=second))
    print(record.add(one).path, flush=True)
"""


@pytest.fixture
def chain(made_quotes):
    return make_chain(made_quotes(), symbol="IWM", source="made")


@pytest.fixture
def record(tmp_path):
    return ChainArchive(tmp_path / "record")


def at(chain, hour, minute=0):
    return replace(chain, quote_time=chain.quote_time.replace(hour=hour, minute=minute))


def test_a_chain_comes_back_as_it_was(record, chain):
    record.add(chain)
    found = record.chain("IWM", DAY)
    pd.testing.assert_frame_equal(found.quotes, chain.quotes)
    for name in ("symbol", "spot", "spot_source", "as_of", "quote_time", "session", "source", "quality", "warnings"):
        assert getattr(found, name) == getattr(chain, name)
    assert record.symbols() == ["IWM"]
    assert record.days("IWM") == [DAY]


def test_the_stated_delay_is_recorded(record, chain):
    record.add(replace(chain, delay=timedelta(minutes=15)))
    assert record.chain("IWM", DAY).delay == timedelta(minutes=15)


def test_the_same_quotes_twice_are_one_file(record, chain):
    assert record.add(chain) == record.add(chain)
    assert len(record.captures("IWM", DAY)) == 1


def test_other_quotes_of_the_same_second_overwrite_nothing(record, chain):
    record.add(chain)
    record.add(replace(chain, spot=201.0))
    assert len(record.captures("IWM", DAY)) == 2


def test_the_latest_within_the_session_speaks_for_the_day(record, chain):
    for hour, minute in ((10, 0), (15, 30), (16, 0), (18, 0)):
        record.add(at(chain, hour, minute))
    assert record.chain("IWM", DAY).quote_time.hour == 15
    assert record.chain("IWM", DAY, time(10, 0)).quote_time.hour == 10
    with refused_data("record", "capture", "10:00", "15:30", "16:00", "18:00"):
        record.chain("IWM", DAY, time(11, 0))
    assert choose(record.captures("IWM", DAY)[2:]).stamp.hour == 18


def test_listing_opens_nothing_and_ignores_what_is_not_ours(record, chain):
    captured = record.add(chain)
    captured.path.write_bytes(b"")
    (captured.path.parent / "notes.txt").write_text("mine")
    (captured.path.parent / f".abc{durable.UNFINISHED}").write_text("half")
    assert record.days("IWM") == [DAY]
    assert len(record.captures("IWM", DAY)) == 1


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_file_is_named_and_set_aside(record, chain, damage):
    record.add(at(chain, 10))
    later = record.add(at(chain, 15)).path
    content = later.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    later.write_bytes({"cut": content[:-100], "flip": flipped, "empty": b""}[damage])
    assert record.chain("IWM", DAY).quote_time.hour == 10
    assert str(later) in record.set_aside[0]
    aside = list((record.folder / "damaged").rglob("*.parquet"))
    assert [file.name for file in aside] == [later.name]
    assert not later.exists()


def test_nothing_left_says_so(record, chain):
    record.add(chain).path.write_bytes(b"x")
    with refused_data("record", "chain", "IWM", str(DAY), "iwm-opts snapshot"):
        record.chain("IWM", DAY)


def test_a_file_of_a_later_version_stays_where_it_is(record, chain, monkeypatch):
    monkeypatch.setattr("iwm_opts.io.chain_file.FORMAT", 2)
    captured = record.add(chain)
    monkeypatch.undo()
    with refused_data(captured.path, "format", "2", "1"):
        record.chain("IWM", DAY)
    assert captured.path.exists()


def test_leftovers_of_killed_writers_go_with_the_next_one(record, chain):
    folder = record.add(chain).path.parent
    leftover = folder / f".half{durable.UNFINISHED}"
    leftover.write_bytes(b"half")
    record.add(at(chain, 10))
    assert not leftover.exists()


def test_the_folder_comes_from_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "there"))
    assert open_record().folder == tmp_path / "there"
    monkeypatch.delenv("IWM_OPTS_DATA")
    assert open_record().folder.name == "iwm-opts"
    assert open_record(tmp_path).folder == tmp_path


def test_a_failed_write_leaves_no_trace(record, chain, monkeypatch):
    before = record.add(chain)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with refused_data("20260302T100000-8ae1b2596088836e.parquet"):
        record.add(at(chain, 10))
    monkeypatch.undo()
    assert list(before.path.parent.iterdir()) == [before.path]
    assert record.chain("IWM", DAY).quote_time == chain.quote_time


def readable(record):
    captures = record.captures("IWM", DAY)
    assert all(record.open(one) is not None for one in captures)
    assert record.set_aside == []
    return {str(one.path) for one in captures}


def start(folder, chain_file, first, step=1):
    command = [sys.executable, "-c", WRITER, str(folder), str(chain_file), str(first), str(step)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def chain_file(chain, tmp_path):
    path = tmp_path / "chain.pickle"
    pd.to_pickle(chain, path)
    return path


def test_two_writers_at_once(record, chain_file):
    writers = [start(record.folder, chain_file, first, step=50) for first in (0, 25)]
    said = set()
    for writer in writers:
        said |= set(writer.communicate(timeout=60)[0].split())
    assert len(said) == 400
    assert readable(record) == said


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte, where the machine lets us mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk")
    yield folder
    subprocess.run([shutil.which("umount") or "umount", str(folder)], check=True)


def test_a_full_disk_keeps_what_was_committed(small_disk, chain):
    record, said = ChainArchive(small_disk), set()

    def fill():
        for second in range(10_000):
            moment = chain.quote_time - timedelta(hours=3) + timedelta(seconds=second)
            said.add(str(record.add(replace(chain, quote_time=moment)).path))

    with refused_data("20260302T130051-d152f59169b54d8a.parquet"):
        fill()
    assert said == readable(record)
    assert not list(Path(small_disk).rglob(f"*{durable.UNFINISHED}"))
