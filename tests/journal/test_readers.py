"""Exports of three brokers, made up in their layouts; every expected figure is worked out by hand from the rows."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iwm_opts.conventions import Provenance
from iwm_opts.errors import DataError
from iwm_opts.journal.readers import log_of_backtest, read_log
from tests.refusals import refused_data, shows

EXPORTS = Path(__file__).parent / "exports"


def trade_of(log, name):
    return log.trades.set_index("trade").loc[name]


def test_tastytrade():
    log = read_log(EXPORTS / "tastytrade.csv")
    assert list(log.trades["trade"]) == ["1", "1b"]
    closed, assigned = trade_of(log, "1"), trade_of(log, "1b")
    # Opened at 11:00 in New York (the offset is Chicago's winter): 1.20 - 0.70, fees 4.56 for two.
    assert closed["entry"] == pd.Timestamp("2026-03-02 11:00")
    assert (closed["strategy"], closed["legs"]) == ("bull-put", "+1P185 -1P190")
    assert closed["credit"] == pytest.approx(0.50)
    assert closed["debit"] == pytest.approx(0.25)
    assert closed["fees"] == pytest.approx(2.28 + 0.28)
    assert closed["pnl"] == pytest.approx(25.0 - 2.56)
    assert closed["risk"] == pytest.approx(450.0)
    # The other one: 100 shares at 190 for 5.00, sold at 188 for 0.40; the put below expired.
    assert (assigned["reason"], assigned["exit"]) == ("assignment", pd.Timestamp("2026-03-23 09:31"))
    assert assigned["settlement"] == pytest.approx(-205.40)
    assert assigned["pnl"] == pytest.approx(50.0 - 2.28 - 205.40)


def test_tastytrade_names_what_it_leaves_out():
    log = read_log(EXPORTS / "tastytrade.csv")
    assert log.problems == (
        "line 11: value 'abc' is not a number: left out",
        log.opening[0].describe(),
    )
    (balance,) = log.opening
    assert (balance.name, balance.quantity, balance.line) == ("IWM260320C00250000", -1, 8)
    assert log.notes == (
        "rows not used: 1 of money movements",
        "rows not used: 1 of shares delivered (they follow from the options)",
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
    assert problem.startswith("line 17: symbol='IWM 20MARCH 190 P': invalid OCC option symbol")
    assert shows(log.notes, "used: 1 of Forex")
    assert shows(log.notes, "used: 1 of ClosedLot")


def test_thinkorswim():
    log = read_log(EXPORTS / "thinkorswim.csv", zone="America/Chicago")
    closed, expired = trade_of(log, "1"), trade_of(log, "1b")
    assert closed["entry"] == pd.Timestamp("2026-03-02 11:00")  # 10:00 in Chicago
    assert closed["legs"] == "+1P185 -1P190 -1C240 +1C245"
    assert closed["credit"] == pytest.approx(1.0)
    assert closed["debit"] == pytest.approx(0.40)  # 0.30 - 0.10 + 0.35 - 0.15
    # Fees stand in Cash Balance, a second later for the opening: 5.44 for two, 2.72 for one out.
    assert closed["fees"] == pytest.approx(2.72 + 2.72)
    assert closed["pnl"] == pytest.approx(60.0 - 5.44)
    assert (expired["reason"], expired["fees"]) == ("expiry", pytest.approx(2.72))
    assert expired["pnl"] == pytest.approx(100.0 - 2.72)
    assert log.problems == ("line 33: price '~' is not a number: left out",)


def test_the_parts_of_a_statement_add_up_to_its_cash():
    # The total of Cash Balance, fees included: 160.00 - 0.36 - 7.80.
    log = read_log(EXPORTS / "thinkorswim.csv")
    assert log.closed["pnl"].sum() == pytest.approx(160.00 - 0.36 - 7.80)


def test_a_file_of_no_known_layout_is_refused(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("date,close\n2026-03-02,200\n")
    with refused_data("prices.csv", "columns", "entry and contracts"):
        read_log(file)


def test_an_empty_or_ragged_file_is_refused(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("")
    with refused_data("log.csv", "size"):
        read_log(file)
    file.write_text("entry,contracts\n2026-03-02,1,5\n")
    with refused_data("log.csv", "rows", "line 2"):
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
    log = log_of_backtest(frame, "sim", Provenance.RECORDED)
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
    with refused_data(tmp_path, "files"):
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


def german(rows):
    """Rows with semicolons between cells and decimal commas in them."""
    return [";".join(cell.replace(",", "").replace(".", ",") for cell in next(csv.reader([row]))) for row in rows]


def test_a_decimal_comma_is_read_where_the_whole_file_has_it(tmp_path):
    (trade,) = read_log(broken(tmp_path, *german((TASTY, *SPREAD, *LEFT)))).trades.itertuples()
    assert trade.pnl == pytest.approx(60.0 - 4 * 1.14)


def test_a_file_with_two_decimal_signs_is_refused_with_both_named(tmp_path):
    comma = tasty("02", "SELL_TO_OPEN", 190, "240,00", 1), tasty("02", "BUY_TO_OPEN", 185, "-1.140,50", 1)
    with refused_data("log.csv", "", "-1.00", "240,00"):
        read_log(broken(tmp_path, TASTY, *comma, *LEFT))


def test_another_currency_is_left_out_by_name(tmp_path):
    euros = tasty("06", "SELL_TO_OPEN", 180, "100.00", 3, currency="EUR")
    log = read_log(broken(tmp_path, TASTY, *SPREAD, *LEFT, euros))
    assert len(log.trades) == 1
    assert log.problems == ("line 6: currency EUR: only USD is read: left out",)


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


def tasty_shares(day, action, count, value, order, **other):
    told = {"kind": "Trade", "sub": action.replace("_", " ").title(), "symbol": "IWM", "time": "10:00:00", **other}
    return (
        f"2026-03-{day}T{told['time']}-0500,{told['kind']},{told['sub']},{action},{told['symbol']},Equity,d,"
        f'"{value}",{count},-1.00,--,-0.08,,,,,,,{order},0,USD'
    )


def test_shares_of_tastytrade(tmp_path):
    rows = (
        tasty_shares("02", "BUY_TO_OPEN", 100, "-20,000.00", 1),
        tasty_shares("02", "BUY_TO_OPEN", 27, "-5,400.00", 1, time="10:20:00"),  # the rest of the order
        tasty_shares("05", "SELL_TO_CLOSE", 127, "25,654.00", 2),
        tasty_shares("06", "SELL_TO_OPEN", 50, "10,000.00", 3),
    )
    log = read_log(broken(tmp_path, TASTY, *rows))
    first, short = log.trades.itertuples()
    assert (first.strategy, first.contracts, first.multiplier, first.legs) == ("shares", 127, 1, "")
    assert (first.credit, first.debit) == (pytest.approx(-200.0), pytest.approx(-202.0))
    assert first.pnl == pytest.approx(127 * 2.0 - 3 * 0.08)
    assert (short.strategy, short.credit, short.reason) == ("short-shares", pytest.approx(200.0), "open")
    assert np.isnan(first.dte)
    assert log.problems == ()


def test_a_split_of_tastytrade_is_applied(tmp_path):
    rows = (
        tasty_shares("02", "BUY_TO_OPEN", 100, "-20,000.00", 1),
        tasty_shares("03", "SELL_TO_CLOSE", 100, "0.00", "", kind="Receive Deliver", sub="Forward Split"),
        tasty_shares("03", "BUY_TO_OPEN", 200, "0.00", "", kind="Receive Deliver", sub="Forward Split"),
        tasty_shares("05", "SELL_TO_CLOSE", 200, "20,200.00", 2),
        tasty_shares("06", "BUY_TO_OPEN", 10, "-1,000.00", 3),
    )
    log = read_log(broken(tmp_path, TASTY, *rows))
    split, rest = log.trades.itertuples()
    assert (split.contracts, split.credit, split.debit) == (200, pytest.approx(-100.0), pytest.approx(-101.0))
    assert split.pnl == pytest.approx(200.0 - 2 * 0.08)
    assert (rest.contracts, rest.reason) == (10, "open")
    assert log.problems == ()


def ib_shares(day, quantity, price, code, fee=-1.0, symbol="IWM"):
    return f'Trades,Data,Order,Stocks,USD,U1,{symbol},"2026-03-{day}",{quantity},{price},0,{fee},{code}'


def test_shares_of_interactive_brokers(tmp_path):
    rows = (
        ib_shares("02, 10:00:00", 200, 200.0, "O"),
        ib_shares("03, 10:00:00", -150, 204.0, "C;P", fee=-1.5),
        ib_shares("04, 10:00:00", '"-1,050"', 203.0, "C;O", fee=-4.2),
        ib_shares("05, 09:30:00", 0.5, 203.0, "O;RP"),
        ib_shares("05, 16:20:00", 100, 190.0, "A;O"),
    )
    log = read_log(broken(tmp_path, IB, *rows))
    assert log.trades[["strategy", "contracts"]].to_numpy().tolist() == [
        ["shares", 150], ["shares", 50], ["short-shares", 1000], ["shares", 100],
    ]  # fmt: skip
    # 150 of 200 at 4 dollars: 600, less three quarters of the dollar to buy and 1.50 to sell.
    assert log.closed["pnl"].tolist() == pytest.approx([600.0 - 0.75 - 1.5, 150.0 - 0.25 - 4.2 * 50 / 1050])
    assert log.problems == ("line 5: quantity '0.5' is not a whole number of shares: left out",)
    said = "line 6: 100 IWM bought at 190 for an option that the file does not hold: counted as a purchase of shares"
    assert said in log.notes


def test_a_split_of_interactive_brokers_is_named(tmp_path):
    actions = (
        "Corporate Actions,Header,Asset Category,Currency,Account,Report Date,Date/Time,Description,Quantity",
        'Corporate Actions,Data,Stocks,USD,U1,2026-03-04,"2026-03-03, 20:25:00",IWM(US46428) Split 2 for 1 (IWM),100',
        "Corporate Actions,Data,Total,,,,,,",
        "Dividends,Data,USD,2026-03-30,IWM(US46428) Cash Dividend USD 0.30 per Share,30",
        "Dividends,Data,Total,,,30",
    )
    held = ib_shares("02, 10:00:00", 100, 200.0, "O"), ib_shares("05, 10:00:00", -200, 101.0, "C")
    other = (
        ib_shares("02, 10:00:00", 10, 50.0, "O", symbol="XBI"),
        ib_shares("05, 10:00:00", -10, 51.0, "C", symbol="XBI"),
    )
    log = read_log(broken(tmp_path, IB, *held, *other, *actions))
    # 100 at 200 become 200 at 100, sold at 101; a dollar to buy and one to sell.
    assert log.closed.set_index("symbol")["pnl"].to_dict() == {"IWM": 200.0 - 2.0, "XBI": 10.0 - 2.0}
    assert log.notes == (
        "rows not used: 1 of dividends (not in the results)",
        "line 7: split of IWM, 2 for 1: as the file names it",
        "line 7: 100 shares of IWM held then became 200 of IWM",
    )
    assert log.problems == log.opening == ()


TOS_CASH = "Cash Balance\nDATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE\n"
TOS_TRADES = (
    "\nAccount Trade History\n,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type\n"
)
TOS_FILLS = (
    ",3/5/26 15:59:00,STOCK,SELL,-227,TO CLOSE,IWM,,,ETF,201.5000,201.50,MKT\n"
    ",3/2/26 09:30:30,STOCK,BUY,+127,TO OPEN,IWM,,,ETF,200.00,200.00,MKT\n"
    ",3/2/26 09:30:02,STOCK,BUY,+100,TO OPEN,IWM,,,ETF,200.00,200.00,MKT\n"
)


def test_shares_of_thinkorswim(tmp_path):
    cash = '3/5/26,15:59:00,TRD,="9",SOLD -227 IWM @201.50,-0.52,,"45,740.50",0\n,,,,TOTAL,($0.52),,"$1","$2"\n'
    log = read_log(broken(tmp_path, TOS_CASH + cash + TOS_TRADES + TOS_FILLS))
    (trade,) = log.trades.itertuples()
    assert (trade.strategy, trade.contracts, trade.credit, trade.debit) == ("shares", 227, -200.0, -201.5)
    assert trade.pnl == pytest.approx(227 * 1.5 - 0.52)
    # Nothing was left out: two times have no cash row, and that is a remark.
    assert log.problems == ()
    (note,) = log.notes
    assert note.startswith("fees of 2 orders are in no row of Cash Balance: taken as zero (2026-03-02 09:30:02")


def test_shares_alone_may_come_without_the_columns_of_options(tmp_path):
    text = (TOS_CASH + TOS_TRADES + TOS_FILLS).replace(",Exp,Strike", "").replace("IWM,,,", "IWM,")
    (trade,) = read_log(broken(tmp_path, text)).trades.itertuples()
    assert (trade.strategy, trade.contracts, trade.pnl) == ("shares", 227, pytest.approx(340.5))


def test_rows_that_say_the_same_count_and_are_named(tmp_path):
    twice = (tasty_shares("02", "BUY_TO_OPEN", 100, "-20,000.00", 1),) * 2
    log = read_log(broken(tmp_path, TASTY, *twice))
    assert list(log.trades["contracts"]) == [200]
    (note,) = log.notes
    assert note.startswith(
        "2 rows have the same content as another, and all are counted (lines 2 and 3): where exports"
    )


BOUGHT = tasty_shares("02", "BUY_TO_OPEN", 100, "-20,000.00", 1)
SOLD = tasty_shares("05", "SELL_TO_CLOSE", 100, "20,100.00", 2)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (BOUGHT.replace(",IWM,Equity", ",,Equity"), "line 4: symbol is missing: left out"),
        (BOUGHT.replace("BUY_TO_OPEN,", "SWAP,"), "line 4: action 'SWAP' is neither a purchase nor a sale: left out"),
        (BOUGHT.replace('"-20,000.00"', ""), "line 4: value is missing: left out"),
        ("2026-03-05T10:00:00-0500,Trade,x", "line 4: 3 cells do not fit the header of 21: left out"),
        (",,,,,,,100.00,,,,,,,,,,,,,", "rows not used: 1 of remarks and empty rows of the broker"),
        (BOUGHT.replace("Trade,", "Money Movement,").replace(",d,", ",Dividend,"),
         "rows not used: 1 of dividends (not in the results)"),
        (BOUGHT.replace(",Equity,", ",Cryptocurrency,"), "rows not used: 1 of Trade of Cryptocurrency"),
    ],
)  # fmt: skip
def test_what_is_no_trade_in_shares_is_named_and_changes_none(tmp_path, row, told):
    log = read_log(broken(tmp_path, TASTY, BOUGHT, SOLD, row))
    assert list(log.closed["pnl"]) == pytest.approx([100.0 - 0.16])
    assert told in (*log.problems, *log.notes)
    assert log.open.empty


def test_a_decimal_comma_outside_quotes_is_no_price(tmp_path):
    # 200,50 makes two cells of one: what follows would be read as 200.00.
    text = TOS_CASH + TOS_TRADES + TOS_FILLS.replace("200.00,200.00", "200,50,200,50", 1)
    log = read_log(broken(tmp_path, text))
    assert shows(log.problems[0], "7: 15 cells", "of 13")
    assert [(balance.quantity, balance.line) for balance in log.opening] == [(127, 6)]
    assert list(log.closed["contracts"]) == [100]


def test_a_head_row_that_cannot_be_read_takes_its_legs_along(tmp_path):
    text = (EXPORTS / "thinkorswim.csv").read_text()
    cut = text.replace(
        ",3/9/26 11:30:00,IRON CONDOR,BUY,+1,TO CLOSE,IWM,20 MAR 26,240,CALL,.30,.40,LMT", ",3/9/26,IRON"
    )
    log = read_log(broken(tmp_path, cut), zone="America/Chicago")
    assert shows(log.problems, "leg", "time")
    assert len(log.problems) == 1 + 3 + 1  # head, its legs, and the row without a price


WHOLE = {
    "packages of thinkorswim": (EXPORTS / "thinkorswim.csv").read_text(),
    "packages of tastytrade": (EXPORTS / "tastytrade.csv").read_text(),
    "packages of Interactive Brokers": (EXPORTS / "interactive_brokers.csv").read_text(),
    "shares of thinkorswim": TOS_CASH + TOS_TRADES + TOS_FILLS,
    "shares of tastytrade": "\n".join((TASTY, BOUGHT, SOLD, BOUGHT)),
    "shares of Interactive Brokers": "\n".join(
        (IB, ib_shares("02, 10:00:00", 200, 200.0, "O"), ib_shares("03, 10:00:00", -150, 204.0, "C;O"))
    ),
}


@pytest.mark.parametrize("name", WHOLE)
@given(st.data())
@settings(max_examples=30)
def test_no_damage_makes_more_than_a_sentence(tmp_path_factory, name, data):
    # Whatever a file suffers it is read, or refused by name: nothing else is raised.
    lines = WHOLE[name].splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        cells = lines[at].split(",")
        place = data.draw(st.integers(0, len(cells) - 1))
        cells[place] = data.draw(
            st.sampled_from(["", "x", "-1", "0", "1e400", "nan", '"', "12,5", "2026-13-45", "=1+1"])
        )
        lines[at] = ",".join(cells)
    file = tmp_path_factory.getbasetemp() / "damaged.csv"
    file.write_text("\n".join(lines))
    try:
        log = read_log(file)
    except DataError:
        return
    assert np.isfinite(log.closed["pnl"]).all()


def test_a_statement_of_fills_alone_is_read_by_its_fills(tmp_path):
    rows = [ib_shares(f"02, 10:00:0{at}", 100, 200.0 + at, "O;P").replace("Order", "Trade") for at in range(2)]
    rows.append(ib_shares("03, 10:00:00", -200, 204.0, "C").replace("Order", "Trade"))
    (trade,) = read_log(broken(tmp_path, IB, *rows)).trades.itertuples()
    assert (trade.contracts, trade.credit, trade.pnl) == (200, -200.5, pytest.approx(200 * 3.5 - 3.0))


def test_fills_outside_the_session_ask_for_the_files_clock(tmp_path):
    rows = ib_shares("02, 08:30:05", 100, 200.0, "O"), ib_shares("03, 14:59:00", -100, 204.0, "C")
    file = broken(tmp_path, IB, *rows)
    (note,) = read_log(file).notes
    assert shows(note, "1 of 2 fills", "outside 09:30 to 16:15 New York", "give `timezone`")
    central = read_log(file, "America/Chicago")
    assert central.notes == ()
    assert central.trades["entry"][0] == pd.Timestamp("2026-03-02 09:30:05")


@pytest.mark.parametrize(
    ("content", "field"),
    [(b"a,b\r\rc\rd\x00,\xff\xfe", "kind"), (b'entry,contracts\n"' + b"x" * 200_000, "content")],
)
def test_what_is_no_csv_is_named(tmp_path, content, field):
    file = tmp_path / "log.csv"
    file.write_bytes(content)
    with refused_data("log.csv", field, "CSV"):
        read_log(file)
