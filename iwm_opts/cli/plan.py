"""`iwm-opts plan`: write a plan, its document with today's numbers, or today's decision."""

from pathlib import Path

import click

from iwm_opts import api, conventions
from iwm_opts.cli.command import SKIP, ChoiceParam, NumericalCommand
from iwm_opts.cli.options import DIVIDENDS, EdgeParam, Number, OutputParam, ShareParam, group, option, output_options
from iwm_opts.cli.output import STDOUT, emit, say, write_file, write_result
from iwm_opts.cli.plan_backtest import plan_backtest
from iwm_opts.cli.plan_data import plan_data_options, plan_data_request
from iwm_opts.cli.progress import answered, progress
from iwm_opts.cli.values import Values, build, takes_values, with_options
from iwm_opts.conventions import ACCOUNT, RISK_SHARE
from iwm_opts.errors import InputError

EDGES = tuple(sorted(conventions.EDGES))
HORIZONS = ("intraday", "swing", "multi-week")
INSTRUMENTS = ("shares", "options", "vertical", "condor")
MADE = ("edge", "horizon", "instrument", "name", "account", "risk", "macro_applies_to_condors")

plan_options = group(
    option("--plan", metavar="FILE", help="A plan written before, TOML, in place of options that make one."),
    option("--edge", type=EdgeParam(EDGES), help="Edge to trade: one of these, or of an installed package."),
    option("--horizon", type=ChoiceParam(HORIZONS), help="[default: the edge's usual one]"),
    option("--instrument", type=ChoiceParam(INSTRUMENTS), help="[default: the edge's usual one]"),
    option("--name", help="Name of the plan.  [default: edge and instrument]"),
    option("--account", type=Number(), default=ACCOUNT, help="Dollars."),
    option("--risk", type=ShareParam(), default=f"{RISK_SHARE:.0%}", help="Share of the account on one position."),
    option("--macro-applies-to-condors", is_flag=True, show_default=False, help="The KRE filter blocks condors too."),
    option(
        "--save",
        type=OutputParam(("toml",), is_text=True),
        help="Write the plan itself, TOML: backtest and review read it.",
    ),
    option("--check", is_flag=True, show_default=False, help="Only today's decision: take or skip, and why."),
    option(
        "--exit-code",
        is_flag=True,
        show_default=False,
        help="With --check: exit 0 to take, 3 to skip or at size 0 (known with --chain).",
    ),
    option(
        "--chain",
        metavar="PATH|yahoo|cboe|archive",
        help="Chain whose package is sized and ordered: strikes, credit, exits in dollars.  [default: the "
        "archive's of the day; sim: the simulated one]",
    ),
    DIVIDENDS,
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
    first=("plan", "edge", "instrument", "account", "risk", "bars", "save", "check", "backtest", "output"),
    epilog="\b\nExample:\n  iwm-opts plan --edge mean-reversion --instrument shares --account 50000 \\\n"
    "      --risk 1% --bars IWM.csv --kre KRE.csv --iv-history RVX_History.csv \\\n"
    "      --save dips.toml --output dips.html\n"
    "  iwm-opts plan --plan dips.toml --bars IWM.csv --kre KRE.csv --check",
)
@plan_options
@plan_data_options
@output_options
@takes_values
def plan(values: Values) -> None:
    """Trading plan by the strategy's rules, every number in it computed from data.

    Prints the plan's document as Markdown; --output FILE.html writes HTML. The newest session that the data can decide
    on is the day of the decision, unless --as-of names another.
    """
    if values["exit_code"] and not values["check"]:
        raise click.UsageError("--exit-code needs --check")
    chosen = _plan(values)
    request = plan_data_request(values, intraday=chosen.horizon == "intraday")
    data = api.open_plan_data(request, request.day)
    if chosen.horizon == "intraday" and data.inputs.minutes is None:  # before anything is written
        remedy = "name one-minute bars: --minutes FILE"
        raise InputError("minutes", None, "an intraday plan needs intraday data", remedy)
    save = values.path("save")
    if save:
        _save(chosen, save, values)
    if values["backtest"]:
        write_result(plan_backtest(chosen, values), values)
    elif values["compare_instruments"]:
        with progress("instruments", values) as on_progress:
            result = api.answer_instruments(chosen, data, request, on_progress)
        write_result(result, values)
    else:
        chain, stages = _chain(chosen, values), None if values["check"] else plan_data_request(values)
        about = {"plan": chosen, "data": data, "on": request.day, "chain": chain, "stages": stages}
        report = answered("evidence", api.answer_plan, build(api.PlanRequest, values, **about), values)
        if values["prompt"]:
            emit(with_options(report.to_prompt(), values.command), values)
        else:
            write_result(report, values)
        if values["exit_code"] and not report.enters:
            raise click.exceptions.Exit(SKIP)


def _chain(chosen: "api.Plan", values: Values) -> "api.ChainRequest | None":
    """Chain of --chain, else of the source of the plan's data on the day; None where the archive holds none."""
    if chosen.package is None:
        return None
    day, source = values.day("as_of"), values.text("chain") or values.text("source")
    is_default = not values["chain"] and source in ("archive", "record")
    if is_default and (day is None or not api.open_record().captures(chosen.symbol, day)):
        return None
    history, modelled = build(api.HistoryRequest, values), build(api.ModelledInputs, values)
    return build(api.ChainRequest, values, source=source, symbol=chosen.symbol, history=history, modelled=modelled)


def _save(chosen: "api.Plan", path: Path, values: Values) -> None:
    """Write the plan; one that was edited there, comments and all, is not lost."""
    if str(path) == STDOUT:
        click.echo(api.write_plan(chosen), nl=False)
        return
    if path.exists():
        if api.load_plan(path) != chosen:
            raise InputError("save", str(path), "holds another plan", "name another file, or move that one away")
        say(f"already there, unchanged: {path}", values)
        return
    write_file(path, api.write_plan(chosen).encode(), values)


def _plan(values: Values) -> "api.Plan":
    if values["plan"]:
        values.check_not_typed(MADE, "is set by the plan file: change it there")
        return api.load_plan(values.text("plan"))
    if values["edge"] is None:
        raise InputError("edge", None, "no plan and no edge is named", f"give --plan FILE or --edge {'|'.join(EDGES)}")
    return api.make_usual_plan(
        values.text("edge"),
        values.text("horizon") or None,
        values.text("instrument") or None,
        name=values["name"],
        symbol=values["symbol"],
        account={"value": values["account"], "risk": values["risk"]},
        macro={"applies_to_condors": values["macro_applies_to_condors"]},
    )
