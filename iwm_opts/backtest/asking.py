"""Books of markets that are asked day by day: packages chosen from boards, and the quotes of their lives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.market import BY_SMILE, CARRIED, Board, DailyMarket, Marks, Request, Series
from iwm_opts.backtest.rules import CONDOR, LONG_CALL, LONG_PUT, EntryRule
from iwm_opts.conventions import VerticalKind
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.backtest.book import Days, Lives, Quotes
from iwm_opts.risk.assignment import call_is_assigned, put_is_assigned
from iwm_opts.spreads.iron_condor import iron_condors
from iwm_opts.spreads.legs import DeltaRange, Packages
from iwm_opts.spreads.single import long_options
from iwm_opts.spreads.vertical import KINDS, verticals

if TYPE_CHECKING:
    from iwm_opts.market.option_table import OptionTable

Array = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A package the entry rule picks on one day."""

    place: int  # of the day
    series: Series
    strike: Array  # ascending, shape (legs,)


def choose_packages(market: DailyMarket, rule: EntryRule, places: Places) -> list[Chosen]:
    """The package that the rule picks on each of some days, where it finds one."""
    found = [_choose(market, rule, int(place)) for place in places]
    return [one for one in found if one is not None]


def _choose(market: DailyMarket, rule: EntryRule, place: int) -> Chosen | None:
    board = market.board(place, rule.dte, rule.dte_slack)
    if board is None:
        return None
    packages = packages_on(board, rule)
    return Chosen(place, board.series, board.strike[packages.index[0]]) if len(packages) else None


def packages_on(board: Board, rule: EntryRule) -> Packages:
    """The package that the rule picks from a board; none where a leg is not listed."""
    # Selection reads right, strike and delta, which a board has: an option table with its smile would take longer to
    # make than all the rest of the day.
    table = cast("OptionTable", board)
    put, call = (DeltaRange(delta, delta) for delta in (rule.put_delta, rule.call_delta))
    if rule.strategy == CONDOR:
        return iron_condors(table, put, call, [(rule.put_wing, rule.call_wing)])
    if rule.strategy in (LONG_CALL, LONG_PUT):
        return long_options(table, *(("C", call) if rule.strategy == LONG_CALL else ("P", put)))
    kind = cast("VerticalKind", rule.strategy)
    is_put = KINDS[kind][0] == "P"
    return verticals(table, kind, put if is_put else call, [rule.put_wing if is_put else rule.call_wing])


def ask_quotes(
    market: DailyMarket, series: Sequence[Series], legs: Legs, days: Days, lives: Lives, quotes: Quotes
) -> None:
    """Write the quotes of every life, day by day, and which short legs are assigned overnight."""
    tradable = np.diff(lives.offset) - lives.settles  # rows with quotes
    quotes.quoted[:] = tradable
    alive: list[int] = []
    entries = {int(place): c for c, place in enumerate(lives.entry)}
    ends = lives.entry + tradable
    for place in range(len(market.days)):
        alive = [c for c in alive if place < ends[c]]
        if place in entries:
            alive.append(entries[place])
        groups: dict[Series, list[int]] = {}
        for c in alive:
            groups.setdefault(series[c], []).append(c)
        requests = [
            Request(one, np.tile(legs.right, len(group)), quotes.strike[group].ravel()) for one, group in groups.items()
        ]
        answers = market.marks(place, requests) if requests else []
        for group, marks in zip(groups.values(), answers, strict=True):
            rows = np.array([lives.offset[c] + place - lives.entry[c] for c in group])
            _write(marks, rows, len(legs), quotes)
        _assign(market, place, groups, legs, days, lives, quotes)


def _write(marks: Marks, rows: Places, legs: int, quotes: Quotes) -> None:
    shape = len(rows), legs
    origin = marks.origin.reshape(shape)
    carried = (origin == CARRIED).any(axis=1)
    quotes.bid[:, rows], quotes.ask[:, rows] = marks.bid.reshape(shape).T, marks.ask.reshape(shape).T
    quotes.by_smile[rows] = np.where(carried, 0, (origin == BY_SMILE).sum(axis=1))
    quotes.is_carried[rows] = carried
    # A package is chosen on quotes, so that its first row is never carried and the row before is its own.
    for lines in (quotes.bid, quotes.ask):
        lines[:, rows[carried]] = lines[:, rows[carried] - 1]


def _assign(
    market: DailyMarket,
    place: int,
    groups: dict[Series, list[int]],
    legs: Legs,
    days: Days,
    lives: Lives,
    quotes: Quotes,
) -> None:
    """Set the bits of short legs that are assigned after a day, by the quotes of the opposite right."""
    spot = float(days.spot[place])
    is_eve = place + 1 < len(days.dividend) and days.dividend[place + 1] > 0.0
    for series, group in groups.items():
        if not lives.is_physical[group[0]]:
            continue
        asked = [
            (c, j)
            for c in group
            for j in np.flatnonzero(legs.sign < 0)
            if legs.right[j] * (spot - quotes.strike[c, j]) > 0.0 and (legs.right[j] < 0.0 or is_eve)
        ]
        if not asked:
            continue
        right = np.array([legs.right[j] for _, j in asked])
        strike = np.array([quotes.strike[c, j] for c, j in asked])
        (marks,) = market.marks(place, [Request(series, -right, strike)])
        mid = np.where(marks.origin == CARRIED, np.nan, 0.5 * (np.maximum(marks.bid, 0.0) + marks.ask))
        years, forward, discount = market.terms(place, series)
        rate = -np.log(discount) / years if years > 0.0 else np.nan
        for (c, j), k, m in zip(asked, strike, mid, strict=True):
            rule = call_is_assigned if legs.right[j] > 0.0 else put_is_assigned
            if rule(spot, k, m, rate, years, spot - forward * discount) == 1.0:
                row = lives.offset[c] + place - lives.entry[c]
                if not quotes.is_carried[row]:
                    quotes.assigned[row] |= 1 << int(j)
