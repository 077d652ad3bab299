"""Saved results: a folder with options, trades, equity and figures.

A folder is put in place whole or not at all, and another result in it is replaced only with `overwrite`.
"""

import hashlib
import json
import math
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.metrics import MADE, Metrics, measure
from iwm_opts.backtest.periods import by_calendar
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.trial import PooledResult, Trial
from iwm_opts.conventions import Provenance
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.atomic import UNFINISHED, put_folder, write_durably
from iwm_opts.io.failures import why
from iwm_opts.io.opening import MAX_OWN, as_kind, as_path, read_object, read_whole

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LAYOUT: Final = 1  # of the folder; raised when its contents change
FILES: Final = ("config.json", "summary.json", "trades.parquet", "equity.parquet")
CONFIG, SUMMARY, TRADES, EQUITY = FILES
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Market:
    name: str
    path: int
    scenario: str


@dataclass(frozen=True, slots=True)
class _Config:
    """What is read of a configuration."""

    version: str
    asked: dict[str, Any]
    rules: dict[str, Any]
    markets: list[_Market]
    provenance: str | None
    simulated: bool
    data: dict[str, str] | None
    first: str
    last: str
    skipped: dict[str, int]
    notes: list[str]


USED: Final = tuple(field.name for field in fields(_Config))


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """A result as saved; frames as in `trial.PooledResult`."""

    config: Record
    summary: Record
    trades: pd.DataFrame
    equity: pd.DataFrame
    folder: Path

    @property
    def rules(self) -> Rules:
        """The rules that were traded."""
        return rules_from_record(self.config["rules"])

    @property
    def metrics(self) -> Metrics:
        """Figures, computed anew from trades and equity."""
        return measure(self.trades, self.equity, self.rules.size.account)


def rules_record(rules: Rules) -> Record:
    """Rules as plain values, in the shape of their classes."""
    return plain(_rules_adapter().dump_python(rules, mode="json"))  # type: ignore[no-any-return]


def rules_from_record(record: Mapping[str, Any]) -> Rules:
    """Rules that `rules_record` wrote.

    Raises
    ------
    DataError
        When something is missing, unknown or out of its range.
    """
    from pydantic import ValidationError

    read, macro = dict(record), record.get("macro")
    if isinstance(macro, Mapping) and "at_least" in macro:  # up to release 0.2: the bound itself
        drop = round(-float(macro["at_least"] or 0.0), 8)
        read["macro"] = {"symbol": str(macro.get("name")).removesuffix(" return"), "drop": drop}
    try:
        return _rules_adapter().validate_python(read)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        rule = ": ".join(filter(None, (place, first["msg"].removeprefix("Value error, "))))
        raise DataError("rules", rule, "run the backtest again", place) from None


@cache
def _rules_adapter() -> "TypeAdapter[Rules]":
    """Made once: it takes as long as a hundred backtests of a sweep."""
    from pydantic import TypeAdapter

    return TypeAdapter(Rules)


def save_result(folder: Path, result: PooledResult, asked: Mapping[str, Any], overwrite: bool = False) -> bool:
    """Put a result into a folder of its own.

    Parameters
    ----------
    folder : Path
        Made if need be; its parent too.
    result : PooledResult
    asked : mapping
        How the market was named and what else is needed to run it again: options as typed.
    overwrite : bool
        Replace another result in the folder.

    Returns
    -------
    bool
        False where the folder already holds the same result; nothing is written then.

    Raises
    ------
    InputError
        When the folder holds anything else, unless it is a result alone and `overwrite` is given.
    DataError
        When it cannot be written; the earlier content is kept.
    """
    folder = Path(os.path.realpath(as_path(folder)))
    config, frames = _config(result, asked), (result.trades, result.equity)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        check_result_folder(folder)
        held = load_result(folder)
        is_same = all(held.config.get(name) == config[name] for name in config if name not in ("version", "asked"))
        if is_same and held.trades.equals(_read_back(frames[0])) and held.equity.equals(_read_back(frames[1])):
            return False
        if not overwrite:
            raise InputError("output", str(folder), "holds another result", "name another folder, or add `overwrite`")
        if others := sorted(path.name for path in folder.iterdir() if path.name not in FILES):
            rule = f"holds {', '.join(others[:3])} beside the result, which `overwrite` would remove"
            raise InputError("output", str(folder), rule, "move it away, or name another folder")
    made = folder.parent / f".{secrets.token_hex(8)}{UNFINISHED}"
    try:
        made.mkdir(parents=True)
        write_durably(made / CONFIG, _json(config))
        uncertainty = {"uncertainty": result.uncertainty.record()} if result.uncertainty else {}
        write_durably(made / SUMMARY, _json(summary_record(*frames, result.account) | uncertainty))
        write_durably(made / TRADES, _parquet(result.trades.assign(**provenance(result))))
        write_durably(made / EQUITY, _parquet(result.equity))
        put_folder(made, folder, overwrite=overwrite)
    except OSError as error:
        remedy = "check its permissions, and that nothing else writes there"
        raise DataError(folder, f"cannot be written: {error.strerror or error}", remedy) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return True


