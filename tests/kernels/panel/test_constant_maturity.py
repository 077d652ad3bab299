"""The kernel against the object path of `market.iv_index`."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.conventions import DAYS_PER_YEAR
from iwm_opts.kernels.panel.constant_maturity import constant_maturity_vols
from iwm_opts.market.calendar import effective_days_per_year
from iwm_opts.market.iv_index import ModelFreeVariance, constant_maturity_iv

EFFECTIVE = effective_days_per_year() / DAYS_PER_YEAR


def vols(clock, variance, strikes, target, tenor, start=None):
    out = np.empty(1 if start is None else len(start) - 1)
    start = np.array([0, len(clock)] if start is None else start, dtype=np.int64)
    constant_maturity_vols(
        start, np.array(clock, dtype=float), np.array(variance, dtype=float), np.array(strikes, dtype=np.int64),
        target, tenor, out,
    )  # fmt: skip
    return out


@given(
    st.lists(
        st.tuples(st.integers(1, 60), st.floats(1e-4, 0.05), st.integers(2, 40), st.booleans()), min_size=0, max_size=12
    ),
    st.sampled_from([10, 30]),
)
def test_agrees_with_the_object_path(rows, tenor):
    rows = sorted(rows, key=lambda row: row[0])
    variances = [
        ModelFreeVariance(
            root="IWM",
            expiration=date(2026, 1, 2),
            years=days / DAYS_PER_YEAR,
            effective_days=days * EFFECTIVE,
            sessions_left=9,
            total_variance=value,
            puts=strikes,
            calls=strikes,
            lowest=math.nan,
            highest=math.nan,
            is_dry=True,
            absent=0,
            unquoted=0,
            completeness=1.0,
            reason="" if is_usable else "no forward",
        )
        for days, value, strikes, is_usable in rows
    ]
    iv = constant_maturity_iv(variances, tenor)
    usable = [v.total_variance if not v.reason else math.nan for v in variances]
    strikes = [v.puts + v.calls for v in variances]
    effective = vols([v.effective_days for v in variances], usable, strikes, tenor * EFFECTIVE, float(tenor))
    calendar = vols([v.years * DAYS_PER_YEAR for v in variances], usable, strikes, float(tenor), float(tenor))
    assert effective[0] == pytest.approx(iv.iv, rel=1e-12, nan_ok=True)
    assert calendar[0] == pytest.approx(iv.iv_calendar, rel=1e-12, nan_ok=True)


def test_total_variance_is_linear_between_days():
    # Flat vol of 20%, 5 and 15 days: any tenor between gives it back; a tenor outside gives none.
    clock = [5.0, 15.0]
    variance = [0.04 * 5 / 365, 0.04 * 15 / 365]
    assert vols(clock, variance, [9, 9], 10.0, 10.0)[0] == pytest.approx(0.2)
    assert math.isnan(vols(clock, variance, [9, 9], 20.0, 20.0)[0])


def test_days_are_apart():
    variance = [0.04 * 5 / 365, 0.04 * 15 / 365, 0.09 * 15 / 365]
    found = vols([5.0, 15.0, 15.0], variance, [9, 9, 9], 10.0, 10.0, start=[0, 2, 2, 3])
    assert found[0] == pytest.approx(0.2)
    assert np.isnan(found[1:]).all()
