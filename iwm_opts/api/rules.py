"""Rules of a backtest: one flat record whose fields are the options of the command."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from typing import Final, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.api.gates import IvRankBelow
from iwm_opts.api.screening import as_fees, as_fill
from iwm_opts.backtest import rules as engine
from iwm_opts.backtest.macro import macro_filter
from iwm_opts.backtest.own_levels import OwnLevels, checked_levels
from iwm_opts.conventions import (
    ACCOUNT,
    DEBIT_DELTA,
    FEE_SCHEDULE,
    FILL_MODEL,
    GATE_RANK,
    IVR_LOOKBACK,
    MACRO_DROP,
    MAX_OPEN,
    RISK_SHARE,
    STRATEGY,
    Default,
)
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.execution.exits import check_entry_window, price_level
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.io.fraction import parse_fraction, parse_share
from iwm_opts.kernels.backtest.codes import EXIT_SETTINGS
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.signals import by_date, on_days
from iwm_opts.spreads.entry_rule import CONDOR, EntryRule
from iwm_opts.spreads.legs import Wing
from iwm_opts.spreads.strategies import Fraction, Width


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """Package, entry, exit, size and costs; None switches a rule off.

    Parameters
    ----------
    strategy : str
        `iron-condor`, `bull-put`, `bear-call`, `bull-call`, `bear-put`, `long-call` or `long-put`.
    ivr_below : float or None
        Enter while the IV rank is below, 0 to 100: 20 unless given; no bound with `ivr_at_least`, `entries` or
        `gate`.
    ivr_at_least : float, optional
        Enter while the IV rank is this or above.
    ivr_lookback : int
        Sessions to rank within.
    lag : int
        Sessions from the close that is ranked to the entry.
    entries : Series of bool by date, optional
        Days on which to enter, taken as they are: the caller keeps them free of look-ahead. A date that is missing is
        False. A time with a zone counts on its date in New York.
    gate : callable or IvRankBelow, optional
        Called with the IV history as known before each day, `lag` sessions earlier at the latest; returns whether to
        enter.
    dte : int or (int, int)
        Calendar days to expiration: the expiration nearest the middle; a single number allows 10 either way.
    short_delta, put_delta, call_delta : float or str, optional
        |delta| of the short strikes (of the long strikes, in a debit): 0.16 or "16%" of a credit, 0.55 of a debit.
    width, put_width, call_width : float or str, optional
        Between short and long strike: 5 (dollars), "2%" (of the spot) or "0.6sd" (to expiration). 2% unless given.
    wing_delta : float, optional
        |delta| of the long strikes, in place of a width.
    min_credit_width : float, optional
        Minimum credit over width, 0 to 1.
    weekday : tuple of str
        Of `mon` to `fri`; all unless given.
    every, max_open : int
        Sessions between entries; positions at once.
    profit : float, str, Series of float or None
        Close when this fraction of the credit (or debit) is gained: 0.5 or "50%".
    stop : float, Series of float or None
        Close when this many times the credit is lost: 2 for a credit, 0.5 of a debit.

        A Series as `profit` or `stop` holds levels by date of entry, or by sessions held: each from its session on,
        the first after the entry being 1. Without a value, or NaN, that exit is off.
    touch : bool
        Close when the day's range reaches a short strike.
    exit_dte : int or None
        Close at so many calendar days to expiration.
    time_stop : int, optional
        Close after so many sessions.
    exit_rank : float, optional
        Close when the IV rank is this or above.
    contracts : int, optional
        A fixed number, in place of `risk`.
    risk : float or str, optional
        Fraction of the equity at risk on one trade; 1% unless given.
    account : float
        Dollars at the start.
    fill, exit_fill, stop_fill, fees : str
        Fill conventions of entries, exits (as entries unless given), stops and touches; fee schedule.
    macro : str, optional
        Bars of a fund, or its symbol on the simulated market: nothing that gains from a rise is entered the session
        after it lost more than `macro_drop`.
    macro_drop : float
    macro_applies_to_condors : bool

    Raises
    ------
    InputError
        For a value out of range.
    ConflictError
        For fields that contradict each other.

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> rules = iwm.Rules(strategy="bull-put", ivr_below=None, profit=0.5, stop=None)
    >>> rules.resolved().exit.stop is None
    True
    """

    strategy: str = CONDOR
    ivr_below: float | Default | None = "default"
    ivr_at_least: float | None = None
    ivr_lookback: int = IVR_LOOKBACK
    lag: int = 1
    entries: "pd.Series[bool] | None" = None
    gate: Callable[[IvHistory], bool] | IvRankBelow | None = None
    dte: int | tuple[int, int] = STRATEGY.dte
    short_delta: Fraction | None = None
    put_delta: Fraction | None = None
    call_delta: Fraction | None = None
    width: Width | None = None
    put_width: Width | None = None
    call_width: Width | None = None
    wing_delta: Fraction | None = None
    min_credit_width: Fraction | None = None
    weekday: tuple[str, ...] = ()
    every: int = 1
    max_open: int = MAX_OPEN
    profit: "Fraction | pd.Series[float] | None" = STRATEGY.profit
    stop: "Fraction | Default | pd.Series[float] | None" = "default"
    touch: bool = False
    exit_dte: int | None = STRATEGY.exit_dte
    time_stop: int | None = None
    exit_rank: float | None = None
    contracts: int | None = None
    risk: float | str | None = None
    account: float = ACCOUNT
    fill: str | FillModel = FILL_MODEL
    exit_fill: str | FillModel | None = None
    stop_fill: str | FillModel = engine.STOP_FILL
    fees: str | FeeSchedule = FEE_SCHEDULE
    macro: str | None = None
    macro_drop: Fraction = MACRO_DROP
    macro_applies_to_condors: bool = False

    def __post_init__(self) -> None:
        if self.contracts is not None and self.risk is not None:
            raise ConflictError("contracts", self.contracts, "contradicts risk", "give one of `contracts` and `risk`")
        if self.wing_delta is not None and self.width is not None:
            raise ConflictError("width", self.width, "contradicts wing_delta", "give one of them")
        other = {"put": "call", "call": "put"}.get(self.strategy.rpartition("-")[2])
        for name in (f"{other}_delta", f"{other}_width") if other else ():
            if getattr(self, name) is not None:
                raise ConflictError(name, getattr(self, name), f"a {self.strategy} has no {other}s", "leave it out")
        if self.entries is not None and self.gate is not None:
            raise ConflictError("entries", "Series", "contradicts gate", "give one of them")
        if self.entries is not None:
            by_date("entries", self.entries)
            if self.entries.dtype != np.bool_:
                raise InputError("entries", str(self.entries.dtype), "must hold booleans", "compare it: signal > level")
        rules = self.resolved()
        self.own_levels()
        target, slack = rules.entry.dte, rules.entry.dte_slack
        check_entry_window((target - slack, target + slack), rules.exit.dte)

    @property
    def has_own_entries(self) -> bool:
        """Whether entry days are the caller's, by a series or a function."""
        return self.entries is not None or (self.gate is not None and not isinstance(self.gate, IvRankBelow))

    @property
    def is_own(self) -> bool:
        """Whether entries or exit levels are the caller's: a backtest alone takes them."""
        return self.has_own_entries or self.own_levels() is not None

    def own_levels(self) -> OwnLevels | None:
        """Profit targets and stops that are a series; None without any."""
        is_credit = EntryRule(self.strategy).is_credit
        levels = {
            name: checked_levels(name, value, is_credit=is_credit)
            for name, value in (("profit", self.profit), ("stop", self.stop))
            if isinstance(value, pd.Series)
        }
        return OwnLevels(levels) if levels else None

    def resolved(self) -> engine.Rules:
        """Rules as the engine takes them, every default filled in; exits that are a series are off."""
        wings = self._wing(self.put_width), self._wing(self.call_width)
        low, high = (self.dte, self.dte) if isinstance(self.dte, int) else self.dte
        dte = (low + high) // 2
        slack = STRATEGY.dte_slack if low == high else max(high - dte, dte - low)
        is_credit = EntryRule(self.strategy).is_credit
        delta = STRATEGY.short_delta if is_credit else 0.5 * sum(DEBIT_DELTA)
        put, call = (
            parse_fraction(side or self.short_delta or delta, name)
            for name, side in (("put_delta", self.put_delta), ("call_delta", self.call_delta))
        )
        least = parse_fraction(self.min_credit_width or 0.0, "min_credit_width")
        entry = EntryRule(
            self.strategy, dte, slack, put, call, *wings, least,
            tuple(dict.fromkeys(self.weekday)), self.every, self.max_open,
        )  # fmt: skip
        gain, loss = (None if isinstance(value, pd.Series) else value for value in (self.profit, self.stop))
        if loss == "default":
            loss = STRATEGY.stop if is_credit else STRATEGY.debit_stop
        profit, loss = price_level("profit", gain), price_level("stop", loss)
        given = {setting.field: getattr(self, setting.option) for setting in EXIT_SETTINGS}
        exits = engine.ExitRule(**given | {"profit": profit, "stop": loss})
        risk = RISK_SHARE if self.risk is None else parse_share(self.risk)
        fill = as_fill(self.fill)
        costs = engine.Costs(fill, as_fill(self.exit_fill or fill), as_fill(self.stop_fill), as_fees(self.fees))
        size = engine.SizeRule(self.contracts, risk, self.account)
        macro = None
        if self.macro is not None:
            drop = parse_fraction(self.macro_drop, "macro_drop")
            macro = macro_filter(self.macro, drop, self.strategy, self.macro_applies_to_condors)
        return engine.Rules(entry, self._gate(), exits, size, costs, macro)

    def _wing(self, width: Width | None) -> Wing:
        if width is None and self.wing_delta is not None:
            return Wing(delta=parse_fraction(self.wing_delta, "wing_delta"))
        return Wing.parse(width or self.width or STRATEGY.history_width)

    def _gate(self) -> engine.GateRule:
        below, lookback = self.ivr_below, self.ivr_lookback
        if isinstance(self.gate, IvRankBelow):
            below, lookback = self.gate.threshold, self.gate.lookback or lookback
        elif below == "default":
            below = None if self.ivr_at_least is not None or self.has_own_entries else GATE_RANK
        return engine.GateRule(below, self.ivr_at_least, lookback, lag=self.lag)

    def allowed(self, days: tuple[date, ...], history: IvHistory) -> NDArray[np.bool_] | None:
        """Days on which the caller's own entries or gate allow one, shape (days,); None where the IV rank decides."""
        if self.entries is not None:
            return on_days("entries", self.entries, days).eq(True).to_numpy(dtype=np.bool_)
        if self.gate is None or isinstance(self.gate, IvRankBelow):
            return None
        judge, dates = self.gate, list(days)
        # A decision knows the closes up to `lag` sessions before: those before the session that follows them.
        first_unknown = [None] * (self.lag - 1) + dates
        return np.array([day is not None and bool(judge(history.before(day))) for day in first_unknown[: len(dates)]])


def raise_own_rules(question: str) -> NoReturn:
    """Refuse rules that are the caller's own where a question varies the built-in ones."""
    rule = f"{question} takes rules by IV rank, with one level an exit"
    raise InputError("rules", "own", rule, "run a backtest for entries, gate, profit or stop of your own")


FIELDS: Final = tuple(field.name for field in fields(Rules))
