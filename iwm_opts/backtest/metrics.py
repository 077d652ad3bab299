"""Metrics of trades and equity, each defined once.

Frames are those of `result.Backtest`. Results of several paths of one market may share one frame, distinguished by a
column `path`: money and returns are then the mean of the paths, a drawdown the deepest of any, and ratios of daily
returns read the days of all paths.
"""

import math
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import SESSIONS_PER_YEAR

Array = NDArray[np.float64]

TAIL: Final = 0.05  # of the trades, that CVaR is the mean of
PATH: Final = "path"
MADE: Final = ("simulated", "modelled")  # columns of written trades: whether their prices are
MIN_RETURNS: Final = 2  # that a spread is known of
NAN: Final = float("nan")


class Period(NamedTuple):
    """A named stretch of days, both ends included."""

    name: str
    first: date
    last: date


STRESS_PERIODS: Final = (
    Period("Q4 2018", date(2018, 10, 1), date(2018, 12, 31)),
    Period("Feb-Apr 2020", date(2020, 2, 1), date(2020, 4, 30)),
    Period("2022", date(2022, 1, 1), date(2022, 12, 31)),
)


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of equity from an earlier peak."""

    dollars: float  # at most 0
    share: float  # of the peak, at most 0
    sessions: int  # from the peak to the day it was reached again, or to the end
    is_recovered: bool


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of one result; dollars of whole positions unless said, NaN where undefined.

    Without trades rates, means and ratios are NaN; with one trade so is the spread of daily returns unless it was held
    for days on which equity moved.
    """

    paths: int
    sessions: int  # of one path, the longest where scenarios differ
    trades: int  # of all paths
    pnl: float  # a path
    total_return: float  # on the account: pnl over equity at the start
    annual_return: float  # compounded, over 252 sessions a year; NaN where everything was lost
    risk_capital: float  # most dollars at risk at any close, the capital that the positions needed; mean of the paths
    total_return_on_risk: float  # pnl over risk_capital
    annual_return_on_risk: float  # the same a year, not compounded: positions are not scaled by earnings
    return_on_risk_in_use: float  # pnl over the sum of open risk, day by day, x 252: a year of one dollar at risk
    max_drawdown: Drawdown
    win_rate: float  # share of trades with a gain after costs
    average_gain: float  # of winning trades
    average_loss: float  # of the others, at most 0
    gain_loss_ratio: float  # average gain over |average loss|
    expectancy: float  # mean gain of a trade, dollars
    expectancy_on_risk: float  # mean of gain over risk: Tharp's R multiples (1998, Trade Your Way to Financial Freedom)
    profit_factor: float  # gains over losses, both summed; infinite without a loss
    average_sessions: float  # held
    average_days: float
    losing_run: int  # most losing trades one after the other, by the day they were closed
    losing_run_loss: float  # deepest sum of such a run, at most 0
    sharpe: float  # mean over standard deviation of daily returns, x sqrt(252); cash earns nothing here, so no rate
    sortino: float  # mean over root mean square of the negative daily returns, x sqrt(252) (Sortino and Price 1994)
    cvar: float  # mean gain of the worst 5% of trades (Rockafellar and Uryasev 2000)
    exposure: float  # share of sessions with an open position at the close
    mean_open_risk: float  # share of the equity, mean over all sessions


