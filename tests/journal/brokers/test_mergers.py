"""Mergers for cash, for other shares, and for both, as each broker writes them.

Bought 100 TGT at 50.00 on 2 March. For cash they end at 60.00: 1,000 dollars. For shares they become 50 ACQ, sold at
120.00 on 4 May: 1,000; with 10.00 in cash a share beside them: 2,000. Rows are made up in the broker's columns, fees as
noted.
"""

import pytest

from iwm_opts.journal.readers import read_log

SCHWAB = "Date,Action,Symbol,Description,Quantity,Price,Fees & Comm,Amount\n"
ROBINHOOD = "Activity Date,Process Date,Settle Date,Instrument,Description,Trans Code,Quantity,Price,Amount\n"
FIDELITY = "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($)\n"
TASTY = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
    "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Total,Currency\n"
)
IB = (
    "Statement,Header,Field Name,Field Value\n"
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,"
    "Code\n"
    'Trades,Data,Order,Stocks,USD,TGT,"2026-03-02, 10:00:00",100,50,-5000,0,O\n'
    "{}"
    "Corporate Actions,Header,Asset Category,Currency,Report Date,Date/Time,Description,Quantity,Proceeds,Value,"
    "Realized P/L,Code\n"
)
IB_SOLD = 'Trades,Data,Order,Stocks,USD,ACQ,"2026-05-04, 10:00:00",-50,120,6000,0,C\n'


def ib_action(words, name, count, cash, category="Stocks"):
    return (
        f'Corporate Actions,Data,{category},USD,2026-04-10,"2026-04-09, 20:25:00","{words} ({name}, X INC, US1)",'
        f"{count},{cash},0,0,\n"
    )


IN_CASH = "TGT(US1) Merged(Acquisition) FOR USD 60.00 PER SHARE"
IN_SHARES = "TGT(US1) Merged(Acquisition) WITH US2 1 for 2"
IN_BOTH = "TGT(US1) Cash and Stock Merger (Acquisition) US2 1 FOR 2 AND USD 10.00"
HISTORY = (
    "Statement,Header,Field Name,Field Value\nSummary,Data,Base Currency,USD\nTransaction History,Header,Date,Account,"
    "Description,Transaction Type,Symbol,Quantity,Price,Price Currency,Gross Amount,Commission,Net Amount\n"
)


def tasty(day, sub, action, symbol, count, value):
    kind = "Trade" if " to " in sub else "Receive Deliver"
    return (
        f"2026-{day}T10:00:00-0500,{kind},{sub},{action},{symbol},Equity,x,{value},{count},0,--,0.00,,,{symbol},,,,,0,"
        "USD\n"
    )


