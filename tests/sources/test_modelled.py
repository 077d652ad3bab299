"""The modelled market on bars of a simulated one, whose own index must come back; and on real bars and RVX."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from iwm_opts.api.chain import ChainRequest, HistoryRequest, ModelledInputs, open_chain
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.chain import expiry_slices
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.gate import gate_ranks
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.simulation.dynamics import FACTORS, State, variance_curve
from iwm_opts.simulation.published import INDEX_RULES
from iwm_opts.sources import modelled as modelled_module
from iwm_opts.sources.modelled import Slope, modelled_market
from iwm_opts.sources.modelled_files import ModelledSource, modelled_to_day, open_modelled
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.source import ModelledFiles, SpanRequest
from tests.refusals import ANY, refused, refused_data, shows

POINT = 0.01
FIXED = Slope(pd.Series(dtype=float, index=pd.DatetimeIndex([])), 0.95, "fixed")


@pytest.fixture(scope="module")
def bars():
    return simulate_market(date(2023, 1, 3), date(2024, 3, 28), seed=3).bars()


@pytest.fixture(scope="module")
def volatility(bars):
    # From 12 to 50 points and back, far faster than any real index; higher, strikes that follow closes alone run out.
    closes = 0.31 - 0.19 * np.cos(np.linspace(0.0, 12.0, len(bars)))
    return IvHistory("IV30", 30, pd.Series(closes, index=bars.index), False, "made")


def modelled(bars, volatility, **more):
    given = {"slope": FIXED, "rates": 0.03, "dividends": DividendSchedule((), "none")} | more
    return modelled_market(bars, volatility, **given)


@pytest.fixture(scope="module")
def market(bars, volatility):
    return modelled(bars, volatility, first=date(2023, 12, 1))


def test_no_static_arbitrage_at_any_listed_expiration_of_any_day(market, static_arbitrage):
    density, calendar = static_arbitrage(market.table(most_dte=1000))
    assert density > 0.0
    assert calendar > 0.0


def test_the_index_of_its_own_quotes_is_the_one_given(market, volatility):
    assert len(market.days) == 81
    wanted = volatility.closes.loc[pd.DatetimeIndex(market.days)]
    assert market.iv_history(30).closes.to_numpy() == pytest.approx(wanted.to_numpy(), abs=0.05 * POINT)
    assert np.abs(market.miss).max() < 0.05 * POINT


@pytest.mark.parametrize("name", ["RVX", "VIX"])
def test_a_published_index_is_matched_on_its_own_clock_and_expirations(bars, volatility, name):
    # By Cboe's formula from the quotes: the Fridays around 30 calendar days, total variance interpolated on minutes.
    # Days whose terms are third Fridays are left out: those of index options settle at the open, IWM's at the close.
    bias = INDEX_RULES[name].eras[-1].bias
    level = replace(volatility, series=name)
    market = modelled(bars, level, first=date(2023, 12, 1), last=date(2024, 2, 29))
    checked = set()
    for day in market.days:
        fridays = [latest_session(day + timedelta(days=ahead)) for ahead in range(18, 46)
                   if (day + timedelta(days=ahead)).weekday() == 4]  # fmt: skip
        near = max(each for each in fridays if (each - day).days <= 30)
        far = min(each for each in fridays if (each - day).days > 30)
        if any(15 <= each.day <= 21 for each in (near, far)):
            continue
        chain = market.chain(day)
        times = [(each - day).days for each in (near, far)]
        total = [strip(chain.rows(each), 0.03, days / 365) for each, days in zip((near, far), times, strict=True)]
        share = (times[1] - 30) / (times[1] - times[0])
        index = np.sqrt((share * total[0] + (1.0 - share) * total[1]) * 365 / 30) * np.exp(bias[day.weekday()])
        assert index == pytest.approx(volatility.closes[pd.Timestamp(day)], abs=0.05 * POINT), day
        checked.add(day.weekday())
    assert checked == {0, 1, 2, 3, 4}


def strip(rows, rate, years):
    """Cboe's sum over one expiration: two zero bids end a wing, the midpoint is the price."""
    table = rows.pivot_table(index="strike", columns="right", values=["bid", "ask"])
    strikes, price = table.index.to_numpy(), 0.5 * (table["bid"] + table["ask"])
    place = int((price["C"] - price["P"]).abs().to_numpy().argmin())
    forward = strikes[place] + np.exp(rate * years) * (price["C"].iloc[place] - price["P"].iloc[place])
    centre = int(np.flatnonzero(strikes <= forward)[-1])
    used = {centre: 0.5 * (price["C"].iloc[centre] + price["P"].iloc[centre])}
    for right, step in (("P", -1), ("C", 1)):
        zeros, i = 0, centre + step
        while 0 <= i < len(strikes) and zeros < 2:
            bid = table["bid"][right].iloc[i]
            zeros = zeros + 1 if bid == 0.0 else 0
            if bid > 0.0:
                used[i] = price[right].iloc[i]
            i += step
    places = sorted(used)
    at, quotes = strikes[places], np.array([used[i] for i in places])
    widths = np.empty(len(at))
    widths[1:-1], widths[0], widths[-1] = 0.5 * (at[2:] - at[:-2]), at[1] - at[0], at[-1] - at[-2]
    total = 2.0 * np.exp(rate * years) * (widths / at**2 * quotes).sum()
    return total - (forward / strikes[centre] - 1.0) ** 2


