import numpy as np
import pandas as pd
import pytest

from iwm_opts.journal.compliance import PlanRules, compliance, rules_of
from iwm_opts.journal.trade_log import log_of_rows
from iwm_opts.plans.plan import make_plan

TRADE = {
    "entry": "2026-03-02 10:00",
    "exit": "2026-03-19 15:00",
    "expiration": "2026-04-17",
    "contracts": 4,
    "planned_contracts": 2,
    "credit": 1.00,
    "debit": 1.60,
    "entry_mid": 1.05,
    "exit_mid": 1.50,
    "entry_model": 1.02,
    "exit_model": 1.55,
    "due": "2026-03-16",
    "due_debit": 1.25,
    "fees": 20.0,
    "model_fees": 16.0,
    "risk": 1600.0,
    "checklist": "trend=met; calm=unmet; quiet=unknown",
}


def judged(rules=None, **other):
    log = log_of_rows([{**TRADE, **other}], "mine")
    assert log.problems == ()
    return compliance(log, rules or PlanRules()).iloc[0]


def test_one_trade_by_hand():
    # 400 shares: in at 1.00 for the model's 1.02 (8 lost), out at 1.60 for its 1.55 (20 lost); three sessions after the
    # due day, when the model would have paid 1.25 (120 lost); 4 of fees over the schedule; twice the size.
    one = judged()
    assert one["pnl"] == pytest.approx(-240.0 - 20.0)
    assert one["fill_cost"] == pytest.approx(28.0)
    assert one["late"] == 3
    assert one["late_cost"] == pytest.approx(120.0)
    assert one["fee_cost"] == pytest.approx(4.0)
    assert one["slippage"] == pytest.approx(400 * (0.05 + 0.10))
    assert one["oversize"] == pytest.approx(1.0)
    assert one["size_cost"] == pytest.approx(130.0)  # half of the loss was the excess
    # Put right: 400 x (1.02 - 1.25) - 16 = -108 on 1,600 at risk.
    assert one["as_planned"] == pytest.approx(-108.0)
    assert one["result"] == pytest.approx(-108.0 / 1600.0)
    assert (one["met"], one["answer trend"], one["answer quiet"]) == (1, "met", "unknown")


def test_leaving_on_the_due_day_is_not_late():
    one = judged(exit="2026-03-16 15:59", debit=1.25, exit_model=1.25)
    assert (one["late"], one["late_cost"]) == (0, 0.0)


def test_a_weekend_is_no_session():
    assert judged(due="2026-03-13", exit="2026-03-16")["late"] == 1  # Friday, Monday


def test_the_calendar_knows_the_exits_by_time():
    # 21 days before 2026-04-17 is Friday 2026-03-27; left on Tuesday: two sessions late. What it cost nobody knows.
    rules = PlanRules(exit_dte=21)
    one = judged(rules, exit="2026-03-31", due=None, due_debit=None)
    assert (one["due"], one["late"]) == (pd.Timestamp("2026-03-27"), 2)
    assert np.isnan(one["late_cost"])
    assert judged(rules, due=None, due_debit=None)["late"] == 0
    # Three sessions from Monday 2026-03-02: Thursday.
    assert judged(PlanRules(exit_sessions=3), due=None)["due"] == pd.Timestamp("2026-03-05")
    assert np.isnan(judged(due=None)["late"])


def test_a_day_that_was_not_marked_may_have_been_due_before():
    # The rule by the calendar called on 2026-03-05; the first mark that says so is of the 16th.
    one = judged(PlanRules(exit_sessions=3))
    assert (one["due"], one["late"]) == (pd.Timestamp("2026-03-05"), 10)
    assert np.isnan(one["late_cost"])


def test_the_size_is_held_against_the_plan_where_the_log_is_silent():
    rules = PlanRules(risk_share=0.02, account=40_000.0)
    assert judged(rules, planned_contracts=None)["oversize"] == pytest.approx(1.0)  # 1,600 for 800
    assert judged(rules, planned_contracts=None, planned_risk=1_600.0)["oversize"] == pytest.approx(0.0)
    assert np.isnan(judged(planned_contracts=None)["oversize"])


def test_what_was_booked_moves_the_allowed_risk():
    # 2% of 40,000 is 800; after a loss of 20,000 it is 400.
    second = {**TRADE, "entry": "2026-03-20", "exit": "2026-03-25", "planned_contracts": None, "due": None}
    first = {**second, "entry": "2026-03-02", "exit": "2026-03-19", "credit": -24.0, "debit": 25.95, "fees": 20.0}
    found = compliance(log_of_rows([first, second], "mine"), PlanRules(risk_share=0.02, account=40_000.0))
    assert found["pnl"].iloc[0] == pytest.approx(-20_000.0)
    assert found["oversize"].tolist() == pytest.approx([1.0, 3.0])


def test_unknown_fills_are_left_in_the_result():
    one = judged(entry_model=None, exit_model=None, due=None, due_debit=None, model_fees=None)
    assert np.isnan(one["fill_cost"])
    assert one["as_planned"] == one["pnl"]


def test_fees_are_held_against_the_plans_schedule():
    # Two legs, four packages, 0.65 a contract: 5.20 in, and as much out unless it expires.
    rules = PlanRules(fees="custom:0.65")
    other = {"model_fees": None, "legs": "+1P195 -1P200", "reason": "closed"}
    assert judged(rules, **other)["fee_cost"] == pytest.approx(20.0 - 10.4)
    assert judged(rules, **{**other, "reason": "expiry"})["fee_cost"] == pytest.approx(20.0 - 5.2)
    assert np.isnan(judged(rules, **{**other, "legs": "+1P195 -1P195:2026-05-15"})["fee_cost"])
    assert np.isnan(judged(**other)["fee_cost"])


def test_the_rules_of_a_plan():
    plan = make_plan(
        name="condors", edge="vol-contraction", horizon="multi-week", instrument="condor", account={"risk": "2%"}
    )
    rules = rules_of(plan)
    assert (rules.name, rules.risk_share, rules.account) == ("condors", 0.02, 50_000.0)
    assert (rules.exit_dte, rules.exit_sessions) == (21, None)
    assert rules.minimum == 3
    assert len(rules.criteria) >= 3
