"""Fill costs: one package under every convention, and the quoted spreads of whole chains."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from iwm_opts.api.chain import ChainRequest, OptionChain, open_chain
from iwm_opts.api.result import Day, OnProgress, Result, as_day, new_axes
from iwm_opts.api.screening import as_fees, as_fill
from iwm_opts.conventions import FEE_SCHEDULE, FILL_MODEL, REALISED_IMPLIED_VARIANCE
from iwm_opts.errors import InputError
from iwm_opts.execution import comparison
from iwm_opts.execution.chain_spreads import ChainSpreads, quoted_spreads
from iwm_opts.execution.comparison import COMPARED, FillComparison
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.execution.quoted_spread import By, side_by_side
from iwm_opts.report.fills_table import (
    comparison_records,
    comparison_table,
    fills_sheet,
    spread_records,
    spread_table_page,
    spreads_sheet,
    versus_page,
)
from iwm_opts.report.page import Page
from iwm_opts.report.records import Record
from iwm_opts.spreads.analysis import Terms
from iwm_opts.spreads.typed import TypedLeg, expected_profit_at_mid, legs_of, payoff_of, quoted_legs

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsRequest:
    """What filling one package costs under every convention.

    Fields as the parameters of `compare_fills`; further:

    Parameters
    ----------
    terms : Terms
        Fees, the fill to mark, and the measure of expected profits.
    """

    legs: tuple[TypedLeg, ...]
    chain: ChainRequest | OptionChain | None = None
    expiration: date | None = None
    terms: Terms = field(default_factory=Terms)

    def __post_init__(self) -> None:
        if not self.legs:
            raise InputError("legs", (), "a package needs a leg", "write for instance -1P200@1.20/1.26")
        if not self.needs_chain:
            return
        if self.expiration is None:
            remedy = "give `expiration`, or type the quotes"
            raise InputError("expiration", None, "legs without quotes need an expiration", remedy)
        if self.chain is None:
            raise InputError("chain", None, "legs without quotes need a chain", "give one, or type the quotes")

    @property
    def needs_chain(self) -> bool:
        """Whether a leg carries no quote."""
        return not all(leg.is_quoted for leg in self.legs)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadsRequest:
    """Quoted spreads of a chain by moneyness or delta and DTE, or of two chains side by side."""

    chain: ChainRequest | OptionChain
    versus: ChainRequest | OptionChain | None = None  # its day is that of the first chain unless it names one
    by: By = "moneyness"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FillCosts(Result):
    """One package under every fill convention.

    Attributes
    ----------
    legs : tuple of TypedLeg
        With the quotes that were filled.
    comparisons : tuple of FillComparison
    terms : Terms
    expiration : date or None
    label : str
        Of quotes that are not recorded.
    notes : tuple of str
        What the reader of the chain left out or decided.
    """

    legs: tuple[TypedLeg, ...]
    comparisons: tuple[FillComparison, ...]
    terms: Terms
    expiration: date | None
    label: str = ""
    notes: tuple[str, ...] = ()

    def rows(self) -> list[Record]:
        """One row a convention.

        Returns
        -------
        list of dict
            model; credit, mid, natural, half_spread, offset ($/share, a debit negative); slippage, exit_slippage,
            opening_fees, closing_fees, round_trip_cost, max_profit, max_loss_expiry, expected_profit ($ a package);
            slippage_share_of_credit, breakeven_win_rate (0 to 1); breakeven_slippage ($/share). NaN where unknown.
        """
        return comparison_records(self.comparisons)

    def record(self) -> Record:
        fills = comparison_records(self.comparisons)
        return {"fees": self.terms.fees.label, "fills": fills, "warnings": list(self.notes)}

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return comparison_table(self.legs, self.comparisons, self.terms, self.expiration, self.notes, columns)

    def headline(self) -> tuple[str, list[str], str]:
        legs = " ".join(leg.name for leg in self.legs)
        when = f", {self.expiration}" if self.expiration else ""
        return f"{legs}{when}", [f"fees {self.terms.fees.label}"], self.label

    def sheet(self) -> Page:
        """Costs, expected profit and break-even win rate by convention."""
        return fills_sheet(*self.headline(), comparison_records(self.comparisons))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Round-trip cost by convention, dollars a package: slippage in, slippage out, fees."""
        axes, frame = new_axes(ax), self.to_frame().set_index("model")
        parts = frame[["slippage", "exit_slippage"]].assign(fees=frame["opening_fees"] + frame["closing_fees"])
        parts.columns = pd.Index(["slippage in", "slippage out", "fees"])
        parts.plot.barh(stacked=True, ax=axes)
        axes.set_xlabel("round-trip cost, $ a package")
        axes.set_title(self.headline()[0], loc="left")
        return axes


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class QuotedSpreads(Result):
    """Quoted spreads of one chain, or of two side by side.

    Attributes
    ----------
    first, second : ChainSpreads
    day_note : str
        How the day of the second was chosen, where nobody named it.
    """

    plotted: ClassVar[tuple[str, ...]] = ("share_of_mid", "right", "bucket", "dte")

    first: ChainSpreads
    second: ChainSpreads | None = None
    day_note: str = ""

    def rows(self) -> list[Record]:
        """One row a right, bucket of moneyness or |delta|, and bucket of DTE.

        Returns
        -------
        list of dict
            right, bucket (%), dte, n; no_bid (0 to 1); spread, spread_p75, mid (medians, $/share); share_of_mid,
            share_of_mid_p75. Of two chains the columns end in their symbols, such as spread_IWM and spread_SPY (of one
            symbol on two days in symbol and day), with the ratio of their shares of mid.
        """
        return spread_records(self._table())

    def _table(self) -> pd.DataFrame:
        if self.second is None:
            return self.first.spreads.table
        return side_by_side(self.first.spreads, self.second.spreads, self._names(self.second))

    def _names(self, second: ChainSpreads) -> tuple[str, str]:
        """Names of two chains that differ: their symbols, else also their days, else also their place."""
        chains = (self.first.chain, second.chain)
        names = [chain.symbol for chain in chains]
        for more in ([str(chain.as_of) for chain in chains], ["1", "2"]):
            if names[0] == names[1]:
                names = [f"{name}_{item}" for name, item in zip(names, more, strict=True)]
        return names[0], names[1]

    def record(self) -> Record:
        about = {name: getattr(self.first.chain, name) for name in ("source", "simulated", "modelled")}
        rows = spread_records(self._table())
        return {"by": self.first.spreads.by, **about, "rows": rows, "warnings": list(self.notes)}

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        if self.second is None:
            return spread_table_page(self.first, self.notes, columns)
        names = self._names(self.second)
        return versus_page(self.first, self.second, names, self._table(), self.notes, columns)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the readers of the chains left out or decided."""
        if self.second is None:
            return self.first.chain.warnings
        first, second = self.first.chain, self.second.chain
        noted = ((first, first.warnings), (second, (*filter(None, [self.day_note]), *second.warnings)))
        return tuple(f"{chain.symbol} {chain.as_of}: {text}" for chain, texts in noted for text in texts)

    def sheet(self) -> Page:
        """Heat maps of quoted spreads by bucket and DTE."""
        title, lines, label = self.headline()
        ratio = "" if self.second is None else " over ".join(self._names(self.second))
        lines = [*lines, f"source {self.first.chain.source}"]
        return spreads_sheet(f"{title} {ratio}".strip(), lines, label, self.to_frame(), ratio)

    def headline(self) -> tuple[str, list[str], str]:
        chain = self.first.chain
        return f"{chain.symbol} {chain.as_of}, quoted spreads", [self.first.spreads.note], chain.label


def answer_fills(request: FillsRequest, on_progress: OnProgress | None = None) -> FillCosts:
    """Compare fill conventions; see `FillsRequest`."""
    legs, terms, at_mid, label = request.legs, request.terms, None, ""
    notes: tuple[str, ...] = ()
    if request.needs_chain and request.chain is not None and request.expiration is not None:
        chain = open_chain(request.chain, on_progress)
        table, label = chain.snapshot.table(request.expiration), chain.snapshot.chain.label
        notes = chain.warnings
        legs = tuple(quoted_legs(legs, table))
        at_mid = expected_profit_at_mid(legs, table, terms)
    compared = comparison.compare_fills(
        legs_of(legs),
        [leg.bid for leg in legs],
        [leg.ask for leg in legs],
        terms.fees,
        payoff=payoff_of(legs),
        expected_profit_at_mid=at_mid,
        models=COMPARED if terms.fill in COMPARED else (*COMPARED, terms.fill),
    )
    return FillCosts(legs, tuple(compared), terms, request.expiration, label, notes)


def answer_spreads(request: SpreadsRequest, on_progress: OnProgress | None = None) -> QuotedSpreads:
    """Measure quoted spreads; see `SpreadsRequest`."""
    other = request.versus
    first = quoted_spreads(open_chain(request.chain, on_progress).snapshot, request.by)
    if other is None:
        return QuotedSpreads(first)
    day_note = ""
    if isinstance(other, ChainRequest) and other.as_of is None:
        other, day_note = replace(other, as_of=first.as_of), "its day is that of the first chain, as none was named"
    return QuotedSpreads(first, quoted_spreads(open_chain(other, on_progress).snapshot, request.by), day_note)


def compare_fills(
    legs: str | Sequence[str],
    chain: OptionChain | None = None,
    *,
    expiration: Day | None = None,
    fees: str | FeeSchedule = FEE_SCHEDULE,
    fill: str | FillModel = FILL_MODEL,
    variance_ratio: float = REALISED_IMPLIED_VARIANCE,
) -> FillCosts:
    """Compare what filling one package costs under every convention.

    Parameters
    ----------
    legs : str or sequence of str
        `-1P275 +1P270` with a chain, or with quotes `-1P200@1.20/1.26 +1P195@0.70/0.74`.
    chain : OptionChain, optional
        Needed where a leg carries no quote.
    expiration : date or str, optional
        Of the legs; needed with a chain.
    fees : str or FeeSchedule
    fill : str or FillModel
        Compared too where it is not one of the conventions shown.
    variance_ratio : float
        Realised over implied variance behind expected profits.

    Returns
    -------
    FillCosts

    Raises
    ------
    InputError
        For text that is not a leg, or a leg that the chain does not list.

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> costs = iwm.compare_fills("+1P195@0.70/0.74 -1P200@1.20/1.26", fees="zero").to_frame().set_index("model")
    >>> [round(float(costs["credit"][name]), 2) for name in ("mid", "natural")]
    [0.51, 0.46]
    """
    texts = legs.split() if isinstance(legs, str) else legs
    request = FillsRequest(
        legs=tuple(TypedLeg.parse(text) for text in texts),
        chain=chain,
        expiration=as_day("expiration", expiration),
        terms=Terms(as_fill(fill), as_fees(fees), variance_ratio),
    )
    return answer_fills(request)


def measure_spreads(chain: OptionChain, *, by: By = "moneyness", versus: OptionChain | None = None) -> QuotedSpreads:
    """Measure the quoted spreads of a chain's out-of-the-money options.

    Parameters
    ----------
    chain : OptionChain
    by : {"moneyness", "delta"}
    versus : OptionChain, optional
        A second chain, side by side.
    """
    return answer_spreads(SpreadsRequest(chain=chain, versus=versus, by=by))
