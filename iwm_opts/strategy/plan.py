"""The plan: one TOML file that says what is traded, when, how much and until when, checked before anybody trades it.

It names an edge and its thresholds, a horizon, an instrument, an account, the checklist, the exits, the macro filter
and the review. A plan that contradicts itself is refused with the reason; every message names the line.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from iwm_opts.conventions import ACCOUNT, DTE_WINDOW, FEE_SCHEDULE, FILL_MODEL, GATE_RANK, IVR_LOOKBACK, RISK_SHARE
from iwm_opts.errors import DataError, InputError
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.risk.fraction import parse_share
from iwm_opts.risk.sizing import MAX_OPEN_RISK, risk_warning
from iwm_opts.strategy.checklist import DEFAULTS, MINIMUM
from iwm_opts.strategy.contradictions import ContradictionError, contradictions
from iwm_opts.strategy.edges import Edge, EdgeName, MeanReversion, Momentum, VolContraction
from iwm_opts.strategy.exits import ShareExits
from iwm_opts.strategy.macro import DROP, FILTER_SYMBOL, MacroFilter
from iwm_opts.strategy.plan_text import line_of, toml_text

Horizon = Literal["intraday", "swing", "multi-week"]
Instrument = Literal["shares", "options", "vertical", "condor"]

VERSION: Final = 1
MAX_SESSIONS: Final[dict[str, int | None]] = {"intraday": None, "swing": 10, "multi-week": 30}
TARGET_DTE: Final = {"intraday": 7, "swing": 30, "multi-week": DTE_WINDOW[1]}
DAILY_QUESTIONS: Final = (
    "Did every open position keep its stop, target and time stop where the plan puts them?",
    "Was every entry on a signal, with the macro filter clear and the checklist passed?",
    "Was the size what the formula says, and the fill within the fill model?",
    "Is a scheduled release, an ex-dividend date or an expiration due before the next review?",
)
COMMENT: Final = "A plan of iwm-opts: shares of the account and of prices may be written 1% or 0.01."
REMEDY: Final = "mend that line, or write a fresh plan: iwm-opts plan --edge EDGE --save FILE"


def _fraction(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("is no share; write 1% or 0.01")
    try:
        return parse_share(value if isinstance(value, str) else repr(value), "share")
    except InputError as error:
        raise ValueError(f"{error.rule}; {error.remedy}") from None


def _fill(text: str) -> str:
    FillModel.parse(text)
    return text


def _fees(text: str) -> str:
    FeeSchedule.parse(text)
    return text


Fraction = Annotated[float, BeforeValidator(_fraction)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
AtLeastZero = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Delta = Annotated[float, Field(gt=0, lt=1)]


class Table(BaseModel):
    """A table of the file: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class AccountTable(Table):
    """[account]."""

    value: Positive = ACCOUNT  # dollars
    risk: Fraction = RISK_SHARE  # of it on one position
    max_open_risk: Fraction = MAX_OPEN_RISK  # of it, all positions together
    max_open: Count = 5  # positions


class MeanReversionTable(Table):
    """[mean-reversion]."""

    declines: Count = 3
    total: Fraction = 0.025


class MomentumTable(Table):
    """[momentum]."""

    gap: Fraction = 0.008
    enter_minute: Count = 15
    exit_minute: Count = 45
    volume_sessions: Count = 20


class VolContractionTable(Table):
    """[vol-contraction]."""

    below: Annotated[float, Field(gt=0, le=100)] = GATE_RANK
    lookback: Annotated[int, Field(ge=2)] = IVR_LOOKBACK


class ChecklistTable(Table):
    """[checklist]."""

    minimum: Count = MINIMUM
    criteria: tuple[str, ...]


class ExitsTable(Table):
    """[exits] of a share trade; ATR multiples and sessions. Zero switches a time limit or the target off."""

    low_buffer: AtLeastZero = 0.1
    stop_atr: Positive = 1.0
    target_atr: AtLeastZero = 2.0
    time_stop_sessions: Annotated[int, Field(ge=0)] = 3
    time_stop_progress: AtLeastZero = 1.0
    max_sessions: Annotated[int, Field(ge=0)] = 10


