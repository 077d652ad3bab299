"""Selection bias: against plain loops, `arch`, published examples, and families of known truth."""

import doctest
import math
from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest
from arch.bootstrap import SPA, StationaryBootstrap
from numpy.testing import assert_allclose, assert_array_equal

from iwm_opts.backtest import selection
from iwm_opts.backtest.selection import (
    deflated_sharpe_ratio,
    deflated_sharpe_ratios,
    expected_best_sharpe,
    independent_trials,
    overfitting_probability,
    standard_errors,
    stationary_blocks,
    superior_ability,
)
from iwm_opts.errors import InputError


def family(seed=3, days=250, drift=0.0, low=-3.0, high=1.0):
    """Autocorrelated P&L of 12 variants of different worth and size."""
    shocks = np.random.default_rng(seed).normal(0.0, 10.0, (days, 12))
    size = np.array([1.0, 2.0, 5.0, 0.5] * 3)
    return (shocks + 0.5 * np.roll(shocks, 1, axis=0) + np.linspace(low, high, 12) + drift) * size


def errors_by_lag(pnl, block):
    """Of means resampled by the stationary bootstrap (Politis and Romano 1994, lemma 1), lag by lag."""
    n, keep = len(pnl), 1.0 - 1.0 / block
    centred = pnl - pnl.mean(axis=0)
    variance = (centred**2).mean(axis=0)
    for lag in range(1, n):
        weight = (1.0 - lag / n) * keep**lag + lag / n * keep ** (n - lag)
        variance = variance + 2.0 * weight * (centred[:-lag] * centred[lag:]).sum(axis=0) / n
    return np.sqrt(variance / n)


@pytest.mark.parametrize("days", [250, 251])
@pytest.mark.parametrize("block", [1, 8, 60.5])
def test_standard_errors_lag_by_lag(days, block):
    assert_allclose(standard_errors(family(days=days), block), errors_by_lag(family(days=days), block), rtol=1e-10)


def test_resamples_are_those_of_arch():
    bootstrap, rng = StationaryBootstrap(8, np.arange(101), seed=11), np.random.default_rng(11)
    for (drawn, _), _ in zip(bootstrap.bootstrap(20), range(20), strict=False):
        blocks = zip(*stationary_blocks(101, 8, rng), strict=True)
        days = [(first + step) % 101 for first, length in blocks for step in range(length)]
        assert_array_equal(days, drawn[0])


def plain_t(pnl, block, seed, draws):
    """Resampled t-statistics about the observed means, day by day; the observed t-statistics."""
    days, mean, error = len(pnl), pnl.mean(axis=0), errors_by_lag(pnl, block)
    rng, rows = np.random.default_rng(seed), []
    for _ in range(draws):
        starts, uniform = rng.integers(days, size=days), rng.random(days)
        blocks, place = [], 0
        for step in range(days):
            if step == 0 or uniform[step] <= 1.0 / block:
                place = starts[step]
                blocks.append([])
            blocks[-1].append(pnl[place % days])
            place += 1
        drawn = np.concatenate(blocks).mean(axis=0)
        variance = sum((np.sum(rows_of_block, axis=0) - len(rows_of_block) * drawn) ** 2 for rows_of_block in blocks)
        rows.append((drawn - mean) / np.maximum(np.sqrt(variance) / days, 0.5 * error))
    return np.array(rows), mean / error


@pytest.mark.parametrize("drift", [0.0, 2.0])
def test_p_values_are_the_plain_algorithm(drift):
    pnl = family(drift=drift)
    result, (resampled, t) = superior_ability(pnl, 8, 7, draws=200), plain_t(pnl, 8, 7, 200)
    shifts = np.minimum(t, 0.0), np.where(t >= -math.sqrt(2.0 * math.log(math.log(250))), 0.0, t), np.zeros(12)
    expected = [(1 + ((resampled + shift).max(axis=1) >= t.max()).sum()) / 201 for shift in shifts]
    assert_allclose([result.p_lower, result.p_consistent, result.p_upper], expected)
    assert result.p_lower <= result.p_consistent <= result.p_upper


