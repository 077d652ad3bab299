"""Screening: of all packages a chain offers, those worth trading, ranked and sized."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import ACCOUNT, DELIVERY_GAP, MIN_OPEN_INTEREST, RISK_SHARE, counted
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.market.contract import settlement_of
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.risk.margin import package_margin
from iwm_opts.risk.sizing import Limits, Size, kelly_stake_from_expectation, liquidity_cap, size_position
from iwm_opts.spreads.analysis import Analysis, Terms, analyse, prob_touch
from iwm_opts.spreads.candidate import Candidate, candidate
from iwm_opts.spreads.empirical import empirical
from iwm_opts.spreads.legs import Packages
from iwm_opts.spreads.managed import ManagedTerms, PathModel, path_model, positions_of

Mask = NDArray[np.bool_]
Ranked = tuple[float, OptionTable, Analysis, int]  # figure ranked by, expiration, packages, place

# What --sort ranks by: the figure, and whether more of it is better.
SORTS: Final[dict[str, tuple[str, bool]]] = {
    "ev-managed": ("managed_edge", True),  # expected profit under the exits over max loss
    "ev-per-risk": ("edge", True),  # expected profit over max loss
    "expected-profit": ("expected_profit", True),
    "pop": ("pop", True),
    "return-on-risk": ("return_on_risk", True),
    "prob-touch": ("prob_touch", False),
    "max-loss": ("max_loss", False),
    "credit": ("credit", True),
    "slippage": ("slippage", False),
    "theta": ("theta", True),
}
EARLIER_SORTS: Final = {"edge": "ev-per-risk"}
DEFAULT_SORT: Final = "ev-managed"
MANAGED_AT_ONCE: Final = 10  # packages of an expiration and kind, best by edge, whose managed expectancy ranks them
MANAGED_SHOWN: Final = 20  # candidates, the best, with managed expectancy
FEW_OPEN: Final = "fewer than the open interest wanted"
NO_WING: Final = "no strike is listed at the distance wanted"


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters of candidates and the number kept."""

    min_credit: float = 0.0  # dollars a share, at the chosen fill
    min_credit_width: float = 0.0  # credit over the wider side's width
    min_open_interest: float = MIN_OPEN_INTEREST  # contracts, every leg; unknown passes
    sort: str = DEFAULT_SORT
    top: int = 5

    def __post_init__(self) -> None:
        object.__setattr__(self, "sort", EARLIER_SORTS.get(self.sort, self.sort))
        if self.sort not in SORTS:
            raise InputError("sort", self.sort, "unknown figure to rank by", f"choose one of {', '.join(SORTS)}")
        if self.top < 1:
            raise InputError("top", self.top, "must be at least 1")


@dataclass(frozen=True, slots=True)
class Account:
    """Account that bounds the size."""

    value: float = ACCOUNT  # dollars
    risk_share: float = RISK_SHARE
    limits: Limits = field(default_factory=Limits)
    kelly_fraction: float | None = None  # None: Kelly does not cap
    liquidity_share: float | None = None  # of the thinnest leg's open interest; None: it does not cap


@dataclass(frozen=True, slots=True)
class Sized:
    """A candidate and its size."""

    candidate: Candidate
    size: Size
    max_loss: float  # of one package under the exits, dollars: what its size rests on
    requirement: float  # gross margin of one package, dollars: the credit counts towards it


@dataclass(frozen=True, slots=True)
class Screened:
    """Outcome of a screen."""

    kept: tuple[Sized, ...]
    considered: int  # packages analysed
    rejected: dict[str, int]  # rule: packages
    warnings: tuple[str, ...]  # expirations that could not be priced, smiles not to trust, inputs unknown
    best_rejected: tuple[str, Candidate] | None = None  # rule and package, the best by edge, where none is kept


def screen(
    snapshot: Snapshot,
    dte: tuple[int, int],
    build: Callable[[OptionTable], Sequence[Packages]],
    terms: Terms,
    selection: Selection,
    account: Account,
    exits: ExitLevels | None = None,
    rank: float | None = None,
) -> Screened:
    """Analyse every package of a window of expirations, keep the best that satisfy the selection, and size them.

    Parameters
    ----------
    snapshot : Snapshot
    dte : (int, int)
        Calendar days, both ends included.
    build : callable
        From an option table to packages, one entry a kind.
    terms : Terms
        Its dividends are replaced by those due before each expiration.
    selection : Selection
    account : Account
    exits : ExitLevels, optional
        Of the managed expectancy; the strategy's unless given.
    rank : float, optional
        IV rank that the empirical measure is conditioned on.

    Returns
    -------
    Screened
    """
    tables, left_out = snapshot.tables(dte)
    return screen_tables(snapshot, tables, build, terms, selection, account, exits, left_out, rank)


