"""A table out of JSON, whatever its nesting: lists of records, maps of records, columns, pandas' orients, ticks.

Records are found by content: the largest family of objects with the same names, wherever they are. A value nested in a
record gets the path for a name (`greeks.delta`); plain values above it hold for it; the key it is filed under is `key`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from iwm_opts.documents import parse_json
from iwm_opts.io.answers import own_result, refusal, value_at
from iwm_opts.io.layouts.common import SYNONYMS
from iwm_opts.io.layouts.layout import plain
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.parse import RIGHTS

MAX_DEPTH: Final = 12
MAX_CELLS: Final = 50_000_000
# Names that say, where set, that more of a vendor's answer is elsewhere.
PAGED: Final = (
    ("Alpaca", "next_page_token"),
    ("Polygon", "next_url"),
    ("Schwab", "isChainTruncated"),
    ("EODHD", "links.next"),
    ("ThetaData", "header.next_page"),
)
NOTHING: Final = ("", "null")  # texts of no next page
KEY: Final = "key"
MOST_ANSWERS: Final = 500  # of a vendor in one document
FEWEST_NAMES: Final = 4  # known names that make a lone object a row
SHOWN: Final = 500  # characters of an answer without rows
TICKER: Final = re.compile(r"[A-Z]{1,5}(?:\.[A-Z])?")
_LEVEL: Final = r"(?:'[^']*'|Timestamp\('[^']*'\)|\d+(?:\.\d+)?)"
MULTI_INDEX: Final = re.compile(rf"\({_LEVEL}(?:, {_LEVEL})+\)")
LEVEL: Final = re.compile(r"(?:Timestamp\('([^']*)'\)|'?([^'(), ]+)'?)")  # of such a key
ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
KNOWN: Final = frozenset(name for names in (*SYNONYMS.values(), *NAMES.values()) for name in names)
Cells = dict[str, Any]


class AnswerError(ValueError):
    """A vendor's answer holds no data."""


class OwnResultError(ValueError):
    """A command of this package wrote the document."""


@dataclass(frozen=True, slots=True)
class _Family:
    """Records that lie at one place of the document."""

    records: list[Cells]
    names: frozenset[str]


def table_of_records(text: str) -> Any:
    """Return a pyarrow table of the records, as text; a plain value of the object around their list holds for each.

    Raises AnswerError when the document holds no records; with what the vendor says. Raises OwnResultError when it is
    the result of a command of this package. Raises ValueError when the document is invalid JSON, is nested too deep, or
    is one page of several.
    """
    document = _document(text.lstrip("\ufeff"))
    if command := own_result(document):
        raise OwnResultError(f"is the JSON of iwm-opts {command}, not data of a market")
    special = _special(document)
    families = [_Family(special, frozenset(special[0]))] if special else list(_walk(document, {}, 0))
    if not any(_knowledge(family) >= FEWEST_NAMES for family in families):
        families += _single(document, {})  # Tradier writes a lone option without a list
    records = _chosen(families)
    said = refusal(document)
    if said and not any(plain(name) in KNOWN for record in records[:1] for name in record):
        raise AnswerError(f"is an answer without data; {said}")
    if not records:
        raise AnswerError(f"is an answer without rows: {text.strip()[:SHOWN]}")
    _check_page(document, len(records))
    columns = dict.fromkeys(name for record in records for name in record)
    if len(columns) * len(records) > MAX_CELLS:
        raise ValueError(f"holds {len(columns)} columns of {len(records)} rows, more than {MAX_CELLS:,} cells")
    texts = {}
    for name in columns:
        values = (record.get(name) for record in records)
        cells = (None if value is None or isinstance(value, list | dict) else str(value) for value in values)
        texts[name] = pa.array([cell if cell and cell.strip() else None for cell in cells], pa.string())
    return pa.table(texts)


def levels(name: str) -> list[str]:
    """Parts of a MultiIndex column, such as `('Open', 'IWM')`; none of a plain one."""
    if not (name.startswith(("('", "['")) and name.endswith(("')", "']"))):
        return []
    return [part.strip(" '\"") for part in name[1:-1].split(",")]


