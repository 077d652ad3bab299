"""Matrices of short delta by expiration as a table and records."""

from collections.abc import Mapping
from datetime import date

from iwm_opts.conventions import REALISED_IMPLIED_VARIANCE_SOURCE
from iwm_opts.report.console import fitted_table, render_page, width
from iwm_opts.report.records import Record, gate_record, iv_record, market_record, picked
from iwm_opts.report.screen_table import count_line, gate_lines, legend_lines, managed_figures, market_lines, strikes
from iwm_opts.report.screening import Screening
from iwm_opts.report.words import number, percent, price
from iwm_opts.spreads.screen import Sized

Cells = Mapping[tuple[date, float], Sized | None]
Reasons = Mapping[tuple[date, float], str]  # of the cells without a package
NAN = float("nan")
FIGURES = (
    "put_delta", "call_delta", "credit_mid", "credit_natural", "credit_fill", "max_loss", "expected_profit", "pop",
    "prob_target", "managed_profit",
)  # fmt: skip


def matrix_rows(result: Screening, cells: Cells, reasons: Reasons) -> list[Record]:
    """One record a cell; NaN without a package."""
    rows = []
    for (expiration, delta), sized in cells.items():
        dte = (expiration - result.snapshot.chain.as_of).days
        row: Record = {"expiration": expiration.isoformat(), "dte": dte, "short_delta": delta, "strikes": ""}
        row |= dict.fromkeys(FIGURES, NAN) | {"contracts": 0, "contracts_if_open": 0}
        if sized is not None:
            candidate, fill, allowed = sized.candidate, sized.candidate.fill, sized.size.contracts
            short = {leg.right: abs(leg.delta) for leg in candidate.legs if leg.side == "short"}
            target, _, _, profit = managed_figures(candidate.managed)
            figures = (
                short.get("P", NAN), short.get("C", NAN), fill.mid, fill.natural, fill.price, candidate.max_loss,
                candidate.expected_profit, candidate.pop, target, profit,
            )  # fmt: skip
            row |= dict(zip(FIGURES, figures, strict=True)) | {"strikes": strikes(candidate)}
            row |= {"contracts": allowed if result.gate.is_open else 0, "contracts_if_open": allowed}
        rows.append(row | {"reason": reasons.get((expiration, delta), "")})
    return rows


def matrix_record(result: Screening, cells: Cells, reasons: Reasons) -> Record:
    """Everything of a matrix."""
    return {
        "market": market_record(result.snapshot),
        "iv": iv_record(result.rank),
        "gate": gate_record(result.gate),
        "cells": matrix_rows(result, cells, reasons),
        "screened": picked(result.screened, "considered", "rejected"),
        "measure": {
            "variance_ratio": result.variance_ratio,
            "source": REALISED_IMPLIED_VARIANCE_SOURCE if result.is_default_measure else "given",
        },
        "warnings": list(result.warnings),
    }


def matrix_table(
    result: Screening, cells: Cells, reasons: Reasons, verbose: bool = False, columns: int | None = None
) -> str:
    """One row a cell, by expiration."""
    rows: list[dict[str, str]] = []
    before: date | None = None
    for (expiration, _), row in zip(cells, matrix_rows(result, cells, reasons), strict=True):
        if before not in (None, expiration):
            rows.append({})
        first = f"{expiration:%d%b} {row['dte']}d" if expiration != before else ""
        before = expiration
        rows.append(
            {
                "expiration": first,
                "delta": f"{row['short_delta']:.2f}",
                "strikes": row["strikes"] or "no package",
                "mid": price(row["credit_mid"]),
                "fill": price(row["credit_fill"]),
                "loss $": number(row["max_loss"], 0),
                "E[P]": number(row["expected_profit"], 0),
                "POP": percent(row["pop"]),
                "P50": percent(row["prob_target"]),
                "E[M]": number(row["managed_profit"], 0),
                "lots": str(row["contracts"]) if result.gate.is_open else f"0 ({row['contracts_if_open']})",
            }
        )
    deltas: dict[tuple[date, str], list[str]] = {}
    for (expiration, delta), reason in reasons.items():
        deltas.setdefault((expiration, reason), []).append(f"{delta:.2f}")
    missing = (f"no package {day:%d%b} at {', '.join(at)}: {reason}" for (day, reason), at in deltas.items())
    parts = [
        *(*market_lines(result.snapshot), *gate_lines(result), ""),
        fitted_table(rows, columns or width(), ("expiration", "strikes"), (("E[P]",), ("POP",))),
        *("", *missing, count_line(result.screened)),
        "delta: |delta| of the short strikes, to the nearest listed",
        *([] if result.gate.is_open else ["lots: 0 while the gate is closed, in brackets behind an open one"]),
        *legend_lines(result, verbose),
    ]
    return render_page(result.snapshot.chain.label, parts, result.warnings, columns)
