"""Vendors' layouts that no file stands for: the base chain written as each vendor does, read back equal."""

import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.bars import load_bars
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.layouts import LAYOUTS
from iwm_opts.io.layouts.series import LAYOUTS as SERIES_LAYOUTS
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.panel_files import build_panel
from iwm_opts.io.yields import load_yields
from iwm_opts.journal.readers import read_log
from iwm_opts.market.contract import occ_symbol
from tests.refusals import refused_data, shows

AT = datetime.fromisoformat("2026-10-02T15:45:00-04:00")
MILLISECONDS = (15 * 3600 + 45 * 60) * 1000


@pytest.fixture
def rows(base) -> list[dict]:
    table = base.reset_index()
    table["occ"] = [
        occ_symbol("IWM", e.date(), r, k)
        for e, r, k in zip(table["expiration"], table["right"], table["strike"], strict=True)
    ]
    return table.to_dict("records")


def finnhub(rows):
    groups: dict[str, dict[str, list]] = {}
    for row in rows:
        side = "CALL" if row["right"] == "C" else "PUT"
        group = groups.setdefault(f"{row['expiration']:%Y-%m-%d}", {"CALL": [], "PUT": []})
        group[side].append(
            {"contractName": row["occ"], "contractSize": "REGULAR", "lastTradeDateTime": "2026-10-02 15:45:00",
             "strike": row["strike"], "bid": row["bid"], "ask": row["ask"], "lastPrice": row["bid"], "type": side,
             "impliedVolatility": 21.2, "intrinsicValue": 0.0, "openInterest": 100, "volume": 10}
        )  # fmt: skip
    data = [{"expirationDate": day, "impliedVolatility": 21.0, "options": sides} for day, sides in groups.items()]
    return "finnhub.json", json.dumps({"code": "IWM", "exchange": "US", "lastTradePrice": 240.15, "data": data})


def alpaca(rows):
    snapshots = {
        row["occ"]: {
            "greeks": {"delta": 0.5, "vega": 0.2},
            "impliedVolatility": 0.212,
            "latestQuote": {
                "ap": row["ask"],
                "as": 10,
                "bp": row["bid"],
                "bs": 11,
                "t": "2026-10-02T19:45:00.123456789Z",
            },
            "latestTrade": {"p": row["bid"], "s": 1, "t": "2026-09-30T18:00:00Z"},
        }
        for row in rows
    }
    return "alpaca.json", json.dumps({"next_page_token": None, "snapshots": snapshots})


def alpaca_objects(rows):
    """Snapshots as alpaca-py's model_dump gives them: contracts that never traded have no trade, some no greeks."""
    snapshots = {
        row["occ"]: {
            "symbol": row["occ"],
            "latest_trade": None if place % 3 else {
                "symbol": row["occ"], "timestamp": "2026-09-30T18:00:00Z", "price": row["bid"], "size": 1.0,
            },
            "latest_quote": {
                "symbol": row["occ"], "timestamp": f"2026-10-02 19:45:{place % 60:02}.123456+00:00",
                "bid_exchange": "C", "bid_price": row["bid"], "bid_size": 11.0, "ask_exchange": "C",
                "ask_price": row["ask"], "ask_size": 10.0, "conditions": "A", "tape": None,
            },
            "implied_volatility": 0.212 if place % 2 else None,
            "greeks": {"delta": 0.5, "gamma": 0.1, "rho": 0.1, "theta": -0.1, "vega": 0.2} if place % 2 else None,
        }
        for place, row in enumerate(rows)
    }  # fmt: skip
    return "alpaca.json", json.dumps(snapshots)


def alpaca_raw(rows):
    return "alpaca.json", json.dumps(json.loads(alpaca(rows)[1])["snapshots"])


def alpaca_flat(rows):
    table = pd.json_normalize(list(json.loads(alpaca_objects(rows)[1]).values()))
    return "alpaca.csv", table.to_csv(index=False)


def eodhd(rows):
    data = [
        {"id": row["occ"], "type": "options-eod", "attributes": {
            "contract": row["occ"], "underlying_symbol": "IWM", "exp_date": f"{row['expiration']:%Y-%m-%d}",
            "type": "call" if row["right"] == "C" else "put", "strike": row["strike"], "bid": row["bid"],
            "ask": row["ask"], "volatility": 0.212, "tradetime": "2026-10-02", "delta": 0.5}}
        for row in rows
    ]  # fmt: skip
    return "eodhd.json", json.dumps({"meta": {"total": len(data)}, "data": data})


def eodhd_dated(rows):
    """Contracts as listed now: quoted on 2 October in UTC, last traded weeks before or never."""
    document = json.loads(eodhd(rows)[1])
    for place, record in enumerate(document["data"]):
        quoted = f"2026-10-02 19:45:{place % 60:02}"
        traded = ("2026-09-11", None, "2026-10-02")[place % 3]
        record["attributes"] |= {"bid_date": quoted, "ask_date": quoted, "tradetime": traded}
    return "eodhd.json", json.dumps(document)


def eodhd_table(rows):
    table = pd.DataFrame([record["attributes"] for record in json.loads(eodhd_dated(rows)[1])["data"]])
    return "eodhd.csv", table.to_csv(index=False)


def orats_api(rows):
    """Both sides of a strike, written the evening after."""
    sides = "callBidPrice,callAskPrice,putBidPrice,putAskPrice"
    lines = [f"ticker,tradeDate,expirDate,dte,strike,stockPrice,{sides},delta,quoteDate,updatedAt,snapShotDate"]
    quotes = {(row["expiration"], row["strike"], row["right"]): row for row in rows}
    for day, strike in sorted({(row["expiration"], row["strike"]) for row in rows}):
        prices = ",".join(f"{quotes[day, strike, right][side]}" for right in "CP" for side in ("bid", "ask"))
        times = "2026-10-02T19:44:58Z,2026-10-03T02:14:00Z,2026-10-02T19:45:02Z"
        lines.append(f"IWM,2026-10-02,{day:%Y-%m-%d},28,{strike},240.15,{prices},0.5,{times}")
    return "orats.csv", "\n".join(lines)


