import csv
import io

import pytest

from iwm_opts.backtest import grid, sweep_folder
from iwm_opts.errors import DataError
from iwm_opts.io.atomic import write_durably
from tests.refusals import shows

SIM = ("--source", "sim", "--from", "2023-02-15", "--to", "2023-08-31", "--seed", 5, "--paths", 1, "--ivr-lookback", 20)
RULES = ("--ivr-below", 40, "--dte", 30, "--exit-dte", 10, "--contracts", 1, "--draws", 99)
GRID = ("--grid", "profit=0.25,none", "--grid", "short-delta=0.1,0.2")


@pytest.fixture
def swept(run):
    return lambda *more: run("sweep", *SIM, *RULES, *more)


def test_the_page_fits_and_says_what_the_best_is_worth(swept):
    page = swept(*GRID)
    assert page.code == 0, page.err
    lines = page.out.splitlines()
    assert (lines[-1], lines[0].partition(":")[0]) == (lines[0], "SIMULATED MARKET")
    assert all(len(line) <= 80 for line in lines)
    assert "…" not in page.out
    assert "best of 4 variants" in " ".join(page.out.split())
    rows = [line.split() for line in lines if line.lstrip().startswith(("0.25", "none"))]
    assert {(row[-3], row[-1]) for row in rows} == {("-", "-")}  # on risk and Sharpe, of less than a year
    gains = [float(row[-4].replace("$", "").replace(",", "")) for row in rows]
    assert gains == sorted(gains, reverse=True)  # in its place, dollars a trade


def test_rows_are_the_backtests_of_their_options(run, swept):
    found = swept(*GRID, "--format", "json").json
    assert [(one["profit"], one["short_delta"]) for one in found["variants"]] == [
        (0.25, 0.1), (0.25, 0.2), ("none", 0.1), ("none", 0.2),
    ]  # fmt: skip
    alone = run(
        "backtest", *SIM, *RULES[:-2], "--profit", "none", "--short-delta", 0.2, "--format", "json"
    ).json["metrics"]  # fmt: skip
    assert found["variants"][3]["expectancy"] == pytest.approx(alone["expectancy"])
    assert found["variants"][3]["trades"] == alone["trades"]
    test = found["snooping"]
    assert test["models"] == 4
    assert "variants" not in test
    assert 0.0 < test["p_lower"] <= test["p_consistent"] <= test["p_upper"] <= 1.0
    assert 0.0 <= test["overfitting_probability"] <= 1.0
    assert min(row["p_stepdown"] for row in found["variants"]) == test["p_upper"]
    assert all(0.0 <= row["deflated_sharpe"] <= 1.0 for row in found["variants"])
    rows = list(csv.DictReader(io.StringIO(swept(*GRID, "--format", "csv").out)))
    assert [float(row["expectancy"]) for row in rows] == pytest.approx([v["expectancy"] for v in found["variants"]])


def test_a_stopped_sweep_goes_on_and_ends_in_the_same_table(swept, tmp_path):
    folder = tmp_path / "sweep"
    whole = swept(*GRID, "--output", folder, "--format", "csv", "--threads", 2)
    content = (folder / "variants.parquet").read_bytes()
    swept(*GRID, "--output", tmp_path / "stopped", "--shard", "3/4")
    (folder / "variants.parquet").unlink()
    (tmp_path / "stopped" / "variants.parquet").rename(folder / "part-000000.parquet")
    again = swept(*GRID, "--output", folder, "--format", "csv", "--threads", 1)
    assert shows(again.err, "1 of 4 variants", "already")
    assert (folder / "variants.parquet").read_bytes() == content
    assert again.out == whole.out == swept(*GRID, "--format", "csv").out
    other = swept("--grid", "profit=0.3,0.4", "--output", folder)
    assert (other.code, shows(other.err, "another sweep", "differ")) == (1, True)


def test_a_full_disk_is_one_line_with_what_is_kept(swept, tmp_path, monkeypatch):
    parts = []

    def write(path, content):
        if path.name.startswith("part-"):
            parts.append(path)
            if len(parts) > 1:
                raise DataError(path, "cannot be written: No space left on device", "free some space")
        write_durably(path, content)

    monkeypatch.setattr(sweep_folder, "write_durably", write)
    monkeypatch.setattr(grid, "FIRST_BATCH", 1)
    failed = swept(*GRID, "--output", tmp_path / "sweep")
    assert failed.code == 1
    assert shows(failed.err, "1 of 4 variants", "kept")
    assert len(failed.err.splitlines()) == 1
    monkeypatch.undo()
    again = swept(*GRID, "--output", tmp_path / "sweep", "--format", "csv")
    assert shows(again.err, "1 of 4 variants", "already")
    assert again.out == swept(*GRID, "--format", "csv").out


def test_shards_merge_into_the_whole_sweep(swept, tmp_path):
    whole = swept(*GRID, "--format", "csv")
    for shard in ("1/3", "2/3", "3/3"):
        done = swept(*GRID, "--shard", shard, "--output", tmp_path / shard[0])
        assert done.code == 0, done.err
        assert f"{2 if shard == '1/3' else 1} of 4 variants" in done.out
    folders = tmp_path / "1", tmp_path / "3"
    merged = swept("merge", *folders, *GRID, "--output", tmp_path / "all", "--format", "csv")
    assert merged.out == whole.out
    assert shows(merged.err, "3 of 4 variants", "already")
    for arguments, rule in (
        (("--shard", "4/3", "--output", "x"), "is not K/N"),
        (("--shard", "1/3"), "needed by --shard"),
        (("merge", "--output", "x"), "Write merge FOLDER"),
        (("murge", tmp_path / "1", "--output", "x"), "Did you mean merge FOLDER"),
        (("merge", tmp_path / "1"), "needed by --shard and merge"),
        (("merge", tmp_path / "1", "--output", tmp_path / "1"), "would overwrite"),
        (("merge", tmp_path / "none", "--output", tmp_path / "more"), "holds no sweep"),
        (("merge", tmp_path / "1", "--output", tmp_path / "other", "--stop", 3), "another sweep"),
    ):
        failed = swept(*GRID, *arguments)
        assert failed.code in (1, 2)
        assert rule in failed.err


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        (("--grid", "seed=1,2"), "no option of the rules"),
        (("--grid", "profits=1,2"), "no option of the rules"),
        (("--grid", "profit="), "needs values"),
        (("--grid", "profit=0.5,0.5"), "each once"),
        (("--grid", "profit=soon"), "not a valid"),
        (("--grid", "profit=0.2", "--grid", "profit=0.3"), "is given twice"),
        (("--grid", "profit=2"), "must be at most 1"),
    ],
)
def test_a_grid_that_cannot_be_is_said_in_one_line(swept, grid, told):
    failed = swept(*grid)
    assert failed.code in (1, 2)
    assert told in failed.err
    assert len(failed.err.splitlines()) == 1
