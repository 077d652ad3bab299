import csv
import io
from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.market.calendar import sessions
from tests.refusals import shows

PLAN = """
version = 1
name = "condors"
edge = "vol-contraction"
horizon = "multi-week"
instrument = "condor"

[account]
value = 100000
risk = "1%"

[package]
dte = 32
dte_slack = 4
delta = 0.20
width = 10

[costs]
fill = "natural"
fees = "custom:0.50"

[checklist]
minimum = 1
criteria = ["calm", "premium"]
"""


@pytest.fixture
def paper(run, chain_file, history_file, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)

    def call(action, *arguments):
        source = () if action == "list" else ("--source", chain_file)
        history = ("--iv-history", history_file) if action == "open" else ()
        day = () if "--as-of" in arguments or action == "list" else ("--as-of", "2026-03-02")
        return run("paper", action, *arguments, *source, *history, *day)

    return call


def test_a_plan_is_opened_marked_closed_and_reviewed(paper, run):
    opened = paper("open", "--plan", "plan.toml", "--answer", "calm=met", "--format", "json").json
    (trade,) = opened["trades"]
    assert opened["outcome"] == "opened"
    assert (trade["number"], trade["plan"], trade["strategy"]) == (1, "condors", "iron-condor")
    assert trade["fill"] == "natural"
    assert trade["credit"] < trade["mid"]
    assert trade["checklist"] == {"calm": "met", "premium": "unknown"}
    assert trade["exits"] == {"profit": 0.5, "stop": 2.0, "dte": 21, "sessions": None, "minute": None}
    assert trade["planned_risk"] <= 1000.0  # 1% of 100,000
    strikes = [float(leg[3:]) for leg in trade["legs"].split()]
    assert strikes[1] - strikes[0] == strikes[3] - strikes[2] == 10.0

    assert "open already, nothing changed" in paper("open", "--plan", "plan.toml").out
    marked = paper("mark", "--format", "json").json
    (mark,) = marked["trades"][0]["marks"]
    assert (mark["day"], mark["rule"]) == ("2026-03-02", "")
    assert mark["debit"] >= mark["mid"]
    assert " 1 2026-03-02 " in paper("list").out

    closed = paper("close", "1", "--debit", "0.50", "--reason", "bored", "--format", "json").json["trades"][0]
    assert closed["closing"]["debit"] == 0.5
    assert paper("list").out.startswith("no trade on paper")
    rows = list(csv.DictReader(io.StringIO(paper("list", "--all", "--format", "csv").out)))
    assert [(row["trade"], row["reason"], row["plan"]) for row in rows] == [("1", "bored", "condors")]
    reviewed = run("review", "paper", "--plan", "plan.toml", "--format", "json").json
    assert (reviewed["closed"], reviewed["plan"]) == (1, "condors")
    made = 100 * int(trade["contracts"]) * (trade["credit"] - 0.5) - trade["fees"] - closed["closing"]["fees"]
    assert reviewed["whole"]["pnl"] == pytest.approx(made)


def test_a_closed_gate_opens_nothing_and_says_so(paper):
    page = paper("open", "--ivr-below", "0", "--dte", "28:50")
    assert page.code == 3
    assert page.out.startswith("not opened: the gate is closed (")
    assert paper("list", "--all").out.startswith("no trade on paper")
    assert "opened" in paper("open", "--ivr-below", "0", "--dte", "28:50", "--anyway", "--contracts", "1").out


def test_what_is_typed_goes_over_the_plan(paper):
    (trade,) = paper(
        "open", "--plan", "plan.toml", "--fill", "mid", "--width", "5", "--stop", "none", "--format", "json"
    ).json["trades"]
    assert (trade["fill"], trade["exits"]["stop"]) == ("mid", None)
    strikes = [float(leg[3:]) for leg in trade["legs"].split()]
    assert strikes[1] - strikes[0] == 5.0


def test_a_vertical_is_opened_too(paper):
    (trade,) = paper(
        "open", "--instrument", "bull-put", "--dte", "28:50", "--account", "90000", "--format", "json"
    ).json["trades"]
    assert trade["strategy"] == "bull-put"


def test_an_own_credit_of_the_wrong_sign_opens_nothing(paper):
    opened = paper("open", "--instrument", "bull-put", "--dte", "28:50", "--account", "90000", "--credit", "-0.50")
    assert opened.code == 1
    assert shows(" ".join(opened.err.split()), "credit=-0.5", "0.5 for")
    assert paper("list").out.startswith("no trade on paper")