def screen_tables(
    snapshot: Snapshot,
    tables: Sequence[OptionTable],
    build: Callable[[OptionTable], Sequence[Packages]],
    terms: Terms,
    selection: Selection,
    account: Account,
    exits: ExitLevels | None = None,
    left_out: Sequence[str] = (),
    rank: float | None = None,
) -> Screened:
    """Screen expirations that are priced already; `left_out` are warnings of the others. Otherwise as `screen`."""
    ranked: list[Ranked] = []
    refused: list[tuple[str, Ranked]] = []
    considered, rejected, today = 0, Counter[str](), snapshot.chain.as_of
    exits = exits or ExitLevels()
    managed_terms = ManagedTerms(exits, terms.fill, terms.fees, terms.variance_ratio)
    models = {id(table): path_model(table, snapshot) for table in tables}
    for table in tables:
        gap = DELIVERY_GAP if settlement_of(table.root).pays_dividends else 0.0
        owed = sum(d.amount for d in snapshot.dividends_until(table.expiration))
        for packages in build(table):
            exits.profit_level(is_credit=packages.is_credit)
            analysis = analyse(table, packages, replace(terms, dividends=owed, delivery_gap=gap))
            broken = _first_broken(table, analysis, selection)
            passed = np.flatnonzero(broken == "")
            considered += len(packages) + packages.incomplete
            rejected.update(filter(None, broken))
            rejected[NO_WING] += packages.incomplete
            merit = _merit(table, analysis, selection, passed, models[id(table)], managed_terms)
            best = passed[np.argsort(-merit[passed], kind="stable")][: selection.top]
            ranked += [(float(merit[i]), table, analysis, int(i)) for i in best]
            priced = np.flatnonzero((broken != "") & np.isfinite(analysis.edge))
            refused += [(broken[i], (float(analysis.edge[i]), table, analysis, int(i))) for i in priced]
    ranked.sort(key=lambda package: -package[0])
    leaders = list({package[1].expiration: package for package in reversed(ranked)}.values())  # of each expiration
    leaders.sort(key=lambda package: -package[0])
    leading = {id(package) for package in leaders}
    ranked = [*leaders, *(package for package in ranked if id(package) not in leading)]
    kept = []
    for place, (_, table, analysis, i) in enumerate(ranked[: selection.top]):
        model, managed, returns = models[id(table)], None, None
        if model is not None and place < MANAGED_SHOWN:
            managed = model.outlook(positions_of(table, analysis, [i]), managed_terms)[0]
            returns = empirical(table, analysis, i, model.total_variance, rank, terms)
        kept.append(candidate(table, analysis, i, managed, returns))
    rule, best_refused = max(refused, key=lambda each: each[1][0]) if refused and not kept else ("", None)
    return Screened(
        tuple(sized(package, account, exits.closes_before(package.expiration, today)) for package in kept),
        considered,
        dict(+rejected),
        (*left_out, *_caveats(tables, kept)),
        (rule, candidate(*best_refused[1:])) if best_refused else None,
    )


def _caveats(tables: Sequence[OptionTable], kept: Sequence[Candidate]) -> list[str]:
    shown = {candidate.expiration for candidate in kept}
    caveats = [table.smile.caveat for table in tables if table.expiration in shown and table.smile.caveat]
    morning = {
        table.root for table in tables if table.expiration in shown and settlement_of(table.root).settles_on == "open"
    }
    if morning:
        roots = ", ".join(sorted(morning))
        caveats.append(
            f"{roots} settles on the opening print (SOQ) of its expiration; it trades until the session before"
        )
    unknown = sum(np.isnan(leg.open_interest) for candidate in kept for leg in candidate.legs)
    if unknown:
        caveats.append(
            f"open interest unknown for {counted(unknown, 'legs')}: neither `min_open_interest` nor `liquidity_share` "
            "could apply"
        )
    return caveats


