"""The claims that the strategy rests on, each measured on the user's data: estimate, interval, sample, verdict.

The strategy's source asserts; this measures. A claim says which values would make it true. It holds where the whole
interval is such values and its stepdown p is at most 5%; it does not hold where none of the interval is; else it is
inconclusive. A claim that is traded at the close of its signal is judged by entries at the next open, which can be
had. The burden of proof is the claim's: a refutation needs no adjustment for the claims beside it. Measurements:
`claim_readings`.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from iwm_opts.backtest.bootstrap import LEVEL
from iwm_opts.conventions import GATE_RANK
from iwm_opts.errors import InputError
from iwm_opts.plans.checklist import Inputs
from iwm_opts.research.claim_readings import (
    BEAR_YEAR,
    CALM_YEAR,
    HORIZONS,
    RANK_HIGH,
    atr_ratio,
    calm_against_bear,
    drawdown_gap,
    event_days,
    gap_momentum,
    iv_change_at_rank,
    leads,
    low_against_high_rank,
    macro_filter,
    mean_reversion,
    premium_at_rank,
    sector_drift,
    time_stop,
    wide_wings,
)
from iwm_opts.research.claim_statistics import SEED, Reading
from iwm_opts.research.stepdown import stepdown

ABOVE_ZERO, BELOW_ZERO, ANY = (0.0, math.inf), (-math.inf, 0.0), (-math.inf, math.inf)
P_DRAWS: Final = 999
BLOCK: Final = 42.0  # sessions: twice the longest outcome that claims overlap in
HOLDS, FAILS, UNDECIDED, MEASURED = "holds", "does not hold", "inconclusive", "measured"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim and its estimate."""

    name: str
    text: str  # claim of the strategy's source
    true_if: str  # values that would make it true, in words
    unit: str
    estimate: float  # in the unit; NaN without data
    low: float  # of the 95% interval; NaN where there is none
    high: float
    sample: int
    sampled: str  # units counted, and their days
    verdict: str
    detail: str = ""
    null: float = math.nan  # value that separates true from untrue, the nearest; NaN without one
    p: float = math.nan  # two-sided, against the null; of entries at the next open where those are measured
    p_stepdown: float = math.nan  # the same, adjusted for all claims that the data measure (Romano-Wolf)
    open_estimate: float = math.nan  # entered at the next open, with its interval; NaN where that is not measured
    open_low: float = math.nan
    open_high: float = math.nan


@dataclass(frozen=True, slots=True)
class _Measure:
    """How a claim is measured."""

    name: str
    text: str
    true_if: str
    bounds: tuple[float, float]  # of the values that make it true
    unit: str
    needs: tuple[str, ...]  # options without which it cannot be measured
    read: Callable[[Inputs], Reading]


def measure_claims(
    data: Inputs, names: Sequence[str] | None = None, progress: Callable[[int, int], None] | None = None
) -> list[Claim]:
    """Measure claims; those without data name the missing input.

    Parameters
    ----------
    data : Inputs
    names : sequence of str, optional
        Of `CLAIMS`; all of them unless given. All are measured and tested together whatever is asked for: a claim does
        not become surer by looking away from the others.
    progress : callable, optional
        Called with (claims done, claims).

    Raises
    ------
    InputError
        For an unknown claim.
    """
    for name in names or ():
        if name not in CLAIMS:
            raise InputError("claim", name, "unknown claim", f"choose of {', '.join(CLAIMS)}")
    if names is not None and not names:
        return []
    claims, tested = [], []
    for done, measure in enumerate(MEASURES, start=1):
        claim, reading = _claim(measure, data)
        claims.append(claim)
        if reading is not None and reading.rows is not None and math.isfinite(claim.null):
            tested.append((done - 1, reading, reading.rows))
        if progress:
            progress(done, len(MEASURES))
    if tested:
        places, readings, rows = zip(*tested, strict=True)
        nulls = [claims[place].null for place in places]
        plain, adjusted = stepdown(rows, [reading.estimate for reading in readings], nulls, BLOCK, SEED, P_DRAWS)
        for place, reading, p, p_stepdown in zip(places, readings, plain.tolist(), adjusted.tolist(), strict=True):
            verdict = _verdict(MEASURES[place].bounds, reading, p_stepdown)
            claims[place] = replace(claims[place], verdict=verdict, p=p, p_stepdown=p_stepdown)
    return [claim for claim in claims if names is None or claim.name in names]


