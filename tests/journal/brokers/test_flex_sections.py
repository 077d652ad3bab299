"""Sections of a Flex query in CSV: trades, corporate actions, transfers, endings of options, in columns of their own.

Commissions are 1.00 a row.
"""

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import shows

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


PUTS = (
    "U1,USD,OPT,IWM   260320P00190000,IWM,190,20260320,P,20260302;100000,-2,1.2,240,-2,O,,EXECUTION\n"
    "U1,USD,OPT,IWM   260320P00190000,IWM,190,20260320,P,20260310;100000,1,0.3,-30,-1,C,,EXECUTION\n"
    "U1,USD,STK,IWM,,,,,20260323;100000,-100,188,18800,-1,C,,EXECUTION\n"
)
ASSIGNED = (
    "U1,USD,OPT,IWM   260320P00190000,IWM,190,20260320,P,20260320;162000,1,0,0,0,C,{note},EXECUTION\n"
    "U1,USD,STK,IWM,,,,,20260320;162000,100,190,-19000,0,O,{note},EXECUTION\n"
)
ASSIGNMENT = (
    "U1,USD,OPT,IWM   260320P00190000,IWM,190,20260320,P,20260320,Assignment,1,0,0,0,0\n"
    "U1,USD,STK,IWM,,,,,20260320,Buy,100,190,0,-19000,0\n"
)
ENDINGS_HEADER = ENDINGS.splitlines(keepends=True)[0]


@pytest.mark.parametrize("form", [str, marked, framed])
@pytest.mark.parametrize("rows", ["", ASSIGNED.format(note="A")])
@pytest.mark.parametrize("is_first", [False, True])
def test_an_assignment_counts_once_whether_the_trades_have_it_or_not(tmp_path, form, rows, is_first):
    """Two puts at 1.20: one bought at 0.30, one assigned, its shares sold at 188: 90 - 2 and 120 - 200 - 2."""
    parts = [TRADES + PUTS + rows, ENDINGS_HEADER + ASSIGNMENT]
    log = read(tmp_path, form("".join(reversed(parts) if is_first else parts)))
    assert list(log.closed["pnl"]) == [pytest.approx(88.00), pytest.approx(-82.00)]
    assert (len(log.open), log.opening, log.problems) == (0, (), ())
    is_used = shows(log.notes, "2 rows", "assignments")
    assert is_used == (not rows)
    assert log.skipped.get("exercises and expirations (they are among the trades)", 0) == (2 if rows else 0)


def test_an_assignment_that_the_trades_do_not_name_so_is_not_added(tmp_path):
    log = read(tmp_path, TRADES + PUTS + ASSIGNED.format(note="") + ENDINGS_HEADER + ASSIGNMENT)
    assert log.closed["pnl"].sum() == pytest.approx(6.00)
    assert (len(log.open), log.opening, log.problems) == (0, (), ())
    assert log.skipped == {"exercises and expirations (they are among the trades)": 2}


@pytest.mark.parametrize(("words", "count", "pnl"), [("Expiration", 1, 119.00), ("Expiration", -1, 119.00)])
def test_an_expiration_that_the_trades_lack_ends_its_trade(tmp_path, words, count, pnl):
    sold = PUTS.splitlines(keepends=True)[0].replace(",-2,1.2,240,-2,", ",-1,1.2,120,-1,")
    row = ASSIGNMENT.splitlines(keepends=True)[0].replace("Assignment,1", f"{words},{count}")
    log = read(tmp_path, TRADES + sold + ENDINGS_HEADER + row)
    assert (list(log.closed["pnl"]), list(log.closed["reason"])) == ([pytest.approx(pnl)], ["expiry"])


