"""Expect errors by their fields, and the names and figures of a message, but no sentence."""

import re
from collections.abc import Iterable

import numpy as np
import pytest

from iwm_opts.errors import DataError, InputError

ANY = type("Any", (), {"__eq__": lambda self, other: True, "__hash__": None, "__repr__": lambda self: "ANY"})()
SENTENCE = re.compile(r"(?<![\w`'.-])[a-z]+(?: [a-z]+){4,}(?![\w`'.-])")  # five plain words


def lacks(text: str, terms: tuple[object, ...]) -> list[str]:
    """Terms that a text does not hold as whole words or figures; 1.5 is not in 11.5, nor 20 in 20.5."""
    shown = [f"{term:g}" if isinstance(term, float) else str(term) for term in terms]
    assert not any(SENTENCE.search(term) for term in shown), "compare names and figures, not a sentence"
    return [term for term in shown if not re.search(rf"(?<![\w.]){re.escape(term)}(?!\w|\.\d)", text)]


def shows(texts: str | Iterable[str], *terms: object) -> bool:
    """Whether a line of a text, or of one of several, holds all these names and figures."""
    lines = (line for text in ([texts] if isinstance(texts, str) else texts) for line in text.splitlines())
    return any(not lacks(line, terms) for line in lines)


def refused(name: str, value: object = ANY, *terms: object) -> pytest.RaisesExc[InputError]:
    """Expect `InputError` of a parameter and its value; its message holds these names and figures."""

    def is_it(error: InputError) -> bool:
        both_nan = isinstance(value, float) and np.isnan(value) and np.isnan(error.value)
        assert (error.name, error.value) == (name, error.value if both_nan else value)
        assert lacks(str(error), terms) == [], str(error)
        return True

    return pytest.raises(InputError, check=is_it)


def refused_data(source: object, field: str = "", *terms: object) -> pytest.RaisesExc[DataError]:
    """Expect `DataError` of a field of a source: the last part of its path will do, and a day may follow."""
    ending = rf"(?:^|/){re.escape(str(source).lstrip('/'))}(?:, \d{{4}}-\d\d-\d\d)?$"

    def is_it(error: DataError) -> bool:
        assert re.search(ending, error.source), error.source
        assert error.field == field, str(error)
        assert lacks(str(error), terms) == [], str(error)
        return True

    return pytest.raises(DataError, check=is_it)
