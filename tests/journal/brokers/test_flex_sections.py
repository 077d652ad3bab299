"""Sections of a Flex query in CSV: trades, corporate actions, transfers, endings of options, in columns of their own.

Commissions are 1.00 a row.
"""

import pytest

from iwm_opts.journal.readers import read_log

TRADES = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,UnderlyingSymbol,Strike,Expiry,Put/Call,DateTime,Quantity,"
    "TradePrice,Proceeds,IBCommission,Open/CloseIndicator,Notes/Codes,LevelOfDetail\n"
)
SHARES = (
    "U1,USD,STK,XYZ,,,,,20260302;100000,100,200,-20000,-1,O,,EXECUTION\n"
    "U1,USD,STK,XYZ,,,,,20260504;100000,{count},110,{cash},-1,C,,EXECUTION\n"
)
INDEX = (
    "U1,USD,OPT,SPXW  260320P06000000,SPX,6000,20260320,P,20260302;100000,-1,20,2000,-1,O,,EXECUTION\n"
    "U1,USD,OPT,SPXW  260320P06000000,SPX,6000,20260320,P,20260320;162000,1,0,0,0,C,A,EXECUTION\n"
)
ACTIONS = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,Description,Report Date,Date/Time,Amount,Proceeds,Value,"
    "Quantity,Type,ActionDescription\n"
)
SPLIT = 'U1,USD,STK,XYZ,XYZ INC,20260410,20260409;202500,0,0,0,100,FS,"XYZ(US1) SPLIT 2 FOR 1 (XYZ, XYZ INC, US1)"\n'
MERGER = (
    "U1,USD,STK,XYZ,XYZ INC,20260410,20260409;202500,-26000,26000,0,-100,TC,"
    '"XYZ(US1) MERGED(Acquisition) FOR USD 260.00 PER SHARE (XYZ, XYZ INC, US1)"\n'
)
ENDINGS = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,UnderlyingSymbol,Strike,Expiry,Put/Call,Date,TransactionType,"
    "Quantity,TradePrice,ClosePrice,Proceeds,CommisionsAndTax\n"
    "U1,USD,OPT,SPXW  260320P06000000,SPX,6000,20260320,P,20260320,Assignment,1,0,0,0,0\n"
    "U1,USD,OPT,SPXW  260320P06000000,SPX,6000,20260320,P,20260320,Cash Settlement,1,0,0,-5000,0\n"
)
TRANSFERS = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,Date,Type,Direction,Quantity,TransferPrice\n"
    "U1,USD,STK,XYZ,20260302,ACATS,IN,100,0\n"
)
CODES = {TRADES: "TRNT", ACTIONS: "CORP", ENDINGS: "OPTT"}


def marked(text):
    """Text with a code and a descriptor of its section before each line, as a query may have them."""
    lines, code = [], ""
    for line in text.splitlines():
        is_header = line.startswith("ClientAccountID")
        code = next((name for header, name in CODES.items() if header.startswith(line)), code) if is_header else code
        lines.append(f"{'HEADER' if is_header else 'DATA'},{code},{line}")
    return "\n".join(lines) + "\n"


def framed(text):
    """Text between the header and trailer records of a query."""
    lines = ['"BOF","U1","q","3","20260101","20260630","20260701"', '"BOA","U1"']
    for line in text.splitlines():
        lines += ['"BOS","X","x"'] if line.startswith("ClientAccountID") else []
        lines.append(line)
    return "\n".join([*lines, '"EOA","U1"', '"EOF"']) + "\n"


def read(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text)
    return read_log(file)


@pytest.mark.parametrize("form", [str, marked, framed])
def test_a_split_in_a_section_of_its_own(tmp_path, form):
    """Bought 100 at 200, 2 for 1, sold 200 at 110: 2,000 less 2.00."""
    log = read(tmp_path, form(TRADES + SHARES.format(count=-200, cash=22000) + ACTIONS + SPLIT))
    assert list(log.closed["pnl"]) == [pytest.approx(1_998.00)]
    assert (log.opening, log.problems) == ((), ())


@pytest.mark.parametrize("form", [str, marked, framed])
def test_a_merger_for_cash_before_the_trades(tmp_path, form):
    """Bought 100 at 200, taken over at 260: 6,000 less 1.00."""
    bought = SHARES.splitlines(keepends=True)[0]
    log = read(tmp_path, form(ACTIONS + MERGER + TRADES + bought))
    assert list(log.closed["pnl"]) == [pytest.approx(5_999.00)]


@pytest.mark.parametrize("form", [str, marked, framed])
def test_the_cash_of_an_index_option_is_in_the_section_of_endings(tmp_path, form):
    """Sold at 20.00, settled at 50.00: 2,000 less 5,000 and 1.00."""
    log = read(tmp_path, form(TRADES + INDEX + ENDINGS))
    assert list(log.closed["pnl"]) == [pytest.approx(-3_001.00)]
    assert log.skipped == {"exercises and expirations (they are among the trades)": 1}


def test_shares_received_by_transfer_are_named(tmp_path):
    sold = SHARES.format(count=-100, cash=11000).splitlines(keepends=True)[1]
    log = read(tmp_path, TRADES + sold + TRANSFERS)
    assert log.trades.empty
    assert log.skipped == {"shares received by transfer (ACATS), basis unknown": 1}


def test_a_period_that_joined_queries_share_is_read_once(tmp_path):
    text = TRADES + SHARES.format(count=-200, cash=22000) + ACTIONS + SPLIT
    log = read(tmp_path, text + text)
    assert list(log.closed["pnl"]) == [pytest.approx(1_998.00)]
    assert log.skipped["rows that an export joined before it holds too"] == 3
