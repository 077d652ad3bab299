import math
import tomllib
from importlib.resources import files

import pytest

from iwm_opts.research.facts import FACTS
from iwm_opts.simulation.parameters import (
    CONTROL,
    control_parameters,
    load_parameters,
    parameters_from,
    parameters_of,
    shipped_parameters,
)
from tests.refusals import refused_data

TEXT = files("iwm_opts.simulation").joinpath("iwm.toml").read_text(encoding="utf-8")


def test_the_shipped_file_is_the_default(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert load_parameters(path) == shipped_parameters()


def test_it_says_where_its_numbers_come_from():
    shipped, control = shipped_parameters().provenance, control_parameters().provenance
    assert shipped["fitted"] == ["2009-09-16", "2025-06-04"]
    assert control["fitted"] == ["2009-09-16", "2019-12-31"]
    assert [len(one["facts"]) for one in (shipped, control)] == [len(FACTS)] * 2


def test_parameters_by_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert parameters_of(None) == parameters_of(str(path)) == shipped_parameters()
    assert parameters_of(CONTROL) == control_parameters() != shipped_parameters()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("smile"), ("smile",)),
        (lambda t: t["dynamics"].pop("floor"), ("dynamics.floor", "[dynamics]")),
        (lambda t: t["premium"].update(levle=1.0), ("premium.levle", "[premium]")),
    ],
)
def test_a_table_that_does_not_fit_is_named(change, message):
    tables = tomllib.loads(TEXT)
    change(tables)
    with refused_data("mine.toml", *message):
        parameters_from(tables, "mine.toml")


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("dynamics", "fast_speed", 0.0),
        ("dynamics", "slow_correlation", -1.0),
        ("dynamics", "burst_mean", 1.2),
        ("dynamics", "burst_rate", 251.0),
        ("dynamics", "fast_convexity", 0.9),
        ("dynamics", "fast_share", 1.2),
        ("dynamics", "middle_vol", -0.1),
        ("dynamics", "fast_vol", 60.0),
        ("smile", "gamma", 0.6),
        ("smile", "log_eta", 0.7),
        ("smile", "tilt", -0.15),
        ("smile", "covariance", [1.0]),
        ("spread", "coefficients", [1.0]),
    ],
)
def test_numbers_that_break_the_model_are_refused(section, name, value):
    tables = tomllib.loads(TEXT)
    tables[section][name] = value
    with refused_data("mine.toml", f"{section}.{name}"):
        parameters_from(tables, "mine.toml")


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("dynamics", "fast_vol", "3"),
        ("dynamics", "growth", math.nan),
        ("setting", "spot", math.inf),
        ("setting", "symbol", 7),
        ("bars", "overnight", True),
        ("spread", "coefficients", ["1.0"]),
    ],
)
def test_what_is_no_number_is_named(section, name, value):
    tables = tomllib.loads(TEXT)
    tables[section][name] = value
    with refused_data("mine.toml", f"{section}.{name}", section, name):
        parameters_from(tables, "mine.toml")


def test_no_toml(tmp_path):
    with refused_data("absent.toml", "", "No such file"):
        load_parameters(tmp_path / "absent.toml")
