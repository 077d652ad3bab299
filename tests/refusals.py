"""Expect an error by its fields: what is at fault, and the names and figures of its message, but no sentence."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from iwm_opts.errors import DataError, InputError

ANY = type("Any", (), {"__eq__": lambda self, other: True, "__hash__": None, "__repr__": lambda self: "ANY"})()
WORDS = re.compile(r"(?<![\w`'.-])[a-z]+(?: [a-z]+){2,}(?![\w`'.-])")  # three plain words: a sentence


def lacks(text: str, terms: tuple[object, ...]) -> list[str]:
    """Terms that a text does not hold as whole words or figures; 1.5 is not in 11.5, nor 20 in 20.5."""
    shown = [f"{term:g}" if isinstance(term, float) else str(term) for term in terms]
    assert not any(WORDS.search(term) for term in shown), "compare names and figures, not a sentence"
    return [term for term in shown if not re.search(rf"(?<![\w.]){re.escape(term)}(?!\w|\.\d)", text)]


@contextmanager
def refused(name: str, value: object = ANY, *terms: object) -> Iterator[pytest.ExceptionInfo[InputError]]:
    """Expect `InputError` of a parameter and its value; its message holds these names and figures."""
    with pytest.raises(InputError) as caught:
        yield caught
    error = caught.value
    both_nan = isinstance(value, float) and np.isnan(value) and np.isnan(error.value)
    assert (error.name, error.value) == (name, error.value if both_nan else value)
    assert lacks(str(error), terms) == [], str(error)


@contextmanager
def refused_data(source: object, field: str = "", *terms: object) -> Iterator[pytest.ExceptionInfo[DataError]]:
    """Expect `DataError` of a source (of a path, its last part will do) and a field where it names one."""
    with pytest.raises(DataError) as caught:
        yield caught
    error = caught.value
    assert error.source == str(source) or error.source.endswith(f"/{source}"), error.source
    assert error.field == field, str(error)
    assert lacks(str(error), terms) == [], str(error)
