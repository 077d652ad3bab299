"""A chain at one moment, with all that follows from it: rate, forwards, volatility indices, priced expirations."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import ASSUMED_RATE, DAYS_PER_YEAR, Exercise, some
from iwm_opts.errors import DataError, InputError
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.chain import Chain, expiry_slices
from iwm_opts.market.contract import settlement_of
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.forward import european_forward, european_quotes, implied_forwards, implied_rate
from iwm_opts.market.iv_index import European, IvIndex, iv_index
from iwm_opts.market.option_table import OptionTable, option_table
from iwm_opts.market.slices import ExpirySlice, Forward
from iwm_opts.pricing.american import AmericanQuotes
from iwm_opts.pricing.quotes import Engine, EuropeanQuotes, QuoteModel

SECONDS_PER_YEAR = 86_400.0 * DAYS_PER_YEAR
SMILE_COLUMNS = ("iv", "delta", "gamma", "theta", "vega")
NO_DIVIDENDS = "dividends of {} not given: max_loss excludes the dividend owed on early assignment; give `dividends`"
RATES = (-0.05, 0.30)  # range of dollar rates; a larger one was meant in per cent


@dataclass(frozen=True, slots=True)
class Rate:
    """Interest rate and where it comes from."""

    value: float  # continuously compounded, annual
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A chain at one moment and its implied terms."""

    chain: Chain
    rate: Rate
    dividends: DividendSchedule | None  # None: unknown
    exercise: Exercise
    engine: Engine
    slices: tuple[ExpirySlice, ...]
    forwards: tuple[Forward | None, ...]
    iv: IvIndex
    warnings: tuple[str, ...]
    is_day_named: bool = False  # its day was asked for: its quotes decide, however old they are
    _priced: dict[tuple[str, date], OptionTable] = field(default_factory=dict, init=False, repr=False)

    @property
    def no_dividends(self) -> str:
        """Say that the dividends of the chain are unknown; empty where they are not, or none are paid."""
        if self.dividends is not None or not settlement_of(self.chain.symbol).pays_dividends:
            return ""
        return NO_DIVIDENDS.format(self.chain.symbol)

    def dividends_until(self, expiration: date) -> tuple[Dividend, ...]:
        """Dividends whose ex-date lies after today and up to an expiration."""
        return self.dividends.between(self.chain.as_of, expiration) if self.dividends else ()

    def tables(self, dte: tuple[int, int]) -> tuple[list[OptionTable], list[str]]:
        """Price the expirations of a window.

        Parameters
        ----------
        dte : (int, int)
            Calendar days, both ends included.

        Returns
        -------
        tables : list of OptionTable
        left_out : list of str
            Expirations of the window that could not be priced, and why.

        Raises
        ------
        InputError
            When no expiration lies in the window.
        """
        first, last = dte
        chosen = [
            (q, f) for q, f in zip(self.slices, self.forwards, strict=True) if first <= q.dte <= last and q.years > 0
        ]
        if not chosen:
            listed = sorted({q.dte for q in self.slices if q.years > 0})
            remedy = "the chain has expired"
            if listed:
                remedy = f"listed are {some([*map(str, listed)], 12)} days, the last {listed[-1]}"
            raise InputError("dte", f"{first}:{last}", f"no expiration of {self.chain.source} lies in it", remedy)
        tables, left_out = [], []
        for quotes, forward in chosen:
            try:
                tables.append(self._table(quotes, forward))
            except DataError as error:
                left_out.append(str(error))
        return tables, left_out

    def table(self, expiration: date, root: str | None = None) -> OptionTable:
        """Price one expiration; of several roots the one asked for, else the one with the most strikes.

        Raises
        ------
        InputError
            When it is not listed.
        DataError
            When its quotes cannot be priced.
        """
        chosen = [
            (q, f)
            for q, f in zip(self.slices, self.forwards, strict=True)
            if q.expiration == expiration and root in (None, q.root)
        ]
        if not chosen:
            near = sorted({q.expiration for q in self.slices}, key=lambda e: abs(e - expiration))[:4]
            remedy = f"near it are {', '.join(e.isoformat() for e in sorted(near))}"
            raise InputError("expiration", expiration.isoformat(), f"{self.chain.source} does not list it", remedy)
        return self._table(*max(chosen, key=lambda pair: len(pair[0].strike)))

    def with_smile_vols(self, table: OptionTable, rows: NDArray[np.intp]) -> OptionTable:
        """Table in which options of some rows that imply no vol, as at parity, have the vol of the smile there."""
        unknown = rows[np.isnan(table.iv[rows])]
        if not unknown.size:
            return table
        strike = table.strike[unknown]
        vol = np.asarray(table.smile.total_stdev(strike)[0]) / table.years**0.5
        model = self._model(table.expiration)
        at_smile = model.at_vol(table.right[unknown], vol, strike, table.years, table.forward)
        columns = {name: getattr(table, name).copy() for name in SMILE_COLUMNS}
        for name, column in columns.items():
            column[unknown] = getattr(at_smile, name)
        return replace(table, **columns)

    def _table(self, quotes: ExpirySlice, forward: Forward | None) -> OptionTable:
        if forward is None:
            rule = "too few strikes near the money quote both a call and a put"
            raise DataError(f"expiration {quotes.expiration}", rule, "choose another expiration", "strike")
        series = (quotes.root, quotes.expiration)
        if series not in self._priced:
            model = self._model(quotes.expiration)
            if self.exercise == "american":
                forward = european_forward(quotes, forward, model)
            self._priced[series] = option_table(self.chain, quotes, forward, model)
        return self._priced[series]

    def _model(self, expiration: date) -> QuoteModel:
        if self.exercise == "european":
            return EuropeanQuotes(self.engine)
        return AmericanQuotes(self.cash_flows(expiration))

    def cash_flows(self, expiration: date) -> tuple[tuple[float, float], ...]:
        """Dividends before an expiration as (years from now, dollars a share)."""
        return _cash_flows(self.dividends, self.chain.moment, expiration)


