from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.errors import DataError
from iwm_opts.io.bars import load_bars
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.series_notes import notes_of
from iwm_opts.market.bars import atr, average_true_range, missing_sessions, true_range
from iwm_opts.market.calendar import sessions
from tests.refusals import refused, refused_data, shows

HEADER = "Date,Open,High,Low,Close,Volume"
ROWS = ["2024-01-02,10,11,9,10.5,100", "2024-01-03,12,13,12,12.5,110", "2024-01-04,12,12.5,10,10.2,120"]


def frame(highs, lows, closes):
    index = pd.bdate_range("2024-01-01", periods=len(highs), name="date")
    return pd.DataFrame({"open": closes, "high": highs, "low": lows, "close": closes}, index=index, dtype=float)


@pytest.fixture
def file(tmp_path):
    def write(*rows, header=HEADER, name="iwm_bars.csv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


@st.composite
def random_bars(draw, least=20):
    n = draw(st.integers(least, 60))
    prices = draw(st.lists(st.tuples(*[st.floats(1, 100)] * 3), min_size=n, max_size=n))
    ordered = np.sort(np.array(prices), axis=1)
    return frame(ordered[:, 2], ordered[:, 0], ordered[:, 1])


def test_true_range_by_hand():
    # 11 - 9; a gap up: 13 - 10.5; a gap down from 12.5: 12.5 - 10.
    assert true_range(frame([11, 13, 12.5], [9, 12, 10], [10.5, 12.5, 10.2])).tolist() == pytest.approx([2.0, 2.5, 2.5])


def test_wilder_and_simple_by_hand():
    # True ranges 2, 4, 6, 3 (no gaps), period 3: mean 4, then (4 x 2 + 3) / 3 = 11/3 or (4 + 6 + 3) / 3 = 13/3.
    bars = frame([11, 12, 13, 11.5], [9, 8, 7, 8.5], [10, 10, 10, 10])
    assert average_true_range(bars, 3).tolist() == pytest.approx([np.nan, np.nan, 4.0, 11 / 3], nan_ok=True)
    assert average_true_range(bars, 3, "simple").tolist() == pytest.approx([np.nan, np.nan, 4.0, 13 / 3], nan_ok=True)


def test_the_day_of_the_decision_is_not_seen():
    bars = frame([11, 12, 13, 50], [9, 8, 7, 1], [10, 10, 10, 20])
    known = atr(bars, before=bars.index[3].date(), period=3)
    assert known.value == pytest.approx(4.0)
    assert known.value_date == bars.index[2].date()
    assert known.share_of_price == pytest.approx(0.4)
    assert (known.period, known.method) == (3, "wilder")


@given(random_bars(), st.integers(1, 14), st.sampled_from(["wilder", "simple"]))
def test_what_comes_later_changes_nothing(bars, period, method):
    cut = len(bars) // 2 + period // 2
    before = bars.index[cut].date()
    expected = atr(bars.iloc[:cut], before, period, method)
    assert atr(bars, before, period, method) == expected
    spoilt = bars.copy()
    spoilt.iloc[cut:] *= 7
    assert atr(spoilt, before, period, method) == expected
    assert average_true_range(bars, period, method).iloc[cut - 1] == pytest.approx(expected.value)


@given(random_bars(), st.integers(1, 14))
def test_wilder_is_his_recursion(bars, period):
    ranges = true_range(bars).tolist()
    value = sum(ranges[:period]) / period
    for later in ranges[period:]:
        value = (value * (period - 1) + later) / period
    assert average_true_range(bars, period).iloc[-1] == pytest.approx(value)


def test_too_few_bars_and_odd_methods_are_refused():
    bars = frame([11, 12, 13], [9, 8, 7], [10, 10, 10])
    with refused("bars", 2, "3"):
        atr(bars, bars.index[2].date(), period=3)
    with refused("period", 0):
        atr(bars, date(2025, 1, 1), period=0)
    with refused("method", "exponential", "wilder", "simple"):
        average_true_range(bars, 2, "exponential")


def test_layouts_are_told_by_name(file):
    yahoo = load_bars(file(*ROWS))
    assert list(yahoo.columns) == ["open", "high", "low", "close", "volume"]
    assert yahoo.index.tolist() == [pd.Timestamp(2024, 1, day) for day in (2, 3, 4)]
    assert yahoo.loc["2024-01-03"].tolist() == [12.0, 13.0, 12.0, 12.5, 110.0]
    header = "timestamp,close,low,high,open,adjusted_close,dividend_amount"
    newest_first = load_bars(file("2024-01-03,12.5,12,13,12,12.4,0.1", "2024-01-02,10.5,9,11,10,10.4,0", header=header))
    assert newest_first.index.is_monotonic_increasing
    assert list(newest_first.columns) == ["open", "high", "low", "close", "adjusted_close", "dividend"]
    for name in ("Adj Close", "AdjClose"):
        assert "adjusted_close" in load_bars(file(*ROWS, header=HEADER.replace("Volume", name)))


def test_as_traded_prices_are_restated_for_splits(file):
    # Two for one on 2024-01-04: the days before it halve, their volume doubles, their dividend halves.
    header = "timestamp,open,high,low,close,volume,dividend_amount,split_coefficient"
    rows = ("2024-01-04,10,11,9,10,50,0,2.0", "2024-01-03,20,22,19,21,100,0.4,1.0", "2024-01-02,20,22,18,20,100,0,1.0")
    bars = load_bars(file(*rows, header=header))
    assert bars["close"].tolist() == [10.0, 10.5, 10.0]
    assert bars["low"].tolist() == [9.0, 9.5, 9.0]
    assert bars["volume"].tolist() == [200.0, 200.0, 50.0]
    assert bars["dividend"].tolist() == [0.0, 0.2, 0.0]
    assert "split_coefficient" not in bars


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("soon,10,11,9,10,1", ("Date", "row 5", "soon")),
        ("2024-01-03,10,11,9,10,1", ("date", "row 5", "2024-01-03")),
        ("2024-01-05,10,11,9,,1", ("close", "row 5", "2024-01-05")),
        ("2024-01-05,x,11,9,10,1", ("Open", "row 5", "x")),
        ("2024-01-05,10,11,0,10,1", ("low", "row 5", "2024-01-05")),
        ("2024-01-05,10,inf,9,10,1", ("high", "row 5", "2024-01-05")),
        ("2024-01-05,10,11,9,12,1", ("range", "row 5", "close")),
        ("2024-01-05,8,11,9,10,1", ("range", "row 5", "open")),
        ("2024-01-05,10,8,9,10,1", ("range", "row 5", "2024-01-05")),
    ],
)
def test_bad_rows_are_named(file, row, message):
    with refused_data("iwm_bars.csv", *message):
        load_bars(file(*ROWS, row))


