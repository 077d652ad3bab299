"""Rows of brokers that are not trades: settlements in unknown words, unknown codes, totals. None is dropped silently.

The put spread of SPXW is sold at 3.00 and the short put settles 15.00 in the money: 300 - 1500 dollars.
"""

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data, shows

ROBINHOOD = (
    '"Activity Date","Process Date","Settle Date","Instrument","Description","Trans Code","Quantity","Price","Amount"\n'
)
SCHWAB = '"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"\n'
FIDELITY = "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($)\n"
OPENED = {
    ROBINHOOD: (
        '"3/2/2026","","","SPX","SPXW 3/20/2026 Put $6,000.00","STO","1","$20.00","$2,000.00"\n'
        '"3/2/2026","","","SPX","SPXW 3/20/2026 Put $5,990.00","BTO","1","$17.00","($1,700.00)"\n'
    ),
    SCHWAB: (
        '"03/02/2026","Sell to Open","SPXW 03/20/2026 6000.00 P","P","1","$20.00","","$2,000.00"\n'
        '"03/02/2026","Buy to Open","SPXW 03/20/2026 5990.00 P","P","1","$17.00","","-$1,700.00"\n'
    ),
    FIDELITY: (
        "03/02/2026,YOU SOLD OPENING TRANSACTION PUT (SPXW), -SPXW260320P6000,P,Margin,-1,20,,,2000\n"
        "03/02/2026,YOU BOUGHT OPENING TRANSACTION PUT (SPXW), -SPXW260320P5990,P,Margin,1,17,,,-1700\n"
    ),
}
ROW = {
    ROBINHOOD: '"{day}","","","SPX","SPXW 3/20/2026 Put ${strike:,.2f}","{words}","{count}","","{amount}"\n',
    SCHWAB: '"{day}","{words}","SPXW 03/20/2026 {strike:.2f} P","P","{count}","","","{amount}"\n',
    FIDELITY: "{day},{words} PUT (SPXW), -SPXW260320P{strike},P,Margin,{count},,,,{amount}\n",
}
ENDINGS = {ROBINHOOD: ("OEXP", "OASGN"), SCHWAB: ("Expired", "Assigned"), FIDELITY: ("EXPIRED", "ASSIGNED")}
BROKERS = pytest.mark.parametrize("header", ROW, ids=["robinhood", "schwab", "fidelity"])


def read(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text)
    return read_log(file)


def row(header, words, strike, count="1", amount="", day="03/20/2026"):
    return ROW[header].format(words=words, strike=strike, count=count, amount=amount, day=day)


@pytest.mark.parametrize("with_ending", ["", "expired", "assigned"])
@pytest.mark.parametrize("count", ["1", ""])
@BROKERS
def test_cash_of_an_index_option_under_unknown_words_is_its_settlement(tmp_path, header, count, with_ending):
    expired, assigned = ENDINGS[header]
    text = header + row(header, "XCSH", 6000, count, "-1500.00") + row(header, expired, 5990)
    if with_ending:
        text += row(header, expired if with_ending == "expired" else assigned, 6000)
    log = read(tmp_path, text + OPENED[header])
    assert list(log.closed["pnl"]) == [pytest.approx(300.00 - 1500.00)]
    assert (len(log.open), log.opening, log.problems) == (0, (), ())


@BROKERS
def test_other_rows_of_an_option_under_unknown_words_are_named_by_line(tmp_path, header):
    expired, _ = ENDINGS[header]
    early = row(header, "XCSH", 6000, amount="-1500.00", day="03/10/2026")  # index options are European
    empty = row(header, "XCSH", 5990)
    log = read(tmp_path, header + early + empty + row(header, expired, 5990) + OPENED[header])
    assert [problem.split(":")[0] for problem in log.problems] == ["line 2", "line 3"]
    assert all("not known: SPXW260320P0" in problem for problem in log.problems)
    assert "amount -1500.00" in log.problems[0]
    assert list(log.open["reason"]) == ["partly closed: -1P6000 left"]


