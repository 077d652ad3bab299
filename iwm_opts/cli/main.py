"""The `iwm-opts` command: sub-commands are imported when they are called, errors become one line."""

import sys
from importlib import import_module
from typing import Any

import click

from iwm_opts.errors import IwmOptsError

COMMANDS = {
    "condor": "Screen iron condors: gate, fill cost, expected profit, size.",
    "vertical": "Screen vertical spreads, credit or debit.",
    "single": "Screen single long options.",
    "ivr": "IV rank now, and the history it stands in.",
    "fills": "Compare what filling a package, or a whole chain, costs.",
    "size": "Contracts or shares that the account bears.",
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"iwm_opts.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # The list needs a line a command, not the module behind it: --help stays free of numba and pandas.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _read_config(ctx: click.Context, _parameter: click.Parameter, path: str | None) -> None:
    from iwm_opts.cli.config import defaults_from_file

    ctx.default_map = defaults_from_file(path, COMMANDS)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "IWM_OPTS"})
@click.version_option(package_name="iwm-opts")
@click.option("--config", type=click.Path(), callback=_read_config, is_eager=True, expose_value=False,
              help="Options by command, TOML.  [default: ./iwm-opts.toml if there]")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def cli() -> None:
    """Options spread analytics for IWM, the Russell 2000 ETF.

    Every option may also come from an environment variable (IWM_OPTS_<COMMAND>_<OPTION>) or from iwm-opts.toml;
    the command line goes over the variable, the variable over the file.

    \b
    Example:
      iwm-opts condor --ivr-below 20 --source chain.csv.gz --iv-history RVX_History.csv
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; exit codes: 0 done, 1 an error with its remedy, 2 wrong usage."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--debug" in arguments:
        return cli.main(arguments, prog_name="iwm-opts")
    try:
        return cli.main(arguments, prog_name="iwm-opts")
    except IwmOptsError as error:
        click.echo(f"iwm-opts: error: {error}", err=True)
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:
        click.echo(f"iwm-opts: error: {error.filename or 'file'}: {error.strerror or error}", err=True)
    except Exception as error:  # noqa: BLE001 - a stranger's traceback helps nobody; --debug shows it
        click.echo(f"iwm-opts: error: {type(error).__name__}: {error}; run again with --debug and report it", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
