"""The simulated market beside a real one, for people to read: facts, joint distance, what follows a rank."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from iwm_opts.market.chain import Chain
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.words import number, percent, points
from iwm_opts.research.acceptance import Acceptance, Window
from iwm_opts.research.facts import JOINT
from iwm_opts.research.goodness_of_fit import MOST_BAND, FactFit
from iwm_opts.research.path_ensemble import BLOCK, RIDGE
from iwm_opts.research.smile_comparison import SmileBeside

SIMULATED = Text("SIMULATED MARKET beside a real one", style="bold yellow")
COLUMNS = {  # of the conditional table: heading, digits, percent
    "share": ("days", 0, True),
    "iv": ("IV30", 1, False),
    "realised": ("realised", 1, False),
    "ratio": ("ratio", 2, False),
    "below": ("below", 2, False),
    "iv_change_10": ("IV+10d", 2, False),
    "put_tail": ("put tail", 3, False),
    "call_tail": ("call tail", 3, False),
}
CONDITIONAL_LEGEND = (
    "days: share of ranked sessions; realised: vol of the next 21 sessions; ratio: median of realised over implied; "
    "below: share of sessions with realised below implied; IV+10d: mean change over 10 sessions, points; put and call "
    "tail: sessions whose next 21 return beyond one implied standard deviation; 5%, 95%: of simulated histories"
)


@dataclass(frozen=True, slots=True, eq=False)
class ChainSmiles:
    """Smiles of a real chain beside the model's."""

    chain: Chain
    smiles: tuple[SmileBeside, ...]


def acceptance_table(found: Acceptance, smiles: ChainSmiles | None, columns: int | None = None) -> str:
    """The whole page as text; facts are those of the widest window."""
    whole = found.windows[-1]
    parts: list[RenderableType] = [SIMULATED, Text("")]
    parts += [_joint([_joint_row(window) for window in found.windows]), Text("")]
    parts += [Text(f"facts, {whole.first} to {whole.last}, {whole.judgement.sessions} sessions", style="bold")]
    parts += [_facts([asdict(fact) | {"inside": fact.inside} for fact in whole.judgement.facts]), Text("")]
    parts += _legend(found.histories)
    parts += [Text(""), Text("by IV rank over 252 sessions", style="bold"), _conditional(found), Text("")]
    parts += [Text(CONDITIONAL_LEGEND)]
    parts += _smile_lines(smiles)
    return render(parts, columns)


def provenance_table(
    provenance: Mapping[str, Any], control: Mapping[str, Any] | None = None, columns: int | None = None
) -> str:
    """What a parameter file says of its own calibration, and `control` of its, as text."""
    if not provenance:
        return render([SIMULATED, Text("the parameter file carries no record of its calibration")], columns)
    first, last = provenance["fitted"]
    parts: list[RenderableType] = [SIMULATED, Text(f"fitted to {first} to {last}: {provenance['sources']}")]
    parts += [Text(f"note: {note}", style="yellow") for note in provenance.get("notes", ())]
    parts += [Text(""), _joint([_recorded_row(one) for one in provenance["joint"]]), Text("")]
    parts += [Text(f"facts, {provenance['joint'][-1]['window']}", style="bold")]
    rows = [one | {"inside": one["low"] <= one["real"] <= one["high"]} for one in provenance["facts"]]
    parts += [_facts(rows), Text(""), *_legend(None), *(_control_lines(control) if control else ())]
    return render(parts, columns)


def _control_lines(control: Mapping[str, Any]) -> list[RenderableType]:
    first, last = control["fitted"]
    heading = Text(f"the same model fitted to {first} to {last} alone", style="bold")
    notes = [Text(f"note: {note}", style="yellow") for note in control.get("notes", ())]
    return [Text(""), heading, *notes, _joint([_recorded_row(one) for one in control["joint"]])]


def provenance_csv(provenance: Mapping[str, Any]) -> str:
    """One row a fact."""
    return rows_as_csv([{"simulated": True} | one for one in provenance.get("facts", [])], ["simulated", "name"])


def acceptance_record(found: Acceptance, smiles: ChainSmiles | None) -> Record:
    """Everything as a record for JSON."""
    tables = {name: getattr(found.conditional, name) for name in ("real", "simulated", "low", "high")}
    return {
        "simulated": True,
        "histories": found.histories,
        "windows": [_window_record(window) for window in found.windows],
        "by_rank": {name: _bucket_records(table) for name, table in tables.items()},
        "smiles": _smile_records(smiles) if smiles else None,
    }


def acceptance_csv(found: Acceptance) -> str:
    """One row a window and fact."""
    rows = [
        {"simulated": True, "window": window.name, "first": window.first, "last": window.last} | _fact_record(fact)
        for window in found.windows
        for fact in window.judgement.facts
    ]
    return rows_as_csv(rows)


def _window_record(window: Window) -> Record:
    judged = window.judgement
    return {
        "window": window.name, "first": window.first, "last": window.last, "sessions": judged.sessions,
        "distance": judged.mahalanobis, "distance_95": judged.mahalanobis_95, "share_beyond": judged.share_beyond,
        "accepted": judged.mahalanobis <= judged.mahalanobis_95, "inside": judged.inside, "wide": judged.wide,
        "facts": [_fact_record(fact) for fact in judged.facts],
    }  # fmt: skip