@BROKERS
def test_cash_of_an_option_that_the_file_does_not_hold_is_told_with_its_amount(tmp_path, header):
    expired, _ = ENDINGS[header]
    endings = row(header, expired, 6000) + row(header, expired, 5990)
    other = row(header, "XCSH", 6100, "", "-1500.00")
    log = read(tmp_path, header + other + endings + OPENED[header])
    assert list(log.closed["pnl"]) == [300.00]
    assert any(shows(note, "of SPXW260320P06100000, 1500.00") for note in log.notes)


def test_robinhood_codes_that_are_not_read_are_counted_with_their_cash(tmp_path):
    rows = (
        '"3/3/2026","","","","ACH Deposit","ACH","","","$5,000.00"\n'
        '"3/3/2026","","","","Gold","GOLD","","","($5.00)"\n'
        '"3/4/2026","","","","Gold","GOLD","","","($5.00)"\n'
        '"3/4/2026","","","IWM","Cash Div","CDIV","","","$1.25"\n'
        '"3/4/2026","","","IWM","What","XYZ","","","($2.50)"\n'
        '"3/4/2026","","","","","","","","$4,988.75"\n'
    )
    log = read(tmp_path, ROBINHOOD + rows + OPENED[ROBINHOOD])
    assert log.skipped == {
        "ACH": 1, "GOLD": 2, "dividends (not in the results)": 1, "unknown trans code XYZ": 1,
        "totals and remarks (no type)": 1,
    }  # fmt: skip
    cash = "ACH 5,000.00, CDIV 1.25, GOLD -10.00, XYZ -2.50"
    assert any(note.startswith("cash of rows not used, by trans code: ") and cash in note for note in log.notes)


TASTY = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
    "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Total,Currency\n"
    "2026-03-10T11:00:00-0400,Trade,x,BUY_TO_CLOSE,IWM   260320P00190000,Equity Option,d,-40.00,1,-40,0,-0.14,100,"
    "IWM,IWM,3/20/26,190,PUT,2,-40.14,USD\n"
    "2026-03-02T10:00:00-0500,Trade,x,SELL_TO_OPEN,IWM   260320P00190000,Equity Option,d,120.00,1,120,-1,-0.14,100,"
    "IWM,IWM,3/20/26,190,PUT,1,118.86,USD\n"
)
RECEIVED = (
    "2026-03-11T17:00:00-0400,Receive Deliver,{},,IWM   260417P00190000,Equity Option,d,0.00,1,0,0,0,100,IWM,IWM,"
    "4/17/26,190,PUT,,0,USD\n"
)


def test_totals_of_tastytrade_are_called_what_they_are(tmp_path):
    log = read(tmp_path, TASTY + "Total,,,,,,,80.00,,,-1.00,-0.28,,,,,,,,78.72,\n")
    assert list(log.closed["pnl"]) == [pytest.approx(80.00 - 1.28)]
    assert log.skipped == {"totals and remarks (no type)": 1}


def test_an_unknown_ending_of_an_option_at_tastytrade_is_named_by_line(tmp_path):
    log = read(tmp_path, TASTY + RECEIVED.format("ACAT"))
    assert log.problems == ("line 4: 'ACAT' is not known: IWM   260417P00190000, 0.00: left out",)


def test_money_market_funds_are_counted_not_named_row_by_row(tmp_path):
    fidelity = (
        "03/03/2026,REINVESTMENT FIDELITY MONEY MARKET (SPAXX), SPAXX,x,Cash,12.34,1,,,-12.34\n"
        "03/03/2026,INTEREST EARNED FIDELITY, SPAXX,x,Cash,,,,,1\n"
    )
    log = read(tmp_path, FIDELITY + fidelity + OPENED[FIDELITY])
    assert (log.problems, log.skipped) == ((), {"money market funds": 1, "Interest earned fidelity": 1})
    schwab = '"03/03/2026","Buy","SWVXX","x","12.34","$1.00","","-$12.34"\n'
    log = read(tmp_path, SCHWAB + schwab + OPENED[SCHWAB])
    assert (log.problems, log.skipped) == ((), {"money market funds": 1})


