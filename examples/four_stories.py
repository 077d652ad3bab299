"""Four stretches of IWM, gated and ungated, before and after costs, on modelled history; and what that is evidence of.

    python examples/four_stories.py DATA

DATA is a folder with daily/IWM_yahoo_adj_div.csv.gz (bars with dividends), vol/RVX_History.csv.gz, and if it is there
vol/VIX9D_History.csv.gz, vol/VIX_History.csv.gz and rates/us_treasury_yields_daily.csv.gz; IWM_OPTS_TEST_DATA names it
where no argument does. Prices of IWM and the volatility index are real; the options' quotes are those of a model scaled
to that index, and nobody ever traded at them. Condors of 45 days at 0.16 delta with wings of 2% of the spot, one
package a trade, closed at half the credit, at a loss of twice the credit or at 21 days; entered on any day (up to five
at once), or only while the rank of IV10 over 252 sessions is below 20. The index begins in September 2009, so that the
first rank is known in October 2010.
"""

import os
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import iwm_opts as iwm
from iwm_opts.backtest.engine import run
from iwm_opts.backtest.evidence import gather_evidence
from iwm_opts.backtest.metrics import STRESS_PERIODS, Period
from iwm_opts.backtest.periods import by_period
from iwm_opts.backtest.result import Backtest
from iwm_opts.backtest.rules import GateRule, Rules
from iwm_opts.backtest.trial import open_trials
from iwm_opts.report.finding import finding
from iwm_opts.sources.modelled_files import ModelledSource
from iwm_opts.sources.source import ModelledFiles, SpanRequest

DRAWS = 1000
WIDTH = 110
HEAD = f"{'':22}{'trades':>7}{'win':>6}{'at mid':>9}{'after costs':>13}{'a trade':>9}{'worst':>7}{'by day':>9}"


def main() -> None:
    """Print the table and the sentence."""
    folder = data_folder()
    print("no market data: name a folder, or set IWM_OPTS_TEST_DATA" if folder is None else stories(folder))


def stories(folder: Path) -> str:
    """Table, and what it is evidence of."""
    trial = open_trials(ModelledSource(), SpanRequest(modelled=files_of(folder)))[0]
    rules = history_rules()
    gated = run(trial.prepare(rules))
    ungated = run(trial.prepare(replace(rules, gate=GateRule(below=None))))
    first, last = trial.market.days[0], trial.market.days[-1]
    lines = [f"MODELLED QUOTES: real prices of IWM, {trial.market.name}, {first} to {last}", "", HEAD]
    lines += [
        line(f"{period.name}, {name}", result, period)
        for period in (Period("all years", first, last), *STRESS_PERIODS)
        for name, result in (("gated", gated), ("ungated", ungated))
    ]
    note = (
        "dollars, each trade one package, by the day of entry; at mid: without slippage and fees; by day: change of "
        "equity within the period, after costs, whenever its trades began"
    )
    sentences = finding(gather_evidence([trial], rules, draws=DRAWS))
    return "\n".join([*lines, "", *textwrap.wrap(note, WIDTH), "", *textwrap.wrap(sentences, WIDTH)])


def history_rules() -> Rules:
    """Return the default rules of histories, one package a trade."""
    return iwm.Rules(contracts=1).resolved()


def data_folder() -> Path | None:
    """Folder named on the command line or by the variable; None where there is none."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IWM_OPTS_TEST_DATA", "")
    return Path(named) if named and Path(named).is_dir() else None


def files_of(folder: Path) -> ModelledFiles:
    """Return inputs of the modelled market that the folder holds."""

    def optional(name: str) -> str | None:
        return str(folder / name) if (folder / name).exists() else None

    return ModelledFiles(
        bars=str(folder / "daily/IWM_yahoo_adj_div.csv.gz"),
        iv_history=str(folder / "vol/RVX_History.csv.gz"),
        slope_history=optional("vol/VIX9D_History.csv.gz"),
        slope_base=optional("vol/VIX_History.csv.gz"),
        yields=optional("rates/us_treasury_yields_daily.csv.gz"),
    )


def line(name: str, result: Backtest, period: Period) -> str:
    """One row of the table: trades entered in the period."""
    day = result.trades["entry"].dt.date
    trades = result.trades[(day >= period.first) & (day <= period.last)]
    account = result.rules.size.account
    by_day = by_period(result.trades, result.equity, account, [period])["pnl"].iloc[0]
    if not len(trades):
        return f"{name:22}{0:7}{'':44}{by_day:9,.0f}"
    gain = trades["pnl"]
    return (
        f"{name:22}{len(trades):7}{(gain > 0).mean():6.0%}{trades['mid_pnl'].sum():9,.0f}{gain.sum():13,.0f}"
        f"{gain.mean():9.2f}{gain.min():7.0f}{by_day:9,.0f}"
    )


if __name__ == "__main__":
    main()
