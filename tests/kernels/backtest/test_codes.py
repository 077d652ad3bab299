"""Codes by name: one definition of exits, skipped entries, summary columns and rows of the day loop's arrays."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from iwm_opts.api.rules import FIELDS
from iwm_opts.backtest.engine import blank_passages, rule_rows
from iwm_opts.backtest.rule_table import RuleTable
from iwm_opts.backtest.rules import ExitRule, Rules
from iwm_opts.cli.sweep import sweep
from iwm_opts.kernels.backtest import codes, day_loop, life, marks, state
from iwm_opts.kernels.backtest.codes import (
    CODES,
    EXIT_SETTINGS,
    RANKED_EXITS,
    ExitReason,
    SkipReason,
    Summary,
)
from iwm_opts.kernels.trading.sizing import package_units

SOME = {"profit": 0.25, "stop": 1.5, "touch": True, "dte": 9, "sessions": 4, "rank": 60.0}


def test_every_rule_of_exit_is_a_field_an_option_and_a_reason():
    assert [setting.field for setting in EXIT_SETTINGS] + ["first"] == [field.name for field in fields(ExitRule)]
    assert {setting.option for setting in EXIT_SETTINGS} <= set(FIELDS)
    assert {setting.option for setting in EXIT_SETTINGS} <= {parameter.name for parameter in sweep.params}
    assert [int(reason) for reason in RANKED_EXITS] == list(range(ExitReason.STOP, ExitReason.PROFIT + 1))


def test_kernels_read_the_codes():
    for module in (life, day_loop, marks):
        held = {name: value for name, value in vars(module).items() if name in CODES or name in state.PLACES}
        assert held
        assert all(value == (CODES if name in CODES else state.PLACES)[name] for name, value in held.items())
        assert all(type(value) is int for value in held.values())
    assert sorted(life.BEST_ORDER) == sorted(RANKED_EXITS)
    with pytest.raises(ImportError):
        from iwm_opts.kernels.backtest.codes import NOTHING  # noqa: F401
    with pytest.raises(AttributeError):
        _ = state.NOTHING


def test_no_name_means_two_things():
    assert len(CODES) == len(ExitReason) + len(SkipReason) + len(Summary)
    records = state.Days, state.Lifetimes, state.Prices, state.Closing, state.Trades
    names = sum(len(record._fields) for record in records) + len(state.RULE_FIELDS)
    assert len(state.PLACES) == names
    assert not set(state.PLACES) & set(CODES)


@pytest.mark.parametrize("setting", EXIT_SETTINGS, ids=lambda setting: setting.field)
def test_an_exit_has_its_own_column_and_level(setting):
    off = ExitRule(None, None, dte=None)
    rules = Rules(exit=replace(off, **{setting.field: SOME[setting.field]}))
    (row,) = rows = rule_rows([rules], [0])
    name = setting.reason.name
    assert row[state.PLACES[f"{name}_BOUND"]] == SOME[setting.field]
    others = [each for each in EXIT_SETTINGS if each is not setting]
    assert all(row[state.PLACES[f"{each.reason.name}_BOUND"]] in (0.0,) or math.isnan(
        row[state.PLACES[f"{each.reason.name}_BOUND"]]) for each in others)  # fmt: skip
    blank_passages(rows, 1)
    levels = {reason: row[state.PLACES[f"{reason.name}_LEVEL"]] for reason in RANKED_EXITS}
    assert levels.pop(setting.reason) == 0.0
    assert set(levels.values()) == {-1.0}
    assert row[state.STOP_LEVEL + setting.reason - ExitReason.STOP] == 0.0  # as the day loop finds it
    assert RuleTable.of([rules])[0] == rules


def test_what_limits_a_size_is_the_reason_of_a_skipped_entry():
    """Equity, shares of it, open risk, power, loss and buying power: each bound in turn leaves no package."""
    limits = {
        SkipReason.BY_RISK: (1e4, 0.01, 1.0, 0.0, 1e4, 500.0, 500.0),
        SkipReason.BY_OPEN_RISK: (1e4, 0.5, 0.5, 4_900.0, 1e4, 500.0, 500.0),
        SkipReason.BY_BUYING_POWER: (1e4, 0.5, 1.0, 0.0, 100.0, 500.0, 500.0),
    }
    for reason, terms in limits.items():
        units, binding = package_units(*(np.float64(term) for term in terms))
        assert (units, codes.BY_RISK + binding) == (0, reason)
    assert len({reason.words for reason in SkipReason}) == len(SkipReason)
