import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from iwm_opts.cli.main import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Outcome]:
    """Run the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))
    for variable in ("IWM_OPTS_YAHOO_URL", "IWM_OPTS_CBOE_URL"):  # no test talks to the real ones
        if variable not in os.environ:
            monkeypatch.setenv(variable, "http://127.0.0.1:9")

    def call(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        # Which test compiles kernels is chance: its line is of no command's.
        lines = [line for line in captured.err.splitlines(keepends=True) if not line.startswith("Compiling kernels")]
        return Outcome(int(stop.value.code or 0), captured.out, "".join(lines))

    return call


@pytest.fixture(scope="session")
def chain_file(made_quotes: Callable[..., pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made chain in canonical columns."""
    file = tmp_path_factory.mktemp("chain") / "chain.csv.gz"
    made_quotes().to_csv(file, index=False)
    return file


@pytest.fixture(scope="session")
def history_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history that falls from 30 to 15 points: rank 0 on 2026-02-27."""
    file = tmp_path_factory.mktemp("history") / "RVX_History.csv"
    days = pd.bdate_range("2025-01-02", "2026-02-27")
    closes = pd.Series(range(len(days)), index=days).rsub(len(days)) / len(days) * 15 + 15
    pd.DataFrame({"DATE": days.strftime("%m/%d/%Y"), "CLOSE": closes.to_numpy().round(2)}).to_csv(file, index=False)
    return file
