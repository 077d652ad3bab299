"""The same backtest as the kernels run, in plain Python and the mathematics library alone: what to measure them by.

One fixed set of rules, on a market of the surface model: an iron condor every day that the gate is open and a place is
free, strikes by delta, filled at natural prices, a commission a contract, closed at a profit, a stop or days to
expiration. Quotes are worked out as `kernels.simulation.quote` does, option by option.
"""

import math
from dataclasses import dataclass
from typing import Final

from iwm_opts.backtest.rules import Costs, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.conventions import MULTIPLIER
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.kernels.simulation.quote import PREMIUM_FLOOR, ROUNDING_SLACK, WIDEST
from iwm_opts.sources.surface_days import SurfaceDays
from iwm_opts.spreads.entry_rule import EntryRule
from iwm_opts.spreads.legs import Wing

FEE: Final = 0.65  # dollars a contract
TIE: Final = 1e-9  # dollars: 3 x 1.01 is not 3.03 in binary
NATURAL: Final = FillModel.parse("natural")
FIVE: Final = Wing(width=5.0)
RULES: Final = Rules(
    EntryRule(put_wing=FIVE, call_wing=FIVE),
    GateRule(),
    ExitRule(),
    SizeRule(contracts=1),
    Costs(NATURAL, NATURAL, NATURAL, FeeSchedule.parse(f"custom:{FEE}")),
)


@dataclass(slots=True)
class _Condor:
    entry: int
    row: int  # of the surface, on the day of entry
    strikes: tuple[float, float, float, float]
    credit: float
    expiration: int


@dataclass(frozen=True, slots=True)
class PlainTrade:
    """One condor: places of its days, and its gain in dollars after costs."""

    entry: int
    exit: int
    pnl: float


def plain_backtest(market: SurfaceDays, days: int, is_open: "list[bool]") -> list[PlainTrade]:
    """Trades of `RULES` over the first days of a market.

    Parameters
    ----------
    market : SurfaceDays
    days : int
        How many; positions still open at the end are closed there.
    is_open : list of bool
        Days with an open gate, on which alone the rules enter.
    """
    surface, listed = market.surface(), market.candidates(RULES.entry.dte, RULES.entry.dte_slack)
    rows, coefficients = surface.rows.tolist(), [float(c) for c in surface.coefficients]
    ladders, offset = listed.ladder.tolist(), listed.ladder_offset.tolist()
    of_day = {int(place): i for i, place in enumerate(listed.place)}
    ordinal = [day.toordinal() for day in market.days]
    rule = RULES.exit
    assert rule.stop is not None and rule.profit is not None and rule.dte is not None  # noqa: PT018
    held: list[_Condor] = []
    trades: list[PlainTrade] = []
    for place in range(days):
        alive = []
        for position in held:
            debit = -_natural(rows, position.row + place - position.entry, position.strikes, coefficients, -1)
            width = max(position.strikes[1] - position.strikes[0], position.strikes[3] - position.strikes[2])
            debit = min(debit, width)
            dte = position.expiration - ordinal[place]
            is_over = dte <= rule.dte or debit >= (1.0 + rule.stop) * position.credit - TIE
            if is_over or debit <= (1.0 - rule.profit) * position.credit + TIE or place == days - 1:
                trades.append(PlainTrade(position.entry, place, MULTIPLIER * (position.credit - debit) - 8 * FEE))
            else:
                alive.append(position)
        held = alive
        if place < days - 1 and is_open[place] and len(held) < RULES.entry.max_open and place in of_day:
            i = of_day[place]
            row = int(listed.surface_row[i])
            strikes = _choose(rows, row, ladders[offset[i] : offset[i + 1]], coefficients)
            credit = _natural(rows, row, strikes, coefficients, 1) if strikes else 0.0
            if strikes and credit > 0.0:
                held.append(_Condor(place, row, strikes, credit, listed.series[i].expiration.toordinal()))
    return trades


