"""A round trip at every broker: opened, closed, expired, assigned, and positions from before the file.

Rows are made up in the broker's columns; every result is worked out by hand beside them.
"""

import csv
import io
import re

import pandas as pd
import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data, shows


def written(tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text)
    return file


def results(log):
    """Dollars after fees of the closed trades by what was traded."""
    closed = log.closed
    names = closed["legs"].where(closed["legs"] != "", closed["strategy"])
    return {name: pytest.approx(value, abs=0.005) for name, value in zip(names, closed["pnl"], strict=True)}


def balances(log):
    return {(balance.name, balance.quantity) for balance in log.opening}


FLEX = """ClientAccountID,CurrencyPrimary,AssetClass,Symbol,UnderlyingSymbol,Multiplier,Strike,Expiry,Put/Call,\
DateTime,Quantity,TradePrice,IBCommission,Open/CloseIndicator,Notes/Codes,Buy/Sell,IBOrderID,LevelOfDetail
U1,USD,OPT,IWM   260320P00190000,IWM,100,190,20260320,P,20260302;100000,-2,1.20,-1.30,O,P,SELL,71,EXECUTION
U1,USD,OPT,IWM   260320P00185000,IWM,100,185,20260320,P,20260302;100007,2,0.70,-1.30,O,P,BUY,71,EXECUTION
U1,USD,OPT,IWM   260320P00190000,IWM,100,190,20260320,P,20260302;100000,-2,1.20,-1.30,O,P,SELL,71,ORDER
U1,USD,OPT,IWM   260320P00190000,IWM,100,190,20260320,P,20260302;100000,-2,1.20,0,,,,71,CLOSED_LOT
U1,USD,OPT,IWM   260320P00190000,IWM,100,190,20260320,P,20260310;110000,1,0.40,-0.65,C,,BUY,72,EXECUTION
U1,USD,OPT,IWM   260320P00185000,IWM,100,185,20260320,P,20260310;110000,-1,0.20,-0.65,C,,SELL,72,EXECUTION
U1,USD,OPT,IWM   260320P00190000,IWM,100,190,20260320,P,20260320;162000,1,0,0,C,A,BUY,,EXECUTION
U1,USD,STK,IWM,,1,,,,20260320;162000,100,190,0,O,A,BUY,,EXECUTION
U1,USD,OPT,IWM   260320P00185000,IWM,100,185,20260320,P,20260320;162000,-1,0,0,C,Ep,SELL,,EXECUTION
U1,USD,STK,IWM,,1,,,,20260323;100000,-100,188,-1.00,C,,SELL,75,EXECUTION
U1,USD,OPT,SPY   260320C00600000,SPY,100,600,20260320,C,20260304;100000,3,0.50,-1.95,C,,BUY,76,EXECUTION
U1,EUR,OPT,DAX   260320C20000000,DAX,100,20000,20260320,C,20260304;100000,3,0.50,-1.95,O,,BUY,77,EXECUTION
U1,USD,FUT,MESH6,MES,5,,,,20260304;100000,1,6000,-0.62,O,,BUY,78,EXECUTION
"""
# One spread at 0.50 bought back at 0.20: 30 less 1.30 + 1.30. The other: 50, shares -200, fees 1.30 + 1.00.
FLEX_RESULTS = [30.00 - 2.60, 50.00 - 200.00 - 2.30]


def flex_xml(text):
    names = {
        "ClientAccountID": "accountId", "CurrencyPrimary": "currency", "AssetClass": "assetCategory",
        "Put/Call": "putCall", "Open/CloseIndicator": "openCloseIndicator", "Notes/Codes": "notes",
        "Buy/Sell": "buySell", "IBOrderID": "ibOrderID", "IBCommission": "ibCommission", "DateTime": "dateTime",
        "UnderlyingSymbol": "underlyingSymbol", "TradePrice": "tradePrice", "LevelOfDetail": "levelOfDetail",
    }  # fmt: skip
    tags = {"EXECUTION": "Trade", "ORDER": "Order", "CLOSED_LOT": "Lot"}
    elements = []
    for row in csv.DictReader(io.StringIO(text)):
        tag = tags[row.pop("LevelOfDetail")]
        cells = " ".join(
            f'{names.get(name, name[0].lower() + name[1:])}="{value}"' for name, value in row.items() if value
        )
        elements.append(f"<{tag} {cells} newAttribute='7'/>")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="1">'
        f'<FlexStatement accountId="U1"><Trades>{"".join(elements)}</Trades></FlexStatement></FlexStatements>'
        "</FlexQueryResponse>"
    )


