"""Hand-kept logs of cash flows, against hand arithmetic."""

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data

HEADER = "entry,exit,contracts,credit,debit,fees,pnl,risk\n"


def logged(tmp_path, *rows):
    file = tmp_path / "log.csv"
    file.write_text(HEADER + "".join(f"2026-03-0{day},2026-03-10,1,{row}\n" for day, row in enumerate(rows, 2)))
    return read_log(file)


@pytest.mark.parametrize("fees", ["($2.56)", "-2.56", "-$2.56", "$-2.56", "2.56-", "\u22122.56", "2.56"])
def test_fees_are_paid_however_they_are_written(tmp_path, fees):
    log = logged(tmp_path, f"0.50,0.20,{fees},,")
    assert (log.closed["pnl"][0], log.closed["fees"][0]) == (pytest.approx(100 * 0.30 - 2.56), 2.56)
    assert len(log.warnings) == (fees != "2.56")


def test_the_pnl_decides_the_sign_of_fees(tmp_path):
    # The last row has no P&L: the others show how its fees are written.
    log = logged(tmp_path, "0.50,0.20,-2.56,27.44,", "0.50,0.20,-2.56,27.44,", "0.50,0.20,-1.00,,")
    assert list(log.closed["pnl"]) == pytest.approx([27.44, 27.44, 29.00])
    assert not log.problems


def test_a_rebate_stays_one_where_the_pnl_shows_it(tmp_path):
    log = logged(tmp_path, "0.50,0.20,-0.06,30.06,", "0.50,0.20,2.56,27.44,")
    assert list(log.closed["fees"]) == [-0.06, 2.56]
    assert not log.warnings
    paid = logged(tmp_path, "0.50,0.20,-2.56,27.44,", "0.50,0.20,2.56,27.44,", "0.50,0.20,2.56,27.44,")
    assert list(paid.closed["pnl"]) == [27.44] * 3
    assert list(paid.closed["fees"]) == [2.56] * 3


def test_fees_of_both_signs_have_two_readings(tmp_path):
    log = logged(tmp_path, "0.50,0.20,-2.56,,", "0.50,0.20,2.56,,")
    assert list(log.closed["pnl"]) == pytest.approx([27.44])
    assert log.problems == ("line 2: fees -2.56 are a rebate or paid, result 32.56 or 27.44: left out",)


def test_closing_prices_as_cash_flows(tmp_path):
    # Sold at 0.50 and bought back at 0.20; bought at 1.20 and sold at 2.00.
    log = logged(tmp_path, "0.50,-0.20,2.56,27.44,", "-1.20,2.00,1.28,,")
    assert list(log.closed["pnl"]) == pytest.approx([27.44, 78.72])
    assert list(log.closed["debit"]) == [0.20, -2.00]
    with refused_data("log.csv", "", "line 2", "0.5", "-0.2", "0.7", "0.3"):
        logged(tmp_path, "0.50,-0.20,2.56,,")
    plain = logged(tmp_path, "-1.20,-2.00,1.28,,", "0.50,0.20,2.56,,", "0.50,-0.20,2.56,,")  # a ratio left at a credit
    assert list(plain.closed["pnl"]) == pytest.approx([78.72, 27.44, 67.44])


def test_a_largest_loss_has_no_sign(tmp_path):
    assert list(logged(tmp_path, "0.50,0.20,2.56,,-450").closed["risk"]) == [450.0]