def check_result_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but a result, before one is worked out for it.

    Raises
    ------
    InputError
        Naming the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not (folder / CONFIG).exists():
        raise InputError("output", str(folder), "holds files other than a result", "name an empty or a new folder")


def load_result(folder: Path) -> Saved:
    """Read a saved result.

    Raises
    ------
    DataError
        When the folder is none, or a file of it is missing or damaged.
    """
    if not as_path(folder).is_dir():
        raise DataError(folder, "not a folder", "name one that iwm-opts backtest --output wrote", "kind")
    if not (folder / CONFIG).exists():
        raise DataError(
            folder, "holds no saved backtest", "name a folder that iwm-opts backtest --output wrote", "files"
        )
    config, summary = _read_json(folder / CONFIG), _read_json(folder / SUMMARY)
    if config.get("layout") != LAYOUT:
        raise DataError(
            folder / CONFIG, f"layout {config.get('layout')!r} is not known", "run the backtest again", "layout"
        )
    about = {name: config.get(name) for name in USED}
    as_kind(about, _Config, folder / CONFIG, CONFIG, "run the backtest again")
    trades = _read_frame(folder / TRADES).drop(columns=list(MADE), errors="ignore")
    return Saved(config, summary, trades, _read_frame(folder / EQUITY), folder)


def provenance(result: PooledResult) -> dict[str, bool]:
    """Return the values of `MADE`."""
    return dict(zip(MADE, (not result.kind.is_real, result.kind is Provenance.MODELLED), strict=True))


def summary_record(trades: pd.DataFrame, equity: pd.DataFrame, account: float) -> Record:
    """Figures of a result as a record: of all of it, and year by year."""
    years = by_calendar(trades, equity, account).reset_index().to_dict("records")
    return {"metrics": asdict(measure(trades, equity, account)), "by_year": years}


def _config(result: PooledResult, asked: Mapping[str, Any]) -> Record:
    first = result.results[0]
    days = first.equity.index
    skips = sorted({name for part in result.results for name in part.skipped})
    return {
        "layout": LAYOUT,
        "version": version("iwm-opts"),
        "asked": plain(dict(asked)),
        "rules": rules_record(first.rules),
        "markets": [
            {"name": part.market, "path": trial.path, "scenario": trial.scenario}
            for part, trial in zip(result.results, result.trials, strict=True)
        ],
        "provenance": result.kind,
        "simulated": not result.kind.is_real,
        "data": data_digests(result.trials),
        "first": days[0].date().isoformat(),
        "last": days[-1].date().isoformat(),
        "gate_open_days": sum(part.gate_open_days for part in result.results),
        "ranked_days": sum(part.ranked_days for part in result.results),
        "skipped": {name: sum(part.skipped.get(name, 0) for part in result.results) for name in skips},
        "notes": list(result.notes),
    }


def data_digests(trials: Sequence[Trial]) -> Record:
    """Digest what was traded and ranked: prices, IV history and macro series, and the names of the series."""
    digests = {name: hashlib.sha256() for name in ("prices", "iv_history", "macro")}
    for trial in trials:
        digests["prices"].update(trial.market.spot.tobytes() + trial.market.digest.encode())
        digests["iv_history"].update(trial.history.closes.to_numpy().tobytes())
        digests["macro"].update(b"" if trial.macro is None else trial.macro.to_numpy().tobytes())
    named = {"series": trials[0].history.series}
    return named | {name: digest.hexdigest()[:16] for name, digest in digests.items()}


def _read_back(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.read_parquet(BytesIO(_parquet(frame)))


def _json(record: Record) -> bytes:
    return (json.dumps(plain(record), indent=2, allow_nan=False) + "\n").encode()


def plain(value: Any) -> Any:
    """JSON values; infinity as pydantic reads it, undefined values as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def _read_json(file: Path) -> Record:
    record = read_object(file, "run the backtest again")
    if record is None:
        raise DataError(file, "does not exist", "run the backtest again", "path")
    return record


def _read_frame(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(BytesIO(read_whole(file, MAX_OWN)))
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(file, f"cannot be read ({why(error)})", "run the backtest again", "content") from None