def flex_marked(text):
    """Flex CSV with its section marks."""
    header, *rows = text.splitlines()
    return "\n".join(
        [
            "BOF,U1,query,1",
            "BOS,TRNT,Trades",
            f"HEADER,TRNT,{header}",
            *(f"DATA,TRNT,{row}" for row in rows),
            "EOS,TRNT,9",
        ]
    )


@pytest.mark.parametrize(
    ("name", "text"), [("flex.csv", FLEX), ("flex.xml", flex_xml(FLEX)), ("marked.csv", flex_marked(FLEX))]
)
def test_interactive_brokers_flex(tmp_path, name, text):
    log = read_log(written(tmp_path, name, text))
    assert sorted(log.closed["pnl"]) == pytest.approx(sorted(FLEX_RESULTS), abs=0.005)
    assert set(log.trades["strategy"]) == {"bull-put"}  # the order number joins legs seven seconds apart
    assert balances(log) == {("SPY260320C00600000", -3)}
    assert log.skipped["FUT"] == 1
    assert any("currency EUR: only USD is read" in problem for problem in log.problems)


@pytest.mark.parametrize("level", ["ORDER", "CLOSED_LOT", "WASH_SALE", "SYMBOL_SUMMARY"])
def test_trade_elements_of_another_level_are_not_trades(tmp_path, level):
    text = flex_xml(FLEX)
    again = re.findall(r"<Trade [^>]*>", text)
    text = text.replace("<Trade ", '<Trade levelOfDetail="EXECUTION" ')
    more = "".join(trade.replace("<Trade ", f'<Trade levelOfDetail="{level}" ') for trade in again)
    log = read_log(written(tmp_path, "flex.xml", text.replace("</Trades>", f"{more}</Trades>")))
    assert sorted(log.closed["pnl"]) == pytest.approx(sorted(FLEX_RESULTS), abs=0.005)
    named = f"{level.lower().replace('_', ' ')} rows (parts of trades)"
    assert log.skipped[named] == len(again) + (level in ("ORDER", "CLOSED_LOT"))


@pytest.mark.parametrize("level", ["SYMBOL_SUMMARY", "WASH_SALE"])
def test_flex_without_executions_or_orders_is_refused(tmp_path, level):
    text = FLEX.replace(",EXECUTION", f",{level}").replace(",ORDER", f",{level}").replace(",CLOSED_LOT", f",{level}")
    with refused_data("flex.csv, Interactive Brokers Flex query", "trades", level.lower().replace("_", " ")):
        read_log(written(tmp_path, "flex.csv", text))


def test_flex_xml_with_orders_alone_is_read(tmp_path):
    text = flex_xml(FLEX).replace("<Order ", "<Lot ").replace("<Trade ", '<Trade levelOfDetail="ORDER" ')
    log = read_log(written(tmp_path, "flex.xml", text))
    assert sorted(log.closed["pnl"]) == pytest.approx(sorted(FLEX_RESULTS), abs=0.005)


def test_flex_xml_with_a_document_type_is_refused(tmp_path):
    text = flex_xml(FLEX).replace("<FlexQueryResponse", '<!DOCTYPE x [<!ENTITY a "b">]><FlexQueryResponse', 1)
    with refused_data("flex.xml", "DOCTYPE"):
        read_log(written(tmp_path, "flex.xml", text))


