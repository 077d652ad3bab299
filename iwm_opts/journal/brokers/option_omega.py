"""Option Omega's trade logs, as tradeblocks and others write them too, also with columns like `date_opened`.

One row a trade: Date Opened, Time Opened, Opening Price, Legs, Premium, Closing Price, Date Closed, Time Closed,
Avg. Closing Cost, Reason For Close, P/L, No. of Contracts, Underlying, Strategy, Opening and Closing Commissions +
Fees. Premium and closing cost are dollars a package: the premium positive when received, the closing cost with the sign
that makes P/L, which is for the whole position after fees. Legs read `2 Mar 20 190 P STO 1.20 | ...`: contracts of the
whole position, the expiration without a year as the first such day from the opening on.
"""

import re
from datetime import date, datetime, time
from typing import Final

import numpy as np

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.journal.brokers.layout import MOST_FEES, Layout, Table
from iwm_opts.journal.fields import HALF_CENT, Row, is_blank, number, parse_moment, right_of
from iwm_opts.journal.packages import legs_text, strategy_of
from iwm_opts.market.contract import Contract

LEG: Final = re.compile(
    r"(?P<count>(?<!\d)\d++) (?P<day>[A-Z][a-z]{2} \d{1,2})(?:,? (?P<year>\d{4}))? (?P<strike>[\d.,]+) (?P<right>[CP]) "
    r"(?P<side>STO|BTO|STC|BTC)(?: (?P<price>-?[\d.,]+))?"
)
CENT: Final = 0.015  # dollars, by which P/L may be rounded
HALF_DOLLAR: Final = 0.5  # by which a premium or a cost in whole dollars may be rounded
CHARGES: Final = ("opening fees", "closing fees")

COLUMNS: Final = {
    "symbol": ("underlying", "symbol"),
    "opened": ("date opened",),
    "time opened": ("time opened",),
    "closed": ("date closed",),
    "time closed": ("time closed",),
    "entry spot": ("opening price",),
    "exit spot": ("closing price",),
    "legs": ("legs",),
    "premium": ("premium", "initial premium"),
    "closing cost": ("avg. closing cost", "avg closing cost", "closing cost"),
    "reason": ("reason for close",),
    "pnl": ("p/l", "p&l", "profit/loss", "pl"),
    "contracts": ("no. of contracts", "contracts", "# of contracts", "num contracts", "quantity"),
    "margin": ("margin req.", "margin req"),
    "strategy": ("strategy",),
    "opening fees": ("opening commissions + fees", "opening commissions & fees", "opening commissions fees"),
    "closing fees": ("closing commissions + fees", "closing commissions & fees", "closing commissions fees"),
}


TABLE: Final = Table(
    fields={
        name: (*columns, *(re.sub(r"[^a-z0-9]+", "_", column).strip("_") for column in columns))
        for name, columns in COLUMNS.items()
    },
    numbers=("premium", "closing cost", "pnl", "opening fees", "closing fees", "margin", "entry spot", "exit spot"),
    stamps=("opened", "closed"),
    pairs=(("opened", "closed"),),
    charges=CHARGES,
    month_first=None,
)


