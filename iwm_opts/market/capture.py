"""Chain from the rows of one capture: checks, defects and spot."""

import math
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import (
    ASSUMED_RATE,
    CHAIN_COLUMNS,
    RIGHT_SIGN,
    ROW_KEY,
    TIMEZONE,
    counted,
)
from iwm_opts.errors import DataError
from iwm_opts.market.calendar import is_session, latest_session, session_hours
from iwm_opts.market.chain import Chain, moment_of_quotes, slices_of
from iwm_opts.market.contract import listed_root
from iwm_opts.market.forward import implied_forwards
from iwm_opts.market.quality import assess, repeats, usable_rows

TEXT_COLUMNS: Final = ("underlying_symbol", "root", "right")
TIME_COLUMNS: Final = ("quote_date", "quote_time", "expiration")
SORTED_BY: Final = ("expiration", "root", "strike", "right")

SHOWN: Final = 4  # expirations in a message
TWO_CAPTURES: Final = 0.5  # fraction of contracts with a second, different quote above which a file holds two
MOSTLY_LOCKED: Final = 0.5  # of the usable quotes
ALL_ZERO: Final = 0.9  # share of rows with bid = ask = 0 above which a capture holds no market
SPOT_DRIFT: Final = 0.001  # relative range of the rows' spots that is worth a word
PARITY_FIT: Final = 0.5  # share of strikes in parity below which prices or strikes are in some other unit
PARITY_SLACK: Final = 0.005, 0.06  # share of spot, and of the strike a year, by which a strike may be out of parity
PARITY_STRIKES: Final = 10  # fewer say nothing
FAR_SPOT: Final = 0.2  # relative distance between spot and what parity says, above which they are not of one market
SPOT_GAP: Final = 0.005  # relative distance between spot and the nearest parity forward that is worth a warning


def closed_exchange(source: str, day: date) -> DataError:
    """Error of quotes dated on a day without a session."""
    rule = f"quotes dated {day}, when the exchange was closed: a holiday capture, its quotes are stale"
    return DataError(source, rule, f"give a capture of a session, such as {latest_session(day)}", "quote_date")


def at_weekend(day: date, session: date) -> str:
    """Warning of a download on a day without trading."""
    return f"quotes dated {day:%A} {day}, when the exchange is closed: taken for the close of {session}"


def is_before_open(at: datetime, day: date) -> bool:
    """Whether a capture of a session is from before it opens; midnight is a day without a time."""
    return at.date() == day and at.time() != time() and is_session(day) and at < session_hours(day)[0]


def no_session_left(source: str, day: date, session: date) -> DataError:
    """Error of a capture before the open that shows the close of a session which has quotes of its own."""
    rule = f"captured on {day} before the open: the close of {session}, of which there are quotes already"
    return DataError(source, rule, f"give a capture of the session of {day}", "quote_date")


def before_open(at: datetime, session: date) -> str:
    """Warning of a capture before options trade."""
    return f"quotes of {at:%Y-%m-%d %H:%M} New York, before the open: taken for the close of {session}"


def closed_expirations(source: str, days: Sequence[date], rows: int, of: int) -> DataError:
    """Error of expirations on days without a session."""
    named = ", ".join(f"{day:%a} {day}" for day in days[:SHOWN]) + (" and others" if len(days) > SHOWN else "")
    rule = f"{rows} of {of} rows expire when the exchange is closed ({named})"
    return DataError(source, rule, "correct the expirations", "expiration")


def one_sided(source: str, side: str, rows: int) -> DataError:
    """Error of a capture without calls or without puts."""
    return DataError(source, f"no {side} among its {counted(rows, 'rows')}", "give a chain with both sides", "right")


def all_zero(source: str, fraction: float, rows: int) -> DataError:
    """Error of a capture at a time without quotes."""
    rule = f"bid and ask are zero in {fraction:.1%} of {rows} rows: a capture while no quotes were out"
    return DataError(source, rule, "capture it again during the session", "quotes")


def out_of_parity(source: str, fit: float, strikes: int) -> DataError:
    """Error of prices or strikes in some other unit."""
    rule = f"{fit:.0%} of {strikes} strikes fit put-call parity: prices or strikes are not dollars a share"
    return DataError(source, rule, "fix the units, or rows that are mixed up", "parity")


