import time

import pandas as pd

from tests.refusals import shows

RVX = "DATE,OPEN,HIGH,LOW,CLOSE\n06/03/2025,24,25,23,24\n06/04/2025,24,25,23,23\n"


def test_indices_land_in_the_record(run, tmp_path, live_server, answer):
    live_server.serve("/api/global/us_indices/daily_prices/RVX_History.csv", answer(RVX))
    page = run("fetch", "--feed", "cboe", "--indices", "RVX")
    assert page.code == 0
    assert "2025-06-04" in page.out
    file = tmp_path / "record" / "indices" / "RVX.csv"
    assert file.read_text().startswith("date,open,high,low,close\n2025-06-03,")
    assert run("ivr", "--iv-history", file, "--as-of", "2025-06-05").code == 0


def test_what_fails_is_named_beside_what_came(run, live_server, answer):
    live_server.serve("/api/global/us_indices/daily_prices/RVX_History.csv", answer(RVX))
    page = run("fetch", "--feed", "cboe", "--indices", "RVX", "--indices", "VIX")
    assert page.code == 1
    assert "RVX" in page.out
    assert "VIX: not fetched (Cboe: HTTP 404" in page.err


def test_without_a_network_it_is_one_line(run):
    failed = run("fetch")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.count("\n") == 1
    assert failed.err.count("Yahoo: cannot be reached") == 1


def test_by_default_it_fetches_all_that_the_strategy_looks_at(run, tmp_path, live_server, answer, chart_body):
    days = pd.DatetimeIndex(pd.bdate_range("2026-03-02", periods=3))
    table = pd.DataFrame({"open": 20.0, "high": 22.0, "low": 19.0, "close": 21.0}, index=days)
    for name in ("IWM", "KRE", "XBI", "SPY", "%5ERVX", "%5EVIX", "%5EVIX9D", "%5EIRX"):
        plain = name.replace("%5E", "^")
        for path in (name, plain):
            live_server.serve(f"/v8/finance/chart/{path}", answer(chart_body(plain, table)))
    page = run("fetch", "--feed", "yahoo", "--format", "json")
    assert page.code == 0
    got = {(one["kind"], one["name"]): one["rows"] for one in page.json["series"]}
    bars = {("bars", name): 3 for name in ("IWM", "KRE", "XBI", "SPY")}
    paid = {("dividends", name): 1 for name in ("IWM", "KRE", "XBI", "SPY")}
    indices = {("indices", name): 3 for name in ("RVX", "VIX", "VIX9D", "IRX")}
    assert got == {**bars, **paid, **indices}
    assert (tmp_path / "record" / "indices" / "VIX9D.csv").read_text().startswith("date,open,high,low,close\n")


def test_a_source_that_hangs_after_its_cookies_is_one_line_within_ten_seconds(run, live_server, answer):
    for name in ("IWM", "KRE", "XBI", "SPY", "%5ERVX", "%5EVIX", "%5EVIX9D", "%5EIRX"):
        for path in (name, name.replace("%5E", "^")):
            live_server.serve(f"/v8/finance/chart/{path}", answer("{}", delay=12.0))
    begin = time.monotonic()
    failed = run("fetch", "--feed", "yahoo")
    assert time.monotonic() - begin < 10.0  # three time-outs of each series were 94 s; not a measure of speed
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.count("\n") == 1
    assert shows(failed.err, "Yahoo: no answer")