FIDELITY_BOUGHT = "03/02/2026,YOU BOUGHT TARGET (TGT) (Cash),TGT,x,Cash,100,50,,,-5000\n"
FIDELITY_SOLD = "05/04/2026,YOU SOLD ACQ (ACQ) (Cash),ACQ,x,Cash,-50,120,,,6000\n"
FIDELITY_SHARES = (
    "04/10/2026,MERGER MER PAYOUT #REORCM005 ACQ (ACQ) (Cash),ACQ,x,Cash,50,,,,\n"
    "04/10/2026,MERGER MER FROM 1#REOR M005 TARGET (TGT) (Cash),TGT,x,Cash,-100,,,,{}\n"
)
SCHWAB_BOUGHT = '03/02/2026,Buy,TGT,x,100,$50.00,,"-$5,000.00"\n'
SCHWAB_SOLD = '05/04/2026,Sell,ACQ,x,50,$120.00,,"$6,000.00"\n'
SCHWAB_SHARES = "04/10/2026,Stock Merger,ACQ,x,50,,,\n04/10/2026,Stock Merger,TGT,x,-100,,,\n"
ROBINHOOD_BOUGHT = '3/2/2026,,,TGT,x,Buy,100,$50.00,"($5,000.00)"\n'
ROBINHOOD_SOLD = '5/4/2026,,,ACQ,x,Sell,50,$120.00,"$6,000.00"\n'
ROBINHOOD_REMOVED = "4/10/2026,,,TGT,x,MRGS,100S,,\n"
ROBINHOOD_SHARES = "4/10/2026,,,ACQ,x,MRGS,50,,\n" + ROBINHOOD_REMOVED
TASTY_BOUGHT = tasty("03-02", "Buy to Open", "BUY_TO_OPEN", "TGT", 100, "-5000.00")
TASTY_SOLD = tasty("05-04", "Sell to Close", "SELL_TO_CLOSE", "ACQ", 50, "6000.00")
CASH = {
    "statement": IB.format("") + ib_action(IN_CASH, "TGT", -100, 6000),
    "statement, by its words": IB.format("") + ib_action(IN_CASH, "TGT", -100, 0),
    "transaction history": HISTORY
    + f'Transaction History,Data,2026-04-10,U1,"{IN_CASH} (TGT, X, US1)",Corporate Action,TGT,-100,-,USD,6000,-,6000\n'
    + "Transaction History,Data,2026-03-02,U1,TARGET,Buy,TGT,100,50,USD,-5000,0,-5000\n",
    "schwab": SCHWAB
    + "04/13/2026,Cash Merger Adj,TGT,x,-100,,,\n"
    + '04/10/2026,Cash Merger,TGT,x,,,,"$6,000.00"\n'
    + SCHWAB_BOUGHT,
    "schwab, one row": SCHWAB + '04/10/2026,Mandatory Reorg Exc,TGT,x,-100,,,"$6,000.00"\n' + SCHWAB_BOUGHT,
    "robinhood": ROBINHOOD + '4/10/2026,,,TGT,x,MRGC,,,"$6,000.00"\n' + ROBINHOOD_REMOVED + ROBINHOOD_BOUGHT,
    "fidelity": FIDELITY
    + "04/10/2026,MERGER MER PAYOUT #REORCM005 TARGET (TGT) (Cash),TGT,x,Cash,-100,,,,6000\n"
    + FIDELITY_BOUGHT,
    "tastytrade": TASTY + tasty("04-10", "Cash Merger", "SELL_TO_CLOSE", "TGT", 100, "6000.00") + TASTY_BOUGHT,
}
SHARES = {
    "statement": IB.format(IB_SOLD) + ib_action(IN_SHARES, "ACQ", 50, 0) + ib_action(IN_SHARES, "TGT", -100, 0),
    "schwab": SCHWAB + SCHWAB_SOLD + SCHWAB_SHARES + SCHWAB_BOUGHT,
    "robinhood": ROBINHOOD + ROBINHOOD_SOLD + ROBINHOOD_SHARES + ROBINHOOD_BOUGHT,
    "fidelity": FIDELITY + FIDELITY_SOLD + FIDELITY_SHARES.format("") + FIDELITY_BOUGHT,
    "tastytrade": TASTY
    + TASTY_SOLD
    + tasty("04-10", "Stock Merger", "BUY_TO_OPEN", "ACQ", 50, "-5900.00")
    + tasty("04-10", "Stock Merger", "SELL_TO_CLOSE", "TGT", 100, "5900.00")
    + TASTY_BOUGHT,
}
BOTH = {
    "statement": IB.format(IB_SOLD) + ib_action(IN_BOTH, "ACQ", 50, 0) + ib_action(IN_BOTH, "TGT", -100, 1000),
    "schwab": SCHWAB + SCHWAB_SOLD + '04/10/2026,Cash Merger,TGT,x,,,,"$1,000.00"\n' + SCHWAB_SHARES + SCHWAB_BOUGHT,
    "robinhood": ROBINHOOD
    + ROBINHOOD_SOLD
    + '4/10/2026,,,TGT,x,MRGC,,,"$1,000.00"\n'
    + ROBINHOOD_SHARES
    + ROBINHOOD_BOUGHT,
    "fidelity": FIDELITY + FIDELITY_SOLD + FIDELITY_SHARES.format(1000) + FIDELITY_BOUGHT,
}


