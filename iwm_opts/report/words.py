"""How numbers are written for people."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iwm_opts.backtest.bootstrap import Interval


def dollars(value: float, digits: int = 0) -> str:
    """`$1,234`, `-$12`; a dash for undefined values, `unlimited` for infinity."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "unlimited"
    sign = "-" if round(value, digits) < 0 else ""
    return f"{sign}${abs(value):,.{digits}f}"


def price(value: float) -> str:
    """Dollars a share, to the cent and half-cent: `1.095`, `1.10`."""
    if math.isnan(value):
        return "-"
    text = f"{value:.3f}"
    return text[:-1] if text.endswith("0") else text


def strike(value: float) -> str:
    """Strike without idle zeros."""
    return f"{value:g}"


def percent(value: float, digits: int = 0) -> str:
    """Share as per cent; a dash where undefined, `unlimited` for infinity."""
    return number(100.0 * value, digits) + ("%" if math.isfinite(value) else "")


def points(value: float) -> str:
    """Vol in points: `25.2`."""
    return "-" if math.isnan(value) else f"{100.0 * value:.1f}"


def grid_value(value: object) -> str:
    """Value of a grid as the command line has it: `off` for None, numbers without idle zeros."""
    return "off" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def input_text(value: object) -> str:
    """Input as text; a dash where a result has none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "; ".join(map(input_text, value))
    return "-" if value is None else str(value)


def number(value: float, digits: int = 1) -> str:
    """Plain number, a dash where undefined, `unlimited` for infinity."""
    if math.isinf(value):
        return "unlimited"
    return "-" if math.isnan(value) else f"{round(value, digits) + 0.0:.{digits}f}"  # no -0.0


def net(value: float) -> str:
    """Price a share as `0.56 credit`, or `0.56 debit` of a negative one."""
    return f"{abs(value):.2f} {'credit' if value > 0 else 'debit'}"


def within(interval: "Interval") -> str:
    """`95% interval -$4.10 to $26.60`, for dollars."""
    return f"{percent(interval.level)} interval {dollars(interval.low, 2)} to {dollars(interval.high, 2)}"
