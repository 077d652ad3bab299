from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.simulation.daily_bars import RangeShocks, log_bars
from iwm_opts.simulation.dynamics import simulate_states
from iwm_opts.simulation.intraday import IntradayBars
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.sources.simulated import simulate_market

SEEDS = (1, 2, 3, 4)
SESSIONS = 1000
MANY = 4.5  # standard errors: one estimate in 150,000 lies further out by chance


@pytest.fixture(scope="module")
def market():
    return simulate_market(date(2012, 1, 3), date(2025, 12, 31), seed=3)


def intraday_of(seed, sessions=SESSIONS):
    parameters = shipped_parameters()
    states = simulate_states(parameters, sessions, seed)
    closes = np.round(parameters.setting.spot * np.exp(np.cumsum(states.log_return)), 2)
    return IntradayBars(parameters, states, closes, seed, 0)


@pytest.fixture(scope="module")
def seen():
    """Sessions of several seeds: gap and log closes since the open, in the day's deviations, and shares of each bar."""
    gaps, ways, volumes = [], [], []
    for seed in SEEDS:
        bars = intraday_of(seed)
        sd = np.sqrt(bars.states.variance / SESSIONS_PER_YEAR)
        found = [bars.session(place, 390) for place in range(SESSIONS)]
        opened, closes, volume = (np.array([one[name] for one in found]) for name in ("open", "close", "volume"))
        gaps.append(bars.logs.opened / sd)
        ways.append(np.log(closes / opened[:, :1]) / sd[:, None])
        volumes.append(volume)
    return np.concatenate(gaps), np.concatenate(ways), np.concatenate(volumes)


def slopes(y, *regressors):
    """Slopes of a regression over their standard errors, robust to unequal variance (White 1980)."""
    table = np.column_stack([np.ones(len(y)), *regressors])
    inverse = np.linalg.inv(table.T @ table)
    found = inverse @ table.T @ y
    rest = (y - table @ found)[:, None] * table
    return (found / np.sqrt(np.diag(inverse @ rest.T @ rest @ inverse)))[1:]


@pytest.mark.parametrize("minute", [15, 45, 90, 195, 300, 360])
def test_nothing_seen_by_a_minute_foretells_the_rest_of_the_session(seen, minute):
    gap, way, volume = seen
    last = minute // 5 - 1
    so_far, rest = way[:, last], way[:, -1] - way[:, last]
    traded = np.log(volume[:, : last + 1].sum(axis=1))
    traded -= traded.mean()
    assert np.abs(slopes(rest, gap, so_far, traded, gap * traded, so_far * traded)).max() < MANY
    # And not beyond what a line sees: after large moves, and near the extremes so far.
    for sign in (1.0, -1.0):
        rose = sign * so_far > 1.3 * so_far.std()
        at_top = sign * so_far >= (sign * way[:, : last + 1]).max(axis=1)
        for chosen in (rose, at_top):
            assert abs(rest[chosen].mean()) < MANY * rest[chosen].std() / np.sqrt(chosen.sum())


def test_volume_after_a_gap_up_foretells_nothing(seen):
    # The momentum rule's own reading: a gap up, on more or on less volume in the first 15 minutes than on average.
    gap, way, volume = seen
    early = volume[:, :3].sum(axis=1)
    for chosen in (early > np.median(early), early <= np.median(early)):
        rest = (way[:, 8] - way[:, 2])[chosen & (gap > 0.5)]
        assert abs(rest.mean()) < MANY * rest.std() / np.sqrt(len(rest))


def test_a_gap_foretells_nothing_of_the_session():
    # Spread over night and session, as they were, jumps made gaps down of 1% go on for another 0.2%.
    gap, rest, far = [], [], []
    parameters = shipped_parameters()
    for seed in range(60):
        states = simulate_states(parameters, 2000, seed)
        opened, sd = log_bars(parameters, states, RangeShocks(2000, seed, 0)).opened, np.sqrt(states.variance / 252)
        gap.append(opened / sd)
        rest.append((states.log_return - opened) / sd)
        far.append(opened < -0.01)
    gap, rest, far = (np.concatenate(parts) for parts in (gap, rest, far))
    assert abs(slopes(rest, gap)[0]) < MANY
    assert far.sum() > 4000
    assert abs(rest[far].mean()) < MANY * rest[far].std() / np.sqrt(far.sum())


def test_the_volume_of_a_bar_rises_with_its_own_move(seen):
    _, way, volume = seen
    move = np.abs(np.diff(way[:, :-1], axis=1))
    share = volume[:, 1:-1] / volume[:, 1:-1].mean(axis=0)
    assert pd.Series(move.ravel()).corr(pd.Series(share.ravel()), method="spearman") > 0.1


def test_volume_is_u_shaped_and_never_missing(seen):
    volume = seen[2]
    assert (volume > 0.0).all()
    assert (volume == np.floor(volume)).all()
    half_hours = (volume / volume.sum(axis=1, keepdims=True)).mean(axis=0).reshape(13, 6).sum(axis=1)
    assert half_hours[0] > half_hours[6] < half_hours[12]


def test_a_jump_is_in_one_bar():
    bars = intraday_of(7, 6000)
    within = np.flatnonzero((bars.states.jump != 0.0) & ~np.isnan(bars.logs.moment))
    assert len(within) > 10
    for place in within:
        ends = bars.session(place, 390)["close"].to_numpy()
        moves = np.diff(np.log(ends), prepend=np.log(bars.daily[place, 0]))
        sd = np.sqrt(bars.logs.variance[place] / 78)
        at = int(np.clip(round(bars.logs.moment[place] * 78), 1, 77))
        assert abs(moves[at] - bars.states.jump[place]) < 6.0 * sd + 1e-4  # a cent of rounding
        assert np.abs(np.delete(moves, at)).max() < 6.0 * sd + 1e-4


def test_the_same_bars_whatever_the_threads():
    bars, places = intraday_of(11), range(0, 200, 5)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda place: bars.session(place, 390), places))
    fresh = intraday_of(11)
    for place, found in reversed(list(zip(places, together, strict=True))):
        pd.testing.assert_frame_equal(found, fresh.session(place, 390), check_exact=True)


@pytest.mark.parametrize(("day", "bars"), [(date(2024, 7, 2), 78), (date(2024, 7, 3), 42)])  # the second is a half day
def test_five_minute_bars_agree_with_the_day(market, day, bars):
    found, wanted = market.intraday(day), market.bars().loc[pd.Timestamp(day)]
    assert len(found) == bars
    assert found.index[-1].to_pydatetime().hour == (16 if bars == 78 else 13)
    assert found["open"].iloc[0] == wanted["open"]
    assert found["close"].iloc[-1] == wanted["close"]
    assert found["high"].max() == wanted["high"]
    assert found["low"].min() == wanted["low"]
    assert found["volume"].sum() == wanted["volume"]
    assert (found["open"].iloc[1:].to_numpy() == found["close"].iloc[:-1].to_numpy()).all()


def test_every_day_agrees(market):
    bars = market.bars()
    for day in market.days[::200]:
        found = market.intraday(day)
        assert (found["high"].max(), found["low"].min()) == tuple(bars.loc[pd.Timestamp(day), ["high", "low"]])
