"""Order tickets: the order of a package as brokers accept it. Nothing is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import pandas as pd

from iwm_opts.api.chain import OptionChain
from iwm_opts.api.result import Day, Result, as_day
from iwm_opts.api.screening import Package, as_fill
from iwm_opts.conventions import ORDER_FORMATS, STRATEGY, Default
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.execution.exits import ExitLevels, price_level
from iwm_opts.execution.fills import DEFAULT_MODEL, FillModel
from iwm_opts.execution.order_formats import write_order
from iwm_opts.execution.ticket import QuotedLeg, Ticket, check_age, make_ticket
from iwm_opts.io.age import staleness
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.chain import Chain
from iwm_opts.market.contract import Contract, listed_root, parse_occ
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.ticket_table import leg_records, ticket_record, ticket_table
from iwm_opts.spreads.typed import TypedLeg, quoted_legs

LEGS_APART: Final = (
    "interactive-brokers: every leg is an order of its own, its limit a part of the net limit; "
    "a leg can fill alone. Build the combination in TWS for one net price"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRequest:
    """Which package to order, how many, and when to close it.

    Parameters
    ----------
    package : Package, optional
        A candidate of a screen.
    legs : tuple of TypedLeg
        A package of your own, in place of `package`; quotes are the chain's where a leg carries none.
    chain : OptionChain, optional
        Needed where a typed leg carries no quote.
    expiration : date, optional
        Of typed legs.
    symbol : str
        Underlying of typed legs without a chain.
    contracts : int, optional
        Packages: what the account allows unless given, 1 of typed legs.
    fill : FillModel, optional
        Limit of the entry: that of the screen unless given.
    profit : float or None
        Fraction of the entry price gained at the target; None writes no closing order.
    stop : float or None
        Multiple of the entry price lost at the stop: 2 of a credit, 0.5 of a debit unless given.
    exit_dte : int or None
        Calendar days to expiration of the time exit.
    as_of : date, optional
        Day of the quotes where it is a past one: their age is then not checked.
    now : datetime, optional
        Aware time that the age of quotes is measured at; the clock's unless given.
    """

    package: Package | None = None
    legs: tuple[TypedLeg, ...] = ()
    chain: OptionChain | None = None
    expiration: date | None = None
    symbol: str = "IWM"
    contracts: int | None = None
    fill: FillModel | None = None
    profit: float | None = STRATEGY.profit
    stop: float | Default | None = "default"
    exit_dte: int | None = STRATEGY.exit_dte
    as_of: date | None = None
    now: datetime = field(default_factory=lambda: datetime.now(NEW_YORK))

    def __post_init__(self) -> None:
        if (self.package is None) == (not self.legs):
            raise ConflictError("package", None, "a ticket has one package", "give a candidate or legs")
        if self.legs and self.expiration is None:
            raise InputError("expiration", None, "typed legs need an expiration", "give for instance 2026-12-18")
        if self.legs and self.chain is None and not all(leg.is_quoted for leg in self.legs):
            raise InputError("chain", None, "legs without quotes need a chain", "give one, or type the quotes")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OrderTicket(Result):
    """Entry order of a package, the orders that close it, and their texts.

    Attributes
    ----------
    ticket : Ticket
        Orders, ladder, fill, stop price, exit date.
    as_of : date
        Day of the quotes.
    quoted : datetime or None
        Time of the quotes; None where unknown or typed.
    source : str
        Of the quotes.
    label : str
        Of quotes that are not recorded.
    notes : tuple of str
        What the reader of the chain left out or decided.
    """

    ticket: Ticket
    as_of: date
    quoted: datetime | None
    source: str
    label: str = ""
    notes: tuple[str, ...] = ()

    @property
    def limit(self) -> float:
        """Net limit of the entry, $/share; a debit negative."""
        return self.ticket.entry.price

    @property
    def contracts(self) -> int:
        """Packages."""
        return self.ticket.entry.contracts

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before the order is entered."""
        due = self.ticket.exit_date
        late = [f"exit_date={due}: the DTE exit is due at entry"] if due is not None and due <= self.as_of else []
        return (
            *late,
            *filter(None, (self.ticket.no_target, self.ticket.no_stop)),
            *([LEGS_APART] if len(self.ticket.entry.legs) > 1 else []),
            *self.notes,
        )

    @property
    def _closing_formats(self) -> tuple[str, ...]:
        """Formats that close the package at one net price."""
        is_single = len(self.ticket.entry.legs) == 1
        return tuple(name for name in ORDER_FORMATS if is_single or name != "interactive-brokers")

    def order(self, order_format: str = "thinkorswim", closing: bool = False) -> str:
        """Text of one order.

        Parameters
        ----------
        order_format : {"thinkorswim", "tastytrade", "interactive-brokers", "occ"}
        closing : bool
            The order at the profit target in place of the entry.

        Raises
        ------
        InputError
            For an unknown format, a closing order without a profit target, or an Interactive Brokers basket that would
            close several legs one by one.
        """
        order = self.ticket.target if closing else self.ticket.entry
        if order is None:
            rule = self.ticket.no_target or "the ticket has no profit target"
            raise InputError("closing", closing, rule, "give profit, such as 0.5")
        return write_order(order, order_format)

    def to_frame(self) -> pd.DataFrame:
        """One row a leg.

        Returns
        -------
        DataFrame
            action, contracts (of the whole order), expiration (datetime64), right, strike ($), bid, ask ($/share),
            occ_symbol.
        """
        frame = pd.DataFrame(leg_records(self.ticket.entry))
        return frame.assign(expiration=pd.to_datetime(frame["expiration"]).dt.as_unit("us"))

    def record(self) -> Record:
        """Orders, ladder, exits, dates and texts."""
        texts = {"open": {name: self.order(name) for name in ORDER_FORMATS}}
        if self.ticket.target is not None:
            texts["close"] = {name: self.order(name, closing=True) for name in self._closing_formats}
        return {
            "as_of": self.as_of.isoformat(),
            "quote_time": self.quoted.isoformat() if self.quoted else None,
            "source": self.source,
            "label": self.label,
            **ticket_record(self.ticket),
            "orders": texts,
            "warnings": list(self.warnings),
        }

    def to_csv(self) -> str:
        """One row a leg."""
        return rows_as_csv(leg_records(self.ticket.entry))

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        """Limit, ladder, exits and the thinkorswim line; every format where verbose."""
        shown = ORDER_FORMATS if verbose else ORDER_FORMATS[:1]
        closing = self._closing_formats if self.ticket.target else ()
        texts = [(name, self.order(name), self.order(name, closing=True) if name in closing else "") for name in shown]
        return ticket_table(self.ticket, self.headline(), texts, self.warnings, columns)

    def headline(self) -> tuple[str, list[str], str]:
        """Legs and limit; quotes."""
        entry = self.ticket.entry
        effect = "credit" if entry.price > 0 else "debit"
        legs = " ".join(f"{leg.quantity:+d}{leg.contract.right}{leg.contract.strike:g}" for leg in entry.legs)
        title = f"{entry.underlying} {entry.expiration} {legs}, {entry.contracts} at {abs(entry.price):.2f} {effect}"
        when = f"{self.quoted:%Y-%m-%d %H:%M}" if self.quoted else f"{self.as_of}, time unknown"
        return title, [f"quotes {when}, source {self.source}"], self.label


