"""How old the quotes of a live chain are."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from iwm_opts.errors import InputError
from iwm_opts.market.calendar import NEW_YORK, in_session, is_session, latest_session, session_hours
from iwm_opts.market.chain import Chain

DELAY: Final = timedelta(minutes=15)  # of free quotes
MAX_AGE: Final = timedelta(minutes=15)  # in session, beyond the delay that a feed states
FRESH: Final = timedelta(minutes=5)  # age up to which quotes are not called delayed


def now() -> datetime:
    """Time in New York."""
    return datetime.now(NEW_YORK)


def with_age(chain: Chain, at: datetime) -> Chain:
    """Chain with a note of its quotes' age, and a warning where they are old while the market is open."""
    if chain.quote_time is None:
        return replace(chain, warnings=(*chain.warnings, "the source does not say how old its quotes are"))
    age = max(at - chain.quote_time, timedelta(0))
    sentence = f"quotes of {chain.quote_time:%Y-%m-%d %H:%M} New York, {_spoken(age)} old when fetched"
    if chain.delay:
        sentence += f", {_spoken(chain.delay)} of them the feed's stated delay"
    if in_session(at) and age - chain.delay > MAX_AGE:
        return replace(chain, warnings=(*chain.warnings, f"stale: {sentence}"))
    return replace(chain, quality=replace(chain.quality, notes=(*chain.quality.notes, sentence)))


def staleness(chain: Chain, at: datetime) -> str:
    """Why quotes of an earlier day decide nothing at a time; empty for those of the session that opened last.

    Simulated and modelled quotes are of any day and never stale.
    """
    day = at.astimezone(NEW_YORK).date()
    is_before = is_session(day) and at < session_hours(day)[0]
    opened = latest_session(day - timedelta(days=1) if is_before else day)
    if chain.simulated or chain.modelled or chain.as_of >= opened:
        return ""
    return (
        f"STALE: quotes of {chain.as_of}, and the session of {opened} has opened; read the chain with `as_of` "
        f"{chain.as_of} to use them"
    )


def check_age(quoted: datetime | None, at: datetime, delay: timedelta = timedelta(0)) -> None:
    """Refuse quotes older than `MAX_AGE`, beyond the delay that the feed states, while the exchange trades.

    Raises InputError in session, for older quotes or an unknown time.
    """
    if not in_session(at):
        return
    remedy = "fetch the chain again, or type the quotes: -1P200@1.20/1.26"
    if quoted is None:
        raise InputError("quotes", None, "time unknown, and the exchange trades now", remedy)
    if at - quoted - delay > MAX_AGE:
        shown = f"{quoted.astimezone(NEW_YORK):%Y-%m-%d %H:%M}"
        rule = f"older than {_minutes(MAX_AGE)} minutes at {at.astimezone(NEW_YORK):%H:%M}"
        beyond = f", beyond the feed's stated delay of {_minutes(delay)}" if delay else ""
        raise InputError("quotes", shown, rule + beyond, remedy)


def delay_note(quoted: datetime | None, at: datetime) -> str:
    """Age of delayed quotes while the exchange trades; empty for fresh ones and outside the session."""
    if quoted is None or not in_session(at) or at - quoted <= FRESH:
        return ""
    return f"delayed quotes: {_spoken(at - quoted)} old at {at.astimezone(NEW_YORK):%H:%M}; check the limit live"


def _minutes(age: timedelta) -> int:
    return int(age.total_seconds() // 60)


def _spoken(age: timedelta) -> str:
    minutes = _minutes(age)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
