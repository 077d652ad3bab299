"""Sources, edges and broker layouts of another package, through entry points of an installed distribution."""

import sys
import textwrap

import pandas as pd
import pytest

import iwm_opts as iwm
from iwm_opts import api
from iwm_opts.errors import ConflictError, DataError, InputError
from iwm_opts.journal import brokers

MODULE = """
from dataclasses import replace
import pandas as pd
from iwm_opts.journal.brokers.tastytrade import TRANSACTIONS

CHAIN = {chain!r}
layout = replace(TRANSACTIONS, name="tiny")


def source(symbol, as_of):
    quotes = pd.read_csv(CHAIN)
    quotes["quote_time"] = pd.to_datetime(quotes["quote_time"])
    return quotes.assign(underlying_symbol=symbol)


def every_third(data):
    return pd.Series([place % 3 == 0 for place in range(len(data.bars))], index=data.bars.index)
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
            [iwm_opts.edges]
            every-third = tiny_plugin:every_third
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


def test_an_unregistered_source_is_a_missing_file():
    with pytest.raises(DataError):
        iwm.read_chain("tiny")


@pytest.mark.usefixtures("plugin")
def test_an_edge_gives_entries():
    data = iwm.read_plan_data(source="sim", as_of="2026-06-26", seed=7)
    entries = data.edge_entries("every-third")
    signal_before = pd.Series([place % 3 == 0 for place in range(len(data.bars))], index=data.bars.index)
    assert entries.iloc[1:].tolist() == signal_before.iloc[:-1].tolist()
    assert iwm.Rules(entries=entries).has_own_entries
    with pytest.raises(InputError) as failure:
        data.edge_entries("every-fourth")
    assert failure.value.name == "edge"


@pytest.mark.usefixtures("plugin")
def test_a_source_of_one_capture_serves_no_backtest():
    for ask in (lambda: iwm.recorded_market("tiny"), lambda: api.MarketRequest(source="tiny")):
        with pytest.raises(ConflictError) as failure:
            ask()
        assert failure.value.name == "source"


@pytest.mark.usefixtures("plugin")
def test_signals_of_an_edge_are_dated_booleans(monkeypatch):
    import tiny_plugin

    data = iwm.read_plan_data(source="sim", as_of="2026-06-26", seed=7)
    expected = data.edge_entries("every-third")
    every_third = tiny_plugin.every_third
    monkeypatch.setattr(tiny_plugin, "every_third", lambda data: every_third(data).tz_localize("America/New_York"))
    assert data.edge_entries("every-third").equals(expected)
    for wrong in (lambda data: every_third(data).astype(float), lambda data: every_third(data).iloc[:0]):
        monkeypatch.setattr(tiny_plugin, "every_third", wrong)
        with pytest.raises(InputError) as failure:
            data.edge_entries("every-third")
        assert failure.value.name == "every-third"


@pytest.mark.usefixtures("plugin")
def test_a_broker_layout_is_tried():
    from tiny_plugin import layout

    assert [each for each in brokers.layouts() if each.name == "tiny"] == [layout]
