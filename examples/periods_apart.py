"""Does one stretch of the real market foretell another? Each resampled in blocks, and every other judged against it.

    python examples/periods_apart.py DATA             # 800 resamples of each stretch
    python examples/periods_apart.py DATA 100

DATA is a folder with daily/SPY_yahoo_long.csv.gz and vol/VIX_History.csv.gz, VIX9D_History.csv.gz and
VIX3M_History.csv.gz; IWM_OPTS_TEST_DATA names it where no argument does. SPY and VIX reach back to 1993, farther than
IWM and its own index. A model whose facts scatter as a stretch's own bootstrap says, or 1.5 times as much, can hold
another stretch for likely only where the last column lies below the limit.
"""

import os
import sys
from pathlib import Path

import numpy as np

from iwm_opts.research.facts import JOINT, NAMES, History, measure_facts, measure_resamples, scaled
from iwm_opts.research.history import HistoryFiles, real_history
from iwm_opts.research.path_ensemble import BAND, inverse_covariance, resample

STRETCHES = (
    ("1993-02-01", "1999-12-31"),
    ("2000-01-03", "2009-09-15"),
    ("2009-09-16", "2019-12-31"),
    ("2020-01-02", "2025-06-04"),
)
RESAMPLES = 800
WIDER = 1.5  # bands than the bootstrap's
COMPARED = JOINT & np.array(["slope" not in name for name in NAMES])  # no index of 9 days or 3 months reaches to 1993
HEAD = f"{'resampled':12}{'judged':12}{'distance':>9}{'95% within':>12}{'bands 1.5 times as wide':>25}"


def main() -> None:
    """Print a line for each pair."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.environ.get("IWM_OPTS_TEST_DATA", ""))
    if not (folder / "vol" / "VIX_History.csv.gz").exists():
        print("no market data: name a folder, or set IWM_OPTS_TEST_DATA")
        return
    resamples = int(sys.argv[2]) if len(sys.argv) > 2 else RESAMPLES
    histories = {f"{a[:4]}-{b[:4]}": real_history(files_of(folder), a, b) for a, b in STRETCHES}
    print(f"SPY and VIX, {COMPARED.sum()} facts\n{HEAD}")
    apart = 0
    for one, source in histories.items():
        for other, judged in histories.items():
            if one != other:
                distance, limit = joint_distance(source, judged, resamples)
                apart += distance / WIDER > limit
                print(f"{one:12}{other:12}{distance:9.1f}{limit:12.1f}{distance / WIDER:25.1f}")
    pairs = len(histories) * (len(histories) - 1)
    print(f"{apart} of {pairs} stretches lie outside what another foretells, bands 1.5 times as wide or not")


def files_of(folder: Path) -> HistoryFiles:
    """SPY with VIX in the place of IWM with RVX."""
    vol = folder / "vol"
    index = {name: vol / f"{name}_History.csv.gz" for name in ("VIX", "VIX9D", "VIX3M")}
    return HistoryFiles(
        folder / "daily" / "SPY_yahoo_long.csv.gz",
        index["VIX"],
        index["VIX9D"],
        index["VIX"],
        index["VIX3M"],
        symbol="SPY",
    )


def joint_distance(source: History, judged: History, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Of one stretch from resamples, of its length, of another; and what 95% of other resamples stay within."""
    rng = np.random.default_rng(3)
    samples = (resample(len(source), rng, len(judged)) for _ in range(resamples))
    drawn = scaled(measure_resamples(source, samples))[:, COMPARED]
    known, fresh = np.array_split(drawn, 2)
    mean, inverse = known.mean(axis=0), inverse_covariance(np.cov(known.T), drawn.std(axis=0))
    gaps = np.vstack([scaled(measure_facts(judged))[None, COMPARED], fresh]) - mean
    distances = np.sqrt(np.einsum("ij,jk,ik->i", gaps, inverse, gaps))
    return float(distances[0]), float(np.quantile(distances[1:], BAND[1]))


if __name__ == "__main__":
    main()
