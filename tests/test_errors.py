"""Errors as they pass from a worker to its parent."""

import pickle

import pytest

from iwm_opts.errors import ConflictError, DataError, InputError

ERRORS = (
    InputError("name", 1.5, "breaks a rule", "mend it"),
    ConflictError("name", None, "contradicts another"),
    DataError("file.csv", "breaks a rule", "mend it", field="strike"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_after_it_was_sent(error):
    sent = pickle.loads(pickle.dumps(error))
    assert (type(sent), str(sent), vars(sent)) == (type(error), str(error), vars(error))