def _first_broken(table: OptionTable, analysis: Analysis, selection: Selection) -> NDArray[np.object_]:
    """First rule that each package breaks, empty where it breaks none, shape (n,)."""
    price, index = analysis.fills.price, analysis.packages.index
    rules = {
        "a leg has no two-sided quote": np.isnan(price),
        "a leg implies no volatility": np.isnan(analysis.delta),
        FEW_OPEN: np.nan_to_num(table.open_interest[index], nan=np.inf).min(axis=1) < selection.min_open_interest,
    }
    if analysis.packages.is_credit:
        rules["the credit is not above zero"] = ~(price > 0)
    if selection.min_credit > 0:
        rules["credit below the minimum"] = price < selection.min_credit
    if selection.min_credit_width > 0:
        strike, right = table.strike[index], analysis.packages.legs.right
        sides = [strike[:, right == sign] for sign in (-1, 1) if (right == sign).sum() > 1]
        width = np.max([np.ptp(side, axis=1) for side in sides], axis=0) if sides else np.full(len(strike), np.nan)
        rules["credit over width below the minimum"] = price < selection.min_credit_width * width
    rules["cannot gain: nothing is left after fill and fees"] = ~(analysis.max_profit > 0)
    rules["cannot lose: a quote must be wrong"] = ~(analysis.max_loss > 0)
    broken = np.full(len(analysis.packages), "", dtype=object)
    for rule, fails in rules.items():
        broken[(broken == "") & fails] = rule
    return broken


def _merit(
    table: OptionTable,
    analysis: Analysis,
    selection: Selection,
    passed: NDArray[np.intp],
    model: PathModel | None,
    terms: ManagedTerms,
) -> NDArray[np.float64]:
    """Figure to rank by, larger is better; undefined ones last."""
    name, more_is_better = SORTS[selection.sort]
    figure = {"credit": analysis.fills.price, "slippage": analysis.fills.slippage}.get(name)
    if name == "prob_touch":
        figure = prob_touch(table, analysis.packages)
    if name == "managed_edge":
        figure = np.full(len(analysis.packages), np.nan)  # of the best packages by edge alone
        best = passed[np.argsort(-analysis.edge[passed], kind="stable")][:MANAGED_AT_ONCE]
        if model is not None and len(best):
            profit = model.figures(positions_of(table, analysis, best), terms, terms.variance_ratio)[3]
            figure[best] = profit / analysis.max_loss[best]
    if figure is None:
        figure = getattr(analysis, name)
    return np.nan_to_num(figure if more_is_better else -figure, nan=-np.inf)


def sized(candidate: Candidate, account: Account, is_closed_before_expiry: bool = True) -> Sized:
    """Candidate with the contracts that the account allows; one that may be held to expiry can lose by delivery."""
    margin = package_margin(candidate.kind, [candidate.strikes], [candidate.fill.price], candidate.fees)
    max_loss = candidate.max_loss if is_closed_before_expiry else candidate.max_loss_delivery
    size = size_package(
        account,
        max_loss,
        buying_power=float(margin.buying_power[0]),
        open_interest=tuple(leg.open_interest for leg in candidate.legs),
        expected_profit=candidate.expected_profit,
        pop=candidate.pop_real_world,
    )
    return Sized(candidate, size, max_loss, float(margin.requirement[0]))


def size_package(
    account: Account,
    max_loss: float,
    *,
    buying_power: float | None = None,
    open_interest: Sequence[float] = (),
    expected_profit: float | None = None,
    pop: float | None = None,
) -> Size:
    """Contracts of a package under every limit that the account sets.

    Parameters
    ----------
    account : Account
    max_loss, buying_power
        Dollars a package, see `risk.sizing.size_position`.
    open_interest : sequence of float
        Of each leg, contracts; NaN is unknown, nothing at all caps nothing.
    expected_profit, pop : float, optional
        Dollars a package and 0 to 1, under one measure; Kelly needs both.

    Raises
    ------
    InputError
        When the account wants a Kelly cap and either is missing.
    """
    limits = account.limits
    if account.kelly_fraction is not None:
        if expected_profit is None or pop is None:
            raise InputError("kelly", account.kelly_fraction, "needs an expected profit and a probability of profit")
        stake = kelly_stake_from_expectation(expected_profit, pop, max_loss, account.kelly_fraction)
        limits = replace(limits, kelly=stake)
    if account.liquidity_share is not None and open_interest:
        limits = replace(limits, liquidity=liquidity_cap(open_interest, account.liquidity_share))
    return size_position(account.value, account.risk_share, max_loss, buying_power, limits)
