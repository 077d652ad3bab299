"""Which column of a file means what: layouts of option files, told apart by the names of their columns.

Names are compared without case, spaces and punctuation, so that `[C_BID]`, `c_bid` and `cBid` are one name. Three
shapes exist: one row an option (most), call and put side by side (OptionsDX, ORATS), and two captures side by side
(Cboe DataShop end of day: 15:45 and the close).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from iwm_opts.errors import DataError
from iwm_opts.market.contract import OCC_PATTERN

# By meaning, the most trusted name first. `occ` is an OCC symbol, `feed_time` a time at which a feed was read,
# `last_trade` when a contract last traded.
SYNONYMS: Final[Mapping[str, Sequence[str]]] = {
    "occ": ("contractsymbol", "occsymbol", "optionsymbol", "contractid", "optionroot", "contract", "option", "symbol"),
    "underlying_symbol": ("underlyingsymbol", "underlying", "ticker", "symbol", "underlyingticker", "stock"),
    "root": ("root", "optionroot", "rootsymbol", "class"),
    "quote_date": ("quotedate", "tradedate", "date", "datadate", "asof", "asofdate"),
    "quote_time": ("quotetimeet", "quotetime", "quotedatetime", "quotereadtime", "snapshottime"),
    "feed_time": ("feedtimestamp", "feedutc", "timestamp", "ts", "updated", "updatedat", "fetchedutc"),
    "session": ("session", "capture", "snapshot"),
    "last_trade": ("lasttradedate", "lasttradetime"),
    "underlying_price": (
        "underlyingprice",
        "underlyinglast",
        "spotprice",
        "spotpx",
        "spot",
        "stockprice",
        "stkpx",
        "stocklast",
        "currentprice",
        "activeunderlyingprice",
        "underlyingclose",
    ),
    "expiration": ("expiration", "expirationdate", "expirdate", "expiredate", "expirydate", "expiry", "exp"),
    "right": (
        "right",
        "optiontype",
        "type",
        "typeoption",
        "callput",
        "putcall",
        "cp",
        "cpflag",
        "contracttype",
        "side",
    ),
    "strike": ("strike", "strikeprice"),
    "bid": ("bid", "bidprice", "bestbid", "closebid"),
    "ask": ("ask", "askprice", "bestask", "offer", "bestoffer", "closeask"),
    "bid_size": ("bidsize", "bidqty"),
    "ask_size": ("asksize", "askqty"),
    "last": ("last", "lastprice", "lasttradeprice"),
    "volume": ("volume", "tradevolume", "totalvolume"),
    "open_interest": ("openinterest", "oi"),
    "implied_volatility": ("impliedvolatility", "iv", "impliedvol", "ivmid", "midiv"),
    "delta": ("delta",),
    "gamma": ("gamma",),
    "theta": ("theta",),
    "vega": ("vega",),
}

# Call and put side by side: {c} is c or p, {call} is call or put. ORATS' greeks are the call's, for both.
SIDES: Final[Mapping[str, Sequence[str]]] = {
    "occ": ("{c}opra", "{call}opra"),
    "bid": ("{c}bid", "{call}bidprice", "{c}bidpx", "{call}bid"),
    "ask": ("{c}ask", "{call}askprice", "{c}askpx", "{call}ask"),
    "size": ("{c}size",),
    "bid_size": ("{call}bidsize", "{c}bidsize"),
    "ask_size": ("{call}asksize", "{c}asksize"),
    "last": ("{c}last", "{call}last", "{call}lastprice"),
    "volume": ("{c}volume", "{call}volume", "{c}volu"),
    "open_interest": ("{call}openinterest", "{c}oi", "{c}openinterest"),
    "implied_volatility": ("{c}iv", "{call}midiv", "{c}midiv", "{call}iv"),
    "delta": ("{c}delta", "{call}delta"),
    "gamma": ("{c}gamma", "{call}gamma"),
    "theta": ("{c}theta", "{call}theta"),
    "vega": ("{c}vega", "{call}vega"),
}

# Two captures of one day side by side: {when} is 1545 or eod.
CAPTURES: Final = ("1545", "eod")
AT_CAPTURE: Final[Mapping[str, Sequence[str]]] = {
    "bid": ("bid{when}",),
    "ask": ("ask{when}",),
    "bid_size": ("bidsize{when}",),
    "ask_size": ("asksize{when}",),
    "underlying_bid": ("underlyingbid{when}",),
    "underlying_ask": ("underlyingask{when}",),
    "underlying_price": ("activeunderlyingprice{when}",),
    "implied_volatility": ("impliedvolatility{when}",),
    "delta": ("delta{when}",),
    "gamma": ("gamma{when}",),
    "theta": ("theta{when}",),
    "vega": ("vega{when}",),
}
LAST_OF_THE_DAY: Final = "close"  # DataShop's name for the last trade, elsewhere the underlying's close

TEXT_ROLES: Final = frozenset(
    {
        "occ",
        "underlying_symbol",
        "root",
        "quote_date",
        "quote_time",
        "feed_time",
        "session",
        "last_trade",
        "expiration",
        "right",
        "size",
    }
)
UTC_NAMES: Final = frozenset({*SYNONYMS["feed_time"], "lasttradedate"})  # where no zone is written; else New York
DELAYED_NAMES: Final = frozenset({"feedtimestamp", "feedutc"})  # Cboe's free feed is 15 minutes old when read

Shape = Literal["long", "wide", "captures"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of a file by meaning.

    `columns` are those of the row; `groups` those of each side (C, P) of a wide file, or of each capture.
    """

    shape: Shape
    columns: dict[str, str]
    groups: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def numbers(self) -> list[str]:
        """File columns that hold numbers."""
        return [name for role, name in self._roles() if role not in TEXT_ROLES]

    @property
    def texts(self) -> list[str]:
        """File columns that hold words, dates and times."""
        return [name for role, name in self._roles() if role in TEXT_ROLES]

    def _roles(self) -> list[tuple[str, str]]:
        found = [*self.columns.items()]
        for group in self.groups.values():
            found += group.items()
        return list({name: (role, name) for role, name in found}.values())


