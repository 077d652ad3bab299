import gzip
import json
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.bars import load_bars
from iwm_opts.market.calendar import NEW_YORK, at_close
from iwm_opts.simulation.listing import listed_expirations
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.within_session import (
    BETA_POWER,
    OPENING_WIDENING,
    VOL_BETA,
    session_quotes,
    smile_note,
    vol_beta,
)

DAY = date(2024, 3, 12)


@pytest.fixture(scope="module")
def market():
    return simulate_market(date(2024, 2, 1), date(2024, 4, 30), seed=5)


def at(hour, minute):
    return datetime(DAY.year, DAY.month, DAY.day, hour, minute, tzinfo=NEW_YORK)


def test_at_the_close_before_the_quotes_are_those_of_its_chain(market):
    """At the close's own price and moment nothing has moved: the market's own chain comes back."""
    before = market.days[market.place(DAY) - 1]
    quotes = session_quotes(market, DAY)
    listing = quotes.listing(30, 10)
    spot = np.array([market.closes[quotes.prior]])
    (found,) = quotes.quoted([at_close(before)], spot, listing)
    (wanted,) = market.quoted(quotes.prior, [listing])
    assert found.strike.tolist() == wanted.strike.tolist()
    assert found.vol == pytest.approx(wanted.vol, rel=1e-12)
    assert found.forward == pytest.approx(wanted.forward, rel=1e-12)


def test_vol_falls_with_a_rise_by_one_rule_and_stays_by_the_other(market):
    spot = market.closes[market.place(DAY) - 1] * np.array([1.0, 1.01])
    vols = {}
    for smile in ("spot-vol", "sticky-moneyness"):
        quotes = session_quotes(market, DAY, smile)
        listing = quotes.listing(30, 10)
        found = quotes.quoted([at(10, 30), at(10, 30)], spot, listing)
        # At the money, between the two strikes about the forward.
        vols[smile] = [np.interp(one.forward, one.strike, one.vol[0]) for one in found]
    still = vols["sticky-moneyness"]
    assert still[1] == pytest.approx(still[0], rel=2e-4)
    moved = np.log(vols["spot-vol"][1] / vols["spot-vol"][0])
    assert moved == pytest.approx(-0.03 * np.log(1.01) / 0.01, abs=6e-4)  # about 30 days


def test_spreads_are_wider_in_the_first_hour(market):
    quotes = session_quotes(market, DAY)
    listing = quotes.listing(7, 10)
    spot = np.full(2, market.closes[quotes.prior])
    early, late = quotes.quoted([at(10, 29), at(10, 30)], spot, listing)
    near = np.abs(early.strike / spot[0] - 1.0) < 0.02
    widths = [(one.ask - one.bid)[:, near] for one in (early, late)]
    assert widths[0].sum() / widths[1].sum() == pytest.approx(OPENING_WIDENING, rel=0.25)  # ticks round both


def test_only_what_was_listed_at_the_close_before_is_traded(market):
    quotes = session_quotes(market, DAY)
    before = market.days[quotes.prior]
    for dte in range(1, 40):
        one = quotes.listing(dte, 5)
        if one is not None:
            assert one in listed_expirations(before)
            assert one.expiration > DAY
            assert abs(quotes.days_to(one) - dte) <= 5
    assert session_quotes(market, DAY).listing(400, 3) is None


def test_a_missing_close_is_no_surface(market):
    assert session_quotes(market, market.days[0]) is None
    gap = market.days[10]
    assert session_quotes(market, gap).prior == 9
    assert session_quotes(market, market.days[-1] + timedelta(days=5)) is None


def test_shorter_options_move_more():
    found = vol_beta(np.array([0.1, 1.0, 7.0, 30.0, 90.0]))
    assert found[3] == VOL_BETA
    assert found[0] == found[1]
    assert (np.diff(found[1:]) > 0.0).all()
    assert "-4.5% at 7" in smile_note("spot-vol")
    assert "sticky moneyness" in smile_note("sticky-moneyness")


@pytest.mark.market_data
def test_the_vol_beta_is_what_rvx_did_at_the_open(market_data):
    bars = load_bars(market_data / "daily" / "IWM_yahoo_adj_div.csv.gz")
    index = pd.read_csv(market_data / "vol" / "RVX_History.csv.gz")
    index = index.set_index(pd.to_datetime(index["DATE"]))
    moved = np.log(index["OPEN"] / index["CLOSE"].shift(1))
    gap = np.log(bars["open"] / bars["close"].shift(1))
    both = pd.concat([gap, moved], axis=1, keys=["gap", "vol"]).dropna()
    assert len(both) == 3948
    slope = np.polyfit(both["gap"], both["vol"], 1)[0]
    assert slope == pytest.approx(VOL_BETA, abs=0.1)
    assert both.corr().iloc[0, 1] == pytest.approx(-0.72, abs=0.01)


@pytest.mark.market_data
def test_the_beta_falls_with_tenor_as_in_the_vix_family(market_data):
    def closes(name):
        table = pd.read_csv(market_data / "vol" / f"{name}_History.csv.gz")
        return np.log(table.set_index(pd.to_datetime(table["DATE"]))["CLOSE"]).diff()

    spy = load_bars(market_data / "daily" / "SPY_yahoo_adj_div.csv.gz")["close"]
    table = pd.concat([np.log(spy).diff(), *(closes(name) for name in ("VIX9D", "VIX"))], axis=1, join="inner").dropna()
    short, base = (np.polyfit(table.iloc[:, 0], table.iloc[:, column], 1)[0] for column in (1, 2))
    assert np.log(short / base) / np.log(30 / 9) == pytest.approx(BETA_POWER, abs=0.02)


@pytest.mark.market_data
def test_the_open_is_as_much_wider_as_a_capture_of_it(market_data):
    options = market_data / "options"
    with gzip.open(options / "IWM_leapengine_20260720.json.gz", "rt") as file:
        capture = json.load(file)
    opened = pd.DataFrame(capture["options"]).rename(columns={"type": "right", "exp": "expiration"})
    later = pd.read_csv(options / "IWM_cboe_0-13dte_20260716_20260731.csv.gz")
    later = later[(later["quote_date"] == "2026-07-20") & (later["session"] == "mid")]
    both = opened.merge(later, on=["right", "expiration", "strike"], suffixes=("", "_later"))
    out = np.where(both["right"] == "C", 1, -1) * (both["strike"] / capture["spot"] - 1.0)
    both = both[(out > -0.01) & (out < 0.05) & (both["bid"] > 0.05) & (both["bid_later"] > 0.05)]
    both = both[both["expiration"] > "2026-07-20"]
    assert len(both) == 285
    ratio = (both["ask"] - both["bid"]).sum() / (both["ask_later"] - both["bid_later"]).sum()
    assert ratio == pytest.approx(OPENING_WIDENING, abs=0.1)
