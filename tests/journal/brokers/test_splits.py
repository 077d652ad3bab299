"""Splits, mergers and changes of symbol inside a log, as each broker writes them.

Rows are made up in the broker's columns. Bought 100 at 200.00, 2 for 1, sold 200 at 101.00: 200 dollars. A put sold at
4.00 becomes two at half the strike, bought back at 1.00: 200 dollars. Fees are beside each.
"""

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data, shows

SCHWAB = '"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"\n'
SCHWAB_ROWS = {
    "sold": '"06/20/2025","Sell","IWM","ISHARES","200","$101.00","$0.20","$20,199.80"\n',
    "bought back": '"06/18/2025","Buy to Close","IWM 07/18/2025 95.00 P","PUT","2","$1.00","$1.30","-$201.30"\n',
    "options": '"06/10/2025","Options Frwd Split","IWM 07/18/2025 95.00 P","PUT","-1","","",""\n',
    "split": '"06/10/2025","Stock Split","IWM","ISHARES","100","","",""\n',
    "put": '"06/02/2025","Sell to Open","IWM 07/18/2025 190.00 P","PUT","1","$4.00","$0.66","$399.34"\n',
    "bought": '"06/02/2025","Buy","IWM","ISHARES","100","$200.00","","-$20,000.00"\n',
}
SHARES, PUT = 200.00 - 0.20, 200.00 - 0.66 - 1.30


def read(tmp_path, text, name="log.csv"):
    file = tmp_path / name
    file.write_text(text)
    return read_log(file)


def results(log):
    return sorted(log.closed["pnl"])


def near(*values):
    return pytest.approx(sorted(values), abs=0.005)


@pytest.mark.parametrize("without", [(), ("options",), ("options", "put", "bought back"), ("split", "bought", "sold")])
def test_schwab(tmp_path, without):
    log = read(tmp_path, SCHWAB + "".join(row for name, row in SCHWAB_ROWS.items() if name not in without))
    expected = ([] if "bought" in without else [SHARES]) + ([] if "put" in without else [PUT])
    assert results(log) == near(*expected)
    assert log.opening == ()
    assert not log.problems
    assert any("split of IWM, 2 for 1" in note for note in log.notes)


def test_schwab_split_booked_as_of_the_evening_before(tmp_path):
    rows = SCHWAB_ROWS | {
        "split": '"06/10/2025 as of 06/09/2025","Stock Split","IWM","ISHARES","100","","",""\n',
        "put": '"06/09/2025","Sell","IWM","ISHARES","50","$202.00","","$10,100.00"\n',
        "bought": '"06/02/2025","Buy","IWM","ISHARES","150","$200.00","","-$30,000.00"\n',
    }
    log = read(tmp_path, SCHWAB + "".join(rows[name] for name in ("sold", "split", "put", "bought")))
    assert results(log) == near(SHARES, 100.00)  # 50 at the old price that day, then 100 become 200


OTHER_TRADE = (
    '"06/20/2025","Buy to Close","SPY 07/18/2025 500.00 P","PUT","1","$1.00","$0.66","-$100.66"\n'
    '"06/02/2025","Sell to Open","SPY 07/18/2025 500.00 P","PUT","1","$3.00","$0.66","$299.34"\n'
)


def test_schwab_split_of_shares_from_before_the_file_leaves_an_opening_balance(tmp_path):
    log = read(tmp_path, SCHWAB + SCHWAB_ROWS["sold"] + SCHWAB_ROWS["split"] + OTHER_TRADE)
    assert results(log) == near(200.00 - 1.32)
    assert [(balance.name, balance.quantity) for balance in log.opening] == [("shares of IWM", 200)]


def test_schwab_split_that_the_holding_does_not_explain_leaves_its_trades_out(tmp_path):
    rows = SCHWAB_ROWS | {"split": '"06/10/2025","Stock Split","IWM","ISHARES","137","","",""\n'}
    names = ("sold", "bought back", "split", "put", "bought")
    log = read(tmp_path, SCHWAB + "".join(rows[name] for name in names) + OTHER_TRADE)
    assert results(log) == near(200.00 - 1.32)
    assert log.opening == ()
    assert log.open.empty
    assert sorted(int(problem.split(":")[0].split()[1]) for problem in log.problems) == [2, 3, 4, 4]