SCHWAB = """"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"
"03/24/2026","Sell","IWM","ISHARES RUSSELL 2000 ETF","100","$188.00","$0.40","$18,799.60"
"03/23/2026 as of 03/20/2026","Assigned","IWM 03/20/2026 190.00 P","PUT ISHARES","1","","",""
"03/23/2026 as of 03/20/2026","Buy","IWM","ISHARES RUSSELL 2000 ETF","100","$190.00","","-$19,000.00"
"03/23/2026 as of 03/20/2026","Expired","IWM 03/20/2026 185.00 P","PUT ISHARES","-1","","",""
"03/20/2026","Qualified Dividend","IWM","ISHARES RUSSELL 2000 ETF","","","","$11.00"
"03/12/2026","Buy to Close","SPY 04/17/2026 600.00 C","CALL SPDR","2","$1.00","$1.32","-$201.32"
"03/10/2026","Sell to Close","IWM 03/20/2026 185.00 P","PUT ISHARES","1","$0.20","$0.66","$19.34"
"03/10/2026","Buy to Close","IWM 03/20/2026 190.00 P","PUT ISHARES","1","$0.40","$0.66","-$40.66"
"03/02/2026","Buy to Open","IWM 03/20/2026 185.00 P","PUT ISHARES","2","$0.70","$1.32","-$141.32"
"03/02/2026","Sell to Open","IWM 03/20/2026 190.00 P","PUT ISHARES","2","$1.20","$1.32","$238.68"
"03/02/2026","Sell","XBI","SPDR BIOTECH","50","$90.00","$0.10","$4,499.90"
"Transactions Total","","","","","","","$4,000.00"
"""


def test_schwab(tmp_path):
    log = read_log(written(tmp_path, "schwab.csv", SCHWAB))
    # 50 - 20 less 1.32 + 1.32; and 50 - 200 less 1.32 + 0.40.
    assert sorted(log.closed["pnl"]) == pytest.approx(sorted([30.00 - 2.64, 50.00 - 200.00 - 1.72]), abs=0.005)
    assert set(log.closed["legs"]) == {"+1P185 -1P190"}
    assert balances(log) == {("SPY260417C00600000", -2), ("shares of XBI", 50)}
    assert log.open.empty
    assert log.skipped["dividends (not in the results)"] == 1


ROBINHOOD = """"Activity Date","Process Date","Settle Date","Instrument","Description","Trans Code",\
"Quantity","Price","Amount"
"3/24/2026","3/24/2026","3/25/2026","IWM","iShares Russell 2000\nCUSIP: 464287655","Sell","100","$188.00","$18,799.60"
"3/20/2026","3/20/2026","3/23/2026","IWM","iShares Russell 2000\nCUSIP: 464287655","Buy","100","$190.00","($19,000.00)"
"3/20/2026","3/20/2026","3/23/2026","IWM","IWM 3/20/2026 Put $190.00","OASGN","1","",""
"3/20/2026","3/20/2026","3/23/2026","IWM","Option Expiration for IWM 3/20/2026 Put $185.00","OEXP","1","",""
"3/12/2026","3/12/2026","3/13/2026","SPY","SPY 4/17/2026 Call $600.00","BTC","2","$1.00","($200.08)"
"3/10/2026","3/10/2026","3/11/2026","IWM","IWM 3/20/2026 Put $190.00","BTC","1","$0.40","($40.04)"
"3/10/2026","3/10/2026","3/11/2026","IWM","IWM 3/20/2026 Put $185.00","STC","1","$0.20","$19.95"
"3/2/2026","3/2/2026","3/3/2026","IWM","IWM 3/20/2026 Put $190.00","STO","2","$1.20","$239.90"
"3/2/2026","3/2/2026","3/3/2026","IWM","IWM 3/20/2026 Put $185.00","BTO","2","$0.70","($140.08)"
"3/2/2026","3/2/2026","3/2/2026","","ACH Deposit","ACH","","","$5,000.00"
"","","","","","","","","The data provided is for informational purposes only."
"""


def test_robinhood(tmp_path):
    log = read_log(written(tmp_path, "robinhood.csv", ROBINHOOD))
    # Fees are what amounts lack: 0.18 to open two; 0.04 + 0.05 to close one; 0.40 on the sale of the shares.
    expected = [30.00 - 0.09 - 0.09, 50.00 - 200.00 - 0.09 - 0.40]
    assert sorted(log.closed["pnl"]) == pytest.approx(sorted(expected), abs=0.005)
    assert balances(log) == {("SPY260417C00600000", -2)}
    assert log.open.empty
    assert log.skipped["ACH"] == 1


