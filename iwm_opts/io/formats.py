"""Columns of an option file by meaning: a vendor's declared layout where its names prove it, else the common names.

Names are compared without case, spaces and punctuation, so that `[C_BID]`, `c_bid` and `cBid` are one name. Three
shapes exist: one row an option (most), call and put side by side (OptionsDX, ORATS, Cboe's website), and two captures
side by side (Cboe DataShop end of day: 15:45 and the close).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Literal

from iwm_opts.errors import DataError
from iwm_opts.io.json_tables import MULTI_INDEX
from iwm_opts.io.layouts import layout_of
from iwm_opts.io.layouts.accounts import ACCOUNT_FILES, without_quotes
from iwm_opts.io.layouts.common import (
    AT_CAPTURE,
    CAPTURES,
    JOINED,
    LAST_OF_THE_DAY,
    REQUIRED,
    SIDES,
    SYNONYMS,
    TEXT_ROLES,
)
from iwm_opts.io.layouts.layout import VendorLayout, plain
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.numbers import BLANKS, is_number
from iwm_opts.io.option_symbols import is_option_symbol
from iwm_opts.io.parse import RIGHTS, parse_day
from iwm_opts.io.zones import named_zone
from iwm_opts.market.calendar import NEW_YORK

Shape = Literal["long", "wide", "captures"]
Groups = Mapping[str, Mapping[str, Sequence[str]]]

RIGHT_WORDS: Final = ((("C", "call"), ("P", "put")), (("C", "ce"), ("P", "pe")))  # in names of columns
EITHER: Final = frozenset({"underlying", "stock"})  # names of symbols in some files, of prices in others
SHOWN: Final = 20  # names of columns in a message
DAY_ROLES: Final = ("quote_date", "quote_time", "feed_time")  # columns that may say the day, the most trusted first
TIME_ENDS: Final = (
    "time", "date", "day", "stamp", "at", "ts", "dt", "utc", "scraped", "fetched", "pulled", "captured", "retrieved",
    "collected", "recorded",
)  # fmt: skip
OTHER_TIMES: Final = re.compile(
    "exp|matur|trad|list|delist|first|birth|issu|earn|div|ex$|settl|start|open|announc|record$|pay|incep|roll|last|next"
)  # events of other kinds than quotes
FEWEST_LETTERS: Final = 8  # of a date: fewer may be a number


def _spelled(synonyms: Mapping[str, Sequence[str]], **words: str) -> dict[str, tuple[str, ...]]:
    return {role: tuple(spelling.format(**words) for spelling in spellings) for role, spellings in synonyms.items()}


SIDES_OF_WORDS: Final[list[Groups]] = [
    {right: _spelled(SIDES, c=right.lower(), call=word) for right, word in words} for words in RIGHT_WORDS
]
SIDES_OF_A_JOIN: Final[list[Groups]] = [
    {end: {role: (role.replace("_", "") + end,) for role in SIDES} for end in ends} for ends in JOINED
]
CAPTURE_NAMES: Final = {when: _spelled(AT_CAPTURE, when=when) for when in CAPTURES}
HEADER_NAMES: Final = (
    frozenset(
        name
        for group in (SYNONYMS, *CAPTURE_NAMES.values(), *(side for sides in SIDES_OF_WORDS for side in sides.values()))
        for names in group.values()
        for name in names
    )
    | {f"{role}{end}" for role in ("bid", "ask") for pair in JOINED for end in pair}
    | {"calls", "puts"}
)
TIME_NAMES: Final = frozenset(
    name for role in ("quote_date", "quote_time", "feed_time", "last_trade") for name in SYNONYMS[role]
)
ELSEWHERE: Final = {  # other tables of users: column names that identify them, and their option
    ("open", "high", "low", "close"): ("a table of daily bars", "give it as `bars`, and an option chain as `source`"),
    **ACCOUNT_FILES,
}
INDEXED: Final = ("key", "bid", "ask")
NESTED: Final = {  # chains whose contracts are inside cells or keys: likewise
    ("details", "underlyingasset"): (
        "a Polygon or Massive snapshot with objects in its cells",
        "flatten it with pandas.json_normalize(results), or give the JSON answer itself",
    ),
    INDEXED: (
        "a JSON whose keys are the contracts, as pandas writes an index of several levels",
        "write it after reset_index(), so that expiration, right and strike are columns",
    ),
}

LANGUAGES: Final = {  # names of strike, bid, ask and expiration in other languages, without accents
    "German": ("basispreis", "geld", "brief", "verfall"),
    "French": ("prix d'exercice", "achat", "vente", "echeance"),
    "Spanish": ("precio de ejercicio", "compra", "venta", "vencimiento"),
    "Italian": ("prezzo di esercizio", "denaro", "lettera", "scadenza"),
    "Dutch": ("uitoefenprijs", "bied", "laat", "expiratie"),
}
VARIANTS: Final = {  # of those names
    "ausubungspreis": "basispreis", "strikepreis": "basispreis", "geldkurs": "geld", "briefkurs": "brief",
    "verfallsdatum": "verfall", "verfalltag": "verfall", "falligkeit": "verfall", "verfalltermin": "verfall",
    "prix exercice": "prix d'exercice", "exercice": "prix d'exercice", "offre": "vente", "demande": "achat",
    "date d'echeance": "echeance", "ejercicio": "precio de ejercicio", "strike precio": "precio de ejercicio",
    "fecha de vencimiento": "vencimiento", "oferta": "venta", "demanda": "compra",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of a file by meaning.

    `columns` are those of the row; `groups` those of each side (C, P; x, y where the prices decide which is the call)
    of a wide file, or of each capture; `vendor` the declared layout, where the names prove one; `unnamed_time` the
    column that is taken for the time of the quotes by its cells.
    """

    shape: Shape
    columns: dict[str, str]
    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    vendor: VendorLayout | None = None
    unnamed_time: str = ""  # column of `feed_time` that has no known name

    @property
    def numbers(self) -> list[str]:
        """File columns that hold numbers."""
        return [name for role, name in self._roles() if role not in TEXT_ROLES]

    @property
    def texts(self) -> list[str]:
        """File columns that hold words, dates and times."""
        return [name for role, name in self._roles() if role in TEXT_ROLES]

    @property
    def required_numbers(self) -> frozenset[str]:
        """File columns in which a word is an error, and no blank."""
        return frozenset(name for role, name in self._roles() if role in REQUIRED)

    def _roles(self) -> list[tuple[str, str]]:
        pairs = [*self.columns.items()]
        for group in self.groups.values():
            pairs += group.items()
        return list({name: (role, name) for role, name in pairs}.values())