class PackageTable(Table):
    """[package] of options: what is chosen, and when it is left."""

    dte: Count = DTE_WINDOW[1]  # calendar days, the nearest expiration
    dte_slack: Annotated[int, Field(ge=0)] = 10
    delta: Delta = 0.16  # |delta|: of the short legs of a condor or a bull put, of the long leg bought otherwise
    width: Positive = 5.0  # dollars between the strikes of a side
    kind: Literal["by-rule", "bull-put", "bull-call"] = "by-rule"  # of a vertical
    credit_rank: Annotated[float, Field(ge=0, le=100)] = 50.0  # by-rule: bull put at this IV rank or above, else debit
    profit: Annotated[float, Field(ge=0)] = 0.5  # of the credit, or of the debit paid; 0: off
    stop: AtLeastZero = 2.0  # times the credit, or the share of the debit; 0: off
    exit_dte: Annotated[int, Field(ge=0)] = DTE_WINDOW[0]  # 0: held to expiry
    max_sessions: Annotated[int, Field(ge=0)] = 0  # 0: no limit


class CostsTable(Table):
    """[costs]."""

    fill: Annotated[str, AfterValidator(_fill)] = FILL_MODEL
    fees: Annotated[str, AfterValidator(_fees)] = FEE_SCHEDULE
    share_slippage: AtLeastZero = 0.01  # dollars a share, each way
    share_fees: AtLeastZero = 0.0  # dollars a share, each way


class MacroTable(Table):
    """[macro]."""

    enabled: bool = True
    symbol: str = FILTER_SYMBOL
    drop: Fraction = DROP  # of its price in the session before: more than this blocks new longs
    applies_to_condors: bool = False


class ReviewTable(Table):
    """[review]."""

    daily: tuple[str, ...] = DAILY_QUESTIONS


