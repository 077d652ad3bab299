import numpy as np
import pytest

from iwm_opts.errors import InputError
from iwm_opts.execution.legs import Legs


def test_ratios_are_one_unless_given():
    legs = Legs.of([1, -1], [1, 1])
    assert len(legs) == 2
    assert legs.ratio.tolist() == [1.0, 1.0]


def test_contracts_carry_their_side():
    assert Legs.of([1, -1], [1, 1], [1, 2]).contracts.tolist() == [1.0, -2.0]


def test_closing_is_the_opposite_package():
    closing = Legs.of([1, -1], [1, -1], [1, 2]).closing()
    assert closing.sign.tolist() == [-1.0, 1.0]
    assert closing.right.tolist() == [1.0, -1.0]
    assert closing.ratio.tolist() == [1.0, 2.0]


def test_legs_are_copied_so_that_kernels_may_have_them():
    source = np.array([1, -1])
    source.flags.writeable = False
    assert Legs.of(source, source).sign.flags.writeable


@pytest.mark.parametrize(
    ("sign", "right", "ratio", "name"),
    [
        ([], [], None, "legs"),
        ([1, -1], [1], None, "legs"),
        ([[1, -1]], [[1, 1]], None, "legs"),
        ([2, -1], [1, 1], None, "sign"),
        ([1, -1], [0, 1], None, "right"),
        ([1, -1], [1, np.nan], None, "right"),
        ([1, -1], [1, 1], [1, 0], "ratio"),
        ([1, -1], [1, 1], [1, 1.5], "ratio"),
        ([1, -1], [1, 1], [1, np.nan], "ratio"),
    ],
)
def test_what_is_no_leg_is_named(sign, right, ratio, name):
    with pytest.raises(InputError) as caught:
        Legs.of(sign, right, ratio)
    assert caught.value.name == name
