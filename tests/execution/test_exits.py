"""Exit levels: one set of bounds for screens, tickets, backtests and plans."""

import math
from datetime import date, timedelta

import pytest

import iwm_opts as iwm
from iwm_opts.backtest.rules import ExitRule
from iwm_opts.backtest.rules import Rules as EngineRules
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import ExitLevels, check_entry_window
from iwm_opts.kernels.backtest.codes import HELD
from iwm_opts.kernels.backtest.exits import exit_reason
from iwm_opts.market.calendar import latest_session, sessions
from iwm_opts.market.contract import can_expire
from iwm_opts.spreads.entry_rule import EntryRule
from tests.refusals import refused, shows

LEGS = "+1P195@0.70/0.74 -1P200@1.20/1.26"  # a credit of 0.48
CALL = "+1C200@3.0/3.1"
FRIDAY = "2035-12-21"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("profit", 0), ("profit", -0.5), ("profit", float("nan")), ("profit", float("inf")), ("profit", 50),
        ("profit", "50"), ("profit", "half"), ("profit", True), ("profit", "0%"), ("stop", 0), ("stop", -1.0),
        ("stop", "0"), ("stop", float("nan")), ("dte", 21.5), ("dte", -1), ("sessions", 0), ("sessions", 1.5),
    ],
)  # fmt: skip
def test_levels_without_a_meaning_are_refused(field, value):
    with refused({"dte": "exit_dte"}.get(field, field), 50.0 if value == "50" else value):
        ExitLevels(**{field: value})
    with pytest.raises(InputError):
        EngineRules(EntryRule("long-call"), exit=ExitRule(**{field: value}))


def test_percentages_are_fractions():
    assert ExitLevels(profit="50%", stop="200%") == ExitLevels(0.5, 2.0)
    assert iwm.Rules(profit="29%", stop="150%", put_delta="16.1%").resolved().exit.profit == 0.29
    assert iwm.Rules(put_delta="16.1%").resolved().entry.put_delta == 0.161
    written = iwm.ticket(LEGS, expiration=FRIDAY, profit="50%", stop="200%").record()
    assert written == iwm.ticket(LEGS, expiration=FRIDAY, profit=0.5, stop=2.0).record()


def test_a_credit_is_gained_once():
    assert ExitLevels(profit=1.0).profit_level(is_credit=True) == 1.0
    assert ExitLevels(profit=2.0).profit_level(is_credit=False) == 2.0
    with refused("profit", 2.0, "1", "0.5"):
        ExitLevels(profit=2.0).profit_level(is_credit=True)
    with refused("profit", 2.0, "at most 1"):
        iwm.ticket(LEGS, expiration=FRIDAY, profit=2.0)
    assert iwm.ticket(CALL, expiration=FRIDAY, profit=2.0).ticket.target.price == pytest.approx(9.24)  # bought at 3.08


@pytest.mark.parametrize(
    ("day", "weekday", "before"),
    [
        ("2035-12-22", "Saturday", "2035-12-21"),
        ("2026-12-25", "Friday", "2026-12-24"),
        ("2030-06-09", "Sunday", "2030-06-07"),
    ],
)
def test_typed_legs_expire_on_sessions(day, weekday, before):
    with refused("expiration", day, weekday, before):
        iwm.ticket(LEGS, expiration=day)


@pytest.mark.parametrize("contracts", [1.5, "2", True, -1, float("nan")])
def test_contracts_are_whole(contracts):
    for order in (
        lambda: iwm.ticket(LEGS, expiration=FRIDAY, contracts=contracts),
        lambda: iwm.Rules(contracts=contracts),
    ):
        with refused("contracts", contracts, "at least 1"):
            order()


def test_a_target_or_stop_below_a_tick_says_why():
    ticket = iwm.ticket(LEGS, expiration=FRIDAY, profit=0.99)
    reason = "profit=0.99: no closing order, at 0.99 of a credit of 0.48 closing would cost less than one tick, 0.01"
    assert ticket.ticket.target is None
    assert reason in ticket.warnings
    assert reason in " ".join(ticket.to_text(columns=200).split())
    with refused("closing", True):
        ticket.order(closing=True)
    bought = iwm.ticket(CALL, expiration=FRIDAY, stop=1.0)
    assert bought.ticket.stop_price is None
    assert shows(" ".join(bought.warnings), "1 x", "3.08 to", "nothing")


