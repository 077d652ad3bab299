"""Exit levels of a package, and the entry windows that they allow."""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from numbers import Integral
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from iwm_opts.conventions import STRATEGY, Default, counted
from iwm_opts.errors import InputError
from iwm_opts.io.fraction import parse_fraction
from iwm_opts.market.calendar import latest_session, next_session, session_numbers, sessions

MAX_DEBIT_PROFIT: Final = 10.0  # times the debit paid: 50 is a slip for 50%
LEAST_DAYS_HELD: Final = 7  # between entry and DTE exit, or half of the days to expiration: less pays fees for nothing
OFF: Final = "off: none"
NOISE: Final = 1e-9  # of binary fractions, $/share


@dataclass(frozen=True, slots=True)
class ExitLevels:
    """When a position is closed; None switches a rule off.

    Parameters
    ----------
    profit : float, str or None
        Fraction of the entry price gained: 0.5 or "50%", at most all of a credit and 10 times a debit.
    stop : float, str or None
        Multiple of the entry price lost: 2 of a credit, 0.5 of a debit unless given.
    dte : int or None
        Calendar days to expiration.
    sessions : int or None
        Sessions held.
    within_session : bool
        Whether a plan's clock closes in the session of the entry.

    Raises
    ------
    InputError
        For a level of 0 or below, a profit that no package reaches, or a part of a day.
    """

    profit: float | None = STRATEGY.profit
    stop: float | Default | None = "default"
    dte: int | None = STRATEGY.exit_dte
    sessions: int | None = None
    within_session: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "profit", price_level("profit", self.profit))
        if self.stop != "default":
            object.__setattr__(self, "stop", price_level("stop", self.stop))
        check_profit(self.profit)
        check_days("exit_dte", self.dte, 0)
        check_days("sessions", self.sessions, 1)

    def profit_level(self, *, is_credit: bool) -> float | None:
        """Fraction of the entry price gained at the target; one that no credit reaches is refused."""
        check_profit(self.profit, is_credit=is_credit)
        return self.profit

    def stop_level(self, *, is_credit: bool) -> float | None:
        """Multiple of the entry price lost at the stop."""
        if self.stop == "default":
            return STRATEGY.stop if is_credit else STRATEGY.debit_stop
        return self.stop

    def time_exit(self, expiration: date, entry: date) -> date | None:
        """First session after an entry on which the clock closes; None where expiration comes first.

        A DTE exit is due on the first session with at most so many calendar days left, as in backtests and `manage`.
        """
        if self.within_session:
            return entry
        days = []
        if self.dte is not None:
            ahead = max((expiration - entry).days - self.dte, 1)
            days.append(next_session(entry + timedelta(days=ahead - 1)))
        held = sessions(entry + timedelta(days=1), expiration)
        if self.sessions is not None and self.sessions <= len(held):
            days.append(held[self.sessions - 1].item())
        due = min(days, default=None)
        return due if due is not None and due <= expiration else None

    def no_stop(self, credit: float, most: float) -> str:
        """Why the stop of an entry closes nothing before the largest loss; empty where it can, and without a stop.

        Parameters
        ----------
        credit : float
            Of the entry, $/share; a debit negative.
        most : float
            Largest cost of closing, $/share: the wider wing of a credit spread, infinite where naked.
        """
        stop = self.stop_level(is_credit=credit > 0.0)
        if stop is None or math.isnan(credit):
            return ""
        if not stop_is_beyond(credit, stop, most):
            return ""
        if credit > 0.0:
            cost = (1.0 + stop) * credit
            level = f"no stop within the width: {1.0 + stop:g} x credit = {cost:.2f} exceeds {most:.2f}"
        else:
            level = f"no stop within the debit: a loss of {stop:g} x debit leaves nothing of {-credit:.2f} to close"
        return f"{level}; the worst case is the max loss"

    def closes_before(self, expiration: date, entry: date) -> bool:
        """Whether an entry is closed by the session before its expiration at the latest, by the clock alone."""
        if self.within_session:
            return entry < expiration
        eve = latest_session(latest_session(expiration) - timedelta(days=1))
        if self.dte is not None and (expiration - eve).days <= self.dte:
            return True
        opened, last = session_numbers([entry, eve])
        return self.sessions is not None and bool(opened + self.sessions <= last)


