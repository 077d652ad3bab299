"""Units of strikes and implied volatilities: as the vendor declares, else as the market of the file shows."""

from contextlib import suppress
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.io.formats import Layout
from iwm_opts.io.layouts.layout import VendorLayout
from iwm_opts.io.numbers import Sign, parse_number
from iwm_opts.io.tables import DataFile

# A call less its put falls by a dollar for each dollar of strike (put-call parity): the slope shows the strike's unit.
STRIKE_UNITS: Final = {-0.001: (0.001, "thousandths of a dollar"), -0.01: (0.01, "cents")}
SLOPE_SLACK: Final = 0.25  # relative distance of a slope to that of its unit
FEWEST_PAIRS: Final = 5
OF_SPOT: Final = (0.05, 20.0)  # median strike over spot
SMALLEST_STRIKE: Final = 0.5  # dollars: no option is listed below it
SMALL: Final = 2_000.0  # a median strike below it, spot unknown: no share of two dollars has options
PERCENT_ABOVE: Final = 3.0  # a typical implied volatility above it is per cent: no chain has a median of 300% a year
FIXED_POINT: Final = 1e-9  # Databento's integers
FIXED_ABOVE: Final = 1e6  # dollars a share: no price


def declared_strike_unit(file: DataFile, layout: Layout) -> float:
    """Factor to dollars of the strikes of a vendor's file; 1 where the first of them are dollars already."""
    declared = dict(layout.vendor.units).get("strike", 1.0) if layout.vendor else 1.0
    first = [text for text in file.sample.get(layout.columns.get("strike", ""), ()) if text.strip()]
    if declared == 1.0 or not first:
        return 1.0
    try:
        return declared if all(parse_number(text) * declared >= SMALLEST_STRIKE for text in first) else 1.0
    except ValueError:
        return 1.0


def may_be_in_other_units(file: DataFile, layout: Layout) -> bool:
    """Whether the first strikes of a file without a declared unit may lie too far above spot to be dollars."""
    if "occ" in layout.columns or (layout.vendor is not None and "strike" in layout.vendor.units):
        return False
    first = {role: file.sample.get(layout.columns.get(role, ""), ()) for role in ("ask", "strike", "underlying_price")}
    asks = "".join(first["ask"])
    sign: Sign = "," if "," in asks and "." not in asks else "."
    medians = {}
    for role in ("strike", "underlying_price"):
        with suppress(ValueError):
            figures = [parse_number(text, sign) for text in first[role] if text.strip()]
            medians[role] = float(np.median(figures)) if figures else 0.0
    highest = OF_SPOT[1] * medians.get("underlying_price", 0.0)
    return medians.get("strike", 0.0) > (highest if highest > 0.0 else SMALL)


def in_canonical_units(rows: pd.DataFrame, vendor: VendorLayout | None) -> list[str]:
    """Bring a day's rows to dollars and decimals in place; notes on units that the figures decide, not the layout."""
    notes: list[str] = []
    declared = dict(vendor.units) if vendor else {}
    for role, factor in declared.items():
        if role in rows and role not in ("strike", "implied_volatility"):
            rows[role] *= factor
    if vendor is not None and vendor.no_quote is not None:  # a missing bid with a real ask is a bid of zero
        is_offered = rows["ask"] > 0.0
        rows["bid"] = rows["bid"].mask(rows["bid"] == vendor.no_quote, np.where(is_offered, 0.0, np.nan))
        rows["ask"] = rows["ask"].mask(rows["ask"] == vendor.no_quote)
    asks = rows["ask"].to_numpy()
    if len(asks) and np.nanmedian(np.append(asks, 0.0)) > FIXED_ABOVE:
        for name in {"bid", "ask", "last"} & set(rows):
            rows[name] = rows[name].where(rows[name] < 9e18) * FIXED_POINT
        notes.append("prices are integers of 1e-9 dollars")
    unit, note = _strike_unit(rows, declared.get("strike"))
    rows["strike"] *= unit
    notes += note
    vols = rows["implied_volatility"].to_numpy() if "implied_volatility" in rows else np.empty(0)
    quoted = vols[vols > 0.01]
    if len(quoted) and float(np.median(quoted)) > PERCENT_ABOVE:
        rows["implied_volatility"] = vols * (declared.get("implied_volatility") or 0.01)
        if "implied_volatility" not in declared:
            notes.append("implied volatilities are per cent: their median is above 3")
    return notes


def _strike_unit(rows: pd.DataFrame, declared: float | None) -> tuple[float, list[str]]:
    """Factor to dollars of strikes, and a note where the figures show it.

    Strikes about spot are dollars; a declared unit is checked, for users convert files half way.
    """
    if declared is None:
        strike = float(rows["strike"].median())
        spot = float(rows["underlying_price"].median()) if "underlying_price" in rows else np.nan
        if OF_SPOT[0] < strike / spot < OF_SPOT[1] if spot > 0.0 else strike < SMALL:
            return 1.0, []
    slope = parity_slope(rows)
    if declared is not None and not abs(slope + 1.0) < SLOPE_SLACK:
        return declared, []
    for at, (unit, what) in STRIKE_UNITS.items():
        if abs(slope / at - 1.0) < SLOPE_SLACK:
            return unit, [f"strikes are {what}: put-call parity over them shows it"]
    return 1.0, []


def parity_slope(rows: pd.DataFrame) -> float:
    """Change of call less put for a change of strike, in the expiration with most pairs; NaN where too few pair."""
    quoted = rows.loc[
        (rows["bid"] > 0.0) & (rows["ask"] >= rows["bid"]), ["expiration", "right", "strike", "bid", "ask"]
    ]
    if quoted.empty:
        return np.nan
    counts = quoted["expiration"].value_counts()
    near = quoted[quoted["expiration"] == counts.index[0]].drop_duplicates(["right", "strike"])
    mid = (0.5 * (near["bid"] + near["ask"])).to_numpy()
    strike, right = near["strike"].to_numpy(), near["right"].to_numpy()
    is_call = right == "C"
    both = np.intersect1d(strike[is_call], strike[~is_call], return_indices=True)
    if len(both[0]) < FEWEST_PAIRS:
        return np.nan
    strikes, difference = both[0], mid[is_call][both[1]] - mid[~is_call][both[2]]
    return float(np.median(np.diff(difference) / np.diff(strikes)))
