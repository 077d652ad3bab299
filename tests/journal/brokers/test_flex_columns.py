"""Flex queries as users set them up: without a column, or with another one in its place.

A put spread is sold at 0.50 at 10:00 and bought back at 0.20 at 14:00 of one day; four commissions of 1.05.
"""

import pytest

from iwm_opts.journal.brokers.layout import OPENS
from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data, shows

HEADER = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,Strike,Expiry,Put/Call,TradeDate,TradeTime,Quantity,TradePrice,"
    "Proceeds,IBCommission,Open/CloseIndicator,Buy/Sell,IBOrderID\n"
)
ROWS = (
    "U1,USD,OPT,IWM   260320P00190000,190,20260320,P,20260302,100000,-1,1.2,120,-1.05,O,SELL,1\n"
    "U1,USD,OPT,IWM   260320P00185000,185,20260320,P,20260302,10:00:01,1,0.7,-70,-1.05,O,BUY,1\n"
    "U1,USD,OPT,IWM   260320P00190000,190,20260320,P,20260302,140000,1,0.4,-40,-1.05,C,BUY,2\n"
    "U1,USD,OPT,IWM   260320P00185000,185,20260320,P,20260302,140000,-1,0.2,20,-1.05,C,SELL,2\n"
)
LEVELS = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,Strike,Expiry,Put/Call,DateTime,Quantity,TradePrice,Proceeds,"
    "IBCommission,Open/CloseIndicator,Buy/Sell,IBOrderID,TransactionID\n"
)


def read(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text)
    return read_log(file)


def without(text, column):
    place = HEADER.strip().split(",").index(column)
    lines = (line.split(",") for line in text.splitlines())
    return "".join(",".join(cells[:place] + cells[place + 1 :]) + "\n" for cells in lines)


def test_the_time_of_day_may_have_its_own_column(tmp_path):
    log = read(tmp_path, HEADER + ROWS)
    (trade,) = log.closed.itertuples()
    assert (f"{trade.entry:%H:%M}", f"{trade.exit:%H:%M}") == ("10:00", "14:00")
    assert trade.pnl == pytest.approx(30.00 - 4.20)
    assert log.notes == ()


def test_date_and_time_may_have_no_separator(tmp_path):
    header = "ClientAccountID,AssetClass,Symbol,DateTime,Quantity,TradePrice,IBCommission,Open/CloseIndicator\n"
    rows = "U1,OPT,IWM   260320P00190000,2026030{}{},{},-1,{}\n"
    log = read(tmp_path, header + rows.format(2, "100000", "-1,1", "O") + rows.format(3, "153000", "1,0.5", "C"))
    assert [f"{log.closed[name][0]}" for name in ("entry", "exit")] == ["2026-03-02 10:00:00", "2026-03-03 15:30:00"]
    assert list(log.closed["pnl"]) == [pytest.approx(48.00)]


def test_a_query_without_times_says_so(tmp_path):
    log = read(tmp_path, without(HEADER + ROWS, "TradeTime"))
    assert list(log.closed["pnl"]) == [pytest.approx(30.00 - 4.20)]
    assert log.notes == ("no times of day: what opened on one day is taken for one order; add DateTime to the query",)


def test_an_unreadable_day_beside_a_time_is_named_by_line(tmp_path):
    log = read(tmp_path, HEADER + ROWS + ROWS.splitlines()[0].replace("20260302", "never") + "\n")
    assert [problem.split(":")[0] for problem in log.problems] == ["line 6"]
    assert shows(log.problems[0], "'never 100000'")


def test_options_are_known_without_their_asset_class(tmp_path):
    """And 100 shares bought at 195 and sold at 196, 2 of commissions."""
    shares = (
        "U1,USD,STK,IWM,,,,20260303,100000,100,195,-19500,-1,O,BUY,3\n"
        "U1,USD,STK,IWM,,,,20260304,100000,-100,196,19600,-1,C,SELL,4\n"
        "U1,USD,FUT,ESM6,,20260618,,20260304,100000,1,5000,-250000,-1,O,BUY,5\n"
        "U1,USD,CASH,EUR.USD,,,,20260304,100000,100,1.1,-110,-1,O,BUY,6\n"
    )
    log = read(tmp_path, without(HEADER + ROWS + shares, "AssetClass"))
    assert list(log.closed["pnl"]) == pytest.approx([30.00 - 4.20, 100.00 - 2.00])
    assert [problem.split(":")[0] for problem in log.problems] == ["line 8", "line 9"]
    assert all(shows(line, "column AssetClass") for line in log.problems)
    assert shows(log.notes, "no column AssetClass", "query")


def test_futures_alone_without_their_asset_class_name_the_column(tmp_path):
    future = "U1,USD,FUT,ESM6,,20260618,,20260304,100000,1,5000,-250000,-1,O,BUY,5\n"
    with refused_data("log.csv, Interactive Brokers Flex query", "trades", "AssetClass"):
        read(tmp_path, without(HEADER + future, "AssetClass"))


