"""Intervals in words."""

from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.report.words import dollars, percent


def within(interval: Interval) -> str:
    """`95% interval -$4.10 to $26.60`, for dollars."""
    return f"{percent(interval.level)} interval {dollars(interval.low, 2)} to {dollars(interval.high, 2)}"
