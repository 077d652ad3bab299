"""A chain as one Parquet file: its rows, and in the file's metadata whatever else was known of them."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from iwm_opts.conventions import CHAIN_COLUMNS, TIMEZONE
from iwm_opts.documents import parse_object
from iwm_opts.market.chain import Chain
from iwm_opts.market.quality import QualityReport

METADATA_KEY: Final = b"iwm_opts"
FORMAT: Final = 1
QUOTE_COLUMNS: Final = ("expiration", "root", "right", "strike", "bid", "ask")  # what prices are made of
DIGEST_LENGTH: Final = 16
PLAIN: Final = ("symbol", "spot", "spot_source", "session", "source", "simulated")  # go into the metadata as they are


def digest(content: bytes) -> str:
    """Name of a content: another byte anywhere is another name."""
    return hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]


def pack(chain: Chain) -> bytes:
    """Parquet bytes of a chain, the same for the same chain."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(chain.quotes, preserve_index=False)
    about = {name: getattr(chain, name) for name in PLAIN} | {
        "format": FORMAT,
        "as_of": chain.as_of.isoformat(),
        "quote_time": chain.quote_time.isoformat() if chain.quote_time else None,
        "modelled": chain.modelled,
        "warnings": list(chain.warnings),
        "quality": chain.quality.to_json(),
    }
    if chain.delay:
        about["delay"] = chain.delay.total_seconds()
    metadata = {**(table.schema.metadata or {}), METADATA_KEY: json.dumps(about, sort_keys=True).encode()}
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer, compression="zstd", version="2.6")
    return buffer.getvalue()


def unpack(content: bytes, columns: Sequence[str] = CHAIN_COLUMNS) -> Chain:
    """Chain that was packed, or as many of its columns as are wanted.

    Raises ValueError when the bytes are not such a file, or of a later format.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content), columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from None
    stored = (table.schema.metadata or {}).get(METADATA_KEY)
    if stored is None:
        raise ValueError("not a recorded chain")
    about = parse_object(stored)
    if about["format"] != FORMAT:
        raise ValueError(f"is of format {about['format']}, this version reads {FORMAT}")
    counts = {field.name: about["quality"][field.name] for field in fields(QualityReport)}
    time = about["quote_time"]
    return Chain(
        quotes=table.to_pandas(),
        as_of=date.fromisoformat(about["as_of"]),
        quote_time=datetime.fromisoformat(time).astimezone(ZoneInfo(TIMEZONE)) if time else None,
        quality=QualityReport(**{**counts, "notes": tuple(counts["notes"])}),
        modelled=about.get("modelled", False),  # files of before 2026-12 know no modelled quotes
        warnings=tuple(about["warnings"]),
        delay=timedelta(seconds=about.get("delay", 0.0)),
        **{name: about[name] for name in PLAIN},
    )
