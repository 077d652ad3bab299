"""Coverage-guided fuzz of readers, where atheris installs: `python tests/fuzz/guided.py bars -max_total_time=60`.

It begins with sound files of the kind in all forms and past findings. A crash names a file: put it in the corpus.
"""

import importlib.util
import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["iwm_opts.io", "iwm_opts.journal"]):
    from iwm_opts.errors import IwmOptsError

    spec = importlib.util.spec_from_file_location("cases", Path(__file__).with_name("test_files.py"))
    assert spec is not None
    assert spec.loader is not None
    cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cases)

KIND = sys.argv.pop(1)
MAKE, READ, CHECK = cases.KINDS[KIND]
FOLDER = Path(tempfile.mkdtemp())
SEEDS = FOLDER / "seeds"
FORMS = 20


def one_input(data: bytes) -> None:
    """Read one input; anything but a package error or a sound result is a finding."""
    path = FOLDER / "input"
    path.write_bytes(data)
    try:
        result = READ(path)
    except IwmOptsError as error:
        if len(str(error)) > 500:
            raise AssertionError(str(error)) from error
    else:
        CHECK(result)


SEEDS.mkdir()
for seed in range(FORMS):
    (SEEDS / str(seed)).write_bytes(cases.written(MAKE(), np.random.default_rng(seed)))
for path in Path(__file__).with_name("corpus").glob(f"{KIND}-*"):
    (SEEDS / path.name).write_bytes(path.read_bytes())
atheris.Setup([*sys.argv, str(SEEDS)], one_input)
atheris.Fuzz()