@pytest.mark.parametrize("drift", [0.0, 2.0])
def test_p_values_are_near_those_of_arch_on_standardised_variants(drift):
    # arch does not divide by standard errors, whatever its `studentize`; given variants in units of their own it does.
    # It keeps them through the resamples, which matters little for symmetric P&L.
    pnl = family(drift=drift, days=1_000)
    result = superior_ability(pnl, 4, 7, draws=500)
    oracle = SPA(np.zeros(1_000), -pnl / errors_by_lag(pnl, 4), block_size=4, reps=500, bootstrap="stationary", seed=7)
    oracle.compute()
    expected = [oracle.pvalues[name] for name in ("lower", "consistent", "upper")]
    assert_allclose([result.p_lower, result.p_consistent, result.p_upper], expected, atol=0.05)


def test_stepdown_is_the_plain_algorithm(monkeypatch):
    monkeypatch.setattr(selection, "COLUMNS", 5)
    pnl = family(drift=3.0)
    draws, t = plain_t(pnl, 8, 7, 200)
    expected, left, latest = {}, list(range(12)), 0.0
    while left:
        best = max(left, key=lambda column: t[column])
        exceeding = sum(max(draw[column] for column in left) >= t[best] for draw in draws)
        latest = max(latest, (1 + exceeding) / 201)
        expected[best] = latest if t[best] > 0.0 else 1.0
        left.remove(best)
    result = superior_ability(pnl, 8, 7, draws=200)
    assert_allclose(result.t, t)
    assert_allclose(result.p_stepdown, [expected[column] for column in range(12)])
    assert len(set(expected.values())) > 3
    assert result.p_stepdown.min() == result.p_upper


def premium_sellers(seed):
    """Ten variants without an edge that overlap five days: a steady gain, and a loss on 5% of days, mostly common."""
    rng = np.random.default_rng(seed)
    is_loss = (rng.random((750, 1)) < 0.03) | (rng.random((750, 10)) < 0.02)
    pnl = (1.0 - 0.97 * 0.98) - is_loss * rng.exponential(1.0, (750, 10))
    return np.stack([np.convolve(column, np.full(5, 0.2), "valid") for column in pnl.T], axis=1)


def test_size_for_rare_losses():
    # With the observed standard errors in every resample four in ten would reject.
    rejected = [superior_ability(premium_sellers(seed), 10, seed, 199).p_consistent <= 0.05 for seed in range(120)]
    assert np.mean(rejected) < 0.14  # a standard error is 2.5%


def test_a_variant_of_two_trades_hides_no_edge():
    rejected = 0
    for seed in range(40):
        pnl = np.random.default_rng(seed).standard_normal((500, 3))
        pnl[:, 0] += 0.2
        pnl[:, 2] = 0.0
        pnl[[100, 300], 2] = -0.1, -5.0
        rejected += superior_ability(pnl, 1, seed, 199).p_consistent <= 0.05
    assert rejected >= 35


@pytest.mark.parametrize("size", [[1.0] * 12, [100.0, 0.01, 1.0, 5.0] * 3])
def test_size_of_a_position_does_not_matter(size):
    pnl = family(drift=3.0)
    result, resized = superior_ability(pnl, 8, 7, 99), superior_ability(pnl * size, 8, 7, 99)
    assert_allclose(resized.t, result.t)
    assert_array_equal(resized.p_stepdown, result.p_stepdown)
    assert resized.p_consistent == result.p_consistent


def test_a_family_that_loses_has_a_p_value_of_one():
    result = superior_ability(family(drift=-20.0), 8, 7, 99)
    assert (result.p_lower, result.p_consistent, result.p_upper) == (1.0, 1.0, 1.0)
    assert (result.p_stepdown == 1.0).all()


def test_a_strong_variant_beside_two_noisy_ones():
    # t = 4.0 on a small position; two worthless variants with 3.5 times its swings.
    shocks = np.random.default_rng(5).standard_normal((1_000, 3))
    shocks = (shocks - shocks.mean(axis=0)) / shocks.std(axis=0)
    shocks[:, 0] += 4.0 / math.sqrt(1_000)
    pnl = shocks * [10.0, 35.0, 35.0]
    result = superior_ability(pnl, 1, 1, draws=999)
    unstudentised = SPA(np.zeros(1_000), -pnl, block_size=1, reps=999, bootstrap="stationary", seed=1)
    unstudentised.compute()
    assert result.t[0] == pytest.approx(4.0)
    assert result.best == 0
    assert result.p_consistent == 0.001
    assert result.p_stepdown[0] == 0.001
    assert (result.p_stepdown[1:] > 0.2).all()
    assert unstudentised.pvalues["consistent"] == pytest.approx(0.24, abs=0.02)


