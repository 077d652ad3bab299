"""Early assignment of the short legs of a candidate, in words."""

import math
from collections.abc import Iterator

from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.report.screening import Screening
from iwm_opts.report.words import dollars, strike
from iwm_opts.risk.assignment import AssignmentRisk, assignment_risks
from iwm_opts.spreads.candidate import Candidate


def assignment_lines(result: Screening, one: Candidate) -> Iterator[str]:
    """For each short leg, where its holder gains by exercise, when, and what that costs; none if European."""
    snapshot = result.snapshot
    if snapshot.exercise == "european":
        return
    shorts = [leg for leg in one.legs if leg.side == "short"]
    due = snapshot.dividends_until(one.expiration)
    flows = snapshot.cash_flows(one.expiration)
    risks = assignment_risks(
        [RIGHT_SIGN[leg.right] for leg in shorts],
        [leg.strike for leg in shorts],
        [leg.iv for leg in shorts],
        snapshot.chain.spot,
        one.forward.rate,
        one.years,
        [(years, cash, payment.ex_date) for (years, cash), payment in zip(flows, due, strict=True)],
        result.exercise_fee,
    )
    for leg, risk in zip(shorts, risks, strict=True):
        for words in _words(risk):
            yield f"{leg.right} {strike(leg.strike)} {words}"


def _words(risk: AssignmentRisk) -> Iterator[str]:
    if not math.isnan(risk.boundary_today):
        yield f"is exercised early at or below {risk.boundary_today:.2f} today"
    for at in risk.dates:
        if math.isnan(at.boundary):
            continue
        side, when = ("above", "on the eve of") if risk.right > 0 else ("below", "on")
        price = f"is exercised early at or {side} {at.boundary:.2f}"
        yield f"{price} {when} the ex-date {at.ex_date}: costs {dollars(at.cost, 2)}"
