"""Defaults from `iwm-opts.toml`: a table a command, an entry an option."""

import difflib
from collections.abc import Container
from pathlib import Path

from iwm_opts.errors import DataError
from iwm_opts.io.opening import read_toml

DEFAULT_FILE = Path("iwm-opts.toml")
SHARED_TABLE = "defaults"  # applies to every command that knows the option


def defaults_from_file(path: str | None, commands: Container[str]) -> "_Defaults | None":
    """Read option defaults; None without a file."""
    file = Path(path) if path else DEFAULT_FILE
    if not file.exists():
        if path:
            raise DataError(file, "does not exist", "name an existing TOML file")
        return None
    _, tables = read_toml(file, "fix the file or name another with --config")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise DataError(file, f"{name} is outside a table", f"put it under [{SHARED_TABLE}] or [condor]")
        if name != SHARED_TABLE and name not in commands:
            raise DataError(file, f"[{name}]: unknown command", f"use [{SHARED_TABLE}] or the name of a command")
    return _Defaults(file, {name: _option_names(file, name, table) for name, table in tables.items()})


def _option_names(file: Path, name: str, table: dict[str, object]) -> dict[str, object]:
    """Options by their inner names, their values as they would be typed, so that one parser reads both."""
    options: dict[str, object] = {}
    for key, value in table.items():
        option = key.replace("-", "_")
        if option in options:
            raise DataError(file, f"[{name}] {key} is there twice, once with the other dash", "keep one of them")
        if isinstance(value, list):
            options[option] = [_typed(file, name, key, item) for item in value]
        else:
            options[option] = _typed(file, name, key, value)
    return options


def _typed(file: Path, name: str, key: str, value: object) -> str:
    if isinstance(value, dict | list):
        raise DataError(file, f"[{name}] {key} = {value!r} is not an option value", "give a number or a word")
    if "\0" in str(value):
        raise DataError(file, f"[{name}] {key} = {value!r} holds NUL", "take it out")
    return str(value)


class _Defaults(dict[str, dict[str, object]]):
    """Per-command defaults that fall back on the shared table."""

    def __init__(self, file: Path, tables: dict[str, dict[str, object]]) -> None:
        self.shared = tables.pop(SHARED_TABLE, {})
        super().__init__({name: self.shared | table for name, table in tables.items()})
        self.file, self.own = file, tables

    def get(self, key: str, default: object = None) -> dict[str, object]:
        return super().get(key, self.shared)


def check_options(defaults: "_Defaults", options: dict[str, dict[str, bool]]) -> None:
    """Refuse unknown options and lists for single-valued options; wrap single values of repeatable ones.

    `options` holds for each command its options, underscored, and whether they may repeat.
    """
    everywhere = {name: many for command in options.values() for name, many in command.items()}
    _check(defaults.file, SHARED_TABLE, defaults.shared, everywhere)
    for name, table in defaults.own.items():
        _check(defaults.file, name, table, options[name])
        for key, value in defaults[name].items():
            if options[name].get(key) and not isinstance(value, list):
                defaults[name][key] = [value]


def _check(file: Path, name: str, table: dict[str, object], repeats: dict[str, bool]) -> None:
    for key, value in table.items():
        spelt = key.replace("_", "-")
        if key not in repeats:
            near = difflib.get_close_matches(key, sorted(repeats), n=1)
            remedy = f"did you mean {near[0].replace('_', '-')}?" if near else "see --help for the options"
            raise DataError(file, f"[{name}] {spelt}: unknown option", remedy)
        if isinstance(value, list) and not repeats[key]:
            raise DataError(file, f"[{name}] {spelt} = {value} is a list", "give one value")
