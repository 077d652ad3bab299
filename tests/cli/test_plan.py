import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from iwm_opts.market.calendar import NEW_YORK, latest_session, sessions
from tests.refusals import shows

pytestmark = pytest.mark.usefixtures("claims_once")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Bars of made funds up to 2024-12-30, three declines of IWM at the end, and an IV history at its low."""
    folder = tmp_path_factory.mktemp("made")
    days = pd.DatetimeIndex(sessions(pd.Timestamp("2023-06-01").date(), pd.Timestamp("2024-12-30").date()))
    rng = np.random.default_rng(4)
    made = {}
    for symbol, start in (("IWM", 200.0), ("SPY", 400.0), ("KRE", 50.0), ("XBI", 80.0)):
        steps = 0.0008 + 0.006 * rng.standard_normal(len(days))
        steps[-3:] = [-0.011, -0.012, -0.009] if symbol == "IWM" else [-0.004, -0.003, 0.002]
        close = start * np.exp(np.cumsum(steps))
        opened = np.concatenate([close[:1], close[:-1]])
        table = pd.DataFrame(
            {
                "Date": days.strftime("%Y-%m-%d"),
                "Open": opened,
                "High": np.maximum(opened, close) * 1.003,
                "Low": np.minimum(opened, close) * 0.997,
                "Close": close,
                "Volume": np.where(np.arange(len(days)) == len(days) - 1, 3e6, 1e6),
            }
        )
        made[symbol.lower()] = folder / f"{symbol}.csv"
        table.to_csv(made[symbol.lower()], index=False)
    values = np.linspace(30.0, 15.0, len(days)).round(2)
    made["iv"] = folder / "RVX_History.csv"
    pd.DataFrame({"DATE": days.strftime("%m/%d/%Y"), "CLOSE": values}).to_csv(made["iv"], index=False)
    made["events"] = folder / "events.csv"
    made["events"].write_text("date,event\n2023-07-03,ISM\n2025-01-03,ISM\n")
    return made


@pytest.fixture
def data(files):
    named = [f"--{name}" for name in ("spy", "kre", "xbi")]
    pairs = [part for name in named for part in (name, files[name.removeprefix("--")])]
    return ["--bars", files["iwm"], *pairs, "--iv-history", files["iv"], "--events", files["events"]]


DIPS = ("plan", "--edge", "mean-reversion")


def test_take_and_why(run, data):
    done = run(*DIPS, *data, "--check")
    assert done.code == 0
    assert done.out.startswith("TAKE  mean-reversion-shares (mean-reversion, swing, shares) on 2024-12-31")
    assert "-1.1%, -1.2%, -0.9%, -3.1% in total; wanted 3 declines over -2.5%" in " ".join(done.out.split())
    found = run(*DIPS, *data, "--check", "--format", "json").json
    assert found["decision"] == "take"
    assert found["simulated"] is False
    assert found["checklist"]["met"] >= 3
    risk = found["size"]["shares"] * found["size"]["risk_each"]
    assert risk <= 500.0 < risk + found["size"]["risk_each"]


def test_the_exit_code_is_the_decision(run, data):
    assert run(*DIPS, *data, "--check", "--exit-code").code == 0
    assert run(*DIPS, *data, "--check", "--exit-code", "--as-of", "2024-12-27").code == 3
    assert run(*DIPS, *data, "--check", "--as-of", "2024-12-27").code == 0
    assert run(*DIPS, *data, "--exit-code").code == 2


def test_skip_names_what_stands_against_it(run, data):
    done = run(*DIPS, *data, "--check", "--as-of", "2024-12-27")
    assert done.out.startswith("SKIP")
    assert run(*DIPS, *data, "--as-of", "2024-12-27", "--format", "json").json["signal"]["state"] == "unmet"
    without = run("plan", "--edge", "mean-reversion", "--bars", data[1], "--check")
    said = " ".join(without.out.split())
    assert shows(said, "no KRE", "unknown")
    rows = run(*DIPS, *data, "--check", "--format", "csv").out.splitlines()
    assert rows[0] == "day,decision,rule,state,detail"
    assert len(rows) == 1 + 2 + 6  # signal, filter, six criteria


def test_old_data_decide_on_no_session_of_today(run, data):
    done = run(*DIPS, *data, "--check")  # the bars end on 2024-12-30, years ago
    assert shows(" ".join(done.out.split()), "STALE DATA", "2024-12-31 (today")
    assert "STALE DATA" in run(*DIPS, *data, "--check", "--format", "json").json["notes"][0]
    asked = run(*DIPS, *data, "--check", "--as-of", "2024-12-31")
    assert asked.out.startswith("TAKE")
    assert "STALE DATA" not in asked.out
    assert "STALE DATA" not in run(*DIPS, "--source", "sim", "--check").out


def test_the_filter_blocks_a_condor_in_its_own_words(run, data, tmp_path):
    condors = ("plan", "--edge", "vol-contraction", "--macro-applies-to-condors")
    assert run(*condors, *data, "--save", "condors.toml").code == 0
    banks = pd.read_csv(data[5])
    lost = np.where(np.arange(len(banks)) == len(banks) - 1, 0.97, 1.0)  # the last close is 3% lower
    banks.assign(Close=banks["Close"] * lost, Low=banks["Low"] * lost).to_csv(tmp_path / "kre.csv", index=False)
    done = run("plan", "--plan", "condors.toml", *data[:4], "--kre", "kre.csv", *data[6:], "--check")
    said = " ".join(done.out.split())
    assert shows(said, "entries: KRE", "entries")
    assert "longs" not in said


def test_a_saved_plan_is_read_back(run, data, tmp_path):
    first = run(*DIPS, *data, "--save", "dips.toml", "--account", "80000", "--risk", "2%")
    assert first.code == 0
    assert shows(first.out, "$80,000, 2.00% at", "position ($1,600)")
    again = run("plan", "--plan", "dips.toml", *data)
    assert again.out == first.out
    both = run("plan", "--plan", "dips.toml", *data, "--risk", "1%")
    assert both.code == 2
    assert "--risk" in both.err
    broken = (tmp_path / "dips.toml").read_text().replace("minimum = 3", "minimum = 7")
    (tmp_path / "dips.toml").write_text(broken)
    refused = run("plan", "--plan", "dips.toml", *data)
    assert refused.code == 1
    line = broken.splitlines().index("minimum = 7") + 1
    assert shows(refused.err, f"{line}, checklist.minimum: 7 of 6 criteria")


def test_the_document_has_every_part_with_numbers(run, data, tmp_path):
    text = run(*DIPS, *data).out
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert heads == [
        "Decision", "Edge", "Evidence on this data", "Stress periods", "Decision tree", "Entry checklist", "Macro",
        "Size", "Exits", "Review", "Notes",
    ]  # fmt: skip
    stop, shares = re.search(r"\) = (\d+\.\d\d); shares = floor\(.*\) = (\d+)", text).groups()
    entry = re.search(r"of the close (\d+\.\d\d)", text)[1]
    assert int(shares) == int(500.0 / (float(entry) - float(stop) + 0.01) + 0.05)
    assert shows(text, "close: 2024-12-31, 2025-01-31, 2025-02-28")
    assert "Quarterly: 2024-12-31, 2025-03-31, 2025-06-30, 2025-09-30" in text
    assert run(*DIPS, *data, "--output", "plan.html").code == 0
    page = (tmp_path / "plan.html").read_text()
    assert page.startswith("<!doctype html>")
    assert all(f"<h2>{head}</h2>" in page for head in heads)
    record = run(*DIPS, *data, "--format", "json").json
    assert record["document"]["plan"]["mean-reversion"] == {"declines": 3, "total": 0.025}
    assert {one["name"] for one in record["document"]["evidence"]} >= {"mean-reversion-3", "time-stop", "kre-filter"}


def test_a_brief_for_a_language_model(run, data):
    brief = run(*DIPS, *data, "--prompt").out
    assert brief.startswith("You are asked to write today's trading plan")
    assert shows(brief, "decision (take)")
    assert "## Exits" in brief


def test_contradictions_and_missing_data(run, data):
    for arguments, message in (
        (("--edge", "vol-contraction", "--instrument", "shares"), "vol-contraction sells premium when IV ranks low"),
        (("--edge", "momentum", "--horizon", "swing"), "a swing plan holds longer: choose intraday"),
        (("--edge", "momentum"), "an intraday plan needs intraday data. Name one-minute bars: --minutes FILE"),
        ((), "Give --plan FILE or --edge"),
    ):
        done = run("plan", *arguments, *data)
        assert done.code == 1
        assert message in done.err
    nothing = run("plan", "--edge", "mean-reversion")
    assert nothing.code == 1
    assert "Give --bars FILE, run iwm-opts fetch, or try --source sim" in nothing.err


def test_outputs_never_overwrite_inputs(run, data):
    assert run(*DIPS, *data, "--save", "plan.toml").code == 0
    done = run("plan", "--plan", "plan.toml", *data, "--save", "plan.toml")
    assert done.code == 2
    assert shows(done.err, "--save would", "--plan")


def test_a_simulated_market_says_so(run):
    done = run("plan", "--edge", "vol-contraction", "--source", "sim", "--as-of", "2026-03-02", "--check")
    assert done.out.count("SIMULATED MARKET") == 2
    document = run("plan", "--edge", "vol-contraction", "--source", "sim", "--as-of", "2026-03-02")
    assert "**SIMULATED MARKET" in document.out


def test_a_plan_put_to_the_test(run, data):
    done = run(*DIPS, *data, "--backtest")
    assert done.code == 0
    assert "verdict     not decided" in done.out  # the made bars cover none of the stress periods
    assert shows(done.out, "Q4 2018", "from 2023-06-01 to 2024-12-30")
    record = run(*DIPS, *data, "--backtest", "--format", "json").json
    assert [one["period"] for one in record["periods"]] == ["Q4 2018", "Feb-Apr 2020", "2022", "whole range"]
    assert record["periods"][0]["holds"] is None


def test_instruments_side_by_side(run, data):
    done = run(*DIPS, *data, "--source", "modelled", "--compare-instruments", "--format", "json")
    assert done.code == 0, done.err
    found = done.json
    assert found["label"].startswith("MODELLED QUOTES")
    assert found["simulated"] is True
    assert any("proxy for IWM's own IV10" in note for note in found["notes"])
    assert [row["instrument"] for row in found["instruments"]] == 2 * ["shares", "options", "vertical"]
    trades = [row["trades"] for row in found["instruments"]]
    assert all(plan <= every for plan, every in zip(trades[:3], trades[3:], strict=True))
    assert sum(trades[3:]) > 0
    assert run(*DIPS, *data, "--compare-instruments").code == 1


def test_claims_on_made_data(run, data):
    done = run("claims", *data, "--format", "json")
    assert done.code == 0
    found = {one["name"]: one for one in done.json["claims"]}
    assert found["sector-drift"]["verdict"] == "needs data: `sectors`"
    assert found["gap-momentum"]["verdict"] == "needs data: `minutes`"
    assert found["atr-ratio"]["low"] <= found["atr-ratio"]["estimate"] <= found["atr-ratio"]["high"]
    one = run("claims", *data, "--claim", "kre-filter")
    assert shows(one.out, "after KRE", "session")
    assert "time-stop" not in one.out
    assert run("claims", *data, "--claim", "moon").code == 1
    wings = run("claims", *data, "--claim", "wide-wings", "--format", "json").json
    assert wings["claims"][0]["sample"] > 300


def test_backtest_runs_a_plan_and_refuses_what_it_says_itself(run, data):
    assert run(*DIPS, *data, "--save", "dips.toml").code == 0
    record = run("backtest", "--plan", "dips.toml", *data, "--format", "json").json
    assert record["plan"] == "mean-reversion-shares"
    assert record["simulated"] is False
    assert any("proxy for IWM's own IV10" in note for note in record["notes"])
    usual = run("backtest", "--edge", "mean-reversion", *data, "--format", "json").json
    assert usual["periods"] == record["periods"]
    refused = run("backtest", "--plan", "dips.toml", *data, "--profit", "1")
    assert refused.code == 2
    assert shows(refused.err, "--profit has")
    assert "set target_atr under [exits]" in refused.err
    given = run("backtest", "--plan", "dips.toml", *data, "--from", "2024-02-01", "--to", "2024-06-28")
    assert "given range, 2024-02-01 to 2024-06-28: " in " ".join(given.out.split())
    for command in ("backtest", "evidence"):
        reversed_days = run(command, "--plan", "dips.toml", *data, "--from", "2024-06-28", "--to", "2024-02-01")
        assert (reversed_days.code, "--from 2024-06-28 lies after --to 2024-02-01" in reversed_days.err) == (2, True)
    stranger = run("backtest", "--plan", "dips.toml", *data, "--source", "chain.csv")
    assert stranger.code == 2
    assert shows(stranger.err, "reads --bars")


@pytest.mark.parametrize(
    ("option", "value", "line"),
    [
        ("--fill", "natural", 'write fill = "natural" under [costs]'),
        ("--fees", "ibkr", 'write fees = "ibkr" under [costs]'),
        ("--profit", "0.25", "write profit = 0.25 under [package]"),
        ("--stop", "off", "write stop = 0 under [package]"),
        ("--exit-dte", "14", "write exit_dte = 14.0 under [package]"),
        ("--time-stop", "9", "write max_sessions = 9 under [package]"),
        ("--dte", "30:40", "set dte under [package]"),
        ("--risk", "2%", "write risk = 0.02 under [account]"),
        ("--account", "9000", "write value = 9000.0 under [account]"),
        ("--ivr-below", "30", "write below = 30.0 under [vol-contraction]"),
        ("--macro-drop", "2%", "write drop = 0.02 under [macro]"),
        ("--strategy", "bull-put", "set instrument in it"),
    ],
)
def test_an_option_that_the_plan_defines_names_its_line(run, data, option, value, line):
    written = ("plan", "--edge", "vol-contraction", "--instrument", "condor", *data, "--save", "c.toml")
    assert run(*written, "--check").code == 0
    refused = run("backtest", "--plan", "c.toml", option, value)
    assert refused.code == 2
    assert shows(refused.err, option, f"trade; {line}", "defines")
    several = run("backtest", "--plan", "c.toml", "--plan", "c.toml", option, value)
    assert (several.code, line in several.err) == (2, True) or option == "--account"


def test_evidence_measures_the_claims_up_to_a_day(run, data):
    whole = run("evidence", "--claims", *data, "--format", "json").json["claims"]
    early = run("evidence", "--claims", *data, "--to", "2024-06-28", "--format", "json").json["claims"]
    filters = [next(one for one in found if one["name"] == "kre-filter") for found in (whole, early)]
    assert filters[0]["sampled"].endswith("to 2024-12-30")
    assert filters[1]["sampled"].endswith("to 2024-06-28")
    Path("dips.toml").touch()
    for option, value in (("--from", "2024-01-02"), ("--profit", "0.5"), ("--plan", "dips.toml")):
        refused = run("evidence", "--claims", *data, option, value)
        assert (refused.code, shows(refused.err, option, "effect")) == (2, True)


def test_evidence_says_what_each_rule_is_worth(run, data):
    found = run("evidence", "--edge", "mean-reversion", *data, "--format", "json").json
    assert [row["rules"] for row in found["rules"]] == [
        "any session", "edge", "edge + macro", "edge + checklist", "whole plan",
    ]  # fmt: skip
    assert found["rules"][0]["trades"] > 300
    assert "too few" in found["sentence"]
    table = run("evidence", "--edge", "mean-reversion", *data)
    assert max(len(line) for line in table.out.splitlines()) <= 80
    momentum = run("evidence", "--edge", "momentum", *data)
    assert momentum.code == 1
    assert "--minutes FILE" in momentum.err


def test_what_is_recorded_need_not_be_named(run, files, data, tmp_path):
    for kind, names in (("bars", ("iwm", "spy", "kre", "xbi")), ("indices", ("iv",))):
        folder = tmp_path / "record" / kind
        folder.mkdir(parents=True)
        for name in names:
            target = "RVX" if name == "iv" else name.upper()
            (folder / f"{target}.csv").write_text(files[name].read_text())
    named = run(*DIPS, *data, "--check", "--format", "json").json
    recorded = run(*DIPS, "--events", files["events"], "--check", "--format", "json").json
    assert recorded == named


def test_a_call_is_sized_by_an_estimated_premium(run, data):
    text = run(*DIPS, "--instrument", "options", "--account", "100000", *data).out
    entry = float(re.search(r"of the close (\d+\.\d\d)", text)[1])
    premium = float(re.search(r"costs about (\d+\.\d\d)", text)[1])
    # half-delta call of 30 days at the last IV, 15 points: d1 = 0, so K = F exp(sd^2 / 2) and C = F/2 - K N(-sd)
    sd = 0.15 * (30 / 365) ** 0.5
    strike = entry * np.exp(0.5 * sd**2)
    assert premium == pytest.approx(0.5 * entry - strike * norm.cdf(-sd), abs=0.02)
    assert "Profit: closed at 100% of the debit." in text
    assert "credit" not in text.partition("## Exits")[2]
    small = " ".join(run(*DIPS, "--instrument", "options", "--account", "5000", *data, "--check").out.split())
    assert shows(small, "is 0", "nothing")
    unknown = run(*DIPS, "--instrument", "options", *data[:6], "--check")
    assert "0 contracts" in unknown.out
    assert shows(" ".join(unknown.out.split()), "without --iv-history", "premium")


def test_the_momentum_edge_trades_on_the_simulated_market_by_its_own_bars(run):
    page = run("plan", "--edge", "momentum", "--source", "sim", "--as-of", "2026-03-10", "--check", "--format", "json")
    assert page.json["simulated"] is True
    assert shows(page.json["notes"], "5 minutes", "momentum")
    assert page.json["signal"]["state"] in ("met", "unmet")


def test_momentum_in_options_says_where_its_quotes_come_from(run):
    page = run("plan", "--edge", "momentum", "--instrument", "options", "--source", "sim", "--check")
    told = " ".join(page.out.split())
    assert shows(told, "option quotes", "minute")


def test_a_vertical_says_which_spread_the_rank_chooses(run, data):
    done = run(*DIPS, *data, "--instrument", "vertical", "--check", "--format", "json").json
    assert done["package"] == "bull-call: RVX ranks 0.0 on 2024-12-30"
    # A spread of calls of 30 days at the last IV, 15 points: long strike of 0.3 delta, 5 wide.
    entry, sd = done["size"]["entry"], 0.15 * (30 / 365) ** 0.5

    def call(strike):
        d1 = np.log(entry / strike) / sd + sd / 2
        return entry * norm.cdf(d1) - strike * norm.cdf(d1 - sd)

    strike = entry * np.exp(-sd * norm.ppf(0.3) + sd**2 / 2)
    assert done["size"]["risk_each"] == pytest.approx(100 * (call(strike) - call(strike + 5)), abs=2.0)
    assert done["size"]["contracts"] == int(500 / done["size"]["risk_each"])
    text = run(*DIPS, *data, "--instrument", "vertical").out
    assert "today bull-call: RVX ranks 0.0 on 2024-12-30" in text
    assert shows(text, "2 times", "0.5 times")
    unknown = run(*DIPS, *data[:6], "--instrument", "vertical", "--check")
    assert "package: bull-call: the IV rank of 2024-12-30 is unknown" in unknown.out
    assert run(*DIPS, *data, "--instrument", "shares", "--check", "--format", "json").json["package"] is None


def test_the_trades_of_a_plan_are_a_log_that_review_reads(run, data, tmp_path):
    run(*DIPS, *data, "--save", "dips.toml")
    plan = tmp_path / "dips.toml"
    plan.write_text(plan.read_text().replace("minimum = 3", "minimum = 1"))
    told = run("backtest", "--plan", "dips.toml", *data, "--format", "json").json["periods"][-1]
    (tmp_path / "trades.csv").write_text(run("backtest", "--plan", "dips.toml", *data, "--format", "csv").out)
    assert told["trades"] > 0
    for more in ((), ("--backtest", "trades.csv")):
        found = run("review", "trades.csv", "--plan", "dips.toml", *data, *more, "--format", "json").json
        assert (found["closed"], found["simulated"]) == (told["trades"], False)
        assert found["whole"]["pnl"] == pytest.approx(told["pnl"])
        assert found["whole"]["win_rate"] == pytest.approx(told["win_rate"])
    assert found["compared_with"] == "trades.csv"
    refused = run("backtest", "--plan", "dips.toml", *data, "--output", "results")
    assert (refused.code, shows(refused.err, "trades.csv", "review")) == (2, True)
    assert run("backtest", "--plan", "dips.toml", *data, "--output", "again.csv").out == ""
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "trades.csv").read_text()


def test_modelled_trades_are_judged_on_the_real_bars_that_they_are_modelled_on(run, data, tmp_path):
    run("plan", "--edge", "vol-contraction", *data, "--save", "condors.toml")
    given = ("--plan", "condors.toml", *data)
    (tmp_path / "trades.csv").write_text(run("backtest", *given, "--source", "modelled", "--format", "csv").out)
    rows = pd.read_csv("trades.csv")
    assert set(rows["strategy"]) == {"iron-condor"}
    found = run("review", "trades.csv", *given, "--format", "json").json
    assert (found["closed"], found["simulated"], found["modelled"]) == (len(rows), True, True)
    assert shows(found["notes"], "checklists")
    page = run("review", "trades.csv", *given).out.splitlines()
    assert page[0].startswith("MODELLED QUOTES  trades.csv")
    assert shows(page[-1], "MODELLED QUOTES")


def test_a_plan_that_stands_in_the_file_is_not_lost(run, data, tmp_path):
    asked = (*DIPS, *data, "--check", "--save", "dips.toml")
    assert "written: dips.toml" in run(*asked).err
    plan = tmp_path / "dips.toml"
    plan.write_text(plan.read_text() + "# mine\n")
    assert "already there, unchanged: dips.toml" in run(*asked).err
    refused = run(*asked, "--risk", "2%")
    assert (refused.code, shows(refused.err, "save='dips.toml'", "another plan")) == (1, True)
    assert plan.read_text().endswith("# mine\n")


def test_a_day_without_a_session_is_no_day_of_a_decision(run, data):
    refused = run(*DIPS, *data, "--as-of", "2024-12-28", "--check")  # a Saturday
    assert (refused.code, "not a session. Give --as-of 2024-12-30" in refused.err) == (1, True)


CONDORS = """
version = 1
name = "condors"
edge = "vol-contraction"
horizon = "multi-week"
instrument = "condor"

