import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.errors import InputError
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.signals import allowed_on, is_adjacent
from iwm_opts.plans.edges import MeanReversion, Momentum, VolContraction


def test_three_declines_over_the_total(make_bars):
    # -1%, -1%, -1% compound to -2.97%; the same with a smaller last step stay under 2.5%
    bars = make_bars([100, 99, 98.01, 97.03, 97.1, 96.5, 96.0, 95.8])
    signals = MeanReversion().signals(bars)
    assert signals.index[signals.fillna(False)].tolist() == [bars.index[3]]
    assert signals.isna().tolist() == [True] * 3 + [False] * 5


@given(st.lists(st.floats(-0.05, 0.05), min_size=8, max_size=40))
def test_the_rule_against_a_plain_loop(make_bars, steps):
    closes = 100.0 * np.cumprod(1.0 + np.array(steps))
    found = MeanReversion(2, 0.01).signals(make_bars(closes)).fillna(False).tolist()
    for t in range(2, len(closes)):
        expected = closes[t] < closes[t - 1] < closes[t - 2] and closes[t] / closes[t - 2] - 1.0 < -0.01
        assert found[t] == expected


def test_a_missing_session_makes_it_unknown(make_bars):
    bars = make_bars([100, 99, 98, 97, 96, 95, 94, 93]).drop(index=pd.Timestamp("2024-01-05"))  # the fourth
    assert is_adjacent(bars).tolist() == [False, True, True, False, True, True, True]
    assert MeanReversion().signals(bars).isna().tolist() == [True] * 6 + [False]


def test_a_dividend_is_no_decline(make_bars):
    bars = make_bars([100, 99, 98, 97.9]).assign(adjusted_close=[99.5, 98.5, 97.5, 97.9])
    assert not MeanReversion().signals(bars).fillna(False).any()
    assert not MeanReversion(2, 0.005).signals(bars).iloc[-1]


def test_a_signal_allows_the_next_session_only(make_bars):
    bars = make_bars([100, 99, 98, 97, 98, 99, 100])
    days = [day.date() for day in bars.index]
    allowed = allowed_on(MeanReversion().signals(bars), days)
    assert allowed.tolist() == [False] * 4 + [True, False, False]
    # a market without that session does not trade the signal a day late
    assert not allowed_on(MeanReversion().signals(bars), days[:4] + days[5:])[4:].any()


def test_rank_below_twenty_on_its_own_observations():
    days = pd.bdate_range("2024-01-16", periods=12)  # sessions all
    values = [0.30, 0.20, 0.25, 0.22, 0.219, 0.28, 0.21, 0.40, 0.243, 0.22, 0.26, 0.24]
    history = IvHistory("IV10", 10, pd.Series(values, index=days), False, "made")
    signals = VolContraction(below=20.0, lookback=5).signals(history)
    # by hand, on the last five values: 0.219 in 0.20..0.30 ranks 19.0; 0.243 in 0.21..0.40 17.4; 0.22 5.3; 0.24 11.1
    assert signals.iloc[[4, 8, 9, 11]].all()
    assert not signals.iloc[[5, 7]].any()
    assert signals.isna().sum() == 3  # fewer than four of five are there


def minutes_of(days, volumes, opens, count=60):
    frames = []
    for day, volume, opened in zip(days, volumes, opens, strict=True):
        times = pd.Timestamp(day) + pd.to_timedelta(570 + np.arange(count), unit="min")
        frames.append(
            pd.DataFrame(
                {"open": opened, "high": opened + 0.1, "low": opened - 0.1, "close": opened, "volume": float(volume)}
                | {"minute": np.arange(count)},
                index=times,
            )
        )
    return pd.concat(frames)


def test_a_gap_up_on_volume(make_bars):
    bars = make_bars([100.0] * 8)
    edge = Momentum(volume_sessions=5)
    opens = [100.0, 100, 100, 100, 100, 101, 100.7, 101]
    minutes = minutes_of(bars.index, [10, 10, 10, 10, 10, 11, 30, 9], opens)
    readings = edge.readings(bars, minutes)
    assert readings["gap"].iloc[5] == pytest.approx(0.01)
    assert readings["relative_volume"].iloc[5] == pytest.approx(1.1)  # 11 a minute over five sessions of 10
    assert readings["signal"].fillna(False).tolist() == [False] * 5 + [True, False, False]
    assert readings["signal"].isna().tolist() == [True] * 4 + [False] * 4  # four of five sessions before are enough


