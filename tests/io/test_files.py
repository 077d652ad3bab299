from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.conventions import CHAIN_COLUMNS
from iwm_opts.io.files import load_chain
from iwm_opts.market.chain import expiry_slices
from tests.refusals import refused, refused_data, shows


@pytest.fixture
def day(quotes):
    """Three captures of one day that differ in their bids."""

    def three(labelled=True, timed=True):
        parts = []
        for label, at, lower in (("mid", "14:05:00", 0.0), ("late", "15:30:00", 0.01), ("close", "16:14:00", 0.02)):
            part = quotes().assign(session=label, quote_time_et=at)
            parts.append(part.assign(bid=(part["bid"] - lower).round(2)))
        together = pd.concat(parts)
        return together.drop(columns=[*([] if labelled else ["session"]), *([] if timed else ["quote_time_et"])])

    return three


def test_the_latest_capture_within_the_session_is_taken_and_named(day, save):
    chain = load_chain(save(day()))
    assert (chain.session, f"{chain.quote_time:%H:%M %z}") == ("late", "15:30 -0400")
    assert shows(chain.quality.notes, "session late 15:30 of 3", "mid 14:05, late 15:30, close 16:14", "72 rows")


@pytest.mark.parametrize(
    ("session", "label"), [("mid", "mid"), ("CLOSE", "close"), ("15:30", "late"), ("16:14", "close")]
)
def test_a_capture_by_label_or_time(day, save, session, label):
    chain = load_chain(save(day()), session=session)
    assert chain.session == label
    assert len(chain.quotes) == 36
    assert len(chain.quotes["quote_time"].unique()) == 1


def test_captures_are_told_apart_by_time_alone(day, save):
    chain = load_chain(save(day(labelled=False)))
    assert (chain.session, f"{chain.quote_time:%H:%M}") == (None, "15:30")
    assert load_chain(save(day(labelled=False)), session="14:05").quality.duplicate == 0


def test_captures_are_told_apart_by_label_alone(day, save):
    chain = load_chain(save(day(timed=False)), session="mid")
    assert (chain.session, chain.quote_time, len(chain.quotes)) == ("mid", None, 36)


def test_captures_that_cannot_be_told_apart_are_refused(day, save):
    with refused_data("chain.csv", "quote_time", "72 rows", "36 contracts", "quote_time or session"):
        load_chain(save(day(labelled=False, timed=False)))


def test_an_unknown_session_names_those_of_the_day(day, save):
    with refused_data("chain.csv", "session", "noon", "mid 14:05", "late 15:30", "close 16:14"):
        load_chain(save(day()), session="noon")


def test_only_captures_after_the_session_leave_the_latest(day, save):
    frame = day()
    chain = load_chain(save(frame[frame["session"] == "close"]))
    assert chain.session == "close"
    assert f"{chain.moment:%H:%M}" == "16:00"
    assert any(shows(note, "captured 2024-06-03 16:14 New York") for note in chain.quality.notes)


def test_rows_with_times_of_their_own_are_one_capture(quotes, save):
    frame = quotes()
    frame["quote_time"] = [f"15:{minute:02d}:00" for minute in range(len(frame))]
    chain = load_chain(save(frame))
    assert (len(chain.quotes), f"{chain.quote_time:%H:%M}") == (36, "15:35")


def test_times_of_every_zone_become_new_york(quotes, save):
    for at in ("2024-06-03T18:05:00Z", "2024-06-03 14:05:00-04:00", "2024-06-03 14:05:00"):
        chain = load_chain(save(quotes().assign(quote_time=at)))
        assert chain.quote_time.isoformat() == "2024-06-03T14:05:00-04:00"
    feed = quotes().drop(columns="quote_date").assign(feed_utc="2024-06-03 18:20:00")
    chain = load_chain(save(feed))  # Cboe's delayed feed: 15 minutes old when read
    assert (chain.as_of, chain.quote_time.isoformat()) == (date(2024, 6, 3), "2024-06-03T14:05:00-04:00")


def test_the_symbol_comes_from_column_root_or_argument(quotes, save):
    bare = quotes().drop(columns="underlying_symbol")
    with refused_data("chain.csv", "symbol", "OCC", "`symbol`"):
        load_chain(save(bare))
    assert load_chain(save(bare), symbol="IWM").quotes["root"].unique().tolist() == ["IWM"]
    assert load_chain(save(bare.assign(root="SPXW"))).symbol == "SPX"
    with refused_data("chain.csv", "symbol", "IWM", "SPX"):
        load_chain(save(bare.assign(root="SPXW")), symbol="IWM")


