"""The life of one package: what it fills at on each day, where it is closed, and what comes of it."""

import math

from iwm_opts.kernels._jit import inline
from iwm_opts.kernels.backtest.exits import ASSIGNED, END, EXPIRY, HELD, STOP, TOUCH, exit_reason, is_touched
from iwm_opts.kernels.trading.fees import order_fees
from iwm_opts.kernels.trading.fill import against_the_trader, dearest_vertical, offset_from_mid, two_sided
from iwm_opts.kernels.trading.payoff import intrinsic, package_extremes, package_payoff


@inline
def fill_row(desk, fill, sign, row, left_out):
    """Credit at mid, credit as filled and premium sold of trading a package, dollars a share; NaN without quotes.

    `sign` is `legs.sign` to open and `legs.closing` to close; legs with a bit in `left_out` are not traded.
    `desk.scratch.ratio` is left holding what was.
    """
    legs, quotes = desk.legs, desk.quotes
    mid, half, ratio = desk.scratch.mid, desk.scratch.half, desk.scratch.ratio
    count = sign.shape[0]
    credit = spread = sold = 0.0
    traded = 0
    for j in range(count):
        mid[j], half[j] = two_sided(quotes.bid[j, row], quotes.ask[j, row])
        ratio[j] = legs.ratio[j]
        if left_out >> j & 1:
            mid[j] = half[j] = ratio[j] = 0.0
        traded += ratio[j] > 0.0
        credit -= sign[j] * ratio[j] * mid[j]
        spread += ratio[j] * half[j]
        sold += ratio[j] * mid[j] if sign[j] < 0.0 else 0.0
    share, ticks = fill.share[traded], fill.ticks_per_dollar
    if traded == 0:
        return 0.0, 0.0, 0.0
    least = 0.0
    if fill.is_floored:
        dearest = dearest_vertical(sign, legs.right, ratio, mid, half, share, ticks)
        least = max(1.0 / ticks, dearest)
    return credit, against_the_trader(credit - offset_from_mid(share, spread, least), ticks), sold


@inline
def price_entry(desk, c):
    """Fill package c on its first row."""
    lives, legs, costs, quotes, prices = desk.lives, desk.legs, desk.costs, desk.quotes, desk.prices
    first = lives.offset[c]
    prices.entry_mid[c], credit, sold = fill_row(desk, costs.entry, legs.sign, first, 0)
    prices.credit[c], prices.sold_in[c] = credit, sold
    charges = costs.charges
    fees = order_fees(charges, charges.opening, legs.closing, legs.ratio, 1.0, sold)
    strike = quotes.strike[c]
    _, worst, _ = package_extremes(legs.contracts, legs.right, strike, 0.0, 0.0, 0.0)
    prices.widest[c] = max(worst, 0.0)
    prices.buying_power[c] = charges.multiplier * (prices.widest[c] - credit) + fees
    kept, exercise = credit - fees / charges.multiplier, charges.exercise / charges.multiplier
    owed = lives.dividends[c] if lives.is_physical[c] else 0.0
    _, _, largest = package_extremes(legs.contracts, legs.right, strike, kept, owed, exercise)
    prices.max_loss[c] = charges.multiplier * largest
    _price_row(desk, c, first)
    prices.priced[c] = 1
    _price_settlement(desk, c)


@inline
def _price_row(desk, c, row):
    legs, costs, prices = desk.legs, desk.costs, desk.prices
    at_mid, close, sold = fill_row(desk, costs.exit, legs.closing, row, 0)
    # Nobody pays more to close than the package can ever cost at expiry.
    prices.mid[row], prices.sold_out[row] = at_mid, sold
    prices.close[row] = -prices.widest[c] if close < -prices.widest[c] else close


@inline
def price_rows(desk, c):
    """Price closing package c on every row that is quoted and not priced yet."""
    quotes, prices = desk.quotes, desk.prices
    first = desk.lives.offset[c]
    for row in range(first + prices.priced[c], first + quotes.quoted[c]):
        _price_row(desk, c, row)
    prices.priced[c] = quotes.quoted[c]
    _price_settlement(desk, c)


@inline
def _price_settlement(desk, c):
    """What the package is worth on the row that settles it, once all before it is quoted."""
    lives, legs, quotes, prices = desk.lives, desk.legs, desk.quotes, desk.prices
    last = lives.offset[c + 1] - 1
    if lives.settles[c] and lives.offset[c] + quotes.quoted[c] == last:
        worth = package_payoff(legs.contracts, legs.right, quotes.strike[c], lives.settlement[c])
        prices.mid[last] = prices.close[last] = worth
        prices.sold_out[last] = 0.0


