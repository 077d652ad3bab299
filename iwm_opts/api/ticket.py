"""Order tickets: the order of a package as brokers accept it. Nothing is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

import pandas as pd

from iwm_opts.api.chain import OptionChain
from iwm_opts.api.result import Day, Result, as_day
from iwm_opts.api.screening import Package, as_fees, as_fill
from iwm_opts.conventions import ACCOUNT, DELIVERY_GAP, FEE_SCHEDULE, ORDER_FORMATS, RIGHT_SIGN, RISK_SHARE, Default
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import DEFAULT_MODEL, FillModel
from iwm_opts.execution.legs import Legs
from iwm_opts.execution.order_formats import can_write, write_order
from iwm_opts.execution.ticket import QuotedLeg, Ticket, make_ticket
from iwm_opts.io.age import check_age, delay_note, staleness
from iwm_opts.io.fraction import parse_share
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.contract import Contract, listed_root, parse_occ, settlement_of
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.report.records import Record
from iwm_opts.report.ticket_table import leg_records, ticket_record, ticket_table
from iwm_opts.risk.margin import PositionCost, position_cost
from iwm_opts.spreads.screen import Account, size_package
from iwm_opts.spreads.typed import TypedLeg, quoted_legs

LEGS_APART: Final = (
    "interactive-brokers: every leg is an order of its own, its limit a part of the net limit; "
    "a leg can fill alone. Build the combination in TWS for one net price"
)

TYPED_DIVIDENDS: Final = (
    "typed quotes come without dividends: max_loss excludes the dividend owed on early assignment; "
    "leave the quotes of one leg out to read the chain"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRequest:
    """Which package to order, how many, and when to close it.

    Fields as the parameters of `ticket`; further:

    Parameters
    ----------
    legs : tuple of TypedLeg
        A package of your own, in place of `package`; quotes are the chain's where a leg carries none.
    exits : ExitLevels, optional
        Target, stop and clock: those of the screen unless given, the strategy's of typed legs.
    """

    package: Package | None = None
    legs: tuple[TypedLeg, ...] = ()
    chain: OptionChain | None = None
    expiration: date | None = None
    symbol: str = "IWM"
    contracts: int | None = None
    fill: FillModel | None = None
    exits: ExitLevels | None = None
    fees: FeeSchedule | None = None
    account: Account = field(default_factory=Account)
    as_of: date | None = None
    now: datetime = field(default_factory=lambda: datetime.now(NEW_YORK))

    def __post_init__(self) -> None:
        if (self.package is None) == (not self.legs):
            raise ConflictError("package", None, "a ticket has one package", "give a candidate or legs")
        if self.legs and self.expiration is None:
            raise InputError("expiration", None, "typed legs need an expiration", "give for instance 2026-12-18")
        if self.legs and self.chain is None and not all(leg.is_quoted for leg in self.legs):
            raise InputError("chain", None, "legs without quotes need a chain", "give one, or type the quotes")

    @property
    def levels(self) -> ExitLevels:
        """Exits that the ticket is written by."""
        return self.exits or (self.package.screening.exits if self.package else ExitLevels())


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
    cost : PositionCost
        Credit, fees, largest loss and buying power of the position, dollars.
    notes : tuple of str
        Age of delayed quotes, a size above what the account allows, and what the reader of the chain left out.
    """

    ticket: Ticket
    as_of: date
    quoted: datetime | None
    source: str
    cost: PositionCost
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
        naked = f"undefined risk: short {self.cost.naked} are naked; the broker's margin for them differs"
        is_basket = "interactive-brokers" in self.formats and len(self.ticket.entry.legs) > 1
        return (
            *self.notes,
            *([naked] if self.cost.naked else []),
            *filter(None, (self.ticket.no_target, self.ticket.no_stop)),
            *([LEGS_APART] if is_basket else []),
        )

    @property
    def formats(self) -> tuple[str, ...]:
        """Formats that can express the legs."""
        return tuple(name for name in ORDER_FORMATS if can_write(self.ticket.entry, name))

    @property
    def _closing_formats(self) -> tuple[str, ...]:
        """Formats that close the package at one net price."""
        is_single = len(self.ticket.entry.legs) == 1
        return tuple(name for name in self.formats if is_single or name != "interactive-brokers")

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
        frame = pd.DataFrame(self.rows())
        return frame.assign(expiration=pd.to_datetime(frame["expiration"]).dt.as_unit("us"))

    def record(self) -> Record:
        texts = {"open": {name: self.order(name) for name in self.formats}}
        if self.ticket.target is not None:
            texts["close"] = {name: self.order(name, closing=True) for name in self._closing_formats}
        return {
            "as_of": self.as_of.isoformat(),
            "quote_time": self.quoted.isoformat() if self.quoted else None,
            "source": self.source,
            "label": self.label,
            **ticket_record(self.ticket, self.cost),
            "orders": texts,
            "warnings": list(self.warnings),
        }

    def rows(self) -> list[Record]:
        return leg_records(self.ticket.entry)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        shown = self.formats if verbose else self.formats[:1]
        closing = self._closing_formats if self.ticket.target else ()
        texts = [(name, self.order(name), self.order(name, closing=True) if name in closing else "") for name in shown]
        return ticket_table(self.ticket, self.cost, self.headline(), texts, self.warnings, columns)

    def headline(self) -> tuple[str, list[str], str]:
        entry = self.ticket.entry
        effect = "credit" if entry.price > 0 else "debit"
        legs = " ".join(f"{leg.quantity:+d}{leg.contract.right}{leg.contract.strike:g}" for leg in entry.legs)
        root = entry.legs[0].contract.root
        title = f"{root} {entry.expiration} {legs}, {entry.contracts} at {abs(entry.price):.2f} {effect}"
        when = f"{self.quoted:%Y-%m-%d %H:%M}" if self.quoted else f"{self.as_of}, time unknown"
        return title, [f"quotes {when}, source {self.source}"], self.label


