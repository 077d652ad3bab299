import gzip
from datetime import date

import pytest

from iwm_opts.io.dividends import load_dividends, parse_dividends
from iwm_opts.market.dividends import Dividend, DividendSchedule
from tests.refusals import refused, refused_data, shows

QUARTERS = tuple(Dividend(date(2025, month, day), 0.5) for month, day in ((3, 18), (6, 16), (9, 16), (12, 16)))


def test_last_year_is_projected_a_year_of_whole_weeks_ahead():
    schedule = DividendSchedule(QUARTERS, "file").projected_to(date(2026, 1, 5), date(2026, 12, 31))
    ahead = schedule.between(date(2026, 1, 5), date(2026, 12, 31))
    assert [d.ex_date for d in ahead] == [date(2026, 3, 17), date(2026, 6, 15), date(2026, 9, 15), date(2026, 12, 15)]
    assert all(d.projected and d.ex_date.weekday() < 5 for d in ahead)


def test_what_is_given_is_not_projected_again():
    known = (*QUARTERS, Dividend(date(2026, 3, 19), 0.6))
    schedule = DividendSchedule(known, "file").projected_to(date(2026, 1, 5), date(2026, 4, 30))
    assert schedule.between(date(2026, 1, 5), date(2026, 4, 30)) == (Dividend(date(2026, 3, 19), 0.6),)


def test_between_leaves_out_today_and_keeps_the_last_day():
    schedule = DividendSchedule(QUARTERS, "file")
    assert schedule.between(date(2025, 3, 18), date(2025, 6, 16)) == (QUARTERS[1],)


def test_lists_files_and_none(tmp_path):
    assert parse_dividends("none").dividends == ()
    listed = parse_dividends("2026-12-15:0.80, 2026-09-15:0.62")
    assert listed.dividends == (Dividend(date(2026, 9, 15), 0.62), Dividend(date(2026, 12, 15), 0.80))
    file = tmp_path / "dividends.csv"
    file.write_text("ex_date,raw,amount_split_adjusted\n2026-06-15,,0.695\n2026-03-17,,0\n")
    assert parse_dividends(str(file)).dividends == (Dividend(date(2026, 6, 15), 0.695),)


@pytest.mark.parametrize("text", ["2026-09-15:-1", "2026-09-15:nan", "2026-09-31:0.6", "15/09/2026:0.6", ":", "", "  "])
def test_entries_that_make_no_sense(text):
    with refused("dividends", text):
        parse_dividends(text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("2026-09-15:0,62", ("2026-09-15:0.62",)),
        ("2026-09-15:0,62,2026-12-15:0,8", ("2026-09-15:0.62",)),
        ("9999-09-15:0.6", ("1990", "2100")),
        ("1989-09-15:0.6", ("1990", "2100")),
        ("2026-09-15:1000", ("below 1000",)),
        ("2026-09-15:0.6,2026-09-15:0.7", ("gives 2026-09-15",)),
        ("", ("EX-DATE:AMOUNT",)),
    ],
)
def test_slips_are_named(text, rule):
    with refused("dividends", text, *rule):
        parse_dividends(text)


def test_whole_dollars_in_a_list_are_no_decimal_comma():
    assert len(parse_dividends("2026-09-15:1,2026-12-15:1").dividends) == 2


def test_a_dividend_given_twice_counts_once(tmp_path):
    one = (Dividend(date(2026, 6, 15), 0.6),)
    listed = parse_dividends("2026-06-15:0.6,2026-06-15:0.60")
    repeated = ("1 row repeats an earlier one and counts once",)
    assert listed == DividendSchedule(one, "given", repeated)
    file = tmp_path / "dividends.csv"
    file.write_text("date,amount\n2026-06-15,0.6\n2026-06-15,0.60\n")
    loaded = load_dividends(file)
    assert loaded == DividendSchedule(one, "dividends.csv", repeated)


