from iwm_opts.report.page import Bullets, Grid, Page, Paragraph, Section, Verbatim, as_html, as_markdown

PAGE = Page(
    "A < B",
    ("SIMULATED",),
    (
        Section("One", (Paragraph("text & more"), Bullets(("a", "b"), numbered=True))),
        Section("Two", (Grid(("x", "y"), (("1|2", "<3"),)), Verbatim("  kept <as> is"))),
    ),
)


def test_markdown():
    assert as_markdown(PAGE) == (
        "# A < B\n\n**SIMULATED**\n\n## One\n\ntext & more\n\n1. a\n2. b\n\n## Two\n\n"
        "| x | y |\n| --- | --- |\n| 1\\|2 | <3 |\n\n```\n  kept <as> is\n```\n"
    )


def test_html_escapes_and_keeps_the_label():
    text = as_html(PAGE)
    assert "<title>A &lt; B</title>" in text
    assert '<p class="label">SIMULATED</p>' in text
    assert "<ol><li>a</li><li>b</li></ol>" in text
    assert "<td>1|2</td><td>&lt;3</td>" in text
    assert "<pre>  kept &lt;as&gt; is</pre>" in text