FIDELITY = """

Run Date,Account,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Accrued Interest ($),\
Amount ($),Settlement Date
 03/24/2026,Z1, YOU SOLD ISHARES TR RUSSELL 2000 ETF (IWM) (Margin), IWM,ISHARES,Margin,\
-100,188,,0.4,,18799.6,03/25/2026
 03/23/2026,Z1, YOU BOUGHT ASSIGNED PUTS AS OF 03-20-26 ISHARES TR RUSSELL 2000 ETF (IWM) (Margin), IWM,ISHARES,Margin,\
100,190,,,,-19000,03/23/2026
 03/23/2026,Z1, ASSIGNED as of Mar-20-2026 PUT (IWM) ISHARES TR MAR 20 26 $190 (100 SHS), -IWM260320P190,PUT,Margin,\
1,,,,,,
 03/23/2026,Z1, EXPIRED PUT (IWM) ISHARES TR MAR 20 26 $185 (100 SHS) as of Mar-20-2026, -IWM260320P185,PUT,Margin,\
-1,,,,,,
 03/12/2026,Z1, YOU BOUGHT CLOSING TRANSACTION CALL (SPY) SPDR APR 17 26 $600 (100 SHS), -SPY260417C600,CALL,Margin,\
2,1,1.3,0.02,,-201.32,03/13/2026
 03/10/2026,Z1, YOU BOUGHT CLOSING TRANSACTION PUT (IWM) ISHARES MAR 20 26 $190 (100 SHS), -IWM260320P190,PUT,Margin,\
1,0.4,0.65,0.01,,-40.66,03/11/2026
 03/10/2026,Z1, YOU SOLD CLOSING TRANSACTION PUT (IWM) ISHARES MAR 20 26 $185 (100 SHS), -IWM260320P185,PUT,Margin,\
-1,0.2,0.65,0.01,,19.34,03/11/2026
 03/02/2026,Z1, YOU SOLD OPENING TRANSACTION PUT (IWM) ISHARES MAR 20 26 $190 (100 SHS), -IWM260320P190,PUT,Margin,\
-2,1.2,1.3,0.02,,238.68,03/03/2026
 03/02/2026,Z1, YOU BOUGHT OPENING TRANSACTION PUT (IWM) ISHARES MAR 20 26 $185 (100 SHS), -IWM260320P185,PUT,Margin,\
2,0.7,1.3,0.02,,-141.32,03/03/2026
 03/02/2026,Z1, DIVIDEND RECEIVED ISHARES TR RUSSELL 2000 ETF (IWM), IWM,ISHARES,Margin,0,,,,,11,

"The data and information in this spreadsheet is provided to you solely for your use."
Date downloaded 03/25/2026 9:00 am
"""


def test_fidelity(tmp_path):
    log = read_log(written(tmp_path, "fidelity.csv", FIDELITY))
    assert sorted(log.closed["pnl"]) == pytest.approx(sorted([30.00 - 2.64, 50.00 - 200.00 - 1.72]), abs=0.005)
    assert set(log.closed["legs"]) == {"+1P185 -1P190"}
    assert balances(log) == {("SPY260417C00600000", -2)}
    assert log.open.empty


OMEGA = """"Date Opened","Time Opened","Opening Price","Legs","Premium","Closing Price","Date Closed","Time Closed",\
"Avg. Closing Cost","Reason For Close","P/L","No. of Contracts","Margin Req.","Strategy",\
"Opening Commissions + Fees","Closing Commissions + Fees"
"2025-12-15","10:00:00",220.1,"2 Jan 16 190 P STO 1.20 | 2 Jan 16 185 P BTO 0.70",100,221.0,"2026-01-05","11:00:00",\
-40,"Profit Target",169.76,3,450,"BPS",5.12,5.12
"2026-01-06","10:00:00",220.1,"1 Jan 16 240 C STO 0.90 | 1 Jan 16 245 C BTO 0.40",50,,"","",,"",,1,450,"BCS",1.28,
"""


