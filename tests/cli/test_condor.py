import csv
import io

import pytest

from tests.refusals import shows

CANDIDATE = {
    "strategy", "expiration", "dte", "legs", "credit", "fill", "fees", "max_profit", "max_loss", "max_loss_expiry",
    "breakevens", "pop", "prob_touch", "expected_profit", "expected_profit_rn", "return_on_risk", "greeks", "size",
}  # fmt: skip
NESTED = {
    "credit": {"mid", "natural", "fill"},
    "fill": {"model", "offset", "slippage", "slippage_share_of_credit", "breakeven_slippage"},
    "greeks": {"delta", "gamma", "theta", "vega"},
    "size": {"contracts", "risk", "buying_power", "limited_by"},
}
IV = {
    "series", "value", "value_date", "tenor_days", "rank", "percentile", "lookback", "observations", "coverage",
    "proxy",
}  # fmt: skip
LEG = {"side", "right", "strike", "bid", "ask", "mid", "iv", "delta", "occ_symbol"}


@pytest.fixture
def screened(run, chain_file, history_file):
    def call(*arguments):
        return run("condor", "--source", chain_file, "--iv-history", history_file, "--as-of", "2026-03-02",
                   "--dte", "28:50", "--short-delta", "0.1:0.25", *arguments)  # fmt: skip

    return call


def test_json_has_the_documented_shape(screened):
    result = screened("--format", "json", "--dividends", "2026-03-25:0.6").json
    assert set(result["market"]) >= {"source", "as_of", "session", "spot", "simulated", "rate", "dividends"}
    assert set(result["iv"]) >= IV
    assert set(result["chain_iv"]) == {"iv10", "iv30", "iv10_calendar", "iv30_calendar"}
    assert set(result["gate"]) == {"condition", "open", "reasons"}
    assert result["market"]["dividends"] == [{"ex_date": "2026-03-25", "amount": 0.6, "projected": False}]
    assert result["market"]["simulated"] is False
    assert result["iv"]["value_date"] == "2026-02-27"  # nothing of the day itself
    assert 0 <= result["iv"]["coverage"] <= 1
    assert len(result["candidates"]) == 5
    for one in result["candidates"]:
        assert set(one) >= CANDIDATE
        for name, keys in NESTED.items():
            assert set(one[name]) >= keys
        assert all(set(leg) >= LEG and leg["side"] in ("long", "short") for leg in one["legs"])
        assert 0 < one["pop"] < 1
        assert one["credit"]["natural"] <= one["credit"]["fill"] <= one["credit"]["mid"]
        assert one["fill"]["slippage"] == pytest.approx(100 * one["fill"]["offset"])


def test_an_open_gate_sizes_and_a_closed_one_trades_nothing(screened):
    is_open = screened("--ivr-below", "20", "--format", "json").json
    assert is_open["gate"]["open"] is True
    assert max(one["size"]["contracts"] for one in is_open["candidates"]) >= 1
    closed = screened("--ivr-below", "0", "--format", "json")
    assert closed.code == 0  # a closed gate is an answer
    assert closed.json["gate"]["open"] is False
    assert {(one["size"]["contracts"], one["size"]["limited_by"]) for one in closed.json["candidates"]} == {(0, "gate")}
    assert "NOT TRADED" in screened("--ivr-below", "0").out


