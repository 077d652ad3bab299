"""Ledgers worked by hand, line by line: what the engine and the plain loop could both misread, these would show."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.engine import prepare, run
from iwm_opts.backtest.rules import Costs, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.conventions import Provenance
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.kernels.backtest.state import ASSIGNED_BITS
from iwm_opts.market.contract import settlement_of
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.sector_filter import MacroFilter
from iwm_opts.risk.assignment import is_assigned_by_quotes
from iwm_opts.sources.daily_quotes import NO_SURFACE, Candidates, PackageQuotes, Packages, Series, Terms
from iwm_opts.spreads.entry_rule import EntryRule
from iwm_opts.spreads.entry_selection import select_packages
from iwm_opts.spreads.legs import Wing
from tests.market_quotes import ExpirationQuotes
from tests.refusals import refused, shows

DAYS = tuple(date(2024, 3, day) for day in (11, 12, 13, 14, 15, 18))  # Monday to Friday, and Monday
EXPIRATION = date(2024, 3, 15)
FEES = FeeSchedule.parse("commission=0.65,exercise=5")
HISTORY = IvHistory(
    "made",
    10,
    pd.Series([0.2, 0.3, 0.25], index=pd.DatetimeIndex(["2024-03-06", "2024-03-07", "2024-03-08"])),
    False,
    "",
)


def five_wide(*fields, **more):
    """Entry rule of wings of $5."""
    return EntryRule(*fields, put_wing=Wing(width=5.0), call_wing=Wing(width=5.0), **more)


class MadeMarket:
    """One expiration, quotes as written down: {(place, "P100"): (bid, ask)}, those of a day standing until changed."""

    name, notes, days = "made", (), DAYS
    provenance, surface_days = Provenance.RECORDED, None
    quoted_days = len(DAYS)

    def __init__(self, spot, quotes, deltas, opened=None, dividends=(), root="IWM"):
        self.spot = np.array(spot, dtype=float)
        self.opened = self.spot.copy() if opened is None else np.array(opened, dtype=float)
        self.high, self.low = self.spot + 0.5, self.spot - 0.5
        self.quotes, self.deltas = quotes, deltas
        self.dividends = DividendSchedule(tuple(dividends), "made")
        self.series = Series(root, EXPIRATION)

    def settlement(self, root):
        return settlement_of(root)

    def price(self, place, right, strike):
        name = f"{'C' if right > 0 else 'P'}{strike:g}"
        known = [day for day, option in self.quotes if option == name and day <= place]
        return self.quotes[max(known), name]

    def terms(self, place, series):
        discount = 0.9995
        ahead = sum(d.amount for d in self.dividends.between(self.days[place], EXPIRATION))
        return Terms((EXPIRATION - self.days[place]).days / 365, (self.spot[place] - ahead) / discount, discount)

    def quotes_near(self, place, dte, slack):
        left = (EXPIRATION - self.days[place]).days
        if left <= 0 or abs(left - dte) > slack:
            return None
        names = list(self.deltas)
        right = np.array([1.0 if name[0] == "C" else -1.0 for name in names])
        strike = np.array([float(name[1:]) for name in names])
        bid, ask = np.array([self.price(place, r, k) for r, k in zip(right, strike, strict=True)]).T
        delta = np.array([self.deltas[name] for name in names])
        return ExpirationQuotes(self.series, left, float(self.spot[place]), right, strike, bid, ask, delta)

    def settlement_price(self, series):
        place = DAYS.index(series.expiration)
        return float((self.opened if settlement_of(series.root).settles_on == "open" else self.spot)[place])

    def surface(self):
        return NO_SURFACE

    def entries(self, rule, allowed):
        chosen = {}
        for place in range(len(DAYS) - 1):
            board = self.quotes_near(place, rule.dte, rule.dte_slack)
            if board is not None:
                strike = np.unique(board.strike)
                sides = np.full((6, len(strike)), np.nan)  # bid, ask and delta of calls, then of puts
                for right, *values in zip(board.right, board.strike, board.bid, board.ask, board.delta, strict=True):
                    at = 0 if right > 0 else 3
                    sides[at : at + 3, strike == values[0]] = np.array(values[1:])[:, None]
                quotes, delta = sides[[0, 1, 3, 4]].copy(), (sides[2].copy(), sides[5].copy())
                ends = np.array([0, len(strike)])
                strikes, is_whole = select_packages(
                    rule, np.zeros(1, dtype=np.int64), ends, strike, quotes, delta, *[self.spot[[place]]] * 2
                )
                if is_whole[0]:
                    chosen[place] = strikes[0]
        count = len(chosen)
        return Candidates(
            np.array(list(chosen), dtype=np.int64), (self.series,) * count, np.full(count, -1),
            np.zeros(count + 1, dtype=np.int64), np.empty(0),
            Packages(np.array(list(chosen.values())).reshape(count, -1), self.quote),
        )  # fmt: skip

    def quote(self, rows):
        legs, shape = rows.legs, rows.strike.shape
        bid, ask, marks = np.empty(shape), np.empty(shape), np.zeros((3, shape[1]), dtype=np.int64)
        for row, place in enumerate(rows.place.tolist()):
            for j, (right, strike) in enumerate(zip(legs.right, rows.strike[:, row], strict=True)):
                bid[j, row], ask[j, row] = self.price(place, right, strike)
                is_short = legs.sign[j] < 0 and rows.is_physical[rows.owner[row]]
                if is_short and self.is_assigned(place, right, strike):
                    marks[ASSIGNED_BITS, row] |= 1 << j
        return PackageQuotes(bid, ask, marks)

    def is_assigned(self, place, right, strike):
        """By the opposite right's mid; calls on the eve of an ex-date alone."""
        spot, day, terms = float(self.spot[place]), self.days[place], self.terms(place, self.series)
        due = [d for d in self.dividends.between(day, EXPIRATION) if d.amount > 0]
        is_eve = bool(due) and due[0].ex_date == self.days[place + 1]
        if right * (spot - strike) <= 0 or (right > 0 and not is_eve):
            return False
        bid, ask = self.price(place, -right, strike)
        mid = (bid + ask) / 2 if bid > 0 else 0.0
        rate, ahead = -np.log(terms.discount) / terms.years, spot - terms.forward * terms.discount
        if right > 0:
            return is_assigned_by_quotes(1, spot, strike, mid, rate, terms.years, ahead) == 1.0
        wait = ((due[0].ex_date - day).days - 1 + 8 / 24) / 365 if due else np.nan
        cash = due[0].amount if due else 0.0
        return is_assigned_by_quotes(-1, spot, strike, mid, rate, terms.years, ahead, wait, cash) == 1.0


