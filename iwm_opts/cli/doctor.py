"""`iwm-opts doctor`: check the installation, data and sources."""

from dataclasses import asdict

import click

from iwm_opts import api
from iwm_opts.cli.command import HeadedCommand
from iwm_opts.cli.condor import condor
from iwm_opts.cli.options import output_options
from iwm_opts.cli.origins import option_values
from iwm_opts.cli.output import FORMAT_SUFFIX, emit, say
from iwm_opts.cli.values import Values, takes_values, with_options


@click.command(cls=HeadedCommand, epilog="\b\nExample:\n  iwm-opts doctor\n  iwm-opts doctor --config")
@click.option("--config", "show_config", is_flag=True, help="Show each option's value and where it comes from.")
@click.option("--clear-cache", is_flag=True, help="Remove recorded panels and stopped runs' results from the cache.")
@output_options
@takes_values
def doctor(values: Values) -> None:
    """Check installation, compiled kernels, live sources, the local record and the clock."""
    if values["clear_cache"]:
        from iwm_opts.backtest import kept_results
        from iwm_opts.io import panel_cache

        say(f"cache: {(panel_cache.clear() + kept_results.clear()) / 1e6:,.0f} MB freed", values)
    if values["show_config"]:
        rows, name = [asdict(value) for value in option_values(click.get_current_context())], "options"
    else:
        rows, name = [asdict(check) for check in api.check_all()], "checks"
        rows = [row | {"remedy": with_options(row["remedy"], condor)} for row in rows]  # of reading a chain
    kind = _format(values)
    if kind == "json":
        emit(api.as_json({name: rows}), values)
    elif kind == "csv":
        emit(api.rows_as_csv(rows), values)
    else:
        emit(api.options_text(rows) if values["show_config"] else api.checks_text(rows), values)


def _format(values: Values) -> str:
    """Format of the suffix of --output, else of --format."""
    path, asked = values.path("output"), values.text("format")
    suffix = path.suffix.removeprefix(".").lower() if path else ""
    if suffix not in ("", *FORMAT_SUFFIX.values()):
        raise click.UsageError(f"--output {path}: doctor writes {', '.join(FORMAT_SUFFIX.values())}")
    if suffix and "format" in values.typed and suffix != FORMAT_SUFFIX[asked]:
        raise click.UsageError(f"--format {asked} contradicts --output {path}: leave --format out")
    return suffix or asked