def _cash_flows(
    dividends: DividendSchedule | None, moment: datetime, expiration: date
) -> tuple[tuple[float, float], ...]:
    """Share goes ex at midnight: counted in days, a dividend on the day of expiry would fall out after the close."""
    due = dividends.between(moment.date(), expiration) if dividends else ()
    midnights = [datetime.combine(d.ex_date, time(), NEW_YORK) for d in due]
    return tuple(
        ((midnight.timestamp() - moment.timestamp()) / SECONDS_PER_YEAR, d.amount)
        for midnight, d in zip(midnights, due, strict=True)
    )


def european_equivalents(dividends: DividendSchedule | None, moment: datetime) -> European:
    """How American quotes become European ones."""

    def convert(quotes: ExpirySlice, forward: Forward) -> tuple[ExpirySlice, Forward]:
        return european_quotes(quotes, forward, AmericanQuotes(_cash_flows(dividends, moment, quotes.expiration)))

    return convert


def take_snapshot(
    chain: Chain,
    rate: float | None = None,
    dividends: DividendSchedule | None = None,
    exercise: Exercise | None = None,
    engine: Engine = "numba",
    notes: Sequence[str] = (),
    rate_source: str = "given",
) -> Snapshot:
    """Work out rate, forwards and volatility indices of a chain.

    Parameters
    ----------
    chain : Chain
    rate : float, optional
        Continuously compounded, annual; implied from the chain where it can be, unless given.
    dividends : DividendSchedule, optional
        Projected a year beyond the last expiration from the payments of the last year.
    exercise : {"american", "european"}, optional
        By the root's settlement rule unless given.
    engine : {"numba", "vollib"}
        vollib prices European exercise whatever the rule, and says so.
    notes : sequence of str
        Warnings of the source, which come first.
    rate_source : str
        Who gives the rate, where it is given.
    """
    slices = tuple(expiry_slices(chain))
    by_rule = exercise or settlement_of(slices[0].root if slices else chain.symbol).exercise
    style: Exercise = "european" if engine == "vollib" else by_rule
    if dividends is not None and slices:
        dividends = dividends.projected_to(chain.as_of, slices[-1].expiration + timedelta(days=1))
    implied, warnings = chain_rate(slices, rate, style, dividends, rate_source)
    warnings += dividends.large(chain.spot) if dividends else []
    if chain.quote_time is None:
        warnings.append(f"the quotes carry no time of day: the close of {chain.as_of} is assumed")
    if style != by_rule:
        warnings.append(f"{engine} prices European exercise: the {by_rule} premium of {chain.symbol} stays in the vols")
    forwards = implied_forwards(slices, implied.value, implied.source)
    european = european_equivalents(dividends, chain.moment) if style == "american" else None
    index = iv_index(slices, forwards, european=european)
    if dividends is None and settlement_of(chain.symbol).pays_dividends:
        warnings.append(NO_DIVIDENDS.format(chain.symbol))
    return Snapshot(
        chain, implied, dividends, style, engine, slices, forwards, index, (*notes, *warnings, *index.reasons)
    )


def chain_rate(
    slices: Sequence[ExpirySlice],
    given: float | None,
    exercise: Exercise,
    dividends: DividendSchedule | None,
    who: str = "given",
) -> tuple[Rate, list[str]]:
    """Rate given, else implied by a chain, else assumed, with warnings that say so."""
    if given is not None:
        check_rate(given, exercise)
        return Rate(given, who), []
    implied = implied_rate(slices, exercise, dividends)
    if implied is not None:
        source = f"implied by {implied.source}, {implied.estimates} estimates, standard error {implied.error:.2%}"
        if implied.rate >= 0.0 or exercise == "european":
            return Rate(implied.rate, source), []
        return Rate(0.0, f"zero, for {implied.rate:.2%} {source}"), [
            f"the chain implies a rate of {implied.rate:.2%}: zero taken, no less prices American exercise; give `rate`"
        ]
    return Rate(ASSUMED_RATE, "assumed"), [
        f"the chain implies no rate that its quotes agree on: {ASSUMED_RATE:.1%} assumed; give `rate`"
    ]


def check_rate(rate: float, exercise: Exercise) -> None:
    """Raise for a rate that no market has, or that American exercise is not priced at.

    Raises
    ------
    InputError
        Outside -5% to 30%, or below 0 under American exercise.
    """
    if rate < 0 and exercise == "american":
        raise InputError("rate", rate, "American exercise is priced at zero or more", "or give `exercise` european")
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError("rate", rate, f"must lie between {RATES[0]:g} and {RATES[1]:g}", "3.6% is 0.036")
