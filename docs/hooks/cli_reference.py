"""mkdocs hook: write the command reference from click at build time."""

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from iwm_opts.cli.main import cli

PAGE = "reference/commands.md"
WIDTH = 100


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated page."""
    files.append(File.generated(config, PAGE, content=reference()))
    return files


def reference() -> str:
    """Help of every command, in order, as Markdown."""
    root = click.Context(cli, info_name="iwm-opts")
    sections = [_section(f"iwm-opts {name}", *_command(root, name)) for name in cli.list_commands(root)]
    return "\n".join(["# Commands", "", "Every command ends its `--help` with an example.", "", *sections])


def _command(root: click.Context, name: str) -> tuple[click.Command, click.Context]:
    command = cli.get_command(root, name)
    assert command is not None
    return command, click.Context(command, info_name=name, parent=root, max_content_width=WIDTH, terminal_width=WIDTH)


def _section(title: str, command: click.Command, context: click.Context) -> str:
    lines = [f"## {title}", "", "```text", command.get_help(context), "```", ""]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            settings = {"parent": context, "max_content_width": WIDTH, "terminal_width": WIDTH}
            lines.append(_section(f"{title} {name}", inner, click.Context(inner, info_name=name, **settings)))
    return "\n".join(lines)