def _check_page(document: Any, rows: int) -> None:
    """Refuse one page of a vendor's answer: fewer rows than it counts, or the address of more."""
    remedy = "fetch the rest and join the lists"
    total = value_at(document, "meta.total")
    if isinstance(total, int):
        if rows < total:
            raise ValueError(f"is a part of an answer of EODHD ({rows} rows, meta.total is {total}): {remedy}")
        return
    for vendor, name in PAGED:
        if (value := value_at(document, name)) and value not in NOTHING:
            raise ValueError(f"is a part of an answer of {vendor} ({name} is set): {remedy}")


def _document(text: str) -> Any:
    """Document, or the list of those of JSON lines."""
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        if "Extra data" not in error.msg:
            raise
    records = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                records.append(parse_json(line))
            except ValueError as error:
                raise ValueError(f"line {number} is not JSON: {error}") from None
    return records


def _special(document: Any) -> list[Cells]:
    """Return the records of a document in a form of its own: rows below names, columns, ticks, pandas' orients."""
    if isinstance(document, list):
        if len(document) < 2 or not all(isinstance(row, list) for row in document):
            return []
        names, *rows = document
        if any(isinstance(cell, dict | list) for cell in names):
            return []  # answers, one below the other
        if not all(isinstance(name, str) for name in names) or not any(plain(name) in KNOWN for name in names):
            raise ValueError('holds rows without names of columns, as pandas\' orient="values"')
        if any(len(row) != len(names) for row in rows):
            raise ValueError("holds rows of another length than its columns")
        return [dict(zip(names, row, strict=True)) for row in rows]
    if not isinstance(document, dict):
        return []
    is_series = all(ISO_DAY.match(day) and not isinstance(value, dict | list) for day, value in document.items())
    if is_series:  # of `Series.to_json`: a map from day to value
        return [{KEY: day, "value": value} for day, value in document.items()]
    return (
        _pandas_split(document)
        or _ticks(document)
        or _chart(document)
        or _column_lists(document)
        or _column_maps(document)
    )


def _single(node: Any, above: Cells, depth: int = 0) -> list[_Family]:
    """Lone object with the names of a row, anywhere in a document."""
    if not isinstance(node, dict) or depth > MAX_DEPTH:
        return []
    record = _flat(node, plain_only=True)
    family = _Family([above | record], frozenset(record))
    if _knowledge(family) >= FEWEST_NAMES:
        return [family]
    return [found for child in node.values() for found in _single(child, above | record, depth + 1)]


def _walk(node: Any, above: Cells, depth: int) -> Iterator[_Family]:
    if depth > MAX_DEPTH:
        raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(node, list | dict) and len(node) <= MOST_ANSWERS:
        keys = list(node) if isinstance(node, dict) else [""] * len(node)
        beside = above if isinstance(node, list) else above | _flat(node, plain_only=True)
        answers = []  # several in one document (by ticker, by expiration, one below the other), each in such a form
        for key, item in zip(keys, node.values() if isinstance(node, dict) else node, strict=True):
            if special := _special(item):
                rows = [beside | _said_by(key, keys) | row for row in special]
                answers.append(_Family(rows, frozenset(special[0])))
        if answers := [family for family in answers if _knowledge(family) >= FEWEST_NAMES]:
            yield from answers
            return
    if isinstance(node, list):
        records = [item for item in node if isinstance(item, dict)]
        if nested := [item for item in node if isinstance(item, list) or _is_map(item)]:
            for item in nested:
                yield from _walk(item, above, depth + 1)
            records = [record for record in records if not _is_map(record)]
        yield from _siblings([(None, record) for record in records], above, depth)
    elif isinstance(node, dict):
        if _is_map(node) and not all(
            TICKER.fullmatch(key) and key not in RIGHTS and _is_map(value) for key, value in node.items()
        ):
            yield from _siblings(list(node.items()), above, depth)
            return
        beside = above | {name: value for name, value in _flat(node, plain_only=True).items() if value is not None}
        if "timestamp" in beside:  # next to the records it is when the feed was read (Cboe's delayed quotes)
            beside = {("feed_timestamp" if name == "timestamp" else name): value for name, value in beside.items()}
        keys = [key for key, value in node.items() if isinstance(value, list | dict)]
        for key in keys:
            yield from _walk(node[key], beside | _said_by(key, keys), depth + 1)