BY_RULE = """
version = 1
name = "dips"
edge = "mean-reversion"
horizon = "swing"
instrument = "vertical"
[account]
value = 100000
[package]
dte = 32
dte_slack = 4
delta = 0.3
credit_rank = %s
"""


@pytest.mark.parametrize(("rank_at_most", "strategy"), [(0.0, "bull-put"), (50.0, "bull-call")])
def test_a_vertical_by_rule_is_sold_or_bought_by_the_rank(paper, tmp_path, rank_at_most, strategy):
    # The history falls to its low: its rank is 0, which reaches a credit rank of 0 and not one of 50.
    (tmp_path / "dips.toml").write_text(BY_RULE % rank_at_most)
    (trade,) = paper("open", "--plan", "dips.toml", "--format", "json").json["trades"]
    assert trade["strategy"] == strategy
    assert (trade["credit"] > 0) == (strategy == "bull-put")
    assert trade["exits"]["sessions"] == 10  # a swing
    assert trade["exits"]["stop"] == (2.0 if strategy == "bull-put" else 0.5)  # of the credit, or of the debit


def test_a_market_that_stands_in_is_not_traded(paper, run):
    # Without a network auto falls back on the simulated market: nothing is opened there, nor marked.
    page = run("paper", "open", "--as-of", "2026-03-10", "--anyway", "--contracts", "1")
    assert page.code == 3
    assert page.out.startswith("not opened: ")
    assert shows(page.out, "--source sim")
    paper("open", "--plan", "plan.toml")
    marked = run("paper", "mark")
    assert marked.code == 1
    assert shows(marked.err, "real quotes", "simulated")
    assert run("paper", "list", "--format", "json").json["trades"][0]["marks"] == []


def test_single_options_are_kept_too(paper):
    arguments = ("--instrument", "long-call", "--dte", "28:50", "--account", "90000", "--risk", "2%")
    (trade,) = paper("open", *arguments, "--format", "json").json["trades"]
    assert (trade["strategy"], trade["credit"] < 0) == ("long-call", True)
    assert trade["risk"] >= -100 * trade["contracts"] * trade["credit"]


def test_a_trade_is_settled_at_its_expiration(paper, run):
    paper("open", "--plan", "plan.toml")
    expiration = run("paper", "list", "--format", "json").json["trades"][0]["expiration"]
    early = paper("close", "1", "--settle", "200")  # as of 2026-03-02
    assert early.code == 1
    assert shows(" ".join(early.err.split()), "as_of='2026-03-02'", f"trade 1, {expiration}")
    for name, value in (("--debit", "0.2"), ("--reason", "tired")):
        refused = paper("close", "1", "--settle", "200", name, value, "--as-of", expiration)
        assert (refused.code, shows(" ".join(refused.err.split()), "effect", "expiration")) == (2, True)
    (trade,) = paper("close", "1", "--settle", "200", "--as-of", expiration, "--format", "json").json["trades"]
    assert trade["closing"]["reason"] == "expiry"
    assert trade["closing"]["debit"] == 0.0
    again = paper("close", "1", "--settle", "200", "--as-of", expiration)
    assert shows(" ".join(again.err.split()), "closed", trade["closing"]["at"])


def test_the_plan_decides_where_bars_are_there(run, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN.replace("minimum = 1", "minimum = 2"))
    market = ("--source", "sim", "--as-of", "2026-03-10", "--plan", "plan.toml")
    page = run("paper", "open", *market, "--ivr-below", "100")
    assert page.code == 0
    opened = run("paper", "open", *market, "--ivr-below", "100", "--anyway", "--format", "json").json["trades"][0]
    # The criteria are judged on the simulated bars: neither is unknown.
    assert set(opened["checklist"].values()) <= {"met", "unmet"}
    takes = list(opened["checklist"].values()).count("met") == 2
    assert page.out.startswith("SIMULATED MARKET  opened" if takes else "not opened: the plan says skip (")


