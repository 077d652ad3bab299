"""The macro filter of a backtest: a fund's return on the session before, which an entry must not follow a fall of."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from iwm_opts.backtest.gate import known_values
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.trial import Trial
from iwm_opts.errors import InputError
from iwm_opts.io.bars import load_bars
from iwm_opts.io.series_notes import series_notes
from iwm_opts.market.sector_filter import MacroFilter
from iwm_opts.market.signals import session_returns
from iwm_opts.spreads.entry_rule import CONDOR, LONG_CALL

TICKER: Final = re.compile(r"([A-Z]{2,4})(?=[_.-])")  # in front of a file's name

LONGS: Final = ("bull-put", "bull-call", LONG_CALL)  # strategies long the underlying, which the filter is for


def macro_filter(name: str, drop: float, strategy: str, applies_to_condors: bool = False) -> MacroFilter:
    """No entry after a session on which a fund lost more than `drop`, a share of its price.

    Parameters
    ----------
    name : str
        File of the fund's bars, or its symbol.
    drop : float
    strategy : str
    applies_to_condors : bool
        The filter is for what gains when the underlying rises; a condor is kept out only where this is asked for.

    Raises
    ------
    InputError
        When the filter has nothing to say about the strategy.
    """
    if strategy == CONDOR and not applies_to_condors:
        rule, remedy = "keeps out what gains from a rise, and a condor does not", "add `macro_applies_to_condors`"
        raise InputError("macro", name, rule, remedy)
    if strategy not in (CONDOR, *LONGS):
        raise InputError("macro", name, f"means nothing to a {strategy}, which gains from a fall", "leave it out")
    return MacroFilter(_word(name), drop, applies_to_condors)


def with_macro(trials: Sequence[Trial], name: str) -> list[Trial]:
    """Trials with the daily returns of a fund: of a file of bars, or of a companion of the simulated market.

    Returns include dividends where the file has adjusted closes; a session behind a missing bar has none.

    Raises
    ------
    InputError
        When the simulated market has no such companion.
    DataError
        When the file cannot be read.
    """
    replaced = []
    for trial in trials:
        funds = trial.market.companions
        if funds is None:
            replaced.append(_with_fund(trial, name))
        elif name in funds:
            replaced.append(replace(trial, macro=session_returns(funds[name])))
        else:
            names = ", ".join(funds) or "none"
            raise InputError("macro", name, "unknown companion of the simulated market", f"choose of {names}")
    return replaced


def _with_fund(trial: Trial, name: str) -> Trial:
    ticker = TICKER.match(Path(name).name)  # of `KRE.csv`, `KRE_daily.csv`
    bars = load_bars(name, ticker[1] if ticker else None, is_choice=False)
    return replace(trial, macro=session_returns(bars), remarks=(*trial.remarks, *series_notes({_word(name): bars})))


def macro_notes(trials: Sequence[Trial], rules: Rules) -> tuple[str, ...]:
    """Return notes on days without data for the macro filter; empty without such days or a filter."""
    if rules.macro is None:
        return ()
    unknown = days = 0
    for trial in trials:
        assert trial.macro is not None  # refused by `engine.prepare`
        values = known_values(trial.market.days, trial.macro)
        unknown, days = unknown + int(np.isnan(values).sum()), days + len(values)
    if not unknown:
        return ()
    return (f"{rules.macro.symbol} return is unknown on {unknown:,} of {days:,} days: no entry then",)


def _word(name: str) -> str:
    return Path(name).name.split(".")[0]
