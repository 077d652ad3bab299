"""The public API of screens, fills, sizes and ranks on a made chain."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import iwm_opts as iwm
from iwm_opts.api.screen_request import ScreenRequest
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.report.screen_columns import columns_table
from tests.refusals import shows

WINDOW = (28, 50)


@pytest.fixture(scope="module")
def chain_path(made_quotes, tmp_path_factory):
    file = tmp_path_factory.mktemp("chain") / "chain.csv.gz"
    made_quotes().to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def history():
    """Falls from 30 to 15 points: rank 0 on its last day."""
    days = pd.bdate_range("2025-01-02", "2026-02-27")
    closes = pd.Series(np.linspace(0.30, 0.15, len(days)), index=days)
    return iwm.IvHistory("RVX", 30, closes, proxy=True, note="made")


@pytest.fixture(scope="module")
def chain(chain_path, history):
    return iwm.read_chain(chain_path, as_of="2026-03-02", iv_history=history, dividends="none")


@pytest.fixture(scope="module")
def condors(chain, history):
    return iwm.screen(
        chain, iwm.IronCondor(short_delta=(0.10, 0.25), width=5), gate=iwm.IvRankBelow(20, history), dte=WINDOW
    )


def test_both_roots_of_a_third_friday_are_listed_apart_and_ordered(made_quotes, tmp_path):
    morning = made_quotes().assign(underlying_symbol="SPX", root="SPX")
    morning = morning[morning["expiration"].astype(str).str.startswith("2026-04-17")]
    pd.concat([morning, morning.assign(root="SPXW")]).to_csv(tmp_path / "chain.csv", index=False)
    market = iwm.read_chain(str(tmp_path / "chain.csv"), symbol="SPX", as_of="2026-03-02")
    spreads = iwm.screen(market, iwm.Vertical("bull-put"), dte=WINDOW, fill="natural")
    orders = {iwm.ticket(each, contracts=1, as_of="2026-03-02").order().split(" 100 ")[1][:16] for each in spreads}
    assert orders == {"17 APR 26 [AM] 1", "(Weeklys) 17 APR"}
    lines = [line for line in spreads.to_text(columns=160).splitlines() if "17Apr 46d" in line]
    assert {"17Apr 46d AM" in line for line in lines} == {True, False}


def test_candidates_without_a_stop_are_counted_once(chain):
    near = iwm.screen(chain, iwm.IronCondor(short_delta=0.45, width=2), dte=WINDOW)
    (note,) = [each for each in near.warnings if shows(each, "stop", "width")]
    count = sum(3 * each.sized.candidate.fill.price > 2.0 for each in near)
    assert note.startswith(f"{count} of {len(near)} candidates, ")
    assert count > 0
    assert note.endswith("exceeds 2.00; the worst case is the max loss")
    far = iwm.screen(chain, iwm.IronCondor(short_delta=0.10, width=10), dte=WINDOW)
    assert not any("no stop" in each for each in far.warnings)


def test_a_chain_knows_its_indices_and_quotes(chain, made_quotes):
    assert np.isnan(chain.iv10)  # the first expiration is 18 days away
    assert chain.iv30 == pytest.approx(0.22, abs=0.02)
    frame = chain.to_frame()
    assert len(frame) == len(made_quotes())
    assert frame["expiration"].dtype.kind == "M"
    assert set(frame["dte"]) == {18, 31, 46}
    priced = chain.priced(WINDOW)
    atm = priced[(priced["strike"] == 200.0) & (priced["right"] == "C")]
    assert atm["iv"].to_numpy() == pytest.approx(0.22, abs=0.01)
    assert isinstance(chain.plot(dte=WINDOW), Axes)


def test_a_screen_is_a_sequence_a_frame_and_the_commands_json(condors, chain_path, run_json):
    frame = condors.to_frame()
    assert len(condors) == len(frame) == 5
    assert frame["expiration"].dtype.kind == "M"
    assert condors.is_open
    assert (frame["size_contracts"] == [package.contracts for package in condors]).all()
    best = condors[0]
    assert best.legs["contracts"].tolist() == [1, -1, -1, 1]
    assert best.greeks["theta"] == pytest.approx(frame["greeks_theta"].iloc[0])
    assert isinstance(best.plot(), Axes)
    assert "IV rank &lt; 20: OPEN" in condors._repr_html_()
    with pytest.raises(dataclasses.FrozenInstanceError):
        best.place = 1
    command = run_json(
        "condor", "--source", chain_path, "--dte", "28:50", "--dividends", "none", "--short-delta", "0.1:0.25"
    )
    ours = condors.to_dict()
    assert ours["candidates"][0]["size"]["contracts"] > 0
    for name in ("market", "screened", "measure", "chain_iv", "quality"):
        assert ours[name] == command[name]
    for mine, theirs in zip(ours["candidates"], command["candidates"], strict=True):
        assert {**mine, "size": None, "empirical": None} == {**theirs, "size": None, "empirical": None}
        assert (mine["empirical"]["rank"], theirs["empirical"]["rank"]) == ("below 20", "any")  # no history there


def test_a_history_that_ended_long_ago_conditions_no_returns(chain, history, condors):
    assert {each.sized.candidate.empirical.rank for each in condors} == {"below 20"}
    ended = iwm.IvHistory("RVX", 30, history.closes[:-60], proxy=True, note="made")
    stale = iwm.screen(chain, iwm.IronCondor(width=5), gate=iwm.IvRankBelow(20, ended), dte=WINDOW)
    assert "too old" in stale.screening.gate.reasons[0]
    assert {each.sized.candidate.empirical.rank for each in stale} == {"any"}


@pytest.fixture
def run_json(capsys):
    from iwm_opts.cli.main import main

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([*map(str, arguments), "--format", "json"])
        assert stop.value.code in (None, 0)
        return json.loads(capsys.readouterr().out)

    return call


def test_a_gate_is_any_function_of_the_history_before_the_day(chain):
    seen = []

    def calm(history):
        seen.append(history.closes.index[-1])
        return history.closes.iloc[-1] < 0.20

    assert iwm.screen(chain, gate=calm, dte=WINDOW).is_open
    assert seen[0] < pd.Timestamp(chain.as_of)
    closed = iwm.screen(chain, gate=lambda history: False, dte=WINDOW)
    assert not closed.is_open
    assert {package.contracts for package in closed} == {0}


def test_own_packages_are_judged_like_built_ones(chain, condors):
    legs = pd.concat([package.legs.assign(package=place) for place, package in enumerate(condors)])
    own = iwm.screen(chain, legs[["package", "expiration", "right", "strike", "contracts"]], account=50_000)
    figures = ["expiration", "strikes", "credit_fill", "max_loss", "expected_profit", "pop"]
    ours = own.to_frame()[figures].sort_values(["expiration", "strikes"]).reset_index(drop=True)
    built = condors.to_frame()[figures].sort_values(["expiration", "strikes"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, built)


@pytest.mark.parametrize(
    ("column", "value"), [("right", "X"), ("contracts", 2), ("contracts", 0), ("expiration", "2026-04-02")]
)
def test_invalid_own_legs_are_named(chain, condors, column, value):
    legs = condors[0].legs.assign(expiration=pd.Timestamp("2026-03-20"))
    legs[column] = legs[column].astype(object)
    legs.loc[0, column] = pd.Timestamp(value) if column == "expiration" else value
    with pytest.raises(InputError) as failure:
        iwm.screen(chain, legs, dte=WINDOW)
    assert failure.value.name == ("package" if column == "expiration" else column)


def test_a_strike_that_is_not_listed_counts_as_incomplete(chain):
    legs = pd.DataFrame(
        {"expiration": ["2026-04-02"] * 2, "right": ["P", "P"], "strike": [150.5, 190.0], "contracts": [1, -1]}
    )
    assert iwm.screen(chain, legs).to_dict()["screened"]["rejected"] == {
        "no strike is listed at the distance wanted": 1
    }


@pytest.mark.parametrize(
    "fields", [{"width": 5, "wing_delta": 0.05}, {"width": (5, 10), "put_width": 5, "call_width": 5}]
)
def test_contradicting_widths(fields):
    with pytest.raises(ConflictError):
        iwm.IronCondor(**fields)


@pytest.mark.parametrize("fields", [{"short_delta": 16}, {"width": -5}, {"wing_delta": 1.5}])
def test_strategies_are_validated_when_made(fields):
    with pytest.raises(InputError):
        iwm.IronCondor(**fields)


def test_a_request_is_validated_when_made(chain):
    with pytest.raises(InputError):
        ScreenRequest(chain=chain, dte=(45, 21))
    with pytest.raises(InputError):
        iwm.IvRankBelow(120)


def test_fills_of_legs_by_chain_and_by_typed_quotes(chain):
    quotes = chain.to_frame()
    at = quotes[(quotes["expiration"] == "2026-04-02") & (quotes["right"] == "P")].set_index("strike")[["bid", "ask"]]
    legs = "-1P190 +1P185"
    by_chain = iwm.compare_fills(legs, chain, expiration="2026-04-02").to_frame()
    typed = [
        f"{leg}@{at.loc[k, 'bid']}/{at.loc[k, 'ask']}" for leg, k in zip(legs.split(), (190.0, 185.0), strict=True)
    ]
    by_hand = iwm.compare_fills(typed).to_frame()
    pd.testing.assert_series_equal(by_chain["credit"], by_hand["credit"])
    assert by_chain["expected_profit"].notna().all()
    assert by_hand["expected_profit"].isna().all()
    mid = at["bid"].add(at["ask"]) / 2
    assert by_chain.set_index("model")["credit"]["mid"] == pytest.approx(mid[190.0] - mid[185.0])
    with pytest.raises(InputError) as failure:
        iwm.compare_fills(legs, chain)
    assert failure.value.name == "expiration"


def test_spreads_of_a_chain(chain):
    spreads = iwm.measure_spreads(chain).to_frame()
    assert spreads["spread"].median() == pytest.approx(0.04, abs=0.011)
    assert {"right", "bucket", "dte", "n", "share_of_mid"} <= set(spreads)


def test_sizes():
    assert iwm.position_size(max_loss=401.52, account=50_000, risk=0.01).contracts == 1
    assert iwm.position_size(max_loss=100, account=50_000, risk="2%", open_interest=40).contracts == 4
    assert iwm.share_position_size(entry=212.40, atr=4.10, account=50_000, risk="1%").contracts == 121
    with pytest.raises(InputError):
        iwm.share_position_size(entry=212.40)


def test_a_history_ranks_itself(history):
    assert history.rank(before="2026-03-02").rank == 0.0
    report = iwm.rank_iv(history, as_of="2026-03-02")
    assert (report.rank, report.is_open) == (0.0, True)
    assert report.to_frame()["rank"].iloc[-1] == 0.0
    assert isinstance(report.plot(), Axes)


def test_the_chart_of_a_history_of_all_days_begins_on_a_session(tmp_path):
    days = pd.date_range("2024-01-01", "2026-02-28")
    path = tmp_path / "iv.csv"
    pd.DataFrame({"date": days, "iv30": 0.2 + 0.01 * (np.arange(len(days)) % 7)}).to_csv(path, index=False)
    report = iwm.rank_iv(iwm.read_iv_history(path), as_of="2026-03-02")
    first = report.to_frame().index[-252]
    assert f"IWM IV30, {first.date()} to 2026-02-27, vol points" in report.to_text()


def test_days_are_written_as_days():
    with pytest.raises(InputError) as failure:
        iwm.read_chain("sim", as_of="26/06/2026")
    assert failure.value.name == "as_of"


@pytest.mark.parametrize(
    "strategy",
    [iwm.IronCondor(), iwm.Vertical(("bull-put", "bear-call", "bull-call", "bear-put")), iwm.SingleOption()],
    ids=["condor", "vertical", "single"],
)
def test_every_column_has_a_unit_and_a_meaning(strategy):
    chain = iwm.read_chain("sim", as_of="2026-06-26", seed=7)
    frame = iwm.screen(chain, strategy, account=50_000).to_frame()
    assert len(frame)
    assert set(frame.columns) <= set(iwm.Screen.columns)
    assert all(
        unit or frame[name].dtype.kind not in "if" for name, (unit, _) in iwm.Screen.columns.items() if name in frame
    )
    if isinstance(strategy, iwm.IronCondor):
        assert list(frame.columns) == list(iwm.Screen.columns)


def test_the_reference_lists_every_column():
    page = Path(iwm.__file__).parents[1] / "docs" / "reference" / "api.md"
    assert columns_table() in page.read_text(encoding="utf-8")
