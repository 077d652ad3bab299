"""The documentation does what it shows: every command and every Python block of a page runs, in order.

Commands on a user's own downloads, marked `market data` in the page, run where there is market data.
"""

import gzip
import re
import shlex
from pathlib import Path

import pytest

from iwm_opts.cli.main import main
from iwm_opts.journal.paper import open_journal

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    path.relative_to(DOCS).as_posix()
    for path in sorted([DOCS / "index.md", DOCS / "extend.md", *(DOCS / "guides").glob("*.md")])
]
MARKER = "<!-- market data -->\n```text\n"
MARKET_FILES = {
    "IWM.csv": "daily/IWM_yahoo_long.csv.gz",
    "KRE.csv": "daily/KRE_yahoo_adj_div.csv.gz",
    "RVX_History.csv": "vol/RVX_History.csv.gz",
    "VIX_History.csv": "vol/VIX_History.csv.gz",
    "VIX9D_History.csv": "vol/VIX9D_History.csv.gz",
    "yields.csv": "rates/us_treasury_yields_daily.csv.gz",
}
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def run_line(line, capsys):
    """Run one `iwm-opts` command in this process; `> FILE` redirects its output."""
    command, _, target = line.partition(" > ")
    words = shlex.split(command)
    assert words[0] == "iwm-opts", line
    with pytest.raises(SystemExit) as stop:
        main(words[1:])
    printed = capsys.readouterr()
    assert stop.value.code in (0, None), f"{line}\n{printed.err}"
    if target:
        Path(target.strip()).write_text(printed.out)


def check_day_by_day():
    """One condor is stopped, one rolled: cash to the cent."""
    rolled, stopped, successor = open_journal().trades()
    assert (rolled.closing.reason, stopped.closing.reason, successor.closing) == ("roll", "stop", None)
    assert (stopped.credit, stopped.closing.debit, stopped.closing.at[:10]) == (0.65, 2.19, "2026-07-01")
    assert stopped.gain == pytest.approx(65 - 219 - stopped.fees - stopped.closing.fees, abs=1e-9)
    assert successor.rolled_from == rolled.number == 1
    assert (successor.legs, successor.opened) == (rolled.legs, rolled.closing.at)
    assert [mark.day for mark in stopped.marks] == [
        *(f"2026-06-{day}" for day in (16, 17, 18, 22, 23, 24, 25, 26, 29, 30)), "2026-07-01",
    ]  # fmt: skip
    assert all(not mark.rule for mark in stopped.marks[:-1])
    assert "What became of the gain at mid" in Path("review.html").read_text()


CHECKS = {"guides/day-by-day.md": check_day_by_day}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_as_written(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "archive"))
    names: dict[str, object] = {}
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    assert blocks, f"{page} has no example"
    for language, code in blocks:
        if language == "python":
            exec(compile(code, page, "exec"), names)
        else:
            for line in code.replace("\\\n", " ").splitlines():
                run_line(line, capsys)
    CHECKS.get(page, lambda: None)()


@pytest.mark.market_data
@pytest.mark.parametrize("page", ["guides/has-it-paid.md", "guides/plan-to-review.md"])
def test_commands_on_downloads_run(page, market_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "archive"))
    for name, source in MARKET_FILES.items():
        (tmp_path / name).write_bytes(gzip.decompress((market_data / source).read_bytes()))
    (tmp_path / "IWM_dividends.csv").write_bytes((market_data / "daily/IWM_dividends.csv").read_bytes())
    run_line("iwm-opts plan --edge mean-reversion --source sim --as-of 2026-07-20 --save dips.toml", capsys)
    blocks = (DOCS / page).read_text(encoding="utf-8").split(MARKER)[1:]
    assert len(blocks) == 1
    for block in blocks:
        for line in block.partition("```")[0].replace("\\\n", " ").splitlines():
            run_line(line, capsys)
