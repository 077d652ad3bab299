"""Exports of three brokers, made up in their layouts; every expected figure is worked out by hand from the rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.journal.readers import log_of_backtest, read_log

EXPORTS = Path(__file__).parent / "exports"


def one(log, name):
    return log.trades.set_index("trade").loc[name]


def test_tastytrade():
    log = read_log(EXPORTS / "tastytrade.csv")
    assert list(log.trades["trade"]) == ["1", "1b"]
    closed, assigned = one(log, "1"), one(log, "1b")
    # Opened at 11:00 in New York (the offset is Chicago's winter): 1.20 - 0.70, fees 4.56 for two.
    assert closed["entry"] == pd.Timestamp("2026-03-02 11:00")
    assert (closed["strategy"], closed["legs"]) == ("bull-put", "+1P185 -1P190")
    assert closed["credit"] == pytest.approx(0.50)
    assert closed["debit"] == pytest.approx(0.25)
    assert closed["fees"] == pytest.approx(2.28 + 0.28)
    assert closed["pnl"] == pytest.approx(25.0 - 2.56)
    assert closed["risk"] == pytest.approx(450.0)
    # The other one: 100 shares at 190, sold at 188 for 0.40; the put below expired.
    assert (assigned["reason"], assigned["exit"]) == ("assignment", pd.Timestamp("2026-03-23 09:31"))
    assert assigned["settlement"] == pytest.approx(-200.40)
    assert assigned["pnl"] == pytest.approx(50.0 - 2.28 - 200.40)


def test_tastytrade_names_what_it_leaves_out():
    log = read_log(EXPORTS / "tastytrade.csv")
    assert log.problems == (
        "line 11: value 'abc' is no number: left out",
        "line 8: closes 1 of IWM260320C00250000 that the file does not open: left out",
    )
    assert log.notes == (
        "rows passed over: 1 of money movements",
        "rows passed over: 1 of shares delivered (they follow from the options)",
    )


def test_interactive_brokers():
    log = read_log(EXPORTS / "interactive_brokers.csv")
    (trade,) = log.trades.itertuples()
    assert (trade.strategy, trade.legs) == ("iron-condor", "+1P185 -1P190 -1C240 +1C245")
    assert trade.credit == pytest.approx(1.0)  # 1.20 - 0.70 + 0.90 - 0.40
    assert (trade.debit, trade.reason, trade.contracts) == (0.0, "expiry", 2)
    assert trade.fees == pytest.approx(5.2)
    assert trade.pnl == pytest.approx(200.0 - 5.2)  # what the statement's Total says is realised
    assert trade.exit == pd.Timestamp("2026-03-20 16:20")
    (problem,) = log.problems
    assert problem.startswith("line 17: symbol = 'IWM 20MARCH 190 P': is no OCC option symbol")
    assert "rows passed over: 1 of Forex" in log.notes
    assert "rows passed over: 1 of ClosedLot (parts of orders)" in log.notes


def test_thinkorswim():
    log = read_log(EXPORTS / "thinkorswim.csv", zone="America/Chicago")
    closed, expired = one(log, "1"), one(log, "1b")
    assert closed["entry"] == pd.Timestamp("2026-03-02 11:00")  # 10:00 in Chicago
    assert closed["legs"] == "+1P185 -1P190 -1C240 +1C245"
    assert closed["credit"] == pytest.approx(1.0)
    assert closed["debit"] == pytest.approx(0.40)  # 0.30 - 0.10 + 0.35 - 0.15
    # Fees stand in Cash Balance, a second later for the opening: 5.44 for two, 2.72 for one out.
    assert closed["fees"] == pytest.approx(2.72 + 2.72)
    assert closed["pnl"] == pytest.approx(60.0 - 5.44)
    assert (expired["reason"], expired["fees"]) == ("expiry", pytest.approx(2.72))
    assert expired["pnl"] == pytest.approx(100.0 - 2.72)
    assert log.problems == ("line 33: price '~' is no number: left out",)


def test_the_parts_of_a_statement_add_up_to_its_cash():
    # The total of Cash Balance, fees included: 160.00 - 0.36 - 7.80.
    log = read_log(EXPORTS / "thinkorswim.csv")
    assert log.closed["pnl"].sum() == pytest.approx(160.00 - 0.36 - 7.80)


def test_a_file_of_no_known_layout_is_refused(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("date,close\n2026-03-02,200\n")
    with pytest.raises(DataError, match=r"no column entry and contracts; give a trade log of this tool"):
        read_log(file)


def test_an_empty_or_ragged_file_is_refused(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("")
    with pytest.raises(DataError, match="is empty"):
        read_log(file)
    file.write_text("entry,contracts\n2026-03-02,1,5\n")
    with pytest.raises(DataError, match="line 2: cells do not fit the header of 2"):
        read_log(file)


def backtest_trades():
    return pd.DataFrame(
        {
            "entry": pd.to_datetime(["2026-03-02", "2026-03-09"]),
            "exit": pd.to_datetime(["2026-03-20", "2026-03-16"]),
            "expiration": pd.to_datetime(["2026-04-17", "2026-04-17"]),
            "reason": ["profit", "stop"],
            "legs": ["+1P195 -1P200"] * 2,
            "contracts": [2, 1],
            "credit": [0.50, 0.40],
            "debit": [0.20, 1.30],
            "dte": [46, 39],
            "rank": [12.0, np.nan],
            "mid_pnl": [64.0, -86.0],
            "entry_slippage": [2.0, 1.0],
            "exit_slippage": [2.0, 3.0],
            "fees": [5.0, 2.5],
            "assignment": [0.0, 0.0],
            "pnl": [55.0, -92.5],
            "risk": [905.0, 462.5],
        }
    )


def test_a_backtest_is_a_log_filled_by_its_model(tmp_path):
    frame = backtest_trades()
    log = log_of_backtest(frame, "sim", is_simulated=True)
    first = log.trades.iloc[0]
    # 2 dollars of slippage on 200 shares: the mid was a cent better, both ways.
    assert first["entry_mid"] == pytest.approx(0.51)
    assert first["exit_mid"] == pytest.approx(0.19)
    assert first["entry_model"] == first["credit"]
    assert list(log.trades["pnl"]) == [55.0, -92.5]
    file = tmp_path / "trades.csv"
    frame.to_csv(file, index=False)
    pd.testing.assert_frame_equal(
        read_log(file).trades.drop(columns="market"), log.trades.drop(columns="market"), check_dtype=False
    )


def test_a_folder_that_is_no_saved_backtest_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no saved backtest"):
        read_log(tmp_path)


TASTY = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
    "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Total,Currency"
)


def tasty(day, action, strike, value, order, expiration="3/20/26", currency="USD"):
    return (
        f'2026-03-{day}T10:00:00-0500,Trade,x,{action},IWM,Equity Option,d,"{value}",2,0,-1.00,-0.14,100,IWM,IWM,'
        f"{expiration},{strike},PUT,{order},0,{currency}"
    )


SPREAD = (tasty("02", "SELL_TO_OPEN", 190, "1,240.00", 1), tasty("02", "BUY_TO_OPEN", 185, "($1,140.00)", 1))
LEFT = (tasty("05", "BUY_TO_CLOSE", 190, "(60.00)", 2), tasty("05", "SELL_TO_CLOSE", 185, "20.00", 2))


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_thousands_parentheses_and_codings(tmp_path, coding, end):
    file = tmp_path / "log.csv"
    file.write_bytes(end.join((TASTY, *SPREAD, *LEFT, "")).encode(coding))
    (trade,) = read_log(file).trades.itertuples()
    assert (trade.credit, trade.debit) == (pytest.approx(0.50), pytest.approx(0.20))  # 100 and 40 over 2 x 100
    assert trade.pnl == pytest.approx(60.0 - 4 * 1.14)


def broken(tmp_path, *rows):
    file = tmp_path / "log.csv"
    file.write_text("\n".join(rows))
    return file


def test_a_decimal_comma_is_refused_not_read_as_thousands(tmp_path):
    german = tasty("02", "SELL_TO_OPEN", 190, "240,00", 1), tasty("02", "BUY_TO_OPEN", 185, "-1.140,50", 1)
    with pytest.raises(DataError, match="line 2: value '240,00' has a decimal comma; export it with American numbers"):
        read_log(broken(tmp_path, TASTY, *german, *LEFT))
    with pytest.raises(DataError, match="is separated by semicolons; save it with commas"):
        read_log(broken(tmp_path, *(row.replace(",", ";") for row in (TASTY, *SPREAD))))


def test_another_currency_is_left_out_by_name(tmp_path):
    euros = tasty("06", "SELL_TO_OPEN", 180, "100.00", 3, currency="EUR")
    log = read_log(broken(tmp_path, TASTY, *SPREAD, *LEFT, euros))
    assert len(log.trades) == 1
    assert log.problems == ("line 6: is in EUR, and only USD is read: left out",)


IB = (
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Account,Symbol,Date/Time,Quantity,T. Price,Proceeds,"
    "Comm/Fee,Code"
)


def order(account, day, quantity, price, code):
    return (
        f"Trades,Data,Order,Equity and Index Options,USD,{account},IWM 20MAR26 190 P,"
        f'"2026-03-{day}, 10:00:00",{quantity},{price},0,-1,{code}'
    )


def test_accounts_of_one_statement_never_close_each_others_trades(tmp_path):
    rows = order("U1", "02", -1, 1.2, "O"), order("U2", "02", -3, 1.3, "O")
    log = read_log(broken(tmp_path, IB, *rows, order("U2", "03", 3, 0.5, "C"), order("U1", "04", 1, 2.5, "C")))
    assert log.trades[["contracts", "credit", "debit"]].to_numpy().tolist() == [[1, 1.2, 2.5], [3, 1.3, 0.5]]
    assert [market[-2:] for market in log.trades["market"]] == ["U1", "U2"]
    assert log.notes == ("2 accounts in the file, kept apart: U1, U2",)


def test_a_price_that_is_missing_is_not_zero(tmp_path):
    log = read_log(broken(tmp_path, IB, order("U1", "02", -1, 1.2, "O"), order("U1", "04", 1, "", "C")))
    assert log.problems == ("line 3: price is missing: left out",)
    assert list(log.trades["reason"]) == ["open"]
    log = read_log(broken(tmp_path, IB, order("U1", "02", -1, 1.2, "O"), order("U1", "04", 1, "0,75", "C")))
    assert log.problems == ("line 3: 14 cells do not fit the header of 13: left out",)
