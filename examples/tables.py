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
from functools import cache, partial
from pathlib import Path

import pandas as pd
from four_stories import data_folder, files_of, history_rules, stories

from iwm_opts.backtest.evidence import gather_evidence
from iwm_opts.backtest.resolve import modelled_trial
from iwm_opts.market.gate import gate_ranks
from iwm_opts.sources.modelled import ModelledMarket
from iwm_opts.sources.modelled_files import open_modelled

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


TABLES: dict[str, Callable[[Path], str]] = {
    "gate-by-weekday": gate_by_weekday,
    "four-stories": four_stories,
    "one-factor": one_factor,
}


if __name__ == "__main__":
    main()
