"""Simulated markets as files, and how fast backtests run."""

import os
import platform
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import pandas as pd

from iwm_opts.api.cluster import OnCluster, cluster_mapper
from iwm_opts.api.result import OnProgress, Result
from iwm_opts.backtest.throughput import LAST, Throughput, measure_throughput
from iwm_opts.conventions import counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.age import now
from iwm_opts.market.calendar import sessions
from iwm_opts.market.chain import LABELS
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.simulation_table import bench_record, bench_table, export_table
from iwm_opts.simulation.parameters import parameters_of
from iwm_opts.simulation.scenarios import Scenario, load_scenarios, scenario
from iwm_opts.sources.export import Plan, Written, export

if TYPE_CHECKING:
    from distributed import Client

FIRST: Final = date(2016, 1, 4)  # a fixed day: the same seed gives the same files whenever it is run
DAYS: Final = 2520
MAX_DTE: Final = 100  # calendar days
Rhythm = Literal["daily", "weekly", "monthly", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateRequest:
    """Simulated markets as files.

    Parameters
    ----------
    output : Path
        Folder to write, or to continue in.
    days : int, optional
        Sessions: 2,520, or the scenario's, unless given.
    paths : int
    seed : int
    first : date, optional
        First session: 2016-01-04, or the scenario's, unless given.
    scenario : str, optional
        A shipped one, `FILE.toml` or `FILE.toml:NAME`.
    parameters : str, optional
        Calibration, TOML, or `to-2019`.
    chains : {"daily", "weekly", "monthly", "none"}
        Days whose closing chains are written.
    max_dte : int
        Calendar days to the farthest expiration.
    intraday : bool
        5-minute bars too.
    workers : int, optional
        Processes; one a core unless given.
    cluster : str, optional
        Dask cluster that makes the files in place of processes; see `iwm_opts.backtest.cluster.open_client`.
    """

    output: Path
    days: int | None = None
    paths: int = 1
    seed: int = 1
    first: date | None = None
    scenario: str | None = None
    parameters: str | None = None
    chains: Rhythm = "daily"
    max_dte: int = MAX_DTE
    intraday: bool = False
    workers: int | None = None
    cluster: str | None = None

    def plan(self) -> Plan:
        """Files to write, every default filled in."""
        world = _scenario(self.scenario)
        first = self.first or (world.first if world else FIRST)
        days = self.days or (world.sessions if world else DAYS)
        ahead = sessions(first, now().date()).tolist() if first <= now().date() else []
        if len(ahead) < days:  # no history may end in the future
            rule = f"there are {counted(len(ahead), 'sessions')} from {first} to today"
            raise InputError("days", days, rule, "simulate fewer, or begin earlier with `first`")
        return Plan(
            parameters_of(self.parameters), world, self.seed, self.paths, first, ahead[days - 1], self.chains,
            self.max_dte, self.intraday,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ExportResult(Result):
    """Files that were written."""

    plotted: ClassVar[tuple[str, ...]] = ("size", "kind")

    plan: Plan
    folder: Path
    written: tuple[Written, ...]

    def rows(self) -> list[Record]:
        """One row a kind of file: files, rows, size (bytes), an example."""
        return [asdict(item) for item in self.written]

    def record(self) -> Record:
        return {**self.plan.manifest(), "output": str(self.folder), "files": [asdict(item) for item in self.written]}

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return export_table(self.plan, self.written, columns)

    def headline(self) -> tuple[str, list[str], str]:
        return str(self.folder), [f"{self.plan.first} to {self.plan.last}"], LABELS["simulated"]


def answer_simulate(
    request: SimulateRequest,
    on_progress: OnProgress | None = None,
    client: "Client | None" = None,
    on_cluster: OnCluster | None = None,
) -> ExportResult:
    """Write simulated markets; see `SimulateRequest`."""
    plan = request.plan()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with cluster_mapper(request.cluster, client, on_cluster) as mapper:
        written = export(plan, request.output, request.workers or cores, on_progress, mapper)
    return ExportResult(plan, request.output, tuple(written))


def _scenario(name: str | None) -> Scenario | None:
    """Shipped scenario by name, or one out of a file: FILE.toml where it holds one, else FILE.toml:NAME."""
    if name is None:
        return None
    file, ending, inner = name.rpartition(".toml")
    if not ending or not (inner == "" or inner.startswith(":")):
        return scenario(name)
    from_file = load_scenarios(Path(file + ending))
    if inner:
        return scenario(inner[1:], from_file)
    if len(from_file) != 1:
        raise DataError(
            file + ending,
            f"holds {len(from_file)} scenarios: {', '.join(from_file)}",
            f"name one: {name}:NAME",
            "scenario",
        )
    return next(iter(from_file.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """How fast backtests run.

    Parameters
    ----------
    repeats : int
        Of each measurement; the fastest counts.
    years : int
        Of the market, at most 10.
    """

    repeats: int = 3
    years: int = 10


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BenchResult(Result):
    """Backtests and condor-days a second, by way of running them."""

    plotted: ClassVar[tuple[str, ...]] = ("condor_days_per_second", "name")

    throughput: Throughput
    machine: str

    def to_frame(self) -> pd.DataFrame:
        """One row a way of running: backtests and condor-days a second."""
        record = self.record()
        return pd.DataFrame([record["plain"], *record["ways"]])

    def record(self) -> Record:
        return bench_record(self.throughput, self.machine)

    def to_csv(self) -> str:
        record = self.record()
        return rows_as_csv([record["plain"], *record["ways"]])

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return bench_table(self.throughput, self.machine, columns)

    def headline(self) -> tuple[str, list[str], str]:
        return self.machine, [], LABELS["simulated"]


def answer_bench(request: BenchRequest, on_progress: OnProgress | None = None) -> BenchResult:
    """Measure throughput; see `BenchRequest`."""
    first = date(LAST.year - request.years + 1, 1, 2)
    throughput = measure_throughput(request.repeats, first, LAST, on_progress)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return BenchResult(throughput, machine)