def read(tmp_path, text, name="log.csv"):
    file = tmp_path / name
    file.write_text(text)
    return read_log(file)


def result_of(log):
    assert (log.opening, log.problems, log.open.empty) == ((), (), True)
    (pnl,) = log.closed["pnl"]
    return pytest.approx(pnl, abs=0.005)


@pytest.mark.parametrize("broker", CASH)
def test_shares_end_at_the_cash_of_a_merger(tmp_path, broker):
    log = read(tmp_path, CASH[broker])
    assert result_of(log) == 1_000.00
    assert list(log.closed["reason"]) == ["merger"]


@pytest.mark.parametrize("broker", SHARES)
def test_shares_become_those_of_a_merger(tmp_path, broker):
    log = read(tmp_path, SHARES[broker])
    assert result_of(log) == 1_000.00
    assert list(log.closed["symbol"]) == ["ACQ"]


@pytest.mark.parametrize("broker", BOTH)
def test_cash_beside_the_shares_of_a_merger_lowers_their_cost(tmp_path, broker):
    log = read(tmp_path, BOTH[broker])
    assert result_of(log) == 2_000.00
    assert any("100 shares of TGT held then became 50 of ACQ and 1000.00 in cash" in note for note in log.notes)


def test_shares_sold_short_become_those_of_a_merger(tmp_path):
    """Sold short at 50, 100 become 50 sold at 100, covered at 90: 500 dollars."""
    rows = [
        '05/04/2026,Buy to Cover,ACQ,x,50,$90.00,,"-$4,500.00"\n',
        "04/10/2026,Stock Merger,ACQ,x,-50,,,\n04/10/2026,Stock Merger,TGT,x,100,,,\n",
        '03/02/2026,Sell Short,TGT,x,100,$50.00,,"$5,000.00"\n',
    ]
    log = read(tmp_path, SCHWAB + "".join(rows))
    assert result_of(log) == 500.00
    assert list(log.closed["strategy"]) == ["short-shares"]


def test_shares_sold_short_end_at_the_cash_of_a_merger(tmp_path):
    text = IB.format("").replace(",100,50,-5000,", ",-100,50,5000,") + ib_action(IN_CASH, "TGT", 100, -6000)
    assert result_of(read(tmp_path, text)) == -1_000.00


def test_an_option_ends_at_the_cash_of_a_merger(tmp_path):
    """Two calls sold at 1.50 are worth 5.00 at the end: 300 less 1,000, and 2.00 of commission."""
    sold = 'Trades,Data,Order,Equity and Index Options,USD,TGT 15MAY26 55 C,"2026-03-02, 10:00:00",-2,1.5,300,-2,O\n'
    name = "TGT 15MAY26 55 C"
    words = f"{name}(1) Merged(Acquisition) FOR USD 5.00 PER SHARE"
    log = read(
        tmp_path,
        IB.format(sold)
        + ib_action(IN_CASH, "TGT", -100, 6000)
        + ib_action(words, name, 2, -1000, "Equity and Index Options"),
    )
    assert sorted(log.closed["pnl"]) == pytest.approx([-702.00, 1_000.00])
    assert (set(log.closed["reason"]), log.problems) == ({"merger"}, ())


def test_shares_tendered_first_end_at_the_cash(tmp_path):
    words = "TGT(US1) Tendered to US3 1 FOR 1"
    paid = "TGT.TEN(US3) Merged(Voluntary Offer Allocation) FOR USD 60.00 PER SHARE"
    rows = ib_action(words, "TGT", -100, 0) + ib_action(words, "TGT.TEN", 100, 0)
    rows = rows.replace("2026-04-09", "2026-04-01") + ib_action(paid, "TGT.TEN", -100, 6000)
    assert result_of(read(tmp_path, IB.format("") + rows)) == 1_000.00


