"""The plan: one TOML file with instrument, entries, size and exits, validated when read.

It names an edge and its thresholds, a horizon, an instrument, an account, the checklist, the exits, the macro filter
and the review. A plan that contradicts itself is refused with the reason; every message names the line.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, get_type_hints

from pydantic import Field, ValidationError, create_model, model_validator

from iwm_opts.backtest.share_exits import ShareExits
from iwm_opts.conventions import STRATEGY
from iwm_opts.documents import toml_string
from iwm_opts.errors import DataError, InputError
from iwm_opts.execution.exits import check_profit, earliest_entry, time_to_exit
from iwm_opts.io.opening import read_toml
from iwm_opts.market.sector_filter import MacroFilter
from iwm_opts.plans.checklist import CRITERIA
from iwm_opts.plans.edges import EDGE_TYPES, Edge, Momentum, VolContraction
from iwm_opts.plans.plan_sections import (
    AccountTable,
    ChecklistTable,
    CostsTable,
    ExitsTable,
    MacroTable,
    PackageTable,
    ReviewTable,
    Table,
)
from iwm_opts.risk.sizing import risk_warning

Horizon = Literal["intraday", "swing", "multi-week"]
Instrument = Literal["shares", "options", "vertical", "condor"]

VERSION: Final = 1
MAX_SESSIONS: Final[dict[str, int | None]] = {"intraday": None, "swing": 10, "multi-week": 30}
TARGET_DTE: Final = {"intraday": 7, "swing": 30, "multi-week": STRATEGY.target_dte}
MAX_NAME: Final = 200  # characters
COMMENT: Final = "A plan of iwm-opts: shares of the account and of prices may be written 1% or 0.01."
REMEDY: Final = "correct that line, or write a fresh plan: iwm-opts plan --edge EDGE --save FILE"


Conflicts = list[tuple[tuple[str, ...], str]]


class ContradictionError(ValueError):
    """Two lines of a plan that cannot both hold; `key` is the one to change."""

    def __init__(self, key: tuple[str, ...], rule: str) -> None:
        self.key, self.rule = key, rule
        super().__init__(rule)


def contradictions(plan: "Plan") -> Conflicts:
    """Why a plan cannot be traded as written: the key at fault and the reason, in order of importance."""
    edge, instrument, horizon = EDGE_TYPES[plan.edge], plan.instrument, plan.horizon
    conflicts: Conflicts = []
    if instrument not in edge.instruments:
        conflicts.append((("instrument",), edge.misfit.format(instrument=instrument)))
    if instrument == "condor" and horizon == "intraday":
        conflicts.append((("horizon",), "a condor earns over weeks: choose swing or multi-week"))
    if horizon not in edge.horizons:
        conflicts.append((("horizon",), edge.mistimed.format(horizon=horizon)))
    for other in EDGE_TYPES:
        if other != plan.edge and plan.table(other) is not None:
            conflicts.append(((other,), f"thresholds of {other} mean nothing to a plan on {plan.edge}"))
    if instrument == "shares" and plan.package is not None:
        conflicts.append((("package",), "shares have no option package: leave [package] out"))
    if instrument != "shares" and plan.exits is not None:
        conflicts.append((("exits",), f"[exits] applies to shares; {instrument} takes its exits from [package]"))
    if plan.package is not None:  # a vertical by rule may be sold
        is_sold = instrument == "condor" or (instrument == "vertical" and plan.package.kind != "bull-call")
        try:
            check_profit(plan.package.profit, is_credit=is_sold)
        except InputError as error:
            conflicts.append((("package", "profit"), f"{error.rule}: half of it is 0.5 or 50%; 0 is off"))
    return conflicts + _of_numbers(plan)


def _of_numbers(plan: "Plan") -> Conflicts:
    conflicts: Conflicts = []
    names = plan.checklist.criteria
    for place, name in enumerate(names):
        if name not in CRITERIA:
            rule = f"unknown criterion {name!r}: choose of {', '.join(CRITERIA)}"
            conflicts.append((("checklist", "criteria"), rule))
        elif name in names[:place]:
            conflicts.append((("checklist", "criteria"), f"{name!r} would count twice"))
    if plan.checklist.minimum > len(names):
        rule = f"{plan.checklist.minimum} of {len(names)} criteria can never be met"
        conflicts.append((("checklist", "minimum"), rule))
    if plan.account.max_open_risk < plan.account.risk:
        conflicts.append((("account", "max_open_risk"), "is below the risk of a single position"))
    thresholds = plan.table(plan.edge)
    conflicts += [((plan.edge, key), rule) for key, rule in EDGE_TYPES[plan.edge].conflicts(thresholds)]
    if plan.exits and 0 < plan.exits.max_sessions < plan.exits.time_stop_sessions:
        rule = "comes after max_sessions, which ends every trade before it"
        conflicts.append((("exits", "time_stop_sessions"), rule))
    package = plan.package
    if package and package.exit_dte and package.dte - package.dte_slack < earliest_entry(package.exit_dte):
        first = package.dte - package.dte_slack
        rule = f"closes {time_to_exit(first, package.exit_dte)} what is entered at {first} days (dte - dte_slack)"
        rule += ": choose less, a later dte, or 0 for off"
        conflicts.append((("package", "exit_dte"), rule))
    if plan.package and plan.package.kind != "by-rule" and plan.instrument != "vertical":
        conflicts.append((("package", "kind"), f"is of a vertical; the instrument is {plan.instrument}"))
    return conflicts


class _PlanHead(Table):
    version: Literal[1]
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    edge: str
    horizon: Horizon
    instrument: Instrument
    symbol: str = "IWM"
    account: AccountTable = AccountTable()


def _table(edge: type[Edge]) -> Any:
    """Table of an edge's thresholds, the fields of its dataclass."""
    kinds = get_type_hints(edge, include_extras=True)
    thresholds: Any = {each.name: (kinds[each.name], each.default) for each in edge.thresholds()}
    return create_model(f"{edge.__name__}Table", __base__=Table, **thresholds)


