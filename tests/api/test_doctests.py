"""Examples in public docstrings run as they are written."""

import doctest
from importlib import import_module

import pytest

import iwm_opts

MODULES = sorted({home for home in iwm_opts._HOMES.values() if home.startswith("iwm_opts.api.")})


@pytest.mark.parametrize("module", MODULES)
def test_examples(module):
    results = doctest.testmod(import_module(module), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0
