import numpy as np
import pytest

from iwm_opts.simulation.dynamics import simulate_states
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.scenarios import load_scenarios, outcome_of, scenario, shipped_scenarios
from tests.refusals import refused, refused_data

USER = """
[mine]
first = 2024-01-02
sessions = 20
start = { fast = 1.0 }
dynamics = { growth = -1.0 }
"""


@pytest.mark.parametrize("name", ["calm-2017", "q4-2018", "march-2020", "year-2022"])
def test_paths_bracket_the_measured_stretch(name):
    # IWM closes and RVX over each stretch, measured from their daily files; between the 10% and 90% of simulated paths.
    one = scenario(name)
    drawdown, sessions, peak, mean = np.quantile(one.outcomes(shipped_parameters(), 300), [0.1, 0.9], axis=0).T
    wanted = one.measured
    assert drawdown[0] <= wanted.drawdown <= drawdown[1]
    assert sessions[0] <= wanted.sessions <= sessions[1]
    assert peak[0] <= wanted.peak_iv <= peak[1]
    assert mean[0] <= wanted.mean_iv <= mean[1]


@pytest.mark.parametrize("name", ["calm-2017", "q4-2018", "march-2020", "year-2022"])
def test_no_scenario_runs_wild(name):
    # Hardly a path is twice as wild as what happened: a scenario that could be anything says nothing.
    one = scenario(name)
    drawn = one.outcomes(shipped_parameters(), 300, seed=6)
    assert np.quantile(drawn[:, 2], 0.98) < 2.0 * one.measured.peak_iv
    assert np.quantile(drawn[:, 3], 0.98) < 2.0 * one.measured.mean_iv
    world = one.world(shipped_parameters())
    days = [simulate_states(world, one.sessions, 6, path, one.start).log_return for path in range(300)]
    assert np.quantile(np.abs(days).max(axis=1), 0.98) < 0.25


def test_outcome_by_hand():
    class Path:
        log_return = np.log([1.10, 0.90, 0.80, 1.30])

    one = outcome_of(Path(), np.array([0.04, 0.09, 0.16, 0.04]))
    assert one.drawdown == pytest.approx(-0.28)
    assert one.sessions == 2
    assert one.peak_iv == pytest.approx(0.4)
    assert one.mean_iv == pytest.approx(0.275)


def test_a_user_s_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(USER, encoding="utf-8")
    mine = scenario("mine", load_scenarios(path))
    assert mine.measured is None
    assert mine.world(shipped_parameters()).dynamics.growth == -1.0
    assert mine.start.fast == 1.0
    assert mine.start.slow == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("sessions = 20", ""), ("mine.sessions",)),
        (("growth", "grwoth"), ("mine.dynamics.grwoth", "[mine.dynamics]")),
        (("fast = 1.0", "fats = 1.0"), ("mine.start.fats",)),
        (("[mine]", "[mine]\ncolour = 1"), ("mine.colour",)),
        (("2024-01-02", "'soon'"), ("mine.first", "soon")),
        (("sessions = 20", "sessions = '20'"), ("mine.sessions", "20")),
        (("sessions = 20", "sessions = 0"), ("mine.sessions", "0")),
        (("fast = 1.0", "fast = 'x'"), ("mine.start",)),
        (("growth = -1.0", "growth = nan"), ("mine.dynamics",)),
        (
            ("growth = -1.0 }", "growth = -1.0 }\n[mine.measured]\ndrawdown = -0.1\npeak_iv = 0.5\nsessions = 9.0"),
            ("mine.measured.mean_iv",),
        ),
        (("[mine]", "mine = 3\n[other]"), ("mine", "a table")),
    ],
)
def test_mistakes_are_named(tmp_path, change, message):
    path = tmp_path / "mine.toml"
    path.write_text(USER.replace(*change), encoding="utf-8")
    with refused_data("mine.toml", *message):
        load_scenarios(path)


def test_unknown_name():
    with refused("scenario", "doom", "calm-2017, q4-2018, march-2020, year-2022"):
        scenario("doom")
    assert set(shipped_scenarios()) == {"calm-2017", "q4-2018", "march-2020", "year-2022"}