def test_so_says_a_snapshot_of_its_chain(market, volatility):
    for day in market.days[::20]:
        chain = market.chain(day)
        assert take_snapshot(chain, rate=0.03, exercise="european").iv.iv30 == pytest.approx(
            volatility.closes[pd.Timestamp(day)], abs=0.05 * POINT
        )
        assert chain.quality.summary.endswith("no defects")


def test_at_the_money_vol_lies_below_the_index(market, volatility):
    # RVX is model-free; on the chain of 2026-06-26 it was 25.35 against 22.7 at the money.
    day = market.days[40]
    chain = market.chain(day)
    near = min(expiry_slices(chain), key=lambda one: abs(one.dte - 30))
    rows = chain.rows(near.expiration)
    money = rows.iloc[(rows["strike"] - chain.spot).abs().argmin()]
    ratio = money["implied_volatility"] / volatility.closes[pd.Timestamp(day)]
    assert 0.80 < ratio < 0.97


def test_prices_are_the_bars(market, bars):
    assert (market.closes == bars["close"].loc[pd.DatetimeIndex(market.days)]).all()
    assert market.bars().equals(bars.loc[pd.DatetimeIndex(market.days)])
    with refused("symbol", "KRE", "IV30"):
        market.bars("KRE")


def test_it_says_that_it_is_modelled(market):
    chain = market.chain(market.days[-1])
    assert (chain.simulated, chain.modelled) == (True, True)
    assert chain.label.startswith("MODELLED QUOTES")
    assert chain.source == "modelled market, IV30"
    assert "never traded" in market.iv_history(10).note


def test_a_slope_above_one_makes_the_short_vol_dearer(bars, volatility):
    days = {"first": date(2024, 2, 1), "last": date(2024, 2, 29)}
    flat = pd.Series(0.25, index=bars.index)
    level = IvHistory("IV30", 30, flat, True, "made")
    ratios = pd.Series(np.linspace(0.8, 1.3, 20), index=pd.DatetimeIndex(modelled(bars, level, **days).days))
    market = modelled(bars, level, slope=Slope(ratios, 0.95, "made"), **days)
    ratio = market.iv_history(10).closes / market.iv_history(30).closes
    assert ratio.corr(ratios) > 0.98
    assert ratio.iloc[0] < 0.88
    assert ratio.iloc[-1] > 1.15


def test_one_day_is_quoted_as_within_a_stretch(market, bars, volatility):
    day = market.days[30]
    alone, within = modelled(bars, volatility, first=day, last=day).chain(day).quotes, market.chain(day).quotes
    for name in ("strike", "bid", "ask", "bid_size", "open_interest", "volume"):
        assert (alone[name] == within[name]).all(), name


def test_states_are_kept_until_an_input_changes(bars, volatility, monkeypatch):
    counted, scale = [], modelled_module.scale_to_index

    def scaled(*arguments):
        counted.append(arguments)
        return scale(*arguments)

    monkeypatch.setattr(modelled_module, "scale_to_index", scaled)
    dividends = DividendSchedule((Dividend(date(2023, 6, 8), 0.8),), "given")
    markets = [modelled(bars, volatility, dividends=dividends) for _ in range(2)]
    assert len(counted) <= 1
    np.testing.assert_array_equal(markets[0].states.fast, markets[1].states.fast)
    before = len(counted)
    modelled(bars.assign(close=1.01 * bars["close"]), volatility, dividends=dividends)
    modelled(bars, volatility, dividends=dividends, rates=0.031)
    modelled(bars, volatility, dividends=dividends, slope=replace(FIXED, typical=0.96))
    assert len(counted) == before + 3


