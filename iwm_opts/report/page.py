"""A page of sections that is written once and read as Markdown or HTML."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .75rem;border-bottom:1px solid #ddd;"
    "text-align:left}pre{background:#f6f6f6;padding:1rem;overflow-x:auto}.label{background:#b00;color:#fff;"
    "padding:.25rem .75rem;font-weight:bold}"
)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; numbered where the order counts."""

    items: tuple[str, ...]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text whose spaces count."""

    text: str


Block = Paragraph | Bullets | Grid | Verbatim


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A title, labels that must not be missed, and sections."""

    title: str
    labels: tuple[str, ...]
    sections: tuple[Section, ...]


def as_markdown(page: Page) -> str:
    """The page as Markdown."""
    parts = [f"# {page.title}", *(f"**{label}**" for label in page.labels)]
    for section in page.sections:
        parts += [f"## {section.title}", *(_markdown(block) for block in section.blocks)]
    return "\n\n".join(parts) + "\n"


def _markdown(block: Block) -> str:
    if isinstance(block, Paragraph):
        return block.text
    if isinstance(block, Bullets):
        return "\n".join(f"{f'{i}.' if block.numbered else '-'} {text}" for i, text in enumerate(block.items, 1))
    if isinstance(block, Verbatim):
        return f"```\n{block.text}\n```"
    rows: Sequence[tuple[str, ...]] = (block.head, ("---",) * len(block.head), *block.rows)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def as_html(page: Page) -> str:
    """The page as one HTML file that needs nothing else."""
    title = html.escape(page.title)
    body = [f"<h1>{title}</h1>", *(f'<p class="label">{html.escape(label)}</p>' for label in page.labels)]
    for section in page.sections:
        body += [f"<h2>{html.escape(section.title)}</h2>", *(_html(block) for block in section.blocks)]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    text = "\n".join(body)
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{text}\n</body>\n</html>\n'


def _html(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, Bullets):
        kind = "ol" if block.numbered else "ul"
        return f"<{kind}>" + "".join(f"<li>{html.escape(text)}</li>" for text in block.items) + f"</{kind}>"
    if isinstance(block, Verbatim):
        return f"<pre>{html.escape(block.text)}</pre>"
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in block.head)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
