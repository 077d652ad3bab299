"""Words, units and defaults that hold everywhere: one definition each.

Prices are dollars a share; P&L, fees and max_loss are dollars a package; vols are annualised decimals on
ACT/365; ranks and percentiles run from 0 to 100; dte counts calendar days.
"""

from typing import Final, Literal

Right = Literal["C", "P"]
Side = Literal["long", "short"]

RIGHT_SIGN: Final[dict[str, int]] = {"C": 1, "P": -1}
SIDE_SIGN: Final[dict[str, int]] = {"long": 1, "short": -1}

MULTIPLIER: Final = 100  # shares a contract
TICK: Final = 0.01  # IWM is in the Penny Interval Program: cents at every price
DAYS_PER_YEAR: Final = 365.0  # ACT/365
VOL_POINT: Final = 0.01  # vega and rho are quoted for one point
TIMEZONE: Final = "America/New_York"

CLOSED_DAY_WEIGHT: Final = 0.3  # effective clock: a session counts 1, any other day this much
MIN_SESSIONS_FOR_INDEX: Final = 2  # an expiration nearer than this does not enter a volatility index
IVR_LOOKBACK: Final = 252  # sessions
IVR_TENOR_DAYS: Final = 10
MIN_COVERAGE: Final = 0.8  # below this share of the lookback observed, a rank is reported with a warning
FILL_MODEL: Final = "fraction:0.5"  # half way between hope and natural
FEE_SCHEDULE: Final = "tastytrade"
GATE_RANK: Final = 20.0  # the strategy opens condors below this rank

# Mean realised variance over mean implied variance, RVX against IWM's next 21 sessions, 2009-09-16 to 2025-06-04.
REALISED_IMPLIED_VARIANCE: Final = 0.81

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
CHAIN_COLUMNS: Final = REQUIRED_COLUMNS + OPTIONAL_COLUMNS + IDENTITY_COLUMNS
ROW_KEY: Final = ("quote_date", "quote_time", "root", "expiration", "right", "strike")
