"""Provenance of a Parquet file's quotes: recorded, modelled or simulated.

The files that `iwm-opts simulate` writes carry it in their footer; so does a recorded chain.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from iwm_opts.documents import parse_object
from iwm_opts.io.opening import open_regular

ORIGIN_KEY: Final = b"iwm_opts"
MAGIC: Final = b"PAR1"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the content of a file comes from."""

    simulated: bool = False
    modelled: bool = False
    rate: float | None = None  # that its options were priced at; None where the file does not say


def with_origin(schema: Any, origin: Origin, **more: Any) -> Any:
    """Return the schema whose files say where they come from."""
    about = {"simulated": origin.simulated, "modelled": origin.modelled, "rate": origin.rate, **more}
    return schema.with_metadata({**(schema.metadata or {}), ORIGIN_KEY: json.dumps(about, sort_keys=True).encode()})


def origin_of(path: Path) -> Origin:
    """Origin stored in a file; empty where it is not Parquet or has none."""
    try:
        with open_regular(path) as file:
            if file.read(len(MAGIC)) != MAGIC:
                return Origin()
        import pyarrow.parquet as pq  # 20 ms that no other file needs

        stored = (pq.read_schema(path).metadata or {}).get(ORIGIN_KEY)
        about = parse_object(stored) if stored else {}
        rate = about.get("rate")
        rate_used = float(rate) if isinstance(rate, int | float) and math.isfinite(rate) else None
        return Origin(bool(about.get("simulated")), bool(about.get("modelled")), rate_used)
    except (pa.ArrowException, OSError, ValueError, AttributeError):
        return Origin()  # whatever ails the file shows where its rows are read
