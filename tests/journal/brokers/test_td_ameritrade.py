"""TD Ameritrade's transactions.csv; rows are made up in its columns, every result is worked out by hand beside them."""

import pytest

from iwm_opts.journal.brokers.layout import OPENS
from iwm_opts.journal.readers import read_log
from tests.refusals import shows

TRANSACTIONS = """DATE,TRANSACTION ID,DESCRIPTION,QUANTITY,SYMBOL,PRICE,COMMISSION,AMOUNT,REG FEE,SHORT-TERM RDM FEE,\
FUND REDEMPTION FEE, DEFERRED SALES CHARGE
03/02/2020,1001,Sold 2 IWM Mar 20 2020 145.0 Put @ 1.20,2,IWM Mar 20 2020 145.0 Put,1.20,1.30,238.67,0.03,,,
03/02/2020,1002,Bought 2 IWM Mar 20 2020 140.0 Put @ 0.70,2,IWM Mar 20 2020 140.0 Put,0.70,1.30,-141.30,,,,
03/05/2020,1003,QUALIFIED DIVIDEND (IWM),,IWM,,,11.00,,,,
03/05/2020,1004,CASH ALTERNATIVES INTEREST,,,,,0.02,,,,
03/10/2020,1005,Bought 1 IWM Mar 20 2020 145.0 Put @ 0.40,1,IWM Mar 20 2020 145.0 Put,0.40,0.65,-40.65,,,,
03/10/2020,1006,Sold 1 IWM Mar 20 2020 140.0 Put @ 0.20,1,IWM Mar 20 2020 140.0 Put,0.20,0.65,19.34,0.01,,,
03/20/2020,1007,Bought 100 IWM @ 145,100,IWM,145,0.00,-14500.00,,,,
03/20/2020,1008,REMOVAL OF OPTION DUE TO ASSIGNMENT (IWM Mar 20 2020 145.0 Put),1,IWM Mar 20 2020 145.0 Put,,,0.00,,,,
03/20/2020,1009,REMOVAL OF OPTION DUE TO EXPIRATION (IWM Mar 20 2020 140.0 Put),1,IWM Mar 20 2020 140.0 Put,,,0.00,,,,
03/23/2020,1010,Sold 100 IWM @ 143.00,100,IWM,143.00,0.00,14299.68,0.32,,,
03/24/2020,1011,Sold 50 SPY @ 250.00,50,SPY,250.00,0.00,12499.72,0.28,,,
***END OF FILE***
"""


@pytest.mark.parametrize("is_newest_first", [False, True])
def test_spread_closed_in_halves_and_assigned(tmp_path, is_newest_first):
    header, *rows = TRANSACTIONS.splitlines()
    file = tmp_path / "transactions.csv"
    file.write_text("\n".join([header, *(rows[-2::-1] if is_newest_first else rows)]) + "\n")
    log = read_log(file)
    # Half of the opening fees is 1.315. Closed: 50 - 20; assigned: 50 - 200.
    expected = [30.00 - 1.315 - 0.65 - 0.66, 50.00 - 200.00 - 1.315 - 0.32]
    assert sorted(log.closed["pnl"]) == pytest.approx(sorted(expected), abs=0.0051)
    assert set(log.closed["legs"]) == {"+1P140 -1P145"}
    assert [(balance.name, balance.quantity) for balance in log.opening] == [("shares of SPY", 50)]
    assert log.skipped["dividends (not in the results)"] == 1
    assert OPENS in log.notes


def test_an_amount_that_its_fees_do_not_explain_is_named(tmp_path):
    file = tmp_path / "transactions.csv"
    file.write_text(TRANSACTIONS.replace("-40.65", "-44.65"))
    assert any(shows(text, "amount '-44.65'", "40.65 at") for text in read_log(file).problems)
