"""Exit levels: one set of bounds for screens, tickets, backtests and plans."""

from datetime import date

import pytest

import iwm_opts as iwm
from iwm_opts.backtest.rules import EntryRule, ExitRule
from iwm_opts.backtest.rules import Rules as EngineRules
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.market.contract import can_expire

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
    with pytest.raises(InputError, match=r"none|fraction") as failure:
        ExitLevels(**{field: value})
    assert failure.value.name == {"dte": "exit_dte"}.get(field, field)
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
    with pytest.raises(InputError, match=r"profit=2\.0: a fraction of a credit must be at most 1\. Half of it is 0\.5"):
        ExitLevels(profit=2.0).profit_level(is_credit=True)
    with pytest.raises(InputError, match="of a credit must be at most 1"):
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
    with pytest.raises(InputError, match=f"expiration='{day}': a {weekday} without a session.*Give {before}"):
        iwm.ticket(LEGS, expiration=day)


@pytest.mark.parametrize("contracts", [1.5, "2", True, -1, float("nan")])
def test_contracts_are_whole(contracts):
    for order in (
        lambda: iwm.ticket(LEGS, expiration=FRIDAY, contracts=contracts),
        lambda: iwm.Rules(contracts=contracts),
    ):
        with pytest.raises(InputError, match=r"must be a whole number of at least 1\. Give") as failure:
            order()
        assert failure.value.name == "contracts"


def test_a_target_or_stop_below_a_tick_says_why():
    ticket = iwm.ticket(LEGS, expiration=FRIDAY, profit=0.99)
    reason = "profit=0.99: no closing order, at 0.99 of a credit of 0.48 closing would cost less than one tick, 0.01"
    assert ticket.ticket.target is None
    assert reason in ticket.warnings
    assert reason in " ".join(ticket.to_text(columns=200).split())
    with pytest.raises(InputError, match="one tick"):
        ticket.order(closing=True)
    bought = iwm.ticket(CALL, expiration=FRIDAY, stop=1.0)
    assert bought.ticket.stop_price is None
    assert any("stop=1: no closing order" in warning and "bring" in warning for warning in bought.warnings)


@pytest.mark.parametrize(
    ("day", "is_allowed"),
    [(date(2014, 4, 19), True), (date(2026, 4, 18), False), (date(2026, 4, 17), True), (date(2026, 4, 3), False)],
)  # a Saturday of the years that dated monthlies so, one of later years, a Friday, Good Friday
def test_options_expire_on_sessions(day, is_allowed):
    assert can_expire(day) is is_allowed
