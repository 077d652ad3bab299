"""Registry of market sources: the names that `--source` knows."""

from importlib import import_module
from pathlib import Path
from typing import Final

from iwm_opts.errors import ConflictError
from iwm_opts.sources import plugins
from iwm_opts.sources.source import Source

FILE: Final = "iwm_opts.sources.chain_file:FileSource"
# Module and class, imported when opened. A source takes one file and one line here.
SOURCES: Final = {
    "auto": "iwm_opts.sources.live:AutoSource",
    "yahoo": "iwm_opts.sources.live:LiveSource",
    "cboe": "iwm_opts.sources.live:LiveSource",
    "archive": "iwm_opts.sources.recorded:ArchiveSource",
    "record": "iwm_opts.sources.recorded:ArchiveSource",
    "sim": "iwm_opts.sources.simulated:SimulatedSource",
    "modelled": "iwm_opts.sources.modelled_files:ModelledSource",
}


def open_source(name: str | tuple[str, ...]) -> Source:
    """Source of a name, of chain files, or of another package; a file named like a source is `./NAME`.

    Raises ConflictError for a market beside others.
    """
    if isinstance(name, str):
        if is_plugin(name):
            return plugins.PluginSource(name)
    else:
        for each in name:
            if each in SOURCES or is_plugin(each):
                rule = f"is a market of its own beside {', '.join(other for other in name if other != each)}"
                raise ConflictError("source", each, rule, "name it alone, or files alone")
    module, _, kind = (SOURCES.get(name, FILE) if isinstance(name, str) else FILE).partition(":")
    source: Source = getattr(import_module(module), kind)(name)
    return source


def is_plugin(name: str) -> bool:
    """Whether a name is of another package's source, not of a file."""
    return name not in SOURCES and not Path(name).exists() and name in plugins.names()