def test_what_is_no_file_of_bars_is_named(tmp_path, file):
    with refused_data("none.csv", "path"):
        load_bars(tmp_path / "none.csv")
    with refused_data(tmp_path, "path"):
        load_bars(tmp_path)
    with refused_data("iwm_bars.csv", "rows"):
        load_bars(file())
    with refused_data("iwm_bars.csv", "low", "Date", "Open", "High", "Close"):
        load_bars(file("2024-01-02,1,2,1.5", header="Date,Open,High,Close"))
    for name, content in (
        ("empty.csv", b""),
        ("torn.csv.gz", b"\x1f\x8b\x08\x00torn"),
        ("page.csv", b"\xff\xfe\x00%PDF"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError):
            load_bars(tmp_path / name)


def test_bars_before_the_calendar_are_left_out_with_a_note(file):
    early = [f"{day},100,101,99,100.5,1e6" for day in ("1992-12-30", "1992-12-31")]
    later = [f"{day},100,101,99,100.5,1e6" for day in ("1993-01-04", "1993-01-05", "1993-01-06")]
    bars = load_bars(file(*early, *later))
    assert [f"{day:%Y-%m-%d}" for day in bars.index] == ["1993-01-04", "1993-01-05", "1993-01-06"]
    assert notes_of(bars) == ("2 rows before the calendar of sessions (1993-01-01) left out",)
    with refused_data("iwm_bars.csv", "date", "1992-12-31"):
        load_bars(file(*early))


def test_missing_sessions():
    # 2024-07-04 is a holiday, the 6th and 7th a weekend: of these days only Friday the 5th lacks a bar.
    days = pd.DatetimeIndex(["2024-07-02", "2024-07-03", "2024-07-08"])
    assert missing_sessions(pd.DataFrame({"close": 1.0}, index=days)) == [date(2024, 7, 5)]


@pytest.mark.market_data
@pytest.mark.parametrize("name", ["IWM_yahoo_adj_div", "IWM_yahoo_bars_2024_2026", "KRE_yahoo_adj_div", "RUT_yahoo"])
def test_real_files_are_whole(market_data, name):
    bars = load_bars(market_data / "daily" / f"{name}.csv.gz")
    assert bars.index.is_monotonic_increasing
    assert missing_sessions(bars) == []


@pytest.mark.market_data
def test_as_traded_and_split_adjusted_vendors_agree(market_data):
    # IWM split two for one on 2005-06-09; one vendor's prices are as traded, the other's adjusted.
    traded = load_bars(market_data / "daily" / "IWM_alphavantage_raw.csv.gz")
    adjusted = load_bars(market_data / "daily" / "IWM_yahoo_long.csv.gz")
    apart = (traded["close"] / adjusted["close"] - 1)["2003":"2008"]
    assert len(apart) == 1511
    assert apart.abs().max() < 0.02  # the vendors differ by up to 1.2% on a few days; a split missed would show as 100%
    assert apart.abs().median() < 1e-6
    days = slice("2005-06-01", "2005-06-30")
    ranges = true_range(traded)[days] / true_range(adjusted)[days]
    assert ranges.between(0.999, 1.001).all()


@pytest.mark.market_data
def test_the_range_of_iwm_is_wider_than_that_of_spy(market_data):
    # Measured apart from this project, 2005-2026, simple 14-day means: median ratio 1.46, quartiles 1.29 and 1.67.
    iwm, spy = (load_bars(market_data / "daily" / f"{name}_yahoo_adj_div.csv.gz") for name in ("IWM", "SPY"))
    ratio = (average_true_range(iwm, 14, "simple") / iwm["close"]) / (
        average_true_range(spy, 14, "simple") / spy["close"]
    )
    assert ratio.quantile([0.25, 0.5, 0.75]).tolist() == pytest.approx([1.29, 1.46, 1.67], abs=0.01)
    assert ratio[ratio.index.year == 2018].median() == pytest.approx(1.20, abs=0.01)
    share = (average_true_range(iwm, 14, "simple") / iwm["close"])["2009-09-16":"2025-06-04"]
    assert (share.mean(), share.median()) == pytest.approx((0.0180, 0.0161), abs=5e-5)


def jumping(file, *places):
    """252 sessions of 2024 whose price halves at some places of them."""
    days = sessions(date(2024, 1, 2), date(2024, 12, 31))
    close = (100.0 + 0.1 * np.arange(len(days))) * 0.5 ** np.searchsorted(sorted(places), np.arange(len(days)), "right")
    return file(*(f"{day},{price},{price},{price},{price},1" for day, price in zip(days, close, strict=True)))


@pytest.mark.parametrize(
    ("places", "first", "last", "left"),
    [
        ((251,), "2024-01-02", "2024-12-30", "the 1 bar from 2024-12-31 on is left out"),
        ((238,), "2024-01-02", "2024-12-10", "the 14 bars from 2024-12-11 on are left out"),
        ((232,), "2024-12-03", "2024-12-31", "the 232 bars before are left out"),
        ((100, 251), "2024-05-24", "2024-12-30", "the 100 bars before and the 1 bar from 2024-12-31 on are left out"),
        ((5,), "2024-01-09", "2024-12-31", "the 5 bars before are left out"),
    ],
)
def test_a_split_at_the_end_leaves_the_bars_before_it(file, places, first, last, left):
    bars = load_bars(jumping(file, *places), "IWM")
    assert (f"{bars.index[0]:%Y-%m-%d}", f"{bars.index[-1]:%Y-%m-%d}") == (first, last)
    (note,) = notes_of(bars)
    assert "unadjusted split" in note
    assert left in note
    assert atr(bars, date(2025, 1, 2)).value > 0.0


NAMES = "date,open,high,low,close"


def walk(file, ratio, size=0.004, wide=1.0):
    """120 sessions of overnight moves of a size, the 61st opening at a ratio of the close before."""
    days = sessions(date(2024, 1, 2), date(2024, 12, 31))[:120]
    random = np.random.default_rng(5)
    overnight = np.exp(random.normal(0.0, size, 120))
    overnight[60] = ratio * 1.004
    opens = 200.0 * np.cumprod(overnight)
    reach = np.where(np.arange(120) == 60, 0.01 * wide, 0.01)
    rows = zip(days, opens, opens * (1 + reach), opens * (1 - reach), opens, strict=True)
    return file(*(f"{day},{o:.4f},{h:.4f},{low:.4f},{c:.4f}" for day, o, h, low, c in rows), header=NAMES)


@pytest.mark.parametrize("ratio", [5 / 7, 3 / 4, 4 / 5, 5 / 6, 10 / 11])
def test_small_splits_are_told_by_their_exact_ratio(file, ratio):
    bars = load_bars(walk(file, ratio), "IWM")
    assert (len(bars), bars.index[0]) == (60, pd.Timestamp("2024-03-28"))
    (note,) = notes_of(bars)
    assert shows(note, f"on 2024-03-28 ({ratio * 1.004:.3g}", "before): the 60 bars")


@pytest.mark.parametrize(
    ("ratio", "size", "wide"),
    [
        (0.78, 0.004, 1.0),  # between 5:4 and 4:3
        (10 / 11, 0.03, 1.0),  # among moves of its size, as 2020-03-16
        (10 / 11, 0.004, 3.0),  # with a range of three usual days, as 2001-09-17
        (11 / 10, 0.004, 1.0),  # a rise
        (0.935, 0.004, 1.0),
    ],
)
def test_crashes_are_kept(file, ratio, size, wide):
    bars = load_bars(walk(file, ratio, size, wide), "IWM")
    assert (len(bars), notes_of(bars)) == (120, ())


def with_wrong(file, first, change):
    """120 sessions of 2024 around 100 dollars, some bars of which are changed from the 61st on."""
    days = sessions(date(2024, 1, 2), date(2024, 12, 31))[:120]
    prices = 100.0 + 0.1 * np.arange(120)
    rows = [[price - 0.1, price + 0.5, price - 0.5, price] for price in prices]
    for place, row in enumerate(change, first):
        rows[place] = [value * factor for value, factor in zip(rows[place], row, strict=True)]
    return file(*(f"{day}," + ",".join(f"{value:.4f}" for value in row) for day, row in zip(days, rows, strict=True)),
                header=NAMES)  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        [(10, 10, 10, 10)],  # a decimal point
        [(0.1, 0.1, 0.1, 0.1)] * 3,
        [(1, 1, 0.1, 0.1)],  # its close alone
        [(10, 10, 1, 1)],  # its open alone
        [(1, 1, 0.1, 1)],  # its low alone
        [(1.5, 1.5, 1.5, 1.5)],
    ],
)
def test_wrong_bars_leave_out_themselves_alone(file, change):
    bars = load_bars(with_wrong(file, 60, change), "IWM")
    left = sessions(date(2024, 1, 2), date(2024, 12, 31))[60 : 60 + len(change)]
    assert (len(bars), bars.index[0]) == (120 - len(change), pd.Timestamp("2024-01-02"))
    assert not bars.index.isin(left).any()
    wrong, gap = notes_of(bars)
    assert shows(wrong, f"out ({left[0]}", "prices")
    assert "no bar" in gap
    assert "windows" in gap
    assert bars["close"].between(99.0, 113.0).all()


