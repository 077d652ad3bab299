"""Bands over modelled quotes against backtests on markets that were made with those quotes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from iwm_opts.backtest.baselines import prepare_baselines
from iwm_opts.backtest.engine import run, run_totals
from iwm_opts.backtest.evidence import gather_evidence
from iwm_opts.backtest.quote_bands import Entered, gain_bands, quote_bands
from iwm_opts.backtest.rules import ExitRule
from iwm_opts.backtest.trial import package_gains
from iwm_opts.conventions import Provenance
from iwm_opts.kernels.backtest.state import COLUMNS, THETA
from iwm_opts.simulation.dynamics import drawn_skew
from iwm_opts.simulation.parameters import COEFFICIENTS, shipped_parameters
from iwm_opts.simulation.surface import drawn_smile
from iwm_opts.sources.surface_days import SurfaceDays
from iwm_opts.spreads.legs import Wing
from tests.refusals import refused


def with_parameters(trial, **changes):
    days = trial.market
    market = replace(days.market, parameters=replace(days.market.parameters, **changes))
    return replace(trial, market=SurfaceDays(market, days.first, days.caveats))


def gains(trials, rules):
    """Mean gain gated and ungated, by whole backtests."""
    prepared = [prepare_baselines(trial, rules) for trial in trials]
    results = [run(each.gated) for each in prepared], [run(each.ungated, each.ranked) for each in prepared]
    return tuple(np.concatenate([package_gains(one.trades) for one in part]).mean() for part in results)


def bands(trials, rules, **options):
    return quote_bands([prepare_baselines(trial, rules) for trial in trials], seed=1, **options)


def test_spreads_are_narrower_and_wider(small_trials, small_rules):
    *_, band = bands(small_trials, small_rules, draws=2)
    found = [gains([wider(trial, factor) for trial in small_trials], small_rules) for factor in (0.7, 1.0, 1.4)]
    gated, ungated = zip(*found, strict=True)
    assert band.gated == pytest.approx((min(gated), max(gated)))
    assert band.ungated == pytest.approx((min(ungated), max(ungated)))
    assert band.difference == pytest.approx((np.subtract(gated, ungated).min(), np.subtract(gated, ungated).max()))
    assert band.ungated[0] < band.ungated[1]


def test_smiles_are_drawn_from_the_covariance_of_their_estimates(small_trials, small_rules):
    certain = [
        with_parameters(trial, smile=replace(trial.market.market.parameters.smile, covariance=(0.0,) * 28))
        for trial in small_trials
    ]
    band, _ = bands(certain, small_rules, draws=3)
    gated, ungated = gains(small_trials, small_rules)
    assert band.gated == pytest.approx((gated, gated))  # no uncertainty: the rules' own gain
    assert band.ungated == pytest.approx((ungated, ungated))
    band, _ = bands(small_trials, small_rules, draws=5)
    assert band.ungated[0] < band.ungated[1]
    assert bands(small_trials, small_rules, draws=5)[0] == band


def test_modelled_quotes_have_the_skew_of_days_drawn_too(monkeypatch, small_trials, small_rules):
    certain = [
        with_parameters(trial, smile=replace(trial.market.market.parameters.smile, covariance=(0.0,) * 28))
        for trial in small_trials
    ]
    monkeypatch.setattr(SurfaceDays, "provenance", Provenance.MODELLED)
    band, _ = bands(certain, small_rules, draws=5)
    assert band.ungated[0] < band.ungated[1]


def test_skew_of_the_surface_moves_by_what_is_added(small_trials):
    days = small_trials[0].market
    own, rows = days.surface(), np.ones(len(days.surface().rows) // COLUMNS, dtype=bool)
    skewed = days.surface_under(days.market.parameters, rows, np.full(len(days.days), 0.2))
    smile = days.market.parameters.smile
    for given, moved in zip(*(each.rows.reshape(-1, COLUMNS) for each in (own, skewed)), strict=True):
        theta, rho = given[THETA], given[THETA + 1]
        tilted = np.arctanh(-rho) + 0.2 + smile.tilt * np.log(moved[THETA] / theta)
        assert moved[THETA + 1] == pytest.approx(-np.tanh(tilted), abs=1e-9)


def test_drawn_skew_has_the_spread_and_the_memory_of_the_factor():
    smile, rng = shipped_parameters().smile, np.random.default_rng(2)
    paths = np.array([drawn_skew(smile, 60, rng) for _ in range(4000)])
    sd = smile.skew_vol / np.sqrt(2.0 * smile.skew_speed)
    assert paths.std(axis=0) == pytest.approx(np.full(60, sd), rel=0.06)
    assert np.corrcoef(paths[:, 0], paths[:, 12])[0, 1] == pytest.approx(np.exp(-smile.skew_speed * 12 / 252), abs=0.04)


@pytest.mark.parametrize(
    "exits", [ExitRule(dte=10), ExitRule(dte=40), ExitRule(profit=None, stop=None, dte=None)], ids=str
)
def test_a_drawn_smile_gives_the_gains_of_a_whole_market_under_it(small_trials, small_rules, exits):
    rules = replace(small_rules, exit=exits)
    drawn = drawn_smile(shipped_parameters().smile, np.random.default_rng(1))
    for trial in small_trials:
        whole = with_parameters(trial, smile=drawn)
        baselines, expected = prepare_baselines(trial, rules), prepare_baselines(whole, rules)
        for given, other, allowed in (
            (baselines.gated, expected.gated, None),
            (baselines.ungated, expected.ungated, baselines.ranked),
        ):
            rows = given.book.surface_rows(given.entry_days(allowed), rules.exit.dte)
            requoted = given.with_surface(trial.market.surface_under(whole.market.market.parameters, rows))
            assert run_totals(requoted, allowed) == pytest.approx(run_totals(other, allowed), abs=1e-9)


def test_the_rows_read_are_those_of_the_lives_up_to_the_exit(small_trials, small_rules):
    prepared = small_trials[0].prepare(small_rules)
    book, entries = prepared.book, prepared.entry_days()
    life, ordinal = book.lifetimes, book.days.ordinal
    lived, held = set(), set()
    for c in np.flatnonzero(entries[life.entry]):
        for step in range(life.last[c] - life.first[c] + 1 - life.settles[c]):
            lived.add(life.surface_row[c] + step)
            if step <= 1 or ordinal[life.entry[c] + step - 1] < life.expires[c] - 21:  # closed on the day after at most
                held.add(life.surface_row[c] + step)
    assert set(np.flatnonzero(book.surface_rows(entries))) == lived
    assert set(np.flatnonzero(book.surface_rows(entries, 21.0))) == held
    assert held < lived
    assert not book.surface_rows(np.zeros_like(entries)).any()


def test_the_band_holds_the_middle_nine_tenths_of_the_draws(monkeypatch, small_trials, small_rules):
    drawn = [(float(k), 2.0 * k) for k in range(101)] + [(3.0, 8.0), (2.0, 8.5), (-1.0, 9.0)]
    monkeypatch.setitem(quote_bands.__globals__, "_gains", lambda *_: np.array([*drawn]))
    smile, spreads = bands(small_trials, small_rules, draws=101)
    assert (smile.gated, smile.ungated, smile.difference) == (
        pytest.approx((5.0, 95.0)),
        pytest.approx((10.0, 190.0)),
        pytest.approx((-95.0, -5.0)),
    )
    assert (spreads.gated, spreads.ungated, spreads.difference) == ((-1.0, 3.0), (8.0, 9.0), (-10.0, -5.0))
    assert smile.name == "smile, 90% of 101 draws"


def test_draws_of_a_smile_scatter_as_its_covariance_says():
    smile, rng = shipped_parameters().smile, np.random.default_rng(4)
    smiles = [drawn_smile(smile, rng) for _ in range(4000)]
    drawn = np.array([[getattr(one, name) for name in COEFFICIENTS] for one in smiles])
    lower = np.zeros((7, 7))
    lower[np.tril_indices(7)] = smile.covariance
    assert drawn.mean(axis=0) == pytest.approx([getattr(smile, name) for name in COEFFICIENTS], abs=0.03)
    assert np.cov(drawn.T)[np.tril_indices(7)] == pytest.approx(smile.covariance, abs=0.012)


def test_evidence_holds_the_bands_asked_for(small_trials, small_rules):
    found = gather_evidence(small_trials, small_rules, draws=19, random_draws=3, wants_premium=False, band_draws=2)
    assert found.bands == bands(small_trials, small_rules, draws=2)


def test_recorded_quotes_have_no_band(small_trials, small_rules):
    given = prepare_baselines(small_trials[0], small_rules)
    market = SimpleNamespace(name="made", surface_days=None)
    recorded = replace(given, gated=replace(given.gated, market=market))
    with refused("bands", "made"):
        quote_bands([recorded], draws=2, seed=1)


def made_modelled(monkeypatch):
    monkeypatch.setattr(SurfaceDays, "provenance", Provenance.MODELLED)


def wider(trial, factor):
    """Market made with spreads so many times as wide."""
    spread = trial.market.market.parameters.spread
    coefficients = (spread.coefficients[0] + np.log(factor), *spread.coefficients[1:])
    return with_parameters(trial, spread=replace(spread, coefficients=coefficients))


def drawn_trials(trials):
    """Each trial under the six smiles of a band of seed 1, the skew of its days drawn too."""
    rng, made = np.random.default_rng([1, 2]), []
    for seed in [int(rng.integers(2**63)) for _ in range(6)]:
        made.append([])
        for trial in trials:
            days, draw = trial.market, np.random.default_rng(seed)
            smile = drawn_smile(days.market.parameters.smile, draw)
            skew = drawn_skew(smile, len(days.days), draw)
            made[-1].append(replace(trial, market=days.under(replace(days.market.parameters, smile=smile), skew)))
    return made


def test_the_band_beside_a_gain_is_that_of_markets_made_with_its_quotes(monkeypatch, small_trials, small_rules):
    entered = [Entered(trial.prepare(small_rules)) for trial in small_trials]
    assert gain_bands([entered]) == [()]  # of the simulator's own quotes
    made_modelled(monkeypatch)
    ((smile, spreads),) = gain_bands([entered])
    estimate = gains(small_trials, small_rules)[0]
    apart = [gains(trials, small_rules)[0] - estimate for trials in drawn_trials(small_trials)]
    reach = 1.6448536 * np.sqrt(np.mean(np.square(apart)))  # normal, 90%
    assert (smile.low, smile.high) == pytest.approx((estimate - reach, estimate + reach))
    made = [gains([wider(trial, factor) for trial in small_trials], small_rules)[0] for factor in (0.7, 1.0, 1.4)]
    assert (spreads.low, spreads.high) == pytest.approx((min(made), max(made)))
    closed = [Entered(each.prepared, np.zeros(len(each.prepared.ranks), dtype=bool)) for each in entered]
    assert all(np.isnan(band.low) for band in gain_bands([closed])[0])


def test_results_that_share_quotes_have_the_bands_of_each_alone(monkeypatch, small_trials, small_rules):
    made_modelled(monkeypatch)
    entry, exits = small_rules.entry, small_rules.exit
    held = replace(small_rules, exit=ExitRule(profit=None, stop=None, dte=None))
    wide = replace(small_rules, entry=replace(entry, put_wing=Wing(width=10.0), call_wing=Wing(width=10.0)))
    quick = replace(small_rules, exit=replace(exits, profit=0.25))
    books = [trial.prepare(small_rules).book for trial in small_trials]
    results = [[Entered(trial.prepare(rules)) for trial in small_trials] for rules in (held, wide)]
    shared = [trial.prepare(small_rules, book) for trial, book in zip(small_trials, books, strict=True)]
    results += [[Entered(replace(each, rules=rules)) for each in shared] for rules in (small_rules, quick)]
    flags = np.arange(len(shared[0].ranks)) % 3 == 0
    results.append([Entered(shared[0], flags), Entered(shared[0], ~flags)])  # two stretches of days on one book
    together = gain_bands(results)
    alone = [gain_bands([result])[0] for result in results]
    for found, expected in zip(together, alone, strict=True):
        bounds = [[bound for band in each for bound in (band.low, band.high)] for each in (found, expected)]
        assert bounds[0] == pytest.approx(bounds[1])
    assert len({band[1].low for band in together}) == len(results)
