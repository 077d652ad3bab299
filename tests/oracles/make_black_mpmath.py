"""Write black_mpmath.csv: Black-Scholes-Merton prices, greeks and implied vols in 60 digits, rounded once to doubles.

Run: python tests/oracles/make_black_mpmath.py. Nothing of iwm_opts is used. `implied_vol` is the exact solution for the
rounded `price` beside it (NaN where the price is in the money, whose rounding alone decides the answer).
"""

import csv
import math
import random
from pathlib import Path

import mpmath as mp

mp.mp.dps = 60
MINUTE = 1.0 / (365.0 * 24.0 * 60.0)
INPUTS = ("domain", "right", "spot", "strike", "t", "rate", "vol", "dividend_yield")
COLUMNS = (*INPUTS, "price", "implied_vol", "delta", "gamma", "vega", "theta", "rho")


def black_scholes(sign, spot, strike, t, rate, vol, q):
    """Price, then delta, gamma, vega a point, theta a day and rho a point (Hull 2018, chapters 17 and 19)."""
    spot, strike, t, rate, vol, q = map(mp.mpf, (spot, strike, t, rate, vol, q))
    prepaid, present = spot * mp.exp(-q * t), strike * mp.exp(-rate * t)
    stdev = vol * mp.sqrt(t)
    d1 = mp.log(prepaid / present) / stdev + stdev / 2
    above1 = mp.erfc(-sign * d1 / mp.sqrt(2)) / 2
    above2 = mp.erfc(-sign * (d1 - stdev) / mp.sqrt(2)) / 2
    density = prepaid * mp.npdf(d1)
    theta = -density * vol / (2 * mp.sqrt(t)) + sign * (q * prepaid * above1 - rate * present * above2)
    return (
        sign * (prepaid * above1 - present * above2),
        sign * prepaid / spot * above1,
        density / (spot**2 * stdev),
        density * mp.sqrt(t) / 100,
        theta / 365,
        sign * present * t * above2 / 100,
    )


def exact_implied(price, vol, sign, spot, strike, t, rate, q):
    """Newton in 60 digits from the vol that made the price before it was rounded."""
    vol = mp.mpf(vol)
    for _ in range(4):
        value, _, _, vega, _, _ = black_scholes(sign, spot, strike, t, rate, vol, q)
        vol -= (value - mp.mpf(price)) / (100 * vega)
    return float(vol)


def rows(domain, count, lowest_stdev, highest_stdev, smallest_price, otm, seed):
    rng = random.Random(seed)
    found = 0
    while found < count:
        t = math.exp(rng.uniform(math.log(MINUTE), math.log(5.0)))
        stdev = math.exp(rng.uniform(math.log(lowest_stdev), math.log(highest_stdev)))
        vol = stdev / math.sqrt(t)
        if not 0.03 <= vol <= 20.0:
            continue
        rate, q, spot = rng.uniform(-0.01, 0.1), rng.uniform(0.0, 0.05), rng.uniform(5.0, 500.0)
        depth = rng.uniform(-1.0, 1.0) * rng.choice((1.0, 8.0, 30.0))  # log-moneyness in total stdevs
        strike = spot * math.exp((rate - q) * t + depth * stdev)
        sign = (1 if depth > 0 else -1) if otm else rng.choice((1, -1))
        price, *greeks = black_scholes(sign, spot, strike, t, rate, vol, q)
        if price < smallest_price * spot:
            continue
        found += 1
        implied = exact_implied(float(price), vol, sign, spot, strike, t, rate, q) if otm else math.nan
        right = "C" if sign > 0 else "P"
        yield (domain, right, spot, strike, t, rate, vol, q, float(price), implied, *map(float, greeks))


def main():
    with Path(__file__).with_name("black_mpmath.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows("price", 200, 0.01, 3.0, 1e-12, False, seed=1))
        writer.writerows(rows("price_small_stdev", 100, 1e-4, 0.01, 1e-12, False, seed=2))
        writer.writerows(rows("implied", 200, 0.005, 3.0, 1e-200, True, seed=3))
        writer.writerows(rows("implied_large_stdev", 60, 3.0, 4.0, 1e-200, True, seed=4))


if __name__ == "__main__":
    main()
