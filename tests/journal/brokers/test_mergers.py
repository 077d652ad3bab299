"""Mergers for cash, for other shares, and for both, as each broker writes them.

Bought 100 TGT at 50.00 on 2 March. For cash they end at 60.00: 1,000 dollars. For shares they become 50 ACQ, sold at
120.00 on 4 May: 1,000; with 10.00 in cash a share beside them: 2,000. Rows are made up in the broker's columns, fees as
noted.
"""

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import shows

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
    assert any(shows(note, "100 shares of TGT", "50 of ACQ and 1000.00 in") for note in log.notes)


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
    assert any(shows(line, "the 100 shares of TGT") for line in log.problems)


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
    assert shows(log.problems, "line 7: NEW", "corporate")
    assert any(shows(line, "20 shares of NEW", "closed 2026-05-04 at 30") for line in log.problems)


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
    assert any(shows(line, "the 100 shares of TGT") for line in log.problems)


def ib_trade(name, count, price):
    when = f"2026-0{3 if count > 0 else 5}-02, 10:00:00"
    return f'Trades,Data,Order,Stocks,USD,{name},"{when}",{count},{price},{-count * price},0,\n'


TENDERED = "TGT(US1) Tendered to US3 1 FOR 1"
ALLOCATED = "TGT.TEN(US3) Merged(Voluntary Offer Allocation)"
SPUN_OFF, RENUMBERED = "PAR(US9) Spinoff  1 for 5", "OLD(US7) CUSIP/ISIN Change to (US8)"


def tendered(count):
    rows = ib_action(TENDERED, "TGT", -count, 0) + ib_action(TENDERED, "TGT.TEN", count, 0)
    return rows.replace("2026-04-09", "2026-04-01")


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_merger_partly_for_cash_moves_only_the_other_shares(tmp_path, is_reversed):
    """40 for 60.00 in cash, 400 dollars; 60 become 30 sold at 120: 600."""
    rows = [
        ib_action(IN_CASH, "TGT", -40, 2400),
        ib_action(IN_SHARES, "TGT", -60, 0),
        ib_action(IN_SHARES, "ACQ", 30, 0),
    ]
    log = read(tmp_path, IB.format(ib_trade("ACQ", -30, 120)) + "".join(rows[::-1] if is_reversed else rows))
    assert (list(log.closed["pnl"]), log.problems, log.open.empty) == ([400.00, 600.00], (), True)


def test_a_tender_partly_returned(tmp_path):
    """40 for 60.00 in cash, 400 dollars; 60 come back and are sold at 55: 300."""
    paid = ib_action(f"{ALLOCATED} FOR USD 60.00 PER SHARE", "TGT.TEN", -40, 2400)
    returned = ib_action(f"{ALLOCATED} US1 1 FOR 1", "TGT.TEN", -60, 0)
    returned += ib_action(f"{ALLOCATED} US1 1 FOR 1", "TGT", 60, 0)
    log = read(tmp_path, IB.format(ib_trade("TGT", -60, 55)) + tendered(100) + paid + returned)
    assert (sorted(log.closed["pnl"]), log.problems, log.open.empty) == ([300.00, 400.00], (), True)


def test_a_partial_tender_leaves_the_other_shares(tmp_path):
    """The oldest 40 of two purchases are tendered: 30 at 50 and 10 at 40 for 60; 60 at 40 are sold at 55."""
    bought = ib_trade("TGT", 70, 40)
    paid = ib_action(f"{ALLOCATED} FOR USD 60.00 PER SHARE", "TGT.TEN", -40, 2400)
    text = IB.format(bought + ib_trade("TGT", -60, 55)).replace(",100,50,-5000,", ",30,50,-1500,")
    log = read(tmp_path, text.replace('03-02, 10:00:00",70', '03-03, 10:00:00",70') + tendered(40) + paid)
    assert (sorted(log.closed["pnl"]), log.problems) == ([200.00, 300.00, 900.00], ())


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_cash_merger_beside_another_action(tmp_path, place):
    cash = ib_action(IN_CASH, "TGT", -100, 6000)
    others = [ib_action(RENUMBERED, "NEW", 100, 0), ib_action(RENUMBERED, "OLD", -100, 0)]
    trades = ib_trade("OLD", 100, 20) + ib_trade("NEW", -100, 22)
    log = read(tmp_path, IB.format(trades) + "".join([*others[:place], cash, *others[place:]]))
    assert (sorted(log.closed["pnl"]), log.problems) == ([200.00, 1_000.00], ())