def detect(columns: Sequence[str], sample: Mapping[str, Sequence[str]], source: object) -> Layout:
    """Layout of a file by its columns, as it spells them, and their first values.

    `symbol` may hold an option symbol or something else, `underlying` a symbol or a price.

    Raises DataError when a meaning that no other column carries is missing; names it and the columns seen. Also when a
    column that is to be read occurs twice, or the file is known and holds no quotes.
    """
    names = {plain(name): name for name in reversed(columns)}
    for name, (bare, _) in ((name, zoned) for name in columns if (zoned := named_zone(name))):
        if plain(bare) in TIME_NAMES:
            names.setdefault(plain(bare), name)
    vendor = layout_of(frozenset(names))
    if vendor is not None and vendor.refused:
        raise DataError(source, f"{vendor.name} file: not an option chain with quotes", vendor.refused, "kind")
    synonyms = dict(SYNONYMS)
    for role, spellings in (vendor.columns if vendor else {}).items():
        synonyms[role] = (*spellings, *SYNONYMS[role]) if spellings else ()
    likely = [names[spelling] for spelling in synonyms["occ"] if spelling in names]
    candidates = (*likely, *names.values()) if synonyms["occ"] else ()
    occ = next((name for name in candidates if _are_option_symbols(sample.get(name, ()))), None)
    others = {spelling: name for spelling, name in names.items() if name != occ}
    common = _match(synonyms, others, sample)
    common = _without(common, ("occ",)) | ({} if occ is None else {"occ": occ})
    common = _by_values(common, synonyms, others, sample, has_symbols=occ is not None)
    unnamed = "" if vendor or set(DAY_ROLES) & set(common) else _unnamed_time(common, columns, sample)
    common |= {"feed_time": unnamed} if unnamed else {}
    groups = [*SIDES_OF_WORDS, *SIDES_OF_A_JOIN]
    sides = next(filter(None, (_quoted(group, names, sample, len(group)) for group in groups)), {})
    captures = _quoted(CAPTURE_NAMES, names, sample, 1)
    if sides:
        of_both = set.intersection(*map(set, sides.values())) - {"delta", "gamma", "theta", "vega"}
        layout = Layout("wide", _without(common, ("right", "occ", "bid", "ask", *of_both)), sides, vendor)
    elif captures:
        if LAST_OF_THE_DAY in names:
            common.setdefault("last", names[LAST_OF_THE_DAY])
        layout = Layout("captures", _without(common, ("bid", "ask", "underlying_price")), captures, vendor)
    else:
        layout = Layout("long", common, vendor=vendor)
    layout = replace(layout, unnamed_time=unnamed)
    _require(layout, columns, source)
    count = Counter(plain(name) for name in columns)
    for name in (name for name in (*layout.numbers, *layout.texts) if count[plain(name)] > 1):
        twins = [f"{twin.strip()} in column {at}" for at, twin in enumerate(columns, 1) if plain(twin) == plain(name)]
        rule = f"column {name.strip()} occurs {count[plain(name)]} times ({', '.join(twins)})"
        raise DataError(source, rule, "keep one of them", name.strip())
    return layout


