import csv
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iwm_opts.io.provenance import Origin, with_origin
from tests.refusals import shows

EXPORTS = Path(__file__).parents[1] / "journal" / "exports"
PLAN = """
version = 1
name = "condors"
edge = "vol-contraction"
horizon = "multi-week"
instrument = "condor"

[account]
value = 40000
risk = "2%"

[checklist]
minimum = 2
criteria = ["calm", "premium", "quiet"]
"""


@pytest.fixture
def log_file(tmp_path):
    """Forty weekly trades, every fourth left three sessions after its due day, each fourth a loss."""
    entry = pd.bdate_range("2025-01-06", periods=40, freq="5B")
    late = pd.Series(range(40)) % 4 == 1
    loss = pd.Series(range(40)) % 4 == 3
    due = pd.Series(entry + pd.Timedelta(days=1))
    frame = pd.DataFrame(
        {
            "plan": "condors",
            "entry": entry,
            "exit": due.where(~late, due + pd.offsets.BusinessDay(3)),
            "due": due,
            "reason": loss.map({True: "stop", False: "profit"}),
            "contracts": 1,
            "credit": 1.0,
            "debit": loss.map({True: 2.5, False: 0.5}) + late * 0.2,
            "due_debit": loss.map({True: 2.5, False: 0.5}),
            "fees": 4.0,
            "risk": 404.0,
            "checklist": "calm=met; premium=met; quiet=unknown",
        }
    )
    file = tmp_path / "trades.csv"
    frame.to_csv(file, index=False)
    return file


