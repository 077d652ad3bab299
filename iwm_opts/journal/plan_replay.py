"""Replay of a plan's rules on logged trades: size, exits and checklist, from bars.

A broker's export holds the fills, not the plan's orders. With the daily bars of the underlying its share trades are
replayed by the plan's own rules (`paper_shares`, as a backtest has them): shares and risk at the entry, the day on
which a stop, a target or the time called and its result, the model's fills, and dividends.
The checklist is judged for every trade on the data before the session of its entry. Values in the log are kept.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.shares import ShareRules, trade_shares
from iwm_opts.conventions import Provenance, counted
from iwm_opts.errors import InputError
from iwm_opts.journal.compliance import SLACK
from iwm_opts.journal.executions import DELIVERS
from iwm_opts.journal.paper_shares import UNTIMED, Quote, marked_on_bars, marked_on_minutes, opened_shares
from iwm_opts.journal.paper_trade import OPEN, Closing, Mark, PaperTrade
from iwm_opts.journal.trade_log import SHARES, SHORT_SHARES, UNTOLD, TradeLog, accounts_of, answers_text, marks_text
from iwm_opts.market.calendar import latest_session, session_hours
from iwm_opts.plans.checklist import Inputs, criterion
from iwm_opts.plans.decision import entry_days
from iwm_opts.plans.intraday import LATEST_FILL
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import share_rules

ASIDE: Final = 0.01  # share of price that a fill may lie beyond its session: before the open, or after the close
EARLY: Final = "before any rule"  # reasons of a share trade other than stop, target and time
LATE: Final = "{}, late"
UNSAID: Final = "closed"  # as brokers' readers have it


@dataclass(frozen=True, slots=True)
class _Lot:
    """Rows of one purchase: its parts, where it was sold in several."""

    rows: pd.DataFrame
    entry: pd.Timestamp
    shares: int
    paid: float


def replayed(log: TradeLog, plan: Plan, data: Inputs, account: float | None = None) -> TradeLog:
    """Log completed by a plan's rules on the data.

    `log`: trades of the plan.
    `data`: daily bars and optional data; minutes give the price at an order's time.
    `account`: dollars at the start, of each account; the plan's unless given.
    Returns: with notes on the trades judged, and on those outside the data or the rules.
    """
    trades, notes = log.trades.copy(), Counter[str]()
    judged = _with_checklists(trades, plan, data, notes)
    lines = [f"checklists judged afterwards on the data before the entry: {judged}"] if judged else []
    if plan.instrument == "shares":
        lines += _with_share_rules(trades, plan, data, account, notes)
    lines += [f"needs data: {counted(count, 'trades')}: {why}" for why, count in notes.items()]
    return replace(log, trades=trades, notes=(*log.notes, *lines))


def earlier_trades(plan: Plan, data: Inputs, before: date) -> pd.DataFrame:
    """Backtest trades of a daily share plan before a day, to compare later results with.

    Raises InputError when the data lack an input of the edge or the macro filter.
    """
    history = data.before(before)
    return trade_shares(history.bars, entry_days(plan, history).allowed, share_rules(plan)).trades


def lacks_rules(log: TradeLog, plan: Plan) -> bool:
    """Whether a replay could complete the log."""
    trades = log.trades
    unknown = (trades["checklist"] == "").any() and bool(plan.checklist.criteria)
    of_shares = trades["strategy"].isin((SHARES, SHORT_SHARES)) & (trades["risk"].isna() | trades["due"].isna())
    return bool(unknown or (plan.instrument == "shares" and of_shares.any()))


def _with_checklists(trades: pd.DataFrame, plan: Plan, data: Inputs, unknown: Counter[str]) -> int:
    """Judge missing checklists in place; return the number of those that the data answer."""
    unanswered = trades.index[trades["checklist"] == ""]
    if not len(unanswered):
        return 0
    # A criterion reads all sessions at once, and the same for each whatever comes after it (`plans.checklist`).
    readings = {name: criterion(name).read(data) for name in plan.checklist.criteria}
    judged = 0
    for at in unanswered:
        before = pd.Timestamp(latest_session(trades["entry"][at].date() - timedelta(days=1)))
        states = dict.fromkeys(readings, UNTOLD)
        for name, reading in readings.items():
            if reading is not None and not np.isnan(reading.value.get(before, np.nan)):
                states[name] = "met" if bool(reading.signal[before]) else "unmet"
        missing = [name for name, state in states.items() if state == UNTOLD]
        unknown.update(f"{name} on the checklist ({criterion(name).needs})" for name in missing)
        if len(missing) < len(states):
            trades.loc[at, "checklist"] = answers_text(states)
            judged += 1
    return judged


def _with_share_rules(
    trades: pd.DataFrame, plan: Plan, data: Inputs, account: float | None, unknown: Counter[str]
) -> list[str]:
    """Complete the share trades, in place, in order of entry: open trades take up risk and cash of the next."""
    if account is not None:
        plan = plan.with_account(account)
    rules, held = share_rules(plan), defaultdict[str, list[PaperTrade]](list)  # by account
    incomplete = trades[(trades["strategy"] == SHARES) & (trades["risk"].isna() | trades["due"].isna())]
    paid = refused = marked = 0.0
    accounts = accounts_of(trades)
    for _, rows in incomplete.groupby(["entry", "symbol", "credit", "market"], sort=True):
        open_trades = held[accounts[rows.index[0]]]
        lot = _Lot(rows, rows["entry"].iloc[0], int(rows["contracts"].sum()), -float(rows["credit"].iloc[0]))
        try:
            _check_other_bars(rows, data.bars)
            dividends, closes = _hold(trades, rows, rules, data.bars)
            paid, marked = paid + dividends, marked + closes
            refused += _replay(trades, lot, plan, rules, data, open_trades)
        except InputError as error:
            unknown[f"{error.name} {error.rule}; {error.remedy}" if error.remedy else f"{error.name} {error.rule}"] += 1
            continue
    ours = trades.loc[incomplete.index][lambda table: table["risk"].notna()]
    without = ours["entry_model"].isna() | (ours["exit_model"].isna() & ours["exit"].notna())
    if without.any():
        unknown["a model fill, for the price at the time of the order (`minutes`)"] += int(without.sum())
    shorts = int((trades["strategy"] == SHORT_SHARES).sum())
    how = (
        "share trades are replayed by the plan's rules on the bars; model fills: the session's open and close within "
        f"{LATEST_FILL} minutes of them, elsewhere the minutes where they are given, and {rules.slippage:g} a share"
    )
    lines = [how, *([f"marked at {marked:,.0f} closes that they were held over"] if marked else [])]
    lines += [f"dividends by the bars' ex-dates added to the results: ${paid:,.2f}"] if paid else []
    if refused:
        lines.append(f"{refused:.0f} entries when the plan's account takes no more: sized by its risk share alone")
    if shorts:
        lines.append(f"{counted(shorts, 'short trades')} in shares: the plan only buys, its rules do not cover them")
    return lines


def _check_other_bars(rows: pd.DataFrame, bars: pd.DataFrame) -> None:
    """Bars reach from the session before a trade's entry to its exit, and its fills lie where the bars traded."""
    rows = rows.assign(exit=rows["exit"].where(~rows["reason"].isin(DELIVERS)))  # a strike is not a market price
    before = latest_session(rows["entry"].iloc[0].date() - timedelta(days=1))
    last = rows["exit"].max().date() if rows["exit"].notna().any() else before
    fills = {at.date() for name in ("entry", "exit") for at in rows[name].dropna()}
    for day in (before, latest_session(last), *fills):
        if pd.Timestamp(day) not in bars.index:
            held = f"{bars.index[0].date()} to {bars.index[-1].date()}"
            raise InputError("bars", held, f"do not reach all of them, {held}", "give `bars` that do")
    for when, price in (("entry", "credit"), ("exit", "debit")):
        timed = rows[rows[when].notna()]
        for day, paid in zip(timed[when].dt.normalize(), -timed[price], strict=True):
            if not bars["low"][day] * (1 - ASIDE) <= paid <= bars["high"][day] * (1 + ASIDE):
                remedy = "give `bars` of that fund, adjusted for splits alone"
                raise InputError("bars", paid, "did not trade where these were filled", remedy)


