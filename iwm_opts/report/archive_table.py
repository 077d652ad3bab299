"""Results of fetch and record as text."""

import re
from collections.abc import Sequence

from iwm_opts.io.fetching import Fetched
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record
from iwm_opts.report.words import counted, points


def fetched_table(series: Sequence[Fetched], columns: int | None = None) -> str:
    """One row a series that came."""
    table = plain_table("series", "kind", "from", "new", "rows", "up to", left=("series", "kind", "from"))
    for each in series:
        if not each.error:
            table.add_row(each.name, each.kind, each.source, f"{each.added:,}", f"{each.rows:,}", each.last)
    return render([table], columns)


def failure_reasons(series: Sequence[Fetched]) -> str:
    """Why series failed, each reason once: an unreachable source is one reason."""
    reasons = (re.sub(r" \(/\S+\)$", "", reason) for each in series for reason in each.error.split("; "))
    return "; ".join(dict.fromkeys(reasons))


def recorded_lines(record: Record) -> str:
    """One chain recorded: counts, indices, file and warnings."""
    at = f" {record['quote_time'][11:16]}" if record["quote_time"] else ""
    counts = f"{counted(record['rows'], 'rows')}, {record['usable']:,} usable"
    indices = f"IV10 {points(record['iv10'])}, IV30 {points(record['iv30'])}"
    days = f"{counted(record['days_recorded'], 'days')} on record"
    what = f"recorded {record['symbol']} {record['as_of']}{at} from {record['source']}"
    warnings = [f"warning: {warning}" for warning in record["warnings"]]
    return "\n".join([f"{what}: {counts}; {indices}; {days}", record["file"], *warnings]) + "\n"
