"""Stated P50 and managed profit of condors against what became of them, by decile of the statement.

    python examples/managed_calibration.py            2 paths of a year, every tenth session
    python examples/managed_calibration.py 8 4 1      8 paths of 4 years, every session: the table of the documentation

Every session one condor of the strategy's defaults is entered and left by its own exits in the backtest engine; the
figures of the screen are computed on the quotes of the entry alone.
"""

import sys
from datetime import date

import pandas as pd

import iwm_opts as iwm
from iwm_opts.execution.fees import DEFAULT_FEES
from iwm_opts.execution.fills import DEFAULT_MODEL
from iwm_opts.market.calendar import at_close
from iwm_opts.market.option_table import OptionTable, priced_table
from iwm_opts.market.slices import Forward
from iwm_opts.pricing.quotes import EuropeanQuotes
from iwm_opts.spreads.managed import ManagedTerms, PathModel, position_of
from iwm_opts.spreads.typed import TypedLeg

PATHS, YEARS, EVERY = 2, 1, 10
TERMS = ManagedTerms(iwm.ExitLevels(), DEFAULT_MODEL, DEFAULT_FEES)


def simulated(paths: int = PATHS, years: int = YEARS, every: int = EVERY) -> pd.DataFrame:
    """Statement and outcome of each entry on the simulated market."""
    market = iwm.simulated_market(first=date(2026 - years, 11, 20), last="2026-11-20", paths=paths, seed=5)
    rules = iwm.Rules(ivr_below=None, max_open=99, contracts=1)
    trades = iwm.backtest(market, rules).trades
    trades = trades[trades["reason"] != "end of data"]
    rows = []
    for path, of_path in trades.groupby("path"):
        surface = market.trials[int(path)].market.surface_market
        iv10, iv30 = (surface.iv_history(tenor).closes for tenor in (10, 30))
        for trade in of_path.iloc[::every].to_dict("records"):
            day, expiration = trade["entry"].date(), trade["expiration"].date()
            place = surface.place(day)
            table = _table(surface, place, day, expiration)
            stamp = pd.Timestamp(day)
            model = PathModel(table, at_close(day), float(iv10.get(stamp)), float(iv30.get(stamp)))
            rows.append(_row(model, trade))
    return pd.DataFrame(rows)


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
    target, stop, days, profit, _ = (
        float(column[0]) for column in model.figures(position, TERMS, TERMS.variance_ratio)
    )
    return {
        "stated": target, "reached": trade["reason"] == "profit", "stated_stop": stop,
        "stopped": trade["reason"] == "stop", "stated_days": days, "held": trade["days"],
        "stated_profit": profit, "pnl": trade["pnl"],
    }  # fmt: skip


def by_decile(rows: pd.DataFrame) -> pd.DataFrame:
    """Means by decile of the stated P50."""
    place = pd.qcut(rows["stated"].rank(method="first"), 10, labels=range(1, 11))
    return rows.groupby(place, observed=True).mean().assign(n=place.value_counts().sort_index())


if __name__ == "__main__":
    frame = simulated(*map(int, sys.argv[1:4]))
    print(by_decile(frame).to_string(float_format="{:.3f}".format))
    print(frame.mean().to_string(float_format="{:.3f}".format), len(frame), sep="\n")
