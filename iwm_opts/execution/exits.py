"""Exit levels of a package, and the entry windows that they allow."""

import math
from dataclasses import dataclass
from datetime import date, timedelta

from iwm_opts.conventions import STRATEGY, Default
from iwm_opts.errors import InputError
from iwm_opts.market.calendar import latest_session, session_numbers


@dataclass(frozen=True, slots=True)
class ExitLevels:
    """When a position is closed; None switches a rule off.

    Parameters
    ----------
    profit : float or None
        Fraction of the entry price gained.
    stop : float or None
        Multiple of the entry price lost: 2 of a credit, 0.5 of a debit unless given.
    dte : int or None
        Calendar days to expiration.
    sessions : int or None
        Sessions held.
    within_session : bool
        Whether a plan's clock closes in the session of the entry.
    """

    profit: float | None = STRATEGY.profit
    stop: float | Default | None = "default"
    dte: int | None = STRATEGY.exit_dte
    sessions: int | None = None
    within_session: bool = False

    def __post_init__(self) -> None:
        levels = (("profit", self.profit), ("stop", self.stop), ("exit_dte", self.dte), ("sessions", self.sessions))
        for name, value in levels:
            if value is not None and value != "default" and not 0 <= value < math.inf:
                raise InputError(name, value, "must be 0 or more", "give a number, or off")

    def stop_level(self, *, is_credit: bool) -> float | None:
        """Multiple of the entry price lost at the stop."""
        if self.stop == "default":
            return STRATEGY.stop if is_credit else STRATEGY.debit_stop
        return self.stop

    def closes_before(self, expiration: date, entry: date) -> bool:
        """Whether an entry is closed by the session before its expiration at the latest, by the clock alone."""
        if self.within_session:
            return entry < expiration
        eve = latest_session(latest_session(expiration) - timedelta(days=1))
        if self.dte is not None and (expiration - eve).days <= self.dte:
            return True
        opened, last = session_numbers([entry, eve])
        return self.sessions is not None and bool(opened + self.sessions <= last)


def check_entry_window(dte: tuple[int, int], exit_dte: int | None) -> None:
    """Refuse entries that the DTE exit closes at once.

    Parameters
    ----------
    dte : (int, int)
        Calendar days to expiration at the entry, both ends included.
    exit_dte : int or None
        Calendar days left at which a position is closed.

    Raises
    ------
    InputError
        When the window reaches down to the exit.
    """
    first, last = dte
    if exit_dte is not None and first <= exit_dte:
        window = f"{first}:{last}" if first < last else str(first)
        rule = f"entries at {exit_dte} days or fewer are closed at once by exit_dte={exit_dte}"
        raise InputError("dte", window, rule, f"start the window at {exit_dte + 1}, or lower --exit-dte (off: none)")
