"""Sources, edges and broker layouts of another package, through entry points of an installed distribution."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import iwm_opts as iwm
from iwm_opts import api
from iwm_opts.errors import ConflictError, DataError
from iwm_opts.journal import brokers

MODULE = """
from dataclasses import dataclass, replace
from typing import ClassVar
import pandas as pd
from iwm_opts.journal.brokers.tastytrade import TRANSACTIONS
from iwm_opts.plans.edges import Edge
from iwm_opts.plans.plan_sections import Count
from iwm_opts.sources.chain_file import FileSource

CHAIN = {chain!r}
layout = replace(TRANSACTIONS, name="tiny")


def source(symbol, as_of):
    quotes = pd.read_csv(CHAIN)
    quotes["quote_time"] = pd.to_datetime(quotes["quote_time"])
    return quotes.assign(underlying_symbol=symbol)


class Files(FileSource):
    def __init__(self, name):
        super().__init__(CHAIN)


def every_third(data):
    return pd.Series([place % 3 == 0 for place in range(len(data.bars))], index=data.bars.index)


def in_zone(data):
    return every_third(data).tz_localize("America/New_York")


def in_numbers(data):
    return every_third(data).astype(float)


def undated(data):
    return every_third(data).iloc[:0]


@dataclass(frozen=True, slots=True)
class Weekday(Edge):
    name: ClassVar[str] = "weekday"
    rule: ClassVar[str] = "Buy the session after day {{day}} of the week."
    day: Count = 2

    def daily_signals(self, data):
        return pd.Series(data.bars.index.dayofweek == self.day, index=data.bars.index)
"""
EDGES = """
import json, sys
import iwm_opts as iwm
from iwm_opts import api
from iwm_opts.errors import IwmOptsError
from iwm_opts.plans.decision import entry_days
from iwm_opts.plans.plan import make_usual_plan

data = iwm.read_plan_data(source="sim", as_of="2026-06-26", seed=7)
answer = {"days": len(data.bars), "entries": {}, "refused": {}}
for name in ("every-third", "in-zone", "weekday", "in-numbers", "undated", "broken", "every-fourth"):
    try:
        answer["entries"][name] = data.edge_entries(name).tolist()
    except IwmOptsError as error:
        answer["refused"][name] = getattr(error, "name", None) or error.source
assert iwm.Rules(entries=data.edge_entries("every-third")).has_own_entries
plan = make_usual_plan("weekday", weekday={"day": 3}, macro={"enabled": False}, checklist={"minimum": 1})
signalled = data.bars.index[entry_days(plan, data.inputs).signal]
assert make_usual_plan("midweek").rule.day == 2  # an entry of another name than the class
answer["weekdays"] = sorted(set(signalled.day_name()))
print(json.dumps(answer))
"""


@pytest.fixture
def plugin(made_quotes, tmp_path, monkeypatch):
    """A distribution on the path: a module, and its metadata with three entry points."""
    made_quotes().to_csv(tmp_path / "quotes.csv", index=False)
    (tmp_path / "tiny_plugin.py").write_text(MODULE.format(chain=str(tmp_path / "quotes.csv")))
    metadata = tmp_path / "tiny_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        textwrap.dedent(
            """
            [iwm_opts.sources]
            tiny = tiny_plugin:source
            many = tiny_plugin:Files
            [iwm_opts.edges]
            every-third = tiny_plugin:every_third
            in-zone = tiny_plugin:in_zone
            in-numbers = tiny_plugin:in_numbers
            undated = tiny_plugin:undated
            weekday = tiny_plugin:Weekday
            midweek = tiny_plugin:Weekday
            broken = tiny_plugin:nothing
            [iwm_opts.brokers]
            tiny = tiny_plugin:layout
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    brokers.layouts.cache_clear()
    yield
    sys.modules.pop("tiny_plugin", None)
    brokers.layouts.cache_clear()


@pytest.mark.usefixtures("plugin")
def test_a_source_gives_a_chain():
    chain = iwm.read_chain("tiny", dividends="none")
    assert (chain.snapshot.chain.source, chain.symbol, str(chain.as_of)) == ("tiny", "IWM", "2026-03-02")
    assert len(iwm.screen(chain, dte=(28, 50))) == 2


@pytest.mark.usefixtures("plugin")
def test_a_source_class_gives_a_chain_and_a_history(tmp_path):
    of_file = iwm.recorded_market(tmp_path / "quotes.csv")
    assert iwm.recorded_market("many").to_dict() == of_file.to_dict()
    assert len(iwm.read_chain("many", dividends="none").to_frame()) == len(iwm.read_chain("tiny").to_frame())


def test_an_unregistered_source_is_a_missing_file():
    with pytest.raises(DataError):
        iwm.read_chain("tiny")


@pytest.fixture
def with_plugin(plugin, tmp_path):
    """Run Python in a process that finds the distribution when it starts."""

    def run(*arguments):
        path = os.pathsep.join([str(tmp_path), str(Path(iwm.__file__).parents[1])])
        return subprocess.run(
            [sys.executable, *arguments], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
        )

    return run


def test_edges_give_entries(with_plugin):
    done = with_plugin("-c", EDGES)
    assert not done.returncode, done.stderr
    answer = json.loads(done.stdout)
    signalled = [place % 3 == 0 for place in range(answer["days"])]
    entries = answer["entries"]
    assert entries["every-third"][1:] == entries["in-zone"][1:] == signalled[:-1]
    assert 0.15 < sum(entries["weekday"]) / answer["days"] < 0.25
    assert answer["refused"] == {
        "in-numbers": "in-numbers", "undated": "undated", "broken": "tiny_plugin:nothing", "every-fourth": "edge"
    }  # fmt: skip
    assert set(answer["weekdays"]) <= {"Friday", "Monday"}  # after a Thursday, and a Friday without a session


def test_an_edge_is_backtested_by_its_usual_plan(with_plugin):
    done = with_plugin("-m", "iwm_opts", "backtest", "--edge", "weekday", "--source", "sim", "--format", "json", "-q")
    assert not done.returncode, done.stderr
    answer = json.loads(done.stdout)
    assert answer["plan"] == "weekday-shares"
    assert sum(period["trades"] for period in answer["periods"]) > 20
    refused = with_plugin("-m", "iwm_opts", "plan", "--edge", "weekdy")
    assert refused.returncode == 2
    assert "weekday" in refused.stderr


@pytest.mark.usefixtures("plugin")
def test_a_source_of_one_capture_serves_no_backtest():
    for ask in (lambda: iwm.recorded_market("tiny"), lambda: api.MarketRequest(source="tiny")):
        with pytest.raises(ConflictError) as failure:
            ask()
        assert failure.value.name == "source"


@pytest.mark.usefixtures("plugin")
def test_a_broker_layout_is_tried():
    from tiny_plugin import layout

    assert [each for each in brokers.layouts() if each.name == "tiny"] == [layout]