def traded_at_1_2_and_5(seed, edge):
    """Nine variants, three each at 1, 2 and 5 contracts, half of their variance common; the first has an edge."""
    rng = np.random.default_rng(seed)
    shocks = math.sqrt(0.5) * (rng.standard_normal((250, 1)) + rng.standard_normal((250, 9)))
    shocks[:, 0] += edge
    return shocks * np.repeat([1.0, 2.0, 5.0], 3)


def rejections(edge, families=200):
    """Of 5% tests: of the family, studentised and not; of the first variant; of any variant without an edge."""
    counts = np.zeros(4)
    for seed in range(families):
        pnl = traded_at_1_2_and_5(seed, edge)
        result = superior_ability(pnl, 1, seed, draws=199)
        drawn = np.random.default_rng(seed + families).multinomial(250, [1 / 250] * 250, 199) / 250 @ pnl
        largest = (drawn - pnl.mean(axis=0)).max(axis=1)
        unstudentised = (1 + (largest >= pnl.mean(axis=0).max()).sum()) / 200
        is_rejected = result.p_stepdown <= 0.05
        counts += result.p_consistent <= 0.05, unstudentised <= 0.05, is_rejected[0], is_rejected[1:].any()
    return counts / families


def test_size_is_five_percent():
    studentised, _, _, _ = rejections(edge=0.0)
    assert 0.02 < studentised < 0.11  # a standard error is 1.5%


def test_power_for_an_edge_traded_small():
    studentised, unstudentised, stepdown, false = rejections(edge=0.27)  # an expected t of 4.3
    assert studentised > 0.85
    assert stepdown > 0.85
    assert unstudentised < 0.15
    assert false < 0.11


def test_stepdown_finds_more_than_a_single_step():
    pnl = np.random.default_rng(2).standard_normal((500, 20))
    pnl[:, :10] += 0.3
    pnl[:, 10] += 0.13
    result = superior_ability(pnl, 1, 1, draws=999)
    single = superior_ability(pnl[:, 10:], 1, 1, draws=999).p_upper
    assert (result.p_stepdown[:10] == 0.001).all()
    assert result.p_stepdown[10] == pytest.approx(single, abs=0.02)  # the ten found do not count against it


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"block": 0.5}, "block"),
        ({"block": math.nan}, "block"),
        ({"draws": 0}, "draws"),
        ({"pnl": np.ones((50, 2))}, "pnl"),
        ({"pnl": np.full((50, 2), math.nan)}, "pnl"),
        ({"pnl": np.array([[1.0], [2.0]])}, "pnl"),
        ({"pnl": np.full((50, 2), math.inf)}, "pnl"),
        ({"pnl": np.empty((50, 0))}, "pnl"),
        ({"pnl": np.diff(1e5 + 0.1 * np.arange(51.0))[:, None]}, "pnl"),  # a tenth a day, but for rounding
    ],
)
def test_invalid_arguments(change, field):
    with pytest.raises(InputError) as raised:
        superior_ability(**({"pnl": family(), "block": 2.0, "seed": 1, "draws": 9} | change))
    assert raised.value.name == field