def nasdaq(rows):
    table = []
    by_day = pd.DataFrame(rows).groupby("expiration")
    for day, part in by_day:
        table.append(
            {"expirygroup": f"{day:%B} {day.day}, {day.year}", "expiryDate": None, "c_Bid": None, "strike": None}
        )
        sides = {right: side.set_index("strike") for right, side in part.groupby("right")}
        for strike in sorted(sides["C"].index):
            call, put = sides["C"].loc[strike], sides["P"].loc[strike]
            table.append(
                {"expirygroup": "", "expiryDate": f"{day:%b} {day.day}", "c_Last": "--", "c_Bid": f"{call['bid']:.2f}",
                 "c_Ask": f"{call['ask']:.2f}", "c_Volume": "--", "c_Openinterest": "10", "strike": f"{strike:.2f}",
                 "p_Last": "--", "p_Bid": f"{put['bid']:.2f}", "p_Ask": f"{put['ask']:.2f}", "p_Openinterest": "9"}
            )  # fmt: skip
    last = "LAST TRADE: $240.15 (AS OF OCT 2, 2026)"
    return "nasdaq.json", json.dumps({"data": {"totalRecord": 1, "lastTrade": last, "table": {"rows": table}}})


def barchart(rows):
    """One file an expiration, which its name says."""
    lines = ["Strike,Moneyness,Bid,Mid,Ask,Last,Change,%Chg,Volume,Open Int,OI Chg,IV,Delta,Type,Time"]
    for row in rows:
        if row["expiration"] == pd.Timestamp("2026-10-30"):
            word = "Call" if row["right"] == "C" else "Put"
            quotes = f"{row['bid']},{(row['bid'] + row['ask']) / 2},{row['ask']}"
            lines.append(f'{row["strike"]},+1.00%,{quotes},1.00,unch,unch,"1,234",567,+1,21.20%,0.5,{word},10/02/26')
    lines.append('"Downloaded from Barchart.com as of 10-02-2026 02:45pm CDT"')
    return "iwm-options-exp-2026-10-30-weekly-show-all-stacked-10-02-2026.csv", "\n".join(lines)


def theta_v2_json(rows):
    names = [
        "ms_of_day",
        "bid_size",
        "bid_exchange",
        "bid",
        "bid_condition",
        "ask_size",
        "ask",
        "ask_condition",
        "date",
    ]
    response = [
        {"ticks": [[MILLISECONDS, 1, 5, row["bid"], 50, 2, row["ask"], 50, 20261002]],
         "contract": {"root": "IWM", "expiration": int(f"{row['expiration']:%Y%m%d}"),
                      "strike": int(row["strike"] * 1000), "right": row["right"]}}
        for row in rows
    ]  # fmt: skip
    return "theta.json", json.dumps({"header": {"format": names, "next_page": None}, "response": response})


def theta_v2_csv(rows):
    lines = ["root,expiration,strike,right,ms_of_day,bid_size,bid_exchange,bid,bid_condition,ask_size,ask,date"]
    for row in rows:
        contract = f"IWM,{row['expiration']:%Y%m%d},{int(row['strike'] * 1000)},{row['right']}"
        lines.append(f"{contract},{MILLISECONDS},1,5,{row['bid']},50,2,{row['ask']},20261002")
    return "theta.csv", "\n".join(lines)


def theta_v3_json(rows):
    response = [
        {"contract": {"symbol": "IWM", "expiration": f"{row['expiration']:%Y-%m-%d}", "strike": row["strike"],
                      "right": "CALL" if row["right"] == "C" else "PUT"},
         "data": [{"timestamp": "2026-10-02T15:45:00.000", "bid_size": 1, "bid_exchange": 5, "bid": row["bid"],
                   "bid_condition": 50, "ask_size": 2, "ask_exchange": 5, "ask": row["ask"], "ask_condition": 50}]}
        for row in rows
    ]  # fmt: skip
    return "theta3.json", json.dumps({"response": response})


def theta_v3_end_of_day(rows, days=("2026-10-01", "2026-10-02")):
    """Reports of two days, each written after the close; contracts trade at times of their own, or never."""
    contract_names = "symbol,expiration,strike,right,created,last_trade,open,high,low,close,volume,count"
    quote_names = "bid_size,bid_exchange,bid,bid_condition,ask_size,ask_exchange,ask,ask_condition"
    lines = [f"{contract_names},{quote_names}"]
    for day in days:
        for place, row in enumerate(rows):
            traded = ("", f"{day}T10:12:33.120", "2026-09-15T11:12:33.120")[place % 3]
            contract = (
                f"IWM,{row['expiration']:%Y-%m-%d},{row['strike']:.3f},{'CALL' if row['right'] == 'C' else 'PUT'}"
            )
            quotes = f"10,5,{row['bid']},50,12,5,{row['ask']},50"
            lines.append(f"{contract},{day}T17:1{place % 9}:40.123,{traded},1,1,1,{row['bid']},9,3,{quotes}")
    return "theta_eod.csv", "\n".join(lines)


