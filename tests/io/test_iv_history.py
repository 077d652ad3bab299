import gzip
from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.iv_rank import iv_rank
from tests.refusals import refused_data, shows

CBOE = "DATE,OPEN,HIGH,LOW,CLOSE\n01/03/2024,20,21,19,20.5\n01/04/2024,20,21,19,21.25\n01/05/2024,20,21,19,19.75\n"


@pytest.fixture
def write(tmp_path):
    def as_file(text, name="RVX_History.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return as_file


def test_cboe_download(write):
    history = load_iv_history(write(CBOE))
    assert history.closes.tolist() == pytest.approx([0.205, 0.2125, 0.1975])
    assert history.closes.index[0] == pd.Timestamp("2024-01-03")
    assert (history.series, history.tenor_days, history.proxy) == ("RVX", 30, True)
    assert shows(history.note, "RVX: 30-day index of Russell 2000 options", "for IWM's own IV10")
    assert history.skipped == ()


def test_yahoo_bars(write):
    header = "Date,Open,High,Low,Close,Volume,AdjClose"
    text = f"{header}\n2024-01-03,14,14,13,14.04,0,14.04\n2024-01-04,14,14,13,14.13,0,14.13\n"
    history = load_iv_history(write(text, "^VIX.csv"))
    assert history.closes.tolist() == pytest.approx([0.1404, 0.1413])
    assert history.series == "VIX"


def test_times_and_zones_keep_the_day(write):
    text = "Datetime,Close\n2024-01-03 00:00:00-05:00,14.0\n2024-01-04T16:15:00-05:00,15.0\n"
    assert list(load_iv_history(write(text)).closes.index) == [pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04")]


@pytest.mark.parametrize(
    ("name", "series", "tenor"),
    [
        ("RVX_History.csv", "RVX", 30),
        ("vix.csv", "VIX", 30),
        ("VIX9D_History.csv", "VIX9D", 9),
        ("vix3m-2024.csv", "VIX3M", 93),
        ("mine.csv", "mine", None),
    ],
)
def test_the_file_name_tells_the_series(write, name, series, tenor):
    history = load_iv_history(write(CBOE, name))
    assert (history.series, history.tenor_days, history.proxy) == (series, tenor, True)


def test_gzip_is_recognised_by_content(write):
    assert len(load_iv_history(write(gzip.compress(CBOE.encode()), "RVX")).closes) == 3


@pytest.mark.parametrize("as_index", [False, True])
def test_parquet(tmp_path, as_index):
    table = pd.DataFrame({"date": pd.to_datetime(["2024-01-03", "2024-01-04"]), "iv": [0.21, 0.22]})
    path = tmp_path / "iwm.parquet"
    (table.set_index("date") if as_index else table).to_parquet(path)
    assert load_iv_history(path).closes.tolist() == [0.21, 0.22]


def test_decimals_are_kept_as_they_are(write):
    history = load_iv_history(write("date,iv\n2024-01-03,0.205\n2024-01-04,0.212\n"))
    assert history.closes.tolist() == [0.205, 0.212]
    assert history.note.endswith("read as decimals")


def test_iwms_own_series_is_no_proxy(write):
    path = write("date,close,iv10,iv30\n2024-01-03,198,0.20,0.22\n2024-01-04,199,0.21,0.23\n", "index.csv")
    ten, thirty = load_iv_history(path), load_iv_history(path, tenor_days=30)
    assert (ten.series, ten.tenor_days, ten.proxy, ten.closes.iloc[0]) == ("IWM IV10", 10, False, 0.20)
    assert (thirty.series, thirty.tenor_days, thirty.proxy, thirty.closes.iloc[0]) == ("IWM IV30", 30, False, 0.22)


def test_another_tenor_of_its_own_stands_in(write):
    history = load_iv_history(write("date,iv30\n2024-01-03,0.20\n2024-01-04,0.21\n", "index.csv"))
    assert (history.tenor_days, history.proxy) == (30, True)
    assert history.note.startswith("IWM IV30: IWM's own, proxy for its IV10")


def test_rows_out_of_order_are_sorted_and_noted(write):
    history = load_iv_history(write("date,close\n2024-01-04,21\n2024-01-03,20\n"))
    assert history.closes.tolist() == pytest.approx([0.20, 0.21])
    assert history.skipped == ("rows were not in order of date: sorted",)


def test_blank_values_are_counted(write):
    # FRED writes a dot on holidays.
    history = load_iv_history(write("date,close\n2024-01-03,20\n2024-01-04,\n2024-01-05,.\n2024-01-08,21\n"))
    assert len(history.closes) == 2
    assert history.skipped == ("rows without a value left out: 2",)


def test_a_day_with_two_values_is_a_gap(write):
    # Yahoo lists the newest day twice now and then; nobody knows which of the two closes is right.
    days = pd.bdate_range("2024-01-01", periods=60).strftime("%Y-%m-%d")
    rows = [f"{day},{20 + i / 100}" for i, day in enumerate(days)]
    history = load_iv_history(write("\n".join(["date,close", *rows, f"{days[-1]},33"])))
    assert history.closes.isna().tolist() == [False] * 59 + [True]
    assert history.skipped == (
        f"days with two values left out: 1, the first in row 62: {days[-1]} again (33, and 20.59 in row 61)",
        f"the newest value, of {days[-1]}, is disputed: the history ends on {days[-2]}",
    )


def test_a_disputed_day_within_is_no_disputed_end(write):
    days = pd.bdate_range("2024-01-01", periods=60).strftime("%Y-%m-%d")
    rows = [f"{day},20" for day in days]
    history = load_iv_history(write("\n".join(["date,close", *rows, f"{days[5]},33"])))
    assert not any("newest" in note for note in history.skipped)


def test_a_disputed_end_counts_as_a_session_missed(write):
    days = pd.bdate_range("2024-03-04", periods=60).strftime("%Y-%m-%d")  # to 2024-05-24
    rows = [f"{day},{20 + i / 100}" for i, day in enumerate(days)]
    history = load_iv_history(write("\n".join(["date,close", *rows, f"{days[-1]},33"])))
    assert iv_rank(history, date(2024, 5, 28)).sessions_missed == 1


@pytest.mark.parametrize(("value", "named"), [(150, True), (5, True), (45, False), (10, False)])
def test_a_spike_of_one_day_is_kept_and_named(write, value, named):
    days = pd.bdate_range("2024-01-01", periods=20).strftime("%Y-%m-%d")
    text = "\n".join(["date,close", *(f"{day},{value if i == 7 else 20}" for i, day in enumerate(days))])
    history = load_iv_history(write(text))
    assert history.closes.iloc[7] == value / 100
    assert any(f"the latest {value} on {days[7]} between 20 and 20" in note for note in history.skipped) == named


@pytest.mark.parametrize(
    "text",
    [
        "date;close\n2024-01-03;20\n2024-01-04;21\n",
        "date\tclose\n2024-01-03\t20\n2024-01-04\t21\n",
        "date,close\n20240103,20\n20240104,21\n",
        "date,close\n01/03/24,20\n01/04/24,21\n",
        "date,close\n1/3/2024,20\n1/4/2024 16:00,21\n",
        "date,close,note\n2024-01-03,20,n\xe4chste\n2024-01-04,21,\n".encode("latin-1"),
    ],
)
def test_other_ways_to_write_it(write, text):
    history = load_iv_history(write(text))
    assert history.closes.tolist() == pytest.approx([0.20, 0.21])
    assert list(history.closes.index) == [pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04")]


def test_the_order_of_days_and_months_is_read_off_the_sessions(write):
    # Only days 1 to 12, so that every date can be read either way.
    days = [day for day in pd.bdate_range("2024-01-01", "2024-12-31") if day.day <= 12]
    text = "\n".join(["date,close", *(f"{day:%d/%m/%Y},20" for day in days)])
    # 9 January, written day first, is 1 September the other way round: a Sunday.
    history = load_iv_history(write(text))
    assert list(history.closes.index) == list(days)
    assert "dates are DD/MM/YYYY" in history.skipped
    months_first = "\n".join(["date,close", *(f"{day:%m/%d/%Y},20" for day in reversed(days))])
    assert len(load_iv_history(write(months_first)).closes) == len(days)


def test_the_same_row_twice_is_one(write):
    assert load_iv_history(write("date,close\n2024-01-03,20\n2024-01-03,20\n2024-01-04,21\n")).closes.size == 2


def test_nothing_on_or_after_the_decision_is_read(write):
    clean = load_iv_history(write(CBOE), before=date(2024, 1, 5))
    spoilt = CBOE.replace("19.75", "-1") + "01/05/2024,1,1,1,x\n01/08/2024,1,1,1,9999\n01/01/2040,1,1,1,\n"
    same = load_iv_history(write(spoilt), before=date(2024, 1, 5))
    pd.testing.assert_series_equal(same.closes, clean.closes)
    assert same.note == clean.note
    assert same.skipped == clean.skipped


def test_the_unit_is_read_from_the_oldest_rows(write):
    days = pd.bdate_range("2023-01-02", periods=70).strftime("%Y-%m-%d")
    text = "\n".join(["date,iv", *(f"{day},0.2" for day in days)])
    more = "\n".join([text, *(f"{day},1.9" for day in pd.bdate_range("2023-06-01", periods=200).strftime("%Y-%m-%d"))])
    assert load_iv_history(write(more)).closes.iloc[0] == load_iv_history(write(text)).closes.iloc[0] == 0.2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ("size",)),
        ("   \n", ("size",)),
        ("date,close\n", ("rows",)),
        (b"%PDF-1.7 ...", ("kind", "PDF")),
        (b"PK\x03\x04....", ("content", "zip")),
        (b"\x1f\x8b\x08\x00broken", ("content", "gzip")),
        (b"PAR1 broken", ("content", "Parquet")),
        (b"date,close\n2024-01-03,\xff\xfe\n", ("close", "row 2")),
        ("date,close,close\n2024-01-03,20,21\n", ("close", "2")),
        ("date,Close,CLOSE\n2024-01-03,20,21\n", ("Close", "2")),
        ("date,DATE,close\n2024-01-03,2024-01-04,21\n", ("date", "2")),
        ("date,close\n2024-01-03,20,1\n", ("row 2", "3", "2")),
        ("date,close\n2024-01-03,20\n2024-01-04,20,1\n", ("row 3", "3", "2")),
        ("when,close\n2024-01-03,20\n", ("date",)),
        ("date,colour,shade\n2024-01-03,20,1\n", ("close, iv or value",)),
        ("date,close\n2024-01-03,20\nsoon,21\n", ("date", "row 3", "soon")),
        ("date,close\n2024-01-03,20\n,21\n", ("date", "row 3")),
        ("date,close\n2024-01-03,20\n2024-01-04,x\n", ("close", "row 3", "x")),
        ("date,close\n2024-01-03,20\n2024-01-04,inf\n", ("close", "row 3", "2024-01-04", "inf")),
        ("date,close\n2024-01-03,\n", ("close",)),
        ("date,close\n2024-01-03,20\n2024-01-04,-21\n", ("close", "row 3", "2024-01-04", "-21")),
        ("date,close\n2024-01-03,20\n2024-01-03,21\n", ("date", "row 3", "2024-01-03", "21", "20 in row 2")),
        ("date,close\n2024-01-03,20\n2024-01-04,0.21\n", ("unit", "0.21", "2024-01-04")),
        (
            "date,close\n2024-01-03,0.2\n2024-01-04,21\n2024-01-05,0.2\n",
            ("unit", "21", "2024-01-04"),
        ),
        ("date,close\n2024-01-03,205.1\n2024-01-04,206.2\n", ("unit", "205.1", "2024-01-03")),
    ],
)
def test_bad_files_are_named(write, text, message):
    with refused_data("RVX_History.csv", *message):
        load_iv_history(write(text))


