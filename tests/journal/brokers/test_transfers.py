"""Positions that enter or leave an account by transfer: their basis is not in the file, and they are named so."""

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import shows

FIDELITY = "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($)\n"
ROBINHOOD = "Activity Date,Process Date,Settle Date,Instrument,Description,Trans Code,Quantity,Price,Amount\n"
SCHWAB = "Date,Action,Symbol,Description,Quantity,Price,Fees & Comm,Amount\n"
TDA = "DATE,TRANSACTION ID,DESCRIPTION,QUANTITY,SYMBOL,PRICE,COMMISSION,AMOUNT,REG FEE\n"
TASTY = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
    "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Total,Currency\n"
)
TASTY_ROW = "2026-03-{day}T09:00:00-0500,{kind},{action},IWM,Equity,x,{value},100,0.00,--,0.00,,,IWM,,,,{order},0,USD\n"
LEGACY = (
    "Date/Time,Transaction Code,Transaction Subcode,Symbol,Buy/Sell,Open/Close,Quantity,Expiration Date,Strike,"
    "Call/Put,Price,Fees,Amount,Description,Account Reference\n"
)
# 100 shares received on 2 March and sold on the 24th at 198.50; and the word under which they came.
RECEIVED = {
    "tastytrade": (
        TASTY
        + TASTY_ROW.format(day="24", kind="Trade,Sell to Close", action="SELL_TO_CLOSE", value="19850.00", order=1)
        + TASTY_ROW.format(day="02", kind="Receive Deliver,ACAT", action="BUY_TO_OPEN", value="0.00", order=""),
        "ACAT",
    ),
    "tastyworks until 2021": (
        LEGACY
        + "03/24/2026 10:00 AM,Trade,Sell to Close,IWM,Sell,Close,100,,,,198.5,0,19850,Sold 100 IWM,x\n"
        + "03/02/2026 10:00 AM,Receive Deliver,ACAT,IWM,Buy,Open,100,,,,,0,0,ACAT,x\n",
        "ACAT",
    ),
    "schwab": (
        SCHWAB + '03/24/2026,Sell,IWM,x,100,$198.50,,"$19,850.00"\n' + "03/02/2026,Internal Transfer,IWM,x,100,,,\n",
        "Internal Transfer",
    ),
    "schwab journal": (
        SCHWAB + '03/24/2026,Sell,IWM,x,100,$198.50,,"$19,850.00"\n' + "03/02/2026,Journaled Shares,IWM,x,100,,,\n",
        "Journaled Shares",
    ),
    "fidelity": (
        FIDELITY
        + "03/24/2026,YOU SOLD ISHARES (IWM) (Margin),IWM,x,Margin,-100,198.5,,,19850\n"
        + "03/02/2026,TRANSFER OF ASSETS ACAT RECEIVE ISHARES (IWM) (Margin),IWM,x,Margin,100,,,,19000\n",
        "Transfer of assets",
    ),
    "robinhood": (
        ROBINHOOD + '3/24/2026,,,IWM,x,Sell,100,$198.50,"$19,850.00"\n' + "3/2/2026,,,IWM,x,ACATI,100,,\n",
        "ACATI",
    ),
    "td ameritrade": (
        TDA
        + "03/02/2026,1,TRANSFER OF SECURITY OR OPTION IN (IWM),100,IWM,,,0.00,\n"
        + "03/24/2026,2,Sold 100 IWM @ 198.5,100,IWM,198.5,,19850.00,\n",
        "transfer of security or option in",
    ),
}
IB = (
    "Statement,Header,Field Name,Field Value\n"
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,"
    "Code\n"
    'Trades,Data,Order,Stocks,USD,IWM,"2026-03-24, 10:00:00",-100,198.5,19850,0,C\n'
    "Transfers,Header,Asset Category,Currency,Symbol,Date,Type,Direction,Xfer Company,Xfer Account,Qty,Xfer Price,"
    "Market Value,Realized P/L,Cash Amount,Code\n"
)
IB_ROW = 'Transfers,Data,{category},USD,{symbol},2026-03-02,{kind},{way},--,U2,{count},--,"1,000.00",0.00,{cash},\n'
FLEX = (
    '<FlexQueryResponse queryName="t" type="AF"><FlexStatements count="1"><FlexStatement accountId="U1" '
    'fromDate="20260301" toDate="20260331"><Trades><Trade accountId="U1" currency="USD" assetCategory="STK" '
    'symbol="IWM" dateTime="20260324;100000" quantity="-100" tradePrice="198.5" proceeds="19850" ibCommission="0" '
    'openCloseIndicator="C" buySell="SELL" ibOrderID="2" levelOfDetail="EXECUTION"/></Trades><Transfers><Transfer '
    'accountId="U1" currency="USD" assetCategory="STK" symbol="IWM" date="20260302" type="ACATS" direction="IN" '
    'quantity="100" transferPrice="0" cashTransfer="0"/></Transfers></FlexStatement></FlexStatements>'
    "</FlexQueryResponse>"
)


