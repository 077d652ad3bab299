"""Option chains of brokers: Tradier, Schwab, TD Ameritrade, Interactive Brokers, Alpaca, Robinhood."""

from typing import Final

from iwm_opts.io.layouts.layout import VendorLayout

_SCHWAB: Final = {
    "underlying_symbol": (),
    "quote_date": (),
    "quote_time": ("quotetimeinlong",),
    "last_trade": ("tradetimeinlong",),
    "expiration": ("expirationdate",),
    "right": ("putcall",),
    "strike": ("strikeprice",),
    "implied_volatility": ("volatility",),
    "underlying_price": ("underlyingprice",),
    "last": ("last",),
    "multiplier": ("multiplier",),
}

LAYOUTS: Final = (
    VendorLayout(
        "Tradier",
        proof=("tradedate", "biddate", "rootsymbol", "expirationtype"),
        columns={
            "occ": ("symbol",),
            "underlying_symbol": ("underlying",),
            "root": ("rootsymbol",),
            "quote_date": (),
            "quote_time": ("biddate",),
            "feed_time": (),
            "last_trade": ("tradedate",),
            "underlying_price": (),
            "right": ("optiontype",),
        },
        nesting="options.option",
    ),
    VendorLayout(
        "Schwab or TD Ameritrade",
        proof=("putcall", "quotetimeinlong", "strikeprice"),
        columns=_SCHWAB,
        units={"implied_volatility": 0.01},
        nesting="callExpDateMap and putExpDateMap, by expiration and strike",
    ),
    VendorLayout(
        "Interactive Brokers",
        proof=("conid", "lasttradedateorcontractmonth"),
        columns={
            "occ": ("localsymbol",),
            "underlying_symbol": ("symbol",),
            "root": ("tradingclass",),
            "quote_date": (),
            "quote_time": ("time",),
            "feed_time": (),
            "expiration": ("lasttradedateorcontractmonth",),
        },
        zones={"quote_time": "UTC"},
        no_quote=-1.0,
    ),
    VendorLayout(
        "Interactive Brokers tickers (ib_insync, ib_async)",
        proof=("contract", "prevbid", "prevask"),
        columns={
            "occ": ("contract",),
            "underlying_symbol": (),
            "quote_date": (),
            "quote_time": ("time",),
            "feed_time": (),
            "last_trade": (),
        },
        zones={"quote_time": "UTC"},
        no_quote=-1.0,
    ),
    VendorLayout(
        "E*Trade",
        proof=("osikey", "optionrootsymbol", "strikeprice"),
        columns={
            "occ": ("osikey",),
            "underlying_symbol": ("symbol",),
            "root": (),
            "quote_date": (),
            "quote_time": ("timestamp",),
            "feed_time": (),
            "right": ("optiontype",),
            "underlying_price": ("nearprice",),
            "implied_volatility": ("optiongreeksiv",),
            "delta": ("optiongreeksdelta",),
            "gamma": ("optiongreeksgamma",),
            "theta": ("optiongreekstheta",),
            "vega": ("optiongreeksvega",),
            "non_standard": ("adjustedflag",),
        },
        nesting="OptionChainResponse.OptionPair, with Call and Put inside",
    ),
    VendorLayout(
        "Alpaca",
        proof=("latestquotebp", "latestquoteap"),
        columns={
            "occ": ("key", "symbol"),
            "quote_time": ("latestquotet",),
            "last_trade": ("latesttradet",),
        },
        nesting="snapshots, by option symbol",
    ),
    VendorLayout(
        "Alpaca (alpaca-py objects)",
        proof=("latestquotebidprice", "latestquoteaskprice"),
        columns={
            "occ": ("key", "symbol"),
            "bid": ("latestquotebidprice",),
            "ask": ("latestquoteaskprice",),
            "bid_size": ("latestquotebidsize",),
            "ask_size": ("latestquoteasksize",),
            "quote_time": ("latestquotetimestamp",),
            "last": ("latesttradeprice",),
            "last_trade": ("latesttradetimestamp",),
        },
        zones={"quote_time": "UTC", "last_trade": "UTC"},
        nesting="by option symbol, as OptionsSnapshot.model_dump() gives them",
    ),
    VendorLayout(
        "Robinhood (robin_stocks)",
        proof=("chainsymbol", "expirationdate", "strikeprice"),
        columns={
            "underlying_symbol": ("chainsymbol",),
            "feed_time": (),  # `created_at` and `updated_at` are of the contract, weeks before its quote
        },
    ),
)