def test_futures_and_their_options_of_tastyworks_until_2021_are_counted(tmp_path):
    """The put sold at 1.20 and bought back at 0.40, 1.30 of fees, is the only trade."""
    text = (
        "Date/Time,Transaction Code,Transaction Subcode,Symbol,Buy/Sell,Open/Close,Quantity,Expiration Date,Strike,"
        "Call/Put,Price,Fees,Amount,Description,Account Reference\n"
        "03/10/2021 10:00 AM,Trade,Buy to Close,IWM,Buy,Close,1,03/19/2021,190,P,0.4,0.15,-40,x,y\n"
        "03/08/2021 10:00 AM,Receive Deliver,Expiration,./MESM1EX2H1,,,1,03/12/2021,3800,P,,0,0,x,y\n"
        "03/05/2021 10:00 AM,Trade,Sell to Close,/MESM1,Sell,Close,1,,,,4010,1.5,0,x,y\n"
        "03/02/2021 10:00 AM,Money Movement,Mark to Market,/MESM1,,,0,,,,,0,50,x,y\n"
        "03/01/2021 10:00 AM,Trade,Buy to Open,/MESM1,Buy,Open,1,,,,4000,1.5,0,x,y\n"
        "03/01/2021 10:00 AM,Trade,Sell to Open,./MESM1EX2H1,Sell,Open,1,03/12/2021,3800,P,10,1.8,50,x,y\n"
        "03/01/2021 10:00 AM,Trade,Sell to Open,IWM,Sell,Open,1,03/19/2021,190,P,1.2,1.15,120,x,y\n"
    )
    log = read(tmp_path, text)
    assert list(log.trades["pnl"]) == [pytest.approx(80.00 - 1.30)]
    assert (log.problems, log.skipped) == ((), {"futures and their options": 4, "money movements": 1})


def test_account_types_of_robinhood_are_accounts(tmp_path):
    """1.30 to 0.40 in one, 1.20 to 2.40 in the other; never the one against the other."""
    put = "IWM,IWM 3/20/2026 Put $190.00"
    text = (
        "Activity Date,Process Date,Settle Date,Account Type,Instrument,Description,Trans Code,Quantity,Price,Amount\n"
        f"3/10/2026,,,Roth IRA,{put},BTC,1,$0.40,($40.00)\n"
        f"3/9/2026,,,Individual,{put},BTC,1,$2.40,($240.00)\n"
        f"3/3/2026,,,Individual,{put},STO,1,$1.20,$120.00\n"
        f"3/2/2026,,,Roth IRA,{put},STO,1,$1.30,$130.00\n"
    )
    log = read(tmp_path, text)
    assert list(log.trades["pnl"]) == pytest.approx([90.00, -120.00])
    assert any(shows(note, "2 accounts", "Individual, Roth IRA") for note in log.notes)


def test_active_trader_pro_history_is_named(tmp_path):
    text = (
        '"Trade Date","Symbol","Description","Quantity","Activity Description","Price","Amount","Commission","Fees",'
        '"Type","Account"\n"06/01/2022","SPY220608P403","PUT","2","YOU BOUGHT","$3.05","$-610","$0","$0","Margin","X"\n'
    )
    with refused_data("log.csv", "layout", "Fidelity Active Trader Pro history"):
        read(tmp_path, text)


TDA = "DATE,TRANSACTION ID,DESCRIPTION,QUANTITY,SYMBOL,PRICE,COMMISSION,AMOUNT,REG FEE\n"


@pytest.mark.parametrize(
    "text",
    [
        SCHWAB
        + '"03/03/2026","Sell","/ESM26","x","1","$5,010.00","$2.00","-$2.00"\n'
        + '"03/02/2026","Buy to Open","./ESM26 03/20/2026 5000.00 P","x","1","$10.00","$2.00","-$502.00"\n'
        + '"03/10/2026","Buy to Close","IWM 03/20/2026 190.00 P","x","1","$0.40","","-$40.00"\n'
        + '"03/02/2026","Sell to Open","IWM 03/20/2026 190.00 P","x","1","$1.20","","$120.00"\n',
        TDA
        + "03/02/2026,1,Sold 1 IWM Mar 20 2026 190.0 Put @ 1.2,1,IWM Mar 20 2026 190.0 Put,1.2,0,120.00,0\n"
        + "03/02/2026,2,Bought 1 /ESM26 @ 5000,1,/ESM26,5000,2,-2.00,0\n"
        + "03/03/2026,3,Sold 1 /ESM26 @ 5010,1,/ESM26,5010,2,-2.00,0\n"
        + "03/10/2026,4,Bought 1 IWM Mar 20 2026 190.0 Put @ 0.4,1,IWM Mar 20 2026 190.0 Put,0.4,0,-40.00,0\n",
    ],
    ids=["schwab", "td ameritrade"],
)
def test_futures_among_the_rows_of_a_securities_account_are_counted(tmp_path, text):
    log = read(tmp_path, text)
    assert list(log.trades["pnl"]) == [pytest.approx(80.00)]
    assert (log.problems, log.skipped) == ((), {"futures and their options": 2})


