"""Shares of something as people write them."""

from typing import Final

from iwm_opts.errors import InputError

BARE_LIMIT: Final = 0.5  # above this a share without % is more likely a percentage


def parse_share(text: str | float, name: str = "risk") -> float:
    """Read a share of something: `1%` and `0.01` mean the same.

    Raises
    ------
    InputError
        When it is not a number, not above 0 or above 1, or a bare number above 0.5: `1` may mean 1% or all of it.
    """
    stripped = str(text).strip()
    try:
        value = float(stripped.removesuffix("%")) / (100.0 if stripped.endswith("%") else 1.0)
    except ValueError:
        raise InputError(name, text, "invalid fraction", "write 1% or 0.01") from None
    if value > BARE_LIMIT and not stripped.endswith("%"):
        raise InputError(name, text, "may mean a share or a percentage", f"write {value:g}% for {value:g} in a hundred")
    if not 0.0 < value <= 1.0:
        raise InputError(name, text, "must be above 0 and at most 1", "1% is 0.01")
    return value
