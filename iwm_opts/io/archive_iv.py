"""IV10 and IV30 of every recorded chain: the IV history that the record grows by itself.

Kept in `iv.csv` with the chains and derived from them: missing rows are computed and added, rows of removed captures
drop out, and a lost or broken file is made again. Each row names the definition of the index that it was computed by:
rows of another one, or of none, count as lacking, so that no series is spliced from two.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

import pandas as pd

from iwm_opts.conventions import Exercise
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.archive import DATA_VARIABLE, Captured, ChainArchive, choose
from iwm_opts.io.chain_file import QUOTE_COLUMNS
from iwm_opts.kernels.panel.implied_rate import GROWTH_WINDOW_DAYS, SLOPE_WINDOW_DAYS
from iwm_opts.market.chain import Chain, expiry_slices
from iwm_opts.market.contract import settlement_of
from iwm_opts.market.forward import implied_forwards
from iwm_opts.market.iv_index import DEFINITION, iv_index
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.snapshot import chain_rate, european_equivalents, take_snapshot

INDEX_FILE: Final = "iv.csv"
TENORS: Final = (10, 30)
COLUMNS: Final = ("capture", "iv10", "iv30", "iv10_calendar", "iv30_calendar")
BY: Final = "definition"  # column behind them
READERS_WAIT: Final = 1.0  # seconds that who only reads waits for the lock
FARTHEST: Final[dict[Exercise, int]] = {  # days to the last expiration that a rate is read from
    "american": int(GROWTH_WINDOW_DAYS[1]) + 1,
    "european": int(SLOPE_WINDOW_DAYS[1]) + 1,
}
NEAR: Final = 60  # days within which an expiration beyond 30 days is looked for first
Values = dict[str, tuple[float, ...]]


def add_with_index(record: ChainArchive, chain: Chain) -> tuple[Captured, "pd.Series[float]"]:
    """Record a chain with its IV10 and IV30 and return both.

    Raises DataError when the record of the symbol is simulated and the chain is not, or the other way round: an IV
    history grown from both would be spliced unnoticed.
    """
    check_not_mixed(record, chain)
    captured = record.add(chain)
    values = iv_values(record, chain.symbol, {captured.key: chain})
    return captured, values[values.index == captured.key].iloc[0]


def iv_values(
    record: ChainArchive,
    symbol: str,
    at_hand: dict[str, Chain] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """IV10 and IV30 of every recorded capture, computed where the index lacks them.

    Computed values are kept; a record that cannot be written still returns them.

    `at_hand` holds chains by capture that need not be opened again; `progress` is called with (captures done, captures
    missing). Columns are `COLUMNS` but the first (decimals, NaN where the chain gives none), rows captures in order of
    time.
    """
    captures = [capture for day in record.days(symbol) for capture in record.captures(symbol, day)]
    computed = _read(record, symbol)
    missing = [capture for capture in captures if capture.key not in computed]
    for done, capture in enumerate(missing):
        chain = (at_hand or {}).get(capture.key) or record.open(capture, QUOTE_COLUMNS)
        if chain is not None:
            computed[capture.key] = _values(chain)
        if progress:
            progress(done + 1, len(missing))
    present = [capture.key for capture in captures if capture.key in computed]
    if missing or len(present) < len(computed):
        with suppress(DataError):  # the values follow from the chains: who cannot keep them has them still
            rows = [(key, *computed[key], DEFINITION) for key in present]
            text = pd.DataFrame(rows, columns=[*COLUMNS, BY]).to_csv(index=False)
            with record.lock(READERS_WAIT):
                record.write(record.chain_folder(symbol) / INDEX_FILE, text.encode())
    return pd.DataFrame([computed[key] for key in present], index=present, columns=list(COLUMNS[1:]), dtype=float)


def recorded_iv_history(record: ChainArchive, symbol: str, tenor_days: int = TENORS[0]) -> IvHistory:
    """Symbol's own IV series out of the record: one value a day, of the capture that `ChainArchive.chain` would take.

    Raises InputError when the tenor is neither 10 nor 30.
    """
    if tenor_days not in TENORS:
        raise InputError("ivr_tenor", tenor_days, "not a tenor of the archive", "choose 10 or 30")
    values = iv_values(record, symbol)
    days = {}
    for day in record.days(symbol):
        chosen = choose([capture for capture in record.captures(symbol, day) if capture.key in values.index])
        if chosen is not None:
            days[pd.Timestamp(day)] = values.loc[chosen.key, f"iv{tenor_days}"]
    closes = pd.Series(days, dtype=float, index=pd.DatetimeIndex(list(days), name="date"))
    series = f"{symbol} IV{tenor_days}"
    return IvHistory(series, tenor_days, closes, proxy=False, note=f"{series}: {symbol}'s own, from the local record")


def check_not_mixed(record: ChainArchive, chain: Chain) -> None:
    """Raise where the latest readable capture is simulated and the chain is not, or the other way round."""
    captures = (
        capture for day in reversed(record.days(chain.symbol)) for capture in record.captures(chain.symbol, day)
    )
    opened = (record.open(capture, ("strike",)) for capture in captures)
    latest = next((capture for capture in opened if capture is not None), None)
    if latest is not None and latest.simulated != chain.simulated:
        new, old = ("simulated", "real") if chain.simulated else ("real", "simulated")
        rule = f"holds {old} chains of {chain.symbol}, and this one is {new}: their IVs would be spliced"
        raise DataError(record.folder, rule, f"name another folder in {DATA_VARIABLE}", "symbol")


def _values(chain: Chain) -> tuple[float, ...]:
    """IV10 and IV30 on both clocks, as `take_snapshot` has them.

    From the expirations alone that they and the rate are read from; where those bracket no tenor, from all.
    """
    exercise: Exercise = "european" if chain.simulated else settlement_of(chain.quotes["root"].iloc[0]).exercise
    last = pd.Timestamp(chain.as_of) + pd.Timedelta(days=FARTHEST[exercise])
    slices = expiry_slices(replace(chain, quotes=chain.quotes[chain.quotes["expiration"] <= last]))
    rate = chain_rate(slices, None, exercise, None)[0].value
    near = [q for q in slices if q.dte <= NEAR]
    european = european_equivalents(None, chain.moment) if exercise == "american" else None
    iv = iv_index(near, implied_forwards(near, rate), european=european)
    if iv.reasons:
        iv = take_snapshot(chain, exercise=exercise).iv
    return iv.iv10, iv.iv30, iv.iv10_calendar, iv.iv30_calendar


def _read(record: ChainArchive, symbol: str) -> Values:
    """Values of today's definition by capture; a file that cannot be read counts as lost."""
    path = record.chain_folder(symbol) / INDEX_FILE
    try:
        table = pd.read_csv(path)
        table = table[table[BY] == DEFINITION]
        rows: Iterable[tuple[object, ...]] = table[list(COLUMNS)].itertuples(index=False)
        return {str(key): tuple(float(str(value)) for value in values) for key, *values in rows}
    except (OSError, ValueError, KeyError):  # pandas' parser errors are ValueErrors; no definition, no column
        return {}
