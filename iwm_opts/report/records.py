"""Results as records: the JSON of a screen, and its rows as CSV."""

import csv
import io
import json
import math
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import pandas as pd

from iwm_opts.conventions import REALISED_IMPLIED_VARIANCE_INTERVAL, REALISED_IMPLIED_VARIANCE_SOURCE
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.io.spreadsheet_text import guarded
from iwm_opts.market.gate import Gate
from iwm_opts.market.iv_index import IvIndex
from iwm_opts.market.iv_rank import IvRank
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.report.assignment_lines import assignment_records
from iwm_opts.report.screening import Screening
from iwm_opts.risk.sizing import Size
from iwm_opts.spreads.candidate import Candidate
from iwm_opts.spreads.empirical import Empirical
from iwm_opts.spreads.managed import METHOD, Managed
from iwm_opts.spreads.screen import Sized

Record = dict[str, Any]
IV_NAMES = (
    "series", "value", "value_date", "tenor_days", "rank", "percentile", "lookback", "observations", "coverage",
    "proxy", "note",
)  # fmt: skip
UNTRADED_SIZE = Size(0, 0.0, 0.0, "gate", "the gate is closed")


def as_json(record: Record) -> str:
    """JSON text; undefined or infinite values are null."""
    return json.dumps(finite(record), indent=2, allow_nan=False) + "\n"


def finite(value: Any) -> Any:
    """Record as JSON holds it: lists, floats to 10 digits, days as text, None for undefined or infinite values."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float):
        return round(value, 10) if math.isfinite(value) else None
    return value.isoformat() if isinstance(value, date) else value


def picked(source: object, *names: str) -> Record:
    """Attributes of an object by their names."""
    return {name: getattr(source, name) for name in names}


def market_record(snapshot: Snapshot) -> Record:
    """Source and assumptions of the market."""
    chain, schedule = snapshot.chain, snapshot.dividends
    last = snapshot.slices[-1].expiration if snapshot.slices else chain.as_of
    dividends = [picked(paid, "ex_date", "amount", "projected") for paid in snapshot.dividends_until(last)]
    return {
        **picked(chain, "source", "symbol", "as_of", "session", "quote_time", "spot", "simulated", "modelled"),
        "rate": snapshot.rate.value,
        "rate_source": snapshot.rate.source,
        "dividends": dividends if schedule else None,
        "dividends_source": schedule.source if schedule else None,
        "exercise": snapshot.exercise,
        "engine": snapshot.engine,
    }


def iv_record(rank: IvRank | None) -> Record:
    """IV rank and its history; every entry is None without one."""
    return dict.fromkeys(IV_NAMES) if rank is None else picked(rank, *IV_NAMES)


def chain_iv_record(iv: IvIndex) -> Record:
    """Chain's own constant-maturity vols."""
    return picked(iv, "iv10", "iv30", "iv10_calendar", "iv30_calendar")


def gate_record(gate: Gate) -> Record:
    """Condition and whether it holds."""
    return {"condition": gate.condition, "open": gate.is_open, "reasons": list(gate.reasons)}


def candidate_record(candidate: Candidate) -> Record:
    """Candidate without its size."""
    fill = picked(candidate.fill, "model", "offset", "slippage", "slippage_share_of_credit")
    leg = ("side", "right", "strike", "bid", "ask", "mid", "iv", "delta", "occ_symbol", "open_interest")
    return {
        "strategy": candidate.strategy,
        "expiration": candidate.expiration.isoformat(),
        **picked(candidate, "dte", "years"),
        "forward": candidate.forward.price,
        "discount": candidate.forward.discount,
        "atm_vol": candidate.atm_vol,
        "legs": [picked(each, *leg) for each in candidate.legs],
        "credit": {"mid": candidate.fill.mid, "natural": candidate.fill.natural, "fill": candidate.fill.price},
        "fill": fill | {"breakeven_slippage": candidate.breakeven_slippage},
        **picked(candidate, "fees", "max_profit", "max_loss", "max_loss_expiry", "max_loss_delivery"),
        "breakevens": list(candidate.breakevens),
        **picked(candidate, "pop", "pop_real_world", "prob_touch", "expected_profit", "expected_profit_rn"),
        "return_on_risk": candidate.return_on_risk,
        "managed": managed_record(candidate.managed),
        "empirical": None if candidate.empirical is None else empirical_record(candidate.empirical),
        "greeks": picked(candidate, "delta", "gamma", "theta", "vega"),
    }


def empirical_record(empirical: Empirical) -> Record:
    """Record the expected profit under returns of the past."""
    gains = {
        "expected_profit": empirical.expected_profit,
        "put_side_at_mid": empirical.put_side,
        "call_side_at_mid": empirical.call_side,
    }
    return {
        "rank": empirical.rank,
        **{
            f"{name}{end}": None if gain is None else getattr(gain, field)
            for name, gain in gains.items()
            for end, field in (("", "estimate"), ("_low", "low"), ("_high", "high"))
        },
        "put_side_at_mid_smile": empirical.put_side_smile,
        "call_side_at_mid_smile": empirical.call_side_smile,
    }


