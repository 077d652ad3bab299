"""`iwm-opts snapshot`: the chain of this moment into the local record."""

from datetime import datetime
from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import AS_OF, SESSION, SOURCE, SYMBOL, group, option, output_options

snapshot_options = group(
    SOURCE,
    SYMBOL,
    AS_OF,
    SESSION,
    option("--force", is_flag=True, show_default=False, help="Capture outside the session too."),
)


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n  iwm-opts snapshot\n"
    "  crontab: CRON_TZ=America/New_York\n           */30 9-16 * * 1-5  iwm-opts snapshot --quiet",
)
@snapshot_options
@output_options
def snapshot(**options: Any) -> None:
    """Record a chain: now from a live source, or out of a chain file.

    Made for cron: outside the session, on holidays and after the close of half days it does nothing and says so. The
    record grows an IV history of its own. It lies in the user's data folder, or where IWM_OPTS_DATA says.
    """
    from iwm_opts.cli import build
    from iwm_opts.io.age import now
    from iwm_opts.report.records import as_json, rows_as_csv

    is_live = options["source"] in ("auto", "yahoo", "cboe")
    skipped = _why_not(now()) if is_live and not options["force"] else ""
    record = {"skipped": skipped} if skipped else {"skipped": None, **_taken(options, is_live)}
    if options["format"] == "json":
        build.emit(as_json(record), options)
    elif options["format"] == "csv":
        build.emit(rows_as_csv([{name: value for name, value in record.items() if name != "warnings"}]), options)
    elif skipped:
        build.say(f"skipped: {skipped}; --force captures anyway", options)
    else:
        build.emit(_sentence(record), options)


def _why_not(at: datetime) -> str:
    """Why there is nothing to capture at a time; empty while there is. Delayed quotes of the close come after it."""
    from iwm_opts.io.age import DELAY
    from iwm_opts.market.calendar import is_session, session_hours

    if not is_session(at.date()):
        return f"the exchange is closed on {at:%A %Y-%m-%d}"
    opened, closed = session_hours(at.date())
    if opened <= at <= closed + DELAY:
        return ""
    return f"it is {at:%H:%M} in New York, the session of {at:%Y-%m-%d} runs from {opened:%H:%M} to {closed:%H:%M}"


def _taken(options: dict[str, Any], is_live: bool) -> dict[str, Any]:
    from iwm_opts.io.archive import open_record
    from iwm_opts.io.archive_iv import add_with_index
    from iwm_opts.market.chain import Chain

    chain: Chain = _live(options) if is_live else _from_file(options)
    record = open_record()
    captured, values = add_with_index(record, chain)
    return {
        "symbol": chain.symbol,
        "as_of": chain.as_of.isoformat(),
        "quote_time": chain.quote_time.isoformat() if chain.quote_time else None,
        "source": chain.source,
        "spot": chain.spot,
        "iv10": float(values["iv10"]),
        "iv30": float(values["iv30"]),
        "rows": chain.quality.rows,
        "usable": chain.quality.usable,
        "days_recorded": len(record.days(chain.symbol)),
        "file": str(captured.path),
        "warnings": [*chain.warnings, *record.set_aside],
    }


def _live(options: dict[str, Any]) -> Any:
    from iwm_opts.cli.progress import progress
    from iwm_opts.io.selection import clean_symbol
    from iwm_opts.sources.live import first_answer, live_chain, refuse_past

    refuse_past("a live source", options["as_of"])
    with progress("option chain", options) as told:
        return first_answer(
            options["source"], lambda name: live_chain(name, clean_symbol(options["symbol"]), None, told)
        )


def _from_file(options: dict[str, Any]) -> Any:
    from iwm_opts.errors import InputError
    from iwm_opts.io.files import load_chain
    from iwm_opts.sources.resolve import WORDS

    if options["source"] in WORDS:
        rule = "is no market to record"
        raise InputError("source", options["source"], rule, "take auto, yahoo, cboe or a chain file")
    return load_chain(options["source"], symbol=options["symbol"], as_of=options["as_of"], session=options["session"])


def _sentence(record: dict[str, Any]) -> str:
    from iwm_opts.report.words import counted, points

    at = f" {record['quote_time'][11:16]}" if record["quote_time"] else ""
    counts = f"{counted(record['rows'], 'rows')}, {record['usable']:,} usable"
    indices = f"IV10 {points(record['iv10'])}, IV30 {points(record['iv30'])}"
    days = f"{counted(record['days_recorded'], 'days')} on record"
    what = f"recorded {record['symbol']} {record['as_of']}{at} from {record['source']}"
    warnings = [f"warning: {warning}" for warning in record["warnings"]]
    return "\n".join([f"{what}: {counts}; {indices}; {days}", record["file"], *warnings]) + "\n"
