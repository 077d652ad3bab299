"""A sweep is its backtests, whatever the threads; the best of many worthless variants is not believed."""

from dataclasses import replace
from hashlib import blake2b

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest import grid
from iwm_opts.backtest.engine import run
from iwm_opts.backtest.grid import DailyGains, Outcomes, Variant, combinations, details, run_variants, snooping_test
from iwm_opts.backtest.metrics import measure
from iwm_opts.backtest.selection import Family, deflated_sharpe_ratios, overfitting_probability, superior_ability
from iwm_opts.backtest.sweep_folder import SweepFolder
from iwm_opts.backtest.trial import PooledResult
from tests.refusals import refused, refused_data


@pytest.fixture(scope="module")
def variants(small_rules):
    found = []
    for values in combinations({"delta": [0.1, 0.2], "profit": [0.25, 0.75], "below": [30.0, 60.0]}):
        rules = replace(
            small_rules,
            entry=replace(small_rules.entry, put_delta=values["delta"], call_delta=values["delta"]),
            exit=replace(small_rules.exit, profit=values["profit"]),
            gate=replace(small_rules.gate, below=values["below"]),
        )
        found.append(Variant(len(found), values, rules))
    return found


@pytest.fixture(scope="module")
def outcomes(small_trials, variants):
    return Outcomes.joined(list(run_variants(small_trials, variants, threads=1)))


def test_the_last_name_turns_fastest():
    assert combinations({"a": [1, 2], "b": ["x", "y"]}) == [
        {"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"},
    ]  # fmt: skip
    for values, named in (([], "a="), ([1, 1], "a=1,1")):
        with refused("grid", named):
            combinations({"a": values})


def test_every_variant_is_the_backtest_of_its_rules(small_trials, variants, outcomes):
    assert outcomes.numbers.tolist() == list(range(8))
    for variant in variants[::3]:
        alone = [run(one.prepare(variant.rules)) for one in small_trials]
        found, trades = outcomes[variant.number], pd.concat([one.trades for one in alone])
        pnl = trades["pnl"]
        assert found.metrics["trades"] == len(trades)
        assert found.metrics["win_rate"] == pytest.approx((pnl > 0).mean())
        assert found.metrics["expectancy"] == pytest.approx(pnl.mean())
        assert found.metrics["fees"] == pytest.approx(trades["fees"].sum())
        falls = [measure(one.trades, one.equity, 50_000.0).max_drawdown.share for one in alone]
        assert found.metrics["max_drawdown"] == pytest.approx(min(falls))
        (daily,) = DailyGains.of(small_trials, [variant], 1)(np.array([0])).T
        assert daily.sum() == pytest.approx(pnl.sum(), abs=1e-6)
        pooled = PooledResult(tuple(alone), tuple(small_trials))
        figures = measure(pooled.trades, pooled.equity, 50_000.0)
        assert found.metrics["sharpe"] == pytest.approx(figures.sharpe)
        assert found.metrics["sortino"] == pytest.approx(figures.sortino)
        (detail,) = details(small_trials, [variant])
        assert detail.return_on_risk_in_use == pytest.approx(figures.return_on_risk_in_use)
    assert len({outcomes[v.number].metrics["pnl"] for v in variants}) > 4


@pytest.mark.parametrize(("threads", "seconds"), [(4, 2.0), (2, 0.0)])
def test_threads_and_batches_change_nothing(small_trials, variants, outcomes, threads, seconds, monkeypatch):
    monkeypatch.setattr(grid, "FIRST_BATCH", 3)
    batches = list(run_variants(small_trials, variants, threads, seconds))
    assert [len(batch) for batch in batches] == ([3, 5] if seconds else [3, 1, 1, 1, 1, 1])
    for one in (one for batch in batches for one in batch):
        assert repr(one.metrics) == repr(outcomes[one.number].metrics)
        assert one.digest == outcomes[one.number].digest != 0


def test_what_shares_packages_is_run_together(small_trials, variants):
    mixed = [*variants[::2], *variants[1::2]]
    found = [one.number for batch in run_variants(small_trials, mixed, threads=1) for one in batch]
    deltas = [variants[number].rules.entry.put_delta for number in found]
    assert deltas == sorted(deltas)
    assert sorted(found) == list(range(8))


def luck(gains, holding, seed, **more):
    """Test of variants by their daily gains."""
    digests = [
        int.from_bytes(blake2b(column.tobytes(), digest_size=8).digest()) if column.any() else 0 for column in gains.T
    ]
    outcomes = Outcomes(np.arange(gains.shape[1]), {}, np.array(digests, dtype=np.uint64))
    return snooping_test(outcomes, lambda places: Family.of(gains[:, places]), holding, seed, **more)


def test_the_best_of_worthless_variants_is_seldom_believed():
    believed = 0
    for seed in range(40):
        gains = np.random.default_rng(seed).normal(0.0, 20.0, (400, 30))
        believed += luck(gains, 1.0, seed, draws=200).p_consistent < 0.05
    assert believed <= 6  # 5% of 40 are 2


