"""`iwm-opts plan`: write a plan, its document with today's numbers, or today's decision."""

from pathlib import Path
from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import Number, OutputParam, ShareParam, group, option, output_options
from iwm_opts.cli.plan_data import plan_data_options
from iwm_opts.conventions import ACCOUNT, RISK_SHARE

EDGES = ("mean-reversion", "momentum", "vol-contraction")
HORIZONS = ("intraday", "swing", "multi-week")
INSTRUMENTS = ("shares", "options", "vertical", "condor")
MADE = ("edge", "horizon", "instrument", "name", "account", "risk", "macro_applies_to_condors")

plan_options = group(
    option("--plan", metavar="FILE", help="A plan written before, TOML; its lines take the place of the next seven."),
    option("--edge", type=click.Choice(EDGES), help="What is traded."),
    option("--horizon", type=click.Choice(HORIZONS), help="[default: the edge's usual one]"),
    option("--instrument", type=click.Choice(INSTRUMENTS), help="[default: the edge's usual one]"),
    option("--name", help="What the plan is called.  [default: edge and instrument]"),
    option("--account", type=Number(), default=ACCOUNT, help="Dollars."),
    option("--risk", type=ShareParam(), default=f"{RISK_SHARE:.0%}", help="Share of the account on one position."),
    option("--macro-applies-to-condors", is_flag=True, show_default=False, help="The KRE filter blocks condors too."),
    option("--save", type=OutputParam(("toml",)), help="Write the plan itself, TOML: backtest and review read it."),
    option("--check", is_flag=True, show_default=False, help="Only today's decision: take or skip, and why."),
    option("--prompt", is_flag=True, show_default=False, help="The document as a brief for a language model."),
    option("--backtest", is_flag=True, show_default=False, help="The plan over the stress periods, with a verdict."),
    option(
        "--compare-instruments",
        is_flag=True,
        show_default=False,
        help="The edge through all instruments that fit, measured on --source modelled or sim.",
    ),
)


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n  iwm-opts plan --edge mean-reversion --instrument shares --account 50000 \\\n"
    "      --risk 1% --bars IWM.csv --kre KRE.csv --iv-history RVX_History.csv \\\n"
    "      --save dips.toml --output dips.html\n"
    "  iwm-opts plan --plan dips.toml --bars IWM.csv --kre KRE.csv --check",
)
@plan_options
@plan_data_options
@output_options
def plan(**options: Any) -> None:
    """A trading plan by the strategy's rules, every number in it computed from data.

    Prints the plan's document as Markdown; --output FILE.html writes HTML. The newest session that the data can decide
    on is the day of the decision, unless --as-of names another.
    """
    from iwm_opts.cli import build
    from iwm_opts.cli.plan_data import plan_data_from

    found = _plan(options)
    data = plan_data_from(options | {"intraday": found.horizon == "intraday"}, options["as_of"])
    _needs(found, data)
    if options["save"]:
        _save(found, Path(options["save"]), options)
    build.emit(_text(found, data, options), options)


def _save(found: Any, path: Path, options: dict[str, Any]) -> None:
    """Write the plan; one that was edited there, comments and all, is not lost."""
    from iwm_opts.cli import build
    from iwm_opts.errors import InputError
    from iwm_opts.plans.plan import load_plan, write_plan

    if path.exists():
        if load_plan(path) != found:
            raise InputError("save", str(path), "holds another plan", "name another file, or move that one away")
        build.say(f"already there, unchanged: {path}", options)
        return
    build.write_output(path, write_plan(found).encode())
    build.say(f"written: {path}", options)


def _text(found: Any, data: Any, options: dict[str, Any]) -> str:
    if options["backtest"]:
        from iwm_opts.cli.plan_backtest import plan_backtest_text

        return plan_backtest_text(found, options)
    return _compared(found, data, options) if options["compare_instruments"] else _told(found, data, options)


def _plan(options: dict[str, Any]) -> Any:
    from iwm_opts.errors import InputError
    from iwm_opts.plans.plan import load_plan, make_usual_plan

    if options["plan"]:
        _refuse_both()
        return load_plan(options["plan"])
    edge = options["edge"]
    if edge is None:
        raise InputError("edge", None, "no plan and no edge is named", f"give --plan FILE or --edge {'|'.join(EDGES)}")
    return make_usual_plan(
        edge,
        options["horizon"],
        options["instrument"],
        name=options["name"],
        symbol=options["symbol"],
        account={"value": options["account"], "risk": options["risk"]},
        macro={"applies_to_condors": options["macro_applies_to_condors"]},
    )


