import csv
import io

from tests.refusals import shows

SIM = ("--source", "sim", "--from", "2023-02-15", "--to", "2023-08-31", "--seed", 5, "--paths", 1)


def test_a_saved_backtest_is_resampled(run, tmp_path):
    folder = tmp_path / "condors"
    assert run("backtest", *SIM, "--no-gate", "--contracts", 1, "--output", folder).code == 0
    page = run("montecarlo", folder, "--years", 1, "--histories", 400, "--drawdown", "5%")
    assert page.code == 0, page.err
    lines = page.out.splitlines()
    assert lines[0] == lines[-1] == "SIMULATED MARKET"
    assert all(len(line) <= 80 for line in lines)
    assert shows(" ".join(page.out.split()), "5.0% chance", "5.0% drawdown")
    asked = ("montecarlo", folder, "--years", 1, "--histories", 400, "--sizes", "1,3")
    record = run(*asked, "--format", "json", "--threads", 2).json
    assert record == run(*asked, "--format", "json", "--threads", 1).json
    assert [row["size"] for row in record["sizes"]] == [1.0, 3.0]
    rows = list(csv.DictReader(io.StringIO(run(*asked, "--format", "csv").out)))
    assert [float(row["p_loss"]) for row in rows] == [row["p_loss"] for row in record["sizes"]]


def test_faults_are_said_in_one_line(run, tmp_path):
    for arguments, rule in (
        (("montecarlo", tmp_path / "none.csv"), "none.csv"),
        (("montecarlo", "x", "--sizes", "1,big"), "separated by commas"),
        (("montecarlo", "x", "--ruin", "100%"), "between 0 and 1"),
    ):
        failed = run(*arguments)
        assert failed.code in (1, 2)
        assert rule in failed.err
        assert len(failed.err.splitlines()) == 1