def no_spot(source: str) -> DataError:
    """Error of a capture whose spot is neither given nor implied."""
    return DataError(
        source, "has no column for spot, and its quotes imply none by put-call parity", "give `spot`", "spot"
    )


def wrong_spot(source: str, spot: float, origin: str, parity: float) -> DataError:
    """Error of a spot of another market than the quotes."""
    rule = f"spot {spot:g} ({origin}) contradicts these quotes: put-call parity gives about {parity:.2f}"
    return DataError(source, rule, "correct the column or `spot`", "spot")


def nothing_usable(source: str, summary: str) -> DataError:
    """Error of a capture of defects."""
    return DataError(source, f"none of its quotes is usable: {summary}", "give a capture with quotes", "rows")


def no_such_session(source: str, session: str, names: Sequence[str]) -> DataError:
    """Error of a capture that a day lacks."""
    rule = f"has no session {session!r}, the day holds {', '.join(names)}"
    return DataError(source, rule, "choose one with `session`", "session")


REPEATS: Final = "stale: the capture repeats the quotes of the one before it"


def no_trade_since(newest: datetime, day: date) -> str:
    """Warning of a capture in which no contract traded on its day."""
    return f"stale: no contract has traded since {newest:%Y-%m-%d %H:%M}, before the quote date {day}"


def differing_duplicates(count: int, differing: int) -> str:
    """Warning of contracts that occur twice with different quotes."""
    return (
        f"{counted(count, 'rows repeat', 'row repeats')} an earlier contract, {differing} of them with another quote: "
        "the first was kept; "
        "if these are several captures or roots, the file lacks the quote_time, session or root column "
        "to separate them"
    )


def two_captures(source: str, differing: int, contracts: int) -> DataError:
    """Error of two captures that no column tells apart."""
    rule = f"holds several captures, and no time tells which is the latest: {differing} rows repeat {contracts} "
    rule += "contracts with another quote"
    return DataError(source, rule, "add a column quote_time or session, or leave one of the captures out", "quote_time")


def of_an_earlier_day(newest: datetime, day: date) -> str:
    """Warning of quote times that lie before the quote date."""
    return f"quote times end on {newest:%Y-%m-%d %H:%M}, before the quote date {day}: the close of {day} is assumed"


def without_spreads(locked: int, usable: int) -> str:
    """Warning of mids in place of bid and ask; empty of quotes with spreads."""
    if locked <= MOSTLY_LOCKED * usable:
        return ""
    return f"bid equals ask in {locked} of {usable} quotes: mids, not quotes, so fills cost nothing"


def far_spot(spot: float, origin: str, implied: float, expiration: date | None) -> str:
    """Warning of a spot away from parity."""
    return f"spot {spot:.2f} ({origin}) is far from the {implied:.2f} that quotes of {expiration} imply"


def estimated_spot(implied: float, expiration: date | None) -> str:
    """Warning of a spot that no column holds."""
    return f"spot {implied:.2f} estimated by put-call parity of {expiration}: the file has none; `spot` sets it"


