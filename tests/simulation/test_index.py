from datetime import date

import numpy as np
import pytest

from iwm_opts.sources.simulated import simulate_market


def test_all_days_at_once_give_the_index_of_each_day():
    # Half a year with half days, a dividend and, from May 2024 on, daily expirations.
    market = simulate_market(date(2023, 11, 1), date(2024, 6, 28), seed=4)
    for tenor in (10, 30):
        closes = market.iv_history(tenor).closes
        assert closes.notna().all()
        for day in market.days[::10]:
            index = market.index(day)
            assert closes[np.datetime64(day)] == pytest.approx(getattr(index, f"iv{tenor}"), rel=1e-12)


def test_a_day_without_bracketing_expirations_has_no_index():
    # Before the weeklies of June 2010 nothing brackets 10 days most of a month.
    market = simulate_market(date(2009, 9, 1), date(2009, 10, 30), seed=4)
    closes = market.iv_history(10).closes
    missing = [day for day in market.days if np.isnan(market.index(day).iv10)]
    assert 0 < len(missing) < len(market.days)
    assert closes.index[closes.isna()].to_list() == [np.datetime64(day) for day in missing]