def _claim(measure: _Measure, data: Inputs) -> tuple[Claim, Reading | None]:
    """Claim and the reading that judges it; its verdict is without a stepdown p."""
    given = {
        "`iv_history`": data.history,
        "`minutes`": data.minutes,
        "`events`": data.events,
        "`sectors`": data.sectors,
        **{f"`{symbol.lower()}`": fund for symbol, fund in data.funds.items()},
    }
    missing = [need for need in measure.needs if given.get(need) is None]
    head = measure.name, measure.text, measure.true_if, measure.unit
    if missing:
        return Claim(*head, math.nan, math.nan, math.nan, 0, "", f"needs data: {', '.join(missing)}"), None
    with warnings.catch_warnings():  # a flat or short series gives NaN, and is not measured
        warnings.simplefilter("ignore", RuntimeWarning)
        reading = measure.read(data)
    if not math.isfinite(reading.estimate):
        lacking = f"needs data: {reading.detail}"
        return Claim(*head, math.nan, math.nan, math.nan, reading.sample, reading.sampled, lacking), None
    tested = reading.tested
    finite = [bound for bound in measure.bounds if math.isfinite(bound)]
    null = min(finite, key=lambda bound: abs(bound - tested.estimate), default=math.nan)  # NaN: every value satisfies
    claim = Claim(
        *head, reading.estimate, reading.low, reading.high, reading.sample, reading.sampled,
        _verdict(measure.bounds, tested), reading.detail, null,
    )  # fmt: skip
    if tested is not reading:
        claim = replace(claim, open_estimate=tested.estimate, open_low=tested.low, open_high=tested.high)
    return claim, tested


def _verdict(bounds: tuple[float, float], reading: Reading, p_stepdown: float = math.nan) -> str:
    if bounds == ANY:
        return MEASURED
    if not (math.isfinite(reading.low) and math.isfinite(reading.high)):
        return UNDECIDED
    if reading.high < bounds[0] or reading.low > bounds[1]:
        return FAILS
    is_inside = bounds[0] <= reading.low and reading.high <= bounds[1]
    return HOLDS if is_inside and not p_stepdown > 1.0 - LEVEL else UNDECIDED


OTHER_RANKS: Final = (
    ("mid-rank", "at rank 20 to 50", (GATE_RANK, RANK_HIGH)),
    ("high-rank", "at rank 50 and above", (RANK_HIGH, math.inf)),
)
MEASURES: Final[Sequence[_Measure]] = (
    _Measure("atr-ratio", "IWM's ATR runs 30-40% wider than SPY's, as a share of price", "1.30 to 1.40",
             (1.30, 1.40), "ratio", ("`spy`",), atr_ratio),
    _Measure("drawdown-gap", "in risk-off IWM falls 15-20 points deeper than SPY", "15 to 20",
             (15.0, 20.0), "points", ("`spy`",), drawdown_gap),
    *(_Measure(f"lead-{k}", f"IWM leads SPY by {k} session{'s' if k > 1 else ''}", "above 0",
               ABOVE_ZERO, "correlation", ("`spy`",), leads(k)) for k in (1, 2)),
    *(_Measure(f"mean-reversion-{k}", f"after three declines over 2.5% the next {k} session{'s' if k > 1 else ''} "
               "beat the usual", "above 0", ABOVE_ZERO, "% more than on all days", (), mean_reversion(k))
      for k in HORIZONS),
    _Measure("mean-reversion-years", f"mean reversion paid in {CALM_YEAR} and failed in {BEAR_YEAR}", "above 0",
             ABOVE_ZERO, f"% more in {CALM_YEAR}", (), calm_against_bear),
    _Measure("gap-momentum", "a gap up over 0.8% on volume goes on to minute 45", "above 0",
             ABOVE_ZERO, "%", ("`minutes`",), gap_momentum),
    _Measure("condor-premium", "below rank 20 implied vol exceeds realised vol", "above 0",
             ABOVE_ZERO, "vol points", ("`iv_history`",), premium_at_rank(-math.inf, GATE_RANK)),
    *(_Measure(f"premium-{name}", f"for comparison: implied less realised vol, {words}", "-",
               ANY, "vol points", ("`iv_history`",), premium_at_rank(*ranks)) for name, words, ranks in OTHER_RANKS),
    _Measure("condor-rank", "a low rank is the better time to sell: realised over implied is lower than at rank 50 and "
             "above", "below 0", BELOW_ZERO, "realised/implied", ("`iv_history`",), low_against_high_rank),
    _Measure("contraction", "below rank 20 IV contracts over the next 10 sessions", "below 0",
             BELOW_ZERO, "vol points", ("`iv_history`",), iv_change_at_rank(-math.inf, GATE_RANK)),
    *(_Measure(f"contraction-{name}", f"for comparison: change of IV over the next 10 sessions, {words}", "-",
               ANY, "vol points", ("`iv_history`",), iv_change_at_rank(*ranks)) for name, words, ranks in OTHER_RANKS),
    _Measure("kre-filter", "the session after KRE lost over 1.5% is worse for IWM", "below 0",
             BELOW_ZERO, "% more than after other days", ("`kre`",), macro_filter),
    _Measure("time-stop", "a trade under one ATR ahead after 3 sessions does worse from there", "below 0",
             BELOW_ZERO, "% more than quick trades", (), time_stop),
    _Measure("event-days", "IWM moves more on ISM and GDP days", "above 0",
             ABOVE_ZERO, "% more in size", ("`events`",), event_days),
    _Measure("wide-wings", "IWM's condors need wider wings than SPY's", "above 1",
             (1.0, math.inf), "ratio", ("`spy`",), wide_wings),
    _Measure("sector-drift", "sector weights drift", "-",
             ANY, "% of the fund moved", ("`sectors`",), sector_drift),
)  # fmt: skip
CLAIMS: Final = tuple(measure.name for measure in MEASURES)
