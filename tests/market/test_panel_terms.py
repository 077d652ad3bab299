"""What a panel implies equals what each of its chains implies, one day and one expiration at a time."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.files import read_chains
from iwm_opts.io.panel_files import build_panel
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.panel import joined
from iwm_opts.market.panel_terms import ASSUMED, GIVEN, IV_COLUMNS, PRICED, PanelPrices, panel_iv, panel_terms
from iwm_opts.market.snapshot import take_snapshot
from tests.refusals import refused

FAR = 10_000
HALF_DAYS = "half days"
FILES = [
    ("SPX_cboe_20190425_20190607", "SPX"),  # two roots, one settled on the open
    ("IWM_cboe_full_20260615_20260702", "IWM"),
    ("IWM_yahoo_20260708_20260710", "IWM"),  # defective quotes
    ("SPY_cboe_0-13dte_20260716_20260731", "SPY"),  # no expiration beyond IV10
    ("VXX_hod_201612", "VXX"),  # a rate is assumed
    ("IWM_cboe_0-13dte_20260716_20260731", "IWM"),  # two captures a day
    ("IWM_leapengine_20260720", "IWM"),  # one capture in JSON, as the next
    ("raw_cboe_IWM_20260626T181802Z", "IWM"),
    *((f"SPY_yfinance_{day}", "SPY") for day in ("20250826", "20260211", "20260212", "20260213")),  # no dates of quotes
    (HALF_DAYS, "IWM"),
]
REFUSED = ("SPY_yfinance_20201005", "defects/IWM_holiday_stale_20260619", "defects/IWM_yahoo_zero_quotes_20260710")
DIVIDENDS = DividendSchedule(
    tuple(Dividend(date(year, month, 15), 0.5 + 0.01 * month) for year in (2025, 2026) for month in (3, 6, 9, 12)),
    "made",
)


def file_of(folder, name):
    """The file of a name without its ending."""
    (path,) = (path for ending in (".csv.gz", ".json.gz") if (path := folder / "options" / f"{name}{ending}").exists())
    return path


def on_half_days(source, path):
    """Write a capture of a real day as of the half day 2025-07-03, and of 2025-11-20, before that of November 28."""
    rows = pd.read_csv(source)
    rows = rows[(rows["quote_date"] == "2026-07-16") & (rows["session"] == "mid")].drop(columns=["fetched_utc"])
    moved = []
    for weeks in (54, 34):
        back = pd.Timedelta(weeks=weeks)
        days = {name: pd.to_datetime(rows[name]) - back for name in ("quote_date", "expiration")}
        dates = {name: day.dt.strftime("%Y-%m-%d") for name, day in days.items()}
        moved.append(rows.assign(**dates, quote_time_et="11:30"))
    pd.concat(moved).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def read(market_data, tmp_path_factory):
    """Panel and chains of a file, the first days of it: a chain takes seconds to imply what it does."""
    known = {}

    def both(file, symbol, days=3):
        if file not in known:
            if file == HALF_DAYS:
                source = file_of(market_data, "IWM_cboe_0-13dte_20260716_20260731")
                path = on_half_days(source, tmp_path_factory.mktemp("half") / "days.csv")
            else:
                path = file_of(market_data, file)
            panel = build_panel([path], symbol, max_dte=FAR).panel
            panel = panel.take_days(0, min(days, len(panel)))
            read = read_chains(path, symbol=symbol, last=panel.dates[-1])
            known[file] = panel, [chain for chain in read if not isinstance(chain, DataError)]
        return known[file]

    return both


@pytest.mark.market_data
def test_every_file_of_the_market_data_is_compared(market_data):
    names = {path.name.partition(".")[0] for path in (market_data / "options").rglob("*.gz")}
    assert names == {name.rpartition("/")[2] for name in [file for file, _ in FILES[:-1]] + [*REFUSED]}


@pytest.mark.market_data
@pytest.mark.parametrize("file", REFUSED)
def test_a_file_without_a_chain_is_refused_as_a_panel_too(market_data, file):
    path, symbol = file_of(market_data, file), file.rpartition("/")[2].partition("_")[0]
    with pytest.raises(DataError) as of_panel:
        build_panel([path], symbol)
    try:
        (of_chain,) = read_chains(path, symbol=symbol)
    except DataError as error:
        of_chain = error
    assert isinstance(of_chain, DataError)
    assert of_panel.value.field == of_chain.field


@pytest.mark.market_data
def test_half_days_end_at_one(read):
    panel, _ = read(HALF_DAYS, "IWM")
    assert panel.dates == (date(2025, 7, 3), date(2025, 11, 20))
    (at_expiry,) = (q for q in panel.slices(0) if q.expiration == panel.dates[0])
    assert at_expiry.years * 365 * 24 == pytest.approx(1.5)
    (later,) = (q for q in panel.slices(1) if q.expiration == date(2025, 11, 28))
    assert later.years * 365 * 24 == pytest.approx(8 * 24 + 1.5)


def known_by(day):
    """Dividends paid by a day."""
    return DividendSchedule(tuple(d for d in DIVIDENDS.dividends if d.ex_date <= day), DIVIDENDS.source)


@pytest.mark.market_data
@pytest.mark.parametrize(("file", "symbol"), FILES)
@pytest.mark.parametrize("dividends", [None, DIVIDENDS], ids=["", "dividends"])
def test_rates_forwards_and_indices_are_those_of_the_chains(read, file, symbol, dividends):
    if dividends is not None and symbol != "IWM":
        pytest.skip("dividends go into American rates alone")
    panel, chains = read(file, symbol)
    terms = panel_terms(panel, dividends=dividends)
    iv = {name: panel_iv(terms, name).value for name in IV_COLUMNS}
    for place, chain in enumerate(chains):
        snapshot = take_snapshot(chain, dividends=known_by(chain.as_of) if dividends else None)
        assert terms.exercise == snapshot.exercise
        assert terms.rate[place] == pytest.approx(snapshot.rate.value, abs=1e-10)
        assert (terms.rate_source[place] == ASSUMED) == (snapshot.rate.source == "assumed")
        theirs = [forward for q, forward in zip(snapshot.slices, snapshot.forwards, strict=True) if q.years > 0.0]
        here = slice(panel.day_start[place], panel.day_start[place + 1])
        wanted = np.array([(f.price, f.discount) if f else (np.nan, np.nan) for f in theirs]).T
        np.testing.assert_allclose(terms.forward[here], wanted[0], rtol=1e-12)
        is_known = np.isfinite(wanted[0])
        np.testing.assert_allclose(terms.discount[here][is_known], wanted[1][is_known], rtol=1e-12)
        for name in IV_COLUMNS:
            np.testing.assert_allclose(iv[name][place], getattr(snapshot.iv, name), atol=1e-10, err_msg=name)


@pytest.mark.market_data
@pytest.mark.parametrize(("file", "symbol"), FILES)
def test_deltas_are_those_of_the_option_tables(read, file, symbol):
    panel, chains = read(file, symbol)
    terms = panel_terms(panel)
    prices = PanelPrices(terms)
    snapshot = take_snapshot(chains[0])
    last = int(panel.day_start[1]) if terms.exercise == "european" else min(int(panel.day_start[1]), 4)
    prices.price(np.arange(last))
    priced = 0
    for index in range(last):
        quotes = panel.expiry_slice(index)
        low, high = panel.strike_start[index : index + 2]
        try:
            table = snapshot.table(quotes.expiration, quotes.root)
        except DataError:
            assert prices.state[index] != PRICED
            continue
        priced += 1
        assert prices.state[index] == PRICED
        np.testing.assert_allclose(prices.put_delta[low:high], table.delta[: high - low], atol=1e-10)
        np.testing.assert_allclose(prices.call_delta[low:high], table.delta[high - low :], atol=1e-10)
    assert priced


@pytest.mark.market_data
def test_american_options_about_a_delta_are_those_of_the_whole_slice(read):
    panel, _ = read("IWM_cboe_full_20260615_20260702", "IWM")
    terms = panel_terms(panel)
    whole, part = PanelPrices(terms), PanelPrices(terms)
    index = panel.slice_of(0, "IWM", date(2026, 7, 31).toordinal())
    here = slice(panel.strike_start[index], panel.strike_start[index + 1])
    levels = (0.05, 0.16, 0.45)
    whole.price(np.array([index]))
    part.price(np.array([index]), levels)
    for ours, theirs in ((part.put_delta, whole.put_delta), (part.call_delta, whole.call_delta)):
        for level in levels:
            assert np.nanargmin(np.abs(np.abs(ours[here]) - level)) == np.nanargmin(
                np.abs(np.abs(theirs[here]) - level)
            )
        known = np.isfinite(ours[here])
        assert 3 <= known.sum() < np.isfinite(theirs[here]).sum()
        np.testing.assert_allclose(ours[here][known], theirs[here][known], atol=1e-7)


@pytest.mark.market_data
def test_a_day_implies_the_same_in_any_panel(read):
    panel, _ = read(*FILES[0])
    other = joined([panel.take_days(2, 3), panel.take_days(0, 2)])
    for name in IV_COLUMNS:
        whole = panel_iv(panel_terms(panel), name).value
        assert panel_iv(panel_terms(panel.take_days(1, 2)), name).value[0] == whole[1]
        np.testing.assert_array_equal(panel_iv(panel_terms(other), name).value, whole)


@pytest.mark.market_data
def test_a_given_rate_goes_over_the_quotes(read):
    panel, _ = read(*FILES[0])
    terms = panel_terms(panel, rate=0.03)
    assert terms.rate.tolist() == [0.03] * len(panel)
    assert (terms.rate_source == GIVEN).all()
    with refused("rate", 3.0):
        panel_terms(panel, rate=3.0)
    with refused("rate", -0.01):
        panel_terms(panel, rate=-0.01, exercise="american")
