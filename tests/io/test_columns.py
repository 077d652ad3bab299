"""One market written down in every layout must read the same."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iwm_opts.conventions import YEARS
from iwm_opts.errors import DataError
from iwm_opts.io.files import load_chain
from iwm_opts.market.contract import occ_symbol
from tests.refusals import refused_data, shows

SAME = ["root", "expiration", "right", "strike", "bid", "ask"]


def symbols(frame, root="IWM"):
    return [
        occ_symbol(root, date.fromisoformat(e), r, k)
        for e, r, k in zip(frame["expiration"], frame["right"], frame["strike"], strict=True)
    ]


def yfinance(frame):
    words = {"C": "calls", "P": "puts"}
    return pd.DataFrame(
        {
            "contractSymbol": symbols(frame),
            "lastTradeDate": "2024-06-03 18:30:00+00:00",
            "strike": frame["strike"],
            "lastPrice": frame["last"],
            "bid": frame["bid"],
            "ask": frame["ask"],
            "volume": frame["volume"],
            "openInterest": frame["open_interest"],
            "impliedVolatility": frame["implied_volatility"],
            "type_option": frame["right"].map(words),
            "spot": frame["underlying_price"],
            "expiry": (pd.to_datetime(frame["expiration"]) - pd.Timedelta(days=1)).dt.strftime("%Y-%m-%d"),
        }
    )


def optopsy(frame):
    return frame.rename(columns={"right": "option_type", "underlying_price": "underlying_last"}).assign(
        option_type=frame["right"].map({"C": "call", "P": "put"}),
        expiration=pd.to_datetime(frame["expiration"]).dt.strftime("%m/%d/%Y"),
        quote_date=pd.to_datetime(frame["quote_date"]).dt.strftime("%m/%d/%Y"),
    )


def history(frame):
    columns = {"underlying_symbol": "symbol", "right": "type", "quote_date": "date"}
    renamed = frame.rename(columns=columns).drop(columns="underlying_price")
    return renamed.assign(contract_id=symbols(frame), type=frame["right"].map({"C": "call", "P": "put"}), mark=1.0)


def datashop(frame):
    """Cboe DataShop "End-of-Day Options Quotes with Calcs", columns as in its specification."""
    late = {"bid_eod": frame["bid"] - 0.02, "ask_eod": frame["ask"] + 0.02}
    return pd.DataFrame(
        {
            "underlying_symbol": "^IWM",
            "quote_date": frame["quote_date"],
            "root": "IWM",
            "expiration": frame["expiration"],
            "strike": frame["strike"],
            "option_type": frame["right"],
            "open": 0.0,
            "high": 0.0,
            "low": 0.0,
            "close": frame["last"],
            "trade_volume": frame["volume"],
            "bid_size_1545": 11,
            "bid_1545": frame["bid"],
            "ask_size_1545": 12,
            "ask_1545": frame["ask"],
            "underlying_bid_1545": 99.99,
            "underlying_ask_1545": 100.01,
            "implied_underlying_price_1545": 77.0,
            "active_underlying_price_1545": 78.0,
            "implied_volatility_1545": frame["implied_volatility"],
            "delta_1545": frame["delta"],
            "bid_size_eod": 1,
            **late,
            "underlying_bid_eod": 100.49,
            "underlying_ask_eod": 100.51,
            "vwap": 0.0,
            "open_interest": frame["open_interest"],
            "delivery_code": "",
        }
    )


def side_by_side(frame):
    sides = {r: part.set_index(["expiration", "strike"]) for r, part in frame.groupby("right")}
    return sides["C"], sides["P"], sides["C"].reset_index()


def optionsdx(frame):
    """OptionsDX end-of-day text: names in brackets, a space after each comma, sizes as `bid x ask`."""
    call, put, row = side_by_side(frame)
    table = {
        "QUOTE_UNIXTIME": "1717444800",
        "QUOTE_READTIME": row["quote_date"] + " 16:00",
        "QUOTE_DATE": row["quote_date"],
    }
    table |= {
        "QUOTE_TIME_HOURS": "16.000000",
        "UNDERLYING_LAST": row["underlying_price"],
        "EXPIRE_DATE": row["expiration"],
    }
    table |= {"C_DELTA": call["delta"].to_numpy(), "C_IV": call["implied_volatility"].to_numpy()}
    table |= {"C_VOLUME": call["volume"].to_numpy(), "C_LAST": call["last"].to_numpy(), "C_SIZE": "3 x 4"}
    table |= {"C_BID": call["bid"].to_numpy(), "C_ASK": call["ask"].to_numpy(), "STRIKE": row["strike"]}
    table |= {"P_BID": put["bid"].to_numpy(), "P_ASK": put["ask"].to_numpy(), "P_SIZE": "5 x 6"}
    table |= {"P_LAST": put["last"].to_numpy(), "P_DELTA": put["delta"].to_numpy(), "P_IV": "", "P_VOLUME": ""}
    wide = pd.DataFrame(table)
    header = ", ".join(f"[{name}]" for name in wide)
    return "\n".join([header, *(", ".join(f"{v}" for v in values) for values in wide.itertuples(index=False))])


def orats(frame):
    call, put, row = side_by_side(frame)
    return pd.DataFrame(
        {
            "ticker": "IWM",
            "tradeDate": row["quote_date"],
            "expirDate": row["expiration"],
            "dte": 1,
            "strike": row["strike"],
            "stockPrice": 77.0,  # of an index the implied future; spotPrice is the index
            "callVolume": call["volume"].to_numpy(),
            "callOpenInterest": call["open_interest"].to_numpy(),
            "callBidSize": 7,
            "callAskSize": 8,
            "putVolume": put["volume"].to_numpy(),
            "putOpenInterest": put["open_interest"].to_numpy(),
            "callBidPrice": call["bid"].to_numpy(),
            "callValue": 0.0,
            "callAskPrice": call["ask"].to_numpy(),
            "putBidPrice": put["bid"].to_numpy(),
            "putAskPrice": put["ask"].to_numpy(),
            "callMidIv": call["implied_volatility"].to_numpy(),
            "putMidIv": put["implied_volatility"].to_numpy(),
            "delta": call["delta"].to_numpy(),
            "spotPrice": row["underlying_price"],
        }
    )


def old_orats(frame):
    names = {
        "tradeDate": "trade_date",
        "stockPrice": "stkPx",
        "spotPrice": "spot_px",
        "callVolume": "cVolu",
        "putVolume": "pVolu",
    }
    names |= {"callOpenInterest": "cOi", "putOpenInterest": "pOi", "callMidIv": "cMidIv", "putMidIv": "pMidIv"}
    names |= {f"{word}{side}Price": f"{word[0]}{side}Px" for word in ("call", "put") for side in ("Bid", "Ask")}
    table = orats(frame).rename(columns=names)
    return table.assign(trade_date=pd.to_datetime(table["trade_date"]).dt.strftime("%m/%d/%Y"))


LAYOUTS = [yfinance, optopsy, history, datashop, optionsdx, orats, old_orats]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
def test_every_layout_reads_the_same(quotes, save, layout):
    expected = load_chain(save(quotes(), "canonical.csv"))
    chain = load_chain(save(layout(quotes())), symbol="IWM", session="1545" if layout is datashop else None)
    assert (chain.symbol, chain.as_of, chain.spot) == ("IWM", date(2024, 6, 3), pytest.approx(100.0, abs=0.05))
    pd.testing.assert_frame_equal(chain.quotes[SAME], expected.quotes[SAME])
    assert chain.quality.usable == len(expected.quotes) == 36


@pytest.mark.parametrize("layout", [yfinance, optopsy, history, datashop, orats], ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", ["chain.parquet", "chain.csv.gz"])
def test_parquet_and_gzip_read_as_csv(quotes, save, layout, name):
    plain = load_chain(save(layout(quotes())))
    other = load_chain(save(layout(quotes()), name))
    pd.testing.assert_frame_equal(plain.quotes, other.quotes)


@pytest.mark.parametrize("name", ["quote_date", "right", "expiration", "underlying_symbol"])
def test_string_views_of_any_column_read_as_texts(quotes, save, tmp_path, name):
    """pyarrow has no filter over them: with a day asked for, the reader filters the rows."""
    frame = quotes()
    day = date.fromisoformat(frame["quote_date"].iloc[0])
    typed = frame.assign(quote_date=pd.to_datetime(frame["quote_date"]).dt.date)
    typed[name] = frame[name]
    table = pa.Table.from_pandas(typed, preserve_index=False)
    views = table.column(name).combine_chunks().cast(pa.string_view())
    pq.write_table(table.set_column(table.schema.get_field_index(name), name, views), tmp_path / "views.parquet")
    chain = load_chain(tmp_path / "views.parquet", as_of=day)
    pd.testing.assert_frame_equal(chain.quotes[SAME], load_chain(save(frame)).quotes[SAME])


def test_dates_of_any_parquet_type(quotes, save):
    frame = quotes()
    typed = frame.assign(
        quote_date=pd.to_datetime(frame["quote_date"]), expiration=pd.to_datetime(frame["expiration"]).dt.date
    )
    typed["right"] = typed["right"].astype("category")
    chain = load_chain(save(typed, "typed.parquet"))
    pd.testing.assert_frame_equal(chain.quotes[SAME], load_chain(save(frame)).quotes[SAME])


def test_the_contract_symbol_is_believed_over_the_expiry_column(quotes, save):
    chain = load_chain(save(yfinance(quotes())))
    assert chain.quotes["expiration"].iloc[0] == pd.Timestamp("2024-06-07")
    assert any(shows(text, "in 36 of 36", "expiration") for text in chain.warnings)
    assert f"{chain.quote_time:%H:%M %z}" == "14:30 -0400"  # of the latest trade
    assert any("latest trade" in warning for warning in chain.warnings)


def test_datashop_holds_two_captures(quotes, save):
    path = save(datashop(quotes()))
    late, usual = load_chain(path, session="eod"), load_chain(path)
    assert (usual.session, f"{usual.quote_time:%H:%M}", usual.spot) == ("1545", "15:45", pytest.approx(100.0))
    assert (late.session, f"{late.quote_time:%H:%M}", late.spot) == ("eod", "16:00", pytest.approx(100.5))
    assert late.quotes["bid"].to_numpy() == pytest.approx(usual.quotes["bid"].to_numpy() - 0.02)
    assert usual.quotes["last"].notna().all()
    assert load_chain(path, session="15:45").session == "1545"


def test_datashop_captures_move_with_half_days(quotes, save):
    # The exchange closed at 13:00 on 2024-07-03.
    frame = datashop(quotes(date(2024, 7, 3))).assign(expiration="2024-07-19")
    chain = load_chain(save(frame.drop_duplicates(["strike", "option_type"])))
    assert f"{chain.quote_time:%H:%M}" == "12:45"


def test_greeks_and_sizes_of_wide_files(quotes, save):
    chain = load_chain(save(orats(quotes())))
    deltas = chain.quotes.groupby("right")["delta"].unique()
    assert (deltas["C"].tolist(), deltas["P"].tolist()) == ([0.5], [-0.5])  # ORATS' delta is the call's
    puts = load_chain(save(optionsdx(quotes())), symbol="IWM").quotes.query("right == 'P'")
    assert (puts["bid_size"].unique().tolist(), puts["ask_size"].unique().tolist()) == ([5.0], [6.0])
    assert puts["volume"].isna().all()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("right", "X", "row 5, column right: 'X' is not a right"),
        ("right", "", "row 5, column right: empty"),
        ("expiration", "2024-13-01", "row 5, column expiration: '2024-13-01' is not a date"),
        ("expiration", "", "row 5, column expiration: empty"),
        ("quote_date", "yesterday", "row 5, column quote_date: 'yesterday' is not a date"),
        ("quote_date", "", "row 5, column quote_date: the date is empty"),
        ("bid", "1.2.3", "row 5, column bid: '1.2.3' is not a number"),
        ("strike", "ninety", "row 5, column strike: 'ninety' is not a number"),
        ("strike", "", "row 5, column strike: empty"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(quotes, save, column, value, message):
    frame = quotes().astype(str)
    frame.loc[3, column] = value
    with pytest.raises(DataError) as caught:
        load_chain(save(frame))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("underlying_price", np.inf, ("underlying_price", "row 5", "inf")),
        ("underlying_price", -100.0, ("underlying_price", "row 5", "-100")),
    ],
)
def test_impossible_spots_are_refused(quotes, save, column, value, message):
    frame = quotes()
    frame.loc[3, column] = value
    with refused_data("chain.csv", *message):
        load_chain(save(frame))


@pytest.mark.parametrize("strike", [0.0, -90.0, np.inf])
@pytest.mark.parametrize("has_spot", [True, False])
def test_rows_of_an_impossible_strike_are_left_out_as_those_off_spot(quotes, save, strike, has_spot):
    frame = quotes().astype({"strike": float})
    frame = frame if has_spot else frame.drop(columns="underlying_price")
    frame.loc[3, "strike"] = strike
    chain = load_chain(save(frame))
    assert len(chain.quotes) == len(frame) - 1
    assert any(shows(text, "1 of 36 rows", "strike") and "row 5" in text for text in chain.warnings)
    frame.loc[12:, "strike"] = strike  # of most rows: they are not the market
    assert len(load_chain(save(frame)).quotes) == 11
    frame["strike"] = strike
    with refused_data("chain.csv", "strike", "36 of 36", "spot 100" if has_spot else "a positive number"):
        load_chain(save(frame))


@pytest.mark.parametrize(("column", "value"), [("volume", -1), ("open_interest", np.inf), ("underlying_price", 0.0)])
def test_impossible_counts_and_blank_spots_are_left_out_by_name(quotes, save, column, value):
    frame = quotes().astype({column: float})
    frame.loc[[3, 7], column] = value
    chain = load_chain(save(frame))
    assert shows(chain.quality.notes, column, "2 rows", f"row 5, {value:g}")
    assert chain.spot == 100.0


@pytest.mark.parametrize("column", ["quote_date", "expiration"])
@pytest.mark.parametrize("day", ["9999-12-31", "2101-01-01", "1969-12-31"])
def test_days_beyond_the_calendar_are_named(quotes, save, column, day):
    frame = quotes()
    frame.loc[3, column] = day
    with refused_data("chain.csv", column, "row 5", day, "1970", YEARS[-1]):
        load_chain(save(frame))
