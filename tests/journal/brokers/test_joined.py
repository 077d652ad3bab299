"""Several accounts, and several periods, in one file: accounts are never netted, shared rows are read once.

A put bought at 1.20 in one account; one sold at 0.40 in another, from before the file.
"""

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import shows

TOS = """Account Statement for {account} (ira) since 3/1/26 through {end}

Cash Balance
DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE
{cash}
Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
{trades}"""
TOS_BOUGHT = {
    "cash": "3/2/26,10:00:02,TRD,1,BOT +1 IWM 100 20 MAR 26 190 PUT @1.20,-0.03,-.65,-120.00,0\n",
    "trades": ",3/2/26 10:00:00,SINGLE,BUY,+1,TO OPEN,IWM,20 MAR 26,190,PUT,1.20,1.20,LMT\n",
}
TOS_SOLD = {
    "cash": "3/10/26,10:00:02,TRD,2,SOLD -1 IWM 100 20 MAR 26 190 PUT @.40,-0.03,-.65,40.00,0\n",
    "trades": ",3/10/26 10:00:00,SINGLE,SELL,-1,TO CLOSE,IWM,20 MAR 26,190,PUT,.40,.40,LMT\n",
}
IB = """Statement,Header,Field Name,Field Value
Account Information,Header,Field Name,Field Value
Account Information,Data,Account,{account}
Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,Code
{trades}"""
IB_ROW = "Trades,Data,Order,Equity and Index Options,USD,IWM 20MAR26 190 P,"
IB_BOUGHT = f'{IB_ROW}"2026-03-02, 10:00:00",1,1.2,-120,-0.68,O\n'
IB_SOLD = f'{IB_ROW}"2026-03-10, 10:00:00",-1,0.4,40,-0.68,C\n'
TASTY = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
    "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Total,Currency,Account\n"
    "2026-03-10T10:00:00-0400,Trade,x,SELL_TO_CLOSE,IWM   260320P00190000,Equity Option,d,40.00,1,40,0,-0.68,100,IWM,"
    "IWM,3/20/26,190,PUT,2,0,USD,B\n"
    "2026-03-02T10:00:00-0500,Trade,x,BUY_TO_OPEN,IWM   260320P00190000,Equity Option,d,-120.00,1,-120,0,-0.68,100,IWM,"
    "IWM,3/20/26,190,PUT,1,0,USD,A\n"
)
ACCOUNTS = {
    "schwab": (
        '"Account","Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"\n'
        '"B","03/10/2026","Sell to Close","IWM 03/20/2026 190.00 P","x","1","$0.40","$0.68","$39.32"\n'
        '"A","03/02/2026","Buy to Open","IWM 03/20/2026 190.00 P","x","1","$1.20","$0.68","-$120.68"\n'
    ),
    "robinhood": (
        "Account #,Activity Date,Process Date,Settle Date,Instrument,Description,Trans Code,Quantity,Price,Amount\n"
        "B,3/10/2026,,,IWM,IWM 3/20/2026 Put $190.00,STC,1,$0.40,$39.32\n"
        "A,3/2/2026,,,IWM,IWM 3/20/2026 Put $190.00,BTO,1,$1.20,($120.68)\n"
    ),
    "fidelity": (
        "Run Date,Account,Account Number,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Amount ($)\n"
        "03/10/2026,Same name,B,YOU SOLD CLOSING TRANSACTION PUT, -IWM260320P190,P,Margin,-1,0.40,0.68,39.32\n"
        "03/02/2026,Same name,A,YOU BOUGHT OPENING TRANSACTION PUT, -IWM260320P190,P,Margin,1,1.20,0.68,-120.68\n"
    ),
    "tastytrade": TASTY,
    "interactive brokers": IB.format(account="A", trades=IB_BOUGHT) + IB.format(account="B", trades=IB_SOLD),
    "thinkorswim": (
        TOS.format(account="A", end="3/15/26", **TOS_BOUGHT) + "\n" + TOS.format(account="B", end="3/15/26", **TOS_SOLD)
    ),
}


