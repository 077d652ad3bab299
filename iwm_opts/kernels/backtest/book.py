"""The records that the kernels of a backtest share: a market's days, the lives of packages on it, their quotes, prices
and rules.

A package lives on the rows offset[c] to offset[c + 1] - 1, one a day of the market from its entry on. Strikes, quotes
and prices of a package may be unknown until the day loop asks for them: `state`, `quoted` and `priced` say how far they
are known. What they then are does not depend on when they were asked for.
"""

from typing import NamedTuple

import numpy as np
from numba import boolean, float64, int64, types
from numpy.typing import NDArray

from iwm_opts.kernels._jit import record_type
from iwm_opts.kernels.simulation.quote import SPREAD_TERMS
from iwm_opts.kernels.trading.fees import CHARGES, Charges

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]
FLOATS, INTS, FLAGS = float64[::1], int64[::1], boolean[::1]

UNKNOWN, CHOSEN, NONE = 0, 1, -1  # state of a package: not chosen yet, chosen, nothing listed to choose
SURFACE_COLUMNS = (
    "spot", "forward", "discount", "root", "log_time", "far_time", "theta", "rho", "phi", "widening"
)  # fmt: skip
"""`root` is the square root of the years to expiry; the times are `quote.time_terms` of the calendar days to it."""
COLUMNS = len(SURFACE_COLUMNS)
SPOT, FORWARD, DISCOUNT, ROOT = range(4)  # the columns that more than quotes are made of
FOUR_LEGS = 5  # a fill convention gives its share for 0 to 4 legs


class Days(NamedTuple):
    """Days of a market, arrays of shape (days,); NaN where unknown."""

    ordinal: Places  # day number, int
    spot: Array
    opened: Array
    high: Array
    low: Array
    dividend: Array  # gone ex since the day before, dollars a share
    rank: Array  # IV rank a decision on the day may rest on


class Surface(NamedTuple):
    """Coefficients of a market priced by an SSVI surface.

    Rows are ordered by expiration, then day, so that the life of a package reads one stretch of them. Each holds what
    SURFACE_COLUMNS names. One flat array, because LLVM vectorises no loop over many that might overlap, nor over
    strides that it does not know.
    """

    rows: Array  # shape (rows x COLUMNS,)
    coefficients: tuple[float, ...]  # of the quoted spread, SPREAD_TERMS
    tick: float


class Lives(NamedTuple):
    """Of n packages, one a day at most, what is known before any is chosen."""

    of_day: Places  # package of each day, -1 for none; shape (days,)
    entry: Places  # place of the entry day, shape (n,), as what follows
    offset: Places  # shape (n + 1,)
    expires: Places  # day number of the expiration
    settles: Flags  # whether the last row settles it
    settlement: Array  # price of the underlying it settles at, NaN where it does not
    is_physical: Flags  # American, delivering shares
    dividends: Array  # going ex before expiry, dollars a share
    surface_row: Places  # row of the surface on the entry day; -1 where quotes are given
    ladder_offset: Places  # listed strikes of package c: ladder[ladder_offset[c]:ladder_offset[c + 1]]; shape (n + 1,)
    ladder: Array


class Legs(NamedTuple):
    """Legs of every package in ascending strike, arrays of shape (legs,)."""

    sign: Array  # +1 long, -1 short
    right: Array  # +1 call, -1 put
    ratio: Array
    contracts: Array  # sign x ratio
    closing: Array  # sign of each leg of the order that closes
    puts: int  # how many legs are puts, int
    calls: int
    is_credit: bool


class Quotes(NamedTuple):
    """Strikes and quotes of the packages."""

    state: Places  # shape (n,)
    strike: Array  # shape (n, legs)
    quoted: Places  # rows of each package whose quotes are known, from its first on; shape (n,)
    bid: Array  # shape (legs, rows)
    ask: Array
    by_smile: Places  # legs marked by the smile, their strike having left the chain; shape (rows,)
    is_carried: Flags  # nothing to mark by: quotes of the row before, and no trading; shape (rows,)
    assigned: Places  # bit j set: leg j is assigned overnight after the row; shape (rows,)


class Prices(NamedTuple):
    """What packages fill at, dollars a share unless said, credits positive."""

    priced: Places  # rows of each package whose prices are known; shape (n,), as what follows
    entry_mid: Array
    credit: Array  # at the entry fill
    sold_in: Array  # premium of the legs sold on the way in
    max_loss: Array  # dollars a package, fees included
    buying_power: Array  # dollars a package
    widest: Array  # the most that a package can cost at expiry
    mid: Array  # credit at mid of closing, shape (rows,), as what follows
    close: Array  # at the exit fill
    sold_out: Array


