"""Shared behaviour of commands: help, compile notice, output checks."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from iwm_opts.errors import DataError

FIRST_OPTIONS: Final = 10  # shown before the headings
OTHER: Final = "Other options"
SKIP: Final = 3  # exit code of a command that did not do what it is for: a plan skips, nothing is opened


def did_you_mean(text: str, choices: Sequence[str]) -> str:
    """Question that names the choice nearest to a text; empty where none is near."""
    near = difflib.get_close_matches(text, choices, n=1)
    return f"Did you mean {near[0]}?" if near else ""


class ChoiceParam(click.Choice[str]):
    """One of several words; an error suggests the nearest."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        return f"{super().get_invalid_choice_message(value, ctx)} {did_you_mean(str(value), self.choices)}".rstrip()


class HeadedCommand(click.Command):
    """A command whose help shows the options that matter first, the others under headings.

    Parameters
    ----------
    first : sequence of str
        Names of the options shown first, at most `FIRST_OPTIONS`; without any, all that have no heading.
    """

    def __init__(self, *arguments: Any, first: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.first = tuple(first)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; suggest the option nearest to an argument that the command does not take."""
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            names = [spelling[2:] for option in self.params for spelling in option.opts if spelling.startswith("--")]
            suggestion = did_you_mean(rest[0], names).replace("mean ", "mean --") or "Write options alone."
            ctx.fail(f"Unexpected argument {rest[0]!r}. {suggestion}")
        return rest

    def invoke(self, ctx: click.Context) -> object:
        """Check the files named, then run."""
        check_inputs(ctx)
        check_outputs(ctx)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first options, then the others heading by heading."""
        leading: dict[str, tuple[str, str]] = {}
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record, heading = parameter.get_help_record(ctx), getattr(parameter, "heading", "")
            if record is None:
                continue
            if parameter.name in self.first or not (self.first or heading):
                leading[parameter.name or ""] = record
            else:
                sections.setdefault(heading or OTHER, []).append(record)
        ordered = [leading.pop(name) for name in self.first if name in leading] + list(leading.values())
        others = sections.pop(OTHER, [])
        for heading, records in {"Options": ordered, **sections, OTHER: others}.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class NumericalCommand(HeadedCommand):
    """A command that needs the kernels and announces their compilation."""

    def invoke(self, ctx: click.Context) -> object:
        """Announce, then run."""
        from iwm_opts.kernels._jit import CACHE_DIR, IS_KEPT, last_seconds, on_first_compilation

        def announce() -> None:
            last = last_seconds(self.name or "")
            duration = "some 10 to 30 s" if last is None else f"about {max(last, 1.0):.0f} s, as last time"
            kept = f"Kept for later runs in {CACHE_DIR}."
            lost = f"Every run compiles: {CACHE_DIR} is not writable. Set NUMBA_CACHE_DIR to a writable folder."
            click.echo(f"Compiling kernels for this machine: {duration}. {kept if IS_KEPT else lost}", err=True)

        if ctx.params.get("quiet"):
            return super().invoke(ctx)
        with on_first_compilation(announce, self.name or ""):
            return super().invoke(ctx)


NAMED = ("to-2019",)  # parameter sets that are no file
WRITTEN = ("output", "plot", "save", "write_log", "calibrate")
FILES: Final = ("FILE", "PATH", "FOLDER")  # in the metavar of what is read
DATA: Final = (".csv", ".parquet", ".json", ".gz", ".zip", ".xlsx", ".toml")  # suffixes of what is read in a folder


def check_inputs(context: click.Context) -> None:
    """Refuse named files that do not exist, also where the command would not read them."""
    for parameter in context.command.params:
        for text in _texts(context, parameter):
            is_file = parameter.metavar == "FILE" or (parameter.name == "chain" and Path(text).suffix)
            if not is_file or parameter.name in WRITTEN or text in NAMED:
                continue
            if not Path(text).exists():
                remedy = (getattr(parameter, "help", None) or "").partition("  [")[0]
                raise DataError(text, "cannot be read, it does not exist", f"give {parameter.opts[0]} a file: {remedy}")


def check_outputs(context: click.Context) -> None:
    """Refuse to write onto an input, or onto one file twice."""
    read: dict[str, str] = {}
    for parameter in context.command.params:
        is_path = isinstance(parameter.type, click.Path) or any(kind in (parameter.metavar or "") for kind in FILES)
        if parameter.name not in WRITTEN and (is_path or isinstance(parameter, click.Argument)):
            read |= dict.fromkeys(_texts(context, parameter), _shown(parameter))
    config = getattr(context.find_root().default_map, "file", None)
    if config is not None:
        read[str(config)] = "--config"
    taken = {os.path.realpath(text): name for text, name in read.items()}
    for parameter in context.command.params:
        for target in _texts(context, parameter) if parameter.name in WRITTEN else ():
            path = Path(os.path.realpath(target))
            name = taken.get(str(path)) or next((name for text, name in read.items() if _holds(text, path)), None)
            if name and not path.is_char_device():
                raise click.UsageError(f"{_shown(parameter)} would overwrite what {name} names: {target}")
            taken[str(path)] = _shown(parameter)


def _texts(context: click.Context, parameter: click.Parameter) -> tuple[str, ...]:
    """Values of a parameter as text."""
    value = context.params.get(parameter.name or "")
    return tuple(str(item) for item in (value if isinstance(value, tuple | list) else (value,)) if item)


def _shown(parameter: click.Parameter) -> str:
    """`--write-log`, or `LOG` of an argument."""
    name = (parameter.name or "").replace("_", "-")
    return name.upper() if isinstance(parameter, click.Argument) else max(parameter.opts, key=len)


def _holds(text: str, path: Path) -> bool:
    """Whether a folder or glob that is read holds a file of data."""
    if path.suffix.lower() not in DATA or not path.is_file():
        return False
    import glob

    if glob.has_magic(text) and not os.path.exists(text):
        return str(path) in map(os.path.realpath, glob.iglob(text, recursive=True))
    return os.path.isdir(text) and Path(os.path.realpath(text)) in path.parents
