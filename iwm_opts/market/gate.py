"""The gate: whether implied volatility stands where a strategy wants it."""

import math
from dataclasses import dataclass

from iwm_opts.conventions import MIN_GATE_COVERAGE, STALE_SESSIONS
from iwm_opts.market.iv_rank import IvRank


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition, whether it holds, and what it rests on."""

    condition: str
    is_open: bool
    reasons: tuple[str, ...]


ALWAYS_OPEN = Gate("none", True, ("no IV rank condition was asked for",))


def ivr_gate(rank: IvRank | None, below: float) -> Gate:
    """Open when the IV rank is below a threshold; closed, with the reason, when there is none.

    Parameters
    ----------
    rank : IvRank or None
        None: no history was given.
    below : float
        0 to 100, itself excluded.
    """
    condition = f"IV rank < {below:g}"
    if rank is None:
        return Gate(condition, False, ("no IV history to rank within; give --iv-history",))
    if math.isnan(rank.rank):
        return Gate(condition, False, (f"{rank.series} has no rank: {rank.reason}",))
    if rank.sessions_missed > STALE_SESSIONS:
        stale = f"{rank.series} ends on {rank.value_date}, {rank.sessions_missed} sessions ago: too old to open a gate"
        return Gate(condition, False, (f"{stale}; give a history that goes on",))
    if rank.coverage < MIN_GATE_COVERAGE:
        few = f"{rank.series} has {rank.observations} of {rank.lookback} sessions: too few to open a gate"
        return Gate(condition, False, (f"{few}; give a longer history or a shorter --ivr-lookback",))
    is_open = rank.rank < below
    side = "below" if is_open else "not below"
    return Gate(condition, is_open, (f"{rank.series} ranks {rank.rank:.1f} on {rank.value_date}, {side} {below:g}",))
