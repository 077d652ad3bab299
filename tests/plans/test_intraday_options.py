"""The momentum edge in options against a slow loop in plain Python, priced by vollib: the same trades, to the cent.

The loop shares the model's surface at the close before with the code under test, and nothing of what carries it to the
minute, quotes, fills, charges and closes.
"""

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from vollib.black_scholes_merton import black_scholes_merton

from iwm_opts.backtest.metrics import Period
from iwm_opts.backtest.rules import SizeRule
from iwm_opts.conventions import Provenance
from iwm_opts.io.bars import load_bars
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.market.calendar import is_session, session_hours
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.minutes import Minutes
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.edges import Momentum
from iwm_opts.plans.instruments import compare_instruments
from iwm_opts.plans.intraday_options import trade_momentum_packages
from iwm_opts.plans.plan import make_usual_plan
from iwm_opts.plans.plan_backtest import Stage, engine_rules
from iwm_opts.plans.plan_evidence import plan_evidence
from iwm_opts.plans.runner import backtest_plan
from iwm_opts.report.plan_backtest import average_minutes
from iwm_opts.simulation.dynamics import variance_curve
from iwm_opts.simulation.listing import listed_expirations
from iwm_opts.simulation.surface import surface_of
from iwm_opts.simulation.surface_table import spread_widening
from iwm_opts.sources.modelled import Slope, modelled_market
from iwm_opts.sources.modelled_files import open_modelled
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.source import ModelledFiles
from iwm_opts.sources.surface_days import SurfaceDays
from tests.refusals import refused, shows

EDGE = Momentum(gap=0.001, volume_sessions=5)
OPEN = {"macro": {"enabled": False}, "checklist": {"minimum": 1, "criteria": ("quiet", "market-trend", "calm")}}
KINDS = ("long-call", "bull-call", "bull-put")
# Dollars a contract at tastytrade, typed from its schedule: commission to open, then clearing and regulatory fees.
COMMISSION, FLAT, SOLD, SEC = 1.00, 0.10 + 0.0145, 0.00329, 20.60e-6


# --- the loop ---------------------------------------------------------------------------------------------------------


HALF_HOURS = (0.158, 0.094, 0.105, 0.109, 0.047, 0.050, 0.061, 0.044, 0.035, 0.052, 0.047, 0.045, 0.153)


def left_today(at):
    """Variance of a whole session that is left at a minute after 9:30, when 28% have passed overnight."""
    place, into = divmod(60 * at.hour + at.minute - 570, 30)
    passed = sum(HALF_HOURS[:place]) + (HALF_HOURS[place] * into / 30 if into else 0)
    return 0.72 * (1 - passed)


