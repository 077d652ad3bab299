"""Errors as they pass from a worker to its parent."""

import importlib
import inspect
import pickle
import pkgutil
from datetime import date

import pytest

import iwm_opts
from iwm_opts.errors import ConflictError, DataError, InputError, IwmOptsError
from iwm_opts.io.selection import NoSuchDayError, raise_no_day
from tests.refusals import refused, refused_data, shows


def kinds(base):
    """All classes of errors of the package below one."""
    for module in pkgutil.walk_packages(iwm_opts.__path__, "iwm_opts."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return [kind for each in base.__subclasses__() for kind in (each, *kinds(each))]


def test_an_error_of_every_class_is_the_same_after_it_was_sent():
    classes = {kind for kind in kinds(IwmOptsError) if kind.__module__.startswith("iwm_opts.")}
    assert {InputError, DataError, ConflictError, NoSuchDayError} <= classes
    for kind in classes:
        error = kind(*(f"made {name}" for name in inspect.signature(kind).parameters))
        for name in vars(kind).get("__annotations__", {}):
            setattr(error, name, (date(2026, 3, 2),))
        sent = pickle.loads(pickle.dumps(error))
        assert (type(sent), str(sent), sent.args, vars(sent)) == (kind, str(error), error.args, vars(error))


def test_a_day_that_a_file_lacks_is_sent_with_the_days_it_has():
    days = (date(2026, 3, 2), date(2026, 3, 4))
    with pytest.raises(NoSuchDayError) as raised:
        raise_no_day("file.csv", days, date(2026, 3, 3))
    assert pickle.loads(pickle.dumps(raised.value)).days == days


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
    with pytest.raises(AssertionError) as failed, refused("width", 5, "it has to be a multiple"):
        raise InputError("width", 5, "it has to be a multiple of five")
    assert shows(str(failed.value), "sentence")
