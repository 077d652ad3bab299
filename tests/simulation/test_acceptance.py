from dataclasses import replace

import numpy as np
import pytest

from iwm_opts.simulation.acceptance import conditional, curves, windows_of
from iwm_opts.simulation.history import simulated_history
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.rehearsal import Rehearsal

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


@pytest.fixture(scope="module")
def drawn():
    return list(Rehearsal(900, 30, seed=3).histories(PARAMETERS))


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