def test_schwab_reverse_split_under_an_old_number(tmp_path):
    rows = [
        '"06/20/2025","Sell","XYZ","XYZ","10","$21.00","","$210.00"\n',
        '"06/10/2025","Reverse Split","XYZ","XYZ NEW","10","","",""\n',
        '"06/10/2025","Reverse Split","98386Y203","XYZ OLD","-100","","",""\n',
        '"06/02/2025","Buy","XYZ","XYZ","100","$2.00","","-$200.00"\n',
    ]
    log = read(tmp_path, SCHWAB + "".join(rows))
    assert results(log) == near(10.00)
    assert log.opening == ()


def test_schwab_reverse_split_leaves_out_options_that_become_adjusted(tmp_path):
    """A short position is removed by a positive quantity; what is added delivers ten shares, not a hundred."""
    rows = [
        '"06/20/2025","Buy to Close","XYZ1 07/18/2025 2.00 P","PUT","1","$0.10","","-$10.00"\n',
        '"06/10/2025","Options Rvrs Split","XYZ1 07/18/2025 2.00 P","PUT","-1","","",""\n',
        '"06/10/2025","Options Rvrs Split","XYZ 07/18/2025 2.00 P","PUT","1","","",""\n',
        '"06/02/2025","Sell to Open","XYZ 07/18/2025 2.00 P","PUT","1","$0.40","","$40.00"\n',
    ]
    log = read(tmp_path, SCHWAB + "".join(rows) + OTHER_TRADE)
    assert results(log) == near(200.00 - 1.32)
    assert (log.open.empty, log.opening) == (True, ())
    assert any(shows(line, "on XYZ250718P00002000") for line in log.problems)
    assert log.skipped == {"adjusted contracts XYZ1 (they deliver other than 100 shares)": 2}


IB = (
    "Statement,Header,Field Name,Field Value\n"
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,C. Price,Proceeds,"
    "Comm/Fee,Basis,Realized P/L,MTM P/L,Code\n"
    'Trades,Data,Order,Stocks,USD,IWM,"2025-06-02, 10:00:00",100,200,200,-20000,-1,0,0,0,O\n'
    'Trades,Data,Order,Stocks,USD,IWM,"2025-06-20, 10:00:00",-200,101,101,20200,-1.2,0,0,0,C\n'
    'Trades,Data,Order,Equity and Index Options,USD,IWM 18JUL25 190 P,"2025-06-02, 10:00:00",-1,4,4,400,-1.05,0,0,0,O\n'
    'Trades,Data,Order,Equity and Index Options,USD,IWM 18JUL25 185 P,"2025-06-02, 10:00:00",1,3,3,-300,-1.05,0,0,0,O\n'
    'Trades,Data,Order,Equity and Index Options,USD,IWM 18JUL25 95 P,"2025-06-18, 10:00:00",2,1,1,-200,-2.1,0,0,0,C\n'
    'Trades,Data,Order,Equity and Index Options,USD,IWM 18JUL25 92.5 P,"2025-06-18, 10:00:00",-2,0.6,0.6,120,-2.1,0,0,'
    "0,C\n"
)
IB_ACTIONS = (
    "Corporate Actions,Header,Asset Category,Currency,Report Date,Date/Time,Description,Quantity,Proceeds,Value,"
    "Realized P/L,Code\n"
    'Corporate Actions,Data,Stocks,USD,2025-06-10,"2025-06-09, 20:25:00","IWM(US4642876555) Split 2 for 1 (IWM, ISHARES'
    ' RUSSELL 2000, US4642876555)",100,0,0,0,\n'
)


def test_interactive_brokers(tmp_path):
    log = read(tmp_path, IB + IB_ACTIONS)
    # A spread at 1.00 becomes two, bought back at 0.40: 100 - 80 less 4 x 1.05 + 2 x 1.05.
    assert results(log) == near(200.00 - 2.20, 100.00 - 80.00 - 6.30)
    assert set(log.closed["legs"]) == {"", "+1P92.5 -1P95"}
    assert log.opening == ()


