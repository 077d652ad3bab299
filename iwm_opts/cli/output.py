"""Results on standard output or in a file, messages on standard error."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from iwm_opts import api
from iwm_opts.cli.progress import answered
from iwm_opts.cli.values import Values, with_options
from iwm_opts.errors import printable

Answer = TypeVar("Answer", bound="api.Result")
STDOUT: Final = "-"
FORMAT_SUFFIX: Final = {"table": "txt", "json": "json", "csv": "csv"}
NOTED: Final = ("md", "txt")  # suffixes of files that hold notes, as the page that is printed
WRITTEN_ALONE: Final = ("write_log", "save", "calibrate")  # options whose `-` takes standard output for themselves
ASKED: Final = frozenset({"format", "order_format", "prompt"})  # typed, they ask for text, also with --quiet
# What tables and charts draw with, for a terminal of ASCII or a code page.
ASCII: Final = str.maketrans("\u2500\u2501\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588", "--_.:-=+*#")
DRAWN: Final = "\u2500\u2588"


def is_folder(output: str) -> bool:
    """Whether --output of a command that saves results names a folder: one that exists, a final /, or no suffix."""
    return output not in ("", STDOUT) and (
        output.endswith(("/", os.sep)) or Path(output).is_dir() or not Path(output).suffix
    )


def write_result(result: "api.Result", values: Values) -> None:
    """Write a result to standard output, or to --output in the format of its suffix."""
    path = values.path("output")
    if path is None or str(path) == STDOUT:
        emit(result_text(result, values), values)
        return
    asked = FORMAT_SUFFIX[values.text("format")]
    suffix = path.suffix.removeprefix(".").lower() or asked
    if "format" in values.typed and suffix != asked:
        raise click.UsageError(f"--format {values['format']} contradicts --output {path}: leave --format out")
    content = result.content(suffix, values.flag("verbose"))
    if suffix in NOTED:
        content = with_options(content.decode(), values.command).encode()
    write_file(path, content, values, is_private=result.is_private)


def write_plot(result: "api.Result", values: Values) -> None:
    """Write the picture that --plot names."""
    plot = values.path("plot")
    if plot:
        write_file(plot, result.picture(plot.suffix), values, is_private=result.is_private)


def result_folder(values: Values) -> Path | None:
    """Folder of --output to save a result in; None where it names a file."""
    return values.path("output") if is_folder(values.text("output")) else None


def answer_and_save(
    what: str,
    answer: Callable[..., Answer],
    request: object,
    values: Values,
    backtest_of: "Callable[[Answer], api.BacktestResult]",
) -> Answer:
    """Answer a request; write the result, or save its backtest with the options in the folder of --output."""
    folder = result_folder(values)
    if folder:
        api.check_folder(folder)
    result = answered(what, answer, request, values)
    if folder is None:
        write_result(result, values)
    else:
        is_new = backtest_of(result).save(folder, options=values.asked(), overwrite=values.flag("overwrite"))
        show_saved(result, values)
        state = "written" if is_new else "already there, unchanged"
        say(f"{state}: folder {folder} (rules, trades, equity, figures)", values)
    return result


def show_saved(result: "api.Result", values: Values) -> None:
    """Print a result that --output saved in a folder."""
    emit(result_text(result, values), values.replaced(output=None))


def result_text(result: "api.Result", values: Values) -> str:
    """Return the result as table, its notes with the options of the command, as JSON, that of `to_dict`, or as CSV."""
    if values["format"] == "csv":
        return printable(result.to_csv(), "\n")
    if values["format"] == "json":
        return result.to_json()
    return with_options(result.to_text(values.flag("verbose")), values.command)


def emit(text: str, values: Values) -> None:
    """Write text to standard output, or whole or not at all to --output; `-` is standard output.

    It goes to standard error where another option writes to standard output. --quiet leaves it out, unless a typed
    option asks for text.
    """
    if values.get("output") in (None, "", STDOUT):
        taken = next((name for name in WRITTEN_ALONE if values.get(name) == STDOUT), None)
        is_asked = taken is None and (values.get("output") == STDOUT or values.typed & ASKED)
        if is_asked or not values.get("quiet"):
            click.echo(text.translate(ASCII) if needs_ascii() else text, nl=False, err=taken is not None)
        return
    write_file(Path(str(values["output"])), text.encode(errors="replace"), values)


def needs_ascii() -> bool:
    """Whether standard output cannot show the lines and blocks of tables: LC_ALL=C, or a code page without them."""
    if os.environ.get("LC_ALL") in ("C", "POSIX"):
        return True
    try:
        DRAWN.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def write_file(path: Path, content: bytes, values: Values, *, is_private: bool = False) -> None:
    """Replace a file by a complete one, and say so; links are followed, pipes and streams written to."""
    if path.exists() and not path.is_file():  # a pipe's own path: that of /dev/fd leads to no file
        api.write_special(path, content)
    else:
        api.write_durably(Path(os.path.realpath(path)), content, is_private=is_private)
    say(f"written: {path}", values)


def say(message: str, values: Values) -> None:
    """Message on standard error, unless --quiet."""
    if not values.get("quiet"):
        click.echo(printable(with_options(message, values.command)), err=True)