def databento(rows):
    lines = [
        "ts_recv,ts_event,rtype,publisher_id,instrument_id,side,price,size,flags,bid_px_00,ask_px_00,bid_sz_00,ask_sz_00,symbol"
    ]
    for place, row in enumerate(rows):
        symbol = f"IWM   {row['occ'][3:]}"
        prices = f"{round(row['bid'] * 1e9)},{round(row['ask'] * 1e9)}"
        lines.append(
            f"2026-10-02T19:45:00.000000000Z,2026-10-02T19:44:59.5Z,195,30,{place},N,,0,0,{prices},10,11,{symbol}"
        )
    return "cbbo.csv", "\n".join(lines)


SIDE = '"Bid","Ask","Volume","Open Int","IV"'


def barchart_side_by_side(rows):
    """One file an expiration, which its name says; the strike between calls and puts of equal names."""
    quotes = {(row["right"], row["strike"]): row for row in rows if row["expiration"] == pd.Timestamp("2026-10-30")}
    lines = [f"Last,{SIDE},Strike,Last,{SIDE}"]
    for strike in sorted({strike for _, strike in quotes}):
        sides = [f"1.0,{quotes[right, strike]['bid']},{quotes[right, strike]['ask']},unch,20,21.2%" for right in "CP"]
        lines.append(f"{sides[0]},{strike},{sides[1]}")
    lines.append('"Downloaded from Barchart.com as of 10-02-2026 02:45pm CDT"')
    return "iwm-options-exp-2026-10-30-weekly-show-all-side-by-side-10-02-2026.csv", "\n".join(lines)


def cboe_old(rows):
    """The exchange's table of before 2018: contracts by a letter of month and right, the time behind an @."""
    lines = [
        "IWM (ISHARES RUSSELL 2000 ETF),240.15,-1.05,",
        "Oct 02 2026 @ 15:45 ET,Bid,240.14,Ask,240.16,Vol,2000000,",
    ]
    lines.append("Calls,Last Sale,Net,Bid,Ask,Vol,Open Int,Puts,Last Sale,Net,Bid,Ask,Vol,Open Int,")
    for day, strike in sorted({(row["expiration"], row["strike"]) for row in rows}):
        letter = "ABCDEFGHIJKL"[day.month - 1], "MNOPQRSTUVWX"[day.month - 1]
        sides = []
        for right, code in zip("CP", letter, strict=True):
            row = next(r for r in rows if (r["expiration"], r["strike"], r["right"]) == (day, strike, right))
            name = f"{day:%y %b} {strike:.2f} (IWM{day:%y%d}{code}{strike:g})"
            sides.append(f"{name},0.0,0.0,{row['bid']},{row['ask']},10,20")
        lines.append(f"{sides[0]},{sides[1]},")
    return "quotedata.csv", "\n".join(lines)


def cboe_old_preamble(rows):
    """Today's columns below the preamble of before."""
    head = "Calls,Last Sale,Net,Bid,Ask,Vol,IV,Delta,Gamma,Open Int"
    lines = [
        "IWM (ISHARES RUSSELL 2000 ETF),240.15,-1.05,",
        "Oct 02 2026 @ 15:45 ET,Bid,240.14,Ask,240.16,Vol,2000000,",
    ]
    lines.append(f"Expiration Date,{head},Strike,{head.replace('Calls', 'Puts')}")
    quotes = {(row["expiration"], row["strike"], row["right"]): row for row in rows}
    for day, strike in sorted({(row["expiration"], row["strike"]) for row in rows}):
        sides = [quotes[day, strike, right] for right in "CP"]
        cells = [f"{row['occ']},0,0,{row['bid']},{row['ask']},10,0.212,0.5,0.01,20" for row in sides]
        lines.append(f"{day:%m/%d/%Y},{cells[0]},{strike:.2f},{cells[1]}")
    return "quotedata.csv", "\n".join(lines)


def option_metrics_without_ticker(rows):
    lines = ["secid,date,symbol,exdate,last_date,cp_flag,strike_price,best_bid,best_offer,volume,impl_volatility"]
    for row in rows:
        symbol = f"IWM {row['expiration']:%y%m%d}{row['right']}{row['strike'] * 1000:.0f}"
        contract = f"20261002,{symbol},{row['expiration']:%Y%m%d},20261001,{row['right']},{row['strike'] * 1000:.0f}"
        lines.append(f"5594,{contract},{row['bid']},{row['ask']},10,0.212")
    return "optionmetrics.csv", "\n".join(lines)


def etrade(rows):
    pairs: dict[tuple, dict] = {}
    for row in rows:
        side = "Call" if row["right"] == "C" else "Put"
        option = {"optionRootSymbol": "IWM", "symbol": "IWM", "timeStamp": int(AT.timestamp()), "adjustedFlag": False,
                  "optionType": side.upper(), "strikePrice": row["strike"], "bid": row["bid"], "ask": row["ask"],
                  "osiKey": row["occ"].replace("IWM", "IWM---"), "OptionGreeks": {"iv": 0.212}}  # fmt: skip
        pairs.setdefault((row["expiration"], row["strike"]), {})[side] = option
    answer = {"timeStamp": int(AT.timestamp()), "nearPrice": 240.15, "OptionPair": list(pairs.values())}
    return "chain.json", json.dumps({"OptionChainResponse": answer | {"SelectedED": {"month": 10, "year": 2026}}})


