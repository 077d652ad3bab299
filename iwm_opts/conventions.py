"""Words, units and defaults that hold everywhere: one definition each.

Prices are dollars a share; P&L, fees and max_loss are dollars a package; vols are annualised decimals on
ACT/365; ranks and percentiles run from 0 to 100; dte counts calendar days.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal, NamedTuple, get_args

Right = Literal["C", "P"]
Side = Literal["long", "short"]
Exercise = Literal["american", "european"]
VerticalKind = Literal["bull-put", "bear-call", "bull-call", "bear-put"]
VERTICAL_KINDS: Final = get_args(VerticalKind)
Default = Literal["default"]
YEARS: Final = range(1970, datetime.now(UTC).year + 21)  # of days in files and options; any other is a slip


class Provenance(StrEnum):
    """Source of a market's quotes."""

    RECORDED = "recorded"  # bids and asks of an exchange
    MODELLED = "modelled"  # a model's quotes on real prices of the underlying
    SIMULATED = "simulated"  # quotes and prices of a model

    @property
    def is_real(self) -> bool:
        """True for quotes of an exchange."""
        return self is Provenance.RECORDED

    @classmethod
    def of(cls, *, simulated: bool, modelled: bool) -> "Provenance":
        """Provenance from the two flags that files store; a modelled file is flagged as simulated too."""
        if modelled:
            return cls.MODELLED
        return cls.SIMULATED if simulated else cls.RECORDED


def counted(count: int, unit: str, one: str = "") -> str:
    """`1 contract`, `2 contracts`, `1 entry`; the unit is a plural, `one` its singular where it is not regular."""
    singular = one or (f"{unit[:-3]}y" if unit.endswith("ies") else unit.removesuffix("s"))
    return f"{count:,} {singular if count == 1 else unit}"


def some(names: Sequence[str], most: int) -> str:
    """List at most so many names, and say how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


RIGHT_SIGN: Final[dict[str, int]] = {"C": 1, "P": -1}
SIDE_SIGN: Final[dict[str, int]] = {"long": 1, "short": -1}

MULTIPLIER: Final = 100  # shares a contract
TICK: Final = 0.01  # IWM is in the Penny Interval Program: cents at every price
DAYS_PER_YEAR: Final = 365.0  # ACT/365
SESSIONS_PER_YEAR: Final = 252.0
VOL_POINT: Final = 0.01  # vega and rho are quoted for one point
TIMEZONE: Final = "America/New_York"

CLOSED_DAY_WEIGHT: Final = 0.3  # effective clock: a session counts 1, any other day this much
MIN_SESSIONS_FOR_INDEX: Final = 2  # an expiration nearer than this does not enter a volatility index
IVR_LOOKBACK: Final = 252  # sessions
IVR_TENOR_DAYS: Final = 10
MIN_COVERAGE: Final = 0.8  # a rank over less of its lookback carries a warning and opens no gate
FILL_MODEL: Final = "fraction:0.5"  # half way between hope and natural
FEE_SCHEDULE: Final = "tastytrade"
STALE_SESSIONS: Final = 5  # a rank whose value misses more sessions before the decision opens no gate
EDGES: Final = ("vol-contraction", "mean-reversion", "momentum")  # the default of backtests first
GATE_RANK: Final = 20.0  # the strategy opens condors below this rank

ACCOUNT: Final = 50_000.0  # dollars
RISK_SHARE: Final = 0.01  # of the account on one position; the strategy risks 1 to 2%
MAX_OPEN: Final = 5  # positions at once
MACRO_DROP: Final = 0.015  # fall of a sector fund in a session, more than which blocks new longs
MATRIX_DELTAS: Final = (0.10, 0.16, 0.20, 0.30)  # |delta| of short strikes, one a column
DEBIT_DELTA: Final = (0.45, 0.65)  # |delta| of the long leg of a debit spread
SINGLE_DELTA: Final = (0.35, 0.65)  # |delta| of a single long option


class Strategy(NamedTuple):
    """Entry window, strikes, exits and stop fill that screen, ticket, plan, paper and backtests start from."""

    dte: tuple[int, int] = (35, 55)  # calendar days at the entry
    short_delta: float = 0.16  # |delta| of the short strikes: about one standard deviation out
    width: float = 5.0  # dollars between short and long strike on one chain
    history_width: str = "2%"  # of the spot, over a history: $5 were 7% of IWM in 2010 and 2% in 2026
    profit: float = 0.5  # of the entry credit or debit
    stop: float = 2.0  # times the entry credit
    debit_stop: float = 0.5  # of the entry debit
    exit_dte: int = 21  # calendar days left
    fill: str = FILL_MODEL  # of entries and exits
    # Quotes of the day carry its stress already: recorded ones do, modelled ones widen with the state, up to 7 times. A
    # multiple on top would count a panic twice, and charge one to stops that a calm rally reaches.
    stop_fill: str = "natural"

    @property
    def target_dte(self) -> int:
        """Middle of the entry window."""
        return sum(self.dte) // 2

    @property
    def dte_slack(self) -> int:
        """Calendar days around a single DTE."""
        return self.dte[1] - self.target_dte


STRATEGY: Final = Strategy()
MIN_OPEN_INTEREST: Final = 10.0  # contracts, every leg
ASSUMED_RATE: Final = 0.04  # where neither chain nor user gives one; always named as assumed

# Overnight move against shares delivered at expiration. IWM 2000-05-26 to 2026-08-21, 6,597 opens over closes before:
# -9.1% (2020-03-16) and +9.9% (2008-09-19) at the extremes, -4.96% and +4.97% at 0.1% and 99.9%.
DELIVERY_GAP: Final = 0.10
DELIVERY_GAP_SOURCE: Final = "largest of IWM's opens 2000-2026: -9.1% and +9.9%"

# Mean realised variance over mean implied variance, RVX against IWM's next 21 sessions, 2009-09-16 to 2025-06-04:
# n = 3949 overlapping windows; 95% interval by stationary bootstrap, mean blocks of 21 to 126 sessions.
REALISED_IMPLIED_VARIANCE: Final = 0.81
VARIANCE_RATIOS: Final = (0.01, 100.0)  # that may be given in its place
REALISED_IMPLIED_VARIANCE_INTERVAL: Final = (0.69, 0.97)
REALISED_IMPLIED_VARIANCE_SOURCE: Final = "RVX against IWM's next 21 sessions, 2009-2025, 3949 windows"

REQUIRED_COLUMNS: Final = (
    "quote_date",
    "underlying_symbol",
    "underlying_price",
    "expiration",
    "right",
    "strike",
    "bid",
    "ask",
)
OPTIONAL_COLUMNS: Final = (
    "bid_size",
    "ask_size",
    "last",
    "volume",
    "open_interest",
    "implied_volatility",
    "delta",
    "gamma",
    "theta",
    "vega",
)
IDENTITY_COLUMNS: Final = ("quote_time", "root")
PICTURE_KINDS: Final = ("png", "svg", "pdf")
OUTPUT_KINDS: Final = ("html", "csv", "json", "md", "txt", "parquet")  # suffixes of --output
ORDER_FORMATS: Final = ("thinkorswim", "tastytrade", "interactive-brokers", "occ")
CHAIN_COLUMNS: Final = REQUIRED_COLUMNS + OPTIONAL_COLUMNS + IDENTITY_COLUMNS
ROW_KEY: Final = ("quote_date", "quote_time", "root", "expiration", "right", "strike")
