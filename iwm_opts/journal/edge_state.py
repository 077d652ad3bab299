"""State of the edge: results, corrected for execution, against a backtest's.

The word is `intact` only where an end of the edge would have been seen; where the trades are too few for that, nothing
is claimed.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from iwm_opts.backtest.metrics import PATH, independent_trades
from iwm_opts.errors import InputError
from iwm_opts.journal.findings import Draft
from iwm_opts.journal.inference import EDGE_PART, FAMILY_ERROR, Estimate, detectable, mean_of, odds, share, span
from iwm_opts.journal.regime import SampleRank, Scan, sample_ranks, scan_against, scan_within

Array = NDArray[np.float64]
Word = Literal["intact", "degrading", "broken", "too few trades"]

FEWEST_FOR_MARKET: Final = 20  # closed trades, of the log and of the backtest
LEVEL: Final = EDGE_PART * FAMILY_ERROR
POWER_FOR_INTACT: Final = 0.8  # chance of having seen the edge's end, below which it is not called intact
SLACK: Final = 0.25  # of a trade more held at a time than that: a few shared days do not count as overlap
NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class EdgeState:
    """The log's results against the backtest's."""

    word: Word
    sentence: str
    n: int
    independent: float  # effective number of trades that share no day
    mean: Estimate  # dollars per dollar at risk
    baseline_n: int  # trades of the backtest, 0 without one
    baseline_mean: float
    win_rate: SampleRank | None
    average: SampleRank | None
    scan: Scan | None
    p_of_nothing: float  # chance that results worth nothing hold as bad a stretch; NaN without a scan
    since: pd.Timestamp | None  # exit of the first trade of the worst stretch, where the scan names one
    since_low: pd.Timestamp | None
    since_high: pd.Timestamp | None
    known_on: pd.Timestamp | None  # exit of the trade after which the alarm rang
    power_to_see_the_end: float  # chance of having seen the edge fall to nothing
    results: Array  # in order of exit

    def alarm_sentence(self, scan: Scan) -> str:
        """Say when results fell, and against what."""
        since = mean_of(self.results[scan.onset :], self.n / self.independent)
        against = (
            f"the backtest's {share(self.baseline_mean)} in {self.baseline_n} trades"
            if self.baseline_n
            else f"{share(scan.mean_before)} in the {scan.onset} trades before"
        )
        detected = f", known since {self.known_on:%Y-%m-%d}" if self.known_on is not None else ""
        return (
            f"results fell on {self.since:%Y-%m-%d} (between {self.since_low:%Y-%m-%d} and "
            f"{self.since_high:%Y-%m-%d}{detected}): {share(since.value)} of the risk a trade in {since.n} trades "
            f"since ({span(since, share)}), against {against}; by luck in {odds(scan.p)}, and if the edge were nothing "
            f"in {odds(self.p_of_nothing)}"
        )

    def quiet_sentence(self, scan: Scan, power: float, word: Word) -> str:
        """Say how results compare where none fell, and what would have been seen."""
        mean = f"{share(self.mean.value)} of the risk a trade ({span(self.mean, share)}), {self.n} trades"
        if not self.baseline_n:
            return (
                f"no fall within the log ({mean}; by luck in {odds(scan.p)}); whether there ever was an edge it cannot "
                "say: give a backtest of the plan"
            )
        assert self.win_rate is not None
        assert self.average is not None
        within = (
            f"{mean}, within the backtest's range: mean {share(self.average.low)} to {share(self.average.high)}, "
            f"win rate {self.win_rate.value:.0%} within {self.win_rate.low:.0%} to {self.win_rate.high:.0%}"
        )
        if math.isnan(power):
            return f"{within}; the backtest itself has no edge to lose ({share(self.baseline_mean)} a trade)"
        edge = share(self.baseline_mean)
        seen = f"an end of its edge ({edge} a trade) would have been seen with a chance of {power:.0%}"
        return f"{within}; {seen}" if word == "intact" else f"{within}; but {seen} only"


def judge_edge(trades: pd.DataFrame, independent: float, baseline: pd.DataFrame | None) -> EdgeState:
    """Scan the results of a log; `worded` adds the status, corrected for the other tests.

    `trades`: of `compliance`.
    `independent`: effective number of them that share no day.
    `baseline`: trades of a backtest; see `diagnosis.diagnose`.
    """
    rated = trades[trades["result"].notna()]
    results = rated["result"].to_numpy(dtype=np.float64)
    n = len(results)
    dependence = len(trades) / independent
    expected, overlap = _baseline_results(baseline)
    together = math.ceil(max(1.0, dependence, overlap) - SLACK)
    is_judged = n >= FEWEST_FOR_MARKET and (baseline is None or len(expected) >= FEWEST_FOR_MARKET)
    scan = won = average = None
    nothing = NAN
    if is_judged and baseline is not None:
        scan = scan_against(results, expected, together, LEVEL)
        won, average = sample_ranks(results, expected, together)
    elif is_judged:
        scan = scan_within(results, together, LEVEL)
    if scan is not None and scan.p <= LEVEL:
        # Results moved so that their mean is zero; a log's own ones on either side of its change.
        sides = np.split(results, [scan.onset]) if baseline is None else [expected]
        worthless = np.concatenate([side - side.mean() for side in sides if len(side)])
        nothing = scan_against(results, worthless, together, LEVEL).p
    exits = rated["exit"].reset_index(drop=True)
    mean = mean_of(results, dependence)
    return EdgeState(
        word="too few trades", sentence="", n=n, independent=independent * n / len(trades), mean=mean,
        baseline_n=len(expected), baseline_mean=float(expected.mean()) if len(expected) else NAN, win_rate=won,
        average=average, scan=scan, p_of_nothing=nothing, since=exits[scan.onset] if scan else None,
        since_low=exits[scan.onset_low] if scan else None, since_high=exits[scan.onset_high] if scan else None,
        known_on=exits[scan.alarm] if scan and scan.alarm is not None else None, power_to_see_the_end=NAN,
        results=results,
    )  # fmt: skip


def _baseline_results(baseline: pd.DataFrame | None) -> tuple[Array, float]:
    """Results of a backtest per dollar at risk, in order, and how many of its trades share their days."""
    if baseline is None:
        return np.empty(0), 1.0
    missing = [name for name in ("pnl", "risk", "entry", "exit") if name not in baseline]
    if missing:
        rule = f"has no column {' and '.join(missing)}"
        raise InputError("backtest", ", ".join(map(str, baseline)), rule, "give the trades of iwm-opts backtest")
    ordered = baseline.sort_values([*([PATH] if PATH in baseline else []), "exit"], kind="stable")
    results = (ordered["pnl"] / ordered["risk"].where(ordered["risk"] > 0)).to_numpy(dtype=np.float64)
    return results[np.isfinite(results)], len(ordered) / (independent_trades(ordered) or 1.0)


def draft_of(edge: EdgeState) -> Draft:
    """Scan as one of the tests of a diagnosis."""
    scan = edge.scan
    after = edge.results[scan.onset :] if scan else edge.results
    dependence = edge.n / edge.independent if edge.independent else 1.0
    estimate = mean_of(after, dependence)
    return Draft(
        "market", "market", edge.n, None, estimate, "share of the risk", scan.p if scan else NAN, NAN,
        lambda _is_fault: "", lambda level: detectable(edge.mean.error, level),
    )  # fmt: skip


def worded(edge: EdgeState, is_alarm: bool) -> EdgeState:
    """Market with its word, and the sentence that holds the number behind it."""
    # Chance that a fall of the mean to zero all along would have rung; normal, one-sided; NaN without an edge.
    power, error = NAN, edge.mean.error
    if edge.baseline_n and edge.baseline_mean > 0.0 and not math.isnan(error):
        power = float(ndtr(edge.baseline_mean / error - ndtri(1.0 - LEVEL))) if error > 0.0 else 1.0
    if edge.scan is None:
        few = edge.n if edge.n < FEWEST_FOR_MARKET or not edge.baseline_n else edge.baseline_n
        whose = "closed trades of known risk" if few == edge.n else "trades in the backtest"
        return replace(
            edge, sentence=f"{whose}: {few}, at least {FEWEST_FOR_MARKET} are needed",
            power_to_see_the_end=power,
        )  # fmt: skip
    scan = edge.scan
    if is_alarm:
        # Broken where even trades that earn nothing do as badly by luck in no more than `LEVEL` of logs. The worst
        # stretch was chosen because it is the worst: its own interval would be too sure of itself.
        alarm: Word = "broken" if edge.p_of_nothing <= LEVEL else "degrading"
        return replace(edge, word=alarm, sentence=edge.alarm_sentence(scan), power_to_see_the_end=power)
    word: Word = "intact" if edge.baseline_n and power >= POWER_FOR_INTACT else "too few trades"
    return replace(
        edge, word=word, sentence=edge.quiet_sentence(scan, power, word), power_to_see_the_end=power,
        since=None, since_low=None, since_high=None, known_on=None,
    )  # fmt: skip
