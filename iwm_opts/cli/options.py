"""Options that several commands share: each spelled once, meaning one thing, with its environment variable."""

import errno
import math
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

import click

from iwm_opts import api
from iwm_opts.cli.command import ChoiceParam
from iwm_opts.cli.output import STDOUT, is_folder
from iwm_opts.conventions import (
    ACCOUNT,
    FEE_SCHEDULE,
    FILL_MODEL,
    IVR_LOOKBACK,
    IVR_TENOR_DAYS,
    MIN_OPEN_INTEREST,
    OUTPUT_KINDS,
    PICTURE_KINDS,
    REALISED_IMPLIED_VARIANCE,
    RISK_SHARE,
    STRATEGY,
    VARIANCE_RATIOS,
    YEARS,
)
from iwm_opts.documents import CONTROL
from iwm_opts.io.fraction import as_decimal, parse_share

Command = TypeVar("Command", bound=Callable[..., object])
OFF = ("none", "off")
MOST_SHOWN: Final = 200  # characters of a name in a message
UNENCODABLE: Final = "NUL or an unpaired surrogate in its name"
MOST: Final = 10_000_000
SIZES: Final = 1e-9, 1e12  # of a number that is not 0: none of a market is smaller or larger, and products overflow
MOST_SEED: Final = 2**63 - 1  # a column of tables holds it


class DateParam(click.ParamType[date]):
    """A day written YYYY-MM-DD, from 1970 to 20 years ahead as those of files."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date; write YYYY-MM-DD", param, ctx)
        if day.year not in YEARS:
            self.fail(f"{value!r} is no day from {YEARS[0]} to {YEARS[-1]}", param, ctx)
        return day


class Count(click.IntRange):
    """A whole number; a million million of anything is a slip, so `MOST` unless another limit is given."""

    def __init__(self, min: int, max: int = MOST) -> None:
        super().__init__(min, max)

    def _describe_range(self) -> str:
        return f"x>={self.min}" if self.max in (MOST, MOST_SEED) else super()._describe_range()


SEED: Final = Count(0, MOST_SEED)


class RangeParam(click.ParamType[tuple[float, float]]):
    """Two numbers LOW:HIGH, or one for both."""

    name = "range"

    def __init__(self, number: type[int] | type[float]) -> None:
        self.number = number

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        low, _, high = str(value).partition(":")
        try:
            bounds = self.number(as_decimal(low)), self.number(as_decimal(high or low))
        except ValueError:
            self.fail(f"{value!r} is not LOW:HIGH", param, ctx)
        if not 0 <= bounds[0] <= bounds[1] <= MOST:
            self.fail(f"{value!r} must satisfy 0 <= low <= high <= {MOST:,}", param, ctx)
        return bounds


class Number(click.FloatRange):
    """A finite number, within bounds if any."""

    name = "number"

    def _describe_range(self) -> str:
        return "" if self.min is None and self.max is None else super()._describe_range()

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))  # type: ignore[arg-type]  # text, or a default
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        if number and not SIZES[0] <= abs(number) <= SIZES[1]:
            self.fail(f"{value!r} must be 0, or from {SIZES[0]:g} to {SIZES[1]:g} without its sign", param, ctx)
        return number


class WidthParam(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs alone
    """Width between the strikes of a side: 5 (dollars), 2% (of spot) or 0.6sd; relative ones stay text."""

    name = "5|2%|0.6sd"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        if isinstance(value, str) and api.WIDTH.fullmatch(value.lower()) is None:
            self.fail(f"{value!r} is not a width such as 5, 2% or 0.6sd", param, ctx)
        wing = api.Wing.parse(value)  # type: ignore[arg-type]  # a number, or text that matches
        return wing.width if wing.width is not None and not wing.is_relative else f"{wing.width:g}{wing.unit}"


class FractionParam(Number):
    """A finite number that may be written as a percentage: 50% is 0.5."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        return super().convert(as_decimal(value) if isinstance(value, str) else value, param, ctx)


class OffOrNumber(FractionParam):
    """Number, or `off` for a rule that is switched off: NaN."""

    name = "number|off"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        off = isinstance(value, float) and math.isnan(value)
        return math.nan if off or str(value).lower() in OFF else super().convert(value, param, ctx)


