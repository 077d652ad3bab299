"""What a backtest did: its trades with the cascade of their costs, and its equity day by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.rules import Rules
from iwm_opts.conventions import MULTIPLIER
from iwm_opts.kernels.exits import END, EXPIRY

if TYPE_CHECKING:
    from iwm_opts.backtest.engine import Prepared

Array = NDArray[np.float64]
Places = NDArray[np.int64]

REASONS: Final = ("held", "stop", "touch", "dte", "time", "gate", "profit", "expiry", "end of data")
CASCADE: Final = ("mid_pnl", "entry_slippage", "exit_slippage", "fees", "assignment", "pnl")


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """Trades and equity of one set of rules on one market.

    `trades` has one row a trade in order of entry: entry, exit, expiration (days), reason, legs, contracts, credit and
    debit (dollars a share, as filled), dte and rank at entry, sessions and days held, the cascade in dollars for the
    whole position (mid_pnl less entry_slippage, exit_slippage and fees, plus assignment, is pnl), risk (largest loss of
    the position, dollars), max_adverse (lowest unrealised or realised gain before fees, dollars, at most 0), and counts
    of marks by the smile and of days without any quote.

    `equity` has one row a day: equity (dollars, open packages marked to the exit fill), cash, open_risk, positions.
    """

    label: str
    market: str
    is_simulated: bool
    rules: Rules
    trades: pd.DataFrame
    equity: pd.DataFrame
    gate_open_days: int
    ranked_days: int
    skipped: dict[str, int]  # why an allowed day saw no entry
    notes: tuple[str, ...]


class Fees:
    """Fees of a prepared book's packages, dollars for a whole position."""

    def __init__(self, prepared: "Prepared") -> None:
        self.of = prepared

    def opening(self, c: int, contracts: int) -> float:
        """To open."""
        schedule, legs = self.of.rules.costs.fees, self.of.book.legs
        return contracts * schedule.opening_fees(legs, contracts, float(self.of.prices.sold_in[c]))

    def leaving(self, c: int, contracts: int) -> float:
        """To close, or for what is exercised at settlement."""
        schedule, legs = self.of.rules.costs.fees, self.of.book.legs
        if self.of.reason[c] == EXPIRY:
            return schedule.exercise_fees(contracts * float(self.of.prices.exercised[c]))
        return contracts * schedule.closing_fees(legs, contracts, float(self.of.prices.sold_out[self.of.exit_row[c]]))


def assemble(
    prepared: "Prepared",
    label: str,
    allowed: NDArray[np.bool_],
    taken: Places,
    contracts: Places,
    skipped: dict[str, int],
) -> Backtest:
    """Trades and equity of the packages taken."""
    trades = _trades(prepared, taken, contracts)
    return Backtest(
        label=label,
        market=prepared.market.name,
        is_simulated=prepared.market.is_simulated,
        rules=prepared.rules,
        trades=trades,
        equity=_equity(prepared, trades, taken, contracts),
        gate_open_days=int(allowed.sum()),
        ranked_days=int(np.isfinite(prepared.ranks).sum()),
        skipped=skipped,
        notes=(*prepared.market.notes, *_remarks(prepared, trades, taken)),
    )


def _trades(prepared: "Prepared", taken: Places, contracts: Places) -> pd.DataFrame:
    book, prices, days = prepared.book, prepared.prices, pd.DatetimeIndex(prepared.market.days)
    row, first = prepared.exit_row[taken], book.offset[taken]
    fees = Fees(prepared)
    units = MULTIPLIER * contracts
    is_settled = prepared.reason[taken] == EXPIRY
    out = prepared.out[taken]
    opening = [fees.opening(int(c), int(n)) for c, n in zip(taken, contracts, strict=True)]
    leaving = [fees.leaving(int(c), int(n)) for c, n in zip(taken, contracts, strict=True)]
    paid = np.array(opening, dtype=np.float64) + np.array(leaving, dtype=np.float64)
    mid_pnl = units * (prices.entry_mid[taken] + prices.mid[row])
    assignment = units * np.where(is_settled, prices.gap[taken], 0.0)
    slippage_in = units * (prices.entry_mid[taken] - prices.credit[taken])
    slippage_out = units * (prices.mid[row] - out)
    return pd.DataFrame(
        {
            "entry": days[book.entry[taken]],
            "exit": days[book.place[row]],
            "expiration": pd.DatetimeIndex([book.series[c].expiration for c in taken]),
            "reason": np.array(REASONS, dtype=object)[prepared.reason[taken]],
            "legs": [legs_text(book.legs.contracts, book.legs.right, book.strike[c]) for c in taken],
            "contracts": contracts,
            "credit": prices.credit[taken],
            "debit": -out + 0.0,
            "dte": book.days_left[first],
            "rank": prepared.ranks[book.entry[taken]],
            "sessions": row - first,
            "days": book.days_left[first] - book.days_left[row],
            "mid_pnl": mid_pnl,
            "entry_slippage": slippage_in,
            "exit_slippage": slippage_out,
            "fees": paid,
            "assignment": assignment,
            "pnl": mid_pnl - slippage_in - slippage_out - paid + assignment,
            "risk": contracts * prices.max_loss[taken],
            "max_adverse": units * _worst(prepared, taken),
            "marks_by_smile": _counted(book.by_smile, first, row),
            "days_without_quote": _counted(book.is_carried.astype(np.int64), first, row),
        }
    )