class Model:
    """Quotes at a minute, from the close before."""

    def __init__(self, market, day, smile):
        self.market, self.day, self.smile = market, day, smile
        self.before = max(one for one in market.days if one < day)
        self.place = market.days.index(self.before)
        # Widening of the close before: given, it is none of what is tested here.
        factors = market.moments(self.place, self.place + 1).factors
        self.stress = float(spread_widening(market.parameters, factors)[0])
        self.at_minute = cache(self.at_minute)

    def ladder(self, dte, slack):
        listed = [one for one in listed_expirations(self.before) if one.expiration > self.day]
        one = min(listed, key=lambda x: (abs((x.expiration - self.day).days - dte), x.expiration))
        assert abs((one.expiration - self.day).days - dte) <= slack
        return one.expiration, self.market.strikes(self.place, one)

    def at_minute(self, at, spot, expiration):
        """Years, at-the-money variance, rho, phi and twice the convexity of the smile, prepaid forward, rate."""
        market, params = self.market, self.market.parameters
        end = session_hours(expiration)[1]
        # Wall clock and elapsed time differ when clocks change before the expiration.
        years = (end.timestamp() - at.timestamp()) / 86_400 / 365
        # Each day's weight runs from 16:00 to 16:00: 1 for a session, 0.3 for another day.
        effective, one = (16.0 - at.hour - at.minute / 60) / 24, self.day
        while one < expiration:
            one += timedelta(days=1)
            effective += 1.0 if is_session(one) else 0.3
        # Today's part by what is left of the session's half-hours; a half day ends with 21 of its 24 hours.
        effective += left_today(at) - (16.0 - at.hour - at.minute / 60) / 24 - (16 - end.hour) / 24
        state = market.states.at(self.place)
        theta = float(surface_of(params, state, np.array([effective])).theta[0])
        due = [d for d in market.dividends.dividends if self.before < d.ex_date <= self.day]
        if self.smile == "spot-vol":
            move = math.log((spot + sum(d.amount for d in due)) / market.closes[self.place])
            theta *= math.exp(2 * -3.0 * (30 / max(365 * years, 1.0)) ** 0.28 * move)
        smile = params.smile
        short, level = (
            math.sqrt(variance_curve(params.dynamics, params.premium, np.array([days / 365])).at(state)[0])
            for days in (10, 30)
        )
        shape = math.log(level / 0.20), math.log(short / level)
        skew = smile.skew + smile.skew_level * shape[0] + smile.skew_slope * shape[1] + state.skew
        eta = smile.log_eta + smile.eta_level * shape[0] + smile.eta_slope * shape[1] + smile.eta_skew * state.skew
        rho = -math.tanh(skew + smile.tilt * math.log(theta / 0.005))
        phi = min(math.exp(eta), 2.0) / (theta**smile.gamma * (1 + theta) ** (1 - smile.gamma))
        phi = min(phi, math.sqrt(2 / theta))
        wings = 2 * min(smile.convexity, 0.09 * math.exp(min(2 - abs(skew) - 12 * abs(smile.tilt), 0)))
        rate = float(market.rates[self.place])
        present = sum(
            d.amount * math.exp(-rate * (d.ex_date - self.day).days / 365)
            for d in market.dividends.dividends
            if self.day < d.ex_date <= expiration
        )
        return years, theta, rho, phi, wings, spot - present, rate

    def quote(self, at, spot, expiration, sign, strike):
        """Bid, ask and |delta|."""
        years, theta, rho, phi, wings, prepaid, rate = self.at_minute(at, spot, expiration)
        k = math.log(strike / (prepaid * math.exp(rate * years)))
        w = theta / 2 * (1 + rho * phi * k + math.sqrt((phi * k + rho) ** 2 + 1 - rho**2))
        w += wings * k**2 / (1 + math.sqrt(1 + k**2 * (1 + theta) / (9 * theta)))
        vol = math.sqrt(w / years)

        def price(flag):
            return black_scholes_merton(flag, prepaid, strike, years, rate, vol, 0.0)

        fair = max(price("c" if sign > 0 else "p"), sign * (spot - strike))
        premium = price("p" if k < 0 else "c")
        d1 = -k / math.sqrt(w) + math.sqrt(w) / 2
        delta = 0.5 * math.erfc(-sign * d1 / math.sqrt(2))  # of the forward
        days = (expiration - self.day).days
        half = 0.5 * self.spread(premium, max(2 * delta - 1, 0.0), sign > 0, days)
        spreads = self.market.parameters.spread
        by_days = spreads.friday if expiration.isoweekday() == 5 else spreads.other
        half *= np.interp(math.log(max(days, 1)), np.log([4, 10, 17, 35]), by_days)
        half *= self.stress * (1.6 if at < session_hours(self.day)[0] + timedelta(hours=1) else 1)
        bid = max(math.floor((fair - half) * 100 + 1e-9), 0) / 100
        ask = max(math.ceil((fair + half) * 100 - 1e-9), 1) / 100
        return bid, ask, delta * prepaid / spot

    def spread(self, premium, depth, is_call, days):
        c = self.market.parameters.spread.coefficients
        lp, lt = math.log(premium + 0.05), math.log(min(days, 730) + 1)
        far, it = max(lt - math.log(100), 0), math.sqrt(depth)
        value = c[0] + c[1] * lp + c[2] * lt + c[3] * lp * lt + c[4] * lp**2 + c[5] * lt**2 + c[6] * far
        value += c[7] * far**2 + c[14] * is_call
        value += it * (c[8] + c[9] * it + c[10] * lt + c[11] * lt**2 + c[12] * it * lt + c[13] * far)
        return min(math.exp(value), 6.0)


