"""Opening balances: positions from before a file begins, known by the row that ended them."""

from dataclasses import dataclass
from datetime import datetime

from iwm_opts.journal.executions import Execution, Kind
from iwm_opts.market.contract import Contract

ENDED = {
    "trade": "closed",
    "expiration": "expired",
    "assignment": "assigned",
    "exercise": "exercised",
    "cash": "settled in cash",
    "delivery": "delivered for an option",
    "reorganisation": "changed by a corporate action",
}


@dataclass(slots=True)
class OpeningBalance:
    """A position that was open before the file begins: its result is not in the trades."""

    account: str
    symbol: str
    contract: Contract | None  # None: shares
    quantity: int  # contracts or shares, short negative
    ended: datetime
    how: Kind
    price: float  # dollars a share at its end
    line: int
    settlement: float = 0.0  # dollars that shares of its assignment brought since

    @classmethod
    def of(cls, execution: Execution, quantity: int) -> "OpeningBalance":
        """Position that an execution ends."""
        return cls(
            execution.account,
            execution.symbol,
            execution.contract,
            quantity,
            execution.when,
            execution.kind,
            execution.price,
            execution.line,
        )

    @property
    def name(self) -> str:
        """OCC symbol, or shares of a symbol."""
        return self.contract.symbol if self.contract else f"shares of {self.symbol}"

    def describe(self) -> str:
        """One line for a reader."""
        side = "short" if self.quantity < 0 else "long"
        at = f" at {self.price:g}" if self.price else ""
        shares = f"; its shares brought {self.settlement:.2f}" if self.settlement else ""
        return (
            f"line {self.line}: opening balance: {abs(self.quantity)} {self.name} {side} from before the file, "
            f"{ENDED[self.how]} {self.ended:%Y-%m-%d}{at}: result not counted{shares}"
        )
