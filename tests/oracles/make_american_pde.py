"""Write american_pde.csv: American prices, deltas, gammas, thetas and vegas from a plain finite-difference solver.

`python tests/oracles/make_american_pde.py`, some minutes; needs numpy and scipy alone. Nothing here is shared with the
package, and every part is another method than its kernels': prices, not their logarithms, on nodes crowded about the
strike; central differences of second order; the free boundary by policy iteration to the last bit (Reisinger and
Witte 2012, "On the use of policy iteration as an easy way of pricing American options", SIAM Journal on Financial
Mathematics 3, 459-478); exercise allowed at any time for calls as for puts; cubic splines across ex-dates. Vega and
theta are central differences of such prices, by a quarter of a per cent of the vol and by an hour.

Each number is extrapolated from two grids, the second twice as fine in price and time; `..._doubt` is what the two
differ by, for their errors fall with the square: a bound on the error that is some three times too wide.
"""

import csv
import math
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import solve_banded

STRIKE = 220.0
SPOTS = 220.0 / np.array([0.62, 0.8, 0.93, 1.0, 1.06, 1.25, 1.55])  # strikes of 62 to 155% of spot
GRIDS = ((2000, 250), (4000, 500))  # nodes, and time steps of a stretch of a year
COLUMNS = ("price", "delta", "gamma", "theta", "vega")


def nodes(vol, t, cash, count):
    """Prices from 0 to where a call is as good as the share, crowded about the strike, which is one of them."""
    top = (max(STRIKE, SPOTS.max()) + cash) * math.exp(5.5 * vol * math.sqrt(t) + 0.1)
    crowd = STRIKE * min(max(0.5 * vol * math.sqrt(t), 0.04), 0.5)
    low, high = math.asinh(-STRIKE / crowd), math.asinh((top - STRIKE) / crowd)
    below = round(count * -low / (high - low))
    pitch = -low / below
    x = low + pitch * np.arange(below + math.ceil(high / pitch) + 1)
    price = STRIKE + crowd * np.sinh(x)
    price[0], price[below] = 0.0, STRIKE
    return price


def march(value, floor, price, vol, rate, length, steps):
    """Back by `length` years: four steps in eight implicit halves, then Crank and Nicolson, on a quadratic grid."""
    down, up = np.diff(price)[:-1], np.diff(price)[1:]
    s = price[1:-1]
    drift, spread = rate * s, (vol * s) ** 2
    lower = (spread - drift * up) / (down * (down + up))
    upper = (spread + drift * down) / (up * (down + up))
    middle = -lower - upper - rate
    shares = [(k / steps) ** 2 for k in range(steps + 1)]
    plan = [(shares[k + 1] - shares[k], 0.5) for k in range(4, steps)]
    plan = [(0.5 * (shares[k + 1] - shares[k]), 1.0) for k in (0, 0, 1, 1, 2, 2, 3, 3)] + plan
    exercised = value <= floor
    for share, implicit in plan:
        dt = share * length
        known = value.copy()
        known[1:-1] += (1 - implicit) * dt * (lower * value[:-2] + middle * value[1:-1] + upper * value[2:])
        known[0] = value[0] * math.exp(-rate * dt)
        known[-1] = 0.0
        band = np.zeros((3, price.size))
        band[1, 0] = band[1, -1] = 1.0
        band[0, 2:], band[1, 1:-1], band[2, :-2] = (
            -implicit * dt * upper,
            1 - implicit * dt * middle,
            -implicit * dt * lower,
        )
        # At the top the value is straight in the price: its slope is that of the nodes below, one step ago.
        slope = (value[-2] - value[-3]) / (price[-2] - price[-3])
        cash = (value[-1] - slope * price[-1]) * math.exp(-rate * dt)
        known[-1] = cash + slope * price[-1]
        for _ in range(50):
            matrix, wanted = band.copy(), np.where(exercised, floor, known)
            matrix[1, exercised] = 1.0
            matrix[0, 1:][exercised[:-1]] = 0.0
            matrix[2, :-1][exercised[1:]] = 0.0
            found = solve_banded((1, 1), matrix, wanted, check_finite=False)
            held = band[1] * found - known
            held[:-1] += band[0, 1:] * found[1:]
            held[1:] += band[2, :-1] * found[:-1]
            now = held > found - floor  # the smaller of the two is zero
            now = np.where(exercised, held >= 0.0, found < floor)
            if np.array_equal(now, exercised):
                break
            exercised = now
        value = np.maximum(found, floor)
    return value