def read(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text)
    return read_log(file)


@pytest.mark.parametrize("broker", RECEIVED)
def test_shares_received_by_transfer_are_counted_and_their_sale_is_named_so(tmp_path, broker):
    text, word = RECEIVED[broker]
    log = read(tmp_path, text)
    assert log.trades.empty
    assert log.skipped == {f"shares received by transfer ({word}), basis unknown": 1}
    (problem,) = log.problems
    said = "100 shares of IWM long received by transfer, closed 2026-03-24 at 198.5: result not counted"
    assert problem.endswith(said)


def test_bought_shares_go_before_those_received(tmp_path):
    """Bought at 195, sold at 198.50 less fees of 0.68; the sale ends no opening balance."""
    bought = (
        "2026-02-02T10:00:00-0500,Trade,Buy to Open,BUY_TO_OPEN,IWM,Equity,x,-19500.00,100,-195.00,--,-0.68,,,IWM,,,,"
        "3,0,USD\n"
    )
    log = read(tmp_path, RECEIVED["tastytrade"][0] + bought)
    assert list(log.closed["pnl"]) == [pytest.approx(350.00 - 0.68)]
    assert (log.open.empty, log.opening, log.problems) == (True, (), ())


def test_shares_sent_by_transfer_are_open_no_longer(tmp_path):
    """Of 200 bought at 195 half is sold at 198; the other half leaves without a result."""
    log = read(
        tmp_path,
        FIDELITY
        + "03/02/2026,YOU BOUGHT ISHARES (IWM) (Margin),IWM,x,Margin,200,195,,,-39000\n"
        + "03/03/2026,YOU SOLD ISHARES (IWM) (Margin),IWM,x,Margin,-100,198,,,19800\n"
        + "03/04/2026,TRANSFERRED TO VS X1 ISHARES (IWM) (Margin),IWM,x,Margin,-100,,,,\n",
    )
    assert list(log.closed["pnl"]) == [pytest.approx(300.00)]
    assert (log.open.empty, log.opening) == (True, ())
    assert log.problems == ("line 4: 100 shares of IWM held then left by transfer: their result is left out",)
    assert log.skipped == {"shares sent by transfer (Transferred to vs), basis unknown": 1}


def test_a_journal_between_cash_and_margin_moves_nothing(tmp_path):
    log = read(
        tmp_path,
        FIDELITY
        + "03/02/2026,YOU BOUGHT ISHARES (IWM) (Cash),IWM,x,Cash,100,195,,,-19500\n"
        + "03/03/2026,JOURNALED JNL VS A/C TYPES (IWM) (Cash),IWM,x,Cash,-100,,,,\n"
        + "03/03/2026,JOURNALED JNL VS A/C TYPES (IWM) (Margin),IWM,x,Margin,100,,,,\n"
        + "03/04/2026,YOU SOLD ISHARES (IWM) (Margin),IWM,x,Margin,-100,198,,,19800\n",
    )
    assert list(log.closed["pnl"]) == [pytest.approx(300.00)]
    assert (log.open.empty, log.opening, log.problems) == (True, (), ())