@pytest.fixture
def plan_file(tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text(PLAN)
    return file


def test_the_page_names_the_fault_and_its_cost(run, log_file, plan_file):
    page = run("review", log_file, "--plan", plan_file)
    assert page.code == 0
    assert "trades.csv: 40 closed trades, 0 open" in page.out
    assert shows(page.out, "account $40,000")
    assert "Faults (1)" in page.out
    text = " ".join(page.out.split())
    assert shows(text, "10 of 40 trades")
    assert shows(text, "3.0 sessions", "cost $200.00")
    assert "TOO FEW TRADES" in page.out
    assert max(map(len, page.out.splitlines())) <= 80


def test_json_is_complete(run, log_file, plan_file):
    result = run("review", log_file, "--plan", plan_file, "--format", "json").json
    assert (result["closed"], result["open"], result["simulated"], result["plan"]) == (40, 0, False, "condors")
    assert result["faults"] == ["late exits"]
    assert {"month", "trades", "win_rate", "average_gain", "average_loss", "losing_run", "expectancy", "max_drawdown",
            "fees", "slippage_over_model"} <= set(result["months"][0])  # fmt: skip
    assert result["whole"]["win_rate"] == pytest.approx(0.75)
    # 50 less 4 of fees on thirty, 20 less for the ten late ones; -150 - 4 on ten.
    assert result["whole"]["pnl"] == pytest.approx(30 * 46.0 - 10 * 20.0 - 10 * 154.0)
    late = next(one for one in result["findings"] if one["name"] == "late exits")
    assert (late["breaches"], late["fault"], late["cost"]) == (10, True, pytest.approx(200.0))
    assert result["edge"]["state"] == "too few trades"
    assert result["losers"]["n"] == 10
    assert [one["name"] for one in result["effects"] if one["kind"] == "exit"] == ["profit", "stop"]


def test_csv_has_a_row_a_month(run, log_file):
    rows = list(csv.DictReader(io.StringIO(run("review", log_file, "--format", "csv").out)))
    assert [row["month"] for row in rows][:2] == ["2025-01", "2025-02"]
    assert sum(int(row["trades"]) for row in rows) == 40


def test_a_backtest_gives_the_edge_its_measure(run, log_file, tmp_path):
    expected = tmp_path / "expected.csv"
    entry = pd.bdate_range("2015-01-05", periods=300, freq="5B")
    loss = pd.Series(range(300)) % 10 == 3
    pd.DataFrame(
        {"entry": entry, "exit": entry + pd.Timedelta(days=1), "contracts": 1, "risk": 404.0,
         "pnl": loss.map({True: -154.0, False: 46.0})}
    ).to_csv(expected, index=False)  # fmt: skip
    edge = run("review", log_file, "--backtest", expected, "--format", "json").json["edge"]
    assert edge["backtest_trades"] == 300
    assert edge["win_rate"]["value"] == pytest.approx(0.75)
    assert edge["win_rate"]["below"] < 0.05  # nine in ten are won there
    assert edge["scan"]["p"] > 0.005  # three losses of every four trades in a row there are none


def test_a_brokers_export_becomes_a_log_to_complete(run, tmp_path):
    page = run("review", EXPORTS / "thinkorswim.csv", "--write-log", "mine.csv", "--timezone", "America/Chicago")
    assert page.code == 0
    assert shows(" ".join(page.out.split()), "2 closed", "thinkorswim")
    assert "line 33: price '~'" in " ".join(page.out.split())
    again = run("review", "mine.csv", "--format", "json").json
    assert again["whole"]["pnl"] == pytest.approx(160.00 - 0.36 - 7.80)


def test_the_record_tells_what_was_quoted(run, chain_file, tmp_path):
    assert run("snapshot", "--source", chain_file).code == 0
    trade = {"entry": "2026-03-02 15:50", "exit": "2026-03-02 15:58", "symbol": "IWM", "expiration": "2026-04-17",
             "legs": "+1P185 -1P190", "contracts": 2, "credit": 0.10, "debit": 0.90, "reason": "closed"}  # fmt: skip
    pd.DataFrame([trade]).to_csv(tmp_path / "mine.csv", index=False)
    silent = run("review", "mine.csv", "--format", "json").json
    assert silent["whole"]["slippage_over_model"] is None
    told = run("review", "mine.csv", "--recorded-quotes", "--format", "json").json
    assert told["whole"]["trades_with_model_fill"] == 1
    assert told["whole"]["slippage_over_model"] < told["whole"]["slippage_to_mid"]
    assert shows(told["notes"], "1 entry and 1 exit", "20 min", "fill fraction:0.5")


def test_the_picture_is_drawn(run, log_file, tmp_path):
    page = run("review", log_file, "--plot", "review.png")
    assert "written: review.png" in page.err
    assert (tmp_path / "review.png").read_bytes().startswith(b"\x89PNG")


def test_a_backtest_of_a_simulated_market_says_so_above_and_below(run, tmp_path):
    frame = pd.DataFrame({"market": "SIMULATED market", "entry": ["2026-03-02"], "exit": ["2026-03-09"],
                          "contracts": 1, "credit": 1.0, "debit": 0.5, "risk": 400.0})  # fmt: skip
    frame.to_csv(tmp_path / "sim.csv", index=False)
    page = run("review", "sim.csv").out.splitlines()
    assert page[0].startswith("SIMULATED MARKET  sim.csv")
    assert shows(page[-1], "SIMULATED MARKET")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("review", "nothing.csv"), 1, "nothing.csv: cannot be read"),
        (("review", "paper"), 1, "paper journal: holds no trade. Open one: iwm-opts paper open"),
        (("review",), 2, "Missing argument 'LOG|paper'"),
        (("review", "x.csv", "--output", "x.csv"), 2, "--output would overwrite what LOG names"),
        (("review", "x.csv", "--plot", "x.txt"), 2, "must end in .png, .svg, .pdf"),
        (("review", "x.csv", "--timezone", "Mars"), 2, "'Mars': unknown time zone"),
    ],
)
def test_errors_are_one_line_with_a_remedy(run, arguments, code, message):
    failed = run(*arguments)
    assert (failed.code, failed.out) == (code, "")
    assert message in failed.err
    assert failed.err.count("\n") == 1


