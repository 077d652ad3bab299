"""Dates of brokers' rows and own logs: the order of day and month, and days that cannot be."""

from datetime import date, timedelta

import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.journal.readers import read_log
from iwm_opts.journal.review import review
from iwm_opts.report.review_record import review_record
from tests.refusals import refused_data, shows

# 8 March 2026 is a Sunday. With the day first the rows are 3 February, 3 August and 3 September: sessions, no Sunday.
SCHWAB = """"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"
"03/09/2026","Buy to Close","IWM 03/20/2026 190.00 P","PUT ISHARES","1","$0.40","$0.66","-$40.66"
"03/08/2026","MoneyLink Transfer","","Tfr BANK","","","","$1,000.00"
"03/02/2026","Sell to Open","IWM 03/20/2026 190.00 P","PUT ISHARES","1","$1.20","$0.66","$119.34"
"""
ROBINHOOD = """"Activity Date","Process Date","Settle Date","Instrument","Description","Trans Code","Quantity","Price",\
"Amount"
"3/9/2026","3/9/2026","3/10/2026","IWM","IWM 3/20/2026 Put $190.00","BTC","1","$0.40","($40.66)"
"3/8/2026","3/8/2026","3/8/2026","","ACH Deposit","ACH","","","$1,000.00"
"3/2/2026","3/2/2026","3/3/2026","IWM","IWM 3/20/2026 Put $190.00","STO","1","$1.20","$119.34"
"""
FIDELITY = """Run Date,Account,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($)
03/09/2026,Z1,YOU BOUGHT CLOSING TRANSACTION PUT (IWM),-IWM260320P190,PUT,Margin,1,0.4,0.65,0.01,-40.66
03/08/2026,Z1,Electronic Funds Transfer Received,,No Description,Cash,0,,,,1000
03/02/2026,Z1,YOU SOLD OPENING TRANSACTION PUT (IWM),-IWM260320P190,PUT,Margin,-1,1.2,0.65,0.01,119.34
"""
FILES = {"schwab": SCHWAB, "robinhood": ROBINHOOD, "fidelity": FIDELITY}


@pytest.fixture
def log_of(tmp_path):
    def read(text):
        path = tmp_path / "log.csv"
        path.write_text(text)
        return read_log(path)

    return read


def days(log):
    return [(f"{trade.entry:%Y-%m-%d}", f"{trade.exit:%Y-%m-%d}") for trade in log.closed.itertuples()]


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_transfer_on_a_sunday_does_not_turn_the_dates_of_an_american_broker(log_of, text):
    log = log_of(text)
    assert days(log) == [("2026-03-02", "2026-03-09")]
    assert list(log.closed["pnl"]) == pytest.approx([80.00 - 1.32])


@pytest.mark.parametrize(
    ("text", "cell"), [(SCHWAB, "03/09/2026"), (ROBINHOOD, "3/9/2026"), (FIDELITY, "03/09/2026")], ids=FILES
)
def test_a_day_first_date_of_an_american_broker_refuses_the_file(log_of, text, cell):
    with refused_data("log.csv", "", "13/03/2026", "month first"):
        log_of(text.replace(cell, "13/03/2026", 1))


TASTYTRADE = """Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,\
Fees,Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #
{} 10:00,Trade,Sell to Open,SELL_TO_OPEN,IWM   261218P00190000,Equity Option,d,120.00,1,120,-1,-0.14,100,IWM,IWM,\
12/18/26,190,PUT,1
{} 11:00,Trade,Buy to Close,BUY_TO_CLOSE,IWM   261218P00190000,Equity Option,d,-40.00,1,-40,0,-0.14,100,IWM,IWM,\
12/18/26,190,PUT,2
"""


def test_a_spreadsheet_that_rewrote_iso_dates_is_refused_where_both_readings_hold(log_of):
    # 2 March and 9 March; 3 February and 3 September: four sessions.
    with refused_data("log.csv", "", "3/2/2026 10:00", "2026-03-02", "2026-02-03"):
        log_of(TASTYTRADE.format("3/2/2026", "3/9/2026"))
    assert days(log_of(TASTYTRADE.format("2/3/2026", "13/3/2026"))) == [("2026-03-02", "2026-03-13")]


THINKORSWIM = """Account Statement for 1 since {} through {}

Cash Balance
DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE
{first},10:00:02,TRD,="1",SOLD -1 IWM 100 18 DEC 26 190 PUT @1.20,-0.03,-.65,120.00,0
{last},11:00:02,TRD,="2",BOT +1 IWM 100 18 DEC 26 190 PUT @.40,-0.03,-.65,-40.00,0

Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,{last} 11:00:00,SINGLE,BUY,+1,TO CLOSE,IWM,18 DEC 26,190,PUT,.40,.40,LMT
,{first} 10:00:00,SINGLE,SELL,-1,TO OPEN,IWM,18 DEC 26,190,PUT,1.20,1.20,LMT
"""