def test_the_quote_date_may_be_given(quotes, save):
    undated = quotes().drop(columns="quote_date")
    with refused_data("chain.csv", "quote_date", "`as_of`"):
        load_chain(save(undated))
    chain = load_chain(save(undated), as_of=date(2024, 6, 3))
    assert chain.as_of == date(2024, 6, 3)
    assert shows(chain.warnings, "of 2024-06-03", "quotes")
    timed = load_chain(save(undated.assign(quote_time="14:05:00")), as_of=date(2024, 6, 3))
    assert timed.quote_time.isoformat() == "2024-06-03T14:05:00-04:00"
    with refused_data("chain.csv", "quote_date"):
        load_chain(save(undated.assign(quote_time="14:05:00")))


def test_spot_is_given_read_or_estimated(quotes, save):
    blind = save(quotes().drop(columns="underlying_price"), "blind.csv")
    chain = load_chain(blind)
    # In this market call and put at 100 cost the same: the forward is 100, and four days at 4% take 0.04 off.
    assert chain.spot == pytest.approx(100.0, abs=0.06)
    assert chain.spot_source == "estimated by put-call parity of 2024-06-07"
    assert any("`spot` sets it" in warning for warning in chain.warnings)
    assert (load_chain(blind, spot=100.1).spot, load_chain(blind, spot=100.1).spot_source) == (100.1, "given")
    odd = load_chain(save(quotes()), spot=103.0)
    assert any(shows(warning, "103.00 (given)") for warning in odd.warnings)
    for nonsense in (0.0, -1.0, float("nan")):
        with refused("spot", nonsense):
            load_chain(blind, spot=nonsense)


def test_a_window_of_expirations(quotes, save):
    path = save(quotes())
    chain = load_chain(path, expirations=(date(2024, 6, 10), date(2024, 6, 30)))
    assert chain.quotes["expiration"].unique().tolist() == [pd.Timestamp("2024-06-21")]
    with refused_data("chain.csv", "expiration", "2024-07-01", "2024-07-31", "2024-06-07", "2024-06-21"):
        load_chain(path, expirations=(date(2024, 7, 1), date(2024, 7, 31)))
    with refused("expirations", "2024-07-31:2024-07-01"):
        load_chain(path, expirations=(date(2024, 7, 31), date(2024, 7, 1)))


def test_what_comes_out_is_canonical(quotes, save):
    chain = load_chain(save(quotes()))
    assert tuple(chain.quotes.columns) == CHAIN_COLUMNS
    assert str(chain.quotes["quote_date"].dtype) == str(chain.quotes["expiration"].dtype) == "datetime64[us]"
    assert str(chain.quotes["quote_time"].dtype) == "datetime64[us, America/New_York]"
    assert chain.quotes["bid_size"].isna().all()


# --- real files: the facts stand in the README beside the data ------------------------------------------------------


@pytest.fixture
def options(market_data):
    return market_data / "options"


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("name", "symbol", "as_of", "session", "at", "rows", "spot"),
    [
        ("IWM_cboe_full_20260615_20260702.csv.gz", "IWM", "2026-06-26", "mid", "14:03", 4960, 297.82),
        ("IWM_cboe_full_20260615_20260702.csv.gz", "IWM", "2026-07-02", "close", "15:54", 5004, 296.57),
        ("IWM_cboe_0-13dte_20260716_20260731.csv.gz", "IWM", "2026-07-31", "mid", "14:14", 1682, 291.3913),
        ("SPY_cboe_0-13dte_20260716_20260731.csv.gz", "SPY", "2026-07-24", "close", "16:00", 3532, 738.10),
        ("SPX_cboe_20190425_20190607.csv.gz", "SPX", "2019-05-01", None, None, 13356, 2946.73),
        ("VXX_hod_201612.csv.gz", "VXX", "2016-12-01", None, None, 1472, 28.95),
        ("IWM_yahoo_20260708_20260710.csv.gz", "IWM", "2026-07-08", None, "18:35", 1411, 293.480011),
        ("IWM_leapengine_20260720.json.gz", "IWM", "2026-07-20", None, "09:30", 2480, 295.39),
        ("raw_cboe_IWM_20260626T181802Z.json.gz", "IWM", "2026-06-26", None, "14:03", 4960, 297.82),
        ("SPY_yfinance_20201005.csv.gz", "SPY", "2020-10-05", None, "16:14", 7508, 339.76),
        ("SPY_yfinance_20260211.csv.gz", "SPY", "2026-02-11", None, "11:19", 8778, 692.30),
        ("SPY_yfinance_20260212.csv.gz", "SPY", "2026-02-12", None, "10:10", 9177, 691.205),
        ("SPY_yfinance_20260213.csv.gz", "SPY", "2026-02-13", None, "10:50", 8973, 683.075),
    ],
)
def test_every_real_file(options, name, symbol, as_of, session, at, rows, spot):
    chain = load_chain(options / name, symbol=symbol, as_of=date.fromisoformat(as_of))
    assert (chain.symbol, chain.as_of.isoformat(), chain.session) == (symbol, as_of, session)
    assert (chain.quote_time and f"{chain.quote_time:%H:%M}") == at
    assert len(chain.quotes) == rows
    assert chain.spot == pytest.approx(spot, abs=0.001)
    slices = expiry_slices(chain)
    assert sum(np.isfinite(s.call_ask).sum() + np.isfinite(s.put_ask).sum() for s in slices) == chain.quality.usable


