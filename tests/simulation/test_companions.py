from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.bars import load_bars
from iwm_opts.sources.simulated import simulate_market
from tests.refusals import refused


@pytest.fixture(scope="module")
def market():
    return simulate_market(date(2012, 1, 3), date(2025, 12, 31), seed=3)


@pytest.mark.parametrize("symbol", ["IWM", "SPY", "KRE"])
def test_bars_are_bars(market, symbol):
    bars = market.bars(symbol)
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    assert (bars["low"] > 0).all()
    assert (bars["volume"] > 0).all()
    assert list(bars.index) == [pd.Timestamp(day) for day in market.days]


def test_the_underlying_closes_where_the_market_does(market):
    assert market.bars()["close"].to_numpy() == pytest.approx(market.closes)


def test_returns_go_together_as_measured(market):
    # IWM, SPY and KRE daily, 2009-09-16 to 2025-06-04: correlations 0.885, 0.819, 0.715; vols over IWM's 0.775, 1.321.
    r = pd.DataFrame({s: np.log(market.bars(s)["close"]).diff() for s in ("IWM", "SPY", "KRE")}).dropna()
    correlation = r.corr()
    assert correlation.loc["IWM", "SPY"] == pytest.approx(0.885, abs=0.03)
    assert correlation.loc["IWM", "KRE"] == pytest.approx(0.819, abs=0.03)
    assert correlation.loc["SPY", "KRE"] == pytest.approx(0.715, abs=0.05)
    assert r["SPY"].std() / r["IWM"].std() == pytest.approx(0.775, abs=0.03)
    assert r["KRE"].std() / r["IWM"].std() == pytest.approx(1.321, abs=0.05)


@pytest.mark.parametrize(("symbol", "wanted"), [("IWM", 0.401), ("SPY", 0.434), ("KRE", 0.377)])
def test_volume_rises_with_the_size_of_the_fund_s_own_return(market, symbol, wanted):
    # Rank correlation of |log return| and log volume over its median of 63 sessions: that of the real bars, 2009-09-16
    # to 2025-06-04.
    bars = market.bars(symbol)
    size, volume = np.log(bars["close"]).diff().abs(), np.log(bars["volume"])
    above = volume - volume.rolling(63, center=True, min_periods=20).median()
    assert above.corr(size, method="spearman") == pytest.approx(wanted, abs=0.08)


def test_an_unknown_companion(market):
    with refused("symbol", "XBI", "SPY", "KRE"):
        market.bars("XBI")


@pytest.mark.market_data
def test_atr_ratio_to_spy_is_as_measured(market, market_data):
    # Median 14-day ATR as a share of price, IWM over SPY, 2009 to 2025, from the real bars here.
    def median(bars):
        before = bars["close"].shift()
        true = np.maximum(bars["high"], before) - np.minimum(bars["low"], before)
        return true.rolling(14).mean() / bars["close"]

    real = {
        s: load_bars(market_data / "daily" / f"{s}_yahoo_long.csv.gz").loc["2009-09-16":"2025-06-04"]
        for s in ("IWM", "SPY")
    }
    wanted = (median(real["IWM"]) / median(real["SPY"])).median()
    found = (median(market.bars("IWM")) / median(market.bars("SPY"))).median()
    assert found == pytest.approx(wanted, rel=0.07)