DIPS = """
version = 1
name = "dips"
edge = "mean-reversion"
horizon = "swing"
instrument = "shares"
[checklist]
minimum = 1
criteria = ["stretch", "quiet"]
[exits]
target_atr = 4.0
[macro]
enabled = false
"""
SHARES = """\
Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Basis,Proceeds,Comm/Fee,Code
Trades,Data,Order,Stocks,USD,IWM,"2024-11-20, 09:30:01",100,100.02,0,0,-1,O
Trades,Data,Order,Stocks,USD,IWM,"2024-11-21, 15:59:00",-100,101.99,0,0,-1,C
Trades,Data,Order,Stocks,USD,XBI,"2024-11-20, 09:30:01",10,90,0,0,-1,O
Trades,Data,Order,Stocks,USD,XBI,"2024-11-21, 09:30:01",-10,91,0,0,-1,C
Trades,Data,Order,Equity and Index Options,USD,IWM 20DEC24 95 P,"2024-11-20, 10:00:00",-1,1.2,0,0,-1,O
"""


@pytest.fixture
def shares(tmp_path):
    """An export of two funds and an option; bars that rise by a dollar a session on 2024-11-20 and the next day."""
    (tmp_path / "dips.toml").write_text(DIPS)
    (tmp_path / "ib.csv").write_text(SHARES)
    days = pd.bdate_range("2024-09-03", "2024-11-22")
    close = pd.Series(100.0, index=days)
    close["2024-11-20":] = [101.0, 102.0, 103.0]
    opened = close.shift(1, fill_value=100.0)
    high, low = close.clip(lower=opened) + 0.5, close.clip(upper=opened) - 0.5
    table = pd.DataFrame({"date": days, "open": opened, "high": high, "low": low, "close": close})
    table.to_csv(tmp_path / "IWM.csv", index=False)
    return "ib.csv", "--plan", "dips.toml", "--format", "json"


def test_a_share_plan_is_reviewed_from_a_brokers_export(run, shares):
    told = run("review", *shares, "--bars", "IWM.csv").json
    assert (told["closed"], told["open"]) == (1, 0)
    assert told["whole"]["pnl"] == pytest.approx(197.0 - 2.0)
    # 100.02 paid for an open of 100.00 and a cent; sold at 101.99 for a close of 102.00 less a cent.
    assert told["whole"]["slippage_over_model"] == pytest.approx(1.0)
    assert told["whole"]["slippage_to_mid"] == pytest.approx(3.0)
    assert told["whole"]["fees_over_model"] == pytest.approx(2.0)  # the plan trades shares for nothing
    size, late = (next(one for one in told["findings"] if one["name"] == name) for name in ("size", "late exits"))
    assert (size["trades"], size["breaches"]) == (1, 0)
    assert (late["trades"], late["breaches"]) == (1, 0)
    assert {one["name"] for one in told["effects"]} == {"stretch", "quiet", "before any rule"}
    assert shows(told["notes"], "1 trade", "than IWM")
    assert shows(told["notes"], "1 trade", "options")
    assert shows(told["notes"], "entry: 1", "checklists")


def test_without_bars_the_review_says_which_data_it_needs(run, shares):
    told = run("review", *shares).json
    assert told["closed"] == 1
    (need,) = [note for note in told["notes"] if note.startswith("needs data")]
    assert shows(need, "size", "risk", "exits", "fills", "checklist")
    assert need.endswith("give `bars` FILE or run iwm-opts fetch")


def test_recorded_bars_are_taken_where_none_are_named(run, shares, tmp_path):
    (tmp_path / "record" / "bars").mkdir(parents=True)
    (tmp_path / "IWM.csv").rename(tmp_path / "record" / "bars" / "IWM.csv")
    told = run("review", *shares).json
    assert told["whole"]["trades_with_model_fill"] == 1


