"""Forecasts followed by later chains, and their reliability; outcomes by hand."""

import json
import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from iwm_opts.conventions import Provenance
from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.files import load_chain
from iwm_opts.journal.forecasts import Forecast, Stated, advanced, open_forecasts, with_bars
from iwm_opts.journal.inference import wilson
from iwm_opts.journal.paper_trade import Exits, Leg, PaperTrade
from iwm_opts.journal.reliability import Outcome, reliabilities, reliability
from iwm_opts.market.snapshot import take_snapshot
from tests.refusals import refused_data

CONDOR = (Leg(1, "P", 180.0), Leg(-1, "P", 185.0), Leg(-1, "C", 215.0), Leg(1, "C", 220.0))
STATED = Stated(pop=0.7, pop_real_world=0.75, prob_touch=0.5, prob_target=0.6, expected_profit=4.0)


def made(opened="2026-02-27 16:00:00", origin="snapshot", **other):
    fields = {
        "number": 0, "plan": "", "market": "file", "symbol": "IWM", "expiration": "2026-04-17", "legs": CONDOR,
        "contracts": 1, "planned_contracts": 1, "opened": opened, "credit": 1.20, "mid": 1.25, "model": 1.20,
        "fill": "mid", "fees_schedule": "custom:0.50", "fees": 2.0, "risk": 382.0, "planned_risk": 382.0, "rank": None,
        "exits": Exits(profit=0.5, stop=2.0, dte=21), "checklist": {},
    }  # fmt: skip
    return Forecast(origin, PaperTrade(**{**fields, **other}), STATED)


def quotes_on(day, spot, debit, half):
    """Quotes on which the condor costs `debit` at mid, and each of its legs has a half-spread."""
    # Time value A exp(-|strike - spot| / 10): the condor at spot 200 costs 2 A (exp(-1.5) - exp(-2)).
    scale, rows = debit / (2.0 * (math.exp(-1.5) - math.exp(-2.0))), []
    for right, sign in (("C", 1.0), ("P", -1.0)):
        for strike in np.arange(150.0, 251.0):
            mid = max(sign * (spot - strike), 0.0) + scale * math.exp(-abs(strike - spot) / 10.0)
            rows.append({"right": right, "strike": strike, "bid": mid - half, "ask": mid + half})
    return pd.DataFrame(rows).assign(
        quote_date=day, underlying_symbol="IWM", underlying_price=spot, expiration=date(2026, 4, 17), root="IWM",
        open_interest=100.0,
    )  # fmt: skip


@pytest.fixture
def on(tmp_path):
    """Advance a forecast by the chain of a day."""

    def step(forecast, day, spot, debit, half=0.01, at="16:00:00"):
        quotes = quotes_on(day, spot, debit, half)
        quotes["quote_time"] = pd.Timestamp(f"{day} {at}", tz="America/New_York")
        file = tmp_path / f"{day}.csv"
        quotes.to_csv(file, index=False)
        return advanced(forecast, take_snapshot(load_chain(file, symbol="IWM"), rate=0.0))

    return step


def test_the_profit_target_ends_the_package_at_its_fill(on):
    forecast = on(made(), "2026-03-02", 200.0, 0.90)
    assert (forecast.exit, forecast.gain, forecast.reached_target) == (None, None, None)
    forecast = on(forecast, "2026-03-03", 200.0, 0.60)
    # 100 x (1.20 - 0.60) less $2 to open and $2 to close.
    assert (forecast.reached_target, forecast.exit.day) == (True, "2026-03-03")
    assert forecast.gain == pytest.approx(56.0)
    later = on(forecast, "2026-03-04", 216.0, 3.9)
    assert later.gain == pytest.approx(56.0)  # ended the day before
    assert (later.high, later.low, later.is_touched) == (216.0, 200.0, None)  # unknown before the expiration