def test_option_omega(tmp_path):
    log = read_log(written(tmp_path, "omega.csv", OMEGA))
    # Three packages of two spreads: 3 x (100 - 40) less 10.24.
    assert list(log.closed["pnl"]) == pytest.approx([180.00 - 10.24])
    first = log.closed.iloc[0]
    assert (first["legs"], first["expiration"]) == ("+2P185 -2P190", pd.Timestamp("2026-01-16"))
    (held,) = log.open.itertuples()
    assert (held.strategy, held.credit, held.fees) == ("bear-call", 0.5, 1.28)


TASTY = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
    "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Total,Currency\n"
)


def tasty_option(when, kind, sub, action, symbol, value, count, fee="-0.14", order=""):
    cells = f'{when}-0400,{kind},{sub},{action},{symbol},Equity Option,d,"{value}",{count},0,0.00,{fee},100,,IWM,'
    return f"{cells},,,{order},0,USD"


def tasty_shares(when, kind, sub, action, value, count, fee="0.00", symbol="IWM"):
    return f'{when}-0400,{kind},{sub},{action},{symbol},Equity,d,"{value}",{count},0,0.00,{fee},,,,,,,,0,USD'


PUT, CALL = "IWM   260320P00190000", "IWM   260320C00225000"
RD = "Receive Deliver"


def test_old_shares_that_a_put_sells_are_an_opening_balance(tmp_path):
    # A protective put bought at 2.00 is exercised: the shares it sells are older than the file.
    rows = (
        tasty_option("2026-03-02T10:00:00", "Trade", "Buy to Open", "BUY_TO_OPEN", PUT, "-200.00", 1, order="1"),
        tasty_option("2026-03-20T17:00:00", RD, "Exercise", "", PUT, "0.00", 1, fee="0.00"),
        tasty_shares("2026-03-20T17:00:00", RD, "Sell to Close", "SELL_TO_CLOSE", "19,000.00", 100, fee="-5.46"),
    )
    log = read_log(written(tmp_path, "log.csv", TASTY + "\n".join(rows)))
    assert results(log) == {"+1P190": -200.00 - 0.14 - 5.46}
    assert balances(log) == {("shares of IWM", 100)}


def test_shares_of_an_option_from_before_the_file_are_told_with_it(tmp_path):
    # A put from before the file brings shares at 190 that are sold at 188: -200 less 0.40, and the premium is unknown.
    rows = (
        tasty_option("2026-03-20T17:00:00", RD, "Assignment", "", PUT, "0.00", 1, fee="0.00"),
        tasty_shares("2026-03-20T17:00:00", RD, "Buy to Open", "BUY_TO_OPEN", "-19,000.00", 100),
        tasty_shares("2026-03-23T10:00:00", "Trade", "Sell to Close", "SELL_TO_CLOSE", "18,800.00", 100, fee="-0.40"),
        tasty_shares("2026-03-24T10:00:00", "Trade", "Buy to Open", "BUY_TO_OPEN", "-18,900.00", 100, fee="-0.08"),
    )
    log = read_log(written(tmp_path, "log.csv", TASTY + "\n".join(rows)))
    (balance,) = log.opening
    assert (balance.name, balance.quantity) == ("IWM260320P00190000", -1)
    assert balance.settlement == pytest.approx(-200.40)
    assert (len(log.open), len(log.closed)) == (1, 0)


def test_a_naked_call_that_is_assigned_leaves_a_short_position(tmp_path):
    # The delivery opens: sold at 225, bought back at 230. 250 - 500 less 0.14 + 5.00 + 0.08.
    rows = (
        tasty_option("2026-03-02T10:00:00", "Trade", "Sell to Open", "SELL_TO_OPEN", CALL, "250.00", 1, order="1"),
        tasty_option("2026-03-20T17:00:00", RD, "Assignment", "", CALL, "0.00", 1, fee="0.00"),
        tasty_shares("2026-03-20T17:00:00", RD, "Sell to Open", "SELL_TO_OPEN", "22,500.00", 100, fee="-5.00"),
        tasty_shares("2026-03-23T10:00:00", "Trade", "Buy to Close", "BUY_TO_CLOSE", "-23,000.00", 100, fee="-0.08"),
    )
    log = read_log(written(tmp_path, "log.csv", TASTY + "\n".join(rows)))
    assert results(log) == {"-1C225": 250.00 - 500.00 - 5.22}
    assert log.opening == ()


