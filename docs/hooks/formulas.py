"""mkdocs hook: write formulas as MathML at build time, so that pages need no script and no network."""

import html
import re

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

# As pandoc reads dollars: none is followed by a space within, none that closes comes before a digit, as amounts do.
INLINE = re.compile(r"(?<![\\$\w])\$(?![\s$])([^$`\n]+?)(?<![\s\\])\$(?![$\d])")
WRITTEN = re.compile(r'<(span|div) class="arithmatex">\s*\\([(\[])(.*?)\\[)\]]\s*</\1>', re.DOTALL)
PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3}")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Mark inline formulas; docstrings keep their dollars."""
    return INLINE.sub(r"\\(\1\\)", markdown)


def on_page_content(content: str, page: Page, **_: object) -> str:
    """Replace formulas by MathML."""

    def element(match: re.Match[str]) -> str:
        tex = html.unescape(match[3]).strip()
        if PROSE.search(re.sub(r"\\(text|operatorname|begin|end)\{[^}]*\}", "", tex)):
            raise PluginError(f"{page.file.src_uri}: formula {tex!r}: words within. Write \\text{{...}}.")
        return convert(tex, display="inline" if match[2] == "(" else "block")

    return WRITTEN.sub(element, content)
