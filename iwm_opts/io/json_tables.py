"""A table out of JSON: one list of records, bare or inside an object, such as Cboe's delayed quotes."""

import json
from typing import IO, Any

import pyarrow as pa


def table_of_records(stream: IO[bytes]) -> Any:
    """Records as rows of text; a plain value that stands beside their list holds for each of them.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    ValueError
        When the document is no JSON, or holds no list of records.
    """
    records, beside = _records(json.loads(stream.read().decode("utf-8-sig")))
    if not records:
        raise ValueError("holds no list of options")
    columns = dict.fromkeys(name for record in records for name in record)
    texts = {name: [_text(record.get(name)) for record in records] for name in columns}
    texts |= {name: [_text(value)] * len(records) for name, value in beside.items() if name not in texts}
    return pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _records(document: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Longest list of objects at most two levels down, and the plain values beside it."""
    if isinstance(document, list):
        return [record for record in document if isinstance(record, dict)], {}
    levels = [document, *(value for value in document.values() if isinstance(value, dict))]
    lists = [v for level in levels for v in level.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    beside = {k: v for level in reversed(levels) for k, v in level.items() if isinstance(v, str | int | float)}
    if "timestamp" in beside:  # when Cboe's delayed feed was read
        beside["feed_timestamp"] = beside.pop("timestamp")
    return max(lists, key=len, default=[]), beside