def test_options_move_by_transfer_too(tmp_path):
    """A short put arrives and is bought back; a bought call leaves, and its trade is left out."""
    log = read(
        tmp_path,
        SCHWAB
        + '03/10/2026,Buy to Close,IWM 03/20/2026 190.00 P,x,1,$0.40,,"-$40.00"\n'
        + "03/09/2026,Internal Transfer,IWM 03/20/2026 205.00 C,x,-1,,,\n"
        + '03/03/2026,Buy to Open,IWM 03/20/2026 205.00 C,x,1,$1.00,,"-$100.00"\n'
        + "03/02/2026,Internal Transfer,IWM 03/20/2026 190.00 P,x,-1,,,\n",
    )
    assert log.trades.empty
    assert log.skipped == {"contracts moved by transfer (Internal Transfer), basis unknown": 2}
    assert log.problems == (
        "line 3: 1 IWM260320C00205000 left by transfer: its trade is left out",
        "line 2: 1 IWM260320P00190000 short received by transfer, closed 2026-03-10 at 0.4: result not counted",
    )


def test_transfers_of_cash_bonds_and_money_funds_are_counted_apart(tmp_path):
    log = read(
        tmp_path,
        RECEIVED["fidelity"][0]
        + "03/05/2026,Electronic Funds Transfer Received (Cash), ,x,Cash,0.000,,,,1000\n"
        + "03/05/2026,TRANSFER OF ASSETS ACAT RECEIVE (SPAXX),SPAXX,x,Cash,1000,,,,1000\n",
    )
    assert log.skipped == {
        "Electronic funds transfer": 1,
        "money market funds": 1,
        "shares received by transfer (Transfer of assets), basis unknown": 1,
    }


@pytest.mark.parametrize("kind", ["statement", "flex"])
def test_interactive_brokers_names_shares_received_by_transfer(tmp_path, kind):
    row = IB_ROW.format(category="Stocks", symbol="IWM", kind="ACATS", way="In", count=100, cash="0.00")
    total = "Transfers,Data,Total,,,,,,,,,,1000,0,0,\n"
    log = read(tmp_path, IB + row + total if kind == "statement" else FLEX)
    assert log.trades.empty
    assert log.skipped == {"shares received by transfer (ACATS), basis unknown": 1}
    (problem,) = log.problems
    assert problem.endswith(
        "100 shares of IWM long received by transfer, closed 2026-03-24 at 198.5: result not counted"
    )


def test_interactive_brokers_counts_transfers_of_cash_and_within_the_account(tmp_path):
    """Bought at 195 and sold at 198.50: 350 dollars, whatever depot holds the shares."""
    bought = 'Trades,Data,Order,Stocks,USD,IWM,"2026-02-27, 10:00:00",100,195,-19500,0,O\n'
    header, row = IB.split("Transfers,", 1)
    moved = IB_ROW.format(category="Stocks", symbol="IWM", kind="InterDepot", way="In", count=100, cash="0.00")
    cash = IB_ROW.format(category="--", symbol="--", kind="Internal", way="In", count="--", cash="500.00")
    log = read(tmp_path, header + bought + "Transfers," + row + moved + cash)
    assert list(log.closed["pnl"]) == [pytest.approx(350.00)]
    assert (log.open.empty, log.opening, log.problems) == (True, (), ())
    assert log.skipped == {"Transfers (not in the results)": 2}


def test_an_option_that_leaves_interactive_brokers_is_open_no_longer(tmp_path):
    put = 'Trades,Data,Order,Equity and Index Options,USD,IWM 20MAR26 190 P,"2026-02-27, 10:00:00",1,1.2,-120,0,O\n'
    header, row = IB.split("Transfers,", 1)
    sent = IB_ROW.format(
        category="Equity and Index Options", symbol="IWM 20MAR26 190 P", kind="ACATS", way="Out", count=-1, cash="0.00"
    )
    log = read(tmp_path, header + put + "Transfers," + row + sent)
    assert (log.trades.empty, log.skipped) == (
        True, {"contracts moved by transfer (ACATS), basis unknown": 1},
    )  # fmt: skip
    assert any(shows(line, "1 IWM260320P00190000 left") for line in log.problems)
