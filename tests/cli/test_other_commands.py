import pandas as pd
import pytest

from tests.refusals import shows


def test_verticals_of_every_kind(run, chain_file):
    kinds = ("bull-put", "bear-call", "bull-call", "bear-put")
    wanted = [argument for kind in kinds for argument in ("--kind", kind)]
    found = run("vertical", "--source", chain_file, "--as-of", "2026-03-02", "--dte", "40:50", "--top", "100",
                "--format", "json", *wanted).json  # fmt: skip
    assert {one["strategy"] for one in found["candidates"]} == set(kinds)
    for one in found["candidates"]:
        is_credit = one["strategy"] in kinds[:2]
        assert (one["credit"]["fill"] > 0) is is_credit
        assert one["max_profit"] + one["max_loss_expiry"] == pytest.approx(500.0)
        assert len(one["breakevens"]) == 1
    assert found["gate"] == {"condition": "none", "open": True, "reasons": ["no IV rank condition was asked for"]}


def test_single_options_risk_their_premium(run, chain_file):
    found = run(
        "single", "--source", chain_file, "--right", "C", "--delta", "0.5", "--dte", "46", "--format", "json"
    ).json
    (one,) = found["candidates"]
    assert one["max_loss_expiry"] == pytest.approx(-100 * one["credit"]["fill"] + one["fees"])
    assert one["max_profit"] is None  # unbounded
    assert one["prob_touch"] is None
    assert "unlimited" in run("single", "--source", chain_file, "--right", "C", "--delta", "0.5", "--dte", "46").out


def test_ivr_with_and_without_a_chain(run, history_file, chain_file):
    alone = run("ivr", "--iv-history", history_file, "--format", "json").json
    assert alone["iv"]["rank"] == 0.0
    assert alone["market"] is None
    assert sum(day["days"] for day in alone["open_gate_by_weekday"]) > 40
    page = run("ivr", "--iv-history", history_file, "--source", chain_file, "--as-of", "2026-03-02")
    assert page.code == 0
    assert "IV10" in page.out
    assert "█" in page.out
    assert "Monday" in page.out
    assert max(len(line) for line in page.out.splitlines()) <= 80


def test_fills_of_typed_legs(run):
    # By hand: mid 1.23 - 0.72 = 0.51, H = 0.03 + 0.02, natural 1.20 - 0.74 = 0.46.
    legs = ("--leg", "-1P200@1.20/1.26", "--leg", "+1P195@0.70/0.74")
    rows = run("fills", *legs, "--fees", "zero", "--format", "json").json["fills"]
    by_model = {row["model"]: row for row in rows}
    assert by_model["natural"]["credit"] == pytest.approx(0.46)
    assert by_model["natural"]["slippage"] == pytest.approx(5.0)
    assert by_model["natural"]["round_trip_cost"] == pytest.approx(10.0)
    assert by_model["natural"]["breakeven_win_rate"] == pytest.approx(454 / 500)
    assert by_model["mid"]["credit"] == pytest.approx(0.51)
    assert by_model["fraction:0.5"]["credit"] == pytest.approx(0.48)  # 0.485, rounded against the trader
    assert by_model["mid"]["expected_profit"] is None
    page = run("fills", *legs).out
    assert shows(" ".join(page.split()), "smile", "legs", "chain")
    assert "…" not in page


def test_fills_of_legs_from_a_chain(run, chain_file):
    legs = ("--leg", "-1P185", "--leg", "+1P180", "--expiration", "2026-04-17", "--source", chain_file)
    rows = {row["model"]: row for row in run("fills", *legs, "--format", "json").json["fills"]}
    assert rows["mid"]["expected_profit"] == pytest.approx(100 * rows["mid"]["breakeven_slippage"])
    assert rows["natural"]["expected_profit"] < rows["fraction:0.5"]["expected_profit"] < rows["mid"]["expected_profit"]
    failed = run("fills", "--leg", "-1P185.5", "--leg", "+1P180", "--expiration", "2026-04-17", "--source", chain_file)
    assert shows(failed.err, "are 184, 185, 186, 187")
    failed = run("fills", "--leg", "-1P185", "--expiration", "2026-04-18", "--source", chain_file)
    assert "2026-04-17" in failed.err


@pytest.mark.parametrize("by", ["moneyness", "delta"])
def test_fills_of_a_chain_and_of_two(run, chain_file, by):
    rows = run("fills", "--source", chain_file, "--by", by, "--format", "json").json["rows"]
    assert {row["right"] for row in rows} == {"C", "P"}
    assert all(row["spread"] is None or row["spread"] == pytest.approx(0.04, abs=0.021) for row in rows)
    versus = run("fills", "--source", chain_file, "--versus", chain_file, "--versus-symbol", "IWM", "--by", by)
    assert versus.code == 0
    assert "ratio" in versus.out
    assert "…" not in versus.out


def test_size_of_contracts_and_shares(run):
    assert run("size", "--max-loss", "395", "--format", "json").json["contracts"] == 1
    shares = run("size", "--entry", "212.40", "--atr", "4", "--atr-multiple", "2.5", "--format", "json").json
    assert shares["shares"] == 50
    assert run("size", "--entry", "100", "--stop", "95", "--format", "json").json["shares"] == 100
    page = run("size", "--max-loss", "600").out
    assert page.startswith("0 contracts  limited by risk: one contract risks $600.00, the limit is $500.00")


def test_ivr_sees_nothing_of_the_day_or_after(run, history_file, tmp_path):
    rows = history_file.read_text().splitlines()
    cut = [
        row for row in rows if row.startswith("DATE") or pd.Timestamp(row.split(",")[0]) < pd.Timestamp("2026-01-15")
    ]
    assert len(cut) < len(rows)
    (tmp_path / "RVX_History.csv").write_text("\n".join(cut))
    whole = run("ivr", "--iv-history", history_file, "--as-of", "2026-01-15", "--format", "json").json
    past = run("ivr", "--iv-history", "RVX_History.csv", "--as-of", "2026-01-15", "--format", "json").json
    assert whole == past


def test_a_loss_is_named_by_what_it_leaves_out(run):
    (natural,) = [
        row
        for row in run("fills", "--leg", "-1P200@1.20/1.26", "--leg", "+1P195@0.70/0.74", "--format", "json").json[
            "fills"
        ]
        if row["model"] == "natural"
    ]
    assert natural["max_loss_expiry"] == pytest.approx(454 + natural["opening_fees"])
    assert "max_loss" not in natural


def test_a_quote_of_zero_is_refused(run):
    failed = run("fills", "--leg", "-1P200@0/0")
    assert failed.code == 1
    assert shows(failed.err, "leg='-1P200@0/0'", "ask")


def test_output_to_a_dash_is_standard_output(run, tmp_path):
    asked = ("size", "--max-loss", "300", "--account", "50000")
    page = run(*asked, "--output", "-")
    assert page.out == run(*asked).out
    assert (page.err, list(tmp_path.glob("-"))) == ("", [])


def test_an_atr_beside_a_stop_is_told_to_have_no_effect(run):
    page = run("size", "--entry", "240", "--stop", "235", "--atr", "4", "--account", "50000")
    assert "100 shares" in page.out
    assert shows(page.err, "--stop", "--atr has")
