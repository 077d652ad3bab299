"""Series of vendors: FRED, Yahoo, investing.com, Nasdaq, Barchart, Stooq, Tiingo, Polygon and others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class SeriesLayout:
    """One vendor's series; names are `plain`.

    Attributes
    ----------
    name : str
        What documentation calls it.
    columns : mapping of role to names
        date, open, high, low, close, adjusted_close, volume, dividend, split, symbol.
    """

    name: str
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)


LAYOUTS: Final = (
    SeriesLayout(
        "Canonical, Cboe, Yahoo, MarketWatch, Interactive Brokers",
        {
            "date": ("date", "datetime", "timestamp", "day", "quotedate", "tradedate"),
            "open": ("open",),
            "high": ("high",),
            "low": ("low",),
            "close": ("close",),
            "adjusted_close": ("adjclose", "adjustedclose"),
            "volume": ("volume",),
            "dividend": ("dividend", "dividends"),
            "symbol": ("symbol", "ticker", "underlyingsymbol"),
        },
    ),
    SeriesLayout(
        "Yahoo, copied from its web page",
        {
            "close": ("closeclosepriceadjustedforsplits",),
            "adjusted_close": ("adjcloseadjustedclosepriceadjustedforsplitsanddividendandorcapitalgaindistributions",),
        },
    ),
    SeriesLayout("Alpha Vantage", {"dividend": ("dividendamount",), "split": ("splitcoefficient",)}),
    SeriesLayout("FRED", {"date": ("observationdate",)}),
    SeriesLayout("investing.com", {"close": ("price",), "volume": ("vol",)}),
    SeriesLayout(
        "investing.com, German",
        {"date": ("datum",), "close": ("zuletzt",), "open": ("erffn",), "high": ("hoch",), "low": ("tief",)},
    ),
    SeriesLayout(
        "investing.com, French",
        {"close": ("dernier",), "open": ("ouv",), "high": ("plushaut",), "low": ("plusbas",)},
    ),
    SeriesLayout(
        "investing.com, Spanish",
        {"date": ("fecha",), "close": ("ltimo",), "open": ("apertura",), "high": ("mximo",), "low": ("mnimo",)},
    ),
    SeriesLayout(
        "investing.com, Italian and Portuguese",
        {
            "date": ("data",),
            "close": ("ultimo", "ltimo"),
            "open": ("apertura", "abertura"),
            "high": ("massimo", "mxima"),
            "low": ("minimo", "mnima"),
        },
    ),
    SeriesLayout(
        "Stooq, Polish",
        {
            "date": ("data",),
            "close": ("zamkniecie",),
            "open": ("otwarcie",),
            "high": ("najwyzszy",),
            "low": ("najnizszy",),
            "volume": ("wolumen",),
        },
    ),
    SeriesLayout("Nasdaq", {"close": ("closelast",)}),
    SeriesLayout("Barchart, TradingView", {"date": ("time",), "close": ("last", "latest")}),
    SeriesLayout("Stooq, bulk", {"symbol": ("ticker",), "volume": ("vol",)}),
    SeriesLayout("Tiingo", {"dividend": ("divcash",), "split": ("splitfactor",)}),
    SeriesLayout(
        "Polygon or Massive aggregates",
        {
            "date": ("windowstart", "t"),
            "open": ("o",),
            "high": ("h",),
            "low": ("l",),
            "close": ("c",),
            "volume": ("v",),
        },
    ),
    SeriesLayout("DoltHub", {"symbol": ("actsymbol",)}),
    SeriesLayout("Cboe futures", {"close": ("settle",)}),
)


NAMES: Final[dict[str, tuple[str, ...]]] = {  # by role over all layouts, in their order
    role: tuple(dict.fromkeys(name for layout in LAYOUTS for name in layout.columns.get(role, ())))
    for role in dict.fromkeys(role for layout in LAYOUTS for role in layout.columns)
}