@pytest.mark.parametrize(
    ("period", "rows", "expected"),
    [
        (("01/03/26", "30/04/26"), ("02/03/26", "09/03/26"), ("2026-03-02", "2026-03-09")),
        (("3/1/26", "4/30/26"), ("3/2/26", "3/9/26"), ("2026-03-02", "2026-03-09")),
        # No day above 12: with the month first, 9 March would lie before 1 June.
        (("01/06/26", "12/07/26"), ("02/06/26", "09/06/26"), ("2026-06-02", "2026-06-09")),
    ],
)
def test_the_title_of_a_thinkorswim_statement_decides_the_order(log_of, period, rows, expected):
    log = log_of(THINKORSWIM.format(*period, first=rows[0], last=rows[1]))
    assert days(log) == [expected]
    assert list(log.closed["pnl"]) == pytest.approx([80.00 - 1.36])


def test_a_row_after_the_expiration_takes_its_trade_out(log_of):
    other = (
        '"03/10/2026","Buy to Close","IWM 03/20/2026 185.00 P","P","1","$0.30","","-$30.00"\n'
        '"03/03/2026","Sell to Open","IWM 03/20/2026 185.00 P","P","1","$0.80","","$80.00"\n'
    )
    log = log_of(SCHWAB.replace("03/09/2026", "03/23/2026") + other)
    assert log.problems == (
        "line 2: date 2026-03-23 of the trade lies after the expiration of IWM260320P00190000: its trade is left out",
    )
    assert (list(log.closed["legs"]), list(log.closed["pnl"])) == (["-1P185"], pytest.approx([50.00]))
    assert (len(log.trades), log.opening) == (1, ())
    with pytest.raises(DataError) as refusal:
        log_of(SCHWAB.replace("03/02/2026", "03/21/2026").replace("03/09/2026", "03/22/2026"))
    assert shows(str(refusal.value), "4: date 2026-03-21 of")


@pytest.mark.parametrize(("booked", "count"), [("03/20/2026", 1), ("03/24/2026", 1), ("03/25/2026", 0)])
def test_an_expiration_may_be_booked_four_days_later(log_of, booked, count):
    opened = (
        '"03/03/2026","Sell","XBI","ETF","1","$90.00","","$90.00"\n'
        '"03/02/2026","Buy","XBI","ETF","1","$90.00","","-$90.00"\n'
    )
    rows = SCHWAB.replace("03/09/2026", booked).replace("Buy to Close", "Expired").replace("$0.40", "")
    log = log_of(rows + opened)
    assert len(log.closed[log.closed["strategy"] == "short-put"]) == count
    assert len(log.problems) == 1 - count


def test_shares_traded_in_the_future_are_left_out(log_of):
    later = date.today() + timedelta(days=3)  # noqa: DTZ011 - New York's day is at most one away
    rows = (
        f'"{later:%m/%d/%Y}","Sell","XBI","ETF","1","$91.00","","$91.00"\n'
        f'"{later:%m/%d/%Y}","Buy","SPY","ETF","1","$600.00","","-$600.00"\n'
    )
    log = log_of(SCHWAB + rows)
    assert sorted(log.problems) == [f"line {line}: date {later} lies in the future: left out" for line in (5, 6)]
    assert days(log) == [("2026-03-02", "2026-03-09")]


OWN = "entry,exit,expiration,legs,reason,contracts,pnl\n"
FUTURE = f"{date.today() + timedelta(days=3)}"  # noqa: DTZ011


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("2026-03-02,2026-03-20,2026-03-20,-1P190,closed", None),
        ("2014-03-03,2014-03-24,2014-03-22,-1P110,expiry", None),  # a Saturday, booked on the Monday
        ("2026-03-02,2026-03-24,2026-03-20,-1P190,expiry", None),
        ("2026-03-02,2026-05-29,2026-03-20,-1P190,assignment", None),  # its shares were sold in May
        ("2026-03-02,2026-04-17,2026-03-20,-1P190 +1P190:2026-04-17,closed", None),
        ("2026-03-02,2026-03-25,2026-03-20,-1P190,closed", "exit 2026-03-25 lies after the expiration of its legs"),
        ("2026-03-23,2026-03-23,2026-03-20,-1P190,", "entry 2026-03-23 lies after the first expiration of its legs"),
        (f"2026-03-02,{FUTURE},,,closed", f"exit {FUTURE} lies in the future"),
        (f"{FUTURE},,,,", f"entry {FUTURE} lies in the future"),
    ],
)
def test_own_trades_end_by_their_expiration_and_by_today(log_of, row, problem):
    log = log_of(f"{OWN}2026-02-02,2026-02-10,2026-02-20,-1P180,closed,1,10\n{row},1,20\n")
    assert log.problems == (() if problem is None else (f"line 3: {problem}: left out",))
    assert len(log.trades) == 1 + (problem is None)