def _refuse_both() -> None:
    from click.core import ParameterSource

    context = click.get_current_context()
    for name in MADE:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} stands in the plan file: change it there")


def _needs(found: Any, data: Any) -> None:
    """A plan within the session cannot be made without data of the session."""
    from iwm_opts.errors import InputError

    if found.horizon == "intraday" and data.inputs.minutes is None:
        raise InputError(
            "minutes", None, "an intraday plan needs intraday data", "name one-minute bars: --minutes FILE"
        )


def _age(found: Any, data: Any) -> tuple[str, ...]:
    """What to say where the newest session that the data decide on is over: nobody can trade it."""
    from datetime import datetime

    from iwm_opts.market.calendar import NEW_YORK, latest_session
    from iwm_opts.plans.decision import decision_day

    day, today = decision_day(found, data.inputs), datetime.now(NEW_YORK).date()
    if day >= latest_session(today):
        return ()
    return (f"OLD DATA: they decide on {day}, not on today, {today}; fetch newer, or name a day with --as-of",)


def _told(found: Any, data: Any, options: dict[str, Any]) -> str:
    from iwm_opts.cli.progress import progress
    from iwm_opts.journal.plan_report import plan_standing
    from iwm_opts.report.page import as_html, as_markdown
    from iwm_opts.report.plan_check import check_rows, check_table
    from iwm_opts.report.plan_document import check_record, plan_page, plan_prompt, standing_record
    from iwm_opts.report.records import as_json, rows_as_csv

    notes = data.notes if options["as_of"] else (*_age(found, data), *data.notes)
    with progress("evidence", options) as told:
        claims = not options["check"]
        standing = plan_standing(found, data.inputs, options["as_of"], notes, told, with_evidence=claims)
    if options["format"] == "json":
        record = check_record(standing) if options["check"] else standing_record(standing)
        return as_json(record | {"simulated": bool(data.label)})
    if options["format"] == "csv":
        return rows_as_csv(check_rows(standing))
    if options["check"]:
        return check_table(standing, data.label)
    page = plan_page(standing, data.label)
    if options["prompt"]:
        return plan_prompt(standing, as_markdown(page))
    return as_html(page) if str(options["output"] or "").endswith((".html", ".htm")) else as_markdown(page)


def _compared(found: Any, data: Any, options: dict[str, Any]) -> str:
    from dataclasses import replace

    from iwm_opts.backtest.metrics import Period
    from iwm_opts.backtest.simulated import SimulatedDays
    from iwm_opts.cli.plan_backtest import covered_days
    from iwm_opts.cli.plan_data import modelled_days, simulated_years
    from iwm_opts.cli.progress import progress
    from iwm_opts.market.chain import LABELS
    from iwm_opts.plans.instruments import compare_instruments
    from iwm_opts.plans.plan_backtest import Stage
    from iwm_opts.report.instruments_table import difference_rows, instrument_rows, instruments_table, notes_of
    from iwm_opts.report.records import as_json, rows_as_csv

    market, inputs, label = None, data.inputs, data.label
    if options["source"] == "modelled":
        market = modelled_days(options)
        label = data.label or LABELS["modelled"]
    elif options["source"] == "sim":
        simulated = simulated_years(options)
        minutes = inputs.minutes if options["minutes"] else None
        if found.momentum and minutes is None:
            minutes = simulated.market.minutes()  # its own: another market's would not fit its bars
        inputs = replace(simulated.inputs, minutes=minutes, events=inputs.events)
        market, label = SimulatedDays(simulated.market, simulated.first), simulated.label
    stage = Stage(Period("all", *covered_days(found, inputs, market)), inputs, market)
    with progress("instruments", options) as told:
        results = compare_instruments(found, stage, told)
    if market is not None and label == LABELS["modelled"]:
        results = [replace(one, notes=(*data.notes, *one.notes)) for one in results]
    if options["format"] == "json":
        record = {"plan": found.name, "edge": found.edge, "simulated": bool(label), "label": label}
        rows = {"instruments": instrument_rows(results), "defined_less_naked": difference_rows(results)}
        return as_json(record | rows | {"notes": notes_of(results)})
    if options["format"] == "csv":
        return rows_as_csv(instrument_rows(results))
    return instruments_table(found, stage.period, results, label)
