import numpy as np
import pytest

from iwm_opts.journal import regime
from iwm_opts.journal.regime import SHORTEST, sample_ranks, scan_against, scan_within


@pytest.fixture(autouse=True)
def _fewer_replicates(monkeypatch):
    monkeypatch.setattr(regime, "REPLICATES", 499)


def results(seed, n, wins=0.75):
    generator = np.random.default_rng(seed)
    won = generator.random(n) < wins
    return np.where(won, generator.uniform(0.1, 0.3, n), -generator.uniform(0.1, 0.75, n))


BASELINE = results(1, 500)


def test_the_statistic_is_the_worst_stretch_of_all():
    # Brute force over every stretch of at least ten trades, as the docstring defines it.
    values = results(2, 40)
    z = (BASELINE.mean() - values) / BASELINE.std(ddof=1)
    worst = max(
        (z[start:end].sum() / np.sqrt(end - start), start)
        for start in range(40)
        for end in range(start + SHORTEST, 41)
        if end - start <= 30 or end - start in (32, 34, 36, 38, 40)  # stretches a twentieth apart
    )
    found = scan_against(values, BASELINE, 1, 0.05)
    assert found.statistic == pytest.approx(worst[0])
    assert found.onset == worst[1]
    assert np.isnan(found.path[: SHORTEST - 1]).all()


def test_a_planted_fall_is_found_and_dated():
    values = np.concatenate([results(3, 60), results(4, 60, wins=0.2)])
    for found in (scan_against(values, BASELINE, 1, 0.005), scan_within(values, 1, 0.005)):
        assert found.p <= 0.005
        assert found.onset_low <= 60 <= found.onset_high
        assert 60 < found.alarm < 120
        assert found.mean_after < found.mean_before


def test_a_rise_rings_no_alarm():
    values = np.concatenate([results(3, 60), results(4, 60, wins=1.0)])
    assert scan_against(values, BASELINE, 1, 0.005).p > 0.05


@pytest.mark.parametrize("overlap", [1, 4])
def test_alarms_ring_as_often_as_stated(overlap):
    # 200 logs out of the same source: at a level of 10% 20 +- 4.2 of them; four of those deviations are allowed.
    # Four trades held at a time share their luck: resampled one by one, half of such logs would ring.
    generator = np.random.default_rng(7)

    def draw(n):
        luck = results(generator.integers(1 << 30), n + overlap - 1)
        return np.convolve(luck, np.ones(overlap), "valid")

    found = [scan_against(draw(60), draw(400), overlap, 0.10) for _ in range(200)]
    rung = np.mean([one.p <= 0.10 for one in found])
    assert 0.015 <= rung <= 0.185
    assert np.mean([one.alarm is not None for one in found]) == pytest.approx(rung, abs=0.02)


def test_alarms_within_a_log_ring_as_often_as_stated():
    found = [scan_within(results(seed, 60), 1, 0.10).p <= 0.10 for seed in range(100, 200)]
    assert 0.0 < np.mean(found) <= 0.22


def test_a_log_of_the_backtest_stands_in_its_middle():
    won, mean = sample_ranks(BASELINE[:100], BASELINE, 1)
    assert won.low <= won.expected <= won.high
    assert mean.value == pytest.approx(BASELINE[:100].mean())
    assert 0.025 < mean.below < 0.975
    low, _ = sample_ranks(results(9, 100, wins=0.3), BASELINE, 1)
    assert low.below == 0.0


def test_one_seed_gives_one_answer():
    first, second = (scan_against(BASELINE[:50], BASELINE, 2, 0.05) for _ in range(2))
    assert first.p == second.p
    np.testing.assert_array_equal(first.path, second.path)