def traded(market, entry, exits, fills=("natural", "natural", "stress:3"), contracts=1, **more):
    rules = Rules(
        entry,
        GateRule(None, None, 3),
        exits,
        SizeRule(contracts=contracts),
        Costs(*(FillModel.parse(text) for text in fills), FEES),
        **more,
    )
    first = np.array([True] + [False] * (len(DAYS) - 1))
    return run(prepare(market, HISTORY, rules), first)


NEVER = ExitRule(profit=None, stop=None, dte=None)


def test_expiry_between_the_strikes():
    quotes = {(0, "P95"): (0.1, 0.2), (0, "P100"): (0.5, 0.6), (0, "C110"): (0.7, 0.8), (0, "C115"): (0.2, 0.3)}
    quotes |= {(0, "P110"): (5.0, 5.2), (0, "C100"): (6.0, 6.2)}  # asked about when a short leg is in the money
    market = MadeMarket(
        [105, 106, 107, 108, 112, 113], quotes, {"P95": -0.1, "P100": -0.2, "C110": 0.2, "C115": 0.1},
        opened=[105, 105, 106, 107, 108, 113],
    )  # fmt: skip
    entry = five_wide(dte=4, put_delta=0.2, call_delta=0.2)
    found = traded(market, entry, NEVER, contracts=2)
    (trade,) = found.trades.to_dict("records")
    # Monday: sell 100 put at 0.50 and 110 call at 0.70, buy 95 put at 0.20 and 115 call at 0.30: 0.70, mid 0.90.
    assert trade["legs"] == "+1P95 -1P100 -1C110 +1C115"
    assert trade["credit"] == pytest.approx(0.70)
    assert trade["entry_slippage"] == pytest.approx(200 * 0.20)
    # Friday 112: the 110 call is worth 2.00 and exercised, the 115 call is not: short 200 shares at 110.
    assert (trade["reason"], trade["exit"]) == ("expiry", pd.Timestamp("2024-03-15"))
    assert trade["debit"] == pytest.approx(2.00)
    assert trade["mid_pnl"] == pytest.approx(200 * (0.90 - 2.00))
    assert trade["exit_slippage"] == 0.0
    # Monday's open 113: a dollar more than the settlement on 200 shares short.
    assert trade["assignment"] == pytest.approx(-200 * 1.00)
    # 8 contracts opened at 0.65, 2 exercised at 5.
    assert trade["fees"] == pytest.approx(8 * 0.65 + 2 * 5)
    assert trade["pnl"] == pytest.approx(200 * (0.70 - 2.00 - 1.00) - 15.2)
    # Marked at natural: closing costs 0.60 + 0.80 - 0.10 - 0.20 = 1.10 until Friday; the gap is known on Monday.
    opened = 50_000 + 200 * 0.70 - 5.2
    expected = [opened - 220] * 4 + [opened - 400 - 10, opened - 400 - 10 - 200]
    assert found.equity["equity"].to_list() == pytest.approx(expected)
    assert found.equity["cash"].to_list() == pytest.approx([opened] * 4 + expected[4:])
    assert found.equity["positions"].to_list() == [1, 1, 1, 1, 0, 0]
    # Held to expiry, just below 115: 5 - 0.70 and 10% of 115 on the shares short, one option exercised.
    assert trade["risk"] == pytest.approx(2 * (100 * (5 - 0.70 + 11.5) + 4 * 0.65 + 5))


