"""Endings by their side: a long option cannot be assigned, and a purchase before it closed a short one."""

import pytest

from iwm_opts.journal.readers import read_log

HISTORY = (
    "Statement,Header,Field Name,Field Value\nSummary,Data,Base Currency,USD\n"
    "Transaction History,Header,Date,Account,Description,Transaction Type,Symbol,Quantity,Price,Price Currency,"
    "Gross Amount ,Commission,Net Amount\n"
)
OPTION = "IWM 20MAR26 190 P"
FLEX = "CurrencyPrimary,AssetClass,Symbol,UnderlyingSymbol,DateTime,Quantity,TradePrice,IBCommission,Notes/Codes\n"
TDA = "DATE,TRANSACTION ID,DESCRIPTION,QUANTITY,SYMBOL,PRICE,COMMISSION,AMOUNT,REG FEE\n"
TOS = """Cash Balance
DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE
3/20/26,17:00:05,RAD,2,REMOVED DUE TO EXPIRATION EXP: {count} .IWM260320P190,,,0.00,1

Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,3/10/26 10:00:00,SINGLE,BUY,+1,AUTO,IWM,20 MAR 26,190,PUT,.40,.40,LMT
"""


@pytest.fixture
def log_of(tmp_path):
    def read(text):
        file = tmp_path / "log.csv"
        file.write_text(text)
        return read_log(file)

    return read


def history(*rows):
    return HISTORY + "".join(f"Transaction History,Data,{row}\n" for row in rows)


BOUGHT = f"2026-03-10,U1,{OPTION},Buy,IWM   260320P00190000,1.0,0.4,USD,-40.0,-1.05,-41.05"
ENDED = f"2026-03-20,U1,{OPTION},{{}},IWM   260320P00190000,{{}},-,USD,-,-,-"


def balances(log):
    return [(each.name, each.quantity, each.how, each.settlement) for each in log.opening]


def short(*kinds, settlement=0.0):
    return [("IWM260320P00190000", -1, kind, settlement if kind == "assignment" else 0.0) for kind in kinds]


def test_an_assignment_after_a_purchase_ends_a_short_put_from_before_the_file(log_of):
    log = log_of(
        history(
            "2026-03-20,U1,Buy 100 ISHARES (Assignment),Assignment,IWM,100.0,190,USD,-19000,-,-19000",
            ENDED.format("Assignment", "1.0"), BOUGHT, "2026-03-23,U1,x,Sell,IWM,-100.0,188,USD,18800,-1.0,18799",
        )
    )  # fmt: skip
    # The shares: bought at 190, sold at 188, 1.00 of commission.
    assert balances(log) == short("trade", "assignment", settlement=-201.0)
    assert log.trades.empty


@pytest.mark.parametrize(
    "text",
    [
        history(ENDED.format("Option Expiration", "1.0"), BOUGHT),
        FLEX
        + 'USD,OPT,IWM   260320P00190000,IWM,"2026-03-10;10:00:00",1,0.4,-1.05,\n'
        + 'USD,OPT,IWM   260320P00190000,IWM,"2026-03-20;16:20:00",1,0,0,Ep\n',
        TOS.format(count="1.0"),
    ],
    ids=["history", "flex", "thinkorswim"],
)
def test_a_short_expiration_after_a_purchase_opens_no_long_put(log_of, text):
    log = log_of(text)
    assert balances(log) == short("trade", "expiration")
    assert log.trades.empty


@pytest.mark.parametrize("text", [history(ENDED.format("Option Expiration", "-1.0"), BOUGHT), TOS.format(count="-1.0")])
def test_a_long_expiration_ends_the_purchase(log_of, text):
    log = log_of(text)
    assert not log.opening
    assert list(log.closed["legs"]) == ["+1P190"]
    assert list(log.closed["debit"]) == [0.0]


def test_the_oldest_short_puts_are_closed_first(log_of):
    log = log_of(
        history(
            f"2026-03-10,U1,{OPTION},Buy,IWM   260320P00190000,2.0,0.4,USD,-80.0,-2.1,-82.1",
            f"2026-03-02,U1,{OPTION},Sell,IWM   260320P00190000,-1.0,1.2,USD,120.0,-1.05,118.95",
            ENDED.format("Option Expiration", "1.0"),
        )
    )
    assert list(log.closed["pnl"]) == [pytest.approx(118.95)]
    assert [(each.quantity, each.how) for each in log.opening] == [(-2, "trade")]


def test_an_assignment_without_signs_and_effects(log_of):
    log = log_of(
        TDA + "03/10/2026,1,Bought 1 IWM Mar 20 2026 190.0 Put @ 0.4,1,IWM Mar 20 2026 190.0 Put,0.40,0.65,-40.65,\n"
        "03/20/2026,2,REMOVAL OF OPTION DUE TO ASSIGNMENT (IWM Mar 20 2026 190.0 Put),1,"
        "IWM Mar 20 2026 190.0 Put,,,0.00,\n***END OF FILE***\n"
    )
    assert balances(log) == short("trade", "assignment")
