from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.market.capture import make_chain
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.risk.sizing import Limits
from iwm_opts.spreads.analysis import Terms
from iwm_opts.spreads.iron_condor import iron_condors
from iwm_opts.spreads.legs import DeltaRange, Wing
from iwm_opts.spreads.screen import SORTS, Account, Selection, screen, size_package
from tests.refusals import refused

WANTED = DeltaRange(0.10, 0.25)


def build(table):
    return [iron_condors(table, WANTED, WANTED, [(Wing(5.0), Wing(5.0))])]


@pytest.fixture(scope="module")
def snapshot(made_quotes):
    chain = make_chain(made_quotes(), symbol="IWM", source="made")
    schedule = DividendSchedule((Dividend(date(2026, 3, 25), 0.6),), "given")
    return take_snapshot(chain, rate=0.04, dividends=schedule, exercise="european")


def run(snapshot, selection=None, account=None, terms=None, dte=(15, 50)):
    return screen(snapshot, dte, build, terms or Terms(), selection or Selection(), account or Account())


@pytest.mark.parametrize("sort", list(SORTS))
def test_candidates_are_ranked_by_what_was_asked(snapshot, sort):
    kept = [sized.candidate for sized in run(snapshot, Selection(sort=sort, top=8)).kept]
    figures = {"credit": lambda c: c.fill.price, "slippage": lambda c: c.fill.slippage}
    name, more_is_better = SORTS[sort]
    values = [figures.get(name, lambda c: getattr(c, name))(one) for one in kept]
    assert len(kept) == 8
    # The best of each of the three expirations leads, the others follow by their figure.
    assert len({each.expiration for each in kept[:3]}) == 3
    assert values[:3] == sorted(values[:3], reverse=more_is_better)
    assert values[3:] == sorted(values[3:], reverse=more_is_better)
    assert values[0] == sorted(values, reverse=more_is_better)[0]


def test_every_package_is_kept_or_counted(snapshot):
    everything = run(snapshot, Selection(top=10_000))
    assert len(everything.kept) + sum(everything.rejected.values()) == everything.considered
    dear = run(snapshot, Selection(top=10_000, min_credit=1.0))
    assert all(sized.candidate.fill.price >= 1.0 for sized in dear.kept)
    assert dear.rejected["credit below the minimum"] == len(everything.kept) - len(dear.kept)
    wide = run(snapshot, Selection(top=10_000, min_credit_width=0.25))
    assert wide.kept
    assert all(sized.candidate.fill.price >= 0.25 * 5.0 for sized in wide.kept)


def test_a_credit_at_or_below_zero_is_rejected(snapshot):
    # A panic's half-spreads eat every credit; the candidates are gone, not clamped.
    found = run(snapshot, terms=Terms(FillModel.parse("stress:100")))
    assert not found.kept
    assert found.rejected["the credit is not above zero"] == found.considered


def test_a_screen_without_a_candidate_names_the_best_rejected(snapshot):
    best = run(snapshot, Selection(sort="edge", top=1)).kept[0].candidate
    assert run(snapshot).best_rejected is None
    for selection, broken in (
        (Selection(min_open_interest=1001), "fewer than the open interest wanted"),
        (Selection(min_credit=50.0), "credit below the minimum"),
    ):
        rule, candidate = run(snapshot, selection).best_rejected
        assert (rule, candidate.legs, candidate.expected_profit) == (broken, best.legs, best.expected_profit)


def test_the_liquidity_floor_lets_unknown_interest_pass(made_quotes, snapshot):
    assert not run(snapshot, Selection(min_open_interest=1001)).kept
    chain = make_chain(made_quotes().drop(columns="open_interest"), symbol="IWM", source="made")
    assert run(take_snapshot(chain, rate=0.04, exercise="european"), Selection(min_open_interest=1001)).kept


def test_dividends_before_the_expiration_alone_are_owed(snapshot):
    by_expiration = {sized.candidate.expiration: sized.candidate for sized in run(snapshot, Selection(top=100)).kept}
    before, after = by_expiration[date(2026, 3, 20)], by_expiration[date(2026, 4, 17)]
    assert before.max_loss - before.max_loss_expiry == pytest.approx(10.0)  # exercise fees of two legs
    assert after.max_loss - after.max_loss_expiry == pytest.approx(70.0)