def test_real_trades_are_not_judged_on_simulated_bars(run, shares, tmp_path):
    table = pa.Table.from_pandas(pd.read_csv(tmp_path / "IWM.csv"), preserve_index=False)
    table = table.replace_schema_metadata(with_origin(table.schema, Origin(simulated=True)).metadata)
    pq.write_table(table, tmp_path / "made.parquet")
    failed = run("review", *shares, "--bars", "made.parquet")
    assert (failed.code, shows(failed.err, "are SIMULATED, and")) == (1, True)


def test_simulated_trades_are_not_judged_on_real_bars(run, shares, tmp_path):
    run("review", "ib.csv", "--write-log", "mine.csv", "--quiet")
    log = pd.read_csv("mine.csv")
    log.assign(provenance="simulated").to_csv("mine.csv", index=False)
    failed = run("review", "mine.csv", *shares[1:], "--bars", "IWM.csv")
    assert (failed.code, shows(failed.err, "are real, and", "SIMULATED")) == (1, True)
    (tmp_path / "record" / "bars").mkdir(parents=True)
    (tmp_path / "IWM.csv").rename(tmp_path / "record" / "bars" / "IWM.csv")
    told = run("review", "mine.csv", *shares[1:]).json
    assert any(shows(note, "are SIMULATED", "judged") for note in told["notes"])
    assert told["whole"]["trades_with_model_fill"] == 0


def test_a_plan_that_no_trade_follows_is_refused_with_what_there_is(run, shares, tmp_path):
    (tmp_path / "dips.toml").write_text(DIPS.replace("[checklist]", 'symbol = "KRE"\n[checklist]'))
    failed = run("review", *shares)
    assert failed.code == 1
    assert shows(failed.err, "than KRE", "symbols")


def test_results_are_held_against_the_plans_own_earlier_trades(run, shares, tmp_path):
    # A fund that wavers by two dollars and falls every other session: an edge of one decline trades it often.
    days = pd.bdate_range("2024-01-02", "2024-11-22").drop(["2024-01-15", "2024-02-19", "2024-03-29", "2024-05-27",
        "2024-06-19", "2024-07-04", "2024-09-02"])  # fmt: skip
    close = pd.Series([100.0 + 2.0 * (place % 2) for place in range(len(days))], index=days)
    opened = close.shift(1, fill_value=100.0)
    table = pd.DataFrame({"date": days, "open": opened, "high": 102.5, "low": 99.5, "close": close})
    table.to_csv(tmp_path / "IWM.csv", index=False)
    (tmp_path / "dips.toml").write_text(DIPS + "[mean-reversion]\ndeclines = 1\ntotal = 0.001\n")
    told = run("review", *shares, "--bars", "IWM.csv").json
    count, _, rest = told["compared_with"].partition(" ")
    assert shows(rest, "before 2024-11-20")
    assert int(count) == told["edge"]["backtest_trades"] >= 30
    assert run("review", *shares).json["compared_with"] is None  # no data, no backtest


def test_a_log_without_a_closed_trade_lists_what_is_open(run):
    file = Path(__file__).parents[1] / "cases" / "logs" / "B06b_ib_flex.xml"
    record = run("review", file, "--format", "json").json
    assert (record["closed"], record["open"]) == (0, 1)
    (trade,) = record["open_trades"]
    assert (trade["legs"], trade["credit"], trade["fees"]) == ("-1P190", 1.2, 1.05)
    assert "-1P190" in run("review", file).out


def test_opening_balances_and_rows_not_used_are_in_the_record(run):
    logs = Path(__file__).parents[1] / "cases" / "logs"
    record = run("review", logs / "T33_tt_called_away_then_shares.csv", "--format", "json").json
    (balance,) = record["opening_balances"]
    assert (balance["name"], balance["quantity"], balance["price"]) == ("shares of IWM", 100, 225.0)
    record = run("review", logs / "S23_tos_cash_without_trade.csv", "--format", "json").json
    assert record["rows_skipped"] == {"orders of Cash Balance without a row in Account Trade History": 2}


