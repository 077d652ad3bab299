"""Option histories: OptionMetrics, ThetaData, Databento, DoltHub; and files that hold no bid and ask, by name."""

from typing import Final

from iwm_opts.io.layouts.common import SYNONYMS, by_role
from iwm_opts.io.layouts.layout import VendorLayout

WITHOUT_QUOTES: Final = (  # vendor, names that prove it, remedy
    ("Databento OHLCV", "tsevent rtype open close instrumentid", "download the schema cbbo-1m or mbp-1"),
    ("Databento trades", "tsevent rtype action price", "download the schema cbbo-1m or mbp-1"),
    ("Polygon or Massive aggregates", "ticker windowstart open close", "take a chain snapshot or the quotes flat file"),
    ("ThetaData OHLC", "msofday open close count", "request the quote or EOD endpoint"),
)

LAYOUTS: Final = (
    VendorLayout(
        "OptionMetrics",
        proof=("secid", "exdate", "cpflag", "strikeprice"),
        columns=by_role(
            "occ: symbol  underlying_symbol: ticker  quote_date: date  last_trade: lastdate  expiration: exdate "
            "right: cpflag  strike: strikeprice"
        ),
        units={"strike": 0.001, "vega": 0.01, "theta": 1.0 / 365.0},
    ),
    VendorLayout(
        "HistoricalOptionData.com",
        proof=("underlyingsymbol", "underlyingprice", "exchange", "datadate"),
        columns=by_role("non_standard: exchange"),
        non_standard=("n", "y", "t", "j"),  # other deliverables, binary, 10 and 1,000 shares
    ),
    VendorLayout("ORATS", proof=("tradedate", "stkpx", "cbidpx"), order="mdy"),
    VendorLayout(
        "ORATS API",
        proof=("tradedate", "expirdate", "callbidprice", "putbidprice"),
        # `updatedAt` is when the vendor wrote the row
        columns=by_role("quote_date: tradedate  quote_time: snapshotdate quotedate  feed_time:"),
    ),
    VendorLayout(
        "ThetaData v2",
        proof=("msofday", "bidcondition", "root", "strike"),
        columns=by_role("quote_date: date  quote_time:  feed_time:  underlying_symbol: root"),
        units={"strike": 0.001},
    ),
    VendorLayout(
        "ThetaData v3",
        proof=("timestamp", "bidexchange", "askcondition"),
        columns=by_role("quote_time: timestamp  feed_time:  quote_date:"),
        zones={"quote_time": "America/New_York"},
    ),
    VendorLayout(
        "ThetaData v3, end of day",
        proof=("created", "lasttrade", "bidcondition", "askcondition"),
        columns=by_role("quote_time: created  feed_time:  quote_date:  last_trade: lasttrade  last: close"),
        zones={"quote_time": "America/New_York", "last_trade": "America/New_York"},
    ),
    VendorLayout(
        "Databento cbbo or mbp-1",
        proof=("tsevent", "bidpx00", "askpx00"),
        # `side` is the side of a trade
        columns=by_role(
            "occ: symbol rawsymbol  underlying_symbol:  right:  quote_date:  quote_time: tsrecv tsevent "
            "feed_time:  last:"
        ),
        zones={"quote_time": "UTC"},
    ),
    VendorLayout(
        "DoltHub with iv",  # `vol` is then the volume
        proof=("actsymbol", "callput", "iv"),
        columns=by_role("underlying_symbol: actsymbol  implied_volatility: iv"),
    ),
    VendorLayout(
        "DoltHub with implied_volatility",
        proof=("actsymbol", "callput", "impliedvolatility"),
        columns=by_role("underlying_symbol: actsymbol  implied_volatility: impliedvolatility"),
    ),
    VendorLayout(
        "DoltHub",
        proof=("actsymbol", "callput"),
        columns=by_role("underlying_symbol: actsymbol  volume:")
        | {"implied_volatility": (*SYNONYMS["implied_volatility"], "vol")},
    ),
    *(
        VendorLayout(name, proof=tuple(proof.split()), refused=f"it has no bid and ask; {remedy}")
        for name, proof, remedy in WITHOUT_QUOTES
    ),
)