class RankOrOff(Number):
    """IV rank, or `off` for no rule: None."""

    name = "rank|off"

    def __init__(self) -> None:
        super().__init__(0, 100)

    def convert(  # type: ignore[override]
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        return None if str(value).lower() in OFF else super().convert(value, param, ctx)


class CountOrOff(Count):
    """Whole number, or `off` for no rule: None."""

    name = "count|off"

    def convert(  # type: ignore[override]
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        if str(value).lower() in OFF:
            return None
        return super().convert(value, param, ctx)  # type: ignore[arg-type]


class EdgeParam(ChoiceParam):
    """An edge of this package, or one that another package registers."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            from iwm_opts.plans.edges import EDGE_TYPES

            self.choices = (*self.choices, *sorted(set(EDGE_TYPES) - set(self.choices)))
        return super().convert(value, param, ctx)


class InputParam(click.Path):
    """A file or folder to be read, of any name that file systems take; a variable separates several as PATH does."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(super().convert(str(value), param, ctx))
        except ValueError:
            self.fail(f"{str(value)[:MOST_SHOWN]!r}: has {UNENCODABLE}", param, ctx)


class OutputParam(click.Path):
    """A file to be written: its folder must be there and writable before anything is computed.

    Parameters
    ----------
    kinds : tuple of str
        Suffixes allowed; any unless given.
    bare : bool
        Allow a name without a suffix.
    is_text : bool
        Allow `-`, standard output.
    """

    def __init__(self, kinds: tuple[str, ...] = (), *, bare: bool = False, is_text: bool = False) -> None:
        super().__init__(dir_okay=False, writable=True)
        self.kinds, self.bare, self.is_text = kinds, bare, is_text

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        path = Path(str(value))
        if str(path) == STDOUT:
            if not self.is_text:
                self.fail("'-': standard output takes text alone, name a file", param, ctx)
            return STDOUT
        if fault := _fault_of_name(value):
            self.fail(fault, param, ctx)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            self.fail(f"{str(path)!r}: its folder is not there or not writable", param, ctx)
        is_bare = self.bare and not path.suffix
        if self.kinds and not is_bare and path.suffix.removeprefix(".").lower() not in self.kinds:
            self.fail(f"{str(path)!r} must end in .{', .'.join(self.kinds)}", param, ctx)
        return str(super().convert(str(value), param, ctx))


def _fault_of_name(value: object) -> str:
    """Why nothing can be written under a name, with its beginning; empty where it can."""
    text = str(value)
    shown, fault = repr(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."), ""
    try:
        os.lstat(text)
    except ValueError:
        fault = f"has {UNENCODABLE}"
    except OSError as error:
        fault = "has too long a name" if error.errno == errno.ENAMETOOLONG else ""
    if CONTROL.search(text):
        fault = "has control characters in its name"
    elif not fault and os.path.islink(os.path.realpath(text)):
        fault = "is a loop of symbolic links"
    return f"{shown}: {fault}" if fault else ""


class FolderParam(click.Path):
    """A folder to be written."""

    def __init__(self) -> None:
        super().__init__(file_okay=False)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if fault := _fault_of_name(value):
            self.fail(fault, param, ctx)
        return str(super().convert(str(value), param, ctx))


class ResultParam(OutputParam):
    """A folder that keeps a result, or a file of its page: told apart by `is_folder`."""

    def __init__(self) -> None:
        super().__init__(OUTPUT_KINDS)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if fault := _fault_of_name(text):
            self.fail(fault, param, ctx)
        if is_folder(text) or text == STDOUT:
            return text
        if Path(text).suffix.removeprefix(".").lower() not in OUTPUT_KINDS:
            kinds = ", .".join(OUTPUT_KINDS)
            self.fail(f"{text!r}: a file must end in .{kinds}, a folder in /", param, ctx)
        return super().convert(text, param, ctx)


class ShareParam(click.ParamType[float]):
    """A share written 1% or 0.01."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        return parse_share(str(value), param.name or "share" if param else "share")


def measured_fill(_ctx: click.Context, _parameter: click.Parameter, fill: str | None) -> str | None:
    """Fill convention; `mine` gives way to the offsets of the own fills that the archive keeps."""
    if fill is None or fill.strip().lower() != "mine":
        return fill
    return str(api.as_fill(fill))


class HeadedOption(click.Option):
    """An option that help shows under a heading."""

    heading = ""


def option(*names: str, **attributes: object) -> Callable[[Command], Command]:
    """Click option that also reads IWM_OPTS_<NAME> and shows its default."""
    long_name = next(name for name in names if name.startswith("--")).partition("/")[0]
    attributes.setdefault("envvar", "IWM_OPTS_" + long_name.removeprefix("--").replace("-", "_").upper())
    attributes.setdefault("show_default", True)
    return click.option(*names, cls=HeadedOption, **attributes)


def group(*options: Callable[[Command], Command], heading: str = "") -> Callable[[Command], Command]:
    """Several options as one decorator, listed in this order; help shows them under the heading."""

    def decorate(command: Command) -> Command:
        before = len(getattr(command, "__click_params__", ()))
        for add in reversed(options):
            command = add(command)
        for parameter in getattr(command, "__click_params__", ())[before:]:
            if isinstance(parameter, HeadedOption):
                parameter.heading = parameter.heading or heading
        return command

    return decorate


SOURCE = option(
    "--source",
    type=InputParam(),
    multiple=True,
    default=("auto",),
    metavar="PATH|auto|yahoo|cboe|archive|sim|modelled",
    help="Chain file (CSV, Parquet or JSON, gzip too), a folder or a glob of them, may repeat; a live source, the "
    "local archive (record: the same), the simulated market, or real prices under modelled quotes; auto: Yahoo, else "
    "Cboe, else simulated and labelled so.",
)
CLUSTER = option(
    "--cluster",
    metavar="local|tcp://HOST:PORT|FILE",
    help="Dask cluster: one process a core, or that of a scheduler or its file.  [default: threads of this process]",
)
SYMBOL = option("--symbol", default="IWM", help="Underlying.")
AS_OF = option("--as-of", type=DateParam(), help="Day of the decision.  [default: the file's last]")
SESSION = option(
    "--session", help="Capture of the day, by label or HH:MM.  [default: the latest while the market is open]"
)

slope_options = group(
    option("--slope-history", metavar="FILE", help="9-day index, such as VIX9D, for its ratio to --slope-base."),
    option("--slope-base", metavar="FILE", help="30-day index, such as VIX.  [default: a fixed ratio]"),
    option("--yields", metavar="FILE", help="Treasury yields by day, for --source modelled.  [default: --rate]"),
)
modelled_options = group(
    option("--bars", metavar="FILE", help="Daily bars of IWM, for --source modelled (with --iv-history)."),
    slope_options,
    heading="Modelled quotes",
)
INSTRUMENTS: Final = ("condor", "bull-put", "bear-call", "bull-call", "bear-put", "long-call", "long-put")
INSTRUMENT = option("--instrument", type=ChoiceParam(INSTRUMENTS), help="[default: the plan's, else condor]")
DIVIDENDS = option("--dividends", metavar="FILE|LIST", help="CSV of ex-dates and amounts, EX-DATE:AMOUNT,... or none.")
market_options = group(
    SOURCE,
    SYMBOL,
    AS_OF,
    SESSION,
    option("--spot", type=Number(), help="Underlying price, where the file has none."),
    option("--seed", type=SEED, help="Of the simulated market."),
    option("--rate", type=FractionParam(), help="Interest rate: 0.04 or 4%.  [default: implied by the chain]"),
    DIVIDENDS,
    option(
        "--exercise",
        "--settlement",
        type=ChoiceParam(["american", "european"]),
        help="American options deliver shares, European ones cash.  [default: by the root's rule]",
    ),
    option(
        "--engine",
        type=ChoiceParam(["numba", "vollib"]),
        default="numba",
        help="vollib: the slow reference, European.",
    ),
    modelled_options,
    heading="Market",
)
IV_HISTORY = option(
    "--iv-history", metavar="FILE", help="Daily closes of an IV series: Cboe RVX or VIX CSV, or any date and close."
)
history_options = group(
    IV_HISTORY,
    option(
        "--ivr-tenor",
        type=Count(min=1),
        default=IVR_TENOR_DAYS,
        help="Days of the IV that is ranked, where the file has several.",
    ),
    option("--ivr-lookback", type=Count(min=2), default=IVR_LOOKBACK, help="Sessions to rank within."),
    heading="IV history and gate",
)
FEES_TEXT = "Broker preset, zero, custom:0.65, or commission=0.65,exchange=0.02."
FILLS_TEXT = "fraction:X, mid, natural, orats, effective:WORD, stress:K, or mine: as measured by review --keep-fills."
FILL = option("--fill", default=FILL_MODEL, callback=measured_fill, help=FILLS_TEXT)
STOP_FILL = option("--stop-fill", default=STRATEGY.stop_fill, callback=measured_fill, help="Fill of a stop or touch.")
FEES = option("--fees", default=FEE_SCHEDULE, help=FEES_TEXT)
cost_options = group(FILL, FEES, heading="Fills and fees")
wing_options = group(
    option("--put-width", type=WidthParam(), help="Width of the put side alone."),
    option("--call-width", type=WidthParam(), help="Width of the call side alone."),
    option("--wing-delta", type=FractionParam(), help="|delta| of the long strikes, in place of a width."),
)
measure_options = group(
    option(
        "--variance-ratio",
        type=FractionParam(*VARIANCE_RATIOS),
        default=REALISED_IMPLIED_VARIANCE,
        help="Realised over implied variance behind expected_profit; 1 is the smile itself.",
    ),
    heading="Expected profit",
)
selection_options = group(
    option(
        "--dte",
        type=RangeParam(int),
        default=f"{STRATEGY.dte[0]}:{STRATEGY.dte[1]}",
        help="Calendar days to expiration.",
    ),
    option("--min-credit", type=Number(min=0), default=0.0, help="Dollars a share, at the chosen fill."),
    option("--min-credit-width", type=ShareParam(), default=None, help="Credit over width, such as 0.2."),
    option("--min-open-interest", type=Number(min=0), default=MIN_OPEN_INTEREST, help="Contracts, every leg."),
    option(
        "--sort",
        default="ev-managed",
        help="ev-managed (expected profit under the exits over max loss), ev-per-risk (held to expiry), "
        "expected-profit, pop, return-on-risk, prob-touch, max-loss, credit, slippage or theta.",
    ),
    option("--top", type=Count(min=1), default=5, help="Candidates kept."),
    heading="Candidates",
)
account_options = group(
    option("--account", type=Number(), default=ACCOUNT, help="Dollars."),
    option(
        "--risk", type=ShareParam(), default=f"{RISK_SHARE:.0%}", help="Share of the account at risk on one position."
    ),
    option("--open-risk", type=Number(), default=0.0, help="Dollars at risk in positions already on."),
    option("--max-open-risk", type=ShareParam(), default="6%", help="Share of the account, all positions together."),
    option("--buying-power", type=Number(min=0), help="Dollars available.  [default: no cap]"),
    option("--max-contracts", type=Count(min=0), help="[default: no cap]"),
    option("--liquidity-share", type=ShareParam(), default="10%", help="Of the thinnest leg's open interest."),
    option(
        "--kelly",
        type=FractionParam(0, 1, min_open=True),
        help="Fraction of full Kelly that caps the stake, such as 0.25.  [default: no cap]",
    ),
    heading="Account and size",
)
FORMAT = option("--format", type=ChoiceParam(["table", "json", "csv"]), default="table")
OUTPUT = option(
    "--output",
    type=OutputParam(OUTPUT_KINDS, bare=True, is_text=True),
    help="File to write instead of standard output; the suffix decides: .html, .csv, .json, .md, .txt, .parquet.",
)
RESULT_OUTPUT = option(
    "--output",
    type=ResultParam(),
    help="Folder to save the result in; or a file of its page or rows: .html, .csv, .json, .md, .txt, .parquet.",
)
QUIET_HELP = "Print nothing but errors and what a typed --format or --output - asks for."
QUIET = option("-q", "--quiet", is_flag=True, show_default=False, help=QUIET_HELP)
output_options = group(
    FORMAT,
    OUTPUT,
    option("-v", "--verbose", is_flag=True, show_default=False, help="Every candidate leg by leg, every note."),
    QUIET,
    heading="Output",
)
PROFIT = option(
    "--profit",
    type=OffOrNumber(min=0),
    help=f"Close when this share of the credit is gained.  [default: {STRATEGY.profit:g}]",
)
STOP = option(
    "--stop",
    type=OffOrNumber(min=0),
    help=f"Close when this many times the credit is lost.  [default: {STRATEGY.stop:g}; "
    f"{STRATEGY.debit_stop:g} of a debit]",
)
EXIT_DTE = option(
    "--exit-dte", type=OffOrNumber(min=0), help=f"Close at so many days to expiration.  [default: {STRATEGY.exit_dte}]"
)
exit_level_options = group(PROFIT, STOP, EXIT_DTE, heading="Exits")
PLAN = option(
    "--plan", metavar="FILE", help="Plan whose package, costs, account, gate and exits hold where none is typed."
)
_after_selection = group(
    market_options, history_options, cost_options, exit_level_options, measure_options, account_options, output_options
)
picked_screen_options = group(selection_options, _after_selection)  # of commands that take one candidate of a screen
screen_options = group(
    selection_options,
    option("--plot", type=OutputParam(PICTURE_KINDS), help="Payoff picture of the best candidate: PNG, SVG or PDF."),
    _after_selection,
)


def gate_option(default: float | None) -> Callable[[Command], Command]:
    """`--ivr-below` and `--no-gate`; a default of None trades at any rank."""
    unless = "" if default is not None else "  [default: no gate]"
    return group(
        option(
            "--ivr-below", type=RankOrOff(), default=default, help=f"Trade only while the IV rank is below.{unless}"
        ),
        option("--no-gate", is_flag=True, show_default=False, help="Trade at any IV rank."),
        heading="IV history and gate",
    )
