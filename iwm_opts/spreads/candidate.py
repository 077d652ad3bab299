"""One package, spelled out leg by leg."""

import math
from dataclasses import dataclass
from datetime import date

from iwm_opts.conventions import RIGHT_SIGN, SIDE_SIGN, Right, Side
from iwm_opts.execution.fills import Fill
from iwm_opts.execution.legs import Legs
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.slices import Forward
from iwm_opts.spreads.analysis import Analysis, prob_touch
from iwm_opts.spreads.empirical import Empirical
from iwm_opts.spreads.managed import Managed


@dataclass(frozen=True, slots=True)
class Leg:
    """One option of a package; dollars a share."""

    side: Side
    right: Right
    strike: float
    bid: float
    ask: float
    iv: float
    delta: float  # of one long option
    open_interest: float  # contracts; NaN where the chain does not say
    occ_symbol: str

    @property
    def mid(self) -> float:
        """Midpoint."""
        return 0.5 * (self.bid + self.ask)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A package and its figures; fields as in `Analysis`."""

    strategy: str
    expiration: date
    dte: int
    years: float  # to the expiry time
    forward: Forward
    atm_vol: float  # of the smile at the forward
    legs: tuple[Leg, ...]
    fill: Fill
    fees: float
    max_profit: float
    max_loss: float
    max_loss_expiry: float
    max_loss_delivery: float
    breakevens: tuple[float, ...]
    pop: float
    pop_real_world: float
    prob_touch: float
    expected_profit: float
    expected_profit_rn: float
    breakeven_slippage: float
    delta: float
    gamma: float
    theta: float
    vega: float
    managed: Managed | None = None  # under its own exits; None without a session ahead
    empirical: Empirical | None = None  # under returns of the past; None without a session ahead

    @property
    def kind(self) -> Legs:
        """Sides and rights of the legs, as execution and margin see them."""
        return Legs.of([SIDE_SIGN[leg.side] for leg in self.legs], [RIGHT_SIGN[leg.right] for leg in self.legs])

    @property
    def strikes(self) -> tuple[float, ...]:
        """Strikes in the order of the legs."""
        return tuple(leg.strike for leg in self.legs)

    @property
    def return_on_risk(self) -> float:
        """Largest profit over largest loss."""
        return self.max_profit / self.max_loss

    @property
    def managed_edge(self) -> float:
        """Expected profit under its own exits over largest loss; NaN where unknown."""
        return math.nan if self.managed is None else self.managed.expected_profit / self.max_loss

    @property
    def edge(self) -> float:
        """Expected profit over largest loss."""
        return self.expected_profit / self.max_loss


def candidate(
    table: OptionTable, analysis: Analysis, i: int, managed: Managed | None = None, empirical: Empirical | None = None
) -> Candidate:
    """I-th package of an analysis."""
    figures = {name: float(getattr(analysis, name)[i]) for name in _FIGURES}
    touched = prob_touch(table, analysis.packages.only(i))
    breakevens = tuple(float(b) for b in analysis.breakevens[i] if not math.isnan(b))
    return Candidate(
        strategy=analysis.packages.strategy,
        expiration=table.expiration,
        dte=table.dte,
        years=table.years,
        forward=table.forward,
        atm_vol=table.smile.atm_vol,
        legs=tuple(
            Leg(
                side="long" if sign > 0 else "short",
                right="C" if table.right[row] > 0 else "P",
                strike=float(table.strike[row]),
                bid=float(table.bid[row]),
                ask=float(table.ask[row]),
                iv=float(table.iv[row]),
                delta=float(table.delta[row]),
                open_interest=float(table.open_interest[row]),
                occ_symbol=table.occ_symbol(row),
            )
            for row, sign in zip(analysis.packages.index[i].tolist(), analysis.packages.legs.sign, strict=True)
        ),
        fill=analysis.fills.one(i),
        breakevens=breakevens,
        prob_touch=float(touched[0]),
        managed=managed,
        empirical=empirical,
        **figures,
    )


_FIGURES = (
    "fees", "max_profit", "max_loss", "max_loss_expiry", "max_loss_delivery", "pop", "pop_real_world",
    "expected_profit", "expected_profit_rn", "breakeven_slippage", "delta", "gamma", "theta", "vega",
)  # fmt: skip
