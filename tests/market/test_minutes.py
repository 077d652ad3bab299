import pandas as pd
import pytest

from iwm_opts.io.minutes import load_minutes
from iwm_opts.market.minutes import Minutes, check_same_prices
from tests.refusals import refused, refused_data, shows

HEAD = "Datetime,Open,High,Low,Close,Volume\n"


@pytest.fixture
def written(tmp_path):
    def write(text):
        file = tmp_path / "minutes.csv"
        file.write_text(text)
        return file

    return write


def row(time, price=100.0, low=None, high=None, volume=10):
    return f"{time},{price},{high or price},{low or price},{price},{volume}\n"


def test_offsets_become_new_york_time_and_rows_are_sorted(written):
    # 2026-03-23: daylight saving, 13:30 UTC is the open; 2019-12-17: 14:30 UTC
    text = HEAD + row("2026-03-23 13:31:00+00:00", 2) + row("2026-03-23 13:30:00+00:00", 1)
    bars = load_minutes(written(text)).bars
    assert bars.index.tolist() == [pd.Timestamp("2026-03-23 09:30"), pd.Timestamp("2026-03-23 09:31")]
    assert bars["open"].tolist() == [1.0, 2.0]
    assert bars["minute"].tolist() == [0, 1]
    same = HEAD + row("12/17/2019 9:30", 3)
    other = HEAD + row("2019-12-17 14:30:00+00:00", 3)
    assert load_minutes(written(same)).bars.index.equals(load_minutes(written(other)).bars.index)


def test_extended_hours_and_holidays_are_left_out_and_counted(written):
    text = HEAD + row("2019-12-17 09:29") + row("2019-12-17 09:30") + row("2019-12-17 16:00") + row("2019-12-25 10:00")
    found = load_minutes(written(text))
    assert len(found.bars) == 1
    assert found.skipped == (
        "2 minutes outside the regular session left out",
        "1 minutes on days without a session left out",
    )


def test_a_bad_tick_is_unknown_and_a_crash_is_not(written):
    tick = HEAD + row("2019-12-17 10:00") + row("2019-12-17 10:01", low=83) + row("2019-12-17 10:02")
    found = load_minutes(written(tick))
    assert found.bars["low"].isna().tolist() == [False, True, False]
    assert found.skipped == ("1 highs or lows far outside their neighbours' taken for bad ticks",)
    crash = HEAD + row("2019-12-17 10:00", 100) + row("2019-12-17 10:01", 95) + row("2019-12-17 10:02", 90)
    assert not load_minutes(written(crash)).bars.isna().any().any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + row("2019-12-17 10:00") * 2, ("datetime", "row 3", "2019-12-17", "10:00")),
        (HEAD + row("2019-12-17 10:00", -1), ("open", "row 2")),
        (HEAD + row("2019-12-17 10:00", volume=-1), ("volume", "row 2")),
        (HEAD + row("2019-12-17 10:00", 100, low=101, high=102), ("range", "row 2", "open")),
        (HEAD + row("noon"), ("Datetime", "row 2", "noon")),
        (HEAD + row("2019-12-17 10:00") + row("2019-12-17 15:01:00+00:00"), ("offset", "row 3")),
        (HEAD + row("2019-12-17 23:30"), ("session",)),
        ("Datetime,Open,High,Low,Close\n2019-12-17 10:00,1,1,1,1\n", ("volume",)),
    ],
)
def test_faults_are_named(written, text, message):
    with refused_data("minutes.csv", *message):
        load_minutes(written(text))


def session_minutes(day, step=1, volume=1_000.0):
    """Bars of a session by their starts; the opening and the closing auction trade most."""
    times = pd.date_range(f"{day} 09:30", f"{day} 15:59", freq=f"{step}min")
    volumes = [50 * volume, *[volume] * (len(times) - 2), 20 * volume]
    price = pd.Series(range(len(times))) * 0.01 + 100.0
    columns = {"Datetime": times, "Open": price, "High": price, "Low": price, "Close": price, "Volume": volumes}
    return pd.DataFrame(columns)


@pytest.mark.parametrize("is_extended", [False, True])
@pytest.mark.parametrize("step", [1, 5])
def test_bars_stamped_at_their_ends_are_read_by_their_starts(written, step, is_extended):
    bars = pd.concat([session_minutes(day, step) for day in ("2026-03-23", "2026-03-24", "2026-03-25")])
    reference = load_minutes(written(bars.to_csv(index=False))).bars
    late = bars.assign(Datetime=bars["Datetime"] + pd.Timedelta(minutes=step))
    if is_extended:
        early = bars[bars["Datetime"].dt.strftime("%H:%M") == "09:30"].assign(Volume=30)
        late = pd.concat([late, early])
    minutes = load_minutes(written(late.to_csv(index=False)))
    pd.testing.assert_frame_equal(minutes.bars, reference)
    told = f"times are the ends of the bars, from 9:30 plus {step} to 16:00: taken {step} minute"
    assert any(note.startswith(told) for note in minutes.skipped)