def stop_is_beyond(credit: ArrayLike, stop: float, most: ArrayLike) -> Any:
    """Whether a stop of so many entry credits or debits lies beyond the largest cost of closing; arguments $/share."""
    entry = np.asarray(credit, dtype=np.float64)
    slack = np.where(entry > 0.0, NOISE, -NOISE)  # a debit that is worth nothing cannot be sold
    return entry + stop * np.abs(entry) > np.asarray(most, dtype=np.float64) + slack


def price_level(name: str, value: object) -> float | None:
    """Profit or stop as a number; None is off.

    Raises
    ------
    InputError
        For a level of 0 or below, or anything that is neither a number nor a percentage.
    """
    if value is None:
        return None
    example = "half of the credit is 0.5 or 50%" if name == "profit" else "twice the credit is 2"
    level = parse_fraction(value, name, f"{example}; {OFF}")
    if not 0.0 < level < math.inf:
        raise InputError(name, value, "must be above 0", f"{example}; {OFF}")
    return level


def check_profit(profit: float | None, *, is_credit: bool | None = None) -> None:
    """Refuse a profit target that no package reaches.

    Parameters
    ----------
    profit : float or None
        Fraction of the entry price; None is off.
    is_credit : bool or None
        None while the package is unknown: only what neither a credit nor a debit reaches is refused.

    Raises
    ------
    InputError
        For more than the whole credit, or more than `MAX_DEBIT_PROFIT` debits.
    """
    if profit is None or profit <= (1.0 if is_credit else MAX_DEBIT_PROFIT):
        return
    bounds = {True: "of a credit must be at most 1", False: f"of a debit must be at most {MAX_DEBIT_PROFIT:g}"}
    rule = bounds[is_credit] if is_credit is not None else f"{bounds[True]}, {bounds[False]}"
    raise InputError("profit", profit, f"a fraction {rule}", f"half of it is 0.5 or 50%; {OFF}")


def check_days(name: str, days: object, least: int) -> None:
    """Refuse a clock that is not a whole number of days.

    Raises
    ------
    InputError
        For a part of a day, or fewer than `least`.
    """
    if days is not None and (isinstance(days, bool) or not isinstance(days, Integral) or days < least):
        raise InputError(name, days, f"must be a whole number of at least {least}", f"give for instance 21; {OFF}")


def earliest_entry(exit_dte: int) -> int:
    """Fewest days to expiration at an entry that the DTE exit leaves open for a week, or for half of them."""
    return exit_dte + min(LEAST_DAYS_HELD, max(exit_dte, 1))


def time_to_exit(dte: int, exit_dte: int) -> str:
    """When the DTE exit closes what is entered too near to it, in words."""
    return "at once" if dte <= exit_dte else f"within {counted(dte - exit_dte, 'days')}"


def check_entry_window(dte: tuple[int, int], exit_dte: int | None) -> None:
    """Refuse entries that the DTE exit closes at once or within days (see `earliest_entry`).

    Parameters
    ----------
    dte : (int, int)
        Calendar days to expiration at the entry, both ends included.
    exit_dte : int or None
        Calendar days left at which a position is closed.

    Raises
    ------
    InputError
        When the window begins too near to the exit.
    """
    first, last = dte
    if exit_dte is None or first >= earliest_entry(exit_dte):
        return
    window = f"{first}:{last}" if first < last else str(first)
    rule = f"entries at {counted(first, 'days')} are closed {time_to_exit(first, exit_dte)} by exit_dte={exit_dte}"
    remedy = f"start the window at {earliest_entry(exit_dte)}, or lower `exit_dte` (off: none)"
    raise InputError("dte", window, rule, remedy)