def test_gzip_is_recognised_by_content(tmp_path):
    file = tmp_path / "dividends.csv"
    file.write_bytes(gzip.compress(b"date,amount\n2026-06-15,0.6\n", mtime=0))
    assert load_dividends(file).dividends == (Dividend(date(2026, 6, 15), 0.6),)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"when,paid\n2026-06-15,0.6\n", ("ex-date and amount",)),
        (b"date,amount\n2026-06-15,0.6\nsoon,0.6\n", ("date", "row 3")),
        (b"date,amount\n2026-06-15,-0.6\n", ("amount", "row 2")),
        (b"date,amount\n2026-06-15,0.6\n2026-06-15,0.7\n", ("ex_date", "row 3", "2026-06-15")),
        (b"date,amount\n2026-06-15,0.6\n9999-06-15,0.7\n", ("date", "row 3")),
        (b"date,amount\n2026-06-15,inf\n", ("amount", "row 2")),
        (b"date,amount\n2026-06-15,1000\n", ("amount", "row 2")),
        (b"date,amount\n", ("rows",)),
        (b"date,amount,amount\n2026-06-15,0.6,0.7\n", ("amount", "2")),
        (b"date,amount\n2026-06-15,0.6,1\n", ("row 2", "3")),
        (gzip.compress(b"date,amount\n2026-06-15,0.6\n", mtime=0)[:-12], ("content",)),
        (b"\x1f\x8b broken", ("content",)),
        (b"", ("size",)),
        (b"\xff\xfe\x00", ("rows",)),
    ],
)
def test_files_that_make_no_sense(tmp_path, content, rule):
    file = tmp_path / "dividends.csv"
    file.write_bytes(content)
    with refused_data("dividends.csv", *rule):
        load_dividends(file)


@pytest.mark.market_data
def test_iwms_own_file(market_data):
    schedule = load_dividends(market_data / "daily" / "IWM_dividends.csv")
    assert schedule.dividends[-1] == Dividend(date(2026, 6, 15), 0.695)
    today, until = date(2026, 6, 26), date(2026, 10, 1)
    (september,) = schedule.projected_to(today, until).between(today, until)
    assert september.projected
    assert september.ex_date.month == 9


def test_readings_and_doubts_of_a_file_are_said(tmp_path):
    file = tmp_path / "dividends.csv"
    rows = ["IWM,15/06/2026,0.6", "IWM,15/12/2025,0.8", "IWM,13/09/2025,60", "IWM,16/06/2025,0.6", "SPY,18/06/2026,1.7"]
    file.write_text("ticker,date,amount\n" + "\n".join([*rows, "IWM,16/03/2026,0"]) + "\n")
    schedule = load_dividends(file, "IWM")
    assert [dividend.ex_date.month for dividend in schedule.dividends] == [6, 9, 12, 6]
    assert set(schedule.notes) == {
        "rows of IWM among those of 2 symbols: 1 of 6 left out",
        "dates are DD/MM/YYYY",
        "1 row of amount 0 is not a dividend",
        "1 ex-date is not a session, kept (first: Saturday 2025-09-13)",
        "1 amount above 10 times the median of $0.7, kept (first: $60 on 2025-09-13)",
    }


@pytest.mark.parametrize("header", ["Ex-Date,Total Distribution", "date,value", "exDividendDate,cash_amount"])
def test_names_of_vendors(tmp_path, header):
    file = tmp_path / "dividends.csv"
    file.write_text(f"{header}\n2025-12-16,0.89\n")
    assert load_dividends(file).dividends == (Dividend(date(2025, 12, 16), 0.89),)


def test_days_and_months_of_few_ex_dates_are_decided_by_sessions_alone(tmp_path):
    file = tmp_path / "dividends.csv"
    file.write_text("date,amount\n09/12/2025,0.89\n09/06/2025,0.66\n")  # 6 September 2025 is a Saturday
    schedule = load_dividends(file)
    assert [dividend.ex_date for dividend in schedule.dividends] == [date(2025, 6, 9), date(2025, 12, 9)]
    assert schedule.notes == ("dates are DD/MM/YYYY",)
    file.write_text("date,amount\n09/12/2025,0.89\n09/09/2025,0.66\n")
    with refused_data("dividends.csv", "dates", "09/12/2025", "2025-09-12", "2025-12-09"):
        load_dividends(file)


def test_a_dividend_above_a_twentieth_of_the_price_is_said():
    schedule = parse_dividends("2026-09-15:60,2026-12-15:0.8")
    assert schedule.large(240.0) == ["dividends above 5% of spot, taken as given: 1 (first: $60 on 2026-09-15)"]
    assert schedule.large(2_400.0) == []


def test_splits_among_dividends_are_left_out(tmp_path):
    path = tmp_path / "actions.csv"
    path.write_text("Date,Action,Amount\n2025-03-18,DIVIDEND,0.44\n2025-05-01,STOCK SPLIT,2\n")
    schedule = load_dividends(path)
    assert [dividend.amount for dividend in schedule.dividends] == [0.44]
    assert shows(schedule.notes, "1 row", "splits")


def test_amounts_in_per_cent_are_refused(tmp_path):
    path = tmp_path / "dividends.csv"
    path.write_text("ex_date,amount\n2025-03-18,0.2%\n")
    with refused_data("dividends.csv", "unit"):
        load_dividends(path)