WRITERS = (barchart_side_by_side, cboe_old, cboe_old_preamble, option_metrics_without_ticker)
WRITERS += (eodhd_dated, eodhd_table, orats_api, etrade, alpaca_objects, alpaca_raw, alpaca_flat)
WRITERS += (finnhub, alpaca, eodhd, nasdaq, barchart, theta_v2_json, theta_v2_csv, theta_v3_json, databento)


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_vendor_s_file(rows, base, tmp_path: Path, quotes_of, write):
    name, text = write(rows)
    path = tmp_path / name
    path.write_text(text)
    chain = load_chain(path, symbol="IWM")
    assert (chain.symbol, chain.as_of) == ("IWM", date(2026, 10, 2))
    assert chain.spot == pytest.approx(240.15, abs=0.6)
    one_day = write in (barchart, barchart_side_by_side)
    expected = base.loc[[pd.Timestamp("2026-10-30")]] if one_day else base
    quotes = quotes_of(path, symbol="IWM")
    assert quotes.index.equals(expected.index)
    np.testing.assert_allclose(quotes.to_numpy(), expected.to_numpy(), atol=1e-9)
    if chain.quote_time is not None:
        assert chain.quote_time.replace(second=0, microsecond=0) == AT


def robinhood(rows):
    contract_names = "chain_symbol,created_at,updated_at,expiration_date,strike_price,type"
    lines = [f"{contract_names},bid_price,ask_price,previous_close_date"]
    for place, row in enumerate(rows):
        made = ("2026-08-18T04:03:10.1Z", "2026-09-29T04:03:12.2Z")[place % 2]
        right = "call" if row["right"] == "C" else "put"
        contract = f"{row['expiration']:%Y-%m-%d},{row['strike']:.4f},{right}"
        lines.append(f"IWM,{made},{made},{contract},{row['bid']},{row['ask']},2026-10-01")
    return "robinhood.csv", "\n".join(lines)


def test_the_day_a_contract_was_made_is_no_quote_day(rows, base, tmp_path, quotes_of):
    path = tmp_path / "robinhood.csv"
    path.write_text(robinhood(rows)[1])
    with refused_data("robinhood.csv", "quote_date", "`as_of`"):
        load_chain(path)
    chain = load_chain(path, as_of=date(2026, 10, 2))
    assert (chain.symbol, chain.as_of, chain.quote_time) == ("IWM", date(2026, 10, 2), None)
    assert shows(chain.warnings, "of 2026-10-02", "quotes")
    np.testing.assert_allclose(quotes_of(path, as_of=date(2026, 10, 2)).to_numpy(), base.to_numpy(), atol=1e-9)


MONTHLY = pd.Timestamp("2026-10-16")


def both_settlements(rows, write):
    """Rows of one day that SPX and SPXW share, the latter 0.50 dearer."""
    day = max({row["expiration"] for row in rows}, key=lambda day: sum(row["expiration"] == day for row in rows))
    rows = [row | {"expiration": MONTHLY} for row in rows if row["expiration"] == day]
    written = [write(row, is_morning=True) for row in rows]
    return written + [write(row | {"bid": row["bid"] + 0.5, "ask": row["ask"] + 0.5}, is_morning=False) for row in rows]


def option_metrics(row, *, is_morning, is_named=True):
    strike = f"{row['strike'] * 1000:.0f}"
    symbol = f"{'SPX' if is_morning else 'SPXW'} {row['expiration']:%y%m%d}{row['right']}{strike}" if is_named else ""
    return {
        "secid": 108105, "date": "2026-10-02", "symbol": symbol, "exdate": f"{row['expiration']:%Y-%m-%d}",
        "cp_flag": row["right"], "strike_price": strike, "best_bid": row["bid"], "best_offer": row["ask"],
        "am_settlement": int(is_morning), "ticker": "SPX",
    }  # fmt: skip


def unnamed(row, *, is_morning):
    return option_metrics(row, is_morning=is_morning, is_named=False)


def plain_table(row, *, is_morning):
    return {
        "quote_date": "2026-10-02", "symbol": "SPX", "root": "SPX", "expiration": f"{row['expiration']:%Y-%m-%d}",
        "type": row["right"], "strike": row["strike"], "bid": row["bid"], "ask": row["ask"],
        "settlement_type": "A" if is_morning else "P",
    }  # fmt: skip


@pytest.mark.parametrize("write", [option_metrics, unnamed, plain_table], ids=lambda write: write.__name__)
def test_options_on_the_open_and_on_the_close_of_a_day_stay_apart(rows, tmp_path, write):
    path = tmp_path / "index.csv"
    pd.DataFrame(both_settlements(rows, write)).to_csv(path, index=False)
    chain = load_chain(path, symbol="SPX")
    means = chain.quotes.groupby("root")["bid"].agg(["mean", "size"])
    assert list(means.index) == ["SPX", "SPXW"]
    assert means["size"]["SPX"] == means["size"]["SPXW"] > 50
    assert means["mean"]["SPXW"] - means["mean"]["SPX"] == pytest.approx(0.5)
    assert chain.quality.duplicate == 0
    assert not any("root" in text for text in chain.warnings)
    panel = build_panel([path], symbol="SPX").panel
    assert sorted(panel.roots[code] for code in np.unique(panel.root)) == ["SPX", "SPXW"]


def test_rows_that_the_exchange_column_marks_are_adjusted(rows, base, tmp_path, quotes_of):
    lines = ["UnderlyingSymbol,UnderlyingPrice,Exchange,OptionRoot,OptionExt,Type,Expiration,DataDate,Strike,Bid,Ask"]
    for place, row in enumerate(rows):
        contract = f"{'call' if row['right'] == 'C' else 'put'},{row['expiration']:%m/%d/%Y},10/02/2026,{row['strike']}"
        marks = ("*", "NYTJ"[place % 4]) if place < 40 else ("*",)
        lines += [f"IWM,240.15,{mark},IWM,,{contract},{row['bid']},{row['ask']}" for mark in marks]
    path = tmp_path / "history.csv"
    path.write_text("\n".join(lines))
    (warning,) = [text for text in load_chain(path).warnings if "adjusted" in text]
    total = len(lines) - 1
    assert shows(warning, f"40 of {total}", "contracts")
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)
    assert any("40 of" in text and "adjusted" in text for text in build_panel([path]).report.notes(0, 10**6, 1))


