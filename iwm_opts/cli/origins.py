"""Where the value of every option comes from: a variable, the configuration file, or the command's default."""

import os
from dataclasses import dataclass
from typing import Final

import click
from click.core import ParameterSource

VARIABLES: Final = {  # that no option reads
    "IWM_OPTS_DATA": "folder of the local record",
    "IWM_OPTS_YAHOO_URL": "address in place of Yahoo",
    "IWM_OPTS_CBOE_URL": "address in place of Cboe",
}


@dataclass(frozen=True, slots=True)
class OptionValue:
    """One option's value, and the commands in which it has it."""

    option: str
    value: str
    origin: str
    commands: str


def option_values(context: click.Context) -> list[OptionValue]:
    """Values that commands would take now, those with an origin of the user's first.

    Parameters
    ----------
    context : click.Context
        Of the command that asks; its parent is the group of all commands.
    """
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
                key = (max(parameter.opts, key=len), *_value_and_origin(parameter, inner))
                where.setdefault(key, []).append(name)
    typed = [OptionValue(*key, ", ".join(names)) for key, names in where.items()]
    plan_values = [
        OptionValue(name, os.environ[name], f"variable: {what}", "all")
        for name, what in VARIABLES.items()
        if name in os.environ
    ]
    return plan_values + sorted(typed, key=lambda value: (value.origin == "default", value.option))


def _value_and_origin(parameter: click.Option, context: click.Context) -> tuple[str, str]:
    value, source = parameter.consume_value(context, {})
    if source is ParameterSource.ENVIRONMENT:
        return _shown(value), f"variable {parameter.envvar}"
    if source is ParameterSource.DEFAULT_MAP:
        file = getattr(context.find_root().default_map, "file", "configuration file")
        return _shown(value), f"file {file}"
    return _shown(parameter.get_default(context)), "default"


def _shown(value: object) -> str:
    if value is None or value == () or type(value).__name__ == "Sentinel":
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
