"""Time zones by the names that cells and columns give them."""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from iwm_opts.market.calendar import NEW_YORK

_CITIES: Final = {
    "Europe/London": ("BST", "LONDON"),
    "Europe/Berlin": ("CET", "CEST", "MEZ", "MESZ", "BERLIN", "PARIS", "AMSTERDAM", "MADRID", "ZURICH"),
    "Europe/Helsinki": ("EET", "EEST"),
    "Europe/Moscow": ("MSK", "MOSCOW"),
    "America/Chicago": ("CT", "CST", "CDT", "CENTRAL", "CHICAGO"),
    "America/Denver": ("MT", "MST", "MDT", "DENVER"),
    "America/Los_Angeles": ("PT", "PST", "PDT", "PACIFIC"),
    "Asia/Kolkata": ("IST", "KOLKATA"),
    "Asia/Tokyo": ("JST", "TOKYO"),
    "Asia/Hong_Kong": ("HKT", "SGT"),
    "Australia/Sydney": ("AEST", "AEDT", "SYDNEY"),
}
# Abbreviations name a place's clock all the year: files say EST and CET in summer too.
ZONES: Final[dict[str, tzinfo]] = {
    **dict.fromkeys(("Z", "UTC", "GMT"), UTC),
    **dict.fromkeys(("ET", "EST", "EDT", "EASTERN", "NY", "NYC", "NYTIME"), NEW_YORK),
    **{name: ZoneInfo(city) for city, names in _CITIES.items() for name in names},
}
CANDIDATES: Final = ("UTC", *_CITIES)  # of times without a zone, the likeliest first
IANA: Final = re.compile(r"(?<=[\dZ]) ?(?:([A-Z][A-Za-z]+/[A-Z][A-Za-z_/]+)|\[([A-Za-z_/]+)\])$")  # 15:45 US/Eastern
ZONE_END: Final = re.compile(r"[^A-Za-z0-9]\(?([A-Za-z]+(?:/[A-Za-z_/]+)?)\)?$")  # Time (CET), datetime_utc
LONGEST_ZONE: Final = 64  # characters of a zone's name, and marks around it: patterns search no more of a text


def offset_of(text: str) -> tzinfo:
    """Zone of `CET`, `-05:00`, `GMT-4`."""
    zone = ZONES.get(text.upper())
    if zone is not None:
        return zone
    text = text.upper().removeprefix("GMT").removeprefix("UTC")
    if text[:1] not in ("+", "-"):
        raise ValueError("is not a zone")
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-offset if text[0] == "-" else offset)


def without_zone(text: str) -> tuple[str, ZoneInfo | None]:
    """Cell without the name of a place behind it, `2026-10-02 21:45 Europe/Berlin`, and the zone of that place.

    Raises ValueError when the place is unknown.
    """
    match = IANA.search(text, max(len(text) - LONGEST_ZONE, 0))
    if match is None:
        return text, None
    try:
        return text[: match.start()], ZoneInfo(match[1] or match[2])
    except (KeyError, OSError):
        raise ValueError(f"names an unknown zone {match[1] or match[2]}") from None


def named_zone(column: str) -> tuple[str, ZoneInfo] | None:
    """Name of a column without the zone at its end, and that zone; None without one."""
    text = column.rstrip()
    match = ZONE_END.search(text, max(len(text) - LONGEST_ZONE, 0))
    if match is None:
        return None
    try:
        zone = ZoneInfo(match[1]) if "/" in match[1] else ZONES.get(match[1].upper())
    except (KeyError, OSError):
        return None
    if zone is None or match[1].upper() == "Z":
        return None
    end = match.start()
    while end and not (text[end - 1].isascii() and text[end - 1].isalnum()):
        end -= 1
    return text[:end], zone if isinstance(zone, ZoneInfo) else ZoneInfo("UTC")
