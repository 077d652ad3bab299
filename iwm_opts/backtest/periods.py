"""Figures of a result by year, by month, and by named stretches of days."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.metrics import NAN, STRESS_PERIODS, Period, by_path, drawdown, mean_or_nan
from iwm_opts.errors import InputError

CALENDAR: Final = {"year": "Y", "month": "M"}


def by_calendar(trades: pd.DataFrame, equity: pd.DataFrame, account: float, unit: str = "year") -> pd.DataFrame:
    """Figures of each year or month; see `by_period`.

    Raises
    ------
    InputError
        For a unit that is neither `year` nor `month`.
    """
    if unit not in CALENDAR:
        raise InputError("unit", unit, "unknown calendar unit", f"choose one of {', '.join(CALENDAR)}")
    periods = pd.PeriodIndex(equity.index, freq=CALENDAR[unit]).unique().sort_values()
    return by_period(
        trades, equity, account, [Period(str(p), p.start_time.date(), p.end_time.date()) for p in periods]
    )  # fmt: skip


def by_period(
    trades: pd.DataFrame, equity: pd.DataFrame, account: float, periods: Sequence[Period] = STRESS_PERIODS
) -> pd.DataFrame:
    """Figures of named periods, one row each: trades, win_rate, expectancy, pnl, return, max_drawdown.

    Trades are those entered in the period; pnl is the change of equity within it, whatever day the trades began, and
    the return is that over the equity before it. A path's drawdown starts at that equity too. A period without a
    session is NaN, with 0 trades.
    """
    rows = []
    for period in periods:
        first, last = pd.Timestamp(period.first), pd.Timestamp(period.last)
        entered = trades[(trades["entry"] >= first) & (trades["entry"] <= last)]["pnl"].to_numpy(dtype=np.float64)
        within = []  # equity before the period and on its days, path by path
        for _, path in by_path(equity):
            level = path["equity"]
            earlier, inside = level[level.index < first], level[(level.index >= first) & (level.index <= last)]
            if len(inside):
                within.append((float(earlier.iloc[-1]) if len(earlier) else account, inside))
        change = np.array([float(inside.iloc[-1]) - before for before, inside in within])
        base = np.array([before for before, _ in within])
        rows.append(
            {
                "period": period.name,
                "sessions": len(within[0][1]) if within else 0,
                "trades": len(entered),
                "win_rate": mean_or_nan((entered > 0.0).astype(np.float64)),
                "expectancy": mean_or_nan(entered),
                "pnl": mean_or_nan(change),
                "return": mean_or_nan(change / base),
                "max_drawdown": min((drawdown(inside, before).share for before, inside in within), default=NAN),
            }
        )
    return pd.DataFrame(rows).set_index("period")
