"""Provenance in a parameter file: fitted window, sources and goodness of fit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from iwm_opts.documents import toml_string
from iwm_opts.research.goodness_of_fit import FactFit, GoodnessOfFit
from iwm_opts.simulation.parameters import Parameters

HEADER = """\
# Parameters of the simulated market: numbers fitted by `iwm_opts.research.calibration`, no market data.
# [provenance] holds the dates and the rank of each real fact in the simulated 5 to 95% band.
"""


def with_provenance(
    parameters: Parameters,
    fitted: tuple[str, str],
    judged: Mapping[str, GoodnessOfFit],
    sources: str,
    notes: Sequence[str] = (),
) -> Parameters:
    """Parameters that carry their own record.

    Parameters
    ----------
    fitted : (str, str)
        First and last day of the fit.
    judged : mapping of GoodnessOfFit
        By window, such as ``2009-09-16 to 2025-06-04``; the facts of the last one are kept.
    sources : str
        Sources of the fit's data.
    notes : sequence of str
        Notes for a reader, such as data inspected during the fit.
    """
    record: dict[str, Any] = {
        "fitted": list(fitted),
        "sources": sources,
        "notes": list(notes),
        "joint": [],
        "facts": [],
    }
    for window, fit in judged.items():
        record["joint"].append(
            {
                "window": window,
                "sessions": fit.sessions,
                "inside": fit.inside,
                "wide": fit.wide,
                "facts": len(fit.facts),
                "distance": round(fit.mahalanobis, 2),
                "distance_95": round(fit.mahalanobis_95, 2),
                "share_beyond": round(fit.share_beyond, 3),
            }
        )
        record["facts"] = [_fact(fact) for fact in fit.facts]
    return replace(parameters, provenance=record)


def _fact(fact: FactFit) -> dict[str, Any]:
    return {
        "name": fact.name,
        "real": round(fact.real, 4),
        "real_low": round(fact.real_low, 4),
        "real_high": round(fact.real_high, 4),
        "low": round(fact.low, 4),
        "high": round(fact.high, 4),
        "distance": round(fact.distance, 2),
        "band_ratio": round(fact.band_ratio, 2),
    }


def to_toml(parameters: Parameters) -> str:
    """Parameters as the text of a file that `parameters.load_parameters` reads."""
    tables = parameters.to_dict()
    lines = [HEADER]
    for name in ("setting", "dynamics", "premium", "smile", "spread", "bars"):
        lines += [f"[{name}]", *_entries(tables[name]), ""]
    for symbol, table in tables["companions"].items():
        lines += [f"[companions.{symbol}]", *_entries(table), ""]
    lines += ["[provenance]", *_entries(tables["provenance"])]
    return "\n".join(lines) + "\n"


def _entries(table: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in table.items()]


def _value(value: Any) -> str:
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_value(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], Mapping):
            return "[\n" + "".join(f"  {_value(item)},\n" for item in value) + "]"
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