def test_tomorrows_bars_and_index_are_not_read(market, bars, volatility):
    day = market.days[30]
    until = slice(None, pd.Timestamp(day))
    cut = IvHistory("IV30", 30, volatility.closes.loc[until], True, "made")
    early = modelled(bars.loc[until], cut, first=day)
    assert (early.chain(day).quotes["ask"] == market.chain(day).quotes["ask"]).all()


def test_days_without_an_index_are_gaps_that_are_told(bars, volatility):
    closes = volatility.closes.copy()
    lost = closes.index[-10]
    closes.loc[lost] = np.nan
    market = modelled(bars, IvHistory("RVX", 30, closes, True, "made"), first=date(2024, 3, 1))
    assert market.gaps == {lost.date(): "no value of RVX"}
    with refused("as_of", "2024-03-15", "RVX"):
        market.chain(lost.date())
    assert market.close_on(lost.date()) == bars["close"][lost]  # what expires then still settles
    assert np.isnan(market.close_on(date(2024, 3, 2)))


@pytest.mark.parametrize("of", ["bars", "index"])
def test_a_stretch_without_quotes_is_refused(bars, volatility, of):
    """A condor held across it could lose its stop unseen and settle at a profit that never was."""
    few, many = bars.index[-20:-15], bars.index[-20:-14]

    def market_without(days):
        index = IvHistory("RVX", 30, volatility.closes.drop(days if of == "index" else []), True, "made")
        return modelled(bars.drop(days if of == "bars" else []), index, first=date(2024, 2, 1))

    assert len(market_without(few).gaps) == 5
    lacking = {"bars": "no bar", "index": "no value of RVX"}[of]
    with refused_data("modelled market", "date", "6 sessions", many[0].date(), many[-1].date(), lacking, "5"):
        market_without(many)


def test_days_without_an_index_are_counted_in_the_notes(bars, volatility):
    index = IvHistory("RVX", 30, volatility.closes.drop(volatility.closes.index[[-10, -8]]), True, "made")
    assert shows(modelled(bars, index, first=date(2024, 3, 1)).notes, "2 sessions", "of RVX")


def test_dividends_and_rates_are_those_of_the_day(bars, volatility):
    day = date(2024, 3, 1)
    rates = pd.Series(np.linspace(0.01, 0.06, len(bars)), index=bars.index)
    schedule = DividendSchedule((Dividend(date(2024, 3, 19), 0.70),), "made")
    market = modelled(bars, volatility, rates=rates, dividends=schedule, first=day, last=day)
    table = market.table()
    rate, spot = float(rates[pd.Timestamp(day)]), float(bars["close"][pd.Timestamp(day)])
    before, after = table.row(0, date(2024, 3, 15)), table.row(0, date(2024, 3, 22))
    assert table.forward[before] == pytest.approx(spot * np.exp(rate * table.years[before]), rel=1e-12)
    owed = 0.70 * np.exp(-rate * 18 / 365)
    assert table.forward[after] == pytest.approx((spot - owed) * np.exp(rate * table.years[after]), rel=1e-12)


def test_an_index_that_is_none(bars):
    closes = pd.Series(0.03, index=bars.index)  # below what variance the model's market can have
    with refused_data("RVX", "value", "2024-03-01"):
        modelled(bars, IvHistory("RVX", 30, closes, True, "made"), first=date(2024, 3, 1))
    with refused_data("RVX", "date", "from 2025-03-01"):
        modelled(bars, IvHistory("RVX", 30, closes, True, "made"), first=date(2025, 3, 1))