def test_the_configuration_reaches_the_commands_of_the_group(paper, run, tmp_path):
    (tmp_path / "iwm-opts.toml").write_text(
        '[paper]\ninstrument = "bull-put"\ndte = "28:50"\n[defaults]\naccount = 95000\n'
    )
    (trade,) = paper("open", "--format", "json").json["trades"]
    assert trade["strategy"] == "bull-put"
    assert trade["planned_risk"] > 505.0  # 1% of 95,000, not of 50,000
    (tmp_path / "iwm-opts.toml").write_text("[paper]\nnothing = 1\n")
    assert "nothing" in run("paper", "list").err


DIPS = """
version = 1
name = "dips"
edge = "mean-reversion"
horizon = "swing"
instrument = "shares"
[checklist]
minimum = 1
criteria = ["trend", "stretch"]
[macro]
enabled = false
"""


@pytest.fixture
def dips(run, tmp_path):
    """Bars that stand at 100, decline three times, and then rise by a dollar a session."""
    days = pd.DatetimeIndex(sessions(date(2024, 1, 2), date(2024, 12, 31)))[:230]
    close = np.concatenate([np.full(220, 100.0), [98.0, 96.0, 94.0], 94.0 + np.arange(1.0, 8.0)])
    opening = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opening, close) + 0.5, np.minimum(opening, close) - 0.5
    table = pd.DataFrame({"date": days, "open": opening, "high": high, "low": low, "close": close})
    table.to_csv(tmp_path / "IWM.csv", index=False)
    (tmp_path / "dips.toml").write_text(DIPS)
    return [str(day.date()) for day in days[220:]]


def test_a_share_plan_is_opened_marked_closed_and_reviewed_on_bars(run, dips):
    bars = ("--bars", "IWM.csv")
    page = run("paper", "open", "--plan", "dips.toml", *bars, "--as-of", dips[2])
    assert (page.code, page.out.startswith("not opened: the plan says skip (the signal is not there")) == (3, True)
    (trade,) = run("paper", "open", "--plan", "dips.toml", *bars, "--as-of", dips[3], "--format", "json").json["trades"]
    assert (trade["strategy"], trade["credit"], trade["mid"]) == ("shares", -94.01, -94.0)  # a cent of slippage
    assert trade["checklist"] == {"trend": "unmet", "stretch": "met"}
    last = run("paper", "mark", *bars, "--as-of", dips[4], "--format", "json").json["trades"][0]["marks"][-1]
    assert (last["day"], last["rule"], last["spot"]) == (dips[4], "", 96.0)
    assert "IWM shares, stop " in run("paper", "list").out
    closed = run("paper", "close", "1", *bars, "--format", "json").json["trades"][0]
    assert closed["closing"]["reason"] == "target"  # two ATR over 94.01, of which slippage takes nothing
    assert -closed["closing"]["debit"] == pytest.approx(closed["shares"]["target"])
    made = trade["contracts"] * (closed["shares"]["target"] - 94.01)
    assert closed["pnl"] == pytest.approx(made)
    reviewed = run("review", "paper", "--plan", "dips.toml", "--format", "json").json
    assert (reviewed["closed"], reviewed["whole"]["pnl"]) == (1, pytest.approx(made))


def test_a_share_plan_is_opened_at_the_quote_of_the_underlying(run, tmp_path):
    (tmp_path / "dips.toml").write_text(DIPS)
    market = ("--source", "sim", "--as-of", "2026-03-10")
    trade = run("paper", "open", "--plan", "dips.toml", *market, "--anyway", "--format", "json").json["trades"][0]
    assert (trade["provenance"], trade["market"].startswith("SIMULATED")) == ("simulated", True)
    closed = run("paper", "close", "1", *market, "--price", "300", "--reason", "bored", "--format", "json").json
    assert closed["trades"][0]["closing"]["debit"] == -300.0
    assert closed["trades"][0]["closing"]["mid"] == pytest.approx(trade["mid"])