@pytest.mark.parametrize(
    ("trials", "skew", "kurtosis", "expected"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
)
def test_deflated_sharpe_of_the_paper(trials, skew, kurtosis, expected):
    # Bailey and Lopez de Prado 2014, "A numerical example": annual SR 2.5, five years of 250 days, variance 1/2 a year.
    value = deflated_sharpe_ratio(2.5 / math.sqrt(250.0), 1_250, skew, kurtosis, trials, 0.5 / 250.0)
    assert value == pytest.approx(expected, abs=5e-5)


def test_expected_best_is_that_of_normal_draws():
    drawn = np.random.default_rng(1).normal(0.0, 0.3, (20_000, 50)).max(axis=1)
    assert expected_best_sharpe(50, 0.09) == pytest.approx(drawn.mean(), rel=0.02)  # an approximation for many trials
    assert expected_best_sharpe(1, 0.09) == 0.0


def test_deflated_sharpe_of_a_family_in_plain_python():
    pnl = family(drift=1.0)
    sharpe = [column.mean() / column.std(ddof=1) for column in pnl.T]
    correlation = np.corrcoef(pnl.T)[np.triu_indices(12, 1)].mean()
    trials = max(correlation, 0.0) + (1.0 - max(correlation, 0.0)) * 12
    normal, gamma = NormalDist(), 0.5772156649015329
    best = np.std(sharpe, ddof=1) * (
        (1 - gamma) * normal.inv_cdf(1 - 1 / trials) + gamma * normal.inv_cdf(1 - 1 / trials / math.e)
    )
    expected = []
    for ratio, column in zip(sharpe, pnl.T, strict=True):
        z = (column - column.mean()) / column.std()
        spread = 1 - (z**3).mean() * ratio + ((z**4).mean() - 1) / 4 * ratio**2
        expected.append(normal.cdf((ratio - best) * math.sqrt(249) / math.sqrt(spread)))
    assert independent_trials(pnl) == pytest.approx(trials)
    assert_allclose(deflated_sharpe_ratios(pnl), expected, atol=1e-12)
    assert_allclose(deflated_sharpe_ratios(pnl * 7.0), expected, atol=1e-12)


def test_independent_trials_of_copies_and_of_unrelated_variants():
    pnl = np.random.default_rng(1).standard_normal((5_000, 10))
    assert independent_trials(pnl) == pytest.approx(10.0, abs=0.1)
    assert independent_trials(np.repeat(pnl[:, :1], 10, axis=1)) == pytest.approx(1.0)


def test_the_best_of_noise_seldom_has_a_high_deflated_sharpe():
    chances = [
        deflated_sharpe_ratios(np.random.default_rng(seed).standard_normal((250, 20))).max() for seed in range(300)
    ]
    assert np.mean(np.array(chances) > 0.95) < 0.05
    assert 0.3 < np.mean(chances) < 0.7


def plain_overfitting(pnl, parts):
    """CSCV as a loop over halvings and variants."""
    blocks = np.array_split(pnl[: len(pnl) // parts * parts], parts)
    below = []
    for chosen in combinations(range(parts), parts // 2):
        inside = np.concatenate([blocks[i] for i in range(parts) if i in chosen])
        outside = np.concatenate([blocks[i] for i in range(parts) if i not in chosen])
        sharpe = [[column.mean() / column.std(ddof=1) for column in half.T] for half in (inside, outside)]
        best = int(np.argmax(sharpe[0]))
        rank = 1 + sum(value < sharpe[1][best] for value in sharpe[1])
        relative = rank / (pnl.shape[1] + 1)
        logit = math.log(relative / (1 - relative))
        below.append(0.5 if logit == 0.0 else float(logit < 0.0))
    return np.mean(below)


@pytest.mark.parametrize(("parts", "days"), [(2, 250), (6, 250), (8, 203)])
def test_overfitting_is_the_plain_algorithm(parts, days):
    pnl = family(days=days)
    assert overfitting_probability(pnl, parts) == pytest.approx(plain_overfitting(pnl, parts), abs=1e-12)


def test_overfitting_of_variants_of_one_mean_is_certain():
    # The published example of the R package pbo (Barry 2014, its vignette): 100 variants of noise, rescaled and
    # centred, 2,400 days in 8 parts. What is best in one half is worst in the other.
    noise = np.random.default_rng(765).standard_normal((2_400, 100))
    pnl = (noise - noise.mean(axis=0)) / noise.std(axis=0, ddof=1) / math.sqrt(252.0) - 0.03 / 252.0
    assert overfitting_probability(pnl, 8) == 1.0


@pytest.mark.parametrize("variants", [2, 7, 20])
def test_overfitting_of_noise_is_a_half(variants):
    values = [
        overfitting_probability(np.random.default_rng(seed).standard_normal((256, variants)), 8) for seed in range(300)
    ]
    assert np.mean(values) == pytest.approx(0.5, abs=4.0 * np.std(values) / math.sqrt(300))


def test_overfitting_of_an_edge_is_rare_and_of_idle_variants_defined():
    pnl = np.random.default_rng(1).standard_normal((400, 10))
    pnl[:, 4] += 0.4
    assert overfitting_probability(pnl) < 0.01
    pnl[:, 5:] = 0.0
    assert overfitting_probability(pnl) < 0.01
    assert overfitting_probability(np.zeros((400, 3))) == 0.5


def test_overfitting_needs_two_variants_and_two_days_a_part():
    assert math.isnan(overfitting_probability(family()[:, :1]))
    assert math.isnan(overfitting_probability(family(days=31)))
    for parts in (0, 3):
        with pytest.raises(InputError):
            overfitting_probability(family(), parts)


def test_examples():
    results = doctest.testmod(selection)
    assert results.attempted > 5
    assert results.failed == 0
