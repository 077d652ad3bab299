"""Shared behaviour of commands: help, compile notice, output checks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from iwm_opts.errors import DataError

FIRST_OPTIONS: Final = 10  # shown before the headings
OTHER: Final = "Other options"
SKIP: Final = 3  # exit code of a command that did not do what it is for: a plan skips, nothing is opened


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

    def invoke(self, ctx: click.Context) -> Any:
        """Announce, then run."""
        from iwm_opts.kernels._jit import CACHE_DIR, IS_KEPT, last_seconds, on_first_compilation

        def announce() -> None:
            last = last_seconds(self.name or "")
            duration = "some 10 to 30 s" if last is None else f"about {max(last, 1.0):.0f} s, as last time"
            kept = f"Kept for later runs in {CACHE_DIR}."
            lost = f"Every run compiles: {CACHE_DIR} is not writable. Set NUMBA_CACHE_DIR to a writable folder."
            click.echo(f"Compiling kernels for this machine: {duration}. {kept if IS_KEPT else lost}", err=True)

        refuse_missing(ctx)
        refuse_overwriting(ctx.params)
        if ctx.params.get("quiet"):
            return super().invoke(ctx)
        with on_first_compilation(announce, self.name or ""):
            return super().invoke(ctx)


READ = (
    *("source", "versus", "iv_history", "dividends", "bars", "slope_history", "slope_base", "yields"),
    *("plan", "log", "backtest", "spy", "kre", "xbi", "minutes", "events", "macro"),
    *("short_index", "middle_index", "long_index", "chain", "parameters"),
)
NAMED = ("to-2019",)  # parameter sets that are no file
WRITTEN = ("output", "plot", "save", "write_log", "calibrate")


def refuse_missing(context: click.Context) -> None:
    """Refuse named files that do not exist, also where the command would not read them.

    Raises
    ------
    DataError
        For the first of them.
    """
    for parameter in context.command.params:
        given = context.params.get(parameter.name or "")
        for text in given if isinstance(given, tuple) else (given,):
            is_file = parameter.metavar == "FILE" or (parameter.name == "chain" and Path(str(text)).suffix)
            if not (text and is_file and parameter.name in (*READ, "sectors")) or text in NAMED:
                continue
            if not Path(text).exists():
                remedy = (getattr(parameter, "help", None) or "").partition("  [")[0]
                raise DataError(text, "cannot be read, it does not exist", f"give {parameter.opts[0]} a file: {remedy}")


def refuse_overwriting(options: Mapping[str, object]) -> None:
    """Refuse to write onto an input, or onto one file twice.

    Raises
    ------
    UsageError
        With both options.
    """
    taken = {Path(str(options[name])).resolve(): name for name in READ if options.get(name)}
    for name in WRITTEN:
        target = options.get(name)
        if not target:
            continue
        path = Path(str(target)).resolve()
        if path in taken and not path.is_char_device():
            raise click.UsageError(
                f"--{name.replace('_', '-')} would overwrite what --{taken[path].replace('_', '-')} names: {target}"
            )
        taken[path] = name