@TABLE.trades("Option Omega: backtest or automation fills, without quotes")
def read(row: Row) -> dict[str, object]:
    contracts = row.count("contracts")
    entry = _moment(row, "opened")
    is_open = is_blank(row.text("closed"))
    credit = row.amount("premium") / MULTIPLIER if "premium" in row else np.nan
    legs = _legs(row.text("legs"), entry.date(), contracts)
    text, expiration = legs_text(legs)
    trade: dict[str, object] = {
        "line": row.line, "market": "Option Omega", "symbol": row.text("symbol").upper(), "legs": text,
        "strategy": strategy_of(legs) if legs else "", "expiration": expiration, "entry": entry, "contracts": contracts,
        "credit": credit, "risk": row.number("margin") or np.nan, "own_strategy": row.text("strategy"),
        "entry_spot": (row.number("entry spot") or np.nan) if "premium" in row else np.nan,
    }  # fmt: skip
    if not is_open and "premium" not in row:
        fees = row.number("opening fees") + row.number("closing fees")
        return trade | {"exit": _moment(row, "closed"), "reason": "closed", "fees": fees, "pnl": row.amount("pnl")}
    if is_open:
        return trade | {"fees": row.number("opening fees")}
    debit, fees = _closing(row, credit, contracts)
    reason = row.text("reason").lower()
    return trade | {
        "exit": _moment(row, "closed"), "exit_spot": row.number("exit spot") or np.nan,
        "reason": "expiry" if reason == "expired" else reason or "closed", "debit": debit, "fees": fees,
        "pnl": row.amount("pnl"),
    }  # fmt: skip


def _closing(row: Row, credit: float, contracts: int) -> tuple[float, float]:
    """Debit ($/share) and fees of the position: the closing cost's sign, and whose fees they are, that make P/L.

    Premium and closing cost may be rounded to the dollar, P/L is not: the debit takes up the difference. A file
    without fees leaves them to the difference, up to `MOST_FEES`.

    Raises ValueError when no reading makes P/L.
    """
    pnl, cost = row.amount("pnl"), row.number("closing cost") / MULTIPLIER
    charges = [row.number(name) for name in CHARGES if not is_blank(row.text(name))]
    written = sum(map(abs, charges))
    gross = {debit: MULTIPLIER * contracts * (credit - debit) for debit in (-cost, cost)}
    if not charges:
        debit, fees = min(((debit, amount - pnl) for debit, amount in gross.items()), key=lambda item: abs(item[1]))
        if -CENT <= fees <= MOST_FEES * contracts * max(1, len(LEG.findall(row.text("legs")))):
            return debit, fees
    # Some versions write fees of one package.
    readings = [(debit, fees) for debit in gross for fees in (written, written * contracts)]
    debit, fees = min(readings, key=lambda item: abs(gross[item[0]] - item[1] - pnl))
    miss = gross[debit] - fees - pnl
    rounded = HALF_DOLLAR * sum(row.number(name).is_integer() for name in ("premium", "closing cost"))
    if abs(miss) > (CENT + rounded) * contracts:
        made = " or ".join(f"{gross[debit] - written:.2f}" for debit in sorted(gross, reverse=True))
        raise ValueError(f"P/L {pnl:.2f} is not what premium, closing cost and fees make, {made}")
    return debit + (miss / (MULTIPLIER * contracts) if abs(miss) > HALF_CENT else 0.0), fees


def _moment(row: Row, name: str) -> datetime:
    day = row.day(name)
    clock = row.text(f"time {name}")
    return datetime.combine(day, parse_moment(f"{day} {clock}").time() if clock else time())


def _legs(text: str, opened: date, contracts: int) -> list[tuple[int, Contract]]:
    """Signed legs of one package in the order of a log."""
    legs = []
    for match in LEG.finditer(text):
        expiration = parse_moment(f"{match['day']} {match['year'] or opened.year}").date()
        if not match["year"] and expiration < opened:
            expiration = parse_moment(f"{match['day']} {opened.year + 1}").date()
        sign = 1 if match["side"].startswith("B") else -1
        strike = number(match["strike"], "strike")
        legs.append((sign * int(match["count"]), Contract("", expiration, right_of(match["right"]), strike)))
    if all(count % contracts == 0 for count, _ in legs):
        legs = [(count // contracts, leg) for count, leg in legs]
    legs.sort(key=lambda leg: (leg[1].strike, leg[1].right == "C", leg[1].expiration))
    return legs


TRADE_LOG: Final = Layout("Option Omega trade log", ("date opened", "legs", "premium", "p/l"), read)
SNAKE_CASE: Final = Layout("tradeblocks trade log", ("date_opened", "time_opened", "date_closed"), read)
