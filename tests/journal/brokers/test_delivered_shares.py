"""Shares delivered for an option that the file does not hold: bought and sold at the strike, never lost.

100 shares are bought at 195 and called away at 200: 500 dollars less the charges of the rows.
"""

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import shows

FIDELITY = "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($)\n"
HISTORY = (
    "Statement,Header,Field Name,Field Value\nStatement,Data,Title,Transaction History\n"
    "Transaction History,Header,Date,Account,Description,Transaction Type,Symbol,Quantity,Price,Price Currency,"
    "Gross Amount ,Commission,Net Amount\n"
)
FLEX = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,Strike,Expiry,Put/Call,DateTime,Quantity,TradePrice,Proceeds,"
    "IBCommission,Open/CloseIndicator,Notes/Codes,Buy/Sell,IBOrderID\n"
)
STATEMENT = (
    "Statement,Header,Field Name,Field Value\n"
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,"
    "Code\n"
)
TASTY = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
    "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Total,Currency\n"
)
TOS = """Account Statement for 1 (ira) since 2/1/26 through 3/31/26

Cash Balance
DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE
2/2/26,10:00:05,TRD,1,BOT +100 IWM @195.00,,-1.00,-19500.00,1
3/20/26,17:00:05,EXP,2,SOLD -100.0 IWM UPON CALL ASSIGNMENT,,,20000.00,1
{ending}
Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,2/2/26 10:00:05,STOCK,BUY,+100,TO OPEN,IWM,,,STOCK,195.00,195.00,LMT
{sold}"""
CALLED_AWAY = {
    "fidelity": (
        FIDELITY
        + "03/23/2026,YOU SOLD ASSIGNED CALLS AS OF 03-20-26 ISHARES (IWM) (Margin),IWM,x,Margin,-100,200,,,20000\n"
        + "02/02/2026,YOU BOUGHT ISHARES (IWM) (Margin),IWM,x,Margin,100,195,,,-19500\n",
        500.00,
    ),
    "transaction history": (
        HISTORY
        + "Transaction History,Data,2026-03-20,U1,Sell 100 IWM (Assignment),Assignment,IWM,-100.0,200.0,USD,20000,-,1\n"
        + "Transaction History,Data,2026-02-02,U1,IWM,Buy,IWM,100.0,195.0,USD,-19500,-1.0,1\n",
        499.00,
    ),
    "flex": (
        FLEX
        + "U1,USD,STK,IWM,,,,20260202;100000,100,195,-19500,-1,O,,BUY,1\n"
        + "U1,USD,STK,IWM,,,,20260320;162000,-100,200,20000,0,C,A,SELL,\n",
        499.00,
    ),
    "statement": (
        STATEMENT
        + 'Trades,Data,Order,Stocks,USD,IWM,"2026-02-02, 10:00:00",100,195,-19500,-1,O\n'
        + 'Trades,Data,Order,Stocks,USD,IWM,"2026-03-20, 16:20:00",-100,200,20000,0,A;C\n',
        499.00,
    ),
    "tastytrade": (
        TASTY
        + "2026-03-20T16:00:00-0400,Receive Deliver,Sell to Close,SELL_TO_CLOSE,IWM,Equity,Sell to Close 100 IWM,"
        + '"20,000.00",100,200.00,--,-5.00,,,IWM,,,,,19995.00,USD\n'
        + "2026-02-02T10:00:00-0500,Trade,Buy to Open,BUY_TO_OPEN,IWM,Equity,Bought 100 IWM,"
        + '"-19,500.00",100,-195.00,--,-0.08,,,IWM,,,,4001,-19500.08,USD\n',
        494.92,
    ),
    "thinkorswim": (TOS.format(ending="", sold=""), 499.00),
}


def read(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text)
    return read_log(file)


@pytest.mark.parametrize("broker", CALLED_AWAY)
def test_shares_called_away_by_an_option_of_another_file_are_sold_at_its_strike(tmp_path, broker):
    text, dollars = CALLED_AWAY[broker]
    log = read(tmp_path, text)
    assert list(log.closed["pnl"]) == [pytest.approx(dollars)]
    assert (log.open.empty, log.opening, log.problems, log.skipped) == (True, (), (), {})
    said = "100 IWM sold at 200 for an option that the file does not hold: counted as a sale of shares"
    assert sum(said in note for note in log.notes) == 1


def test_of_two_deliveries_one_belongs_to_the_option_of_the_file(tmp_path):
    """The put sold at 1.20 brings 100 shares at 190, sold at 193: 420; the call of another file sells at 200: 500."""
    rows = (
        "03/23/2026,YOU BOUGHT ASSIGNED PUTS AS OF 03-20-26 (IWM) (Margin),IWM,x,Margin,100,190,,,-19000\n"
        "03/23/2026,ASSIGNED as of Mar-20-2026 PUT (IWM), -IWM260320P190,x,Margin,1,,,,\n"
        "03/02/2026,YOU SOLD OPENING TRANSACTION PUT (IWM), -IWM260320P190,x,Margin,-1,1.2,,,120\n"
        "03/24/2026,YOU SOLD ISHARES (IWM) (Margin),IWM,x,Margin,-100,193,,,19300\n"
    )
    log = read(tmp_path, CALLED_AWAY["fidelity"][0] + rows)
    assert log.closed["pnl"].sum() == pytest.approx(120.00 + 300.00 + 500.00)
    assert (log.open.empty, log.opening, log.problems) == (True, (), ())
    assert log.skipped == {"shares delivered (they follow from the options)": 1}
    assert sum(shows(note, "an option") for note in log.notes) == 1


def test_a_delivery_for_more_contracts_than_the_file_holds_is_cut(tmp_path):
    """200 shares go at 200 for two calls, one of them in the file: 500 of shares, 150 of premium and 500 of shares."""
    text = FLEX + (
        "U1,USD,STK,IWM,,,,20260202;100000,200,195,-39000,-2,O,,BUY,1\n"
        "U1,USD,OPT,IWM   260320C00200000,200,20260320,C,20260302;100000,-1,1.5,150,-1,O,,SELL,2\n"
        "U1,USD,OPT,IWM   260320C00200000,200,20260320,C,20260320;162000,1,0,0,0,C,A,BUY,\n"
        "U1,USD,STK,IWM,,,,20260320;162000,-200,200,40000,-3,C,A,SELL,\n"
    )
    log = read(tmp_path, text)
    assert log.closed["pnl"].sum() == pytest.approx(150.00 + 1000.00 - 2.00 - 1.00 - 3.00)
    assert (log.open.empty, log.opening, log.problems) == (True, (), ())
    assert any(shows(note, "100 IWM sold at 200 for") for note in log.notes)


def test_shares_of_a_put_of_another_file_are_a_purchase_at_its_strike(tmp_path):
    """Bought at 190, sold at 188.50 less 1.02."""
    text = FLEX + (
        "U1,USD,STK,IWM,,,,20260320;162000,100,190,-19000,0,O,A,BUY,\n"
        "U1,USD,STK,IWM,,,,20260324;100000,-100,188.5,18850,-1.02,C,,SELL,2\n"
    )
    log = read(tmp_path, text)
    assert list(log.closed["pnl"]) == [pytest.approx(-150.00 - 1.02)]
    said = "line 2: 100 IWM bought at 190 for an option that the file does not hold: counted as a purchase of shares"
    assert said in log.notes
