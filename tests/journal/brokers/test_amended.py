"""Trades taken back and corrected: a cancellation removes the exact trade, or is named.

Of each log the sale at 1.20 is cancelled and booked again at 1.25; the other one, alike but a day before, stays. Both
are bought back at 0.40: 80 + 85 less fees.
"""

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import shows

NOTE = "cancelled trades and their cancellations"
FIDELITY = "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($)\n"
SCHWAB = "Date,Action,Symbol,Description,Quantity,Price,Fees & Comm,Amount\n"
ROBINHOOD = "Activity Date,Process Date,Settle Date,Instrument,Description,Trans Code,Quantity,Price,Amount\n"
TDA = "DATE,TRANSACTION ID,DESCRIPTION,QUANTITY,SYMBOL,PRICE,COMMISSION,AMOUNT,REG FEE\n"
TASTY = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
    "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #\n"
)
HISTORY = (
    "Statement,Header,Field Name,Field Value\nStatement,Data,Title,Transaction History\n"
    "Transaction History,Header,Date,Account,Description,Transaction Type,Symbol,Quantity,Price,Price Currency,"
    "Gross Amount ,Commission,Net Amount\n"
)
THINKORSWIM = """Cash Balance
DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE
3/2/26,10:00:00,TRD,="1",SOLD -1 IWM 100 20 MAR 26 190 PUT @1.20,,-1.00,120.00,0
3/3/26,10:00:00,TRD,="2",SOLD -1 IWM 100 20 MAR 26 190 PUT @1.20,,-1.00,120.00,0
3/3/26,11:00:00,{kind},="3",{words}SOLD -1 IWM 100 20 MAR 26 190 PUT @1.20,,1.00,-120.00,0
3/3/26,11:00:10,TRD,="4",SOLD -1 IWM 100 20 MAR 26 190 PUT @1.25,,-1.00,125.00,0
3/10/26,10:00:00,TRD,="5",BOT +2 IWM 100 20 MAR 26 190 PUT @.40,,-2.00,-80.00,0

Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,3/10/26 10:00:00,SINGLE,BUY,+2,TO CLOSE,IWM,20 MAR 26,190,PUT,.40,.40,LMT
,3/3/26 11:00:10,SINGLE,SELL,-1,TO OPEN,IWM,20 MAR 26,190,PUT,1.25,1.25,LMT
,3/3/26 10:00:00,SINGLE,SELL,-1,TO OPEN,IWM,20 MAR 26,190,PUT,1.20,1.20,LMT
,3/2/26 10:00:00,SINGLE,SELL,-1,TO OPEN,IWM,20 MAR 26,190,PUT,1.20,1.20,LMT
"""
OPTION = "IWM 03/20/2026 190.00 P,x"


def fidelity(cancel, quantity=1, correct="CORRECTED YOU SOLD OPENING TRANSACTION PUT (IWM)"):
    return (
        FIDELITY
        + "03/10/2026,YOU BOUGHT CLOSING TRANSACTION PUT (IWM), -IWM260320P190,x,Margin,2,0.40,2.00,,-82.00\n"
        + f"03/04/2026,{correct}, -IWM260320P190,x,Margin,-1,1.25,1.00,,124.00\n"
        + f"03/04/2026,{cancel}, -IWM260320P190,x,Margin,{quantity},1.20,1.00,,-119.00\n"
        + "03/03/2026,YOU SOLD OPENING TRANSACTION PUT (IWM), -IWM260320P190,x,Margin,-1,1.20,1.00,,119.00\n"
        + "03/02/2026,YOU SOLD OPENING TRANSACTION PUT (IWM), -IWM260320P190,x,Margin,-1,1.20,1.00,,119.00\n"
    )


def schwab(cancel):
    return (
        SCHWAB
        + f"03/10/2026,Buy to Close,{OPTION},2,$0.40,$2.00,-$82.00\n"
        + f"03/04/2026 as of 03/03/2026,Sell to Open,{OPTION},1,$1.25,$1.00,$124.00\n"
        + f"03/04/2026 as of 03/03/2026,{cancel},{OPTION},1,$1.20,$1.00,-$119.00\n"
        + f"03/03/2026,Sell to Open,{OPTION},1,$1.20,$1.00,$119.00\n"
        + f"03/02/2026,Sell to Open,{OPTION},1,$1.20,$1.00,$119.00\n"
    )


