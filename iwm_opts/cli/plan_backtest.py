"""A plan put to the test: what `backtest --plan`, `plan --backtest` and `evidence --plan` run."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from iwm_opts.backtest.market import DailyMarket
    from iwm_opts.backtest.trial import Trial
    from iwm_opts.cli.plan_data import PlanData
    from iwm_opts.plans.checklist import Inputs
    from iwm_opts.plans.plan import Plan
    from iwm_opts.plans.plan_backtest import Stage

SCENARIOS: Final = ("q4-2018", "march-2020", "year-2022")  # of the simulated market, for the stress periods
BESIDE_PLAN: Final = frozenset(
    {
        *("plan", "source", "first", "last", "seed", "symbol", "format", "output", "verbose", "quiet"),
        *("bars", "iv_history", "slope_history", "slope_base", "yields", "rate", "dividends"),
        *("spy", "kre", "xbi", "minutes", "events", "sectors"),
    }
)
RANGE_NAME: Final = "whole range"
GIVEN_NAME: Final = "given range"  # by --from or --to


def backtest_of_plan(options: Mapping[str, Any]) -> str:
    """What `backtest --plan` prints: the plan over the stress periods and the days from --from to --to.

    Without a file it is the usual plan of --edge.

    Raises
    ------
    UsageError
        When an option is given whose place the plan takes.
    """
    plan, known = _named_plan(options)
    return plan_backtest_text(plan, known, options["first"], options["last"])


def evidence_of_plan(options: Mapping[str, Any]) -> str:
    """What `evidence --plan` prints: what each rule of the plan is worth; otherwise as `backtest_of_plan`."""
    from iwm_opts.cli.plan_data import plan_data_from
    from iwm_opts.cli.progress import progress
    from iwm_opts.plans.plan_evidence import plan_evidence
    from iwm_opts.report.plan_evidence_table import plan_evidence_record, plan_evidence_table
    from iwm_opts.report.records import as_json, rows_as_csv

    plan, known = _named_plan(options)
    known["intraday"] = plan.horizon == "intraday"
    notes: tuple[str, ...] = ()
    first, last = options["first"], options["last"]
    if known["source"] == "sim":
        (stage,), label = _simulated_range(known, first, last)
    else:
        data = plan_data_from(known)
        notes = data.notes
        _, (stage,), label = _real(plan, data, known, first, last)
    with progress("evidence", known):
        found = plan_evidence(plan, stage)
    found = replace(found, notes=tuple(dict.fromkeys((*notes, *found.notes))))
    if options["format"] == "json":
        return as_json(plan_evidence_record(found) | {"simulated": bool(label), "label": label})
    if options["format"] == "csv":
        return rows_as_csv(plan_evidence_record(found)["rules"])
    return plan_evidence_table(found, label)


def _named_plan(options: Mapping[str, Any]) -> "tuple[Plan, dict[str, Any]]":
    """The plan of --plan or the usual one of --edge, and the options with the source that a plan reads."""
    from iwm_opts.cli.plan_data import files_or_simulated, refuse_others, refuse_reversed
    from iwm_opts.plans.plan import load_plan, make_usual_plan

    beside, why = BESIDE_PLAN, "what it trades stands in the file"
    if not options["plan"]:
        beside |= {"edge", "account", "risk"}
        why = f"{options['edge']} is traded by a plan: write one with iwm-opts plan"
    refuse_others(options, beside, why)
    refuse_reversed(options)
    account = {"value": options["account"], "risk": options["risk"]}
    plan = load_plan(options["plan"]) if options["plan"] else make_usual_plan(options["edge"], account=account)
    return plan, {**options, "source": files_or_simulated(options)}


def plan_backtest_text(
    plan: "Plan", options: Mapping[str, Any], first: date | None = None, last: date | None = None
) -> str:
    """Backtest a plan on what the options name, as text in the format asked for; CSV is its trades as a log.

    Parameters
    ----------
    plan : Plan
    options : mapping
        Of `plan_data_options` and `output_options`. With `--source modelled`, or `record` where the plan trades
        options, its quotes are modelled around the real prices; with `sim` each stress period is a scenario.
    first, last : date, optional
        Another range beside the stress periods; all the data unless given.
    """
    from iwm_opts.cli.plan_data import plan_data_from
    from iwm_opts.cli.progress import progress
    from iwm_opts.journal.plan_log import log_of_plan
    from iwm_opts.journal.trade_log import as_csv
    from iwm_opts.plans.runner import backtest_plan
    from iwm_opts.report.plan_backtest import plan_backtest_record, plan_backtest_table
    from iwm_opts.report.records import as_json

    notes: tuple[str, ...] = ()
    options = {**options, "intraday": plan.horizon == "intraday"}
    if options["source"] == "sim":
        stress, ranges, label = _simulated(options, first, last)
    else:
        data = plan_data_from(options)
        notes = data.notes
        stress, ranges, label = _real(plan, data, options, first, last)
    with progress("periods", options) as told:
        result = backtest_plan(plan, stress, ranges, told)
    result = replace(result, notes=tuple(dict.fromkeys((*notes, *result.notes))))
    if options["format"] == "json":
        return as_json(plan_backtest_record(result) | {"simulated": bool(label), "label": label})
    if options["format"] == "csv":
        return as_csv(log_of_plan(result))
    return plan_backtest_table(result, label)


def _real(
    plan: "Plan", data: "PlanData", options: Mapping[str, Any], first: date | None, last: date | None
) -> "tuple[list[Stage], list[Stage], str]":
    from iwm_opts.backtest.metrics import Period
    from iwm_opts.cli.plan_data import modelled_days
    from iwm_opts.market.chain import LABELS
    from iwm_opts.plans.plan_backtest import Stage, stress_stages

    market = modelled_days(options) if plan.instrument != "shares" else None
    days = covered_days(plan, data.inputs, market)
    whole = Period(GIVEN_NAME if first or last else RANGE_NAME, first or days[0], last or days[-1])
    label = data.label or (LABELS["modelled"] if market is not None else "")
    return stress_stages(data.inputs, market), [Stage(whole, data.inputs, market)], label


def covered_days(plan: "Plan", inputs: "Inputs", market: "DailyMarket | None") -> tuple[date, date]:
    """First and last session that a plan can be traded on: of the minutes, of the quotes, or of the bars."""
    days = [day.date() for day in inputs.bars.index] if market is None else list(market.days)
    if plan.momentum and inputs.minutes is not None:
        moments = inputs.minutes.bars.index
        days = [moments[0].date(), moments[-1].date()]
    return days[0], days[-1]


def _simulated(
    options: Mapping[str, Any], first: date | None, last: date | None
) -> "tuple[list[Stage], list[Stage], str]":
    from iwm_opts.backtest.resolve import simulated_trials
    from iwm_opts.simulation.scenarios import shipped_scenarios

    known = shipped_scenarios()
    worlds = [known[name] for name in SCENARIOS]
    trials = simulated_trials(seed=options.get("seed"), scenarios=worlds)
    stress = [_stage(one, one.scenario, options) for one in trials]
    return stress, *_simulated_range(options, first, last)


def _simulated_range(options: Mapping[str, Any], first: date | None, last: date | None) -> "tuple[list[Stage], str]":
    from iwm_opts.backtest.resolve import simulated_trials
    from iwm_opts.market.chain import LABELS

    trials = simulated_trials(first, last, seed=options.get("seed"))
    name = GIVEN_NAME if first or last else RANGE_NAME
    return [_stage(one, name, options) for one in trials], LABELS["simulated"]


def _stage(trial: "Trial", name: str, options: Mapping[str, Any]) -> "Stage":
    from iwm_opts.backtest.metrics import Period
    from iwm_opts.io.plan_tables import load_events
    from iwm_opts.plans.checklist import Inputs
    from iwm_opts.plans.plan_backtest import Stage
    from iwm_opts.sources.simulated import SimulatedMarket

    market = trial.market.surface_market
    assert market is not None
    funds = {symbol: market.bars(symbol) for symbol in market.parameters.companions}
    minutes = market.minutes() if options["intraday"] and isinstance(market, SimulatedMarket) else None
    inputs = Inputs(market.bars(), funds, trial.history, minutes)
    if options.get("events"):
        inputs = replace(inputs, events=load_events(options["events"]))
    days = trial.market.days
    return Stage(Period(name, days[0], days[-1]), inputs, trial.market)
