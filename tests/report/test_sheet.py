"""Tear sheets: one file without a request, text escaped, every chart a valid plotly figure and drawn."""

import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import accumulate

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

import iwm_opts as iwm
from iwm_opts.backtest.metrics import independent_trades
from iwm_opts.report.backtest_sheet import breakeven_sentence
from iwm_opts.report.backtest_table import MIN_APART, too_small
from iwm_opts.report.figures import histogram, parallel
from iwm_opts.report.page import Chart, Page, Paragraph, Section
from iwm_opts.report.sheet import sheet_html
from tests.refusals import refused, shows

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROBE = """<script>addEventListener("load", () => setTimeout(() => parent.postMessage({
  name: location.hash.slice(1),
  charts: document.querySelectorAll("div.chart").length,
  drawn: [...document.querySelectorAll("div.chart.js-plotly-plot")].filter(
    each => each.querySelector(".overplot path, .overplot image")).length,
  requests: performance.getEntriesByType("resource").map(each => each.name),
  overflow: document.documentElement.scrollWidth - innerWidth,
  beyond: [...document.querySelectorAll("div.chart svg.main-svg")].filter(
    each => each.getBoundingClientRect().right > innerWidth).length,
}, "*"), 1000));</script>"""
FRAME = """<body><pre id="told"></pre>{frames}<script>
const told = {{}};
addEventListener("message", event => {{
  told[event.data.name] = event.data;
  document.getElementById("told").textContent = JSON.stringify(told);
}});</script>"""
WIDTHS = (390, 1400)


