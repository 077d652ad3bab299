"""Registry of market sources: the names that `--source` gives."""

from collections.abc import Sequence
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
    "archive": "iwm_opts.sources.archive:ArchiveSource",
    "record": "iwm_opts.sources.archive:ArchiveSource",
    "sim": "iwm_opts.sources.simulated:SimulatedSource",
    "modelled": "iwm_opts.sources.modelled_files:ModelledSource",
}


def open_source(name: str | Sequence[str]) -> Source:
    """Source of a name, of another package, or of chain files; a file named like a source is `./NAME`.

    Raises
    ------
    ConflictError
        For several names that are not all of files.
    """
    names = (name,) if isinstance(name, str) else tuple(name)
    for market in names if len(names) > 1 else ():
        if market in SOURCES or is_plugin(market):
            rule = f"is a market of its own beside {', '.join(other for other in names if other != market)}"
            raise ConflictError("source", market, rule, "name it alone, or files alone")
    if is_plugin(names[0]):
        return plugins.open_plugin(names[0])
    module, _, kind = SOURCES.get(names[0], FILE).partition(":")
    source: Source = getattr(import_module(module), kind)(*names)
    return source


def is_plugin(name: str) -> bool:
    """Whether a name is of another package's source, not of a file."""
    return name not in SOURCES and not Path(name).exists() and name in plugins.names()
