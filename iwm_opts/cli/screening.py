"""Shared steps of the screening commands: screen, write, draw."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from iwm_opts import api
from iwm_opts.cli.options import Count, option
from iwm_opts.cli.output import say, write_file, write_result
from iwm_opts.cli.paper_requests import strategy_of, with_delta
from iwm_opts.cli.plan_values import with_plan
from iwm_opts.cli.progress import progress
from iwm_opts.cli.requests import screen_request
from iwm_opts.cli.values import Values
from iwm_opts.conventions import counted
from iwm_opts.errors import InputError

PICK = option("--pick", type=Count(min=1), default=1, help="Candidate, as the screen ranks them.")
LISTED: Final = ("short_delta", "put_delta", "call_delta", "top", "plot")


def run_screen(values: Values, strategy: "api.Strategy") -> None:
    """Screen a chain, and write the result."""
    request = screen_request(values, strategy)
    if values.flag("matrix"):
        _write_matrix(request, values)
        return
    with progress("option chain", values) as on_progress:
        result = api.answer_screen(request, on_progress)
    write_result(result, values)
    plot = values.text("plot")
    if plot and not len(result):
        say(f"nothing to draw: {plot} is not written", values)
    elif plot:
        write_file(Path(plot), result.picture(Path(plot).suffix), values)


def _write_matrix(request: "api.ScreenRequest", values: Values) -> None:
    values.refuse_typed(LISTED, "has no effect with --matrix: leave it out")
    with progress("option chain", values) as on_progress:
        result = api.answer_matrix(api.MatrixRequest(screen=request), on_progress)
    write_result(result, values)


def picked_package(values: Values, on_progress: "api.OnProgress | None") -> "api.Package":
    """Package of the screen that --pick names: of --instrument, else of the plan, else a condor."""
    pick = int(values.number("pick"))
    plan = api.load_plan(values.text("plan")) if values["plan"] else None
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
