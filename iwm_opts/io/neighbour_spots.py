"""Spots of recorded days near a chain that names no symbol: one far from them is of another underlying."""

import math
from bisect import bisect_left
from datetime import date
from typing import Final

from iwm_opts.conventions import counted
from iwm_opts.io.archive import ChainArchive
from iwm_opts.market.chain import Chain

UNNAMED: Final = "taken for "  # in the warning of a chain whose file names no symbol
OTHER_NAME: Final = "name says "  # likewise where the file's name is another's
FARTHEST: Final = 0.3  # log of a ratio of spots, 1.35 or 0.74, within `WITHIN`; it grows with the root of time
WITHIN: Final = 10  # calendar days: the worst of IWM, to 2020-03-16, was 0.38 in 12
SPLITS: Final = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 50.0)
NEAR_SPLIT: Final = 0.05  # fraction by which the ratio may differ from a split's


class NeighbourSpots:
    """Spots by day of an archive, opened where they are asked for."""

    def __init__(self, record: ChainArchive, symbol: str) -> None:
        self.record, self.symbol = record, symbol
        self.days = record.days(symbol)
        self._spots: dict[date, float] = {}

    def add(self, chain: Chain) -> None:
        """Add a day recorded since."""
        place = bisect_left(self.days, chain.as_of)
        if self.days[place : place + 1] != [chain.as_of]:
            self.days.insert(place, chain.as_of)
            self._spots[chain.as_of] = chain.spot

    def is_unknown(self, chain: Chain) -> bool:
        """Whether nothing names the chain's symbol, and no recorded day tells."""
        return is_unnamed(chain) and not self.days

    def objection(self, chain: Chain, *, is_continued: bool) -> str:
        """Why a chain is not recorded as the symbol's; empty where it is.

        Parameters
        ----------
        chain : Chain
        is_continued : bool
            Whether days of the same file are in line: a jump among them by the ratio of a split is one.
        """
        if not is_unnamed(chain):
            return ""
        near, rows = self._near(chain.as_of), counted(len(chain.quotes), "rows")
        far = [(day, spot) for day, spot in near if _is_far(chain, day, spot)]
        if len(far) < len(near):
            return ""
        if near:
            day, spot = far[0]
            if is_continued and _is_split(chain.spot / spot):
                return ""
            what = f"spot {chain.spot:.2f} is out of line with {spot:.2f} on {day}"
            return f"{what}, and nothing in the file names {self.symbol} ({rows})"
        doubt = next((text for text in chain.warnings if UNNAMED in text and OTHER_NAME in text), "")
        return doubt and f"{doubt}, and no recorded day confirms its prices ({rows})"

    def _near(self, day: date) -> list[tuple[date, float]]:
        """Last recorded day up to a day, and the first after it."""
        place = bisect_left(self.days, day)
        if place < len(self.days) and self.days[place] == day:
            return [(day, self._spot(day))]
        return [(near, self._spot(near)) for near in self.days[max(place - 1, 0) : place + 1]]

    def _spot(self, day: date) -> float:
        if day not in self._spots:
            self._spots[day] = self.record.chain(self.symbol, day, columns=("strike",)).spot
        return self._spots[day]


def is_unnamed(chain: Chain) -> bool:
    """Whether neither a column nor a contract symbol of the file named the chain's symbol."""
    return any(f"{UNNAMED}{chain.symbol}:" in text for text in chain.warnings)


def _is_far(chain: Chain, day: date, spot: float) -> bool:
    days = max(abs((chain.as_of - day).days), WITHIN)
    return abs(math.log(chain.spot / spot)) > FARTHEST * math.sqrt(days / WITHIN)


def _is_split(ratio: float) -> bool:
    larger = max(ratio, 1.0 / ratio)
    return any(abs(larger / split - 1.0) <= NEAR_SPLIT for split in SPLITS)
