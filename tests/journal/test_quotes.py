import numpy as np
import pandas as pd
import pytest

from iwm_opts.execution.fills import FillModel
from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.files import load_chain
from iwm_opts.journal.quotes import FileQuotes, leg_quotes, with_quotes
from iwm_opts.journal.trade_log import log_of_rows

TRADE = {
    "entry": "2026-03-02 15:50", "exit": "2026-03-02 15:55", "symbol": "IWM", "expiration": "2026-04-17",
    "legs": "+1P185 -1P190", "contracts": 1, "credit": 0.70, "debit": 0.80, "reason": "closed",
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded(made_quotes, tmp_path_factory):
    """A record with one capture, at 16:00 of 2026-03-02, and its chain."""
    folder = tmp_path_factory.mktemp("record")
    file = folder / "chain.csv"
    made_quotes().to_csv(file, index=False)
    chain = load_chain(file, symbol="IWM")
    record = ChainArchive(folder / "record")
    record.add(chain)
    return record, chain


def quotes(chain, strike):
    rows = chain.rows(pd.Timestamp("2026-04-17").date())
    one = rows[(rows["right"] == "P") & (rows["strike"] == strike)].iloc[0]
    return float(one["bid"]), float(one["ask"])


def only(log):
    return log.trades.iloc[0]


def test_the_capture_of_the_time_tells_mid_and_model(recorded):
    record, chain = recorded
    (low_bid, low_ask), (high_bid, high_ask) = quotes(chain, 185.0), quotes(chain, 190.0)
    found = only(with_quotes(log_of_rows([TRADE], "mine"), record, FillModel.parse("natural")))
    mid = (high_bid + high_ask) / 2 - (low_bid + low_ask) / 2
    assert found["entry_mid"] == pytest.approx(mid)
    assert found["exit_mid"] == pytest.approx(mid)
    assert found["entry_model"] == pytest.approx(high_bid - low_ask)  # sell the bid, buy the ask
    assert found["exit_model"] == pytest.approx(high_ask - low_bid)  # and the other way round, as a debit
    half_spread = (high_ask - high_bid + low_ask - low_bid) / 2
    assert found[["entry_half_spread", "exit_half_spread"]].tolist() == pytest.approx([half_spread] * 2)


def test_a_capture_after_the_close_does_not_quote_a_fill_in_the_session(made_quotes, tmp_path):
    at = pd.Timestamp("2026-03-02 16:06", tz="America/New_York")
    made_quotes().assign(quote_time=at).to_csv(tmp_path / "chain.csv", index=False)
    record = ChainArchive(tmp_path / "record")
    record.add(load_chain(tmp_path / "chain.csv", symbol="IWM"))
    for source in (record, FileQuotes([str(tmp_path / "chain.csv")])):
        log = with_quotes(log_of_rows([TRADE | {"exit": "2026-03-02 16:01"}], "mine"), source, FillModel.parse("mid"))
        assert np.isnan(only(log)["entry_model"])
        assert np.isfinite(only(log)["exit_model"])  # traded after the close too
        assert log.notes[1].startswith("1 fill in the session not quoted")


def test_a_day_without_a_time_takes_the_latest_capture_of_the_session(made_quotes, tmp_path):
    """13 minutes after the close is nearer to it than 75 before, and wider."""
    for name, time, half_spread in (("a", "14:45", 0.02), ("b", "16:13", 0.20), ("c", "13:00", 0.04)):
        stamped = made_quotes(half_spread=half_spread)
        stamped["quote_time"] = pd.Timestamp(f"2026-03-02 {time}", tz="America/New_York")
        stamped.to_csv(tmp_path / f"{name}.csv", index=False)
    trade = log_of_rows([TRADE], "mine").trades.iloc[0]
    found = leg_quotes(trade, pd.Timestamp("2026-03-02"), FileQuotes([str(tmp_path)]), day_at_close=True)
    assert np.max(found.ask - found.bid) < 0.07


def test_legs_closed_at_different_times_have_no_mid_of_the_package(recorded):
    found = only(with_quotes(log_of_rows([TRADE | {"reason": "legged out"}], "x"), recorded[0], FillModel.parse("mid")))
    assert np.isfinite(found["entry_mid"])
    assert found[["exit_mid", "exit_model", "exit_half_spread"]].isna().all()


def test_a_strike_of_two_roots_on_one_day_quotes_no_leg(made_quotes, tmp_path):
    """SPX and SPXW expire on the third Friday, and a log does not say which is its leg."""
    trade = TRADE | {"symbol": "SPX"}
    quotes = made_quotes().assign(underlying_symbol="SPX")
    for roots, count in ((("SPXW",), 1), (("SPX", "SPXW"), 0)):
        file = tmp_path / f"{len(roots)}.csv"
        pd.concat([quotes.assign(root=root) for root in roots]).to_csv(file, index=False)
        log = with_quotes(log_of_rows([trade], "x"), FileQuotes([str(file)]), FillModel.parse("mid"))
        assert log.trades["entry_mid"].notna().sum() == count


def test_what_the_log_says_itself_stays(recorded):
    log = log_of_rows([{**TRADE, "entry_mid": 0.5}], "mine")
    found = only(with_quotes(log, recorded[0], FillModel.parse("natural")))
    assert found["entry_mid"] == 0.5
    assert np.isfinite(found["entry_model"])
    assert np.isnan(only(log)["entry_model"])  # the log that was given is not touched


@pytest.mark.parametrize(
    "change",
    [
        {"entry": "2026-03-02 15:39"},  # 21 minutes before the capture
        {"entry": "2026-03-02", "exit": "2026-03-03 10:00"},  # a day without a time; a day without a capture
        {"legs": "+1P185.5 -1P190"},  # a strike that is not listed
        {"legs": "+1P185:2026-05-15 -1P190"},
        {"symbol": "SPY"},
    ],
)
def test_nothing_is_guessed(recorded, change):
    log = with_quotes(log_of_rows([{**TRADE, **change}], "mine"), recorded[0], FillModel.parse("natural"))
    assert np.isnan(only(log)["entry_model"])


def test_an_expiration_has_no_fill(recorded):
    log = log_of_rows([{**TRADE, "reason": "expiry"}], "mine")
    found = with_quotes(log, recorded[0], FillModel.parse("natural"))
    assert np.isnan(only(found)["exit_model"])
    assert found.notes == ("1 entry and 0 exits quoted by the record, within 20 min; model fill natural",)
