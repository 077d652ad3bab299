"""Result of a screening command, for table, JSON or CSV."""

from dataclasses import dataclass, field

from iwm_opts.conventions import FEE_SCHEDULE, MULTIPLIER, REALISED_IMPLIED_VARIANCE
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.market.gate import Gate
from iwm_opts.market.iv_rank import IvRank
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.spreads.screen import Account, Screened


@dataclass(frozen=True, slots=True, eq=False)
class Screening:
    """A snapshot, its gate and the screened candidates."""

    snapshot: Snapshot
    rank: IvRank | None
    gate: Gate
    screened: Screened
    account: Account
    variance_ratio: float
    fees: FeeSchedule = field(default_factory=lambda: FeeSchedule.parse(FEE_SCHEDULE))
    exits: ExitLevels = field(default_factory=ExitLevels)

    @property
    def is_default_measure(self) -> bool:
        """Whether the real-world measure is the documented default."""
        return self.variance_ratio == REALISED_IMPLIED_VARIANCE

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything a reader should know before trusting the figures, each once."""
        lines = [*self.snapshot.chain.warnings, *self.snapshot.warnings]
        if self.rank is not None:
            lines += [self.rank.note] if self.rank.proxy else []
            lines += self.rank.warnings
        lines += self.screened.warnings
        losing = sum(sized.candidate.expected_profit < 0 for sized in self.screened.kept)
        if losing:
            of_all = f"{losing} of {len(self.screened.kept)} candidates"
            lines.append(f"{of_all}: a loss is expected after costs, whatever the size allows")
        kept = self.screened.kept
        stops = [self.exits.no_stop(item.candidate.fill.price, item.requirement / MULTIPLIER) for item in kept]
        beyond = [(item.candidate.expiration, why) for item, why in zip(kept, stops, strict=True) if why]
        if beyond:  # what closing can cost
            lines.append(f"{len(beyond)} of {len(kept)} candidates, {beyond[0][0]:%d%b} first: {beyond[0][1]}")
        lines += [sized.size.warning for sized in self.screened.kept if sized.size.warning]
        return tuple(dict.fromkeys(lines))