if TYPE_CHECKING:
    _PlanEdges = _PlanHead
else:
    _PlanEdges = create_model(
        "_PlanEdges", __base__=_PlanHead, edge=(Literal[tuple(EDGE_TYPES)], ...),
        **{f"edge_{place}": (Annotated[_table(edge) | None, Field(alias=name)], None)
           for place, (name, edge) in enumerate(EDGE_TYPES.items())},
    )  # fmt: skip


class Plan(_PlanEdges):
    """A whole plan; see `load_plan`. After the account it holds a table of thresholds for each edge."""

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
        if edge in EDGE_TYPES:
            filled.setdefault(edge, {})
            listed = filled.get("checklist", {})
            if isinstance(listed, Mapping):
                filled["checklist"] = {"criteria": EDGE_TYPES[edge].criteria, **listed}
        if instrument == "shares":
            filled.setdefault("exits", {})
        elif instrument in ("options", "vertical", "condor"):
            listed = filled.get("package", {})
            if isinstance(listed, Mapping):
                filled["package"] = _package_defaults(instrument, horizon, listed.get("kind")) | dict(listed)
        if isinstance(filled.get("exits"), Mapping):
            filled["exits"] = {"max_sessions": MAX_SESSIONS.get(horizon) or 0} | dict(filled["exits"])
        return filled

    @model_validator(mode="after")
    def _contradictions(self) -> Self:
        for key, rule in contradictions(self):
            raise ContradictionError(key, rule)
        return self

    def with_account(self, value: float) -> Self:
        """Return the plan on another account, dollars."""
        return self.model_copy(update={"account": self.account.model_copy(update={"value": value})})

    @property
    def rule(self) -> Edge:
        """The edge with the plan's thresholds."""
        return EDGE_TYPES[self.edge](**self.table(self.edge).model_dump())

    @property
    def momentum(self) -> Momentum | None:
        """The edge where it enters on the first minutes of the session itself."""
        return self.rule if isinstance(self.rule, Momentum) else None

    @property
    def rank_gate(self) -> VolContraction | None:
        """The edge where it is a gate on the IV rank."""
        return self.rule if isinstance(self.rule, VolContraction) else None

    def table(self, name: str) -> Any:
        """Table of the file, those of edges included; None where the plan has none."""
        return getattr(self, f"edge_{list(EDGE_TYPES).index(name)}" if name in EDGE_TYPES else name)

    @property
    def share_exits(self) -> ShareExits:
        """Exits of a share trade; the defaults of the horizon for a plan in options."""
        table = self.exits or ExitsTable(max_sessions=MAX_SESSIONS[self.horizon] or 0)
        return ShareExits(
            table.low_buffer, table.stop_atr, table.target_atr or None, table.time_stop_sessions or None,
            table.time_stop_progress, table.max_sessions or None,
        )  # fmt: skip

    @property
    def can_buy(self) -> bool:
        """Whether its packages may cost a debit."""
        kind = self.package.kind if self.package else ""
        by_rule = kind == "by-rule" and not self.rule.sells_premium
        return self.instrument == "options" or (self.instrument == "vertical" and (kind == "bull-call" or by_rule))

    @property
    def filter(self) -> MacroFilter:
        return MacroFilter(self.macro.symbol, self.macro.drop, self.macro.applies_to_condors)

    @property
    def filter_applies(self) -> bool:
        """Whether the macro filter blocks this plan's entries: new longs, condors only on request."""
        return self.macro.enabled and (self.instrument != "condor" or self.macro.applies_to_condors)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Cautions about the plan."""
        lines = [risk_warning(self.account.risk)]
        if self.exits and self.exits.target_atr and self.exits.target_atr < self.exits.stop_atr:
            lines.append(
                f"the target ({self.exits.target_atr:g} ATR) is nearer than the stop ({self.exits.stop_atr:g} ATR)"
            )
        stop = self.package.stop if self.package else None
        if stop is not None and stop >= 1.0 and self.can_buy:
            lines.append(
                f"stop = {stop:g}: a debit cannot lose more than was paid, so this stops no debit before its largest "
                f"loss; leave stop out for {STRATEGY.debit_stop:g} of a debit and {STRATEGY.stop:g} of a credit"
            )
        if self.momentum and self.instrument != "shares":
            lines.append(
                "option quotes by the minute are recorded nowhere: a backtest models them from the surface of the "
                "close before"
            )
        return tuple(warning for warning in lines if warning)


def _package_defaults(instrument: str, horizon: str, kind: object) -> dict[str, Any]:
    if instrument == "condor":
        return {"stop": STRATEGY.stop}
    sessions, dte = MAX_SESSIONS.get(horizon) or 0, TARGET_DTE.get(horizon, STRATEGY.target_dte)
    if instrument == "options":  # a debit: the target is twice the debit, the stop half of it
        stop = STRATEGY.debit_stop
        return {"delta": 0.5, "dte": dte, "profit": 1.0, "stop": stop, "exit_dte": 0, "max_sessions": sessions}
    # By rule either is traded.
    stops = {"bull-put": STRATEGY.stop, "bull-call": STRATEGY.debit_stop}
    return {"delta": 0.3, "dte": dte, "exit_dte": 0, "max_sessions": sessions, "stop": stops.get(str(kind))}


def load_plan(path: str | Path) -> Plan:
    """Read a plan.

    Raises DataError when the file cannot be read or is not TOML, a key is unknown or its value breaks a rule, or the
    plan contradicts itself: the line, the key, the value and the rule are named.

    `path`: TOML.
    """
    path = Path(path)
    text, table = read_toml(path, REMEDY, "name a plan: `plan` FILE")
    if "version" in table and table["version"] != VERSION:
        rule = (
            f"line {line_of(text, ('version',))}: version {table['version']!r} is not {VERSION}, which this tool reads"
        )
        raise DataError(path, rule, REMEDY, "version")
    try:
        return Plan.model_validate(table)
    except ValidationError as error:
        messages, keys = [], []
        for problem in error.errors()[:3]:
            key, rule = _key_and_rule(problem)
            line = line_of(text, key)
            has_value = not _contradiction(problem) and problem["type"] != "missing"
            shown = f"={problem['input']!r}" if has_value else ""
            keys.append(".".join(key))
            messages.append(f"{f'line {line}, ' if line else ''}{keys[-1]}{shown}: {rule}")
        raise DataError(path, "; ".join(messages), REMEDY, ", ".join(keys)) from None


def make_plan(**given: Any) -> Plan:
    """Plan from values, tables as mappings; missing values take the defaults of edge and instrument.

    Raises InputError when a value breaks a rule or the plan contradicts itself.
    """
    try:
        return Plan.model_validate({"version": VERSION, **given})
    except ValidationError as error:
        first = error.errors()[0]
        key, rule = _key_and_rule(first)
        value: Any = first["input"] if not _contradiction(first) else given
        for part in key if _contradiction(first) else ():  # as it was given; None for a default
            value = value.get(part) if isinstance(value, Mapping) else None
        raise InputError(".".join(key), value, rule) from None


def make_usual_plan(edge: str, horizon: str | None = None, instrument: str | None = None, **given: Any) -> Plan:
    """Plan with the horizon and the instrument that an edge is usually traded with; otherwise as `make_plan`."""
    usual = EDGE_TYPES.get(edge, Edge)
    instrument = instrument or usual.instruments[0]
    named = {
        "name": f"{edge}-{instrument}",
        "edge": edge,
        "horizon": horizon or usual.horizon,
        "instrument": instrument,
    }
    return make_plan(**{**named, **{key: value for key, value in given.items() if value is not None}})


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
        message = "unknown key"
    return key, message[:1].lower() + message[1:]


def write_plan(plan: Plan) -> str:
    """Plan as TOML that `load_plan` reads back as the same plan."""
    return toml_text(plan.model_dump(by_alias=True, exclude_none=True), COMMENT)


def line_of(text: str, key: tuple[str, ...]) -> int | None:
    """Line of a TOML text that sets a key, else that opens its table; None where neither is there.

    `key`: table and key, or a key of the top.
    """
    table: tuple[str, ...] = ()
    opened: int | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$", line)
        if header:
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            opened = number if table == key[: len(table)] else opened
            if table == key:
                return number
            continue
        assigned = re.match(r"([\w\"'.\- ]++)=", line.strip())
        if assigned:
            parts = (*table, *(part.strip().strip("\"'") for part in assigned[1].split(".")))
            if parts in (key, key[:1]):
                return number
    return opened


def toml_text(values: Mapping[str, Any], comment: str) -> str:
    """Nested mappings as TOML, plain keys first, then a table each."""
    lines = [f"# {comment}"]
    lines += [f"{key} = {_toml(value)}" for key, value in values.items() if not isinstance(value, dict)]
    for name, table in values.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        inner = ",\n".join(f"  {_toml(item)}" for item in value)
        return f"[\n{inner},\n]" if value else "[]"
    if isinstance(value, str):
        return toml_string(value)
    return repr(value)
