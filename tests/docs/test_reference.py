"""The reference names every public object, the pages on extending name files that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_api_reference_has_every_public_name():
    exported = re.findall(
        r"^from ([\w.]+) import (\w+) as", (ROOT / "iwm_opts" / "__init__.pyi").read_text(), re.MULTILINE
    )
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^::: ([\w.]+)$", page, re.MULTILINE))
    assert len(exported) > 50
    assert {f"{module}.{name}" for module, name in exported} - described == set()


def test_files_that_an_addition_touches_exist():
    page = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
    files = re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?)`", page.partition("## From another package")[0])
    assert len(files) > 10
    roots = (ROOT, ROOT / "iwm_opts")
    assert [file for file in files if not any((root / file).exists() for root in roots)] == []
    assert page.count("\n### ") == page.partition("### ")[0].count("](#")