def robinhood(cancel):
    put = "IWM 3/20/2026 Put $190.00"
    return (
        ROBINHOOD
        + f"3/10/2026,,,IWM,{put},BTC,2,$0.40,($82.00)\n"
        + f"3/3/2026,,,IWM,{put},STO,1,$1.25,$124.00\n"
        + f"3/3/2026,,,IWM,{cancel} {put},STO,1,$1.20,($119.00)\n"
        + f"3/3/2026,,,IWM,{put},STO,1,$1.20,$119.00\n"
        + f"3/2/2026,,,IWM,{put},STO,1,$1.20,$119.00\n"
    )


def td_ameritrade(cancel):
    words = "Sold 1 IWM Mar 20 2026 190.0 Put @ "
    symbol = "IWM Mar 20 2026 190.0 Put"
    return (
        TDA
        + f"03/02/2026,1,{words}1.2,1,{symbol},1.2,1.00,119.00,0\n"
        + f"03/03/2026,2,{words}1.2,1,{symbol},1.2,1.00,119.00,0\n"
        + f"03/03/2026,3,{cancel} {words}1.2,1,{symbol},1.2,1.00,-119.00,0\n"
        + f"03/03/2026,4,{words}1.25,1,{symbol},1.25,1.00,124.00,0\n"
        + f"03/10/2026,5,Bought 2 {symbol} @ 0.4,2,{symbol},0.4,2.00,-82.00,0\n"
    )


def tastytrade(kind, sub_type, action, description="x"):
    tail = "1,{},-1.00,0.00,100,IWM,IWM,3/20/26,190,PUT,"
    row = "2026-03-{}T10:00:00-0500,Trade,{},{},IWM   260320P00190000,Equity Option,{},{},"
    first, reversal = "Sell to Open,SELL_TO_OPEN", f"{sub_type},{action}"
    return (
        TASTY
        + row.format("10", "Buy to Close", "BUY_TO_CLOSE", "x", "-80.00")
        + "2,-40.00,-2.00,0.00,100,IWM,IWM,3/20/26,190,PUT,5\n"
        + row.format("04", *first.split(","), "x", "125.00") + tail.format("125.00") + "4\n"
        + row.format("04", *reversal.split(","), description, "-120.00").replace("Trade", kind, 1)
        + tail.format("-120.00").replace("-1.00", "1.00") + "3\n"
        + row.format("03", *first.split(","), "x", "120.00") + tail.format("120.00") + "2\n"
        + row.format("02", *first.split(","), "x", "120.00") + tail.format("120.00") + "1\n"
    )  # fmt: skip


def ib_history(cancel, quantity):
    row = "Transaction History,Data,2026-03-{},U1,IWM 20MAR26 190 P,{},IWM   260320P00190000,{},{},USD,{},{},0\n"
    return (
        HISTORY
        + row.format("10", "Buy", "2.0", "0.4", "-80.0", "-2.0")
        + row.format("04", "Sell", "-1.0", "1.25", "125.0", "-1.0")
        + row.format("04", cancel, quantity, "1.2", "-120.0", "1.0")
        + row.format("03", "Sell", "-1.0", "1.2", "120.0", "-1.0")
        + row.format("02", "Sell", "-1.0", "1.2", "120.0", "-1.0")
    )


SOLD = "YOU SOLD OPENING TRANSACTION PUT (IWM)"
CANCELLED = {
    **{f"fidelity, {words}": fidelity(words) for words in (
        f"CANCELLED {SOLD}", f"CANCEL {SOLD}", f"CANCELED TRADE {SOLD}", f"{SOLD} CANCELLED", f"CXL {SOLD}",
        f"REVERSAL {SOLD}",
    )},
    "fidelity, its own sign": fidelity(f"CANCELLED {SOLD}", -1),
    "fidelity, no word of correction": fidelity(f"CANCELLED {SOLD}", correct=SOLD),
    **{f"schwab, {words}": schwab(words) for words in ("Cancel Sell to Open", "Canceled Sell to Open")},
    **{f"robinhood, {words}": robinhood(words) for words in ("Cancelled", "Reversal of")},
    **{f"td ameritrade, {words}": td_ameritrade(words) for words in ("CANCELLED TRADE", "CANCEL")},
    "tastytrade, reversal": tastytrade("Trade", "Reversal", "SELL_TO_OPEN"),
    "tastytrade, opposite action": tastytrade("Receive Deliver", "Trade Reversal", "BUY_TO_CLOSE"),
    "tastytrade, description": tastytrade("Trade", "Sell to Open", "SELL_TO_OPEN", "Reversal: Sold 1 IWM"),
    "ib history": ib_history("Cancel Sell", "1.0"),
    "ib history, its own sign": ib_history("Sell (Cancelled)", "-1.0"),
    "thinkorswim": THINKORSWIM.format(kind="TRD", words="CANCELLED "),
    "thinkorswim, another type": THINKORSWIM.format(kind="CAN", words="BUSTED TRADE "),
}  # fmt: skip