def make_chain(
    quotes: pd.DataFrame,
    *,
    symbol: str,
    source: str,
    spot: float | None = None,
    session: str | None = None,
    newest_trade: datetime | None = None,
    previous: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
    warnings: Sequence[str] = (),
    simulated: bool = False,
    modelled: bool = False,
    delay: timedelta = timedelta(0),
) -> Chain:
    """Chain from the rows of one capture; what cannot be a market is refused by name.

    Parameters
    ----------
    quotes : DataFrame
        Required columns of `conventions.CHAIN_COLUMNS`; the others are filled with NaN. One quote date.
    symbol, source, session
        Underlying, origin and capture of the rows.
    spot : float, optional
        Goes over the column. Without either, spot is estimated by put-call parity, with a warning.
    newest_trade : datetime, optional
        Aware time of the latest trade in any contract, where known: reveals an old capture.
    previous : DataFrame, optional
        The capture before, where known: reveals one that only repeats it.
    notes, warnings : sequences of str
        Messages of the reader of the rows.
    simulated, modelled : bool
    delay : timedelta
        See `Chain`.

    Raises
    ------
    DataError
        For a quote date without a session, a side without contracts, a capture of zeros, an unknown right, quotes
        of which none is usable or few are in put-call parity (prices in cents, strikes times 1,000), or where spot
        is neither given nor implied, or of another market than the quotes.
    """
    remarks, warned = list(notes), list(warnings)
    table = _canonical(quotes, symbol, source)
    as_of = table["quote_date"].iloc[0].date()
    _check_no_market(table, as_of, source)
    table, duplicate = _without_duplicates(table, source, remarks, warned)
    latest = table["quote_time"].max()
    quote_time = None if pd.isna(latest) else latest.to_pydatetime()
    if quote_time and quote_time.date() < as_of:
        warned.append(of_an_earlier_day(quote_time, as_of))
        quote_time = None
    frozen = _is_frozen(table, as_of, newest_trade, previous, warned)
    opened, closed = session_hours(as_of)
    if quote_time and not opened <= quote_time <= closed:
        remarks.append(f"captured {quote_time:%Y-%m-%d %H:%M} New York, outside the session of {as_of}")
    parity = _check_no_parity(table, as_of, source)
    spot, spot_source = _spot(table, spot, moment_of_quotes(as_of, quote_time), source, remarks, warned)
    if abs(spot / parity - 1.0) > FAR_SPOT:
        raise wrong_spot(source, spot, spot_source, parity)
    table["underlying_price"] = table["underlying_price"].fillna(spot)
    quality = assess(table, spot, duplicate=duplicate, frozen=frozen, notes=remarks)
    if not quality.usable:
        raise nothing_usable(source, quality.summary)
    warned += filter(None, [without_spreads(quality.locked, quality.usable)])
    return Chain(
        quotes=table,
        symbol=symbol,
        spot=spot,
        spot_source=spot_source,
        as_of=as_of,
        quote_time=quote_time,
        session=session,
        source=source,
        quality=quality,
        warnings=tuple(warned),
        simulated=simulated,
        modelled=modelled,
        delay=delay,
    )


def _canonical(quotes: pd.DataFrame, symbol: str, source: str) -> pd.DataFrame:
    """Canonical columns and types, sorted; a right that is neither C nor P is refused here."""
    if quotes.empty:
        raise DataError(source, "holds no quotes", "give a file with rows", "rows")
    table = quotes.reindex(columns=list(CHAIN_COLUMNS))
    for name in set(CHAIN_COLUMNS) - {*TEXT_COLUMNS, *TIME_COLUMNS}:
        table[name] = table[name].astype(np.float64)
    table["quote_date"] = pd.to_datetime(table["quote_date"]).dt.as_unit("us")
    table["expiration"] = pd.to_datetime(table["expiration"]).dt.as_unit("us")
    table["quote_time"] = pd.to_datetime(table["quote_time"], utc=True).dt.tz_convert(TIMEZONE).dt.as_unit("us")
    unknown = ~table["right"].isin(list(RIGHT_SIGN))
    if unknown.any():
        raise DataError(
            source,
            f"right {table.loc[unknown, 'right'].iloc[0]!r} in {counted(unknown.sum(), 'rows')}",
            "must be C or P",
            "right",
        )
    if (table["quote_date"] != table["quote_date"].iloc[0]).any():
        raise DataError(source, "more than one quote date in one capture", "choose one with `as_of`", "quote_date")
    table["underlying_symbol"] = symbol
    table["root"] = table["root"].astype(object)  # an absent column came in as float
    nameless = table["root"].isna()
    if nameless.any():
        days = table.loc[nameless, "expiration"]
        roots = {day: listed_root(symbol, day.date()) for day in days.unique()}
        table.loc[nameless, "root"] = days.map(roots)
    for name in TEXT_COLUMNS:
        table[name] = table[name].astype(str)
    return table.sort_values(list(SORTED_BY), kind="stable", ignore_index=True)


def _check_no_market(table: pd.DataFrame, as_of: date, source: str) -> None:
    if not is_session(as_of):
        raise closed_exchange(source, as_of)
    for right, name in (("C", "calls"), ("P", "puts")):
        if not (table["right"] == right).any():
            raise one_sided(source, name, len(table))
    zeros = (table["bid"].fillna(0.0) == 0.0) & (table["ask"].fillna(0.0) == 0.0)
    if zeros.mean() > ALL_ZERO:
        raise all_zero(source, float(zeros.mean()), len(table))


