"""Checks of `doctor`, and the options it lists, as text."""

from collections.abc import Sequence

from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record


def checks_text(rows: Sequence[Record]) -> str:
    """Lines of the checks, each failed one with its remedy."""
    lines = []
    for row in rows:
        lines.append(f"{row['state']:8} {row['name']}: {row['finding']}")
        if row["remedy"]:
            lines.append(f"{'':8} -> {row['remedy']}")
    return render(lines)


def options_text(rows: Sequence[Record]) -> str:
    """Table of options, their values and where these come from."""
    table = plain_table("option", "value", "from", "commands", left=("option", "value", "from", "commands"))
    for column in table.columns:
        column.no_wrap, column.overflow = False, "fold"
    for row in rows:
        table.add_row(row["option"], row["value"], row["origin"], row["commands"])
    return render([table])
