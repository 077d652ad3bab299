"""What-if scenarios against the quotes, the payoff at expiry, and Black 1976 by hand."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.stats import norm

import iwm_opts as iwm
from iwm_opts.errors import InputError
from iwm_opts.spreads.whatif import worth

MOVES = (-0.1, -0.05, 0.0, 0.05, 0.1)


@pytest.fixture(scope="module")
def chain_path(made_quotes, tmp_path_factory):
    file = tmp_path_factory.mktemp("chain") / "chain.csv.gz"
    made_quotes().to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def package(chain_path):
    chain = iwm.read_chain(chain_path, as_of="2026-03-02", dividends="none", exercise="european", rate=0.04)
    return iwm.screen(chain, dte=(46, 46))[0]


@pytest.fixture(scope="module")
def frame(package):
    return iwm.whatif(package, moves=MOVES, vol_shifts=(0.0, 0.05)).to_frame()


def legs_of(package):
    return [(leg, 1 if leg.side == "long" else -1) for leg in package.sized.candidate.legs]


def test_nothing_changed_is_the_midpoint(package, frame):
    today = frame[(frame["dte"] == 46) & (frame["move"] == 0) & (frame["vol_shift"] == 0)].iloc[0]
    candidate = package.sized.candidate
    assert today["value"] == pytest.approx(-100 * candidate.fill.mid, abs=0.01)
    assert today["pnl"] == pytest.approx(-candidate.fill.slippage - candidate.fees, abs=0.01)


def test_expiration_is_the_payoff_at_any_vol(package, frame):
    last = frame[frame["dte"] == 0]
    assert len(last) == 2 * len(MOVES)
    candidate = package.sized.candidate
    for _, row in last.iterrows():
        payoff = sum(
            sign * max((row["spot"] - leg.strike) * (1 if leg.right == "C" else -1), 0.0)
            for leg, sign in legs_of(package)
        )
        assert row["value"] == pytest.approx(100 * payoff, abs=1e-9)
        assert row["pnl"] == pytest.approx(100 * (payoff + candidate.fill.price) - candidate.fees, abs=1e-9)
    assert last["pnl"].max() == pytest.approx(candidate.max_profit)


def test_a_day_between_follows_black(package):
    day, shift = date(2026, 3, 30), 0.05
    rows = iwm.whatif(package, moves=MOVES, vol_shifts=(shift,), dates=[day]).to_frame()
    years = (date(2026, 4, 17) - day).days / 365.0
    for _, row in rows.iterrows():
        total = 0.0
        forward, discount = row["spot"] * np.exp(0.04 * years), np.exp(-0.04 * years)
        for leg, sign in legs_of(package):
            stdev = (leg.iv + shift) * np.sqrt(years)
            d1 = np.log(forward / leg.strike) / stdev + stdev / 2
            flag = 1 if leg.right == "C" else -1
            value = flag * (forward * norm.cdf(flag * d1) - leg.strike * norm.cdf(flag * (d1 - stdev)))
            total += sign * discount * value
        assert row["value"] == pytest.approx(100 * total, abs=0.3)  # the forward is the chain's, by parity


def test_a_dividend_counts_until_its_ex_date(chain_path):
    chain = iwm.read_chain(chain_path, as_of="2026-03-02", dividends="2026-03-20:2.0", exercise="american")
    candidate = iwm.screen(chain, iwm.Vertical(kind="bull-put"), dte=(46, 46))[0].sized.candidate
    paying, bare = chain.snapshot, replace(chain.snapshot, dividends=None)
    before, after = 10 / 365, 25 / 365
    assert worth(candidate, paying, [195.0], after) == pytest.approx(worth(candidate, bare, [195.0], after))
    assert worth(candidate, paying, [195.0], before) < worth(candidate, bare, [195.0], before) - 0.05


def test_the_order_of_scenarios_and_formats(package):
    result = iwm.whatif(package)
    frame = result.to_frame()
    assert len(frame) == 9 * 4 * 3
    assert [int(dte) for dte in frame["dte"].unique()] == [46, 23, 0]
    assert len(result.to_dict()["scenarios"]) == len(result.to_csv().splitlines()) - 1 == len(frame)
    assert all(len(line) <= 80 for line in result.to_text(columns=80).splitlines())


@pytest.mark.parametrize(
    ("scenario", "field"),
    [
        ({"moves": (-1.0,)}, "moves"),
        ({"moves": ()}, "moves"),
        ({"vol_shifts": (float("nan"),)}, "vol_shifts"),
        ({"dates": ("2026-03-01",)}, "dates"),
        ({"dates": ("2026-04-18",)}, "dates"),
    ],
)
def test_refusals(package, scenario, field):
    with pytest.raises(InputError) as failure:
        iwm.whatif(package, **scenario)
    assert failure.value.name == field
