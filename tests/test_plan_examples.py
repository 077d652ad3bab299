"""The plans in examples/plans run without edits, and their documents are what the data make them."""

import importlib.util
import re
from pathlib import Path

import pandas as pd
import pytest

from iwm_opts.plans.plan import load_plan

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("claims_once")]

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = ("mean-reversion", "momentum", "momentum-vertical", "vol-contraction")
IN_OPTIONS = ("momentum-vertical", "vol-contraction")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("plan_documents", EXAMPLES / "plan_documents.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def minutes(market_data, tmp_path_factory):
    """Minutes of the market data with ISO times: eight commands read them, ten times as fast."""
    table = pd.read_csv(market_data / "intraday" / "IWM_1m_20191021_20200608.csv.gz")
    times = pd.to_datetime(table["Date"], format="%m/%d/%Y %H:%M", errors="coerce")  # some rows name a day alone
    file = tmp_path_factory.mktemp("minutes") / "IWM_minutes.csv"
    table.assign(Date=times)[times.notna()].to_csv(file, index=False)
    return file


@pytest.mark.parametrize("name", NAMES)
def test_every_plan_is_valid(name):
    assert load_plan(EXAMPLES / "plans" / f"{name}.toml").edge in name


@pytest.mark.market_data
def test_documents_are_written_again(script, market_data, tmp_path):
    for path in script.write_documents(market_data, tmp_path):
        here, there = path.read_text(), (EXAMPLES / "plans" / path.name).read_text()
        assert NUMBER.sub("#", here) == NUMBER.sub("#", there)
        numbers = [[float(one) for one in NUMBER.findall(text)] for text in (here, there)]
        assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=0.02)  # intervals are resampled


@pytest.mark.market_data
@pytest.mark.parametrize("name", NAMES)
def test_every_plan_is_checked_and_put_to_the_test(name, script, market_data, minutes, tmp_path, monkeypatch, capsys):
    from iwm_opts.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))
    daily = market_data / "daily"
    funds = [part for s in ("spy", "kre", "xbi") for part in (f"--{s}", f"{daily / s.upper()}_yahoo_adj_div.csv.gz")]
    data = [
        *("--bars", f"{daily / 'IWM'}_yahoo_adj_div.csv.gz", *funds),
        *("--iv-history", str(market_data / "vol" / "RVX_History.csv.gz")),
        *("--minutes", str(minutes)),
    ]
    plan = ["--plan", str(EXAMPLES / "plans" / f"{name}.toml")]
    with pytest.raises(SystemExit) as done:
        main(["plan", *plan, *data, "--as-of", script.DAYS[name].isoformat(), "--check"])
    assert not done.value.code
    assert capsys.readouterr().out.startswith("TAKE")
    with pytest.raises(SystemExit) as done:
        main(["backtest", *plan, *data])
    assert not done.value.code
    told = " ".join(capsys.readouterr().out.split())
    assert re.search(r"verdict (holds in|not decided|fails in all)\b", told)
    assert ("MODELLED QUOTES" in told) == (name in IN_OPTIONS)
