"""Sentences that state a finding, "no evidence" among them."""

from typing import Final

import numpy as np

from iwm_opts.backtest.baselines import is_gated
from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.backtest.evidence import Arm, Evidence

CAVEATS: Final = {
    "simulated": "SIMULATED DATA: the result reflects the variance premium in the simulator's prices.",
    "modelled": "Prices and volatility index are real, the options' quotes are modelled, not traded.",
    "recorded": "Quotes are recorded; fills at them are assumed.",
}
FEW_TRADES: Final = 10.0  # that share no day: below, intervals are unreliable


def finding(evidence: Evidence) -> str:
    """Sentences of the finding."""
    return " ".join(sentences(evidence))


def sentences(evidence: Evidence) -> list[str]:
    """Sentences of the finding that apply."""
    gated = evidence.strategy
    if gated.trades < 2:
        return [f"No evidence: {'no trade' if not gated.trades else 'one trade'} passed the gate."]
    lines = [_gain_sentence(gated), _gate_sentence(evidence)]
    by_chance = evidence.differences[-1]
    if np.isfinite(by_chance.p_value):
        gates = f"{by_chance.per_trade.resampled}, open as often in spells as long"
        lines.append(f"Of {gates}, {by_chance.p_value:.0%} did as well by the trade.")
    slippage, premium = evidence.slippage, evidence.premium
    lines.append(
        f"Break-even slippage: none, {slippage.reason} ({_signed(slippage.at_mid, '+')} a package at mid)."
        if slippage.reason
        else f"Break-even slippage: {slippage.share:.2f} half-spreads each way "
        f"(${slippage.round_trip:,.2f} a package, round trip; these rules pay ${slippage.paid:,.2f})."
    )
    if premium is not None:
        lines.append(
            f"Break-even variance premium: none, {premium.reason}."
            if premium.reason
            else f"Break-even variance premium: {premium.scale:.2f} of the simulated one (standard error "
            f"{premium.standard_error:.2f}): 30-day implied variance is {premium.breakeven_priced_over_realised:.2f} "
            f"times the paths' realised variance, against {premium.priced_over_realised:.2f} as simulated."
        )
    lines.append(CAVEATS[gated.results.kind])
    return lines


def _gain_sentence(gated: Arm) -> str:
    gain = gated.per_trade
    size = f"{gated.trades} trades worth about {gated.independent:.0f} that share no day"
    amount = f"{_signed(gain.estimate, '+')} a package after costs"
    if not gain.is_known or gated.independent < FEW_TRADES:
        return f"The rules gained {amount} over {size}: too few trades."
    if gain.excludes_zero:
        verb = "gained money" if gain.estimate > 0 else "lost money"
        return f"The rules {verb}: {amount} ({_within(gain)}), over {size}."
    return f"No evidence that the rules gain or lose: {amount} ({_within(gain)}), over {size}."


def _gate_sentence(evidence: Evidence) -> str:
    """Gate against the same rules without it; trades and days of risk must agree."""
    if not is_gated(evidence.rules.gate):
        return "The rules have no gate."
    difference = evidence.differences[0]
    gain = difference.per_trade
    amount = f"{_signed(gain.estimate, '+')} a package against the same rules without it ({_within(gain)})"
    few = evidence.strategy.independent < FEW_TRADES or not gain.is_known
    if few:
        return f"No evidence on the gate: {amount}, from too few trades."
    if gain.excludes_zero and gain.estimate * difference.on_risk.estimate > 0.0:
        word = "for" if gain.estimate > 0 else "against"
        return f"Evidence {word} the gate: {amount}."
    if gain.excludes_zero:
        return f"Mixed evidence on the gate: {amount}, but the other way by day of risk."
    return f"No evidence that the gate helps: {amount}."


def _within(interval: Interval) -> str:
    return f"{interval.level:.0%} interval {_signed(interval.low)} to {_signed(interval.high)}"


def _signed(value: float, plus: str = "") -> str:
    return f"{'-' if value < 0 else plus}${abs(value):,.2f}"