def test_a_stop_beyond_the_width_is_none_in_every_place():
    legs = "+1P195@0.60/0.70 -1P200@2.90/3.00"  # mid 2.30, natural 2.20
    ticket = iwm.ticket(legs, expiration=FRIDAY)
    sentence = "no stop within the width: 3 x credit = 6.75 exceeds 5.00; the worst case is the max loss"
    assert (ticket.limit, ticket.ticket.stop_price, ticket.ticket.no_stop) == (2.25, None, sentence)
    assert ticket.warnings.count(sentence) == 1
    assert ticket.record()["stop_price"] is None
    reachable = iwm.ticket(legs, expiration=FRIDAY, stop=1.2).ticket
    assert (reachable.stop_price, reachable.no_stop) == (-4.95, "")
    naked = iwm.ticket("-1P200@2.90/3.00", expiration=FRIDAY).ticket
    assert naked.stop_price == -8.76  # three times 2.92


@pytest.mark.parametrize(
    ("credit", "stop", "most", "is_beyond"),
    [(5 / 3, 2.0, 5.0, False), (1.67, 2.0, 5.0, True), (9.0, 2.0, math.inf, False), (-3.0, 0.5, 0.0, False),
     (-3.0, 1.0, 0.0, True)],
)  # fmt: skip
def test_stops_end_at_the_largest_cost_of_closing(credit, stop, most, is_beyond):
    assert bool(ExitLevels(stop=stop).no_stop(credit, most)) is is_beyond
    assert ExitLevels(stop=None).no_stop(credit, most) == ""


def test_a_target_beyond_the_width_is_none():
    legs = "+1C200@4.00/4.10 -1C205@0.10/0.20"  # bought at 3.95 of at most 5.00
    ticket = iwm.ticket(legs, expiration=FRIDAY, profit=0.5).ticket
    assert (ticket.entry.price, ticket.target) == (-3.95, None)
    assert shows(ticket.no_target, "profit=0.5", "width: 5.93 exceeds 5.00")
    assert iwm.ticket(legs, expiration=FRIDAY, profit=0.25).ticket.target.price == 4.94


@pytest.mark.parametrize(
    ("expiration", "entry", "levels", "day"),
    [
        ("2026-07-24", "2026-06-26", ExitLevels(dte=21), "2026-07-06"),  # 07-03 is a holiday: 22 days left on 07-02
        ("2026-07-31", "2026-06-26", ExitLevels(dte=21), "2026-07-10"),
        ("2026-07-24", "2026-06-26", ExitLevels(dte=21, sessions=3), "2026-07-01"),
        ("2026-07-24", "2026-06-26", ExitLevels(dte=None), None),
        ("2026-07-24", "2026-06-26", ExitLevels(dte=None, sessions=400), None),
        ("2026-07-24", "2026-07-10", ExitLevels(dte=21), "2026-07-13"),  # due at entry, closed on the session after
        ("2026-07-24", "2026-06-26", ExitLevels(dte=10**9), "2026-06-29"),
    ],
)
def test_the_clock_closes_on_the_first_session_within_its_days(expiration, entry, levels, day):
    due = levels.time_exit(date.fromisoformat(expiration), date.fromisoformat(entry))
    assert due == (None if day is None else date.fromisoformat(day))


@pytest.mark.parametrize("levels", [ExitLevels(None, None, 21), ExitLevels(None, None, 7, 12)])
@pytest.mark.parametrize("expiration", [date(2026, 7, 24), date(2026, 12, 18), date(2027, 1, 15)])
def test_the_day_of_the_time_exit_is_the_backtests_own(levels, expiration):
    for entry in (expiration - timedelta(days=35), expiration - timedelta(days=50)):
        held = [day.item() for day in sessions(latest_session(entry), expiration)]
        bounds = (math.nan, math.nan, float(levels.dte), float(levels.sessions or math.inf))
        reasons = {
            day: exit_reason(1.0, 1.0, False, float((expiration - day).days), float(count), False, *bounds, False)
            for count, day in enumerate(held)
            if count
        }
        assert levels.time_exit(expiration, held[0]) == next(day for day, why in reasons.items() if why != HELD)


@pytest.mark.parametrize(
    ("day", "is_allowed"),
    [(date(2014, 4, 19), True), (date(2026, 4, 18), False), (date(2026, 4, 17), True), (date(2026, 4, 3), False)],
)  # a Saturday of the years that dated monthlies so, one of later years, a Friday, Good Friday
def test_options_expire_on_sessions(day, is_allowed):
    assert can_expire(day) is is_allowed


@pytest.mark.parametrize(
    ("first", "exit_dte", "earliest"),
    [(21, 21, 28), (23, 21, 28), (27, 21, 28), (7, 7, 14), (3, 2, 4), (0, 0, 1), (1, 1, 2)],
)
def test_a_window_that_the_dte_exit_closes_within_days_is_refused(first, exit_dte, earliest):
    with refused("dte", f"{first}:60", earliest):
        check_entry_window((first, 60), exit_dte)
    check_entry_window((earliest, 60), exit_dte)
    check_entry_window((first, 60), None)
