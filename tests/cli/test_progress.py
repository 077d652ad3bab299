import io
import sys

from iwm_opts.cli.progress import progress


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


def test_pipes_and_quiet_runs_have_none(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress("sweep", {}) as on_progress:
        assert on_progress is None
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("sweep", {"quiet": True}) as on_progress:
        assert on_progress is None
