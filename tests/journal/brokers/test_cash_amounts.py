"""The cash of a trade decides its result to the cent: rounded prices, rebates, unstated fees, other multipliers.

A put is sold at 1.20 and bought back at 0.40, at each broker in its own words.
"""

import re

import pytest

from iwm_opts.errors import DataError
from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data, shows

SCHWAB = (
    '"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"\n'
    '"03/10/2026","Buy to Close","IWM 03/20/2026 190.00 P","PUT","{count}","$0.40","{fees[1]}","{cash[1]}"\n'
    '"03/02/2026","Sell to Open","IWM 03/20/2026 190.00 P","PUT","{count}","$1.20","{fees[0]}","{cash[0]}"\n'
)
FIDELITY = (
    "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($)\n"
    "03/10/2026,YOU BOUGHT CLOSING TRANSACTION PUT, -IWM260320P190,P,Margin,{count},0.4,,{fees[1]},{cash[1]}\n"
    "03/02/2026,YOU SOLD OPENING TRANSACTION PUT, -IWM260320P190,P,Margin,-{count},1.2,,{fees[0]},{cash[0]}\n"
)
TDA = (
    "DATE,TRANSACTION ID,DESCRIPTION,QUANTITY,SYMBOL,PRICE,COMMISSION,AMOUNT,REG FEE\n"
    "03/02/2026,1,Sold {count} IWM Mar 20 2026 190.0 Put @ 1.2,{count},IWM Mar 20 2026 190.0 Put,1.20,{fees[0]},"
    "{cash[0]},\n"
    "03/10/2026,2,Bought {count} IWM Mar 20 2026 190.0 Put @ 0.4,{count},IWM Mar 20 2026 190.0 Put,0.40,{fees[1]},"
    "{cash[1]},\n***END OF FILE***\n"
)
FLEX = (
    "CurrencyPrimary,AssetClass,Symbol,UnderlyingSymbol,DateTime,Quantity,TradePrice,NetCash,IBCommission,"
    "Open/CloseIndicator\n"
    'USD,OPT,IWM   260320P00190000,IWM,"2026-03-02;10:00:00",-{count},1.2,{cash[0]},{fees[0]},O\n'
    'USD,OPT,IWM   260320P00190000,IWM,"2026-03-10;10:00:00",{count},0.4,{cash[1]},{fees[1]},C\n'
)
BROKERS = pytest.mark.parametrize("text", [SCHWAB, FIDELITY, TDA, FLEX], ids=["schwab", "fidelity", "tda", "flex"])


@pytest.fixture
def log_of(tmp_path):
    def read(text):
        file = tmp_path / "log.csv"
        file.write_text(text)
        return read_log(file)

    return read


@BROKERS
@pytest.mark.parametrize(
    ("count", "fees", "cash", "pnl"),
    [
        (10, ("6.60", "6.60"), ("1195.40", "-410.60"), 784.80),  # fills at 1.202 and 0.404
        (1, ("0.66", "-0.66"), ("119.34", "-39.34"), 80.00),  # a rebate
        (1, ("", ""), ("119.62", "-40.38"), 79.24),  # fees that no column states
        (1, ("0.67", "0.67"), ("119.33", "-40.68"), 78.65),  # a cent that is charged once
    ],
    ids=["rounded", "rebate", "unstated", "cent"],
)
def test_the_cash_decides(log_of, text, count, fees, cash, pnl):
    log = log_of(text.format(count=count, fees=fees, cash=cash))
    assert list(log.closed["pnl"]) == [pytest.approx(pnl, abs=1e-6)]


@BROKERS
def test_contracts_of_150_shares_are_left_out_by_name(log_of, text):
    with pytest.raises(DataError) as refusal:
        log_of(text.format(count=1, fees=("0.66", "0.66"), cash=("179.34", "-60.66")))
    assert refusal.value.field == "trades"
    assert re.search(r"\b1(?:19\.34|20\.66) at 100 shares\b", refusal.value.remedy)


