"""Two columns of one meaning: equal numbers pass, others are said with both names."""

import pandas as pd
import pytest

from iwm_opts.io.bars import load_bars
from iwm_opts.io.dividends import load_dividends
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.panel_files import build_panel
from iwm_opts.io.series_notes import notes_of

DAYS = pd.bdate_range("2026-09-14", "2026-10-02")
MINUTES = pd.date_range("2026-10-02 09:30", periods=60, freq="min")
PRICES = {"open": 240.0, "high": 242.0, "low": 239.0, "close": 241.0, "volume": 1_000}
SERIES = [
    (load_bars, {"date": DAYS, **PRICES}, "Last", 241.0, "close: column close is read; Last differs in 15 of 15 rows"),
    (load_minutes, {"time": MINUTES, **PRICES}, "Vol", 1_000, "volume: column volume is read; Vol differs in 60 of 60"),
    (load_iv_history, {"date": DAYS, "iv": 0.2}, "impliedVol", 0.2,
     "value: column iv is read; impliedVol differs in 15 of 15 rows (first: 0.2 against 0.22)"),
    (load_dividends, {"date": DAYS[:2], "amount": 0.6}, "dividend", 0.6,
     "amount: column amount is read; dividend differs in 2 of 2 rows (first: 0.6 against 0.66)"),
]  # fmt: skip


@pytest.mark.parametrize(("load", "columns", "other", "value", "note"), SERIES)
def test_a_second_column_of_a_series(tmp_path, load, columns, other, value, note):
    for factor, count in ((1.0, 0), (1.00001, 0), (1.1, 1)):
        path = tmp_path / f"{factor}.csv"
        pd.DataFrame({**columns, other: factor * value}).to_csv(path, index=False)
        assert sum(text.startswith(note) for text in notes_of(load(path))) == count
    pd.DataFrame({**columns, other: "n/a"}).to_csv(path, index=False)
    assert not any(note[:12] in text for text in notes_of(load(path)))


def test_an_index_beside_the_price_of_its_underlying_is_read(tmp_path):
    path = tmp_path / "history.csv"
    pd.DataFrame({"date": DAYS, "close": 241.0, "iv": 0.2}).to_csv(path, index=False)
    history = load_iv_history(path)
    assert history.closes.to_list() == [0.2] * 15
    assert not notes_of(history)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_second_column_of_a_chain(quotes, tmp_path, kind):
    chain, path = quotes(), tmp_path / f"chain.{kind}"
    note = f"bid: column bid is read; Bid Price differs in {len(chain)} of {len(chain)} rows (first: "
    for offset, count in ((0.0, 0), (0.5, 1)):
        table = chain.assign(**{"Bid Price": chain["bid"] + offset})
        table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
        assert sum(text.startswith(note) for text in load_chain(path).warnings) == count
        assert sum(note in text for text in build_panel([path]).remarks) == count
