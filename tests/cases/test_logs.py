"""Logs as brokers and spreadsheets write them, made up; every result is worked out by hand from the rows.

A case is (dollars after fees of each closed trade, open trades, opening balances). `REFUSED` cases are named, with a
part of the message; `COUNTED` has rows that could not be used, by reason.
"""

from pathlib import Path

import pandas as pd
import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data, shows

LOGS = Path(__file__).parent / "logs"
SPREAD = 50.00 - 20.00 - 4 * 1.05  # the bull put of most statements of Interactive Brokers: 25.80
PUT = 120.00 - 40.00 - 2 * 1.05  # sold at 1.20, bought at 0.40
TASTY = 120.00 - 40.00 - 1.14 - 0.14
TOS = 120.00 - 40.00 - 2 * 0.68
OWN = (27.44, -12.00)

READ = {
    "B01_ib_pct.csv": ([SPREAD], 0, 0),
    "B02_ib_custody.csv": ([SPREAD, 300.00 - 2.00], 0, 0),
    "B03_ib_rut_assigned.csv": ([600.00 - 2_000.00 - 2.40], 0, 0),
    "B03b_ib_rut_ep_price.csv": ([600.00 - 2_000.00 - 2.40], 0, 0),
    "B03d_ib_rut_cashrow.csv": ([600.00 - 2_000.00 - 2.40], 0, 0),
    "B05_ib_transaction_history.csv": ([PUT], 0, 0),
    "B06_ib_flex.csv": ([PUT], 0, 0),
    "B06b_ib_flex.xml": ([], 1, 0),
    "B07_ib_assigned_early.csv": ([120.00 - 1.05 - 300.00 - 1.00], 0, 0),
    "B08_ib_5s_apart.csv": ([120.00 - 40.00 - 2.10, -70.00 + 20.00 - 2.10], 0, 0),
    "B08b_ib_two_orders_1s.csv": ([SPREAD + 200.00 - 4.20], 0, 0),
    "B09_ib_semicolon_dt.csv": ([SPREAD], 0, 0),
    "B09b_ib_us_dt.csv": ([SPREAD], 0, 0),
    "B09c_ib_excel_dt.csv": ([SPREAD], 0, 0),
    "B09d_ib_date_only.csv": ([SPREAD], 0, 0),
    "B10_ib_mixed.csv": ([SPREAD], 0, 0),
    "B11_ib_flip.csv": ([40.00 - 2.10, -60.00 - 4.20], 0, 0),
    "B13_ib_cancelled.csv": ([SPREAD], 0, 0),
    "B14_ib_exchange.csv": ([SPREAD], 0, 0),
    "B15_ib_utf16.csv": ([SPREAD], 0, 0),
    "B15b_ib_bom_crlf.csv": ([SPREAD], 0, 0),
    "B16_ib_excel_padded.csv": ([SPREAD], 0, 0),
    "B17_ib_trades_only.csv": ([80.00 - 2.10, 2 * 82.00 - 4.20], 0, 0),
    "B18_ib_symbols.csv": ([80.00 + 50.00 - 4.20, 100.00 - 2.10], 0, 0),
    # The shares called away are older than the file: the premium is the result, less the fee of their delivery.
    "B20_ib_called_away_old_shares.csv": ([250.00 - 1.05 - 0.02], 0, 1),
    "B22_ib_called_away_then_assigned_put.csv": ([250.00 - 1.05 - 0.02], 1, 1),
    # One put sold at 5.00 became two at half the strike, bought back at 1.00.
    "B30_ib_option_corporate_action.csv": ([SPREAD, 500.00 - 200.00 - 1.05 - 2.10], 0, 0),
    "L01_own_dollar.csv": ([27.44, 114.88], 0, 0),
    "L02_own_paren.csv": ([-1_027.44, 1_200.00], 0, 0),
    "L03_own_excel_blank.csv": (OWN, 0, 0),
    "L04_own_serial.csv": (OWN, 0, 0),
    "L05_own_ddmmyyyy.csv": (OWN, 0, 0),
    "L06_own_tz.csv": (OWN, 0, 0),
    "L06b_own_z.csv": (OWN, 0, 0),
    "L06c_own_offset.csv": (OWN, 0, 0),
    "L06d_own_utc_evening.csv": (OWN, 0, 0),
    "L07_own_header_case.csv": (OWN, 0, 0),
    "L08_own_ampm.csv": (OWN, 0, 0),
    "L09_own_mon.csv": (OWN, 0, 0),
    "L10_own_fee_dollar.csv": ([30.00 - 2.56, 120.00 - 5.12], 0, 0),
    "L10b_own_contracts_comma.csv": ([500.00, -40.00], 0, 0),
    "L14_marks_excel.csv": ([27.44], 0, 0),
    "L16_neg_contracts.csv": ([-12.00], 0, 0),
    "L17_plan_col.csv": (OWN, 0, 0),
    "L19_dates.parquet": (OWN, 0, 0),
    "L20_index.parquet": (OWN, 0, 0),
    "O01_optionomega.csv": ([50.00 - 20.00 - 2.56], 0, 0),
    "O02_schwab.csv": ([80.00 - 1.32], 0, 0),
    "O03_robinhood.csv": ([119.96 - 40.04], 0, 0),
    "S01_tos_2s_late.csv": ([120.00 - 10.88], 0, 0),
    "S01b_tos_1s_early.csv": ([120.00 - 10.88], 0, 0),
    "S02_tos_roll.csv": ([50.00 - 80.00 - 1.36 - 1.36, 100.00 - 25.00 - 1.36 - 1.36], 0, 0),
    "S03_tos_assigned.csv": ([120.00 - 0.68 - 200.00 - 0.40], 0, 0),
    "S04_tos_rut_cash.csv": ([600.00 - 2_000.00 - 1.80], 0, 0),
    "S05_tos_todays_activity.csv": ([80.00], 0, 0),
    "S06_tos_auto.csv": ([300.00 - 0.55], 0, 0),
    "S07_tos_old_fee_names.csv": ([TOS], 0, 0),
    "S08_tos_utf16.csv": ([TOS], 0, 0),
    "S08b_tos_bom_crlf.csv": ([TOS], 0, 0),
    "S08c_tos_sections_swapped.csv": ([TOS], 0, 0),
    # Fees by contract, a hundred shares as one: half of 0.68 and 1.25 each.
    "S09_tos_covered.csv": ([200.00 - 0.34 - 0.625, 150.00 - 0.34 - 0.625], 0, 0),
    "S10_tos_monthexp.csv": ([100.00 - 2 * 6.08], 0, 0),
    "S11_tos_samesecond.csv": ([30.00 - 2 * 1.36, 300.00 - 2 * 2.04], 0, 0),
    "S12_tos_mixed.csv": ([80.00], 0, 0),
    "S14_tos_both_itm.csv": ([50.00 - 1.36 - 500.00], 0, 0),
    "S16_tos_ampm.csv": ([80.00], 0, 0),
    "S20_tos_asg_short_form.csv": ([120.00 - 0.68 - 200.00 - 0.40], 0, 0),
    "S20b_tos_asg_long_form.csv": ([120.00 - 0.68 - 200.00 - 0.40], 0, 0),
    "S21_tos_spx_exercise.csv": ([800.00 - 1_200.00 - 1.25], 0, 0),
    "S23_tos_cash_without_trade.csv": ([TOS], 0, 0),
    # Two fills of one order, 1 at 1.00 and 2 at 1.01: three packages at their mean.
    "T01_tt_partial.csv": ([302.00 / 3 - 40.00 - 4.56 - 0.56, 604.00 / 3 - 54.00 - 9.12 - 1.12], 0, 0),
    "T02_tt_rutw_cash.csv": ([1_100.00 - 2_000.00 - 4 * 1.83 - 5.00], 0, 0),
    "T02b_tt_rutw_cash_both.csv": ([1_100.00 - 5_000.00 - 4 * 1.83 - 10.00], 0, 0),
    "T03_tt_mixed.csv": ([50.00 - 20.00 - 2.28 - 0.28], 0, 0),
    "T04_tt_symbolchange.csv": ([520.00 - 200.00 - 2.27 - 0.27, TASTY], 0, 0),
    "T05_tt_legacy.csv": ([TASTY], 0, 0),
    "T06_tt_sameorder.csv": ([50.00 - 20.00 - 2.28 - 0.28], 0, 0),
    "T07_tt_roll.csv": ([100.00 - 160.00 - 4.56 - 0.56], 1, 0),
    "T08_tt_coveredcall.csv": ([500.00 - 0.08, 250.00 - 1.14 - 5.46], 0, 0),
    "T10_tt_ms.csv": ([TASTY], 0, 0),
    "T10b_tt_z.csv": ([TASTY], 0, 0),
    "T11_tt_utf16.csv": ([TASTY], 0, 0),
    "T11b_tt_bom_crlf.csv": ([TASTY], 0, 0),
    "T11c_tt_cr.csv": ([TASTY], 0, 0),
    "T11d_tt_trailing.csv": ([TASTY], 0, 0),
    "T15_tt_exceldates.csv": ([TASTY], 0, 0),
    "T16_tt_semicolon.csv": ([TASTY], 0, 0),
    "T16b_tt_tab.csv": ([TASTY], 0, 0),
    "T20_tt_bothITM.csv": ([100.00 - 4.56 - 1_000.00 - 10.80], 0, 0),
    "T22_tt_gtc2days.csv": ([50.00 - 30.00 - 2.28 - 0.28, 100.00 - 50.00 - 4.56 - 0.56], 0, 0),
    "T30_tt_cash_two_rows_short.csv": ([1_100.00 - 2_000.00 - 4 * 1.83 - 5.00], 0, 0),
    "T30b_tt_cash_two_rows_both.csv": ([1_100.00 - 5_000.00 - 4 * 1.83 - 10.00], 0, 0),
    "T31_tt_nz_expiry.csv": ([50.00 - 20.00 - 2.28 - 0.28], 0, 0),
    "T32_tt_called_away_old_shares.csv": ([250.00 - 1.14 - 5.46], 0, 1),
    "T33_tt_called_away_then_shares.csv": ([250.00 - 1.14 - 5.46, 499.32], 0, 1),
    "T40_tt_sameminute.csv": ([TASTY], 0, 0),
    "T41_tt_joined.csv": ([TASTY], 0, 0),
    "T41b_tt_joined_overlap.csv": ([TASTY], 0, 0),
    "T42_tt_roll_two_orders.csv": ([120.00 - 140.00 - 1.14 - 0.14], 1, 0),
    "T43_tt_decimals.csv": ([240.00 - 80.00 - 2.28 - 0.28], 0, 0),
    "T44_tt_split.csv": ([1_000.00 - 0.26, TASTY], 0, 0),
}