def test_a_merger_converts_shares_and_their_cost(tmp_path):
    # 100 at 50 become 50 of another company: their cost is 100 each, and they are sold at 110.
    rows = (
        tasty_shares("2026-03-02T10:00:00", "Trade", "Buy to Open", "BUY_TO_OPEN", "-5,000.00", 100, symbol="XYZ"),
        tasty_shares("2026-03-09T06:00:00", RD, "Stock Merger", "SELL_TO_CLOSE", "0.00", 100, symbol="XYZ"),
        tasty_shares("2026-03-09T06:00:00", RD, "Stock Merger", "BUY_TO_OPEN", "0.00", 50, symbol="ABC"),
        tasty_shares("2026-03-10T10:00:00", "Trade", "Sell to Close", "SELL_TO_CLOSE", "5,500.00", 50, symbol="ABC"),
    )
    log = read_log(written(tmp_path, "log.csv", TASTY + "\n".join(rows)))
    (trade,) = log.closed.itertuples()
    assert (trade.symbol, trade.contracts, trade.pnl) == ("ABC", 50, pytest.approx(500.0))


def test_order_numbers_that_a_spreadsheet_rounded_do_not_join_trades(tmp_path):
    # Excel writes 3.10456E+08 for every order: two spreads of two days stay two trades.
    def trade(day, action, symbol, value):
        sub = action.replace("_", " ").title()
        return tasty_option(f"{day}T10:00:00", "Trade", sub, action, symbol, value, 1, fee="0.00", order="3.10456E+08")

    rows = (
        trade("2026-03-02", "SELL_TO_OPEN", PUT, "120.00"),
        trade("2026-03-03", "SELL_TO_OPEN", CALL, "90.00"),
        trade("2026-03-09", "BUY_TO_CLOSE", PUT, "-40.00"),
        trade("2026-03-10", "BUY_TO_CLOSE", CALL, "-30.00"),
    )
    log = read_log(written(tmp_path, "log.csv", TASTY + "\n".join(rows)))
    assert results(log) == {"-1P190": 80.0, "-1C225": 60.0}


TOS = """Account Statement for 1 since 3/1/26 through 4/30/26

Cash Balance
DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE
3/2/26,10:00:02,TRD,="1",SOLD -1 IWM 100 20 MAR 26 225 CALL @2.50,-0.03,-.65,250.00,0
3/21/26,01:15:00,RAD,="2",REMOVAL OF OPTION DUE TO ASSIGNMENT 1.0 IWM 100 20 MAR 26 225 CALL,,,,0
3/21/26,01:15:00,TRD,="3",SOLD -100 IWM UPON OPTION ASSIGNMENT,-0.50,,"22,500.00",0
{later_cash}
Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
{later_trade},3/2/26 10:00:00,SINGLE,SELL,-1,TO OPEN,IWM,20 MAR 26,225,CALL,2.50,2.50,LMT
"""


@pytest.mark.parametrize(
    ("effect", "expected", "held"),
    [
        (None, 250.00 - 0.68 - 0.50, {("shares of IWM", 100)}),  # a covered call of older shares
        ("TO OPEN", 250.00 - 0.68 - 0.50, {("shares of IWM", 100)}),  # the next purchase opens: they were older
        ("TO CLOSE", 250.00 - 0.68 - 0.50 - 500.00 - 0.08, set()),  # it closes: the assignment sold short
    ],
)
def test_thinkorswim_tells_older_shares_from_a_short_position_by_the_next_trade(tmp_path, effect, expected, held):
    cash = trade = ""
    if effect:
        cash = '3/23/26,10:00:00,TRD,="4",BOT +100 IWM @230.00,-0.08,,"-23,000.00",0\n'
        trade = f",3/23/26 10:00:00,STOCK,BUY,+100,{effect},IWM,,,ETF,230.00,230.00,MKT\n"
    log = read_log(written(tmp_path, "tos.csv", TOS.format(later_cash=cash, later_trade=trade)))
    assert results(log) == {"-1C225": expected}
    assert balances(log) == held


