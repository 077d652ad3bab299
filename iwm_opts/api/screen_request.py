"""Request of a screen."""

from dataclasses import dataclass, field

from iwm_opts.api.chain import ChainRequest, OptionChain
from iwm_opts.api.gates import GateCondition
from iwm_opts.conventions import STRATEGY
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import ExitLevels, check_entry_window
from iwm_opts.spreads.analysis import Terms
from iwm_opts.spreads.screen import Account, Selection
from iwm_opts.spreads.strategies import IronCondor, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenRequest:
    """Which packages of a chain are worth trading.

    Fields as the parameters of `screen`; further:

    Parameters
    ----------
    terms : Terms
        Fill convention, fees, and the realised over implied variance behind expected profits.
    account : Account
        Dollars, risk and limits.
    exits : ExitLevels
        When the position is closed; the window of `dte` starts above its DTE exit.

    Raises
    ------
    InputError
        For a window that the DTE exit closes at once.
    """

    chain: ChainRequest | OptionChain
    strategy: Strategy = field(default_factory=IronCondor)
    gate: GateCondition | None = None
    dte: tuple[int, int] = STRATEGY.dte
    selection: Selection = field(default_factory=Selection)
    terms: Terms = field(default_factory=Terms)
    account: Account = field(default_factory=Account)
    exits: ExitLevels = field(default_factory=ExitLevels)

    def __post_init__(self) -> None:
        if not 0 <= self.dte[0] <= self.dte[1]:
            raise InputError("dte", self.dte, "must satisfy 0 <= low <= high", "give for instance (35, 55)")
        check_entry_window(self.dte, self.exits.dte)
