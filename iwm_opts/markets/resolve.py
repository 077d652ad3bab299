"""From `--source` to a chain."""

from datetime import date
from pathlib import Path

from iwm_opts.errors import InputError
from iwm_opts.market.chain import Chain
from iwm_opts.sources.files import load_chain

NAMED_SOURCES = ("auto", "yahoo", "cboe", "record", "sim", "modelled")


def resolve_chain(
    source: str,
    symbol: str | None = None,
    as_of: date | None = None,
    session: str | None = None,
    spot: float | None = None,
) -> Chain:
    """Chain of one symbol at one moment.

    Parameters
    ----------
    source : str
        Path of a file. Other names of a source are reserved, and refused until there is something behind them.
    symbol, as_of, session, spot
        See `sources.files.load_chain`.
    """
    if source in NAMED_SOURCES and not Path(source).exists():
        raise InputError("source", source, "names no file", "give a chain file: --source chain.csv.gz")
    return load_chain(Path(source), symbol=symbol, as_of=as_of, session=session, spot=spot)
