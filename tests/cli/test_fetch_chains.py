"""Histories into the archive: certificate, checksums, resuming, repeats, and the backtest on it."""

import hashlib
import http.server
import json
import threading
from functools import partial

import pandas as pd
import pytest

from tests.refusals import shows

YEARS = {2025: ("2025-12-30", "2025-12-31"), 2026: ("2026-01-02", "2026-01-05", "2026-01-07")}


@pytest.fixture
def history(made_quotes, tmp_path):
    """A Parquet file of 2025 and a CSV of 2026, without the session of 2026-01-06; one crossed quote."""
    folder = tmp_path / "history"
    folder.mkdir()
    quotes = made_quotes().drop(columns="quote_time")
    for year, days in YEARS.items():
        table = pd.concat([quotes.assign(quote_date=pd.Timestamp(day)) for day in days], ignore_index=True)
        if year == 2026:
            table.loc[0, "bid"] = table.loc[0, "ask"] + 1.0
            table.to_csv(folder / "2026.csv", index=False)
        else:
            table.to_parquet(folder / "2025.parquet", index=False)
    return folder


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; below /unmeasured/ without the length of its files, as HTTP/1.0 may."""

    def log_message(self, *_):
        pass

    def translate_path(self, path):
        return super().translate_path(path.removeprefix("/unmeasured"))

    def send_header(self, keyword, value):
        if keyword != "Content-Length" or not self.path.startswith("/unmeasured"):
            super().send_header(keyword, value)


@pytest.fixture
def served(history):
    """Address of the folder on loopback."""
    handler = partial(Handler, directory=str(history))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def by_year(page):
    return {year["year"]: year for year in page.json["years"]}


def captures(tmp_path):
    return sorted(file.relative_to(tmp_path) for file in (tmp_path / "record/chains").rglob("*.parquet"))


def test_a_folder_lands_in_the_archive_with_its_certificate(run, history, made_quotes, tmp_path):
    page = run("fetch", "chains", "--from", history, "--format", "json")
    assert page.code == 0
    rows, years = len(made_quotes()), by_year(page)
    assert {year: (y["sessions"], y["days"], y["missing_days"], y["rows"]) for year, y in years.items()} == {
        2025: (2, 2, 0, 2 * rows), 2026: (4, 3, 1, 3 * rows),
    }  # fmt: skip
    assert (years[2025]["crossed"], years[2026]["crossed"]) == (0, 1)
    assert years[2025]["spread"] == pytest.approx(0.04, abs=0.011)
    assert page.json["missing_days"] == ["2026-01-06"]
    assert [file["recorded"] for file in page.json["files"]] == [2, 3]
    assert len(captures(tmp_path)) == 5
    assert "2026-01-06" in run("fetch", "chains", "--verbose").out


def test_a_second_run_changes_nothing_and_other_copies_are_repeats(run, history, tmp_path):
    run("fetch", "chains", "--from", history)
    before = captures(tmp_path)
    assert run("fetch", "chains", "--from", history).code == 0
    table = pd.read_csv(history / "2026.csv")
    table.iloc[:, ::-1].to_csv(tmp_path / "copy.csv", index=False)
    table["bid"] = (table["bid"] - 0.01).clip(lower=0.0)
    table.to_csv(tmp_path / "other.csv", index=False)
    page = run("fetch", "chains", "--from", tmp_path / "copy.csv", "--from", tmp_path / "other.csv", "--format", "json")
    counts = [(file["recorded"], file["repeat"], file["conflict"]) for file in page.json["files"]]
    assert counts == [(0, 3, 0), (0, 0, 3)]
    assert captures(tmp_path) == before
    assert by_year(page)[2026]["days"] == 3


@pytest.mark.parametrize("factor", [0.5, 0.6, 0.7, 0.8, 0.9])  # other content, another place in the ledger
def test_the_certificate_is_of_recorded_captures_on_every_run(run, history, tmp_path, factor):
    recorded = by_year(run("fetch", "chains", "--from", history / "2026.csv", "--format", "json"))
    table = pd.read_csv(history / "2026.csv")
    table = table[table["quote_date"] == "2026-01-05"].assign(bid=lambda rows: rows["bid"] * factor)
    table.to_csv(tmp_path / "other.csv", index=False)
    for _ in range(2):
        page = run("fetch", "chains", "--from", tmp_path / "other.csv", "--format", "json")
        assert page.json["files"][0]["conflict"] == 1
        assert by_year(page) == recorded


def test_a_conflict_with_a_snapshot_takes_the_quality_of_the_snapshot(run, history, tmp_path):
    from iwm_opts.io.archive import open_record
    from iwm_opts.io.files import load_chain
    from iwm_opts.io.histories import quality_of

    table = pd.read_csv(history / "2026.csv")
    table = table[table["quote_date"] == "2026-01-05"]
    table.to_csv(tmp_path / "day.csv", index=False)
    chain = load_chain(tmp_path / "day.csv")
    open_record().add(chain)
    table.assign(bid=table["bid"] * 0.5).to_csv(tmp_path / "other.csv", index=False)
    page = run("fetch", "chains", "--from", tmp_path / "other.csv", "--format", "json")
    assert page.json["files"][0]["conflict"] == 1
    assert by_year(page)[2026]["spread"] == quality_of(chain, "recorded").spread


def test_a_run_that_was_broken_off_is_resumed(run, history, tmp_path, monkeypatch):
    from iwm_opts.io import histories

    whole = histories.added
    left = iter([True, True, True])

    def killed(*arguments):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(histories, "EVERY", 1)
    monkeypatch.setattr(histories, "added", killed)
    assert run("fetch", "chains", "--from", history).code == 130
    assert len(captures(tmp_path)) == 3
    days = []
    monkeypatch.setattr(histories, "added", lambda archive, chain: days.append(chain.as_of) or whole(archive, chain))
    page = run("fetch", "chains", "--from", history, "--format", "json")
    assert [str(day) for day in days] == ["2026-01-05", "2026-01-07"]
    assert sum(file["recorded"] for file in page.json["files"]) == 5


def test_a_checksum_is_met_or_refused(run, history):
    digest = hashlib.sha256((history / "2025.parquet").read_bytes()).hexdigest()
    (history / "SHA256SUMS").write_text(f"{digest}  2025.parquet\n{'0' * 64}  2026.csv\n")
    page = run("fetch", "chains", "--from", history)
    assert "verified" in page.out
    assert "skipped: 2026.csv: SHA-256 is" in page.out
    alone = run("fetch", "chains", "--from", history / "2026.csv")
    assert alone.code == 1
    assert "as SHA256SUMS says" in alone.err


def test_other_files_of_a_folder_are_skipped_by_name(run, history):
    (history / "underlying.csv").write_text("Date,Open,High,Low,Close\n2026-01-02,1,1,1,1\n")
    page = run("fetch", "chains", "--from", history)
    assert page.code == 0
    assert shows(page.out, "skipped: underlying.csv", "daily bars")


def test_days_without_a_session_are_left_out_by_reason(run, history, tmp_path):
    table = pd.read_csv(history / "2026.csv")
    holiday = table[table["quote_date"] == "2026-01-02"].assign(quote_date="2026-01-01")
    pd.concat([holiday, table]).to_csv(history / "2026.csv", index=False)
    page = run("fetch", "chains", "--from", history)
    assert "left out: 1 day: quotes dated 2026-01-01" in page.out
    assert len(captures(tmp_path)) == 5


def test_the_certificate_counts_weekends_and_rows_left_out(run, history, tmp_path):
    table = pd.read_csv(history / "2026.csv")
    last = table["quote_date"].max()
    adjusted = table[table["quote_date"] == last].assign(contract_size=150)
    pd.concat([table.assign(contract_size=100), adjusted]).to_csv(history / "2026.csv", index=False)
    page = run("fetch", "chains", "--from", history)
    assert shows(page.out, f"on 1 day: {len(adjusted)} of {2 * len(adjusted)}")
    weekend = table[table["quote_date"] == last].assign(quote_date="2026-02-07")
    weekend.to_csv(history / "saturday.csv", index=False)
    page = run("fetch", "chains", "--from", history / "saturday.csv", "--format", "json")
    assert any("quotes dated Saturday 2026-02-07" in text for text in json.loads(page.out)["warnings"])


def test_a_folder_of_which_nothing_is_read_fails(run, history):
    pd.read_csv(history / "2026.csv").assign(underlying_symbol="SPY").to_csv(history / "2026.csv", index=False)
    (history / "2025.parquet").unlink()
    page = run("fetch", "chains", "--from", history)
    assert page.code == 1
    assert shows(" ".join(page.err.split()), "1 of 1 files", "read (2026.csv", "of IWM, it holds SPY")


def test_every_row_left_out_is_counted_by_reason(run, history):
    table = pd.read_csv(history / "2026.csv")
    days = sorted(table["quote_date"].unique())
    one = table[table["quote_date"] == days[0]]
    others = [table.assign(underlying_symbol="SPY"), one.assign(underlying_symbol="SPY", quote_date="2026-01-06")]
    holiday = one.assign(quote_date="2026-01-01")
    pd.concat([holiday, table, *others]).to_csv(history / "2026.csv", index=False)
    rows = len(one)
    expected = (
        f"on 3 days, {3 * rows:,} rows: {rows} rows of other symbols (SPY): left out",
        f"left out: 1 day: no rows of IWM; {rows} rows of other symbols (SPY): left out",
        f"the exchange was closed: a holiday capture, its quotes are stale ({rows} rows)",
    )
    page, again = run("fetch", "chains", "--from", history), run("fetch", "chains")
    for text in expected:
        assert text in " ".join(page.out.split())
        assert text in " ".join(again.out.split())


def test_rows_of_other_captures_of_a_day_are_counted(run, history):
    table = pd.read_csv(history / "2026.csv")
    both = [table.assign(quote_time=table["quote_date"] + f" {hour}:00:00") for hour in (11, 15)]
    pd.concat(both).to_csv(history / "2026.csv", index=False)
    page = run("fetch", "chains", "--from", history / "2026.csv")
    assert f"on 3 days, {len(table):,} rows: session 15:00 of 2 that day (11:00, 15:00)" in " ".join(page.out.split())


def test_years_of_an_address_and_a_list_of_checksums(run, history, served, tmp_path):
    (history / "2026.parquet").write_bytes(pd.read_csv(history / "2026.csv").to_parquet(index=False))
    page = run("fetch", "chains", "--from", served + "/{year}.parquet", "--years", "2024:2026", "--format", "json")
    assert page.code == 1
    assert "1 of 3 files: not read" in page.err
    assert "/2024.parquet: HTTP 404" in page.err
    assert [file["recorded"] for file in page.json["files"]] == [0, 2, 3]
    digest = hashlib.sha256((history / "2026.csv").read_bytes()).hexdigest()
    (history / "SHA256SUMS").write_text(f"{digest} *2026.csv\n")
    page = run("fetch", "chains", "--from", served + "/SHA256SUMS", "--format", "json")
    assert page.code == 0
    assert [(file["verified"], file["repeat"]) for file in page.json["files"]] == [(True, 3)]


ERROR = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>'


@pytest.mark.parametrize("name", ["2026.csv", "2026.parquet", "2026.csv.gz"])
@pytest.mark.parametrize(
    "spoiled",
    [
        lambda body: ERROR, lambda body: b"Rate limit exceeded. Upgrade your plan.\n",
        lambda body: b'[{"error":"quota"}]', lambda body: b"<!DOCTYPE HTML PUBLIC><head><title>Sign in</title></head>",
        lambda body: body[: len(body) // 2] if body[:2] != b"qu" else b"<Error/>",
    ],
    ids=["xml", "text", "json", "page", "cut"],
)  # fmt: skip
def test_a_download_that_is_refused_is_asked_for_again(run, history, served, tmp_path, name, spoiled):
    table = pd.read_csv(history / "2026.csv")
    if name.endswith("parquet"):
        table.to_parquet(history / name, index=False)
    else:
        table.to_csv(history / name, index=False)
    body = (history / name).read_bytes()
    (history / name).write_bytes(spoiled(body))
    page = run("fetch", "chains", "--from", f"{served}/{name}")
    assert page.code == 1
    assert not list((tmp_path / "record/downloads").rglob(name))
    (history / name).write_bytes(body)
    page = run("fetch", "chains", "--from", f"{served}/{name}", "--format", "json")
    assert (page.code, page.json["files"][0]["recorded"]) == (0, 3)


def test_a_download_that_misses_its_checksum_is_asked_for_again(run, history, served):
    body = (history / "2026.csv").read_bytes()
    (history / "SHA256SUMS").write_text(f"{hashlib.sha256(body).hexdigest()} *2026.csv\n")
    (history / "2026.csv").write_bytes(body[:-40])
    page = run("fetch", "chains", "--from", f"{served}/SHA256SUMS")
    assert shows(" ".join(page.err.split()), "2026.csv.refused")
    (history / "2026.csv").write_bytes(body)
    page = run("fetch", "chains", "--from", f"{served}/SHA256SUMS", "--format", "json")
    assert page.json["files"][0]["verified"]


def test_a_text_cut_within_a_line_is_refused_and_an_unstated_length_is_said(run, history, served, tmp_path):
    body = (history / "2026.csv").read_bytes()
    address = f"{served}/unmeasured/2026.csv"
    (history / "2026.csv").write_bytes(body[:-4])
    page = run("fetch", "chains", "--from", address)
    assert "cut short" in page.err
    assert captures(tmp_path) == []
    lines = body.splitlines(keepends=True)
    (history / "2026.csv").write_bytes(b"".join(lines[:-5]))
    assert shows(run("fetch", "chains", "--from", address).out, "length")
    (history / "2026.csv").write_bytes(body)
    page = run("fetch", "chains", "--from", address, "--whole")
    words = " ".join(page.out.split())
    assert shows(words, "1 day", "recorded")
    assert "2026-01-07" in words
    folder = next((tmp_path / "record/chains").rglob("date=2026-01-07"))
    assert folder.name in words
    for capture in folder.iterdir():
        capture.unlink()
    folder.rmdir()
    page = run("fetch", "chains", "--from", address, "--format", "json")
    assert [(file["recorded"], file["conflict"]) for file in page.json["files"]] == [(1, 0)]


def test_options_of_the_other_kind_are_refused(run, history):
    assert run("fetch", "--from", history).code == 2
    assert run("fetch", "chains", "--interval", "5m").code == 2
    assert "--years 2008:2025" in run("fetch", "chains", "--from", "http://127.0.0.1:9/{year}.csv").err
    assert shows(run("fetch", "chains").err, "of IWM", "history")


@pytest.mark.parametrize("source", ["archive", "record"])
def test_a_backtest_runs_on_the_archive_as_on_the_files(run, history, source):
    run("fetch", "chains", "--from", history)
    rules = (
        "--no-gate",
        "--dte",
        "95",
        "--contracts",
        "1",
        "--dividends",
        "none",
        "--rate",
        "0.04",
        "--format",
        "json",
    )
    there, here = (run("backtest", "--source", place, *rules) for place in (source, history))
    assert there.code == here.code == 0
    trades = [[(t["entry"], t["exit"], t["pnl"]) for t in page.json["trades"]] for page in (there, here)]
    assert trades[0] == trades[1]
    assert trades[0]


def scaled(quotes, day, factor, symbol=None):
    """Quotes of a day at other prices, without a symbol."""
    table = quotes.drop(columns=["quote_time", "underlying_symbol", "root"], errors="ignore")
    prices = ["strike", "bid", "ask", *({"underlying_price", "spot"} & {*table})]
    table = table.assign(quote_date=pd.Timestamp(day), **{name: table[name] * factor for name in prices})
    return table if symbol is None else table.assign(underlying_symbol=symbol)


@pytest.mark.parametrize("factor", [0.3, 2.6])
def test_a_day_of_another_underlying_is_left_out_by_its_spot(run, made_quotes, tmp_path, factor):
    folder = tmp_path / "drops"
    folder.mkdir()
    scaled(made_quotes(), "2026-01-05", factor).to_csv(folder / "a.csv", index=False)
    scaled(made_quotes(), "2026-01-06", factor).to_csv(folder / "b.csv", index=False)
    scaled(made_quotes(), "2026-01-07", 1.02).to_csv(folder / "c.csv", index=False)
    scaled(made_quotes(), "2026-01-06", 1.0, "IWM").to_csv(folder / "z.csv", index=False)  # files without a symbol wait
    page = run("fetch", "chains", "--from", folder, "--format", "json")
    assert {file["name"]: file["recorded"] for file in page.json["files"]} == {
        "a.csv": 0,
        "b.csv": 0,
        "c.csv": 1,
        "z.csv": 1,
    }
    (reason,) = page.json["left_out"]
    rows = len(made_quotes())
    assert reason.startswith(f"2 days, {2 * rows:,} rows: spot ")
    assert reason.endswith(f" on 2026-01-06, and nothing in the file names IWM ({rows} rows)")
    assert [path.parent.name for path in captures(tmp_path)] == ["date=2026-01-06", "date=2026-01-07"]


def test_a_file_whose_name_is_another_needs_a_recorded_day(run, made_quotes, tmp_path):
    path = tmp_path / "2026-01-05_ARKK.csv"
    scaled(made_quotes(), "2026-01-05", 1.0).to_csv(path, index=False)
    page = run("fetch", "chains", "--from", path, "--format", "json")
    assert not captures(tmp_path)
    assert shows(page.json["left_out"][0], "says ARKK", "recorded")
    scaled(made_quotes(), "2026-01-06", 1.0, "IWM").to_csv(tmp_path / "z.csv", index=False)
    run("fetch", "chains", "--from", tmp_path / "z.csv")
    scaled(made_quotes(), "2026-01-05", 1.001).to_csv(path, index=False)
    page = run("fetch", "chains", "--from", path, "--format", "json")
    assert page.json["files"][0]["recorded"] == 1


def test_a_split_within_a_file_that_is_in_line_is_recorded(run, made_quotes, tmp_path):
    days = {"2026-01-05": 1.0, "2026-01-06": 0.5, "2026-01-07": 0.51}
    table = pd.concat([scaled(made_quotes(), day, factor) for day, factor in days.items()])
    table.to_csv(tmp_path / "year.csv", index=False)
    page = run("fetch", "chains", "--from", tmp_path / "year.csv", "--format", "json")
    assert page.json["files"][0]["recorded"] == 3
