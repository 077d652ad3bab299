"""The `iwm-opts` command: sub-commands are imported when they are called, errors become one line."""

import atexit
import gc
import io
import os
import signal
import sys
import threading
from importlib import import_module
from types import FrameType
from typing import Final, NoReturn

import click

from iwm_opts.cli.command import did_you_mean
from iwm_opts.errors import LONGEST, LONGEST_PART, ConflictError, DataError, IwmOptsError, printable

GC_ALLOCATIONS = 200_000  # between collections of the youngest objects; the interpreter's own is 700 to 2,000
GROUPS: Final = {
    "Screen and size": {
        "condor": "Screen iron condors: gate, fill cost, expected profit, size.",
        "vertical": "Screen vertical spreads, credit or debit.",
        "single": "Screen single long options.",
        "ivr": "IV rank now and its history.",
        "fills": "Compare what filling a package, or a whole chain, costs.",
        "size": "Position size allowed by the account.",
        "ticket": "Write the order of a package for a broker; nothing is sent.",
        "whatif": "Value a package over price, implied vol and date.",
        "manage": "Open positions today: P&L, exits due, rolls, portfolio.",
    },
    "Backtest and evidence": {
        "backtest": "Trade rules over a simulated, modelled or recorded market.",
        "evidence": "Compare a gate with no gate, the opposite gate and chance.",
        "sweep": "Many rules over one market, and how much the best of them is luck.",
        "walk-forward": "Rules re-selected on past days and traded on the days after them.",
        "montecarlo": "Drawdown, ruin and growth of a result or a log by position size.",
        "claims": "Measure the strategy's claims on your data.",
    },
    "Plan to review": {
        "plan": "Write a trading plan, its document with today's numbers, or today's decision.",
        "paper": "Trade a plan on paper: open, mark, close, list.",
        "review": "Review a trade log: rules kept and broken, fills, and whether the edge is there.",
    },
    "Data": {
        "fetch": "Bars, volatility indices and dividends into the local record.",
        "snapshot": "The chain of this moment into the local record.",
        "simulate": "Simulated markets as files: bars, IV history, chains.",
        "facts": "Compare the simulator with real data; recalibrate it.",
    },
    "Tools": {
        "report": "Write the tear sheet of a saved result or a trade log.",
        "bench": "How fast backtests run on this machine.",
        "doctor": "Check installation, sources, record and clock; say what to do.",
    },
}
COMMANDS: Final = {name: line for commands in GROUPS.values() for name, line in commands.items()}

WELCOME = """iwm-opts: option spreads on IWM: IV rank, fill costs, size, backtests. Three first commands:

  iwm-opts condor --source sim
      Screen iron condors on the simulated market.
  iwm-opts fills --leg +1P195@0.70/0.74 --leg -1P200@1.20/1.26
      Compare what filling one package costs.
  iwm-opts backtest --source sim
      Backtest condors below an IV rank of 20.

iwm-opts --help lists all commands; iwm-opts COMMAND --help shows options and an example."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _command(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; suggest the nearest of an unknown one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            remedy = did_you_mean(name, list(COMMANDS)) or f"Choose one of {', '.join(COMMANDS)}."
            raise click.UsageError(f"No such command {name!r}. {remedy}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # The list needs a line a command, not the module behind it: --help stays free of numba and pandas.
        width = max(map(len, COMMANDS))
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), line) for name, line in commands.items()])


def _read_config(ctx: click.Context, _parameter: click.Parameter, path: str | None) -> None:
    from iwm_opts.cli.config import check_options, defaults_from_file

    ctx.default_map = defaults_from_file(path, COMMANDS)
    if ctx.default_map is not None:
        options = {}
        for name in COMMANDS:
            command = _command(name)
            inner = command.commands.values() if isinstance(command, click.Group) else ()
            parameters = [*command.params, *(parameter for nested in inner for parameter in nested.params)]
            options[name] = {item.name or "": bool(getattr(item, "multiple", False)) for item in parameters}
        check_options(ctx.default_map, options)


def _command(name: str) -> click.Command:
    module = name.replace("-", "_")
    command: click.Command = getattr(import_module(f"iwm_opts.cli.{module}"), module)
    return command


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  iwm-opts condor --ivr-below 20 --source chain.csv.gz \\\n"
    "      --iv-history RVX_History.csv",
)
@click.version_option(package_name="iwm-opts")
@click.option(
    "--config",
    type=click.Path(),
    envvar="IWM_OPTS_CONFIG",
    callback=_read_config,
    is_eager=True,
    expose_value=False,
    help="Options by command, TOML; also allowed after the command.  [default: ./iwm-opts.toml if present]",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error; allowed anywhere.")
@click.pass_context
def cli(context: click.Context) -> None:
    """Options spread analytics for IWM, the Russell 2000 ETF.

    Every option may also come from an environment variable (IWM_OPTS_<OPTION>, such as IWM_OPTS_ACCOUNT) or from
    iwm-opts.toml; the command line goes over the variable, the variable over the file.
    """  # fmt: skip
    if context.invoked_subcommand is None:
        click.echo(WELCOME)


class TerminatedError(BaseException):
    """SIGTERM arrived; like an interrupt, it passes handlers of errors."""


STOPS: Final[dict[int, type[BaseException]]] = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: TerminatedError}
CALLS_BACK: Final = "llvmlite."  # modules that C calls
AGAIN_SECONDS: Final = 0.05


def _stop(number: int, frame: FrameType | None) -> None:
    """Raise what a signal means; later, where LLVM called back: it takes no exception, and crashes."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(CALLS_BACK):
            _send_again(number)
            return
        frame = frame.f_back
    raise STOPS[number]


