from datetime import date

import numpy as np
import pytest

from iwm_opts.io.dividends import load_dividends
from iwm_opts.io.files import load_chain
from iwm_opts.market.snapshot import take_snapshot

CHAIN = "options/IWM_cboe_full_20260615_20260702.csv.gz"

pytestmark = pytest.mark.market_data


@pytest.fixture(scope="module")
def priced(market_data):
    """Tables of the real chain of 2026-06-26, by exercise style, each with whether an ex-date lies before expiry."""
    dividends = load_dividends(market_data / "daily" / "IWM_dividends.csv")
    chain = load_chain(market_data / CHAIN, symbol="IWM", as_of=date(2026, 6, 26), session="mid")
    found = {}
    for exercise in ("european", "american"):
        snapshot = take_snapshot(chain, rate=0.037, dividends=dividends, exercise=exercise)
        tables, _ = snapshot.tables((1, 1000))
        found[exercise] = [(table, bool(snapshot.dividends_until(table.expiration))) for table in tables]
    return found


def room(table):
    """What the quotes leave open of each vol, each way."""
    return 0.5 * (table.ask - table.bid) / (table.vega * 100)  # vega is for a vol point


def is_quoted(table):
    return (table.bid > 0) & np.isfinite(table.ask)


def agreement(tables):
    """Share of strikes quoted on both sides whose call and put vols lie within each other's quotes."""
    pairs = agreeing = 0
    for table in tables:
        put, call = np.split(np.arange(len(table)), 2)
        quoted, open_ = is_quoted(table), room(table)
        pairs += np.sum(quoted[put] & quoted[call])
        close = np.abs(table.iv[put] - table.iv[call]) <= open_[put] + open_[call]  # an undefined vol agrees with none
        agreeing += np.sum(close & quoted[put] & quoted[call])
    return agreeing / pairs


def shares(tables, sign):
    """Of quotes in the money of one right: the share without a vol, and the share whose vol is bent.

    A vol belongs to a strike, and out of the money it hardly depends on how exercise is priced. Bent is one that lies
    farther from the smile through those than its own quote leaves open. Behind an ex-date alone, that is the kink which
    the dividend makes of a call's exercise, or of a put's wait for it.
    """
    quotes = lost = bent = 0
    for table in tables:
        inside = is_quoted(table) & (table.right == sign) & (sign * (table.forward.price - table.strike) > 0.0)
        quotes += np.sum(inside)
        lost += np.sum(inside & np.isnan(table.iv))
        bent += np.sum(inside & (np.abs(table.iv - table.smile.vol(table.strike)) > room(table)))
    return lost / quotes, bent / quotes


def test_american_vols_of_calls_and_puts_agree_on_the_real_chain(priced):
    # A vol belongs to a strike, not to a right: by parity the two must agree within what the quotes leave open.
    found = {
        style: (agreement([table for table, _ in tables]), agreement([table for table, behind in tables if behind]))
        for style, tables in priced.items()
    }
    print(f"\ncall and put vols agree, whole chain and behind an ex-date: {found}")
    assert found["european"][0] < 0.77  # found: 74%, and 66% behind an ex-date
    assert found["american"][0] > 0.84  # found: 87% and 87%
    assert found["american"][1] > 0.84
    assert found["european"][1] < 0.69


def test_vols_in_the_money_are_not_bent_at_an_ex_date(priced):
    found = {}
    for style, tables in priced.items():
        for behind in (True, False):
            for sign in (1, -1):
                found[style, behind, sign] = shares([table for table, later in tables if later == behind], sign)
    for (style, behind, sign), (lost, bent) in found.items():
        where, right = "behind an ex-date" if behind else "before any", "calls" if sign > 0 else "puts"
        print(f"{right} in the money {where}, {style}: {bent:.1%} bent, {lost:.1%} without a vol")
    # Calls: an ex-date bends them, and nothing else does.
    assert found["european", True, 1][1] > 0.25  # found: 32%
    assert found["european", False, 1][1] < 0.10  # found: 6%
    assert found["american", True, 1][1] < 0.02  # found: 0.1%
    # Puts are exercised for interest, with an ex-date or without.
    for behind in (True, False):
        assert found["european", behind, -1][1] > 0.6  # found: 68% and 70%
        assert found["american", behind, -1][1] < 0.25  # found: 20% and 13%
