"""The whole way from a file to vols and greeks, beside the exchange's own columns; what a snapshot assumes and says."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.files import load_chain
from iwm_opts.market.capture import make_chain
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.pricing.american import american_greeks
from tests.refusals import refused

SEPTEMBER = DividendSchedule((Dividend(date(2026, 9, 15), 0.62),), "projected")


# Cboe seems to count the time of its deltas in years of 360 days: with ours so, the medians of all buckets lie within
# 0.0004, with days / 365 they are off by 0.0010 to 0.0016. Its vols are ACT/365, and so are ours elsewhere.
CBOE_YEAR = 365 / 360


def beside_cboe(chain, rate=None, days_off=0.0):
    """Our vols, deltas and spots less the exchange's, at 7-90 days and 5-50 delta out of the money."""
    snapshot = take_snapshot(chain, rate, SEPTEMBER)
    later = [replace(quotes, years=quotes.years + days_off / 365) for quotes in snapshot.slices]
    snapshot = replace(snapshot, slices=tuple(later))
    found = []
    for table in snapshot.tables((7, 90))[0]:
        rows = chain.rows(table.expiration, table.root).set_index(["right", "strike"])
        right = np.where(table.right > 0, "C", "P")
        theirs = rows.reindex(pd.MultiIndex.from_arrays([right, table.strike]))
        ex_date = table.expiration >= SEPTEMBER.dividends[0].ex_date
        dividends = [((SEPTEMBER.dividends[0].ex_date - chain.as_of).days / 365, 0.62)] if ex_date else []
        discount = table.forward.discount
        spot = table.forward.price * discount + sum(cash * discount ** (t / table.years) for t, cash in dividends)
        years = table.years * CBOE_YEAR
        delta = american_greeks(table.right, spot, table.strike, years, table.forward.rate, table.iv, dividends).delta
        frame = pd.DataFrame({"right": right, "dte": table.dte, "spot_off": spot - chain.spot})
        frame["iv_off"] = 100 * (table.iv - theirs["implied_volatility"].to_numpy())
        frame["delta_off"] = table.delta - theirs["delta"].to_numpy()
        frame["delta_off_360"] = delta - theirs["delta"].to_numpy()
        outside = theirs["delta"].abs().between(0.05, 0.50) & (theirs["implied_volatility"] > 0)
        found.append(frame[outside.to_numpy()])
    return pd.concat(found)


def by_bucket(frames):
    together = pd.concat(frames)
    together["bucket"] = pd.cut(together["dte"], [6, 21, 45, 90], labels=["7-21", "22-45", "46-90"])
    groups = together.groupby(["right", "bucket"], observed=True)
    table = groups[["iv_off", "delta_off", "delta_off_360", "spot_off"]].median()
    for name in ("iv_off", "delta_off", "delta_off_360"):
        table[f"{name}_p95"] = groups[name].apply(lambda off: off.abs().quantile(0.95))
    return table.assign(n=groups.size())


def agrees(table):
    return (
        table["iv_off"].abs().max() < 0.1
        and table["iv_off_p95"].max() < 0.25
        and table["delta_off_360_p95"].max() < 0.003
        and table["spot_off"].abs().max() < 0.25
    )


@pytest.fixture(scope="module")
def june_chains(market_data):
    file = market_data / "options" / "IWM_cboe_full_20260615_20260702.csv.gz"
    days = [date(2026, 6, day) for day in (16, 17, 22, 23, 24, 25, 26, 29, 30)]
    return [load_chain(file, as_of=day, session="mid") for day in days]


@pytest.mark.market_data
def test_vols_and_deltas_beside_cboes(june_chains):
    table = by_bucket([beside_cboe(chain) for chain in june_chains])
    assert len(table) == 6
    assert table["n"].min() > 100
    assert agrees(table), table.round(4).to_string()
    assert table["delta_off_p95"].max() < 0.0036, table.round(4).to_string()