@pytest.mark.parametrize(
    ("exits", "is_closed"),
    [
        (ExitRule(None, None, dte=1), True),  # Thursday
        (ExitRule(None, None, dte=0), False),
        (ExitRule(None, None, dte=None, sessions=3), True),  # Monday's entry: Thursday
        (ExitRule(None, None, dte=None, sessions=4), False),
        (ExitRule(0.5, 2.0, dte=None), False),  # may never be reached
    ],
)
def test_sizes_rest_on_delivery_unless_the_exits_close_before(exits, is_closed):
    quotes = {(0, "P95"): (0.1, 0.2), (0, "P100"): (0.5, 0.6), (0, "C110"): (0.7, 0.8), (0, "C115"): (0.2, 0.3)}
    quotes |= {(0, "P110"): (5.0, 5.2), (0, "C100"): (6.0, 6.2)}
    market = MadeMarket([105] * 6, quotes, {"P95": -0.1, "P100": -0.2, "C110": 0.2, "C115": 0.1})
    entry = five_wide(dte=4, put_delta=0.2, call_delta=0.2)
    (trade,) = traded(market, entry, exits).trades.to_dict("records")
    before, delivered = 100 * 4.30 + 2.6 + 10, 100 * (4.30 + 11.5) + 2.6 + 5
    assert trade["risk"] == pytest.approx(before if is_closed else delivered)
    levels = ExitLevels(exits.profit, exits.stop, exits.dte, exits.sessions)
    assert levels.closes_before(EXPIRATION, DAYS[0]) == is_closed


