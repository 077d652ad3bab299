"""Quoted spreads of a whole chain."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.execution.quoted_spread import By, SpreadTable, spread_table
from iwm_opts.market.chain import Chain
from iwm_opts.market.snapshot import Snapshot

FURTHEST_DTE = 181  # longer options are leaps: 5-dollar strikes, and spreads of dollars


@dataclass(frozen=True, slots=True, eq=False)
class ChainSpreads:
    """Quoted spreads of one chain."""

    chain: Chain
    spreads: SpreadTable

    @property
    def as_of(self) -> date:
        """Day of the chain."""
        return self.chain.as_of


def quoted_spreads(snapshot: Snapshot, by: By) -> ChainSpreads:
    """Measure the quoted spreads of a chain's out-of-the-money options, by moneyness or delta and by DTE.

    Deltas are our own, at the midpoint's vol; moneyness is measured against each expiration's forward.
    """
    chain = snapshot.chain
    frames = _with_delta(snapshot) if by == "delta" else []
    for quotes, forward in zip(snapshot.slices, snapshot.forwards, strict=True) if by != "delta" else ():
        sides = {"P": (quotes.put_bid, quotes.put_ask), "C": (quotes.call_bid, quotes.call_ask)}
        for right, (bid, ask) in sides.items():
            columns = {"strike": quotes.strike, "bid": bid, "ask": ask}
            reference = forward.price if forward else chain.spot
            frames.append(pd.DataFrame(columns).assign(right=right, dte=quotes.dte, forward=reference))
    name = f"{chain.symbol} {chain.as_of}"
    return ChainSpreads(chain, spread_table(pd.concat(frames, ignore_index=True), by, name))


def _with_delta(snapshot: Snapshot) -> list[pd.DataFrame]:
    tables, _ = snapshot.tables((0, FURTHEST_DTE))
    return [
        pd.DataFrame(
            {
                "right": np.where(table.right == RIGHT_SIGN["C"], "C", "P"),
                "strike": table.strike,
                "bid": table.bid,
                "ask": table.ask,
                "delta": table.delta,
                "dte": table.dte,
                "forward": table.forward.price,
            }
        )
        for table in tables
    ]
