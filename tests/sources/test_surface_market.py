from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from iwm_opts.conventions import RIGHT_SIGN, TICK
from iwm_opts.kernels.simulation.quote import quote_expiration, surface_row
from iwm_opts.market.calendar import at_close, effective_days, sessions_left, years_to_expiry
from iwm_opts.simulation.listing import listed_expirations
from iwm_opts.sources import surface_market
from iwm_opts.sources.simulated import simulate_market
from tests.refusals import refused


@pytest.fixture(scope="module")
def market():
    # With the change to summer time, a dividend, a half day and Mondays in it.
    return simulate_market(date(2023, 10, 2), date(2024, 3, 28), seed=4)


@pytest.fixture(scope="module")
def table(market):
    return market.table()


@pytest.mark.parametrize("place", [0, 36, 37, 60, 110, -1])
def test_a_long_table_quotes_what_the_chain_of_a_day_quotes(market, table, place):
    place %= len(market.days)
    chain = market.chain(market.days[place])
    coefficients = np.array(market.parameters.spread.coefficients)
    for row in range(*table.rows(place).indices(len(table))):
        wanted = chain.rows(date.fromordinal(int(table.expiration[row])))
        sign = wanted["right"].map(RIGHT_SIGN).to_numpy(dtype=float)
        bid, ask, vol, delta = (np.empty(len(wanted)) for _ in range(4))
        terms = surface_row(
            table.spot[place], table.forward[row], table.discount[row], table.years[row], table.dte[row],
            table.theta[row], table.rho[row], table.phi[row], table.convexity[row], table.widening[row],
        )  # fmt: skip
        quote_expiration(sign, wanted["strike"].to_numpy(copy=True), terms, coefficients, TICK, bid, ask, vol, delta)
        assert (bid == wanted["bid"]).all()
        assert (ask == wanted["ask"]).all()
        assert vol == pytest.approx(wanted["implied_volatility"], rel=1e-10)
        assert delta == pytest.approx(wanted["delta"], abs=1e-10)


def test_rows_are_the_listed_expirations(market, table):
    assert len(table.start) == len(market.days) + 1
    assert table.start[-1] == len(table)
    for place in (0, 50, len(market.days) - 1):
        day = market.days[place]
        wanted = [one for one in listed_expirations(day) if 0 < (one.expiration - day).days <= 100]
        assert list(table.listings[table.rows(place)]) == wanted
        for one in wanted:
            assert table.listings[table.row(place, one.expiration)] == one
        assert table.row(place, day) == -1
        assert table.row(place, date(2030, 1, 1)) == -1


def test_clocks_are_those_of_single_days(market, table):
    for place in (0, 25, 37, 100):
        at, here = at_close(market.days[place]), table.rows(place)
        days = [one.expiration for one in table.listings[here]]
        assert table.years[here] == pytest.approx(years_to_expiry(at, days), rel=1e-13)
        assert table.effective_days[here] == pytest.approx(effective_days(at, days), rel=1e-13)
        assert (table.sessions_left[here] == sessions_left(at, days)).all()
        assert (table.dte[here] == [(day - market.days[place]).days for day in days]).all()


def test_a_part_of_the_days_counts_from_its_first(market, table):
    part = market.table(10, 20, most_dte=40)
    assert len(part.spot) == 11
    assert (part.spot == market.closes[10:21]).all()
    assert part.dte.max() <= 40
    row, same = part.row(5, part.listings[int(part.start[5])].expiration), int(table.start[15])
    assert part.theta[row] == pytest.approx(table.theta[same], rel=1e-11)


def test_a_day_it_does_not_have(market):
    with refused("as_of", "2023-12-25", "2023-10-02", "2024-03-28"):
        market.place(date(2023, 12, 25))


def test_no_static_arbitrage_at_any_listed_expiration_of_any_day(market, static_arbitrage):
    smile = market.parameters.smile
    for convexity in (smile.convexity, 0.055, 0.09):
        parameters = replace(market.parameters, smile=replace(smile, convexity=convexity))
        whole = replace(market, parameters=parameters).table(most_dte=1000)
        assert len(whole) > 25 * len(market.days)
        assert whole.convexity.max() == convexity
        density, calendar = static_arbitrage(whole)
        assert density > 0.0
        assert calendar > 0.0
    bent = replace(whole, convexity=np.full(len(whole), 2.0))
    assert static_arbitrage(bent)[0] < 0.0  # it is seen where there is any
    assert static_arbitrage(replace(whole, theta=1.0 / whole.theta))[1] < 0.0


def test_indices_are_kept_until_an_input_changes(monkeypatch, tmp_path):
    monkeypatch.setenv("IWM_OPTS_CACHE", str(tmp_path))
    measured, measure = [], surface_market.quoted_index

    def counted(*arguments, **options):
        measured.append(1)
        return measure(*arguments, **options)

    monkeypatch.setattr(surface_market, "quoted_index", counted)
    span = date(2024, 1, 2), date(2024, 3, 1)
    markets = [simulate_market(*span, seed=seed) for seed in (3, 3, 4)]
    plain, kept, other = (market.iv_history(30).closes for market in markets)
    assert len(measured) == 3
    for _ in range(2):  # computed, then read
        assert replace(markets[0], keeps_indices=True).iv_history(30).closes.equals(plain)
        assert replace(markets[1], keeps_indices=True).iv_history(10).closes.equals(markets[1].iv_history(10).closes)
        assert replace(markets[2], keeps_indices=True).iv_history(30).closes.equals(other)
    assert kept.equals(plain)
    assert len(measured) == 5
