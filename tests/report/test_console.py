import io
import sys

from rich.text import Text

from iwm_opts.report.console import fitted_table, natural_width, render


def test_a_line_to_paste_is_whole_on_a_narrow_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    line = "BUY +1 IRON CONDOR IWM 100 (Weeklys) 31 JUL 26 290/295/240/235 CALL/PUT @0.56 LMT GTC"
    assert render([Text(line, no_wrap=True)]).splitlines() == [line]
    assert len(render([Text(line)]).splitlines()) == 2


def test_a_table_leaves_out_optional_columns_until_it_fits():
    rows = [{"name": "x" * 20, "first": "1" * 10, "second": "2" * 10}, {}, {"name": "y", "first": "3", "second": "4"}]
    optional = (("first",), ("second",))
    widths = {columns: fitted_table(rows, columns, ("name",), optional) for columns in (42, 41, 31, 30)}
    assert [natural_width(table) for table in widths.values()] == [42, 31, 31, 20]
    lines = render([widths[31]], 31).splitlines()
    assert lines[0].split() == ["name", "second"]
    assert lines[3] == ""
