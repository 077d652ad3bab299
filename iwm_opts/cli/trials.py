"""From the options of the backtesting commands to trials: simulated paths, modelled history, recorded chains."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from iwm_opts.cli.backtesting import Options, is_typed
from iwm_opts.cli.plan_data import refuse_reversed


def trials_from(options: Options, rules: Sequence[Any]) -> list[Any]:
    """Trials of the market that --source names, as far out as the rules reach, with the series that --macro names."""
    found = _trials(options, max(one.entry.dte + one.entry.dte_slack for one in rules))
    if not options["macro"]:
        return found
    from iwm_opts.backtest.macro import with_macro

    return with_macro(found, options["macro"])


def _trials(options: Options, most_dte: int) -> list[Any]:
    source = options["source"]
    refuse_reversed(options)
    if source in ("yahoo", "cboe"):
        raise click.UsageError(
            f"--source {source} shows only the present: a backtest needs sim, modelled, record or a file"
        )
    from iwm_opts.cli.progress import progress

    if source in ("sim", "auto"):
        return _simulated(options)
    _refuse_simulated_alone(options)
    if source == "modelled":
        with progress("modelled history", options):
            return [_modelled(options)]
    return [_recorded(options, most_dte)]


def _simulated(options: Options) -> list[Any]:
    from iwm_opts.backtest.resolve import simulated_trials
    from iwm_opts.cli.progress import progress
    from iwm_opts.simulation.parameters import parameters_of
    from iwm_opts.simulation.scenarios import load_scenarios, scenario

    for name in ("iv_history", "bars", "session", "rate", "dividends"):
        if options[name]:
            raise click.UsageError(f"--{name.replace('_', '-')} means nothing on the simulated market: name a --source")
    own = load_scenarios(Path(options["scenario_file"])) if options["scenario_file"] else None
    if own and not options["scenario"]:
        raise click.UsageError(f"--scenario-file holds {', '.join(own)}: name some with --scenario")
    parameters = parameters_of(options["parameters"])
    with progress("simulated market", options) as told:
        return simulated_trials(
            options["first"], options["last"], options["paths"], options["seed"],
            [scenario(name, own) for name in dict.fromkeys(options["scenario"])], parameters,
            options["ivr_tenor"], options["ivr_lookback"], told,
        )  # fmt: skip


def _refuse_simulated_alone(options: Options) -> None:
    for name in ("paths", "scenario", "scenario_file"):
        if is_typed(name):
            raise click.UsageError(f"--{name.replace('_', '-')} is of the simulated market: leave it out")


def _modelled(options: Options) -> Any:
    from iwm_opts.backtest.resolve import modelled_trial
    from iwm_opts.cli.build import MODELLED
    from iwm_opts.simulation.parameters import parameters_of
    from iwm_opts.sources.modelled_files import ModelledFiles

    parameters = parameters_of(options["parameters"])
    return modelled_trial(
        ModelledFiles(**{name: options[name] for name in MODELLED}), options["symbol"], options["first"],
        options["last"], parameters, options["ivr_tenor"], options["ivr_lookback"],
    )  # fmt: skip


def _recorded(options: Options, most_dte: int) -> Any:
    from iwm_opts.backtest.resolve import recorded_trial
    from iwm_opts.cli.build import history_from
    from iwm_opts.cli.progress import progress
    from iwm_opts.io.dividends import parse_dividends

    dividends = parse_dividends(options["dividends"]) if options["dividends"] else None
    named = click.get_current_context().get_parameter_source("symbol")
    symbol = None if named is None or named.name == "DEFAULT" else options["symbol"]
    with progress("recorded chains", options) as told:
        return recorded_trial(
            options["source"], history_from(options), symbol, options["session"], options["bars"], options["first"],
            options["last"], options["rate"], dividends, options["ivr_tenor"], options["ivr_lookback"], most_dte, told,
        )  # fmt: skip