class Fill(NamedTuple):
    """A fill convention as kernels read it: see `execution.fills.FillModel`."""

    share: Array  # of the half-spread by number of legs, NaN where undefined; shape (FOUR_LEGS,)
    is_floored: bool
    ticks_per_dollar: float  # 0 leaves prices unrounded


class Costs(NamedTuple):
    """What trading costs."""

    entry: Fill
    exit: Fill
    stop: Fill
    charges: Charges


class Variants(NamedTuple):
    """Rules that differ from backtest to backtest, arrays of shape (variants,); NaN switches a rule off."""

    put_delta: Array
    put_width: Array  # dollars between anchor and wing; or else
    put_wing: Array  # |delta| of the wing
    call_delta: Array
    call_width: Array
    call_wing: Array
    gate: Places  # which row of `allowed`, int
    min_credit_width: Array
    every: Places  # int
    max_open: Places  # int
    profit: Array
    stop: Array
    touch: Flags  # bool
    dte: Array
    sessions: Array
    rank: Array
    best_first: Flags  # bool
    contracts: Places  # 0 sizes by equity
    risk_share: Array
    max_open_risk: Array  # share of the account
    account: Array


class Trades(NamedTuple):
    """Trades of one backtest in order of entry, arrays as long as the market has days."""

    package: Places  # int
    contracts: Places  # int
    row: Places  # of the exit, int
    reason: Places  # int
    out: Array  # credit at the exit as filled, dollars a share; assigned legs at mid
    assignment: Array  # dollars a share of the package on top, the overnight gap left out
    gap: Array  # dollars a share from shares held to the next open
    opening_fees: Array  # dollars for the position, as the next
    closing_fees: Array


class Scratch(NamedTuple):
    """Room that a kernel works in."""

    mid: Array  # shape (legs,), as the next two
    half: Array
    ratio: Array
    floating: Array  # dollars that open packages stand at, marked to the exit fill; shape (days,)
    booked: Array  # dollars booked by exits; shape (days + 1,)
    end: Places  # place of the exit of each open package, shape (most open,), as the next two
    risk: Array
    power: Array


class Desk(NamedTuple):
    """Everything that following a package takes."""

    surface: Surface
    days: Days
    lives: Lives
    legs: Legs
    costs: Costs
    quotes: Quotes
    prices: Prices
    scratch: Scratch


def scratch(legs: int, days: int = 0, most_open: int = 0) -> Scratch:
    """Room for one thread."""
    mid, half, ratio = (np.empty(legs) for _ in range(3))
    open_risk, power = np.empty(most_open), np.empty(most_open)
    return Scratch(
        mid, half, ratio, np.empty(days), np.empty(days + 1), np.empty(most_open, dtype=np.int64), open_risk, power
    )


SCRATCH = record_type(Scratch, *(FLOATS,) * 5, INTS, FLOATS, FLOATS)
DAYS = record_type(Days, INTS, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS)
SURFACE = record_type(Surface, FLOATS, types.UniTuple(float64, SPREAD_TERMS), float64)
LIVES = record_type(Lives, INTS, INTS, INTS, INTS, FLAGS, FLOATS, FLAGS, FLOATS, INTS, INTS, FLOATS)
LEGS = record_type(Legs, *(FLOATS,) * 5, int64, int64, boolean)
QUOTES = record_type(Quotes, INTS, float64[:, ::1], INTS, float64[:, ::1], float64[:, ::1], INTS, FLAGS, INTS)
PRICES = record_type(Prices, INTS, *(FLOATS,) * 9)
FILL = record_type(Fill, FLOATS, boolean, float64)
COSTS = record_type(Costs, FILL, FILL, FILL, CHARGES)
VARIANTS = record_type(
    Variants, *(FLOATS,) * 6, INTS, FLOATS, INTS, INTS, FLOATS, FLOATS, FLAGS, FLOATS, FLOATS, FLOATS, FLAGS, INTS,
    FLOATS, FLOATS, FLOATS,
)  # fmt: skip
TRADES = record_type(Trades, INTS, INTS, INTS, INTS, *(FLOATS,) * 5)
DESK = record_type(Desk, SURFACE, DAYS, LIVES, LEGS, COSTS, QUOTES, PRICES, SCRATCH)