def test_simulated_trades_may_end_in_the_future(tmp_path):
    path = tmp_path / "log.csv"
    text = OWN.replace("pnl", "pnl,market")
    path.write_text(f"{text}2026-03-02,{FUTURE},,,closed,1,20,SIMULATED market\n")
    log = read_log(path)
    assert list(log.closed["exit"]) == [pd.Timestamp(FUTURE)]


READ_SO = "dates are read with the day first: "
HOLD = "entry,exit,contracts,pnl,expiration\n{},1,27.44,{}\n"


@pytest.mark.parametrize(
    ("text", "entry", "why"),
    [
        (HOLD.format("03/02/2026 10:00,05/02/2026 11:00", "2026-06-19"), "2026-02-03",
         "'05/02/2026 11:00' is 2026-02-05; with the month first Saturday, 2026-05-02: no session"),
        (HOLD.format("02/03/2026,13/03/2026", "2026-06-19"), "2026-03-02",
         "'13/03/2026' does not exist with the month first"),
        # 6 April to 2 June against 4 June to 6 February: all four are sessions.
        (HOLD.format("06/04/2026,02/06/2026", "2026-06-19"), "2026-04-06",
         "'06/04/2026' with the month first lies after '02/06/2026'"),
        (HOLD.format("02.03.2026,10.03.2026", "2026-06-19"), "2026-03-02", "'02.03.2026' has dots"),
        (TASTYTRADE.format("2/3/2026", "13/3/2026"), "2026-03-02",
         "'13/3/2026 11:00' does not exist with the month first"),
        (THINKORSWIM.format("01/06/26", "12/07/26", first="02/06/26", last="09/06/26"), "2026-06-02",
         "'09/06/26 11:00:00' is 2026-06-09; with the month first Sunday, 2026-09-06: no session"),
    ],
)  # fmt: skip
def test_dates_with_the_day_first_are_a_warning_with_what_decided(log_of, text, entry, why):
    log = log_of(text)
    assert f"{log.closed['entry'][0]:%Y-%m-%d}" == entry
    assert log.warnings == (READ_SO + why,)
    assert review_record(review(log, account=10_000.0))["warnings"] == [READ_SO + why]


@pytest.mark.parametrize(
    "text", [HOLD.format("2026-02-03,2026-02-05", "2026-06-19"), HOLD.format("3/2/2026,3/13/2026", "6/19/2026"), SCHWAB]
)
def test_common_readings_are_no_warnings(log_of, text):
    assert log_of(text).warnings == ()


def test_decimal_commas_are_a_warning_with_what_decided(log_of):
    log = log_of("entry;exit;contracts;pnl\n2026-03-02;2026-03-10;1;1.200\n2026-03-02;2026-03-11;1;-1.234,5\n")
    assert list(log.closed["pnl"]) == [1200.0, -1234.5]
    assert log.warnings == ("numbers are read with a decimal comma: '-1.234,5' is -1234.5",)
    semicolons = TASTYTRADE.format("2026-03-02", "2026-03-10").replace(",", ";").replace(".00;", ",00;")
    log = log_of(semicolons.replace("-0.14", "-0,14"))
    assert list(log.closed["pnl"]) == pytest.approx([80.00 - 1.28])
    assert log.warnings == ("numbers are read with a decimal comma: '120,00' is 120",)


HELD = """Account Statement for 1 since 3/1/26 through {}

Cash Balance
DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE
3/2/26,10:00:02,TRD,="1",SOLD -2 IWM 100 13 MAR 26 190 PUT @1.20,-0.06,-1.30,240.00,0
{}
Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,3/2/26 10:00:00,SINGLE,SELL,-2,TO OPEN,IWM,13 MAR 26,190,PUT,1.20,1.20,LMT
"""


