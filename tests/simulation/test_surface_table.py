from datetime import date

import numpy as np
import pytest

from iwm_opts.simulation.dynamics import FACTORS, State
from iwm_opts.simulation.surface import surface_of
from iwm_opts.sources.simulated import simulate_market


@pytest.fixture(scope="module")
def market():
    return simulate_market(date(2022, 6, 1), date(2022, 8, 31), seed=2)


def test_rows_hold_the_surface_of_their_day(market):
    table, path = market.table(most_dte=400), market.states
    for place in (0, 20, 60):
        state = State(*(float(getattr(path, name)[place]) for name in FACTORS))
        here = table.rows(place)
        surface = surface_of(market.parameters, state, table.effective_days[here])
        assert table.theta[here] == pytest.approx(surface.theta, rel=1e-11)
        assert table.phi[here] == pytest.approx(surface.phi, rel=1e-11)
        assert table.rho[here] == pytest.approx(surface.rho, rel=1e-11)
        assert (np.diff(table.theta[here]) > 0.0).all()  # no arbitrage in time


def test_some_of_its_days(market):
    table = market.table()
    part = table.take(np.array([3, 10]))
    assert len(part) == sum(len(range(len(table))[table.rows(place)]) for place in (3, 10))
    assert (part.theta[part.rows(1)] == table.theta[table.rows(10)]).all()
    assert part.listings[part.rows(0)] == table.listings[table.rows(3)]
    assert list(part.spot) == [market.closes[3], market.closes[10]]


def test_arrays_are_what_kernels_take(market):
    table = market.table()
    for name in ("day", "start", "expiration", "sessions_left"):
        assert getattr(table, name).dtype == np.int64
    for name in ("spot", "years", "forward", "discount", "theta", "rho", "phi", "widening", "dte", "effective_days"):
        column = getattr(table, name)
        assert column.dtype == np.float64
        assert column.flags.c_contiguous
        assert column.flags.writeable
