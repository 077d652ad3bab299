"""The tests of a diagnosis that judge the trader: fills, late exits, size and the checklist."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.journal.compliance import ANSWER, SIZE_SLACK, PlanRules
from iwm_opts.journal.inference import (
    FAMILY_ERROR,
    FEWEST,
    Estimate,
    detectable,
    detectable_share,
    difference_of,
    lost,
    mean_of,
    money,
    p_above_zero,
    p_by_shuffling,
    p_of_breaches,
    share,
    share_interval,
    span,
)
from iwm_opts.market.minutes import SESSION_MINUTES

Array = NDArray[np.float64]
Topic = Literal["execution", "rules", "market"]
NAN: Final = float("nan")
WORTH_SHUFFLING: Final = 0.1  # above this p a test makes no accusation


@dataclass(frozen=True, slots=True)
class DiagnosisTest:
    """One test of a diagnosis: what was counted and estimated."""

    name: str  # fills, late exits, size, checklist minimum, checklist: NAME, market
    topic: Topic
    n: int  # trades that could be judged
    breaches: int | None  # trades that broke the rule; None where breaches are not counted
    estimate: Estimate  # unit below
    unit: str
    p: float  # NaN: could not be tested
    cost: float  # dollars lost to it in the log, NaN where unknown


@dataclass(frozen=True, slots=True)
class Finding(DiagnosisTest):
    """A test judged among the others."""

    p_adjusted: float
    smallest_seen: float  # effect seen four times in five, in the unit; NaN where unknown
    is_fault: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Draft(DiagnosisTest):
    """A test before it is judged among the others."""

    tell: Callable[[bool], str]
    smallest: Callable[[float], float]  # of a level

    def judged(self, p: float, level: float) -> Finding:
        """Return the test with its p among the others, and the level that the strictest of them is held to."""
        is_fault, is_unknown = not math.isnan(p) and p <= FAMILY_ERROR, math.isnan(p)
        sentence = f"{self.name}: too few trades ({self.n})" if is_unknown else self.tell(is_fault)
        smallest = NAN if is_unknown else self.smallest(level)
        return Finding(
            self.name, self.topic, self.n, self.breaches, self.estimate, self.unit, self.p, self.cost, p, smallest,
            is_fault, sentence,
        )  # fmt: skip


def fills(trades: pd.DataFrame) -> Draft:
    filled = trades[trades["fill_cost"].notna()]
    each = (filled["fill_cost"] / filled["contracts"]).to_numpy(dtype=np.float64)
    estimate = mean_of(each)
    cost = float(filled["fill_cost"].sum()) if len(filled) else NAN
    each_one = "share" if len(filled) and (filled["multiplier"] == 1.0).all() else "package"

    def tell(is_fault: bool) -> str:
        word = "worse than" if is_fault else "in line with"
        return (
            f"own fills are {word} the model's: {money(estimate.value)} lost a {each_one} against it, in and out "
            f"together ({span(estimate, money)}), {money(cost)} in {estimate.n} trades"
        )

    p = p_above_zero(estimate) if len(filled) >= FEWEST else NAN
    return Draft(
        "fills", "execution", len(filled), None, estimate, f"dollars a {each_one}", p, cost, tell,
        lambda level: detectable(estimate.error, level),
    )  # fmt: skip


def late(trades: pd.DataFrame) -> Draft:
    timed = trades[trades["late"].notna()]
    late = timed[timed["late"] > 0]
    waited = float(late["late"].mean()) if len(late) else 0.0
    cost = float(late["late_cost"].sum(min_count=1)) if len(late) else 0.0
    priced = "" if math.isnan(cost) else f", which {lost(cost)}"
    # Parts of a session are of a plan that leaves within it, by the minute.
    within = bool(len(late)) and bool((late["late"] < 1.0).all())
    how_long = f"{waited * SESSION_MINUTES:.0f} minutes" if within else f"{waited:.1f} sessions"
    what = f"by {how_long} on average{priced}" if len(late) else ""
    verb = f"left after the {'minute' if within else 'day'} their rule called"
    return _habit("late exits", "execution", timed, late, cost, verb, what)


def size(trades: pd.DataFrame) -> Draft:
    sized = trades[trades["oversize"].notna()]
    over = sized[sized["oversize"] > SIZE_SLACK]
    cost = float(over["size_cost"].sum()) if len(over) else 0.0
    luck = "" if cost > 0 else ", by luck"
    what = f"by {over['oversize'].mean():.0%} on average; the excess {lost(cost)}{luck}" if len(over) else ""
    return _habit("size", "execution", sized, over, cost, "risked more than the plan allows", what)


def minimum(trades: pd.DataFrame, rules: PlanRules) -> Draft:
    least = rules.minimum
    rated = trades[trades["met"].notna()] if least is not None else trades.iloc[:0]
    below = rated[rated["met"] < (least or 0)]
    made = float(below["pnl"].sum()) if len(below) else 0.0
    what = f"and made {money(made)} together" if len(below) else ""
    verb = f"were opened with fewer than {least} criteria met"
    return _habit("checklist minimum", "rules", rated, below, -made, verb, what)


def _habit(
    name: str, topic: Topic, rated: pd.DataFrame, broke: pd.DataFrame, cost: float, verb: str, what: str
) -> Draft:
    """Rule that each trade keeps or breaks."""
    count, n = len(broke), len(rated)
    low, high = share_interval(count, n)
    estimate = Estimate(count / n if n else NAN, low, high, n)

    def tell(is_fault: bool) -> str:
        if not count:
            return f"none of {n} trades {verb}"
        rate = f"{count} of {n} trades {verb} ({count / n:.0%}, {low:.0%} to {high:.0%})"
        return f"{rate} {what}".strip() + ("" if is_fault else ": slips, not a habit")

    return Draft(
        name, topic, n, count, estimate, "share of trades", p_of_breaches(count, n) if n >= FEWEST else NAN, cost,
        tell, lambda level: detectable_share(n, level),
    )  # fmt: skip


def criterion(trades: pd.DataFrame, name: str, dependence: float) -> Draft:
    met, broken = sides_of(trades, name)
    estimate, p = difference_of(met, broken, dependence)
    p = p if min(len(met), len(broken)) >= FEWEST // 2 else NAN
    if p <= WORTH_SHUFFLING:
        p = max(p, p_by_shuffling(met, broken))
    cost = -float(trades["as_planned"][is_broken(trades, name) & trades["result"].notna()].sum())

    def tell(is_fault: bool) -> str:
        how = "did worse" if is_fault else "did not do measurably worse"
        return (
            f"{len(broken)} of {estimate.n} entries had {name} not met, and {how} than the others: "
            f"{share(broken.mean())} of the risk a trade against {share(met.mean())} (difference "
            f"{share(estimate.value)}, {span(estimate, share)})"
        )

    return Draft(
        f"checklist: {name}", "rules", estimate.n, len(broken), estimate, "share of the risk", p, cost, tell,
        lambda level: detectable(estimate.error, level),
    )  # fmt: skip


def is_broken(trades: pd.DataFrame, name: str) -> "pd.Series[bool]":
    """Entries with a checklist on which a criterion was not met; unknown never counts as met."""
    return trades[ANSWER + name].isin(("unmet", "unknown"))


def sides_of(trades: pd.DataFrame, name: str) -> tuple[Array, Array]:
    rated = trades[trades["result"].notna()]
    met = rated[rated[ANSWER + name] == "met"]["result"]
    broken = rated[is_broken(rated, name)]["result"]
    return met.to_numpy(dtype=np.float64), broken.to_numpy(dtype=np.float64)