def legs_of(kind, model, at, spot, expiration, ladder, delta, width):
    """(sign, right, strike) of each leg, ascending in strike; None where one is not listed."""
    right = -1 if kind == "bull-put" else 1
    near = min(ladder, key=lambda k: abs(model.quote(at, spot, expiration, right, k)[2] - delta))
    if kind == "long-call":
        return [(1, 1, near)]
    other = near + (width if kind == "bull-call" else -width)
    wing = min(ladder, key=lambda k: abs(k - other))
    if abs(wing - other) > 0.1 * width:
        return None
    return [(1, right, min(near, wing)), (-1, right, max(near, wing))]


def package(model, at, spot, expiration, legs, way, share):
    """Mid and fill, as credits, and premium sold, of opening (+1) or closing (-1)."""
    mid = wide = sold = 0.0
    for sign, right, strike in legs:
        bid, ask, _ = model.quote(at, spot, expiration, right, strike)
        mid -= way * sign * (bid + ask) / 2
        wide += (ask - bid) / 2
        sold += (bid + ask) / 2 if way * sign < 0 else 0.0
    offset = min(max(share * wide, 0.01), max(share, 1.0) * wide)
    return mid, math.floor((mid - offset) * 100 + 1e-6) / 100, sold


def charged(legs, units, way, sold):
    paid = 0.0
    for sign, _, _ in legs:
        paid += (min(COMMISSION * units, 10.0) if way > 0 else 0.0) + FLAT * units
        paid += SOLD * units if way * sign < 0 else 0.0
    return paid + 100 * units * sold * SEC


def loop(market, minutes, day, rules, kind, account, smile):
    """One session's trade as (entry, exit, reason, legs, contracts, credit, debit, pnl), or None."""
    model, dated = Model(market, day, smile), minutes.bars.loc[str(day)]
    held = dated[dated["minute"] >= 15]
    expiration, ladder = model.ladder(rules.entry.dte, rules.entry.dte_slack)

    def moment(i):
        return datetime.fromisoformat(str(held.index[i])).replace(tzinfo=session_hours(day)[0].tzinfo)

    spot = held["open"].tolist()
    legs = legs_of(kind, model, moment(0), spot[0], expiration, ladder, rules.entry.call_delta, 5.0)
    if legs is None:
        return None
    mid, credit, sold = package(model, moment(0), spot[0], expiration, legs, 1, 0.5)
    if kind == "bull-put" and credit <= 0:
        return None
    widest = legs[-1][2] - legs[0][2] if kind == "bull-put" else 0.0
    # An exercise costs $5 a leg: of a bull put both are, of calls bought what is left is worth more.
    worst = 100 * (widest - credit) + charged(legs, 1, 1, sold) + (10.0 if kind == "bull-put" else 0.0)
    units = int(0.01 * account / worst + 1e-9)
    if not units:
        return None
    for i in range(1, len(held)):
        at_mid, out, back = package(model, moment(i), spot[i], expiration, legs, -1, 0.5)
        out, why = max(out, -widest), None
        if -out >= credit + rules.exit.stop * abs(credit) - 1e-9:
            why, out = "stop", max(package(model, moment(i), spot[i], expiration, legs, -1, 1.0)[1], -widest)
        elif held["minute"].iloc[i] >= 45:
            why = "time"
        elif -out <= credit - rules.exit.profit * abs(credit) + 1e-9:
            why = "profit"
        if why:
            fees = charged(legs, units, 1, sold) + charged(legs, units, -1, back)
            gained = 100 * units * (credit + out) - fees
            cascade = 100 * units * (mid + at_mid)
            return held.index[0], held.index[i], why, legs, units, credit, -out, gained, units * worst, cascade
    raise AssertionError("the data end before minute 45")


def typed(sign, right, strike):
    return f"{sign:+d}{'C' if right > 0 else 'P'}{strike:g}"


