"""Shared steps of the screening commands: screen, write, draw."""

from collections.abc import Sequence
from typing import Final

from iwm_opts import api
from iwm_opts.cli.options import Count, option
from iwm_opts.cli.output import say, write_plot, write_result
from iwm_opts.cli.progress import answered
from iwm_opts.cli.requests import plan_of, screen_request, strategy_of, with_delta, with_plan
from iwm_opts.cli.values import Values
from iwm_opts.conventions import counted
from iwm_opts.errors import InputError

PICK = option("--pick", type=Count(min=1), default=1, help="Candidate, as the screen ranks them.")
LISTED: Final = ("short_delta", "put_delta", "call_delta", "top", "plot")


def run_screen(values: Values, strategy: "api.Strategy") -> None:
    """Screen a chain, and write the result."""
    request = screen_request(values, strategy)
    if values.flag("matrix"):
        values.check_not_typed(LISTED, "has no effect with --matrix: leave it out")
        matrix = answered("option chain", api.answer_matrix, api.MatrixRequest(screen=request), values)
        write_result(matrix, values)
        return
    result = answered("option chain", api.answer_screen, request, values)
    write_result(result, values)
    if values["plot"] and not len(result):
        say(f"nothing to draw: {values['plot']} is not written", values)
    else:
        write_plot(result, values)


def picked_package(values: Values, on_progress: "api.OnProgress | None") -> "api.Package":
    """Package of the screen that --pick names: of --instrument, else of the plan, else a condor."""
    pick = int(values.number("pick"))
    plan = plan_of(values)
    values = with_delta(values) if plan is None else with_plan(plan, values)
    widened = values.replaced(top=max(pick, int(values.number("top"))))
    screen = api.answer_screen(screen_request(widened, strategy_of(values)), on_progress)
    places: Sequence[int] = range(len(screen))
    if plan is not None and values["instrument"] == "by-rule":
        places = api.plan_places(plan, screen)
    if pick > len(places):
        raise InputError(
            "pick", pick, f"the screen has {counted(len(places), 'candidates')}", "widen --dte or --short-delta"
        )
    return screen[places[pick - 1]]
