"""Claims of the strategy, measured on data."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

from iwm_opts.api.plan_data import PlanData, PlanDataRequest, open_plan_data
from iwm_opts.api.result import OnProgress, Result
from iwm_opts.conventions import counted
from iwm_opts.report.claims_table import claims_table
from iwm_opts.report.records import Record
from iwm_opts.research.claims import Claim, measure_claims

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsRequest:
    """Whether the claims of the strategy hold on data.

    Fields as the parameters of `claims`; further:

    Parameters
    ----------
    before : date, optional
        Data on or after it are not read.
    """

    data: PlanDataRequest | PlanData
    names: tuple[str, ...] = ()
    before: date | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClaimsResult(Result):
    """Estimate, 95% interval, sample and verdict of each claim."""

    claims: tuple[Claim, ...]
    label: str
    notes: tuple[str, ...]

    def rows(self) -> list[Record]:
        """One row a claim; columns as in the CSV of the command."""
        return list(map(asdict, self.claims))

    def record(self) -> Record:
        return {"simulated": bool(self.label), "claims": list(map(asdict, self.claims)), "notes": list(self.notes)}

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return claims_table(self.claims, self.label, self.notes, columns)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Estimates with their 95% intervals, from the bound of each claim on in half-widths of the interval."""
        frame = self.to_frame()
        bounds = frame[["estimate", "low", "high"]].sub(frame["null"].fillna(0.0), axis=0)
        half = 0.5 * (frame["high"] - frame["low"])
        return self.draw(frame.assign(**bounds.div(half.where(half > 0.0), axis=0)), "estimate", ("name",), ax)

    def headline(self) -> tuple[str, list[str], str]:
        return counted(len(self.claims), "claims"), list(self.notes[:1]), self.label


def answer_claims(request: ClaimsRequest, on_progress: OnProgress | None = None) -> ClaimsResult:
    """Measure claims; see `ClaimsRequest`."""
    given = request.data
    data = given if isinstance(given, PlanData) else open_plan_data(given, request.before)
    inputs = data.inputs.before(request.before) if request.before else data.inputs
    claims = measure_claims(inputs, request.names or None, on_progress)
    return ClaimsResult(tuple(claims), data.label, data.notes)


def claims(data: PlanData, *names: str) -> ClaimsResult:
    """Measure the claims of the strategy on data.

    Parameters
    ----------
    data : PlanData
        Of `read_plan_data`.
    names : str
        Claims; all unless given.
    """
    return answer_claims(ClaimsRequest(data=data, names=names))