class Plan(Table):
    """A whole plan; see `load_plan`."""

    version: Literal[1]
    name: Annotated[str, Field(min_length=1)]
    edge: EdgeName
    horizon: Horizon
    instrument: Instrument
    symbol: str = "IWM"
    account: AccountTable = AccountTable()
    mean_reversion: Annotated[MeanReversionTable | None, Field(alias="mean-reversion")] = None
    momentum: MomentumTable | None = None
    vol_contraction: Annotated[VolContractionTable | None, Field(alias="vol-contraction")] = None
    checklist: ChecklistTable
    exits: ExitsTable | None = None
    package: PackageTable | None = None
    costs: CostsTable = CostsTable()
    macro: MacroTable = MacroTable()
    review: ReviewTable = ReviewTable()

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        """Tables that the edge and the instrument need and the file leaves to the defaults."""
        if not isinstance(given, Mapping):
            return given
        filled: dict[str, Any] = dict(given)
        edge, instrument, horizon = (str(filled.get(key)) for key in ("edge", "instrument", "horizon"))
        if edge in DEFAULTS:
            filled.setdefault(edge, {})
            listed = filled.get("checklist", {})
            if isinstance(listed, Mapping):
                filled["checklist"] = {"criteria": DEFAULTS[edge], **listed}
        if instrument == "shares":
            filled.setdefault("exits", {})
        elif instrument in ("options", "vertical", "condor"):
            listed = filled.get("package", {})
            if isinstance(listed, Mapping):
                filled["package"] = _package_defaults(instrument, horizon) | dict(listed)
        if isinstance(filled.get("exits"), Mapping):
            filled["exits"] = {"max_sessions": MAX_SESSIONS.get(horizon) or 0} | dict(filled["exits"])
        return filled

    @model_validator(mode="after")
    def _contradictions(self) -> Self:
        for key, rule in contradictions(self):
            raise ContradictionError(key, rule)
        return self

    @property
    def rule(self) -> Edge:
        """The edge with the plan's thresholds."""
        if self.mean_reversion:
            return MeanReversion(**self.mean_reversion.model_dump())
        if self.momentum:
            return Momentum(**self.momentum.model_dump())
        return VolContraction(**(self.vol_contraction or VolContractionTable()).model_dump())

    @property
    def share_exits(self) -> ShareExits:
        """Exits of a share trade; the defaults of the horizon for a plan in options."""
        table = self.exits or ExitsTable(max_sessions=MAX_SESSIONS[self.horizon] or 0)
        return ShareExits(
            table.low_buffer,
            table.stop_atr,
            table.target_atr or None,
            table.time_stop_sessions or None,
            table.time_stop_progress,
            table.max_sessions or None,
        )

    @property
    def filter(self) -> MacroFilter:
        """The macro filter."""
        return MacroFilter(self.macro.symbol, self.macro.drop, self.macro.applies_to_condors)

    @property
    def filter_applies(self) -> bool:
        """Whether the macro filter blocks this plan's entries: new longs, condors only on request."""
        return self.macro.enabled and (self.instrument != "condor" or self.macro.applies_to_condors)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a prudent reader would ask about."""
        found = [risk_warning(self.account.risk)]
        if self.exits and self.exits.target_atr and self.exits.target_atr < self.exits.stop_atr:
            found.append(
                f"the target ({self.exits.target_atr:g} ATR) is nearer than the stop ({self.exits.stop_atr:g} ATR)"
            )
        return tuple(warning for warning in found if warning)


def _package_defaults(instrument: str, horizon: str) -> dict[str, Any]:
    if instrument == "condor":
        return {}
    sessions = MAX_SESSIONS.get(horizon) or 0
    if instrument == "options":  # a debit: twice what was paid is the target, half of it the stop
        return {"delta": 0.5, "dte": TARGET_DTE.get(horizon, DTE_WINDOW[1]), "profit": 1.0, "stop": 0.5,
                "exit_dte": 0, "max_sessions": sessions}  # fmt: skip
    return {"delta": 0.3, "dte": TARGET_DTE.get(horizon, DTE_WINDOW[1]), "exit_dte": 0, "max_sessions": sessions}


def load_plan(path: str | Path) -> Plan:
    """Read a plan.

    Parameters
    ----------
    path : str or Path
        TOML.

    Raises
    ------
    DataError
        When the file cannot be read or is no TOML, a key is unknown or its value breaks a rule, or the plan contradicts
        itself: the line, the key, the value and the rule are named.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, f"cannot be read ({error})", "name a plan: --plan FILE") from None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(path, f"is no TOML: {error}", REMEDY) from None
    if "version" in table and table["version"] != VERSION:
        rule = (
            f"line {line_of(text, ('version',))}: version {table['version']!r} is not {VERSION}, which this tool reads"
        )
        raise DataError(path, rule, REMEDY)
    try:
        return Plan.model_validate(table)
    except ValidationError as error:
        raise DataError(path, "; ".join(_message(one, text) for one in error.errors()[:3]), REMEDY) from None


def make_plan(**given: Any) -> Plan:
    """A plan from values, tables as mappings; what is not given has the defaults of its edge and instrument.

    Raises
    ------
    InputError
        When a value breaks a rule or the plan contradicts itself.
    """
    try:
        return Plan.model_validate({"version": VERSION, **given})
    except ValidationError as error:
        first = error.errors()[0]
        key, rule = _key_and_rule(first)
        value = first["input"] if not _contradiction(first) else given.get(key[0])
        raise InputError(".".join(key), value, rule) from None


def _contradiction(error: Any) -> ContradictionError | None:
    cause = error.get("ctx", {}).get("error")
    return cause if isinstance(cause, ContradictionError) else None


def _key_and_rule(error: Any) -> tuple[tuple[str, ...], str]:
    contradiction = _contradiction(error)
    if contradiction:
        return contradiction.key, contradiction.rule
    key = tuple(str(part) for part in error["loc"] if isinstance(part, str))
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "is no key of a plan"
    return key, message[:1].lower() + message[1:]


def _message(error: Any, text: str) -> str:
    key, rule = _key_and_rule(error)
    line = line_of(text, key)
    where = f"line {line}, " if line else ""
    shown = f" = {error['input']!r}" if not _contradiction(error) and error["type"] != "missing" else ""
    return f"{where}{'.'.join(key)}{shown}: {rule}"


def write_plan(plan: Plan) -> str:
    """A plan as TOML that `load_plan` reads back as the same plan."""
    return toml_text(plan.model_dump(by_alias=True, exclude_none=True), COMMENT)
