"""Fitting the quoted-spread model to real chains.

The spread of a quote is the exponential of a polynomial in the premium, the time left and how deep in the money the
option is (`kernels.simulation.quote.full_spread`), rounded outward to the tick.
Rounding adds a tick on average, which is taken
off before the logarithm; the coefficients are fitted by Gauss-Newton steps under a loss robust to outliers, every
bucket of delta and time counting alike. What is left by weekday of the expiration and days left, in session and after
the close, is a table of factors.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import TICK, counted
from iwm_opts.errors import DataError
from iwm_opts.kernels.simulation.quote import FAR_DAYS, LONGEST_DAYS, PREMIUM_FLOOR, SPREAD_TERMS
from iwm_opts.market.chain import Chain
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.simulation.listing import FRIDAY
from iwm_opts.simulation.parameters import FACTOR_DAYS

Array = NDArray[np.float64]

DELTA_EDGES: Final = (0.0, 0.02, 0.05, 0.10, 0.16, 0.25, 0.35, 0.50, 0.65, 0.75, 0.90, 0.98, 1.0)
DTE_EDGES: Final = (0, 1, 2, 8, 22, 46, 91, 181, 366)
ROUNDING: Final = (
    0.8 * TICK
)  # what rounding outward adds to a spread, a little less than a tick where that is all there is
OUTLIER: Final = 0.05  # in logarithms, from where a miss counts linearly
IN_THE_MONEY_WEIGHT: Final = 0.35  # nobody trades there
LONG_WEIGHT: Final = 0.5  # beyond a year
STEPS: Final = 60
SMALLEST_BUCKET: Final = 40  # quotes; sparser buckets do not count for more than their quotes
TRADED_DELTA: Final = (0.05, 0.5)
CELLS: Final = ((2, 7), (8, 13), (14, 21), (22, 50))  # days around each of `FACTOR_DAYS`
SMALLEST_CELL: Final = 60  # quotes
CELL_ROUNDS: Final = 12
TRIMMED: Final = 0.1  # of the quotes at either end


def spread_observations(chains: Sequence[Chain]) -> pd.DataFrame:
    """Observations and regressors of the spread model, one row a quote with a bid.

    Returns
    -------
    DataFrame
        spread and premium (of the out-of-the-money option on the same strike), dollars; delta; days; is_call;
        expiration.
    """
    parts = []
    for chain in chains:
        tables, _ = take_snapshot(chain, exercise="european").tables((0, 10_000))
        parts += [_observed(table) for table in tables]
    observations = pd.concat(parts, ignore_index=True)
    return observations[(observations["bid"] > 0.0) & observations.notna().all(axis=1)]


def _observed(table: OptionTable) -> pd.DataFrame:
    strikes = len(table) // 2
    is_put_out = np.tile(table.strike[:strikes] < table.forward.price, 2)
    puts, calls = np.arange(strikes), strikes + np.arange(strikes)
    outside = np.where(is_put_out, np.tile(puts, 2), np.tile(calls, 2))
    parity = np.where(np.arange(len(table)) == outside, 0.0, table.right)
    return pd.DataFrame(
        {
            "bid": table.bid,
            "spread": table.ask - table.bid,
            "premium": np.maximum(table.mid[outside], 0.0),
            "delta": table.delta[outside] + parity,
            "days": float(table.dte),
            "is_call": (table.right > 0.0).astype(float),
            "expiration": pd.Timestamp(table.expiration),
        }
    )


def spread_terms(premium: Array, in_the_money: Array, is_call: Array, days: Array) -> Array:
    """Terms that the coefficients of `kernels.simulation.quote.full_spread` multiply, shape (n, SPREAD_TERMS)."""
    lp = np.log(premium + PREMIUM_FLOOR)
    lt = np.log(np.minimum(days, LONGEST_DAYS) + 1.0)
    far = np.maximum(lt - np.log(FAR_DAYS), 0.0)
    it = np.sqrt(in_the_money)
    constant = np.ones_like(lp)
    outside = (constant, lp, lt, lp * lt, lp**2, lt**2, far, far**2)
    inside = (it, it**2, it * lt, it * lt**2, it**2 * lt, it * far)
    return np.column_stack([*outside, *inside, is_call])


def fit_spreads(observed: pd.DataFrame) -> Array:
    """Coefficients of the spread model, shape (SPREAD_TERMS,).

    Raises
    ------
    DataError
        When quotes are too few for a fit.
    """
    if len(observed) < 50 * SPREAD_TERMS:
        raise DataError(
            "chains",
            f"{counted(len(observed), 'quotes are', 'quote is')} too few for {SPREAD_TERMS} coefficients",
            "give more days",
            "rows",
        )
    depth = observed["delta"].abs().to_numpy()
    days = observed["days"].to_numpy()
    terms = spread_terms(
        observed["premium"].to_numpy(), np.maximum(2.0 * depth - 1.0, 0.0), observed["is_call"].to_numpy(), days
    )
    target = np.log(np.maximum(observed["spread"].to_numpy(), TICK))
    weight = _weights(depth, days)
    scale = np.maximum(np.abs(terms).mean(axis=0), 1e-9)
    terms = terms / scale
    coefficients = np.zeros(SPREAD_TERMS)
    coefficients[0] = np.log(0.05)
    damping = 1.0
    loss = _loss(terms @ coefficients, target, weight)
    for _ in range(STEPS):
        raw = np.exp(np.clip(terms @ coefficients, -12.0, 3.0))
        miss = np.log(raw + ROUNDING) - target
        slope = terms * (raw / (raw + ROUNDING))[:, None]
        robust = weight / np.sqrt(1.0 + (miss / OUTLIER) ** 2)
        normal = slope.T @ (slope * robust[:, None])
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), slope.T @ (robust * miss))
        trial = _loss(terms @ (coefficients - step), target, weight)
        if trial < loss:
            coefficients, loss, damping = coefficients - step, trial, 0.3 * damping
        else:
            damping *= 4.0
    return np.asarray(coefficients / scale)


def _loss(logs: Array, target: Array, weight: Array) -> float:
    miss = np.log(np.exp(np.clip(logs, -12.0, 3.0)) + ROUNDING) - target
    return float(weight @ (np.sqrt(1.0 + (miss / OUTLIER) ** 2) - 1.0))


def _weights(depth: Array, days: Array) -> Array:
    """Every bucket of delta and time alike, less where options are not traded."""
    bucket = np.digitize(depth, DELTA_EDGES) * 100 + np.digitize(days, DTE_EDGES)
    _, place, count = np.unique(bucket, return_inverse=True, return_counts=True)
    weight = 1.0 / np.maximum(count[place], SMALLEST_BUCKET)
    weight *= np.where(depth < 0.5, 1.0, IN_THE_MONEY_WEIGHT**2)
    return np.asarray(weight * np.where(days > 365, LONG_WEIGHT**2, 1.0))


def fit_expiration_factors(coefficients: Array, observed: pd.DataFrame) -> dict[str, Array]:
    """Factors on the model's spreads by weekday of the expiration and days left, as `SpreadModel` states them.

    Each makes the trimmed mean spread of its cell that of the quotes. A cell of fewer than `SMALLEST_CELL` quotes takes
    the other class's factor.

    Parameters
    ----------
    observed : DataFrame
        As from `spread_observations`, of one session: in it, or after the close.

    Returns
    -------
    dict
        "friday" and "other": factor at each of `FACTOR_DAYS`.
    """
    quotes = observed[observed["delta"].abs().between(*TRADED_DELTA) & (observed["days"] <= CELLS[-1][1])].copy()
    count = len(quotes)
    terms = spread_terms(
        quotes["premium"].to_numpy(), np.zeros(count), quotes["is_call"].to_numpy(), quotes["days"].to_numpy()
    )
    quotes["raw"] = np.exp(terms @ coefficients)
    is_friday = quotes["expiration"].dt.day_of_week == FRIDAY
    cells = [quotes["days"].between(*cell) for cell in CELLS]
    classes = {"friday": is_friday, "other": ~is_friday}
    factors = {name: np.ones(len(CELLS)) for name in classes}
    is_large = {name: [(cell & is_in).sum() >= SMALLEST_CELL for cell in cells] for name, is_in in classes.items()}
    for _ in range(CELL_ROUNDS):
        for name, is_in in classes.items():
            for place, cell in enumerate(cells):
                if is_large[name][place]:
                    factors[name][place] /= spread_ratio(quotes[cell & is_in], factors[name])
        for name, rival in (("friday", "other"), ("other", "friday")):
            factors[name] = np.where(is_large[name], factors[name], factors[rival])
    return factors


def spread_ratio(quotes: pd.DataFrame, factors: Array) -> float:
    """Trimmed mean of the model's rounded spreads over that of the quotes.

    Parameters
    ----------
    quotes : DataFrame
        Columns of `spread_observations`, and `raw`: the model's spread before factors and rounding.
    factors : ndarray
        At `FACTOR_DAYS`.
    """
    return trimmed_mean(rounded_spreads(quotes, factors)) / trimmed_mean(quotes["spread"].to_numpy())


def rounded_spreads(quotes: pd.DataFrame, factors: Array) -> Array:
    """Spreads of the model at factors, rounded outward to the tick; parameters as of `spread_ratio`."""
    factor = np.interp(np.log(quotes["days"].to_numpy()), np.log(FACTOR_DAYS), factors)
    half, premium = 0.5 * factor * quotes["raw"].to_numpy(), quotes["premium"].to_numpy()
    ticks = np.ceil((premium + half) / TICK - 1e-6) - np.floor((premium - half) / TICK + 1e-6)
    return np.asarray(TICK * ticks)


def trimmed_mean(values: Array) -> float:
    """Mean without a tenth of the values at either end."""
    cut = int(TRIMMED * len(values))
    return float(np.sort(values)[cut : len(values) - cut].mean())
