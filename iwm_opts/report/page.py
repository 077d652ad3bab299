"""A page of sections that is written once and read as Markdown or HTML."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import iwm_opts
from iwm_opts.errors import printable

# Long lines wrap, also on paper, which does not scroll; on a telephone each row of a table is a card of its own.
STYLE = (
    ":root{color-scheme:light}*{box-sizing:border-box}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222;"
    "background:#fff;overflow-wrap:anywhere}"
    "h1{font-size:1.7rem;line-height:1.25}h2{font-size:1.25rem;margin-top:2rem;border-bottom:2px solid #eee}"
    "table{border-collapse:collapse;margin:1rem 0;width:100%}th,td{padding:.35rem .75rem .35rem 0;"
    "border-bottom:1px solid #ddd;text-align:left;vertical-align:top;overflow-wrap:break-word}"
    "th{color:#555;font-size:.85rem}pre,code{background:#f6f6f6;font:.875rem/1.5 ui-monospace,monospace}"
    "pre{padding:1rem;white-space:pre-wrap}code{padding:.1rem .25rem}time{white-space:nowrap}"
    ".boxes{list-style:none;padding:0}"
    ".label{background:#b00;color:#fff;padding:.25rem .75rem;font-weight:bold}"
    "@media (max-width:40rem){body{margin:1rem auto}pre{padding:.5rem;font-size:.75rem}"
    "thead{display:none}tr{display:block;padding:.5rem 0;border-bottom:1px solid #ddd}"
    "td{display:flex;gap:.75rem;border:0;padding:.1rem 0}"
    "td::before{content:attr(data-head);flex:0 0 6.5rem;color:#555;font-size:.85rem}}"
    "@media print{body{margin:0;max-width:none}tr,pre{break-inside:avoid}h2{break-after:avoid}}"
)
CODE = re.compile("`([^`]+)`")
TAG = re.compile("<(?=[A-Za-z/!?])")
LINK = re.compile(r"\](?=[(\[:])")  # of links, pictures and their definitions
DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; numbered where the order counts, with boxes to tick where it is a checklist."""

    items: tuple[str, ...]
    numbered: bool = False
    is_checklist: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text whose spaces count."""

    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A plotly figure; pages without scripts show its title and caption alone."""

    title: str
    figure: Mapping[str, Any]
    caption: str = ""
    height: int = 320  # pixels
    is_wide: bool = False  # takes the whole width of the page


Block = Paragraph | Bullets | Grid | Verbatim | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its blocks."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A title, labels that must not be missed, sections, and provenance on top and bottom."""

    title: str
    labels: tuple[str, ...]
    sections: tuple[Section, ...]
    provenance: tuple[str, ...] = ()


def page_of(title: str, label: str, sections: Iterable[Section], lines: Iterable[str]) -> Page:
    """Page with the label of data that are not recorded, its provenance, and the version."""
    return Page(title, (label,) if label else (), tuple(sections), (*lines, f"iwm-opts {iwm_opts.__version__}"))


def as_markdown(page: Page) -> str:
    """Page as Markdown."""
    parts = [f"# {_escaped(page.title)}", *(f"**{_escaped(label)}**" for label in page.labels)]
    if page.provenance:
        parts.append(_markdown(Bullets(page.provenance)))
    for section in page.sections:
        parts += [f"## {_escaped(section.title)}", *(_markdown(block) for block in section.blocks)]
    return "\n\n".join(parts) + "\n"


def _markdown(block: Block) -> str:
    if isinstance(block, Paragraph):
        return _escaped(block.text)
    if isinstance(block, Bullets):
        mark = "- [ ]" if block.is_checklist else "-"
        marks = (f"{i}." if block.numbered else mark for i in range(1, len(block.items) + 1))
        return "\n".join(f"{mark} {_escaped(text)}" for mark, text in zip(marks, block.items, strict=True))
    if isinstance(block, Verbatim):
        text = printable(block.text.replace("```", "'''"), "\n")
        return f"```\n{text}\n```"
    if isinstance(block, Chart):
        return f"**{_escaped(block.title)}** {_escaped(block.caption)}".strip()
    rows: Sequence[tuple[str, ...]] = (block.head, ("---",) * len(block.head), *block.rows)
    return "\n".join("| " + " | ".join(_escaped(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)


def _escaped(text: str) -> str:
    """Text of one line without tags, links and pictures, in `code` too: a text may end a span."""
    line = printable(" ".join(text.split("\n")))
    return LINK.sub(r"]\\", TAG.sub("&lt;", line))


def as_html(page: Page) -> str:
    """Page as one HTML file that needs nothing else."""
    title = _plain(page.title)
    body = [f"<h1>{title}</h1>", *(f'<p class="label">{_plain(label)}</p>' for label in page.labels)]
    for section in page.sections:
        body += [f"<h2>{_plain(section.title)}</h2>", *(block_html(block) for block in section.blocks)]
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{view}<title>{title}</title><style>{STYLE}</style>'
    body += [f'<p class="label">{_plain(label)}</p>' for label in page.labels]
    text = "\n".join(body)
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{text}\n</body>\n</html>\n'


def block_html(block: Block) -> str:
    """One block as HTML; of a chart its title and caption."""
    if isinstance(block, Chart):
        return f"<p><b>{_plain(block.title)}</b> {_inline(block.caption)}</p>"
    if isinstance(block, Paragraph):
        return f"<p>{_inline(block.text)}</p>"
    if isinstance(block, Bullets):
        kind = "ol" if block.numbered else "ul"
        box = '<input type="checkbox"> ' if block.is_checklist else ""
        opening = '<ul class="boxes">' if block.is_checklist else f"<{kind}>"
        return opening + "".join(f"<li>{box}{_inline(text)}</li>" for text in block.items) + f"</{kind}>"
    if isinstance(block, Verbatim):
        return f"<pre>{_plain(block.text)}</pre>"
    head = "".join(f"<th>{_plain(cell)}</th>" for cell in block.head)
    cell = '<td data-head="{}"><span>{}</span></td>'
    rows = (
        "".join(cell.format(_plain(name), _inline(text)) for name, text in zip(block.head, row, strict=False))
        for row in block.rows
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _inline(text: str) -> str:
    """Text with backticks as code, and days that do not break."""
    return DAY.sub(r"<time>\g<0></time>", CODE.sub(r"<code>\1</code>", html.escape(printable(text, "\n"), quote=False)))


def _plain(text: str) -> str:
    return html.escape(printable(text, "\n"))