def test_an_exercise_that_the_trades_lack_delivers_its_shares(tmp_path):
    """Bought at 1.20, exercised at 190, sold at 195: 500 less 120, 1.00 and 1.00."""
    call = "U1,USD,OPT,IWM   260320C00190000,IWM,190,20260320,C,"
    text = (
        f"{TRADES}{call}20260302;100000,1,1.2,-120,-1,O,,EXECUTION\n"
        "U1,USD,STK,IWM,,,,,20260323;100000,-100,195,19500,-1,C,,EXECUTION\n"
        f"{ENDINGS_HEADER}{call}20260320,Exercise,-1,0,0,0,0\n"
        "U1,USD,STK,IWM,,,,,20260320,Buy,100,190,0,-19000,0\n"
    )
    log = read(tmp_path, text)
    assert list(log.closed["pnl"]) == [pytest.approx(378.00)]


def test_the_cash_of_an_index_option_whose_assignment_the_trades_lack(tmp_path):
    log = read(tmp_path, TRADES + INDEX.splitlines(keepends=True)[0] + ENDINGS)
    assert list(log.closed["pnl"]) == [pytest.approx(-3_001.00)]
    assert log.problems == ()


CASH = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,Description,Date/Time,SettleDate,Amount,Type,TradeID\n"
    "U1,USD,STK,XYZ,XYZ CASH DIVIDEND,20260410;202000,20260410,55,Dividends,\n"
    "U1,USD,,,FEE,20260411;202000,20260411,-10,Other Fees,\n"
    "U1,EUR,,,INTEREST,20260411;202000,20260411,-3,Broker Interest Paid,\n"
)


@pytest.mark.parametrize("form", [str, marked, framed])
def test_cash_transactions_are_named_with_their_amounts(tmp_path, form):
    log = read(tmp_path, form(TRADES + SHARES.format(count=-100, cash=11000) + CASH))
    assert list(log.closed["pnl"]) == [pytest.approx(-9_002.00)]
    assert log.skipped == {"cash transactions (not in the results)": 3}
    amounts = "55.00 USD of Dividends, -10.00 USD of Other Fees, -3.00 EUR of Broker Interest Paid"
    assert shows(log.notes, f"results: {amounts}", "transactions")


def test_other_sections_are_named_by_their_marks_or_columns(tmp_path):
    positions = "ClientAccountID,CurrencyPrimary,Symbol,ReportDate,Position,MarkPrice\nU1,USD,XYZ,20260630,0,1\n"
    shares = SHARES.format(count=-100, cash=11000)
    log = read(tmp_path, TRADES + shares + positions)
    (name,) = log.skipped
    assert name.startswith("a section with the columns currencyprimary, symbol, reportdate, position")
    marks = f'"BOS","POST","Open Positions; trade date basis"\n{positions}"EOS","POST"\n'
    assert set(read(tmp_path, framed(TRADES + shares) + marks).skipped) == {"section Open Positions; trade date basis"}
    coded = "".join(f"{mark},POST,{line}\n" for mark, line in zip(("HEADER", "DATA"), positions.split(), strict=True))
    assert set(read(tmp_path, marked(TRADES + shares) + coded).skipped) == {"section POST"}


@pytest.mark.parametrize("named", ["XYZ   260619C00210000, XYZ 19JUN26 210 C, ", "XYZ, XYZ INC, US1"])
def test_a_split_of_options_whose_words_begin_with_the_underlying(tmp_path, named):
    """Sold at 2.00, two bought back at 0.50, and 2.00 of commission."""
    option = (
        "U1,USD,OPT,XYZ   260619C00{strike}000,XYZ,{strike},20260619,C,{when};100000,{count},{price},{cash},-1,,,"
        "EXECUTION\n"
    )
    trades = option.format(strike="210", when=20260302, count=-1, price=2, cash=200)
    trades += option.format(strike="105", when=20260504, count=2, price=0.5, cash=-100)
    split = SPLIT.replace("STK,XYZ,XYZ INC", "OPT,XYZ   260619C00210000,XYZ 19JUN26 210 C").replace(",100,FS", ",1,FS")
    log = read(tmp_path, TRADES + trades + ACTIONS + split.replace("XYZ, XYZ INC, US1", named))
    assert (list(log.closed["pnl"]), log.problems, log.open.empty) == ([pytest.approx(98.00)], (), True)
