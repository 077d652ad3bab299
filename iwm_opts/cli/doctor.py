"""`iwm-opts doctor`: check the installation, data and sources."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from iwm_opts.cli.options import output_options
from iwm_opts.cli.output import emit, say
from iwm_opts.cli.values import Values, takes_values

if TYPE_CHECKING:
    from iwm_opts.report.records import Record


@click.command(epilog="\b\nExample:\n  iwm-opts doctor\n  iwm-opts doctor --config")
@click.option("--config", "show_config", is_flag=True, help="Show each option's value and where it comes from.")
@click.option("--clear-cache", is_flag=True, help="Remove the panels of recorded chains from the cache folder.")
@output_options
@takes_values
def doctor(values: Values) -> None:
    """Check installation, compiled kernels, live sources, the local record and the clock."""
    from iwm_opts.report.records import as_json, rows_as_csv

    if values["clear_cache"]:
        from iwm_opts.io.panel_cache import clear

        say(f"panel cache: {clear() / 1e6:,.0f} MB freed", values)
    if values["show_config"]:
        from iwm_opts.cli.origins import option_values

        rows, name = [asdict(value) for value in option_values(click.get_current_context())], "options"
    else:
        from iwm_opts.sources.health import check_all

        rows, name = [asdict(check) for check in check_all()], "checks"
    if values["format"] == "json":
        emit(as_json({name: rows}), values)
    elif values["format"] == "csv":
        emit(rows_as_csv(rows), values)
    else:
        emit(_values(rows) if values["show_config"] else _checks(rows), values)


def _checks(rows: "Sequence[Record]") -> str:
    from iwm_opts.report.console import render

    lines = []
    for row in rows:
        lines.append(f"{row['state']:8} {row['name']}: {row['finding']}")
        if row["remedy"]:
            lines.append(f"{'':8} -> {row['remedy']}")
    return render(lines)


def _values(rows: "Sequence[Record]") -> str:
    from iwm_opts.report.console import plain_table, render

    table = plain_table("option", "value", "from", "commands", left=("option", "value", "from", "commands"))
    for column in table.columns:
        column.no_wrap, column.overflow = False, "fold"
    for row in rows:
        table.add_row(row["option"], row["value"], row["origin"], row["commands"])
    return render([table])
