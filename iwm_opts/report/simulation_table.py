"""Files of a simulated market, and throughput of backtests: as text and records."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.backtest.throughput import Pace, Throughput
from iwm_opts.conventions import counted
from iwm_opts.market.chain import LABELS
from iwm_opts.report.console import plain_table, render, render_page
from iwm_opts.report.records import Record
from iwm_opts.sources.export import Plan, Written


def export_table(plan: Plan, written: Sequence[Written], columns: int | None = None) -> str:
    """One row a kind of file."""
    world = f"scenario {plan.scenario.name}" if plan.scenario else "calibrated dynamics"
    head = f"{plan.parameters.setting.symbol}  {plan.first} to {plan.last}, seed {plan.seed}, {world}"
    rows = (
        (item.kind, f"{item.files:,}", f"{item.rows:,}", f"{item.size / 1e6:,.1f}", item.example) for item in written
    )
    table = plain_table("kind", "files", "rows", "MB", "such as", left=("kind", "such as"), rows=rows)
    note = Text("chains are quoted as European options on IWM: commands that read them price them so", style="yellow")
    return render_page(LABELS["simulated"], [head, table, "", note], columns=columns)


def bench_table(throughput: Throughput, machine: str, columns: int | None = None) -> str:
    """Throughput as text."""
    rows = (
        (
            pace.name, str(pace.threads), _rate(pace.ten_years_per_second), _rate(pace.package_days_per_second),
            f"{throughput.ratio(pace):,.0f}" if pace is not throughput.plain else "1",
        )
        for pace in (throughput.plain, *throughput.ways)
    )  # fmt: skip
    same = "to the cent" if throughput.agrees else "NOT the same in both: please report it"
    years = (
        f"{throughput.plain.backtest_days / 252.0:.1f} years of daily condors behind the gate, on a simulated market"
    )
    parts: list[RenderableType] = [
        Text.assemble((years, "bold"), f"  {machine}"),
        plain_table("way", "cores", "10-year tests/s", "condor-days/s", "ratio", left=("way",), rows=rows),
        "",
        f"plain Python and kernels: {counted(throughput.trades, 'trades')}, {same}; the fastest run counts",
        "shared marks: priced once and followed by every variant; their condor-days are those followed",
    ]
    return render(parts, columns)


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10.0 else f"{value:.1f}"


def bench_record(throughput: Throughput, machine: str) -> Record:
    """Throughput as a record for JSON."""

    def paced(pace: Pace) -> Record:
        return asdict(pace) | {
            "ten_year_backtests_per_second": pace.ten_years_per_second,
            "condor_days_per_second": pace.package_days_per_second,
            "ratio_to_plain_python": throughput.ratio(pace),
        }

    return {
        "machine": machine, "simulated": True, "trades": throughput.trades, "agrees": throughput.agrees,
        "plain": paced(throughput.plain), "ways": [paced(pace) for pace in throughput.ways],
    }  # fmt: skip
