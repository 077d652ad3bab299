"""A size for people to read."""

from rich.text import Text

from iwm_opts.conventions import counted
from iwm_opts.report.console import render
from iwm_opts.report.words import dollars, percent
from iwm_opts.risk.sizing import Size


def size_table(size: Size, unit: str, account: float, risk_share: float, columns: int | None = None) -> str:
    """Size, risk, buying power and the binding limit as text."""
    lines = [
        Text.assemble(
            (counted(size.contracts, unit), "bold"), f"  limited by {size.limited_by.replace('_', ' ')}: {size.reason}"
        ),
        Text(
            f"risk {dollars(size.risk, 2)} of an account of {dollars(account)} ({percent(risk_share, 2)} allowed), "
            f"buying power {dollars(size.buying_power, 2)}"
        ),
    ]
    if size.warning:
        lines.append(Text(f"note: {size.warning}", style="yellow"))
    return render(lines, columns)
