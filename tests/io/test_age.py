"""Quotes of an earlier day are stale once a later session has opened."""

from dataclasses import replace
from datetime import datetime

import pytest

from iwm_opts.io.age import staleness
from iwm_opts.io.files import load_chain
from iwm_opts.market.calendar import NEW_YORK


@pytest.mark.parametrize(
    ("moment", "is_stale"),
    [
        ("2026-03-02 15:00", False),  # Monday, within the session
        ("2026-03-02 22:00", False),
        ("2026-03-03 09:29", False),  # before the next open
        ("2026-03-03 09:30", True),
        ("2026-03-08 12:00", True),
    ],
)
def test_a_chain_is_stale_from_the_next_open(made_quotes, tmp_path, moment, is_stale):
    made_quotes().to_csv(tmp_path / "chain.csv", index=False)
    chain = load_chain(tmp_path / "chain.csv")
    at = datetime.fromisoformat(moment).replace(tzinfo=NEW_YORK)
    assert bool(staleness(chain, at)) is is_stale
    assert staleness(replace(chain, simulated=True), at) == ""