@pytest.mark.parametrize(
    "text",
    [
        IB.format("") + ib_action(SPUN_OFF, "NEW", 20, 0) + ib_action(IN_CASH, "TGT", -100, 6000),
        SCHWAB
        + '04/10/2026,Spin-off,NEW,x,20,,,\n04/10/2026,Cash Merger,TGT,x,,,,"$6,000.00"\n'
        + "04/10/2026,Cash Merger Adj,TGT,x,-100,,,\n"
        + SCHWAB_BOUGHT,
        ROBINHOOD
        + '4/10/2026,,,NEW,x,SOFF,20,,\n4/10/2026,,,TGT,x,MRGC,,,"$6,000.00"\n'
        + ROBINHOOD_REMOVED
        + ROBINHOOD_BOUGHT,
    ],
)
def test_a_spin_off_beside_a_cash_merger_takes_none_of_its_cost(tmp_path, text):
    log = read(tmp_path, text)
    assert (list(log.closed["pnl"]), log.open.empty) == ([1_000.00], True)
    assert [line.split(": ", 1)[1] for line in log.problems] == ["NEW added by a corporate action: left out"]


def test_shares_of_two_account_types_become_those_of_a_merger(tmp_path):
    rows = [
        f"04/10/2026,MERGER MER PAYOUT ({name}) ({kind}),{name},x,{kind},{count},,,,\n"
        for kind, name, count in [
            ("Margin", "ACQ", 30),
            ("Cash", "ACQ", 20),
            ("Cash", "TGT", -40),
            ("Margin", "TGT", -60),
        ]
    ]
    log = read(tmp_path, FIDELITY + FIDELITY_SOLD + "".join(rows) + FIDELITY_BOUGHT)
    assert result_of(log) == 1_000.00


def test_the_cash_of_a_merger_is_spread_over_the_rows_that_remove_the_shares(tmp_path):
    removed = "04/10/2026,Cash Merger Adj,TGT,x,-40,,,\n04/10/2026,Cash Merger Adj,TGT,x,-60,,,\n"
    log = read(tmp_path, SCHWAB + '04/10/2026,Cash Merger,TGT,x,,,,"$6,000.00"\n' + removed + SCHWAB_BOUGHT)
    assert (sorted(log.closed["pnl"]), log.problems) == ([400.00, 600.00], ())


IN_OTHERS = "TOO(US5) Merged(Acquisition) WITH US6 2 for 1"
TWO_SOLD = tasty("05-04", "Sell to Close", "SELL_TO_CLOSE", "BBQ", 200, "2200.00") + TASTY_SOLD
TWO_BOUGHT = TASTY_BOUGHT + tasty("03-02", "Buy to Open", "BUY_TO_OPEN", "TOO", 100, "-2000.00")
TWO_MERGERS = {
    "by their words": IB.format(ib_trade("TOO", 100, 20) + ib_trade("BBQ", -200, 11) + IB_SOLD)
    + ib_action(IN_SHARES, "ACQ", 50, 0)
    + ib_action(IN_OTHERS, "BBQ", 200, 0)
    + ib_action(IN_OTHERS, "TOO", -100, 0)
    + ib_action(IN_SHARES, "TGT", -100, 0),
    "by equal values": TASTY
    + TWO_SOLD
    + tasty("04-10", "Stock Merger", "BUY_TO_OPEN", "ACQ", 50, "-5900.00")
    + tasty("04-10", "Stock Merger", "BUY_TO_OPEN", "BBQ", 200, "-2100.00")
    + tasty("04-10", "Stock Merger", "SELL_TO_CLOSE", "TOO", 100, "2100.00")
    + tasty("04-10", "Stock Merger", "SELL_TO_CLOSE", "TGT", 100, "5900.00")
    + TWO_BOUGHT,
}


@pytest.mark.parametrize("how", TWO_MERGERS)
def test_two_mergers_at_one_moment_are_told_apart(tmp_path, how):
    log = read(tmp_path, TWO_MERGERS[how])
    assert dict(zip(log.closed["symbol"], log.closed["pnl"], strict=True)) == {"ACQ": 1_000.00, "BBQ": 200.00}
    assert log.problems == ()


def test_two_mergers_that_nothing_tells_apart_are_left_out_by_name(tmp_path):
    rows = "04/10/2026,Stock Merger,BBQ,x,200,,,\n04/10/2026,Stock Merger,TOO,x,-100,,,\n" + SCHWAB_SHARES
    other = "05/04/2026,Sell,SPY,x,1,$610.00,,$610.00\n03/02/2026,Buy,SPY,x,1,$600.00,,-$600.00\n"
    bought = SCHWAB_BOUGHT + '03/02/2026,Buy,TOO,x,100,$20.00,,"-$2,000.00"\n'
    log = read(tmp_path, SCHWAB + SCHWAB_SOLD + rows + other + bought)
    assert (list(log.closed["pnl"]), log.open.empty) == ([10.00], True)
    assert any(shows(line, "moment: TGT and TOO became ACQ and BBQ") for line in log.problems)


