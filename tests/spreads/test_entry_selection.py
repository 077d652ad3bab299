"""One selection: recorded markets choose the package that the screens build.

That the surface market's does is in `tests/kernels/backtest/test_marks.py`.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from iwm_opts.spreads.entry_rule import STRATEGIES, EntryRule
from iwm_opts.spreads.entry_selection import select_packages
from iwm_opts.spreads.legs import Wing

SPOT, STDEV = 100.0, 8.0
WINGS = (Wing(5.0), Wing(2.5), Wing(3.0, unit="%"), Wing(0.5, unit="sd"), Wing(delta=0.1), Wing(delta=0.05))
DELTAS = (0.01, 0.15, 0.175, 0.2, 0.5, 0.99)  # at the edges, and between two of a tie


def random_quotes(rng):
    """Strikes unevenly apart, |delta|s that occur twice, options without a quote or a vol."""
    strike = np.unique(rng.choice(np.arange(80.0, 120.5, rng.choice([0.5, 1.0, 2.5])), rng.integers(2, 30)))
    call = np.round(np.sort(rng.uniform(0.01, 0.99, len(strike)))[::-1], rng.choice([1, 2]))
    quotes = np.ones((4, len(strike)))
    for side in (0, 2):
        quotes[side : side + 2, rng.random(len(strike)) < rng.choice([0.0, 0.3])] = np.nan
    delta = np.array([call, call - 1.0])
    delta[rng.random(delta.shape) < rng.choice([0.0, 0.1])] = np.nan
    return strike, quotes, delta


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_recorded_markets_choose_what_screens_build(strategy, screened):
    rng = np.random.default_rng(5)
    whole = missing = 0
    for _ in range(400):
        strike, quotes, delta = random_quotes(rng)
        put, call = rng.choice(DELTAS, 2)
        put_wing, call_wing = (WINGS[place] for place in rng.integers(len(WINGS), size=2))
        rule = EntryRule(strategy, put_delta=put, call_delta=call, put_wing=put_wing, call_wing=call_wing)
        chosen, is_whole = select_packages(
            rule, np.zeros(1, dtype=np.int64), np.array([0, len(strike)]), strike, quotes, (delta[0], delta[1]),
            np.array([SPOT]), np.array([STDEV]),
        )  # fmt: skip
        quoted = np.concatenate([np.isfinite(quotes[2]), np.isfinite(quotes[0])])
        table = SimpleNamespace(
            right=np.repeat([-1.0, 1.0], len(strike))[quoted], strike=np.tile(strike, 2)[quoted],
            delta=np.concatenate([delta[1], delta[0]])[quoted], spot=SPOT, stdev=STDEV,
        )  # fmt: skip
        expected = screened(table, rule)
        assert (chosen[0].tolist() if is_whole[0] else None) == expected, (rule, strike, delta)
        whole, missing = whole + is_whole[0], missing + (not is_whole[0])
    assert whole > 20
    assert missing > 0