def test_without_a_history_the_gate_is_closed_with_the_reason(run, chain_file):
    found = run("condor", "--source", chain_file, "--as-of", "2026-03-02", "--dte", "28:50", "--format", "json").json
    assert found["gate"] == {
        "condition": "IV rank < 20", "open": False, "reasons": ["no IV history to rank within; give `iv_history`"],
    }  # fmt: skip
    assert found["iv"]["rank"] is None


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_page_fits_its_width(screened, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    page = screened().out
    assert max(len(line) for line in page.splitlines()) <= int(columns)
    assert "…" not in page
    flowing = " ".join(page.split())
    for words in (
        "proxy",
        "credit",
        "max loss",
        "E[P]",
        "dividends of IWM not given",
        "variance x 0.81",
        "0.69 to 0.97",
    ):
        assert words in flowing


def test_methods_stand_behind_verbose(screened, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    short, whole = screened().out, screened("-v").out
    legend = [line for line in short.splitlines() if line.startswith("E[P] profit at expiry")]
    measure = "variance x 0.81 (0.69 to 0.97: RVX 2009-2025); more: -v"
    assert legend == [f"E[P] profit at expiry, E[M] under the exits, P50 target first; {measure}"]
    for method in ("an average of the past", "2,000 paths under the smile's own dynamics"):
        assert method not in " ".join(short.split())
        assert method in " ".join(whole.split())


def test_csv_has_one_row_a_candidate(screened):
    rows = list(csv.DictReader(io.StringIO(screened("--format", "csv", "--top", "3").out)))
    assert len(rows) == 3
    assert rows[0]["leg_1_side"] == "long"
    assert float(rows[0]["credit_mid"]) > 0
    assert rows[0]["simulated"] == "False"


def test_sides_may_differ_in_width_and_delta(screened):
    found = screened("--put-width", "10", "--call-delta", "0.10", "--put-delta", "0.20", "--format", "json").json
    for one in found["candidates"]:
        long_put, short_put, short_call, long_call = (leg["strike"] for leg in one["legs"])
        assert (short_put - long_put, long_call - short_call) == (10, 5)
        assert one["max_loss_expiry"] == pytest.approx(1000 - 100 * one["credit"]["fill"] + one["fees"])


def test_the_reference_engine_agrees(screened):
    ours = screened("--format", "json", "--exercise", "european").json["candidates"]
    theirs = screened("--format", "json", "--engine", "vollib").json["candidates"]
    for one, other in zip(ours, theirs, strict=True):
        assert [leg["occ_symbol"] for leg in one["legs"]] == [leg["occ_symbol"] for leg in other["legs"]]
        assert [leg["iv"] for leg in one["legs"]] == pytest.approx([leg["iv"] for leg in other["legs"]], rel=1e-9)
        assert one["expected_profit"] == pytest.approx(other["expected_profit"], abs=1e-4)
        assert one["greeks"] == pytest.approx(other["greeks"], abs=1e-7)


def test_a_picture_is_written_whole(screened, tmp_path):
    done = screened("--plot", "payoff.png")
    assert (tmp_path / "payoff.png").read_bytes().startswith(b"\x89PNG")
    assert "payoff.png" in done.err
    assert screened("--plot", "payoff.doc").code == 2
    assert [file.name for file in tmp_path.iterdir()] == ["payoff.png"]


def test_output_goes_to_a_file(screened, tmp_path):
    done = screened("--format", "json", "--output", "out.json", "-q")
    assert (done.out, done.err) == ("", "")
    assert (tmp_path / "out.json").read_text().startswith("{")


def test_unknown_open_interest_is_said(run, made_quotes, tmp_path):
    made_quotes().drop(columns="open_interest").to_csv(tmp_path / "chain.csv", index=False)
    found = run("condor", "--source", "chain.csv", "--dte", "28:50", "--format", "json").json
    assert shows(found["warnings"], "open interest", "legs")


def test_an_assumed_time_is_said(run, made_quotes, tmp_path):
    made_quotes().drop(columns="quote_time").to_csv(tmp_path / "chain.csv", index=False)
    found = run("condor", "--source", "chain.csv", "--dte", "28:50", "--format", "json").json
    assert any(shows(warning, "2026-03-02 is", "assumed") for warning in found["warnings"])


def test_a_width_that_nothing_lists_is_counted(screened):
    found = screened("--width", "500", "--format", "json").json
    assert found["candidates"] == []
    assert found["screened"]["rejected"] == {
        "no strike is listed at the distance wanted": found["screened"]["considered"]
    }
    done = screened("--width", "500", "--plot", "payoff.png")
    assert shows(done.err, "payoff.png")


def test_kelly_stakes_on_one_measure(screened):
    kelly = ("--kelly", "0.25", "--account", "1e6", "--risk", "50%", "--liquidity-share", "100%", "--format", "json")
    for one in screened(*kelly).json["candidates"]:
        pop, loss = one["pop_real_world"], one["max_loss"]
        win = (one["expected_profit"] + (1 - pop) * loss) / pop
        stake = 0.25 * (pop - (1 - pop) * loss / win) * 1e6
        if one["size"]["limited_by"] == "kelly":
            assert one["size"]["contracts"] == int(stake // loss)
    assert any(one["size"]["limited_by"] == "kelly" for one in screened(*kelly).json["candidates"])


def test_the_folder_of_an_output_is_checked_first(screened):
    for option in ("--plot", "--output"):
        failed = screened(option, "absent/file.png")
        assert failed.code == 2
        assert failed.out == ""
        assert shows(failed.err, option, "'absent/file.png'")


def test_early_assignment_is_shown_for_short_legs(screened):
    page = " ".join(screened("--dividends", "2026-03-25:2.5", "--dte", "40:50").out.split())
    assert shows(page, "exercised early")
    assert shows(page, "ex-date 2026-03-25: costs $255.00")  # 100 x 2.50 and tastytrade's 5
    european = " ".join(screened("--exercise", "european", "--dte", "40:50").out.split())
    assert "assignment" not in european.replace("early assignment", "")


def test_a_dividend_on_the_expiration_day_is_owed_at_the_close(screened):
    # The chain is of 16:00, whole days before it expires: there it cost nothing, and an hour before 85 dollars.
    asked = ("--dividends", "2026-04-17:0.85", "--dte", "40:50", "--fees", "zero", "--format", "json")
    for one in screened(*asked).json["candidates"]:
        put, call = one["assignment"]
        assert [at["ex_date"] for at in put["ex_dates"]] == ["2026-04-17"]
        assert (put["worst_cost"], call["worst_cost"]) == pytest.approx((0.0, 85.0))
        assert call["by_quotes"]["pays"] is False
        assert one["max_loss"] - one["max_loss_expiry"] == pytest.approx(85.0)


def test_json_tells_when_short_legs_are_assigned_and_what_it_costs(screened, run, chain_file):
    # Of the kernel: boundaries themselves are tested with the model; here they stand with the right leg and cost.
    ours = screened("--format", "json", "--dividends", "2026-03-25:0.6", "--fees", "tastytrade").json
    for one in ours["candidates"]:
        shorts = [(leg["right"], leg["strike"]) for leg in one["legs"] if leg["side"] == "short"]
        assert [(risk["right"], risk["strike"]) for risk in one["assignment"]] == shorts
        for risk in one["assignment"]:
            held = one["expiration"] >= "2026-03-25"
            assert [at["ex_date"] for at in risk["ex_dates"]] == (["2026-03-25"] if held else [])
            assert risk["pays_today"] is False
            assert risk["by_quotes"]["opposite_mid"] > 0
            for at in risk["ex_dates"]:
                owed = 60.0 if risk["right"] == "C" else 0.0
                assert 0.0 <= at["cost"] - owed < 10.0  # and an exercise fee
                if at["boundary"] is not None:
                    in_the_money = at["boundary"] > risk["strike"]
                    assert in_the_money == (risk["right"] == "C")
            assert risk["by_quotes"]["pays"] in ((False,) if held or risk["right"] == "P" else (None,))
    european = screened("--format", "json", "--exercise", "european").json["candidates"]
    assert all(one["assignment"] == [] for one in european)
    vertical = run("vertical", "--source", chain_file, "--dte", "28:50", "--format", "json").json["candidates"]
    assert all(len(one["assignment"]) == 1 for one in vertical)


def test_the_defaults_are_the_strategys_and_a_window_that_meets_the_exit_is_refused(run, chain_file):
    chain = ("--source", chain_file, "--no-gate", "--dividends", "none", "--format", "json")
    (condor,) = run("condor", *chain).json["candidates"]
    assert condor["dte"] == 46  # of 18, 31 and 46, alone within 35 to 55
    assert [abs(leg["delta"]) for leg in condor["legs"][1:3]] == pytest.approx([0.16, 0.16], abs=0.015)
    refused = run("condor", *chain, "--dte", "15:50")
    assert (refused.code, refused.out) == (1, "")
    assert shows(refused.err.lower(), "at 28", "window")
    assert len(run("condor", *chain, "--dte", "15:50", "--exit-dte", "none").json["candidates"]) == 3


def test_a_plan_gives_the_rules_of_the_screen(run, chain_file, tmp_path):
    plan = 'version = 1\nname = "wide"\nedge = "vol-contraction"\nhorizon = "multi-week"\ninstrument = "condor"\n'
    package = (
        "[package]\ndte = 31\ndte_slack = 5\ndelta = 0.2\nwidth = 10.0\nexit_dte = 14\n[costs]\nfill = 'natural'\n"
    )
    (tmp_path / "wide.toml").write_text(plan + package)
    chain = ("--source", chain_file, "--no-gate", "--dividends", "none", "--format", "json")
    (condor,) = run("condor", "--plan", "wide.toml", *chain).json["candidates"]
    assert condor["dte"] == 31
    assert condor["fill"]["model"] == "natural"
    strikes = [leg["strike"] for leg in condor["legs"]]
    assert (strikes[1] - strikes[0], strikes[3] - strikes[2]) == (10, 10)
    assert [abs(leg["delta"]) for leg in condor["legs"][1:3]] == pytest.approx([0.2, 0.2], abs=0.015)
    typed = run("condor", "--plan", "wide.toml", *chain, "--width", "5").json["candidates"][0]["legs"]
    assert typed[1]["strike"] - typed[0]["strike"] == 5


def test_a_closed_gate_names_the_size_of_an_open_one(screened):
    closed = screened("--ivr-below", "0", "--format", "json").json["candidates"][0]["size"]
    opened = screened("--no-gate", "--format", "json").json["candidates"][0]["size"]
    assert closed["contracts_ungated"] == opened["contracts"] == 1
    assert "would be 1 contract" in screened("--ivr-below", "0").out


def test_too_little_open_interest_names_its_option(run, chain_file):
    arguments = ("condor", "--source", chain_file, "--as-of", "2026-03-02", "--dte", "30:50", "--no-gate")
    assert "--min-open-interest 0" in run(*arguments, "--min-open-interest", "1e9").out
    assert "--min-open-interest 0" not in run(*arguments).out