@pytest.mark.parametrize("name", CANCELLED)
def test_a_cancellation_removes_its_trade_and_the_correction_stays(tmp_path, name):
    (tmp_path / "log.csv").write_text(CANCELLED[name])
    log = read_log(tmp_path / "log.csv")
    assert log.problems == ()
    assert log.closed["pnl"].sum() == pytest.approx(120 + 125 - 80 - 4, abs=0.005)
    assert (log.skipped[NOTE], log.open.empty) == (2, True)
    assert 2 in set(log.closed["entry"].dt.day)  # of the two alike the one of the day before stays


MISSING = {
    "fidelity": fidelity(f"CANCELLED {SOLD}").replace(",1.20,1.00,,-119.00", ",1.19,1.00,,-118.00"),
    "schwab": schwab("Cancel Sell to Open").replace("$1.20,$1.00,-$119.00", "$1.19,$1.00,-$118.00"),
    "td ameritrade": td_ameritrade("CANCELLED").replace("Put,1.2,1.00,-119.00", "Put,1.19,1.00,-118.00"),
    "tastytrade": tastytrade("Trade", "Reversal", "SELL_TO_OPEN").replace("-120.00", "-119.00"),
    "ib history": ib_history("Cancel Sell", "1.0").replace("1.2,USD,-120.0", "1.19,USD,-119.0"),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_cancellation_without_its_trade_is_named(tmp_path, name):
    (tmp_path / "log.csv").write_text(MISSING[name])
    problems = read_log(tmp_path / "log.csv").problems
    assert shows(problems, "cancels")


def test_a_correction_beside_a_trade_that_nothing_cancels_is_named(tmp_path):
    rows = fidelity("CANCELLED").splitlines()
    (tmp_path / "log.csv").write_text("\n".join(row for row in rows if ",CANCELLED," not in row))
    problems = read_log(tmp_path / "log.csv").problems
    assert shows(problems, "corrects", "export")


def test_a_correction_whose_trade_lies_before_the_file_is_read(tmp_path):
    rows = [row for row in fidelity("CANCELLED").splitlines() if "YOU SOLD" not in row or "CORRECTED" in row]
    text = "\n".join(row for row in rows if ",CANCELLED," not in row).replace(
        "x,Margin,2,0.40,2.00,,-82.00", "x,Margin,1,0.40,1.00,,-41.00"
    )
    (tmp_path / "log.csv").write_text(text)
    assert list(read_log(tmp_path / "log.csv").closed["pnl"]) == [83.00]


@pytest.mark.parametrize("quantity", [-1, 1])
def test_an_expiration_taken_back_leaves_the_option_open(tmp_path, quantity):
    option = "-IWM260320P190,x,Margin"
    rows = (
        f"03/24/2026,CANCELLED EXPIRED PUT (IWM) as of Mar-20-2026, {option},{quantity},,,,",
        f"03/23/2026,EXPIRED PUT (IWM) as of Mar-20-2026, {option},1,,,,",
        f"03/02/2026,{SOLD}, {option},-1,1.20,1.00,,119.00",
    )
    (tmp_path / "log.csv").write_text(FIDELITY + "\n".join(rows))
    log = read_log(tmp_path / "log.csv")
    assert (len(log.closed), len(log.open), log.problems, log.skipped[NOTE]) == (0, 1, (), 2)


def test_an_ending_taken_back_at_thinkorswim_is_named(tmp_path):
    row = (
        '3/20/26,17:00:00,RAD,="6",CANCELLED Removal of Option due to expiration -1.0 IWM 100 20 MAR 26 190 PUT,,,,0\n'
    )
    text = THINKORSWIM.format(kind="TRD", words="CANCELLED ").replace("\nAccount Trade", f"{row}\nAccount Trade")
    (tmp_path / "log.csv").write_text(text)
    assert shows(read_log(tmp_path / "log.csv").problems, "ending")
