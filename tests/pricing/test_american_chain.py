from datetime import date

import numpy as np
import pytest

from iwm_opts.market.dividends import load_dividends
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.sources.files import load_chain

CHAIN = "options/IWM_cboe_full_20260615_20260702.csv.gz"


def agreement(tables):
    """Share of strikes quoted on both sides whose call and put vols lie within each other's quotes."""
    pairs = agreeing = 0
    for table in tables:
        put, call = np.split(np.arange(len(table)), 2)
        quoted = (table.bid > 0) & np.isfinite(table.ask)
        room = 0.5 * (table.ask - table.bid) / (table.vega * 100)  # vega is for a vol point
        pairs += np.sum(quoted[put] & quoted[call])
        close = np.abs(table.iv[put] - table.iv[call]) <= room[put] + room[call]  # an undefined vol agrees with nothing
        agreeing += np.sum(close & quoted[put] & quoted[call])
    return agreeing / pairs


@pytest.mark.market_data
def test_american_vols_of_calls_and_puts_agree_on_the_real_chain(market_data):
    # A vol belongs to a strike, not to a right: by parity the two must agree within what the quotes leave open.
    dividends = load_dividends(market_data / "daily" / "IWM_dividends.csv")
    chain = load_chain(market_data / CHAIN, symbol="IWM", as_of=date(2026, 6, 26), session="mid")
    shares = {}
    for exercise in ("european", "american"):
        snapshot = take_snapshot(chain, rate=0.037, dividends=dividends, exercise=exercise)
        tables, _ = snapshot.tables((1, 800))
        behind = [table for table in tables if snapshot.dividends_until(table.expiration)]
        shares[exercise] = agreement(tables), agreement(behind)
    assert shares["european"][0] < 0.77  # found: 74%, and 66% behind an ex-date
    assert shares["american"][0] > 0.84  # found: 87% and 87%
    assert shares["american"][1] > 0.84
    assert shares["european"][1] < 0.69
