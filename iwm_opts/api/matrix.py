"""Matrices of a screen: the best package by short delta and expiration."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar, Final

import pandas as pd

from iwm_opts.api.chain import open_chain
from iwm_opts.api.gates import judge_gate
from iwm_opts.api.result import OnProgress, Result
from iwm_opts.api.screen_request import ScreenRequest
from iwm_opts.conventions import MATRIX_DELTAS
from iwm_opts.errors import InputError
from iwm_opts.report.matrix_table import matrix_record, matrix_rows, matrix_table
from iwm_opts.report.records import Record
from iwm_opts.report.screening import Screening
from iwm_opts.spreads.screen import Screened, Sized, screen_tables
from iwm_opts.spreads.strategies import IronCondor, Strategy, Vertical, delta_range
from iwm_opts.spreads.vertical import is_credit

BARE: Final = "no option lies in the delta range"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRequest:
    """Best package by short delta and expiration.

    Parameters
    ----------
    screen : ScreenRequest
        Its strategy is built at each delta; its selection applies to every cell.
    deltas : tuple of float
        |delta| of the short strikes; the nearest strike is taken.
    """

    screen: ScreenRequest
    deltas: tuple[float, ...] = MATRIX_DELTAS

    def __post_init__(self) -> None:
        if not self.deltas:
            raise InputError("deltas", self.deltas, "needs a delta", "give for instance (0.16, 0.30)")
        for delta in self.deltas:
            at_delta(self.screen.strategy, delta)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Matrix(Result):
    """Best package by short delta and expiration.

    Attributes
    ----------
    screening : Screening
        Snapshot, rank, gate, and the packages of all cells.
    cells : dict
        By (expiration, delta): the package and its size, None where no package satisfies the selection.
    reasons : dict
        By (expiration, delta): why there is no package.
    """

    plotted: ClassVar[tuple[str, ...]] = ("expected_profit", "expiration", "short_delta")

    screening: Screening
    cells: dict[tuple[date, float], Sized | None]
    reasons: dict[tuple[date, float], str]

    def to_frame(self) -> pd.DataFrame:
        """One row a cell.

        Returns
        -------
        DataFrame
            expiration (datetime64), dte, short_delta; strikes (empty without a package); put_delta, call_delta
            (|delta| of the short legs); credit_mid, credit_natural, credit_fill ($/share); max_loss, expected_profit
            ($ a package, held to expiry); pop, prob_target (0 to 1); managed_profit ($ a package, under the exits);
            contracts, contracts_if_open (behind an open gate). NaN without a package or a leg. reason: why there is
            no package; empty otherwise.
        """
        frame = pd.DataFrame(self.rows())
        return frame.assign(expiration=pd.to_datetime(frame["expiration"]).dt.as_unit("us"))

    def record(self) -> Record:
        return matrix_record(self.screening, self.cells, self.reasons)

    def rows(self) -> list[Record]:
        return matrix_rows(self.screening, self.cells, self.reasons)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return matrix_table(self.screening, self.cells, self.reasons, verbose, columns)

    def headline(self) -> tuple[str, list[str], str]:
        chain, gate = self.screening.snapshot.chain, self.screening.gate
        state = "OPEN" if gate.is_open else "CLOSED, NOT TRADED"
        lines = [f"gate {gate.condition}: {state}", f"source {chain.source}"]
        return f"{chain.symbol} {chain.spot:.2f}, {chain.as_of}", lines, chain.label


def at_delta(strategy: Strategy, delta: float) -> Strategy:
    """Strategy with its short strikes at one |delta|.

    Raises
    ------
    InputError
        For a delta outside (0, 1), or a strategy without short strikes to place.
    """
    delta_range(delta)
    if isinstance(strategy, IronCondor):
        return replace(strategy, short_delta=delta, put_delta=None, call_delta=None)
    if isinstance(strategy, Vertical) and all(is_credit(kind) for kind in strategy.kinds):
        return replace(strategy, short_delta=delta)
    raise InputError(
        "strategy", type(strategy).__name__, "no short delta to vary", "use IronCondor or credit verticals"
    )


def answer_matrix(request: MatrixRequest, on_progress: OnProgress | None = None) -> Matrix:
    """Screen each delta and expiration for its best package; see `MatrixRequest`."""
    screen = request.screen
    chain = open_chain(screen.chain, on_progress)
    gate, rank = judge_gate(screen.gate, chain.history, chain.as_of, chain.lookback, chain.stale)
    tables, left_out = chain.snapshot.tables(screen.dte)
    selection, terms, account = replace(screen.selection, top=1), screen.terms, screen.account
    cells: dict[tuple[date, float], Sized | None] = {}
    reasons: dict[tuple[date, float], str] = {}
    considered, rejected, warnings = 0, Counter[str](), list(left_out)
    for table in tables:
        for delta in request.deltas:
            build = at_delta(screen.strategy, delta).packages
            screened = screen_tables(chain.snapshot, [table], build, terms, selection, account, screen.exits)
            cells[table.expiration, delta] = screened.kept[0] if screened.kept else None
            if not screened.kept:
                reasons[table.expiration, delta] = max(
                    screened.rejected, key=screened.rejected.__getitem__, default=BARE
                )
            considered += screened.considered
            rejected.update(screened.rejected)
            warnings += screened.warnings
    kept = tuple(sized for sized in cells.values() if sized is not None)
    screened = Screened(kept, considered, dict(rejected), tuple(dict.fromkeys(warnings)))
    return Matrix(
        Screening(chain.snapshot, rank, gate, screened, account, terms.variance_ratio, terms.fees, screen.exits),
        cells,
        reasons,
    )