def _replay(
    trades: pd.DataFrame, lot: _Lot, plan: Plan, rules: ShareRules, data: Inputs, held: list[PaperTrade]
) -> bool:
    """Complete the rows of one purchase; whether the account would have taken none of it."""
    price = price_at(lot.entry, data)
    # A purchase within minutes of the open is the plan's own, and its first session counts from the open.
    at = pd.Timestamp(f"{lot.entry.date()} {OPEN}") if is_near_open(lot.entry) else lot.entry
    quoted = lot.paid - rules.slippage if np.isnan(price) else price
    market, provenance = (str(lot.rows[name].iloc[0]) for name in ("market", "provenance"))
    quote = Quote(at.to_pydatetime(), quoted, market, Provenance(provenance))
    # At an open the plan leaves first and enters then, whichever order was filled first.
    cutoff = at + pd.Timedelta(minutes=LATEST_FILL) if is_near_open(lot.entry) else at
    before = [  # one closed later was open then
        replace(trade, closing=None) if trade.closing is not None and trade.closing.at > _text(cutoff) else trade
        for trade in held
    ]
    opened = opened_shares(plan, rules, data.bars, quote, before, {}, lot.shares, lot.paid)
    is_refused = isinstance(opened, str)
    if isinstance(opened, str):  # its stop and exits are as if it were alone
        opened = opened_shares(plan, rules, data.bars, quote, (), {}, lot.shares, lot.paid)
    if isinstance(opened, str):
        raise InputError("bars", quote.at.isoformat(), opened, "give `bars` that begin earlier")
    for row, share in zip(lot.rows.index, lot.rows["contracts"] / lot.shares, strict=True):
        if not is_refused:
            _fill_in(trades, row, "planned_contracts", opened.planned_contracts * share)
            _fill_in(trades, row, "planned_risk", opened.planned_risk * share)
        _fill_in(trades, row, "risk", opened.risk * share)
        _fill_in(trades, row, "model_fees", 2.0 * rules.fees * trades["contracts"][row])
        if not np.isnan(price):
            _fill_in(trades, row, "entry_mid", -price)
            _fill_in(trades, row, "entry_model", opened.model)
        part = replace(opened, contracts=int(trades["contracts"][row]), risk=opened.risk * share, fees=0.0)
        exit_time = trades["exit"][row]
        if pd.notna(exit_time):
            debit, fees, settlement = (float(trades[name][row]) for name in ("debit", "fees", "settlement"))
            part = replace(part, closing=Closing(_text(exit_time), debit, np.nan, np.nan, fees, "", settlement))
        held.append(part)
    # Shares delivered by an option were not closed by a rule of the plan.
    for row in lot.rows.index[lot.rows["exit"].notna() & ~lot.rows["reason"].isin(DELIVERS)]:
        _judge_exit(trades, row, opened, rules, data)
    return is_refused