def test_end_of_day_reports_of_two_days(rows, base, tmp_path, quotes_of):
    name, text = theta_v3_end_of_day(rows)
    path = tmp_path / name
    path.write_text(text)
    chain = load_chain(path)
    assert (chain.as_of, chain.quality.duplicate, chain.quality.stale) == (date(2026, 10, 2), 0, 0)
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)
    assert build_panel([path]).panel.dates == (date(2026, 10, 1), date(2026, 10, 2))


def yahoo_answer(rows, at, fields=lambda value: value):
    """Answer of Yahoo's options for the rows, asked at a time; trades are of the day before."""
    expirations = {}
    for row in rows:
        day = int(row["expiration"].timestamp())
        sides = expirations.setdefault(day, {"expirationDate": day, "calls": [], "puts": []})
        option = {"contractSymbol": row["occ"], "contractSize": "REGULAR", "lastTradeDate": fields(1790881200)}
        numbers = {name: fields(row[name]) for name in ("strike", "bid", "ask")} | {"expiration": fields(day)}
        sides["calls" if row["right"] == "C" else "puts"].append(option | numbers)
    quote = {"regularMarketPrice": fields(240.15), "regularMarketTime": fields(int(at.timestamp()))}
    quote |= {"corporateActions": [], "bid": fields(240.1), "ask": fields(240.2)}
    result = {"underlyingSymbol": "IWM", "strikes": [200.0], "quote": quote, "options": list(expirations.values())}
    return {"optionChain": {"result": [result], "error": None}}


@pytest.mark.parametrize("fields", [lambda value: value, lambda value: {"raw": value, "fmt": f"{value}"}])
@pytest.mark.parametrize("is_joined", [False, True])
def test_an_answer_of_yahoo_has_the_day_and_spot_of_its_quote(rows, base, tmp_path, quotes_of, fields, is_joined):
    days = list(dict.fromkeys(row["expiration"] for row in rows))
    parts = [[row for row in rows if row["expiration"] == day] for day in days]
    asked = [yahoo_answer(part, AT + timedelta(seconds=7 * at), fields) for at, part in enumerate(parts)]
    path = tmp_path / "options.json"
    path.write_text(json.dumps(asked if is_joined else yahoo_answer(rows, AT, fields)))
    chain = load_chain(path)
    assert (chain.symbol, chain.as_of, chain.spot) == ("IWM", date(2026, 10, 2), 240.15)
    assert chain.quote_time == AT + timedelta(seconds=7 * (len(days) - 1) * is_joined)
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)
    assert build_panel([path]).panel.dates == (date(2026, 10, 2),)


@pytest.mark.parametrize("name", ["IV", "Implied Volatility", "impliedVol"])
def test_vol_beside_iv_is_the_volume(rows, tmp_path, name):
    table = pd.DataFrame(rows).drop(columns="occ").assign(date="2026-10-02", act_symbol="IWM", Vol=7)
    table[name] = 0.25
    table.rename(columns={"right": "call_put"}).to_csv(tmp_path / "chain.csv", index=False)
    quotes = load_chain(tmp_path / "chain.csv").quotes
    assert set(quotes["implied_volatility"]) == {0.25}
    assert name == "impliedVol" or set(quotes["volume"]) == {7.0}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (
            "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol",
            ("kind", "Databento", "OHLCV", "cbbo-1m"),
        ),
        ("ticker,volume,open,close,high,low,window_start,transactions", ("kind", "Polygon or Massive aggregates")),
        ("ms_of_day,open,high,low,close,volume,count,date", ("kind", "ThetaData", "OHLC")),
        ("Date,Open,High,Low,Close,Volume", ("kind", "daily bars", "`bars`")),
        ("DATE,VIXCLS", ("kind", "a series", "`iv_history`")),
        ("Time,Open,High,Low,Last,Volume", ("kind", "a series", "`bars`")),
        ("Date,Action,Symbol,Description,Quantity,Price,Fees & Comm,Amount", ("kind", "Schwab", "iwm-opts review")),
        ("trade,entry,exit,contracts,credit,debit,pnl,legs,expiration", ("kind", "a trade log", "iwm-opts review")),
        ("details.ticker,details.strike_price,details.contract_type,implied_volatility", ("kind", "last_quote")),
        (
            "ts_event,instrument_id,raw_symbol,instrument_class,expiration,strike_price",
            ("kind", "Databento definitions", "cbbo-1m"),
        ),
        ("ms_of_day,open_interest,date", ("kind", "ThetaData", "EOD")),
        ("symbol,expiration,strike,right,timestamp,open_interest", ("kind", "open interest", "EOD")),
    ],
)
def test_files_without_quotes_are_named(tmp_path, header, words):
    path = tmp_path / "file.csv"
    path.write_text(header + "\n" + ",".join("1" for _ in header.split(",")) + "\n")
    with refused_data("file.csv", *words):
        load_chain(path)


@pytest.mark.parametrize("load", [load_chain, load_iv_history, load_bars])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("B01_ib_pct.csv", "Interactive Brokers"),
        ("B05_ib_transaction_history.csv", "Interactive Brokers"),
        ("B06_ib_flex.csv", "Flex query"),
        ("B06b_ib_flex.xml", "Flex query"),
        ("B15_ib_utf16.csv", "Interactive Brokers"),
        ("O01_optionomega.csv", "Option Omega"),
        ("O02_schwab.csv", "Schwab"),
        ("O03_robinhood.csv", "Robinhood"),
        ("O07_tradier.csv", "a trade log"),
        ("S01_tos_2s_late.csv", "thinkorswim"),
        ("S05_tos_todays_activity.csv", "thinkorswim account"),
        ("S08_tos_utf16.csv", "thinkorswim"),
        ("T01_tt_partial.csv", "tastytrade"),
        ("T05_tt_legacy.csv", "tastytrade"),
        ("L01_own_dollar.csv", "a trade log"),
    ],
)
def test_a_trade_log_in_place_of_quotes_or_a_series_is_named(load, name, words):
    with refused_data(name, "kind", "iwm-opts review", words):
        load(Path(__file__).parent / "logs" / name)