REFUSED = {
    "B04_ib_german.csv": ("language", "Interactive Brokers activity statement", "Transaktionen"),
    "O07_tradier.csv": ("layout", "Tradier account history"),
    "L15_empty_rows_only.csv": ("trades",),
}


def test_every_case_has_its_result():
    assert {path.name for path in LOGS.iterdir()} == {*READ, *REFUSED, "L12_bt_bad.csv"}


@pytest.mark.parametrize("name", READ)
def test_a_log_is_read_to_the_cent(name):
    results, still_open, balances = READ[name]
    log = read_log(LOGS / name)
    assert sorted(log.closed["pnl"]) == pytest.approx(sorted(results), abs=0.005)
    assert (len(log.open), len(log.opening)) == (still_open, balances)


@pytest.mark.parametrize("name", REFUSED)
def test_a_log_that_is_not_read_is_named(name):
    with refused_data(name, *REFUSED[name]) as refusal:
        read_log(LOGS / name)
    assert len(str(refusal.value)) <= 500
    assert refusal.value.remedy or name.startswith("L")


def test_the_trades_of_a_backtest_that_contradict_themselves_are_named():
    log = read_log(LOGS / "L12_bt_bad.csv")
    assert log.trades.empty
    assert [problem.partition(":")[0] for problem in log.problems] == ["line 2", "line 3"]


