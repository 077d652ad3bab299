"""Intervals in words."""

from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.report.words import dollars, percent


def within(one: Interval) -> str:
    """`95% interval -$4.10 to $26.60`, for dollars."""
    return f"{percent(one.level)} interval {dollars(one.low, 2)} to {dollars(one.high, 2)}"
