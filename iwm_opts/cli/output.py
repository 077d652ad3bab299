"""Results on standard output or in a file, messages on standard error."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iwm_opts.cli.values import Values
from iwm_opts.errors import printable

if TYPE_CHECKING:
    from iwm_opts.api.result import Result


def write_result(result: "Result", values: Values) -> None:
    """Write a result in the format asked for, to standard output or --output."""
    emit(result_text(result, values), values)


def result_text(result: "Result", values: Values) -> str:
    """A result as table, JSON or CSV."""
    if values["format"] == "json":
        return result.to_json()
    return printable(result.to_csv(), "\n") if values["format"] == "csv" else result.to_text(values.flag("verbose"))


def emit(text: str, values: Mapping[str, object]) -> None:
    """Write text to standard output, or whole or not at all to --output."""
    if not values["output"]:
        click.echo(text, nl=False)
        return
    write_file(Path(str(values["output"])), text.encode(errors="replace"), values)


def write_file(path: Path, content: bytes, values: Mapping[str, object]) -> None:
    """Replace a file by a complete one, and say so; links are followed, devices and pipes written to."""
    from iwm_opts.io.atomic import write_durably

    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(content)
    else:
        write_durably(target, content)
    say(f"written: {path}", values)


def say(message: str, values: Mapping[str, object]) -> None:
    """A message on standard error, unless --quiet."""
    if not values.get("quiet"):
        click.echo(printable(message), err=True)
