"""The matrix of a screen: short delta by expiration."""

import math

import pytest

import iwm_opts as iwm
from tests.refusals import refused

DELTAS = (0.10, 0.16, 0.20, 0.30)


@pytest.fixture(scope="module")
def chain_path(made_quotes, tmp_path_factory):
    file = tmp_path_factory.mktemp("chain") / "chain.csv.gz"
    made_quotes().to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def chain(chain_path):
    return iwm.read_chain(chain_path, as_of="2026-03-02", dividends="none")


@pytest.fixture(scope="module")
def frame(chain):
    return iwm.screen(chain, dte=(28, 50)).matrix().to_frame()


def test_every_delta_of_every_expiration_has_a_row(frame):
    assert list(frame["short_delta"]) == [*DELTAS] * 2
    assert sorted(set(frame["dte"])) == [31, 46]
    assert (frame["put_delta"] - frame["short_delta"]).abs().max() < 0.03  # strikes a dollar apart
    assert (frame["call_delta"] - frame["short_delta"]).abs().max() < 0.03
    for _, expiration in frame.groupby("expiration"):
        assert expiration["credit_mid"].is_monotonic_increasing
        assert expiration["max_loss"].is_monotonic_decreasing


def test_a_cell_equals_the_screen_of_its_delta_and_expiration(chain, frame):
    row = frame[(frame["dte"] == 46) & (frame["short_delta"] == 0.20)].iloc[0]
    best = iwm.screen(chain, iwm.IronCondor(short_delta=0.20), dte=(46, 46)).to_frame().iloc[0]
    assert row["strikes"] == best["strikes"]
    for name in ("credit_mid", "credit_natural", "credit_fill", "max_loss", "expected_profit", "pop"):
        assert row[name] == pytest.approx(best[name], abs=1e-9), name
    assert row["contracts"] == best["size_contracts"]


def test_a_cell_without_a_package_stays_in_the_matrix(chain):
    matrix = iwm.screen(chain, dte=(46, 46), selection=iwm.Selection(min_credit=0.9)).matrix((0.05, 0.30))
    low, high = matrix.to_dict()["cells"]
    assert (low["strikes"], low["credit_fill"], low["contracts"]) == ("", None, 0)
    assert high["credit_fill"] >= 0.9
    assert "no package" in matrix.to_text(columns=80)


def test_verticals_vary_their_short_leg_too(chain):
    frame = iwm.screen(chain, iwm.Vertical(kind="bull-put"), dte=(46, 46)).matrix().to_frame()
    assert all(math.isnan(delta) for delta in frame["call_delta"])
    assert frame["put_delta"].is_monotonic_increasing


def test_strategies_and_deltas_without_meaning_are_refused(chain):
    with refused("strategy", "SingleOption"):
        iwm.screen(chain, iwm.SingleOption(), dte=(46, 46)).matrix()
    for deltas, name, value in (((), "deltas", ()), ((1.2,), "delta", "1.2:1.2")):
        with refused(name, value):
            iwm.screen(chain, dte=(46, 46)).matrix(deltas)
