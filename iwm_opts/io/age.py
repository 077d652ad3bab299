"""How old the quotes of a live chain are."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from iwm_opts.market.calendar import NEW_YORK, in_session, is_session, latest_session, session_hours
from iwm_opts.market.chain import Chain

DELAY: Final = timedelta(minutes=15)  # of free quotes
SLACK: Final = timedelta(minutes=10)  # that a quiet minute, a slow feed and two clocks may add


def now() -> datetime:
    """Time in New York."""
    return datetime.now(NEW_YORK)


def with_age(chain: Chain, at: datetime) -> Chain:
    """Chain with a note of its quotes' age, and a warning where they are old while the market is open."""
    if chain.quote_time is None:
        return replace(chain, warnings=(*chain.warnings, "the source does not say how old its quotes are"))
    age = max(at - chain.quote_time, timedelta(0))
    sentence = f"quotes of {chain.quote_time:%Y-%m-%d %H:%M} New York, {_spoken(age)} old when fetched"
    if in_session(at) and age > DELAY + SLACK:
        return replace(chain, warnings=(*chain.warnings, f"stale: {sentence}"))
    return replace(chain, quality=replace(chain.quality, notes=(*chain.quality.notes, sentence)))


def staleness(chain: Chain, at: datetime) -> str:
    """Why quotes of an earlier day decide nothing at a time; empty for those of the session that opened last.

    Parameters
    ----------
    chain : Chain
        Simulated and modelled quotes are of any day and never stale.
    at : datetime
        Aware.
    """
    opened = _opened(at)
    if chain.simulated or chain.modelled or chain.as_of >= opened:
        return ""
    return f"STALE: quotes of {chain.as_of}, and the session of {opened} has opened; --as-of {chain.as_of} uses them"


def _opened(at: datetime) -> date:
    """Day of the session that opened last."""
    day = at.astimezone(NEW_YORK).date()
    is_before = is_session(day) and at < session_hours(day)[0]
    return latest_session(day - timedelta(days=1) if is_before else day)


def _spoken(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
