"""Addresses of http and https, checked before anything is opened."""

import re
import string
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from iwm_opts.errors import DataError

SCHEMES: Final = ("http", "https")
HOST: Final = re.compile(r"\[[0-9A-Fa-f:.]{2,45}\]|(?!.{254})[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
REMEDY: Final = "write http://HOST:PORT/FILE"


def is_address(text: str) -> bool:
    """Whether a text is meant as an http address."""
    return text.partition("://")[0].lower() in SCHEMES


def as_address(text: str) -> str:
    """Address with the characters that none has written as %20.

    Raises DataError for another scheme than http and https, a user name, a host or port that is none.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.netloc, parts.port
    except ValueError:  # brackets without an address in them, a port beyond 65535
        raise DataError(text, "is no address", REMEDY) from None
    if port is not None:
        host = host.rpartition(":")[0]
    if parts.scheme not in SCHEMES or HOST.fullmatch(host) is None:
        raise DataError(text, "is no address of http or https", REMEDY)
    return quote(parts.geturl(), safe=string.punctuation)


def joined(address: str, onward: str) -> str:
    """Address that another leads to, as of a redirection or of a file beside it."""
    try:
        target = urljoin(address, onward)
    except ValueError:
        raise DataError(address, f"leads to {onward[:120]}, which is no address", REMEDY) from None
    return as_address(target)