def test_a_row_in_the_future_is_named(write):
    tomorrow = datetime.now(NEW_YORK).date() + timedelta(days=1)
    with refused_data("RVX_History.csv", "date", "row 3", "21", tomorrow):
        load_iv_history(write(f"date,close\n2024-01-03,20\n{tomorrow},21\n"))


def test_a_directory_and_a_missing_file_are_named(tmp_path):
    with refused_data(tmp_path, "path", "CSV", "Parquet"):
        load_iv_history(tmp_path)
    with refused_data("none.csv", "path"):
        load_iv_history(tmp_path / "none.csv")


def test_a_file_that_starts_after_the_decision_is_named(write):
    with refused_data("RVX_History.csv", "date", "2024-01-03", "`iv_history`"):
        load_iv_history(write(CBOE), before=date(2024, 1, 3))


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("name", "rows", "last", "level"),
    [
        # Row counts and dates from the data's own README; closes from the files' last lines.
        ("RVX_History.csv.gz", 3949, "2025-06-04", 0.2345),
        ("VIX_History.csv.gz", 8924, "2025-05-09", 0.2190),
        ("VIX9D_History.csv.gz", 3609, "2025-05-09", 0.2087),
        ("VIX3M_History.csv.gz", 3951, "2025-06-03", 0.2072),
    ],
)
def test_cboes_files(market_data, name, rows, last, level):
    history = load_iv_history(market_data / "vol" / name)
    assert (len(history.closes), str(history.closes.index[-1])[:10]) == (rows, last)
    assert history.closes.iloc[-1] == pytest.approx(level)
    assert history.skipped == ()


