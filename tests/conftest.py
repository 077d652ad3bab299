import os
from pathlib import Path

import pytest

DATA_VARIABLE = "IWM_OPTS_TEST_DATA"
BESIDE_THE_PROJECT = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Folder of real market data; the tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get(DATA_VARIABLE, BESIDE_THE_PROJECT))
    if not folder.is_dir():
        pytest.skip(f"no market data: set {DATA_VARIABLE} to a folder that holds it")
    return folder
