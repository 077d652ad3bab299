"""Gates of a screen or a backtest: an IV rank below a threshold, or a function of the IV history."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from iwm_opts.conventions import GATE_RANK
from iwm_opts.errors import InputError
from iwm_opts.market.gate import ALWAYS_OPEN, Gate, ivr_gate
from iwm_opts.market.iv_rank import IvHistory, IvRank, iv_rank


@dataclass(frozen=True, slots=True)
class IvRankBelow:
    """Open while the IV rank is below a threshold; closed where the rank is unknown.

    Parameters
    ----------
    threshold : float
        0 to 100, itself excluded.
    history : IvHistory, optional
        History to rank; the chain's unless given.
    lookback : int, optional
        Sessions to rank within; that of the chain unless given.
    """

    threshold: float = GATE_RANK
    history: IvHistory | None = None
    lookback: int | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold <= 100.0:
            raise InputError("threshold", self.threshold, "a rank lies between 0 and 100", "give for instance 20")


GateFunction = Callable[[IvHistory], bool]  # reads a history that ends before the day of the decision
GateCondition = IvRankBelow | GateFunction


def judge_gate(
    gate: GateCondition | None, history: IvHistory | None, day: date, lookback: int, stale: str = ""
) -> tuple[Gate, IvRank | None]:
    """State of a gate on a day (None: always open), and the IV rank to show with it.

    Only observations of the history before `day` are read; `lookback` counts where the gate names none. `stale` says
    why the quotes are too old to trade on: it keeps a gate closed, and where none was asked for too.
    """
    rank_gate = gate if isinstance(gate, IvRankBelow) else IvRankBelow()
    ranked = rank_gate.history or history
    rank = None if ranked is None else iv_rank(ranked, day, rank_gate.lookback or lookback)
    if gate is None:
        judged = ALWAYS_OPEN
    else:
        name = getattr(gate, "__name__", type(gate).__name__)
        if isinstance(gate, IvRankBelow):
            judged = ivr_gate(rank, gate.threshold)
        elif history is None:
            judged = Gate(name, False, ("no IV history to judge; give iv_history",))
        else:
            is_open = bool(gate(history.before(day)))
            judged = Gate(name, is_open, (f"{name} of {history.series} is {is_open}",))
    if stale:
        judged = replace(judged, is_open=False, reasons=(stale, *judged.reasons[: gate is not None]))
    return judged, rank