def exits_record(exits: ExitLevels, sides: Collection[bool]) -> Record:
    """Levels that close candidates; `sides` holds True of credits and False of debits.

    `stop` is a multiple of the entry price; of candidates whose sides differ in it an object with `credit` and `debit`.
    """
    stops = {"credit" if side else "debit": exits.stop_level(is_credit=side) for side in sorted(sides, reverse=True)}
    levels = set(stops.values())
    stop = levels.pop() if len(levels) == 1 else stops
    return {"profit": exits.profit, "stop": stop, "dte": exits.dte, "sessions": exits.sessions}


def managed_record(managed: Managed | None) -> Record | None:
    """Record the expectancy under the exits; None where unknown."""
    if managed is None:
        return None
    low, high = managed.prob_target_interval
    least, most = managed.expected_profit_interval
    return {
        "prob_target": managed.prob_target,
        "prob_target_low": low,
        "prob_target_high": high,
        **picked(managed, "prob_stop", "days_held", "expected_profit"),
        "expected_profit_low": least,
        "expected_profit_high": most,
        "expected_profit_error": managed.error,
    }


def sized_record(sized: Sized, is_open: bool) -> Record:
    """Candidate with its size: none at all behind a closed gate."""
    size = size_record(sized.size if is_open else UNTRADED_SIZE)
    return candidate_record(sized.candidate) | {"size": size | {"contracts_ungated": sized.size.contracts}}


def size_record(size: Size) -> Record:
    """Size, risk, buying power and the binding limit."""
    return picked(size, "contracts", "risk", "buying_power", "limited_by", "reason")


def screening_record(result: Screening) -> Record:
    """Everything a screen found."""
    rejected = result.screened.best_rejected
    best = {"rule": rejected[0]} | candidate_record(rejected[1]) if rejected is not None else None
    return {
        "market": market_record(result.snapshot),
        "iv": iv_record(result.rank),
        "chain_iv": chain_iv_record(result.snapshot.iv),
        "gate": gate_record(result.gate),
        "candidates": [
            sized_record(sized, result.gate.is_open) | {"assignment": assignment_records(result, sized.candidate)}
            for sized in result.screened.kept
        ],
        "screened": picked(result.screened, "considered", "rejected") | {"best_rejected": best},
        "measure": {
            "variance_ratio": result.variance_ratio,
            "source": REALISED_IMPLIED_VARIANCE_SOURCE if result.is_default_measure else "given",
            "interval": list(REALISED_IMPLIED_VARIANCE_INTERVAL) if result.is_default_measure else None,
            "managed": METHOD,
        },
        "exits": exits_record(
            result.exits, {sized.candidate.fill.price > 0 for sized in result.screened.kept} or {True, False}
        ),
        "quality": result.snapshot.chain.quality.to_json(),
        "warnings": list(result.warnings),
    }


def candidates_csv(result: Screening) -> str:
    """One row a candidate, nested names joined by underscores, legs numbered."""
    chain, is_open = result.snapshot.chain, result.gate.is_open
    head = {**picked(chain, "as_of", "simulated", "modelled"), "gate_open": is_open}
    return rows_as_csv([head | sized_record(sized, is_open) for sized in result.screened.kept], list(head))


def frame_records(frame: pd.DataFrame) -> list[Record]:
    """Rows as plain values; days as ISO text."""

    def plain(value: Any) -> Any:
        if isinstance(value, pd.Timestamp):
            return value.date().isoformat()
        return value.item() if hasattr(value, "item") else value

    return [{str(name): plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def parquet_bytes(frame: pd.DataFrame, title: str, lines: Sequence[str], label: str) -> bytes:
    """Table as Parquet; title, provenance and label in the file's metadata under `iwm_opts`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def of_one_type(column: "pd.Series[Any]") -> list[Any]:
        """Values of one type, as a Parquet column holds them; text where they differ."""
        values = [None if value is None or value is pd.NaT else value for value in column]
        kinds = {type(value) for value in values if value is not None}
        if kinds <= {int, float} or kinds in ({str}, {bool}, {date}):
            return values
        return [None if value is None else str(value) for value in values]

    plain = frame.assign(**{str(name): of_one_type(frame[name]) for name in frame if frame[name].dtype == object})
    table = pa.Table.from_pandas(plain)
    about = json.dumps({"title": title, "lines": list(lines), "label": label})
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), b"iwm_opts": about}), buffer)
    return buffer.getvalue()


def rows_as_csv(records: Sequence[Record], names: Sequence[str] = ()) -> str:
    """Return records as CSV; `names` come first, even without a record."""
    rows = [flat(record) for record in records]
    columns = list(dict.fromkeys([*names, *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writerow({name: guarded(name) for name in columns})
    writer.writerows({name: guarded(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def flat(record: Record, prefix: str = "") -> Record:
    """One level of a record: nested names joined by underscores, items of a list numbered."""
    row: Record = {}
    for key, value in record.items():
        name = f"{prefix}{key.removesuffix('s') if isinstance(value, list) else key}"
        if isinstance(value, list):
            for number, item in enumerate(value, 1):
                row |= flat(item, f"{name}_{number}_") if isinstance(item, dict) else {f"{name}_{number}": item}
        elif isinstance(value, dict):
            row |= flat(value, f"{name}_")
        else:
            row[name] = finite(value)
    return row