def _natural(
    rows: list[float], row: int, strikes: tuple[float, float, float, float], coefficients: list[float], way: int
) -> float:
    """Credit of buying the asks and selling the bids, dollars a share; `way` -1 to close."""
    total = 0.0
    for strike, right, sign in zip(strikes, (-1.0, -1.0, 1.0, 1.0), (1, -1, -1, 1), strict=True):
        bid, ask, _ = _quote(rows, row, right, strike, coefficients)
        total += -way * sign * (ask if way * sign > 0 else bid)
    return math.floor(total * 100.0 + 1e-6) / 100.0


def _choose(
    rows: list[float], row: int, ladder: list[float], coefficients: list[float]
) -> tuple[float, float, float, float] | None:
    width = RULES.entry.put_wing.width
    assert width is not None
    put = _by_delta(rows, row, -1.0, ladder, RULES.entry.put_delta, coefficients)
    call = _by_delta(rows, row, 1.0, ladder, RULES.entry.call_delta, coefficients)
    below = min((k for k in ladder if k < put), key=lambda k: abs(put - k - width), default=None)
    above = min((k for k in ladder if k > call), key=lambda k: abs(k - call - width), default=None)
    if below is None or above is None or not put < call:
        return None
    if abs(put - below - width) > 0.1 * width or abs(above - call - width) > 0.1 * width:
        return None
    return below, put, call, above


def _by_delta(
    rows: list[float], row: int, right: float, ladder: list[float], target: float, coefficients: list[float]
) -> float:
    """Strike whose |delta| is nearest, by halving: |delta| of puts rises with the strike, that of calls falls."""
    low, high = 0, len(ladder)
    while low < high:
        middle = (low + high) // 2
        delta = abs(_quote(rows, row, right, ladder[middle], coefficients)[2])
        low, high = (middle + 1, high) if (delta < target if right < 0 else delta > target) else (low, middle)
    near = [k for k in (low - 1, low) if 0 <= k < len(ladder)]
    return ladder[min(near, key=lambda k: abs(abs(_quote(rows, row, right, ladder[k], coefficients)[2]) - target))]


def _quote(rows: list[float], row: int, sign: float, strike: float, c: list[float]) -> tuple[float, float, float]:
    """Bid, ask and spot delta of one option; see `kernels.simulation.quote.quote_option`."""
    spot, forward, discount, _, lt, far, theta, rho, phi, convexity, widening = rows[11 * row : 11 * row + 11]
    k = math.log(strike / forward)
    shifted = phi * k + rho
    bend = 3.0 * math.sqrt(theta / (1.0 + theta))
    wings = 2.0 * convexity * bend * (math.hypot(bend, k) - bend)
    stdev = math.sqrt(0.5 * theta * (1.0 + rho * phi * k + math.sqrt(shifted * shifted + 1.0 - rho * rho)) + wings)
    side = -1.0 if k < 0.0 else 1.0
    d1 = -k / stdev + 0.5 * stdev
    hit, paid = 0.5 * math.erfc(-side * d1 / math.sqrt(2.0)), 0.5 * math.erfc(-side * (d1 - stdev) / math.sqrt(2.0))
    premium = max(discount * side * (forward * hit - strike * paid), 0.0)
    delta = side * hit
    fair = premium
    if sign != side:
        fair, delta = premium + discount * sign * (forward - strike), delta + sign
    fair = max(fair, sign * (spot - strike))
    depth = max(2.0 * abs(delta) - 1.0, 0.0)
    lp, it = math.log(premium + PREMIUM_FLOOR), math.sqrt(depth)
    value = c[0] + c[1] * lp + c[2] * lt + c[3] * lp * lt + c[4] * lp * lp + c[5] * lt * lt + c[6] * far
    value += c[7] * far * far
    value += it * (c[8] + c[9] * it + c[10] * lt + c[11] * lt * lt + c[12] * it * lt + c[13] * far)
    half = 0.5 * widening * min(math.exp(value + c[14] * (sign > 0.0)), WIDEST)
    bid = max(math.floor((fair - half) * 100.0 + ROUNDING_SLACK), 0.0) / 100.0
    ask = max(math.ceil((fair + half) * 100.0 - ROUNDING_SLACK), 1.0) / 100.0
    return bid, ask, delta * discount * forward / spot
