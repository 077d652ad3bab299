"""A trade log of a trader whose slips are known, because they were planted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from iwm_opts.journal.compliance import PlanRules
from iwm_opts.journal.trade_log import TradeLog, log_of_rows

FAULTS = ("late exits", "size", "fills", "market")
CRITERIA = ("trend", "calm", "premium", "no-event")
BREAK = pd.Timestamp("2023-03-01")  # entries from here on meet another market
RISK = 400.0  # dollars a package
CREDIT = 1.0
EDGE, BROKEN_EDGE = 0.76, 0.30  # share of wins


@dataclass(frozen=True)
class Planted:
    log: TradeLog
    baseline: pd.DataFrame
    rules: PlanRules


def _results(generator: np.random.Generator, n: int, wins: np.ndarray | float) -> np.ndarray:
    """Condors per dollar at risk: small wins, losses up to all of it."""
    won = generator.random(n) < wins
    return np.where(won, generator.uniform(0.10, 0.30, n), -generator.uniform(0.10, 0.75, n))


def _baseline(generator: np.random.Generator) -> pd.DataFrame:
    entry = pd.bdate_range("2010-01-04", periods=600, freq="6B")
    result = _results(generator, 600, EDGE)
    return pd.DataFrame({"entry": entry, "exit": entry + pd.Timedelta(days=7), "pnl": result * RISK, "risk": RISK})


@pytest.fixture(scope="session")
def planted() -> Callable[..., Planted]:
    """Make a log of 120 weekly trades from 2022 on, by seed and faults of `FAULTS`, with 600 trades of a backtest."""

    def make(seed: int, faults: Iterable[str] = (), n: int = 120) -> Planted:
        chosen = set(faults)
        assert chosen <= set(FAULTS)
        generator = np.random.default_rng([20_240_906, seed])
        baseline = _baseline(generator)
        entry = pd.bdate_range("2022-01-05", periods=n, freq="5B")
        has_broken = (entry >= BREAK) if "market" in chosen else np.zeros(n, dtype=bool)
        result = _results(generator, n, np.where(has_broken, BROKEN_EDGE, EDGE))
        planned = generator.integers(1, 5, n)
        # One slip in a hundred is human; the planted habit is one in four.
        is_late = generator.random(n) < (0.25 if "late exits" in chosen else 0.01)
        is_large = generator.random(n) < (0.25 if "size" in chosen else 0.01)
        contracts = np.where(is_large, 2 * planned, planned)
        worse_in, worse_out = (generator.normal(0.015 if "fills" in chosen else 0.0, 0.01, n).round(2) for _ in "io")
        due = entry + pd.offsets.BusinessDay(3)
        left = due + pd.to_timedelta(np.where(is_late, 1, 0), unit="D")
        late_cost = np.where(is_late, np.abs(generator.normal(0.20, 0.15, n)), 0.0).round(2)
        fees = 5.0 * contracts
        due_debit = CREDIT - (result * RISK + 5.0) / 100.0
        debit = due_debit + late_cost + worse_out
        credit = CREDIT - worse_in
        answers = generator.random((n, len(CRITERIA))) < 0.8
        answers[:, 0] |= answers.sum(axis=1) < 3
        answers[:, 1] |= answers.sum(axis=1) < 3
        answers[:, 2] |= answers.sum(axis=1) < 3
        frame = pd.DataFrame(
            {
                "entry": entry,
                "exit": left,
                "due": due,
                "expiration": entry + pd.Timedelta(days=30),
                "reason": np.where(result > 0, "profit", "stop"),
                "contracts": contracts,
                "planned_contracts": planned,
                "credit": credit,
                "debit": debit,
                "entry_model": CREDIT,
                "exit_model": due_debit + late_cost,
                "due_debit": due_debit,
                "fees": fees,
                "model_fees": fees,
                "risk": RISK * contracts,
                "planned_risk": RISK * planned,
                "checklist": [
                    "; ".join(f"{name}={'met' if met else 'unmet'}" for name, met in zip(CRITERIA, row, strict=True))
                    for row in answers
                ],
            }
        )
        rules = PlanRules("planted", CRITERIA, 3, 0.01, 50_000.0)
        return Planted(log_of_rows(frame, "planted"), baseline, rules)

    return make