def test_the_period_of_a_statement_decides_the_order_of_day_and_month(tmp_path):
    # 3 February and 2 March 2026 are sessions both, before the expiration; only March lies in the period.
    rows = (
        "Statement,Header,Field Name,Field Value",
        'Statement,Data,Period,"March 1, 2026 - March 31, 2026"',
        "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Comm/Fee,Code",
        'Trades,Data,Order,Equity and Index Options,USD,IWM 20MAR26 190 P,"03/02/2026, 10:00:00",-1,1.2,-1,O',
        'Trades,Data,Order,Equity and Index Options,USD,IWM 20MAR26 190 P,"03/03/2026, 10:00:00",1,0.4,-1,C',
    )
    log = read_log(written(tmp_path, "ib.csv", "\n".join(rows)))
    assert list(log.closed["exit"]) == [pd.Timestamp("2026-03-03 10:00")]
    with refused_data("cut.csv", "", "2026-03-02", "2026-02-03"):
        read_log(written(tmp_path, "cut.csv", "\n".join((rows[0], *rows[2:]))))


def test_two_accounts_of_schwab_in_one_file_are_kept_apart(tmp_path):
    header = '"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"\n'
    bought = '"03/02/2026","Buy","IWM","x","100","$200.00","","-$20,000.00"\n'
    text = (
        '"Transactions  for account Individual ...123 as of 04/01/2026 10:00:00 ET"\n'
        + header
        + '"03/10/2026","Sell","IWM","x","100","$202.00","","$20,200.00"\n'
        + bought
        + '"Transactions  for account Roth IRA ...789 as of 04/01/2026 10:00:00 ET"\n'
        + header
        + bought
    )
    log = read_log(written(tmp_path, "schwab.csv", text))
    assert list(log.closed["pnl"]) == [200.00]
    assert list(log.open["market"]) == ["Schwab transaction history, account ...789"]
    assert any(shows(note, "2 accounts", "apart") for note in log.notes)


def test_other_sections_of_a_flex_query_are_counted(tmp_path):
    cash = "ClientAccountID,CurrencyPrimary,Symbol,Date/Time,Amount,Type\nU1,USD,IWM,20260310,11.00,Dividends\n"
    marked = "HEADER,CTRN,ClientAccountID,CurrencyPrimary,Symbol,Amount\nDATA,CTRN,U1,USD,IWM,11.00\n"
    for name, text, words in (
        ("plain.csv", FLEX + cash, "cash transactions (not in the results)"),
        ("marked.csv", flex_marked(FLEX) + "\n" + marked, "section CTRN"),
    ):
        log = read_log(written(tmp_path, name, text))
        assert sorted(log.closed["pnl"]) == pytest.approx(sorted(FLEX_RESULTS), abs=0.005)
        assert log.skipped[words] == 1
        assert not shows(log.problems, "header")


@pytest.mark.parametrize("side", ["SELL (Ca.)", ""])
@pytest.mark.parametrize("is_csv", [True, False])
def test_a_cancelled_trade_of_a_flex_query_is_taken_back(tmp_path, side, is_csv):
    # Sold at 1.20 twice; the second is cancelled and corrected to 1.25. Bought back at 0.40.
    header, row = FLEX.splitlines()[0], "U1,USD,OPT,IWM   260320P00190000,IWM,100,190,20260320,P,{},EXECUTION"
    rows = (
        row.format("20260302;100000,-1,1.20,-1.05,O,P,SELL,71"),
        row.format("20260303;100000,-1,1.20,-1.05,O,P,SELL,72"),
        row.format(f"20260303;100000,1,1.20,1.05,O,Ca,{side},72"),
        row.format("20260303;100001,-1,1.25,-1.05,O,Co,SELL,73"),
        row.format("20260310;100000,2,0.40,-2.10,C,P,BUY,74"),
    )
    text = "\n".join((header, *rows))
    log = read_log(written(tmp_path, "flex", text if is_csv else flex_xml(text)))
    assert list(log.closed["pnl"]) == pytest.approx([120.00 - 40.00 - 2.10, 125.00 - 40.00 - 2.10])
    assert list(log.closed["entry"].dt.day) == [2, 3]
    assert (log.skipped, log.open.empty) == ({"cancelled trades and their cancellations": 2}, True)