def _said_by(key: str, keys: Iterable[str] = ()) -> Cells:
    """Right, expiration or ticker that options are filed under: `calls`, `2026-10-09`, `IWM` where `SPY` is another."""
    if key.upper() in RIGHTS:
        return {"right": key}
    names = list(keys)
    if len(names) > 1 and all(TICKER.fullmatch(name) for name in names):
        return {"underlying_symbol": key}
    return {"expiration": key} if ISO_DAY.fullmatch(key) else {}


def _siblings(records: list[tuple[str | None, Cells]], above: Cells, depth: int) -> Iterator[_Family]:
    """Family of records, and those of the lists and maps inside them."""
    if not records:
        return
    rows = [({} if key is None else _filed(key)) | _flat(record) for key, record in records]
    names = frozenset(name for cells in rows for name in cells)
    beside = {name: value for name, value in above.items() if name not in names}
    yield _Family([beside | cells for cells in rows], names - {KEY})
    keys = [key for key, _ in records if key is not None]
    for key, record in records:
        inner = {name: value for name, value in record.items() if isinstance(value, list | dict)}
        beside = above | ({} if key is None else {KEY: key} | _said_by(key, keys)) | _flat(record, plain_only=True)
        for name, value in inner.items():
            holds_more = isinstance(value, dict) and any(isinstance(cell, list | dict) for cell in value.values())
            if isinstance(value, list) or holds_more:
                yield from _walk(value, beside | _said_by(name), depth + 1)


def _is_map(node: Any) -> bool:
    """Whether an object is a map of records."""
    if not isinstance(node, dict) or len(node) < 2 or not all(isinstance(value, dict) for value in node.values()):
        return False
    first, *others = (set(record) for record in list(node.values())[:50])
    return bool(first) and all(len(first & names) >= 0.5 * len(first | names) for names in others)  # most names shared


def _filed(key: Any) -> Cells:
    """Cells that the key of a row says; of a row of pandas' MultiIndex its ticker too."""
    parts = [str(part) for part in key] if isinstance(key, list) else []
    if isinstance(key, str) and MULTI_INDEX.fullmatch(key):
        parts = [day or name for day, name in LEVEL.findall(key)]
    tickers = [part for part in parts if TICKER.fullmatch(part)]
    if len(parts) != 2 or len(tickers) != 1:
        return {KEY: key}
    return {"symbol": tickers[0], KEY: next(part for part in parts if part != tickers[0])}


def _flat(record: Mapping[str, Any], prefix: str = "", plain_only: bool = False, depth: int = 0) -> Cells:
    """Plain values of an object and of the objects inside it, by path; raw and fmt pairs (Yahoo) are the raw value."""
    cells: Cells = {}
    if depth > MAX_DEPTH:
        raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
    for key, value in record.items():
        if isinstance(value, dict):
            if "raw" in value:
                cells[f"{prefix}{key}"] = value["raw"]
            elif not plain_only or not any(
                isinstance(cell, dict | list) and cell and not (isinstance(cell, dict) and "raw" in cell)
                for cell in value.values()
            ):
                cells |= _flat(value, f"{prefix}{key}.", plain_only, depth + 1)
        elif not isinstance(value, list):
            cells[f"{prefix}{key}"] = value
    return cells


def _chosen(families: list[_Family]) -> list[Cells]:
    """Rows of the likeliest families: those whose names say most of options, all that have about the same names."""
    if not families:
        return []
    pooled: list[_Family] = []
    for family in families:
        twin = next((f for f in pooled if len(f.names & family.names) >= 0.7 * len(f.names | family.names)), None)
        if twin is None:
            pooled.append(_Family(list(family.records), family.names))
        else:
            twin.records.extend(family.records)
    # Of as many records the innermost: they carry what lies above them.
    return max(pooled, key=lambda f: (_knowledge(f) >= 2, len(f.records), len(f.records[0]))).records


def _knowledge(family: _Family) -> int:
    """Names of quotes and contracts among those of a family."""
    names = {plain(name) for name in family.names}
    return len(names & KNOWN) + len({plain(name.rpartition(".")[2]) for name in family.names if "." in name} & KNOWN)