def test_an_action_of_interactive_brokers_without_successor_or_cash_leaves_its_trades_out(tmp_path):
    action = IB_ACTIONS.replace("Split 2 for 1", "Liquidated").replace('",100,0', '",-100,0')
    log = read(tmp_path, IB + action + IB.splitlines()[2].replace("06-02", "06-03").replace("IWM", "SPY") + "\n")
    assert log.closed[log.closed["strategy"] == "shares"].empty
    assert any("sold" not in problem and "corporate action" in problem for problem in log.problems)
    assert all(balance.contract is not None for balance in log.opening)


ROBINHOOD = (
    '"Activity Date","Process Date","Settle Date","Instrument","Description","Trans Code","Quantity","Price","Amount"\n'
    '"6/20/2025","6/20/2025","6/23/2025","IWM","iShares","Sell","200","$101.00","$20,199.80"\n'
    '"6/18/2025","6/18/2025","6/20/2025","IWM","IWM 7/18/2025 Put $95.00","BTC","2","$1.00","($200.08)"\n'
    '"6/10/2025","6/10/2025","6/10/2025","IWM","iShares","SPL","100","",""\n'
    '"6/2/2025","6/2/2025","6/4/2025","IWM","IWM 7/18/2025 Put $190.00","STO","1","$4.00","$399.96"\n'
    '"6/2/2025","6/2/2025","6/4/2025","IWM","iShares","Buy","100","$200.00","($20,000.00)"\n'
)


def test_robinhood(tmp_path):
    log = read(tmp_path, ROBINHOOD)
    assert results(log) == near(200.00 - 0.20, 200.00 - 0.04 - 0.08)
    assert log.opening == ()


def test_robinhood_reverse_split(tmp_path):
    rows = [
        ROBINHOOD.splitlines()[0],
        '"6/20/2025","6/20/2025","6/23/2025","XYZ","Xyz","Sell","10","$21.00","$210.00"',
        '"6/10/2025","6/10/2025","6/10/2025","XYZ","Xyz","SPR","100S","",""',
        '"6/10/2025","6/10/2025","6/10/2025","XYZ","Xyz","SPR","10","",""',
        '"6/2/2025","6/2/2025","6/4/2025","XYZ","Xyz","Buy","100","$2.00","($200.00)"',
    ]
    log = read(tmp_path, "\n".join(rows) + "\n")
    assert results(log) == near(10.00)


@pytest.mark.parametrize("sides", [("1", "2S"), ("1S", "2"), ("1", "2")])
def test_robinhood_option_changes_whatever_their_marks(tmp_path, sides):
    """Of two rows of a change the contract that the file holds is the one removed."""
    row = '"6/10/2025","6/10/2025","6/10/2025","IWM","IWM 7/18/2025 Put ${}","OCA","{}","",""\n'
    lines = ROBINHOOD.splitlines(keepends=True)
    changes = row.format("190.00", sides[0]) + row.format("95.00", sides[1])
    log = read(tmp_path, lines[0] + lines[2] + changes + lines[4] + OTHER_OF_ROBINHOOD)
    assert results(log) == near(100.00, 200.00 - 0.12)
    assert not log.problems


OTHER_OF_ROBINHOOD = (
    '"6/2/2025","6/2/2025","6/4/2025","SPY","SPY 7/18/2025 Put $500.00","STO","1","$4.00","$400.00"\n'
    '"6/3/2025","6/3/2025","6/5/2025","SPY","SPY 7/18/2025 Put $500.00","BTC","1","$3.00","($300.00)"\n'
)

