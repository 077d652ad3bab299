import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.spreads.analysis import Terms, analyse
from iwm_opts.spreads.iron_condor import iron_condors
from iwm_opts.spreads.legs import DeltaRange, Wing
from iwm_opts.spreads.typed import TypedLeg, expected_profit_at_mid, legs_of, payoff_of, quoted_legs
from tests.refusals import refused


def test_a_leg_as_written():
    assert TypedLeg.parse("-1P200@1.20/1.26") == TypedLeg(-1, 1, -1, 200.0, 1.20, 1.26)
    bare = TypedLeg.parse("+2c197.5")
    assert (bare.sign, bare.ratio, bare.right, bare.strike, bare.is_quoted) == (1, 2, 1, 197.5, False)


@pytest.mark.parametrize("text", ["", "P200", "-1P", "-1Q200", "0P200", "-1P200@1.3/1.2", "-1P200@1.2", "-1P200@a/b"])
def test_what_is_no_leg(text):
    with refused("leg", text):
        TypedLeg.parse(text)


@given(st.integers(-9, 9).filter(bool), st.sampled_from("CP"), st.integers(1, 5000).map(lambda n: n / 10))
def test_names_read_back(count, right, strike):
    leg = TypedLeg.parse(f"{count:+d}{right}{strike:g}")
    assert TypedLeg.parse(leg.name) == pytest.approx(leg, nan_ok=True) or leg.name == TypedLeg.parse(leg.name).name


def test_payoffs_of_typed_legs():
    condor = [TypedLeg.parse(text) for text in ("+1P95", "-1P100", "-1C110", "+1C120")]
    assert (payoff_of(condor).best, payoff_of(condor).worst) == (0.0, -10.0)
    backspread = [TypedLeg.parse(text) for text in ("-1C100", "+2C105")]
    assert (payoff_of(backspread).best, payoff_of(backspread).worst) == (math.inf, -5.0)
    assert legs_of(backspread).contracts.tolist() == [-1.0, 2.0]


def test_quotes_come_from_the_chain_where_none_were_typed(table):
    typed = [TypedLeg.parse("-1P185"), TypedLeg.parse("+1P180@0.50/0.60")]
    quoted = quoted_legs(typed, table)
    row = np.flatnonzero((table.right < 0) & (table.strike == 185))[0]
    assert (quoted[0].bid, quoted[0].ask) == (table.bid[row], table.ask[row])
    assert (quoted[1].bid, quoted[1].ask) == (0.50, 0.60)
    with refused("leg", "-1P1000", date(2026, 4, 17)):
        quoted_legs([TypedLeg.parse("-1P1000")], table)


def test_typed_and_screened_packages_expect_the_same(table):
    wanted = DeltaRange(0.2, 0.2)
    analysis = analyse(table, iron_condors(table, wanted, wanted, [(Wing(5.0), Wing(5.0))]), Terms())
    rows, sign = analysis.packages.index[0], analysis.packages.legs.sign
    rights = ["C" if right > 0 else "P" for right in table.right[rows]]
    names = [f"{s:+g}{right}{table.strike[r]:g}" for r, s, right in zip(rows, sign, rights, strict=True)]
    typed = [TypedLeg.parse(name) for name in names]
    assert expected_profit_at_mid(typed, table, Terms()) == pytest.approx(100 * analysis.breakeven_slippage[0])
    # twice the condor: twice the expectation, and fees by the contract
    doubled = [TypedLeg.parse(name.replace("1", "2", 1)) for name in names]
    assert expected_profit_at_mid(doubled, table, Terms()) == pytest.approx(200 * analysis.breakeven_slippage[0])
