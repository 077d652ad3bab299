"""`iwm-opts snapshot` in and out of sessions, and the record as a source of other commands."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iwm_opts.io.provenance import Origin, with_origin
from tests.refusals import shows

CBOE = "/api/global/delayed_quotes/options/IWM.json"


@pytest.fixture
def at(set_clock):
    """Set the clock to a New York time."""
    return lambda text: set_clock(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York")))


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-03-07 11:00", "closed on Saturday 2026-03-07"),
        ("2026-06-19 11:00", "closed on Friday 2026-06-19"),  # Juneteenth
        ("2025-11-28 13:30", "from 09:30 to 13:00"),  # the day after Thanksgiving is a half day (NYSE)
        ("2026-03-02 09:29", "it is 09:29 in New York"),
        ("2026-03-02 16:16", "from 09:30 to 16:00"),
    ],
)
def test_outside_the_session_nothing_is_taken(run, at, moment, words):
    at(moment)
    done = run("snapshot")
    assert (done.code, done.out) == (0, "")
    assert words in done.err
    assert words in run("snapshot", "--format", "json").json["skipped"]


def test_a_live_chain_goes_into_the_record(run, at, live_server, answer, cboe_body, made_quotes):
    at("2026-03-02 14:30")
    live_server.serve(CBOE, answer(cboe_body(made_quotes())))
    taken = run("snapshot", "--source", "cboe", "--format", "json").json
    assert (taken["as_of"], taken["days_recorded"], taken["rows"]) == ("2026-03-02", 1, len(made_quotes()))
    screen = run("condor", "--source", "record", "--as-of", "2026-03-02", "--dte", "28:50", "--format", "json").json
    assert shows(screen["market"]["source"], "from Cboe", "of IWM")
    assert screen["market"]["simulated"] is False
    for arguments in (["vertical", "--dte", "28:50"], ["single", "--dte", "28:50"], ["fills"]):
        assert run(*arguments, "--source", "record", "--as-of", "2026-03-02").code == 0
    missing = run("condor", "--source", "record", "--as-of", "2026-03-03")
    assert missing.code == 1
    assert "--as-of 2026-03-02" in missing.err


def test_force_takes_what_there_is(run, at, live_server, answer, cboe_body, made_quotes):
    at("2026-03-02 20:00")
    live_server.serve(CBOE, answer(cboe_body(made_quotes(), "2026-03-03 00:55:00")))
    page = run("snapshot", "--force")  # Yahoo has nothing
    assert page.code == 0
    assert page.out.startswith("recorded IWM 2026-03-02 19:40 from Cboe")


def test_a_file_can_be_recorded(run, chain_file):
    page = run("snapshot", "--source", chain_file)
    assert shows(page.out, "1 day", "record")
    assert run("snapshot", "--source", chain_file).code == 0
    assert shows(run("snapshot", "--source", chain_file).out, "1 day", "record")


def test_a_file_of_sunday_says_when_it_was_captured(run, tmp_path, made_quotes):
    quotes = made_quotes().drop(columns=["quote_date", "quote_time"], errors="ignore")
    quotes.assign(quote_time="2026-02-01T10:05:00-05:00").to_csv(tmp_path / "sunday.csv", index=False)
    page = run("snapshot", "--source", tmp_path / "sunday.csv")
    assert "recorded IWM 2026-01-30 (captured 2026-02-01 10:05) from" in page.out
    assert shows(page.out, "dated Sunday 2026-02-01")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--force"], "no live source: Yahoo: cannot be reached"),
        (["--force", "--source", "cboe"], "Cboe: cannot be reached"),
        (["--source", "sim"], "not a market to record"),
        (["--source", "absent.csv"], "absent.csv"),
    ],
)
def test_failures_are_one_line(run, at, arguments, words):
    at("2026-03-02 12:00")
    failed = run("snapshot", *arguments)
    assert failed.code == 1
    assert words in failed.err
    assert failed.err.count("\n") == 1


def test_a_given_history_stands_in_for_a_short_record(run, chain_file, history_file):
    run("snapshot", "--source", chain_file)
    arguments = ("--source", "record", "--dte", "28:50", "--iv-history", history_file, "--format", "json")
    iv = run("condor", *arguments).json["iv"]
    assert iv["series"] == "RVX"
    assert iv["proxy"] is True


def test_simulated_chains_and_real_ones_are_never_one_history(run, chain_file, tmp_path, made_quotes):
    simulated = tmp_path / "chains.parquet"
    table = pa.Table.from_pandas(made_quotes(), preserve_index=False)
    pq.write_table(table.cast(with_origin(table.schema, Origin(simulated=True))), simulated)
    assert run("snapshot", "--source", chain_file).code == 0
    refused = run("snapshot", "--source", simulated)
    assert (refused.code, refused.out) == (1, "")
    assert shows(refused.err, "of IWM", "simulated")