def _judge_exit(trades: pd.DataFrame, row: int, trade: PaperTrade, rules: ShareRules, data: Inputs) -> None:
    """When a rule called for the exit of a row, and what leaving then and at its own time would have brought."""
    exit_time = trades["exit"][row]
    called = _called(trade, exit_time, data)
    if called is not None and called.at == f"{exit_time.date()} {UNTIMED}" and is_near_open(exit_time):
        called = None  # left at the open of a session within which a rule called later
    is_that_day = called is not None and called.day == f"{exit_time.date()}"
    overrun = pd.Timedelta(minutes=SLACK)
    is_late = called is not None and (
        not is_that_day or (trade.exit_by and exit_time > pd.Timestamp(called.at) + overrun)
    )
    price = price_at(exit_time, data)
    if called is not None and is_that_day and not is_late and (called.rule != "time" or np.isnan(price)):
        mid, model = called.mid, called.debit
    else:
        mid, model = -price, rules.slippage - price
    if not np.isnan(mid):
        _fill_in(trades, row, "exit_mid", mid)
        _fill_in(trades, row, "exit_model", model)
    # Left before any rule called: not late.
    if pd.isna(trades["due"][row]):
        trades.loc[row, "due"] = pd.Timestamp(called.day) if called is not None else exit_time.normalize()
    # Dividends received for staying longer would have been missed.
    since = (
        float(trades["settlement"][row] / trades["contracts"][row]) - called.dividends if called and is_late else 0.0
    )
    _fill_in(trades, row, "due_debit", called.debit + since if called is not None else float(trades["debit"][row]))
    if trades["reason"][row] == UNSAID:
        rule = EARLY if called is None else LATE.format(called.rule) if is_late else called.rule
        trades.loc[row, "reason"] = rule


