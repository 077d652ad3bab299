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
