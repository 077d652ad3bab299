"""The simulator against real data as text: facts, joint distance, outcomes by rank."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from iwm_opts.conventions import counted
from iwm_opts.market.chain import Chain
from iwm_opts.report.console import WIDE, plain_table, render, width
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.words import number, percent, points
from iwm_opts.research.acceptance import Acceptance, Window
from iwm_opts.research.facts import JOINT
from iwm_opts.research.goodness_of_fit import MOST_BAND, FactFit
from iwm_opts.research.path_ensemble import BLOCK, RIDGE
from iwm_opts.research.smile_comparison import SmileComparison

SIMULATED = Text("SIMULATED DATA against a real market", style="bold yellow")
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
    """Smiles of a real chain and of the model."""

    chain: Chain
    smiles: tuple[SmileComparison, ...]


def acceptance_table(acceptance: Acceptance, smiles: ChainSmiles | None, columns: int | None = None) -> str:
    """Whole page as text; facts are those of the widest window."""
    whole = acceptance.windows[-1]
    parts: list[RenderableType] = [SIMULATED, Text("")]
    parts += [_joint([_joint_row(window) for window in acceptance.windows], columns), Text("")]
    parts += [Text(f"facts, {whole.first} to {whole.last}, {whole.judgement.sessions} sessions", style="bold")]
    parts += [_facts([asdict(fact) | {"inside": fact.inside} for fact in whole.judgement.facts], columns), Text("")]
    parts += _legend(acceptance.histories)
    parts += [Text(""), Text("by IV rank over 252 sessions", style="bold"), _conditional(acceptance), Text("")]
    parts += [Text(CONDITIONAL_LEGEND)]
    parts += _smile_lines(smiles)
    parts += [Text(f"note: {note}", style="yellow") for note in acceptance.notes]
    return render(parts, columns)


def provenance_table(
    provenance: Mapping[str, Any], control: Mapping[str, Any] | None = None, columns: int | None = None
) -> str:
    """Provenance of a parameter file and of `control` as text."""
    if not provenance:
        return render([SIMULATED, Text("the parameter file carries no record of its calibration")], columns)
    first, last = provenance["fitted"]
    parts: list[RenderableType] = [SIMULATED, Text(f"fitted to {first} to {last}: {provenance['sources']}")]
    parts += [Text(f"note: {note}", style="yellow") for note in provenance.get("notes", ())]
    parts += [Text(""), _joint([_recorded_row(record) for record in provenance["joint"]], columns), Text("")]
    parts += [Text(f"facts, {provenance['joint'][-1]['window']}", style="bold")]
    rows = [record | {"inside": record["low"] <= record["real"] <= record["high"]} for record in provenance["facts"]]
    parts += [_facts(rows, columns), Text(""), *_legend(None), *(_control_lines(control, columns) if control else ())]
    return render(parts, columns)


def _control_lines(control: Mapping[str, Any], columns: int | None) -> list[RenderableType]:
    first, last = control["fitted"]
    heading = Text(f"the same model fitted to {first} to {last} alone", style="bold")
    notes = [Text(f"note: {note}", style="yellow") for note in control.get("notes", ())]
    return [Text(""), heading, *notes, _joint([_recorded_row(record) for record in control["joint"]], columns)]


def provenance_csv(provenance: Mapping[str, Any]) -> str:
    """One row a fact."""
    return rows_as_csv([{"simulated": True} | record for record in provenance.get("facts", [])], ["simulated", "name"])


def acceptance_record(acceptance: Acceptance, smiles: ChainSmiles | None) -> Record:
    """Everything as a record for JSON."""
    tables = {name: getattr(acceptance.conditional, name) for name in ("real", "simulated", "low", "high")}
    return {
        "simulated": True,
        "histories": acceptance.histories,
        "windows": [_window_record(window) for window in acceptance.windows],
        "by_rank": {name: _bucket_records(table) for name, table in tables.items()},
        "smiles": _smile_records(smiles) if smiles else None,
        "notes": list(acceptance.notes),
    }


def acceptance_csv(acceptance: Acceptance) -> str:
    """One row a window and fact."""
    rows = [
        {"simulated": True, "window": window.name, "first": window.first, "last": window.last} | _fact_record(fact)
        for window in acceptance.windows
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
        {"expiration": smile.expiration.isoformat(), "dte": smile.dte, "model_free": smile.model_free, "rms": smile.rms}
        for smile in smiles.smiles
    ]
    return {"source": smiles.chain.source, "as_of": smiles.chain.as_of.isoformat(), "expirations": rows}


def _joint_row(window: Window) -> Record:
    judged = window.judgement
    return {
        "window": f"{window.first} to {window.last} ({window.name})", "sessions": judged.sessions,
        "distance": judged.mahalanobis, "distance_95": judged.mahalanobis_95, "share_beyond": judged.share_beyond,
        "inside": judged.inside, "wide": judged.wide, "facts": len(judged.facts),
    }  # fmt: skip


def _recorded_row(record: Mapping[str, Any]) -> Record:
    return {"wide": 0} | dict(record)


def _joint(rows: Sequence[Record], columns: int | None) -> Table:
    head = "joint distance, real market"
    is_wide = (columns or width()) >= WIDE
    names = (head, "sessions", "distance", "95%", "", "in band", *(["wide"] if is_wide else []))
    table = plain_table(*names, left=(head, ""))
    for row in rows:
        verdict = "inside" if row["distance"] <= row["distance_95"] else "OUTSIDE"
        table.add_row(
            row["window"], str(row["sessions"]), f"{row['distance']:.2f}", f"{row['distance_95']:.2f}",
            f"{verdict}, {percent(row['share_beyond'], 1)} beyond", f"{row['inside']}/{row['facts']}",
            *([str(row["wide"])] if is_wide else []),
        )  # fmt: skip
    return table


def _facts(rows: Sequence[Record], columns: int | None) -> Table:
    if (columns or width()) < WIDE:
        return _narrow_facts(rows)
    table = plain_table("fact", "real", "bootstrap", "simulated 5-95%", "distance", "", "band", left=("fact", ""))
    for row in rows:
        band = f"{_figure(row['real_low'])} .. {_figure(row['real_high'])}" if "real_low" in row else "-"
        table.add_row(
            row["name"], _figure(row["real"]), band, f"{_figure(row['low'])} .. {_figure(row['high'])}",
            f"{row['distance']:+.1f}", "" if row["inside"] else "OUTSIDE",
            f"{row['band_ratio']:.2f}" + ("*" if row["band_ratio"] > MOST_BAND else " "),
        )  # fmt: skip
    return table


def _narrow_facts(rows: Sequence[Record]) -> Table:
    """Facts without the bootstrap, for 80 columns."""
    table = plain_table("fact", "real", "simulated 5-95%", "dist.", "", left=("fact", ""))
    for row in rows:
        simulated = f"{_figure(row['low'])} .. {_figure(row['high'])}"
        state = "" if row["inside"] else "OUT"
        table.add_row(row["name"], _figure(row["real"]), simulated, f"{row['distance']:+.1f}", state)
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


def _conditional(acceptance: Acceptance) -> Table:
    table = plain_table("rank", "", *(heading for heading, _, _ in COLUMNS.values()), left=("rank", ""))
    figures = acceptance.conditional
    for place, bucket in enumerate(figures.real.index):
        shown = f"{bucket.left:.0f} to {bucket.right:.0f}" if np.isfinite(bucket.right) else f"from {bucket.left:.0f}"
        table.add_row(shown, "real", *(_cell(figures.real, place, name) for name in COLUMNS))
        table.add_row("", "simulated", *(_cell(figures.simulated, place, name) for name in COLUMNS))
        table.add_row("", "5%", *(_cell(figures.low, place, name) for name in COLUMNS))
        table.add_row("", "95%", *(_cell(figures.high, place, name) for name in COLUMNS))
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
            f"{smile.expiration} ({smile.dte} days): model off by {100.0 * smile.rms:.2f} points rms over "
            f"{counted(len(smile.real), 'strikes')}, at the chain's model-free vol of {points(smile.model_free)}"
        )
        for smile in smiles.smiles
    ]
    return lines