@pytest.mark.market_data
def test_yahoos_doubled_day_is_named(market_data):
    file = market_data / "vol" / "VIX_2024_2026_yahoo.csv.gz"
    clash = "days with two values left out: 1, the first in row 501: 2026-07-24 again (18.51, and 18.58 in row 500)"
    assert load_iv_history(file).skipped == (clash,)
    newest = load_iv_history(file, before=date(2026, 7, 25))  # the doubled day is then the last
    assert newest.skipped == (clash, "the newest value, of 2026-07-24, is disputed: the history ends on 2026-07-23")


@pytest.mark.market_data
def test_vix_rows_on_holidays_do_not_rank(market_data):
    # Memorial day and Presidents' day among others: VIX has rows, the exchange no session.
    result = iv_rank(load_iv_history(market_data / "vol" / "VIX_History.csv.gz"), date(2024, 5, 28))
    assert result.value_date == date(2024, 5, 24)
    assert shows(result.warnings, "VIX", "session ignored")


@pytest.mark.market_data
@pytest.mark.parametrize(
    "name", ["daily/IWM_yahoo_long.csv.gz", "options/spread_stats.csv", "fund/IWM_meta_yahoo_20260503.json"]
)
def test_other_files_are_refused(market_data, name):
    with pytest.raises(DataError):
        load_iv_history(market_data / name)