FIDELITY = (
    "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($),Settlement Date\n"
    "06/20/2025,YOU SOLD ISHARES TR RUSSELL 2000 (IWM) (Margin), IWM,ISHARES,Margin,-200,101.00,,0.20,20199.80,\n"
    "06/18/2025,YOU BOUGHT CLOSING TRANSACTION PUT (IWM) ISHARES JUL 18 25 $95 (100 SHS) (Margin), -IWM250718P95,PUT,"
    "Margin,2,1.00,1.30,0.04,-201.34,06/20/2025\n"
    "06/10/2025,DISTRIBUTION ISHARES TR RUSSELL 2000 (IWM) (Margin), IWM,ISHARES,Margin,100,,,,,\n"
    "06/02/2025,YOU SOLD OPENING TRANSACTION PUT (IWM) ISHARES JUL 18 25 $190 (100 SHS) (Margin), -IWM250718P190,PUT,"
    "Margin,-1,4.00,0.65,0.02,399.33,06/03/2025\n"
    "06/02/2025,YOU BOUGHT ISHARES TR RUSSELL 2000 (IWM) (Margin), IWM,ISHARES,Margin,100,200.00,,,-20000.00,\n"
)


def test_fidelity(tmp_path):
    log = read(tmp_path, FIDELITY)
    assert results(log) == near(200.00 - 0.20, 200.00 - 0.67 - 1.34)
    assert log.opening == ()


def test_fidelity_reverse_split_under_an_old_number(tmp_path):
    rows = [
        FIDELITY.splitlines()[0],
        "06/20/2025,YOU SOLD XYZ (XYZ), XYZ,x,Margin,-10,21,,,210,",
        "06/12/2025,DISTRIBUTION XYZ CORP (XYZ) (Cash), XYZ,x,Cash,,,,,25,",
        "06/10/2025,REVERSE SPLIT R/S FROM 98386Y203#REOR M1, XYZ,x,Margin,10,,,,,",
        "06/10/2025,REVERSE SPLIT R/S TO XYZ NEW#REOR M1, 98386Y203,x,Margin,-100,,,,,",
        "06/02/2025,YOU BOUGHT XYZ (XYZ), XYZ,x,Margin,100,2,,,-200,",
    ]
    log = read(tmp_path, "\n".join(rows) + "\n")
    assert results(log) == near(10.00)
    assert log.skipped["dividends (not in the results)"] == 1


TASTY = (
    "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
    "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Total,Currency\n"
)


def tasty_leg(day, type_, sub, action, strike, count, value, order="", root="IWM"):
    side = "PUT"
    symbol = f"{root:<6}250718P{round(strike * 1000):08d}"
    fees = (
        "-1.00,-0.14"
        if type_ == "Trade" and action.endswith("OPEN")
        else "0.00,-0.14"
        if type_ == "Trade"
        else "--,0.00"
    )
    return (
        f"{day},{type_},{sub},{action},{symbol},Equity Option,Forward split x,{value},{count},0,{fees},100,{root},IWM,"
        f"7/18/25,{strike},{side},{order},0,USD\n"
    )


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 1, 0, 3), (3, 0, 2, 1)])
def test_tastytrade_spread_across_a_split(tmp_path, order):
    at, then = "2025-06-10T06:00:00-0400", "2025-06-18T10:00:00-0400"
    first = "2025-06-02T10:00:00-0400"
    changes = [
        tasty_leg(at, "Receive Deliver", "Forward Split", "SELL_TO_OPEN", 95, 2, "400.00"),
        tasty_leg(at, "Receive Deliver", "Forward Split", "BUY_TO_CLOSE", 190, 1, "-400.00"),
        tasty_leg(at, "Receive Deliver", "Forward Split", "BUY_TO_OPEN", 92.5, 2, "-300.00"),
        tasty_leg(at, "Receive Deliver", "Forward Split", "SELL_TO_CLOSE", 185, 1, "300.00"),
    ]
    text = TASTY + "".join(
        [
            tasty_leg(then, "Trade", "Buy to Close", "BUY_TO_CLOSE", 95, 2, "-200.00", 2),
            tasty_leg(then, "Trade", "Sell to Close", "SELL_TO_CLOSE", 92.5, 2, "120.00", 2),
            *(changes[place] for place in order),
            tasty_leg(first, "Trade", "Sell to Open", "SELL_TO_OPEN", 190, 1, "400.00", 1),
            tasty_leg(first, "Trade", "Buy to Open", "BUY_TO_OPEN", 185, 1, "-300.00", 1),
        ]
    )
    log = read(tmp_path, text)
    assert results(log) == near(100.00 - 80.00 - 2 * 1.14 - 2 * 0.14)
    assert list(log.closed["contracts"]) == [2]


