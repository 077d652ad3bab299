"""Orders: limits on the tick, exits, refusals, and broker formats that read back to the package."""

from datetime import date

import pytest

from iwm_opts.conventions import ORDER_FORMATS
from iwm_opts.errors import InputError
from iwm_opts.execution.fills import FillModel
from iwm_opts.execution.order_formats import FORMATS, can_write, write_order
from iwm_opts.execution.ticket import ExitLevels, QuotedLeg, leg_limits, make_ticket
from iwm_opts.market.contract import Contract
from tests.refusals import refused, shows

TODAY = date(2026, 3, 2)
MONTHLY, WEEKLY = date(2026, 4, 17), date(2026, 4, 24)
HALF, EXITS = FillModel.parse("fraction:0.5"), ExitLevels(0.5, 2.0, 21)


def leg(quantity, right, strike, bid, ask, expiration=MONTHLY, root="IWM"):
    return QuotedLeg(Contract(root, expiration, right, strike), quantity, bid, ask)


def condor(expiration=MONTHLY, root="IWM"):
    return [
        leg(1, "P", 185.0, 0.50, 0.54, expiration, root),
        leg(-1, "P", 190.0, 0.90, 0.96, expiration, root),
        leg(-1, "C", 210.0, 0.80, 0.86, expiration, root),
        leg(1, "C", 215.0, 0.30, 0.34, expiration, root),
    ]


PACKAGES = {
    "condor": condor(),
    "weekly condor": condor(WEEKLY),
    "SPX on the open": condor(root="SPX"),
    "SPXW on the close": condor(WEEKLY, "SPXW"),
    "SPXW on a third Friday": condor(root="SPXW"),
    "bull put": condor()[:2],
    "bear call": condor()[2:],
    "bull call": [leg(1, "C", 200.0, 3.0, 3.1), leg(-1, "C", 205.0, 1.2, 1.3)],
    "long put": [leg(1, "P", 199.5, 2.0, 2.1)],
    "backspread": [leg(-1, "P", 195.0, 2.0, 2.1), leg(2, "P", 190.0, 0.9, 0.96)],
    "strangle": [leg(-1, "P", 190.0, 0.9, 0.96), leg(-1, "C", 210.0, 0.8, 0.86)],
}


@pytest.mark.parametrize("name", ORDER_FORMATS)
@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("contracts", [1, 7])
def test_every_order_reads_back_to_its_package(package, name, contracts):
    ticket = make_ticket(PACKAGES[package], contracts, HALF, ExitLevels(0.5, None, None), TODAY)
    is_basket = name == "interactive-brokers"
    orders = [ticket.entry] if is_basket and len(ticket.entry.legs) > 1 else [ticket.entry, ticket.target]
    expected = {each.contract: contracts * each.quantity for each in PACKAGES[package]}
    if shows(package, "SPXW", "third Friday") and is_basket:  # its fields cannot tell it from SPX
        assert not can_write(ticket.entry, name)
        return
    for order, sign in zip(orders, (1, -1), strict=False):
        parsed = FORMATS[name][1](write_order(order, name))
        assert parsed.quantities == {contract: sign * size for contract, size in expected.items()}
        assert parsed.price == pytest.approx(order.price, abs=1e-9)


def test_format_names_match_the_conventions():
    assert tuple(FORMATS) == ORDER_FORMATS


def test_limit_exits_and_ladder_of_a_credit():
    ticket = make_ticket(condor(), 2, HALF, EXITS, TODAY)
    # mid: 0.93 + 0.83 - 0.52 - 0.32; half-spreads add up to 0.10
    assert (ticket.fill.mid, ticket.fill.natural) == (pytest.approx(0.92), pytest.approx(0.82))
    assert ticket.entry.price == 0.87
    assert ticket.ladder[0] == 0.92
    assert ticket.ladder[-1] == 0.82
    assert 0.87 in ticket.ladder
    assert list(ticket.ladder) == sorted(ticket.ladder, reverse=True)
    assert ticket.target.price == -0.43  # 0.435 gained at least
    assert ticket.stop_price == -2.61
    assert ticket.exit_date == date(2026, 3, 27)


def test_exits_of_a_debit():
    ticket = make_ticket(PACKAGES["bull call"], 1, FillModel.parse("natural"), ExitLevels(0.5, 0.5, None), TODAY)
    assert ticket.entry.price == -1.90
    assert ticket.target.price == 2.85
    assert ticket.stop_price == 0.95
    assert ticket.exit_date is None


def test_exits_that_no_price_reaches_are_left_out():
    whole = make_ticket(condor(), 1, HALF, ExitLevels(1.0, None, None), TODAY)
    assert whole.target is None
    lost = make_ticket(PACKAGES["long put"], 1, HALF, ExitLevels(None, 1.0, None), TODAY)
    assert lost.stop_price is None


def test_index_options_trade_on_their_own_tick():
    legs = [leg(-1, "P", 5000.0, 10.0, 10.4, root="SPX"), leg(1, "P", 4950.0, 8.0, 8.3, root="SPX")]
    ticket = make_ticket(legs, 1, HALF, EXITS, TODAY)
    assert all(round(price / 0.05, 6).is_integer() for price in (*ticket.ladder, ticket.target.price))


def test_leg_limits_stay_inside_their_quotes():
    order = make_ticket(condor(), 1, HALF, EXITS, TODAY).entry
    for quoted, limit in zip(order.legs, leg_limits(order, 0.01), strict=True):
        assert quoted.bid <= limit <= quoted.ask


def test_a_basket_does_not_close_a_spread_leg_by_leg():
    ticket = make_ticket(condor(), 1, HALF, EXITS, TODAY)
    with refused("order_format", "interactive-brokers") as refusal:
        write_order(ticket.target, "interactive-brokers")
    legs = " ".join(f"{-each.quantity:+d}{each.contract.right}{each.contract.strike:g}" for each in ticket.entry.legs)
    assert f"1 x {legs}, {ticket.entry.expiration}, at {-ticket.target.price:.2f} debit" in refusal.value.remedy


@pytest.mark.parametrize(
    ("legs", "contracts", "field"),
    [
        (condor(), 0, "contracts"),
        ([], 1, "legs"),
        ([*condor(), leg(1, "P", 170.0, 0.1, 0.2)], 1, "legs"),
        ([condor()[0], condor()[0]], 1, "legs"),
        ([condor()[0], condor(WEEKLY)[1]], 1, "legs"),
        (condor(date(2026, 2, 20)), 1, "expiration"),
        (condor(root="IWM1"), 1, "root"),
        (condor(WEEKLY, "SPX"), 1, "root"),  # expires on third Fridays alone
        (condor(root="VIXW"), 1, "root"),
        ([leg(-1, "P", 190.0, 1.0, 1.0), leg(1, "P", 185.0, 1.0, 1.0)], 1, "limit"),
    ],
)
def test_refusals(legs, contracts, field):
    with pytest.raises(InputError) as failure:
        make_ticket(legs, contracts, HALF, EXITS, TODAY)
    assert failure.value.name == field


@pytest.mark.parametrize(("bid", "ask"), [(1.0, 0.9), (0.0, 0.0), (float("nan"), 1.0), (1.0, float("nan"))])
def test_crossed_and_missing_quotes_are_refused(bid, ask):
    with refused("leg", "IWM260417P00190000"):
        leg(1, "P", 190.0, bid, ask)
