"""Folders of sweeps take parts that they wrote, and shards of the same sweep, alone."""

import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iwm_opts.backtest.grid import Outcomes
from iwm_opts.backtest.sweep_folder import SweepFolder
from tests.refusals import refused, refused_data

ASKED = {"grid": {"profit": ["0.25"]}}


def outcomes_of(*numbers, pnl=1.0):
    places = np.array(numbers, dtype=np.int64)
    metrics = {"trades": places + 5, "pnl": pnl * places, "sharpe": np.where(places % 2, np.nan, 0.5)}
    return Outcomes(places, metrics, places.astype(np.uint64) + np.uint64(7))


@pytest.fixture
def shard(tmp_path):
    """Folder of variants 0 and 2 of some."""
    with SweepFolder(tmp_path / "shard", ASKED) as folder:
        folder.add(outcomes_of(0, 2))
        folder.finish()
    return tmp_path / "shard"


def with_column(name, values):
    return lambda table: table.set_column(table.column_names.index(name), name, pa.array(values))


@pytest.mark.parametrize(
    "change",
    [
        with_column("pnl", [0.0, 2.0000001]),
        with_column("number", [0, 99]),
        with_column("number", [-1, 2]),
        with_column("number", [2, 2]),
        with_column("number", [None, 2]),
        with_column("number", [0.5, 2.0]),
        with_column("pnl", ["0", "2"]),
        with_column("digest", pa.array([7, 8], pa.uint64())),
        lambda table: table.drop_columns(["pnl"]),
        lambda table: table.drop_columns(["digest"]),
        lambda table: table.append_column("more", pa.array([1, 2])),
        lambda table: table.slice(0, 1),
        lambda table: table.replace_schema_metadata(None),
    ],
)
def test_a_part_that_was_changed_is_refused(shard, tmp_path, change):
    whole = shard / "variants.parquet"
    pq.write_table(change(pq.read_table(whole)), whole)
    with refused_data("variants.parquet", "content"), SweepFolder(shard, ASKED):
        pass
    with SweepFolder(tmp_path / "all", ASKED) as folder:
        with refused_data("variants.parquet", "content"):
            folder.merge(shard)
        assert len(folder.outcomes) == 0


def test_a_part_of_another_sweep_is_refused(shard, tmp_path):
    with SweepFolder(tmp_path / "other", {"grid": {"profit": ["0.5"]}}) as folder:
        folder.add(outcomes_of(1, 3))
        folder.finish()
    shutil.copy(tmp_path / "other" / "variants.parquet", shard / "part-000000.parquet")
    with refused_data("part-000000.parquet", "content"), SweepFolder(shard, ASKED):
        pass


def test_shards_may_overlap_where_they_agree(shard, tmp_path):
    with SweepFolder(tmp_path / "all", ASKED) as folder:
        folder.add(outcomes_of(2, 3))
        folder.merge(shard)
        folder.merge(shard)
        assert folder.outcomes.numbers.tolist() == [0, 2, 3]
    for other in (outcomes_of(2, pnl=1.5), replace(outcomes_of(2), digests=np.array([1], dtype=np.uint64))):
        name = f"other-{other.digests[0]}"
        with SweepFolder(tmp_path / name, ASKED) as folder:
            folder.add(other)
            with refused_data("shard", "outcomes"):
                folder.merge(shard)
            assert folder.outcomes.numbers.tolist() == [2]


def test_merging_writes_into_no_folder_of_another_kind(shard, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with SweepFolder(tmp_path / "all", ASKED) as folder:
        for path, word in ((empty, "sweep"), (tmp_path / "none", "sweep"), (tmp_path / "all", "`output`")):
            with refused("merge", str(path), word):
                folder.merge(path)
    assert list(empty.iterdir()) == []
