import numpy as np
import pandas as pd
import pytest

from iwm_opts.execution.quoted_spread import side_by_side, spread_table
from tests.refusals import refused, shows

COLUMNS = ["right", "strike", "bid", "ask", "dte", "delta"]


def chain(*rows, spot=100.0):
    return pd.DataFrame(rows, columns=COLUMNS).assign(underlying_price=spot)


def bucket(spreads, right, name, dte):
    table = spreads.table
    found = table[(table["right"] == right) & (table["bucket"] == name) & (table["dte"] == dte)]
    assert len(found) == 1
    return found.iloc[0]


def test_worked_example():
    # Puts 6, 7 and 7.4% out of the money: spreads 0.02, 0.04, 0.10 and mids 0.21, 0.42, 0.25; one more without a bid.
    spreads = spread_table(
        chain(
            ("P", 94.0, 0.20, 0.22, 30, -0.1),
            ("P", 93.0, 0.40, 0.44, 30, -0.1),
            ("P", 92.6, 0.20, 0.30, 30, -0.1),
            ("P", 92.9, 0.00, 0.05, 30, -0.1),
            ("C", 106.0, 0.20, 0.30, 30, 0.1),
            ("P", 93.0, 0.10, 0.14, 3, -0.1),
        ),
        name="IWM",
    )
    puts = bucket(spreads, "P", "5-7.5", "22-45")
    assert puts["n"] == 3
    assert puts["no_bid"] == pytest.approx(1 / 4)
    assert puts["spread"] == pytest.approx(0.04)
    assert puts["spread_p75"] == pytest.approx((0.04 + 0.10) / 2)  # the third quarter of three values: between two
    assert puts["mid"] == pytest.approx(0.25)
    assert puts["share_of_mid"] == pytest.approx(0.02 / 0.21)  # of 2/21, 4/42 and 10/25
    assert puts["share_of_mid_p75"] == pytest.approx((0.04 / 0.42 + 0.10 / 0.25) / 2)
    assert bucket(spreads, "C", "5-7.5", "22-45")["n"] == 1
    assert bucket(spreads, "P", "5-7.5", "2-7")["spread"] == pytest.approx(0.04)
    assert (spreads.counted, spreads.no_bid, spreads.name) == (5, 1, "IWM")


@pytest.mark.parametrize(
    ("strike", "name"), [(100.0, "0-2.5"), (102.5, "2.5-5"), (105.0, "5-7.5"), (110.0, "10+"), (150.0, "10+")]
)
def test_a_band_holds_its_lower_edge(strike, name):
    assert spread_table(chain(("C", strike, 0.2, 0.3, 30, 0.1))).table["bucket"].tolist() == [name]


@pytest.mark.parametrize(
    ("dte", "name"), [(0, "0-1"), (1, "0-1"), (2, "2-7"), (45, "22-45"), (46, "46-90"), (181, "181+"), (900, "181+")]
)
def test_days_are_whole(dte, name):
    assert spread_table(chain(("C", 101.0, 0.2, 0.3, dte, 0.1))).table["dte"].tolist() == [name]


def test_by_delta():
    spreads = spread_table(
        chain(("P", 95.0, 0.2, 0.3, 30, -0.16), ("P", 94.0, 0.2, 0.3, 30, -0.1599), ("P", 99.0, 0.2, 0.3, 30, -0.5)),
        by="delta",
    )
    assert spreads.table["bucket"].tolist() == ["10-16", "16-25"]
    assert spreads.left_out["beyond 50 delta"] == 1


def test_the_forward_decides_where_there_is_one():
    quotes = chain(("P", 101.0, 0.2, 0.3, 30, -0.4))
    assert spread_table(quotes).left_out["in the money"] == 1
    assert spread_table(quotes.assign(forward=103.0)).table["bucket"].tolist() == ["0-2.5"]


def test_what_is_left_out_is_counted_once():
    spreads = spread_table(
        chain(
            ("P", 95.0, np.nan, 0.3, 30, -0.1),
            ("P", 95.0, 0.0, 0.0, 30, -0.1),
            ("P", 95.0, 0.4, 0.3, 30, -0.1),
            ("C", 95.0, 0.4, 0.3, 30, -0.1),
            ("C", 95.0, 0.2, 0.3, 30, -0.1),
            ("P", 95.0, 0.2, 0.3, -1, -0.1),
        )
    )
    wanted = {"without a quote": 2, "crossed": 2, "in the money": 1, "expired": 1}
    assert {reason: count for reason, count in spreads.left_out.items() if count} == wanted
    assert spreads.table.empty
    assert shows(spreads.note, "2 without", "2 crossed, 1 in", "1 expired")