@pytest.mark.parametrize("load", [load_chain, load_iv_history, load_bars])
@pytest.mark.parametrize(
    ("header", "words"),
    [
        (
            "Account Number,Account Name,Symbol,Quantity,Last Price,Current Value,Type",
            ("a Fidelity account", "Activity"),
        ),
        (
            '"Positions for account 1"\n\nSymbol,Qty (Quantity),Price,Cost Basis',
            ("a Schwab account", "transaction history"),
        ),
        ("Symbol,Description,Quantity,Price,Market Value,Cost Basis", ("a Schwab account", "transaction history")),
        ("Position Statement for 1\n\nInstrument,Qty,Trade Price,Mark", ("a thinkorswim account", "Account Statement")),
        ("Financial Instrument,Position,Avg Price,Last", ("an Interactive Brokers account", "Flex query")),
    ],
)
def test_positions_in_place_of_quotes_or_a_series_are_named(tmp_path, load, header, words):
    path = tmp_path / "positions.csv"
    path.write_text(header + "\n" + ",".join("1" for _ in header.rpartition("\n")[2].split(",")) + "\n")
    with refused_data("positions.csv", "kind", *words):
        load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"next_page_token": "SVdN"}, ("Alpaca", "next_page_token")),
        ({"next_url": "https://api.example/next"}, ("Polygon", "next_url")),
        ({"isChainTruncated": True}, ("Schwab", "isChainTruncated")),
        ({"links": {"next": "https://api.example/next"}}, ("EODHD", "links.next")),
        ({"meta": {"offset": 0, "limit": 100, "total": 9_999}}, ("486 rows", "meta.total", "9999")),
    ],
)
def test_one_page_of_an_answer_is_refused(rows, tmp_path, content, words):
    (tmp_path / "page.json").write_text(json.dumps(json.loads(alpaca(rows)[1]) | content))
    with refused_data("page.json", "content", *words):
        load_chain(tmp_path / "page.json")


READERS = (load_chain, load_bars, load_iv_history, load_minutes, load_yields)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("answer", [{"options": None}, {"results": []}, {"options": {"option": None}}])
def test_an_answer_without_rows_is_quoted(tmp_path, read, answer):
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    with refused_data("answer.json", "answer") as refusal:
        read(tmp_path / "answer.json")
    assert json.dumps(answer) in refusal.value.rule


@pytest.mark.parametrize("read", READERS)
def test_a_pointer_of_git_is_named(tmp_path, read):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    (tmp_path / "file.csv").write_text(pointer)
    with refused_data("file.csv", "kind", "Git LFS", "git lfs pull"):
        read(tmp_path / "file.csv")


@pytest.mark.parametrize("read", READERS[1:])
@pytest.mark.parametrize("name", ["base.csv", "tradier.json", "schwab.json", "cboe_quotedata.csv", "p_ts.parquet"])
def test_a_chain_in_place_of_a_series_is_named(case, read, name):
    with refused_data(name, "kind", "`source`"):
        read(case(f"chains/{name}"))


def test_a_lone_option_without_a_list_is_read(case, tmp_path):
    """Tradier leaves the list out where an expiration has one option."""
    document = json.loads(case("chains/tradier.json").read_text())
    document["options"]["option"] = document["options"]["option"][0]
    (tmp_path / "lone.json").write_text(json.dumps(document))
    with refused_data("lone.json", "right", "puts", "1 row"):
        load_chain(tmp_path / "lone.json")


@pytest.mark.parametrize("name", ["error", "errorMessage", "message"])
def test_a_vendors_refusal_is_quoted(tmp_path, name):
    (tmp_path / "answer.json").write_text(json.dumps({name: "Invalid Access Token"}))
    with refused_data("answer.json", "answer", "Invalid Access Token"):
        load_chain(tmp_path / "answer.json")


