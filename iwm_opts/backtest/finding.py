"""What evidence says, in plain sentences: "no evidence" is one of them."""

from typing import TYPE_CHECKING, Final

import numpy as np

from iwm_opts.backtest.baselines import is_gated
from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.backtest.breakeven import BreakevenPremium, BreakevenSlippage

if TYPE_CHECKING:
    from iwm_opts.backtest.evidence import Arm, Difference, Evidence

CAVEATS: Final = {
    "simulated": "All of it on a simulated market: it echoes the premium that the simulation puts into prices.",
    "modelled": "Prices and volatility index are real, the options' quotes are a model's: nobody ever traded at them.",
    "recorded": "Quotes are recorded ones; that they would have been filled at is assumed.",
}
FEW_TRADES: Final = 10.0  # that share no day: below, no interval is worth its name


def sentences(found: "Evidence") -> list[str]:
    """Each part of the finding, those that have something to say."""
    own = found.strategy
    if own.trades < 2:
        return [f"No evidence: {'no trade' if not own.trades else 'one trade'} passed the gate."]
    told = [_gain_sentence(own), _gate_sentence(found), _chance_sentence(found.differences[-1])]
    told += [_slippage_sentence(found.slippage)]
    if found.premium is not None:
        told.append(_premium_sentence(found.premium))
    told.append(CAVEATS[own.results.kind])
    return [one for one in told if one]


def _chance_sentence(one: "Difference") -> str:
    if not np.isfinite(one.p_value):
        return ""
    return f"Of {one.per_trade.resampled}, open as often in spells as long, {one.p_value:.0%} did as well by the trade."


def _gain_sentence(own: "Arm") -> str:
    one = own.per_trade
    size = f"{own.trades} trades worth about {own.independent:.0f} that share no day"
    amount = f"{_signed(one.estimate, '+')} a package after costs"
    if not one.is_known or own.independent < FEW_TRADES:
        return f"The rules gained {amount} over {size}: too few to tell from chance."
    if one.excludes_zero:
        verb = "gained money" if one.estimate > 0 else "lost money"
        return f"The rules {verb}: {amount} ({_within(one)}), over {size}."
    return f"No evidence that the rules gain or lose: {amount} ({_within(one)}), over {size}."


def _gate_sentence(found: "Evidence") -> str:
    """The gate against the same rules without it; what trades and what days of risk say must agree."""
    if not is_gated(found.rules.gate):
        return "There is no gate to judge."
    one = found.differences[0]
    amount = (
        f"{_signed(one.per_trade.estimate, '+')} a package against the same rules without it ({_within(one.per_trade)})"
    )
    few = found.strategy.independent < FEW_TRADES or not one.per_trade.is_known
    if few:
        return f"No evidence on the gate: {amount}, from too few trades."
    if one.per_trade.excludes_zero and one.per_trade.estimate * one.on_risk.estimate > 0.0:
        word = "for" if one.per_trade.estimate > 0 else "against"
        return f"Evidence {word} the gate: {amount}."
    if one.per_trade.excludes_zero:
        return f"Mixed evidence on the gate: {amount}, but the other way by day of risk."
    return f"No evidence that the gate helps: {amount}."


def _within(one: Interval) -> str:
    return f"{one.level:.0%} interval {_signed(one.low)} to {_signed(one.high)}"


def _signed(value: float, plus: str = "") -> str:
    return f"{'-' if value < 0 else plus}${abs(value):,.2f}"


def _slippage_sentence(one: BreakevenSlippage) -> str:
    if one.reason:
        return f"Break-even slippage: none, {one.reason} ({_signed(one.at_mid, '+')} a package at mid)."
    return (
        f"Nothing is left once fills are {one.share:.2f} half-spreads from mid both ways "
        f"(${one.round_trip:,.2f} a package in and out; these rules pay ${one.paid:,.2f})."
    )


def _premium_sentence(one: BreakevenPremium) -> str:
    if one.reason:
        return f"Break-even variance premium: none, {one.reason}."
    return (
        f"Nothing is left at {one.scale:.2f} of the simulated variance premium (standard error "
        f"{one.standard_error:.2f}), where 30-day implied variance is {one.breakeven_priced_over_realised:.2f} times "
        f"what these paths realised, in place of {one.priced_over_realised:.2f}."
    )