def test_a_published_slope_is_priced_between_its_own_expirations(bars, volatility):
    # VIX9D over VIX at the close of Thursday 2024-01-04: January 12 and 16 (a holiday on Monday; 8 days: 6 sessions and
    # 2 others; 12 days: 7 and 5), February 2 and 9 (29 days: 20 and 9; 36 days: 25 and 11).
    day = date(2024, 1, 4)
    slope = Slope(pd.Series([0.9], index=pd.DatetimeIndex([day])), 0.95, "made", ("VIX9D", "VIX"))
    published = modelled(bars, volatility, first=day, last=day, slope=slope)
    parameters, states = published.parameters, published.states
    state = State(*(float(getattr(states, name)[0]) for name in FACTORS))
    effective = np.array([6 + 2 * 0.3, 7 + 5 * 0.3, 20 + 9 * 0.3, 25 + 11 * 0.3]) / (252 + 113 * 0.3)
    total = effective * variance_curve(parameters.dynamics, parameters.premium, effective).at(state)
    nine, month = (total[0] * 3 + total[1]) / 4 / 9, (total[2] * 6 + total[3]) / 7 / 30
    bias = INDEX_RULES["VIX9D"].eras[-1].bias[day.weekday()]
    assert np.sqrt(nine / month) * np.exp(bias) == pytest.approx(0.9, rel=1e-3)
    by_own_clock = modelled(bars, volatility, first=day, last=day, slope=replace(slope, indices=("", "")))
    assert abs(by_own_clock.states.fast[0] - states.fast[0]) > 0.02


@pytest.fixture(scope="module")
def files(bars, volatility, tmp_path_factory):
    folder = tmp_path_factory.mktemp("modelled")
    bars.to_csv(folder / "IWM.csv")
    (100.0 * volatility.closes).round(2).rename("close").rename_axis("date").to_csv(folder / "RVX_History.csv")
    (90.0 * volatility.closes).round(2).rename("close").rename_axis("date").to_csv(folder / "VIX9D_History.csv")
    (100.0 * volatility.closes).round(2).rename("close").rename_axis("date").to_csv(folder / "VIX_History.csv")
    pd.DataFrame({"date": ["2023-01-03", "2024-01-02"], "US3M": [4.0, 5.0]}).to_csv(folder / "y.csv", index=False)
    names = {
        "bars": "IWM.csv", "iv_history": "RVX_History.csv", "slope_history": "VIX9D_History.csv",
        "slope_base": "VIX_History.csv", "yields": "y.csv",
    }  # fmt: skip
    return {name: str(folder / file) for name, file in names.items()}


def test_from_files(files, volatility):
    market = open_modelled(ModelledFiles(**files), first=date(2024, 3, 1))
    assert market.rates[0] == pytest.approx(2.0 * np.log(1.025))  # bond-equivalent: 2.5% each half year
    assert "VIX9D/VIX, a proxy" in market.notes[0]
    assert "rates from y.csv" in market.notes[1]
    assert shows(market.notes[1], "no dividends")
    assert market.volatility.proxy
    ratio = market.iv_history(10).closes / market.iv_history(30).closes
    assert ratio.mean() == pytest.approx(0.9, abs=0.03)


def test_on_its_newest_day(files):
    market = modelled_to_day(ModelledFiles(**files), None, None)
    assert market.days == (date(2024, 3, 28),)
    longer = modelled_to_day(ModelledFiles(**files), None, None, lookback=20)
    assert len(longer.days) == 21
    assert_frame_equal(longer.rows(date(2024, 3, 28)), market.rows(date(2024, 3, 28)))


@pytest.mark.parametrize("tenor_days", [10, 30])
def test_screens_and_backtests_rank_the_same_index(files, tenor_days):
    history = HistoryRequest(iv_history=files["iv_history"], ivr_tenor=tenor_days, ivr_lookback=40)
    inputs = ModelledInputs(**{name: files.get(name) for name in ("bars", "slope_history", "slope_base", "yields")})
    day = date(2024, 3, 20)
    chain = open_chain(ChainRequest(source="modelled", as_of=day, history=history, modelled=inputs))
    request = SpanRequest(modelled=ModelledFiles(**files), tenor_days=tenor_days, lookback=40)
    (trial,) = ModelledSource().over_days(request)
    screened, tested = (ranked.rank(before=day, lookback=40) for ranked in (chain.history, trial.history))
    assert screened.rank == pytest.approx(tested.rank, abs=1e-6)
    assert screened.observations == tested.observations == 40


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"bars": None}, refused("bars", None)),
        ({"iv_history": None}, refused("iv_history", None, "`bars` IWM.csv `iv_history`")),
        ({"slope_base": None}, refused("slope_base", None)),
        ({"slope_history": "iv_history"}, refused("slope_history", ANY, "RVX over VIX")),
        ({"yields": "bars"}, refused_data("IWM.csv", "yield", "row 2", "279.73")),
    ],
)
def test_what_files_lack(files, changes, refusal):
    named = {name: files.get(value, value) if value else None for name, value in changes.items()}
    with refusal:
        modelled_to_day(ModelledFiles(**files | named), None, None)