def measure(trades: pd.DataFrame, equity: pd.DataFrame, account: float) -> Metrics:
    """Figures of a result.

    Parameters
    ----------
    trades, equity : DataFrame
        As in `result.Backtest`, with a column `path` where there are several.
    account : float
        Dollars at the start of each path.
    """
    pnl = trades["pnl"].to_numpy(dtype=np.float64)
    risk = trades["risk"].to_numpy(dtype=np.float64)
    paths = [table for _, table in by_path(equity)]
    earned = np.array([float(path["equity"].iloc[-1]) - account if len(path) else 0.0 for path in paths])
    capital = np.array([path["open_risk"].max() if len(path) else NAN for path in paths])
    years = float(np.mean([len(path) for path in paths])) / SESSIONS_PER_YEAR or NAN
    returns = np.concatenate([daily_returns(path["equity"].to_numpy(dtype=np.float64), account) for path in paths])
    gains, losses = pnl[pnl > 0.0], pnl[pnl <= 0.0]
    lost = -float(losses.sum())
    run, run_loss = _losing_run(trades)
    total = float(earned.mean()) / account
    at_risk = float(equity["open_risk"].sum())
    return Metrics(
        paths=len(paths),
        sessions=max(len(path) for path in paths),
        trades=len(trades),
        pnl=float(earned.mean()),
        total_return=total,
        annual_return=(1.0 + total) ** (1.0 / years) - 1.0 if total > -1.0 and years > 0.0 else NAN,
        risk_capital=mean_or_nan(capital),
        total_return_on_risk=_ratio(float(earned.mean()), mean_or_nan(capital)),
        annual_return_on_risk=_ratio(float(earned.mean()), mean_or_nan(capital) * years),
        return_on_risk_in_use=SESSIONS_PER_YEAR * _ratio(float(earned.sum()), at_risk),
        max_drawdown=min((drawdown(path["equity"], account) for path in paths), key=lambda fall: fall.share),
        win_rate=_ratio(float(len(gains)), float(len(pnl))),
        average_gain=mean_or_nan(gains),
        average_loss=mean_or_nan(losses),
        gain_loss_ratio=_ratio(mean_or_nan(gains), -mean_or_nan(losses)),
        expectancy=mean_or_nan(pnl),
        expectancy_on_risk=mean_or_nan(pnl / risk),
        profit_factor=_ratio(float(gains.sum()), lost) if lost > 0.0 or not len(pnl) else math.inf,
        average_sessions=mean_or_nan(trades["sessions"].to_numpy(dtype=np.float64)),
        average_days=mean_or_nan(trades["days"].to_numpy(dtype=np.float64)),
        losing_run=run,
        losing_run_loss=run_loss,
        sharpe=float(sharpe_ratio(returns)),
        sortino=float(sortino_ratio(returns)),
        cvar=tail_mean(pnl, TAIL),
        exposure=mean_or_nan((equity["positions"].to_numpy() > 0).astype(np.float64)),
        mean_open_risk=mean_or_nan((equity["open_risk"] / equity["equity"]).to_numpy(dtype=np.float64)),
    )


def with_account(equity: Array, account: float | Array) -> Array:
    """Equity by day, shape (..., days), behind the account at the start, shape (...): one column more."""
    start = np.broadcast_to(np.asarray(account, dtype=np.float64)[..., None], (*equity.shape[:-1], 1))
    return np.concatenate([start, equity], axis=-1)


def daily_returns(equity: Array, account: float | Array) -> Array:
    """Change over the equity of the day before; NaN-free: nothing is returned on an equity of zero or less.

    Equity has shape (..., days), as the result; the account at the start shape (...).
    """
    level = with_account(equity, account)
    before = level[..., :-1]
    return np.asarray(np.divide(np.diff(level), before, out=np.zeros(equity.shape), where=before > 0.0))


def sharpe_ratio(returns: Array) -> Array:
    """Mean over standard deviation of daily returns, a year (Sharpe 1994, without a rate); NaN below two days.

    Returns have shape (..., days), the ratio shape (...).
    """
    if returns.shape[-1] < MIN_RETURNS:
        return np.full(returns.shape[:-1], NAN)
    return annualised(returns.mean(axis=-1), returns.std(axis=-1, ddof=1))


def sortino_ratio(returns: Array) -> Array:
    """Mean over root mean square of the negative daily returns, a year (Sortino and Price 1994); as `sharpe_ratio`."""
    if not returns.shape[-1]:
        return np.full(returns.shape[:-1], NAN)
    return annualised(returns.mean(axis=-1), np.sqrt((np.minimum(returns, 0.0) ** 2).mean(axis=-1)))