ANSWERS = (
    ({"header": {"error_type": "NO_DATA", "error_msg": "No data for the contract"}, "response": [0]},
     "ThetaData says: NO_DATA: No data for the contract"),
    ({"s": "no_data", "nextTime": None}, "MarketData says: no_data"),
    ({"s": "error", "errmsg": "Invalid token."}, "MarketData says: Invalid token."),
    ({"status": "ERROR", "request_id": "a1", "error": "Unknown API Key"},
     "Polygon or Massive says: ERROR: Unknown API Key"),
    ({"status": "NOT_AUTHORIZED", "request_id": "a1", "message": "You are not entitled to this data."},
     "Polygon or Massive says: NOT_AUTHORIZED: You are not entitled to this data."),
    ({"code": 40110000, "message": "request is not authorized"}, "it says: request is not authorized"),
    ({"fault": {"faultstring": "Invalid Access Token", "detail": {"errorcode": "oauth.v2"}}},
     "Tradier says: Invalid Access Token, oauth.v2"),
    ({"error": "You don't have access to this resource."}, "it says: You don't have access to this resource."),
    ({"chart": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}},
     "Yahoo says: Not Found, No data found"),
    ({"optionChain": {"result": [], "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}},
     "Yahoo says: Unauthorized, Invalid Crumb"),
    ({"errors": [{"id": "1", "status": "401", "title": "Unauthorized"}]}, "it says: 1, 401, Unauthorized"),
    ({"symbol": "IWM", "status": "FAILED", "underlying": None, "callExpDateMap": {}, "putExpDateMap": {}},
     "Schwab says: FAILED"),
    ({"Note": "Thank you for using Alpha Vantage!"}, "Alpha Vantage says: Thank you for using Alpha Vantage!"),
    ({"Information": "The rate limit is 25 requests per day."}, "Alpha Vantage says: The rate limit is 25"),
    ({"endpoint": "Historical Options", "message": "No data for symbol IWM on date 2026-10-03", "data": []},
     "Alpha Vantage says: No data for symbol IWM on date 2026-10-03"),
    ({"data": None, "status": {"rCode": 400, "bCodeMessage": [{"code": 1001, "errorMessage": "Symbol not exists."}]}},
     "Nasdaq says: 1001, Symbol not exists."),
    ({"error_code": 400, "error_message": "Bad Request."}, "FRED says: Bad Request."),
    ({"detail": {"case": "auth_failed", "message": "Authentication failed."}},
     "Databento says: auth_failed: Authentication failed."),
)  # fmt: skip


@pytest.mark.parametrize("read", [*READERS, read_log])
@pytest.mark.parametrize(("answer", "words"), ANSWERS)
def test_the_answer_of_a_vendor_is_named(tmp_path, read, answer, words):
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    with refused_data("answer.json", "answer") as refusal:
        read(tmp_path / "answer.json")
    assert words in refusal.value.rule


def test_a_long_answer_is_cut(tmp_path):
    (tmp_path / "answer.json").write_text(json.dumps({"error": "x" * 5_000}))
    with refused_data("answer.json", "answer") as caught:
        load_chain(tmp_path / "answer.json")
    assert len(str(caught.value)) <= 500


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("text", ["NO_DATA", ":No data for the specified timeframe.\n", "Invalid Access Token"])
def test_an_answer_of_one_line_is_quoted(tmp_path, read, text):
    (tmp_path / "answer.csv").write_text(text)
    with refused_data("answer.csv", "rows") as refusal:
        read(tmp_path / "answer.csv")
    assert text.strip() in refusal.value.rule


def test_each_layout_is_documented_by_name():
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)
    assert all(layout.proof and (layout.columns or layout.refused or layout.order) for layout in LAYOUTS)


def test_the_page_of_layouts_names_each():
    page = (Path(__file__).parents[2] / "docs" / "file-layouts.md").read_text()
    assert all(f"| {layout.name} |" in page for layout in (*LAYOUTS, *SERIES_LAYOUTS))


@pytest.mark.parametrize("name", ["chain.csv", "iwm.csv", "options 10-02.csv"])
def test_a_barchart_chain_without_its_name_is_refused_by_name(rows, tmp_path, name):
    header = 'Strike,Bid,Mid,Ask,Latest,Volume,"Open Int","OI Chg",Delta,IV,Type,Time'
    lines = [
        f"{row['strike']},{row['bid']},{row['bid']},{row['ask']},1.00,10,20,1,0.5,21.2%,"
        f"{'Call' if row['right'] == 'C' else 'Put'},10/02/26"
        for row in rows
        if row["expiration"] == pd.Timestamp("2026-10-30")
    ]
    footer = '"Downloaded from Barchart.com as of 10-02-2026 04:15pm CDT"'
    (tmp_path / name).write_text("\n".join([header, *lines, footer]))
    with refused_data(name, "expiration", "Barchart", "iwm-options-exp-2026-11-20"):
        load_chain(tmp_path / name, symbol="IWM")
    named = tmp_path / "iwm-options-exp-2026-10-30-weekly-show-all-stacked-10-02-2026.csv"
    (tmp_path / name).rename(named)
    assert set(load_chain(named, symbol="IWM").quotes["expiration"]) == {pd.Timestamp("2026-10-30")}


def test_a_join_of_symbols_without_strikes_is_refused(rows, tmp_path):
    calls, puts = (pd.DataFrame([row for row in rows if row["right"] == side]) for side in "CP")
    pairs = calls.merge(puts, on=["expiration", "strike"])[["occ_x", "bid_x", "ask_x", "occ_y", "bid_y", "ask_y"]]
    pairs.assign(quote_date="2026-10-02").to_csv(tmp_path / "pairs.csv", index=False)
    with refused_data("pairs.csv", "strike"):
        load_chain(tmp_path / "pairs.csv", symbol="IWM")


def test_nasdaq_as_served(rows, base, tmp_path):
    name, text = nasdaq(rows)
    document = json.loads(text)
    document["data"]["table"] |= {"asOf": None, "headers": {"strike": "Strike", "c_Bid": "Bid"}}
    (tmp_path / name).write_text(json.dumps(document))
    chain = load_chain(tmp_path / name, symbol="IWM")
    assert (str(chain.as_of), chain.spot, len(chain.quotes)) == ("2026-10-02", 240.15, len(base))
    assert not [text for text in chain.warnings if "not times" in text]


def thinkorswim_rows(rows):
    """Sections by expiration, as thinkorswim writes them: calls, expiration and strike, puts."""
    sections = {}
    for expiration, part in pd.DataFrame(rows).groupby("expiration"):
        sides = {right: side.set_index("strike") for right, side in part.groupby("right")}
        day = f"{expiration:%d %b %y}".upper()
        sections[day] = [
            f",,{sides['C'].loc[strike, 'bid']},{sides['C'].loc[strike, 'ask']},{day},{strike},"
            f"{sides['P'].loc[strike, 'bid']},{sides['P'].loc[strike, 'ask']},,"
            for strike in sorted(sides["C"].index)
        ]
    return sections


