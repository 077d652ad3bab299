"""Chain: every listed option of one underlying at one moment, with its defects."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import CLOSED_DAY_WEIGHT, DAYS_PER_YEAR, RIGHT_SIGN, Provenance
from iwm_opts.market.calendar import (
    at_close,
    effective_days,
    expiry_moment,
    session_hours,
    sessions_left,
    years_to_expiry,
)
from iwm_opts.market.contract import settlement_of
from iwm_opts.market.quality import QualityReport, right_signs, usable_rows
from iwm_opts.market.slices import ExpirySlice

LABELS: Final = {  # of quotes not made by a market
    "simulated": "SIMULATED MARKET: not real quotes",
    "modelled": "MODELLED QUOTES: real prices of the underlying, modelled option quotes",
}


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """One capture of an option chain.

    `quotes` has the columns of `conventions.CHAIN_COLUMNS` (NaN where unknown), one row a contract, sorted by
    expiration, root, strike and right. Defective quotes are kept as read; slices leave them out.
    """

    quotes: pd.DataFrame
    symbol: str
    spot: float
    spot_source: str  # "file", "given" or how it was estimated
    as_of: date
    quote_time: datetime | None  # New York; None where unknown
    session: str | None  # label of the capture
    source: str
    quality: QualityReport
    warnings: tuple[str, ...] = ()
    simulated: bool = False  # quotes of a model, never traded
    modelled: bool = False  # of a model around real prices of the underlying; simulated as well
    delay: timedelta = timedelta(0)  # that the feed states; `quote_time` is the market's, without it

    @property
    def provenance(self) -> Provenance:
        """Source of the quotes."""
        return Provenance.of(simulated=self.simulated, modelled=self.modelled)

    @property
    def label(self) -> str:
        """Label of output from simulated or modelled quotes; empty for real ones."""
        return LABELS.get(self.provenance, "")

    @property
    def moment(self) -> datetime:
        """Time of the quotes, New York; that of the close for a capture after it."""
        return moment_of_quotes(self.as_of, self.quote_time)

    def rows(self, expiration: date, root: str | None = None) -> pd.DataFrame:
        """Quotes of one expiration, of one root or of all."""
        chosen = self.quotes["expiration"] == pd.Timestamp(expiration)
        if root is not None:
            chosen &= self.quotes["root"] == root
        return self.quotes[chosen]


def expiry_slices(chain: Chain, closed_day_weight: float = CLOSED_DAY_WEIGHT) -> list[ExpirySlice]:
    """One slice for each expiration and root, in that order.

    Strikes are those that list a call or a put. Both bid and ask are NaN where a quote is missing, crossed or
    implausible (`QualityReport`); a quote of 0/0 is a bid of 0 with a NaN ask. Roots that settle on the opening print
    expire then.
    """
    usable = usable_rows(chain.quotes, chain.spot)
    return slices_of(chain.quotes, usable, chain.moment, closed_day_weight)


def moment_of_quotes(as_of: date, quote_time: datetime | None) -> datetime:
    """Time of quotes, New York: their quote time, at most the close of their session."""
    close = at_close(as_of)
    return min(quote_time, close) if quote_time else close


def slices_of(
    table: pd.DataFrame, usable: NDArray[np.bool_], moment: datetime, closed_day_weight: float = CLOSED_DAY_WEIGHT
) -> list[ExpirySlice]:
    """Slices of a canonical table sorted by expiration and root; rows that are not `usable` give NaN."""
    if table.empty:
        return []
    expirations = table["expiration"].to_numpy(dtype="datetime64[D]")
    roots = table["root"].to_numpy(dtype=object)
    starts = np.flatnonzero(np.concatenate([[True], (expirations[1:] != expirations[:-1]) | (roots[1:] != roots[:-1])]))
    days = [date.fromisoformat(str(expirations[start])) for start in starts]
    clocks = _clocks(moment, days, [roots[start] for start in starts], closed_day_weight)
    columns = {name: table[name].to_numpy(dtype=np.float64) for name in ("strike", "bid", "ask")}
    columns["sign"] = right_signs(table["right"])
    slices = []
    for position, (start, stop) in enumerate(zip(starts, [*starts[1:], len(table)], strict=True)):
        here = {name: column[start:stop] for name, column in columns.items()}
        strike, sides = _sides(here, usable[start:stop])
        years, effective, remaining = (clock[position] for clock in clocks)
        slices.append(
            ExpirySlice(
                root=roots[start],
                expiration=days[position],
                dte=(days[position] - moment.date()).days,
                years=float(years),
                effective_days=float(effective),
                sessions_left=int(remaining),
                strike=strike,
                **sides,
            )
        )
    return slices


def _sides(
    columns: dict[str, NDArray[np.float64]], usable: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    strike, place = np.unique(columns["strike"], return_inverse=True)
    sides = {}
    unbid = (columns["bid"] == 0.0) & (columns["ask"] == 0.0)
    for name, right in (("call", "C"), ("put", "P")):
        of_right = columns["sign"] == RIGHT_SIGN[right]
        for side in ("bid", "ask"):
            values = np.full(len(strike), np.nan)
            values[place[of_right & usable]] = columns[side][of_right & usable]
            sides[f"{name}_{side}"] = values
        sides[f"{name}_bid"][place[of_right & unbid]] = 0.0  # listed, without a bid
    return strike, sides


def _clocks(
    moment: datetime, days: list[date], roots: list[str], closed_day_weight: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Years, effective days and sessions left; less the last session where a root settles on its opening print."""
    years = years_to_expiry(moment, days)
    effective = effective_days(moment, days, closed_day_weight)
    remaining = sessions_left(moment, days)
    for place, (day, root) in enumerate(zip(days, roots, strict=True)):
        if settlement_of(root).settles_on == "open":
            opened, closed = session_hours(expiry_moment(day).date())
            share = (closed - opened).total_seconds() / 86_400.0  # of a day that is a session, weight 1
            years[place] -= share / DAYS_PER_YEAR
            effective[place] -= share
            remaining[place] -= remaining[place] > 0
    return years, effective, remaining
