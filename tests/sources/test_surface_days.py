import math
from datetime import date

from iwm_opts.kernels._jit import on_first_compilation
from iwm_opts.kernels.backtest.state import COLUMNS
from iwm_opts.kernels.simulation.quote import FAR_DAYS
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.surface_days import SurfaceDays


def test_the_surface_of_a_second_market_compiles_nothing():
    first, days = (
        SurfaceDays(simulate_market(date(2024, 1, 2), date(2024, 3, 28), seed=seed), date(2024, 2, 1))
        for seed in (2, 3)
    )
    first.surface()
    told = []
    with on_first_compilation(lambda: told.append("compiled")):
        surface = days.surface()
    assert told == []
    table = surface.rows.reshape(-1, COLUMNS)
    far = table[:, 5] > 0.0
    assert (table[far, 4] > math.log(FAR_DAYS)).all()
    assert far.any()
    assert not far.all()