def agrees(market, bars, minutes, history, rules, kind, smile, every_session=True, edge=EDGE):
    found = trade_momentum_packages(
        bars, minutes, edge, market, history, rules, smile=smile, every_session=every_session
    ).trades
    wanted, account = [], rules.size.account
    days = sorted({moment.date() for moment in minutes.bars.index})
    if not every_session:
        says = edge.readings(bars, minutes.bars)["signal"].fillna(False)
        days = [stamp.date() for stamp in says.index[says.to_numpy(dtype=bool)]]
    for day in days:
        if day <= market.days[0]:
            continue
        one = loop(market, minutes, day, rules, kind, account, smile)
        if one:
            wanted.append(one)
            account += one[7]
    assert found["entry"].tolist() == [one[0] for one in wanted]
    assert found["exit"].tolist() == [one[1] for one in wanted]
    assert found["reason"].tolist() == [one[2] for one in wanted]
    told = [
        " ".join(f"{sign:+d}{'C' if right > 0 else 'P'}{strike:g}" for sign, right, strike in one[3]) for one in wanted
    ]
    assert found["legs"].tolist() == told
    assert found["contracts"].tolist() == [one[4] for one in wanted]
    for place, name in ((5, "credit"), (6, "debit"), (7, "pnl"), (8, "risk"), (9, "mid_pnl")):
        assert found[name].to_numpy() == pytest.approx(np.array([one[place] for one in wanted]), abs=0.004), name
    return found


# --- against it -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def market():
    return simulate_market(date(2024, 2, 1), date(2024, 3, 28), seed=7)


@pytest.fixture(scope="module")
def stage(market):
    funds = {symbol: market.bars(symbol) for symbol in market.parameters.companions}
    inputs = Inputs(market.bars(), funds, market.iv_history(), market.minutes())
    return Stage(Period("all", market.days[0], market.days[-1]), inputs, SurfaceDays(market, market.days[0]))


def rules_of(kind, **exits):
    instrument = "options" if kind == "long-call" else "vertical"
    rules = engine_rules(make_usual_plan("momentum", instrument=instrument), kind)
    return replace(rules, exit=replace(rules.exit, **exits))