def answer_ticket(request: TicketRequest) -> OrderTicket:
    """Write the order of a package; see `TicketRequest`.

    Raises
    ------
    InputError
        For a closed gate, a size of zero, quotes of an earlier session or, in session, of over 15 minutes beyond the
        delay that a feed states, and legs that no order holds.
    """
    snapshot = request.chain.snapshot if request.chain else None
    if request.package is not None:
        snapshot = request.package.screening.snapshot
    today = request.now.astimezone(NEW_YORK).date()
    chain = None if snapshot is None else snapshot.chain
    if snapshot is not None:
        _check_quotes(snapshot, request, today)
    if request.package is not None:
        legs, allowed, model = _of_package(request.package, request.contracts)
    else:
        legs, allowed, model = _of_typed(request), 1, DEFAULT_MODEL
    as_of = chain.as_of if chain else today
    contracts = allowed if request.contracts is None else request.contracts
    ticket = make_ticket(legs, contracts, request.fill or model, request.levels, as_of)
    cost = _cost(ticket, request, as_of, snapshot, contracts)
    each = _cost(ticket, request, as_of, snapshot, 1)  # as screens size: without what caps on fees spare many contracts
    left, dte = (ticket.entry.expiration - as_of).days, request.levels.dte
    late = f"exit_date={ticket.exit_date}: the DTE exit is due at entry" if dte is not None and left <= dte else ""
    excess = _excess(request, contracts, each)
    if snapshot is None or chain is None:
        unpaid = TYPED_DIVIDENDS if _can_owe_dividends(legs) else ""
        return OrderTicket(ticket, as_of, None, "typed quotes", cost, notes=tuple(filter(None, (late, excess, unpaid))))
    is_recorded = not (chain.simulated or chain.modelled) and as_of == today
    delay = delay_note(chain.quote_time, request.now) if is_recorded else ""
    unpaid = snapshot.no_dividends if _can_owe_dividends(legs) else ""
    notes = (*filter(None, (delay, late, excess, unpaid)), *chain.warnings)
    return OrderTicket(ticket, as_of, chain.quote_time, chain.source, cost, chain.label, notes)


def _cost(
    ticket: Ticket, request: TicketRequest, as_of: date, snapshot: Snapshot | None, contracts: int
) -> PositionCost:
    """Dollars of so many packages at the limit, the largest loss as screens size by."""
    entry, screened = ticket.entry, request.package
    legs = sorted(entry.legs, key=lambda leg: leg.contract.strike)
    schedule = request.fees or (screened.screening.fees if screened else FeeSchedule.parse(FEE_SCHEDULE))
    is_delivered = settlement_of(legs[0].contract.root).pays_dividends
    is_held = not request.levels.closes_before(entry.expiration, as_of)
    return position_cost(
        Legs.of(
            [1 if leg.quantity > 0 else -1 for leg in legs],
            [RIGHT_SIGN[leg.contract.right] for leg in legs],
            [abs(leg.quantity) for leg in legs],
        ),
        [leg.contract.strike for leg in legs], [leg.bid for leg in legs], [leg.ask for leg in legs],
        entry.price, contracts, schedule,
        dividends=sum(paid.amount for paid in snapshot.dividends_until(entry.expiration)) if snapshot else 0.0,
        delivery_gap=DELIVERY_GAP if is_held and is_delivered else 0.0,
    )  # fmt: skip