def test_assignment_on_the_eve_of_an_ex_date():
    quotes = {
        (0, "C100"): (7.9, 8.1), (0, "C105"): (3.2, 3.4), (0, "P100"): (0.0, 0.1), (0, "P105"): (0.2, 0.3),
        (2, "C100"): (7.0, 7.3), (2, "C105"): (2.1, 2.3),
    }  # fmt: skip
    market = MadeMarket(
        [107.5, 108, 107, 106, 106, 106], quotes, {"C100": 0.95, "C105": 0.8},
        dividends=[Dividend(date(2024, 3, 13), 0.80)],
    )  # fmt: skip
    found = traded(market, five_wide("bear-call", dte=4, call_delta=0.95), NEVER)
    (trade,) = found.trades.to_dict("records")
    # Tuesday evening: exercise gains the holder 0.80 of dividend, less the put at 0.05 and interest of 100 x 0.0005.
    # Wednesday: 100 shares short at 100 are bought at 107 and owe 0.80; the 105 call is sold at its bid of 2.10.
    assert (trade["reason"], trade["exit"]) == ("assigned", pd.Timestamp("2024-03-13"))
    assert trade["credit"] == pytest.approx(7.9 - 3.4)
    assert trade["pnl"] == pytest.approx(100 * (4.5 + 2.10 - 7.00 - 0.80) - 2 * 0.65 - 0.65 - 5)
    assert trade["mid_pnl"] == pytest.approx(100 * ((8.0 - 3.3) - (7.15 - 2.2)))
    assert trade["entry_slippage"] == pytest.approx(20)
    assert trade["exit_slippage"] == pytest.approx(10)
    assert trade["fees"] == pytest.approx(3 * 0.65 + 5)
    assert trade["assignment"] == pytest.approx(100 * (7.15 - 7.00 - 0.80))
    assert shows(found.notes, "1 trade", "assigned")
    # What it can cost just below 105: 5 of width less the credit, the dividend, 10% on the shares short, one exercise.
    assert trade["risk"] == pytest.approx(100 * (5 - 4.5 + 0.80 + 10.5) + 1.3 + 5)
    # A richer put says that the holder keeps his call: its time value is above the dividend.
    kept = MadeMarket(
        market.spot, quotes | {(0, "P100"): (0.7, 0.9)}, market.deltas, dividends=market.dividends.dividends
    )
    (other,) = traded(kept, five_wide("bear-call", dte=4, call_delta=0.95), NEVER).trades.to_dict("records")
    assert other["reason"] == "expiry"


def test_a_dividend_on_the_last_day_is_owed_by_what_settles_then():
    quotes = {(0, "C100"): (7.9, 8.1), (0, "C105"): (3.2, 3.4), (0, "P100"): (0.0, 0.1), (0, "P105"): (0.2, 0.3)}
    market = MadeMarket(
        [107.5, 108, 107, 107, 106, 109], quotes, {"C100": 0.95, "C105": 0.8},
        dividends=[Dividend(date(2024, 3, 15), 0.80)],
    )  # fmt: skip
    (trade,) = traded(market, five_wide("bear-call", dte=4, call_delta=0.95), NEVER).trades.to_dict("records")
    # Thursday evening the 100 call is assigned, as above: 100 shares short at 100 that owe Friday's 0.80. The 105 call,
    # in the money at 106, delivers 100 shares at 105 for them: 5 lost, and Monday's 109 is nobody's concern.
    assert (trade["reason"], trade["exit"]) == ("assigned", pd.Timestamp("2024-03-15"))
    assert trade["assignment"] == pytest.approx(-80)
    assert trade["fees"] == pytest.approx(2 * 0.65 + 2 * 5)
    assert trade["pnl"] == pytest.approx(100 * (4.5 - 5 - 0.80) - 1.3 - 10)


def test_a_put_is_assigned_for_the_interest():
    quotes = {(0, "P100"): (19.9, 20.1), (0, "P95"): (14.9, 15.1), (0, "C100"): (0.0, 0.02)}
    market = MadeMarket([80, 80, 81, 81, 81, 81], quotes, {"P100": -0.99, "P95": -0.97})
    found = traded(market, five_wide("bull-put", dte=4, put_delta=0.99), NEVER)
    (trade,) = found.trades.to_dict("records")
    # Nobody bids for the call on Monday evening, its mid of 0.01 is below the interest of 0.05. On Tuesday 100 shares
    # bought at 100 are sold at 80, and the 95 put at its bid.
    assert (trade["reason"], trade["sessions"]) == ("assigned", 1)
    assert trade["pnl"] == pytest.approx(100 * ((19.9 - 15.1) + 14.9 - 20.0) - 3 * 0.65 - 5)
    # A call at 0.02 is below the interest as well, but at its vol of 100% waiting pays: the put is not assigned.
    bid_for = quotes | {(0, "C100"): (0.01, 0.03)}
    held = traded(MadeMarket(market.spot, bid_for, market.deltas), five_wide("bull-put", dte=4, put_delta=0.99), NEVER)
    assert held.trades["reason"].to_list() == ["expiry"]
    cash = traded(
        MadeMarket(market.spot, quotes, market.deltas, root="XSP"), five_wide("bull-put", dte=4, put_delta=0.99), NEVER
    )
    assert cash.trades["reason"].to_list() == ["expiry"]  # a European is never assigned early
    assert cash.trades["assignment"].to_list() == [0.0]