def answer_ticket(request: TicketRequest) -> OrderTicket:
    """Write the order of a package; see `TicketRequest`.

    Raises
    ------
    InputError
        For a closed gate, a size of zero, quotes of an earlier session or older than 15 minutes in session, and legs
        that no order holds.
    """
    chain = request.chain.snapshot.chain if request.chain else None
    if request.package is not None:
        chain = request.package.screening.snapshot.chain
        legs, contracts, model = _of_package(request.package, request.contracts)
    else:
        legs, contracts, model = _of_typed(request), 1, DEFAULT_MODEL
    today = request.now.astimezone(NEW_YORK).date()
    if chain is not None:
        _check_quotes(chain, request, today)
    as_of = chain.as_of if chain else today
    ticket = make_ticket(
        legs,
        contracts if request.contracts is None else request.contracts,
        request.fill or model,
        ExitLevels(request.profit, request.stop, request.exit_dte),
        as_of,
    )
    if chain is None:
        return OrderTicket(ticket, as_of, None, "typed quotes")
    return OrderTicket(ticket, as_of, chain.quote_time, chain.source, chain.label, chain.warnings)


def _check_quotes(chain: Chain, request: TicketRequest, today: date) -> None:
    """Refuse old quotes, unless they are a model's or the caller names their past day."""
    if request.as_of is not None and request.as_of != chain.as_of:
        raise InputError("as_of", request.as_of.isoformat(), f"the quotes are of {chain.as_of}", "give that day")
    is_named = request.as_of is not None and request.as_of < today
    if not (chain.simulated or chain.modelled or is_named):
        stale = staleness(chain, request.now)
        if stale:
            raise InputError("quotes", chain.as_of.isoformat(), stale, "fetch the chain again, or name its day as_of")
        is_unknown = chain.quote_time is None and chain.as_of == today
        check_age(None if is_unknown else chain.moment, request.now)