TOS = """Account Statement for 123 since 6/1/25 through 6/30/25

Cash Balance
DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE
6/2/25,10:00:00,TRD,1,BOT +100 IWM @200.00,,,"-20,000.00",0
6/10/25,01:00:00,RAD,2,{split},,,,0
6/20/25,10:00:00,TRD,3,SOLD -200 IWM @101.00,-0.20,,"20,200.00",0

Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,6/20/25 10:00:00,STOCK,SELL,-200,TO CLOSE,IWM,,,STOCK,101.00,101.00,LMT
,6/2/25 10:00:00,STOCK,BUY,+100,TO OPEN,IWM,,,STOCK,200.00,200.00,LMT
"""


def test_thinkorswim(tmp_path):
    log = read(tmp_path, TOS.replace("{split}", "FORWARD SPLIT 2 FOR 1 IWM"))
    assert results(log) == near(SHARES)
    assert log.opening == ()


IB_RENAMED = (
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,"
    "Code\n"
    'Trades,Data,Order,Stocks,USD,FB,"2026-03-02, 10:00:00",100,100,-10000,-1,O\n'
    'Trades,Data,Order,Stocks,USD,META,"2026-03-13, 10:00:00",-100,105,10500,-1,C\n'
    'Trades,Data,Order,Equity and Index Options,USD,FB 17APR26 90 P,"2026-03-02, 11:00:00",-1,4,400,-1,O\n'
    'Trades,Data,Order,Equity and Index Options,USD,META 17APR26 90 P,"2026-03-13, 11:00:00",1,1,-100,-1,C\n'
)
IB_RENAMINGS = "Corporate Actions,Header,Asset Category,Currency,Report Date,Date/Time,Description,Quantity\n"
RENAMED = (
    ("Stocks", "FB(US30303M1027) CUSIP/ISIN Change to (US30303M1027) (META, META PLATFORMS INC, US30303M1027)", 100),
    ("Stocks", "FB(US30303M1027) CUSIP/ISIN Change to (US30303M1027) (FB.OLD, META PLATFORMS INC, US30303M1027)", -100),
    ("Equity and Index Options", "FB 17APR26 90 P(1) CUSIP/ISIN Change to (2) (META 17APR26 90 P, META, 2)", -1),
    ("Equity and Index Options", "FB 17APR26 90 P(1) CUSIP/ISIN Change to (2) (FB 17APR26 90 P, META, 1)", 1),
)


@pytest.mark.parametrize("step", [1, -1])
def test_change_of_symbol_of_interactive_brokers(tmp_path, step):
    actions = "".join(
        f'Corporate Actions,Data,{category},USD,2026-03-10,"2026-03-09, 20:25:00","{words}",{count}\n'
        for category, words, count in RENAMED[::step]
    )
    log = read(tmp_path, IB_RENAMED + IB_RENAMINGS + actions)
    assert results(log) == near(500.00 - 2.00, 300.00 - 2.00)
    assert (set(log.closed["symbol"]), log.opening, log.problems) == ({"META"}, (), ())


def test_change_of_symbol_in_a_flex_query(tmp_path):
    trade = (
        '<Trade levelOfDetail="EXECUTION" assetCategory="STK" currency="USD" symbol="{}" dateTime="202603{};100000" '
        'quantity="{}" tradePrice="{}" ibCommission="-1" openCloseIndicator="{}"/>'
    )
    actions = "".join(
        f'<CorporateAction assetCategory="STK" dateTime="20260309;202500" description="{words}" quantity="{count}"/>'
        for category, words, count in RENAMED
        if category == "Stocks"
    )
    trades = trade.format("FB", "02", 100, 100, "O") + trade.format("META", "13", -100, 105, "C")
    statement = f"<Trades>{trades}</Trades><CorporateActions>{actions}</CorporateActions>"
    text = f"<FlexQueryResponse><FlexStatement>{statement}</FlexStatement></FlexQueryResponse>"
    log = read(tmp_path, text, "log.xml")
    assert (results(log), log.opening) == (near(498.00), ())


