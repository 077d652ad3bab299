"""Price of a fund at the time of an order, from its bars."""

from datetime import date, datetime

import pandas as pd

from iwm_opts.journal.paper_trade import OPEN
from iwm_opts.market.calendar import session_hours
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.intraday import LATEST_FILL


def price_at(at: pd.Timestamp, data: Inputs) -> float:
    """Price of the underlying at a time: of its minute, or of the session's open or close near to it; NaN unknown."""
    if at == at.normalize():
        return float("nan")
    if data.minutes is not None:
        minute = at.floor("min")
        if minute in data.minutes.bars.index:
            return float(data.minutes.bars["open"][minute])
    day = at.normalize()
    if day not in data.bars.index:
        return float("nan")
    if is_near_open(at):
        return float(data.bars["open"][day])
    minutes_left = (_close_of(day.date()) - at.to_pydatetime()).total_seconds() / 60.0
    return float(data.bars["close"][day]) if -1.0 <= minutes_left <= LATEST_FILL else float("nan")


def is_near_open(at: pd.Timestamp) -> bool:
    """Whether a time is that of an order that waited for the open, or followed it at once."""
    after = (at - pd.Timestamp(f"{at.date()} {OPEN}")).total_seconds() / 60.0
    return 0.0 <= after <= LATEST_FILL


def _close_of(day: date) -> datetime:
    return session_hours(day)[1].replace(tzinfo=None)