def solve(sign, vol, rate, t, dividends, grid):
    """Prices, deltas and gammas at SPOTS."""
    count, steps = grid
    dividends = [(when, cash) for when, cash in dividends if 0.0 < when < t]
    price = nodes(vol, t, sum(cash for _, cash in dividends), count)
    floor = sign * (price - STRIKE)
    value, end = np.maximum(floor, 0.0), t
    for when, cash in [*dividends[::-1], (0.0, 0.0)]:
        length = end - when
        value = march(value, floor, price, vol, rate, length, max(int(steps * math.sqrt(length)), steps // 6) + 4)
        if cash:
            value = CubicSpline(price, value)(np.maximum(price - cash, 0.0))
            value = np.maximum(value, floor)
        end = when
    spline = CubicSpline(price, value)
    return np.array([spline(SPOTS), spline(SPOTS, 1), spline(SPOTS, 2)])


def row(sign, vol, rate, t, dividends, grid):
    """Price, delta, gamma, theta a day and vega a vol point at SPOTS."""
    here = solve(sign, vol, rate, t, dividends, grid)
    hour = 1.0 / 24.0 / 365.0
    later, sooner = (
        solve(sign, vol, rate, t - shift, [(when - shift, cash) for when, cash in dividends], grid)[0]
        for shift in (hour, -hour)
    )
    up, down = (solve(sign, vol * (1 + bump), rate, t, dividends, grid)[0] for bump in (0.0025, -0.0025))
    return np.array([*here, (later - sooner) * 12.0, (up - down) / (0.5 * vol)])


def cases(count, seed=2026):
    """Lives of 5 to 730 days, vols of 8 to 150%, 0 to 8 dividends, some the day after now or the day before expiry."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        days, rate = (
            round(math.exp(rng.uniform(math.log(5), math.log(730)))),
            float(rng.choice([0.01, 0.02, 0.037, 0.06])),
        )
        vol = round(math.exp(rng.uniform(math.log(0.08), math.log(1.5))), 4)
        ends = [[], [1], [days - 1], [1, days - 1]][k % 4]
        some = rng.integers(1, days, rng.integers(0, 9 - len(ends)))
        when = np.unique(np.append(some, ends)).astype(int)
        yield days, rate, vol, [(int(day), float(rng.choice([0.3, 0.62, 0.8, 1.5]))) for day in when]


def main(count=36):
    """Write the table."""
    with Path(__file__).with_name("american_pde.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(
            ["right", "spot", "strike", "days", "rate", "vol", "dividends", *COLUMNS, *(f"{c}_doubt" for c in COLUMNS)]
        )
        for days, rate, vol, dividends in cases(count):
            paid = " ".join(f"{day}:{cash:g}" for day, cash in dividends)
            for sign in (1, -1):
                flows = [(day / 365, cash) for day, cash in dividends]
                coarse, fine = (row(sign, vol, rate, days / 365, flows, grid) for grid in GRIDS)
                best, doubt = fine + (fine - coarse) / 3.0, np.abs(fine - coarse)
                for k, spot in enumerate(SPOTS):
                    numbers = [f"{x:.8g}" for x in best[:, k]] + [f"{x:.1e}" for x in doubt[:, k]]
                    out.writerow(["C" if sign > 0 else "P", f"{spot:.10g}", STRIKE, days, rate, vol, paid, *numbers])
            file.flush()


if __name__ == "__main__":
    main()