@pytest.mark.parametrize("place", [0, 119])
def test_a_wrong_bar_at_an_end_is_left_out(file, place):
    bars = load_bars(with_wrong(file, place, [(10, 10, 10, 10)]), "IWM")
    assert len(bars) == 119
    assert bars["close"].between(99.0, 113.0).all()


@pytest.mark.parametrize("size", [0.004, 0.015])
def test_bars_without_a_weekday_have_missing_sessions_and_no_split(file, size):
    days = sessions(date(2019, 6, 3), date(2020, 12, 31))
    opens = 200.0 * np.cumprod(np.exp(np.random.default_rng(7).normal(0.0, size, len(days))))
    friday = next(at for at in range(200, 210) if days[at].item().weekday() == 4)
    opens[friday:] *= 10 / 11
    kept = [place for place, day in enumerate(days) if day.item().weekday() != 4]
    rows = [f"{days[at]},{opens[at]:.4f},{1.01 * opens[at]:.4f},{0.99 * opens[at]:.4f},{opens[at]:.4f}" for at in kept]
    bars = load_bars(file(*rows, header=NAMES), "IWM")
    assert len(bars) == len(kept)
    (note,) = notes_of(bars)
    assert shows(note, f"{len(missing_sessions(bars))} sessions", "no bar")