def test_nothing_after_the_entry_minute_is_seen(make_bars):
    bars = make_bars([100.0] * 8)
    minutes = minutes_of(bars.index, [10] * 7 + [12], [100.0] * 7 + [101])
    seen = Momentum(volume_sessions=5).readings(bars, minutes)
    later = minutes["minute"] >= 15
    other = minutes.assign(volume=minutes["volume"].where(~later, 1e9), open=minutes["open"].where(~later, 1.0))
    pd.testing.assert_frame_equal(seen, Momentum(volume_sessions=5).readings(bars, other))
    assert seen["signal"].iloc[-1]


def test_a_session_without_its_open_is_unknown(make_bars):
    bars = make_bars([100.0] * 8)
    minutes = minutes_of(bars.index, [10] * 7 + [12], [100.0] * 7 + [101])
    broken = minutes.drop(index=minutes.index[-60])  # its first minute
    assert pd.isna(Momentum(volume_sessions=5).readings(bars, broken)["signal"].iloc[-1])


@pytest.mark.parametrize(("volume", "state"), [(22, True), (20, None), (5, None)])
def test_what_is_left_of_a_torn_session_is_the_least_that_it_traded(make_bars, volume, state):
    bars = make_bars([100.0] * 8)
    minutes = minutes_of(bars.index, [10] * 7 + [volume], [100.0] * 7 + [101])
    torn = minutes.drop(index=minutes.index[-53:])  # seven of fifteen are left: 154, 140 and 35 shares against 150
    signal = Momentum(volume_sessions=5).readings(bars, torn)["signal"].iloc[-1]
    assert signal if state else pd.isna(signal)
    usual = Momentum(volume_sessions=5).readings(bars, pd.concat([torn, minutes.iloc[-60:].shift(freq="3D")]))
    assert usual["relative_volume"].iloc[-1] == pytest.approx(volume / 10)  # the torn one is in no mean


@pytest.mark.parametrize(
    "make",
    [
        lambda: MeanReversion(declines=0),
        lambda: MeanReversion(total=2.5),
        lambda: Momentum(enter_minute=45),
        lambda: Momentum(gap=-0.1),
        lambda: Momentum(volume_sessions=0),
        lambda: VolContraction(below=0.0),
    ],
)
def test_thresholds_out_of_range_are_refused(make):
    with pytest.raises(InputError):
        make()


@pytest.mark.market_data
def test_signals_of_the_real_market(real):
    # MEASURED, section 1: 314 signals, IWM 2005-2026
    signals = MeanReversion().signals(real.bars)
    assert int(signals.fillna(False).sum()) == 314
    readings = Momentum().readings(real.bars, real.minutes.bars)
    assert int((readings["gap"] > 0.008).sum()) == 35
    # A plain count of the file's rows: 22 with twenty sessions before them. One (2020-05-18) has 11 of its 15 minutes,
    # 8.4 million shares against 3.2 million usual; with fewer sessions in the mean there would be two more.
    assert int(readings["signal"].fillna(False).sum()) == 22
    assert readings["signal"][pd.Timestamp("2020-05-18")]
    gate = VolContraction().signals(real.history)
    assert gate.mean() == pytest.approx(0.40, abs=0.005)  # MEASURED: open 40% of the days


def test_a_longer_bar_counts_only_once_it_is_over(make_bars):
    # Ten sessions of 5-minute bars of 100 shares; on the last a bar that ends after the entry trades a million.
    bars = make_bars([100.0] * 10 + [103.0])
    at = [day + pd.Timedelta(minutes=570 + 5 * k) for day in bars.index for k in range(12)]
    minutes = pd.DataFrame({"open": 102.0, "volume": 100.0, "minute": list(range(0, 60, 5)) * len(bars)}, index=at)
    minutes.loc[minutes.index[-10], "volume"] = 1e6  # minutes 10 to 15
    seen = Momentum(enter_minute=12, volume_sessions=5).readings(bars, minutes)
    assert seen["relative_volume"].iloc[-1] == pytest.approx(1.0)
    seen = Momentum(enter_minute=15, volume_sessions=5).readings(bars, minutes)
    assert seen["relative_volume"].iloc[-1] == pytest.approx((200 + 1e6) / 300)
