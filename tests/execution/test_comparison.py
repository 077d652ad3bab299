import math

import pytest

from iwm_opts.execution.comparison import COMPARED, Payoff, compare_fills
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.execution.legs import Legs

CONDOR = Legs.of([1, -1, -1, 1], [-1, -1, 1, 1])
BID, ASK = [0.60, 1.10, 0.95, 0.36], [0.63, 1.14, 0.99, 0.40]  # mid credit 1.095, H 0.075
FIVE_WIDE = Payoff(best=0.0, worst=-5.0)
A_DOLLAR = FeeSchedule.parse("custom:1")  # 4.00 to open a condor and 4.00 to close it


def row(text, **options):
    (one,) = compare_fills(CONDOR, BID, ASK, A_DOLLAR, models=[FillModel.parse(text)], **options)
    return one


def test_natural_by_hand():
    result = row("natural", payoff=FIVE_WIDE, expected_profit_at_mid=20.0)
    assert result.entry.price == pytest.approx(1.02)
    assert result.exit.price == pytest.approx(-1.17)  # 1.095 + 0.075
    assert result.entry.slippage == pytest.approx(7.50)
    assert result.entry.slippage_share_of_credit == pytest.approx(0.075 / 1.095)
    assert result.round_trip_cost == pytest.approx(7.50 + 7.50 + 4.00 + 4.00)
    assert result.max_profit == pytest.approx(102.00 - 4.00)
    assert result.max_loss_expiry == pytest.approx(500.00 - 102.00 + 4.00)
    assert result.breakeven_win_rate == pytest.approx(402 / 500)  # what is won and lost adds up to the width
    assert result.expected_profit == pytest.approx(20.00 - 7.50)
    assert result.breakeven_slippage == pytest.approx(0.20)  # 20 dollars a package of 100 shares


def test_rounding_counts_on_both_sides():
    # Out at 1.095 + 0.0375 = 1.1325, so 1.14 is paid: 4.50 in and 4.50 out.
    assert row("fraction:0.5").round_trip_cost == pytest.approx(4.50 + 4.50 + 8.00)


def test_without_a_payoff_or_an_expectation_nothing_is_made_up():
    result = row("natural")
    figures = (result.max_profit, result.max_loss_expiry, result.breakeven_win_rate, result.expected_profit)
    assert figures == (None, None, None, None)
    assert result.breakeven_slippage is None


def test_a_long_call_wins_without_bound():
    (result,) = compare_fills(
        Legs.of([1], [1]), [2.00], [2.10], A_DOLLAR, payoff=Payoff(math.inf, 0.0), models=[FillModel.parse("natural")]
    )
    assert result.max_loss_expiry == pytest.approx(211.00)
    assert result.breakeven_win_rate is None
    assert result.entry.slippage_share_of_credit is None


def test_nothing_to_win_has_no_win_rate_and_nothing_to_lose_needs_none():
    assert row("natural", payoff=Payoff(-1.0, -5.0)).breakeven_win_rate is None  # 1.02 - 1.00 - fees
    assert row("natural", payoff=Payoff(0.0, -0.5)).breakeven_win_rate == 0.0


def test_a_missing_quote_leaves_no_figures():
    rows = compare_fills(CONDOR, [math.nan, *BID[1:]], ASK, A_DOLLAR, payoff=FIVE_WIDE, expected_profit_at_mid=20.0)
    for result in rows:
        assert not result.entry.is_filled
        assert result.max_loss_expiry is None
        assert math.isnan(result.round_trip_cost)


def test_the_conventions_stand_from_hope_to_panic():
    rows = compare_fills(CONDOR, BID, ASK, A_DOLLAR)
    assert [result.model for result in rows] == list(COMPARED)
    prices = [result.entry.price for result in rows]
    assert prices == sorted(prices, reverse=True)
    assert {"mid", "natural", "orats", "fraction:0.5", "stress:3"} <= {str(result.model) for result in rows}
