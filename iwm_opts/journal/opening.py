"""Opening balances: positions from before a file begins, known by the row that ended them."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from iwm_opts.journal.executions import Execution, Kind
from iwm_opts.market.contract import Contract

ENDED = {
    "trade": "closed", "expiration": "expired", "assignment": "assigned", "exercise": "exercised",
    "cash": "settled in cash", "delivery": "delivered for an option", "reorganisation": "changed by a corporate action",
}  # fmt: skip


class Received(Counter[tuple[str, str | Contract]]):
    """Contracts and shares received without a basis, short negative, by account and contract or symbol."""

    def __init__(self) -> None:
        super().__init__()
        self.by_action = set[tuple[str, str | Contract]]()  # those that a corporate action brought, not a transfer

    def explain(self, balance: "OpeningBalance") -> None:
        """Say how much of an opening balance was received."""
        what = balance.contract or balance.symbol
        balance.received = self.take(balance.account, what, balance.quantity)
        balance.is_by_action = (balance.account, what) in self.by_action

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
    received: int = 0  # of its contracts or shares, not bought; the others are from before the file
    is_by_action: bool = False  # received by a corporate action, not by transfer

    @classmethod
    def of(cls, execution: Execution, quantity: int) -> "OpeningBalance":
        """Position that an execution ends."""
        return cls(
            execution.account, execution.symbol, execution.contract, quantity, execution.when, execution.kind,
            execution.price, execution.line,
        )  # fmt: skip

    @property
    def name(self) -> str:
        """OCC symbol, or shares of a symbol."""
        return self.contract.symbol if self.contract else f"shares of {self.symbol}"

    def line_of(self, left_out: Mapping[int, str]) -> int:
        """Line of a row that could not be read and may have opened it, by its words; 0 without one."""
        if self.contract is None:
            return next((line for line, text in left_out.items() if self.symbol in text.split("\n")), 0)
        contract, day = self.contract, self.contract.expiration
        strike, thousandths = f"{contract.strike:g}", f"{round(1000 * contract.strike):08d}"
        zeros = "0*" if "." in strike else r"(?:\.0+)?"
        strikes = re.compile(rf"{thousandths}|(?<![\d.]){re.escape(strike)}{zeros}(?![\d.])")
        symbols = re.compile(rf"(?<![A-Z])(?:{re.escape(contract.root)}|{re.escape(self.symbol)})(?![A-Z])")
        # The expiration as brokers write it.
        written = ("%y%m%d", "%Y%m%d", "%Y-%m-%d", "%d%b%y", "%d %b %y", "%d %b %Y", "%b %d %Y", "%m/%d/%Y", "%m/%d/%y")
        days = {f"{day:{style}}".upper() for style in written}
        days |= {f"{day.month}/{day.day}/{day.year}", f"{day.month}/{day.day}/{day:%y}"}
        for line, text in left_out.items():
            plain = text.replace(",", "")
            if strikes.search(plain) and symbols.search(plain) and any(item.lstrip("0") in plain for item in days):
                return line
        return 0

    def describe(self, unread: int = 0) -> str:
        """One line for a reader; `unread` is the line of a row that may have opened it."""
        side = "short" if self.quantity < 0 else "long"
        at = f" at {self.price:g}" if self.price else ""
        shares = f"; its shares brought {self.settlement:.2f}" if self.settlement else ""
        source = "opening balance: {} from before the file"
        if self.received:
            how = f"received by {'a corporate action' if self.is_by_action else 'transfer'}"
            source = f"{{}} {how}"
            if self.received < abs(self.quantity):
                source = f"{{}}, {self.received} {how} and the others from before the file"
        if unread:
            source = f"{{}} that line {unread}, left out, may have opened"
        return (
            f"line {self.line}: {source.format(f'{abs(self.quantity)} {self.name} {side}')}, "
            f"{ENDED[self.how]} {self.ended:%Y-%m-%d}{at}: result not counted{shares}"
        )
