from dataclasses import replace

import numpy as np
import pytest

from iwm_opts.simulation.calibration import FREE, Rehearsal, fit, judge, misfit, target_of
from iwm_opts.simulation.history import simulated_history
from iwm_opts.simulation.parameters import load_parameters, shipped_parameters
from iwm_opts.simulation.provenance import to_toml, with_provenance

PARAMETERS = shipped_parameters()
SESSIONS = 1500


@pytest.fixture(scope="module")
def target():
    """A "real" market whose parameters are known: one simulated path."""
    return target_of(simulated_history(PARAMETERS, SESSIONS, seed=99))


def test_the_true_parameters_fit_better_than_wrong_ones(target):
    rehearsal = Rehearsal(SESSIONS, 6, seed=1)
    true = misfit(PARAMETERS, target, rehearsal)
    wrong = replace(PARAMETERS, dynamics=replace(PARAMETERS.dynamics, level=PARAMETERS.dynamics.level + 0.7))
    assert misfit(wrong, target, rehearsal) > 2 * true


def test_the_search_improves_a_wrong_start(target):
    wrong = replace(PARAMETERS, premium=replace(PARAMETERS.premium, level=PARAMETERS.premium.level + 0.4))
    found, value = fit(wrong, target, histories=2, generations=6, seed=1)
    assert value < misfit(wrong, target, Rehearsal(SESSIONS, 2, seed=1))
    assert found.smile == wrong.smile


def test_the_market_itself_lies_among_its_own_histories(target):
    judgement = judge(PARAMETERS, target, histories=160)
    assert judgement.inside >= 30
    assert judgement.mahalanobis < 1.6 * judgement.mahalanobis_95
    assert len(judgement.facts) == 43


def test_rehearsals_repeat():
    one, other = (Rehearsal(300, 2, seed=5).facts(PARAMETERS) for _ in range(2))
    assert one.tobytes() == other.tobytes()


def test_a_parameter_file_reads_back_with_its_record(target, tmp_path):
    judgement = judge(PARAMETERS, target, histories=90)
    recorded = with_provenance(PARAMETERS, ("2009-09-16", "2019-12-31"), {"whole": judgement}, 'files "a" and "b"')
    path = tmp_path / "fitted.toml"
    path.write_text(to_toml(recorded), encoding="utf-8")
    read = load_parameters(path)
    assert read.provenance["sources"] == 'files "a" and "b"'
    assert [f["name"] for f in read.provenance["facts"]] == [f.name for f in judgement.facts]
    for part, name, _ in FREE:
        wanted = getattr(getattr(PARAMETERS, part), name)
        assert getattr(getattr(read, part), name) == pytest.approx(wanted, rel=1e-5)
    assert np.isfinite([f["band_ratio"] for f in read.provenance["facts"]]).all()
