"""`iwm-opts doctor`: what is there, what is missing, what to do."""

from dataclasses import asdict
from typing import Any

import click

from iwm_opts.cli.options import output_options


@click.command(epilog="\b\nExample:\n  iwm-opts doctor\n  iwm-opts doctor --config")
@click.option("--config", "show_config", is_flag=True, help="Show each option's value and where it comes from.")
@output_options
@click.pass_context
def doctor(context: click.Context, /, **options: Any) -> None:
    """Check installation, compiled kernels, live sources, the local record and the clock."""
    from iwm_opts.cli import build
    from iwm_opts.report.records import as_json, rows_as_csv

    if options["show_config"]:
        from iwm_opts.cli.origins import option_values

        rows, name = [asdict(value) for value in option_values(context)], "options"
    else:
        from iwm_opts.sources.health import check_all

        rows, name = [asdict(check) for check in check_all()], "checks"
    if options["format"] == "json":
        build.emit(as_json({name: rows}), options)
    elif options["format"] == "csv":
        build.emit(rows_as_csv(rows), options)
    else:
        build.emit(_values(rows) if options["show_config"] else _checks(rows), options)


def _checks(rows: list[dict[str, Any]]) -> str:
    from iwm_opts.report.console import render

    lines = []
    for row in rows:
        lines.append(f"{row['state']:8} {row['name']}: {row['finding']}")
        if row["remedy"]:
            lines.append(f"{'':8} -> {row['remedy']}")
    return render(lines)


def _values(rows: list[dict[str, Any]]) -> str:
    from iwm_opts.report.console import plain_table, render

    table = plain_table("option", "value", "from", "commands", left=("option", "value", "from", "commands"))
    for column in table.columns:
        column.no_wrap, column.overflow = False, "fold"
    for row in rows:
        table.add_row(row["option"], row["value"], row["origin"], row["commands"])
    return render([table])
