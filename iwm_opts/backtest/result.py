"""Result of a backtest: trades with their cost cascade, and daily equity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.attribution import PARTS, attribute, entry_delta
from iwm_opts.backtest.prepared import Prepared, Run
from iwm_opts.backtest.prices import PIN_DISTANCE
from iwm_opts.backtest.rules import Rules
from iwm_opts.conventions import MULTIPLIER, STRATEGY, Provenance, counted
from iwm_opts.execution.exits import stop_is_beyond
from iwm_opts.kernels.backtest.codes import ExitReason, SkipReason
from iwm_opts.kernels.backtest.state import BY_SMILE, CARRIED, Trades, trades_of
from iwm_opts.risk.margin import package_margin

Array = NDArray[np.float64]
Places = NDArray[np.int64]

CASCADE: Final = ("mid_pnl", "entry_slippage", "exit_slippage", "fees", "assignment", "pnl")
SPAN: Final = 2.0  # highest over lowest spot beyond which a width in dollars is several rules


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """Trades and equity of one set of rules on one market.

    `trades` has one row a trade in order of entry: entry, exit, expiration (days), reason, legs, contracts, credit
    and debit (dollars a share, as filled), entry_spot and exit_spot (dollars, the underlying), dte and rank at entry,
    sessions and days held, the cascade in dollars for
    the whole position (mid_pnl less entry_slippage, exit_slippage and fees, plus assignment, is pnl), risk (largest
    loss of the position, dollars), buying_power (dollars) and entry_delta (share equivalents) of the position,
    max_adverse and max_favourable (lowest and highest unrealised or realised gain before fees, dollars, at most and at
    least 0), and counts of marks by the smile and of days without any quote.
    mid_pnl is also split by greeks into delta_pnl, gamma_pnl, vega_pnl, theta_pnl and residual_pnl: see
    `backtest.attribution`.

    `equity` has one row a day: equity (dollars, open packages marked to the exit fill), cash, open_risk, positions,
    gate_open.
    """

    label: str
    market: str
    provenance: Provenance
    rules: Rules
    trades: pd.DataFrame
    equity: pd.DataFrame
    gate_open_days: int
    ranked_days: int
    skipped: dict[str, int]  # why an allowed day saw no entry
    notes: tuple[str, ...]


def assemble(
    prepared: Prepared, outcome: Run, label: str, allowed: NDArray[np.bool_], skipped: dict[str, int]
) -> Backtest:
    """Trades and equity of a run."""
    trades = trades_of(outcome.trades)
    table = _trades(prepared, trades)
    counted = {why.words: int(outcome.skips[0, why]) for why in SkipReason if outcome.skips[0, why]}
    return Backtest(
        label=label,
        market=prepared.market.name,
        provenance=prepared.market.provenance,
        rules=prepared.rules,
        trades=table,
        equity=_equity(prepared, trades, table, outcome.equity).assign(gate_open=allowed),
        gate_open_days=int(allowed.sum()),
        ranked_days=int(np.isfinite(prepared.ranks).sum()),
        skipped=skipped | counted,
        notes=(*prepared.market.notes, *_span_note(prepared), *_remarks(prepared, trades, table)),
    )


class Totals(NamedTuple):
    """Sums over the trades of one run; dollars, `entry_slippage` and `slippage` of one package a trade."""

    trades: int
    gain: float  # net, of one package a trade
    entry_slippage: float
    slippage: float  # way in and out
    change: float  # of equity, whole positions
    risk: float  # largest loss of each position times the nights that it is held


def total(prepared: Prepared, run: Run) -> Totals:
    """Return sums over a run, without the tables of a `Backtest`."""
    trades = trades_of(run.trades)
    cascade = _cascade(prepared, trades)
    nights = trades.row - prepared.book.lifetimes.first[trades.package]
    entry_slippage = cascade["entry_slippage"] / trades.contracts
    exit_slippage = cascade["exit_slippage"] / trades.contracts
    return Totals(
        trades=len(trades.package),
        gain=float((cascade["pnl"] / trades.contracts).sum()),
        entry_slippage=float(entry_slippage.sum()),
        slippage=float((entry_slippage + exit_slippage).sum()),
        change=float(run.equity[-1]) - prepared.rules.size.account,
        risk=float(trades.risk @ nights),
    )


def sample(prepared: Prepared, run: Run) -> Array:
    """Dollars a package gained, and trades, by day of entry; shape (days, 2)."""
    trades = trades_of(run.trades)
    gain = _cascade(prepared, trades)["pnl"] / trades.contracts
    entry, days = prepared.book.lifetimes.entry[trades.package], len(run.equity)
    counts = np.bincount(entry, minlength=days).astype(np.float64)
    return np.stack([np.bincount(entry, weights=gain, minlength=days), counts], axis=1)


def _cascade(prepared: Prepared, trades: Trades) -> dict[str, Array]:
    """Dollars of each whole position from its gain between mids to its net gain, see `CASCADE`."""
    price, at_exit = prepared.prices.entry, prepared.prices.closing
    c, row, units = trades.package, trades.row, MULTIPLIER * trades.contracts
    mid_pnl = units * (price.entry_mid[c] + at_exit.mid[row])
    slippage_in = units * (price.entry_mid[c] - price.credit[c])
    slippage_out = units * (at_exit.mid[row] - trades.out)
    fees = trades.opening_fees + trades.closing_fees
    assignment = units * (trades.assignment + trades.gap)
    pnl = mid_pnl - slippage_in - slippage_out - fees + assignment
    return dict(zip(CASCADE, (mid_pnl, slippage_in, slippage_out, fees, assignment, pnl), strict=True))


def _trades(prepared: Prepared, trades: Trades) -> pd.DataFrame:
    book, days = prepared.book, pd.DatetimeIndex(prepared.market.days)
    price = prepared.prices.entry
    life, c, row = book.lifetimes, trades.package, trades.row
    first, entry = life.first[c], life.entry[c]
    exit_ = entry + row - first
    units = MULTIPLIER * trades.contracts
    ordinal, session = (line.astype(np.int64) for line in (book.days.ordinal, book.days.session))
    parts, extremes = attribute(prepared, trades), _extremes(prepared, trades)
    return pd.DataFrame(
        {
            "entry": days[entry],
            "exit": days[exit_],
            "expiration": pd.DatetimeIndex([book.series[i].expiration for i in c]),
            "reason": np.array([reason.word for reason in ExitReason], dtype=object)[trades.reason],
            "legs": [legs_text(book.legs.contracts, book.legs.right, book.strike[i]) for i in c],
            "contracts": trades.contracts,
            "credit": price.credit[c],
            "debit": -trades.out + 0.0,
            "entry_spot": prepared.market.spot[entry],
            "exit_spot": prepared.market.spot[exit_],
            "dte": life.expires[c] - ordinal[entry],
            "rank": prepared.ranks[entry],
            "sessions": session[exit_] - session[entry],
            "days": ordinal[exit_] - ordinal[entry],
            **_cascade(prepared, trades),
            "risk": trades.risk,
            "buying_power": trades.contracts * price.buying_power[c],
            "entry_delta": units * entry_delta(prepared, trades),
            "max_adverse": units * extremes[0],
            "max_favourable": units * extremes[1],
            "marks_by_smile": _counted(book.arrays.marks[BY_SMILE], first, row),
            "days_without_quote": _counted(book.arrays.marks[CARRIED], first, row),
            **{name: units * part for name, part in zip(PARTS, parts, strict=True)},
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


def _extremes(prepared: Prepared, trades: Trades) -> tuple[Array, Array]:
    """Lowest and highest gain while held or at the exit, dollars a share, before fees; at most and at least 0."""
    first, credit, close = prepared.book.lifetimes.first, prepared.prices.entry.credit, prepared.prices.closing.close
    worst, best = np.empty(len(trades.package)), np.empty(len(trades.package))
    ending = trades.out + trades.assignment + trades.gap
    for i, (c, row, at_end) in enumerate(zip(trades.package, trades.row, ending, strict=True)):
        held = close[first[c] + 1 : row]
        worst[i] = credit[c] + min(np.fmin.reduce(held, initial=np.inf), at_end)
        best[i] = credit[c] + max(np.fmax.reduce(held, initial=-np.inf), at_end)
    return np.minimum(worst, 0.0), np.maximum(best, 0.0)


def _counted(flags: NDArray[Any], first: Places, last: Places) -> Places:
    """Sum of a count over the rows of each life, its exit included."""
    total = np.concatenate([[0], np.cumsum(flags, dtype=np.int64)])
    return np.asarray(total[last + 1] - total[first])


def _equity(prepared: Prepared, taken: Trades, trades: pd.DataFrame, equity: Array) -> pd.DataFrame:
    """Cash, and open packages marked to the exit fill, day by day.

    Shares that an expiry leaves are closed at the next open, so that their gap is booked a day after the exit.
    """
    life, days = prepared.book.lifetimes, prepared.market.days
    flow, risk, positions = np.zeros(len(days) + 1), np.zeros(len(days)), np.zeros(len(days), dtype=np.int64)
    units = MULTIPLIER * taken.contracts
    brought_in = units * prepared.prices.entry.credit[taken.package] - taken.opening_fees
    late, at_risk = units * taken.gap, trades["risk"].to_numpy()
    gains = trades["pnl"].to_numpy(dtype=np.float64) - late - brought_in
    for i, (c, row) in enumerate(zip(taken.package, taken.row, strict=True)):
        start = life.entry[c]
        end = start + row - life.first[c]
        flow[start] += brought_in[i]
        flow[end] += gains[i]
        flow[end + 1] += late[i]
        risk[start:end] += at_risk[i]
        positions[start:end] += 1
    cash = prepared.rules.size.account + np.cumsum(flow)[:-1]
    columns = {"equity": equity, "cash": cash, "open_risk": risk, "positions": positions}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(days, name="date"))


def _span_note(prepared: Prepared) -> list[str]:
    """Note of wings in dollars over a history that spans more than a factor of two in spot."""
    spot, entry = prepared.market.spot, prepared.rules.entry
    fixed = [wing.width for wing in (entry.put_wing, entry.call_wing) if wing.width is not None and wing.unit == "$"]
    if not fixed or len(prepared.book.legs) < 2:
        return []
    low, high = float(np.nanmin(spot)), float(np.nanmax(spot))
    if not high > SPAN * low:
        return []
    width = max(fixed)
    shares = f"{width / high:.1%} to {width / low:.1%}"
    rule = f"a width of {STRATEGY.history_width} or 0.25sd is one rule throughout"
    return [f"spot between {low:,.0f} and {high:,.0f}: wings of ${width:g} are {shares} of it; {rule}"]


def _remarks(prepared: Prepared, taken: Trades, trades: pd.DataFrame) -> list[str]:
    """List the events of these trades that a reader should know."""
    book = prepared.book
    is_settled = taken.reason == ExitReason.EXPIRY
    is_estimated = is_settled & book.is_estimated[taken.package]
    apart = np.abs(book.settlement[taken.package, None] - book.strike[taken.package])
    is_pinned = (apart[:, book.legs.sign < 0] < PIN_DISTANCE).any(axis=1)
    is_open = taken.reason == ExitReason.END_OF_DATA
    counts = [
        (int(is_open.sum()), "trades", "still open at the end of the data, closed there"),
        (int(trades["marks_by_smile"].sum()), "marks", "by the smile: the strike had left the chain"),
        (int(trades["days_without_quote"].sum()), "days", "of a trade without any quote: marked by the day before"),
        (int(is_estimated.sum()), "trades", "settled at the last price before an unrecorded settlement"),
        (int((is_settled & is_pinned).sum()), "trades", "expired within half a dollar of a short strike"),
        (int((taken.reason == ExitReason.ASSIGNED).sum()), "trades", "closed because a short leg was assigned early"),
    ]
    stop = prepared.rules.exit.stop
    if stop is not None and len(taken.package):
        credit = prepared.prices.entry.credit[taken.package]
        margin = package_margin(book.legs, book.strike[taken.package], credit, 0.0)
        beyond = int(np.sum(stop_is_beyond(credit, stop, margin.requirement / MULTIPLIER)))
        within = "width" if prepared.rules.entry.is_credit else "debit"
        counts.append((beyond, "trades", f"without a stop within the {within}: the worst case is the max loss"))
    notes = [f"{counted(count, noun)} {text}" for count, noun, text in counts if count]
    if prepared.own_levels is not None:
        notes.append(f"own levels by entry date or session held: {', '.join(prepared.own_levels.by_name)}")
    if prepared.rules.exit.touch and bool(np.isnan(prepared.market.high + prepared.market.low).any()):
        notes.append("touch is unknown where the market has no highs and lows, and never counts as met there")
    return notes
