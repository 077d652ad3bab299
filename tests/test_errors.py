"""Errors as they pass from a worker to its parent."""

import pickle

import pytest

from iwm_opts.errors import ConflictError, DataError, InputError
from tests.refusals import refused, refused_data

ERRORS = (
    InputError("name", 1.5, "breaks a rule", "mend it"),
    ConflictError("name", None, "contradicts another"),
    DataError("file.csv", "breaks a rule", "mend it", field="strike"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_after_it_was_sent(error):
    sent = pickle.loads(pickle.dumps(error))
    assert (type(sent), str(sent), vars(sent)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        (refused("width", 5), InputError("delta", 5, "breaks a rule")),
        (refused("width", 5), InputError("width", 6, "breaks a rule")),
        (refused("width", 5, 10), InputError("width", 5, "has 100, or 1.10")),
        (refused_data("a.csv"), DataError("/tmp/aa.csv", "breaks a rule")),
        (refused_data("a.csv", "strike"), DataError("/tmp/a.csv", "breaks a rule", field="bid")),
        (refused_data("a.csv", "strike", "row 2"), DataError("/tmp/a.csv", "row 20", field="strike")),
    ],
)
def test_an_error_of_another_reason_is_not_the_expected_one(expected, error):
    with pytest.raises(AssertionError), expected:
        raise error


def test_a_sentence_is_not_compared():
    with pytest.raises(AssertionError, match="sentence"), refused("width", 5, "it has to be a multiple"):
        raise InputError("width", 5, "it has to be a multiple of five")
