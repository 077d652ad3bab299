"""Three iron condors, every number recomputed by hand: vollib for prices, the rest plain arithmetic.

    python examples/condor_by_hand.py

The chain is made here, of a known skew and vollib prices rounded to quotes; nothing in it was ever traded on. The
three condors: an ordinary one; one that lives over an ex-date, so that early assignment of its call would cost a
dividend; and one with unequal wings whose call side cannot lose. The program compares what `iwm_opts` says with what
the few lines below say, prints both, and fails when a figure differs by half a cent.

Exercise is European, because vollib is. The vols at the strikes and break-evens are read off the fitted smile; what
follows from them is done here.
"""

import math
import sys
from datetime import date, timedelta

import pandas as pd
from vollib.black import black
from vollib.black.greeks.analytical import delta as forward_delta
from vollib.black.implied_volatility import implied_volatility

from iwm_opts.market.capture import make_chain
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.snapshot import Snapshot, take_snapshot
from iwm_opts.spreads.analysis import Terms
from iwm_opts.spreads.candidate import Candidate
from iwm_opts.spreads.iron_condor import iron_condors
from iwm_opts.spreads.legs import DeltaRange, Wing
from iwm_opts.spreads.screen import Account, Selection, screen

TODAY, EXPIRATION, EX_DATE = date(2026, 3, 2), date(2026, 4, 17), date(2026, 3, 25)
SPOT, RATE, DIVIDEND = 250.00, 0.036, 0.62
VARIANCE_RATIO = 0.81
# tastytrade: 1.00 a contract to open, clearing 0.10, regulatory 0.0145; 0.00329 a contract sold; 20.60 a million sold.
OPENING, SOLD, SOLD_SHARE, EXERCISE = 1.00 + 0.10 + 0.0145, 0.00329, 20.60e-6, 5.00
ACCOUNT, RISK = 50_000, 0.01


def main() -> None:
    """Compare the three condors figure by figure."""
    equal, unequal = (Wing(5.0), Wing(5.0)), (Wing(10.0), Wing(1.0))
    dividend = DividendSchedule((Dividend(EX_DATE, DIVIDEND),), "given")
    cases = {
        "an ordinary condor": (made_chain(0.0), DividendSchedule((), "none"), 0.20, equal),
        "one that lives over an ex-date": (made_chain(DIVIDEND), dividend, 0.20, equal),
        "unequal wings: the call side cannot lose": (made_chain(0.0), DividendSchedule((), "none"), 0.30, unequal),
    }
    worst = 0.0
    for title, (chain, dividends, delta, wings) in cases.items():
        snapshot = take_snapshot(chain, RATE, dividends, exercise="european")
        ours, size = condor(snapshot, delta, wings)
        owed = sum(d.amount for d in snapshot.dividends_until(EXPIRATION))
        print(f"\n{title}: {' '.join(f'{leg.side[0]}{leg.right}{leg.strike:g}' for leg in ours.legs)}, {EXPIRATION}")
        for name, value in figures(ours, size).items():
            hand = by_hand(ours, snapshot, owed)[name]
            worst = max(worst, abs(value - hand))
            print(f"  {name:26} {value:12.4f} {hand:12.4f}")
    print(f"\nlargest difference {worst:.1e}")
    sys.exit(int(worst >= 0.005))


def made_chain(dividend: float):
    """Quotes around vollib's prices of a skewed smile, half a spread of two to four cents on either side."""
    years, rows = years_left(), []
    forward = (SPOT - dividend * math.exp(-RATE * (EX_DATE - TODAY).days / 365)) * math.exp(RATE * years)
    for strike in range(190, 311):
        k = math.log(strike / forward)
        vol = 0.22 - 0.25 * k + 0.3 * k * k
        for right in "CP":
            value = black(right.lower(), forward, strike, years, RATE, vol)
            half = 0.02 + 0.01 * (value > 2) + 0.01 * (value > 5)
            bid = max(round(value - half, 2), 0.0)
            rows.append((right, strike, bid, max(round(value + half, 2), bid + 0.01)))
    quotes = pd.DataFrame(rows, columns=["right", "strike", "bid", "ask"])
    quotes = quotes.assign(quote_date=TODAY, expiration=EXPIRATION, underlying_price=SPOT, open_interest=1000)
    return make_chain(quotes, symbol="IWM", source="made by the example", simulated=True)


def years_left() -> float:
    """From the close of today to that of the expiration; clocks go forward an hour in between."""
    return ((EXPIRATION - TODAY) / timedelta(days=1) - 1 / 24) / 365


def condor(snapshot: Snapshot, delta: float, wings: tuple[Wing, Wing]) -> tuple[Candidate, int]:
    """Condor that the screen finds, and its contracts."""
    wanted, dte = DeltaRange(delta, delta), (EXPIRATION - TODAY).days
    found = screen(
        snapshot,
        (dte, dte),
        lambda table: [iron_condors(table, wanted, wanted, [wings])],
        Terms(),
        Selection(),
        Account(),
    )
    return found.kept[0].candidate, found.kept[0].size.contracts


