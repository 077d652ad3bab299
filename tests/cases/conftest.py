"""Files as users have them, kept gzipped; a test gets each under its own name and in its own encoding."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from iwm_opts.io.files import load_chain

FOLDER = Path(__file__).parent


@pytest.fixture
def case(tmp_path: Path) -> Callable[[str], Path]:
    """A case's file by `chains/NAME` or `series/NAME`, unpacked."""

    def unpacked(name: str) -> Path:
        path = tmp_path / Path(name).name
        path.write_bytes(gzip.decompress((FOLDER / f"{name}.gz").read_bytes()))
        return path

    return unpacked


@pytest.fixture(scope="session")
def base() -> pd.DataFrame:
    """Quotes that the chains of one market hold in many forms, by contract."""
    text = gzip.decompress((FOLDER / "chains/base.csv.gz").read_bytes()).decode()
    frame = pd.read_csv(io.StringIO(text), parse_dates=["expiration"])
    return frame.set_index(["expiration", "right", "strike"])[["bid", "ask"]].sort_index()


@pytest.fixture
def quotes_of() -> Callable[..., pd.DataFrame]:
    """Quotes of a chain file by contract."""

    def read(path: Path, **options: object) -> pd.DataFrame:
        frame = load_chain(path, **options).quotes  # type: ignore[arg-type]
        return frame.set_index(["expiration", "right", "strike"])[["bid", "ask"]].sort_index()

    return read
