"""The data that a plan and the claims are judged on: options, and what they name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from iwm_opts.cli.options import AS_OF, SYMBOL, group, option, slope_options

if TYPE_CHECKING:
    from iwm_opts.backtest.market import DailyMarket
    from iwm_opts.plans.checklist import Inputs

FUNDS: Final = ("SPY", "KRE", "XBI")
INDEX: Final = "RVX"
SIMULATED_YEARS: Final = 10
WARM_UP_DAYS: Final = 400  # calendar days: a rank of 252 sessions and some

checklist_options = group(
    option("--spy", metavar="FILE", help="Daily bars of SPY.  [default: the record's]"),
    option("--kre", metavar="FILE", help="Daily bars of KRE, for the macro filter.  [default: the record's]"),
    option("--xbi", metavar="FILE", help="Daily bars of XBI, shown as a lead.  [default: the record's]"),
    option("--minutes", metavar="FILE", help="One-minute bars, for the momentum edge."),
    option("--events", metavar="FILE", help="CSV of date and event: scheduled releases such as ISM and GDP."),
)
fund_options = group(
    checklist_options,
    option("--sectors", metavar="FILE", multiple=True, help="Sector weights or iShares holdings; may be repeated."),
)
plan_data_options = group(
    option(
        "--source",
        type=click.Choice(["record", "sim", "modelled"]),
        default="record",
        envvar=None,
        help="What no file is named for: the local record, or the simulated market. modelled: quotes of options around "
        "the real prices.",
    ),
    option("--bars", metavar="FILE", help="Daily bars of IWM.  [default: the record's]"),
    option("--iv-history", metavar="FILE", help="Daily closes of an IV series.  [default: the record's RVX]"),
    fund_options,
    slope_options,
    SYMBOL,
    AS_OF,
    option("--seed", type=click.IntRange(min=0), help="Of the simulated market."),
)


@dataclass(frozen=True, slots=True, eq=False)
class PlanData:
    """What the options name."""

    inputs: "Inputs"
    label: str  # of a market that nobody traded on; empty for real data
    notes: tuple[str, ...]


def plan_data_from(options: Mapping[str, Any], before: date | None = None, *, blank_bars: bool = False) -> PlanData:
    """Bars, funds, IV history, minutes, releases and sector weights, from files, the record or a simulated market.

    Parameters
    ----------
    options : mapping
        Of `plan_data_options`; `intraday` asks a simulated market for bars within the session.
    before : date, optional
        Day of the decision, for a simulated market.
    blank_bars : bool
        Let sessions without a price stand in for bars that are neither named nor recorded: what reads them is unknown.

    Raises
    ------
    InputError
        When no bars are named and none are recorded.
    DataError
        When a file cannot be read.
    """
    from iwm_opts.io.bars import load_bars, notes_of
    from iwm_opts.io.minutes import load_minutes
    from iwm_opts.io.plan_tables import load_events, load_sectors
    from iwm_opts.market.minutes import refuse_other_prices
    from iwm_opts.plans.checklist import NO_BARS, Inputs

    minutes = load_minutes(options["minutes"]) if options.get("minutes") else None
    events = load_events(options["events"]) if options.get("events") else None
    sectors = load_sectors(options["sectors"]) if options.get("sectors") else None
    if options.get("source") == "sim":
        found = _simulated(options, before)
        minutes = minutes or found.inputs.minutes
        inputs = Inputs(found.inputs.bars, found.inputs.funds, found.inputs.history, minutes, events, sectors)
        return PlanData(inputs, found.label, (*found.notes, *(minutes.skipped if minutes else ())))
    is_blank = blank_bars and _named_or_recorded(options.get("bars"), options["symbol"]) is None
    path = None if is_blank else _bars_path(options, options["symbol"], "bars")
    bars = NO_BARS if path is None else load_bars(path, options["symbol"])
    if minutes is not None and not is_blank:
        refuse_other_prices(minutes, bars)
    named = {symbol: _fund_path(options, symbol) for symbol in FUNDS}
    funds = {symbol: load_bars(path, symbol) for symbol, path in named.items() if path}
    history = _history(options)
    notes = [*notes_of(bars), *(f"{symbol}: {note}" for symbol, fund in funds.items() for note in notes_of(fund))]
    notes += [*(minutes.skipped if minutes else ()), *(history.skipped if history else ())]
    if history is not None and history.proxy:
        notes.append(history.note)
    label = _label_of(path, *named.values())
    return PlanData(Inputs(bars, funds, history, minutes, events, sectors), label, tuple(notes))


def _label_of(*paths: Path | None) -> str:
    """Label of files that `iwm-opts simulate` wrote; empty for real data."""
    from iwm_opts.io.provenance import origin_of
    from iwm_opts.market.chain import LABELS

    return LABELS["simulated"] if any(path and origin_of(path).simulated for path in paths) else ""


def files_or_simulated(options: Mapping[str, Any]) -> str:
    """Source of a backtesting command as a plan reads it: its default, the simulated market, gives way to --bars.

    Raises
    ------
    UsageError
        For a chain file or a live source: a plan reads bars.
    """
    from click.core import ParameterSource

    source = str(options["source"])
    is_default = click.get_current_context().get_parameter_source("source") is ParameterSource.DEFAULT
    if is_default and options["bars"]:
        return "record"
    if source not in ("sim", "modelled", "record"):
        raise click.UsageError(f"--source {source}: a plan reads --bars, the record, modelled quotes or sim")
    return source


def refuse_others(options: Mapping[str, Any], known: Collection[str], why: str) -> None:
    """Refuse options that were typed and mean nothing beside others.

    Raises
    ------
    UsageError
        Naming the first of them, and why.
    """
    from click.core import ParameterSource

    context = click.get_current_context()
    spelled = {one.name: one.opts[0] for one in context.command.params}
    for name in options:
        if name not in known and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{spelled.get(name, name)} means nothing here: {why}")


def refuse_reversed(options: Mapping[str, Any]) -> None:
    """Refuse a range that ends before it begins.

    Raises
    ------
    UsageError
        Naming both days.
    """
    first, last = options.get("first"), options.get("last")
    if first and last and first > last:
        raise click.UsageError(f"--from {first} lies after --to {last}")


def _bars_path(options: Mapping[str, Any], symbol: str, name: str) -> Path:
    from iwm_opts.errors import InputError

    found = _named_or_recorded(options.get(name), symbol)
    if found is None:
        raise InputError(
            name, None, f"no daily bars of {symbol} were named, and none are recorded",
            f"give --{name} FILE, run iwm-opts fetch, or try --source sim",
        )  # fmt: skip
    return found


def _fund_path(options: Mapping[str, Any], symbol: str) -> Path | None:
    return _named_or_recorded(options.get(symbol.lower()), symbol)


def _named_or_recorded(given: str | None, symbol: str) -> Path | None:
    if given:
        return Path(given)
    from iwm_opts.io.archive import open_record
    from iwm_opts.io.archive_series import series_path

    path = series_path(open_record(), "bars", symbol)
    return path if path.exists() else None


def _history(options: Mapping[str, Any]) -> Any:
    from iwm_opts.io.archive import open_record
    from iwm_opts.io.archive_series import recorded_index
    from iwm_opts.io.iv_history import load_iv_history

    if options["iv_history"]:
        return load_iv_history(options["iv_history"], options["symbol"])
    return recorded_index(open_record(), INDEX, options["symbol"], 10)


def _simulated(options: Mapping[str, Any], before: date | None) -> PlanData:
    from iwm_opts.market.chain import LABELS
    from iwm_opts.plans.checklist import Inputs
    from iwm_opts.sources.simulated import DEFAULT_SEED, default_market

    seed = DEFAULT_SEED if options.get("seed") is None else options["seed"]
    market = default_market(seed, before)
    funds = {symbol: market.bars(symbol) for symbol in market.parameters.companions}
    label = f"{LABELS['simulated']} ({market.name})"
    minutes = market.minutes() if options.get("intraday") else None
    return PlanData(Inputs(market.bars(), funds, market.iv_history(), minutes), label, ())


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedYears:
    """Some simulated years with a year before them that warms ranks and means up."""

    market: Any
    inputs: "Inputs"
    first: date
    label: str


def simulated_years(options: Mapping[str, Any]) -> SimulatedYears:
    """Ten simulated years up to --as-of or the latest session."""
    from datetime import datetime, timedelta

    from iwm_opts.market.calendar import NEW_YORK, latest_session
    from iwm_opts.market.chain import LABELS
    from iwm_opts.plans.checklist import Inputs
    from iwm_opts.sources.simulated import DEFAULT_SEED, simulate_market

    last = latest_session(options["as_of"] or datetime.now(NEW_YORK).date())
    first = last - timedelta(days=365 * SIMULATED_YEARS)
    seed = DEFAULT_SEED if options.get("seed") is None else options["seed"]
    market = simulate_market(first - timedelta(days=WARM_UP_DAYS), last, seed)
    funds = {symbol: market.bars(symbol) for symbol in market.parameters.companions}
    label = f"{LABELS['simulated']} ({market.name})"
    return SimulatedYears(market, Inputs(market.bars(), funds, market.iv_history()), first, label)


def modelled_days(options: Mapping[str, Any]) -> "DailyMarket":
    """Quotes of options around the real prices, over all days that bars and IV history share.

    Of files that are not named, the record's are taken.

    Raises
    ------
    InputError
        When bars or IV history are missing.
    """
    from iwm_opts.backtest.simulated import SimulatedDays
    from iwm_opts.io.archive import open_record
    from iwm_opts.io.archive_series import series_path
    from iwm_opts.sources.modelled_files import ModelledFiles, open_modelled

    names = ("bars", "iv_history", "slope_history", "slope_base", "yields", "rate", "dividends")
    named = {name: options.get(name) for name in names}
    named["bars"] = str(_bars_path(options, options["symbol"], "bars"))
    if not named["iv_history"]:
        recorded = series_path(open_record(), "indices", INDEX)
        named["iv_history"] = str(recorded) if recorded.exists() else None
    market = open_modelled(ModelledFiles(**named), options["symbol"])
    return SimulatedDays(market, market.days[0], "; ".join(market.notes))
