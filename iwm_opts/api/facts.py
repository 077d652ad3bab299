"""The simulator compared with real data, and calibrated to it."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import pandas as pd

from iwm_opts.api.cluster import OnCluster, cluster_mapper
from iwm_opts.api.result import OnProgress, Result
from iwm_opts.errors import ConflictError
from iwm_opts.io.files import load_chain
from iwm_opts.market.chain import LABELS
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.report.facts_table import (
    ChainSmiles,
    acceptance_csv,
    acceptance_record,
    acceptance_table,
    provenance_csv,
    provenance_table,
)
from iwm_opts.report.records import Record
from iwm_opts.research.acceptance import Acceptance, accept, judge_windows, target_from
from iwm_opts.research.calibration import calibrate
from iwm_opts.research.calibration_provenance import to_toml, with_provenance
from iwm_opts.research.history import HistoryFiles
from iwm_opts.research.smile_comparison import compare_smiles
from iwm_opts.simulation.parameters import control_parameters, parameters_of

if TYPE_CHECKING:
    from distributed import Client

FIRST, LAST = date(2009, 9, 16), date(2025, 6, 4)  # of the RVX file that the facts were measured on
HISTORIES: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsRequest:
    """How the simulated market compares with a real one.

    Parameters
    ----------
    files : HistoryFiles, optional
        Real data; the record that the parameter file carries of its own calibration unless given.
    first, last : date
        Days of the comparison, or of a calibration.
    histories : int
        Simulated for each window.
    parameters : str, optional
        Calibration, TOML, or `to-2019`.
    chain : str, optional
        Real chain whose smiles are compared with the model's.
    session : str, optional
    as_of : date, optional
        Capture and day of the chain.
    cluster : str, optional
        Dask cluster to simulate on; see `iwm_opts.backtest.cluster.open_client`.
    """

    files: HistoryFiles | None = None
    first: date = FIRST
    last: date = LAST
    histories: int = HISTORIES
    parameters: str | None = None
    chain: str | None = None
    session: str | None = None
    as_of: date | None = None
    cluster: str | None = None

    def __post_init__(self) -> None:
        if self.first >= self.last:
            raise ConflictError("first", self.first.isoformat(), f"must come before `last` {self.last}", "swap them")

    @property
    def span(self) -> tuple[str, str]:
        """First and last day as text."""
        return self.first.isoformat(), self.last.isoformat()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FactsResult(Result):
    """Each fact of the real market against its distribution in the simulated one."""

    plotted: ClassVar[tuple[str, ...]] = ("distance", "window", "name")

    acceptance: Acceptance
    smiles: ChainSmiles | None

    def to_frame(self) -> pd.DataFrame:
        """One row a window and fact: real value and simulated quantiles."""
        return pd.read_csv(io.StringIO(self.to_csv()))

    def record(self) -> Record:
        return acceptance_record(self.acceptance, self.smiles)

    def to_csv(self) -> str:
        return acceptance_csv(self.acceptance)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return acceptance_table(self.acceptance, self.smiles, columns)

    def headline(self) -> tuple[str, list[str], str]:
        return "simulated against real", [], LABELS["simulated"]

    def picture(self, suffix: str) -> bytes:
        """Real against simulated as PNG, SVG or PDF."""
        from iwm_opts.report.facts_picture import facts_picture

        return facts_picture(self.acceptance, self.smiles, suffix)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CalibrationRecord(Result):
    """Calibration record of a parameter file.

    Attributes
    ----------
    provenance : mapping
    control : mapping, optional
        The same of the model fitted to the years up to 2019 alone.
    """

    provenance: Mapping[str, object]
    control: Mapping[str, object] | None

    def to_frame(self) -> pd.DataFrame:
        """One row a window and fact."""
        return pd.read_csv(io.StringIO(self.to_csv()))

    def record(self) -> Record:
        return {"simulated": True, "provenance": self.provenance, "control": self.control}

    def to_csv(self) -> str:
        return provenance_csv(self.provenance)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return provenance_table(self.provenance, self.control, columns)

    def headline(self) -> tuple[str, list[str], str]:
        return "calibration record", [], LABELS["simulated"]


def answer_facts(
    request: FactsRequest,
    on_progress: OnProgress | None = None,
    client: "Client | None" = None,
    on_cluster: OnCluster | None = None,
) -> FactsResult | CalibrationRecord:
    """Compare the simulator with real data; see `FactsRequest`."""
    parameters = parameters_of(request.parameters)
    if request.files is None:
        control = None if request.parameters else control_parameters().provenance
        return CalibrationRecord(parameters.provenance, control)
    smiles = None
    if request.chain:
        symbol = parameters.setting.symbol
        chain = load_chain(Path(request.chain), symbol=symbol, as_of=request.as_of, session=request.session)
        smiles = ChainSmiles(chain, compare_smiles(parameters.smile, take_snapshot(chain)))
    with cluster_mapper(request.cluster, client, on_cluster, is_kept=True) as mapper:
        acceptance = accept(parameters, request.files, *request.span, request.histories, on_progress, mapper)
    return FactsResult(acceptance, smiles)


def calibrated_parameters(request: FactsRequest, on_progress: OnProgress | None = None) -> str:
    """Fit parameters to the files from the first to the last day; up to half an hour.

    Returns
    -------
    str
        A parameter file, TOML, with the record of its own calibration.
    """
    assert request.files is not None  # a calibration needs data
    target = target_from(request.files, *request.span)
    fitted = calibrate(parameters_of(request.parameters), target, report=on_progress)
    judged = judge_windows(fitted, request.files, {"fitted to": request.span})
    names = ", ".join(Path(getattr(request.files, item.name)).name for item in fields(request.files))
    return to_toml(with_provenance(fitted, request.span, judged, names))
