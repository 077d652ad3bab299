"""A copy of a chain at another spot mixed into it: left out whole, or both markets named; real chains hold one."""

import numpy as np
import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.files import load_chain, read_chains
from iwm_opts.io.panel_files import build_panel
from tests.refusals import refused_data, shows


@pytest.fixture
def mixed(case, tmp_path):
    """Write the base chain with a copy of every `step`-th pair, its strikes and so its parity spot `shift` higher."""

    def write(shift: float, step: int = 1, names_spot: bool = True, is_first: bool = False):
        table = pd.read_csv(case("chains/base.csv"))
        copy = table[(table.index // 2) % step == 0]
        copy = copy.assign(strike=(copy["strike"] + shift).round(2))
        table = pd.concat([copy, table] if is_first else [table, copy])
        path = tmp_path / "mixed.csv"
        table.drop(columns=[] if names_spot else "underlying_price").to_csv(path, index=False)
        return path, len(copy)

    return write


@pytest.mark.parametrize("shift", [-9.6, -4.85, -2.3, 9.6])
@pytest.mark.parametrize("step", [1, 3, 8])
def test_a_copy_at_another_spot_is_left_out(mixed, quotes_of, base, shift, step):
    path, count = mixed(shift, step)
    chain = load_chain(path)
    warning = next(text for text in chain.warnings if "another market" in text)
    assert warning.startswith(f"{count} rows ")
    assert float(warning.split("(")[1].split()[0]) == pytest.approx(shift, abs=0.03)
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)
    panel = build_panel([path]).panel
    np.testing.assert_allclose(panel.spot, [240.15])
    assert len(panel.strike) == len(base) // 2


def test_strikes_that_occur_twice_are_told_apart(mixed, quotes_of, base):
    path, count = mixed(-10.0, is_first=True)
    assert shows(load_chain(path).warnings, f"{count} rows", "another market")
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)


def test_two_equal_markets_without_a_spot_are_refused_by_both(mixed, quotes_of, base):
    path, _ = mixed(-9.6, names_spot=False)
    with refused_data("mixed.csv", "spot", 230.73, 240.31):
        load_chain(path)
    with refused_data("mixed.csv, 2026-10-02", "spot", 230.73, 240.31):
        build_panel([path])
    np.testing.assert_allclose(quotes_of(path, spot=240.15).to_numpy(), base.to_numpy(), atol=1e-9)


@pytest.mark.market_data
@pytest.mark.parametrize(
    "name", ["VXX_hod_201612.csv.gz", "IWM_yahoo_20260708_20260710.csv.gz", "SPY_yfinance_20260213.csv.gz"]
)
def test_real_chains_are_of_one_market(market_data, name):
    path = market_data / "options" / name
    chains = list(read_chains(path)) if "yfinance" not in name else [load_chain(path)]
    notes = [text for chain in chains if not isinstance(chain, DataError) for text in chain.warnings]
    assert not [text for text in notes if "another market" in text]
