"""Results of fetch and record as text."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import RenderableType

from iwm_opts.conventions import counted
from iwm_opts.io.fetching import Fetched
from iwm_opts.io.histories import COUNTS, ImportedFile, Outcome, YearQuality
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record
from iwm_opts.report.words import number, percent, points

NUMBERS: Final = re.compile(r"[-+]?\d[\d.,:%-]*|\b\w+day\b")
ROWS: Final = re.compile(r"(?:^|[ (])(\d[\d,]*)(?: of [\d,]+)? rows\b")
OUTCOMES: Final[tuple[Outcome, ...]] = ("recorded", "repeat", "conflict")


def fetched_table(series: Sequence[Fetched], columns: int | None = None) -> str:
    """One row a series that came."""
    rows = (
        (item.name, item.kind, item.source, f"{item.added:,}", f"{item.rows:,}", item.last)
        for item in series
        if not item.error
    )
    left = ("series", "kind", "from")
    return render([plain_table("series", "kind", "from", "new", "rows", "up to", left=left, rows=rows)], columns)


def failure_reasons(series: Sequence[Fetched]) -> str:
    """Why series failed, each reason once: an unreachable source is one reason."""
    reasons = (re.sub(r" \(/\S+\)$", "", reason) for item in series for reason in item.error.split("; "))
    return "; ".join(dict.fromkeys(reasons))


def recorded_lines(record: Record) -> str:
    """One chain recorded: counts, indices, file and warnings."""
    moment = (record["quote_time"] or "")[:16].replace("T", " ")
    is_of_day = moment.startswith(record["as_of"])
    at = f" {moment[11:]}" if is_of_day else f" (captured {moment})" if moment else ""
    counts = f"{counted(record['rows'], 'rows')}, {record['usable']:,} usable"
    indices = f"IV10 {points(record['iv10'])}, IV30 {points(record['iv30'])}"
    days = f"{counted(record['days_recorded'], 'days')} on record"
    what = f"recorded {record['symbol']} {record['as_of']}{at} from {record['source']}"
    warnings = [f"warning: {warning}" for warning in record["warnings"]]
    return "\n".join([f"{what}: {counts}; {indices}; {days}", record["file"], *warnings]) + "\n"


def warnings_by_kind(files: Sequence[ImportedFile]) -> list[str]:
    """One line a kind of warning, its words without their numbers, with the days it is of and an example."""
    texts = (text for file in files for warnings in file.warnings.values() for text in warnings)
    return [f"on {item}" for item in _kinds(texts)]


def left_out_by_kind(files: Sequence[ImportedFile]) -> list[str]:
    """One line a reason for which days were left out, with their rows and an example."""
    return _kinds(reason for file in files for reason in file.left_out.values())


def _kinds(texts: Iterable[str]) -> list[str]:
    """Days and rows of texts that differ in numbers and weekdays alone, and the first of each; the commonest first."""
    days, rows, examples = Counter[str](), Counter[str](), dict[str, str]()
    for text in texts:
        kind = NUMBERS.sub("#", text)
        days[kind] += 1
        counts = ROWS.findall(text)
        rows[kind] += int(counts[-1].replace(",", "")) if counts else 0
        examples.setdefault(kind, text)
    return [
        counted(count, "days")
        + (f", {counted(rows[kind], 'rows')}" if count > 1 and rows[kind] else "")
        + f": {examples[kind]}"
        for kind, count in days.most_common()
    ]


def certificate_table(
    symbol: str,
    files: Sequence[ImportedFile],
    history: Sequence[ImportedFile],
    skipped: Sequence[str],
    years: Sequence[YearQuality],
    verbose: bool = False,
    columns: int | None = None,
) -> str:
    """Files read, quality by year of a history, and what was left out of it; each missing day with `verbose`."""
    parts: list[RenderableType] = []
    if files:
        table = plain_table(
            "file", "MB", "SHA-256", "days", "recorded", "repeats", "differ", "left out", left=("file", "SHA-256")
        )
        for file in files:
            digest = file.sha256[:12] + (" verified" if file.verified else "")
            counts = (len(file.days), *(file.count(outcome) for outcome in OUTCOMES), len(file.left_out))
            table.add_row(file.name, f"{file.bytes / 1e6:,.1f}", digest, *(f"{count:,}" for count in counts))
        parts += [table, ""]
    if years:
        shown = [name for name in COUNTS if name in ("rows", "usable") or any(year.counts[name] for year in years)]
        names = ("year", "sessions", "days", "absent", *(name.replace("_", " ") for name in shown), "spread", "parity")
        table = plain_table(*names)
        for year in years:
            counts = (year.sessions, year.days, len(year.missing), *(year.counts[name] for name in shown))
            table.add_row(
                str(year.year), *(f"{n:,}" for n in counts), f"${number(year.spread, 2)}", percent(year.parity, 2)
            )
        parts += [f"data quality of {symbol} chains by year; rows by defect", table]
        parts.append("spread: median ask less bid within 5% of spot, 7 to 90 days; parity: median |forward/spot - 1|")
    parts += [f"left out: {item}" for item in left_out_by_kind(history)]
    parts += warnings_by_kind(history)
    parts += [f"skipped: {line}" for line in skipped]
    differing = [day for file in files for day, quality in file.days.items() if quality.outcome == "conflict"]
    if differing:
        parts.append(
            f"{counted(len(differing), 'days')} on record with other quotes: kept as recorded first; to take those of "
            f"the file, delete the folders of these days (chains/symbol={symbol}/date={min(differing)}"
            f"{', ...' if len(differing) > 1 else ''}) from the archive and run again"
        )
    if verbose:
        parts += [f"missing: {day}" for year in years for day in year.missing]
    return render(parts, columns)
