from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from iwm_opts.market.capture import make_chain
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.snapshot import take_snapshot


@pytest.fixture(scope="session")
def table_of(made_quotes: Callable[..., pd.DataFrame]) -> Callable[..., OptionTable]:
    """Option table of the April monthly of a made chain."""

    def make(**known: object) -> OptionTable:
        chain = make_chain(made_quotes(**known), symbol="IWM", source="made")
        return take_snapshot(chain, rate=0.04, exercise="european").table(date(2026, 4, 17))

    return make


@pytest.fixture(scope="session")
def table(table_of: Callable[..., OptionTable]) -> OptionTable:
    return table_of()
