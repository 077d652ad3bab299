"""Option chains of web services: Cboe, Yahoo, Polygon and Massive, MarketData, Finnhub, EODHD, Nasdaq, Barchart."""

from typing import Final

from iwm_opts.io.layouts.common import by_role
from iwm_opts.io.layouts.layout import VendorLayout

_CBOE: Final = {  # the preamble of today, and of old: Oct 02 2026 @ 15:45 ET
    "quote_time": r"Date:\s*([^\";\t]*?\d{4}[^\";\t]*?)\"?(?:[,;\t]|$)"
    r"|^\"?([A-Z][a-z]{2} \d\d? \d{4} @ \d\d?:\d\d(?: E[DS]?T)?)",
    "underlying_price": r"Last:\s*\$?([\d.]+)|^\"?[A-Z^]{1,6} \([^)]*\)\"?[,;\t]\$?([\d.]+)",
}

_BARCHART: Final = {
    "expiration": r"-exp-(\d{4}-\d{2}-\d{2})",
    "underlying_symbol": r"(?:^|[/\\])\$?([A-Za-z.]{1,6})-(?:volatility-)?(?:options|greeks)",
    "quote_time": r"as of (\d\d-\d\d-\d{4} \d\d:\d\d[ap]m [A-Z]{3})",
}

_EODHD: Final = by_role("""
occ: attributescontract  underlying_symbol: attributesunderlyingsymbol  quote_date: attributestradetime  last_trade:
expiration: attributesexpdate  right: attributestype  strike: attributesstrike  bid: attributesbid  ask: attributesask
bid_size: attributesbidsize  ask_size: attributesasksize  last: attributeslast  volume: attributesvolume
open_interest: attributesopeninterest  implied_volatility: attributesvolatility
delta: attributesdelta  gamma: attributesgamma  theta: attributestheta  vega: attributesvega
""")
_DATED_BY_BID: Final = by_role(
    "quote_date:  quote_time: attributesbiddate attributesaskdate  last_trade: attributestradetime"
)

_BARCHART_FILE: Final = "iwm-options-exp-2026-11-20-monthly-show-all-stacked-10-02-2026.csv"

LAYOUTS: Final = (
    VendorLayout(
        "Cboe quote table (website)",
        proof=("callopra", "putopra", "strike", "expirationdate", "callnet"),
        columns=by_role("underlying_price:  underlying_symbol:"),
        around=_CBOE,
        order="mdy",
    ),
    VendorLayout(
        "Cboe quote table (before 2018)",
        proof=("callopra", "putopra", "calllastsale", "putlastsale"),
        columns=by_role("underlying_price:  underlying_symbol:"),
        around=_CBOE,
    ),
    VendorLayout(
        "Polygon or Massive snapshot",
        proof=("detailsticker", "detailsstrikeprice", "lastquotebid"),
        columns=by_role(
            "occ: detailsticker  underlying_symbol: underlyingassetticker  quote_date: "
            "quote_time: lastquotelastupdated  feed_time:  last_trade: lasttradesiptimestamp "
            "last: lasttradeprice dayclose  multiplier: detailssharespercontract"
        ),
    ),
    VendorLayout(
        "Polygon or Massive snapshot without quotes",
        proof=("detailsticker", "detailsstrikeprice"),
        refused="its plan leaves last_quote, and so bid and ask, out; take a snapshot of a plan with quotes",
    ),
    VendorLayout(
        "MarketData",
        proof=("optionsymbol", "intrinsicvalue", "updated"),
        columns=by_role(
            "occ: optionsymbol  underlying_symbol: underlying  right: side  quote_date:  quote_time: updated "
            "feed_time:  underlying_price: underlyingprice"
        ),
    ),
    VendorLayout(
        "Finnhub",
        proof=("contractname", "contractsize", "strike", "impliedvolatility", "intrinsicvalue"),
        # "REGULAR"
        columns=by_role(
            "occ: contractname  underlying_symbol: code  quote_date:  last_trade: lasttradedatetime "
            "underlying_price: lasttradeprice  last: lastprice  multiplier:"
        ),
        units={"implied_volatility": 0.01},
    ),
    VendorLayout(
        "EODHD",
        proof=("attributescontract", "attributesunderlyingsymbol", "attributesbiddate"),
        columns=_EODHD | _DATED_BY_BID,
    ),
    VendorLayout(
        "EODHD, fields without bid_date", proof=("attributescontract", "attributesunderlyingsymbol"), columns=_EODHD
    ),
    VendorLayout(
        "EODHD table",
        proof=("contract", "underlyingsymbol", "expdate", "tradetime", "biddate"),
        columns=by_role(
            "occ: contract  implied_volatility: volatility  quote_date:  quote_time: biddate askdate "
            "last_trade: tradetime"
        ),
    ),
    VendorLayout(
        "EODHD table, fields without bid_date",
        proof=("contract", "underlyingsymbol", "expdate", "tradetime"),
        columns=by_role("occ: contract  quote_date: tradetime  implied_volatility: volatility"),
    ),
    VendorLayout(
        "Nasdaq",
        proof=("expirygroup", "cbid", "pbid", "strike"),
        columns=by_role("underlying_symbol: drilldownurl  expiration: expirygroup  last_trade:"),
        around={
            "underlying_price": r"LAST TRADE:\s*\$([\d.,]+)",
            "quote_date": r"AS OF\s+([A-Za-z]{3,9} \d{1,2}, \d{4})",
        },
        carried=("expirygroup",),
    ),
    VendorLayout(
        "Barchart",
        proof=("strike", "bid", "mid", "ask", "volume", "type", "time"),
        columns=by_role("quote_date:  feed_time:  last_trade: time  expiration: expirationdate expdate"),
        around=_BARCHART,
        download=_BARCHART_FILE,
        order="mdy",
    ),
    VendorLayout(
        "Barchart, side by side",
        proof=("callbid", "putbid", "strike", "callopenint"),
        columns=by_role("quote_date:  feed_time:  expiration: expirationdate expdate"),
        around=_BARCHART,
        download=_BARCHART_FILE,
        order="mdy",
    ),
    VendorLayout(
        "Yahoo",
        proof=("contractsymbol", "lasttradedate", "quoteregularmarkettime"),
        # "REGULAR"
        columns=by_role(
            "occ: contractsymbol  underlying_symbol: underlyingsymbol  quote_date: "
            "quote_time: quoteregularmarkettime  feed_time:  underlying_price: quoteregularmarketprice "
            "last: lastprice  multiplier:"
        ),
        zones={"quote_time": "UTC"},
    ),
    VendorLayout(
        "Yahoo options JSON",
        proof=("contractsymbolraw",),
        refused="use the values of contractSymbol, bid and ask as text, or export with yfinance",
    ),
)