@pytest.mark.market_data
def test_known_defects_are_counted(options):
    assert load_chain(options / "SPY_yfinance_20201005.csv.gz").quality.crossed == 2
    assert load_chain(options / "SPY_yfinance_20260212.csv.gz").quality.crossed == 2
    early = load_chain(options / "SPY_yfinance_20201005.csv.gz").warnings
    assert any(text.startswith("expiration differs from the contract symbol in 7508 of 7508") for text in early)
    placeholders = load_chain(options / "SPY_yfinance_20260213.csv.gz").quality
    assert placeholders.iv_placeholder / placeholders.rows == pytest.approx(0.03, abs=0.005)
    dated = load_chain(options / "VXX_hod_201612.csv.gz").quotes["expiration"]
    assert (dated.dt.day_of_week < 5).all()  # its own column says Saturday


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("name", "most"),
    [  # quotes of one moment seldom contradict each other: 39 of 390,782 rows over Cboe's files
        ("IWM_cboe_full_20260615_20260702.csv.gz", 0.001),
        ("SPX_cboe_20190425_20190607.csv.gz", 0.001),
        ("SPY_yfinance_20260212.csv.gz", 0.02),  # Yahoo's are of many moments
    ],
)
def test_few_honest_quotes_are_implausible(options, name, most):
    quality = load_chain(options / name).quality
    assert quality.implausible <= most * quality.rows


@pytest.mark.market_data
def test_spot_of_a_file_without_it(options):
    # SPY closed at 645.16; the quotes are those of the quarter hour after.
    chain = load_chain(options / "SPY_yfinance_20250826.csv.gz")
    assert chain.spot == pytest.approx(645.16, rel=0.001)
    assert chain.spot_source.startswith("estimated by put-call parity")


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (
            "IWM_holiday_stale_20260619.csv.gz",
            ("quote_date", "2026-06-19"),
        ),
        ("IWM_yahoo_zero_quotes_20260710.csv.gz", ("quotes", "99.6%", "1415 rows")),
    ],
)
def test_defect_samples_are_refused_by_name(options, name, rule):
    with refused_data(name, *rule) as caught:
        load_chain(options / "defects" / name)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def june(market_data):
    """One day of IWM, both captures."""
    frame = pd.read_csv(market_data / "options" / "IWM_cboe_full_20260615_20260702.csv.gz")
    return frame[frame["quote_date"] == "2026-06-26"]


@pytest.mark.market_data
@pytest.mark.parametrize(
    "absent",
    [
        ["root"],
        ["session"],
        ["quote_time_et"],
        ["session", "quote_time_et"],
        ["quote_date"],
        ["spot"],
        ["session", "spot", "root"],
        ["iv", "delta", "gamma", "theta", "vega", "open_interest", "volume", "last", "bid_size", "ask_size"],
    ],
    ids="-".join,
)
def test_columns_that_others_make_up_for(june, save, absent):
    chain = load_chain(save(june.drop(columns=absent)), symbol="IWM")
    assert (len(chain.quotes), chain.as_of, chain.quality.duplicate) == (4960, date(2026, 6, 26), 0)
    assert f"{chain.quote_time:%H:%M}" == "14:03"
    assert chain.spot == pytest.approx(297.82, rel=1e-4)


@pytest.mark.market_data
def test_other_names_for_the_same_columns(june, save):
    names = {"right": "cp_flag", "quote_date": "date", "iv": "IV", "spot": "Underlying Price", "root": "ticker"}
    chain = load_chain(save(june.rename(columns={**names, "expiration": "Expiry"})), session="close")
    assert (chain.symbol, chain.session, chain.spot, len(chain.quotes)) == ("IWM", "close", 298.22, 4960)


@pytest.mark.market_data
def test_an_index_without_its_root_column(options, save):
    # 2019-05-17 is the third Friday, 05-10 is not.
    path = options / "SPX_cboe_20190425_20190607.csv.gz"
    frame = pd.read_csv(path)
    frame = frame[(frame["quote_date"] == "2019-05-07") & frame["expiration"].isin(["2019-05-10", "2019-05-17"])]
    frame = frame[(frame["root"] == "SPX") | (frame["expiration"] == "2019-05-10")]
    chain = load_chain(save(frame.drop(columns="root")), symbol="SPX")
    listed = chain.quotes[["expiration", "root"]].drop_duplicates().to_numpy().tolist()
    assert listed == [[pd.Timestamp("2019-05-10"), "SPXW"], [pd.Timestamp("2019-05-17"), "SPX"]]
