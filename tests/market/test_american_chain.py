"""What American exercise makes of the quotes of a real IWM chain, beside European exercise."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest

from iwm_opts.market.forward import european_forward, implied_forwards
from iwm_opts.pricing.american import AmericanQuotes
from iwm_opts.pricing.quotes import EuropeanQuotes

pytestmark = pytest.mark.market_data

RATE = 0.036  # bills in mid 2026
EX_DATES = [(date(2026, 9, 15), 0.62), (date(2026, 12, 14), 0.95), (date(2027, 3, 15), 0.6), (date(2027, 6, 14), 0.695)]
EX_DATES += [(date(when.year + 1, when.month, when.day), cash) for when, cash in EX_DATES]


@dataclass(frozen=True)
class Found:
    """Quotes with a bid, of one exercise style."""

    undefined: np.ndarray  # shape (n,)
    least: np.ndarray  # what the option is worth without arbitrage, dollars a share
    mid: np.ndarray
    ask: np.ndarray
    agree: np.ndarray  # of strikes that quote both rights and have both vols: whether they agree within the quotes


def least_value(right, spot, strike, t, flows):
    """What exercise now, on the eve of an ex-date (calls), on one (puts) or at expiry is worth today: no less arises.

    Merton 1973, "Theory of rational option pricing", section 3 and 4: the holder may choose any of these, and hedge.
    """
    worth = right * (spot - strike)
    paid = 0.0
    for when, cash in [*flows, (t, 0.0)]:
        on_eve = right * (spot - paid - strike * np.exp(-RATE * when))
        paid += cash * np.exp(-RATE * when)
        after = right * (spot - paid - strike * np.exp(-RATE * when))
        worth = np.maximum(worth, np.maximum(on_eve, after))
    return np.maximum(worth, 0.0)


def read(slices, day, style):
    columns = []
    for quotes, forward in zip(slices, implied_forwards(slices, RATE), strict=True):
        if forward is None:
            continue
        ahead = [((when - day).days / 365, cash) for when, cash in EX_DATES]
        flows = tuple((when, cash) for when, cash in ahead if when < quotes.years)
        american = AmericanQuotes(flows)
        forward = european_forward(quotes, forward, american)
        spot = forward.price * forward.discount + sum(cash * np.exp(-RATE * when) for when, cash in flows)
        model = american if style == "american" else EuropeanQuotes()
        strike, right = np.tile(quotes.strike, 2), np.repeat([1.0, -1.0], len(quotes.strike))
        bid, ask = (np.concatenate([getattr(quotes, f"{r}_{e}") for r in ("call", "put")]) for e in ("bid", "ask"))
        implied = model.implied(right, 0.5 * (bid + ask), strike, quotes.years, forward)
        quoted = (bid > 0) & np.isfinite(ask)
        iv, vega = implied.iv.reshape(2, -1), implied.vega.reshape(2, -1) * 100.0
        with np.errstate(divide="ignore", invalid="ignore"):
            room = (0.5 * (ask - bid).reshape(2, -1) / vega).sum(axis=0)
        both = quoted.reshape(2, -1).all(axis=0) & np.isfinite(iv).all(axis=0)
        columns.append(
            (
                np.isnan(implied.iv[quoted]),
                least_value(right, spot, strike, quotes.years, flows)[quoted],
                (0.5 * (bid + ask))[quoted],
                ask[quoted],
                (np.abs(iv[0] - iv[1]) <= room)[both],
            )
        )
    return Found(*(np.concatenate(column) for column in zip(*columns, strict=True)))


@pytest.fixture(scope="module")
def chain(june_slices):
    day = date(2026, 6, 26)
    slices = june_slices(day.isoformat())
    return {style: read(slices, day, style) for style in ("american", "european")}


def test_call_and_put_vols_agree_more_often_than_under_european_exercise(chain):
    american, european = (chain[style].agree.mean() for style in ("american", "european"))
    print(f"\ncall and put vol agree within the quotes: American {american:.1%}, European {european:.1%}")
    assert american > 0.8
    assert american > european + 0.05


def test_every_undefined_vol_is_of_a_midpoint_that_no_vol_gives(chain):
    # Quotes deep in the money: the midpoint lies at or below the least the option can be worth, while the ask, at which
    # it can be bought, lies above. Prices so near that least that 1e-6 of vol changes them by less than a hundredth of
    # a cent count as at it.
    found = chain["american"]
    lost = found.undefined
    time_value = found.mid[lost] - found.least[lost]
    print(f"\nundefined: American {lost.mean():.1%}, European {chain['european'].undefined.mean():.1%}")
    print(f"time value of their midpoints: at most {time_value.max():.6f}, median {np.median(time_value):.4f}")
    assert lost.mean() < 0.15
    assert time_value.max() < 1e-4
    assert np.all(found.least[lost] > 0)
    assert np.mean(found.ask[lost] >= found.least[lost] - 1e-9) > 0.9
    # Nor is one lost that has a vol: midpoints clearly above the least have one.
    assert not np.any(lost & (found.mid > found.least + 0.02))
