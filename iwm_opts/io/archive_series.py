"""Daily series in the record: bars, volatility indices and dividends, each a CSV that every other tool reads too."""

from pathlib import Path
from typing import Final, Literal

import pandas as pd

from iwm_opts.errors import DataError
from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.dividends import load_dividends
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.market.contract import check_symbol
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory

Kind = Literal["bars", "indices", "dividends"]
KINDS: Final[tuple[Kind, ...]] = ("bars", "indices", "dividends")

RESTATED: Final = 0.002  # relative difference of a close that both have, above which the newer series was restated


def series_path(record: ChainArchive, kind: Kind, name: str) -> Path:
    """Where a series lies."""
    return record.folder / kind / f"{check_symbol(name.lstrip('^'))}.csv"


def read_series(record: ChainArchive, kind: Kind, name: str) -> pd.DataFrame | None:
    """Return recorded series by ascending date; None where there is none, or a damaged one: then named and set aside.

    Raises DataError when the file cannot be opened.
    """
    path = series_path(record, kind, name)
    if not path.exists():
        return None
    try:
        table = pd.read_csv(path, index_col=0, parse_dates=[0])
        return table.set_axis(pd.DatetimeIndex(table.index, name=table.index.name))
    except OSError as error:
        raise DataError(path, f"cannot be read ({error})", "check its permissions") from None
    except ValueError as error:  # pandas' parser errors, and bytes that are neither text nor dates
        record.put_aside(path, f"it cannot be read ({error})")
        return None


def series_names(record: ChainArchive, kind: Kind) -> list[str]:
    """Names of the recorded series of a kind, sorted."""
    return sorted(path.stem for path in (record.folder / kind).glob("*.csv"))


def is_restated(old: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Whether closes that both have differ, as after a split: the older series must then be fetched whole."""
    both = old.index.intersection(new.index)
    if not len(both) or "close" not in old:
        return False
    return bool((new.loc[both, "close"] / old.loc[both, "close"] - 1.0).abs().max() > RESTATED)


def merge_series(record: ChainArchive, kind: Kind, name: str, new: pd.DataFrame) -> tuple[int, pd.DataFrame]:
    """Merge new rows over the recorded ones, rows of other dates are kept; how many are new, and the whole series."""
    with record.lock():
        old = read_series(record, kind, name)
        merged = new if old is None else pd.concat([old[~old.index.isin(new.index)], new]).sort_index()
        if old is None or not merged.equals(old):
            record.write(series_path(record, kind, name), merged.to_csv().encode())
    return len(merged) - (0 if old is None else len(old)), merged


def recorded_dividends(record: ChainArchive, symbol: str) -> DividendSchedule | None:
    """Dividends that were fetched; None where none were."""
    is_there = read_series(record, "dividends", symbol) is not None  # and whole
    return load_dividends(series_path(record, "dividends", symbol)) if is_there else None


def recorded_index(record: ChainArchive, index: str, symbol: str, tenor_days: int) -> IvHistory | None:
    """Return the fetched volatility index as proxy for the symbol's own IV; None where none was fetched."""
    is_there = read_series(record, "indices", index) is not None
    return load_iv_history(series_path(record, "indices", index), symbol, tenor_days) if is_there else None
