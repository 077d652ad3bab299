"""What is measured is the same work: kernels and plain Python come to the same trades. No timed asserts."""

from tests.refusals import shows


def test_kernels_and_plain_python_agree_and_everything_is_told(run):
    found = run("bench", "--years", 2, "--repeats", 1, "--format", "json")
    assert found.code == 0, found.err
    assert found.json["agrees"] is True
    assert found.json["trades"] > 20
    assert found.json["plain"]["ratio_to_plain_python"] == 1
    for one in found.json["ways"]:
        assert one["ten_year_backtests_per_second"] > 0
        assert one["seconds"] > 0
        assert one["package_days"] > 0


def test_the_page_fits(run):
    page = run("bench", "--years", 2, "--repeats", 1)
    assert all(len(line) <= 80 for line in page.out.splitlines())
    assert "…" not in page.out
    assert shows(page.out, "cent")