def test_a_late_start_is_no_end_of_a_bar(written):
    bars = pd.concat([session_minutes(day)[1:] for day in ("2026-03-23", "2026-03-24")])
    minutes = load_minutes(written(bars.to_csv(index=False)))
    assert (minutes.bars["minute"].min(), minutes.skipped) == (1, ())


@pytest.mark.parametrize("zone", ["Etc/GMT+5", "Etc/GMT+4"])
def test_clocks_without_summer_time_are_read(written, zone):
    bars = pd.concat([session_minutes(day) for day in ("2026-03-04", "2026-03-05", "2026-03-11", "2026-03-12")])
    reference = load_minutes(written(bars.to_csv(index=False))).bars
    fixed = bars["Datetime"].dt.tz_localize("America/New_York").dt.tz_convert(zone).dt.tz_localize(None)
    minutes = load_minutes(written(bars.assign(Datetime=fixed).to_csv(index=False)))
    pd.testing.assert_frame_equal(minutes.bars, reference)
    assert any("taken for UTC-" in note for note in minutes.skipped)


@pytest.mark.parametrize("form", ["epoch", "Z"])
def test_a_new_york_clock_written_as_utc_is_read(written, form):
    bars = pd.concat([session_minutes(day) for day in ("2026-03-23", "2026-03-24")])
    reference = load_minutes(written(bars.to_csv(index=False))).bars
    seconds = bars["Datetime"].astype("datetime64[s]").astype("int64")
    times = seconds if form == "epoch" else bars["Datetime"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    minutes = load_minutes(written(bars.assign(Datetime=times).to_csv(index=False)))
    pd.testing.assert_frame_equal(minutes.bars, reference)
    assert any(shows(note, "New York's", "if UTC's") for note in minutes.skipped)


@pytest.mark.market_data
def test_the_defects_of_real_files(market_data):
    # data README: some days include extended hours, half days of 213 minutes, a session that was halted, no order
    found = load_minutes(market_data / "intraday" / "IWM_1m_20191021_20200608.csv.gz")
    assert len(found.bars) == 61_141
    assert found.bars.index.is_monotonic_increasing
    assert found.skipped == ("7,270 minutes outside the regular session left out",)
    sizes = found.bars.groupby(found.bars.index.normalize()).size()
    assert sizes["2019-11-29"] == 213  # a half day, and three minutes beyond it
    assert sizes["2020-03-09"] == 376
    utc = load_minutes(market_data / "intraday" / "IWM_1m_20260323_20260331.csv.gz")
    assert utc.bars.index[0] == pd.Timestamp("2026-03-23 09:30")


def test_a_reader_is_told_the_length_of_the_bars_and_their_file(written):
    file = written(HEAD + "".join(row(f"2026-03-23 09:{minute}:00") for minute in (30, 35, 40)))
    minutes = load_minutes(file)
    assert minutes.label("IWM") == "5-minute bars of IWM (minutes.csv)"
    assert minutes.before(pd.Timestamp("2026-03-24")).label("IWM") == minutes.label("IWM")
    assert Minutes(minutes.bars, ()).label("IWM") == "5-minute bars of IWM"


def test_minutes_of_another_fund_are_refused_and_those_of_no_shared_session_are_not(written):
    days = pd.DatetimeIndex(["2026-03-02", "2026-03-03", "2026-03-04"])
    bars = pd.DataFrame({"open": [100.0, 101.0, 102.0]}, index=days)
    text = "".join(row(f"{day.date()} 09:30", 103.0) + row(f"{day.date()} 09:31", 300.0) for day in days)
    check_same_prices(load_minutes(written(HEAD + text)), bars)
    other = load_minutes(written(HEAD + text.replace("103.0", "210.0")))
    with refused("minutes", "minutes.csv", "+107.9%"):
        check_same_prices(other, bars)
    check_same_prices(other, bars.set_axis(days + pd.Timedelta(days=365)))


def test_a_session_without_minutes_is_named(written):
    days = ("2019-12-16", "2019-12-18", "2019-12-19")
    minutes = load_minutes(written(HEAD + "".join(row(f"{day} 10:{at}") for day in days for at in range(10, 15))))
    assert minutes.skipped == ("1 session has no minute (2019-12-17)",)


@pytest.mark.parametrize("time", ["", " 00:00:00+05:30", " 16:00", "T09:30:00-05:00"])
def test_daily_bars_are_refused_by_what_they_are(written, time):
    days = pd.bdate_range("2019-12-02", "2019-12-20")
    text = HEAD + "".join(row(f"{day:%Y-%m-%d}{time}") for day in days)
    with refused_data("minutes.csv", "step", "15", "`bars`"):
        load_minutes(written(text))


@pytest.mark.parametrize("form", ["", "%Y-%m-%d %H:%M"])
def test_bare_dates_beside_times_leave_the_times_to_their_column(written, form):
    times = pd.date_range("2026-03-23 13:30", periods=5, freq="min", tz="UTC").tz_convert("America/New_York")
    rows = "".join(
        f"{at:%Y-%m-%d},{at.strftime(form) if form else int(at.timestamp())},100,100,100,100,10\n" for at in times
    )
    bars = load_minutes(written(f"date,timestamp,open,high,low,close,volume\n{rows}")).bars
    assert bars["minute"].to_list() == [0, 1, 2, 3, 4]
