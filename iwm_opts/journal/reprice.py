"""A trade log re-priced: its fills count as mids and give way to a fill convention, its fees to a schedule.

Quotes of the legs are recorded ones of the time where chains are given, else modelled around the log's own mids: leg
values at one vol, the lowest at which the legs are worth what the log says, inside the spreads of the simulator's model
for IWM (`simulation.spread_fit`). What settled or was assigned stays as the log has it, less the schedule's exercise
fees.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import ASSUMED_RATE, STRATEGY, TICK, counted
from iwm_opts.errors import InputError
from iwm_opts.execution.fees import DEFAULT_FEES, FeeSchedule, premium_sold
from iwm_opts.execution.fills import DEFAULT_MODEL, Fill, FillModel, fill_package
from iwm_opts.io.archive import ChainArchive
from iwm_opts.journal import brokers
from iwm_opts.journal.packages import LEGGED_OUT
from iwm_opts.journal.quotes import FileQuotes, LegQuotes, has_only_untraded, leg_quotes, moment_or_close, untraded_note
from iwm_opts.journal.trade_log import ACCOUNT_OF, ENDED, REPRICED, SHARES, SHORT_SHARES, TradeLog
from iwm_opts.kernels.simulation.quote import quote_expiration, surface_row
from iwm_opts.market.calendar import years_to_expiry
from iwm_opts.pricing.black import black_price
from iwm_opts.simulation.parameters import SpreadModel, shipped_parameters
from iwm_opts.simulation.surface_table import expiration_factors
from iwm_opts.sources.on_day import DEFAULT_SYMBOL
from iwm_opts.spreads.typed import TypedLeg, legs_of

Array = NDArray[np.float64]

VOLS: Final = np.geomspace(0.03, 4.0, 2_000)
LEAST_MID: Final = 0.5 * TICK  # nothing is asked for less than a tick
SHORTEST: Final = 1.0 / (365.0 * 24.0 * 60.0)  # years: a minute
RECORDED, MODELLED, SETTLED = "recorded", "modelled", "settled"
STOP_FILL: Final = FillModel.parse(STRATEGY.stop_fill)
FARTHEST: Final = 2.0  # a price so many times off every strike is another underlying's
REJECTED: Final = "no credit left at the fill: not opened"
COLUMNS: Final = (
    "trade", "symbol", "legs", "entry", "exit", "reason", "contracts", "log_pnl", "log_fees", "log_credit",
    "log_debit", "entry_mid", "exit_mid", "credit", "debit", "entry_half_spread", "exit_half_spread", "entry_quotes",
    "exit_quotes", "log_slippage", "quote_gap", "mid_pnl", "entry_slippage", "exit_slippage", "fees", "assignment",
    "pnl", "breakeven",
)  # fmt: skip
# mid_pnl is log_pnl with its fees and slippage added back, its settlement left out, and the quote gap.
CASCADE: Final = (
    "log_pnl", "log_fees", "log_slippage", "quote_gap", "mid_pnl", "entry_slippage", "exit_slippage", "fees",
    "assignment", "pnl",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RepriceTerms:
    """Costs that a log is re-priced at. `stop_fill`: of exits whose reason names a stop or a touch."""

    fill: FillModel = DEFAULT_MODEL
    stop_fill: FillModel = STOP_FILL
    fees: FeeSchedule = DEFAULT_FEES


@dataclass(frozen=True, slots=True, eq=False)
class Repricing:
    """Trades at the re-priced costs, and those that are not.

    `log`: the re-priced trades with their new fills, fees and results.
    `trades`: one row a trade with `COLUMNS`: prices in $/share, `quote_gap` (mids of recorded quotes against the
      log's), slippage and P&L in dollars of the position, `breakeven` the offset from mid each way, as a fraction of H,
      at which the trade nets nothing.
    `left_out`: columns trade, log_pnl and why.
    """

    log: TradeLog
    trades: pd.DataFrame
    left_out: pd.DataFrame
    terms: RepriceTerms

    @property
    def total(self) -> dict[str, float]:
        """Sums of `CASCADE` over the re-priced trades, dollars."""
        return {name: float(self.trades[name].sum()) for name in CASCADE}

    @property
    def breakeven(self) -> tuple[float, float]:
        """Offset from mid each way at which all trades net nothing: fraction of H, and $/share; NaN without a way."""
        trades = self.trades
        units = self.log.trades["multiplier"].to_numpy() * trades["contracts"].to_numpy()
        spread = trades[["entry_half_spread", "exit_half_spread"]]
        net = float((trades["mid_pnl"] - trades["fees"] + trades["assignment"]).sum())
        at_stake = float((units * spread.sum(axis=1)).sum())
        shares = float((units * spread.notna().sum(axis=1)).sum())
        return net / at_stake if at_stake > 0.0 else math.nan, net / shares if shares > 0.0 else math.nan


def reprice(
    log: TradeLog,
    terms: RepriceTerms,
    sources: Sequence[ChainArchive | FileQuotes] = (),
    bars: pd.DataFrame | None = None,
) -> Repricing:
    """Re-price the closed option trades of a log.

    Raises InputError when no trade can be re-priced.

    `log`: its mids count where it has them, else its fills.
    `sources`: recorded chains, the first that has the quotes is used.
    `bars`: daily bars of the underlying, for modelled quotes where the log has no price of it.
    """
    spread = shipped_parameters().spread
    closed = log.closed
    rows, kept, left_out = [], [], []
    for at in closed.index:
        trade = closed.loc[at].copy()
        trade["symbol"] = trade["symbol"] or DEFAULT_SYMBOL
        try:
            rows.append(_repriced(trade, terms, sources, bars, spread))
            kept.append(at)
        except InputError as error:
            left_out.append({"trade": trade["trade"], "log_pnl": trade["pnl"], "why": error.rule})
    omitted = pd.DataFrame(left_out, columns=["trade", "log_pnl", "why"])
    count = 0  # of unquoted fills in a session whose captures are all from outside it, of trades left out as well
    for _, trade in closed[closed["legs"].astype(str).str.strip() != ""].iterrows():
        for side in ("entry",) if trade["reason"] in ENDED else ("entry", "exit"):
            symbol, moment = trade["symbol"] or DEFAULT_SYMBOL, trade[side]
            is_untraded = any(has_only_untraded(symbol, moment, source) for source in sources)
            count += is_untraded and all(leg_quotes(trade, moment, source) is None for source in sources)
    untraded = untraded_note(count)
    if not rows:
        reasons = "; ".join([*omitted["why"].unique()[:3], *untraded]) or "no closed trade"
        remedy = "give bars, or quotes of the times of the fills" if sources else "give bars or quotes"
        raise InputError("log", log.source, f"no trade can be re-priced: {reasons}", remedy)
    trades = pd.DataFrame(rows, columns=list(COLUMNS))
    noted = replace(log, notes=(*log.notes, *untraded))
    return Repricing(_as_log(noted, closed.loc[kept], trades, terms), trades, omitted, terms)


def _repriced(
    trade: pd.Series, terms: RepriceTerms, sources: Sequence[ChainArchive | FileQuotes], bars: pd.DataFrame | None,
    spread: SpreadModel,
) -> dict[str, object]:  # fmt: skip
    typed = _typed(trade)
    legs, contracts = legs_of(typed), int(trade["contracts"])
    units = trade["multiplier"] * contracts
    entry_fill, quotes, entry_quotes = _fill(trade, typed, terms.fill, sources, bars, spread, is_exit=False)
    if trade["credit"] > 0.0 >= entry_fill.price:
        raise InputError("credit", entry_fill.price, REJECTED)
    fees = contracts * terms.fees.opening_fees(legs, contracts, float(premium_sold(*quotes)))
    exit_mid, debit, exit_half, exit_quotes = float(trade["debit"]), float(trade["debit"]), math.nan, SETTLED
    if trade["reason"] in ENDED:
        spot = _spot(trade, "exit", typed, bars)  # in the money: none where the price is unknown
        exercised = sum(leg.ratio for leg in typed if leg.right * (spot - leg.strike) > 0.0)
        fees += terms.fees.exercise_fees(contracts * exercised)
    else:
        is_stop = any(word in trade["reason"] for word in ("stop", "touch"))
        fill = terms.stop_fill if is_stop else terms.fill
        exit_fill, quotes, exit_quotes = _fill(trade, typed, fill, sources, bars, spread, is_exit=True)
        exit_mid, debit, exit_half = -exit_fill.mid, -exit_fill.price, exit_fill.half_spread
        fees += contracts * terms.fees.closing_fees(legs, contracts, float(premium_sold(*quotes)))
    log_mid = units * (_own_mid(trade, is_exit=False) - _own_mid(trade, is_exit=True))
    mid_pnl = units * (entry_fill.mid - exit_mid)
    slippage = units * (entry_fill.mid - entry_fill.price), units * (debit - exit_mid)
    pnl = mid_pnl - sum(slippage) - fees + trade["settlement"]
    at_stake = units * (entry_fill.half_spread + (0.0 if math.isnan(exit_half) else exit_half))
    return {
        **{name: trade[name] for name in ("trade", "symbol", "legs", "entry", "exit", "reason", "contracts")},
        "log_pnl": trade["pnl"], "log_fees": trade["fees"], "log_credit": trade["credit"], "log_debit": trade["debit"],
        "entry_mid": entry_fill.mid, "exit_mid": exit_mid, "credit": entry_fill.price, "debit": debit,
        "entry_half_spread": entry_fill.half_spread, "exit_half_spread": exit_half,
        "entry_quotes": entry_quotes, "exit_quotes": exit_quotes,
        "log_slippage": log_mid - units * (trade["credit"] - trade["debit"]),
        "quote_gap": mid_pnl - log_mid, "mid_pnl": mid_pnl,
        "entry_slippage": slippage[0], "exit_slippage": slippage[1], "fees": fees, "assignment": trade["settlement"],
        "pnl": pnl, "breakeven": (mid_pnl - fees + trade["settlement"]) / at_stake if at_stake > 0.0 else math.nan,
    }  # fmt: skip


def _fill(
    trade: pd.Series, typed: list[TypedLeg], fill: FillModel, sources: Sequence[ChainArchive | FileQuotes],
    bars: pd.DataFrame | None, spread: SpreadModel, *, is_exit: bool,
) -> tuple[Fill, LegQuotes, str]:  # fmt: skip
    """Fill at the entry or the exit, the quotes it is of, and where they come from."""
    moment: pd.Timestamp = trade["exit" if is_exit else "entry"]
    recorded = (leg_quotes(trade, moment, source, day_at_close=True) for source in sources)
    quotes, origin = next((item for item in recorded if item is not None), None), RECORDED
    if quotes is None:
        mid, spot = _own_mid(trade, is_exit=is_exit), _spot(trade, "exit" if is_exit else "entry", typed, bars)
        if math.isnan(mid):
            raise InputError("log", trade["trade"], "credit or debit unknown")
        if math.isnan(spot):
            raise InputError("bars", None, f"price of {trade['symbol']} unknown, no recorded quotes")
        at = moment_or_close(moment)
        quotes, origin = modelled_quotes(typed, -mid, spot, at, trade["expiration"].date(), spread), MODELLED
    filled = fill_package(fill, *(quotes.closing() if is_exit else quotes))
    if not filled.is_filled:
        raise InputError("quotes", trade["trade"], "a leg has no two-sided quote")
    return filled, quotes, origin


def _typed(trade: pd.Series) -> list[TypedLeg]:
    if trade["strategy"] in (SHARES, SHORT_SHARES) or not str(trade["legs"]).strip():
        raise InputError("legs", trade["trade"], "no option legs in the log")
    if trade["reason"] == LEGGED_OUT:
        raise InputError("legs", trade["trade"], "legs closed at different times")
    if pd.isna(trade["expiration"]):
        raise InputError("expiration", trade["trade"], "expiration unknown")
    try:
        return [TypedLeg.parse(leg) for leg in str(trade["legs"]).split()]
    except InputError:
        raise InputError("legs", trade["legs"], "legs expire on several days") from None


def _own_mid(trade: pd.Series, *, is_exit: bool) -> float:
    """Mid that the log has ($/share, in its signs), else its fill."""
    mid, fill = (trade["exit_mid"], trade["debit"]) if is_exit else (trade["entry_mid"], trade["credit"])
    settled = is_exit and trade["reason"] in ENDED
    return float(fill if settled or pd.isna(mid) else mid)


def _spot(trade: pd.Series, side: str, typed: list[TypedLeg], bars: pd.DataFrame | None) -> float:
    """Price of the underlying; NaN where unknown, or where bars are of another one by the strikes."""
    typed_spot = trade.get(f"{side}_spot", math.nan)
    if not pd.isna(typed_spot):
        return float(typed_spot)
    day = trade[side].normalize()
    close = float(bars["close"][day]) if bars is not None and day in bars.index else math.nan
    strikes = [leg.strike for leg in typed]
    return close if min(strikes) / FARTHEST < close < max(strikes) * FARTHEST else math.nan


def _as_log(log: TradeLog, closed: pd.DataFrame, trades: pd.DataFrame, terms: RepriceTerms) -> TradeLog:
    """Log whose fills, mids, fees and results are the re-priced ones."""
    columns = {
        name: trades[name].to_numpy()
        for name in ("credit", "debit", "entry_mid", "exit_mid", "entry_half_spread", "exit_half_spread", "fees", "pnl")
    }
    same = {"entry_model": columns["credit"], "exit_model": columns["debit"], "model_fees": columns["fees"]}
    repriced = closed.assign(**columns, **same, marks="").reset_index(drop=True)
    repriced["market"] = [f"{REPRICED}, {market}" if market else REPRICED for market in repriced["market"]]
    notes = [f"re-priced at {terms.fill}, stops at {terms.stop_fill}, fees {terms.fees.label}"]
    real = int(closed["market"].str.partition(ACCOUNT_OF)[0].isin(brokers.names()).sum())
    if real:
        are = counted(real, "trades are a broker's: their fills", "trade is a broker's: its fills")
        notes.append(f"{are} paid the spread already and pay it twice here")
    return replace(log, trades=repriced, notes=(*log.notes, *notes))


def quote_counts(trades: pd.DataFrame) -> dict[str, int]:
    """Entries and exits by the origin of their quotes."""
    origins = np.concatenate([trades["entry_quotes"].to_numpy(), trades["exit_quotes"].to_numpy()])
    return {name: int((origins == name).sum()) for name in (RECORDED, MODELLED, SETTLED)}


def modelled_quotes(
    typed: Sequence[TypedLeg], value: float, spot: float, moment: datetime, expiration: date, spread: SpreadModel
) -> LegQuotes:
    """Quotes of a package whose mids add up to a value.

    `value`: of the package to its holder, dollars a share: a credit received is negative.
    `spot`: price of the underlying.
    `moment`: aware.
    Returns: no bid below zero; half-spreads on the tick unless the bid is zero.
    """
    legs = legs_of(typed)
    strike = np.array([leg.strike for leg in typed])
    years = max(float(years_to_expiry(moment, [expiration])[0]), SHORTEST)
    discount = float(np.exp(-ASSUMED_RATE * years))
    forward = spot / discount
    vol, mid = _at_one_vol(legs.right, strike, legs.contracts, value, forward, discount, years)
    dte = np.array([float((expiration - moment.date()).days)])
    widening = float(expiration_factors(spread, np.array([expiration.toordinal()]), dte, after_close=False)[0])
    bid, ask, vols, delta = (np.empty(len(strike)) for _ in range(4))
    row = surface_row(spot, forward, discount, years, float(dte[0]), vol * vol * years, 0.0, 0.0, 0.0, widening)
    quote_expiration(legs.right, strike, row, np.array(spread.coefficients), TICK, bid, ask, vols, delta)
    half = np.minimum(0.5 * (ask - bid), mid)
    return LegQuotes(legs, mid - half, mid + half)


def _at_one_vol(
    right: Array, strike: Array, contracts: Array, value: float, forward: float, discount: float, years: float
) -> tuple[float, Array]:
    """Vol and leg values that make a package's value; the dearest leg takes what no vol explains."""
    values = np.asarray(black_price(right, forward, strike, years, VOLS[:, None], discount))
    miss = values @ contracts - value
    crossed = np.flatnonzero(np.diff(np.sign(miss)) != 0.0)
    if len(crossed):
        at = int(crossed[0])
        part = miss[at] / (miss[at] - miss[at + 1])
        vol = float(VOLS[at] + part * (VOLS[at + 1] - VOLS[at]))
    else:
        vol = float(VOLS[np.abs(miss).argmin()])
    mid = np.maximum(np.asarray(black_price(right, forward, strike, years, vol, discount)), LEAST_MID)
    dearest = int(mid.argmax())
    mid[dearest] += (value - float(mid @ contracts)) / contracts[dearest]
    return vol, np.maximum(mid, LEAST_MID)
