"""`iwm-opts doctor`: check the installation, data and sources."""

import os
from dataclasses import asdict
from typing import Final

import click
from click.core import ParameterSource

from iwm_opts import api
from iwm_opts.cli.command import HeadedCommand
from iwm_opts.cli.condor import condor
from iwm_opts.cli.options import output_options
from iwm_opts.cli.output import FORMAT_SUFFIX, emit, say
from iwm_opts.cli.values import Values, takes_values, with_options

VARIABLES: Final = {  # that no option reads
    "IWM_OPTS_DATA": "folder of the local record",
    "IWM_OPTS_YAHOO_URL": "address in place of Yahoo",
    "IWM_OPTS_CBOE_URL": "address in place of Cboe",
}


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
        rows, name = option_values(click.get_current_context()), "options"
    else:
        rows, name = [asdict(check) for check in api.check_all()], "checks"
        rows = [row | {"remedy": with_options(row["remedy"], condor)} for row in rows]  # of reading a chain
    path, asked = values.path("output"), values.text("format")
    suffix = path.suffix.removeprefix(".").lower() if path else ""
    if suffix not in ("", *FORMAT_SUFFIX.values()):
        raise click.UsageError(f"--output {path}: doctor writes {', '.join(FORMAT_SUFFIX.values())}")
    if suffix and "format" in values.typed and suffix != FORMAT_SUFFIX[asked]:
        raise click.UsageError(f"--format {asked} contradicts --output {path}: leave --format out")
    kind = suffix or asked
    if kind == "json":
        emit(api.as_json({name: rows}), values)
    elif kind == "csv":
        emit(api.rows_as_csv(rows), values)
    else:
        emit(api.options_text(rows) if values["show_config"] else api.checks_text(rows), values)


def option_values(context: click.Context) -> "list[api.Record]":
    """Values that commands would take now, those with an origin of the user's first."""
    root = context.find_root()
    group = root.command
    assert isinstance(group, click.Group)
    where: dict[tuple[str, str, str], list[str]] = {}
    for name in group.list_commands(root):
        command = group.get_command(root, name)
        if command is None:
            continue
        inner = click.Context(command, info_name=name, parent=root)
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                value, source = parameter.consume_value(inner, {})
                origin = "default"
                if source is ParameterSource.ENVIRONMENT:
                    origin = f"variable {parameter.envvar}"
                elif source is ParameterSource.DEFAULT_MAP:
                    origin = f"file {getattr(root.default_map, 'file', 'configuration file')}"
                else:
                    value = parameter.get_default(inner)
                shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
                is_unset = value is None or value == () or type(value).__name__ == "Sentinel"
                key = (max(parameter.opts, key=len), "-" if is_unset else shown, origin)
                where.setdefault(key, []).append(name)
    heads = ("option", "value", "origin", "commands")
    typed = [dict(zip(heads, (*key, ", ".join(names)), strict=True)) for key, names in where.items()]
    variables = [
        dict(zip(heads, (name, os.environ[name], f"variable: {what}", "all"), strict=True))
        for name, what in VARIABLES.items()
        if name in os.environ
    ]
    return variables + sorted(typed, key=lambda value: (value["origin"] == "default", value["option"]))
