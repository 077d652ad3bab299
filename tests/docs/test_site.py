"""The built site: formulas are MathML, amounts in dollars stay text, nothing comes from another host."""

import logging
import re
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="needs the extra `docs`")
pytest.importorskip("latex2mathml", reason="needs the extra `docs`")
pytest.importorskip("mkdocstrings", reason="needs the extra `docs`")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # those of the builder's own packages

ROOT = Path(__file__).parents[2]
PAGES = ("smile", "fills", "expected-profit", "iv-index", "simulator", "montecarlo")
SCRIPT = re.compile(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//[^"]+"')


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    logging.getLogger("mkdocs").setLevel(logging.ERROR)
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


def test_formulas_are_rendered_without_a_script(site):
    for name in PAGES:
        page = (site / "how-it-works" / name / "index.html").read_text(encoding="utf-8")
        source = (ROOT / "docs" / "how-it-works" / f"{name}.md").read_text(encoding="utf-8")
        assert page.count('display="block"') == source.count("\n$$\n") / 2, name
        assert page.count("<math") > 0, name


def test_no_page_shows_tex_or_fetches_from_elsewhere(site):
    for path in sorted(site.rglob("*.html")):
        page = path.read_text(encoding="utf-8")
        assert not re.search(r"\\[(\[]|\\(frac|sqrt|sum|ln)\b|arithmatex", page), path
        assert SCRIPT.findall(page) == [], path


def test_amounts_in_dollars_are_no_formulas(site):
    page = (site / "how-it-works" / "managed" / "index.html").read_text(encoding="utf-8")
    assert "<math" not in page
    assert page.count("$") >= (ROOT / "docs" / "how-it-works" / "managed.md").read_text(encoding="utf-8").count("$")
