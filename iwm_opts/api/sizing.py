"""Position sizes: contracts of a package, or shares, allowed by an account."""

from dataclasses import dataclass, field
from typing import Final

import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from iwm_opts.api.result import Result
from iwm_opts.conventions import ACCOUNT, RISK_SHARE, counted
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.io.fraction import parse_share
from iwm_opts.report.console import render_page
from iwm_opts.report.records import Record, rows_as_csv, size_record
from iwm_opts.report.words import dollars, percent
from iwm_opts.risk.sizing import LIQUIDITY_SHARE, MAX_OPEN_RISK, Limits, Size, atr_share_size, share_size
from iwm_opts.spreads.screen import Account, size_package

REMEDY: Final = "give `max_loss` for contracts, `entry` with `stop` or `atr` for shares"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRisk:
    """One package of defined risk.

    Parameters
    ----------
    max_loss : float
        Dollars a package.
    package_buying_power : float, optional
        Dollars that a package ties up; its max loss unless given.
    open_interest : float, optional
        Contracts of the thinnest leg.
    expected_profit, pop : float, optional
        Dollars a package, and probability of profit (0 to 1): for a Kelly cap.
    """

    max_loss: float
    package_buying_power: float | None = None
    open_interest: float | None = None
    expected_profit: float | None = None
    pop: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRisk:
    """A trade in shares, left at a stop.

    Parameters
    ----------
    entry, stop : float, optional
        $/share.
    atr : float, optional
        Average true range, $/share; the stop is `atr_multiple` of it away where no stop is given.
    atr_multiple : float
    slippage : float
        $/share beyond the stop.
    """

    entry: float | None = None
    stop: float | None = None
    atr: float | None = None
    atr_multiple: float = 1.0
    slippage: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRequest:
    """How large a position an account allows."""

    trade: PackageRisk | ShareRisk
    account: Account = field(default_factory=Account)

    def __post_init__(self) -> None:
        trade, available = self.trade, self.account.limits.buying_power
        if isinstance(trade, PackageRisk):
            return
        if available is not None and trade.entry is None:
            raise ConflictError("buying_power", available, "caps shares by their price", "give `entry` too")
        if trade.atr is None and (trade.stop is None or trade.entry is None):
            raise InputError("max_loss", None, "nothing to size", REMEDY)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PositionSize(Result):
    """Contracts or shares, their risk, and the binding limit.

    Attributes
    ----------
    size : Size
    unit : str
        `contracts` or `shares`.
    account : Account
    """

    size: Size
    unit: str
    account: Account

    @property
    def contracts(self) -> int:
        """Contracts, or shares."""
        return self.size.contracts

    @property
    def risk(self) -> float:
        """Dollars that the position can lose."""
        return self.size.risk

    @property
    def reason(self) -> str:
        """The limit that binds, with its numbers."""
        return self.size.reason

    def to_frame(self) -> pd.DataFrame:
        """One row: contracts or shares, risk and buying_power (dollars of the position), limited_by, reason."""
        return pd.DataFrame([{k: v for k, v in self.to_dict().items() if k != "warnings"}])

    def record(self) -> Record:
        sized = {name: value for name, value in size_record(self.size).items() if name != "contracts"}
        return {
            "account": self.account.value,
            "risk_share": self.account.risk_share,
            self.unit: self.size.contracts,
            **sized,
            "warnings": [self.size.warning] if self.size.warning else [],
        }

    def to_csv(self) -> str:
        return rows_as_csv([self.record()])

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        size, account = self.size, self.account
        limit = f"  limited by {size.limited_by.replace('_', ' ')}: {size.reason}"
        cost = f"risk {dollars(size.risk, 2)} of an account of {dollars(account.value)} "
        allowed = f"({percent(account.risk_share, 2)} allowed), buying power {dollars(size.buying_power, 2)}"
        lines: list[RenderableType] = [
            Text.assemble((counted(size.contracts, self.unit), "bold"), limit),
            f"{cost}{allowed}",
        ]
        return render_page("", lines, [size.warning] if size.warning else [], columns)

    def headline(self) -> tuple[str, list[str], str]:
        return f"{self.contracts:,} {self.unit}", [f"limited by {self.size.limited_by}: {self.size.reason}"], ""