def test_an_intraday_plan_opens_within_its_minutes_alone(run, tmp_path):
    text = DIPS.replace("mean-reversion", "momentum").replace("swing", "intraday").replace(', "stretch"', "")
    (tmp_path / "gaps.toml").write_text(text)
    page = run("paper", "open", "--plan", "gaps.toml", "--source", "sim", "--as-of", "2026-03-10", "--anyway")
    assert (page.code, shows(page.out, "15 to 45 of", "minutes")) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--width", "5"), 2, "--width is of options; the plan trades shares"),
        (("--bars", "IWM.csv", "--as-of", "2024-01-01"), 1, "outside the bars"),
    ],
)
def test_a_share_plan_refuses_what_is_of_options(run, dips, arguments, code, message):
    page = run("paper", "open", "--plan", "dips.toml", *arguments)
    assert (page.code, page.out) == (code, "")
    assert message in page.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("close", "3"), 1, "trade=3"),
        (("open", "--plan", "nothing.toml"), 1, "nothing.toml: cannot be read"),
        (("open", "--answer", "calm=yes"), 1, "'calm=yes' is not an answer"),
        (
            ("open", "--answer", "calm=met", "--dte", "28:50", "--account", "100"),
            1,
            "contracts=0: one contract risks",
        ),
    ],
)
def test_errors_are_one_line_with_a_remedy(paper, arguments, code, message):
    failed = paper(*arguments)
    assert (failed.code, failed.out) == (code, "")
    assert message in failed.err
    assert failed.err.count("\n") == 1


def a_year_of_bars(last, drift=0.0):
    """Bars of a fund about 200 that ends on a day; they move, so that every criterion has something to read."""
    days = pd.DatetimeIndex(sessions(date(2024, 9, 2), last))
    close = 200.0 + drift * np.arange(len(days)) + np.sin(np.arange(len(days)) / 5.0)
    opening = np.concatenate([[close[0]], close[:-1]])
    return pd.DataFrame(
        {"date": days, "open": opening, "high": np.maximum(opening, close) + 0.5,
         "low": np.minimum(opening, close) - 0.5, "close": close}
    )  # fmt: skip


JUDGED = PLAN.replace('["calm", "premium"]', '["calm", "premium", "no-panic", "quiet", "no-event"]')


@pytest.mark.parametrize("where", ["named", "recorded"])
def test_the_checklist_at_entry_is_judged_by_bars_named_or_recorded(paper, tmp_path, where):
    (tmp_path / "plan.toml").write_text(JUDGED)
    folder = tmp_path / "record" / "bars" if where == "recorded" else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    a_year_of_bars(date(2026, 2, 27)).to_csv(folder / "IWM.csv", index=False)
    bars = ("--bars", "IWM.csv") if where == "named" else ()
    page = paper("open", "--plan", "plan.toml", *bars, "--format", "json")
    (trade,) = page.json["trades"]
    # A sine of one dollar moves less than its ranges; the history at its low ranks 0, below the fear of 80.
    assert trade["checklist"] == {
        "calm": trade["checklist"]["calm"], "premium": "met", "no-panic": "met", "quiet": "met", "no-event": "unknown",
    }  # fmt: skip
    assert trade["checklist"]["calm"] in ("met", "unmet")
    assert shows(page.err, "no-event needs --events")


def test_without_bars_what_needs_none_is_judged_and_the_rest_is_named(paper, tmp_path):
    (tmp_path / "plan.toml").write_text(JUDGED)
    page = paper("open", "--plan", "plan.toml", "--format", "json")
    states = page.json["trades"][0]["checklist"]
    assert states == {"calm": "unknown", "premium": "unknown", "no-panic": "met", "quiet": "unknown",
                      "no-event": "unknown"}  # fmt: skip
    assert shows(page.err, "calm", "--bars", "for 2026-02-27")
    assert shows(page.err, "--bars FILE", "neither")


def test_bars_that_end_before_the_entry_leave_unknown_what_reads_them(paper, tmp_path):
    (tmp_path / "plan.toml").write_text(JUDGED)
    a_year_of_bars(date(2026, 2, 20)).to_csv(tmp_path / "IWM.csv", index=False)
    page = paper("open", "--plan", "plan.toml", "--bars", "IWM.csv", "--format", "json")
    states = page.json["trades"][0]["checklist"]
    assert (states["quiet"], states["no-panic"]) == ("unknown", "met")
    assert shows(page.err, "skip: as_of='2026-03-02'", "no 2026-02-27")


GAPS = """
version = 1
name = "gaps"
edge = "momentum"
horizon = "intraday"
instrument = "vertical"
[account]
value = 100000
[package]
dte = 32
dte_slack = 4
delta = 0.3
kind = "bull-call"
[checklist]
minimum = 1
criteria = ["trend"]
[macro]
enabled = false
"""