class Reader(HTMLParser):
    """Addresses, scripts, figures and texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.addresses, self.scripts, self.figures, self.headings, self.texts = [], 0, [], [], []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.addresses += [given[name] for name in ("src", "href", "data", "action") if given.get(name)]
        self._inside = "figure" if given.get("type") == "application/json" else tag
        self.scripts += tag == "script" and self._inside != "figure"

    def handle_data(self, data):
        if self._inside == "figure" and data.strip():
            self.figures.append(json.loads(data))
        if self._inside not in ("figure", "script", "style"):
            self.texts.append(data)
        if self._inside in ("h1", "h2", "h3") and data.strip():
            self.headings.append(data.strip())


@pytest.fixture(scope="module")
def market():
    return iwm.simulated_market(first="2022-02-15", last="2023-08-31", paths=1, seed=5)


@pytest.fixture(scope="module")
def traded(market):
    return iwm.backtest(market, iwm.Rules(ivr_below=60, dte=30, exit_dte=10, contracts=1))


@pytest.fixture(scope="module")
def pages(market, traded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sheets")
    other = iwm.backtest(market, iwm.Rules(ivr_below=60, dte=30, exit_dte=10, contracts=1, profit=0.25))
    traded.save(folder / "a", options={"source": "sim"})
    other.save(folder / "b", options={"source": "sim", "profit": 0.25})
    (folder / "trades.csv").write_text(traded.to_csv())
    rules = iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1)
    grid = {"profit": [0.25, 0.5], "stop": [1, 2, None], "put_delta": [0.1, 0.16]}
    chain = iwm.read_chain("sim", as_of="2026-06-26", seed=7)
    return {
        "backtest": traded.to_html(),
        "saved": iwm.report(folder / "a").to_html(),
        "comparison": iwm.report(folder / "a", folder / "b").to_html(),
        "review": iwm.report(folder / "trades.csv").to_html(),
        "evidence": iwm.evidence(market, iwm.Rules(ivr_below=50), draws=19, random_draws=5, premium=False).to_html(),
        "sweep": iwm.sweep(market, rules, grid, draws=19).to_html(),
        "fills": iwm.compare_fills("+1P195@0.70/0.74 -1P200@1.20/1.26").to_html(),
        "spreads": iwm.measure_spreads(chain).to_html(),
        "whatif": iwm.whatif(iwm.screen(chain)[0]).to_html(),
    }


NAMES = ("backtest", "saved", "comparison", "review", "evidence", "sweep", "fills", "spreads", "whatif")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_one_file_of_valid_figures(pages, name):
    page = Reader(pages[name])
    assert page.addresses == []
    assert "default-src 'none'" in pages[name]
    assert pages[name].count("plotly.js v") == 1
    assert page.figures
    for figure in page.figures:
        go.Figure(figure)  # refuses a trace, key or value that plotly does not have
        assert figure["data"]


def test_costs_come_first_and_every_chart_is_there(pages, traded):
    page = Reader(pages["backtest"])
    assert page.headings[1:3] == ["Costs", "What became of the gain at mid"]
    assert set(page.headings) >= {
        "Equity and drawdown", "Gain by month, dollars", "P&L of a trade", "Exits by reason", "Excursions",
        "P&L by greeks", "Stress periods", "Parameters", "Data quality",
    }  # fmt: skip
    (cascade,) = page.figures[0]["data"]
    costs = traded.costs
    assert cascade["y"][:-1] == pytest.approx(
        [costs["mid_pnl"], -costs["entry_slippage"], -costs["exit_slippage"], -costs["fees"], costs["assignment"]]
    )
    assert sum(cascade["y"]) == pytest.approx(costs["pnl"])
    low, high = page.figures[0]["layout"]["yaxis"]["range"]
    ends = [0.0, *accumulate(cascade["y"][:-1])]
    room = 0.1 * (max(ends) - min(ends))  # of the labels outside the bars
    assert low < min(ends) - room
    assert high > max(ends) + room
    assert pages["backtest"].count('<ul class="provenance">') == 2
    assert pages["backtest"].count('<p class="label">SIMULATED') == 2


def test_the_equity_chart_holds_gate_and_entries(pages, traded):
    figure = Reader(pages["backtest"]).figures[1]
    assert figure["data"][0]["y"] == pytest.approx(traded.equity["equity"].tolist())
    entries = next(trace for trace in figure["data"] if trace["name"] == "entry")
    assert set(entries["x"]) == set(traded.trades["entry"].dt.strftime("%Y-%m-%d"))
    # Stretches with an open gate, by hand.
    flags = traded.equity["gate_open"].to_numpy()
    starts = int(flags[0]) + int((flags[1:] & ~flags[:-1]).sum())
    assert len(figure["layout"]["shapes"]) == starts > 1


def test_excursions_hold_the_open_gains_of_each_trade(traded):
    trades = traded.trades
    gross = trades["pnl"] + trades["fees"]
    assert (trades["max_favourable"] >= np.maximum(gross, 0.0) - 1e-9).all()
    assert (trades["max_adverse"] <= np.minimum(gross, 0.0) + 1e-9).all()
    # A profit exit is at the best mark or better than all before it.
    taken = trades[trades["reason"] == "profit"]
    assert (taken["max_favourable"] > 0).all()


def test_no_yearly_figure_of_a_small_sample(market):
    short = iwm.simulated_market(first="2023-02-15", last="2023-06-30", paths=1, seed=5)
    result = iwm.backtest(short, iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1))
    page = result.to_html()
    assert "less than a year" in page
    row = re.search(r"Sharpe, Sortino</span></td><td[^>]*><span>([^<]*)<", page)
    assert row is not None
    assert row[1] == "-"
    few = iwm.backtest(market, iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1, every=40))
    assert independent_trades(few.trades) < MIN_APART
    assert "trades apart, 30 are needed" in few.to_html()
    assert (too_small(251, 100.0), too_small(252, 30.0)) == ("251 sessions, less than a year", "")


def test_breakeven_slippage_of_the_same_trades():
    costs = {"mid_pnl": 1000.0, "entry_slippage": 100.0, "exit_slippage": 150.0, "fees": 200.0, "assignment": -50.0}
    # 1000 - 200 - 50 = 750 is what slippage may take: 3 times 250.
    assert breakeven_sentence(costs) == "Break-even slippage: $750, 3.00 times the $250 paid (same trades)."
    assert "none" in breakeven_sentence(costs | {"mid_pnl": 100.0})


def test_a_comparison_shows_every_input_that_differs(pages):
    page = pages["comparison"]
    rows = dict(re.findall(r'data-head="input"><span>([^<]*)</span></td>(.*?)</tr>', page))
    assert set(rows) == {"asked.profit", "rules.exit.profit"}
    assert "0.25" in rows["rules.exit.profit"]
    assert "0.5" in rows["rules.exit.profit"]


def test_months_are_of_a_path_where_there_are_several(pages):
    assert shows(Reader(pages["review"]).headings, "month", "dollars")
    market = iwm.simulated_market(first="2023-02-15", last="2023-06-30", paths=2, seed=5)
    result = iwm.backtest(market, iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1))
    page = Reader(result.to_html())
    assert shows(page.headings, "month", "dollars a path")
    texts = [text for text in page.texts if text.strip()]
    assert texts[texts.index("List of trades") :][1:3] == ["path", "entry"]


def test_no_page_prints_python_values(pages):
    for name, page in pages.items():
        assert not re.findall(r".*\b(?:None|inf|nan|True|False)\b.*", "\n".join(Reader(page).texts)), name


def test_the_luck_test_is_in_the_captions_of_a_sweep(pages):
    assert len(re.findall(r"<figcaption>[^<]*Hansen", pages["sweep"])) == 4  # three pairs, parallel coordinates
    lines = next(f for f in Reader(pages["sweep"]).figures if f["data"][0].get("type") == "scatter")
    assert sum(trace["x"].count(0) for trace in lines["data"]) == 12


def test_many_variants_draw_the_best_and_the_worst():
    metric = list(np.linspace(-1, 1, 1000))
    figure = parallel({"a": list(range(1000)), "b": ["x", "y"] * 500}, metric, "sharpe")
    drawn = [round(999 * y) for trace in figure["data"] for x, y in zip(trace["x"], trace["y"], strict=True) if x == 0]
    assert sorted(drawn) == [*range(100), *range(900, 1000)]


def test_a_histogram_counts_every_trade():
    values = np.random.default_rng(1).normal(size=333)
    figure = histogram(values.tolist(), "dollars")
    assert sum(figure["data"][0]["y"]) == 333
    assert figure["layout"]["yaxis"]["dtick"] is None
    assert histogram([-20.0, -70.0], "dollars")["layout"]["yaxis"]["dtick"] == 1  # no half trades


def test_text_is_escaped_in_tables_captions_and_figures():
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&"
    figure = {"data": [{"type": "bar", "x": [evil], "y": [1.0]}], "layout": {}}
    chart = Chart(evil, figure, evil)
    page = sheet_html(Page(evil, (evil,), (Section(evil, (chart, Paragraph(evil))),), (evil,)))
    assert "alert(1)</script>" not in page
    assert "<img src=x" not in page
    assert Reader(page).figures == [figure]
    assert page.count(html.escape(evil, quote=False)) + page.count(html.escape(evil)) >= 6


def test_a_log_with_hostile_names_is_escaped(tmp_path):
    rows = pd.DataFrame(
        {
            "entry": pd.bdate_range("2024-01-02", periods=20), "exit": pd.bdate_range("2024-01-05", periods=20),
            "contracts": 1, "credit": 1.0, "debit": 0.5, "risk": 400.0, "reason": "<img src=x onerror=alert(1)>",
        }
    )  # fmt: skip
    rows.to_csv(tmp_path / "log.csv", index=False)
    assert "<img" not in iwm.report(tmp_path / "log.csv").to_html()


def test_without_the_extra_the_remedy_is_named(monkeypatch, traded):
    from iwm_opts.report import sheet

    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    sheet._environment.cache_clear()
    with refused("output", "html", "iwm-opts[report]"):
        traded.to_html()
    assert traded.to_markdown().startswith("# ")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("name", NAMES)
def test_chromium_draws_every_chart_within_the_page(pages, tmp_path, name):
    before, end, after = pages[name].rpartition("</body>")
    (tmp_path / "page.html").write_text(before + PROBE + end + after)
    frames = [f'<iframe src="page.html#{width}" width="{width}" height="900"></iframe>' for width in WIDTHS]
    (tmp_path / "frame.html").write_text(FRAME.format(frames="".join(frames)))
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
        "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1500,1000",
        "--virtual-time-budget=10000", "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND",
        "--dump-dom", f"file://{tmp_path / 'frame.html'}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    report = re.search(r'<pre id="told">(.*?)</pre>', done.stdout)
    assert report is not None
    assert "CONSOLE" not in done.stderr, done.stderr
    seen = json.loads(html.unescape(report[1]))
    assert set(seen) == set(map(str, WIDTHS))
    for each in seen.values():
        assert each["drawn"] == each["charts"] == len(Reader(pages[name]).figures)
        assert (each["overflow"] <= 0, each["beyond"], each["requests"]) == (True, 0, [])