def test_a_stop_fills_at_natural(on):
    forecast = on(made(credit=0.40, model=0.40), "2026-03-02", 200.0, 1.25, half=0.02)
    # 0.40 + 2 x 0.40 = 1.20 is reached at mid; natural costs four half-spreads more.
    assert forecast.exit.rule == "stop"
    assert forecast.gain == pytest.approx(100.0 * (0.40 - 1.25 - 4 * 0.02) - 4.0)
    assert forecast.reached_target is False


def test_the_last_capture_of_a_day_decides(on):
    forecast = on(made(), "2026-03-02", 200.0, 0.55, at="11:00:00")
    assert forecast.reached_target is True
    forecast = on(forecast, "2026-03-02", 200.0, 0.80)
    assert forecast.reached_target is None


def test_neither_its_own_day_nor_the_time_after_expiration_counts(on):
    assert on(made(), "2026-02-27", 150.0, 0.10) == made()
    forecast = with_bars(made(), bars({"2026-04-17": (199.0, 201.0, 200.0)}))
    assert on(forecast, "2026-04-20", 150.0, 0.10) == forecast


def bars(rows):
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["low", "high", "close"])
    return frame.set_axis(pd.DatetimeIndex(frame.index))


@pytest.mark.parametrize(
    ("low", "high", "close", "touched", "in_profit"),
    [
        (186.0, 214.0, 200.0, False, True),
        (185.0, 214.0, 200.0, True, True),  # touched, and back
        (190.0, 217.0, 216.17, True, True),  # 100 x (1.20 - 1.17) = $3 less $2 to open
        (190.0, 217.0, 216.19, True, False),  # $1 less $2
    ],
)
def test_the_expiration_decides_touch_and_profit(low, high, close, touched, in_profit):
    outside = {"2026-02-27": (100.0, 300.0, 200.0), "2026-04-20": (100.0, 300.0, 200.0)}
    rows = outside | {"2026-03-20": (low, high, 200.0), "2026-04-17": (close, close, close)}
    forecast = with_bars(made(exits=Exits()), bars(dict(sorted(rows.items()))))
    assert (forecast.is_touched, forecast.is_profit_at_expiry) == (touched, in_profit)
    assert forecast.exit.rule == "expiry"
    assert forecast.gain == pytest.approx(100.0 * (1.20 - max(close - 215.0, 0.0)) - 2.0)


def test_a_package_without_marks_before_its_expiration_has_no_exit(on):
    settled = {"2026-04-17": (199.0, 201.0, 200.0)}
    forecast = with_bars(on(made(), "2026-03-02", 200.0, 0.90), bars(settled))
    # Closed at 21 days by its rules, on 2026-03-27, which no chain shows.
    assert (forecast.exit, forecast.gain, forecast.reached_target) == (None, None, None)
    assert (forecast.is_profit_at_expiry, forecast.is_touched) == (True, False)
    held = made(exits=Exits(stop=2.0))
    forecast = with_bars(on(held, "2026-04-16", 200.0, 0.90), bars(settled))
    assert forecast.exit.rule == "expiry"
    assert forecast.gain == pytest.approx(118.0)


def test_bars_that_end_before_the_expiration_decide_nothing():
    assert with_bars(made(), bars({"2026-03-20": (100.0, 300.0, 200.0)})) == made()


def test_the_log_keeps_one_screen_a_day_and_every_trade(tmp_path, on):
    log = open_forecasts(ChainArchive(tmp_path / "archive"))
    log.add(made("2026-02-27 11:00:00"))
    log.add(made("2026-02-27 16:00:00"))
    log.add(made("2026-02-27 14:00:00"))  # an earlier capture, recorded late
    log.add(made("2026-02-26 16:00:00", "paper"))
    log.add(made("2026-02-26 16:10:00", "paper"))  # opened already
    assert [each.trade.opened for each in log.forecasts()] == ["2026-02-26 16:00:00", "2026-02-27 16:00:00"]
    step = on(made("2026-02-26 16:00:00", "paper"), "2026-03-02", 200.0, 0.55)
    log.add(replace(step, origin="snapshot"))
    assert log.forecasts()[1] == replace(step, origin="snapshot")  # as written