@pytest.fixture
def gaps(run, made_quotes, tmp_path):
    """Chains of one day at several times of the morning, and a plan that buys a spread from minute 15 to 45."""
    (tmp_path / "gaps.toml").write_text(GAPS)
    for clock in ("0940", "0950", "1010", "1020"):
        at = pd.Timestamp(f"2026-03-02 {clock[:2]}:{clock[2:]}").tz_localize("America/New_York")
        made_quotes().assign(quote_time=at).to_csv(tmp_path / f"{clock}.csv", index=False)
    return lambda action, clock, *more: run("paper", action, *more, "--source", f"{clock}.csv", "--as-of", "2026-03-02")


def test_options_of_an_intraday_plan_are_left_at_its_minute(gaps, run):
    page = gaps("open", "0940", "--plan", "gaps.toml", "--anyway")
    assert (page.code, page.out) == (
        3, "not opened: the quote of 09:40 is not within minutes 15 to 45 of the session\n",
    )  # fmt: skip
    opened = gaps("open", "0950", "--plan", "gaps.toml", "--anyway", "--format", "json").json["trades"][0]
    assert (opened["exits"]["minute"], opened["exit_by"]) == (45, "2026-03-02 10:15:00")
    before = gaps("mark", "1010", "--format", "json").json["trades"][0]["marks"][-1]
    assert (before["at"], before["rule"]) == ("2026-03-02 10:10:00", "")
    after = gaps("mark", "1020")
    assert "DUE: time since 2026-03-02" in after.out
    assert "leave by 2026-03-02 10:15" in " ".join(after.out.split())
    closed = gaps("close", "1020", "1", "--format", "json").json["trades"][0]
    assert closed["closing"]["reason"] == "time"


def test_the_list_tells_an_intraday_trade_that_nobody_marked(gaps, run):
    gaps("open", "0950", "--plan", "gaps.toml", "--anyway")
    # That morning is long over by the clock of whoever runs this.
    page = run("paper", "list").out
    assert "DUE: time since 2026-03-02" in page
    assert shows(" ".join(page.split()), "by 2026-03-02 10:15")
    assert max(map(len, page.splitlines())) <= 80


def test_a_missing_file_of_minutes_is_told_as_one(run, dips, tmp_path):
    text = DIPS.replace("mean-reversion", "momentum").replace("swing", "intraday").replace(', "stretch"', "")
    (tmp_path / "gaps.toml").write_text(text)
    page = run("paper", "open", "--plan", "gaps.toml", "--bars", "IWM.csv", "--minutes", "nothing.csv")
    assert page.code == 1
    assert "nothing.csv: " in page.err
    assert shows(page.err, "nothing.csv", "--minutes")
    assert "daily bars" not in page.err


def test_an_answer_counts_for_the_plans_decision_too(paper, tmp_path):
    (tmp_path / "plan.toml").write_text(JUDGED.replace("minimum = 1", "minimum = 2"))
    a_year_of_bars(date(2026, 2, 27)).to_csv(tmp_path / "IWM.csv", index=False)
    given = ("open", "--plan", "plan.toml", "--bars", "IWM.csv")
    unmet = [f"--answer={name}=unmet" for name in ("calm", "premium", "no-panic", "quiet")]
    skipped = paper(*given, *unmet)
    assert shows(" ".join(skipped.out.split()), "0 of 5 criteria", "2 are")
    taken = paper(*given, *unmet, "--answer=no-event=met", "--answer=calm=met", "--format", "json")
    answers = taken.json["trades"][0]["checklist"]
    assert answers | {"no-event": "met", "calm": "met"} == answers
    assert sum(state == "met" for state in answers.values()) == 2


def test_an_answer_to_what_the_plan_does_not_ask_is_refused(paper):
    failed = paper("open", "--plan", "plan.toml", "--answer", "clam=met")
    assert failed.code == 1
    assert shows(failed.err, "answer='clam'", "criterion")


@pytest.mark.parametrize("lost", ["week", "year"])
def test_a_rank_that_is_not_known_buys_as_in_a_backtest(run, chain_file, history_file, tmp_path, lost):
    history = pd.read_csv(history_file)
    history = history.iloc[:-8] if lost == "week" else history.iloc[-100:]
    history.to_csv(tmp_path / "RVX_History.csv", index=False)
    (tmp_path / "dips.toml").write_text(BY_RULE % 0.0)
    asked = ("paper", "open", "--plan", "dips.toml", "--source", chain_file, "--iv-history", "RVX_History.csv",
             "--as-of", "2026-03-02")  # fmt: skip
    (trade,) = run(*asked, "--format", "json").json["trades"]
    assert trade["strategy"] == "bull-call"


