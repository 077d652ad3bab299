"""Series as vendors and spreadsheets write them: each reads as the reference, or is refused or noted by name."""

import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from iwm_opts.io.bars import load_bars
from iwm_opts.io.dividends import load_dividends
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.series_notes import notes_of
from iwm_opts.market.bars import PRICES, missing_sessions
from iwm_opts.market.iv_rank import iv_rank
from iwm_opts.market.signals import spans_sessions
from tests.refusals import refused_data, shows

SERIES = Path(__file__).parent / "series"
NAMES = sorted(path.name.removesuffix(".gz") for path in SERIES.glob("*.gz"))
VOLS = [name for name in NAMES if name.startswith("V") and name != "V15b_dup_conflict.csv"]
RVX = [name for name in NAMES if name.startswith("h_")]
SHORT = [name for name in NAMES if name.startswith("bars_")]
TOLD = {
    "C03b_yahoo_null.csv": "without prices", "C08_split_unadj.csv": "unadjusted split", "C09_gap.csv": "no bar",
    "C12_polygon.csv": "days in UTC", "C16_dup.csv": "repeat", "C17_weekend.csv": "without a session",
    "C20_trailing.csv": "without prices",
}  # fmt: skip
REFUSED = {
    "C18_zero_open.csv": ("open", "row 4", "111 such rows", "2012: 9"),
    "C19_close_only.csv": ("open", "Date", "Close"),
}
LONG = [name for name in NAMES if name.startswith("C") and name not in REFUSED]


def newest_rank(history):
    return iv_rank(history, before=history.closes.index[-1].date() + timedelta(days=1), lookback=252)


@pytest.mark.parametrize("name", VOLS)
def test_one_volatility_series_in_every_shape(case, name):
    rank = newest_rank(load_iv_history(case(f"series/{name}")))
    assert rank.rank == pytest.approx(24.8085, abs=1e-4)
    assert rank.value_date.isoformat() == "2025-05-09"


@pytest.mark.parametrize("name", RVX)
def test_rvx_as_its_publishers_write_it(case, name):
    history = load_iv_history(case(f"series/{name}"))
    assert history.series == "RVX"
    assert newest_rank(history).rank == pytest.approx(57.2988, abs=1e-4)


INVESTING = {
    "French": ("Date", "Dernier", "Ouv.", "Plus Haut", "Plus Bas", "%d/%m/%Y"),
    "Spanish": ("Fecha", "Último", "Apertura", "Máximo", "Mínimo", "%d.%m.%Y"),
    "Italian": ("Data", "Ultimo", "Apertura", "Massimo", "Minimo", "%d.%m.%Y"),
    "Portuguese": ("Data", "Último", "Abertura", "Máxima", "Mínima", "%d.%m.%Y"),
}


@pytest.mark.parametrize("language", INVESTING)
def test_investing_com_in_other_languages(case, tmp_path, language):
    *names, form = INVESTING[language]
    table = pd.read_csv(case("series/C00_ref.csv"))
    columns = [pd.to_datetime(table["Date"]).dt.strftime(form)]
    columns += [table[name].map("{:.2f}".format).str.replace(".", ",") for name in ("Close", "Open", "High", "Low")]
    path = tmp_path / "bars.csv"
    pd.DataFrame(dict(zip(names, columns, strict=True))).to_csv(path, index=False)
    assert load_bars(path)[PRICES].equals(load_bars(case("series/C00_ref.csv"))[PRICES])


@pytest.mark.parametrize("form", ["{} (USD)", "{}_IWM", "IWM.{}"])
def test_names_of_prices_with_what_they_share(case, form):
    path = case("series/C00_ref.csv")
    reference = load_bars(path)[PRICES]
    table = pd.read_csv(path)
    table.rename(columns={name: form.format(name) for name in table.columns if name != "Date"}).to_csv(
        path, index=False
    )
    assert load_bars(path)[PRICES].equals(reference)


