from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from iwm_opts.market.capture import make_chain
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.research.smile_comparison import compare_smiles
from iwm_opts.simulation.parameters import shipped_parameters

SHAPE = replace(
    shipped_parameters().smile, skew=0.5, skew_level=0.0, skew_slope=0.0, log_eta=np.log(1.1), eta_level=0.0,
    eta_slope=0.0, convexity=0.05, tilt=0.0, gamma=0.44,
)  # fmt: skip
YEARS = (date(2026, 4, 2) - date(2026, 3, 2)).days / 365.0
THETA = 0.2**2 * YEARS


def ssvi(k):
    """Gatheral and Jacquier 2014, equation 4.1, with a bounded parabola, at 31 days; written out here anew."""
    rho, phi = -np.tanh(SHAPE.skew), 1.1 / (THETA**SHAPE.gamma * (1 + THETA) ** (1 - SHAPE.gamma))
    w = 0.5 * THETA * (1 + rho * phi * k + np.sqrt((phi * k + rho) ** 2 + 1 - rho**2))
    w += 0.1 * k**2 / (1 + np.sqrt(1 + k**2 * (1 + THETA) / (9 * THETA)))
    return np.sqrt(w / YEARS)


def snapshot(made_quotes, vol):
    quotes = made_quotes(vol=vol, half_spread=0.002)
    return take_snapshot(
        make_chain(quotes, symbol="IWM", source="made", spot=200.0, session="close"), exercise="european"
    )


def test_a_chain_of_the_model_s_own_shape_is_met(made_quotes):
    found = {one.expiration: one for one in compare_smiles(SHAPE, snapshot(made_quotes, ssvi))}
    month = found[date(2026, 4, 2)]
    assert month.dte == 31
    assert month.rms < 0.002
    assert month.model_free > 0.2  # above the vol at the money, as a skew makes it
    assert (np.diff(month.deviations) > 0).all()


def test_a_flat_chain_is_not(made_quotes):
    flat = compare_smiles(SHAPE, snapshot(made_quotes, lambda k: np.full_like(k, 0.2)))
    assert max(one.rms for one in flat) > 0.01
    assert all(one.model_free == pytest.approx(0.2, abs=0.003) for one in flat)