def test_a_roll_closes_and_opens_in_one_write(paper, run, chain_file, tmp_path):
    paper("open", "--plan", "plan.toml")
    managed = run("manage", "--source", chain_file, "--as-of", "2026-03-02", "--format", "json").json
    rolls = managed["positions"][0]["rolls"]
    pick = next(number for number, roll in enumerate(rolls, 1) if roll["kind"] == "out")
    rolled = paper("roll", "1", "--pick", pick, "--format", "json").json
    left, opened = rolled["trades"]
    roll = rolls[pick - 1]
    assert (left["closing"]["reason"], left["closing"]["debit"]) == ("roll", pytest.approx(roll["close_debit"]))
    assert (opened["number"], opened["rolled_from"], opened["expiration"]) == (2, 1, roll["expiration"])
    assert (opened["credit"], opened["plan"], opened["exits"]) == (
        pytest.approx(roll["open_credit"]), "condors", left["exits"],
    )  # fmt: skip
    # The cash of the exchange is the new credit less the debit of the old package, less the fees of both orders.
    count = opened["contracts"]
    fees = left["closing"]["fees"] + opened["fees"]
    assert fees == pytest.approx(count * 8 * 0.50)
    cash = 100 * count * (opened["credit"] - left["closing"]["debit"]) - fees
    assert cash == pytest.approx(roll["cash"], abs=0.005)
    assert shows(rolled["outcome"], f"${abs(cash):,.2f}", "fills")
    # Booked at the risk that a new trade has: width less credit, fees, exercise of both legs of a side (custom: none).
    assert opened["risk"] == pytest.approx(count * (1000 - 100 * opened["credit"]) + opened["fees"])
    log = list(csv.DictReader(io.StringIO(paper("list", "--all", "--format", "csv").out)))
    assert [row["rolled_from"] for row in log] == ["", "1"]
    (held,) = run("manage", "--source", chain_file, "--as-of", "2026-03-02", "--format", "json").json["positions"]
    assert (held["campaign_since"], held["campaign_trades"]) == (left["opened"][:10], ["1", "2"])
    # From the first opening to now, by hand: both credits less both debits, less all fees.
    paid = left["fees"] + fees + count * 4 * 0.50
    cash = 100 * count * (left["credit"] - left["closing"]["debit"] + opened["credit"] - held["debit"]) - paid
    assert held["campaign_pnl"] == pytest.approx(cash)
    assert held["campaign_pnl"] == pytest.approx(left["pnl"] + held["pnl"])
    assert f"P&L since {left['opened'][:10]}" in run("manage", "--source", chain_file, "--as-of", "2026-03-02").out
    paper("mark")
    assert "this trade" in paper("list").out
    (listed,) = paper("list", "--format", "json").json["trades"]
    assert listed["campaign_pnl"] == pytest.approx(cash)
    assert paper("list", "--all", "--format", "json").json["trades"][0]["campaign_pnl"] is None
    (tmp_path / "log.csv").write_text(paper("list", "--all", "--format", "csv").out)
    (logged,) = run(
        "manage", "log.csv", "--source", chain_file, "--as-of", "2026-03-02", "--fees", "custom:0.50",
        "--fill", "natural", "--format", "json",
    ).json["positions"]  # fmt: skip
    assert (logged["campaign_trades"], logged["campaign_pnl"]) == (["1", "2"], pytest.approx(cash))
    assert "was closed" in paper("roll", "1").err
    assert "pick=99" in paper("roll", "2", "--pick", "99").err


@pytest.mark.parametrize(
    ("action", "refused"),
    [(("roll", "1"), "not rolled"), (("mark",), "not marked"), (("close", "1"), "not closed"),
     (("open", "--no-gate", "--short-delta", "0.30"), "not opened")],
)  # fmt: skip
def test_stale_quotes_decide_nothing(paper, run, chain_file, action, refused):
    paper("open", "--plan", "plan.toml")
    page = run("paper", *action, "--source", chain_file)
    assert page.out.startswith(refused)
    assert "STALE" in page.out
    (trade,) = run("paper", "list", "--format", "json").json["trades"]
    assert (trade["closing"], trade["marks"]) == (None, [])
