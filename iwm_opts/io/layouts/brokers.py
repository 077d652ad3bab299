"""Option chains of brokers: Tradier, Schwab, TD Ameritrade, Interactive Brokers, Alpaca, Robinhood."""

from typing import Final

from iwm_opts.io.layouts.common import by_role
from iwm_opts.io.layouts.layout import VendorLayout

LAYOUTS: Final = (
    VendorLayout(
        "Tradier",
        proof=("tradedate", "biddate", "rootsymbol", "expirationtype"),
        columns=by_role(
            "occ: symbol  underlying_symbol: underlying  root: rootsymbol  quote_date:  quote_time: biddate "
            "feed_time:  last_trade: tradedate  underlying_price:  right: optiontype"
        ),
    ),
    VendorLayout(
        "Schwab or TD Ameritrade",
        proof=("putcall", "quotetimeinlong", "strikeprice"),
        columns=by_role(
            "underlying_symbol:  quote_date:  quote_time: quotetimeinlong  last_trade: tradetimeinlong "
            "expiration: expirationdate  right: putcall  strike: strikeprice  implied_volatility: volatility "
            "underlying_price: underlyingprice  last: last  multiplier: multiplier"
        ),
        units={"implied_volatility": 0.01},
    ),
    VendorLayout(
        "Interactive Brokers",
        proof=("conid", "lasttradedateorcontractmonth"),
        columns=by_role(
            "occ: localsymbol  underlying_symbol: symbol  root: tradingclass  quote_date:  quote_time: time "
            "feed_time:  expiration: lasttradedateorcontractmonth"
        ),
        zones={"quote_time": "UTC"},
        no_quote=-1.0,
    ),
    VendorLayout(
        "Interactive Brokers tickers (ib_insync, ib_async)",
        proof=("contract", "prevbid", "prevask"),
        columns=by_role("occ: contract  underlying_symbol:  quote_date:  quote_time: time  feed_time:  last_trade:"),
        zones={"quote_time": "UTC"},
        no_quote=-1.0,
    ),
    VendorLayout(
        "E*Trade",
        proof=("osikey", "optionrootsymbol", "strikeprice"),
        columns=by_role(
            "occ: osikey  underlying_symbol: symbol  root:  quote_date:  quote_time: timestamp  feed_time: "
            "right: optiontype  underlying_price: nearprice  implied_volatility: optiongreeksiv "
            "delta: optiongreeksdelta  gamma: optiongreeksgamma  theta: optiongreekstheta  vega: optiongreeksvega "
            "non_standard: adjustedflag"
        ),
    ),
    VendorLayout(
        "Alpaca",
        proof=("latestquotebp", "latestquoteap"),
        columns=by_role("occ: key symbol  quote_time: latestquotet  last_trade: latesttradet"),
    ),
    VendorLayout(
        "Alpaca (alpaca-py objects)",
        proof=("latestquotebidprice", "latestquoteaskprice"),
        columns=by_role(
            "occ: key symbol  bid: latestquotebidprice  ask: latestquoteaskprice  bid_size: latestquotebidsize "
            "ask_size: latestquoteasksize  quote_time: latestquotetimestamp  last: latesttradeprice "
            "last_trade: latesttradetimestamp"
        ),
        zones={"quote_time": "UTC", "last_trade": "UTC"},
    ),
    VendorLayout(
        "Robinhood (robin_stocks)",
        proof=("chainsymbol", "expirationdate", "strikeprice"),
        # `created_at` and `updated_at` are of the contract, weeks before its quote
        columns=by_role("underlying_symbol: chainsymbol  feed_time:"),
    ),
)
