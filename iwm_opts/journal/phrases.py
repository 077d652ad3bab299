"""How a diagnosis writes its numbers."""

from collections.abc import Callable

from iwm_opts.journal.inference import Estimate


def money(value: float) -> str:
    """Dollars to the cent."""
    return f"{'-' if round(value, 2) < 0 else ''}${abs(value):,.2f}"


def lost(cost: float) -> str:
    """Phrase a cost, or a gain."""
    return f"cost {money(cost)}" if cost > 0 else f"brought {money(-cost)}"


def share(value: float) -> str:
    """Share of the risk, signed."""
    return f"{100.0 * value:+.1f}%"


def span(estimate: Estimate, written: Callable[[float], str]) -> str:
    """Interval of an estimate."""
    return f"{written(estimate.low)} to {written(estimate.high)}"


def odds(p: float) -> str:
    """How often luck alone does as much."""
    return f"{100.0 * p:.{'0f' if p >= 0.1 else '2g'}}% of logs"
