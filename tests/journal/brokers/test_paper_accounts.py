"""Accounts that a broker keeps on paper: their trades are read, and named as no own fills."""

import pytest

from iwm_opts.journal.fill_calibration import is_own
from iwm_opts.journal.readers import read_log
from tests.refusals import shows

IB = (
    "Statement,Header,Field Name,Field Value\nAccount Information,Data,Account,{account}\n"
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,"
    "Code\n"
    'Trades,Data,Order,Equity and Index Options,USD,IWM 20MAR26 190 P,"2026-03-02, 10:00:00",-1,1,100,-1,O\n'
    'Trades,Data,Order,Equity and Index Options,USD,IWM 20MAR26 190 P,"2026-03-10, 10:00:00",1,0.5,-50,-1,C\n'
)
FLEX = (
    "ClientAccountID,AssetClass,Symbol,DateTime,Quantity,TradePrice,IBCommission,Open/CloseIndicator\n"
    "{account},OPT,IWM   260320P00190000,20260302;100000,-1,1,-1,O\n"
    "{account},OPT,IWM   260320P00190000,20260310;100000,1,0.5,-1,C\n"
)
HISTORY = (
    "Statement,Header,Field Name,Field Value\nTransaction History,Header,Date,Account,Description,Transaction Type,"
    "Symbol,Quantity,Price,Price Currency,Gross Amount,Commission,Net Amount\n"
    "Transaction History,Data,2026-03-10,{account},IWM 20MAR26 190 P,Buy,x,1,0.5,USD,-50,-1,-51\n"
    "Transaction History,Data,2026-03-02,{account},IWM 20MAR26 190 P,Sell,x,-1,1,USD,100,-1,99\n"
)
TOS_TRADES = (
    ",Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type\n"
    ",3/10/26 10:00:00,SINGLE,BUY,+1,TO CLOSE,IWM,20 MAR 26,190,PUT,.51,.51,LMT\n"
    ",3/2/26 10:00:00,SINGLE,SELL,-1,TO OPEN,IWM,20 MAR 26,190,PUT,.99,.99,LMT\n"
)
TOS = "Account Statement for {account} (margin) since 3/1/26 through 3/31/26\n\nAccount Trade History\n" + TOS_TRADES
TODAY = "Today's Trade Activity for {account} on 3/10/26 16:00:00\n\nFilled Orders\n" + TOS_TRADES
ACCOUNTS = {
    "statement": (IB, "DU1234567", "U1234567"),
    "flex query": (FLEX, "DU1234567", "U1234567"),
    "transaction history": (HISTORY, "DU***67", "U***67"),
    "thinkorswim": (TOS, "D-12345678", "12345678SCHW"),
    "today's activity": (TODAY, "D-12345678 (margin)", "12345678SCHW (Individual)"),
    "today's activity without a number": (TODAY, " (Virtual Account)", " (Individual)"),
}


def read(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text)
    return read_log(file)


@pytest.mark.parametrize("broker", ACCOUNTS)
def test_an_account_on_paper_is_named_and_its_fills_are_not_own(tmp_path, broker):
    """Sold at 1.00 and bought at 0.50, less 2.00; at thinkorswim 0.99 and 0.51, without fees: 48.00."""
    text, paper, real = ACCOUNTS[broker]
    log = read(tmp_path, text.format(account=paper))
    assert list(log.closed["pnl"]) == [pytest.approx(48.00)]
    assert not is_own(log.trades).any()
    assert shows(log.notes, "account", paper.split()[0].strip("()"), "paper")
    log = read(tmp_path, text.format(account=real))
    assert list(log.closed["pnl"]) == [pytest.approx(48.00)]
    assert is_own(log.trades).all()
    assert not any("paper" in note for note in log.notes)


def test_of_two_accounts_one_may_be_on_paper(tmp_path):
    rows = FLEX.format(account="U7") + FLEX.format(account="DU7").partition("\n")[2]
    log = read(tmp_path, rows)
    assert dict(zip(log.trades["market"], is_own(log.trades), strict=True)) == {
        "Interactive Brokers Flex query, account U7": True,
        "paper, Interactive Brokers Flex query, account DU7": False,
    }