def figures(one: Candidate, contracts: int) -> dict[str, float]:
    """Return the figures of iwm_opts."""
    named = {
        f"{leg.side} {leg.right}{leg.strike:g} {name}": getattr(leg, name)
        for leg in one.legs
        for name in ("iv", "delta")
    }
    named |= {"credit mid": one.fill.mid, "credit natural": one.fill.natural, "credit fill": one.fill.price}
    named |= {"slippage": one.fill.slippage, "fees": one.fees, "max profit": one.max_profit}
    named |= {"max loss at expiry": one.max_loss_expiry, "max loss": one.max_loss}
    named |= {f"break-even {i}": level for i, level in enumerate(one.breakevens, 1)}
    named |= {"pop": one.pop}
    named |= {"expected profit": one.expected_profit, "expected profit, smile": one.expected_profit_rn}
    named |= {"break-even slippage": one.breakeven_slippage, "return on risk": one.return_on_risk}
    return named | {"delta": one.delta, "contracts": contracts}


def by_hand(one: Candidate, snapshot: Snapshot, owed: float) -> dict[str, float]:
    """Return the same figures, from the quotes and the smile's vols."""
    years, smile = years_left(), snapshot.table(EXPIRATION).smile
    forward, discount = one.forward.price, math.exp(-RATE * years)
    sign = [1 if leg.side == "long" else -1 for leg in one.legs]
    strikes = [leg.strike for leg in one.legs]
    mids = [(leg.bid + leg.ask) / 2 for leg in one.legs]
    halves = [(leg.ask - leg.bid) / 2 for leg in one.legs]

    named = {}
    for leg, mid in zip(one.legs, mids, strict=True):
        vol = implied_volatility(mid, forward, leg.strike, RATE, years, leg.right.lower())
        named[f"{leg.side} {leg.right}{leg.strike:g} iv"] = vol
        # vollib's delta is to the forward; the price net of dividends, forward x discount, moves one for one with spot
        moved = forward_delta(leg.right.lower(), forward, leg.strike, years, RATE, vol) / discount
        named[f"{leg.side} {leg.right}{leg.strike:g} delta"] = moved

    mid, half = -dot(sign, mids), sum(halves)
    dearest = max(
        vertical_cost(mids[1] - mids[0], halves[0] + halves[1]), vertical_cost(mids[2] - mids[3], halves[2] + halves[3])
    )
    fill = cents_down(mid - max(0.5 * half, 0.01, dearest))
    fees = 4 * OPENING + 2 * SOLD + SOLD_SHARE * 100 * (mids[1] + mids[2])
    named |= {"credit mid": mid, "credit natural": mid - half, "credit fill": fill}
    named |= {"slippage": 100 * (mid - fill), "fees": fees}

    put_width, call_width = strikes[1] - strikes[0], strikes[3] - strikes[2]
    kept = 100 * fill - fees
    named |= {"max profit": kept, "max loss at expiry": 100 * max(put_width, call_width) - kept}
    # exercised on the losing side: two options; a short call assigned before the ex-date owes the dividend
    named["max loss"] = max(100 * put_width, 100 * (call_width + owed)) + 2 * EXERCISE - kept
    levels = [strikes[1] - kept / 100] + ([strikes[2] + kept / 100] if kept < 100 * call_width else [])
    named |= {f"break-even {i}": level for i, level in enumerate(levels, 1)}
    named |= {"return on risk": kept / named["max loss"]}

    def put(strike: float, ratio: float = 1.0) -> float:
        # The distribution is scaled: w'(k) = ratio w(k / sqrt(ratio)).
        at = forward * math.exp(math.log(strike / forward) / math.sqrt(ratio))
        return black("p", forward, strike, years, RATE, float(smile.vol(at)[0]) * math.sqrt(ratio))

    def below(level: float, ratio: float = 1.0) -> float:
        step = 1e-3  # the probability of ending below is the slope of the undiscounted put
        return (put(level + step, ratio) - put(level - step, ratio)) / (2 * step) / discount

    named["pop"] = (below(levels[1]) if len(levels) > 1 else 1.0) - below(levels[0])

    for name, ratio in (("expected profit", VARIANCE_RATIO), ("expected profit, smile", 1.0)):
        puts = [put(k, ratio) for k in strikes[:2]]
        calls = [put(k, ratio) + discount * (forward - k) for k in strikes[2:]]
        exercised = [below(k, ratio) for k in strikes[:2]] + [1 - below(k, ratio) for k in strikes[2:]]
        named[name] = 100 * (fill + dot(sign, puts + calls)) - fees - EXERCISE * sum(exercised)
    named["break-even slippage"] = (named["expected profit"] + named["slippage"]) / 100
    named["delta"] = dot(sign, [named[f"{leg.side} {leg.right}{leg.strike:g} delta"] for leg in one.legs])
    named["contracts"] = math.floor(ACCOUNT * RISK / named["max loss"])
    return named


def dot(these: list, those: list) -> float:
    """Sum of products."""
    return sum(a * b for a, b in zip(these, those, strict=True))


def cents_down(credit: float) -> float:
    """Credit that would be sent: whole cents, rounded against the trader."""
    return math.floor(credit * 100 + 1e-6) / 100


def vertical_cost(credit: float, half: float) -> float:
    """Return the cost of one side alone against its mid, half way to natural, at least a cent, in whole cents."""
    return credit - cents_down(credit - max(0.5 * half, 0.01))


def normal(x: float) -> float:
    """Cumulative normal distribution."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


if __name__ == "__main__":
    main()
