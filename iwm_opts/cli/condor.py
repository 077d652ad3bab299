"""`iwm-opts condor`: screen iron condors."""

from collections.abc import Callable
from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import Number, RangeParam, gate_option, group, option, screen_options, widths
from iwm_opts.conventions import GATE_RANK, SHORT_DELTA, WING_WIDTH

condor_options = group(
    gate_option(GATE_RANK),
    option(
        "--short-delta",
        type=RangeParam(float),
        default=f"{SHORT_DELTA[0]:.2f}:{SHORT_DELTA[1]:.2f}",
        help="|delta| of the short strikes; one value takes the nearest.",
    ),
    option("--put-delta", type=RangeParam(float), help="The same for the put side alone."),
    option("--call-delta", type=RangeParam(float), help="The same for the call side alone."),
    option(
        "--width",
        type=Number(),
        multiple=True,
        help=f"Dollars between short and long strike, to the nearest listed; may repeat.  [default: {WING_WIDTH:g}]",
    ),
    option("--put-width", type=Number(), help="Width of the put side alone."),
    option("--call-width", type=Number(), help="Width of the call side alone."),
    option("--wing-delta", type=Number(), help="|delta| of the long strikes, in place of a width."),
)


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n"
    "  iwm-opts condor --ivr-below 20 --source chain.csv.gz \\\n"
    "      --iv-history RVX_History.csv --account 50000 --risk 1%",
)
@condor_options
@screen_options
def condor(**options: Any) -> None:
    """Screen iron condors: IV rank gate, true fill cost, expected profit, size.

    A closed gate is an answer too: candidates are then shown as NOT TRADED, with 0 contracts.
    """
    from iwm_opts.cli.screening import run_screen

    run_screen(options, condor_packages(options))


def condor_packages(options: dict[str, Any]) -> Callable[[Any], list[Any]]:
    """What the options ask for, of each option table."""
    from iwm_opts.spreads.iron_condor import iron_condors
    from iwm_opts.spreads.legs import DeltaRange

    put_delta = DeltaRange(*(options["put_delta"] or options["short_delta"]))
    call_delta = DeltaRange(*(options["call_delta"] or options["short_delta"]))
    wings = [(_wing(options, "put_width", width), _wing(options, "call_width", width)) for width in widths(options)]
    return lambda table: [iron_condors(table, put_delta, call_delta, wings)]


def _wing(options: dict[str, Any], side: str, width: float | None) -> Any:
    from iwm_opts.spreads.legs import Wing

    own = options[side]
    if own is not None:
        return Wing(width=own)
    return Wing(delta=options["wing_delta"]) if width is None else Wing(width=width)