def _of_package(package: Package, contracts: int | None) -> tuple[list[QuotedLeg], int, FillModel]:
    gate, size, candidate = package.screening.gate, package.sized.size, package.sized.candidate
    if not gate.is_open:
        rule = f"closed, size is zero: {gate.reasons[0]}"
        raise InputError("gate", gate.condition, rule, "wait, or screen without a gate")
    if contracts is None and size.contracts == 0:
        raise InputError("contracts", 0, f"size is zero: {size.reason}", "raise the risk, or give contracts")
    legs = [
        QuotedLeg(parse_occ(leg.occ_symbol), int(quantity), leg.bid, leg.ask)
        for leg, quantity in zip(candidate.legs, candidate.kind.contracts, strict=True)
    ]
    return legs, size.contracts, FillModel.parse(candidate.fill.model)


def _of_typed(request: TicketRequest) -> list[QuotedLeg]:
    expiration = request.expiration
    assert expiration is not None  # checked by the request
    typed, root = list(request.legs), listed_root(request.symbol.upper(), expiration)
    if request.chain is not None and not all(leg.is_quoted for leg in typed):
        table = request.chain.snapshot.table(expiration)
        typed, root = quoted_legs(typed, table), table.root
    return [
        QuotedLeg(
            Contract(root, expiration, "C" if leg.right > 0 else "P", leg.strike),
            leg.sign * leg.ratio,
            leg.bid,
            leg.ask,
        )
        for leg in sorted(typed, key=lambda leg: leg.strike)
    ]


def ticket(
    package: Package | str | Sequence[str],
    chain: OptionChain | None = None,
    *,
    expiration: Day | None = None,
    symbol: str = "IWM",
    contracts: int | None = None,
    fill: str | FillModel | None = None,
    profit: float | str | None = STRATEGY.profit,
    stop: float | str | None = "default",
    exit_dte: int | None = STRATEGY.exit_dte,
    as_of: Day | None = None,
    now: datetime | None = None,
) -> OrderTicket:
    """Write the order of a package as brokers accept it; nothing is sent.

    Parameters
    ----------
    package : Package, str or sequence of str
        A candidate of a screen, or typed legs: `-1P275 +1P270` with a chain, `-1P200@1.20/1.26` with quotes.
    chain : OptionChain, optional
        Needed where a typed leg carries no quote.
    expiration : date or str, optional
        Of typed legs.
    symbol : str
        Underlying of typed legs.
    contracts : int, optional
        Packages: what the account allows unless given, 1 of typed legs.
    fill : str or FillModel, optional
        Limit of the entry: that of the screen unless given.
    profit, stop : float, str or None
        Fraction of the entry price gained, 0.5 or "50%", multiple of it lost; None switches the exit off.
    exit_dte : int or None
        Calendar days to expiration.
    as_of : date or str, optional
        Day of the quotes where it is a past one: their age is then not checked.
    now : datetime, optional
        Aware time that the age of quotes is measured at; the clock's unless given.

    Returns
    -------
    OrderTicket

    Raises
    ------
    InputError
        For a size of zero, a crossed leg, and recorded quotes of an earlier session or, in session, of over 15 minutes.

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> order = iwm.ticket("+1P195@0.70/0.74 -1P200@1.20/1.26", expiration="2035-12-21", contracts=2)
    >>> order.limit, order.ticket.target.price, order.ticket.stop_price
    (0.48, -0.24, -1.44)
    >>> order.order("thinkorswim")
    'SELL -2 VERTICAL IWM 100 21 DEC 35 200/195 PUT @0.48 LMT'
    """
    candidate = package if isinstance(package, Package) else None
    texts = () if isinstance(package, Package) else package.split() if isinstance(package, str) else package
    request = TicketRequest(
        package=candidate,
        legs=tuple(TypedLeg.parse(text) for text in texts),
        chain=chain, expiration=as_day("expiration", expiration), symbol=symbol, contracts=contracts,
        fill=None if fill is None else as_fill(fill), profit=price_level("profit", profit),
        stop="default" if stop == "default" else price_level("stop", stop), exit_dte=exit_dte,
        as_of=as_day("as_of", as_of), now=now or datetime.now(NEW_YORK),
    )  # fmt: skip
    return answer_ticket(request)
