"""Trade logs of the Python library optopsy: `simulate(...).trade_log` as CSV, and raw rows of its strategies.

Costs are dollars a share, paid positive; legs are rights and strikes without sides, as `put 190.0/put 195.0`. The sides
follow from the strategy's shape and the sign of the entry cost. Raw rows hold no exit day: they end at expiration, as
optopsy's default has it. Single options are refused: long and short ones look alike.
"""

from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.journal.brokers.layout import MOST_FEES, Layout, Table
from iwm_opts.journal.fields import CENT, Row, is_blank, number, right_of
from iwm_opts.journal.packages import legs_text, strategy_of
from iwm_opts.market.contract import Contract

MOST_LEGS: Final = 4
# Signed contracts of a debit by the rights of the legs, strikes ascending; the credit is the opposite.
DEBITS: Final = {
    "CC": (1, -1), "PP": (-1, 1), "CP": (1, 1), "PC": (1, 1), "CCC": (1, -2, 1), "PPP": (1, -2, 1),
    "PPCC": (-1, 1, 1, -1), "CCCC": (1, -1, -1, 1), "PPPP": (1, -1, -1, 1),
}  # fmt: skip
ENTRY, EXIT = "entry cost", "exit proceeds"
STRIKES: Final = tuple(f"strike {i}" for i in range(1, MOST_LEGS + 1))

TABLE: Final = Table(
    fields={
        "symbol": ("underlying_symbol",),
        "entry": ("entry_date", "quote_date_entry", "quote_date"),
        "exit": ("exit_date", "quote_date_exit"),
        "expiration": ("expiration",),
        "dte": ("dte_entry",),
        ENTRY: ("entry_cost", "total_entry_cost"),
        EXIT: ("exit_proceeds", "total_exit_proceeds"),
        "contracts": ("quantity",),
        "pnl": ("realized_pnl",),
        "description": ("description",),
        "entry spot": ("underlying_price_entry", "underlying_price_entry_leg1"),
        "exit spot": ("underlying_price_exit", "underlying_price_exit_leg1"),
        "strike": ("strike",),
        **{f"right {i}": (f"option_type_leg{i}",) for i in range(1, MOST_LEGS + 1)},
        **{name: (f"strike_leg{i}",) for i, name in enumerate(STRIKES, 1)},
    },
    numbers=(ENTRY, EXIT, "pnl", "entry spot", "exit spot", "strike", *STRIKES),
    stamps=("entry",),
    pairs=(("entry", "exit"), ("entry", "expiration")),
    month_first=None,
)


@TABLE.trades("optopsy: fills of a backtest, days without times; exits on the last day are expiries")
def read(row: Row) -> dict[str, object]:
    expiration = row.day("expiration")
    entry = expiration - timedelta(days=row.count("dte", "days")) if is_blank(row.text("entry")) else row.day("entry")
    exit_day = expiration if is_blank(row.text("exit")) else row.day("exit")
    cost, proceeds = row.amount(ENTRY), row.amount(EXIT)
    contracts = 1 if is_blank(row.text("contracts")) else row.count("contracts")
    legs = _legs(row, expiration, cost)
    gross = MULTIPLIER * contracts * (proceeds - cost)
    fees = 0.0 if is_blank(row.text("pnl")) else gross - row.number("pnl")
    if not -CENT <= fees <= MOST_FEES * contracts * len(legs):
        raise ValueError(f"realized_pnl {row.number('pnl'):.2f} is not what costs and proceeds make, {gross:.2f}")
    return {
        "line": row.line, "market": "optopsy", "symbol": row.text("symbol").upper(), "legs": legs_text(legs)[0],
        "strategy": strategy_of(legs), "expiration": pd.Timestamp(expiration), "entry": pd.Timestamp(entry),
        "exit": pd.Timestamp(exit_day), "reason": "expiry" if exit_day >= expiration else "closed",
        "contracts": contracts, "credit": -cost, "debit": -proceeds, "fees": fees,
        "entry_spot": row.number("entry spot") or np.nan, "exit_spot": row.number("exit spot") or np.nan,
    }  # fmt: skip


def _legs(row: Row, expiration: date, cost: float) -> list[tuple[int, Contract]]:
    described = [part.rsplit(" ", 1) for part in row.text("description").split("/")] if row.text("description") else []
    pairs = [(right, number(strike, "strike")) for right, strike in described] or [
        (row.text(f"right {i}"), row.strike("strike" if is_blank(row.text(f"strike {i}")) else f"strike {i}"))
        for i in range(1, MOST_LEGS + 1)
        if row.text(f"right {i}")
    ]
    options = [Contract("", expiration, right_of(right), strike) for right, strike in pairs]
    legs = sorted(options, key=lambda leg: (leg.strike, leg.right == "C"))
    shape = "".join(leg.right for leg in legs)
    if shape not in DEBITS:
        known = "verticals, straddles, strangles, butterflies and condors"
        raise ValueError(f"legs {shape or 'absent'}: only {known} show their sides")
    if cost == 0.0:
        raise ValueError("entry cost 0: its sign tells long from short")
    side = 1 if cost > 0.0 else -1
    return [(side * count, leg) for count, leg in zip(DEBITS[shape], legs, strict=True)]


TRADE_LOG: Final = Layout("optopsy trade log", ("entry_cost", "exit_proceeds", "realized_pnl", "description"), read)
RAW: Final = Layout("optopsy raw trades", ("expiration", "dte_entry", "total_entry_cost", "total_exit_proceeds"), read)
