"""Throughput for people and as a record."""

from dataclasses import asdict
from typing import Any

from rich.text import Text

from iwm_opts.backtest.throughput import Pace, Throughput
from iwm_opts.conventions import counted
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record


def bench_table(throughput: Throughput, machine: str, columns: int | None = None) -> str:
    """Whole page as text."""
    table = plain_table("way", "cores", "10-year tests/s", "condor-days/s", "ratio", left=("way",))
    for pace in (throughput.plain, *throughput.ways):
        table.add_row(
            pace.name,
            str(pace.threads),
            _rate(pace.ten_years_per_second),
            _rate(pace.package_days_per_second),
            f"{throughput.ratio(pace):,.0f}" if pace is not throughput.plain else "1",
        )
    same = "to the cent" if throughput.agrees else "NOT the same in both: please report it"
    years = throughput.plain.backtest_days / 252.0
    return render(
        [
            Text.assemble(
                (f"{years:.1f} years of daily condors behind the gate, on a simulated market", "bold"), f"  {machine}"
            ),
            table,
            Text(""),
            Text(f"plain Python and kernels: {counted(throughput.trades, 'trades')}, {same}; the fastest run counts"),
            Text("shared marks: priced once and followed by every variant; their condor-days are those followed"),
        ],
        columns,
    )


def bench_record(throughput: Throughput, machine: str) -> Record:
    """Everything as a record for JSON."""
    return {
        "machine": machine,
        "simulated": True,
        "trades": throughput.trades,
        "agrees": throughput.agrees,
        "plain": _pace_record(throughput, throughput.plain),
        "ways": [_pace_record(throughput, pace) for pace in throughput.ways],
    }


def _pace_record(throughput: Throughput, pace: Pace) -> dict[str, Any]:
    rates = {
        "ten_year_backtests_per_second": pace.ten_years_per_second,
        "condor_days_per_second": pace.package_days_per_second,
        "ratio_to_plain_python": throughput.ratio(pace),
    }
    return asdict(pace) | rates


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10.0 else f"{value:.1f}"
