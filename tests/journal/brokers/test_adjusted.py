"""Adjusted contracts (IWM1) in logs of every broker: left out and counted by root, the rest read as without them.

The put of IWM is sold at 1.20 and bought back at 0.40: 80 dollars less the fees.
"""

import json

import pytest

from iwm_opts.errors import DataError
from iwm_opts.journal.readers import read_log
from tests.refusals import shows

SCHWAB = (
    '"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"\n'
    '"03/10/2026","Buy to Close","IWM1 03/20/2026 190.00 P","P","1","$0.10","$0.66","-$10.66"\n'
    '"03/10/2026","Buy to Close","IWM 03/20/2026 190.00 P","P","1","$0.40","$0.66","-$40.66"\n'
    '"03/02/2026","Sell to Open","IWM1 03/20/2026 190.00 P","P","1","$9.00","$0.66","$899.34"\n'
    '"03/02/2026","Sell to Open","IWM 03/20/2026 190.00 P","P","1","$1.20","$0.66","$119.34"\n'
)
ROBINHOOD = (
    '"Activity Date","Process Date","Settle Date","Instrument","Description","Trans Code","Quantity","Price","Amount"\n'
    '"3/10/2026","","","IWM1","IWM1 3/20/2026 Put $190.00","BTC","1","$0.10","($10.00)"\n'
    '"3/10/2026","","","IWM","IWM 3/20/2026 Put $190.00","BTC","1","$0.40","($40.00)"\n'
    '"3/2/2026","","","IWM1","IWM1 3/20/2026 Put $190.00","STO","1","$9.00","$900.00"\n'
    '"3/2/2026","","","IWM","IWM 3/20/2026 Put $190.00","STO","1","$1.20","$120.00"\n'
)
FIDELITY = (
    "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($),Settlement Date\n"
    "03/10/2026,YOU BOUGHT CLOSING TRANSACTION PUT, -IWM1260320P190,P,Margin,1,0.10,,,-10,\n"
    "03/10/2026,YOU BOUGHT CLOSING TRANSACTION PUT, -IWM260320P190,P,Margin,1,0.40,,,-40,\n"
    "03/02/2026,YOU SOLD OPENING TRANSACTION PUT, -IWM1260320P190,P,Margin,-1,9.00,,,900,\n"
    "03/02/2026,YOU SOLD OPENING TRANSACTION PUT, -IWM260320P190,P,Margin,-1,1.20,,,120,\n"
)
IB = "Trades,Data,Order,Equity and Index Options,USD,{root} 20MAR26 190 P,"
IB_STATEMENT = (
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,C. Price,Proceeds,"
    "Comm/Fee,Basis,Realized P/L,MTM P/L,Code\n"
    + IB.format(root="IWM")
    + '"2026-03-02, 10:00:00",-1,1.2,0,0,0,0,0,0,O\n'
    "" + IB.format(root="IWM1") + '"2026-03-02, 10:00:00",-1,9,0,0,0,0,0,0,O\n'
    "" + IB.format(root="IWM") + '"2026-03-10, 10:00:00",1,0.4,0,0,0,0,0,0,C\n'
    "" + IB.format(root="IWM1") + '"2026-03-10, 10:00:00",1,0.1,0,0,0,0,0,0,C\n'
)
TASTY = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
    "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Total,Currency\n"
) + "".join(
    f"2026-03-{day}T10:00:00-0500,Trade,x,{action},{root:<6}260320P00190000,Equity Option,x,{value},1,0,--,0.00,100,"
    f"{root},IWM,3/20/26,190,PUT,{order},0,USD\n"
    for day, action, root, value, order in (
        ("10", "BUY_TO_CLOSE", "IWM1", -10, 4), ("10", "BUY_TO_CLOSE", "IWM", -40, 3),
        ("02", "SELL_TO_OPEN", "IWM1", 900, 2), ("02", "SELL_TO_OPEN", "IWM", 120, 1),
    )
)  # fmt: skip
TOS = """Cash Balance
DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE

Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,3/10/26 10:01:00,SINGLE,BUY,+1,TO CLOSE,IWM1,20 MAR 26,190,PUT,.10,.10,LMT
,3/10/26 10:00:00,SINGLE,BUY,+1,TO CLOSE,IWM,20 MAR 26,190,PUT,.40,.40,LMT
,3/2/26 10:01:00,SINGLE,SELL,-1,TO OPEN,IWM1,20 MAR 26,190,PUT,9.00,9.00,LMT
,3/2/26 10:00:00,SINGLE,SELL,-1,TO OPEN,IWM,20 MAR 26,190,PUT,1.20,1.20,LMT
"""
TD = "DATE,TRANSACTION ID,DESCRIPTION,QUANTITY,SYMBOL,PRICE,COMMISSION,AMOUNT,REG FEE\n" + "".join(
    f"{day},{n},{verb} 1 {root} Mar 20 2026 190.0 Put @ {price},1,{root} Mar 20 2026 190.0 Put,{price},0,{amount},0\n"
    for n, (day, verb, root, price, amount) in enumerate(
        (
            ("03/02/2026", "Sold", "IWM", 1.20, 120), ("03/02/2026", "Sold", "IWM1", 9.00, 900),
            ("03/10/2026", "Bought", "IWM", 0.40, -40), ("03/10/2026", "Bought", "IWM1", 0.10, -10),
        )
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fees"),
    [(SCHWAB, 1.32), (ROBINHOOD, 0), (FIDELITY, 0), (IB_STATEMENT, 0), (TASTY, 0), (TOS, 0), (TD, 0)],
    ids=["schwab", "robinhood", "fidelity", "interactive brokers", "tastytrade", "thinkorswim", "td ameritrade"],
)
def test_adjusted_contracts_are_left_out_and_counted(tmp_path, text, fees):
    file = tmp_path / "log.csv"
    file.write_text(text)
    log = read_log(file)
    assert list(log.trades["pnl"]) == [pytest.approx(80.00 - fees, abs=0.005)]
    assert log.skipped["adjusted contracts IWM1 (they deliver other than 100 shares)"] == 2
    assert log.opening == ()
    assert any(shows(note, "2 of", "contracts IWM1") for note in log.notes)


def test_a_position_that_becomes_adjusted_is_left_out_by_name(tmp_path):
    """A reverse split turns IWM into IWM1: what the contract delivers then is not 100 shares."""
    header, _, _, opened = TASTY.splitlines()[:1] + TASTY.splitlines()[2:5]
    change = (
        "2026-03-05T06:00:00-0500,Receive Deliver,Reverse Split,{action},{root:<6}260320P00190000,Equity Option,"
        "Reverse split,0,1,0,--,0.00,100,{root},IWM,3/20/26,190,PUT,,0,USD"
    )
    other = [
        line.replace("IWM   2603", "SPY   2603").replace(",IWM,IWM,", ",SPY,SPY,")
        for line in (TASTY.splitlines()[2], opened)
    ]
    rows = [
        header, TASTY.splitlines()[1], change.format(action="SELL_TO_OPEN", root="IWM1"),
        change.format(action="BUY_TO_CLOSE", root="IWM"), opened, *other,
    ]  # fmt: skip
    file = tmp_path / "log.csv"
    file.write_text("\n".join(rows) + "\n")
    log = read_log(file)
    assert list(log.trades["symbol"]) == ["SPY"]
    assert any(shows(problem, "on IWM260320P00190000") for problem in log.problems)


def test_schwab_json_holds_the_rows_of_the_csv(tmp_path):
    header, *rows = (line.strip('"').split('","') for line in SCHWAB.splitlines())
    records = [dict(zip(header, row, strict=True)) | {"AcctgRuleCd": "1"} for row in rows]
    file = tmp_path / "Individual_Transactions.json"
    file.write_text(json.dumps({"FromDate": "03/01/2026", "BrokerageTransactions": records}))
    log = read_log(file)
    assert list(log.closed["pnl"]) == [pytest.approx(80.00 - 1.32, abs=0.005)]
    assert shows(log.source, "Schwab")


AMOUNTS = {
    "schwab": SCHWAB.replace("-$40.66", "-$60.66").replace("$119.34", "$179.34"),
    "fidelity": FIDELITY.replace(",-40,", ",-60,").replace(",120,", ",180,"),
    "interactive brokers": IB_STATEMENT.replace("-1,1.2,0,0", "-1,1.2,0,180").replace("1,0.4,0,0", "1,0.4,0,-60"),
    "tastytrade": TASTY.replace("0.00,100,IWM,", "0.00,150,IWM,"),
    "robinhood": ROBINHOOD.replace("($40.00)", "($60.00)").replace("$120.00", "$180.00"),
    "td ameritrade": TD.replace("0,-40,", "0,-60,").replace("0,120,", "0,180,"),
    "thinkorswim": TOS.replace(
        "BALANCE\n",
        "BALANCE\n3/2/26,10:00:00,TRD,1,SOLD -1 IWM 150 20 MAR 26 190 PUT @1.20,,,180.00,0\n"
        "3/10/26,10:00:00,TRD,2,BOT +1 IWM 150 20 MAR 26 190 PUT @.40,,,-60.00,0\n",
        1,
    ),
}


@pytest.mark.parametrize("broker", AMOUNTS)
def test_contracts_of_150_shares_under_the_plain_root_are_left_out_by_their_amounts(tmp_path, broker):
    file = tmp_path / "log.csv"
    file.write_text(AMOUNTS[broker])
    with pytest.raises(DataError) as refusal:
        read_log(file)
    assert refusal.value.field == "trades"
    assert any(word in refusal.value.remedy for word in ("amount", "proceeds", "150 shares"))


DELIVERED = {
    "schwab": SCHWAB
    + '"03/12/2026","Sell","IWM","x","100","$191.00","","$19,100.00"\n'
    + '"03/11/2026","Buy","IWM","x","100","$185.00","","-$18,500.00"\n'
    + '"03/11/2026","Assigned","IWM1 03/20/2026 185.00 P","P","1","","",""\n',
    "tastytrade": TASTY
    + "2026-03-12T10:00:00-0500,Trade,x,SELL_TO_CLOSE,IWM,Equity,x,19100,100,0,--,0.00,,,,,,,9,0,USD\n"
    + "2026-03-11T17:00:00-0500,Receive Deliver,x,BUY_TO_OPEN,IWM,Equity,x,-18500,100,0,--,0.00,,,,,,,,0,USD\n"
    + "2026-03-11T17:00:00-0500,Receive Deliver,Assignment,,IWM1  260320P00185000,Equity Option,x,0,1,0,--,0.00,100,"
    "IWM1,IWM,3/20/26,185,PUT,,0,USD\n",
    "interactive brokers": IB_STATEMENT
    + IB.format(root="IWM1").replace("190", "185")
    + '"2026-03-11, 16:20:00",1,0,0,0,0,0,0,0,A;C\n'
    + 'Trades,Data,Order,Stocks,USD,IWM,"2026-03-11, 16:20:00",100,185,0,-18500,0,0,0,0,A;O\n'
    + 'Trades,Data,Order,Stocks,USD,IWM,"2026-03-12, 10:00:00",-100,191,0,19100,0,0,0,0,C\n',
}


@pytest.mark.parametrize("broker", DELIVERED)
def test_shares_that_adjusted_contracts_deliver_are_bought_at_the_strike(tmp_path, broker):
    """Bought at 185, sold at 191: 600 dollars; not shares from before the file."""
    file = tmp_path / "log.csv"
    file.write_text(DELIVERED[broker])
    log = read_log(file)
    fees = 1.32 if broker == "schwab" else 0.0
    assert sorted(log.closed["pnl"]) == pytest.approx([80.00 - fees, 600.00])
    assert (log.opening, log.open.empty) == ((), True)
    assert log.skipped == {"adjusted contracts IWM1 (they deliver other than 100 shares)": 3}


@pytest.mark.parametrize(
    ("given", "result"),
    [("multiplier,pnl\n{},150,", 150 * 0.80 - 1.00), ("multiplier,pnl\n{},,119.00", 119.00), ("note,pnl\n{},,", None)],
)
def test_adjusted_contracts_of_an_own_log_need_their_multiplier_or_result(tmp_path, given, result):
    """Sold at 1.20, bought back at 0.40, for 150 shares; never 80 dollars less the fees."""
    file = tmp_path / "log.csv"
    header = "entry,exit,symbol,legs,expiration,contracts,credit,debit,fees,"
    row = "2026-03-02,2026-03-10,IWM1,-1P190,2026-03-20,1,1.20,0.40,1.00"
    other = row.replace("IWM1", "IWM") + ",,\n"
    file.write_text(header + given.format(row) + "\n" + other)
    log = read_log(file)
    expected = [79.00] if result is None else [result, 79.00]
    assert list(log.closed["pnl"]) == pytest.approx(expected)
    said = "line 2: symbol IWM1: adjusted contracts deliver other than 100 shares"
    assert [problem.startswith(said) for problem in log.problems] == ([True] if result is None else [])