[costs]
fill = "natural"
fees = "custom:0.50"

[checklist]
minimum = 1
criteria = ["calm", "premium"]
"""
ORDER = re.compile(r"SELL -(\d+) IRON CONDOR IWM 100 (?:\(Weeklys\) )?(.{9}) ([\d/.]+) CALL/PUT @(\d+\.\d\d) LMT")


def test_a_simulated_decision_is_of_the_last_session(run, tmp_path):
    (tmp_path / "plan.toml").write_text(CONDORS)
    last = latest_session(datetime.now(NEW_YORK).date())
    for plan in (("--plan", "plan.toml"), ("--edge", "momentum"), DIPS[1:]):
        page = run("plan", *plan, "--source", "sim", "--check", "--format", "json")
        assert (page.code, page.json["day"]) == (0, last.isoformat())
    document = run("plan", "--plan", "plan.toml", "--source", "sim", "--format", "json").json["document"]
    assert (document["order"]["day"], document["order"]["legs"] != "") == (last.isoformat(), True)


def test_the_document_names_the_order_of_the_day(run, tmp_path):
    (tmp_path / "plan.toml").write_text(CONDORS)
    arguments = ("plan", "--plan", "plan.toml", "--source", "sim", "--as-of", "2026-07-20")
    document = run(*arguments, "--format", "json").json["document"]
    order = document["order"]
    size, _, strikes, limit = ORDER.search(order["opening"]).groups()
    assert (int(size), float(limit)) == (order["contracts"], order["limit"])
    assert {f"{strike}" for strike in strikes.split("/")} == {leg[3:] for leg in order["legs"].split()}
    # Half the credit is kept, or twice the credit lost, less eight commissions of 0.50 a package.
    count, fees = order["contracts"], order["contracts"] * 8 * 0.50
    profit, stop = order["exits"]
    assert profit["price"] == pytest.approx(-np.floor(100 * order["limit"] / 2 + 1e-9) / 100)
    assert profit["pnl"] == pytest.approx(100 * count * (order["limit"] + profit["price"]) - fees)
    assert stop["price"] == pytest.approx(-3 * order["limit"])
    assert stop["pnl"] == pytest.approx(-200 * count * order["limit"] - fees)
    assert set(document["stress"]["periods"]) == {"q4-2018", "march-2020", "year-2022"}
    page = run(*arguments).out
    assert order["opening"] in page
    assert f"- [ ] Calendar: close by {order['exit_date']}" in page
    assert f"Verdict: {document['stress']['verdict']}." in page
    target = tmp_path / "plan.html"
    assert run(*arguments, "--output", target).code == 0
    assert target.read_text().count('<input type="checkbox">') == page.count("- [ ] ")


def test_the_document_and_the_check_size_alike(run, tmp_path):
    (tmp_path / "plan.toml").write_text(CONDORS)
    arguments = ("plan", "--plan", "plan.toml", "--source", "sim", "--as-of", "2026-11-20")
    record = run(*arguments, "--format", "json").json
    order = record["document"]["order"]
    check = run(*arguments, "--check", "--exit-code", "--format", "json")
    assert (check.code, check.json["decision"], check.json["enters"]) == (0, "take", True)
    count = order["contracts"]
    assert count == record["size"]["contracts"] == check.json["size"]["contracts"] > 0
    # The account risks 1% of 50,000.
    assert count == int(500.0 / record["size"]["risk_each"])
    assert order["max_loss"] == pytest.approx(count * record["size"]["risk_each"])
    page = " ".join(run(*arguments).out.split())
    assert f"floor(500.00 / {record['size']['risk_each']:.2f}) = {count}" in page
    assert "0 contracts" not in page


def test_a_typed_chain_of_another_day_fails_the_check_by_name(run, tmp_path, chain_file):
    (tmp_path / "plan.toml").write_text(CONDORS)
    arguments = ("plan", "--plan", "plan.toml", "--source", "sim", "--as-of", "2026-11-20", "--chain", chain_file)
    checked = run(*arguments, "--check", "--exit-code")
    assert checked.code == 1
    assert chain_file.name in checked.err
    assert "2026-11-20" in checked.err


@pytest.mark.parametrize("name", ["bars", "iv-history", "spy", "kre", "xbi"])
@pytest.mark.parametrize("command", [("claims",), ("plan", "--edge", "mean-reversion", "--check")])
def test_no_file_is_passed_over_for_simulated_data(run, tmp_path, command, name):
    (tmp_path / "garbage.csv").write_text("garbage,x")
    refused = run(*command, "--source", "sim", f"--{name}", "garbage.csv")
    assert refused.code == 2
    assert shows(refused.err, "garbage.csv", "simulated market")


def test_a_size_of_zero_enters_nothing(run, tmp_path):
    small = "\n[account]\nvalue = 10000\n[checklist]"
    (tmp_path / "plan.toml").write_text(CONDORS.replace("\n[checklist]", small))
    arguments = ("plan", "--plan", "plan.toml", "--source", "sim", "--as-of", "2026-11-20")
    check = run(*arguments, "--check", "--exit-code")
    assert check.code == 3
    assert shows(check.out, "NOTHING TO ENTER", "is 0")
    assert "size: 0 contracts" in check.out
    page = run(*arguments).out
    assert shows(page, "zero", "one contract")
    assert "- [ ]" not in page


def test_a_plan_that_skips_has_no_live_order(run, tmp_path):
    (tmp_path / "plan.toml").write_text(CONDORS + "\n[vol-contraction]\nbelow = 1")
    arguments = ("plan", "--plan", "plan.toml", "--source", "sim", "--as-of", "2026-11-20")
    record = run(*arguments, "--format", "json").json
    order = record["document"]["order"]
    assert record["decision"] == "skip"
    assert (order["contracts"], order["opening"], order["closing"]) == (0, None, None)
    assert order["contracts_ungated"] > 0
    page = run(*arguments).out
    assert f"would be {order['contracts_ungated']} contract" in page
    assert "- [ ]" not in page
    assert "SELL -" not in page
    assert "still TAKE" not in page


def test_a_chain_of_another_day_gives_no_order(run, tmp_path, chain_file):
    (tmp_path / "plan.toml").write_text(CONDORS)
    page = run("plan", "--plan", "plan.toml", "--source", "sim", "--as-of", "2026-07-20", "--chain", chain_file).out
    assert shows(page, "No chain of 2026-07-20")
    assert "- [ ]" not in page


def test_the_largest_loss_of_a_plan_counts_the_dividends_of_its_chain(run, tmp_path, chain_file):
    (tmp_path / "plan.toml").write_text(CONDORS)
    arguments = ("plan", "--plan", "plan.toml", "--source", "sim", "--as-of", "2026-03-02", "--chain", chain_file)
    losses = {}
    for paid in ("none", "2026-03-17:0.81"):
        order = run(*arguments, "--dividends", paid, "--format", "json").json["document"]["order"]
        losses[paid] = order["loss_each"]
        assert "dividends" not in order["quotes"]
    assert losses["2026-03-17:0.81"] == pytest.approx(losses["none"] + 81.0, abs=0.01)
    assert "dividends of IWM not given: max_loss excludes" in run(*arguments).out


def test_a_plan_in_options_has_bands_on_modelled_quotes(run, data, tmp_path):
    plan = tmp_path / "spreads.toml"
    assert run(*DIPS, *data, "--instrument", "vertical", "--save", plan).code == 0
    plan.write_text(plan.read_text().replace("minimum = 3", "minimum = 1"))
    asked = ("backtest", "--plan", plan, *data, "--source", "modelled")
    page, found = run(*asked), run(*asked, "--format", "json").json
    *stress, whole = found["periods"]
    assert [period["uncertainty"] for period in stress] == [None] * 3
    smile, spreads = whole["uncertainty"]["bands"]
    estimate = whole["uncertainty"]["per_trade"]["estimate"]
    assert smile["low"] < estimate < smile["high"]
    assert spreads["low"] - 1e-6 <= estimate <= spreads["high"] + 1e-6
    assert 0.0 < whole["independent_trades"] <= whole["trades"]
    assert shows(page.out, "whole range", f"-${-estimate:,.2f}")
    assert all(len(line) <= 80 for line in page.out.splitlines())
