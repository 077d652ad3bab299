"""A vendor's option files in one declaration: which names prove it, what its columns mean, units, zones."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from iwm_opts.io.parse import YES, Order

Zone = Literal["UTC", "America/New_York"]


def plain(name: str) -> str:
    """Column's name without case, spaces and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True, slots=True)
class VendorLayout:
    """One vendor's layout; names are `plain`, nested JSON joined by its path (`last_quote.bid` is `lastquotebid`)."""

    name: str  # what output calls it
    proof: tuple[str, ...]  # names that no other layout has all of; the first whose proof a file shows reads it
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by role, before the common names; () hides it
    units: Mapping[str, float] = field(default_factory=dict)  # factor of a cell: 0.001 for strikes in thousandths
    zones: Mapping[str, Zone] = field(default_factory=dict)  # by role, of times without a zone
    order: Order | None = None  # of dates in digits, where the vendor always writes one
    # Patterns by role for the lines above the header, below the rows, or the file's name; the first group is the value.
    around: Mapping[str, str] = field(default_factory=dict)
    download: str = ""  # example of a file's name as downloaded, where `around` reads a required value out of it
    no_quote: float | None = None  # number written for a bid or ask that does not exist
    non_standard: tuple[str, ...] = YES  # cells, in lower case, that mark adjusted contracts in that role's column
    carried: tuple[str, ...] = ()  # columns whose value holds until the next one
    refused: str = ""  # remedy, for a file that is named and not read
