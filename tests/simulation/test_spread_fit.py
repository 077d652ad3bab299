from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.kernels.quote import SPREAD_TERMS, full_spread, time_terms
from iwm_opts.markets.simulated import default_market
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.spread_fit import DELTA_EDGES, DTE_EDGES, fit_spreads, spread_observations, spread_terms
from iwm_opts.sources.files import load_chain

MODEL = shipped_parameters().spread


def test_terms_and_kernel_are_one_formula():
    rng = np.random.default_rng(1)
    premium, depth, days = rng.uniform(0, 20, 50), rng.uniform(0, 1, 50), rng.integers(0, 600, 50).astype(float)
    is_call = rng.integers(0, 2, 50).astype(float)
    coefficients = np.array(MODEL.coefficients)
    wanted = np.exp(spread_terms(premium, depth, is_call, days) @ coefficients)
    found = [
        full_spread(p, d, c, *time_terms(t), coefficients)
        for p, d, c, t in zip(premium, depth, is_call, days, strict=True)
    ]
    assert found == pytest.approx(np.minimum(wanted, 6.0), rel=1e-11)


def test_the_model_is_found_again_in_its_own_quotes():
    market = default_market(seed=1, as_of=date(2026, 6, 26))
    observed = spread_observations([market.chain(day) for day in market.days[-3:]])
    traded = observed[(observed["delta"].abs() < 0.5) & observed["days"].between(8, 365)]
    terms = spread_terms(
        traded["premium"].to_numpy(), np.zeros(len(traded)), traded["is_call"].to_numpy(), traded["days"].to_numpy()
    )
    ratio = np.exp(terms @ fit_spreads(observed)) / np.exp(terms @ np.array(MODEL.coefficients))
    assert np.median(ratio) == pytest.approx(1.0, abs=0.08)
    assert np.quantile(ratio, 0.1) > 0.8
    assert np.quantile(ratio, 0.9) < 1.25


def test_too_few_quotes():
    with pytest.raises(DataError, match="quotes are too few"):
        fit_spreads(pd.DataFrame({"delta": [0.1], "days": [3.0]}))
    assert len(MODEL.coefficients) == SPREAD_TERMS


def bucket_errors(observed, widening):
    """Model, constant and constant share of premium against median spreads by delta and time, from 8 days on."""
    depth = observed["delta"].abs()
    x = observed[(depth > 0.02) & (depth < 0.5) & observed["days"].between(8, 365)].copy()
    terms = spread_terms(x["premium"].to_numpy(), np.zeros(len(x)), x["is_call"].to_numpy(), x["days"].to_numpy())
    half = 0.5 * widening * np.exp(terms @ np.array(MODEL.coefficients))
    x["model"] = (np.ceil((x["premium"] + half) * 100 - 1e-6) - np.floor((x["premium"] - half) * 100 + 1e-6)) / 100
    x["constant"] = x["spread"].median()
    x["share"] = x["premium"] * (x["spread"] / x["premium"]).median()
    groups = x.groupby(
        [pd.cut(x["delta"].abs(), DELTA_EDGES), pd.cut(x["days"], DTE_EDGES, right=False)], observed=True
    )
    medians = groups[["spread", "model", "constant", "share"]].median()[groups["spread"].count() >= 20]
    return {name: (medians[name] / medians["spread"] - 1).abs().mean() for name in ("model", "constant", "share")}


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("name", "days", "session", "most"),
    [
        ("IWM_cboe_full_20260615_20260702", [date(2026, 6, 29), date(2026, 7, 1), date(2026, 7, 2)], "mid", 0.20),
        ("IWM_cboe_full_20260615_20260702", [date(2026, 6, 26), date(2026, 6, 30), date(2026, 7, 1)], "close", 0.20),
        ("IWM_cboe_0-13dte_20260716_20260731", [date(2026, 7, 17), date(2026, 7, 22), date(2026, 7, 27)], "mid", 0.30),
    ],
)
def test_spreads_on_dates_it_was_not_fitted_to(market_data, name, days, session, most):
    path = market_data / "options" / f"{name}.csv.gz"
    observed = spread_observations([load_chain(path, symbol="IWM", as_of=day, session=session) for day in days])
    errors = bucket_errors(observed, MODEL.after_close if session == "close" else 1.0)
    assert errors["model"] < most
    assert errors["model"] < 0.7 * min(errors["constant"], errors["share"])
