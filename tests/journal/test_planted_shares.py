"""The test of the whole for share plans: slips are planted in a broker's log, and the diagnosis names each and no other.

The log tells what a broker tells, fills and times alone. What the plan asked for is found again from the bars by
`plan_replay`, on the account's own equity; results are held against a backtest of the years before.
"""

from datetime import date
from itertools import chain, combinations

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.plan import share_rules
from iwm_opts.backtest.shares import trade_shares
from iwm_opts.journal.diagnosis import diagnose
from iwm_opts.journal.plan_replay import replayed
from iwm_opts.journal.plan_rules import rules_of
from iwm_opts.journal.trade_log import log_of_rows
from iwm_opts.market.calendar import sessions
from iwm_opts.strategy.checklist import Inputs, criteria_met
from iwm_opts.strategy.plan import make_usual_plan

FAULTS = ("late exits", "size", "fills", "market")
SUBSETS = list(chain.from_iterable(combinations(FAULTS, k) for k in range(len(FAULTS) + 1)))
SEEDS = 50
STARTS, BREAK, ENDS = date(2018, 1, 2), pd.Timestamp("2021-06-01"), date(2023, 12, 29)
APART = 12  # sessions between entries: nothing overlaps, also when it is left late
EDGE, BROKEN_EDGE = 0.004, -0.006  # a session of those that a trade is held over
PLAN = make_usual_plan(
    "mean-reversion", checklist={"minimum": 1, "criteria": ["quiet", "stretch"]}, macro={"enabled": False}
)
DAYS = pd.DatetimeIndex(sessions(date(2006, 1, 3), ENDS), name="date").as_unit("us")


def market(generator, breaks):
    """Bars of a made fund that rises for ten sessions from every twelfth on; after a break it falls."""
    count = len(DAYS)
    held = np.arange(count) % APART < 10
    drift = np.where(held, np.where((DAYS >= BREAK) & breaks, BROKEN_EDGE, EDGE), -0.002)
    steps = drift + generator.normal(0.0, 0.012, count)
    steps -= np.where(held, 0.0, 0.5 * (np.cumsum(steps) > 0.8))  # a split that keeps the price a price
    overnight = generator.normal(0.0, 0.004, count)
    close = 200.0 * np.exp(np.cumsum(steps))
    opened = np.concatenate([[200.0], close[:-1]]) * np.exp(overnight)
    high = np.maximum(opened, close) * (1 + np.abs(generator.normal(0.0, 0.004, count)))
    low = np.minimum(opened, close) * (1 - np.abs(generator.normal(0.0, 0.004, count)))
    table = {"open": opened, "high": high, "low": low, "close": close}
    return pd.DataFrame(table, index=DAYS).round(2)