def test_a_ratio_and_a_butterfly_of_days_without_orders_are_one_package(tmp_path):
    opened = (
        '"03/02/2026","Sell to Open","IWM 03/20/2026 185.00 P","P","2","$0.70","$1.32","$138.68"\n'
        '"03/02/2026","Buy to Open","IWM 03/20/2026 190.00 P","P","1","$1.20","$0.66","-$120.66"\n'
        '"03/02/2026","Sell to Open","IWM 03/20/2026 240.00 C","C","1","$0.50","$0.66","$49.34"\n'
    )
    closed = (
        '"03/10/2026","Buy to Close","IWM 03/20/2026 185.00 P","P","2","$0.10","$1.32","-$21.32"\n'
        '"03/10/2026","Sell to Close","IWM 03/20/2026 190.00 P","P","1","$0.30","$0.66","$29.34"\n'
    )
    log = read(tmp_path, SCHWAB + closed + opened)
    (ratio,) = log.closed.to_dict("records")
    assert (ratio["legs"], ratio["pnl"]) == ("-2P185 +1P190", pytest.approx(138.68 - 120.66 - 21.32 + 29.34))
    assert list(log.open["legs"]) == ["-1C240"]
    wing = '"03/02/2026","Buy to Open","IWM 03/20/2026 180.00 P","P","1","$0.40","$0.66","-$40.66"\n'
    butterfly, call = read(tmp_path, SCHWAB + opened + wing).open["legs"]
    assert (butterfly, call) == ("+1P180 -2P185 +1P190", "-1C240")
    # Spreads of two contracts beside one put more are no ratio.
    spread = '"03/02/2026","Buy to Open","IWM 03/20/2026 180.00 P","P","2","$0.40","$1.32","-$81.32"\n'
    assert sorted(read(tmp_path, SCHWAB + opened + spread).open["legs"]) == ["+1P180 -1P185", "+1P190 -1C240"]


@pytest.mark.parametrize(("total", "count"), [("-40.14", 1), ("-40.15", 1), ("-60.14", 0), ("0", 1), ("--", 1)])
def test_totals_of_tastytrade_that_contradict_their_row_are_named(tmp_path, total, count):
    header = (
        "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
        "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Total,Currency\n"
    )
    put, root = "IWM   260320P00190000,Equity Option,d", "100,IWM,IWM,3/20/26,190,PUT"
    log = read(
        tmp_path,
        f"{header}2026-03-10T10:00:00-0400,Trade,Buy To Close,BUY_TO_CLOSE,{put},-40.00,1,-40.00,0.00,-0.14,{root},"
        f"3,{total},USD\n2026-03-02T10:00:00-0500,Trade,Sell To Open,SELL_TO_OPEN,{put},120.00,1,120.00,"
        f"-1.00,-0.14,{root},1,118.86,USD\n",
    )
    assert list(log.closed["pnl"]) == [pytest.approx(120.00 - 40.00 - 1.28)] * count
    assert [line for line in log.problems if shows(line, "Total '-60.14'", "fees, -40.14")] == list(log.problems)


@pytest.mark.parametrize("header", ["Close Date,Open Date,Symbol,Gain Loss", "open date,close date,gain/loss,Term"])
def test_gains_of_tradier_are_named(tmp_path, header):
    with refused_data("log.csv", "layout", "Tradier gain/loss"):
        read(tmp_path, f"{header}\n2026-03-10,2026-03-02,x,40\n")