@pytest.mark.parametrize(
    "words", ["REMOVED OPTION DUE TO EXPIRATION 2.0 .IWM260313P190", "Removed due to Expiration 2.0 .IWM260313P190"]
)
def test_removals_of_thinkorswim_end_a_trade(log_of, words):
    log = log_of(HELD.format("3/31/26", f'3/14/26,02:00:00,RAD,="2",{words},,,0.00,0\n'))
    assert list(log.closed["pnl"]) == pytest.approx([240.00 - 1.36])
    assert (list(log.closed["reason"]), len(log.open)) == (["expiry"], 0)
    assert not any("expired" in note for note in log.notes)


IB = """Statement,Header,Field Name,Field Value
Statement,Data,Period,"March 1, 2026 - {}"
Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,Code
Trades,Data,Order,Equity and Index Options,USD,IWM 13MAR26 190 P,"2026-03-02, 10:00:00",-2,1.20,240,-1.36,O
"""


def expired(log):
    return [note for note in log.notes if "expired" in note]


EXPIRED = "IWM -1P190: expired 2026-03-13, no closing row (the file ends {}): result unknown, still counted open"


def test_an_expiration_inside_the_file_without_a_closing_row_is_noted(log_of):
    schwab = SCHWAB.replace("03/20/2026", "03/13/2026").splitlines(keepends=True)
    transfer = schwab[2].replace("03/08", "03/{}")
    own = "entry,exit,expiration,legs,symbol,contracts,pnl\n2026-03-02,,2026-03-13,-1P190,IWM,1,\n"
    for day, texts in {
        16: (HELD.format("3/16/26", ""), IB.format("March 16, 2026"), schwab[0] + transfer.format(16) + schwab[3],
             own + "2026-03-03,2026-03-16,2026-04-17,-1P180,IWM,1,10\n"),
        13: (HELD.format("3/13/26", ""), IB.format("March 13, 2026"), schwab[0] + transfer.format(13) + schwab[3],
             own + "2026-03-03,2026-03-13,2026-04-17,-1P180,IWM,1,10\n"),
    }.items():  # fmt: skip
        for text in texts:
            log = log_of(text)
            assert len(log.open) == 1
            said = [f"trade 1, {EXPIRED.format('2026-03-16')}"] if day == 16 else []
            assert expired(log) == said


def test_shares_held_after_an_assignment_are_not_noted_as_expired(log_of):
    own = "entry,exit,expiration,legs,reason,contracts,pnl\n2026-03-02,,2026-03-13,-1P190,assignment,1,\n"
    assert expired(log_of(own + "2026-03-03,2026-03-16,2026-04-17,-1P180,closed,1,10\n")) == []


# Excel set to DD/MM takes 02/03/2026 of a file in MM/DD for 2 March, and leaves 02/13/2026 as text.
OWN_TURNED = "entry,exit,contracts,pnl\n{0},02/13/2026,1,80\n02/17/2026,{1},1,20\n"
SCHWAB_TURNED = """"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"
"{1}","Buy to Close","IWM 03/20/2026 190.00 P","PUT ISHARES","1","$0.40","$0.66","-$40.66"
"02/13/2026","MoneyLink Transfer","","Tfr BANK","","","","$1,000.00"
"{0}","Sell to Open","IWM 03/20/2026 190.00 P","PUT ISHARES","1","$1.20","$0.66","$119.34"
"""
IB_TURNED = """Statement,Header,Field Name,Field Value
Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Comm/Fee,Code
Trades,Data,Order,Equity and Index Options,USD,IWM 20MAR26 190 P,{0},-1,1.2,-1,O
Trades,Data,Order,Equity and Index Options,USD,IWM 20MAR26 190 P,02/13/2026,-1,1.3,-1,O
Trades,Data,Order,Equity and Index Options,USD,IWM 20MAR26 190 P,{1},2,0.4,-2,C
"""
THINKORSWIM_TURNED = """Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,{1},SINGLE,BUY,+2,TO CLOSE,IWM,20 MAR 26,190,PUT,.40,.40,LMT
,02/13/2026 10:00:00,SINGLE,SELL,-1,TO OPEN,IWM,20 MAR 26,190,PUT,1.30,1.30,LMT
,{0},SINGLE,SELL,-1,TO OPEN,IWM,20 MAR 26,190,PUT,1.20,1.20,LMT
"""
TURNED = {"own": OWN_TURNED, "schwab": SCHWAB_TURNED, "ib": IB_TURNED, "thinkorswim": THINKORSWIM_TURNED}


