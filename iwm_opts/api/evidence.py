"""Evidence: gated rules against the same rules ungated, oppositely gated and randomly gated."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from iwm_opts.api.backtest import DEFAULT_SEED, EquityResult, reach
from iwm_opts.api.cluster import OnCluster, cluster_mapper, market_opener
from iwm_opts.api.markets import Market, MarketRequest, open_market
from iwm_opts.api.result import OnProgress
from iwm_opts.api.rules import Rules, raise_own_rules
from iwm_opts.backtest.bootstrap import DRAWS
from iwm_opts.backtest.evidence import RANDOM_DRAWS, Evidence, gather_evidence
from iwm_opts.backtest.quote_bands import DRAWS as BAND_DRAWS
from iwm_opts.backtest.quote_bands import modelled_surface
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.market.chain import LABELS
from iwm_opts.report.evidence_table import evidence_record, evidence_sheet, evidence_table
from iwm_opts.report.finding import finding
from iwm_opts.report.page import Page
from iwm_opts.report.records import Record, flat
from iwm_opts.sources.source import MAX_DTE

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRequest:
    """Evidence for a gate on a market.

    Fields as the parameters of `evidence`; further:

    Parameters
    ----------
    cluster : str, optional
        Dask cluster for random gates and the break-even premium; see `iwm_opts.backtest.cluster.open_client`.
    """

    market: MarketRequest | Market = field(default_factory=MarketRequest)
    rules: Rules = field(default_factory=Rules)
    draws: int = DRAWS
    random_draws: int = RANDOM_DRAWS
    premium: bool = True
    bands: int | None = None
    seed: int = DEFAULT_SEED
    cluster: str | None = None

    def __post_init__(self) -> None:
        if self.rules.is_own:
            raise_own_rules("evidence")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EvidenceResult(EquityResult):
    """The strategy against its baselines, with intervals and sample sizes."""

    evidence: Evidence

    @property
    def finding(self) -> str:
        """The finding as a sentence; "no evidence" included."""
        return finding(self.evidence)

    def rows(self) -> list[Record]:
        """One row a baseline: the strategy less it, on the same days.

        Returns
        -------
        list of dict
            rival; trades of the rival; rival_per_trade ($ a package), rival_on_risk (a year); per_trade_estimate,
            per_trade_low, per_trade_high ($ a package, 95% interval) and on_risk_* (a year); p_value of random gates.
        """
        return [flat(asdict(each)) for each in self.evidence.differences]

    def record(self) -> Record:
        return evidence_record(self.evidence)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return evidence_table(self.evidence, columns)

    def headline(self) -> tuple[str, list[str], str]:
        pooled = self.evidence.strategy.results
        return pooled.name, [self.finding], LABELS.get(pooled.kind, "")

    def sheet(self) -> Page:
        """Costs, equity, baselines with intervals, calendar, trades and parameters."""
        return evidence_sheet(self.evidence)

    def arms(self) -> list[tuple[str, PooledResult]]:
        """Strategy and its baselines."""
        arms = (self.evidence.strategy, *self.evidence.baselines)
        return [(each.condition if each.name == "strategy" else each.name, each.results) for each in arms]


def answer_evidence(
    request: EvidenceRequest,
    on_progress: OnProgress | None = None,
    client: "Client | None" = None,
    on_cluster: OnCluster | None = None,
) -> EvidenceResult:
    """Gather evidence; see `EvidenceRequest`."""
    rules = request.rules
    market = open_market(request.market, reach(rules), on_progress)
    trials = market.with_macro(rules.macro)
    resolved = rules.resolved()
    bands = request.bands
    if bands is None:
        bands = BAND_DRAWS if all(modelled_surface(trial.market) for trial in trials) else 0
    opener = None
    if client is not None or request.cluster:
        opener = market_opener(market, trials, MAX_DTE if request.market is market else reach(rules), rules.macro)
    with cluster_mapper(request.cluster, client, on_cluster, opener, is_kept=True) as mapper:
        gathered = gather_evidence(
            trials, resolved, request.seed, request.draws, request.random_draws, request.premium, bands,
            on_progress, mapper,
        )  # fmt: skip
    return EvidenceResult(gathered)


def evidence(
    market: Market,
    rules: Rules | None = None,
    *,
    draws: int = DRAWS,
    random_draws: int = RANDOM_DRAWS,
    premium: bool = True,
    bands: int | None = None,
    seed: int = DEFAULT_SEED,
    client: "Client | None" = None,
) -> EvidenceResult:
    """Compare gated rules with the same rules ungated, oppositely gated and randomly gated.

    Parameters
    ----------
    market : Market
    rules : Rules, optional
    draws, random_draws : int
        Resamples behind each interval; random gates.
    premium : bool
        Search the break-even variance premium, on the simulated market: ten times the work of the rest.
    bands : int, optional
        Draws of the smile behind a band of gains over what modelled quotes leave open, each a backtest; 0 for none. 20
        on modelled quotes unless given.
    seed : int
    client : distributed.Client, optional
        Dask cluster for random gates and the premium; the result is the same.

    Returns
    -------
    EvidenceResult

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> market = iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=1, seed=5)
    >>> found = iwm.evidence(market, iwm.Rules(ivr_below=50), draws=19, random_draws=5, premium=False)
    >>> len(found.to_frame())
    3
    """
    request = EvidenceRequest(
        market=market,
        rules=rules or Rules(),
        draws=draws,
        random_draws=random_draws,
        premium=premium,
        bands=bands,
        seed=seed,
    )
    return answer_evidence(request, client=client)
