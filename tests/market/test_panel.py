"""Panels: days and slices as flat arrays, cut and joined."""

from datetime import date

import numpy as np
import pytest

from iwm_opts.conventions import Provenance
from iwm_opts.market.panel import DEFECTS, PUT_ASK, Panel, joined

MON = date(2024, 3, 4).toordinal()


def made(days, slices_a_day=2, strikes=3, root="IWM"):
    """Panel whose every number says where it belongs: day x 100 + slice x 10 + strike."""
    count, slices = len(days), len(days) * slices_a_day
    day = np.array([MON + offset for offset in days], dtype=np.int64)
    known = np.array([100.0 + offset for offset in days])
    number = np.repeat(known, slices_a_day * strikes) * 100.0
    number += np.tile(np.repeat(np.arange(slices_a_day), strikes), count) * 10.0 + np.tile(np.arange(strikes), slices)
    defects = np.zeros((count, len(DEFECTS)), dtype=np.int64)
    defects[:, :2] = np.column_stack([np.full(count, 10), 10 - np.arange(count)])
    return Panel(
        "made", "IWM", Provenance.RECORDED, (), (root,), day, known, np.ones(count, dtype=np.bool_),
        *(known + step for step in range(5)), np.zeros(count), np.full(count, np.nan),
        np.arange(count + 1) * slices_a_day, np.zeros(slices, dtype=np.int64),
        np.repeat(day, slices_a_day) + np.tile(7 * np.arange(1, slices_a_day + 1), count),
        np.ones(slices), np.ones(slices), np.ones(slices, dtype=np.int64), np.arange(slices + 1) * strikes,
        number, np.stack([number + side / 10.0 for side in range(4)]), defects,
    )  # fmt: skip


def test_one_slice_is_a_view_of_the_panel():
    panel = made([0, 1])
    quotes = panel.slices(1)[1]
    assert (quotes.root, quotes.expiration, quotes.dte) == ("IWM", date(2024, 3, 19), 14)
    assert quotes.strike.tolist() == [10110.0, 10111.0, 10112.0]
    assert quotes.put_ask.tolist() == pytest.approx([10110.3, 10111.3, 10112.3])
    assert np.shares_memory(quotes.strike, panel.strike)
    assert panel.slice_of(1, "IWM", quotes.expiration.toordinal()) == 3
    assert panel.slice_of(1, "SPX", quotes.expiration.toordinal()) == -1
    assert panel.slice_of(0, "IWM", quotes.expiration.toordinal()) == -1


def test_cut_keeps_the_quotes_of_its_days():
    panel = made([0, 1, 2, 4])
    part = panel.cut(date(2024, 3, 5), date(2024, 3, 7))
    assert part.dates == (date(2024, 3, 5), date(2024, 3, 6))
    assert part.dte.tolist() == [7, 14, 7, 14]
    assert part.quotes[PUT_ASK].tolist() == panel.quotes[PUT_ASK, 6:18].tolist()
    assert part.quotes.flags.c_contiguous
    assert panel.cut() is panel
    assert len(panel.cut(date(2025, 1, 1))) == 0


def test_joined_panels_are_in_order_of_days_whatever_the_order_of_the_parts():
    whole = made([0, 1, 2, 3])
    early, late = made([0, 2]), made([1, 3])
    for parts in ((early, late), (late, early)):
        panel = joined(parts)
        assert panel.dates == whole.dates
        for name in ("strike", "quotes", "expiration", "spot", "day_start", "strike_start"):
            assert getattr(panel, name).tolist() == getattr(whole, name).tolist()


def test_joined_panels_keep_roots_apart():
    panel = joined([made([0], root="SPX"), made([1], root="SPXW")])
    assert [quotes.root for place in range(2) for quotes in panel.slices(place)] == ["SPX"] * 2 + ["SPXW"] * 2


def test_quality_by_year_and_worst_days():
    panel = made([0, 1, 2, 400])
    assert {year: counts["rows"] for year, counts in panel.quality_by_year().items()} == {2024: 30, 2025: 10}
    assert panel.worst_days(2) == [
        (date.fromordinal(MON + 400), pytest.approx(0.3)), (date(2024, 3, 6), pytest.approx(0.2))
    ]  # fmt: skip
    assert any("2025" in line and "7 usable" in line for line in panel.quality_summary())
