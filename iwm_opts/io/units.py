"""Units of strikes and implied volatilities: as the vendor declares, else as the market of the file shows."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
    asks = "".join(file.sample.get(layout.columns.get("ask", ""), ()))
    sign: Sign = "," if "," in asks and "." not in asks else "."
    strikes, spots = (_first_numbers(file, layout, role, sign) for role in ("strike", "underlying_price"))
    highest = OF_SPOT[1] * float(np.median(spots)) if spots.size else SMALL
    return bool(strikes.size) and float(np.median(strikes)) > (highest if highest > 0.0 else SMALL)


def _first_numbers(file: DataFile, layout: Layout, role: str, sign: Sign) -> NDArray[np.float64]:
    texts = file.sample.get(layout.columns.get(role, ""), ())
    try:
        return np.array([parse_number(text, sign) for text in texts if text.strip()])
    except ValueError:
        return np.array([])


def in_canonical_units(rows: pd.DataFrame, vendor: VendorLayout | None) -> list[str]:
    """Bring a day's rows to dollars and decimals in place.

    Returns
    -------
    list of str
        Notes on units decided by the figures, not declared by the layout.
    """
    notes: list[str] = []
    declared = dict(vendor.units) if vendor else {}
    for role, factor in declared.items():
        if role in rows and role not in ("strike", "implied_volatility"):
            rows[role] *= factor
    if vendor is not None and vendor.no_quote is not None:
        _blank_quotes(rows, vendor.no_quote)
    _fixed_point(rows, notes)
    _strikes(rows, declared.get("strike"), notes)
    _volatilities(rows, declared.get("implied_volatility"), notes)
    return notes


def _blank_quotes(rows: pd.DataFrame, no_quote: float) -> None:
    """Blank missing quotes; a missing bid with a real ask is a bid of zero."""
    is_offered = rows["ask"] > 0.0
    rows["bid"] = rows["bid"].mask(rows["bid"] == no_quote, np.where(is_offered, 0.0, np.nan))
    rows["ask"] = rows["ask"].mask(rows["ask"] == no_quote)


def _fixed_point(rows: pd.DataFrame, notes: list[str]) -> None:
    asks = rows["ask"].to_numpy()
    if len(asks) and np.nanmedian(np.append(asks, 0.0)) > FIXED_ABOVE:
        for name in ("bid", "ask", "last"):
            if name in rows:
                rows[name] = rows[name].where(rows[name] < 9e18) * FIXED_POINT
        notes.append("prices are integers of 1e-9 dollars")


def _strikes(rows: pd.DataFrame, declared: float | None, notes: list[str]) -> None:
    """Strikes in dollars; a declared unit is checked, for users convert files half way."""
    if declared is None and _looks_like_dollars(rows):
        return
    slope = parity_slope(rows)
    shown = next(
        ((unit, what) for at, (unit, what) in STRIKE_UNITS.items() if abs(slope / at - 1.0) < SLOPE_SLACK), None
    )
    if declared is not None and not abs(slope + 1.0) < SLOPE_SLACK:
        rows["strike"] *= declared
    elif shown is not None:
        unit, what = shown
        rows["strike"] *= unit
        notes.append(f"strikes are {what}: put-call parity over them shows it")


def _looks_like_dollars(rows: pd.DataFrame) -> bool:
    """Whether strikes lie about spot, so that nothing needs to be worked out."""
    strike = float(rows["strike"].median())
    spot = float(rows["underlying_price"].median()) if "underlying_price" in rows else np.nan
    return OF_SPOT[0] < strike / spot < OF_SPOT[1] if spot > 0.0 else strike < SMALL


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


def _volatilities(rows: pd.DataFrame, declared: float | None, notes: list[str]) -> None:
    if "implied_volatility" not in rows:
        return
    values = rows["implied_volatility"].to_numpy()
    quoted = values[values > 0.01]
    if len(quoted) and float(np.median(quoted)) > PERCENT_ABOVE:
        rows["implied_volatility"] = values * (declared or 0.01)
        if declared is None:
            notes.append("implied volatilities are per cent: their median is above 3")
