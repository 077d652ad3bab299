from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.conventions import CHAIN_COLUMNS, GATE_RANK, RIGHT_SIGN
from iwm_opts.market.calendar import sessions
from iwm_opts.market.chain import expiry_slices
from iwm_opts.market.iv_rank import iv_rank
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.pricing.implied import black_implied_vol
from iwm_opts.simulation.dynamics import State, priced_variance
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.scenarios import scenario
from iwm_opts.sources.simulated import (
    default_market,
    scenario_market,
    simulate_market,
)
from tests.refusals import refused

DAY = date(2026, 6, 26)


@pytest.fixture(scope="module")
def market():
    return default_market(seed=1, as_of=DAY)


@pytest.fixture(scope="module")
def chain(market):
    return market.chain(DAY)


def test_it_says_that_it_is_simulated(chain):
    assert chain.simulated
    assert chain.source == "simulated market, seed 1"
    assert chain.as_of == DAY
    assert list(chain.quotes.columns) == list(CHAIN_COLUMNS)


def test_no_defect_and_no_warning(chain):
    assert chain.quality.summary.endswith("no defects")
    assert chain.quality.usable == chain.quality.rows > 3000
    assert chain.warnings == ()


def test_quotes_are_in_cents_and_ordered(chain):
    q = chain.quotes
    for side in ("bid", "ask"):
        assert (100 * q[side]).to_numpy() == pytest.approx(np.round(100 * q[side]), abs=1e-6)
    assert (q["bid"] < q["ask"]).all()
    assert (q["ask"] >= 0.01).all()


def test_wider_after_the_close(market, chain):
    after = market.chain(DAY, after_close=True).quotes
    ratio = (after["ask"] - after["bid"]).sum() / (chain.quotes["ask"] - chain.quotes["bid"]).sum()
    assert 1.3 < ratio < 1.7  # most expirations lie beyond 35 days, where the factors are 1.05 and 1.53


def test_same_seed_same_chain(chain):
    again, other = (default_market(seed, DAY).chain(DAY) for seed in (1, 2))
    pd.testing.assert_frame_equal(chain.quotes, again.quotes)
    assert other.spot != chain.spot


def test_vols_come_back_from_midpoints_within_the_width_of_quotes(chain):
    # The implied vol of bid and ask must hold the surface's own vol between them.
    snapshot = take_snapshot(chain, exercise="european")
    for quotes, forward in zip(snapshot.slices, snapshot.forwards, strict=True):
        if forward is None or not 20 <= quotes.dte <= 60:
            continue
        rows = chain.rows(quotes.expiration)
        rows = rows[(rows["delta"].abs() > 0.05) & (rows["delta"].abs() < 0.5)]
        sign = rows["right"].map(RIGHT_SIGN).to_numpy(dtype=float)
        low, high = (
            black_implied_vol(
                sign, rows[side].to_numpy(), forward.price, rows["strike"].to_numpy(), quotes.years, forward.discount
            )
            for side in ("bid", "ask")
        )
        assert (low <= rows["implied_volatility"] + 5e-4).all()
        assert (high >= rows["implied_volatility"] - 5e-4).all()


def test_the_index_of_a_day_is_that_of_its_full_chain(market, chain):
    snapshot = take_snapshot(chain, rate=market.parameters.setting.rate, exercise="european")
    index = market.index(DAY)
    assert index.iv10 == pytest.approx(snapshot.iv.iv10, abs=1e-12)
    assert index.iv30 == pytest.approx(snapshot.iv.iv30, abs=1e-12)
    assert index.iv10_calendar == pytest.approx(snapshot.iv.iv10_calendar, abs=1e-12)


def test_the_index_is_the_vol_that_the_dynamics_price(market):
    # Strikes end and quotes are in cents: a tenth of a vol point is what that may cost.
    closes = market.iv_history(30).closes
    assert closes.to_numpy() == pytest.approx(
        np.sqrt(priced_variance(market.parameters, market.states, 30 / 365)), abs=2e-3
    )


