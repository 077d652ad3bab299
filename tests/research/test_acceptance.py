from dataclasses import replace

import numpy as np
import pytest

from iwm_opts.research.acceptance import conditional, curves, windows_of
from iwm_opts.research.facts import NAMES
from iwm_opts.research.goodness_of_fit import judge
from iwm_opts.research.history import real_history, simulated_history
from iwm_opts.research.path_ensemble import PathEnsemble, target_of
from iwm_opts.simulation.parameters import control_parameters, shipped_parameters

pytestmark = pytest.mark.slow

PARAMETERS = shipped_parameters()
FITTED = replace(PARAMETERS, provenance={"fitted": ["2010-01-04", "2015-12-31"]})


def test_what_was_fitted_and_what_came_after_are_judged_apart():
    assert windows_of(FITTED, "2009-09-16", "2020-06-30") == {
        "fitted to": ("2010-01-04", "2015-12-31"),
        "after it": ("2016-01-01", "2020-06-30"),
        "whole": ("2009-09-16", "2020-06-30"),
    }
    assert list(windows_of(FITTED, "2011-01-03", "2020-06-30")) == ["whole"]
    assert list(windows_of(replace(PARAMETERS, provenance={}), "2009-09-16", "2020-06-30")) == ["whole"]


def test_a_whole_that_was_fitted_to_is_judged_in_two_parts_as_well():
    assert windows_of(PARAMETERS, "2009-09-16", "2025-06-04") == {
        "first part": ("2009-09-16", "2019-12-31"),
        "second part": ("2020-01-01", "2025-06-04"),
        "whole": ("2009-09-16", "2025-06-04"),
    }


@pytest.fixture(scope="module")
def drawn():
    return list(PathEnsemble(900, 30, seed=3).histories(PARAMETERS))


def test_bands_hold_most_of_what_they_are_drawn_from(drawn):
    # Nine in ten by construction, less what the quantiles of 30 histories miss; 12 fresh paths, 1 or 2 of them odd.
    inside = []
    for seed in range(77, 89):
        for curve in curves(simulated_history(PARAMETERS, 900, seed), drawn):
            inside.append(((curve.real >= curve.simulated.low) & (curve.real <= curve.simulated.high)).mean())
            assert curve.axis.shape == curve.real.shape == curve.simulated.mean.shape
    assert 0.7 < np.mean(inside) < 0.99


def test_autocorrelation_is_numpys(drawn):
    real = simulated_history(PARAMETERS, 900, seed=77)
    found = {curve.name: curve for curve in curves(real, drawn)}["log IV30 autocorrelation"]
    log_iv = np.log(real.iv) - np.log(real.iv).mean()
    assert found.real[20] == pytest.approx((log_iv[:-21] * log_iv[21:]).sum() / (log_iv**2).sum())


def test_the_table_by_rank_has_real_and_simulated_alike(drawn):
    found = conditional(simulated_history(PARAMETERS, 900, seed=77), drawn)
    assert found.real.shape == found.simulated.shape == (3, 8)
    assert (found.low <= found.high).to_numpy().all()
    assert found.simulated["share"].sum() == pytest.approx(1.0)


@pytest.mark.market_data
def test_the_shipped_market_is_like_the_real_one_and_the_control_is_not(history_files):
    # As in the record, on other random numbers and fewer of them.
    target = target_of(real_history(history_files, "2009-09-16", "2025-06-04"))
    shipped, control = (judge(one, target, 500, seed=8) for one in (PARAMETERS, control_parameters()))
    assert shipped.mahalanobis < shipped.mahalanobis_95
    assert shipped.inside >= 46
    assert control.mahalanobis > 1.3 * control.mahalanobis_95
    puts, calls = (
        shipped.facts[NAMES.index(f"return {side}1 implied sd, rank below 20")] for side in ("below -", "above ")
    )
    assert puts.low + puts.high > calls.low + calls.high  # after a low rank the tail is on the put side
