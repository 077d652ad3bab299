"""A closing whose opening could not be read is no opening balance, at any broker."""

import re

import pytest

from iwm_opts.errors import DataError
from iwm_opts.journal.readers import read_log
from tests.journal.brokers.test_adjusted import FIDELITY, IB_STATEMENT, ROBINHOOD, SCHWAB, TASTY
from tests.refusals import refused_data

TOS = """Account Trade History
,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type
,3/10/26 10:01:00,SINGLE,BUY,+1,TO CLOSE,IWM,20 MAR 26,190,PUT,.40,.40,LMT
,3/2/26 10:01:00,SINGLE,SELL,-1,TO OPEN,IWM,20 MAR 26,190,PUT,1.20,1.20,LMT
"""
UNREADABLE = {
    "schwab": (SCHWAB, '"$1.20"', '"abc"'),
    "robinhood": (ROBINHOOD, '"$1.20","$120.00"', '"abc","$120.00"'),
    "fidelity": (FIDELITY, "-1,1.20", "-1,abc"),
    "interactive brokers": (IB_STATEMENT, "-1,1.2,", "-1,abc,"),
    "tastytrade": (TASTY, ",120,1,", ",abc,1,"),
    "thinkorswim": (TOS, "PUT,1.20", "PUT,abc"),
}


def without_iwm1(text):
    return "".join(line for line in text.splitlines(keepends=True) if "IWM1" not in line)


@pytest.mark.parametrize("broker", UNREADABLE)
def test_the_closing_names_the_row_that_may_have_opened_it(tmp_path, broker):
    text, good, bad = UNREADABLE[broker]
    file = tmp_path / "log.csv"
    file.write_text(without_iwm1(text).replace(good, bad))
    assert bad in file.read_text()
    with pytest.raises(DataError) as error:
        read_log(file)
    assert error.value.field == "trades"
    assert re.search(r"\b1 IWM260320P00190000 short that line \d+, left out", error.value.remedy)
    assert "opening balance" not in str(error.value)


def test_other_positions_stay_opening_balances(tmp_path):
    text = (
        without_iwm1(SCHWAB)
        .replace('"$1.20"', '"abc"')
        .replace('IWM 03/20/2026 190.00 P","P","1","$0.40"', 'IWM 03/20/2026 185.00 P","P","1","$0.40"')
    )
    file = tmp_path / "log.csv"
    file.write_text(text)
    assert [balance.name for balance in read_log(file).opening] == ["IWM260320P00185000"]


def test_shares_whose_purchase_could_not_be_read(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(
        SCHWAB.splitlines(keepends=True)[0]
        + '"03/10/2026","Sell","IWM","x","100","$191.00","","$19,100.00"\n'
        + '"03/02/2026","Buy","IWM","x","100","abc","","-$19,000.00"\n'
    )
    with refused_data("log.csv, Schwab transaction history", "trades", "100 shares of IWM", "line 3, left out"):
        read_log(file)