def _can_owe_dividends(legs: Sequence[QuotedLeg]) -> bool:
    """Whether a short call can be assigned before an ex-date."""
    return settlement_of(legs[0].contract.root).pays_dividends and any(
        leg.quantity < 0 and leg.contract.right == "C" for leg in legs
    )


def _excess(request: TicketRequest, contracts: int, each: PositionCost) -> str:
    """Say where a size is above what the account allows; empty where it is not, or was not given.

    `each` is of one package.
    """
    package, account = request.package, request.account
    if request.contracts is None and package is not None:
        return ""
    size = package.sized.size if package else size_package(account, each.max_loss, buying_power=each.buying_power)
    if contracts <= size.contracts:
        return ""
    allowed = f"the account allows {size.contracts} ({size.reason})"
    return f"contracts={contracts}: {allowed}; lower the size, or raise account or risk"


def _check_quotes(snapshot: Snapshot, request: TicketRequest, today: date) -> None:
    """Refuse old quotes, unless they are a model's or the caller names their past day."""
    chain = snapshot.chain
    if request.as_of is not None and request.as_of != chain.as_of:
        raise InputError("as_of", request.as_of.isoformat(), f"the quotes are of {chain.as_of}", "give that day")
    is_named = (snapshot.is_day_named or request.as_of is not None) and chain.as_of < today
    if not (chain.simulated or chain.modelled or is_named):
        stale = staleness(chain, request.now)
        if stale:
            raise InputError("quotes", chain.as_of.isoformat(), stale, "fetch the chain again, or name its day as_of")
        is_unknown = chain.quote_time is None and chain.as_of == today
        check_age(None if is_unknown else chain.moment, request.now, chain.delay)


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
        snapshot, asked = request.chain.snapshot, request.symbol.upper()
        roots = {each.root for each in snapshot.slices if each.expiration == expiration}
        table = snapshot.table(expiration, asked if asked in roots - {snapshot.chain.symbol} else None)
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
    profit: float | str | None = "default",
    stop: float | str | None = "default",
    exit_dte: int | Default | None = "default",
    fees: str | FeeSchedule | None = None,
    account: float | Account = ACCOUNT,
    risk: float | str = RISK_SHARE,
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
        Underlying of typed legs, or the root of one of two on a day: SPXW.
    contracts : int, optional
        Packages: what the account allows unless given, 1 of typed legs.
    fill : str or FillModel, optional
        Limit of the entry: that of the screen unless given.
    profit, stop : float, str or None
        Fraction of the entry price gained, 0.5 or "50%", multiple of it lost, those of the screen unless given; None
        switches the exit off.
    exit_dte : int or None
        Calendar days to expiration, those of the screen unless given.
    fees : str or FeeSchedule, optional
        Those of the screen unless given.
    account : float or Account
        Dollars, with `risk` the fraction at risk: what the contracts of typed legs are held against.
    as_of : date or str, optional
        Day of the quotes where it is a past one: their age is then not checked, nor that of a chain read with `as_of`.
    now : datetime, optional
        Aware time that the age of quotes is measured at; the clock's unless given.

    Returns
    -------
    OrderTicket

    Raises
    ------
    InputError
        For a size of zero, a crossed leg, and recorded quotes of an earlier session or, in session, of over 15 minutes
        beyond the delay that a feed states.

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
    base = candidate.screening.exits if candidate else ExitLevels()
    levels = {"profit": profit, "stop": stop, "dte": exit_dte}
    texts = () if isinstance(package, Package) else package.split() if isinstance(package, str) else package
    request = TicketRequest(
        package=candidate,
        legs=tuple(TypedLeg.parse(text) for text in texts),
        chain=chain, expiration=as_day("expiration", expiration), symbol=symbol, contracts=contracts,
        fill=None if fill is None else as_fill(fill),
        exits=replace(base, **{name: level for name, level in levels.items() if level != "default"}),  # type: ignore[arg-type]
        fees=None if fees is None else as_fees(fees),
        account=account if isinstance(account, Account) else Account(account, parse_share(risk)),
        as_of=as_day("as_of", as_of), now=now or datetime.now(NEW_YORK),
    )  # fmt: skip
    return answer_ticket(request)
