"""Defaults from `iwm-opts.toml`: a table a command, an entry an option."""

import difflib
import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Any

from iwm_opts.errors import DataError

DEFAULT_FILE = Path("iwm-opts.toml")
SHARED_TABLE = "defaults"  # applies to every command that knows the option


def defaults_from_file(path: str | None, commands: Container[str]) -> dict[str, dict[str, Any]] | None:
    """Read option defaults; None when there is no file.

    Raises
    ------
    DataError
        When a named file does not exist, is no TOML, or holds a table that is no command.
    """
    file = Path(path) if path else DEFAULT_FILE
    if not file.exists():
        if path:
            raise DataError(file, "does not exist", "name an existing TOML file")
        return None
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise DataError(file, f"is no TOML ({error})", "mend the file or name another with --config") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise DataError(file, f"{name} stands outside a table", f"put it under [{SHARED_TABLE}] or [condor]")
        if name != SHARED_TABLE and name not in commands:
            raise DataError(file, f"[{name}] is no command", f"use [{SHARED_TABLE}] or the name of a command")
    return _Defaults(file, {name: _option_names(table) for name, table in tables.items()})


def _option_names(table: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("-", "_"): value for key, value in table.items()}


class _Defaults(dict[str, Any]):
    """Per-command defaults that fall back on the shared table."""

    def __init__(self, file: Path, tables: dict[str, dict[str, Any]]) -> None:
        self.shared = tables.pop(SHARED_TABLE, {})
        super().__init__({name: self.shared | table for name, table in tables.items()})
        self.file, self.own = file, tables

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, self.shared or default)


def refuse_unknown(defaults: Any, options: dict[str, set[str]]) -> None:
    """Refuse keys that are no option: a misspelt one would be silently without effect.

    Parameters
    ----------
    defaults : what `defaults_from_file` gave, or None
    options : names of the options of each command, underscored

    Raises
    ------
    DataError
        With the key, its table and what comes nearest.
    """
    if defaults is None:
        return
    everywhere = set().union(*options.values())
    for table, keys, known in [(SHARED_TABLE, defaults.shared, everywhere)] + [
        (name, table, options[name]) for name, table in defaults.own.items()
    ]:
        for key in keys:
            if key not in known:
                near = difflib.get_close_matches(key, sorted(known), n=1)
                remedy = f"did you mean {near[0].replace('_', '-')}?" if near else "see --help for the options"
                raise DataError(defaults.file, f"[{table}] {key.replace('_', '-')} is no option", remedy)
