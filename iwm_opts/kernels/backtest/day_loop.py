"""The day loop: one backtest after another over the same market, each opening, holding and closing packages by its
rules.

A package's life is followed to its exit as soon as it is opened: nothing that is decided on a day depends on it before
the day it happens. What a life needs of quotes and prices is found on the way, eight days at a time, and kept.
"""

import math

from numba import boolean, float64, int64, types

from iwm_opts.kernels._jit import COUNTLESS, inline, kernel
from iwm_opts.kernels.backtest.book import CHOSEN, DESK, FLOATS, TRADES, UNKNOWN, VARIANTS
from iwm_opts.kernels.backtest.exits import ASSIGNED, EXPIRY, HELD
from iwm_opts.kernels.backtest.life import close_out, last_way_out, price_entry, price_rows, scan
from iwm_opts.kernels.backtest.marks import choose, mark
from iwm_opts.kernels.trading.fees import order_fees
from iwm_opts.kernels.trading.sizing import package_units

FLAG_ROWS, INT_ROWS, ROWS = boolean[:, ::1], int64[:, ::1], float64[:, ::1]
STRETCH = 8  # days marked at a time: a vector's worth of each leg, and little beyond most exits

# Why an allowed day saw no entry.
FULL, NO_PACKAGE, NO_QUOTE, NO_CREDIT, THIN, RISKLESS, SPENT, BY_RISK, BY_OPEN_RISK, BY_BUYING_POWER = range(10)
SKIPS = 10

# Columns of the summary of one backtest.
SUMMARY = (
    "trades", "wins", "pnl", "gains", "losses", "mid_pnl", "entry_slippage", "exit_slippage", "fees", "assignment",
    "days_held", "equity", "max_drawdown", "mean_change", "sd_change", "package_days",
)  # fmt: skip
"""P&L figures are dollars, `gains` and `losses` those of winners and losers before they are taken together,
`max_drawdown` a share of the peak, `mean_change` and `sd_change` of the daily change in equity, `package_days` how many
days packages were marked on while open."""


@inline
def is_ready(desk, rules, v, c):
    """Choose, quote and price package c on its first day as far as that is not done; whether there is one."""
    surface, days, lives, legs, quotes = desk.surface, desk.days, desk.lives, desk.legs, desk.quotes
    if quotes.state[c] == UNKNOWN:
        choose(
            surface, lives, legs, quotes, c, rules.put_delta[v], rules.put_width[v], rules.put_wing[v],
            rules.call_delta[v], rules.call_width[v], rules.call_wing[v],
        )  # fmt: skip
    if quotes.state[c] != CHOSEN:
        return False
    if quotes.quoted[c] == 0:
        mark(surface, days, lives, legs, quotes, c, 1)
    if desk.prices.priced[c] == 0:
        price_entry(desk, c)
    return True


@inline
def follow(desk, rules, v, c):
    """Row on which package c is closed, why, legs assigned by then, and the row after which they were."""
    lives, quotes, prices = desk.lives, desk.quotes, desk.prices
    first, last = lives.offset[c], lives.offset[c + 1] - 1
    tradable = last - first + (0 if lives.settles[c] else 1)  # rows with quotes
    bits, since = quotes.assigned[first], first
    start = first + 1
    while True:
        if quotes.quoted[c] < tradable and start - first >= quotes.quoted[c]:
            count = min(STRETCH, tradable - quotes.quoted[c])
            mark(desk.surface, desk.days, lives, desk.legs, quotes, c, count)
        if prices.priced[c] < quotes.quoted[c]:
            price_rows(desk, c)
        row, why, bits, since = scan(desk, rules, v, c, start, bits, since)
        if why != HELD:
            return row, why, bits, since
        start = first + prices.priced[c]
        if prices.priced[c] == tradable:
            row, why = last_way_out(lives, c, bits)
            return row, why, bits, since


@inline
def wanted(desk, rules, v, c, equity, open_risk, tied_up):
    """Packages to open, and the code of what stands against it where that is none."""
    prices = desk.prices
    credit, largest = prices.credit[c], prices.max_loss[c]
    if math.isnan(credit):
        return 0, NO_QUOTE
    if desk.legs.is_credit:
        if not credit > 0.0:
            return 0, NO_CREDIT
        if credit < rules.min_credit_width[v] * prices.widest[c]:
            return 0, THIN
    if not largest > 0.0:
        return 0, RISKLESS
    if rules.contracts[v] > 0:
        return rules.contracts[v], 0
    if not equity > 0.0:
        return 0, SPENT
    units, binding = package_units(
        equity, rules.risk_share[v], rules.max_open_risk[v], open_risk, equity - tied_up, largest,
        prices.buying_power[c],
    )  # fmt: skip
    return units, BY_RISK + binding


@inline
def enter(desk, rules, v, c, contracts, trades, n):
    """Open package c, follow it to its exit and write it down as trade n; the place of its exit."""
    lives, legs, prices = desk.lives, desk.legs, desk.prices
    floating, booked, ratio = desk.scratch.floating, desk.scratch.booked, desk.scratch.ratio
    row, why, bits, since = follow(desk, rules, v, c)
    out, assignment, gap, exercised, sold = close_out(desk, c, row, why, bits, since)
    charges, first, start = desk.costs.charges, lives.offset[c], lives.entry[c]
    end = start + row - first
    paid = order_fees(charges, charges.opening, legs.closing, legs.ratio, contracts, prices.sold_in[c])
    is_settled = why == EXPIRY or (why == ASSIGNED and lives.settles[c] and row == lives.offset[c + 1] - 1)
    leaving = charges.exercise * contracts * exercised
    if not is_settled:
        leaving += order_fees(charges, charges.closing, legs.sign, ratio, contracts, sold)
    units = charges.multiplier * contracts
    trades.package[n], trades.contracts[n], trades.row[n], trades.reason[n] = c, contracts, row, why
    trades.out[n], trades.assignment[n], trades.gap[n] = out, assignment, gap
    trades.opening_fees[n], trades.closing_fees[n] = paid, leaving
    credit = prices.credit[c]
    for i in range(end - start):
        floating[start + i] += units * (credit + prices.close[first + i]) - paid
    booked[end] += units * (credit + out + assignment) - paid - leaving
    if gap != 0.0:
        booked[end + 1] += units * gap
    return end


