"""JSON and TOML texts as plain values, within limits of nesting, digits and line length."""

import json
import re
import tomllib
from typing import Any, Final

MAX_DEPTH: Final = 12  # levels of lists and tables
MAX_DIGITS: Final = 300  # of a whole number in JSON: a float holds it
MAX_LINE: Final = 10_000  # characters of a line of TOML
# A key of more parts than levels are allowed, `a.b.c`: the parser of TOML takes quadratic time over one.
LONG_KEY: Final = re.compile(rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MAX_DEPTH + 1}}}""")
INTEGERS: Final = range(-(2**63), 2**63)  # of TOML, by its specification
TOO_DEEP: Final = f"is nested more than {MAX_DEPTH} levels deep"
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # characters that drive a terminal, and end a line of a listing


def parse_json(text: str | bytes) -> Any:
    """Document of a JSON text of any size; its levels are not counted.

    Raises
    ------
    JSONDecodeError
        When it is cut short or damaged.
    ValueError
        When it is nested too deep for Python, or holds a whole number of more digits than Python parses.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except json.JSONDecodeError:
        raise
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except ValueError:
        raise ValueError("holds a whole number of too many digits") from None


def parse_object(text: str | bytes) -> dict[str, Any]:
    """Object of a JSON text that this package wrote.

    Raises
    ------
    ValueError
        When it is damaged, another value than an object, nested too deep, or holds a number of too many digits.
    """
    try:
        document = json.loads(text, parse_int=_whole)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    if not isinstance(document, dict):
        raise ValueError("holds no JSON object")
    _plain(document)
    return document


def parse_toml(text: str) -> dict[str, Any]:
    """Tables of a TOML text.

    Raises
    ------
    ValueError
        When it is invalid, nested too deep, has a line of more than `MAX_LINE` characters or a key of more than
        `MAX_DEPTH` parts, or a whole number of more than 64 bits.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE:
            raise ValueError(f"line {number} has {len(line):,} characters, more than {MAX_LINE:,}")
    if (key := LONG_KEY.search(text)) is not None:
        raise ValueError(f"line {text.count(chr(10), 0, key.start()) + 1} has a key of more than {MAX_DEPTH} parts")
    try:
        tables = tomllib.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # of `int`: more digits than Python parses; of `date`: a day that no month has
        raise ValueError("holds a whole number of too many digits, or a day that no calendar has") from None
    _plain(tables, INTEGERS)
    return tables


def toml_string(text: str) -> str:
    """Text as a basic string of TOML; quotes, backslashes and characters that drive a terminal are escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(mark if mark.isprintable() else f"\\U{ord(mark):08x}" for mark in escaped) + '"'


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"holds a whole number of {len(text):,} digits, more than {MAX_DIGITS}")
    return int(text)


def _plain(document: dict[str, Any], integers: range | None = None) -> None:
    """Refuse a document of too many levels, or with an integer outside a range.

    Raises
    ------
    ValueError
    """
    level: list[tuple[str, Any]] = [("", document)]
    for depth in range(MAX_DEPTH + 1):
        below: list[tuple[str, Any]] = []
        for name, value in level:
            if isinstance(value, dict | list):
                if depth == MAX_DEPTH:
                    raise ValueError(TOO_DEEP)
                below += value.items() if isinstance(value, dict) else [(name, item) for item in value]
            elif integers is not None and type(value) is int and value not in integers:
                raise ValueError(f"{name[:80]} is a whole number of more than 64 bits")
        level = below
