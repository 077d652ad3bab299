"""Early assignment of the short legs of a candidate, in words and as records."""

import math
from collections.abc import Iterator
from typing import Any

from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.report.screening import Screening
from iwm_opts.report.words import dollars, strike
from iwm_opts.risk.assignment import ShortOption, short_options
from iwm_opts.spreads.candidate import Candidate, Leg


def short_legs(result: Screening, candidate: Candidate) -> list[tuple[Leg, ShortOption]]:
    """Short legs of a candidate, and when their holders gain by exercise; none where exercise is European."""
    shorts = [leg for leg in candidate.legs if leg.side == "short"]
    if result.snapshot.exercise == "european" or not shorts:
        return []
    right = [float(RIGHT_SIGN[leg.right]) for leg in shorts]
    options = (right, [leg.strike for leg in shorts], [leg.iv for leg in shorts])
    terms = (candidate.expiration, candidate.forward.rate, candidate.years)
    return list(zip(shorts, short_options(result.snapshot, *terms, options, result.fees.exercise), strict=True))


def assignment_records(result: Screening, candidate: Candidate) -> list[dict[str, Any]]:
    """Early assignment of each short leg for JSON; `boundary` is a spot in dollars, null where exercise never pays."""
    return [
        {
            "right": leg.right,
            "strike": leg.strike,
            "boundary_today": short.risk.boundary_today,
            "pays_today": short.pays_today,
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
        for leg, short in short_legs(result, candidate)
    ]


def assignment_lines(result: Screening, candidate: Candidate) -> Iterator[str]:
    """For each short leg, where its holder gains by exercise, when, and what that costs; none if European."""
    for leg, short in short_legs(result, candidate):
        for words in assignment_words(short):
            yield f"{leg.right} {strike(leg.strike)} {words}"


def assignment_words(short: ShortOption) -> Iterator[str]:
    """When the holder of a short option exercises early, and what that costs."""
    risk = short.risk
    if short.pays_today:
        yield "is expected to be assigned tonight"
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