def _match(
    synonyms: Mapping[str, Sequence[str]], names: Mapping[str, str], sample: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Columns by role: the first name that a column has, one with values before an empty one."""
    matches = {}
    for role, spellings in synonyms.items():
        present = [names[spelling] for spelling in spellings if spelling in names]
        if present:
            matches[role] = next((name for name in present if sample.get(name)), present[0])
    return matches


def _quoted(
    groups: Groups, names: Mapping[str, str], sample: Mapping[str, Sequence[str]], fewest: int
) -> dict[str, dict[str, str]]:
    """Columns by role of each group that has a bid and an ask; none where these are fewer than `fewest`."""
    matches = {group: _match(synonyms, names, sample) for group, synonyms in groups.items()}
    quoted = {group: roles for group, roles in matches.items() if {"bid", "ask"} <= set(roles)}
    return quoted if len(quoted) >= fewest else {}


def _without(columns: dict[str, str], roles: Iterable[str]) -> dict[str, str]:
    return {role: name for role, name in columns.items() if role not in roles}


def _are_option_symbols(values: Sequence[str]) -> bool:
    return bool(values) and all(map(is_option_symbol, values))


def _by_values(
    common: dict[str, str],
    synonyms: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    sample: Mapping[str, Sequence[str]],
    has_symbols: bool,
) -> dict[str, str]:
    """Columns by role where values decide: `underlying` and `stock` are symbols or prices, `type` has other uses."""
    for role, is_price in (("underlying_symbol", False), ("underlying_price", True)):
        fitting = []
        for spelling in (spelling for spelling in synonyms[role] if spelling in names):
            values = sample.get(names[spelling], ())
            filled = [value for value in values if value.strip() not in BLANKS]
            is_of_kind = not filled or all(map(is_number, filled)) == is_price
            if (is_of_kind or spelling not in EITHER) and (is_price or not _are_option_symbols(values)):
                fitting.append(names[spelling])
        common.pop(role, None)
        if fitting:
            common[role] = next((name for name in fitting if sample.get(name)), fitting[0])
    for name in (names[spelling] for spelling in synonyms["right"] if spelling in names):
        if sample.get(name) and all(value.strip().upper() in RIGHTS for value in sample[name]):
            common["right"] = name
            break
    words = {  # in a column of numbers, such as a contract size of `REGULAR`
        role
        for role, name in common.items()
        if role not in TEXT_ROLES | REQUIRED and sample.get(name)
        and not any(is_number(value) or value.strip() in BLANKS for value in sample[name])
    }  # fmt: skip
    return _without(common, words | ({"settlement"} if has_symbols else set()))  # the root of the symbol says it


def _unnamed_time(common: Mapping[str, str], columns: Sequence[str], sample: Mapping[str, Sequence[str]]) -> str:
    """Only column of one time or day before the expirations whose name says a time, such as `scraped`; empty without.

    Its cells are those of one capture; times of other events differ by row, or have their own words.
    """
    expirations = _days_of(sample.get(common.get("expiration", ""), ()))
    times = []
    for name in columns:
        cells = set(sample.get(name, ()))
        words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
        is_time = any(word.endswith(TIME_ENDS) for word in words) and not any(map(OTHER_TIMES.match, words))
        if name in common.values() or len(cells) != 1 or not is_time or len(next(iter(cells)).strip()) < FEWEST_LETTERS:
            continue
        days = _days_of(cells)
        if days and days[0] <= min([*expirations, datetime.now(NEW_YORK).date()]):
            times.append(name)
    return times[0] if len(times) == 1 else ""


def _days_of(cells: Iterable[str]) -> list[date]:
    days = []
    for cell in cells:
        with suppress(ValueError):
            days.append(parse_day(cell))
    return days


def _require(layout: Layout, columns: Sequence[str], source: object) -> None:
    needed = {"expiration", "right", "strike", "bid", "ask"}
    if "occ" in layout.columns:
        needed -= {"expiration", "right", "strike"}
    if layout.shape != "long":
        needed -= {"bid", "ask"}
    if layout.shape == "wide":
        needed -= {"right"}
        if all("occ" in group for group in layout.groups.values()):
            needed -= {"expiration"} | ({"strike"} if set(layout.groups) == {"C", "P"} else set())  # it tells the sides
    if layout.vendor is not None:
        needed -= set(layout.vendor.around)
    missing = sorted(needed - set(layout.columns), key=list(SYNONYMS).index)
    if not missing:
        return
    _check_language(columns, source)
    names = frozenset(plain(name) for name in columns)
    other = without_quotes(columns) if {"bid", "ask"} & set(missing) else None
    if other is not None:
        raise DataError(source, f"{other[0]}, not an option chain: {_seen(missing, columns)}", other[1], "kind")
    is_indexed = any(MULTI_INDEX.fullmatch(name.strip()) for name in columns)
    for proof, (what, remedy) in NESTED.items():
        if names.issuperset(proof) or (is_indexed and proof == INDEXED):
            raise DataError(source, f"{what}: {_seen(missing, columns)}", remedy, "kind")
    for proof, (what, remedy) in ELSEWHERE.items():
        if names.issuperset(proof) and {"strike", "bid"} & set(missing):
            raise DataError(source, f"{what}, not an option chain: {_seen(missing, columns)}", remedy, "kind")
    is_series = names & set(NAMES["date"]) and (names & set(NAMES["close"]) or len(names) == 2)
    if {"strike", "bid"} <= set(missing) and is_series:
        remedy = "give it as `bars` or `iv_history`, and an option chain as `source`"
        raise DataError(source, f"a series by day, not an option chain: {_seen(missing, columns)}", remedy, "kind")
    raise DataError(
        source,
        _seen(missing, columns),
        f"name the columns {', '.join(missing)}, or give an option chain file",
        ", ".join(missing),
    )


def _check_language(columns: Sequence[str], source: object) -> None:
    """Refuse a header in another language, with the names to write: two of its four are no accident."""
    bare = {}  # without case, accents and underscores
    for name in columns:
        letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        bare[name.strip()] = letters.strip().lower().replace("_", " ")
    for language, words in LANGUAGES.items():
        roles = dict(zip(words, ("strike", "bid", "ask", "expiration"), strict=True))
        renamed = {name: roles[word] for name in bare if (word := VARIANTS.get(bare[name], bare[name])) in roles}
        if len(set(renamed.values())) >= 2:
            pairs = ", ".join(f"{name} to {role}" for name, role in renamed.items())
            raise DataError(
                source, f"names of columns in {language}", f"rename {pairs}, and the others to English", "columns"
            )


def _seen(missing: Sequence[str], columns: Sequence[str]) -> str:
    seen = ", ".join(name.strip()[:30] for name in columns[:SHOWN]) + (", ..." if len(columns) > SHOWN else "")
    return f"no column for {', '.join(missing)} (columns seen: {seen})"


def halves(columns: Sequence[str]) -> list[str]:
    """Names of a table with calls on the left and puts on the right: `Call Bid` and `Put Bid` for the two `Bid`.

    Columns of other tables come back as they are. pandas' numbering of equal names (`Bid.1`) counts as the same name.
    Without columns of the names of calls and puts, the strike between them (Barchart).
    """
    spelled = [plain(name) for name in columns]
    bare = [re.sub(r"\.1$", "", name.strip()) for name in columns]
    unnumbered = list(map(plain, bare))
    if spelled.count("strike") == 1 and not {"calls", "puts"} & set(spelled):
        middle = spelled.index("strike")
        both = set(unnumbered[:middle]) & set(unnumbered[middle + 1 :])
        if {"bid", "ask"} <= both:
            sided = both - set(SYNONYMS["expiration"])
            calls, puts = ([f"{side} {name}" if plain(name) in sided else name for name in bare]
                           for side in ("Call", "Put"))  # fmt: skip
            return [*calls[:middle], columns[middle], *puts[middle + 1 :]]
    if "calls" not in spelled or "puts" not in spelled or spelled.index("calls") > spelled.index("puts"):
        return list(columns)
    twice = {name for name, count in Counter(unnumbered).items() if count == 2}
    left, right = spelled.index("calls"), spelled.index("puts")
    named = []
    for place, name in enumerate(bare):
        side = "Call" if left <= place < right else "Put" if place >= right else ""
        if plain(name) in ("calls", "puts"):
            named.append(f"{side} OPRA")
        else:
            named.append(f"{side} {name}" if side and plain(name) in twice else columns[place])
    return named
