import math

import numpy as np
import pytest

from iwm_opts.errors import InputError
from iwm_opts.spreads.iron_condor import iron_condors
from iwm_opts.spreads.legs import DeltaRange, Wing, by_delta, wing_of
from iwm_opts.spreads.single import long_options
from iwm_opts.spreads.vertical import verticals
from tests.refusals import refused

NEAR_16 = DeltaRange(0.16, 0.16)


def strikes(table, packages):
    return table.strike[packages.index]


def test_a_range_takes_all_and_a_value_the_nearest(table):
    rows = by_delta(table, "P", DeltaRange(0.10, 0.25))
    assert ((-table.delta[rows] >= 0.10) & (-table.delta[rows] <= 0.25)).all()
    (nearest,) = by_delta(table, "P", NEAR_16)
    assert abs(-table.delta[nearest] - 0.16) == np.nanmin(np.abs(-table.delta[table.right < 0] - 0.16))


@pytest.mark.parametrize("bounds", [(0.0, 0.2), (0.3, 0.2), (0.2, 1.0), (float("nan"), 0.2)])
def test_delta_ranges_that_make_no_sense(bounds):
    with refused("delta", f"{bounds[0]:g}:{bounds[1]:g}", "0 < low"):
        DeltaRange(*bounds)


@pytest.mark.parametrize(("width", "delta"), [(None, None), (5.0, 0.05), (0.0, None), (-5.0, None), (None, 1.0)])
def test_wings_that_make_no_sense(width, delta):
    with pytest.raises(InputError):
        Wing(width, delta)


def test_a_width_finds_the_nearest_listed_strike_and_refuses_one_far_off(table):
    anchor = by_delta(table, "C", NEAR_16)
    assert table.strike[wing_of(table, anchor, Wing(4.6), +1)] == table.strike[anchor] + 5
    edge = np.array([np.flatnonzero((table.right > 0) & (table.strike == 249))[0]])
    assert wing_of(table, edge, Wing(5.0), +1) == -1  # the last strike is 250


@pytest.mark.parametrize(
    ("text", "dollars", "name"),
    [
        (5, 5.0, "$5"),
        ("5", 5.0, "$5"),
        ("$2.5", 2.5, "$2.5"),
        ("2%", 4.0, "2%"),  # of 200
        ("1.5 %", 3.0, "1.5%"),
        ("0.6sd", 9.0, "0.6sd"),  # of 15
        (".25SD", 3.75, "0.25sd"),
    ],
)
def test_widths_are_dollars_percentages_or_standard_deviations(text, dollars, name):
    wing = Wing.parse(text)
    assert wing.distance(200.0, 15.0) == pytest.approx(dollars)
    assert str(wing) == name
    assert wing.is_relative == ("$" not in name)


@pytest.mark.parametrize("text", ["", "wide", "2%%", "-1%", "0%", "sd", "1e2", "nan", math.nan, math.inf, -5])
def test_invalid_widths_are_refused(text):
    with refused("width", text):
        Wing.parse(text)


def test_relative_widths_take_the_nearest_listed_strike(table):
    anchor = by_delta(table, "C", NEAR_16)
    strike = float(table.strike[anchor][0])
    assert table.strike[wing_of(table, anchor, Wing.parse("2%"), +1)] == strike + round(0.02 * table.spot)
    # One standard deviation of the price: forward x at-the-money vol x sqrt(years).
    stdev = table.forward.price * table.smile.atm_vol * math.sqrt(table.years)
    assert table.stdev == pytest.approx(stdev)
    assert table.strike[wing_of(table, anchor, Wing.parse("0.3sd"), +1)] == strike + round(0.3 * stdev)


def test_a_wing_delta_lies_strictly_beyond(table):
    anchor = by_delta(table, "P", NEAR_16)
    wing = wing_of(table, anchor, Wing(delta=0.16), -1)
    assert table.strike[wing] == table.strike[anchor] - 1
    wing = wing_of(table, anchor, Wing(delta=0.05), -1)
    assert abs(table.delta[wing] + 0.05) < 0.01


def test_condors_are_balanced_and_their_sides_may_differ(table):
    (condor,) = strikes(table, iron_condors(table, NEAR_16, NEAR_16, [(Wing(10.0), Wing(5.0))]))
    long_put, short_put, short_call, long_call = condor
    assert (short_put - long_put, long_call - short_call) == (10.0, 5.0)
    wanted = DeltaRange(0.10, 0.25)
    condors = iron_condors(table, wanted, wanted, [(Wing(5.0), Wing(5.0))])
    deltas = np.abs(table.delta[condors.index[:, 1:3]])
    assert (np.abs(deltas[:, 0] - deltas[:, 1]) < 0.02).all()
    shorts = by_delta(table, "P", wanted)
    assert set(shorts) == set(condors.index[:, 1])  # every short put of the range has its condor


@pytest.mark.parametrize(
    ("kind", "sides", "right"),
    [
        ("bull-put", [1, -1], -1),
        ("bear-call", [-1, 1], 1),
        ("bull-call", [1, -1], 1),
        ("bear-put", [-1, 1], -1),
    ],
)
def test_verticals_have_ascending_strikes_and_the_right_sides(table, kind, sides, right):
    packages = verticals(table, kind, DeltaRange(0.3, 0.3), [Wing(5.0)])
    (pair,) = strikes(table, packages)
    assert pair[1] - pair[0] == 5.0
    assert packages.legs.sign.tolist() == sides
    assert packages.legs.right.tolist() == [right, right]
    chosen = packages.index[0, sides.index(-1 if packages.is_credit else 1)]
    assert abs(abs(table.delta[chosen]) - 0.3) < 0.02


def test_single_options(table):
    packages = long_options(table, "C", DeltaRange(0.4, 0.6))
    assert (table.delta[packages.index[:, 0]] > 0).all()
    assert packages.strategy == "long-call"


def test_nothing_in_reach_gives_no_packages(table):
    assert len(iron_condors(table, NEAR_16, NEAR_16, [(Wing(500.0), Wing(5.0))])) == 0
