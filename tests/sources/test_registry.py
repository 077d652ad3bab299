from datetime import date

import pytest

from iwm_opts.conventions import Provenance
from iwm_opts.errors import InputError
from iwm_opts.sources.chain_file import FileSource
from iwm_opts.sources.registry import SOURCES, open_source
from iwm_opts.sources.source import DayRequest

DAY = date(2026, 6, 26)


@pytest.mark.parametrize("name", SOURCES)
def test_every_name_opens_its_source(name):
    source = open_source(name)
    assert source.name == name
    assert callable(source.on_day)


def test_any_other_name_is_a_chain_file(tmp_path):
    for names in (("chain.csv",), ("early.csv", "late.csv")):
        paths = tuple(str(tmp_path / name) for name in names)
        source = open_source(paths)
        assert (type(source), source.paths) == (FileSource, paths)


def test_the_simulated_market_answers_with_its_own_history_and_rate():
    market = open_source("sim").on_day(DayRequest(as_of=DAY, seed=7, tenor_days=30))
    provenance = Provenance.of(simulated=market.chain.simulated, modelled=market.chain.modelled)
    assert provenance is Provenance.SIMULATED
    assert (market.chain.as_of, market.history.tenor_days, market.exercise) == (DAY, 30, "european")
    assert market.rate == pytest.approx(0.037)


@pytest.mark.parametrize(("field", "value"), [("session", "close"), ("spot", 100.0), ("symbol", "SPY")])
def test_the_simulated_market_refuses_what_it_has_not(field, value):
    with pytest.raises(InputError) as error:
        open_source("sim").on_day(DayRequest(as_of=DAY, **{field: value}))
    assert error.value.name == field