def test_a_stop_in_a_panic():
    quotes = {
        (0, "P100"): (0.95, 1.05), (0, "P95"): (0.45, 0.55), (0, "C100"): (9.0, 9.2),
        (1, "P100"): (1.10, 1.20), (1, "P95"): (0.50, 0.60),
        (2, "P100"): (4.00, 4.40), (2, "P95"): (2.00, 2.40),
    }  # fmt: skip
    market = MadeMarket([105, 104, 97, 96, 96, 96], quotes, {"P100": -0.2, "P95": -0.1})
    found = traded(
        market, five_wide("bull-put", dte=4, put_delta=0.2), ExitRule(profit=0.5, stop=2.0, dte=None),
        ("fraction:0.5", "fraction:0.5", "stress:3"),
    )  # fmt: skip
    (trade,) = found.trades.to_dict("records")
    # Monday: mid 0.50, half-spreads 0.10, half of them given: 0.45. Tuesday closing would cost 0.60 + 0.05 < 1.35.
    assert trade["credit"] == pytest.approx(0.45)
    # Wednesday closing would cost 2.00 + 0.20: stopped, at three times the half-spreads of 0.40.
    assert (trade["reason"], trade["exit"]) == ("stop", pd.Timestamp("2024-03-13"))
    assert trade["debit"] == pytest.approx(2.00 + 3 * 0.40)
    assert trade["mid_pnl"] == pytest.approx(100 * (0.50 - 2.00))
    assert trade["entry_slippage"] == pytest.approx(5)
    assert trade["exit_slippage"] == pytest.approx(120)
    assert trade["fees"] == pytest.approx(4 * 0.65)
    assert trade["pnl"] == pytest.approx(100 * (0.45 - 3.20) - 2.6)
    assert trade["max_adverse"] == pytest.approx(100 * (0.45 - 3.20))
    opened = 50_000 + 45 - 1.3
    expected = [opened - 55, opened - 65, *[opened - 320 - 1.3] * 4]
    assert found.equity["equity"].to_list() == pytest.approx(expected)


def test_a_stop_fills_at_natural_on_the_quotes_of_the_day_by_default():
    # The same Wednesday: quotes that are eight times as wide hold the panic already.
    quotes = {
        (0, "P100"): (0.95, 1.05), (0, "P95"): (0.45, 0.55), (0, "C100"): (9.0, 9.2),
        (2, "P100"): (4.00, 4.40), (2, "P95"): (2.00, 2.40),
    }  # fmt: skip
    market = MadeMarket([105, 104, 97, 96, 96, 96], quotes, {"P100": -0.2, "P95": -0.1})
    rules = Rules(five_wide("bull-put", dte=4, put_delta=0.2), GateRule(None, None, 3), ExitRule(dte=None),
                  SizeRule(contracts=1), Costs(fees=FEES))  # fmt: skip
    (trade,) = run(prepare(market, HISTORY, rules), np.arange(len(DAYS)) == 0).trades.to_dict("records")
    assert (trade["reason"], trade["debit"]) == ("stop", pytest.approx(2.00 + 0.40))


def test_wings_in_dollars_over_prices_that_more_than_double_are_named():
    quotes = {(0, "P100"): (0.95, 1.05), (0, "P95"): (0.45, 0.55), (0, "C100"): (9.0, 9.2)}
    for last, count in ((40, 1), (60, 0)):
        market = MadeMarket([105, 105, 105, 105, 105, last], quotes, {"P100": -0.2, "P95": -0.1})
        notes = traded(market, five_wide("bull-put", dte=4, put_delta=0.2), NEVER).notes
        assert (
            sum(note.startswith("spot between 40 and 105: wings of $5 are 4.8% to 12.5% of it") for note in notes)
            == count
        )


def test_nobody_pays_more_than_the_width_to_close():
    quotes = {(0, "P100"): (0.95, 1.05), (0, "P95"): (0.45, 0.55), (0, "C100"): (9.0, 9.2)}
    quotes |= {(1, "P100"): (20.0, 26.0), (1, "P95"): (14.0, 20.0)}
    market = MadeMarket([105, 80, 80, 80, 80, 80], quotes, {"P100": -0.2, "P95": -0.1})
    found = traded(market, five_wide("bull-put", dte=4, put_delta=0.2), ExitRule(profit=0.5, stop=2.0, dte=None))
    assert found.trades["debit"].to_list() == [5.0]


