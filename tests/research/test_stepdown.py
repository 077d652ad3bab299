import numpy as np
import pandas as pd
import pytest

from iwm_opts.research.stepdown import DailyRows, stepdown

DAYS = pd.date_range("2020-01-01", periods=600)


def means(values, days=DAYS):
    return DailyRows(days, np.column_stack([values, np.ones(len(values))]))


def p_values(columns, block=1.0, draws=999, seed=3):
    return stepdown([means(c) for c in columns], [c.mean() for c in columns], [0.0] * len(columns), block, seed, draws)


def test_of_one_claim_both_are_the_normal_p_value():
    rng = np.random.default_rng(1)
    values = rng.standard_normal(600)
    values += 2.0 * values.std() / np.sqrt(600) - values.mean()  # two standard errors from zero: p 0.0455
    plain, adjusted = p_values([values], draws=4_999)
    assert plain[0] == adjusted[0] == pytest.approx(0.0455, abs=0.008)


def test_independent_claims_are_adjusted_as_by_sidak():
    rng = np.random.default_rng(2)
    columns = rng.standard_normal((10, 600))
    columns -= columns.mean(axis=1, keepdims=True)
    columns[0] += 3.0 * columns[0].std() / np.sqrt(600)
    plain, adjusted = p_values(columns, draws=4_999)
    assert plain[0] == pytest.approx(0.0027, abs=0.0015)
    assert adjusted[0] == pytest.approx(1 - (1 - 0.0027) ** 10, abs=0.008)
    assert (adjusted[1:] > 0.99).all()


def test_copies_of_one_claim_cost_nothing():
    values = np.random.default_rng(3).standard_normal(600)
    values += 2.5 * values.std() / np.sqrt(600) - values.mean()
    plain, adjusted = p_values([values] * 8)
    assert adjusted == pytest.approx(plain)


def test_an_estimate_that_no_resample_moves_has_no_p_value():
    values = np.random.default_rng(8).standard_normal(600)
    never = DailyRows(DAYS, np.zeros((600, 2)))  # a ratio of nothing
    samples, estimates = [means(values), means(np.ones(600)), never], [values.mean(), 1.0, np.nan]
    plain, adjusted = stepdown(samples, estimates, [0.0] * 3, 1.0, 3, 499)
    assert np.isnan(plain).tolist() == np.isnan(adjusted).tolist() == [False, True, True]
    assert (plain[0], adjusted[0]) == (p_values([values], draws=499)[0][0], p_values([values], draws=499)[1][0])


def test_a_rejected_claim_does_not_burden_the_next():
    # Stepdown: the second is compared with the eight others only, not with the first's own draws.
    rng = np.random.default_rng(4)
    columns = rng.standard_normal((2, 600))
    columns -= columns.mean(axis=1, keepdims=True)
    columns[0] += 9.0 * columns[0].std() / np.sqrt(600)
    columns[1] += 2.0 * columns[1].std() / np.sqrt(600)
    plain, adjusted = p_values(columns, draws=4_999)
    assert adjusted[1] == pytest.approx(plain[1])


def test_blocks_widen_what_is_correlated_in_time():
    rng = np.random.default_rng(5)
    slow = np.convolve(rng.standard_normal(700), np.ones(20) / 20, mode="valid")[:600]
    slow += 0.05 - slow.mean()
    assert p_values([slow], block=1.0)[0][0] < 0.01 < 0.05 < p_values([slow], block=60.0)[0][0]


def test_claims_of_other_days_and_other_statistics_share_draws():
    rng = np.random.default_rng(6)
    values = rng.standard_normal(600)
    ratio = DailyRows(DAYS[100:], np.column_stack([values[100:], np.ones(500), np.zeros(500), np.ones(500)]))
    median = DailyRows(DAYS, values[:, None], lambda rows: float(np.median(rows)))
    plain, adjusted = stepdown(
        [ratio, median], [values[100:].mean(), float(np.median(values))], [0.0, 5.0], 1.0, 1, 499
    )
    assert plain[1] == adjusted[1] == 1 / 500  # a median of zero is not five
    assert plain[0] > 0.01
    assert (adjusted >= plain).all()


def test_a_plain_p_value_is_the_same_in_any_company():
    rng = np.random.default_rng(9)
    values, others = rng.standard_normal(600) + 0.08, rng.standard_normal(900)
    alone, _ = p_values([values])
    longer = means(others, pd.date_range("2019-06-01", periods=900))
    together, adjusted = stepdown([means(values), longer], [values.mean(), others.mean()], [0.0, 0.0], 1.0, 3, 999)
    assert together[0] == alone[0]
    assert adjusted[0] >= alone[0]


def test_a_family_of_nothing_is_seldom_rejected():
    rejected = 0
    for seed in range(60):
        columns = np.random.default_rng([7, seed]).standard_normal((12, 300))
        samples = [means(column, DAYS[:300]) for column in columns]
        _, adjusted = stepdown(samples, columns.mean(axis=1).tolist(), [0.0] * 12, 1.0, seed, 199)
        rejected += adjusted.min() < 0.05
    assert rejected <= 9  # 3 expected, 9 or more once in 350
