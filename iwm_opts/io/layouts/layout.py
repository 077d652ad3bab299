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
    """One vendor's layout; names are `plain`, nested JSON joined by its path (`last_quote.bid` is `lastquotebid`).

    Attributes
    ----------
    name : str
        What output calls it.
    proof : tuple of str
        Names that no other layout has all of. The first layout whose proof a file shows reads it.
    columns : mapping of role to names
        Before the common names of `layouts.common`; an empty tuple hides a role.
    units : mapping of role to factor
        Factor of a cell: 0.001 for strikes in thousandths.
    zones : mapping of role to zone
        Of times without a zone.
    order : {"mdy", "dmy"}, optional
        Of dates in digits, where the vendor always writes one.
    around : mapping of role to pattern
        Facts in the lines above the header, below the rows, or in the file's name; the first group is the value.
    download : str
        Example of a file's name as downloaded, where `around` reads a required value out of it.
    no_quote : float, optional
        Number written for a bid or ask that does not exist.
    non_standard : tuple of str
        Cells, in lower case, that mark adjusted contracts in the column of that role.
    carried : tuple of str
        Columns whose value holds until the next one.
    refused : str
        Remedy, for a file that is named and not read.
    """

    name: str
    proof: tuple[str, ...]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    units: Mapping[str, float] = field(default_factory=dict)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    order: Order | None = None
    around: Mapping[str, str] = field(default_factory=dict)
    download: str = ""
    no_quote: float | None = None
    non_standard: tuple[str, ...] = YES
    carried: tuple[str, ...] = ()
    refused: str = ""