def _fact_record(fact: FactFit) -> Record:
    return asdict(fact) | {"inside": fact.inside}


def _bucket_records(table: pd.DataFrame) -> list[Record]:
    names = [str(name) for name in table.columns]
    rows = zip(table.index, table.to_numpy(dtype=float).tolist(), strict=True)
    return [{"bucket": str(bucket)} | dict(zip(names, row, strict=True)) for bucket, row in rows]


def _smile_records(smiles: ChainSmiles) -> Record:
    rows = [
        {"expiration": one.expiration.isoformat(), "dte": one.dte, "model_free": one.model_free, "rms": one.rms}
        for one in smiles.smiles
    ]
    return {"source": smiles.chain.source, "as_of": smiles.chain.as_of.isoformat(), "expirations": rows}


def _joint_row(window: Window) -> Record:
    judged = window.judgement
    return {
        "window": f"{window.first} to {window.last} ({window.name})", "sessions": judged.sessions,
        "distance": judged.mahalanobis, "distance_95": judged.mahalanobis_95, "share_beyond": judged.share_beyond,
        "inside": judged.inside, "wide": judged.wide, "facts": len(judged.facts),
    }  # fmt: skip


def _recorded_row(one: Mapping[str, Any]) -> Record:
    return {"wide": 0} | dict(one)


def _joint(rows: Sequence[Record]) -> Table:
    table = plain_table(
        "joint distance of the real market", "sessions", "distance", "95% of simulated", "", "in band", "wide",
        left=("joint distance of the real market", ""),
    )  # fmt: skip
    for row in rows:
        verdict = "inside" if row["distance"] <= row["distance_95"] else "OUTSIDE"
        table.add_row(
            row["window"], str(row["sessions"]), f"{row['distance']:.2f}", f"{row['distance_95']:.2f}",
            f"{verdict}, {percent(row['share_beyond'], 1)} lie beyond", f"{row['inside']}/{row['facts']}",
            str(row["wide"]),
        )  # fmt: skip
    return table


def _facts(rows: Sequence[Record]) -> Table:
    table = plain_table("fact", "real", "bootstrap", "simulated 5-95%", "distance", "", "band", left=("fact", ""))
    for row in rows:
        own = f"{_figure(row['real_low'])} .. {_figure(row['real_high'])}" if "real_low" in row else "-"
        table.add_row(
            row["name"], _figure(row["real"]), own, f"{_figure(row['low'])} .. {_figure(row['high'])}",
            f"{row['distance']:+.1f}", "" if row["inside"] else "OUTSIDE",
            f"{row['band_ratio']:.2f}" + ("*" if row["band_ratio"] > MOST_BAND else " "),
        )  # fmt: skip
    return table


def _figure(value: float) -> str:
    return number(value, 1 if abs(value) >= 10.0 else 2 if abs(value) >= 2.0 else 3)


def _legend(histories: int | None) -> list[Text]:
    count = f" over {histories} simulated histories" if histories else ""
    return [
        Text(f"distance: real less simulated mean{count}, in simulated standard deviations"),
        Text(
            f"bootstrap: 5-95% of the real market, stationary, blocks of {BLOCK} sessions; band: simulated over "
            f"bootstrap width, * above {MOST_BAND}"
        ),
        Text("no bootstrap looks beyond its sample: its intervals for IV30 min and max are too narrow"),
        Text(
            f"joint distance: Mahalanobis', of all facts but the last {int((~JOINT).sum())}, with {RIDGE} of the "
            "bootstrap variances added, real and simulated alike"
        ),
    ]


def _conditional(found: Acceptance) -> Table:
    table = plain_table("rank", "", *(heading for heading, _, _ in COLUMNS.values()), left=("rank", ""))
    one = found.conditional
    for place, bucket in enumerate(one.real.index):
        shown = f"{bucket.left:.0f} to {bucket.right:.0f}" if np.isfinite(bucket.right) else f"from {bucket.left:.0f}"
        table.add_row(shown, "real", *(_cell(one.real, place, name) for name in COLUMNS))
        table.add_row("", "simulated", *(_cell(one.simulated, place, name) for name in COLUMNS))
        table.add_row("", "5%", *(_cell(one.low, place, name) for name in COLUMNS))
        table.add_row("", "95%", *(_cell(one.high, place, name) for name in COLUMNS))
    return table


def _cell(table: pd.DataFrame, place: int, name: str) -> str:
    _, digits, as_percent = COLUMNS[name]
    value = float(table[name].iloc[place])
    return percent(value, digits) if as_percent else number(value, digits)


def _smile_lines(smiles: ChainSmiles | None) -> list[Text]:
    if smiles is None:
        return []
    lines = [Text(""), Text(f"smile of {smiles.chain.source}, {smiles.chain.as_of}", style="bold")]
    lines += [
        Text(
            f"{one.expiration} ({one.dte} days): model off by {100.0 * one.rms:.2f} points rms over "
            f"{len(one.real)} strikes, at the chain's model-free vol of {points(one.model_free)}"
        )
        for one in smiles.smiles
    ]
    return lines