def test_shares_from_before_the_file_are_an_opening_balance():
    (balance,) = read_log(LOGS / "T33_tt_called_away_then_shares.csv").opening
    assert (balance.symbol, balance.contract, balance.quantity, balance.price) == ("IWM", None, 100, 225.0)
    assert balance.how == "delivery"


def test_shares_of_an_assignment_stay_open_until_they_are_sold():
    (held,) = read_log(LOGS / "B22_ib_called_away_then_assigned_put.csv").open.itertuples()
    assert (held.reason, held.strategy) == ("shares not sold yet", "short-put")


def test_the_expiration_is_that_of_the_symbol():
    (trade,) = read_log(LOGS / "T31_tt_nz_expiry.csv").trades.itertuples()
    assert trade.expiration == pd.Timestamp("2026-03-20")
    assert trade.entry == pd.Timestamp("2026-03-02 10:00")


def test_a_renamed_option_is_one_trade_under_its_new_symbol():
    trade = read_log(LOGS / "T04_tt_symbolchange.csv").trades.set_index("symbol").loc["NEWX"]
    assert (trade["entry"], trade["contracts"]) == (pd.Timestamp("2026-02-16 12:00"), 2)


def test_times_in_a_zone_are_those_of_new_york():
    log = read_log(LOGS / "L06_own_tz.csv")
    assert list(log.trades["entry"].dt.hour) == [10, 10]
    assert list(log.trades["exit"].dt.hour) == [11, 11]
    evening = read_log(LOGS / "L06d_own_utc_evening.csv")
    assert list(evening.closed["exit"]) == [pd.Timestamp("2026-03-31 20:30"), pd.Timestamp("2026-04-01 20:30")]