@pytest.mark.parametrize("smile", ["spot-vol", "sticky-moneyness"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_trades_as_the_plain_loop(kind, smile, market, stage):
    data = stage.data
    rules = rules_of(kind, profit=0.1, stop=0.1)
    found = agrees(market, data.bars, data.minutes, data.history, rules, kind, smile)
    assert {"stop", "profit", "time"} <= set(found["reason"])
    assert len(found) > 25


@pytest.mark.market_data
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_trades_on_real_minutes(kind, market_data):
    bars = load_bars(market_data / "daily" / "IWM_yahoo_adj_div.csv.gz")
    minutes = load_minutes(market_data / "intraday" / "IWM_1m_20191021_20200608.csv.gz")
    vols = market_data / "vol" / "RVX_History.csv.gz"
    files = ModelledFiles(str(market_data / "daily" / "IWM_yahoo_adj_div.csv.gz"), str(vols))
    behind = open_modelled(files, first=date(2019, 11, 1), last=date(2020, 6, 8))
    rules = rules_of(kind)
    history = load_iv_history(vols, "IWM")
    found = agrees(behind, bars, minutes, history, rules, kind, "spot-vol", every_session=False, edge=Momentum())
    assert len(found) >= 15


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_session_s_close_or_later_is_read(kind, market, stage):
    """Half of the days are replaced by those of another world; trades entered before the break see none of it."""
    data, cut = stage.data, 25
    other = simulate_market(date(2024, 2, 1), date(2024, 3, 28), seed=6)
    breaks = pd.Timestamp(market.days[cut])
    parts = (market.states, slice(cut)), (other.states, slice(cut, None))
    states = [
        np.concatenate([getattr(one, name)[part] for one, part in parts]) for name in market.states.__dataclass_fields__
    ]
    spliced = replace(
        market,
        states=type(market.states)(*states),
        closes=np.concatenate([market.closes[:cut], other.closes[cut:]]),
        rates=np.concatenate([market.rates[:cut], other.rates[cut:] + 0.03]),
    )
    bars = pd.concat([data.bars[:cut], other.bars()[cut:]])
    late = data.minutes.bars.index >= breaks + pd.Timedelta(hours=10, minutes=30)  # on the day itself, after minute 45
    minutes = data.minutes.bars.copy()
    minutes.loc[late, ["open", "high", "low", "close"]] *= 1.07
    rules = rules_of(kind)
    here = trade_momentum_packages(bars, data.minutes, EDGE, market, data.history, rules, every_session=True).trades
    there = trade_momentum_packages(
        bars, Minutes(minutes, ()), EDGE, spliced, data.history.before(breaks.date()), rules, every_session=True
    ).trades
    until = breaks + pd.Timedelta(days=1)
    told = there[there["entry"] < until].drop(columns="rank")
    assert told["entry"].max() >= breaks  # the day of the break itself is among them
    pd.testing.assert_frame_equal(here[here["entry"] < until].drop(columns="rank"), told)
    assert not here["credit"].equals(there["credit"])


@pytest.mark.parametrize("kind", KINDS)
def test_cash_is_conserved(kind, market, stage):
    data = stage.data
    found = trade_momentum_packages(
        data.bars, data.minutes, EDGE, market, data.history, rules_of(kind), every_session=True
    )
    trades, equity = found.trades, found.equity["equity"]
    assert equity.iloc[-1] == pytest.approx(50_000.0 + trades["pnl"].sum())
    cascade = trades["mid_pnl"] - trades["entry_slippage"] - trades["exit_slippage"] - trades["fees"]
    assert cascade.to_numpy() == pytest.approx(trades["pnl"].to_numpy())
    assert (trades["pnl"] >= -trades["risk"] - 100.0).all()
    assert (trades["entry"].dt.normalize() == trades["exit"].dt.normalize()).all()  # flat at the end of the day
    assert (trades["risk"] <= 0.01 * equity.max() + 1e-6).all()
    assert found.rules.size == SizeRule()


def test_where_trading_stops_the_last_close_ends_it(market, stage):
    data = stage.data
    day = market.days[20]
    bars = data.minutes.bars
    stopped = bars[
        (bars.index < pd.Timestamp(day))
        | (bars["minute"] < 30)
        | (bars.index > pd.Timestamp(day) + pd.Timedelta(days=1))
    ]
    rules = rules_of("long-call", profit=None, stop=None)
    found = trade_momentum_packages(
        data.bars, Minutes(stopped, ()), EDGE, market, data.history, rules, every_session=True
    )
    one = found.trades[found.trades["entry"].dt.date == day].iloc[0]
    assert one["exit"] == pd.Timestamp(day) + pd.Timedelta(hours=10)
    assert (one["reason"], one["spot_exit"]) == ("time", bars.loc[one["exit"] - pd.Timedelta(minutes=5), "close"])


def test_a_plan_in_options_says_what_its_quotes_are(stage):
    plan = make_usual_plan("momentum", instrument="vertical", **OPEN, momentum={"gap": 0.001, "volume_sessions": 5})
    result = backtest_plan(plan, [], [stage])
    told = " ".join(result.notes)
    assert result.market == "simulated market, seed 7, 5-minute bars of IWM (simulated market, seed 7)"
    assert result.provenance is Provenance.SIMULATED
    assert shows(told, "PROXY", "modelled")
    assert shows(told, "-3.0% for each 1% of", "at 30 days, -4.5% at 7")
    one = result.ranges[0]
    assert one.metrics.trades == len(one.trades) > 1
    assert one.counts["signals"] > one.counts["entries allowed"] >= len(one.trades)
    every = backtest_plan(plan, [], [stage], signals_only=True).ranges[0]
    assert every.counts["signals"] == one.counts["signals"] >= len(every.trades) > len(one.trades)
    gain = f"{(one.trades['pnl'] / one.trades['risk']).mean():+.1%}"
    assert shows(told, f"moves: {gain}", "vertical")


def test_evidence_of_a_plan_in_options(stage):
    plan = make_usual_plan("momentum", instrument="options", **OPEN, momentum={"gap": 0.001, "volume_sessions": 5})
    found = {one.name: one for one in plan_evidence(plan, stage).rungs}
    assert found["any session"].trades > found["edge"].trades >= found["whole plan"].trades > 0
    assert any("PROXY" in note for note in plan_evidence(plan, stage).notes)


def test_what_is_missing_is_asked_for(stage):
    plan = make_usual_plan("momentum", instrument="options", **OPEN)
    with refused("source", None, "`source` modelled, or sim"):
        backtest_plan(plan, [], [replace(stage, market=None)])
    with refused("iv_history", None, "`iv_history` FILE"):
        backtest_plan(plan, [], [replace(stage, data=replace(stage.data, history=None))])
    with refused("minutes", None, "`minutes` FILE"):
        backtest_plan(plan, [], [replace(stage, data=replace(stage.data, minutes=None))])


def test_no_surface_of_the_close_before_is_no_trade(market, stage):
    data = stage.data
    whole = trade_momentum_packages(
        data.bars, data.minutes, EDGE, market, data.history, rules_of("long-call"), every_session=True
    )
    assert whole.skipped["the market has no surface of the close before"] == 1  # the first day


@pytest.mark.market_data
def test_on_real_data_nothing_after_the_close_before_is_known(market_data):
    """Bars, index and days that end with the session before give the same trade as the whole history."""
    bars = load_bars(market_data / "daily" / "IWM_yahoo_adj_div.csv.gz")
    minutes = load_minutes(market_data / "intraday" / "IWM_1m_20191021_20200608.csv.gz")
    history = load_iv_history(market_data / "vol" / "RVX_History.csv.gz", "IWM")
    slope, paid = Slope(pd.Series(dtype=float, index=pd.DatetimeIndex([])), 0.95, "fixed"), DividendSchedule((), "none")
    first, rules = date(2020, 2, 24), rules_of("bull-put")
    whole = modelled_market(bars, history, slope, 0.015, paid, first, date(2020, 5, 29))
    for day in (date(2020, 3, 10), date(2020, 4, 6), date(2020, 4, 17)):
        stamp = pd.Timestamp(day)
        until = modelled_market(bars[bars.index < stamp], history.before(day), slope, 0.015, paid, first)
        assert until.days[-1] < day
        today = Minutes(minutes.bars[minutes.bars.index.normalize() == stamp], ())
        here, there = (
            trade_momentum_packages(bars, today, Momentum(), one, known, rules, every_session=True).trades
            for one, known in ((whole, history), (until, history.before(day)))
        )
        assert len(here) == 1
        pd.testing.assert_frame_equal(here, there)


def test_the_edge_in_every_instrument(stage):
    plan = make_usual_plan("momentum", **OPEN, momentum={"gap": 0.001, "volume_sessions": 5})
    found = compare_instruments(plan, stage)
    assert [one.instrument for one in found] == 2 * ["shares", "options", "vertical"]
    for one in found:
        trades = one.result.trades
        assert len(trades) == one.result.metrics.trades > 0
        assert one.on_risk.estimate == pytest.approx((trades["pnl"] / trades["risk"]).mean())
        assert average_minutes(one.result) == pytest.approx(30.0)
        assert one.market.endswith("5-minute bars of IWM (simulated market, seed 7)")
    signals = {one.instrument: set(one.result.trades["entry"]) for one in found[3:]}
    says = plan.rule.readings(stage.data.bars, stage.data.minutes.bars)["signal"].fillna(False)
    days = set(says.index[says.to_numpy(dtype=bool)])
    for name, entries in signals.items():
        assert {entry.normalize() for entry in entries} <= days, name
    assert len(days) - len(signals["shares"]) <= 3  # the ATR of the first sessions is unknown


def test_packages_within_the_session_have_the_bands_of_markets_made_with_other_spreads(stage, monkeypatch):
    plan = make_usual_plan("momentum", instrument="vertical", **OPEN, momentum={"gap": 0.001, "volume_sessions": 5})
    monkeypatch.setattr(SurfaceDays, "provenance", Provenance.MODELLED)
    (found,) = backtest_plan(plan, [], [stage]).ranges
    spread = stage.market.market.parameters.spread
    gains = []
    for factor in (0.7, 1.0, 1.4):
        coefficients = (spread.coefficients[0] + math.log(factor), *spread.coefficients[1:])
        parameters = replace(stage.market.market.parameters, spread=replace(spread, coefficients=coefficients))
        (result,) = backtest_plan(plan, [], [replace(stage, market=stage.market.under(parameters))]).ranges
        gains.append((result.trades["pnl"] / result.trades["contracts"]).mean())
    smile, spreads = found.uncertainty.bands
    assert (spreads.low, spreads.high) == pytest.approx((min(gains), max(gains)))
    estimate = (found.trades["pnl"] / found.trades["contracts"]).mean()
    assert found.uncertainty.per_trade.estimate == pytest.approx(estimate)
    assert (smile.low + smile.high) / 2.0 == pytest.approx(estimate)