def drawdown(equity: pd.Series, account: float) -> Drawdown:
    """Deepest fall of one path's equity, as a share, from its peak so far, the account at the start included."""
    level = with_account(equity.to_numpy(dtype=np.float64), account)
    peak = np.maximum.accumulate(level)
    share = level / peak - 1.0
    trough = int(np.argmin(share))
    top = int(np.argmax(level[: trough + 1]))
    again = np.flatnonzero(level[trough:] >= level[top])
    is_recovered = len(again) > 0
    end = trough + int(again[0]) if is_recovered else len(level) - 1
    return Drawdown(float(level[trough] - peak[trough]), float(share[trough]), end - top, is_recovered)


def tail_mean(values: Array, share: float) -> float:
    """Mean of the worst `share` of some values: the expected shortfall of their distribution.

    Where the share is not a whole number of values, the last counts in part (Rockafellar and
    Uryasev 2000, equation 3 for a discrete distribution).
    """
    if not len(values):
        return NAN
    count = share * len(values)
    weight = np.clip(count - np.arange(len(values)), 0.0, 1.0)
    return float((np.sort(values) * weight).sum() / count)


def independent_trades(trades: pd.DataFrame) -> float:
    """Effective number of trades that share no day with another one.

    Sum over the trades of their average uniqueness: the mean, over the sessions that a trade is held, of one over the
    number of trades held then (Lopez de Prado 2018, Advances in Financial Machine Learning, section 4.4). A trade
    counts whole when it was alone all along.
    """
    total = 0.0
    for _, table in by_path(trades) if len(trades) else ():
        start, end = (table[name].to_numpy(dtype="datetime64[D]") for name in ("entry", "exit"))
        days = np.unique(np.concatenate([start, end]))
        # Between two neighbouring dates the same trades are held, so that a stretch of business days counts at once.
        first = np.searchsorted(days, start)
        last = np.maximum(np.searchsorted(days, end), first + 1)
        held = np.zeros(len(days) + 1)
        np.add.at(held, first, 1.0)
        np.add.at(held, last, -1.0)
        length = np.append(np.maximum(np.busday_count(days[:-1], days[1:]), 1), 1).astype(np.float64)
        share = np.concatenate([[0.0], np.cumsum(length / np.maximum(np.cumsum(held)[:-1], 1.0))])
        time = np.concatenate([[0.0], np.cumsum(length)])
        total += float(((share[last] - share[first]) / (time[last] - time[first])).sum())
    return total


def by_path(table: pd.DataFrame) -> list[tuple[object, pd.DataFrame]]:
    return list(table.groupby(PATH, sort=True)) if PATH in table and len(table) else [(0, table)]


def _losing_run(trades: pd.DataFrame) -> tuple[int, float]:
    """Longest run of losing trades, and the deepest sum of one, in the order in which they were closed."""
    longest, deepest = 0, 0.0
    for _, path in by_path(trades):
        length, lost = 0, 0.0
        for gain in path.sort_values("exit", kind="stable")["pnl"]:
            length, lost = (length + 1, lost + gain) if gain <= 0.0 else (0, 0.0)
            longest, deepest = max(longest, length), min(deepest, lost)
    return longest, deepest


def annualised(mean: Array, spread: Array) -> Array:
    """NaN where nothing varies."""
    rates = np.full(np.shape(mean), NAN)
    np.divide(mean, spread, out=rates, where=spread > 0.0)
    return rates * math.sqrt(SESSIONS_PER_YEAR)


def mean_or_nan(values: Array) -> float:
    return float(values.mean()) if len(values) else NAN


def _ratio(numerator: float, denominator: float) -> float:
    """NaN where the denominator is zero or nothing is known."""
    return numerator / denominator if denominator else NAN
