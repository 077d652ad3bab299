"""What every tier of market gives for one day."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from iwm_opts.conventions import MIN_COVERAGE, Exercise
from iwm_opts.errors import InputError
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory, iv_rank

DEFAULT_SYMBOL: Final = "IWM"
EXERCISE_OF_MODELS: Final[Exercise] = "european"  # how quotes of the surface model are priced, whatever their root
STAND_INS: Final = {"IWM": "RVX", "RUT": "RVX", "SPY": "VIX", "SPX": "VIX"}  # proxy index of an underlying


@dataclass(frozen=True, slots=True, eq=False)
class MarketOnDay:
    """A chain and the data of its market."""

    chain: Chain
    dividends: DividendSchedule | None  # None: the source does not say
    history: IvHistory | None  # None: the source has none of its own
    warnings: tuple[str, ...] = ()
    rate: float | None = None  # that its options were priced at, where it says
    exercise: Exercise | None = None  # how its options are exercised, where not by the rule of their root


def is_long_enough(history: IvHistory, before: date, lookback: int) -> bool:
    """Whether a history covers enough of the lookback before a day for a rank without a warning."""
    try:
        return iv_rank(history, before, lookback).coverage >= MIN_COVERAGE
    except InputError:  # nothing precedes the day
        return False