def test_no_expiration_in_the_window_names_those_listed(snapshot):
    with refused("dte", "50:60", "18, 31, 46 days"):
        run(snapshot, dte=(50, 60))


def test_sizes_respect_the_account(snapshot):
    account = Account(value=100_000.0, risk_share=0.01)
    for sized in run(snapshot, account=account).kept:
        assert sized.size.contracts == int(1000.0 // sized.candidate.max_loss)
        assert sized.size.buying_power == pytest.approx(sized.size.contracts * sized.candidate.max_loss_expiry)
        assert sized.requirement == 500.0
    full = run(snapshot, account=replace(account, limits=Limits(buying_power=100.0))).kept
    assert {(s.size.contracts, s.size.limited_by) for s in full} == {(0, "buying_power")}


@pytest.mark.parametrize(("symbol", "gap"), [("IWM", 0.10), ("XSP", 0.0)])  # XSP settles in cash
def test_sizes_rest_on_delivery_unless_the_exits_close_before(made_quotes, symbol, gap):
    quotes = made_quotes().assign(underlying_symbol=symbol)
    snapshot = take_snapshot(make_chain(quotes, symbol=symbol, source="made"), rate=0.04, exercise="european")
    account, terms = Account(value=1e6, risk_share=0.05), Terms(fees=FeeSchedule.parse("zero,exercise=5"))
    for exits in (ExitLevels(), ExitLevels(profit=0.5, stop=2.0, dte=None), ExitLevels(dte=0)):
        for each in screen(snapshot, (30, 50), build, terms, Selection(), account, exits=exits).kept:
            package = each.candidate
            lost = 100 * (5.0 - package.fill.price)
            # Just below the long call the short one alone is exercised: its shares are bought a gap higher.
            delivered = lost + 100 * gap * package.strikes[-1] + 5.0
            assert package.max_loss == pytest.approx(lost + 10.0)
            assert package.max_loss_delivery == pytest.approx(max(delivered, lost + 10.0))
            risk = package.max_loss if exits.dte else package.max_loss_delivery
            assert each.size.contracts == int(50_000 // risk)


def test_liquidity_and_kelly_cap():
    account = Account(value=1e6, risk_share=0.02, liquidity_share=0.10)
    found = size_package(account, 400.0, open_interest=(np.nan, 35.0, 900.0))
    assert (found.contracts, found.limited_by) == (3, "liquidity")
    # p = 0.8, win (40 + 0.2 x 400) / 0.8 = 150: f = 0.8 - 0.2 x 400 / 150 = 0.2667; a twentieth of it stakes 13,333.
    kelly = replace(account, kelly_fraction=0.05, liquidity_share=None)
    found = size_package(kelly, 400.0, expected_profit=40.0, pop=0.8)
    assert (found.contracts, found.limited_by) == (33, "kelly")
    assert size_package(kelly, 400.0, expected_profit=-1.0, pop=0.8).contracts == 0
    with refused("kelly", 0.05):
        size_package(kelly, 400.0)


@pytest.mark.parametrize(("name", "value"), [("sort", "luck"), ("top", 0)])
def test_selections_that_make_no_sense(name, value):
    with refused(name, value):
        Selection(**{name: value})


def test_smiles_of_cut_chains_have_a_caveat(made_quotes):
    # 150 to 250 on 200 are 3 standard deviations or more. 0.90 to 1.10 are 2 to 18 days, 1.3 to 46.
    quotes = made_quotes()
    cut = quotes[quotes["strike"].between(0.90 * 200.0, 1.10 * 200.0)]
    results = []
    for kept in (quotes, cut):
        chain = make_chain(kept, symbol="IWM", source="made")
        snapshot = take_snapshot(chain, rate=0.04, exercise="european")
        dates = sorted({day.date() for day in chain.quotes["expiration"]})
        results.append((run(snapshot, Selection(top=3)), [bool(snapshot.table(day).smile.gaps) for day in dates]))
    (whole, complete), (result, gaps) = results
    assert complete == [False, False, False]
    assert gaps == [False, True, True]
    assert len({sized.candidate.expiration for sized in result.kept}) == 3
    assert len(set(result.warnings) - set(whole.warnings)) == 2
