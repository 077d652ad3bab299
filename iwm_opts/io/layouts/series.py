"""Series of vendors: FRED, Yahoo, investing.com, Nasdaq, Barchart, Stooq, Tiingo, Polygon and others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from iwm_opts.io.layouts.common import by_role


@dataclass(frozen=True, slots=True)
class SeriesLayout:
    """One vendor's series, as documentation calls it; names are `plain`.

    Roles: date, open, high, low, close, adjusted_close, volume, dividend, split, symbol.
    """

    name: str
    columns: Mapping[str, Sequence[str]]


LAYOUTS: Final = (
    SeriesLayout(
        "Canonical, Cboe, Yahoo, MarketWatch, Interactive Brokers",
        by_role(
            "date: date datetime timestamp day quotedate tradedate  open: open  high: high  low: low  close: close "
            "adjusted_close: adjclose adjustedclose  volume: volume  dividend: dividend dividends "
            "symbol: symbol ticker underlyingsymbol"
        ),
    ),
    SeriesLayout(
        "Yahoo, copied from its web page",
        by_role(
            "close: closeclosepriceadjustedforsplits "
            "adjusted_close: adjcloseadjustedclosepriceadjustedforsplitsanddividendandorcapitalgaindistributions"
        ),
    ),
    SeriesLayout("Alpha Vantage", by_role("dividend: dividendamount  split: splitcoefficient")),
    SeriesLayout("FRED", by_role("date: observationdate")),
    SeriesLayout("investing.com", by_role("close: price  volume: vol")),
    SeriesLayout("investing.com, German", by_role("date: datum  close: zuletzt  open: erffn  high: hoch  low: tief")),
    SeriesLayout("investing.com, French", by_role("close: dernier  open: ouv  high: plushaut  low: plusbas")),
    SeriesLayout(
        "investing.com, Spanish", by_role("date: fecha  close: ltimo  open: apertura  high: mximo  low: mnimo")
    ),
    SeriesLayout(
        "investing.com, Italian and Portuguese",
        by_role("date: data  close: ultimo ltimo  open: apertura abertura  high: massimo mxima  low: minimo mnima"),
    ),
    SeriesLayout(
        "Stooq, Polish",
        by_role("date: data  close: zamkniecie  open: otwarcie  high: najwyzszy  low: najnizszy  volume: wolumen"),
    ),
    SeriesLayout("Nasdaq", by_role("close: closelast")),
    SeriesLayout("Barchart, TradingView", by_role("date: time  close: last latest")),
    SeriesLayout("Stooq, bulk", by_role("symbol: ticker  volume: vol")),
    SeriesLayout("Tiingo", by_role("dividend: divcash  split: splitfactor")),
    SeriesLayout(
        "Polygon or Massive aggregates", by_role("date: windowstart t  open: o  high: h  low: l  close: c  volume: v")
    ),
    SeriesLayout("DoltHub", by_role("symbol: actsymbol")),
    SeriesLayout("Cboe futures", by_role("close: settle")),
)


NAMES: Final[dict[str, tuple[str, ...]]] = {  # by role over all layouts, in their order
    role: tuple(dict.fromkeys(name for layout in LAYOUTS for name in layout.columns.get(role, ())))
    for role in dict.fromkeys(role for layout in LAYOUTS for role in layout.columns)
}
