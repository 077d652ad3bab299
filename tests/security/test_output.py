"""Text of files is shown as text: in terminals, Markdown, HTML, pictures and spreadsheets."""

import csv
import io
import re
from dataclasses import replace

import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.spreadsheet_text import guarded, unguarded
from iwm_opts.journal.readers import read_log
from iwm_opts.journal.trade_log import as_csv, log_of_rows, write_log
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.html import notebook_table
from iwm_opts.report.page import Bullets, Chart, Grid, Page, Paragraph, Section, Verbatim, as_html, as_markdown
from iwm_opts.report.picture import picture_bytes
from iwm_opts.report.review_table import log_table
from iwm_opts.report.sheet import sheet_html

MARKUP = '<script>alert("x")</script><img src=x onerror=y> [click](javascript:z) ![p](http://h/p) [bold red]b[/]'
CONTROLS = "\x1b[31mred\x1b]0;title\x07\x00\r\b\u202e\u200b"


def page(text: str) -> Page:
    chart = Chart(text, {"data": [{"name": text}], "layout": {"title": {"text": text}}}, text)
    blocks = (Paragraph(text), Bullets((text,)), Grid((text,), ((text,),)), Verbatim(f"{text}\n```\n{text}"), chart)
    return Page(text, (text,), (Section(text, blocks),), (text,))


def test_html_holds_no_tag_of_a_text():
    text = as_html(page(MARKUP))
    assert "<script" not in text
    assert "<img" not in text
    assert 'onerror="' not in text
    assert text.count("&lt;script&gt;") >= 7  # title twice, label, heading, paragraph, bullet, grid, verbatim


LINK = '<a href="http://h">l</a></script>'


@pytest.mark.parametrize("text", [MARKUP, LINK, CONTROLS])
def test_a_tear_sheet_holds_no_tag_link_or_control_of_a_text(text):
    pytest.importorskip("plotly")
    pytest.importorskip("jinja2")
    sheet, plain = sheet_html(page(text)), sheet_html(page("plain"))
    for tag in ("<script", "</script", "<img", "<a "):
        assert sheet.count(tag) == plain.count(tag)
    assert "\\u003ca href" not in sheet
    # Line feeds but those of the sheet itself and of plotly's script: none of a text.
    assert {mark for mark in sheet if not mark.isprintable()} <= {mark for mark in plain if not mark.isprintable()}


def test_markdown_holds_no_html_and_no_link_of_a_text():
    text = as_markdown(page(MARKUP))
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert "<script" not in outside
    assert "](" not in outside
    assert text.count("```") == 2 * 1  # the text cannot end its own block


def test_notebook_tables_escape_cells_and_names():
    text = notebook_table(MARKUP, [MARKUP], pd.DataFrame({MARKUP: [MARKUP]}), MARKUP)
    assert "<script" not in text
    assert "<img" not in text


def test_rich_markup_of_a_text_is_text():
    table = plain_table("name", left=("name",))
    table.add_row("[bold red]x[/] [link=http://h]y[/link]")
    text = render([table, "[red]z[/red]"], 100)
    assert "[bold red]x[/] [link=http://h]y[/link]" in text
    assert "[red]z[/red]" in text


def test_control_characters_are_shown_not_sent():
    table = plain_table("name", left=("name",))
    table.add_row(CONTROLS)
    text = render([table, CONTROLS], 200)
    assert all(mark.isprintable() for mark in text.replace("\n", ""))
    assert "\\x1b[31mred" in text
    message = str(DataError(CONTROLS, CONTROLS, CONTROLS))
    assert message.isprintable()


def test_dollar_signs_of_a_name_are_no_formula():
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().set_title(r"$\frac{ $ \undefined_{ <x>")
    svg = picture_bytes(figure, "svg")
    assert b"<x>" not in svg


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1P195", "-1P200", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠x", '=cmd|" /C calc"!A0']
)
def test_cells_like_formulas_are_text(cell, monkeypatch):
    assert guarded(cell) == f"'{cell}"
    assert unguarded(guarded(cell)) == cell
    monkeypatch.setenv("IWM_OPTS_RAW_CSV", "1")
    assert guarded(cell) == cell


@pytest.mark.parametrize("cell", ["-1.5", "+2", "-1e-5", "IWM", "'tis", "", 3.5, None])
def test_numbers_and_words_stay(cell):
    assert guarded(cell) == cell


def test_a_log_is_written_as_text_and_read_back_the_same(tmp_path):
    row = {"entry": "2026-03-02", "contracts": 1, "credit": 1.2, "debit": 0.6, "exit": "2026-03-09",
           "legs": "+1P195 -1P200", "reason": "=cmd()", "plan": "@plan", "symbol": "IWM"}  # fmt: skip
    log = log_of_rows([row], "made")
    cells = list(csv.reader(io.StringIO(as_csv(log))))[1]
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+")) or re.match(r"-\d+P", cell)]
    write_log(log, tmp_path / "log.csv")
    again = read_log(tmp_path / "log.csv")
    for name in ("legs", "reason", "plan"):
        assert again.trades[name].tolist() == log.trades[name].tolist()


@pytest.mark.parametrize("name", ["plan", "symbol", "strategy", "legs", "reason", "market", "trade"])
def test_markup_in_a_log_is_text_on_its_page(name):
    row = {"entry": "2026-03-02", "contracts": 1, "credit": 1.2, name: CONTROLS + MARKUP}
    log = replace(log_of_rows([row], "made"), source=CONTROLS + MARKUP)
    text = log_table(log, 400)
    assert all(mark.isprintable() for mark in text.replace("\n", ""))