def test_proceeds_of_a_statement_decide(log_of):
    log = log_of(
        "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,C. Price,Proceeds,"
        "Comm/Fee,Basis,Realized P/L,MTM P/L,Code\n"
        'Trades,Data,Order,Stocks,USD,IWM,"2026-03-02, 10:00:00",1000,190.12,190,-190124.40,-5,0,0,0,O\n'
        'Trades,Data,Order,Stocks,USD,IWM,"2026-03-10, 10:00:00",-1000,191.12,191,191115.60,-5,0,0,0,C\n'
    )
    assert list(log.closed["pnl"]) == [pytest.approx(191_115.60 - 190_124.40 - 10.0)]


def test_cash_rows_of_thinkorswim_decide(log_of):
    log = log_of(
        "Cash Balance\nDATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE\n"
        "3/2/26,10:00:00,TRD,1,SOLD -10 IWM 100 20 MAR 26 190 PUT @1.20,-0.10,-6.50,1202.00,1\n"
        "3/10/26,10:00:00,TRD,2,BOT +10 IWM 100 20 MAR 26 190 PUT @.40,-0.10,-6.50,-404.00,1\n\n"
        "Account Trade History\n"
        ",Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type\n"
        ",3/10/26 10:00:00,SINGLE,BUY,+10,TO CLOSE,IWM,20 MAR 26,190,PUT,.40,.40,LMT\n"
        ",3/2/26 10:00:00,SINGLE,SELL,-10,TO OPEN,IWM,20 MAR 26,190,PUT,1.20,1.20,LMT\n"
    )
    assert list(log.closed["pnl"]) == [pytest.approx(1_202.00 - 404.00 - 13.20)]


HISTORY = (
    "Statement,Header,Field Name,Field Value\nSummary,Data,Base Currency,{base}\n"
    "Transaction History,Header,Date,Account,Description,Transaction Type,Symbol,Quantity,Price,Price Currency,"
    "Gross Amount ,Commission,Net Amount\n"
)
ROW = (
    "Transaction History,Data,2026-03-{day},U1,{root} 20MAR26 190 P,{kind},{root},{count},{price},USD,{gross},{fee},-\n"
)


def dealt(root, rate, fee, shares=100):
    return "".join(
        ROW.format(
            root=root, day=day, kind=kind, count=count, price=price, gross=-count * price * shares * rate, fee=fee
        )
        for day, kind, count, price in (("10", "Buy", 1, 0.4), ("02", "Sell", -1, 1.2))
    )


@pytest.mark.parametrize(("base", "rate"), [("HKD", 7.8), ("JPY", 155.0), ("SEK", 9.4), ("EUR", 0.92)])
def test_a_history_in_another_base_currency(log_of, base, rate):
    log = log_of(HISTORY.format(base=base) + dealt("IWM", rate, -1.05 * rate))
    assert list(log.closed["pnl"]) == [pytest.approx(80.00 - 2.10)]
    assert any(shows(note, f"{rate:.5g} {base}", "dollar") for note in log.notes)


@pytest.mark.parametrize(("base", "rate", "fee"), [("USD", 1.0, "-1.05"), ("USD", 1.0, "-"), ("EUR", 0.92, "-0.97")])
def test_a_history_with_contracts_of_150_shares(log_of, base, rate, fee):
    others = dealt("IWM", rate, fee) + dealt("QQQ", rate, fee)
    log = log_of(HISTORY.format(base=base) + dealt("XYZ", rate, fee, shares=150) + others)
    assert set(log.closed["symbol"]) == {"IWM", "QQQ"}
    assert sum("gross amount" in problem for problem in log.problems) == 2


@pytest.mark.parametrize(
    "head", [HISTORY.format(base="USD"), HISTORY.replace("Summary,Data,Base Currency,{base}\n", "")]
)
def test_a_history_in_dollars_has_no_rate(log_of, head):
    with refused_data("log.csv, Interactive Brokers transaction history", "trades", "-37.0", "40.00"):
        log_of(head + dealt("IWM", 0.925, -0.97))