def test_cash_of_index_options_in_flex_xml_is_that_of_its_own_section(tmp_path):
    trade = (
        '<Trade assetCategory="OPT" currency="USD" symbol="SPXW  260320P06000000" underlyingSymbol="SPX"'
        ' multiplier="100" dateTime="{}" quantity="{}" tradePrice="{}" ibCommission="{}" '
        'openCloseIndicator="{}" notes="{}"/>'
    )
    sold = trade.format("20260302;100000", -2, 20, -2.10, "O", "")
    assigned = trade.format("20260320;162000", 2, 0, 0, "C", "A")
    cash = '<OptionEAE symbol="SPXW  260320P06000000" transactionType="Cash Settlement" proceeds="-3000"/>'
    statement = (
        '<FlexQueryResponse><FlexStatements><FlexStatement accountId="U1"><Trades>{}</Trades>{}</FlexStatement>'
        "</FlexStatements></FlexQueryResponse>"
    )
    log = read_log(written(tmp_path, "flex.xml", statement.format(sold + assigned, f"<OptionEAE>{cash}</OptionEAE>")))
    assert list(log.closed["pnl"]) == [pytest.approx(4_000.00 - 3_000.00 - 2.10)]
    with refused_data("flex.xml, Interactive Brokers Flex query", "trades"):
        read_log(written(tmp_path, "flex.xml", statement.format(sold + assigned, "")))


def test_flex_statements_that_share_a_period_count_its_trades_once(tmp_path):
    text = flex_xml(FLEX)
    statement = text[text.index("<FlexStatement ") : text.index("</FlexStatements>")]
    log = read_log(written(tmp_path, "flex.xml", text.replace(statement, statement + statement)))
    assert sorted(log.closed["pnl"]) == pytest.approx(sorted(FLEX_RESULTS), abs=0.005)
    assert log.skipped["rows that an export joined before it holds too"] == len(FLEX.splitlines()) - 1


def test_packages_partly_closed_are_named_with_what_is_left(tmp_path):
    text = (
        '"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"\n'
        '"03/11/2026","Sell to Close","IWM 03/20/2026 185.00 P","x","1","$0.20","","$20.00"\n'
        '"03/10/2026","Buy to Close","IWM 03/20/2026 190.00 P","x","2","$0.40","","-$80.00"\n'
        '"03/02/2026","Buy to Open","IWM 03/20/2026 185.00 P","x","3","$0.70","","-$210.00"\n'
        '"03/02/2026","Sell to Open","IWM 03/20/2026 190.00 P","x","3","$1.20","","$360.00"\n'
    )
    log = read_log(written(tmp_path, "schwab.csv", text))
    assert list(log.closed["pnl"]) == [pytest.approx(120.00 - 70.00 - 40.00 + 20.00)]
    assert sorted(log.open["reason"]) == ["open", "partly closed: +1P185 left"]
    assert list(log.open["contracts"]) == [1, 1]


def test_a_split_in_flex_xml(tmp_path):
    trade = '<Trade assetCategory="STK" currency="USD" symbol="IWM" dateTime="{}" quantity="{}" tradePrice="{}" {}/>'
    bought = trade.format("20260302;100000", 100, 200, 'ibCommission="-1" openCloseIndicator="O" buySell="BUY"')
    sold = trade.format("20260310;100000", -200, 101, 'ibCommission="-1" openCloseIndicator="C" buySell="SELL"')
    split = (
        '<CorporateAction assetCategory="STK" symbol="IWM" dateTime="20260305;202500" quantity="100" '
        'actionDescription="IWM(US4642876555) SPLIT 2 FOR 1 (IWM, ISHARES RUSSELL 2000 ETF, US4642876555)"/>'
    )
    text = (
        '<FlexQueryResponse><FlexStatements><FlexStatement accountId="U1">'
        f"<Trades>{bought}{sold}</Trades><CorporateActions>{split}</CorporateActions>"
        "</FlexStatement></FlexStatements></FlexQueryResponse>"
    )
    log = read_log(written(tmp_path, "flex.xml", text))
    assert list(log.closed["pnl"]) == [pytest.approx(200.00 - 2.00, abs=0.005)]
    assert log.opening == ()
