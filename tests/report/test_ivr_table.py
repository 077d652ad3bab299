import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.report.ivr_table import BLOCKS, block_chart


def test_a_rising_line_rises():
    rows = block_chart([1.0, 2.0, 3.0], columns=3, height=2)
    assert [label for label, _ in rows] == [3.0, 2.0]
    assert [cells for _, cells in rows] == ["  █", " ██"]


def test_more_values_than_columns_are_averaged():
    (top, *_), *_ = block_chart([0.0, 10.0, 20.0, 30.0], columns=2, height=1)
    assert top == pytest.approx(25.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 80))
def test_it_is_a_rectangle_of_blocks(values, columns):
    rows = block_chart(values, columns)
    assert {len(cells) for _, cells in rows} == {min(columns, len(values))}
    assert {cell for _, cells in rows for cell in cells} <= set(BLOCKS)
