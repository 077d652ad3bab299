"""`iwm-opts facts`: how the simulated market stands beside a real one."""

from datetime import date
from pathlib import Path
from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import DateParam, OutputParam, option, output_options
from iwm_opts.conventions import PICTURE_KINDS

FILES = ("bars", "iv_history", "short_index", "middle_index", "long_index")
FIRST, LAST = date(2009, 9, 16), date(2025, 6, 4)  # where RVX's published history begins and ends
HISTORIES = 2000


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n  iwm-opts facts\n"
    "  iwm-opts facts --bars IWM.csv --iv-history RVX_History.csv \\\n"
    "      --short-index VIX9D_History.csv --middle-index VIX_History.csv \\\n"
    "      --long-index VIX3M_History.csv --plot facts.png",
)
@option("--bars", metavar="FILE", help="Daily bars of the underlying.")
@option("--iv-history", metavar="FILE", help="Daily closes of its 30-day volatility index: Cboe RVX.")
@option("--short-index", metavar="FILE", help="Index that stands in for 9 days: Cboe VIX9D.")
@option("--middle-index", metavar="FILE", help="For 30 days, under the slopes: Cboe VIX.")
@option("--long-index", metavar="FILE", help="For three months: Cboe VIX3M.")
@option("--first", type=DateParam(), default=FIRST.isoformat(), help="First day of the whole, or of a calibration.")
@option("--last", type=DateParam(), default=LAST.isoformat(), help="Last day of it.")
@option("--histories", type=click.IntRange(min=400), default=HISTORIES, help="Simulated for each window.")
@option(
    "--parameters",
    metavar="FILE",
    help="Parameter file (TOML), or to-2019: fitted up to 2019 alone.  [default: the shipped calibration]",
)
@option("--chain", metavar="FILE", help="Real chain whose smiles stand beside the model's.")
@option("--session", help="Capture of the chain's day, by label or HH:MM.  [default: the latest in session]")
@option("--as-of", type=DateParam(), help="Day of the chain.  [default: the file's last]")
@option("--plot", type=OutputParam(PICTURE_KINDS), help="Real against simulated as a picture: PNG, SVG or PDF.")
@option("--calibrate", type=OutputParam(("toml",)), help="Fit to the files and write this parameter file.")
@output_options
def facts(**options: Any) -> None:
    """The simulated market beside a real one: each fact, all of them together, and what follows a low IV rank.

    Without files, the record that the parameter file carries of its own calibration, and what the same model, fitted to
    the years up to 2019 alone, made of the later ones. With --calibrate, parameters are sought that fit the files from
    --first to --last; that takes up to half an hour.
    """
    from iwm_opts.cli import build

    given = [name for name in FILES if options[name]]
    if given and len(given) < len(FILES):
        missing = next(name for name in FILES if not options[name])
        raise click.UsageError(f"--{given[0].replace('_', '-')} needs --{missing.replace('_', '-')} beside it")
    for name in ("chain", "plot", "calibrate"):
        if options[name] and not given:
            raise click.UsageError(f"--{name} needs --bars and the four indices beside it")
    if options["first"] >= options["last"]:
        raise click.UsageError(f"--first {options['first']} must come before --last {options['last']}")
    if options["calibrate"]:
        _calibrate(options)
    else:
        build.emit(_compared(options) if given else _recorded(options), options)


def _files(options: dict[str, Any]) -> Any:
    from iwm_opts.research.history import HistoryFiles

    return HistoryFiles(*(Path(options[name]) for name in FILES))


def _recorded(options: dict[str, Any]) -> str:
    from iwm_opts.report.facts_table import provenance_csv, provenance_table
    from iwm_opts.report.records import as_json
    from iwm_opts.simulation.parameters import control_parameters, parameters_of

    provenance = parameters_of(options["parameters"]).provenance
    control = None if options["parameters"] else control_parameters().provenance
    if options["format"] == "json":
        return as_json({"simulated": True, "provenance": provenance, "control": control})
    return provenance_csv(provenance) if options["format"] == "csv" else provenance_table(provenance, control)


def _compared(options: dict[str, Any]) -> str:
    from iwm_opts.cli import build
    from iwm_opts.cli.progress import progress
    from iwm_opts.report.facts_table import acceptance_csv, acceptance_record, acceptance_table
    from iwm_opts.report.records import as_json
    from iwm_opts.research.acceptance import accept
    from iwm_opts.simulation.parameters import parameters_of

    parameters = parameters_of(options["parameters"])
    smiles = _smiles(options, parameters)
    with progress("histories", options) as told:
        span = (options["first"].isoformat(), options["last"].isoformat())
        found = accept(parameters, _files(options), *span, options["histories"], told)
    if options["plot"]:
        from iwm_opts.report.facts_picture import facts_picture

        path = Path(options["plot"])
        build.write_output(path, facts_picture(found, smiles, path.suffix))
        build.say(f"written: {path}", options)
    if options["format"] == "json":
        return as_json(acceptance_record(found, smiles))
    return acceptance_csv(found) if options["format"] == "csv" else acceptance_table(found, smiles)


def _smiles(options: dict[str, Any], parameters: Any) -> Any:
    if not options["chain"]:
        return None
    from iwm_opts.io.files import load_chain
    from iwm_opts.market.snapshot import take_snapshot
    from iwm_opts.report.facts_table import ChainSmiles
    from iwm_opts.research.smile_comparison import smiles_beside

    symbol = parameters.setting.symbol
    chain = load_chain(Path(options["chain"]), symbol=symbol, as_of=options["as_of"], session=options["session"])
    return ChainSmiles(chain, smiles_beside(parameters.smile, take_snapshot(chain)))


def _calibrate(options: dict[str, Any]) -> None:
    from iwm_opts.cli import build
    from iwm_opts.cli.progress import progress
    from iwm_opts.research.acceptance import judge_windows, target_from
    from iwm_opts.research.calibration import calibrate
    from iwm_opts.research.calibration_provenance import to_toml, with_provenance
    from iwm_opts.simulation.parameters import parameters_of

    first, last, files = options["first"].isoformat(), options["last"].isoformat(), _files(options)
    target = target_from(files, first, last)
    with progress("calibrating", options) as told:
        found = calibrate(parameters_of(options["parameters"]), target, report=told)
    judged = judge_windows(found, files, {"fitted to": (first, last)})
    sources = ", ".join(Path(options[name]).name for name in FILES)
    text = to_toml(with_provenance(found, (first, last), judged, sources))
    build.write_output(Path(options["calibrate"]), text.encode())
    build.say(f"written: {options['calibrate']}; look at it with: iwm-opts facts --parameters", options)
