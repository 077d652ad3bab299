"""The session that a newcomer reads first, statement by statement, on the simulated market and on a real chain."""

import ast

import numpy as np
import pandas as pd
import pytest

import iwm_opts as iwm

SCREEN = """
chain = iwm.read_chain("chain.csv.gz", as_of=DAY, dividends="IWM_dividends.csv")
chain.iv10, chain.iv30; chain.to_frame()
rvx = iwm.read_iv_history("RVX_History.csv"); rvx.rank(before=DAY).rank
found = iwm.screen(chain, iwm.IronCondor(short_delta=(0.10, 0.25), width=5), gate=iwm.IvRankBelow(20, rvx),
                   fill="fraction:0.5", fees="tastytrade", account=50_000, risk=0.01)
found.to_frame(); found[0].legs; found[0].plot(); found[0].greeks
iwm.compare_fills(LEGS, chain, expiration=EXPIRATION).to_frame()
iwm.position_size(max_loss=401.52, account=50_000, risk=0.01).contracts
"""
BACKTEST = """
result = iwm.backtest(market, iwm.Rules(strategy="iron-condor", ivr_below=20, profit=0.5, stop=2))
result.trades; result.equity; result.metrics; result.costs; result.plot(); result.to_html("sheet.html")
iwm.sweep(market, rules, {"profit": [0.25, 0.5, 0.75], "stop": [1, 2, 3]}).to_frame()
iwm.evidence(market, rules).to_frame()
"""
PLAN = """
plan = iwm.read_plan("dips.toml"); plan.decide(data, on="2026-07-20")
iwm.review(iwm.read_trades("export.csv"), plan=plan).to_frame()
"""


def run(session, names):
    """Execute a session, and return the value of each expression in it by its source text."""
    values = {}
    for statement in ast.parse(session).body:
        text = ast.unparse(statement)
        if isinstance(statement, ast.Expr):
            values[text] = eval(compile(ast.Expression(statement.value), "<session>", "eval"), names)
        else:
            exec(compile(ast.Module([statement], []), "<session>", "exec"), names)
    return values


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))
    return tmp_path


def check_screen(values, names):
    frame = values["found.to_frame()"]
    assert len(frame) == len(names["found"]) > 0
    assert frame["expiration"].dtype.kind == "M"
    assert np.isfinite(values["(chain.iv10, chain.iv30)"]).all()
    assert values["iwm.position_size(max_loss=401.52, account=50000, risk=0.01).contracts"] == 1
    assert values["found[0].legs"]["contracts"].tolist() == [1, -1, -1, 1]
    costs = next(value for text, value in values.items() if text.startswith("iwm.compare_fills"))
    credit = costs.set_index("model")["credit"]
    assert credit["natural"] <= credit["fraction:0.5"] <= credit["mid"]


def test_the_session_on_a_simulated_chain(folder):
    source = iwm.read_chain("sim", as_of="2026-06-26", seed=7)
    source.to_frame().drop(columns="dte").to_csv("chain.csv.gz", index=False)
    closes = source.history.closes
    pd.DataFrame({"DATE": closes.index.strftime("%m/%d/%Y"), "CLOSE": 100 * closes.to_numpy()}).to_csv(
        "RVX_History.csv", index=False
    )
    paid = source.snapshot.dividends.dividends
    pd.DataFrame({"ex_date": [d.ex_date for d in paid], "amount": [d.amount for d in paid]}).to_csv(
        "IWM_dividends.csv", index=False
    )
    expiration = source.expirations[source.expirations >= "2026-07-24"][0]
    puts = source.priced((20, 60)).query("right == 'P' and expiration == @expiration and bid > 0.5")
    short = puts["strike"].iloc[puts["delta"].add(0.2).abs().argmin()]
    long = puts["strike"][puts["strike"] <= short - 5].iloc[-1]
    names = {
        "iwm": iwm, "DAY": "2026-06-26", "LEGS": f"-1P{short:g} +1P{long:g}",
        "EXPIRATION": str(expiration.date()),
    }  # fmt: skip
    check_screen(run(SCREEN, names), names)


@pytest.mark.market_data
def test_the_session_on_a_real_chain(folder, market_data):
    (folder / "chain.csv.gz").symlink_to(market_data / "options" / "IWM_cboe_full_20260615_20260702.csv.gz")
    (folder / "IWM_dividends.csv").symlink_to(market_data / "daily" / "IWM_dividends.csv")
    (folder / "RVX_History.csv").symlink_to(market_data / "vol" / "RVX_History.csv.gz")
    names = {"iwm": iwm, "DAY": "2026-06-26", "LEGS": "-1P275 +1P270", "EXPIRATION": "2026-07-31"}
    check_screen(run(SCREEN, names), names)


def test_the_backtest_session(folder):
    market = iwm.simulated_market(years=1, last="2026-06-26", paths=1, seed=7)
    names = {"iwm": iwm, "market": market, "rules": iwm.Rules(ivr_below=50)}
    values = run(BACKTEST, names)
    result = names["result"]
    assert (folder / "sheet.html").read_text() == values["result.to_html('sheet.html')"]
    assert values["result.costs"]["pnl"] == pytest.approx(result.trades["pnl"].sum())
    swept = next(value for text, value in values.items() if text.startswith("iwm.sweep"))
    assert len(swept) == 9
    assert len(values["iwm.evidence(market, rules).to_frame()"]) == 3


def test_the_plan_session(folder):
    (folder / "dips.toml").write_text(iwm.make_plan("mean-reversion").to_toml())
    data = iwm.read_plan_data(source="sim", as_of="2026-07-20", seed=7)
    log = iwm.backtest(
        iwm.simulated_market(first="2024-01-02", last="2024-12-31", paths=1, seed=7), iwm.Rules(ivr_below=None)
    )
    (folder / "export.csv").write_text(log.to_csv())
    names = {"iwm": iwm, "data": data}
    values = run(PLAN, names)
    decision = values["plan.decide(data, on='2026-07-20')"]
    assert str(decision.day) == "2026-07-20"
    assert {"state"} <= set(decision.to_frame().columns)
    months = values["iwm.review(iwm.read_trades('export.csv'), plan=plan).to_frame()"]
    assert months["pnl"].sum() == pytest.approx(log.trades["pnl"].sum())