def _called(trade: PaperTrade, exit_time: pd.Timestamp, data: Inputs) -> Mark | None:
    """First mark on which a rule called for the exit, up to the day it was left; None where none did."""
    if trade.shares is not None and trade.shares.exit_minute is not None:
        if data.minutes is None:
            raise InputError("minutes", None, "are needed for an intraday plan", "give `minutes` FILE")
        marks: Sequence[Mark] = marked_on_minutes(trade, data.minutes.bars)
    else:
        marks = marked_on_bars(trade, data.bars, exit_time.date())
    # On bars a mark within a session has no time; on minutes a call after the exit did not cause it.
    until = f"{_text(exit_time):.16}" if exit_time != exit_time.normalize() else f"{exit_time.date()} 24:00"
    return next((mark for mark in marks if mark.rule and f"{mark.at:.16}" <= until), None)


def _hold(trades: pd.DataFrame, rows: pd.DataFrame, rules: ShareRules, bars: pd.DataFrame) -> tuple[float, int]:
    """Add dividends of shares held over an ex-date, and their value at each close held over, to rows without them.

    Returns the dollars paid, and the closes marked.
    """
    total, closes = 0.0, 0
    for row in rows.index:
        first, last = trades["entry"][row].normalize(), trades["exit"][row].normalize()
        if "dividend" in bars and pd.notna(last) and rows["settlement"][row] == 0.0:
            each = float(bars["dividend"][(bars.index > first) & (bars.index <= last)].fillna(0.0).sum())
            received = each * float(trades["contracts"][row])
            trades.loc[row, ["settlement", "pnl"]] += received
            total += received
        if rows["marks"][row] == "":
            held = bars[(bars.index >= first) & ((bars.index < last) | pd.isna(last))]
            paid = held["dividend"].fillna(0.0).where(held.index > first, 0.0).cumsum() if "dividend" in held else 0.0
            share = held["close"] - rules.slippage + trades["credit"][row] + paid
            gains = trades["contracts"][row] * share - trades["fees"][row]
            days = pd.DatetimeIndex(held.index)
            trades.loc[row, "marks"] = marks_text({day.date(): gain for day, gain in zip(days, gains, strict=True)})
            closes += len(held)
    return total, closes


def _fill_in(trades: pd.DataFrame, row: int, name: str, value: float) -> None:
    if pd.isna(trades[name][row]):
        trades.loc[row, name] = value


def _text(at: pd.Timestamp) -> str:
    return at.isoformat(sep=" ", timespec="seconds")


def price_at(at: pd.Timestamp, data: Inputs) -> float:
    """Price of the underlying at a time: of its minute, or of the session's open or close near to it; NaN unknown."""
    if at == at.normalize():
        return float("nan")
    if data.minutes is not None:
        minute = at.floor("min")
        if minute in data.minutes.bars.index:
            return float(data.minutes.bars["open"][minute])
    day = at.normalize()
    if day not in data.bars.index:
        return float("nan")
    if is_near_open(at):
        return float(data.bars["open"][day])
    close = session_hours(day.date())[1].replace(tzinfo=None)
    minutes_left = (close - at.to_pydatetime()).total_seconds() / 60.0
    return float(data.bars["close"][day]) if -1.0 <= minutes_left <= LATEST_FILL else float("nan")


def is_near_open(at: pd.Timestamp) -> bool:
    """Whether a time is that of an order that waited for the open, or followed it at once."""
    after = (at - pd.Timestamp(f"{at.date()} {OPEN}")).total_seconds() / 60.0
    return 0.0 <= after <= LATEST_FILL