def test_a_debit_spread_is_sold_back_at_its_profit_and_its_stop():
    quotes = {(0, "C100"): (2.9, 3.1), (0, "C105"): (0.9, 1.1), (0, "P105"): (5.0, 5.2)}
    rising = quotes | {(1, "C100"): (5.0, 5.2), (1, "C105"): (1.5, 1.7)}
    falling = quotes | {(1, "C100"): (1.5, 1.7), (1, "C105"): (0.4, 0.6)}
    found = {}
    for name, quoted in (("profit", rising), ("stop", falling)):
        market = MadeMarket([101, 103, 103, 103, 103, 103], quoted, {"C100": 0.55, "C105": 0.3})
        entry = five_wide("bull-call", dte=4, call_delta=0.55)
        (found[name],) = traded(market, entry, ExitRule(profit=0.4, stop=0.5, dte=None)).trades.to_dict("records")
    # Bought at 3.10 - 0.90 = 2.20. Sold back at 5.00 - 1.70 = 3.30, half more; or at half and less: stressed.
    assert found["profit"]["credit"] == pytest.approx(-2.20)
    assert (found["profit"]["reason"], found["profit"]["debit"]) == ("profit", pytest.approx(-3.30))
    assert found["profit"]["pnl"] == pytest.approx(110 - 4 * 0.65)
    assert (found["stop"]["reason"], found["stop"]["debit"]) == ("stop", pytest.approx(-(1.6 - 0.5 - 3 * 0.2)))


def test_an_unknown_return_lets_nobody_in():
    quotes = {(0, "P100"): (0.95, 1.05), (0, "P95"): (0.45, 0.55), (0, "C100"): (9.0, 9.2)}
    market = MadeMarket([105] * 6, quotes, {"P100": -0.2, "P95": -0.1})
    kre = pd.Series([-0.02, -0.01], index=pd.DatetimeIndex(["2024-03-11", "2024-03-12"]))
    rules = Rules(
        five_wide("bull-put", dte=3, dte_slack=2, put_delta=0.2, max_open=9),
        GateRule(None, None, 3),
        NEVER,
        SizeRule(contracts=1),
        macro=MacroFilter(),
    )
    found = run(prepare(market, HISTORY, rules, macro=kre), np.ones(6, dtype=bool))
    # Monday has no value of the Friday before, Tuesday Monday's -2%, Wednesday Tuesday's -1%, the rest none.
    assert found.trades["entry"].dt.day.to_list() == [13]
    assert found.skipped["KRE return is unknown"] == 3
    assert found.skipped["KRE return >= -0.015 is not met"] == 1
    with refused("macro", "KRE"):
        prepare(market, HISTORY, rules)


def test_pins_are_counted():
    quotes = {(0, "P100"): (0.95, 1.05), (0, "P95"): (0.45, 0.55), (0, "C100"): (9.0, 9.2)}
    market = MadeMarket([105, 104, 103, 102, 100.3, 101], quotes, {"P100": -0.2, "P95": -0.1})
    found = traded(market, five_wide("bull-put", dte=4, put_delta=0.2), NEVER)
    assert shows(found.notes, "1 trade", "expired")


@pytest.mark.parametrize(("first", "reason"), [("worst", "touch"), ("best", "profit")])
def test_the_order_of_exits_on_one_day(first, reason):
    quotes = {(0, "P100"): (0.95, 1.05), (0, "P95"): (0.45, 0.55), (0, "C100"): (9.0, 9.2)}
    quotes |= {(1, "P100"): (0.10, 0.20), (1, "P95"): (0.05, 0.10)}
    market = MadeMarket([105, 104, 103, 103, 103, 103], quotes, {"P100": -0.2, "P95": -0.1})
    market.low[1] = 99.9  # reached and left again
    exits = ExitRule(profit=0.25, stop=2.0, touch=True, dte=None, first=first)
    found = traded(market, five_wide("bull-put", dte=4, put_delta=0.2), exits)
    assert found.trades["reason"].to_list() == [reason]