def _pandas_split(document: Cells) -> list[Cells]:
    """`orient="split"` and `"table"`."""
    data = document.get("data")
    if isinstance(document.get("schema"), dict) and isinstance(data, list):
        return [row for row in data if isinstance(row, dict)]
    columns = document.get("columns")
    if not isinstance(columns, list) or not isinstance(data, list):
        return []
    names = [str(name) for name in columns]
    rows = [row for row in data if isinstance(row, list)]
    if any(len(row) != len(names) for row in rows):
        raise ValueError("holds rows of another length than its columns")
    index = document.get("index")
    keys = index if isinstance(index, list) and len(index) == len(rows) else range(len(rows))
    is_numbered = all(key == place for place, key in enumerate(keys))
    return [
        ({} if is_numbered else _filed(key)) | dict(zip(names, row, strict=True))
        for key, row in zip(keys, rows, strict=True)
    ]


def _column_lists(document: Cells) -> list[Cells]:
    """One list a column (MarketData), all of one length; single values next to them hold for each row."""
    lists = {name: value for name, value in document.items() if isinstance(value, list) and value}
    if len(lists) < 2 or any(isinstance(item, dict | list) for value in lists.values() for item in value[:1]):
        return []
    lengths = Counter(len(value) for value in lists.values())
    rows = lengths.most_common(1)[0][0]
    if len(lengths) > 1:
        wrong = next(name for name, value in lists.items() if len(value) != rows)
        raise ValueError(f"column {wrong!r} has {len(lists[wrong])} values, the others {rows}")
    beside = {name: value for name, value in document.items() if not isinstance(value, list | dict)}
    return [beside | {name: value[row] for name, value in lists.items()} for row in range(rows)]


def _column_maps(document: Cells) -> list[Cells]:
    """`orient="columns"`: for each name a map from row to value."""
    maps = {name: value for name, value in document.items() if isinstance(value, dict)}
    if len(maps) < len(document) or not maps:
        return []
    is_filed_by_day = all(ISO_DAY.match(key) for column in maps.values() for key in column)
    count = sum(any(plain(part) in KNOWN for part in levels(name) or [name]) for name in maps)
    if count < 3 and (not is_filed_by_day or any(map(ISO_DAY.match, maps))):
        return []
    if any(isinstance(value, dict | list) for column in maps.values() for value in list(column.values())[:1]):
        return []
    rows = dict.fromkeys(key for column in maps.values() for key in column)
    is_numbered = all(key == str(place) for place, key in enumerate(rows))
    return [
        ({} if is_numbered else _filed(key)) | {name: column.get(key) for name, column in maps.items()} for key in rows
    ]


def _chart(document: Cells) -> list[Cells]:
    """Yahoo's chart: times, and under `indicators.quote` a list a price."""
    try:
        (result,) = document["chart"]["result"]
        lists = {"timestamp": result["timestamp"], **result["indicators"]["quote"][0]}
        lists |= {name: series[0][name] for name, series in result["indicators"].items() if name != "quote"}
        meta = result.get("meta") or {}
        named = {name: meta[name] for name in ("symbol", "currency") if name in meta}
        return [named | dict(zip(lists, cells, strict=True)) for cells in zip(*lists.values(), strict=True)]
    except (KeyError, TypeError, IndexError, ValueError):
        return []


def _ticks(document: Cells) -> list[Cells]:
    """ThetaData v2: the header names the cells of each tick, the contract next to them holds for them."""
    header = document.get("header")
    response = document.get("response")
    names = header.get("format") if isinstance(header, dict) else None
    if not isinstance(names, list) or not isinstance(response, list):
        return []
    records = []
    if response and all(isinstance(tick, list) for tick in response):  # of one contract, which the answer does not name
        return [dict(zip(map(str, names), tick, strict=False)) for tick in response]
    for item in response:
        if not isinstance(item, dict) or not isinstance(item.get("ticks"), list):
            return []
        contract = item.get("contract")
        contract = contract if isinstance(contract, dict) else {}
        records += [
            contract | dict(zip(map(str, names), tick, strict=False))
            for tick in item["ticks"]
            if isinstance(tick, list)
        ]
    return records
