"""A backtest as one self-contained HTML page: costs, equity, figures and trades."""

import html
import math
from dataclasses import asdict

import pandas as pd

from iwm_opts.backtest.metrics import measure
from iwm_opts.backtest.periods import by_calendar
from iwm_opts.backtest.result import CASCADE
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.market.chain import LABELS
from iwm_opts.report.backtest_plot import equity_picture
from iwm_opts.report.html import html_table
from iwm_opts.report.page import STYLE


def backtest_page(result: PooledResult) -> str:
    """Page; it reads nothing from the network.

    Parameters
    ----------
    result : PooledResult

    Returns
    -------
    str
        HTML: label and provenance on top and bottom, cost cascade, equity and drawdown, figures, years, trades, notes.
    """
    trades, equity, account = result.trades, result.equity, result.account
    label = LABELS.get(result.kind, "")
    banner = f'<p class="label">{html.escape(label)}</p>' if label else ""
    days = equity.index
    head = f"{result.name}, {days[0].date()} to {days[-1].date()}, {result.results[0].label}"
    figures = pd.DataFrame(_figures(asdict(measure(trades, equity, account))), columns=["figure", "value"])
    costs = trades[list(CASCADE)].sum().rename("dollars, all trades").to_frame()
    svg = equity_picture([(result.results[0].label, result)], "svg").decode()
    sections = {
        "Costs": html_table(costs),
        "Equity and drawdown": svg[svg.index("<svg") :],
        "Figures": figures.to_html(index=False, border=0),
        "By year": html_table(by_calendar(trades, equity, account)),
        "Trades": html_table(trades),
        "Notes": "<ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in result.notes) + "</ul>",
    }
    title = html.escape(f"Backtest: {result.name}")
    body = "\n".join(f"<h2>{name}</h2>\n{content}" for name, content in sections.items())
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}svg{{max-width:100%;height:auto}}</style></head>\n<body>\n<h1>{title}</h1>\n{banner}"
        f"<p>{html.escape(head)}</p>\n{body}\n{banner}</body>\n</html>\n"
    )


def _figures(metrics: dict[str, object]) -> list[tuple[str, str]]:
    rows = []
    for name, value in metrics.items():
        if isinstance(value, dict):
            rows += _figures({f"{name}_{inner}": each for inner, each in value.items()})
        elif isinstance(value, float):
            rows.append((name, "-" if math.isnan(value) else f"{value:,.4g}"))
        else:
            rows.append((name, str(value)))
    return rows
