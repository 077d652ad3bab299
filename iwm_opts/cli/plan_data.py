"""Options for the data that a plan and the claims are judged on, and the requests they make."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

import click

from iwm_opts import api
from iwm_opts.cli.command import ChoiceParam
from iwm_opts.cli.options import AS_OF, SEED, SYMBOL, group, option, slope_options
from iwm_opts.cli.values import Values, build, option_name

checklist_options = group(
    option("--spy", metavar="FILE", help="Daily bars of SPY.  [default: the record's]"),
    option("--kre", metavar="FILE", help="Daily bars of KRE, for the macro filter.  [default: the record's]"),
    option("--xbi", metavar="FILE", help="Daily bars of XBI, shown as a lead.  [default: the record's]"),
    option("--minutes", metavar="FILE", help="One-minute bars, for the momentum edge."),
    option("--events", metavar="FILE", help="CSV of date and event: scheduled releases such as ISM and GDP."),
    heading="Data of the plan",
)
fund_options = group(
    checklist_options,
    option("--sectors", metavar="FILE", multiple=True, help="Sector weights or iShares holdings; may be repeated."),
    heading="Data of the plan",
)
plan_data_options = group(
    option(
        "--source",
        type=ChoiceParam(["archive", "record", "sim", "modelled"]),
        default="record",
        envvar=None,
        help="What no file is named for: the local archive (record: the same), or the simulated market. modelled: "
        "quotes of options around the real prices.",
    ),
    option("--bars", metavar="FILE", help="Daily bars of IWM.  [default: the record's]"),
    option("--iv-history", metavar="FILE", help="Daily closes of an IV series.  [default: the record's RVX]"),
    fund_options,
    slope_options,
    SYMBOL,
    AS_OF,
    option("--seed", type=SEED, help="Of the simulated market."),
    heading="Data of the plan",
)


def plan_data_request(values: Values, **given: object) -> "api.PlanDataRequest":
    """Files of a plan's data, as far as a command has options for them."""
    return build(api.PlanDataRequest, values, **{"modelled": build(api.ModelledInputs, values), **given})


def files_or_simulated(values: Values) -> str:
    """Source of a backtesting command as a plan reads it: its default, the simulated market, gives way to --bars."""
    source = ", ".join(values.texts("source"))
    if "source" not in values.given and values["bars"]:
        return "record"
    if source not in ("sim", "modelled", "archive", "record"):
        raise click.UsageError(f"--source {source}: a plan reads --bars, the archive, modelled quotes or sim")
    return source


def check_others_not_typed(
    values: Values, allowed: Collection[str], why: str, remedies: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Refuse typed options that have no effect with others."""
    spelled = {"first": "--from", "last": "--to"}
    for name in values:
        if name not in allowed and name in values.typed:
            remedy = f"; {remedies[name]}" if name in remedies else ""
            raise click.UsageError(f"{spelled.get(name, option_name(name))} has no effect here: {why}{remedy}")


def check_not_reversed(values: Values) -> None:
    """Refuse a range that ends before it begins."""
    first, last = values.day("first"), values.day("last")
    if first and last and first > last:
        raise click.UsageError(f"--from {first} lies after --to {last}")
