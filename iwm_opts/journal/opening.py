"""Opening balances: positions from before a file begins, known by the row that ended them."""

from collections import Counter
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


class Received(Counter[tuple[str, str | Contract]]):
    """Contracts and shares received by transfer, short negative, by account and contract or symbol of the shares."""

    def take(self, account: str, what: str | Contract, quantity: int) -> int:
        """Take what ends a position of `quantity`, short negative; how many of it were received."""
        held = self[account, what]
        count = min(abs(held), abs(quantity)) if held * quantity > 0 else 0
        self[account, what] -= count if held > 0 else -count
        return count


@dataclass(slots=True)
class OpeningBalance:
    """A position that the file does not open: its result is not in the trades."""

    account: str
    symbol: str
    contract: Contract | None  # None: shares
    quantity: int  # contracts or shares, short negative
    ended: datetime
    how: Kind
    price: float  # dollars a share at its end
    line: int
    settlement: float = 0.0  # dollars that shares of its assignment brought since
    received: int = 0  # of its contracts or shares, by transfer; the others are from before the file

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
        source = "opening balance: {} from before the file"
        if self.received:
            source = "{} received by transfer"
            if self.received < abs(self.quantity):
                source = f"{{}}, {self.received} received by transfer and the others from before the file"
        return (
            f"line {self.line}: {source.format(f'{abs(self.quantity)} {self.name} {side}')}, "
            f"{ENDED[self.how]} {self.ended:%Y-%m-%d}{at}: result not counted{shares}"
        )
