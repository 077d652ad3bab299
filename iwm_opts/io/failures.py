"""Failures of parsers at the boundary: every one of them leaves as the package's own error."""

import csv
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pyarrow as pa

from iwm_opts.errors import DataError, IwmOptsError

# What parsers raise on damaged bytes: those of pandas derive from ValueError, the rest of the standard library's and
# pyarrow's are named. A gate is put around parsers alone: the package's own code raises none of these on purpose.
FOREIGN: Final = (
    pa.ArrowException, OSError, EOFError, zlib.error, csv.Error, struct.error, ValueError, TypeError, LookupError,
    AttributeError, ArithmeticError, NotImplementedError, RecursionError, MemoryError, UnicodeError,
)  # fmt: skip


def why(error: BaseException) -> str:
    """Reason of a failure, in one line."""
    reason = getattr(error, "strerror", None) or str(error)
    # pyarrow's words for a Parquet file
    reason = reason.partition(". Either the file is corrupted")[0].removeprefix(
        "Could not open Parquet input source '<Buffer>': "
    )
    return " ".join(reason.split())[:200] or type(error).__name__


@contextmanager
def gate(source: object, remedy: str, rule: str = "{}") -> Iterator[None]:
    """Turn the failures of parsers into `DataError`; `rule` has a place for the reason."""
    try:
        yield
    except IwmOptsError:
        raise
    except FOREIGN as error:
        raise DataError(source, rule.format(why(error)), remedy, "content") from None
