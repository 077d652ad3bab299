"""Quotes of an earlier day are stale once a later session has opened."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from iwm_opts.errors import InputError
from iwm_opts.io.age import check_age, delay_note, staleness, with_age
from iwm_opts.io.files import load_chain
from iwm_opts.market.calendar import NEW_YORK
from tests.refusals import refused


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


NOON = datetime(2026, 3, 2, 12, 0, tzinfo=NEW_YORK)


DELAY = timedelta(minutes=15)  # that a delayed feed states


@pytest.mark.parametrize("delay", [timedelta(0), DELAY])
def test_quotes_over_15_minutes_old_are_refused_beyond_the_stated_delay(delay):
    newest_refused = NOON - delay - timedelta(minutes=15, seconds=1)
    check_age(NOON - delay - timedelta(minutes=15), NOON, delay)
    for quoted in (newest_refused, None):
        with pytest.raises(InputError) as failure:
            check_age(quoted, NOON, delay)
        assert failure.value.name == "quotes"
        assert "--as-of" not in str(failure.value)
    with refused("quotes", f"{newest_refused:%Y-%m-%d %H:%M}", "15 minutes", "12:00") as failure:
        check_age(newest_refused, NOON, delay)
    assert ("delay of 15" in failure.value.rule) is bool(delay)
    for closed in (NOON.replace(hour=18), NOON - timedelta(days=1)):
        check_age(closed - timedelta(hours=3), closed)
        check_age(None, closed)


@pytest.mark.parametrize("delay", [timedelta(0), DELAY])
@pytest.mark.parametrize(("minutes", "is_old"), [(15, False), (16, True)])
def test_screens_and_tickets_age_alike(made_quotes, tmp_path, minutes, is_old, delay):
    made_quotes().to_csv(tmp_path / "chain.csv", index=False)
    quoted = NOON - delay - timedelta(minutes=minutes)
    chain = replace(load_chain(tmp_path / "chain.csv"), quote_time=quoted, delay=delay)
    assert any("stale" in warning for warning in with_age(chain, NOON).warnings) is is_old
    try:
        check_age(chain.quote_time, NOON, chain.delay)
    except InputError:
        assert is_old
    else:
        assert not is_old


def test_delayed_quotes_are_said_to_be_delayed():
    said = "delayed quotes: 15 min old at 12:00; check the limit live"
    assert delay_note(NOON - timedelta(minutes=15, seconds=1), NOON) == said
    assert delay_note(NOON - timedelta(minutes=2), NOON) == ""
    assert delay_note(NOON, NOON.replace(hour=18)) == ""