@pytest.mark.market_data
@pytest.mark.parametrize("wrong", [{"rate": 0.057}, {"rate": 0.017}, {"days_off": 0.5}, {"days_off": -0.5}])
def test_a_wrong_rate_or_clock_is_noticed(june_chains, wrong):
    assert not agrees(by_bucket([beside_cboe(chain, **wrong) for chain in june_chains[::2]]))


@pytest.fixture(scope="module")
def chain(made_quotes):
    return make_chain(made_quotes(), symbol="IWM", source="made")


@pytest.mark.market_data
def test_forwards_of_american_quotes_lose_their_premium(market_data):
    # Raw parity is low by about $0.05 at 25 days and $0.15 at 66 (a binomial tree, 23% vol, 3.6%).
    file = market_data / "options" / "IWM_cboe_full_20260615_20260702.csv.gz"
    snapshot = take_snapshot(load_chain(file, as_of=date(2026, 6, 26), session="mid"), 0.036, SEPTEMBER)
    for expiration, low, high in ((date(2026, 7, 24), 0.03, 0.08), (date(2026, 8, 21), 0.08, 0.20)):
        raw = next(f for q, f in zip(snapshot.slices, snapshot.forwards, strict=True) if q.expiration == expiration)
        assert low < snapshot.table(expiration).forward.price - raw.price < high


def test_the_rate_is_given_implied_or_assumed_and_says_which(chain, made_quotes):
    assert take_snapshot(chain, 0.05).rate.source == "given"
    assumed = take_snapshot(chain)  # three expirations are too few to imply one
    assert assumed.rate.source == "assumed"
    assert any("assumed; give `rate`" in warning for warning in assumed.warnings)
    with refused("rate", 3.6, "3.6%", "0.036"):
        take_snapshot(chain, 3.6)


def test_vollib_prices_european_and_says_so(chain):
    snapshot = take_snapshot(chain, 0.04, engine="vollib")
    assert snapshot.exercise == "european"
    assert any("vollib prices European exercise" in warning for warning in snapshot.warnings)


def test_dividends_count_to_the_expiration_and_are_projected(chain):
    last_year = DividendSchedule((Dividend(date(2025, 3, 19), 0.5),), "given")
    snapshot = take_snapshot(chain, 0.04, last_year)
    (projected,) = snapshot.dividends_until(date(2026, 3, 20))
    assert projected == Dividend(date(2025, 3, 19) + timedelta(days=364), 0.5, projected=True)
    assert snapshot.dividends_until(date(2026, 3, 17)) == ()
    assert any("not given" in warning for warning in take_snapshot(chain, 0.04).warnings)


def test_an_expiration_that_is_not_listed_names_its_neighbours(chain):
    with refused("expiration", "2026-04-10", "2026-04-02", "2026-04-17"):
        take_snapshot(chain, 0.04).table(date(2026, 4, 10))


def test_an_expiration_is_priced_once_and_anew_under_other_terms(made_quotes):
    snapshot = take_snapshot(make_chain(made_quotes(), symbol="IWM", source="made"), 0.04)
    day = snapshot.slices[0].expiration
    table = snapshot.table(day)
    assert snapshot.table(day) is table
    assert snapshot.tables((1, 30))[0][0] is table
    dear = DividendSchedule((Dividend(date(2026, 3, 10), 2.0),), "given")
    assert replace(snapshot, dividends=dear).table(day).iv.mean() != pytest.approx(table.iv.mean(), abs=1e-3)


def test_open_interest_and_volume_are_of_the_option(made_quotes):
    quotes = made_quotes()
    quotes = quotes.assign(open_interest=np.arange(len(quotes), dtype=float)).sample(frac=1.0, random_state=1)
    table = take_snapshot(make_chain(quotes, symbol="IWM", source="made"), rate=0.04).table(date(2026, 4, 2))
    quotes = quotes[quotes["expiration"] == table.expiration]
    wanted = quotes.set_index(["right", "strike"])["open_interest"].to_dict()
    named = zip(table.right, table.strike, table.open_interest, strict=True)
    assert {("C" if right > 0 else "P", strike): interest for right, strike, interest in named} == wanted
    assert np.isnan(table.volume).all()