def read(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text)
    return read_log(file)


@pytest.mark.parametrize("broker", ACCOUNTS)
def test_accounts_of_one_file_never_close_each_others_positions(tmp_path, broker):
    log = read(tmp_path, ACCOUNTS[broker])
    assert log.closed.empty
    assert [(market[-9:], fees) for market, fees in zip(log.open["market"], log.open["fees"], strict=True)] == [
        ("account A", pytest.approx(0.68))
    ]
    assert [(balance.account, balance.quantity) for balance in log.opening] == [("B", 1)]
    assert any(shows(note, "2 accounts", "apart: A, B") for note in log.notes)


@pytest.mark.parametrize("broker", ACCOUNTS)
def test_the_same_rows_in_one_account_are_a_round_trip(tmp_path, broker):
    text = ACCOUNTS[broker].replace('"B"', '"A"').replace("\nB,", "\nA,").replace(",B,", ",A,").replace(",B\n", ",A\n")
    log = read(tmp_path, text.replace("Statement for B", "Statement for A"))
    assert list(log.closed["pnl"]) == [pytest.approx(-120.00 + 40.00 - 2 * 0.68)]
    assert log.opening == ()
    assert not any("account A" in market for market in log.trades["market"])


JOINED = {
    "interactive brokers": (
        IB.format(account="A", trades=IB_BOUGHT + IB_BOUGHT),
        IB.format(account="A", trades=IB_BOUGHT + IB_BOUGHT + IB_SOLD),
        2,
    ),
    "thinkorswim": (
        TOS.format(account="A", end="3/5/26", **{name: 2 * text for name, text in TOS_BOUGHT.items()}) + "\n",
        TOS.format(
            account="A", end="3/15/26", **{name: 2 * TOS_BOUGHT[name] + text for name, text in TOS_SOLD.items()}
        ),
        4,  # and the cash of each
    ),
}


@pytest.mark.parametrize("broker", JOINED)
def test_a_period_that_two_joined_statements_share_is_read_once(tmp_path, broker):
    """Two puts bought in two like orders, one sold; the longer statement holds the rows of the shorter one too."""
    shorter, longer, repeated = JOINED[broker]
    log = read(tmp_path, shorter + longer)
    assert list(log.closed["pnl"]) == [pytest.approx(-120.00 + 40.00 - 2 * 0.68)]
    assert list(log.open["contracts"]) == [1]
    assert log.skipped["rows that an export joined before it holds too"] == repeated
    alone = read(tmp_path, longer)
    assert list(alone.trades["pnl"].dropna()) == list(log.trades["pnl"].dropna())


def test_a_statement_of_many_cash_rows_is_known_by_the_section_below_them(tmp_path):
    cash = "".join(
        f"3/{2 + place % 9}/26,1{place % 10}:00:00,EFN,{place},TRANSFER,,,1.00,0\n" for place in range(2_500)
    )
    rows = {name: TOS_BOUGHT[name] + TOS_SOLD[name] for name in ("cash", "trades")}
    log = read(tmp_path, TOS.format(account="A", end="3/15/26", cash=cash + rows["cash"], trades=rows["trades"]))
    assert list(log.closed["pnl"]) == [pytest.approx(-120.00 + 40.00 - 2 * 0.68)]
    assert log.skipped == {"EFN in Cash Balance": 2_500}


def test_cash_sections_of_a_statement_are_counted(tmp_path):
    sections = (
        "Interest,Header,Currency,Date,Description,Amount\nInterest,Data,USD,2026-03-05,Debit,-3.10\n"
        "Interest,Data,Total,,,-3.10\n"
        "Fees,Header,Subtitle,Currency,Date,Description,Amount\nFees,Data,Other,USD,2026-03-05,Data,-4.50\n"
    )
    log = read(tmp_path, IB.format(account="A", trades=IB_BOUGHT + IB_SOLD) + sections)
    assert log.skipped == {"Interest (not in the results)": 1, "Fees (not in the results)": 1}
