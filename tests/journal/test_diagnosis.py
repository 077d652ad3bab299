import numpy as np
import pandas as pd
import pytest

from iwm_opts.journal.compliance import PlanRules
from iwm_opts.journal.diagnosis import diagnose
from iwm_opts.journal.trade_log import log_of_rows
from tests.refusals import refused, shows


def weekly(results, **columns):
    """A log of weekly trades, $400 at risk each, with these results per dollar at risk."""
    entry = pd.bdate_range("2023-01-03", periods=len(results), freq="5B")
    frame = pd.DataFrame(
        {
            "entry": entry,
            "exit": entry + pd.Timedelta(days=3),
            "contracts": 1,
            "credit": 1.0,
            "debit": 1.0 - np.asarray(results) * 4.0,
            "risk": 400.0,
        }
    )
    return log_of_rows(frame.assign(**columns), "weekly")


def steady(n, seed=1, mean=0.05):
    return np.random.default_rng(seed).normal(mean, 0.2, n)


def backtest(n, seed=2, mean=0.05):
    entry = pd.bdate_range("2005-01-03", periods=n, freq="5B")
    pnl = 400.0 * np.random.default_rng(seed).normal(mean, 0.2, n)
    return pd.DataFrame({"entry": entry, "exit": entry + pd.Timedelta(days=3), "pnl": pnl, "risk": 400.0})


def finding(diagnosis, name):
    return next(one for one in diagnosis.findings if one.name == name)


def test_few_trades_tell_nothing():
    found = diagnose(weekly(steady(8)), PlanRules(), backtest(300))
    assert found.faults == ()
    assert found.edge.word == "too few trades"
    assert shows(found.edge.sentence, "8, at least 20 are")
    few = diagnose(weekly(steady(40)), PlanRules(), backtest(12))
    assert shows(few.edge.sentence, "12, at least 20 are")


def test_a_log_without_a_closed_trade_is_refused():
    log = log_of_rows([{"entry": "2026-03-02", "contracts": 1}], "mine")
    with refused("trades", "mine"):
        diagnose(log, PlanRules())


def test_intact_is_said_only_where_the_end_would_have_been_seen():
    # An edge of 0.20 with a spread of 0.20: 60 trades see its end for sure. One of 0.02 they cannot see.
    strong = diagnose(weekly(steady(60, mean=0.2)), PlanRules(), backtest(400, mean=0.2)).edge
    assert strong.word == "intact"
    assert strong.power_to_see_the_end > 0.99
    weak = diagnose(weekly(steady(60, mean=0.02)), PlanRules(), backtest(400, mean=0.02)).edge
    assert weak.word == "too few trades"
    assert shows(weak.sentence, "backtest's range")
    assert weak.power_to_see_the_end < 0.3


def test_an_edge_that_shrinks_degrades_and_one_that_turns_breaks():
    shrunk = np.concatenate([steady(60, mean=0.30), steady(60, seed=4, mean=0.06)])
    turned = np.concatenate([steady(60, mean=0.30), steady(60, seed=4, mean=-0.30)])
    expected = backtest(400, mean=0.30)
    assert diagnose(weekly(shrunk), PlanRules(), expected).edge.word == "degrading"
    broken = diagnose(weekly(turned), PlanRules(), expected).edge
    assert broken.word == "broken"
    assert broken.since_low <= pd.Timestamp("2024-03-01") <= broken.since_high
    assert broken.p_of_nothing <= 0.005


def test_a_log_alone_is_compared_with_itself():
    turned = np.concatenate([steady(60, mean=0.30), steady(60, seed=4, mean=-0.30)])
    found = diagnose(weekly(turned), PlanRules()).edge
    assert found.word == "broken"
    assert "in the 60 trades before" in found.sentence or "trades before" in found.sentence
    quiet = diagnose(weekly(steady(60, mean=0.3)), PlanRules()).edge
    assert quiet.word == "too few trades"
    assert shows(quiet.sentence, "give a backtest")


