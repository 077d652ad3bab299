"""CPU of whole commands, as ratios to starting Python with numba, pandas and pyarrow (F).

    python benchmarks/bench_commands.py [NAME ...] [--repeats 3] [--data FOLDER]

Every command runs once to compile its kernels, then `--repeats` times on one core; the least CPU (user and system, its
children's included) counts, and the peak memory. F is measured again before each command, so that a
machine that slows down does not slow the ratio. Commands on real data need the test data (README), by default
IWM_OPTS_TEST_DATA.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

START = [sys.executable, "-c", "import numba, pandas, pyarrow"]
PROGRAM = [sys.executable, "-c", "from iwm_opts.cli.main import run; run()"]
CHAIN = "{data}/options/IWM_cboe_full_20260615_20260702.csv.gz"
MODELLED = (
    "--source modelled --bars {data}/daily/IWM_yahoo_long.csv.gz --iv-history {data}/vol/RVX_History.csv.gz"
    " --slope-history {data}/vol/VIX9D_History.csv.gz --slope-base {data}/vol/VIX_History.csv.gz"
    " --dividends {data}/daily/IWM_dividends.csv --from 2009-01-02 --to 2025-12-31"
)
COMMANDS = {  # name: (arguments, most F)
    "condor, real file": (f"condor --source {CHAIN} --as-of 2026-06-26 --session mid", 2.0),
    "condor, sim": ("condor --source sim", 2.0),
    "ivr, sim": ("ivr --source sim", 1.7),
    "fills, sim": ("fills --source sim", 1.7),
    "size": ("size --max-loss 395 --account 50000 --risk 1%", 1.7),
    "backtest, sim": ("backtest --source sim --paths 2", 3.0),
    "backtest, modelled": (f"backtest {MODELLED}", 4.0),
    "evidence, sim": ("evidence --source sim", 6.0),
    "evidence, modelled": (f"evidence {MODELLED}", 6.0),
    "sweep of nine, sim": ("sweep --source sim --grid profit=0.25,0.5,none --grid short-delta=0.1,0.16,0.25", 4.0),
    "facts": ("facts", None),
}


def cost(command: list[str], folder: str) -> tuple[float, float]:
    """CPU seconds of a command, and its peak memory in MB."""
    env = os.environ | {"IWM_OPTS_DATA": folder, "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, cwd=folder, env=env)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)}\n{errors.read()}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="part of a command's name")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", default=os.environ.get("IWM_OPTS_TEST_DATA"), type=Path)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print("| command | F | at most | s | MB |\n| --- | ---: | ---: | ---: | ---: |")
    for name, (arguments, most) in COMMANDS.items():
        if options.names and not any(part in name for part in options.names):
            continue
        if "{data}" in arguments and options.data is None:
            print(f"| {name} | no test data | | | |")
            continue
        command = [*PROGRAM, *arguments.format(data=options.data).split()]
        with tempfile.TemporaryDirectory() as folder:
            cost(command, folder)
            start = min(cost(START, folder)[0] for _ in range(options.repeats))
            seconds, memory = zip(*(cost(command, folder) for _ in range(options.repeats)), strict=True)
        limit = "" if most is None else f"{most:.1f}"
        print(f"| {name} | {min(seconds) / start:.1f} | {limit} | {min(seconds):.2f} | {max(memory):.0f} |", flush=True)


if __name__ == "__main__":
    main()
