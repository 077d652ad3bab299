"""The macro filter: a fund's return on the session before, unknown where a bar is missing."""

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.engine import run
from iwm_opts.backtest.macro import macro_filter, macro_notes, with_macro
from iwm_opts.backtest.rules import Rules
from iwm_opts.sources.surface_days import SurfaceDays
from tests.refusals import refused, refused_data


@pytest.fixture
def fund_file(small_trials, tmp_path):
    """Bars over the days of the first trial: -2% on every fifth session, no bar on the twentieth."""
    days = pd.DatetimeIndex(small_trials[0].market.days)
    returns = np.where(np.arange(len(days)) % 5 == 4, -0.02, 0.006)
    close = 50.0 * np.cumprod(1.0 + returns)
    bars = pd.DataFrame({"date": days, "open": close, "high": close, "low": close, "close": close}).drop(index=20)
    bars.to_csv(tmp_path / "KRE.daily.csv", index=False)
    return tmp_path / "KRE.daily.csv"


def ruled(rules, name):
    return Rules(rules.entry, rules.gate, rules.exit, rules.size, rules.costs, macro_filter(name, 0.015, "bull-put"))


def test_no_entry_follows_a_fall_or_a_missing_bar(small_trials, small_rules, fund_file, monkeypatch):
    monkeypatch.setattr(SurfaceDays, "companions", None)
    (trial,) = with_macro(small_trials[:1], str(fund_file))
    rules = ruled(small_rules, str(fund_file))
    found = run(trial.prepare(rules), np.ones(len(trial.market.days), dtype=bool))
    places = pd.DatetimeIndex(trial.market.days).get_indexer(found.trades["entry"])
    # The first day's close before has no bar; a missing bar leaves neither its own return nor the next one's.
    assert not set(places) & {0, 1, 21, 22}
    assert not (places % 5 == 0).any()
    assert len(places) > 5
    assert found.skipped["KRE return is unknown"] == 4
    days = len(trial.market.days)
    assert macro_notes([trial], rules) == (f"KRE return is unknown on 4 of {days} days: no entry then",)
    assert macro_notes([trial], small_rules) == ()


def test_the_simulated_market_has_companions_of_its_own(small_trials):
    found = with_macro(small_trials, "KRE")
    first, second = (one.macro for one in found[:2])
    close = small_trials[0].market.market.bars("KRE")["close"]
    assert first.iloc[5] == pytest.approx(close.iloc[5] / close.iloc[4] - 1.0)
    assert not first.equals(second)
    with refused("macro", "KRE.csv", "SPY", "KRE"):
        with_macro(small_trials, "KRE.csv")


def test_a_fall_of_exactly_the_limit_is_not_over_it():
    rule = macro_filter("data/KRE.csv.gz", 0.015, "bull-call")
    assert rule.is_clear([-0.015, 98.5 / 100.0 - 1.0, -0.0150001, np.nan]).tolist() == [True, True, False, False]
    assert str(macro_filter("data/KRE.csv.gz", 0.015, "long-call")) == "KRE return >= -0.015"


@pytest.mark.parametrize(("strategy", "told"), [("iron-condor", "`macro_applies_to_condors`"), ("long-put", "a fall")])
def test_it_is_for_what_gains_from_a_rise(strategy, told):
    with refused("macro", "KRE", told):
        macro_filter("KRE", 0.015, strategy)
    assert macro_filter("KRE", 0.015, "iron-condor", applies_to_condors=True).applies_to_condors


@pytest.mark.parametrize("name", ["KRE_daily.csv", "KRE.csv"])
def test_bars_of_another_fund_than_the_files_name(small_trials, tmp_path, monkeypatch, name):
    monkeypatch.setattr(SurfaceDays, "companions", None)
    path = tmp_path / name
    path.write_text("symbol,date,open,high,low,close\nXLF,2024-06-03,40,41,39,40\nXLF,2024-06-04,40,41,39,40\n")
    with refused_data(path, "symbol", "XLF", "KRE"):
        with_macro(small_trials[:1], str(path))
    (trial,) = with_macro(small_trials[:1], str(path.rename(tmp_path / "filter.csv")))
    assert len(trial.macro) == 2
