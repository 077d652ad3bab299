import numpy as np
import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.yields import load_yields, rate_on


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
        ("date,colour\n2024-06-20,1\n", "has no yield column, only date, colour"),
        ("day_of,US3M\n2024-06-20,1\n", "has no date column"),
        ("date,US3M\n2024-06-20,5.5\nsoon,5.5\n", "row 3, column date: 'soon' is not a date"),
        ("date,US3M\n2024-06-20,none of it\n", "row 2, column US3M: 'none of it' is not a number"),
        ("date,US3M\n2024-06-20,301.2\n", "row 2, 2024-06-20, '301.2' is not a yield in per cent"),
        ("date,US3M\n2024-06-20,\n", "holds no value"),
    ],
)
def test_what_is_no_yield(tmp_path, text, told):
    with pytest.raises(DataError, match=told):
        load_yields(written(tmp_path, text))


@pytest.mark.market_data
def test_treasury_yields(market_data):
    found = load_yields(market_data / "rates" / "us_treasury_yields_daily.csv.gz")
    assert found.index[-1] == pd.Timestamp("2024-06-21")
    assert found.loc["2024-06-21"] == pytest.approx(2 * np.log1p(0.0549 / 2))
    assert found.loc["2015-01-02":"2015-12-31"].max() < 0.004
