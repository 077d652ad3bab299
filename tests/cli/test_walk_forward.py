import csv
import io

from tests.refusals import shows

SIM = ("--source", "sim", "--from", "2022-02-15", "--to", "2023-08-31", "--seed", 5, "--paths", 1)
ASKED = (
    "walk-forward", *SIM, "--no-gate", "--dte", 30, "--exit-dte", 10, "--contracts", 1, "--grid", "profit=0.25,none",
    "--in-sample", 126, "--out-of-sample", 63,
)  # fmt: skip


def test_windows_and_a_saved_result(run, tmp_path):
    page = run(*ASKED, "--output", tmp_path / "oos")
    assert page.code == 0, page.err
    lines = page.out.splitlines()
    assert (lines[-1], lines[0].partition(":")[0]) == (lines[0], "SIMULATED MARKET")
    assert all(len(line) <= 80 for line in lines)
    assert "walk-forward efficiency" in page.out
    record = run(*ASKED, "--format", "json").json
    assert [arm["name"] for arm in record["arms"]] == ["walk-forward", "default", "hindsight"]
    rows = list(csv.DictReader(io.StringIO(run(*ASKED, "--format", "csv").out)))
    assert [row["first"] for row in rows] == [window["first"] for window in record["windows"]]
    assert run("montecarlo", tmp_path / "oos", "--years", 1, "--histories", 200).code == 0


def test_options_of_the_schedule_are_not_of_the_rules(run):
    failed = run("walk-forward", "--grid", "embargo=1,2")
    assert failed.code == 2
    assert shows(failed.err, "--grid embargo")
