"""What the screening commands share: from options to a page, JSON or CSV."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def screening(options: dict[str, Any], packages: Callable[[Any], Sequence[Any]]) -> Any:
    """Screen what `packages` builds from each option table (a `report.screening.Screening`)."""
    from iwm_opts.cli import build
    from iwm_opts.market.gate import ALWAYS_OPEN, ivr_gate
    from iwm_opts.report.screening import Screening
    from iwm_opts.spreads.screen import screen

    terms, account = build.terms_from(options), build.account_from(options)
    selection = build.selection_from(options)
    snapshot, own_history = build.market_from(options)
    rank = build.rank_from(options, snapshot.chain.as_of, own_history)
    gate = ALWAYS_OPEN if options["ivr_below"] is None else ivr_gate(rank, options["ivr_below"])
    screened = screen(snapshot, options["dte"], packages, terms, selection, account)
    return Screening(snapshot, rank, gate, screened, account, terms.variance_ratio, terms.fees.exercise)


def run_screen(options: dict[str, Any], packages: Callable[[Any], Sequence[Any]]) -> None:
    """Screen, and write the result."""
    from iwm_opts.cli import build
    from iwm_opts.report.records import as_json, candidates_csv, screening_record
    from iwm_opts.report.screen_table import screen_table

    result = screening(options, packages)
    if options["format"] == "json":
        text = as_json(screening_record(result))
    elif options["format"] == "csv":
        text = candidates_csv(result)
    else:
        text = screen_table(result, options["verbose"])
    build.emit(text, options)
    if options["plot"] and not result.screened.kept:
        build.say(f"nothing to draw: {options['plot']} is not written", options)
    elif options["plot"]:
        from iwm_opts.report.plots import payoff_picture

        build.write_output(Path(options["plot"]), payoff_picture(result, Path(options["plot"]).suffix))
        build.say(f"written: {options['plot']}", options)
