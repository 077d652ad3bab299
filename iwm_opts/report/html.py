"""HTML of a result in a notebook: provenance and gate above a table."""

import html
from collections.abc import Sequence

import pandas as pd

from iwm_opts.conventions import counted

MAX_ROWS = 30  # of a table in a notebook
DIGITS = 4


def notebook_table(title: str, lines: Sequence[str], frame: pd.DataFrame, label: str = "") -> str:
    """Title, lines of provenance and at most `MAX_ROWS` rows; the label of data that are not recorded in red on top."""
    parts = [f'<p style="color:#b00;font-weight:bold">{html.escape(label)}</p>'] if label else []
    parts.append(f"<p><b>{html.escape(title)}</b>{''.join(f'<br>{html.escape(line)}' for line in lines)}</p>")
    parts.append(html_table(frame.head(MAX_ROWS)))
    if len(frame) > MAX_ROWS:
        parts.append(f"<p>{counted(len(frame) - MAX_ROWS, 'more rows')}: to_frame()</p>")
    return "".join(parts)


def html_table(frame: pd.DataFrame) -> str:
    """Table; days without their time of day, floats with `DIGITS` significant digits after the point."""
    shown = frame.copy()
    for name in shown.select_dtypes("datetime").columns:
        shown[name] = shown[name].dt.strftime("%Y-%m-%d")
    return shown.to_html(border=0, na_rep="-", float_format=lambda value: f"{value:,.{DIGITS}g}")
