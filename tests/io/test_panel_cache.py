"""The panel cache: whole or not at all, pruned by age and size."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io import panel_cache
from iwm_opts.io.panel_cache import ABOUT, BUILDING, cached_build, clear, entries, kept_by_inputs, load, prune
from iwm_opts.io.panel_files import build_panel


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("IWM_OPTS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "panels"


@pytest.fixture
def source(tmp_path, quotes_of_day):
    path = tmp_path / "chains.csv"
    days = [quotes_of_day(day.date()) for day in pd.date_range("2024-06-03", "2024-06-06")]
    pd.concat(days).to_csv(path, index=False)
    return path


def kept(source, **options):
    return cached_build([source], options, lambda: build_panel([source]))


def test_entries_and_clear(root, source):
    assert entries() == []
    kept(source)
    (entry,) = entries()
    assert (entry.days, str(entry.first), str(entry.last)) == (4, "2024-06-03", "2024-06-06")
    assert entry.size == sum(file.stat().st_size for file in entry.path.iterdir())
    assert clear() == entry.size
    assert entries() == []


def test_a_killed_build_leaves_nothing_that_counts(root, source, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(panel_cache.json, "dump", stop)
        with pytest.raises(KeyboardInterrupt):
            kept(source)
    assert entries() == []
    assert list(root.glob(f"{BUILDING}*")) == []


HANGING_BUILD = """
import sys, time
from pathlib import Path
from iwm_opts.io import panel_cache
from iwm_opts.io.panel_files import build_panel

def hang(*_):
    print("written", flush=True)
    time.sleep(600)

panel_cache.json.dump = hang
panel_cache._keep(Path(sys.argv[1]), "0123", build_panel([sys.argv[2]]))
"""


def test_a_folder_of_a_killed_build_goes_with_the_next_one_and_of_a_living_never(root, source):
    command = [sys.executable, "-c", HANGING_BUILD, str(root), str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as builder:
        try:
            assert builder.stdout.readline() == b"written\n"
            (half,) = (path for path in root.glob(f"{BUILDING}*") if path.is_dir())
            old = time.time() - 7200
            os.utime(half, (old, old))
            kept(source)
            assert (half / "strike.npy").exists()
        finally:
            builder.kill()
    kept(source, number=1)
    assert list(root.glob(f"{BUILDING}*")) == []
    assert len(entries()) == 2


@pytest.mark.parametrize("damage", ["missing", "short", "no json"])
def test_a_damaged_panel_is_built_again(root, source, damage):
    whole = kept(source).panel
    folder = entries()[0].path
    if damage == "missing":
        (folder / "strike.npy").unlink()
    elif damage == "short":
        (folder / "quotes.npy").write_bytes((folder / "quotes.npy").read_bytes()[:-100])
    else:
        (folder / ABOUT).write_text("{")
    assert load(folder) is None
    np.testing.assert_array_equal(kept(source).panel.quotes, whole.quotes)
    assert load(folder) is not None


def test_pruned_by_age_and_by_size(root, source):
    for number in range(3):
        kept(source, number=number)
        about = entries()[0].path / ABOUT
        os.utime(about, (time.time() - 86_400 * (10 - number), time.time() - 86_400 * (10 - number)))
    prune(root, max_age_days=9.5)
    assert len(entries()) == 2
    latest = entries()[0]
    prune(root, max_bytes=latest.size)
    assert [entry.path for entry in entries()] == [latest.path]


def test_without_a_place_to_keep_it_the_panel_is_built_all_the_same(source, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IWM_OPTS_CACHE", str(tmp_path / "file"))
    assert len(kept(source).panel) == 4


def test_remarks_come_back(root, source):
    build = build_panel([source])
    build.report.warn(int(build.panel.day[0]), "a warning 12")
    build.report.refused[int(build.panel.day[1])] = "a reason"
    noted = replace(build, remarks=("skipped: x",))
    cached_build([source], {}, lambda: noted)
    again = cached_build([source], {}, lambda: pytest.fail("is kept"))
    assert again.report.notes(0, 10**7, 4) == build.report.notes(0, 10**7, 4)
    assert again.remarks == ("skipped: x",)


def states(made, **inputs):
    def make():
        made.append(inputs)
        return {"level": np.arange(3.0)}

    return kept_by_inputs(inputs, make)["level"].tolist()


def test_arrays_are_kept_by_their_inputs(root):
    made = []
    for bytes_of_levels in (b"1", b"1", b"2"):
        assert states(made, levels=bytes_of_levels) == [0.0, 1.0, 2.0]
    assert made == [{"levels": b"1"}, {"levels": b"2"}]


def test_damaged_arrays_are_made_again_and_unused_ones_removed(root):
    made = []
    states(made)
    (file,) = root.iterdir()
    file.write_bytes(b"PK\x03\x04")
    assert states(made) == [0.0, 1.0, 2.0]
    assert len(made) == 2
    prune(root, max_age_days=1.0)
    assert file.exists()
    os.utime(file, (time.time() - 2 * 86_400,) * 2)
    prune(root, max_age_days=1.0)
    assert not file.exists()


def test_derived_arrays_count_among_the_entries(root, source):
    made = []
    states(made, levels=b"1")
    (old,) = entries()
    assert old.size == old.path.stat().st_size > 0
    os.utime(old.path, (time.time() - 86_400,) * 2)
    kept(source)
    states(made, levels=b"2")
    assert len(entries()) == 3
    prune(root, max_bytes=sum(entry.size for entry in entries()) - 1)
    assert not old.path.exists()
    assert len(entries()) == 2
    assert clear() > 0
    assert entries() == []


def test_without_a_place_to_keep_them_arrays_are_made_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IWM_OPTS_CACHE", str(tmp_path / "file"))
    assert states([]) == [0.0, 1.0, 2.0]