@pytest.mark.parametrize("numbers", [("98386Y203", "12345X109"), ("XYZ", "ABC")])
def test_two_reverse_splits_on_a_day(tmp_path, numbers):
    """By their symbols they are told apart; by old numbers they are not, and the shares are left out."""
    rows = ""
    for name, number in zip(("XYZ", "ABC"), numbers, strict=True):
        rows += f"05/04/2026,Sell,{name},x,10,$21.00,,$210.00\n04/10/2026,Reverse Split,{name},x,10,,,\n"
        rows += f"04/10/2026,Reverse Split,{number},x,-100,,,\n03/02/2026,Buy,{name},x,100,$2.00,,-$200.00\n"
    other = "05/04/2026,Sell,SPY,x,1,$610.00,,$610.00\n03/02/2026,Buy,SPY,x,1,$600.00,,-$600.00\n"
    log = read(tmp_path, SCHWAB + rows + other)
    assert sorted(log.closed["pnl"]) == ([10.00] * 3 if numbers[0] == "XYZ" else [10.00])
    assert log.open.empty


def test_rows_of_a_merger_a_second_apart_belong_together(tmp_path):
    added = tasty("04-10", "Merger", "BUY_TO_OPEN", "ACQ", 50, "-5900.00").replace("10:00:00", "10:00:01")
    removed = tasty("04-10", "Merger", "SELL_TO_CLOSE", "TGT", 100, "5900.00")
    assert result_of(read(tmp_path, TASTY + TASTY_SOLD + added + removed + TASTY_BOUGHT)) == 1_000.00


def test_a_merger_booked_anew(tmp_path):
    rows = [ib_action(IN_CASH, "TGT", sign * 100, -sign * cash) for sign, cash in [(-1, 5900), (1, 5900), (-1, 6000)]]
    assert result_of(read(tmp_path, IB.format("") + "".join(rows))) == 1_000.00


def test_funds_named_for_mergers_are_traded(tmp_path):
    """Bought at 35 and sold at 36, bought at 29 and sold at 30: 220 dollars; a dividend is counted."""
    rows = [
        "05/04/2026,YOU SOLD ALTSHARES MERGER ARBITRAGE ETF (ARB) (Cash),ARB,x,Cash,-120,30,,,3600\n",
        "04/13/2026,DIVIDEND RECEIVED NYLI MERGER ARBITRAGE ETF (MNA) (Cash),MNA,x,Cash,,,,,12.50\n",
        "04/10/2026,YOU BOUGHT ALTSHARES MERGER ARBITRAGE ETF (ARB) (Cash),ARB,x,Cash,120,29,,,-3480\n",
        "04/10/2026,YOU SOLD NYLI MERGER ARBITRAGE ETF (MNA) (Cash),MNA,x,Cash,-100,36,,,3600\n",
        "03/02/2026,YOU BOUGHT NYLI MERGER ARBITRAGE ETF (MNA) (Cash),MNA,x,Cash,100,35,,,-3500\n",
    ]
    log = read(tmp_path, FIDELITY + "".join(rows))
    assert (sum(log.closed["pnl"]), log.problems) == (220.00, ())
    assert log.skipped == {"dividends (not in the results)": 1}


def test_cash_that_only_the_words_of_a_merger_for_shares_name_leaves_it_out(tmp_path):
    sold = IB_SOLD + ib_trade("SPY", 1, 600) + ib_trade("SPY", -1, 610)
    log = read(tmp_path, IB.format(sold) + ib_action(IN_BOTH, "ACQ", 50, 0) + ib_action(IN_BOTH, "TGT", -100, 0))
    assert (list(log.closed["pnl"]), log.open.empty) == ([10.00], True)
    assert any(shows(line, "the 100 shares of TGT") for line in log.problems)
    assert any(shows(line, "50 shares of ACQ") for line in log.problems)


def test_an_issuer_with_brackets_in_its_name(tmp_path):
    rows = ib_action(IN_SHARES, "ACQ", 50, 0) + ib_action(IN_SHARES, "TGT", -100, 0)
    assert result_of(read(tmp_path, IB.format(IB_SOLD) + rows.replace("X INC", "X INC (NEW)"))) == 1_000.00


@pytest.mark.parametrize("clock", ["10T10:02:00", "10T16:30:00", "13T10:00:00"])
@pytest.mark.parametrize(("removed", "result"), [("5900.00", 1_000.00), ("6900.00", 2_000.00)])
def test_rows_of_a_merger_minutes_apart_belong_together(tmp_path, clock, removed, result):
    added = tasty("04-10", "Merger", "BUY_TO_OPEN", "ACQ", 50, "-5900.00").replace("10T10:00:00", clock)
    rows = [added, tasty("04-10", "Merger", "SELL_TO_CLOSE", "TGT", 100, removed)]
    for order in (rows, rows[::-1]):
        assert result_of(read(tmp_path, TASTY + TASTY_SOLD + "".join(order) + TASTY_BOUGHT)) == result