def test_yields_of_after_the_bars_are_named(files, tmp_path):
    (tmp_path / "late.csv").write_text("date,US3M\n2039-01-03,3.7\n")
    with refused_data("late.csv", "date", "2039-01-03"):
        modelled_to_day(ModelledFiles(**files | {"yields": str(tmp_path / "late.csv")}), None, None)


def test_another_symbol(files):
    with refused("symbol", "SPY", "IWM"):
        open_modelled(ModelledFiles(**files), "SPY")


def real(market_data):
    names = {
        "bars": "daily/IWM_yahoo_long.csv.gz", "iv_history": "vol/RVX_History.csv.gz",
        "slope_history": "vol/VIX9D_History.csv.gz", "slope_base": "vol/VIX_History.csv.gz",
        "yields": "rates/us_treasury_yields_daily.csv.gz", "dividends": "daily/IWM_dividends.csv",
    }  # fmt: skip
    return ModelledFiles(**{name: str(market_data / file) for name, file in names.items()})


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2010, 5, 3), date(2010, 6, 30)),  # the flash crash, and the first weeklies
        (date(2017, 10, 2), date(2018, 2, 28)),  # the calmest months, and the shock that ended them
        (date(2020, 2, 18), date(2020, 4, 30)),
        (date(2022, 5, 2), date(2022, 7, 29)),
        (date(2025, 3, 3), date(2025, 6, 4)),
    ],
)
def test_rvx_comes_back_within_a_twentieth_of_a_point(market_data, first, last):
    market = open_modelled(real(market_data), first=first, last=last)
    assert not market.gaps
    wanted = market.volatility.closes.loc[pd.DatetimeIndex(market.days)].to_numpy()
    assert np.abs(market.miss).max() < 0.05 * POINT
    # Calendar less effective is 0.8% on average, monthly terms some more; months between two third Fridays vary.
    assert np.log(wanted / market.iv_history(30).closes).mean() == pytest.approx(0.0125, abs=0.02)
    table = market.table(most_dte=400)
    for place in range(len(market.days)):  # no arbitrage in time, however steeply the short index stands above
        assert (np.diff(table.theta[table.rows(place)]) > 0.0).all()


@pytest.mark.market_data
def test_real_days_without_quotes_are_told(market_data):
    market = open_modelled(real(market_data), first=date(2018, 4, 2), last=date(2018, 5, 31))
    assert market.gaps == {date(2018, 5, 1): "no value of RVX"}
    files = real(market_data)
    market = open_modelled(files, first=date(2009, 10, 12), last=date(2009, 10, 30))
    assert not market.gaps  # RVX was computed from third Fridays, extrapolated around their rolls


@pytest.mark.market_data
def test_the_gate_opens_alike_on_every_weekday(market_data):
    # Matched to effective-clock IV30 and IV9 it opened after 45% of Mondays and 53% of Fridays, at lookback 10 after
    # 26% and 50%.
    history = open_modelled(real(market_data)).iv_history(10)
    for lookback in (252, 10):
        ranks = gate_ranks(history, lookback).dropna()
        shares = (ranks < 20.0).groupby(pd.DatetimeIndex(ranks.index).day_of_week).mean()
        assert shares.max() - shares.min() < 0.03, shares


def test_an_own_index_needs_expirations_around_its_tenor():
    bars = simulate_market(date(2009, 9, 1), date(2009, 10, 30), seed=3).bars()
    level = IvHistory("IV30", 30, pd.Series(0.25, index=bars.index), False, "made")
    market = modelled(bars, level, first=date(2009, 10, 12), last=date(2009, 10, 30))
    assert set(market.gaps) == {date(2009, 10, day) for day in (15, 16, 19, 20, 21)}
    assert set(market.gaps.values()) == {"no expirations around 30 days are listed to compute an index from"}


@pytest.mark.market_data
def test_without_a_slope_spreads_never_widen_and_the_notes_say_so(market_data):
    days = {"first": date(2020, 2, 18), "last": date(2020, 4, 30)}
    files = real(market_data)
    given, fixed = (open_modelled(one, **days) for one in (files, replace(files, slope_history=None, slope_base=None)))
    assert given.table(most_dte=30).widening.max() > 3.0
    assert fixed.table(most_dte=30).widening.max() <= 1.44  # no stress: the factor of weekdays at 10 days
    assert shows(fixed.notes[0], "give `slope_history`")
    assert "never widen" not in given.notes[0]