@inline
def summarise(desk, trades, n, account, equity, row):
    """Write the columns of SUMMARY."""
    days, lives, costs, prices = desk.days, desk.lives, desk.costs, desk.prices
    row[:] = 0.0
    row[0] = n
    for i in range(n):
        c, last = trades.package[i], trades.row[i]
        first = lives.offset[c]
        units = costs.charges.multiplier * trades.contracts[i]
        at_mid = units * (prices.entry_mid[c] + prices.mid[last])
        going_in = units * (prices.entry_mid[c] - prices.credit[c])
        going_out = units * (prices.mid[last] - trades.out[i])
        fees = trades.opening_fees[i] + trades.closing_fees[i]
        assignment = units * (trades.assignment[i] + trades.gap[i])
        pnl = at_mid - going_in - going_out - fees + assignment
        row[1] += pnl > 0.0
        row[2] += pnl
        row[3] += max(pnl, 0.0)
        row[4] += min(pnl, 0.0)
        row[5] += at_mid
        row[6] += going_in
        row[7] += going_out
        row[8] += fees
        row[9] += assignment
        start = lives.entry[c]
        row[10] += days.ordinal[start + last - first] - days.ordinal[start]
        row[15] += last - first
    count = equity.shape[0]
    peak, before, total, squares = account, account, 0.0, 0.0
    for place in range(count):
        change = equity[place] - before
        total += change
        squares += change * change
        before = equity[place]
        peak = max(peak, before)
        row[12] = max(row[12], (peak - before) / peak)
    row[11] = before
    row[13] = total / count
    row[14] = math.sqrt(max(squares / count - row[13] * row[13], 0.0))


@inline
def drop_closed(end, risk, power, held, place, never):
    """Keep the open packages that end after a place: how many they are, and where the next of them ends."""
    alive, next_end = 0, never
    for i in range(held):
        if end[i] > place:
            end[alive], risk[alive], power[alive] = end[i], risk[i], power[i]
            next_end = min(next_end, end[i])
            alive += 1
    return alive, next_end


@kernel(types.void(DESK, VARIANTS, FLAG_ROWS, boolean, int64, int64, TRADES, FLOATS, INT_ROWS, ROWS), **COUNTLESS)
def run_backtests(desk, rules, allowed, is_fresh, start, stop, trades, equity, skips, summary):
    """Run the backtests `start` to `stop` of the variants in `rules`.

    Each day packages are closed first, then one may be opened: on an allowed day, when the last entry is `every`
    sessions back, a place is free, the credit at the entry fill is above zero and enough for its width, and the size is
    at least one package. Sizes rest on the equity of the close before.

    `allowed` has shape (gates, days). With `is_fresh` every backtest chooses and marks its own packages, else they
    share what is known already. `trades` and `equity` (days,) are left as the last backtest's; `skips`
    (variants, SKIPS) counts allowed days without an entry, `summary` (variants, len(SUMMARY)) is written.
    """
    lives, quotes, prices = desk.lives, desk.quotes, desk.prices
    floating, booked = desk.scratch.floating, desk.scratch.booked
    end, risk, power = desk.scratch.end, desk.scratch.risk, desk.scratch.power
    count = desk.days.spot.shape[0]
    for v in range(start, stop):
        if is_fresh:
            quotes.state[:], quotes.quoted[:], prices.priced[:] = 0, 0, 0
        floating[:], booked[:], skips[v, :] = 0.0, 0.0, 0
        account, every, max_open, gate = rules.account[v], rules.every[v], rules.max_open[v], rules.gate[v]
        settled, before, last_entry = 0.0, account, -every
        n, held, next_end = 0, 0, count
        for place in range(count):
            if place >= next_end:
                held, next_end = drop_closed(end, risk, power, held, place, count)
            if allowed[gate, place] and place - last_entry >= every and place < count - 1:
                c, units, why = lives.of_day[place], 0, NO_PACKAGE
                if held >= max_open:
                    why = FULL
                elif c >= 0 and is_ready(desk, rules, v, c):
                    open_risk = tied_up = 0.0
                    for i in range(held):
                        open_risk += risk[i]
                        tied_up += power[i]
                    units, why = wanted(desk, rules, v, c, before, open_risk, tied_up)
                if units > 0:
                    end[held] = enter(desk, rules, v, c, units, trades, n)
                    risk[held], power[held] = units * prices.max_loss[c], units * prices.buying_power[c]
                    held += 1
                    n += 1
                    last_entry = place
                    next_end = min(next_end, end[held - 1])
                else:
                    skips[v, why] += 1
            settled += booked[place]
            before = equity[place] = account + settled + floating[place]
        trades.package[n:] = -1
        summarise(desk, trades, n, account, equity, summary[v])


@kernel(types.void(DESK, int64, int64), **COUNTLESS)
def price_packages(desk, start, stop):
    """Price the packages from `start` to `stop` as far as they are quoted and not priced yet."""
    quotes, prices = desk.quotes, desk.prices
    for c in range(start, stop):
        if quotes.state[c] == CHOSEN:
            if prices.priced[c] == 0 and quotes.quoted[c] > 0:
                price_entry(desk, c)
            price_rows(desk, c)