def test_one_good_variant_among_many_is_found():
    gains = np.random.default_rng(1).normal(0.0, 20.0, (400, 30))
    gains[:, 7] += 5.0
    found = luck(gains, 1.0, 1, draws=200)
    assert found.best == 7
    assert found.p_consistent < 0.05
    assert found.p_lower <= found.p_consistent <= found.p_upper


def test_the_test_of_a_sweep_is_that_of_its_daily_gains():
    # Autocorrelated, so that blocks matter; variants of very different worth, so that the three differ.
    shocks = np.random.default_rng(3).normal(0.0, 10.0, (250, 12))
    gains = shocks + 0.5 * np.roll(shocks, 1, axis=0) + np.linspace(-3.0, 1.0, 12)
    found, expected = luck(gains, 4.0, 7, draws=200), superior_ability(gains, 8, 7, 200)
    assert found.block == 8
    assert found.best == expected.best
    assert (found.p_lower, found.p_consistent) == (expected.p_lower, expected.p_consistent)
    assert [found.variants[i].p_stepdown for i in range(12)] == expected.p_stepdown.tolist()
    assert [found.variants[i].deflated_sharpe for i in range(12)] == deflated_sharpe_ratios(gains).tolist()
    assert found.overfitting_probability == overfitting_probability(gains)


def test_variants_that_trade_alike_change_nothing():
    gains = np.random.default_rng(2).normal(0.5, 20.0, (300, 6))
    one, doubled = (luck(g, 1.0, 1, draws=99) for g in (gains, np.hstack([gains, gains[:, ::-1]])))
    assert (one.best, one.p_lower, one.p_consistent, one.p_upper) == (
        doubled.best, doubled.p_lower, doubled.p_consistent, doubled.p_upper,
    )  # fmt: skip
    assert doubled.models == 12
    assert doubled.overfitting_probability == one.overfitting_probability
    assert [doubled.variants[i] for i in range(12)] == [one.variants[i] for i in (0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0)]


def test_variants_that_never_traded_are_left_out():
    gains = np.zeros((100, 3))
    assert luck(gains, 1.0, 1) is None
    gains[:, :2] = np.random.default_rng(1).normal(0.0, 1.0, (100, 2))
    found = luck(gains, 1.0, 1, draws=50)
    assert found.models == 2
    assert sorted(found.variants) == [0, 1]


def test_a_folder_goes_on_where_it_stopped(outcomes, tmp_path):
    folder, asked = tmp_path / "sweep", {"grid": {"profit": ["0.25"]}, "rules": "abc"}
    with SweepFolder(folder, asked) as kept:
        kept.add(outcomes.take(np.array([3, 0])))
    with SweepFolder(folder, asked) as kept:
        assert kept.outcomes.numbers.tolist() == [0, 3]
        for outcome in kept.outcomes:
            assert outcome.digest == outcomes[outcome.number].digest
            assert outcome.metrics == pytest.approx(outcomes[outcome.number].metrics, rel=0.0, abs=0.0, nan_ok=True)
        kept.add(outcomes.take(np.array([5])))
    with SweepFolder(folder, asked) as kept:
        assert kept.outcomes.numbers.tolist() == [0, 3, 5]


def test_a_finished_folder_has_one_file_whatever_the_parts(outcomes, tmp_path):
    for name, parts in (("one", [[0, 1, 2]]), ("two", [[2, 0], [1]])):
        with SweepFolder(tmp_path / name, {}) as kept:
            for part in parts:
                kept.add(outcomes.take(np.array(part)))
            kept.finish()
    one, two = (tmp_path / name / "variants.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in one.parent.iterdir()) == [".lock", "sweep.json", "variants.parquet"]
    with SweepFolder(tmp_path / "three", {}) as kept:  # killed between the whole file and its part
        kept.add(outcomes.take(np.array([2, 0, 1])))
        (tmp_path / "three" / "variants.parquet").write_bytes(one.read_bytes())
    with SweepFolder(tmp_path / "three", {}) as kept:
        assert kept.outcomes.numbers.tolist() == [0, 1, 2]
        kept.finish()
    assert (tmp_path / "three" / "variants.parquet").read_bytes() == one.read_bytes()


def open_folder(folder, asked):
    with SweepFolder(folder, asked):
        pass


def test_a_folder_of_another_sweep_or_of_anything_else_is_refused(tmp_path):
    one = tmp_path / "one"
    with SweepFolder(one, {"rules": "abc"}), refused_data("one", "writer"):
        open_folder(one, {"rules": "abc"})
    with refused("output", str(one), "rules differ"):
        open_folder(one, {"rules": "x"})
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with refused("output", str(tmp_path), "a sweep"):
        open_folder(tmp_path, {})


def test_a_damaged_part_is_named(outcomes, tmp_path):
    with SweepFolder(tmp_path / "one", {}) as kept:
        kept.add(outcomes.take(np.array([0])))
    part = tmp_path / "one" / "part-000000.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    with refused_data("part-000000.parquet", "content"):
        open_folder(tmp_path / "one", {})