def test_execution_is_taken_out_before_the_edge_is_judged():
    # Fills that lose 0.60 dollars a share, 15% of the risk, on an edge of 5%: the trader's fault, not the market's.
    results = steady(100)
    log = weekly(results - 0.15, entry_model=1.0, exit_model=1.0 - results * 4.0)
    found = diagnose(log, PlanRules(), backtest(400))
    assert [fault.name for fault in found.faults] == ["fills"]
    assert finding(found, "fills").cost == pytest.approx(100 * 60.0)


def test_a_criterion_that_losers_broke_is_named_with_both_results():
    generator = np.random.default_rng(6)
    met = generator.random(120) < 0.6
    results = np.where(met, 0.10, -0.25) + generator.normal(0, 0.15, 120)
    answers = [f"trend={'met' if one else 'unmet'}; calm=met; quiet=met" for one in met]
    rules = PlanRules(criteria=("trend", "calm", "quiet"), minimum=2)
    found = diagnose(weekly(results, checklist=answers), rules, backtest(400))
    assert "checklist: trend" in [fault.name for fault in found.faults]
    one = finding(found, "checklist: trend")
    assert one.estimate.value == pytest.approx(results[met].mean() - results[~met].mean())
    assert one.breaches == (~met).sum()
    # No criterion of the minimum is missing: two of three are always met.
    assert finding(found, "checklist minimum").breaches == 0
    effect = next(one for one in found.effects if one.name == "trend")
    assert (effect.with_it.n, effect.without_it.n) == (met.sum(), (~met).sum())
    assert found.losers.broke["trend"] == ((results <= 0) & ~met).sum()


def test_unknown_never_counts_as_met():
    answers = ["trend=unknown; calm=met; quiet=met"] * 30
    rules = PlanRules(criteria=("trend", "calm", "quiet"), minimum=3)
    found = diagnose(weekly(steady(30), checklist=answers), rules)
    one = finding(found, "checklist minimum")
    assert (one.breaches, one.is_fault) == (30, True)


def test_a_slip_is_no_habit():
    due = pd.bdate_range("2023-01-03", periods=60, freq="5B") + pd.Timedelta(days=3)
    late = due.to_series().reset_index(drop=True)
    late[[5, 20]] -= pd.Timedelta(days=1)
    found = diagnose(weekly(steady(60), due=late, due_debit=0.5), PlanRules())
    one = finding(found, "late exits")
    assert (one.breaches, one.is_fault) == (2, False)
    assert shows(one.sentence, "slips")


def test_exits_are_described_and_not_accused():
    reasons = np.where(steady(40) > 0, "profit", "stop")
    found = diagnose(weekly(steady(40), reason=reasons), PlanRules())
    kinds = {effect.name: effect for effect in found.effects}
    assert kinds["stop"].losers == (steady(40) <= 0).sum()
    assert not any("stop" in one.name for one in found.findings)


def test_what_could_not_be_judged_is_said():
    notes = diagnose(weekly(steady(30)), PlanRules()).notes
    assert any(
        note.startswith("model fills (entry_model, exit_model) are unknown in 30 of 30 trades") for note in notes
    )
    assert shows(notes, "30 of 30 trades")


def test_trades_that_overrun_their_minute_are_late_by_minutes():
    # Minute 45 is 10:15: half of them left at 10:15 and half at 11:30.
    rows = [
        {"entry": f"2026-03-{day:02d} 09:45", "exit": f"2026-03-{day:02d} {'11:30' if day % 2 else '10:15'}",
         "contracts": 1, "credit": -1.0, "debit": -1.1, "risk": 100.0}
        for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 23, 24, 25, 26, 27)
    ]  # fmt: skip
    found = diagnose(log_of_rows(rows, "mine"), PlanRules(exit_minute=45))
    (late,) = [one for one in found.findings if one.name == "late exits"]
    assert late.sentence.startswith("10 of 20 trades left after the minute their rule called (50%")
    assert shows(late.sentence, "75 minutes", "average")