def legs_text(
    contracts: Sequence[float] | Array, right: Sequence[float] | Array, strike: Sequence[float] | Array
) -> str:
    """Legs as typed on the command line: `+1P195 -1P200 -1C240 +1C245`."""
    return " ".join(
        f"{count:+g}{'C' if side > 0 else 'P'}{level:g}"
        for count, side, level in zip(contracts, right, strike, strict=True)
    )


def _worst(prepared: "Prepared", taken: Places) -> Array:
    """Lowest gain while held or at the exit, dollars a share, before fees."""
    book, prices = prepared.book, prepared.prices
    found = np.empty(len(taken))
    for i, c in enumerate(taken):
        held = prices.close[book.offset[c] + 1 : prepared.exit_row[c]]
        found[i] = prices.credit[c] + min(np.fmin.reduce(held, initial=np.inf), prepared.out[c])
    return np.minimum(found, 0.0)


def _counted(flags: Places, first: Places, last: Places) -> Places:
    """Sum of a count over the rows of each life, its exit included."""
    total = np.concatenate([[0], np.cumsum(flags)])
    return np.asarray(total[last + 1] - total[first])


def _equity(prepared: "Prepared", trades: pd.DataFrame, taken: Places, contracts: Places) -> pd.DataFrame:
    """Cash, and open packages marked to the exit fill, day by day."""
    book, prices, days = prepared.book, prepared.prices, prepared.market.days
    flow, marks, risk = np.zeros(len(days)), np.zeros(len(days)), np.zeros(len(days))
    positions = np.zeros(len(days), dtype=np.int64)
    fees = Fees(prepared)
    for c, n, gain, at_risk in zip(taken, contracts, trades["pnl"], trades["risk"], strict=True):
        first, last = book.offset[c], prepared.exit_row[c]
        start, end = book.entry[c], book.place[last]
        brought_in = MULTIPLIER * n * prices.credit[c] - fees.opening(int(c), int(n))
        flow[start] += brought_in
        flow[end] += gain - brought_in
        marks[start:end] += MULTIPLIER * n * prices.close[first:last]
        risk[start:end] += at_risk
        positions[start:end] += 1
    cash = prepared.rules.size.account + np.cumsum(flow)
    columns = {"equity": cash + marks, "cash": cash, "open_risk": risk, "positions": positions}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(days, name="date"))


def _remarks(prepared: "Prepared", trades: pd.DataFrame, taken: Places) -> list[str]:
    """What happened in these trades that a reader should know."""
    book, prices = prepared.book, prepared.prices
    is_settled = prepared.reason[taken] == EXPIRY
    found = [
        (int((prepared.reason[taken] == END).sum()), "trades still open at the end of the data, closed there"),
        (int(trades["marks_by_smile"].sum()), "marks by the smile: their strike had left the chain"),
        (int(trades["days_without_quote"].sum()), "days of a trade without any quote: marked by the day before"),
        (
            int((is_settled & book.is_estimated[taken]).sum()),
            "trades settled at the last price before an unrecorded settlement",
        ),
        (int((is_settled & prices.is_pinned[taken]).sum()), "trades expired within half a dollar of a short strike"),
    ]
    if prepared.rules.exit.touch and bool(np.isnan(prepared.market.high + prepared.market.low).any()):
        found.append((1, "touch is unknown where the market has no highs and lows, and never counts as met there"))
    return [f"{count} {text}" for count, text in found if count]
