import pytest

from iwm_opts.research.history import HistoryFiles


@pytest.fixture
def history_files(market_data):
    """The real market: IWM with RVX, and the indices that stand in for its slopes."""
    vol = market_data / "vol"
    return HistoryFiles(
        bars=market_data / "daily" / "IWM_yahoo_long.csv.gz",
        iv=vol / "RVX_History.csv.gz",
        short=vol / "VIX9D_History.csv.gz",
        middle=vol / "VIX_History.csv.gz",
        long=vol / "VIX3M_History.csv.gz",
    )
