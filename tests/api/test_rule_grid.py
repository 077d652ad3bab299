"""Rules of a grid in rows are the rules of each combination, one by one."""

import pickle
from dataclasses import replace

import numpy as np

import iwm_opts as iwm
from iwm_opts.api.rule_grid import RuleGrid, variants_of
from iwm_opts.backtest.grid import combinations
from tests.refusals import refused

GRID = {
    "profit": [0.25, None, 0.75],
    "short_delta": [0.1, 0.2],
    "exit_dte": [None, 7],
    "every": [1, 5],
    "stop": ["default", None, 1.5],
    "touch": [False, True],
    "time_stop": [None, 12],
    "exit_rank": [None, 60.0],
}


def test_each_variant_has_the_rules_of_its_combination():
    base = iwm.Rules(contracts=1)
    made = []
    rules = RuleGrid(GRID, lambda values: made.append(values) or replace(base, **values))
    variants, expected = variants_of(GRID, rules), combinations(GRID)
    assert len(variants) == len(rules) == len(expected) == 576
    assert len(made) == 4 * (3 + 2 + 3 + 2 + 2 + 2)  # not one a combination
    for place in np.random.default_rng(1).choice(576, 60, replace=False).tolist():
        variant = variants[place]
        assert variant.number == place
        assert variant.values == expected[place]
        assert variant.rules == replace(base, **expected[place]).resolved()
        assert rules[place].resolved() == replace(base, **expected[place]).resolved()


def test_a_value_that_no_rule_takes_is_refused_at_once():
    with refused("profit", 1.5):
        RuleGrid({"stop": [1, 2], "profit": [0.5, 1.5]}, lambda values: iwm.Rules(**values))
    with refused("grid", "profit=0.5,0.5"):
        RuleGrid({"profit": [0.5, 0.5]}, lambda values: iwm.Rules(**values))


def test_ranks_put_rules_of_one_book_together_and_lead_back():
    rules = RuleGrid(GRID, lambda values: replace(iwm.Rules(contracts=1), **values))
    variants = variants_of(GRID, rules)
    numbers = variants.source.at_ranks(np.arange(576))
    assert sorted(numbers.tolist()) == list(range(576))
    np.testing.assert_array_equal(variants.source.ranks(numbers), np.arange(576))
    deltas = [variants[number].values["short_delta"] for number in numbers.tolist()]
    assert deltas == sorted(deltas)
    some = variants.take(np.array([500, 3, 77, 401])).by_book()
    assert set(some.numbers.tolist()) == {500, 3, 77, 401}
    assert [variant.values["short_delta"] for variant in some] == [0.1, 0.1, 0.1, 0.2]


def test_rules_of_a_grid_do_not_grow_with_its_combinations():
    sizes = []
    for count in (10, 1_000):
        grid = {"profit": np.linspace(0.1, 0.9, count).tolist(), "stop": np.linspace(0.5, 4.0, count).tolist()}
        rules = RuleGrid(grid, lambda values: replace(iwm.Rules(contracts=1), **values))
        sizes.append(len(pickle.dumps(rules.resolved())))
    assert sizes[1] - sizes[0] < 2 * 990 * 8 + 200  # two exits of 8 bytes a value; a million combinations
