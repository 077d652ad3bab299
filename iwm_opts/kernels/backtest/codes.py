"""Exits, skipped entries and summaries of a backtest by name: one definition each, without numba.

Kernels import plain integers: `from ... import STOP` gives the value of `ExitReason.STOP`.
"""

from enum import IntEnum, auto
from typing import Any, Final, Literal, NamedTuple


class ExitReason(IntEnum):
    """Why a package was closed.

    Rules of exit run from STOP to PROFIT, the most costly first: so they rank on a day that calls for several.
    """

    HELD = 0
    STOP = auto()
    TOUCH = auto()
    DTE = auto()
    TIME = auto()
    GATE = auto()
    PROFIT = auto()
    EXPIRY = auto()
    END_OF_DATA = auto()
    ASSIGNED = auto()

    @property
    def word(self) -> str:
        """Reason as a table shows it."""
        return self.name.lower().replace("_", " ")


class ExitSetting(NamedTuple):
    """Rule of exit: its field in `ExitRule`, and its option of the API and the command line."""

    reason: ExitReason
    field: str
    option: str
    level: Literal["multiple", "flag", "count", "rank"]  # what its bound is
    help: str = ""  # of the command line, where its commands share no option

    @property
    def is_flag(self) -> bool:
        """Whether it is on or off, without a bound."""
        return self.level == "flag"

    def bound(self, value: float) -> Any:
        """Field of a bound as kernels read it; NaN is off."""
        if value != value:
            return None
        as_field: dict[str, type] = {"flag": bool, "count": int}
        return as_field.get(self.level, float)(value)


EXIT_SETTINGS: Final = (
    ExitSetting(ExitReason.PROFIT, "profit", "profit", "multiple"),
    ExitSetting(ExitReason.STOP, "stop", "stop", "multiple"),
    ExitSetting(ExitReason.TOUCH, "touch", "touch", "flag", "Close when the day's range reaches a short strike."),
    ExitSetting(ExitReason.DTE, "dte", "exit_dte", "count"),
    ExitSetting(ExitReason.TIME, "sessions", "time_stop", "count", "Close after so many sessions."),
    ExitSetting(ExitReason.GATE, "rank", "exit_rank", "rank", "Close when the IV rank is this or above."),
)
"""In the order of the options in help; the columns of bounds follow it."""

RANKED_EXITS: Final = tuple(sorted((setting.reason for setting in EXIT_SETTINGS), key=lambda reason: reason.value))
"""Rules of exit from the most costly to the least; the columns of levels follow it."""


class SkipReason(IntEnum):
    """Why an allowed day saw no entry; those by size last, in the order of `sizing.package_units`."""

    words: str

    def __new__(cls, value: int, words: str) -> "SkipReason":
        """Code with its words."""
        code = int.__new__(cls, value)
        code._value_, code.words = value, words
        return code

    FULL = 0, "max open positions reached"
    NO_PACKAGE = 1, "no package of the rule is listed"
    NO_QUOTE = 2, "a leg has no quote"
    NO_CREDIT = 3, "the credit is not above zero"
    THIN = 4, "credit over width below the minimum"
    RISKLESS = 5, "cannot lose: a quote must be wrong"
    SPENT = 6, "account equity exhausted"
    BY_RISK = 7, "size is zero, limited by risk"
    BY_OPEN_RISK = 8, "size is zero, limited by open risk"
    BY_BUYING_POWER = 9, "size is zero, limited by buying power"


class Summary(IntEnum):
    """Columns of the summary of one backtest.

    P&L figures are dollars. Sums of daily returns, of their squares and of the squares of negative ones are 0 where
    there is none. The digest is of the daily changes in equity: two that differ share one with a chance of 2^-64.
    """

    TRADES = 0
    WINS = auto()
    PNL = auto()
    GAINS = auto()  # of winners alone
    LOSSES = auto()  # of losers alone
    MID_PNL = auto()
    ENTRY_SLIPPAGE = auto()
    EXIT_SLIPPAGE = auto()
    FEES = auto()
    ASSIGNMENT = auto()
    DAYS_HELD = auto()
    EQUITY = auto()
    MAX_DRAWDOWN = auto()  # fraction of the peak
    MEAN_CHANGE = auto()  # of the daily change in equity
    SD_CHANGE = auto()
    PACKAGE_DAYS = auto()  # days on which open packages were marked
    RETURNS = auto()
    SQUARED_RETURNS = auto()
    SQUARED_LOSSES = auto()
    DIGEST_LOW = auto()
    DIGEST_HIGH = auto()


CODES: Final = {code.name: int(code) for codes in (ExitReason, SkipReason, Summary) for code in codes}


def __getattr__(name: str) -> int:
    """Value of a code by its name."""
    if name in CODES:
        return CODES[name]
    raise AttributeError(name)
