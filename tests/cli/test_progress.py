import io
import sys

from iwm_opts.cli.progress import progress, steps


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_has_rate_and_time_left(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("sweep", {}) as on_progress:
        for done in range(0, 101, 10):
            on_progress(done, 100)
    assert "/s" in sys.stderr.getvalue()
    assert "0:00:00" in sys.stderr.getvalue()


def test_the_bar_has_rows_and_time_left_from_the_first_stretch(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("iwm_opts.cli.progress.monotonic", lambda: clock[0])
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("rows of chains", {}) as on_progress:
        on_progress(0, 7_100_000)
        clock[0] = 2.0
        on_progress(1_000_000, 7_100_000)
    assert "1,000,000 of 7,100,000, 500,000/s, 0:00:12 left" in sys.stderr.getvalue()


def test_work_that_begins_anew_has_rate_and_time_left_of_its_own(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with steps({}) as step:
        variants, test = step("sweep"), step("test against luck")
        for on_progress in (variants, test):
            for done in (10, 20):
                on_progress(done, 20)
            on_progress(5, 20)
    page = sys.stderr.getvalue()
    assert page.index("sweep") < page.index("test against luck")
    last = page.rsplit("test against luck", 1)[1]
    assert "25%" in last
    assert "0:00:00" not in last


def test_a_pipe_has_a_line_now_and_then(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("iwm_opts.cli.progress.monotonic", lambda: clock[0])
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress("sweep", {}) as on_progress:
        for minute, done in enumerate([900_000, 901_000, 901_500, 902_000], start=1):  # 900,000 were there before
            clock[0] = 60.0 * minute
            on_progress(done, 1_000_000)
            on_progress(done, 1_000_000)
    assert sys.stderr.getvalue().splitlines() == [
        "sweep: 901,000 of 1,000,000, 16.7/s, 1:39:00 left",
        "sweep: 901,500 of 1,000,000, 12.5/s, 2:11:20 left",
        "sweep: 902,000 of 1,000,000, 11.1/s, 2:27:00 left",
    ]


def test_a_pipe_has_a_rate_of_each_piece_of_work(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("iwm_opts.cli.progress.monotonic", lambda: clock[0])
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress("sweep", {}) as on_progress:
        for minute, done in enumerate([2, 2, 100, 700], start=1):  # markets opened; variants
            clock[0] = 60.0 * minute
            on_progress(done, 1_000 if minute > 2 else 2)
        on_progress(100, 1_000)
        clock[0] += 100.0
        on_progress(200, 1_000)
    assert sys.stderr.getvalue().splitlines() == [
        "sweep: 700 of 1,000, 10/s, 0:00:30 left",
        "sweep: 200 of 1,000, 1/s, 0:13:20 left",
    ]


def test_quiet_runs_have_none(monkeypatch):
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress("sweep", {"quiet": True}) as on_progress:
            assert on_progress is None
