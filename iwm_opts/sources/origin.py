"""What a Parquet file says about where its quotes come from: those of a model are never taken for a market's.

The files that `iwm-opts simulate` writes carry it in their footer; so does a recorded chain.
"""

import json
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from iwm_opts.sources.tables import DataFile

ORIGIN_KEY: Final = b"iwm_opts"
WORDS: Final = ("simulated", "modelled")


def with_origin(schema: Any, simulated: bool, modelled: bool, **more: Any) -> Any:
    """A schema whose files say that their quotes come from a model."""
    about = {"simulated": simulated, "modelled": modelled, **more}
    return schema.with_metadata({**(schema.metadata or {}), ORIGIN_KEY: json.dumps(about, sort_keys=True).encode()})


def origin_of(file: DataFile) -> dict[str, bool]:
    """Whether quotes are simulated or modelled; both False where the file does not say."""
    if file.kind != "parquet" or file.packed:
        return dict.fromkeys(WORDS, False)
    try:
        stored = (pq.read_schema(file.path).metadata or {}).get(ORIGIN_KEY)
        about = json.loads(stored) if stored else {}
    except (pa.ArrowException, OSError, ValueError):
        about = {}  # whatever ails the file shows where its rows are read
    return {word: bool(about.get(word, False)) for word in WORDS}