def test_history_holds_a_rank_for_each_of_the_last_sixty_days(market):
    history = market.iv_history()
    assert history.closes.index[-1] == pd.Timestamp(DAY)
    assert history.closes.notna().all()
    assert len(history.closes) >= 252 + 60
    assert not history.proxy
    rank = iv_rank(history, DAY)
    assert rank.observations == 252
    assert rank.value_date == date(2026, 6, 25)


@pytest.mark.parametrize("day", [date(2026, 1, 15), date(2026, 6, 26), date(2026, 11, 23)])
def test_the_default_market_is_calm_with_the_gate_open(day):
    market = default_market(as_of=day)
    for tenor in (10, 30):
        assert iv_rank(market.iv_history(tenor), day).rank < GATE_RANK
    assert market.index(day).iv30 < 0.22


def test_the_market_at_its_end_does_not_depend_on_the_date():
    one, other = (default_market(seed=3, as_of=day) for day in (date(2026, 6, 26), date(2026, 9, 1)))
    assert one.states.fast.tobytes() == other.states.fast.tobytes()


def test_dividends_leave_the_price_and_the_forward(market, chain):
    ahead = market.dividends.between(DAY, date(2026, 12, 31))
    assert [d.ex_date for d in ahead] == [date(2026, 9, 16), date(2026, 12, 16)]
    snapshot = take_snapshot(
        chain, rate=market.parameters.setting.rate, dividends=market.dividends, exercise="european"
    )
    for quotes, forward in zip(snapshot.slices, snapshot.forwards, strict=True):
        owed = sum(d.amount for d in ahead if d.ex_date <= quotes.expiration)
        if forward is not None and quotes.dte < 190:
            assert forward.price * forward.discount == pytest.approx(chain.spot - owed, abs=0.03)


def test_expirations_from_tomorrow_on(chain):
    assert min(quotes.expiration for quotes in expiry_slices(chain)) > DAY


def test_a_day_it_does_not_have(market):
    with refused("as_of", "2026-06-27", "seed 1"):
        market.chain(date(2026, 6, 27))
    with refused("tenor_days", 20, "10 or 30"):
        market.iv_history(20)


def test_a_scenario_has_its_own_days_and_prices_as_ever():
    one = scenario("march-2020")
    market = scenario_market(one, seed=2)
    assert (market.days[0], len(market.days)) == (date(2020, 2, 19), 51)
    assert market.parameters == default_market(as_of=DAY).parameters
    assert market.chain(date(2020, 3, 20)).quality.usable > 1000


def test_any_window_of_days():
    market = simulate_market(date(2019, 1, 2), date(2019, 3, 1), seed=5)
    assert len(market.days) == len(sessions(date(2019, 1, 2), date(2019, 3, 1)))
    assert market.chain(date(2019, 2, 1)).quality.usable > 1000


def test_bars_within_the_session_agree_with_the_daily_ones():
    small = simulate_market(date(2025, 11, 20), date(2025, 12, 5), seed=4)
    bars, daily = small.minutes().bars, small.bars()
    by_day = bars.groupby(pd.DatetimeIndex(bars.index).normalize())
    assert bars["minute"].iloc[:3].tolist() == [0, 5, 10]
    assert bars.index[0].strftime("%H:%M") == "09:30"
    assert by_day.size()[pd.Timestamp("2025-11-28")] == 42  # the half day after Thanksgiving: 210 minutes
    np.testing.assert_allclose(by_day["volume"].sum(), daily["volume"])
    np.testing.assert_allclose(by_day["high"].max(), daily["high"])
    np.testing.assert_allclose(by_day["close"].last(), daily["close"])


@pytest.mark.parametrize(
    ("fast", "growth"),
    [(900.0, 0.0), (0.0, -2000.0)],
)
def test_a_path_that_is_no_market_is_refused(fast, growth):
    start = State(fast=fast, middle=0.0, slow=0.0, premium=0.0, term=0.0, skew=0.0)
    base = shipped_parameters()
    parameters = replace(base, dynamics=replace(base.dynamics, growth=growth))
    with refused("path", 0):
        simulate_market(date(2024, 1, 2), date(2024, 3, 1), 1, parameters=parameters, start=start)
