"""Write the tables of README and docs that come out of market data again, or say which differ.

    python examples/tables.py DATA            # names the pages with a table that differs; status 1 where one does
    python examples/tables.py DATA --write

DATA is the folder of `examples/four_stories.py`; IWM_OPTS_TEST_DATA names it where no argument does: so the test of
the examples compares the tables where the data are there. A table lies between the lines `<!-- table NAME -->` and
`<!-- end table -->` of a Markdown file, and NAME is a key of `TABLES`.
"""

import re
import sys
from collections.abc import Callable
from datetime import date
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from four_stories import data_folder, files_of, history_rules, stories

from iwm_opts.backtest.evidence import gather_evidence
from iwm_opts.backtest.resolve import modelled_trial
from iwm_opts.io.files import load_chain
from iwm_opts.market.gate import gate_ranks
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.spread_fit import (
    CELLS,
    FRIDAY,
    SMALLEST_CELL,
    TRADED_DELTA,
    fit_expiration_factors,
    spread_observations,
    spread_ratio,
    spread_terms,
)
from iwm_opts.sources.modelled import ModelledMarket
from iwm_opts.sources.modelled_files import open_modelled

FULL, NEAR = "IWM_cboe_full_20260615_20260702", "IWM_cboe_0-13dte_20260716_20260731"
JUNE, JULY = (15, 16, 17, 18, 22, 23, 24, 25, 26, 29, 30), (16, 17, 20, 21, 22, 23, 24, 27, 28, 29, 30, 31)
CLOSE_ALONE = date(2026, 7, 24)  # has no capture in session
ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
TABLE = re.compile(r"(<!-- table ([\w-]+) -->\n)(.*?)(<!-- end table -->)", re.DOTALL)


def main() -> None:
    """Compare or write every table."""
    is_written = "--write" in sys.argv
    sys.argv[:] = [argument for argument in sys.argv if argument != "--write"]
    folder = data_folder()
    if folder is None:
        print("no market data: name a folder, or set IWM_OPTS_TEST_DATA")
        return
    differing = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fresh = TABLE.sub(partial(filled, folder), text)
        if fresh != text:
            differing.append(str(page.relative_to(ROOT)))
            if is_written:
                page.write_text(fresh, encoding="utf-8")
    print("\n".join(differing) or "every table is what the code gives")
    sys.exit(bool(differing) and not is_written)


def filled(folder: Path, match: re.Match[str]) -> str:
    """Fill a table between its markers from the data."""
    return match[1] + TABLES[match[2]](folder) + match[4]


@cache
def market_of(folder: Path) -> ModelledMarket:
    """Open the modelled market of all years."""
    return open_modelled(files_of(folder))


def gate_by_weekday(folder: Path) -> str:
    """Share of sessions after which the gate is open, by weekday and lookback."""
    history = market_of(folder).iv_history(10)
    lines = ["| lookback | Mon | Tue | Wed | Thu | Fri |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for lookback in (252, 10):
        ranks = gate_ranks(history, lookback).dropna()
        weekday = pd.DatetimeIndex(ranks.index).day_of_week
        shares = (ranks < 20.0).groupby(weekday).mean()
        lines.append(f"| {lookback} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    return "\n".join(lines) + "\n"


def four_stories(folder: Path) -> str:
    """Return the table and the finding of `examples/four_stories.py`."""
    return f"```text\n{stories(folder)}\n```\n"


def one_factor(folder: Path) -> str:
    """Return the default rules of histories with one thing changed, gated and ungated."""
    trial = modelled_trial(files_of(folder))
    evidence = gather_evidence([trial], history_rules(), random_draws=0)
    lines = ["| rules | gated, $ a trade | 95% interval | trades | ungated | 95% interval |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    given, without = evidence.strategy, evidence.baselines[0]
    rows = [("as given: wings 1.5%", given.trades, given.per_trade, without.per_trade)]
    rows += [(factor.name, factor.trades, factor.gated, factor.ungated) for factor in evidence.factors]
    for name, trades, gated, ungated in rows:
        spans = [f"{each.estimate:+.2f} | {each.low:+.2f} to {each.high:+.2f}" for each in (gated, ungated)]
        lines.append(f"| {name} | {spans[0]} | {trades:,} | {spans[1]} |".replace("|delta|", "delta"))
    return "\n".join(lines) + "\n"


def spread_days(folder: Path, session: str) -> list[pd.DataFrame]:
    """Quoted spreads of the 25 sessions of June and July 2026, every other session in one of two halves."""
    paths = [(folder / "options" / f"{FULL}.csv.gz", date(2026, 6, day)) for day in JUNE]
    paths += [(folder / "options" / f"{FULL}.csv.gz", date(2026, 7, day)) for day in (1, 2)]
    paths += [(folder / "options" / f"{NEAR}.csv.gz", date(2026, 7, day)) for day in JULY]
    halves = []
    for part in (paths[::2], paths[1::2]):
        days = [(path, day) for path, day in part if session == "close" or day != CLOSE_ALONE]
        halves.append(
            spread_observations([load_chain(path, symbol="IWM", as_of=day, session=session) for path, day in days])
        )
    return halves


def quoted_spreads(folder: Path) -> str:
    """Return trimmed mean spreads of the model over the quotes', each half judged by the other's factors."""
    coefficients = np.array(shipped_parameters().spread.coefficients)
    lines = ["| | 2-7 days | 8-13 | 14-21 | 22-50 |", "| --- | ---: | ---: | ---: | ---: |"]
    for session, words in (("mid", "in session"), ("close", "after the close")):
        halves = spread_days(folder, session)
        ratios: dict[tuple[str, int], list[float]] = {}
        for fitted, judged in (halves, halves[::-1]):
            factors = fit_expiration_factors(coefficients, fitted)
            quotes = judged[judged["delta"].abs().between(*TRADED_DELTA)].copy()
            none, days = np.zeros(len(quotes)), quotes["days"].to_numpy()
            terms = spread_terms(quotes["premium"].to_numpy(), none, quotes["is_call"].to_numpy(), days)
            quotes["raw"] = np.exp(terms @ coefficients)
            is_friday = quotes["expiration"].dt.day_of_week == FRIDAY
            for name, is_in in (("friday", is_friday), ("other", ~is_friday)):
                for place, cell in enumerate(CELLS):
                    inside = quotes[is_in & quotes["days"].between(*cell)]
                    if len(inside) >= SMALLEST_CELL:
                        ratios.setdefault((name, place), []).append(spread_ratio(inside, factors[name]))
        for name, called in (("friday", "Fridays"), ("other", "other days")):
            spans = [sorted(ratios.get((name, place), [])) for place in range(len(CELLS))]
            cells = [f"{span[0]:.2f}-{span[-1]:.2f}" if span else "" for span in spans]
            lines.append(f"| {called}, {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


TABLES: dict[str, Callable[[Path], str]] = {
    "gate-by-weekday": gate_by_weekday,
    "four-stories": four_stories,
    "one-factor": one_factor,
    "quoted-spreads": quoted_spreads,
}


if __name__ == "__main__":
    main()
