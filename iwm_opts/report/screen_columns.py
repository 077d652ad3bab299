"""Columns of a screen's DataFrame and CSV: unit and meaning."""

from collections.abc import Mapping
from typing import Final

COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "strategy": ("", "kind of package"),
    "expiration": ("date", ""),
    "dte": ("days", "calendar days to expiration"),
    "strikes": ("", "puts and calls, ascending"),
    "years": ("years", "to expiry, ACT/365"),
    "forward": ("$", "of the underlying at expiry"),
    "discount": ("0 to 1", "present value of 1 at expiry"),
    "atm_vol": ("decimal a year", "implied vol at the forward"),
    "credit_mid": ("$/share", "at mid; a debit negative, as the next two"),
    "credit_natural": ("$/share", "sold at the bids, bought at the asks"),
    "credit_fill": ("$/share", "at the fill convention"),
    "fill_model": ("", "fill convention"),
    "fill_offset": ("$/share", "mid less fill"),
    "fill_slippage": ("$ a package", "the same in dollars"),
    "fill_slippage_share_of_credit": ("fraction", "of the credit at mid"),
    "fill_breakeven_slippage": ("$/share", "offset at which expected_profit is 0"),
    "fees": ("$ a package", "to open"),
    "max_profit": ("$ a package", "at expiry, after fill and fees"),
    "max_loss": (
        "$ a package",
        "as sized: with dividends owed after early assignment, and exercise fees",
    ),
    "max_loss_expiry": ("$ a package", "without those two"),
    "max_loss_delivery": ("$ a package", "held to expiry, delivered shares opening 10% worse"),
    "breakeven_1": ("$", "lower price of the underlying at which it nets 0 at expiry; empty without one"),
    "breakeven_2": ("$", "upper one"),
    "pop": ("0 to 1", "probability of a profit at expiry under the smile"),
    "pop_real_world": ("0 to 1", "the same with the variance ratio"),
    "prob_touch": ("0 to 1", "a short strike is reached before expiry"),
    "expected_profit": ("$ a package", "held to expiry, with the variance ratio, after costs"),
    "expected_profit_rn": ("$ a package", "the same under the smile itself"),
    "return_on_risk": ("fraction", "max_profit over max_loss"),
    "managed_prob_target": ("0 to 1", "profit target first, under the exits (P50)"),
    "managed_prob_target_low": ("0 to 1", "end of its interval, as every column in _low"),
    "managed_prob_target_high": ("0 to 1", "end of its interval, as every column in _high"),
    "managed_prob_stop": ("0 to 1", "stop first"),
    "managed_days_held": ("days", "calendar days, mean"),
    "managed_expected_profit": ("$ a package", "under the exits, after costs both ways"),
    "managed_expected_profit_low": ("$ a package", ""),
    "managed_expected_profit_high": ("$ a package", ""),
    "managed_expected_profit_error": ("$ a package", "standard error of the simulation"),
    "empirical_rank": ("", "IV ranks whose past returns are read"),
    "empirical_expected_profit": ("$ a package", "held to expiry under those returns, after costs"),
    "empirical_expected_profit_low": ("$ a package", ""),
    "empirical_expected_profit_high": ("$ a package", ""),
    "empirical_put_side_at_mid": ("$ a package", "its put side alone, filled at mid"),
    "empirical_put_side_at_mid_low": ("$ a package", ""),
    "empirical_put_side_at_mid_high": ("$ a package", ""),
    "empirical_call_side_at_mid": ("$ a package", "its call side alone, filled at mid"),
    "empirical_call_side_at_mid_low": ("$ a package", ""),
    "empirical_call_side_at_mid_high": ("$ a package", ""),
    "empirical_put_side_at_mid_smile": ("$ a package", "the put side by the smile with the variance ratio"),
    "empirical_call_side_at_mid_smile": ("$ a package", "the call side by it"),
    "greeks_delta": ("a share", ""),
    "greeks_gamma": ("a share, per $", ""),
    "greeks_theta": ("$/share a calendar day", ""),
    "greeks_vega": ("$/share a vol point", ""),
    "size_contracts": ("contracts", "allowed by the account; 0 behind a closed gate"),
    "size_risk": ("$ of the position", "max_loss times contracts"),
    "size_buying_power": ("$ of the position", ""),
    "size_limited_by": ("", "binding limit"),
    "size_reason": ("", "the limit in figures"),
    "size_contracts_ungated": ("contracts", "were the gate open"),
}
"""By name: unit, empty for text, and meaning, empty where name and unit say it."""


def columns_table() -> str:
    """Every column as a Markdown table."""
    rows = [f"| `{name}` | {unit} | {meaning} |" for name, (unit, meaning) in COLUMNS.items()]
    return "\n".join(["| column | unit | meaning |", "| --- | --- | --- |", *rows])
