"""TOML text: the line that sets a key, and values written so that they read back the same."""

import re
from collections.abc import Mapping
from typing import Any

from iwm_opts.documents import toml_string


def line_of(text: str, key: tuple[str, ...]) -> int | None:
    """Line of a TOML text that sets a key, else that opens its table; None where neither is there.

    `key`: table and key, or a key of the top.
    """
    table: tuple[str, ...] = ()
    opened: int | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$", line)
        if header:
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            opened = number if table == key[: len(table)] else opened
            if table == key:
                return number
            continue
        left = re.match(r"([\w\"'.\- ]++)=", line.strip())
        if left:
            parts = (*table, *(part.strip().strip("\"'") for part in left[1].split(".")))
            if parts in (key, key[:1]):
                return number
    return opened


def toml_text(values: Mapping[str, Any], comment: str) -> str:
    """Nested mappings as TOML, plain keys first, then a table each."""
    lines = [f"# {comment}"]
    lines += [f"{key} = {_toml(value)}" for key, value in values.items() if not isinstance(value, dict)]
    for name, table in values.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        inner = ",\n".join(f"  {_toml(item)}" for item in value)
        return f"[\n{inner},\n]" if value else "[]"
    if isinstance(value, str):
        return toml_string(value)
    return repr(value)
