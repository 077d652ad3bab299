import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.series_notes import notes_of
from iwm_opts.io.yields import load_yields, rate_on
from tests.refusals import refused_data


def written(tmp_path, text):
    file = tmp_path / "yields.csv"
    file.write_text(text)
    return file


def test_three_months_before_one_compounded_continuously(tmp_path):
    file = written(tmp_path, "date,US1M,US3M\n2024-06-20,5.42,5.50\n2024-06-18,5.40,5.46\n2024-06-19,,\n")
    found = load_yields(file)
    assert list(found.index) == list(pd.to_datetime(["2024-06-18", "2024-06-20"]))
    # 5.50% paid in halves: (1 + 0.0275)^2 = e^r
    assert np.exp(found.iloc[-1]) == pytest.approx(1.0275**2, rel=1e-12)


@pytest.mark.parametrize("header", ["DATE,DGS3MO", "Date,Close", "observation_date,DTB3"])
def test_other_layouts(tmp_path, header):
    assert len(load_yields(written(tmp_path, f"{header}\n2024-06-20,5.5\n"))) == 1


def test_a_percent_sign_changes_nothing(tmp_path):
    for name, text in (("plain.csv", "3.9"), ("signed.csv", "3.9%")):
        (tmp_path / name).write_text(f"Date,3 Mo\n2025-07-01,{text}\n2025-07-02,{text}\n")
    plain, signed = (load_yields(tmp_path / name) for name in ("plain.csv", "signed.csv"))
    assert signed.to_list() == pytest.approx(plain.to_list(), abs=1e-15)
    assert plain.iloc[0] == pytest.approx(0.038624, abs=1e-6)  # 2 ln(1 + 0.039 / 2)


def test_the_rate_known_on_a_day(tmp_path):
    yields = load_yields(written(tmp_path, "date,US3M\n2024-06-18,2.0\n2024-06-21,3.0\n"))
    days = pd.to_datetime(["2024-06-17", "2024-06-18", "2024-06-20", "2024-06-21", "2024-07-30"])
    found = rate_on(yields, pd.DatetimeIndex(days))
    assert found.isna().tolist() == [True, False, False, False, False]
    low, high = 2 * np.log(1.01), 2 * np.log(1.015)
    assert found.iloc[1:].tolist() == pytest.approx([low, low, high, high])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("date,colour\n2024-06-20,1\n", ("yield",)),
        ("day_of,US3M\n2024-06-20,1\n", ("date",)),
        ("date,US3M\n2024-06-20,5.5\nsoon,5.5\n", ("date", "row 3", "soon")),
        ("date,US3M\n2024-06-20,none of it\n", ("US3M", "row 2", "none of it")),
        ("date,US3M\n2024-06-20,301.2\n", ("yield", "row 2", "2024-06-20", "301.2")),
        ("date,US3M\n2024-06-20,\n", ("US3M",)),
    ],
)
def test_what_is_no_yield(tmp_path, text, told):
    with refused_data("yields.csv", *told):
        load_yields(written(tmp_path, text))


@pytest.mark.market_data
def test_treasury_yields(market_data):
    found = load_yields(market_data / "rates" / "us_treasury_yields_daily.csv.gz")
    assert found.index[-1] == pd.Timestamp("2024-06-21")
    assert found.loc["2024-06-21"] == pytest.approx(2 * np.log1p(0.0549 / 2))
    assert found.loc["2015-01-02":"2015-12-31"].max() < 0.004


def daily(tmp_path, first, last, value):
    days = pd.bdate_range(first, last)
    rows = "\n".join(f"{day:%Y-%m-%d},{value:g}" for day in days)
    return written(tmp_path, f"date,US3M\n{rows}\n")


@pytest.mark.parametrize(
    ("first", "last", "value", "rate", "note"),
    [
        ("2023-01-03", "2025-12-31", 0.039, 0.038624, "yields such as 0.039 are fractions, 3.9%"),
        ("2001-02-01", "2001-06-29", 0.05, 0.049385, "yields such as 0.05 are fractions, 5%"),
        ("2010-01-04", "2018-12-31", 0.004, 0.003996, "yields such as 0.004 are fractions, 0.4%"),
        ("2012-01-03", "2013-12-31", 0.07, 0.0007, "yields such as 0.07 are per cent: bills paid less than 2.5% then"),
        ("2012-01-03", "2013-12-31", 0.3, 0.002998, None),
        ("2023-01-03", "2023-12-29", 5.3, 0.05231, None),
    ],
)
def test_the_unit_of_a_column_is_what_bills_paid_in_those_years(tmp_path, first, last, value, rate, note):
    yields = load_yields(daily(tmp_path, first, last, value))
    assert yields.to_numpy() == pytest.approx(np.full(len(yields), rate), abs=1e-6)
    assert [text.partition(": bills paid more")[0] for text in notes_of(yields)] == ([note] if note else [])


@pytest.mark.parametrize(("first", "last"), [("2011-08-01", "2011-12-30"), ("2026-11-02", "2026-11-27")])
def test_yields_that_fit_both_units_are_refused_with_both(tmp_path, first, last):
    with refused_data("yields.csv", "unit", "0.004%", "0.4%") as error:
        load_yields(daily(tmp_path, first, last, 0.004))
    assert "`rate`" in error.value.remedy


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ("2024-06-18,5.3\n2024-06-20,0.053\n", ("unit", "row 3", "2024-06-20", "0.053%", "0.2%")),
        ("2024-06-18,5.3\n2024-06-18,5.2\n", ("date", "row 3", "2024-06-18")),
    ],
)
def test_rows_of_another_unit_or_a_second_value_are_refused(tmp_path, rows, rule):
    with refused_data("yields.csv", *rule):
        load_yields(written(tmp_path, f"date,US3M\n{rows}"))


def test_rows_left_out_of_yields_are_counted(tmp_path):
    text = "date,US3M\n18/06/2024,\n19/06/2024,5.3\n20/06/2024,5.3\n20/06/2024,5.3\n"
    assert set(notes_of(load_yields(written(tmp_path, text)))) == {
        "dates are DD/MM/YYYY", "1 row without a value left out",
        "1 row repeats an earlier one and is left out (first: row 5)",
    }  # fmt: skip


def test_yields_of_two_symbols_are_refused(tmp_path):
    text = "date,symbol,close\n2024-06-18,IRX,5.3\n2024-06-18,TNX,4.2\n"
    with refused_data("yields.csv", "symbol", "2"):
        load_yields(written(tmp_path, text))


def test_yields_above_those_of_their_years_are_said(tmp_path):
    yields = load_yields(written(tmp_path, "date,US3M\n2013-06-18,4.5\n2013-06-20,4\n2023-06-20,4\n"))
    assert notes_of(yields) == ("2 yields where bills paid less than 2.5%, kept (first: 4.5% on 2013-06-18)",)


@pytest.mark.parametrize(("name", "column"), [("TNX.csv", ""), ("yields.csv", "^TNX")])
def test_yields_of_ten_years_are_refused_by_their_ticker(tmp_path, name, column):
    path = tmp_path / name
    rows = ("2024-01-02,4.1", "2024-01-03,4.2")
    path.write_text("date,close,symbol\n" + "".join(f"{row},{column}\n" for row in rows))
    with refused_data(path, "tenor", "TNX", "10"):
        load_yields(path)
