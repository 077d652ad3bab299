"""Options spread analytics for IWM, the Russell 2000 ETF.

The public functions load on first use, so that `import iwm_opts` and the command line's help need neither
numpy nor numba. `iwm_opts.backtest` is the function; the modules of the folder of that name import as usual
(`from iwm_opts.backtest.engine import run`).
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iwm_opts.api.backtest import BacktestResult, backtest, compare_saved
    from iwm_opts.api.chain import OptionChain, read_chain, read_iv_history
    from iwm_opts.api.claims import ClaimsResult, claims
    from iwm_opts.api.evidence import EvidenceResult, evidence
    from iwm_opts.api.fills import FillCosts, QuotedSpreads, compare_fills, measure_spreads
    from iwm_opts.api.forecasts import ForecastReview, review_forecasts
    from iwm_opts.api.gates import IvRankBelow
    from iwm_opts.api.ivr import IvRankReport, rank_iv
    from iwm_opts.api.manage import Management, manage
    from iwm_opts.api.markets import Market, modelled_market, recorded_market, simulated_market
    from iwm_opts.api.matrix import Matrix
    from iwm_opts.api.montecarlo import MonteCarloResult, montecarlo
    from iwm_opts.api.plan_data import PlanData, PlanDataRequest, read_plan_data
    from iwm_opts.api.plans import PortfolioBacktest, TradingPlan, backtest_plans, make_plan, read_plan
    from iwm_opts.api.report import SavedResult, report
    from iwm_opts.api.reprice import RepriceResult, reprice
    from iwm_opts.api.review import ReviewResult, read_trades, review
    from iwm_opts.api.rules import Rules
    from iwm_opts.api.screening import Package, Screen, screen
    from iwm_opts.api.sizing import PositionSize, position_size, share_position_size
    from iwm_opts.api.sweep import SweepResult, sweep
    from iwm_opts.api.ticket import OrderTicket, ticket
    from iwm_opts.api.walk_forward import WalkForwardResult, walk_forward
    from iwm_opts.api.whatif import WhatIf, whatif
    from iwm_opts.execution.exits import ExitLevels
    from iwm_opts.market.iv_rank import IvHistory, IvRank
    from iwm_opts.plans.portfolio import SharedLimits
    from iwm_opts.pricing.american import (
        AmericanGreeks,
        american_boundary,
        american_greeks,
        american_implied_vol,
        american_price,
    )
    from iwm_opts.pricing.black import Greeks, greeks, price
    from iwm_opts.pricing.implied import implied_vol
    from iwm_opts.spreads.screen import Account, Selection
    from iwm_opts.spreads.strategies import IronCondor, OwnPackages, SingleOption, Vertical

__all__ = [
    "Account",
    "AmericanGreeks",
    "BacktestResult",
    "ClaimsResult",
    "EvidenceResult",
    "ExitLevels",
    "FillCosts",
    "ForecastReview",
    "Greeks",
    "IronCondor",
    "IvHistory",
    "IvRank",
    "IvRankBelow",
    "IvRankReport",
    "Management",
    "Market",
    "Matrix",
    "MonteCarloResult",
    "OptionChain",
    "OrderTicket",
    "OwnPackages",
    "Package",
    "PlanData",
    "PlanDataRequest",
    "PortfolioBacktest",
    "PositionSize",
    "QuotedSpreads",
    "RepriceResult",
    "ReviewResult",
    "Rules",
    "SavedResult",
    "Screen",
    "Selection",
    "SharedLimits",
    "SingleOption",
    "SweepResult",
    "TradingPlan",
    "Vertical",
    "WalkForwardResult",
    "WhatIf",
    "__version__",
    "american_boundary",
    "american_greeks",
    "american_implied_vol",
    "american_price",
    "backtest",
    "backtest_plans",
    "claims",
    "compare_fills",
    "compare_saved",
    "evidence",
    "greeks",
    "implied_vol",
    "make_plan",
    "manage",
    "measure_spreads",
    "modelled_market",
    "montecarlo",
    "position_size",
    "price",
    "rank_iv",
    "read_chain",
    "read_iv_history",
    "read_plan",
    "read_plan_data",
    "read_trades",
    "recorded_market",
    "report",
    "reprice",
    "review",
    "review_forecasts",
    "screen",
    "share_position_size",
    "simulated_market",
    "sweep",
    "ticket",
    "walk_forward",
    "whatif",
]

_HOME = {
    "BacktestResult": "api.backtest",
    "backtest": "api.backtest",
    "compare_saved": "api.backtest",
    "OptionChain": "api.chain",
    "read_chain": "api.chain",
    "read_iv_history": "api.chain",
    "ClaimsResult": "api.claims",
    "claims": "api.claims",
    "EvidenceResult": "api.evidence",
    "evidence": "api.evidence",
    "FillCosts": "api.fills",
    "QuotedSpreads": "api.fills",
    "compare_fills": "api.fills",
    "measure_spreads": "api.fills",
    "ForecastReview": "api.forecasts",
    "review_forecasts": "api.forecasts",
    "IvRankBelow": "api.gates",
    "IvRankReport": "api.ivr",
    "rank_iv": "api.ivr",
    "Management": "api.manage",
    "manage": "api.manage",
    "Market": "api.markets",
    "modelled_market": "api.markets",
    "recorded_market": "api.markets",
    "simulated_market": "api.markets",
    "Matrix": "api.matrix",
    "MonteCarloResult": "api.montecarlo",
    "montecarlo": "api.montecarlo",
    "PlanData": "api.plan_data",
    "PlanDataRequest": "api.plan_data",
    "read_plan_data": "api.plan_data",
    "SharedLimits": "plans.portfolio",
    "PortfolioBacktest": "api.plans",
    "TradingPlan": "api.plans",
    "backtest_plans": "api.plans",
    "make_plan": "api.plans",
    "read_plan": "api.plans",
    "SavedResult": "api.report",
    "report": "api.report",
    "RepriceResult": "api.reprice",
    "reprice": "api.reprice",
    "ReviewResult": "api.review",
    "read_trades": "api.review",
    "review": "api.review",
    "Rules": "api.rules",
    "Package": "api.screening",
    "Screen": "api.screening",
    "screen": "api.screening",
    "PositionSize": "api.sizing",
    "position_size": "api.sizing",
    "share_position_size": "api.sizing",
    "SweepResult": "api.sweep",
    "sweep": "api.sweep",
    "OrderTicket": "api.ticket",
    "ticket": "api.ticket",
    "WalkForwardResult": "api.walk_forward",
    "walk_forward": "api.walk_forward",
    "WhatIf": "api.whatif",
    "whatif": "api.whatif",
    "ExitLevels": "execution.exits",
    "IvHistory": "market.iv_rank",
    "IvRank": "market.iv_rank",
    "AmericanGreeks": "pricing.american",
    "american_boundary": "pricing.american",
    "american_greeks": "pricing.american",
    "american_implied_vol": "pricing.american",
    "american_price": "pricing.american",
    "Greeks": "pricing.black",
    "greeks": "pricing.black",
    "price": "pricing.black",
    "implied_vol": "pricing.implied",
    "Account": "spreads.screen",
    "Selection": "spreads.screen",
    "IronCondor": "spreads.strategies",
    "OwnPackages": "spreads.strategies",
    "SingleOption": "spreads.strategies",
    "Vertical": "spreads.strategies",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("iwm-opts")
    if name in _HOME:
        return getattr(import_module(f"iwm_opts.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


class _FrontPage(ModuleType):
    """Keeps a public function where a folder of the same name is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _FrontPage