def _check_no_parity(table: pd.DataFrame, as_of: date, source: str) -> float:
    """Refuse quotes that cannot be of one market, and return the median over strikes of call less put plus strike.

    A call less its put is worth about spot less the strike, whatever the model (Stoll 1969); that median is about spot.
    NaN where too few strikes have a bid and an ask on both sides.
    """
    bid, ask, strike = (table[name].to_numpy() for name in ("bid", "ask", "strike"))
    listing = [table[name].to_numpy() for name in ("expiration", "root", "strike")]
    same = np.logical_and.reduce([values[1:] == values[:-1] for values in listing])  # sorted: a call, then its put
    two_sided = (bid > 0.0) & (ask >= bid)
    calls = np.flatnonzero(same & two_sided[:-1] & two_sided[1:])
    if len(calls) < PARITY_STRIKES:
        return math.nan
    strike = strike[calls]
    low, high = bid[calls] - ask[calls + 1] + strike, ask[calls] - bid[calls + 1] + strike
    centre = float(np.median(0.5 * (low + high)))
    years = (table["expiration"].iloc[calls] - pd.Timestamp(as_of)).dt.days.to_numpy() / 365.0
    slack = PARITY_SLACK[0] * abs(centre) + PARITY_SLACK[1] * np.maximum(years, 0.0) * strike
    fit = float(((low <= centre + slack) & (high >= centre - slack)).mean())
    if fit < PARITY_FIT:
        raise out_of_parity(source, fit, len(calls))
    return centre


def _without_duplicates(
    table: pd.DataFrame, source: str, notes: list[str], warned: list[str]
) -> tuple[pd.DataFrame, int]:
    """First row of each contract, and how many rows were left out for it."""
    key = [
        name for name in ROW_KEY if name != "quote_time"
    ]  # one capture: times of its rows only say how fresh they are
    again = table.duplicated(key)
    if not again.any():
        return table, 0
    differing = int((again & ~table.duplicated([*key, "bid", "ask"])).sum())
    count = int(again.sum())
    if differing > TWO_CAPTURES * (len(table) - count):
        raise two_captures(source, differing, len(table) - count)
    if differing:
        warned.append(differing_duplicates(count, differing))
    else:
        notes.append(
            counted(count, "rows repeat an earlier one exactly and were", "row repeats an earlier one exactly and was")
            + " left out"
        )
    return table[~again].reset_index(drop=True), count


def _is_frozen(
    table: pd.DataFrame,
    as_of: date,
    newest_trade: datetime | None,
    previous: pd.DataFrame | None,
    warned: list[str],
) -> bool:
    """Whether the capture as a whole is old, with a warning that says why."""
    if newest_trade is not None and newest_trade.date() < as_of:
        warned.append(no_trade_since(newest_trade, as_of))
        return True
    if previous is not None and repeats(table, previous):
        warned.append(REPEATS)
        return True
    return False


def _spot(
    table: pd.DataFrame, given: float | None, moment: datetime, source: str, notes: list[str], warned: list[str]
) -> tuple[float, str]:
    """Spot and where it comes from; compared with what parity says."""
    implied, expiration = math.nan, None  # parity forward of the nearest live expiration; dividends are neglected
    usable = usable_rows(table, math.nan)
    days = table["expiration"] >= pd.Timestamp(moment.date())
    near = table["expiration"].isin(sorted(table.loc[days, "expiration"].unique())[:3]).to_numpy()
    slices = [s for s in slices_of(table[near], usable[near], moment) if s.years > 0.0]
    for quotes, forward in zip(slices, implied_forwards(slices, ASSUMED_RATE, "assumed"), strict=True):
        if forward is not None:
            implied, expiration = forward.price * forward.discount, quotes.expiration
            break
    if given is None:
        column = table["underlying_price"].where(table["underlying_price"] > 0.0).dropna()
        given = float(column.median()) if len(column) else None
        origin = "file"
        if len(column) and column.max() - column.min() > SPOT_DRIFT * column.median():
            notes.append(f"spot runs from {column.min():g} to {column.max():g} over the rows; the median was taken")
    else:
        origin = "given"
    if given is not None:
        if math.isfinite(implied) and abs(given / implied - 1.0) > SPOT_GAP:
            warned.append(far_spot(given, origin, implied, expiration))
        return given, origin
    if not math.isfinite(implied):
        raise no_spot(source)
    warned.append(estimated_spot(implied, expiration))
    return implied, f"estimated by put-call parity of {expiration}"
