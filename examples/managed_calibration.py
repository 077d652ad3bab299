"""Stated P50 and managed profit of condors against what became of them, by decile of the statement.

    python examples/managed_calibration.py                  2 paths of a year, every tenth session
    python examples/managed_calibration.py 8 4 1 101        8 paths of 4 years, every session, seed 101
    python examples/managed_calibration.py 64 4 5 202       64 paths, every fifth session
    python examples/managed_calibration.py CHAINS.csv.gz    recorded chains of consecutive sessions
    python examples/managed_calibration.py SPX.csv.gz SPX 25    the same with wings of 25 dollars

On the simulated market one condor of the strategy's defaults is entered a session and left by its own exits in the
backtest engine; the figures of the screen are computed on the quotes of the entry alone. On recorded chains condors of
four deltas at every expiration of 15 to 60 days are held at most five sessions, a quarter of the credit being the
target: thirteen sessions see few exits at 21 days.
"""

import sys
from datetime import date

import numpy as np
import pandas as pd

import iwm_opts as iwm
from iwm_opts.conventions import MATRIX_DELTAS, STRATEGY
from iwm_opts.errors import InputError
from iwm_opts.execution.fees import DEFAULT_FEES
from iwm_opts.execution.fills import DEFAULT_MODEL, fill_package
from iwm_opts.journal.reprice import STOP_FILL
from iwm_opts.market.calendar import at_close
from iwm_opts.market.option_table import OptionTable, priced_table
from iwm_opts.market.slices import Forward
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.pricing.quotes import EuropeanQuotes
from iwm_opts.spreads.managed import MODEL_ERROR, PROFIT_ERROR, ManagedTerms, PathModel, path_model, position_of
from iwm_opts.spreads.strategies import IronCondor
from iwm_opts.spreads.typed import TypedLeg, legs_of, row_of

PATHS, YEARS, EVERY, MARKET_SEED = 2, 1, 10, 5
TERMS = ManagedTerms(iwm.ExitLevels(), DEFAULT_MODEL, DEFAULT_FEES)
SHORT_TERMS = ManagedTerms(iwm.ExitLevels(profit=0.25, dte=None, sessions=5), DEFAULT_MODEL, DEFAULT_FEES)
RECORDED_DTE = (15, 60)


def simulated(paths: int = PATHS, years: int = YEARS, every: int = EVERY, seed: int = MARKET_SEED) -> pd.DataFrame:
    """Statement and outcome of each entry on the simulated market."""
    market = iwm.simulated_market(first=date(2026 - years, 11, 20), last="2026-11-20", paths=paths, seed=seed)
    rules = iwm.Rules(ivr_below=None, max_open=99, contracts=1, width=STRATEGY.width)
    trades = iwm.backtest(market, rules).trades
    trades = trades[trades["reason"] != "end of data"]
    rows = []
    for path, of_path in trades.groupby("path"):
        surface = market.trials[int(path)].market.surface_days.market
        iv10, iv30 = (surface.iv_history(tenor).closes for tenor in (10, 30))
        for trade in of_path.iloc[::every].to_dict("records"):
            day, expiration = trade["entry"].date(), trade["expiration"].date()
            place = surface.place(day)
            table = _table(surface, place, day, expiration)
            stamp = pd.Timestamp(day)
            model = PathModel(table, at_close(day), float(iv10.get(stamp)), float(iv30.get(stamp)))
            rows.append(_row(model, trade) | {"group": path})
    return pd.DataFrame(rows)


def recorded(file: str, symbol: str = "IWM", width: float = 5.0) -> pd.DataFrame:
    """Statement and outcome of condors on recorded chains, held five sessions at most."""
    days = pd.to_datetime(pd.read_csv(file, usecols=["quote_date"])["quote_date"]).dt.date.unique()
    chains = [iwm.read_chain(file, as_of=day, symbol=symbol).snapshot for day in sorted(days)]
    rows = []
    for place, entry in enumerate(chains[: -SHORT_TERMS.exits.sessions]):
        later = chains[place + 1 : place + 1 + SHORT_TERMS.exits.sessions]
        for table in entry.tables(RECORDED_DTE)[0]:
            model = path_model(table, entry)
            for delta in MATRIX_DELTAS if model else ():
                row = _outcome(model, table, IronCondor(delta, width), later)
                rows += [row | {"group": entry.chain.as_of}] if row else []
    return pd.DataFrame(rows)


