"""Early assignment of the short legs of a candidate, in words and as records."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.report.screening import Screening
from iwm_opts.report.words import dollars, strike
from iwm_opts.risk.assignment import AssignmentRisk, assignment_risks, is_assigned_by_quotes
from iwm_opts.spreads.candidate import Candidate, Leg


@dataclass(frozen=True, slots=True)
class ShortLeg:
    """A short leg and its early assignment."""

    leg: Leg
    risk: AssignmentRisk
    opposite_mid: float  # of the other right at the strike, dollars a share; NaN without a two-sided quote
    # 1 where exercise pays by the quotes alone, 0 where not, NaN where they do not say: of a put now; of a call were
    # the next ex-date tomorrow, at today's quotes, and NaN without one.
    pays_by_quotes: float


def short_legs(result: Screening, candidate: Candidate) -> list[ShortLeg]:
    """Short legs of a candidate, and when their holders gain by exercise; none where exercise is European."""
    snapshot = result.snapshot
    shorts = [leg for leg in candidate.legs if leg.side == "short"]
    if snapshot.exercise == "european" or not shorts:
        return []
    due = snapshot.dividends_until(candidate.expiration)
    flows = snapshot.cash_flows(candidate.expiration)
    rate, years, spot = candidate.forward.rate, candidate.years, snapshot.chain.spot
    signs = [float(RIGHT_SIGN[leg.right]) for leg in shorts]
    risks = assignment_risks(
        signs,
        [leg.strike for leg in shorts],
        [leg.iv for leg in shorts],
        spot,
        rate,
        years,
        [(years, cash, payment.ex_date) for (years, cash), payment in zip(flows, due, strict=True)],
        result.fees.exercise,
    )
    bids, mids = zip(*(_opposite(result, candidate, leg) for leg in shorts), strict=True)
    worth = sum(cash * math.exp(-rate * when) for when, cash in flows if when <= years)
    next_ex, next_cash = min((flow for flow in flows if flow[0] <= years), default=(math.nan, 0.0))
    strikes = [leg.strike for leg in shorts]
    pays = is_assigned_by_quotes(signs, spot, strikes, mids, rate, years, worth, next_ex, next_cash, bids)
    asked = np.where((np.array(signs) < 0.0) | (worth > 0.0), pays, math.nan)
    return [ShortLeg(*columns) for columns in zip(shorts, risks, mids, asked.tolist(), strict=True)]


def _opposite(result: Screening, candidate: Candidate, leg: Leg) -> tuple[float, float]:
    """Bid and midpoint of the other right at a leg's strike and expiration, of the root that lists most strikes."""
    snapshot = result.snapshot
    listed = [quotes for quotes in snapshot.slices if quotes.expiration == candidate.expiration]
    quotes = max(listed, key=lambda quotes: len(quotes.strike))
    bid, mid = (quotes.put_bid, quotes.put_mid) if leg.right == "C" else (quotes.call_bid, quotes.call_mid)
    here = np.flatnonzero(np.isclose(quotes.strike, leg.strike))
    return (float(bid[here[0]]), float(mid[here[0]])) if here.size else (math.nan, math.nan)


def assignment_records(result: Screening, candidate: Candidate) -> list[dict[str, Any]]:
    """Early assignment of each short leg for JSON; `boundary` is a spot in dollars, null where exercise never pays."""
    return [
        {
            "right": short.leg.right,
            "strike": short.leg.strike,
            "boundary_today": short.risk.boundary_today,
            "pays_today": bool(short.risk.pays_today(result.snapshot.chain.spot)),
            "worst_cost": short.risk.worst_cost,
            "ex_dates": [
                {
                    "ex_date": at.ex_date.isoformat(),
                    "dividend": at.dividend,
                    "pays": "at or above, on the eve" if short.risk.right > 0 else "at or below, on the ex-date",
                    "boundary": at.boundary,
                    "cost": at.cost,
                }
                for at in short.risk.dates
            ],
            "by_quotes": {
                "opposite_mid": short.opposite_mid,
                "pays": None if math.isnan(short.pays_by_quotes) else bool(short.pays_by_quotes),
            },
        }
        for short in short_legs(result, candidate)
    ]


def assignment_lines(result: Screening, candidate: Candidate) -> Iterator[str]:
    """For each short leg, where its holder gains by exercise, when, and what that costs; none if European."""
    for short in short_legs(result, candidate):
        for words in _words(short):
            yield f"{short.leg.right} {strike(short.leg.strike)} {words}"


def _words(short: ShortLeg) -> Iterator[str]:
    risk = short.risk
    if not math.isnan(risk.boundary_today):
        yield f"is exercised early at or below {risk.boundary_today:.2f} today"
    for at in risk.dates:
        if math.isnan(at.boundary):
            continue
        side, when = ("above", "on the eve of") if risk.right > 0 else ("below", "on")
        price = f"is exercised early at or {side} {at.boundary:.2f}"
        yield f"{price} {when} the ex-date {at.ex_date}: costs {dollars(at.cost, 2)}"
    if math.isnan(risk.boundary_today) and short.pays_by_quotes == 1.0 and risk.right < 0:
        yield f"is worth exercising by the call's midpoint of {short.opposite_mid:.2f}"