@pytest.mark.parametrize(
    ("name", "reason", "count"),
    [
        ("S23_tos_cash_without_trade.csv", "orders of Cash Balance without a row in Account Trade History", 2),
        ("S12_tos_mixed.csv", "futures and their options", 2),
        ("B10_ib_mixed.csv", "Options On Futures", 1),
        ("B13_ib_cancelled.csv", "cancelled trades and their cancellations", 2),
        ("T03_tt_mixed.csv", "Trade of Future Option", 1),
        ("T41b_tt_joined_overlap.csv", "rows that an export joined before it holds too", 1),
    ],
)
def test_rows_not_used_are_counted_by_reason(name, reason, count):
    assert read_log(LOGS / name).skipped[reason] == count


def test_cash_without_its_trade_is_named_with_its_amount():
    notes = read_log(LOGS / "S23_tos_cash_without_trade.csv").notes
    assert any(shows(note, "-101.36 after", "results") for note in notes)


def test_a_corporate_action_is_named_with_its_ratio():
    log = read_log(LOGS / "B30_ib_option_corporate_action.csv")
    assert any(shows(note, "line 16: split of XYZ, 2 for 1") for note in log.notes)
    assert log.trades.set_index("symbol").loc["XYZ", "legs"] == "-1P50"


def test_a_bad_checklist_cell_names_its_line():
    log = read_log(LOGS / "L17_plan_col.csv")
    assert log.problems[0].startswith("line 2: checklist 'iv=yes'")
    assert list(log.trades["checklist"]) == ["", "iv=met"]
