from dataclasses import replace

import numpy as np
import pytest

from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.research.calibration import fit, joint_root, residuals
from iwm_opts.research.calibration_provenance import to_toml, with_provenance
from iwm_opts.research.facts import FACTS, scaled
from iwm_opts.research.goodness_of_fit import judge
from iwm_opts.research.history import simulated_history
from iwm_opts.research.path_ensemble import BLOCK, RIDGE, PathEnsemble, target_of
from iwm_opts.research.search_space import FREE
from iwm_opts.simulation.parameters import load_parameters, shipped_parameters
from tests.refusals import refused

PARAMETERS = shipped_parameters()
SESSIONS = 1500


def misfit(parameters, target, rehearsal):
    found = residuals(parameters, target, rehearsal)
    return float(found @ found)


@pytest.fixture(scope="module")
def target():
    """A "real" market whose parameters are known: one simulated path."""
    return target_of(simulated_history(PARAMETERS, SESSIONS, seed=99))


def test_the_true_parameters_fit_better_than_wrong_ones(target):
    rehearsal = PathEnsemble(SESSIONS, 6, seed=1)

    def missed(parameters):  # the facts' means alone: a band wants more than six histories
        found = residuals(parameters, target, rehearsal)[: len(FACTS)]
        return found @ found

    wrong = replace(PARAMETERS, dynamics=replace(PARAMETERS.dynamics, level=PARAMETERS.dynamics.level + 0.7))
    assert missed(wrong) > 2 * missed(PARAMETERS)


def test_the_search_improves_a_wrong_start(target):
    wrong = replace(PARAMETERS, premium=replace(PARAMETERS.premium, level=PARAMETERS.premium.level + 0.4))
    rehearsal = PathEnsemble(SESSIONS, 6, seed=1)
    found, value = fit(wrong, target, histories=6, steps=2, seed=1)
    assert value < 0.7 * misfit(wrong, target, rehearsal)
    assert misfit(found, target, rehearsal) <= value
    assert found.smile == wrong.smile


def test_the_joint_weight_is_an_inverse_covariance(target):
    # R'R inverts the covariance with the ridge on its diagonal, so R whitens it: R (S + ridge) R' is the identity.
    root = joint_root(PARAMETERS, target, histories=60, seed=3)
    drawn = scaled(PathEnsemble(SESSIONS, 60, seed=3).facts(PARAMETERS))
    whitened = root @ (np.cov(drawn.T) + RIDGE * np.diag(target.error**2)) @ root.T
    assert whitened == pytest.approx(np.eye(len(FACTS)), abs=1e-6)


@pytest.mark.market_data
def test_blocks_are_as_long_as_the_data_ask_for(market_data):
    # Politis and White 2004 with the correction of Patton, Politis and White 2009, as the arch package has it.
    from arch.bootstrap import optimal_block_length

    closes = load_iv_history(market_data / "vol" / "RVX_History.csv.gz", tenor_days=30).closes
    asked = optimal_block_length(np.log(closes[:"2019-12-31"].dropna()))["stationary"].iloc[0]
    assert 0.5 * BLOCK < asked < BLOCK


def test_the_market_itself_lies_among_its_own_histories(target):
    judgement = judge(PARAMETERS, target, histories=160)
    assert judgement.inside >= 30
    assert judgement.mahalanobis < 1.6 * judgement.mahalanobis_95
    assert len(judgement.facts) == len(FACTS)


def test_a_history_of_a_year_has_no_facts():
    with refused("history", 300):
        target_of(simulated_history(PARAMETERS, 300, seed=1))


def test_rehearsals_repeat():
    one, other = (PathEnsemble(300, 2, seed=5).facts(PARAMETERS) for _ in range(2))
    assert one.tobytes() == other.tobytes()


def test_a_parameter_file_reads_back_with_its_record(target, tmp_path):
    judgement = judge(PARAMETERS, target, histories=90)
    recorded = with_provenance(
        PARAMETERS, ("2009-09-16", "2019-12-31"), {"whole": judgement}, 'files "a" and "b"', ["seen"]
    )
    path = tmp_path / "fitted.toml"
    path.write_text(to_toml(recorded), encoding="utf-8")
    read = load_parameters(path)
    assert read.provenance["sources"] == 'files "a" and "b"'
    assert read.provenance["notes"] == ["seen"]
    assert [f["name"] for f in read.provenance["facts"]] == [f.name for f in judgement.facts]
    for part, name, _ in FREE:
        wanted = getattr(getattr(PARAMETERS, part), name)
        assert getattr(getattr(read, part), name) == pytest.approx(wanted, rel=1e-5, abs=1e-12)
    assert np.isfinite([f["band_ratio"] for f in read.provenance["facts"]]).all()