def test_a_fall_across_missing_weeks_is_no_split(file):
    days = sessions(date(2020, 1, 2), date(2020, 12, 31))
    price = np.where(np.arange(len(days)) < 60, 160.0, 95.0)
    kept = [*range(40), *range(60, len(days))]
    bars = load_bars(file(*(f"{days[at]},{price[at]},{price[at]},{price[at]},{price[at]}" for at in kept),
                          header=NAMES), "IWM")  # fmt: skip
    assert len(bars) == len(kept)
    assert not any("split" in note for note in notes_of(bars))


@pytest.mark.market_data
@pytest.mark.parametrize("symbol", ["IWM", "SPY", "KRE", "XBI"])
def test_no_day_of_funds_is_taken_for_a_split(market_data, symbol):
    bars = load_bars(market_data / "daily" / f"{symbol}_yahoo_adj_div.csv.gz", symbol)
    assert not any("split" in note for note in notes_of(bars))
    assert bars.index[0].year < 2007


@pytest.mark.parametrize(
    ("days", "rule"),
    [
        (
            pd.date_range("2025-03-10 09:30", periods=390, freq="min"),
            ("step", "390", "1"),
        ),
        (pd.date_range("2025-03-10 09:30", periods=30, freq="h"), ("step", "30", "2")),
        (pd.date_range("2025-01-03", periods=12, freq="W-FRI"), ("step", "7")),
        (
            pd.date_range("2025-01-02", periods=12, freq="BMS"),
            ("step",),
        ),
    ],
)
def test_bars_of_other_steps_are_refused_by_what_they_are(file, days, rule):
    rows = [f"{day},{price},{price},{price},{price},1" for price, day in enumerate(days, 100)]
    with refused_data("iwm_bars.csv", *rule):
        load_bars(file(*rows), "IWM")


