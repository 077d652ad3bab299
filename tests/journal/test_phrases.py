import pytest

from iwm_opts.journal.inference import odds


@pytest.mark.parametrize(
    ("p", "written"), [(1.0, "100% of logs"), (0.995, "100% of logs"), (0.694, "69% of logs"), (0.0123, "1.2% of logs")]
)
def test_odds_are_written_out(p, written):
    assert odds(p) == written
