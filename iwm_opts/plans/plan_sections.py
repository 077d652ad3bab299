"""The tables of a plan file: what each key means, and which values it may have."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from iwm_opts.conventions import (
    ACCOUNT,
    FEE_SCHEDULE,
    FILL_MODEL,
    MACRO_DROP,
    MAX_OPEN,
    RISK_SHARE,
    STRATEGY,
    Default,
)
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import MINE
from iwm_opts.execution.own_fills import fill_model
from iwm_opts.io.fraction import parse_fraction, parse_share
from iwm_opts.market.sector_filter import FILTER_SYMBOL
from iwm_opts.plans.checklist import MINIMUM
from iwm_opts.risk.sizing import MAX_OPEN_RISK
from iwm_opts.spreads.legs import Wing

DAILY_QUESTIONS: Final = (
    "Did every open position keep its stop, target and time stop where the plan puts them?",
    "Was every entry on a signal, with the macro filter clear and the checklist passed?",
    "Did the size follow the formula, and the fill the fill model?",
    "Is a scheduled release, an ex-dividend date or an expiration due before the next review?",
)


def _fraction(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("invalid fraction; write 1% or 0.01")
    try:
        return parse_share(value if isinstance(value, str) else repr(value), "share")
    except InputError as error:
        raise ValueError(f"{error.rule}; {error.remedy}") from None


def _percent(value: Any) -> Any:
    """Decimal of a percentage; any other value as it is, for the field's own rules."""
    if not isinstance(value, str) or not value.strip().endswith("%"):
        return value
    try:
        return parse_fraction(value, "fraction")
    except InputError as error:
        raise ValueError(f"{error.rule}; {error.remedy}") from None


def _width(value: Any) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        raise ValueError('invalid width; write 5, "2%" or "0.6sd"')
    try:
        wing = Wing.parse(value)
    except InputError as error:
        raise ValueError(f"{error.rule}; {error.remedy}") from None
    assert wing.width is not None
    return str(wing) if wing.is_relative else wing.width


Fraction = Annotated[float, BeforeValidator(_fraction)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]  # strict: neither "3" nor true is a number
AtLeastZero = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Width = Annotated[float | str, BeforeValidator(_width)]
Count = Annotated[int, Field(ge=1, strict=True)]
CountOrZero = Annotated[int, Field(ge=0, strict=True)]
Level = Annotated[AtLeastZero, BeforeValidator(_percent)]  # of a credit or debit: 0.5 or "50%"
Delta = Annotated[float, Field(gt=0, lt=1, strict=True), BeforeValidator(_percent)]
Rank = Annotated[float, Field(ge=0, le=100, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class Table(BaseModel):
    """A table of the file, named as its class: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class AccountTable(Table):
    value: Positive = ACCOUNT  # dollars
    risk: Fraction = RISK_SHARE  # of it on one position
    max_open_risk: Fraction = MAX_OPEN_RISK  # of it, all positions together
    max_open: Count = MAX_OPEN  # positions


class ChecklistTable(Table):
    minimum: Count = MINIMUM
    criteria: tuple[str, ...]


class ExitsTable(Table):
    """[exits] of a share trade; ATR multiples and sessions. Zero switches a time limit or the target off."""

    low_buffer: AtLeastZero = 0.1
    stop_atr: Positive = 1.0
    target_atr: AtLeastZero = 2.0
    time_stop_sessions: CountOrZero = 3
    time_stop_progress: AtLeastZero = 1.0
    max_sessions: CountOrZero = 10


class PackageTable(Table):
    """[package] of options: selection and exits."""

    dte: Count = STRATEGY.target_dte  # calendar days, the nearest expiration
    dte_slack: CountOrZero = STRATEGY.dte_slack
    delta: Delta = STRATEGY.short_delta  # |delta|: of the short legs of a condor or bull put, else of the long leg
    width: Width = STRATEGY.width  # between the strikes of a side: 5 (dollars), "2%" (of spot) or "0.6sd"
    kind: Literal["by-rule", "bull-put", "bull-call"] = "by-rule"  # of a vertical
    credit_rank: Rank = 50.0  # by-rule: bull put at this IV rank or above, else debit
    profit: Level = STRATEGY.profit  # of the credit, or of the debit paid; 0: off
    # Times the credit, or the share of the debit; 0: off. Not given: 2 of a credit, 0.5 of a debit.
    stop: Level | None = None
    exit_dte: CountOrZero = STRATEGY.exit_dte  # 0: held to expiry
    max_sessions: CountOrZero = 0  # 0: no limit

    @property
    def exit_levels(self) -> ExitLevels:
        """Exits of the package, the stop by credit or debit where the plan gives none."""
        stop: float | Default | None = "default" if self.stop is None else self.stop or None
        return ExitLevels(self.profit or None, stop, self.exit_dte or None, self.max_sessions or None)

    @property
    def wing(self) -> Wing:
        """Wing of each side."""
        return Wing.parse(self.width)


class CostsTable(Table):
    fill: str = FILL_MODEL
    fees: str = FEE_SCHEDULE
    share_slippage: AtLeastZero = 0.01  # dollars a share, each way
    share_fees: AtLeastZero = 0.0  # dollars a share, each way

    @field_validator("fill")
    @classmethod
    def _fill(cls, text: str) -> str:
        """Convention as written; `mine` gives way to the offsets kept, which a plan then states."""
        model = fill_model(text)
        return str(model) if text.strip().lower() == MINE else text

    @field_validator("fees")
    @classmethod
    def _fees(cls, text: str) -> str:
        FeeSchedule.parse(text)
        return text


class MacroTable(Table):
    enabled: Flag = True
    symbol: str = FILTER_SYMBOL
    drop: Fraction = MACRO_DROP  # of its price in the session before: more than this blocks new longs
    applies_to_condors: Flag = False


class ReviewTable(Table):
    daily: tuple[str, ...] = DAILY_QUESTIONS
