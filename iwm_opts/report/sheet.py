"""Tear sheets: a page of charts and tables as one HTML file that reads nothing from the network."""

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iwm_opts.errors import InputError, printable
from iwm_opts.report.page import STYLE, Block, Chart, Grid, Page, block_html
from iwm_opts.report.records import finite

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE: Final = "sheet.html.jinja"
MOST_NARROW: Final = 2  # columns of a table next to another
LINK: Final = re.compile(r"<(?=\s*/?\s*a\b)", re.IGNORECASE)  # plotly shows such text as a link
SHEET_STYLE: Final = STYLE + (
    "body{max-width:84rem}h3{font-size:1rem;margin:.5rem 0 0}"
    ".provenance{color:#555;font-size:.875rem;padding-left:1rem}"
    ".blocks{display:grid;gap:1rem 2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr))}"
    ".blocks>*{min-width:0;margin:0}.wide{grid-column:1/-1}figcaption{color:#555;font-size:.875rem}"
    "td{font-variant-numeric:tabular-nums}footer{margin-top:2rem;border-top:2px solid #eee}"
    "@media (max-width:40rem){.narrow tr{display:table-row}.narrow td{display:table-cell;padding:.2rem .5rem .2rem 0;"
    "border-bottom:1px solid #ddd}.narrow td::before{content:none}}"
    "@media print{@page{size:A4;margin:14mm}body{font-size:11px;padding:0}figure{break-inside:avoid}"
    ".blocks{display:block}.label{-webkit-print-color-adjust:exact;print-color-adjust:exact}}"
)


def sheet_html(page: Page) -> str:
    """Page of charts as one HTML file: plotly.js inside, once, text escaped, and every request forbidden by its policy.

    Raises
    ------
    InputError
        When the extra `report` is not installed.
    """
    return _environment().get_template(TEMPLATE).render(page=page)


def _missing(package: str) -> InputError:
    return InputError(
        "output", "html", f"a page of charts needs {package}", "run `pip install 'iwm-opts[report]'`, or write .md"
    )


@cache
def _environment() -> "Environment":
    try:
        from jinja2 import Environment, FileSystemLoader
        from markupsafe import Markup
    except ImportError:
        raise _missing("jinja2") from None
    try:
        from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]
    except ImportError:
        raise _missing("plotly") from None

    def figure(value: dict[str, Any]) -> Markup:
        # Inside a script element only "</" and "<!--" end the text: no "<" is left.
        text = json.dumps(_visible(finite(value)), allow_nan=False)
        return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))  # nosec B704

    # Markup is made of escaped text and of constants: tests/security/test_output.py attacks it.
    def text(block: Block) -> Markup:
        return Markup(block_html(block))  # nosec B704

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value, "\n") if type(value) is str else value,
    )
    environment.globals["style"] = Markup(SHEET_STYLE)  # nosec B704
    environment.globals["plotly"] = Markup(get_plotlyjs())  # nosec B704
    environment.filters.update(figure=figure, text=text)
    environment.tests["chart"] = lambda block: isinstance(block, Chart)
    environment.tests["narrow"] = lambda block: isinstance(block, Grid) and len(block.head) <= MOST_NARROW
    return environment


def _visible(value: Any) -> Any:
    """Figure with control characters of its texts written out, and without links."""
    if isinstance(value, str):
        return LINK.sub("&lt;", printable(value, "\n"))
    if isinstance(value, dict):
        return {key: _visible(item) for key, item in value.items()}
    return [_visible(item) for item in value] if isinstance(value, list) else value