def test_a_damaged_log_is_left_alone(tmp_path):
    log = open_forecasts(ChainArchive(tmp_path))
    log.path.parent.mkdir()
    log.path.write_text('{"version": 1, "forecasts": [{}]}')
    with refused_data("forecasts.json", "forecasts.0.origin"):
        log.add(made())
    assert log.path.read_text() == '{"version": 1, "forecasts": [{}]}'


def test_a_log_without_provenance_keeps_its_meaning(tmp_path):
    log = open_forecasts(ChainArchive(tmp_path))
    log.add(made())
    log.add(made("2026-02-26 16:00:00", market="SIMULATED market, seed 22"))
    document = json.loads(log.path.read_text()) | {"version": 1}
    for row in document["forecasts"]:
        del row["trade"]["provenance"]
    log.path.write_text(json.dumps(document))
    kinds = [Provenance.SIMULATED, Provenance.RECORDED]
    assert [item.trade.provenance for item in log.forecasts()] == kinds
    log.add(made("2026-02-25 16:00:00"))
    after = json.loads(log.path.read_text())
    assert after["version"] == 2
    assert [row["trade"].pop("provenance") for row in after["forecasts"][1:]] == kinds
    assert after["forecasts"][1:] == document["forecasts"]


@pytest.mark.parametrize(("count", "n"), [(0, 1), (3, 10), (10, 10), (81, 263)])
def test_wilson_against_scipy(count, n):
    reference = binomtest(count, n).proportion_ci(0.95, method="wilson")
    assert wilson(count, n) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_bins_and_brier_by_hand():
    day = date(2026, 3, 2)
    outcomes = [Outcome(day, 0.62, 1.0, 5), Outcome(day, 0.68, 0.0, 5), Outcome(day, 1.0, 1.0, 5)]
    result = reliability("pop", outcomes, made=5)
    assert result.brier.estimate == pytest.approx((0.38**2 + 0.68**2) / 3)
    assert result.brier_base == pytest.approx(2 / 9)
    assert (result.n, result.days, result.pending) == (3, 1, 2)
    assert [(each.low, each.n, each.realised) for each in result.bins] == [(0.6, 2, 0.5), (0.9, 1, 1.0)]
    assert result.bins[0].stated == pytest.approx(0.65)
    assert not result.brier.is_known  # one day
    assert result.is_small


def outcomes_of_a_calibrated_forecaster(days, each, seed, shift=0.0, together=False):
    """Outcomes that happen as often as stated less `shift`; `together`: all of a day at once."""
    rng, outcomes = np.random.default_rng(seed), []
    for place in range(days):
        shared = rng.random()
        for _ in range(each):
            stated = 0.2 + 0.6 * rng.random()
            draw = shared if together else rng.random()
            outcomes.append(Outcome(date(2024, 1, 1) + timedelta(days=place), stated, float(draw < stated - shift), 1))
    return outcomes


def test_intervals_of_the_gap_hold_what_they_say_and_see_a_shift():
    results = [
        reliability("pop", outcomes_of_a_calibrated_forecaster(120, 4, seed, together=True), made=480)
        for seed in range(40)
    ]
    missed = sum(result.gap.excludes_zero for result in results)
    assert missed <= 6  # 2 expected of 40; binomial 0.05, P(more than 6) = 0.3%
    shifted = reliability("pop", outcomes_of_a_calibrated_forecaster(120, 4, 1, shift=0.2), made=480)
    assert shifted.gap.high < 0.0


def test_forecasts_of_one_day_are_not_independent():
    apart = reliability("pop", outcomes_of_a_calibrated_forecaster(120, 8, 3), made=960).gap
    together = reliability("pop", outcomes_of_a_calibrated_forecaster(120, 8, 3, together=True), made=960).gap
    assert together.high - together.low > 1.5 * (apart.high - apart.low)  # up to sqrt(8) times


def test_without_outcomes_every_figure_is_pending():
    for result in reliabilities([made(), made("2026-02-26 16:00:00")]):
        assert (result.n, result.pending, result.bins) == (0, 2, ())
        assert math.isnan(result.stated)