@pytest.mark.parametrize("broker", ["schwab", "robinhood"])
def test_fractions_of_new_shares_leave_the_trade_out(tmp_path, broker):
    """59.2 new shares for 100: the result of the fraction is in rows of its own, that of the trade is not known."""
    text = BOTH[broker].replace("ACQ,x,50,,,", "ACQ,x,59.2,,,").replace("MRGS,50,", "MRGS,59.2,")
    log = read(tmp_path, text)
    assert log.closed.empty
    assert any("change of the 100 shares of TGT held then" in line for line in log.problems)


def test_cash_without_its_shares_is_named(tmp_path):
    log = read(tmp_path, SCHWAB + '04/10/2026,Cash Merger,TGT,x,,,,"$6,000.00"\n' + SCHWAB_BOUGHT)
    assert (log.closed.empty, len(log.open)) == (True, 1)
    assert log.problems == (
        "line 2: 6000.00 for TGT by a corporate action, and no row removes the shares: not in the results",
    )


def test_a_spin_off_leaves_the_parent_and_names_its_shares(tmp_path):
    """Bought at 50 and sold at 45; the 20 new shares have no basis in the file, and their sale is named so."""
    sold = (
        'Trades,Data,Order,Stocks,USD,TGT,"2026-05-04, 10:00:00",-100,45,4500,0,C\n'
        'Trades,Data,Order,Stocks,USD,NEW,"2026-05-04, 10:00:00",-20,30,600,0,C\n'
    )
    log = read(tmp_path, IB.format(sold) + ib_action("TGT(US1) Spinoff  1 for 5", "NEW", 20, 0))
    assert list(log.closed["pnl"]) == [pytest.approx(-500.00)]
    assert "line 7: NEW added by a corporate action: left out" in log.problems
    assert any(
        "20 shares of NEW long received by a corporate action, closed 2026-05-04 at 30" in line for line in log.problems
    )


def test_money_of_another_currency_is_refused_by_name(tmp_path):
    action = ib_action(IN_CASH.replace("USD", "CAD"), "TGT", -100, 6000).replace("Stocks,USD", "Stocks,CAD")
    log = read(tmp_path, IB.format("") + action)
    assert log.closed.empty
    assert any("currency CAD: only USD is read" in line for line in log.problems)


@pytest.mark.parametrize("value", ["0.00", "-10500.00"])
def test_the_value_of_a_renamed_position_is_no_cash(tmp_path, value):
    text = (
        TASTY
        + tasty("05-04", "Sell to Close", "SELL_TO_CLOSE", "ACQ", 100, "6000.00")
        + tasty("04-10", "Symbol Change", "BUY_TO_OPEN", "ACQ", 100, value)
        + tasty("04-10", "Symbol Change", "SELL_TO_CLOSE", "TGT", 100, "10500.00")
        + TASTY_BOUGHT
    )
    assert result_of(read(tmp_path, text)) == 1_000.00


def test_what_a_merger_brings_at_thinkorswim_is_not_known(tmp_path):
    text = (
        "Account Statement for 1SCHW (ira) since 3/1/26 through 5/31/26\n\nCash Balance\n"
        "DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE\n"
        '3/2/26,10:00:00,TRD,1,BOT +100 TGT @50.00,,,"-5,000.00",0\n'
        "4/10/26,02:00:00,RAD,2,MANDATORY - EXCHANGE -100.0 TGT,,,0.00,0\n\nAccount Trade History\n"
        ",Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type\n"
        ",3/2/26 10:00:00,STOCK,BUY,+100,TO OPEN,TGT,,,STOCK,50.00,50.00,LMT\n"
        ",3/3/26 10:00:00,STOCK,BUY,+10,TO OPEN,SPY,,,STOCK,600.00,600.00,LMT\n"
        ",3/4/26 10:00:00,STOCK,SELL,-10,TO CLOSE,SPY,,,STOCK,601.00,601.00,LMT\n"
    )
    log = read(tmp_path, text)
    assert (list(log.closed["symbol"]), log.open.empty) == (["SPY"], True)
    assert any("change of the 100 shares of TGT held then" in line for line in log.problems)