def test_json_of_yahoo_s_chart_and_alpha_vantage(case, tmp_path):
    table = pd.read_csv(case("series/C00_ref.csv"))
    quote = {name.lower(): table[name].tolist() for name in ("Open", "High", "Low", "Close", "Volume")}
    times = [int(pd.Timestamp(f"{day} 09:30", tz="America/New_York").timestamp()) for day in table["Date"]]
    result = {"meta": {"symbol": "IWM"}, "timestamp": times, "indicators": {"quote": [quote]}}
    rows = {
        row.Date: {f"{place}. {name.lower()}": str(getattr(row, name))
                   for place, name in enumerate(("Open", "High", "Low", "Close", "Volume"), 1)}
        for row in table.itertuples()
    }  # fmt: skip
    reference = load_bars(case("series/C00_ref.csv"))[PRICES]
    path = tmp_path / "bars.json"
    for document in ({"chart": {"result": [result], "error": None}}, {"Meta Data": {}, "Time Series (Daily)": rows}):
        path.write_text(json.dumps(document))
        assert load_bars(path)[PRICES].equals(reference)


@pytest.mark.parametrize("orient", ["records", "split", "index", "columns", "table"])
def test_bars_in_orients_of_pandas(case, tmp_path, orient):
    table = pd.read_csv(case("series/C00_ref.csv"))
    reference = load_bars(case("series/C00_ref.csv"))[PRICES]
    path = tmp_path / "bars.json"
    for frame in (table, table.set_index("Date")):
        if orient == "split" and frame is not table:
            continue  # leaves the index out of its columns
        path.write_text(frame.to_json(orient=orient))
        if orient == "records" and frame is not table:
            with refused_data("bars.json", "date"):
                load_bars(path)
        else:
            assert load_bars(path)[PRICES].equals(reference)


def test_an_iv_history_of_barchart(case, tmp_path):
    table = pd.read_csv(case("series/V05_yahoo.csv"), parse_dates=["Date"])[::-1]
    rows = [f"{day:%m/%d/%Y},{close}%,50%,50%" for day, close in zip(table["Date"], table["Close"], strict=True)]
    path = tmp_path / "iv.csv"
    path.write_text("\n".join(["Date,Imp Vol,IV Rank,IV Pctl", *rows, '"Downloaded from Barchart.com"']))
    assert newest_rank(load_iv_history(path)).rank == pytest.approx(24.8085, abs=1e-4)


def test_two_values_of_the_newest_day_are_told(case):
    history = load_iv_history(case("series/V15b_dup_conflict.csv"))
    assert any("2025-05-09" in note for note in history.skipped)


@pytest.mark.parametrize("name", SHORT)
def test_bars_in_every_shape(case, name):
    reference = load_bars(case("series/bars_iso.csv"))
    assert load_bars(case(f"series/{name}"))[PRICES].equals(reference[PRICES])


@pytest.mark.parametrize("name", LONG)
def test_long_bars_in_every_shape(case, name):
    reference = load_bars(case("series/C00_ref.csv"))
    bars = load_bars(case(f"series/{name}"), "IWM")
    assert ((bars[PRICES] / reference[PRICES].reindex(bars.index) - 1.0).abs() < 1e-6).all(axis=None)
    if name in TOLD:
        assert any(TOLD[name] in note for note in notes_of(bars))
    else:
        assert len(bars) == len(reference)
        notes = [note for note in notes_of(bars) if not note.startswith("taken for IWM: nothing")]
        assert not notes or name in ("C21_two_symbols.csv", "C22_semicolon_decimal.csv")


@pytest.mark.parametrize(("name", "rule"), REFUSED.items())
def test_bars_without_prices_are_refused(case, name, rule):
    with refused_data(name, *rule):
        load_bars(case(f"series/{name}"))


def test_several_symbols_are_asked_for(case):
    with refused_data("C21_two_symbols.csv", "symbol", "2", "IWM", "SPY"):
        load_bars(case("series/C21_two_symbols.csv"))


def test_windows_across_a_gap_are_left_out(case):
    bars = load_bars(case("series/C09_gap.csv"))
    gap = missing_sessions(bars)
    before = bars.index[bars.index < str(gap[0])][-1]
    whole = dict(zip(bars.index, spans_sessions(bars.index, 5), strict=True))
    assert not whole[before]
    assert whole[before - timedelta(days=20)]