def _outcome(model: PathModel, table: OptionTable, condor: IronCondor, later: list[Snapshot]) -> dict | None:
    """Statement and outcome of one condor; None without a fill on every day."""
    (packages,) = condor.packages(table)
    if not len(packages):
        return None
    index = packages.index[0]
    legs = [
        TypedLeg(int(sign), 1, int(table.right[row]), float(table.strike[row]), np.nan, np.nan)
        for sign, row in zip(packages.legs.sign, index, strict=True)
    ]
    entry = fill_package(DEFAULT_MODEL, packages.legs, table.bid[index], table.ask[index])
    if not entry.is_filled or entry.price <= 0.0:
        return None
    position = position_of(table, legs, entry.price, DEFAULT_FEES)
    target, stop, days, profit, _ = (float(column[0]) for column in model.figures(position, SHORT_TERMS, 0.81))
    levels, closing = SHORT_TERMS.exits, legs_of(sorted(legs, key=lambda leg: leg.strike)).closing()
    for held, snapshot in enumerate(later, 1):
        try:
            now = snapshot.table(table.expiration)
            rows = [row_of(leg, now) for leg in sorted(legs, key=lambda leg: leg.strike)]
        except InputError:
            return None
        quotes = now.bid[rows], now.ask[rows]
        debit = -fill_package(DEFAULT_MODEL, closing, *quotes).price
        if not np.isfinite(debit):
            return None
        reached = debit <= (1.0 - levels.profit) * entry.price
        stopped = debit >= (1.0 + levels.stop_level(is_credit=True)) * entry.price
        if reached or stopped or held == levels.sessions:
            break
    paid = -fill_package(STOP_FILL, closing, *quotes).price if stopped else debit
    fees = position.fees[0] + DEFAULT_FEES.closing_fees(closing.closing(), 1, 0.0)
    return {
        "stated": target, "reached": reached, "stated_stop": stop, "stopped": stopped, "stated_days": days,
        "held": (snapshot.chain.as_of - model_day(model)).days, "stated_profit": profit,
        "pnl": 100.0 * (entry.price - paid) - fees,
    }  # fmt: skip


def model_day(model: PathModel) -> date:
    """Day that a model starts on."""
    return model.table.expiration - pd.Timedelta(days=model.table.dte)


def _table(surface, place: int, day: date, expiration: date) -> OptionTable:
    """Options of one expiration at a close of the simulated market."""
    from iwm_opts.simulation.listing import listed_expirations

    listing = next(each for each in listed_expirations(day) if each.expiration == expiration)
    (quoted,) = surface.quoted(place, [listing])
    rate = float(surface.rates[place])
    forward = Forward(quoted.forward, quoted.discount, rate, "model")
    return priced_table(float(surface.closes[place]), quoted.as_slice("IWM", day), forward, EuropeanQuotes("numba"))


def _row(model: PathModel, trade: dict) -> dict:
    legs = [TypedLeg.parse(text) for text in trade["legs"].split()]
    position = position_of(model.table, legs, trade["credit"], DEFAULT_FEES)
    (stated,) = model.outlook(position, TERMS)
    low, high = stated.prob_target_interval
    low_profit, high_profit = stated.expected_profit_interval
    return {
        "stated": stated.prob_target, "low": low, "high": high, "reached": trade["reason"] == "profit",
        "stated_stop": stated.prob_stop, "stopped": trade["reason"] == "stop", "stated_days": stated.days_held,
        "held": trade["days"], "stated_profit": stated.expected_profit, "low_profit": low_profit,
        "high_profit": high_profit, "pnl": trade["pnl"],
    }  # fmt: skip


def by_decile(rows: pd.DataFrame, column: str = "stated") -> pd.DataFrame:
    """Means by decile of a statement, with the standard error of the mean result between groups."""
    place = pd.qcut(rows[column].rank(method="first"), 10, labels=range(1, 11))
    means = rows.drop(columns="group").groupby(place, observed=True).mean()
    errors = [_error(part, part["pnl"].mean()) for _, part in rows.groupby(place, observed=True)]
    return means.assign(n=place.value_counts().sort_index(), pnl_error=errors)


def slope(rows: pd.DataFrame) -> tuple[float, float]:
    """Slope of results on stated profits and its standard error, residuals summed by group."""
    x = rows["stated_profit"] - rows["stated_profit"].mean()
    value = float((x * rows["pnl"]).sum() / (x**2).sum())
    residual = rows["pnl"] - rows["pnl"].mean() - value * x
    sums = (x * residual).groupby(rows["group"]).sum()
    return value, float(np.sqrt((sums**2).sum()) / (x**2).sum())


def _error(rows: pd.DataFrame, mean: float) -> float:
    sums = (rows["pnl"] - mean).groupby(rows["group"]).sum()
    return float(np.sqrt((sums**2).sum()) / len(rows))


if __name__ == "__main__":
    is_file = len(sys.argv) > 1 and not sys.argv[1].isdigit()
    frame = recorded(*sys.argv[1:3], *map(float, sys.argv[3:4])) if is_file else simulated(*map(int, sys.argv[1:5]))
    for name in ("stated", "stated_profit"):
        print(by_decile(frame, name).to_string(float_format="{:.3f}".format))
    print(frame.drop(columns="group").mean().to_string(float_format="{:.3f}".format), len(frame), sep="\n")
    print("slope of pnl on stated_profit: {:.2f}, standard error {:.2f}".format(*slope(frame)))
    print(
        f"intervals: that of the ratio, and either way {MODEL_ERROR} of P50, {PROFIT_ERROR} of the credit of the profit"
    )