def answer_size(request: SizeRequest) -> PositionSize:
    """Size a position; see `SizeRequest`."""
    trade, account = request.trade, request.account
    if isinstance(trade, PackageRisk):
        size = size_package(
            account,
            trade.max_loss,
            buying_power=trade.package_buying_power,
            open_interest=() if trade.open_interest is None else (trade.open_interest,),
            expected_profit=trade.expected_profit,
            pop=trade.pop,
        )
        return PositionSize(size, "contracts", account)
    value, risk, available = account.value, account.risk_share, account.limits.buying_power
    if trade.stop is not None and trade.entry is not None:
        size = share_size(value, risk, trade.entry, trade.stop, trade.slippage, available)
    else:
        assert trade.atr is not None  # checked by the request
        size = atr_share_size(value, risk, trade.atr, trade.atr_multiple, trade.entry, available, trade.slippage)
    return PositionSize(size, "shares", account)


def position_size(
    max_loss: float,
    *,
    account: float = ACCOUNT,
    risk: float | str = RISK_SHARE,
    buying_power: float | None = None,
    package_buying_power: float | None = None,
    open_interest: float | None = None,
    open_risk: float = 0.0,
    max_open_risk: float | str = MAX_OPEN_RISK,
    max_contracts: int | None = None,
    kelly: float | None = None,
    expected_profit: float | None = None,
    pop: float | None = None,
) -> PositionSize:
    """Contracts of a defined-risk package that an account allows.

    Parameters
    ----------
    max_loss : float
        Dollars that one package can lose.
    account : float
        Dollars.
    risk : float or str
        Fraction of the account at risk on one position: 0.01 or "1%".
    buying_power : float, optional
        Dollars available; no cap unless given.
    package_buying_power : float, optional
        Dollars that one package ties up; `max_loss` unless given.
    open_interest : float, optional
        Contracts of the thinnest leg: a tenth of it caps the size.
    open_risk : float
        Dollars at risk in other positions.
    max_open_risk : float or str
        Fraction of the account at risk in all positions.
    max_contracts : int, optional
    kelly : float, optional
        Fraction of full Kelly that caps the stake; needs `expected_profit` (dollars a package) and `pop` (0 to 1).

    Returns
    -------
    PositionSize

    Raises
    ------
    InputError
        For a value out of range.

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> iwm.position_size(max_loss=401.52, account=50_000, risk=0.01).contracts
    1
    """
    limits = Limits(open_risk, parse_share(max_open_risk, "max_open_risk"), buying_power, max_contracts=max_contracts)
    trade = PackageRisk(
        max_loss=max_loss, package_buying_power=package_buying_power, open_interest=open_interest,
        expected_profit=expected_profit, pop=pop,
    )  # fmt: skip
    return answer_size(
        SizeRequest(trade=trade, account=Account(account, parse_share(risk), limits, kelly, LIQUIDITY_SHARE))
    )


def share_position_size(
    *,
    entry: float | None = None,
    stop: float | None = None,
    atr: float | None = None,
    atr_multiple: float = 1.0,
    slippage: float = 0.0,
    account: float = ACCOUNT,
    risk: float | str = RISK_SHARE,
    buying_power: float | None = None,
) -> PositionSize:
    """Shares such that the stop costs the risk of the account.

    Parameters
    ----------
    entry, stop, atr, slippage : float, optional
        $/share; see `ShareRisk`.
    atr_multiple : float
    account, buying_power : float
        Dollars.
    risk : float or str
        Fraction of the account: 0.01 or "1%".

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> iwm.share_position_size(entry=212.40, stop=205.0, account=50_000, risk="1%").contracts
    67
    """
    trade = ShareRisk(entry=entry, stop=stop, atr=atr, atr_multiple=atr_multiple, slippage=slippage)
    limits = Limits(buying_power=buying_power)
    return answer_size(SizeRequest(trade=trade, account=Account(account, parse_share(risk), limits)))