def plain(name: str) -> str:
    """A column's name without case, spaces and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def detect(columns: Sequence[str], sample: Mapping[str, Sequence[str]], source: object) -> Layout:
    """Layout of a file.

    Parameters
    ----------
    columns : sequence of str
        Names as the file spells them.
    sample : mapping of str to sequence of str
        First values by column: `symbol` or `option` may hold an OCC symbol or something else.
    source : object
        For the message.

    Raises
    ------
    DataError
        When a meaning that no other column carries is missing; names it, the names it may have, and those seen. Also
        when a column that is to be read occurs twice.
    """
    names = {plain(name): name for name in reversed(columns)}
    occ = _occ_column(names, sample)
    others = {spelling: name for spelling, name in names.items() if name != occ}
    common = _without(_match(SYNONYMS, others), ("occ",)) | ({} if occ is None else {"occ": occ})
    sides = {
        right: _match(_spelled(SIDES, c=right.lower(), call=word), names)
        for right, word in (("C", "call"), ("P", "put"))
    }
    captures = {when: _match(_spelled(AT_CAPTURE, when=when), names) for when in CAPTURES}
    captures = {when: group for when, group in captures.items() if {"bid", "ask"} <= set(group)}
    if all({"bid", "ask"} <= set(group) for group in sides.values()):
        layout = Layout("wide", _without(common, ("right", "occ", "bid", "ask")), sides)
    elif captures:
        if LAST_OF_THE_DAY in names:
            common.setdefault("last", names[LAST_OF_THE_DAY])
        layout = Layout("captures", _without(common, ("bid", "ask", "underlying_price")), captures)
    else:
        layout = Layout("long", common)
    _require(layout, columns, source)
    _refuse_twins(layout, columns, source)
    return layout


def _match(synonyms: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for role, spellings in synonyms.items():
        present = [names[spelling] for spelling in spellings if spelling in names]
        if present:
            found[role] = present[0]
    return found


def _spelled(synonyms: Mapping[str, Sequence[str]], **words: str) -> dict[str, list[str]]:
    return {role: [spelling.format(**words) for spelling in spellings] for role, spellings in synonyms.items()}


def _without(columns: dict[str, str], roles: Iterable[str]) -> dict[str, str]:
    return {role: name for role, name in columns.items() if role not in roles}


def _occ_column(names: Mapping[str, str], sample: Mapping[str, Sequence[str]]) -> str | None:
    """First candidate whose values read like OCC symbols."""
    for spelling in SYNONYMS["occ"]:
        values = [value.strip().removeprefix("O:") for value in sample.get(names.get(spelling, ""), ())]
        if values and all(OCC_PATTERN.fullmatch(value) for value in values):
            return names[spelling]
    return None


def _require(layout: Layout, columns: Sequence[str], source: object) -> None:
    needed = {"expiration", "right", "strike", "bid", "ask"}
    if "occ" in layout.columns:
        needed -= {"expiration", "right", "strike"}
    if layout.shape != "long":
        needed -= {"bid", "ask"}
    if layout.shape == "wide":
        needed -= {"right"}
    missing = sorted(needed - set(layout.columns), key=list(SYNONYMS).index)
    if not missing:
        return
    seen = ", ".join(name.strip() for name in columns[:40]) + (", ..." if len(columns) > 40 else "")
    rule = f"no column for {', '.join(missing)} (columns seen: {seen})"
    raise DataError(source, rule, f"name the columns {', '.join(missing)}, or give an option chain file")


def _refuse_twins(layout: Layout, columns: Sequence[str], source: object) -> None:
    """Nobody knows which of two columns of one name is meant."""
    count = Counter(plain(name) for name in columns)
    for name in (*layout.numbers, *layout.texts):
        if count[plain(name)] > 1:
            spelled = ", ".join(twin.strip() for twin in columns if plain(twin) == plain(name))
            rule = f"column {name.strip()} occurs {count[plain(name)]} times ({spelled})"
            raise DataError(source, rule, "keep one of them")
