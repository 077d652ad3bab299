"""Arrays that the kernels of a backtest share, and the names of their rows and columns.

A package lives on the rows FIRST to LAST, one a day of the market from its entry on. Strikes, quotes and prices of a
package may be unknown until the day loop needs them: CHOICE, QUOTED and PRICED count how far they are known. Their
values do not depend on when they are computed.

Few arrays, because a kernel that hands an array to another pays for it when it is compiled. Counts and flags that lie
beside prices are whole numbers in floats.
"""

from typing import Final, NamedTuple

import numpy as np
from numba import float64, int64
from numpy.typing import NDArray

from iwm_opts.kernels._jit import record_type
from iwm_opts.kernels.backtest.codes import EXIT_SETTINGS, RANKED_EXITS
from iwm_opts.kernels.simulation.quote import SPREAD_TERMS, SurfaceRow
from iwm_opts.kernels.trading.fees import Charges

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
FLOATS, INTS, FLOAT_ROWS, INT_ROWS = float64[::1], int64[::1], float64[:, ::1], int64[:, ::1]

UNKNOWN, CHOSEN, NONE = 0, 1, -1  # state of a package: not chosen yet, chosen, nothing listed to choose

# Columns of a surface's rows. `root` is the square root of the years to expiry; the times are `quote.time_terms` of the
# calendar days to it.
SURFACE_COLUMNS = SurfaceRow._fields
COLUMNS = len(SURFACE_COLUMNS)
SURFACE_SPOT, FORWARD, DISCOUNT, ROOT, THETA = map(  # those used apart from quotes
    SURFACE_COLUMNS.index, ("spot", "forward", "discount", "root", "theta")
)

SETTLEMENT, DIVIDENDS, STRIKE = range(3)  # columns of `terms`; the strikes of all legs from STRIKE on
BY_SMILE, CARRIED, ASSIGNED_BITS = range(3)  # rows of `marks`
SIGN, RIGHT, RATIO, CONTRACTS, CLOSING_SIGN = range(5)  # rows of `legs`

LAST_ROW = 2**40  # beyond any row: no leg is assigned yet, or nothing traded since

# Places in `setup`.
TICK = SPREAD_TERMS  # after the coefficients of the quoted spread
PUTS, CALLS, IS_CREDIT = range(TICK + 1, TICK + 4)  # legs by right; whether the package is sold
FOUR_LEGS = 5  # a fill convention gives its fraction of the half-spread for 0 to 4 legs, NaN where undefined
IS_FLOORED, TICKS_PER_DOLLAR = FOUR_LEGS, FOUR_LEGS + 1  # within a fill; 0 ticks leave prices unrounded
FILL_SIZE = FOUR_LEGS + 2
ENTRY_FILL = IS_CREDIT + 1
EXIT_FILL, STOP_FILL, CHARGES_AT = (ENTRY_FILL + i * FILL_SIZE for i in (1, 2, 3))
GAP_AT = CHARGES_AT + len(Charges._fields)  # overnight move against delivered shares, a fraction
SETUP_SIZE = GAP_AT + 1

# Columns of `rules`, a row a backtest; NaN switches an exit off. The levels are rows of a table of first passages; -1
# for an exit that is off.
RULE_FIELDS = (
    "put_delta", "put_width", "put_unit", "put_slack", "put_wing",
    "call_delta", "call_width", "call_unit", "call_slack", "call_wing",
    "gate_row", "min_credit_width", "every", "max_open",
    *(f"{setting.reason.name.lower()}_bound" for setting in EXIT_SETTINGS), "best_first",
    "fixed_contracts", "risk_share", "max_open_risk", "account",
    *(f"{reason.name.lower()}_level" for reason in RANKED_EXITS),
)  # fmt: skip

# Rows of `buffers`: of a package's legs mid, half-spread and ratio; by day the dollars of open packages marked to the
# exit fill and those booked by exits; of open packages the day index of the exit, risk and buying power; fees of the
# last order but for those on premium: contracts, dollars to open and to close.
LEG_MID, LEG_HALF, LEG_RATIO, FLOATING, BOOKED, EXIT_DAY, OPEN_RISK, OPEN_POWER, LAST_FEES = range(9)
BUFFERS = 9


class Days(NamedTuple):
    """Rows of `days`, shape (days,); NaN where unknown."""

    ordinal: Array  # date.toordinal
    session: Array  # number of the exchange's session
    spot: Array
    opened: Array
    high: Array
    low: Array
    dividend: Array  # gone ex since the day before, dollars a share
    rank: Array  # IV rank known on the day


class Lifetimes(NamedTuple):
    """Columns of `lifetimes`, shape (n,)."""

    entry: Ints  # day index
    first: Ints  # row
    last: Ints  # row
    expires: Ints  # ordinal
    eve: Ints  # ordinal of the last session before the one that settles
    eve_session: Ints  # its number
    settles: Ints  # 1 where the last row settles the package, which then has no quotes
    physical: Ints  # 1 where options are American and deliver shares
    surface_row: Ints  # row of the surface on the entry day; -1 where quotes are given
    ladder: Ints  # listed strikes of package c: ladder[ladder[c]:ladder_end[c]]
    ladder_end: Ints
    choice: Ints  # UNKNOWN, CHOSEN or NONE
    quoted: Ints  # rows with known quotes, from the first on