def _send_again(number: int) -> None:
    timer = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()


def _unraisable(event: "sys.UnraisableHookArgs") -> None:
    """Send a stop again that a destructor or a callback swallowed."""
    number = next((number for number, kind in STOPS.items() if event.exc_type is kind), None)
    if number is None:
        sys.__unraisablehook__(event)
    else:
        _send_again(number)


def run() -> None:
    """Installed command: `main` in a process of its own.

    A quarter of a screen's time would go into collecting imported modules, which never become garbage: they are looked
    at rarely while it runs, and not at all when it ends.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a page with question marks beats none on an old console
    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as of a command in the background of a shell
            signal.signal(number, _stop)
    sys.unraisablehook = _unraisable
    gc.set_threshold(GC_ALLOCATIONS)
    atexit.register(gc.freeze)
    main()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit codes: 0 done, 1 an error with its remedy, 2 usage, 130 and 143 stopped."""
    given = _hoisted(sys.argv[1:] if arguments is None else arguments)
    if odd := next((text for text in given if not _is_sendable(text)), None):
        _fail(f"{odd[:LONGEST_PART]!r} holds NUL or an unpaired surrogate, which no argument has", 2)
    if "--debug" in given:
        sys.exit(cli.main(given, prog_name="iwm-opts", standalone_mode=False))
    try:
        sys.exit(cli.main(given, prog_name="iwm-opts", standalone_mode=False))
    except ConflictError as error:
        _fail(str(error), 2)
    except IwmOptsError as error:
        _fail(str(error))
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "iwm-opts"
        _fail(f"{error.format_message()} (see {command} --help)", 2)
    except click.ClickException as error:
        _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", 130)
    except TerminatedError:
        _fail("terminated", 143)
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the interpreter flushes once more on its way out
        sys.exit(0)
    except OSError as error:
        _fail(str(DataError(error.filename or "file", error.strerror or str(error))))
    except Exception as error:  # unexpected: one line; --debug shows the traceback
        _fail(f"{type(error).__name__}: {error}; run again with --debug and report it")


def _is_sendable(text: str) -> bool:
    """Whether a system could hand over an argument: no name of a file is odder."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _hoisted(arguments: list[str]) -> list[str]:
    """Put --debug and --config FILE before the command, wherever they were typed; doctor's --config names no file."""
    front, rest = [], []
    remaining = list(arguments)
    while remaining:
        argument = remaining.pop(0)
        names_file = bool(remaining) and not remaining[0].startswith("-")
        if argument == "--debug" or argument.startswith("--config="):
            front.append(argument)
        elif argument == "--config" and (names_file or "doctor" not in rest):
            front += [argument, *remaining[:1]]
            remaining = remaining[1:]
        else:
            rest.append(argument)
    return front + rest


def _fail(message: str, code: int = 1) -> NoReturn:
    text = printable(" ".join(message.split()))
    click.echo(f"iwm-opts: error: {text if len(text) <= LONGEST else text[: LONGEST - 3] + '...'}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    run()