def test_a_thinkorswim_export_is_named_and_its_remedy_works(rows, base, tmp_path):
    header = ",,BID,ASK,Exp,Strike,BID,ASK,,"
    sections = thinkorswim_rows(rows)
    lines = ["\ufeffStock quote and option quote for IWM on 10/2/26 12:45:00", "", "UNDERLYING",
             " ,LAST,LX,Net Chng,BID,BX,ASK,AX,Volume", " ,240.15,D,+1.2,240.14,P,240.16,P,20000000", ""]  # fmt: skip
    for day, quotes in sections.items():
        lines += [f"{day}  (28)  100 (Weeklys)", header, *quotes, ""]
    path = tmp_path / "2026-10-02-StockAndOptionQuoteForIWM.csv"
    path.write_text("\n".join(lines))
    with refused_data(path, "kind", "thinkorswim"):
        load_chain(path, symbol="IWM")
    path.write_text("\n".join([header, *(line for quotes in sections.values() for line in quotes)]))
    chain = load_chain(path, symbol="IWM", as_of=date(2026, 10, 2))
    read = chain.quotes.set_index(["expiration", "right", "strike"])[["bid", "ask"]].sort_index()
    expected = pd.DataFrame(rows).set_index(["expiration", "right", "strike"])[["bid", "ask"]].sort_index()
    np.testing.assert_allclose(read.to_numpy(), expected.to_numpy())


@pytest.mark.parametrize("has_all_fields", [True, False])
def test_tickers_of_ib_insync(rows, tmp_path, has_all_fields):
    table = pd.DataFrame(
        {
            "contract": f"Option(conId=7{place}, symbol='IWM', "
            f"lastTradeDateOrContractMonth='{row['expiration']:%Y%m%d}', "
            f"strike={row['strike']}, right='{row['right']}', multiplier='100', exchange='SMART', currency='USD', "
            f"localSymbol='{row['occ']}', tradingClass='IWM')",
            "time": "2026-10-02 19:45:00+00:00", "bid": row["bid"], "bidSize": 5.0, "ask": row["ask"], "askSize": 6.0,
            "last": 1.0, "lastSize": 1.0, "modelGreeks": "OptionComputation(tickAttrib=0, impliedVol=0.2)",
        } | ({"prevBid": row["bid"], "prevAsk": -1.0} if has_all_fields else {})
        for place, row in enumerate(rows)
    )  # fmt: skip
    table.to_csv(tmp_path / "tickers.csv")
    chain = load_chain(tmp_path / "tickers.csv", symbol="IWM")
    read = chain.quotes.set_index(["expiration", "right", "strike"])[["bid", "ask"]].sort_index()
    expected = pd.DataFrame(rows).set_index(["expiration", "right", "strike"])[["bid", "ask"]].sort_index()
    np.testing.assert_allclose(read.to_numpy(), expected.to_numpy())
    assert list(read.index) == list(expected.index)
    assert chain.quote_time == AT


@pytest.mark.parametrize("start", ["/annex/objects/", ".git/annex/objects/Xq/9p/", "../.git/annex/objects/Xq/9p/"])
def test_a_pointer_of_git_annex_is_named(tmp_path, start):
    (tmp_path / "chain.csv").write_text(f"{start}SHA256E-s1048576--4d7a.csv\n")
    for load in (load_chain, load_bars):
        with refused_data("chain.csv", "kind", "git annex get"):
            load(tmp_path / "chain.csv")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("Datum;Verfall;Typ;Basispreis;Geld;Brief", "German"),
        ("Datum;Fälligkeit;Typ;Ausübungspreis;Geldkurs;Briefkurs", "German"),
        ("Date;Échéance;Type;Prix d'exercice;Achat;Vente", "French"),
        ("Fecha;Vencimiento;Tipo;Precio de ejercicio;Compra;Venta", "Spanish"),
        ("Data;Scadenza;Tipo;Prezzo di esercizio;Denaro;Lettera", "Italian"),
        ("Date;Expiration;Type;Strike;Geld;Brief", "German"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_header_in_another_language_is_named(rows, tmp_path, header, language, encoding):
    lines = [
        f"2026-10-02;{row['expiration']:%Y-%m-%d};{row['right']};{row['strike']};{row['bid']};{row['ask']}".replace(
            ".", ","
        )
        for row in rows
    ]
    (tmp_path / "chain.csv").write_text("\n".join([header, *lines]), encoding=encoding)
    bid = header.split(";")[4]
    with refused_data("chain.csv", "columns", language, f"{bid} to bid"):
        load_chain(tmp_path / "chain.csv", symbol="IWM")


@pytest.mark.parametrize(
    ("clocks", "latest", "reading"),
    [
        (("09:35", "15:58"), "15:58", "taken for New York"),
        (
            ("13:35", "19:58"),
            "15:58",
            "as times of New York most lie outside the session (latest 19:58 New York); taken",
        ),
        (("13:35", "15:52"), "15:52", "taken for New York (as UTC the latest would be 11:52 New York)"),
    ],
)
def test_times_of_finnhub_are_read_by_the_session(rows, tmp_path, clocks, latest, reading):
    first, last = (datetime.fromisoformat(f"2026-10-02 {clock}") for clock in clocks)
    times = [f"{first + (last - first) * place / 485:%Y-%m-%d %H:%M:%S}" for place in range(486)]
    text = re.sub(r"2026-10-02 15:45:00", lambda _: times.pop(0), finnhub(rows)[1])
    (tmp_path / "finnhub.json").write_text(text)
    chain = load_chain(tmp_path / "finnhub.json")
    assert f"{chain.quote_time:%H:%M}" == latest
    assert any(shows(note, "lastTradeDateTime") and reading in note
               for note in (*chain.warnings, *chain.quality.notes))  # fmt: skip
