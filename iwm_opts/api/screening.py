"""Screens: the packages of a chain worth trading, ranked and sized."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

import pandas as pd

from iwm_opts.api.chain import OptionChain, open_chain
from iwm_opts.api.gates import GateCondition, judge_gate
from iwm_opts.api.matrix import Matrix, MatrixRequest, answer_matrix
from iwm_opts.api.result import OnProgress, Result, new_axes, picture
from iwm_opts.api.screen_request import ScreenRequest
from iwm_opts.conventions import (
    ACCOUNT,
    FEE_SCHEDULE,
    FILL_MODEL,
    MATRIX_DELTAS,
    REALISED_IMPLIED_VARIANCE,
    RISK_SHARE,
    STRATEGY,
)
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.io.fraction import parse_share
from iwm_opts.market.gate import known_rank
from iwm_opts.report.html import notebook_table
from iwm_opts.report.records import Record, candidates_csv, finite, flat, screening_record, sized_record
from iwm_opts.report.screen_columns import COLUMNS
from iwm_opts.report.screen_table import rank_line, screen_table, strikes
from iwm_opts.report.screening import Screening
from iwm_opts.risk.sizing import LIQUIDITY_SHARE
from iwm_opts.spreads import screen as spreads_screen
from iwm_opts.spreads.analysis import Terms
from iwm_opts.spreads.screen import Account, Selection, Sized
from iwm_opts.spreads.strategies import IronCondor, OwnPackages, Strategy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREEKS: Final = ("delta", "gamma", "theta", "vega")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Package:
    """One candidate of a screen.

    Attributes
    ----------
    screening : Screening
        The screen that it is of.
    place : int
        From 0, best first.
    """

    screening: Screening
    place: int

    @property
    def sized(self) -> Sized:
        """Candidate and size as the screen computed them."""
        return self.screening.screened.kept[self.place]

    @property
    def legs(self) -> pd.DataFrame:
        """Legs in ascending strike.

        Returns
        -------
        DataFrame
            expiration (datetime64), side, right, strike, contracts (1 long, -1 short), bid, ask, mid ($/share), iv
            (decimal), delta (of one long option), open_interest (contracts), occ_symbol.
        """
        names = ("side", "right", "strike", "bid", "ask", "mid", "iv", "delta", "open_interest", "occ_symbol")
        candidate = self.sized.candidate
        frame = pd.DataFrame([{name: getattr(leg, name) for name in names} for leg in candidate.legs])
        frame.insert(0, "expiration", pd.Timestamp(candidate.expiration).as_unit("us"))
        frame.insert(4, "contracts", candidate.kind.contracts.astype(int))
        return frame

    @property
    def greeks(self) -> "pd.Series[float]":
        """Greeks of the package: delta and gamma a share, theta a calendar day, vega a vol point."""
        return pd.Series({name: getattr(self.sized.candidate, name) for name in GREEKS}, name="greeks")

    @property
    def contracts(self) -> int:
        """Size allowed by the account; 0 behind a closed gate."""
        return self.sized.size.contracts if self.screening.gate.is_open else 0

    def to_frame(self) -> pd.DataFrame:
        """Legs."""
        return self.legs

    def to_dict(self) -> Record:
        """Candidate as in the JSON of the screen."""
        candidates = finite(screening_record(self.screening))["candidates"]
        record: Record = candidates[self.place]
        return record

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Profit and loss over the price of the underlying, today and at expiry, dollars a package."""
        from iwm_opts.report.plots import draw_payoff

        axes = new_axes(ax)
        draw_payoff(axes, self.screening, self.place)
        return axes

    def __repr__(self) -> str:
        candidate = self.sized.candidate
        return f"<Package {candidate.strategy} {candidate.expiration} {strikes(candidate)}, {self.contracts} contracts>"

    def _repr_html_(self) -> str:
        chain = self.screening.snapshot.chain
        return notebook_table(repr(self)[1:-1], [f"source {chain.source}"], self.legs, chain.label)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Screen(Result, Sequence[Package]):
    """Candidates of a screen, best first: a sequence of `Package`.

    Attributes
    ----------
    screening : Screening
        Snapshot, rank, gate, candidates, account.
    request : ScreenRequest
        What was screened; its chain is open.
    columns : mapping
        Unit and meaning of each column of `to_frame`, by name.
    """

    columns: ClassVar[Mapping[str, tuple[str, str]]] = COLUMNS

    screening: Screening
    request: ScreenRequest

    def __len__(self) -> int:
        return len(self.screening.screened.kept)

    def __getitem__(self, place: int) -> Package:  # type: ignore[override]  # a screen is short: no slices
        return Package(self.screening, range(len(self))[place])

    def __iter__(self) -> Iterator[Package]:
        return (Package(self.screening, place) for place in range(len(self)))

    @property
    def is_open(self) -> bool:
        """Whether the gate is open."""
        return self.screening.gate.is_open

    @property
    def warnings(self) -> tuple[str, ...]:
        """Assumptions and gaps behind the figures."""
        return self.screening.warnings

    def to_frame(self) -> pd.DataFrame:
        """One row a candidate.

        Returns
        -------
        DataFrame
            Unit and meaning of every column are in `columns`; days are datetime64, undefined numbers NaN. Names as in
            the CSV of the command, less its legs.
        """
        rows = []
        for sized in self.screening.screened.kept:
            row = flat({k: v for k, v in sized_record(sized, self.is_open).items() if k != "legs"})
            rows.append({"strategy": row.pop("strategy"), "expiration": row.pop("expiration"), "dte": row.pop("dte"),
                         "strikes": strikes(sized.candidate)} | row)  # fmt: skip
        frame = pd.DataFrame(rows)
        return frame.assign(expiration=pd.to_datetime(frame["expiration"]).dt.as_unit("us")) if rows else frame

    def matrix(self, deltas: Sequence[float] = MATRIX_DELTAS) -> Matrix:
        """Best package by short delta and expiration of the window.

        Parameters
        ----------
        deltas : sequence of float
            |delta| of the short strikes; the nearest strike is taken.

        Returns
        -------
        Matrix

        Raises
        ------
        InputError
            For a strategy without short strikes, and deltas outside (0, 1).
        """
        return answer_matrix(MatrixRequest(screen=self.request, deltas=tuple(deltas)))

    def record(self) -> Record:
        return screening_record(self.screening)

    def to_csv(self) -> str:
        return candidates_csv(self.screening)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return screen_table(self.screening, verbose, columns)

    def headline(self) -> tuple[str, list[str], str]:
        chain, gate = self.screening.snapshot.chain, self.screening.gate
        state = "OPEN" if gate.is_open else "CLOSED, NOT TRADED"
        lines = [f"gate {gate.condition}: {state}; {'; '.join(gate.reasons)}"]
        lines += [rank_line(self.screening.rank).plain] if self.screening.rank else []
        return f"{chain.symbol} {chain.spot:.2f}, {chain.as_of}", [*lines, f"source {chain.source}"], chain.label

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Payoff of the best candidate; see `Package.plot`."""
        if not len(self):
            raise InputError("screen", repr(self), "no candidate to draw", "widen dte or the deltas")
        return self[0].plot(ax)

    def picture(self, suffix: str) -> bytes:
        """Payoff of the best candidate as PNG, SVG or PDF."""
        return picture(suffix, lambda axes: self.plot(axes))


def answer_screen(request: ScreenRequest, on_progress: OnProgress | None = None) -> Screen:
    """Screen a chain; see `ScreenRequest`."""
    chain = open_chain(request.chain, on_progress)
    gate, rank = judge_gate(request.gate, chain.history, chain.as_of, chain.lookback, chain.stale)
    terms, account = request.terms, request.account
    screened = spreads_screen.screen(
        chain.snapshot, request.dte, request.strategy.packages, terms, request.selection, account, request.exits,
        known_rank(rank),
    )  # fmt: skip
    screening = Screening(
        chain.snapshot, rank, gate, screened, account, terms.variance_ratio, terms.fees, request.exits
    )
    return Screen(screening, replace(request, chain=chain))


def screen(
    chain: OptionChain,
    strategy: Strategy | pd.DataFrame | None = None,
    *,
    gate: GateCondition | None = None,
    dte: tuple[int, int] | None = None,
    fill: str | FillModel = FILL_MODEL,
    fees: str | FeeSchedule = FEE_SCHEDULE,
    account: float | Account = ACCOUNT,
    risk: float | str = RISK_SHARE,
    variance_ratio: float = REALISED_IMPLIED_VARIANCE,
    selection: Selection | None = None,
    exits: ExitLevels | None = None,
) -> Screen:
    """Screen a chain: build packages, price what filling them costs, rank and size them.

    Parameters
    ----------
    chain : OptionChain
    strategy : Strategy or DataFrame, optional
        `IronCondor()` unless given; a DataFrame holds packages of your own, see `OwnPackages`.
    gate : IvRankBelow or callable, optional
        A callable reads the chain's IV history up to the day before and returns whether to trade.
    dte : (int, int), optional
        Calendar days to expiration, both ends included: 35 to 55 unless given, all expirations of own packages.
    fill : str or FillModel
        `fraction:X`, `mid`, `natural`, `orats`, `effective:NAME` or `stress:K`.
    fees : str or FeeSchedule
        Broker preset, `zero`, `custom:0.65` or `commission=0.65,exchange=0.02`.
    account : float or Account
        Dollars; an `Account` also sets limits, and then `risk` is not read.
    risk : float or str
        Fraction of the account at risk on one position: 0.01 or "1%".
    variance_ratio : float
        Realised over implied variance behind expected_profit; 1 is the smile itself.
    selection : Selection, optional
        Minimum credit and open interest, sort and number of candidates.
    exits : ExitLevels, optional
        Profit target, stop and DTE exit: 50%, 2 x credit, 21 DTE unless given.

    Returns
    -------
    Screen

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> chain = iwm.read_chain("sim", as_of="2026-06-26", seed=7)
    >>> found = iwm.screen(chain, iwm.IronCondor(width=5), gate=iwm.IvRankBelow(100), account=50_000, risk="2%")
    >>> found.is_open, len(found[0].legs)
    (True, 4)
    >>> bool((found.to_frame()["credit_natural"] <= found.to_frame()["credit_fill"]).all())
    True
    """
    if isinstance(strategy, pd.DataFrame):
        strategy = OwnPackages(strategy)
    if dte is None and isinstance(strategy, OwnPackages):
        first, last = strategy.expirations
        dte = (first - chain.as_of).days, (last - chain.as_of).days
        exits = exits or ExitLevels(dte=STRATEGY.exit_dte if dte[0] > STRATEGY.exit_dte else None)
    if not isinstance(account, Account):
        account = Account(account, parse_share(risk), liquidity_share=LIQUIDITY_SHARE)
    request = ScreenRequest(
        chain=chain,
        strategy=strategy or IronCondor(),
        gate=gate,
        dte=dte or STRATEGY.dte,
        selection=selection or Selection(),
        terms=Terms(as_fill(fill), as_fees(fees), variance_ratio),
        account=account,
        exits=exits or ExitLevels(),
    )
    return answer_screen(request)


def as_fill(fill: str | FillModel) -> FillModel:
    """Fill convention from its name; `mine` is that of the own fills kept in the archive."""
    if not isinstance(fill, str):
        return fill
    from iwm_opts.execution.own_fills import fill_model

    return fill_model(fill)


def as_fees(fees: str | FeeSchedule) -> FeeSchedule:
    """Fee schedule from its name."""
    return FeeSchedule.parse(fees) if isinstance(fees, str) else fees