class TestOwnFills:
    """Twelve bull puts filled at 0.8 of H from mid, quoted by a chain file."""

    @pytest.fixture
    def files(self, made_quotes, tmp_path):
        quotes = made_quotes().drop(columns="quote_time")
        days = [f"2026-03-{day:02d}" for day in (2, 3, 4, 5, 6, 9)]
        table = pd.concat([quotes.assign(quote_date=day, quote_time=f"{day} 15:45") for day in days])
        table.to_csv(tmp_path / "chains.csv", index=False)
        puts = quotes[(quotes["right"] == "P") & (quotes["expiration"] == pd.Timestamp("2026-04-17").date())]
        puts = puts.set_index("strike")
        mid = float(puts.loc[190.0, ["bid", "ask"]].mean() - puts.loc[185.0, ["bid", "ask"]].mean())
        half = float((puts["ask"] - puts["bid"]).loc[[185.0, 190.0]].sum() / 2)
        rows = ["entry,exit,symbol,expiration,legs,contracts,credit,debit,fees"]
        for day in days:
            prices = f"{mid - 0.8 * half:.4f},{mid + 0.8 * half:.4f}"
            rows.append(f"{day} 15:40,{day} 15:50,IWM,2026-04-17,+1P185 -1P190,1,{prices},0")
        (tmp_path / "log.csv").write_text("\n".join(rows))
        return tmp_path / "log.csv", tmp_path / "chains.csv"

    def test_given_quotes_measure_them_and_fill_mine_uses_them(self, run, files):
        log, chains = files
        page = run("review", log, "--quotes", chains, "--keep-fills", "--format", "json")
        assert page.code == 0
        offsets = {(row["by"], row["group"]): row["offset"] for row in page.json["fill_offsets"]}
        assert offsets["all", "all"]["value"] == pytest.approx(0.8, abs=0.01)
        assert offsets["legs", "2"]["trades"] == 12
        notes = "\n".join(page.json["notes"])
        assert "kept for `fill` mine: mine:0.8/2=0.8" in notes
        assert shows(notes, "than fraction:0.5, 0.50 of H")
        asked = ("fills", "--leg", "+1P195@0.70/0.74", "--leg", "-1P200@1.20/1.26", "--fees", "zero")
        fills = {row["model"]: row for row in run(*asked, "--fill", "mine", "--format", "json").json["fills"]}
        assert fills["mine:0.8/2=0.8"]["credit"] == pytest.approx(0.47)  # mid 0.51 less 0.8 of H 0.05

    def test_open_positions_alone_are_measured_by_their_entries(self, run, files):
        log, chains = files
        text = log.read_text().splitlines()
        held = [",".join([cells[0], "", *cells[2:7], "", "0"]) for cells in (row.split(",") for row in text[1:])]
        later = [row.replace(" 15:40", " 15:41") for row in held]
        log.write_text("\n".join([text[0], *held, *later]))
        page = run("review", log, "--quotes", chains, "--keep-fills", "--format", "json")
        assert "kept for `fill` mine: mine:0.8/2=0.8" in "\n".join(page.json["notes"])
        log.write_text("\n".join([text[0], *held]))
        page = run("review", log, "--quotes", chains, "--keep-fills")
        assert (page.code, page.out) == (1, "")
        assert shows(page.err, "6 fills", "10 are", "nothing")
        log.write_text("\n".join([text[0], *(row.replace(" 15:40", "") for row in held)]))
        page = run("review", log, "--quotes", chains, "--keep-fills")
        assert shows(page.err, "0 fills", "nothing")
        assert shows(page.err, "6 entries")

    def test_a_picture_of_open_positions_is_not_written_and_said(self, run, files, tmp_path):
        log, _ = files
        log.write_text("entry,contracts,legs,symbol\n2026-03-02,1,-1P190,IWM\n")
        page = run("review", log, "--plot", "review.png")
        assert (page.code, shows(page.err, "written: review.png")) == (0, True)
        assert not (tmp_path / "review.png").exists()

    def test_without_a_measurement_it_is_refused(self, run):
        page = run("fills", "--leg", "+1P195@0.70/0.74", "--leg", "-1P200@1.20/1.26", "--fill", "mine")
        assert page.code == 1
        assert shows(page.err, "review LOG", "measured")