IB_DIVIDEND = (
    "Statement,Header,Field Name,Field Value\n"
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,"
    "Code\n"
    'Trades,Data,Order,Stocks,USD,MAC,"2026-03-02, 10:00:00",100,42,-4200,0,O\n'
    'Trades,Data,Order,Stocks,USD,MAC,"2026-05-04, 10:00:00",-{sold},41,{proceeds},0,C\n'
    "Corporate Actions,Header,Asset Category,Currency,Report Date,Date/Time,Description,Quantity,Proceeds,Value,"
    "Realized P/L,Code\n"
    'Corporate Actions,Data,Stocks,USD,2026-04-10,"2026-04-09, 20:25:00","{words} (MAC, MACERICH CO, US1)",{added},0,'
    "200,0,\n"
)


@pytest.mark.parametrize(
    ("words", "added"),
    [
        ("MAC(US5543821012) STOCK DIVIDEND US5543821012 5 FOR 100", 5),
        ("MAC (US5543821012) Stock Dividend 1 for 20", 5),
        ("MAC (US5543821012) Cash Dividend USD 0.10, STOCK DIVIDEND US5543821012 548275673 FOR 10000000000", 6),
    ],
)
def test_shares_of_a_stock_dividend_share_the_basis(tmp_path, words, added):
    """Bought 100 at 42.00; all, with the added shares, are sold at 41.00."""
    sold = 100 + added
    text = IB_DIVIDEND.format(words=words, added=added, sold=sold, proceeds=41 * sold)
    log = read(tmp_path, text)
    assert results(log) == near(41.0 * sold - 4200.00)
    assert (log.opening, log.problems, log.open.empty) == ((), (), True)


def test_a_stock_dividend_on_more_shares_than_the_file_holds_leaves_them_out(tmp_path):
    """The ratio brings 5 shares on the 100 of the file, the account got 17: other 240 were held before."""
    words = "MAC(US1) STOCK DIVIDEND US5543821012 5 FOR 101"
    with refused_data("log.csv, Interactive Brokers activity statement", "trades", "100", "MAC"):
        read(tmp_path, IB_DIVIDEND.format(words=words, added=17, sold=117, proceeds=41 * 117))


def test_lots_of_a_corporate_action_are_parts_of_it(tmp_path):
    row = IB_DIVIDEND.splitlines()[-1]
    lots = "Corporate Actions,Data,Stocks,USD,Closed Lot:,2026-03-02,Basis: 4200,100,,,0,LT"
    words = "MAC(US1) Merged(Acquisition) FOR USD 50.00 PER SHARE"
    action = row.format(words=words, added=-100).replace(",0,200,", ",5000,-5000,")
    text = "\n".join([*IB_DIVIDEND.splitlines()[:3], IB_DIVIDEND.splitlines()[4], action, lots])
    log = read(tmp_path, text)
    assert (results(log), log.problems) == (near(800.00), ())


def test_a_stock_dividend_at_schwab_and_robinhood(tmp_path):
    """Bought 100 at 50.00 and got 10; 110 sold at 48.00: 280 dollars."""
    schwab = (
        '05/04/2026,Sell,MAC,x,110,$48.00,,"$5,280.00"\n04/10/2026,Stock Div Dist,MAC,x,10,,,\n'
        "04/10/2026,Stock Div Dist,MAC,x,,,,$3.00\n"
        '03/02/2026,Buy,MAC,x,100,$50.00,,"-$5,000.00"\n'
    )
    log = read(tmp_path, SCHWAB + schwab)
    assert (results(log), log.problems) == (near(280.00), ())
    robinhood = (
        "Activity Date,Process Date,Settle Date,Instrument,Description,Trans Code,Quantity,Price,Amount\n"
        '5/4/2026,,,MAC,x,Sell,110,$48.00,"$5,280.00"\n4/10/2026,,,MAC,Stock Dividend,SDIV,10,,\n'
        '3/2/2026,,,MAC,x,Buy,100,$50.00,"($5,000.00)"\n'
    )
    log = read(tmp_path, robinhood)
    assert (results(log), log.problems) == (near(280.00), ())
