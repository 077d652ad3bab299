"""The simulator against real data as text: facts, joint distance, outcomes by rank."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from iwm_opts.conventions import counted
from iwm_opts.market.chain import Chain
from iwm_opts.report.console import WIDE, bold, note_lines, plain_table, render, width
from iwm_opts.report.records import Record, picked, rows_as_csv
from iwm_opts.report.words import number, percent, points
from iwm_opts.research.acceptance import Acceptance
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
    windows = [
        row | {"window": f"{row['first']} to {row['last']} ({row['window']})", "facts": len(row["facts"])}
        for row in acceptance_record(acceptance, None)["windows"]
    ]
    parts: list[RenderableType] = [SIMULATED, "", _joint(windows, columns), ""]
    parts += [bold(f"facts, {whole.first} to {whole.last}, {whole.judgement.sessions} sessions")]
    parts += [_facts([_fact_record(fact) for fact in whole.judgement.facts], columns), ""]
    parts += [*_legend(acceptance.histories), "", bold("by IV rank over 252 sessions"), _conditional(acceptance), ""]
    parts += [CONDITIONAL_LEGEND]
    if smiles is not None:
        parts += ["", bold(f"smile of {smiles.chain.source}, {smiles.chain.as_of}")]
        parts += [
            f"{smile.expiration} ({smile.dte} days): model off by {100.0 * smile.rms:.2f} points rms over "
            f"{counted(len(smile.real), 'strikes')}, at the chain's model-free vol of {points(smile.model_free)}"
            for smile in smiles.smiles
        ]
    return render([*parts, *note_lines(acceptance.notes)], columns)


def provenance_table(
    provenance: Mapping[str, Any], control: Mapping[str, Any] | None = None, columns: int | None = None
) -> str:
    """Provenance of a parameter file and of `control` as text."""
    if not provenance:
        return render([SIMULATED, "the parameter file carries no record of its calibration"], columns)
    first, last = provenance["fitted"]
    parts: list[RenderableType] = [SIMULATED, f"fitted to {first} to {last}: {provenance['sources']}"]
    parts += [*note_lines(provenance.get("notes", ())), "", _joint(provenance["joint"], columns), ""]
    parts += [bold(f"facts, {provenance['joint'][-1]['window']}")]
    rows = [record | {"inside": record["low"] <= record["real"] <= record["high"]} for record in provenance["facts"]]
    parts += [_facts(rows, columns), "", *_legend(None)]
    if control:
        first, last = control["fitted"]
        parts += ["", bold(f"the same model fitted to {first} to {last} alone"), *note_lines(control.get("notes", ()))]
        parts += [_joint(control["joint"], columns)]
    return render(parts, columns)


def provenance_csv(provenance: Mapping[str, Any]) -> str:
    """One row a fact."""
    return rows_as_csv([{"simulated": True} | record for record in provenance.get("facts", [])], ["simulated", "name"])


def acceptance_record(acceptance: Acceptance, smiles: ChainSmiles | None) -> Record:
    """Everything as a record for JSON."""
    tables = {name: getattr(acceptance.conditional, name) for name in ("real", "simulated", "low", "high")}
    windows = []
    for window in acceptance.windows:
        judged = window.judgement
        windows.append(
            {
                "window": window.name, "first": window.first, "last": window.last, "sessions": judged.sessions,
                "distance": judged.mahalanobis, "distance_95": judged.mahalanobis_95,
                "share_beyond": judged.share_beyond, "accepted": judged.mahalanobis <= judged.mahalanobis_95,
                "inside": judged.inside, "wide": judged.wide, "facts": [_fact_record(fact) for fact in judged.facts],
            }
        )  # fmt: skip
    return {
        "simulated": True,
        "histories": acceptance.histories,
        "windows": windows,
        "by_rank": {
            name: [
                {"bucket": str(bucket)} | dict(zip(map(str, table.columns), row, strict=True))
                for bucket, row in zip(table.index, table.to_numpy(dtype=float).tolist(), strict=True)
            ]
            for name, table in tables.items()
        },
        "smiles": smiles and {
            **picked(smiles.chain, "source", "as_of"),
            "expirations": [picked(smile, "expiration", "dte", "model_free", "rms") for smile in smiles.smiles],
        },
        "notes": list(acceptance.notes),
    }  # fmt: skip


def acceptance_csv(acceptance: Acceptance) -> str:
    """One row a window and fact."""
    rows = [
        {"simulated": True, "window": window.name, "first": window.first, "last": window.last} | _fact_record(fact)
        for window in acceptance.windows
        for fact in window.judgement.facts
    ]
    return rows_as_csv(rows)


def _fact_record(fact: FactFit) -> Record:
    return asdict(fact) | {"inside": fact.inside}


def _joint(rows: Sequence[Mapping[str, Any]], columns: int | None) -> Table:
    head = "joint distance, real market"
    is_wide = (columns or width()) >= WIDE
    names = (head, "sessions", "distance", "95%", "", "in band", *(["wide"] if is_wide else []))
    table = plain_table(*names, left=(head, ""))
    for row in rows:
        verdict = "inside" if row["distance"] <= row["distance_95"] else "OUTSIDE"
        table.add_row(
            row["window"], str(row["sessions"]), f"{row['distance']:.2f}", f"{row['distance_95']:.2f}",
            f"{verdict}, {percent(row['share_beyond'], 1)} beyond", f"{row['inside']}/{row['facts']}",
            *([str(row.get("wide", 0))] if is_wide else []),
        )  # fmt: skip
    return table


def _facts(rows: Sequence[Record], columns: int | None) -> Table:
    if (columns or width()) < WIDE:  # without the bootstrap
        cells = (
            (row["name"], _figure(row["real"]), _band(row), f"{row['distance']:+.1f}", "" if row["inside"] else "OUT")
            for row in rows
        )
        return plain_table("fact", "real", "simulated 5-95%", "dist.", "", left=("fact", ""), rows=cells)
    table = plain_table("fact", "real", "bootstrap", "simulated 5-95%", "distance", "", "band", left=("fact", ""))
    for row in rows:
        table.add_row(
            row["name"], _figure(row["real"]), _band(row, "real_") if "real_low" in row else "-", _band(row),
            f"{row['distance']:+.1f}", "" if row["inside"] else "OUTSIDE",
            f"{row['band_ratio']:.2f}" + ("*" if row["band_ratio"] > MOST_BAND else " "),
        )  # fmt: skip
    return table


def _band(row: Record, prefix: str = "") -> str:
    return f"{_figure(row[f'{prefix}low'])} .. {_figure(row[f'{prefix}high'])}"


def _figure(value: float) -> str:
    return number(value, 1 if abs(value) >= 10.0 else 2 if abs(value) >= 2.0 else 3)


def _legend(histories: int | None) -> tuple[str, ...]:
    count = f" over {histories} simulated histories" if histories else ""
    return (
        f"distance: real less simulated mean{count}, in simulated standard deviations",
        (
            f"bootstrap: 5-95% of the real market, stationary, blocks of {BLOCK} sessions; band: simulated over "
            f"bootstrap width, * above {MOST_BAND}"
        ),
        "no bootstrap looks beyond its sample: its intervals for IV30 min and max are too narrow",
        (
            f"joint distance: Mahalanobis', of all facts but the last {int((~JOINT).sum())}, with {RIDGE} of the "
            "bootstrap variances added, real and simulated alike"
        ),
    )


def _conditional(acceptance: Acceptance) -> Table:
    table = plain_table("rank", "", *(heading for heading, _, _ in COLUMNS.values()), left=("rank", ""))
    figures = acceptance.conditional
    tables = {"real": figures.real, "simulated": figures.simulated, "5%": figures.low, "95%": figures.high}
    for place, bucket in enumerate(figures.real.index):
        shown = f"{bucket.left:.0f} to {bucket.right:.0f}" if np.isfinite(bucket.right) else f"from {bucket.left:.0f}"
        for name, frame in tables.items():
            values = ((float(frame[item].iloc[place]), *COLUMNS[item][1:]) for item in COLUMNS)
            cells = (percent(value, digits) if share else number(value, digits) for value, digits, share in values)
            table.add_row(shown if name == "real" else "", name, *cells)
    return table
