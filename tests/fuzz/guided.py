"""Coverage-guided fuzz of readers, where atheris installs: `python tests/fuzz/guided.py bars -max_total_time=60`."""

import importlib.util
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["iwm_opts.io", "iwm_opts.journal"]):
    from iwm_opts.errors import IwmOptsError

    spec = importlib.util.spec_from_file_location("cases", Path(__file__).with_name("test_files.py"))
    assert spec is not None
    assert spec.loader is not None
    cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cases)

_, READ, CHECK = cases.KINDS[sys.argv.pop(1)]
FOLDER = Path(tempfile.mkdtemp())


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


atheris.Setup(sys.argv, one_input)
atheris.Fuzz()