def test_orders_beside_their_executions_are_known_by_the_missing_transaction_number(tmp_path):
    """One put sold at 1.20 and bought back at 0.40 in two fills of an order of two; commissions of 4.20."""
    row = "U1,USD,OPT,IWM   260320P00190000,190,20260320,P,202603{when},{count},{price},{value},{fee},{rest}\n"
    sold = {"when": "02;100000", "count": -1, "price": 1.2, "value": 120, "fee": -1.05}
    bought = {"when": "10;100000", "count": 1, "price": 0.4, "value": -40, "fee": -1.05}
    text = LEVELS + (
        row.format(**sold, rest="O,SELL,5001,111")
        + row.format(**sold, rest="O,SELL,5001,112")
        + row.format(**{**sold, "count": -2, "value": 240, "fee": -2.10}, rest="O,SELL,5001,")
        + row.format(**{**bought, "count": 2, "value": -80, "fee": -2.10}, rest="C,BUY,5002,")
        + row.format(**bought, rest="C,BUY,5002,113")
        + row.format(**bought, rest="C,BUY,5002,114")
    )
    log = read(tmp_path, text)
    assert (list(log.closed["contracts"]), list(log.closed["pnl"])) == ([2], [pytest.approx(160.00 - 4.20)])
    assert log.skipped == {"order rows (parts of trades)": 2}


def test_orders_alone_need_no_transaction_number(tmp_path):
    row = "U1,USD,OPT,IWM   260320P00190000,190,20260320,P,202603{}\n"
    text = LEVELS + row.format("02;100000,-1,1.2,120,-1,O,SELL,1,") + row.format("10;100000,1,0.4,-40,-1,C,BUY,2,")
    assert list(read(tmp_path, text).closed["pnl"]) == [pytest.approx(80.00 - 2.00)]


CONFIRMATIONS = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,UnderlyingSymbol,Multiplier,Strike,Expiry,Put/Call,Date/Time,"
    "Quantity,Price,Commission,Code,Buy/Sell,OrderID\n"
)
CONFIRMED = 'U1,USD,OPT,IWM   260320P00{0}000,IWM,100,{0},2026-03-20,P,"2026-03-{1}",{2},{3},{4},{5},{6},{7}\n'


def confirmations(*rows):
    return CONFIRMATIONS + "".join(CONFIRMED.format(*row) for row in rows)


def confirmed_xml(*rows):
    confirms = "".join(
        f'<TradeConfirm accountId="U1" currency="USD" assetCategory="OPT" symbol="IWM   260320P00{strike}000" '
        f'underlyingSymbol="IWM" multiplier="100" strike="{strike}" expiry="20260320" putCall="P" quantity="{count}" '
        f'dateTime="202603{when.replace(", ", ";").replace(":", "")}" price="{price}" commission="{fee}" '
        f'code="{code}" buySell="{side}" orderID="{order}"/>'
        for strike, when, count, price, fee, code, side, order in rows
    )
    statement = f"<FlexStatement><TradeConfirms>{confirms}</TradeConfirms></FlexStatement>"
    return f"<FlexQueryResponse><FlexStatements>{statement}</FlexStatements></FlexQueryResponse>"


@pytest.mark.parametrize("text", [confirmations, confirmed_xml])
@pytest.mark.parametrize(
    ("ended", "pnl"),
    [
        ((190, "10, 10:00:00", 1, 0.4, -1.05, "C", "BUY", 2), 80.00 - 2.10),
        ((190, "20, 16:20:00", 1, 0, 0, "C;Ep", "BUY", ""), 120.00 - 1.05),
    ],
    ids=["closed", "expired"],
)
def test_trade_confirmations(tmp_path, text, ended, pnl):
    log = read(tmp_path, text((190, "02, 10:00:00", -1, 1.2, -1.05, "O", "SELL", 1), ended))
    assert list(log.closed["pnl"]) == [pytest.approx(pnl)]
    assert list(log.closed["reason"]) == ["expiry" if pnl > 100 else "closed"]
    assert OPENS not in log.notes


ANSWER = "<FlexStatementResponse timestamp='28 August, 2026 10:37 AM EDT'>{}</FlexStatementResponse>"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (
            "<Status>Fail</Status><ErrorCode>1012</ErrorCode><ErrorMessage>Token has expired.</ErrorMessage>",
            ("answer", "Token has expired", "ErrorCode 1012"),
        ),
        ("<Status>Success</Status><ReferenceCode>123</ReferenceCode><Url>x</Url>", ("ReferenceCode", "123")),
    ],
)
def test_answers_of_the_web_service_are_quoted(tmp_path, cells, said):
    with refused_data("log.csv", *said):
        read(tmp_path, ANSWER.format(cells))