def test_a_bucket_without_any_bid_says_so():
    spreads = spread_table(chain(("P", 80.0, 0.0, 0.05, 3, -0.01)))
    (wing,) = spreads.table.itertuples()
    assert (wing.n, wing.no_bid) == (0, 1.0)
    assert np.isnan(wing.spread)


def test_two_chains_side_by_side():
    iwm = spread_table(chain(("P", 94.0, 0.18, 0.22, 30, -0.1), ("C", 106.0, 0.2, 0.3, 30, 0.1)))
    spy = spread_table(chain(("P", 564.0, 0.99, 1.01, 30, -0.1), ("C", 700.0, 0.0, 0.01, 30, 0.1), spot=600.0))
    (both,) = side_by_side(iwm, spy).itertuples()
    assert (both.right, both.bucket, both.n_1, both.n_2) == ("P", "5-7.5", 1, 1)
    assert both.ratio == pytest.approx((0.04 / 0.20) / (0.02 / 1.00))
    with refused("by", "delta and moneyness"):
        side_by_side(spread_table(chain(("P", 94.0, 0.2, 0.3, 30, -0.1)), by="delta"), spy)


def test_a_right_that_is_neither_is_refused():
    with refused("right", "put"):
        spread_table(chain(("C", 101.0, 0.2, 0.3, 30, 0.1), ("put", 95.0, 0.2, 0.3, 30, -0.1)))


@pytest.mark.parametrize("column", ["right", "strike", "bid", "dte", "underlying_price", "delta"])
def test_a_missing_column_is_named(column):
    with refused("chain", column):
        spread_table(chain(("C", 101.0, 0.2, 0.3, 30, 0.1)).drop(columns=column), by="delta")


def test_another_measure_is_refused():
    with refused("by", "strike", "moneyness or delta"):
        spread_table(chain(("C", 101.0, 0.2, 0.3, 30, 0.1)), by="strike")


@pytest.fixture(scope="module")
def real_chain(market_data):
    def load(name, session="mid"):
        table = pd.read_csv(market_data / "options" / name)
        table = table[table["session"] == session]
        days = (pd.to_datetime(table["expiration"]) - pd.to_datetime(table["quote_date"])).dt.days
        return table.assign(dte=days).rename(columns={"spot": "underlying_price"})

    return load


@pytest.mark.market_data
def test_put_spreads_of_iwm_as_measured_apart(real_chain, market_data):
    # spread_stats.csv was derived from the same quotes with deltas of its own; ours are Cboe's, so that a few quotes at
    # the edges of a bucket fall on the other side.
    spreads = spread_table(real_chain("IWM_cboe_full_20260615_20260702.csv.gz"), by="delta")
    ours = spreads.table.astype({"bucket": str, "dte": str}).set_index(["right", "bucket", "dte"])
    stats = pd.read_csv(market_data / "options" / "spread_stats.csv")
    stats = stats[(stats["dataset"] == "IWM_202606") & (stats["session"] == "mid")]
    theirs = stats.set_index(["right", "abs_delta_pct", "dte"])
    compared = 0
    for delta in ("5-10", "10-16", "16-25", "25-35"):
        for dte in ("2-7", "8-21", "22-45", "46-90", "91-180"):
            mine, other = ours.loc[("P", delta, dte)], theirs.loc[("P", delta, dte)]
            assert mine["n"] == pytest.approx(other["n"], rel=0.08)
            assert mine["spread"] == pytest.approx(other["median_spread_usd"], abs=0.005)
            assert mine["share_of_mid"] == pytest.approx(other["median_rel_spread"], rel=0.04)
            assert mine["share_of_mid_p75"] == pytest.approx(other["p75_rel_spread"], rel=0.04)
            compared += 1
    assert compared == 20


@pytest.mark.market_data
def test_spreads_widen_out_of_the_money_as_a_share_of_mid_not_in_dollars(real_chain):
    table = spread_table(real_chain("IWM_cboe_full_20260615_20260702.csv.gz")).table
    for dte in ("8-21", "22-45"):
        puts = table[(table["right"] == "P") & (table["dte"] == dte)]
        assert puts["bucket"].tolist() == ["0-2.5", "2.5-5", "5-7.5", "7.5-10", "10+"]
        assert puts["share_of_mid"].is_monotonic_increasing
        assert puts["spread"].is_monotonic_decreasing


@pytest.mark.market_data
def test_iwm_is_three_to_five_times_spy(real_chain):
    iwm, spy = (spread_table(real_chain(f"{name}_cboe_0-13dte_20260716_20260731.csv.gz")) for name in ("IWM", "SPY"))
    both = side_by_side(iwm, spy)
    puts = both[(both["right"] == "P") & (both["dte"] == "8-21") & both["bucket"].isin(["0-2.5", "2.5-5", "5-7.5"])]
    assert len(puts) == 3
    assert puts["ratio"].between(3, 5).all()
