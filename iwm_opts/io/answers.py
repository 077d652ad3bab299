"""Vendors' answers that hold no data: errors, refusals, and no rows for what was asked."""

from collections.abc import Iterator
from typing import Any, Final

LONGEST: Final = 500  # characters of an answer in a message
REMEDY: Final = "ask the vendor again, with a valid key, symbol and day"
# Names that lead to what a vendor says, the most particular first; each is said by that vendor alone.
SAID_BY: Final = (
    ("ThetaData", "header.error_type"), ("ThetaData", "header.error_msg"),
    ("Yahoo", "chart.error"), ("Yahoo", "optionChain.error"), ("Yahoo", "quoteSummary.error"),
    ("Yahoo", "finance.error"), ("Tradier", "fault"), ("Tradier", "errors.error"),
    ("Alpha Vantage", "Error Message"), ("Alpha Vantage", "Note"), ("Alpha Vantage", "Information"),
    ("Nasdaq", "status.bCodeMessage"), ("MarketData", "errmsg"), ("FRED", "error_message"),
    ("Databento", "detail.case"), ("Databento", "detail.message"),
)  # fmt: skip
# Names of several vendors, with another name that tells whose answer it is.
SAID_BY_SEVERAL: Final = (
    ("Polygon or Massive", "request_id"), ("Schwab", "symbol"), ("Alpha Vantage", "endpoint"), ("MarketData", "s"),
)  # fmt: skip
SEVERAL: Final = ("error", "errors", "errorMessage", "error_description", "message", "detail")
STATES: Final = ("status", "s")  # say that there is an error, or no data
WORSE: Final = ("error", "failed", "not_authorized", "no_data", "not_found", "unauthorized")
NOTHING: Final = ("", "null", "none", "success", "ok")
# Commands of this package by names that their JSON has together.
OWN_RESULTS: Final = (
    ("review", ("findings", "losers", "months")),
    ("review", ("open_trades", "opening_balances")),
    ("review --reprice", ("stop_fill", "breakeven_half_spreads", "trades")),
    ("review --calibration", ("reliability", "forecasts")),
    ("paper", ("outcome", "refusal", "trades", "messages")),
    ("backtest", ("metrics", "cascade", "trades")),
    ("sweep", ("grid", "verdict", "snooping")),
    ("walk-forward", ("schedule", "hindsight_variant")),
    ("evidence", ("arms", "differences", "finding")),
    ("montecarlo", ("record", "sizes", "kelly")),
    ("condor, vertical or single", ("market", "gate", "candidates", "screened")),
    ("condor --matrix", ("market", "gate", "cells", "screened")),
    ("whatif", ("market", "scenarios", "credit_fill")),
    ("manage", ("positions", "portfolio", "stale")),
    ("ticket", ("orders", "ladder", "stop_price")),
    ("ivr", ("iv", "gate", "open_gate_by_weekday")),
    ("snapshot", ("market", "chain_iv", "quality")),
    ("fills", ("fees", "fills", "warnings")),
    ("plan", ("decision", "enters", "checklist")),
    ("claims", ("simulated", "claims", "notes")),
)


def refusal(document: Any) -> str:
    """Text that a vendor answers in place of data; empty where there is none."""
    if isinstance(document, list) and len(document) == 1:
        return refusal(document[0])
    if not isinstance(document, dict):
        return ""
    particular = [(vendor, _said(value_at(document, path))) for vendor, path in SAID_BY]
    vendor = next((vendor for vendor, text in particular if text), "")
    texts = [text for name, text in particular if text and name == vendor]
    if not texts:
        vendor = next((vendor for vendor, name in SAID_BY_SEVERAL if name in document), "")
        states = [str(document[name]) for name in STATES if str(document.get(name, "")).lower() in WORSE]
        texts = [*states, *filter(None, (_said(document.get(name)) for name in SEVERAL))]
    text = ": ".join(dict.fromkeys(texts))
    return f"{vendor or 'it'} says: {text}"[:LONGEST] if text else ""


def own_result(document: Any) -> str:
    """Command of this package that wrote a document; empty for another's."""
    if not isinstance(document, dict):
        return ""
    return next((command for command, names in OWN_RESULTS if set(names) <= set(document)), "")


def value_at(document: Any, path: str) -> Any:
    """Value at a path of names, `links.next`; None without."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _said(value: Any) -> str:
    """Texts of a value, joined; empty where they say nothing."""
    texts = [text for text in _leaves(value) if text.lower() not in NOTHING]
    return ", ".join(texts)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value[:10]:
            yield from _leaves(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value).strip()