def test_minutes_in_utc_and_on_new_york_s_clock(case):
    naive, zoned = (load_minutes(case(f"series/{name}")) for name in ("M00_minutes_naive.csv", "M02_minutes_utc.csv"))
    assert naive.bars.equals(zoned.bars)


def test_minutes_that_only_utc_puts_into_the_session(case):
    path = case("series/M02_minutes_utc.csv")
    path.write_text(path.read_text().replace("+00:00", ""))
    minutes = load_minutes(path)
    assert minutes.bars.equals(load_minutes(case("series/M00_minutes_naive.csv")).bars)
    assert any("taken for UTC" in note for note in minutes.skipped)


@pytest.mark.parametrize("zone", ["America/Chicago", "America/Los_Angeles", "Europe/Berlin"])
def test_minutes_of_another_zone_that_the_session_proves(case, zone):
    path = case("series/M02_minutes_utc.csv")
    table = pd.read_csv(path)
    name = table.columns[0]
    there = pd.to_datetime(table[name], utc=True).dt.tz_convert(zone)
    table.assign(**{name: there.dt.strftime("%Y-%m-%d %H:%M:%S")}).to_csv(path, index=False)
    minutes = load_minutes(path)
    assert minutes.bars.equals(load_minutes(case("series/M00_minutes_naive.csv")).bars)
    assert any(f"taken for {zone}" in note for note in minutes.skipped)


@pytest.mark.parametrize("clock", ["%H:%M", "%H%M%S", "%I:%M %p", "%H%M"])
def test_minutes_with_a_column_of_times(case, clock):
    path = case("series/M00_minutes_naive.csv")
    reference = load_minutes(path).bars
    table = pd.read_csv(path)
    times = pd.to_datetime(table["Date"])
    table = table.assign(Date=times.dt.strftime("%m/%d/%Y"))
    table.insert(1, "Time", times.dt.strftime(clock))
    table.to_csv(path, index=False)
    assert load_minutes(path).bars.equals(reference)


def test_minutes_of_polygon_and_interactive_brokers(case):
    path = case("series/M00_minutes_naive.csv")
    reference = load_minutes(path).bars
    table = pd.read_csv(path)
    times = pd.to_datetime(table["Date"])
    table.assign(Date=times.dt.strftime("%Y%m%d %H:%M:%S US/Eastern")).to_csv(path, index=False)
    assert load_minutes(path).bars.equals(reference)
    stamps = times.dt.tz_localize("America/New_York").map(lambda time: int(time.timestamp() * 1000))
    table.assign(Date=stamps).set_axis(["t", "o", "h", "l", "c", "v"], axis="columns").to_csv(path, index=False)
    assert load_minutes(path).bars.equals(reference)


def test_minutes_of_extended_hours_stay_on_new_york_s_clock(case):
    path = case("series/M00_minutes_naive.csv")
    table = pd.read_csv(path)
    name = table.columns[0]
    early = table[pd.to_datetime(table[name]).dt.hour == 10]
    early = early.assign(**{name: early[name].str.replace(" 10:", " 07:")})
    longer = pd.concat([table, early])
    longer.to_csv(path, index=False)
    times = pd.to_datetime(longer[name]).dt
    outside = (~(60 * times.hour + times.minute).between(9 * 60 + 30, 16 * 60 - 1)).sum()
    minutes = load_minutes(path)
    assert minutes.bars.equals(load_minutes(case("series/M00_minutes_naive.csv")).bars)
    assert shows(minutes.skipped, outside, "regular session")


def test_dividends_whose_days_and_months_both_fit_are_refused(tmp_path):
    path = tmp_path / "dividends.csv"
    path.write_text("Date,Dividend\n07/03/2025,0.48\n06/05/2025,0.57\n")
    with refused_data("dividends.csv", "dates", "2025-07-03", "2025-03-07"):
        load_dividends(path)
    path.write_text("Date,Dividend\n17/12/2024,0.68\n07/03/2025,0.48\n06/05/2025,0.57\n")
    assert [str(dividend.ex_date) for dividend in load_dividends(path).dividends] == [
        "2024-12-17", "2025-03-07", "2025-05-06",
    ]  # fmt: skip
