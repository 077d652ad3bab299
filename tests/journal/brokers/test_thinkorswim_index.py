"""Index options of thinkorswim: those settled on the open and on the close of one day are two contracts.

A put spread is sold at 4.10 in one package; fees of 2.50.
"""

import pytest

from iwm_opts.journal.readers import read_log

STATEMENT = """Account Statement for 1 (ira) since 3/1/26 through 3/31/26

Cash Balance
DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE
3/2/26,10:00:05,TRD,1,SOLD -1 VERTICAL SPX 100 {worded} 5900/5850 PUT @4.10,-1.20,-1.30,410.00,1
{cash}
Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,3/2/26 10:00:05,VERTICAL,SELL,-1,TO OPEN,SPX,{day},5900,PUT,14.10,4.10,LMT
,,,BUY,+1,TO OPEN,SPX,{day},5850,PUT,10.00,CREDIT,
"""
EXPIRED = "3/20/26,17:00:05,RAD,2,REMOVAL OF OPTION DUE TO EXPIRATION {count} {option} PUT,,,0.00,1\n"
CODED = "3/20/26,17:00:05,RAD,2,REMOVED DUE TO EXPIRATION EXP: {count} .{root}260320P{strike},,,0.00,1\n"


def read(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text)
    return read_log(file)


def expired(worded):
    return "".join(
        EXPIRED.format(count=count, option=f"SPX 100 {worded} {strike}.0") for count, strike in ((1, 5850), (-1, 5900))
    )


@pytest.mark.parametrize(
    ("day", "worded"),
    [
        ("20 MAR 26 [AM]", "20 MAR 26 [AM]"),
        ("20 MAR 26 (AM)", "20 MAR 26 (AM)"),
        ("20 MAR 26 [PM]", "20 MAR 26 [PM]"),
        ("20 MAR 26", "20 MAR 26"),
        ("20 MAR 26 (Weeklys)", "(Weeklys) 20 MAR 26"),
        ("20 MAR 26 (Weeklys) [PM]", "(Weeklys) 20 MAR 26 [PM]"),
        ("20 MAR 26 [AM]", "20 MAR 26"),  # the ending does not say how it settles
    ],
)
def test_the_settlement_in_brackets_is_part_of_the_expiration(tmp_path, day, worded):
    log = read(tmp_path, STATEMENT.format(day=day, worded=worded, cash=expired(worded)))
    assert list(log.closed["pnl"]) == [pytest.approx(410.00 - 2.50)]
    assert list(log.closed["symbol"]) == ["SPX"]
    assert (log.open.empty, log.opening, log.problems, log.notes) == (True, (), (), ())


@pytest.mark.parametrize(
    ("day", "root"), [("20 MAR 26 [AM]", "SPX"), ("20 MAR 26 (Weeklys)", "SPXW"), ("20 MAR 26", "SPXW")]
)
def test_an_ending_may_name_the_root(tmp_path, day, root):
    cash = CODED.format(count=1, root=root, strike=5850) + CODED.format(count=-1, root=root, strike=5900)
    log = read(tmp_path, STATEMENT.format(day=day, worded=day, cash=cash))
    assert list(log.closed["pnl"]) == [pytest.approx(410.00 - 2.50)]
    assert (log.open.empty, log.opening, log.problems) == (True, (), ())


def test_morning_and_evening_settlement_of_one_strike_are_two_contracts(tmp_path):
    """The put of the close is sold at 3.00 and bought back at 1.00; the spread of the open expires: 200 and 407.50."""
    cash = expired("20 MAR 26 [AM]") + (
        "3/3/26,10:00:05,TRD,3,SOLD -1 SPX 100 (Weeklys) 20 MAR 26 5850 PUT @3.00,,,300.00,1\n"
        "3/4/26,10:00:05,TRD,4,BOT +1 SPX 100 (Weeklys) 20 MAR 26 5850 PUT @1.00,,,-100.00,1\n"
    )
    trades = (
        ",3/3/26 10:00:05,SINGLE,SELL,-1,TO OPEN,SPX,20 MAR 26 (Weeklys),5850,PUT,3.00,3.00,LMT\n"
        ",3/4/26 10:00:05,SINGLE,BUY,+1,TO CLOSE,SPX,20 MAR 26 (Weeklys),5850,PUT,1.00,1.00,LMT\n"
    )
    log = read(tmp_path, STATEMENT.format(day="20 MAR 26 [AM]", worded="20 MAR 26 [AM]", cash=cash) + trades)
    assert sorted(log.closed["pnl"]) == pytest.approx([200.00, 407.50])
    assert (log.open.empty, log.opening, log.problems) == (True, (), ())
