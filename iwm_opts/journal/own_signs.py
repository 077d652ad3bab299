"""Signs of hand-kept logs: fees, losses and closing prices as amounts paid, or as cash flows.

A log of this tool writes fees, largest losses and money paid to leave positive. Spreadsheets of cash flows write them
negative: `-2.56` or `($2.56)`. The P&L column decides; without one, fees have the sign that most of them have.
"""

from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.journal.fields import CENT, TwoReadingsError

LOSSES: Final = ("risk", "planned_risk")
READINGS: Final = ((1, 1), (1, -1), (-1, 1), (-1, -1))  # signs of debit and fees; as this tool writes them first


def with_paid_positive(
    trades: pd.DataFrame, lines: "pd.Series[int]", problems: list[str]
) -> tuple[pd.DataFrame, "pd.Series[bool]", tuple[str, ...]]:
    """Return trades with amounts paid positive, the rows with two results, and warnings of the signs read.

    Raises TwoReadingsError when closing prices may be cash flows or amounts paid.

    `trades`: typed columns of a log.
    `lines`: line of each row.
    `problems`: rows whose fees are a rebate or paid are added.
    """
    trades, warnings = trades.copy(), list[str]()
    counts = {reading: int(_fits(trades, *reading).sum()) for reading in READINGS}
    debit_sign, fee_sign = max(READINGS, key=counts.__getitem__)
    if all(counts[1, sign] == counts[-1, sign] for sign in (1, -1)):
        _check_cash_flows(trades, lines)
    elif debit_sign < 0:
        trades["debit"] = -trades["debit"]
        warnings.append("debit is read as a cash flow, negative where paid: the P&L decides")
    fees, why = trades["fees"].fillna(0.0), "the P&L decides"
    is_decided = counts[debit_sign, 1] != counts[debit_sign, -1]
    if not is_decided:
        fee_sign, why = (-1, "most fees are negative") if (fees < 0.0).sum() > (fees > 0.0).sum() else (1, why)
    is_rebate = (fee_sign * fees < 0.0) & ~_fits(trades, 1, fee_sign)
    is_paid = is_rebate & _fits(trades, 1, -fee_sign)
    signed = fee_sign * fees.where(~is_paid, -fees)
    if (signed > fees).any():
        warnings.append(f"negative fees are read as paid, first on line {lines[signed > fees].iloc[0]}: {why}")
    unknown = is_rebate & ~is_paid & (not is_decided)
    gross = _gross(trades, 1)
    is_left_out = unknown & trades["exit"].notna() & trades["pnl"].isna()
    for at in trades.index[unknown]:
        results = f", result {gross[at] + abs(fees[at]):.2f} or {gross[at] - abs(fees[at]):.2f}: left out"
        rule = results if is_left_out[at] else ": taken as unknown"
        problems.append(f"line {lines[at]}: fees {fees[at]:.2f} are a rebate or paid{rule}")
    trades["fees"] = signed.where(trades["fees"].notna() & ~unknown)
    for name in LOSSES:
        if (trades[name] < 0.0).any():
            trades[name] = trades[name].abs()
            warnings.append(f"{name} is read without its sign, as a loss")
    return trades, is_left_out, tuple(warnings)


def _gross(trades: pd.DataFrame, debit_sign: int) -> "pd.Series[float]":
    """Dollars before fees."""
    units = trades["multiplier"] * trades["contracts"]
    return units * (trades["credit"] - debit_sign * trades["debit"]) + trades["settlement"]


def _fits(trades: pd.DataFrame, debit_sign: int, fee_sign: int) -> "pd.Series[bool]":
    """Rows whose P&L follows from these signs."""
    made = _gross(trades, debit_sign) - fee_sign * trades["fees"].fillna(0.0)
    fits: pd.Series[bool] = (made - trades["pnl"]).abs() <= CENT * np.maximum(1.0, trades["contracts"])
    return fits


def _check_cash_flows(trades: pd.DataFrame, lines: "pd.Series[int]") -> None:
    """Refuse results without a P&L where most are opened and closed on the same side of the money."""
    product = (trades["credit"] * trades["debit"]).where(trades["exit"].notna() & trades["pnl"].isna())
    if (product < 0.0).sum() <= (product > 0.0).sum():
        return
    at = product.index[product < 0.0][0]
    credit, debit = trades["credit"][at], trades["debit"][at]
    raise TwoReadingsError(
        f"line {lines[at]}: credit {credit:g} and debit {debit:g} make {credit - debit:g} a share, or "
        f"{credit + debit:g} where debit is a cash flow; write money paid to leave as positive, or add a column pnl"
    )