@pytest.mark.parametrize("column", ["IV Rank", "iv_percentile", "IVR", "Rank (1y)"])
def test_ranks_are_not_taken_for_vols(tmp_path, column):
    path = tmp_path / "ranks.csv"
    path.write_text(f"Date,{column}\n2026-01-02,20.7\n2026-01-05,31.0\n")
    with refused_data("ranks.csv", column):
        load_iv_history(path)


def series(tmp_path, name="history.csv", **columns):
    path = tmp_path / name
    pd.DataFrame({"date": pd.bdate_range("2026-01-02", "2026-03-31"), **columns}).to_csv(path, index=False)
    return path


def test_closes_with_traded_volumes_are_doubted(tmp_path):
    note = "column volume holds traded volumes: are these prices, not volatilities?"
    assert load_iv_history(series(tmp_path, close=49.0, volume=1_000_000)).skipped == (note,)
    assert not load_iv_history(series(tmp_path, close=20.0, volume=0)).skipped
    assert not load_iv_history(series(tmp_path, "VIX.csv", close=20.0, volume=1_000)).skipped


def test_realised_volatility_is_refused_and_implied_goes_before_the_price(tmp_path):
    with refused_data("history.csv", "HV20"):
        load_iv_history(series(tmp_path, HV20=0.2))
    for name in ("Volatility", "iv_current", "IvMean30"):
        history = load_iv_history(series(tmp_path, close=200.0, hv_current=0.3, **{name: 0.2}))
        assert history.closes.to_list() == [0.2] * 63
    with refused_data("history.csv", "symbol", "SPY", "IWM"):
        load_iv_history(series(tmp_path, act_symbol="SPY", iv_current=0.2))


def test_columns_that_repeat_another_are_left_out_and_said(tmp_path):
    rows = "".join(f"2024-01-{day:02d},20.{day},IWM,IWM,7,8\n" for day in (2, 3, 4, 5, 8, 9))
    path = tmp_path / "iv.csv"
    path.write_text("date,close,symbol,symbol,volume,volume\n" + rows)
    history = load_iv_history(path)
    assert len(history.closes) == 6
    assert shows(history.skipped, "out: symbol")
    path.write_text("date,close,symbol,symbol,volume,volume\n" + rows.replace("IWM,IWM", "IWM,SPY"))
    with refused_data("iv.csv", "symbol", "2"):
        load_iv_history(path)


@pytest.mark.parametrize(("step", "what"), [("W-FRI", "weekly"), ("BME", "monthly or longer")])
def test_values_of_weeks_and_months_are_said(tmp_path, step, what):
    path = tmp_path / "iv.csv"
    days = pd.date_range("2024-01-01", periods=30, freq=step)
    pd.DataFrame({"date": days, "iv30": 0.2}).to_csv(path, index=False)
    (note,) = load_iv_history(path).skipped
    assert shows(note, f"{what} values", "daily")
