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
    assert '<td data-head="x"><span>1|2</span></td><td data-head="y"><span>&lt;3</span></td>' in text
    assert "<pre>  kept &lt;as&gt; is</pre>" in text


def test_html_fits_a_narrow_screen_and_paper():
    text = as_html(Page("A", (), (Section("B", (Paragraph("run `iwm-opts plan <x>` on 2026-05-04"),)),)))
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "<p>run <code>iwm-opts plan &lt;x&gt;</code> on <time>2026-05-04</time></p>" in text
    assert "white-space:pre-wrap" in text
