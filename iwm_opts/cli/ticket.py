"""`iwm-opts ticket`: the order of a package as brokers accept it."""

import click

from iwm_opts import api
from iwm_opts.cli.command import ChoiceParam, NumericalCommand
from iwm_opts.cli.condor import condor_options
from iwm_opts.cli.fills import EXPIRATION, LEG
from iwm_opts.cli.options import INSTRUMENT, Count, group, option, picked_screen_options
from iwm_opts.cli.output import emit, write_result
from iwm_opts.cli.progress import progress
from iwm_opts.cli.requests import account, chain_request, exit_levels, plan_of, typed_legs, with_plan
from iwm_opts.cli.screening import PICK, picked_package
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.conventions import ORDER_FORMATS

ticket_options = group(
    LEG,
    EXPIRATION,
    INSTRUMENT,
    PICK,
    option("--contracts", type=Count(min=1), help="Packages.  [default: what the account allows; 1 of --leg]"),
    option("--order-format", type=ChoiceParam(ORDER_FORMATS), help="Print this text alone."),
    option("--closing", is_flag=True, show_default=False, help="With --order-format: the order at the profit target."),
    heading="Order",
)


@click.command(
    cls=NumericalCommand,
    first=(
        "source", "leg", "expiration", "instrument", "pick", "contracts", "order_format", "closing", "fill",
        "profit",
    ),
    epilog="\b\nExample:\n"
    "  iwm-opts ticket --source sim --no-gate --pick 1\n"
    "  iwm-opts ticket --source sim --no-gate --instrument bull-put\n"
    "  iwm-opts ticket --leg +1P195@0.70/0.74 --leg -1P200@1.20/1.26 \\\n"
    "      --expiration 2030-12-20 --order-format tastytrade",
)  # fmt: skip
@ticket_options
@condor_options
@picked_screen_options
@takes_values
def ticket(values: Values) -> None:
    """Write the order of a package as a broker accepts it; nothing is sent.

    A package of the screen (--instrument, --pick), or the legs of --leg: limit, ladder from mid to natural, order at
    the profit target, stop price and dates.
    """
    if values["closing"] and not values["order_format"]:
        raise click.UsageError("--closing needs --order-format")
    plan = plan_of(values)
    values = with_plan(plan, values) if plan else values
    given = {
        "fill": api.FillModel.parse(values.text("fill")), "fees": api.FeeSchedule.parse(values.text("fees")),
        "account": account(values), "exits": exit_levels(values),
    }  # fmt: skip
    if values["leg"]:
        values.check_not_typed(("instrument", "pick"), "is of a screen: leave it out")
    else:
        values.check_not_typed(("expiration",), "is of --leg: leave it out")
    with progress("option chain", values) as on_progress:
        if legs := typed_legs(values):
            needs_chain = not all(leg.is_quoted for leg in legs)
            chain = api.open_chain(chain_request(values), on_progress) if needs_chain else None
            request = build(api.TicketRequest, values, legs=legs, chain=chain, **given)
        else:
            request = build(api.TicketRequest, values, package=picked_package(values, on_progress), **given)
        result = api.answer_ticket(request)
    if values["order_format"]:
        emit(result.order(values.text("order_format"), values.flag("closing")) + "\n", values)
    else:
        write_result(result, values)
