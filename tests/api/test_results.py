"""Pictures and plain values of results."""

import ast
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

import iwm_opts as iwm
from iwm_opts.cli.main import main
from iwm_opts.errors import InputError
from iwm_opts.report.plots import draw_rows

API = Path(iwm.__file__).parent / "api"
WITHOUT = {
    "CalibrationRecord", "ComparisonResult", "ForecastReview", "OpenTrades", "OrderTicket", "PlanReport",
    "PositionSize", "SnapshotResult",
}  # fmt: skip


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def test_every_result_has_a_picture_or_says_why_not():
    drawn, without = set(), set()
    for file in API.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef) and "Result" in map(ast.unparse, node.bases):
                names = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
                names |= {ast.unparse(each.target) for each in node.body if isinstance(each, ast.AnnAssign)}
                (drawn if names & {"plot", "plotted"} else without).add(node.name)
    assert without == WITHOUT
    assert len(drawn) > 2 * len(without)


def test_a_figure_is_drawn_with_its_interval():
    frame = pd.DataFrame(
        {"rule": ["a", "b", "c"], "gain_estimate": [1.0, -2.0, np.nan], "gain_low": [0.0, -3.0, 0.0], "gain_high": 2.0}
    )
    axes = pyplot.subplots()[1]
    draw_rows(axes, frame, "gain_estimate", ["rule"])
    assert axes.get_lines()[0].get_xdata().tolist() == [1.0, -2.0]
    segments = axes.collections[0].get_segments()
    assert [(start[0], end[0]) for start, end in segments] == [(0.0, 2.0), (-3.0, 2.0)]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]


def test_a_figure_without_an_interval_is_a_bar():
    axes = pyplot.subplots()[1]
    draw_rows(axes, pd.DataFrame({"year": [2024, 2025], "pnl": [5.0, -1.0]}), "pnl", ["year"])
    assert [bar.get_width() for bar in axes.patches] == [5.0, -1.0]


def test_claims_are_drawn_from_their_bounds_on():
    data = iwm.read_plan_data(source="sim", as_of="2026-06-26", seed=7)
    claims = iwm.claims(data, "mean-reversion-3", "condor-rank")
    axes = claims.plot()
    expected = [
        (claim.estimate - (0.0 if np.isnan(claim.null) else claim.null)) / (0.5 * (claim.high - claim.low))
        for claim in claims.claims
        if claim.high > claim.low
    ]
    assert axes.get_lines()[0].get_xdata() == pytest.approx(expected)
    assert "SIMULATED" in axes.get_title(loc="left")


def test_a_result_without_one_figure_says_so():
    with pytest.raises(InputError) as failure:
        iwm.position_size(max_loss=400.0, account=50_000, risk=0.01).plot()
    assert failure.value.name == "plot"


def test_markets_and_histories_are_plain_values():
    market = iwm.simulated_market(first="2024-01-02", last="2024-03-28", paths=2, seed=7)
    record = json.loads(json.dumps(market.to_dict()))
    frame = market.to_frame()
    assert [row["spot"] for row in record["days"]] == frame["spot"].to_list()
    assert (record["kind"], record["paths"], record["days"][0]["date"]) == ("simulated", 2, "2024-01-02")
    history = market.history
    closes = json.loads(json.dumps(history.to_dict()))["closes"]
    assert list(closes.values()) == history.closes.astype(object).where(history.closes.notna(), None).to_list()
    assert list(closes)[-1] == str(history.closes.index[-1].date())
    assert history.series in history._repr_html_()


def told(command, capsys):
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(command.split())
    return json.loads(capsys.readouterr().out)


def test_a_sweep_is_the_commands_json(capsys):
    days = {"first": "2023-02-15", "last": "2023-08-31"}
    market = iwm.simulated_market(**days, paths=1, seed=5)
    rules = iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1)
    result = iwm.sweep(market, rules, {"profit": [0.25, 0.5], "stop": [2, None]}, draws=99, seed=5)
    command = (
        "sweep --source sim --from 2023-02-15 --to 2023-08-31 --paths 1 --seed 5 --no-gate --dte 30 --exit-dte 10 "
        "--contracts 1 --grid profit=0.25,0.5 --grid stop=2,none --draws 99 --format json"
    )
    record = told(command, capsys)
    assert record["grid"] == result.to_dict()["grid"] == {"profit": [0.25, 0.5], "stop": [2, None]}
    assert record["verdict"] == result.verdict


@pytest.mark.parametrize("edge", ["mean-reversion", "vol-contraction"])
def test_a_decision_is_the_commands_json(edge, capsys):
    data = iwm.read_plan_data(source="sim", as_of="2026-06-26", seed=7)
    chain = iwm.read_chain("sim", as_of="2026-06-26", seed=7) if edge == "vol-contraction" else None
    decision = iwm.make_plan(edge).decide(data, chain=chain)
    command = f"plan --edge {edge} --source sim --as-of 2026-06-26 --seed 7 --check --format json"
    assert decision.to_dict() == told(command, capsys)
    assert str(decision.day) == "2026-06-26"