def test_lines_that_repeat_the_header_and_tables_of_markdown(file):
    bars = load_bars(file(*ROWS[:2], HEADER, *ROWS[2:]))
    assert len(bars) == 3
    assert notes_of(bars) == ("1 lines repeat the header: left out",)
    lines = [f"|{row.replace(',', '|')}|" for row in ROWS]
    markdown = file("|---|---|---|---|---|---|", *lines, header=f"|{HEADER.replace(',', '|')}|")
    assert load_bars(markdown).equals(bars)


@pytest.mark.parametrize(("shift", "what"), [(-1, "early"), (1, "late")])
def test_dates_a_day_beside_sessions_are_refused(file, shift, what):
    days = sessions(date(2024, 1, 2), date(2024, 3, 28)) + np.timedelta64(shift, "D")
    with refused_data("iwm_bars.csv", "date", what):
        load_bars(file(*(f"{day},10,10,10,10,1" for day in days)))
    every = np.arange(days[0], days[-1] + 1)  # indices of volatility with values on holidays too
    for of_series in (days, every[np.is_busday(every - shift)]):
        history = file(*(f"{day},20" for day in of_series), header="date,close")
        with refused_data("iwm_bars.csv", "date", what):
            load_iv_history(history)


def test_dates_of_which_summer_time_moved_a_part_are_refused(file):
    days = pd.DatetimeIndex(sessions(date(2024, 1, 2), date(2024, 12, 30)))
    moved = days.tz_localize("Europe/London").tz_convert("UTC").strftime("%Y-%m-%d")
    with refused_data("iwm_bars.csv", "date", "28", "Sunday", "2024-03-31"):
        load_bars(file(*(f"{day},10,10,10,10,1" for day in moved)))


def test_days_of_a_week_without_a_session_are_left_out(file):
    days = pd.date_range("2024-01-02", "2024-03-28")
    bars = load_bars(file(*(f"{day:%Y-%m-%d},10,10,10,10,1" for day in days)))
    assert len(bars) == len(sessions(date(2024, 1, 2), date(2024, 3, 28)))


def test_a_volume_of_minus_one_throughout_is_unknown(file):
    rows = [f"{row.rpartition(',')[0]},-1" for row in ROWS]
    assert "volume" not in load_bars(file(*rows))
    with refused_data("iwm_bars.csv", "volume"):
        load_bars(file(*rows[:2], ROWS[2]))