@pytest.fixture
def mid_log(tmp_path):
    """Two bull puts filled at mid: one closed, one stopped; prices of the underlying known."""
    file = tmp_path / "mid.csv"
    file.write_text(
        "entry,exit,reason,contracts,symbol,legs,expiration,credit,debit,entry_spot,exit_spot\n"
        "2026-03-02 15:50,2026-03-17 15:55,profit,2,IWM,+1P185 -1P190,2026-04-17,0.60,0.25,200,206\n"
        "2026-03-03 15:50,2026-03-17 15:55,stop,1,IWM,+1P185 -1P190,2026-04-17,0.60,1.80,200,190\n"
    )
    return file


def test_a_log_at_mid_is_repriced(run, mid_log, tmp_path):
    result = run("review", mid_log, "--reprice", "--fees", "custom:0.65", "--format", "json").json
    total = result["total"]
    assert total["log_pnl"] == pytest.approx(2 * 35.0 - 120.0)
    assert total["fees"] == pytest.approx(3 * 4 * 0.65)
    assert result["quotes"] == {"recorded": 0, "modelled": 4, "settled": 0}
    costs = total["entry_slippage"] + total["exit_slippage"] + total["fees"]
    assert total["pnl"] == pytest.approx(total["log_pnl"] - costs)
    page = run("review", mid_log, "--reprice").out
    assert "survives: -$" in page
    assert "IWM's quoted-spread model" in " ".join(page.split())
    assert max(map(len, page.splitlines())) <= 80
    log = tmp_path / "log.csv"
    rows = list(csv.DictReader(io.StringIO(
        run("review", mid_log, "--reprice", "--format", "csv", "--write-log", log).out
    )))  # fmt: skip
    assert [float(row["pnl"]) for row in rows] == pytest.approx(list(pd.read_csv(log)["pnl"]))
    sheet = tmp_path / "sheet.html"
    assert run("review", mid_log, "--reprice", "--output", sheet).code == 0
    assert "What survives re-pricing" in sheet.read_text()


@pytest.mark.parametrize(
    ("arguments", "field"), [(("--fill", "mid"), "--fill"), (("--reprice", "--account", "9000"), "--account")]
)
def test_repricing_options_are_apart(run, mid_log, arguments, field):
    refused = run("review", mid_log, *arguments)
    assert refused.code == 2
    assert field in refused.err


def test_json_of_a_result_is_named_with_what_to_give(run, log_file, chain_file, history_file):
    sim = ("--source", "sim", "--from", "2023-02-15", "--to", "2023-04-28", "--paths", 1, "--no-gate")
    results = {
        "review": (("review", log_file), "Give the log that it reviewed"),
        "backtest": (("backtest", *sim), "Give its trades: iwm-opts backtest --format csv"),
        "paper": (("paper", "list"), "Review the paper log itself"),
        "condor, vertical or single": (("condor", "--source", chain_file, "--no-gate"), "Give the log of trades"),
        "ivr": (("ivr", "--iv-history", history_file), "Give the log of trades"),
    }
    for name, (command, remedy) in results.items():
        assert run(*command, "--format", "json", "--output", "result.json").code == 0
        page = run("review", "result.json")
        assert (page.code, shows(page.err, f"the JSON of iwm-opts {name}")) == (1, True), page.err
        assert remedy in page.err
        for given in (("condor", "--source"), ("claims", "--bars")):
            assert shows(run(*given, "result.json").err, f"the JSON of iwm-opts {name}")