class Prices(NamedTuple):
    """Columns of `prices`, shape (n,); dollars a share unless said, credits positive."""

    priced: Array  # rows with known prices
    entry_mid: Array
    credit: Array
    sold_in: Array
    max_loss: Array  # dollars a package, as the next two
    delivered_loss: Array  # held to expiry, with delivered shares
    buying_power: Array
    widest: Array
    assigned_row: Array  # the first that leaves a leg assigned; LAST_ROW where there is none yet
    forced_row: Array  # the first that trades after it


class Closing(NamedTuple):
    """Rows of `closing`, shape (rows,): credits of closing a package, dollars a share.

    The highest ones are over the rows that trade so far, the entry left out.
    """

    mid: Array
    close: Array  # at the exit fill
    sold_out: Array  # premium sold
    highest_credit: Array  # at the exit fill
    highest_cost: Array  # a negative credit
    stopped: Array  # at the stop's fill; NaN until a rule asks for it


class Trades(NamedTuple):
    """Rows of `trades`, shape (trades,)."""

    package: Ints
    contracts: Ints
    row: Ints  # of the exit
    reason: Ints
    out: Array  # credit at the exit as filled, dollars a share; assigned legs at mid
    assignment: Array  # dollars a share of the package on top, the overnight gap left out
    gap: Array  # dollars a share from shares held to the next open
    risk: Array  # dollars that the position can lose under its exits, as sized
    opening_fees: Array  # dollars for the position, as the next
    closing_fees: Array


PLACES: Final = {
    f"{prefix}{name}".upper(): place
    for prefix, names in (
        ("", Days._fields), ("", Lifetimes._fields), ("", Prices._fields), ("", Closing._fields), ("", RULE_FIELDS),
        ("trade_", Trades._fields),
    )
    for place, name in enumerate(names)
}  # fmt: skip
"""Rows and columns by name; kernels import them as integers: `from ... import CREDIT`."""


def __getattr__(name: str) -> int:
    """Row or column by its name."""
    if name in PLACES:
        return PLACES[name]
    raise AttributeError(name)


class Surface(NamedTuple):
    """Coefficients of a market priced by an eSSVI surface.

    Rows are ordered by expiration, then day, so that the life of a package reads one stretch of them. One flat array,
    because LLVM vectorises no loop over many that might overlap, nor over strides that it does not know.
    """

    rows: Array  # what SURFACE_COLUMNS names, row after row; shape (rows x COLUMNS,)
    coefficients: Array  # of the quoted spread, then the tick; shape (SPREAD_TERMS + 1,)


class State(NamedTuple):
    """Arrays that following a package takes; n packages on `rows` rows."""

    days: Array  # shape (len(Days._fields), days)
    of_day: Ints  # package of each day, -1 for none; shape (days,)
    lifetimes: Ints  # shape (n, len(Lifetimes._fields))
    terms: Array  # shape (n, STRIKE + legs): settlement price (NaN without one), dividends ex before expiry, strikes
    quotes: Array  # bids of the legs, then asks; shape (2 x legs, rows)
    marks: Ints  # legs marked by the smile, 1 where carried, bits of legs assigned overnight; shape (3, rows)
    surface: Array  # rows of a `Surface`, empty where quotes are given
    ladder: Array  # listed strikes, package after package
    legs: Array  # shape (5, legs), ascending strikes
    setup: Array  # shape (SETUP_SIZE,)
    prices: Array  # shape (n, len(Prices._fields))
    closing: Array  # shape (len(Closing._fields), rows)
    buffers: Array  # shape (BUFFERS, most of days + 1, open packages and legs)


STATE = record_type(
    State, FLOAT_ROWS, INTS, INT_ROWS, FLOAT_ROWS, FLOAT_ROWS, INT_ROWS, FLOATS, FLOATS, FLOAT_ROWS, FLOATS,
    FLOAT_ROWS, FLOAT_ROWS, FLOAT_ROWS,
)  # fmt: skip


def blank_buffers(legs: int, days: int = 0, most_open: int = 0) -> Array:
    """Room for one thread."""
    buffers = np.empty((BUFFERS, max(legs, days + 1, most_open, 3)))
    buffers[LAST_FEES] = np.nan
    return buffers


def blank_prices(packages: int, rows: int) -> tuple[Array, Array]:
    """`prices` and `closing` of packages without known prices."""
    prices = np.full((packages, len(Prices._fields)), np.nan)
    prices[:, PLACES["PRICED"]] = 0.0
    return prices, np.full((len(Closing._fields), rows), np.nan)


def blank_trades(days: int) -> Array:
    """Room for the trades of one backtest, one a day at most."""
    trades = np.full((len(Trades._fields), days), np.nan)
    trades[PLACES["TRADE_PACKAGE"]] = -1.0
    return trades


def trades_of(trades: Array) -> Trades:
    """Trades that a backtest left."""
    done = trades[:, trades[PLACES["TRADE_PACKAGE"]] >= 0.0]
    out = PLACES["TRADE_OUT"]
    return Trades._make([*done[:out].astype(np.int64), *done[out:]])
