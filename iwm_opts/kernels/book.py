"""The records that the kernels of a backtest share: a market's days, the lives of packages on it, their quotes, prices
and rules.

A package lives on the rows offset[c] to offset[c + 1] - 1, one a day of the market from its entry on. Strikes, quotes
and prices of a package may be unknown until the day loop asks for them: `state`, `quoted` and `priced` say how far they
are known. What they then are does not depend on when they were asked for.
"""

from typing import NamedTuple

from numba import boolean, float64, int64

from iwm_opts.kernels._jit import record_type
from iwm_opts.kernels.fees import CHARGES

Floats, Ints, Flags = float64[::1], int64[::1], boolean[::1]

UNKNOWN, CHOSEN, NONE = 0, 1, -1  # state of a package: not chosen yet, chosen, nothing listed to choose
FOUR_LEGS = 5  # a fill convention gives its share for 0 to 4 legs


class Days(NamedTuple):
    """Days of a market, arrays of shape (days,); NaN where unknown."""

    ordinal: object  # day number, int
    spot: object
    opened: object
    high: object
    low: object
    dividend: object  # gone ex since the day before, dollars a share
    rank: object  # IV rank a decision on the day may rest on


class Surface(NamedTuple):
    """Coefficients of a market priced by an SSVI surface, arrays of shape (rows,).

    Rows are ordered by expiration, then day, so that the life of a package reads one stretch of them.
    """

    spot: object
    forward: object
    discount: object
    root: object  # square root of the years to expiry
    log_time: object  # `quote.time_terms` of the calendar days to expiry
    far_time: object
    theta: object
    rho: object
    phi: object
    widening: object
    coefficients: object  # of the quoted spread, shape (SPREAD_TERMS,)
    tick: object


class Lives(NamedTuple):
    """Of n packages, one a day at most, what is known before any is chosen."""

    of_day: object  # package of each day, -1 for none; shape (days,)
    entry: object  # place of the entry day, shape (n,), as what follows
    offset: object  # shape (n + 1,)
    expires: object  # day number of the expiration
    settles: object  # whether the last row settles it
    settlement: object  # price of the underlying it settles at, NaN where it does not
    is_physical: object  # American, delivering shares
    dividends: object  # going ex before expiry, dollars a share
    surface_row: object  # row of the surface on the entry day; -1 where quotes are given
    ladder_offset: object  # listed strikes of package c: ladder[ladder_offset[c]:ladder_offset[c + 1]]; shape (n + 1,)
    ladder: object


class Legs(NamedTuple):
    """Legs of every package in ascending strike, arrays of shape (legs,)."""

    sign: object  # +1 long, -1 short
    right: object  # +1 call, -1 put
    ratio: object
    contracts: object  # sign x ratio
    closing: object  # sign of each leg of the order that closes
    puts: object  # how many legs are puts, int
    calls: object
    is_credit: object


class Quotes(NamedTuple):
    """Strikes and quotes of the packages."""

    state: object  # shape (n,)
    strike: object  # shape (n, legs)
    quoted: object  # rows of each package whose quotes are known, from its first on; shape (n,)
    bid: object  # shape (legs, rows)
    ask: object
    by_smile: object  # legs marked by the smile, their strike having left the chain; shape (rows,)
    is_carried: object  # nothing to mark by: quotes of the row before, and no trading; shape (rows,)
    assigned: object  # bit j set: leg j is assigned overnight after the row; shape (rows,)


class Prices(NamedTuple):
    """What packages fill at, dollars a share unless said, credits positive."""

    priced: object  # rows of each package whose prices are known; shape (n,), as what follows
    entry_mid: object
    credit: object  # at the entry fill
    sold_in: object  # premium of the legs sold on the way in
    max_loss: object  # dollars a package, fees included
    buying_power: object  # dollars a package
    widest: object  # the most that a package can cost at expiry
    mid: object  # credit at mid of closing, shape (rows,), as what follows
    close: object  # at the exit fill
    sold_out: object


class Fill(NamedTuple):
    """A fill convention as kernels read it: see `execution.fills.FillModel`."""

    share: object  # of the half-spread by number of legs, NaN where undefined; shape (FOUR_LEGS,)
    is_floored: object
    ticks_per_dollar: object  # 0 leaves prices unrounded


class Costs(NamedTuple):
    """What trading costs."""

    entry: object
    exit: object
    stop: object
    charges: object


class Variants(NamedTuple):
    """Rules that differ from backtest to backtest, arrays of shape (variants,); NaN switches a rule off."""

    put_delta: object
    put_width: object  # dollars between anchor and wing; or else
    put_wing: object  # |delta| of the wing
    call_delta: object
    call_width: object
    call_wing: object
    gate: object  # which row of `allowed`, int
    min_credit_width: object
    every: object  # int
    max_open: object  # int
    profit: object
    stop: object
    touch: object  # bool
    dte: object
    sessions: object
    rank: object
    best_first: object  # bool
    contracts: object  # 0 sizes by equity
    risk_share: object
    max_open_risk: object  # share of the account
    account: object


class Trades(NamedTuple):
    """Trades of one backtest in order of entry, arrays as long as the market has days."""

    package: object  # int
    contracts: object  # int
    row: object  # of the exit, int
    reason: object  # int
    out: object  # credit at the exit as filled, dollars a share; assigned legs at mid
    assignment: object  # dollars a share of the package on top, the overnight gap left out
    gap: object  # dollars a share from shares held to the next open
    opening_fees: object  # dollars for the position, as the next
    closing_fees: object


DAYS = record_type(Days, Ints, Floats, Floats, Floats, Floats, Floats, Floats)
SURFACE = record_type(Surface, *(Floats,) * 11, float64)
LIVES = record_type(Lives, Ints, Ints, Ints, Ints, Flags, Floats, Flags, Floats, Ints, Ints, Floats)
LEGS = record_type(Legs, *(Floats,) * 5, int64, int64, boolean)
QUOTES = record_type(Quotes, Ints, float64[:, ::1], Ints, float64[:, ::1], float64[:, ::1], Ints, Flags, Ints)
PRICES = record_type(Prices, Ints, *(Floats,) * 9)
FILL = record_type(Fill, Floats, boolean, float64)
COSTS = record_type(Costs, FILL, FILL, FILL, CHARGES)
VARIANTS = record_type(
    Variants, *(Floats,) * 6, Ints, Floats, Ints, Ints, Floats, Floats, Flags, Floats, Floats, Floats, Flags, Ints,
    Floats, Floats, Floats,
)  # fmt: skip
TRADES = record_type(Trades, Ints, Ints, Ints, Ints, *(Floats,) * 5)
