"""Fit the shape of the simulator's smiles to chains, and write the [smile] table of a parameter file.

    python examples/smile_calibration.py DATA

DATA is a folder of chains as in `CHAINS`; IWM_OPTS_TEST_DATA names it where no argument does. Skew and curvature of
each chain's smiles follow the level of vol and its slope, the convexity of wings is constant
(`iwm_opts.research.smile_fit`); the table is that of IWM. Skew's residuals at that convexity, from one session to the
next, give the speed and the vol of the simulator's skew factor.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
from four_stories import data_folder
from numpy.typing import NDArray

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.io.files import load_chain
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.research.smile_fit import ChainSample, chain_sample, fit_day, fit_shapes
from iwm_opts.simulation.parameters import SmileShape, shipped_parameters
from iwm_opts.simulation.surface import shape_at

Array = NDArray[np.float64]

SPX_SESSIONS = ("0425", "0430", "0503", "0508", "0513", "0516", "0522", "0528", "0531", "0605")
JUNE = ("0615", "0616", "0617", "0618", "0622", "0623", "0624", "0625", "0626", "0629", "0630", "0701", "0702")
CHAINS = (  # symbol, file, sessions, capture
    ("IWM", "IWM_cboe_full_20260615_20260702.csv.gz", [f"2026{day}" for day in JUNE], "mid"),
    ("IWM", "IWM_yahoo_20260708_20260710.csv.gz", ["20260710"], None),
    ("IWM", "IWM_leapengine_20260720.json.gz", ["20260720"], None),
    ("SPX", "SPX_cboe_20190425_20190607.csv.gz", [f"2019{day}" for day in SPX_SESSIONS], None),
    *(
        ("SPY", f"SPY_yfinance_{day}.csv.gz", [day], None)
        for day in ("20201005", "20250826", "20260211", "20260212", "20260213")
    ),
)
LONGEST_PAUSE = 4  # days between sessions that follow each other


def main() -> None:
    """Print the table."""
    folder = data_folder()
    if folder is None:
        print("no market data: name a folder, or set IWM_OPTS_TEST_DATA")
        return
    sys.stdout.write(smile_table(folder))


@cache
def samples(folder: Path) -> tuple[ChainSample, ...]:
    """Smiles of all chains."""
    chains = []
    for symbol, file, days, session in CHAINS:
        for day in days:
            as_of = date.fromisoformat(day)
            chain = load_chain(folder / "options" / file, symbol=symbol, as_of=as_of, session=session)
            chains.append(chain_sample(take_snapshot(chain, exercise="european" if symbol == "SPX" else "american")))
    return tuple(chains)


@cache
def points(folder: Path) -> Array:
    """Skew, log eta and convexity of each chain's smiles, shape (n, 3)."""
    smile = shipped_parameters().smile
    fits = (fit_day(smile, chain) for chain in samples(folder))
    return np.array([(fit.skew, fit.log_eta, fit.convexity) for fit in fits])


@cache
def points_at(folder: Path, convexity: float) -> Array:
    """Skew and log eta of each chain's smiles at one convexity, shape (n, 2)."""
    smile = shipped_parameters().smile
    fits = (fit_day(smile, chain, convexity) for chain in samples(folder))
    return np.array([(fit.skew, fit.log_eta) for fit in fits])


def smile_table(folder: Path) -> str:
    """Return the [smile] table of IWM; `tilt` and `gamma` are the shipped ones."""
    chains, fitted, shipped = samples(folder), points(folder), shipped_parameters().smile
    fit = fit_shapes(chains, fitted, "IWM")
    smile = fit.shape(shipped)
    smile = with_skew_factor(smile, chains, points_at(folder, smile.convexity))
    lines = ["[smile]"]
    for name in SmileShape.__slots__:
        value = getattr(smile, name)
        numbers = ", ".join(f"{number:.3g}" for number in value) if isinstance(value, tuple) else ""
        lines.append(f"{name} = [{numbers}]" if numbers else f"{name} = {value:.3g}")
    return "\n".join(lines) + "\n"


def with_skew_factor(smile: SmileShape, chains: Sequence[ChainSample], fitted: Array) -> SmileShape:
    """Return the smile with the factor that moves IWM's skew from day to day, and what it moves log eta by.

    Its vol is that of what level and slope leave from one session to the next, its speed gives it the spread that they
    leave.
    """
    rows = sorted((row for row, chain in enumerate(chains) if chain.symbol == "IWM"), key=lambda row: chains[row].day)
    days = np.array([chains[row].day.toordinal() for row in rows])
    level, slope = (np.array([getattr(chains[row], name) for row in rows]) for name in ("level", "slope"))
    skew, eta, _ = shape_at(smile, level, slope, 0.0)
    left = fitted[rows] - np.column_stack([skew, np.log(eta)])
    moves = np.diff(left, axis=0)[np.diff(days) <= LONGEST_PAUSE]
    vol = math.sqrt(SESSIONS_PER_YEAR * np.mean(moves[:, 0] ** 2))
    speed = 0.5 * vol**2 / np.mean(left[:, 0] ** 2)
    return replace(
        smile, skew_vol=vol, skew_speed=speed, eta_skew=float(moves[:, 0] @ moves[:, 1] / (moves[:, 0] @ moves[:, 0]))
    )


if __name__ == "__main__":
    main()