@inline
def scan(desk, rules, v, c, start, bits, since):
    """First row from `start` on among those priced on which package c is closed, and why; HELD where on none.

    `bits` are the legs assigned by then and `since` the row after which they were; both are returned as they stand at
    the end. A package with an assigned leg is closed on the next row that trades.
    """
    days, lives, legs, quotes, prices = desk.days, desk.lives, desk.legs, desk.quotes, desk.prices
    profit, stop, touch, dte = rules.profit[v], rules.stop[v], rules.touch[v], rules.dte[v]
    sessions, rank, best_first = rules.sessions[v], rules.rank[v], rules.best_first[v]
    first = lives.offset[c]
    credit, expires, strike = prices.credit[c], lives.expires[c], quotes.strike[c]
    for row in range(start, first + prices.priced[c]):
        close = prices.close[row]
        if quotes.is_carried[row] or math.isnan(close):
            continue
        if bits:
            return row, ASSIGNED, bits, since
        place = lives.entry[c] + row - first
        why = exit_reason(
            -close, credit,
            touch and is_touched(legs.sign, legs.right, strike, days.high[place], days.low[place]),
            expires - days.ordinal[place], row - first, days.rank[place] >= rank,
            profit, stop, dte, sessions, best_first,
        )  # fmt: skip
        if why != HELD:
            return row, why, bits, since
        if quotes.assigned[row]:
            bits, since = quotes.assigned[row], row
    return -1, HELD, bits, since


@inline
def dividends_between(days, after, until):
    """Dividends going ex after one place and up to another."""
    total = 0.0
    for place in range(after + 1, until + 1):
        total += days.dividend[place]
    return total


@inline
def close_out(desk, c, row, why, bits, since):
    """What closing brings: credit as filled, assignment on top, gap to the next open (dollars a share), contracts
    exercised and premium sold. `desk.scratch.ratio` is left holding what was traded.

    Assigned legs stand at mid in the credit, at what their shares brought in the assignment.
    """
    days, lives, legs, costs, prices = desk.days, desk.lives, desk.legs, desk.costs, desk.prices
    ratio = desk.scratch.ratio
    place = lives.entry[c] + row - lives.offset[c]
    if why == EXPIRY or (why == ASSIGNED and lives.settles[c] and row == lives.offset[c + 1] - 1):
        return _settle(desk, c, place, bits, since)
    if why in (STOP, TOUCH):
        _, out, sold = fill_row(desk, costs.stop, legs.closing, row, 0)
        out = -prices.widest[c] if out < -prices.widest[c] else out
        return out, 0.0, 0.0, 0.0, sold
    if bits == 0:
        for j in range(ratio.shape[0]):
            ratio[j] = legs.ratio[j]
        return prices.close[row], 0.0, 0.0, 0.0, prices.sold_out[row]
    at_mid, out, sold = fill_row(desk, costs.exit, legs.closing, row, bits)
    shares, held, exercised = _assigned(legs, desk.quotes, c, days.spot[place], bits)
    owed = held * dividends_between(days, lives.entry[c] + since - lives.offset[c], place)
    return out + prices.mid[row] - at_mid, shares + owed - (prices.mid[row] - at_mid), 0.0, exercised, sold


@inline
def _assigned(legs, quotes, c, spot, bits):
    """What shares from assigned legs bring at a price, how many are held a share of the package, and contracts."""
    worth = held = exercised = 0.0
    for j in range(legs.sign.shape[0]):
        if bits >> j & 1:
            shares = legs.contracts[j] * legs.right[j]
            worth += shares * (spot - quotes.strike[c, j])
            held += shares
            exercised += legs.ratio[j]
    return worth, held, exercised


@inline
def _settle(desk, c, place, bits, since):
    """Settlement: the worth of the package; shares of physical ones are closed at the next open."""
    days, lives, legs, quotes, ratio = desk.days, desk.lives, desk.legs, desk.quotes, desk.scratch.ratio
    price = lives.settlement[c]
    worth = held = exercised = 0.0
    for j in range(legs.sign.shape[0]):
        ratio[j] = 0.0
        value = intrinsic(legs.right[j], quotes.strike[c, j], price)
        worth += legs.contracts[j] * value
        if value > 0.0 or bits >> j & 1:
            exercised += legs.ratio[j]
            held += legs.contracts[j] * legs.right[j]
    gap = assignment = 0.0
    if lives.is_physical[c] and place + 1 < days.opened.shape[0] and not math.isnan(days.opened[place + 1]):
        gap = held * (days.opened[place + 1] - price)
    if bits:
        shares, early, _ = _assigned(legs, quotes, c, price, bits)
        floored = 0.0
        for j in range(legs.sign.shape[0]):
            if bits >> j & 1:
                floored += legs.contracts[j] * intrinsic(legs.right[j], quotes.strike[c, j], price)
        first = lives.entry[c] - lives.offset[c]
        assignment = shares - floored + early * dividends_between(days, first + since, place)
    return worth, assignment, gap, exercised, 0.0


@inline
def last_way_out(lives, c, bits):
    """Row and reason of a package that no rule closed: it settles, or the data ends."""
    last = lives.offset[c + 1] - 1
    if lives.settles[c]:
        return last, ASSIGNED if bits else EXPIRY
    return last, ASSIGNED if bits else END