@pytest.mark.parametrize("text", TURNED.values(), ids=TURNED)
@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%d-%b-%Y"])
def test_dates_that_a_spreadsheet_half_turned_refuse_the_log(log_of, text, form):
    opened, closed = date(2026, 3, 2), date(2026, 3, 3)  # 3 February and 3 March
    with refused_data("log.csv", "", "Excel", "at most 12"):
        log_of(text.format(opened.strftime(form), closed.strftime(form)))


@pytest.mark.parametrize("column", ["TradeDate", "Expiry"])
def test_dates_of_a_flex_query_that_a_spreadsheet_half_turned_refuse_it(log_of, column):
    """19/06/2026 is text to a spreadsheet of the other order; 10/04/2026 became 4 October."""
    header = "ClientAccountID,AssetClass,Symbol,UnderlyingSymbol,Strike,Expiry,Put/Call,TradeDate,Quantity,TradePrice\n"
    turned = {"TradeDate": ("2026-04-03", "16/03/2026"), "Expiry": ("2026-10-04", "19/06/2026")}
    sound = {"TradeDate": ("2026-03-04", "2026-03-16"), "Expiry": ("2026-04-10", "2026-06-19")}

    def text(dates):
        rows = zip(dates["Expiry"], dates["TradeDate"], strict=True)
        return header + "".join(f"U1,OPT,IWM P,IWM,190,{expiry},P,{day},-1,1\n" for expiry, day in rows)

    assert len(log_of(text(sound)).open) == 2
    with refused_data("log.csv", "", "Excel", turned[column][0], turned[column][1]):
        log_of(text(sound | {column: turned[column]}))


TASTYTRADE_EXPIRATIONS = """Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,\
Commissions,Fees,Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #
2026-03-02T10:00:00-0500,Trade,Sell to Open,SELL_TO_OPEN,{symbol},Equity Option,d,120,1,120,-1,0,100,IWM,IWM,{0},190,\
PUT,1
2026-03-02T10:00:00-0500,Trade,Sell to Open,SELL_TO_OPEN,IWM,Equity Option,d,150,1,150,-1,0,100,IWM,IWM,{1},190,PUT,2
"""
THINKORSWIM_EXPIRATIONS = """Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,3/2/26 10:00:00,SINGLE,SELL,-1,TO OPEN,IWM,{0},190,PUT,1.50,1.50,LMT
,3/2/26 10:00:00,SINGLE,SELL,-1,TO OPEN,IWM,{1},190,PUT,1.20,1.20,LMT
"""


@pytest.mark.parametrize("last", ["6/19/26", "19/06/2026"])
@pytest.mark.parametrize("text", [TASTYTRADE_EXPIRATIONS, THINKORSWIM_EXPIRATIONS], ids=["tastytrade", "thinkorswim"])
def test_expirations_that_a_spreadsheet_half_turned_refuse_the_export(log_of, text, last):
    """10 April became Sunday, 4 October."""
    with refused_data("log.csv", "", "Excel", "at most 12"):
        log_of(text.format("2026-10-04", last, symbol="IWM"))
    assert len(log_of(text.format("2026-04-10", "2026-06-19", symbol="IWM")).open) == 2


def test_turned_expirations_do_no_harm_where_the_occ_symbol_has_the_date(log_of):
    text = TASTYTRADE_EXPIRATIONS.replace(",IWM,Equity", ",IWM   260619P00190000,Equity")
    log = log_of(text.format("2026-10-04", "6/19/26", symbol="IWM   260410P00190000"))
    assert sorted(f"{day:%Y-%m-%d}" for day in log.open["expiration"]) == ["2026-04-10", "2026-06-19"]


@pytest.mark.parametrize("text", TURNED.values(), ids=TURNED)
def test_one_iso_date_of_a_later_day_shows_that_nothing_was_turned(log_of, text):
    log = log_of(text.format("2026-02-03 10:00:00", "2026-02-24 10:00:00"))
    assert {f"{when:%Y-%m-%d}" for when in log.closed["exit"]} >= {"2026-02-24"}


def test_dates_that_are_no_sessions_turned_back_were_not_turned(log_of):
    # 3 October 2026 is a Saturday.
    log = log_of("entry,exit,contracts,pnl\n2026-03-02,2026-03-10,1,20\n13/03/2026,17/03/2026,1,30\n")
    assert days(log) == [("2026-03-02", "2026-03-10"), ("2026-03-13", "2026-03-17")]


def test_columns_of_an_own_log_may_be_written_in_different_forms(log_of):
    log = log_of("entry,exit,contracts,pnl\n2026-02-02,02/13/2026,1,20\n2026-02-05,02/18/2026,1,30\n")
    assert days(log) == [("2026-02-02", "2026-02-13"), ("2026-02-05", "2026-02-18")]
