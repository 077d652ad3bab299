import numpy as np
import pytest

from iwm_opts.research.conditional_facts import rank_table
from iwm_opts.research.facts import History
from iwm_opts.research.history import real_history


def test_by_hand():
    # Implied vol falls in a straight line, so that every rank is 0; returns of 1% a day are 21% in 21 sessions, beyond
    # one standard deviation upwards at any vol below 72%, and realise 15.87% a year.
    n = 400
    iv = np.linspace(0.40, 0.20, n)
    nothing = np.full(n, np.nan)
    table = rank_table(History(np.full(n, 0.01), nothing, iv, nothing, nothing, nothing), lookback=100)
    low = table.iloc[0]
    assert low["share"] == 1.0
    assert low["realised"] == pytest.approx(100 * 0.01 * np.sqrt(252.0))
    assert low["below"] == 1.0
    assert low["iv_change_10"] == pytest.approx(-10 * 20.0 / (n - 1))
    assert (low["put_tail"], low["call_tail"]) == (0.0, 1.0)


@pytest.mark.market_data
def test_the_real_table(history_files):
    # 2009-09-16 to 2025-06-04, measured independently: mean IV 19.7 / 23.6 / 32.4, realised 16.3 / 19.8 / 28.9.
    real = real_history(history_files, "2009-09-16", "2025-06-04")
    table = rank_table(real)
    assert table["iv"].to_numpy() == pytest.approx([19.7, 23.6, 32.4], abs=0.1)
    assert table["realised"].to_numpy() == pytest.approx([16.3, 19.8, 28.9], abs=0.15)
    assert table["ratio"].to_numpy() == pytest.approx([0.79, 0.78, 0.81], abs=0.01)
    assert table["put_tail"].iloc[[0, 2]].to_numpy() == pytest.approx([0.123, 0.055], abs=0.003)
