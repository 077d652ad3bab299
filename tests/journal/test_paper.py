import json
import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from iwm_opts.conventions import Provenance
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.files import load_chain
from iwm_opts.journal.paper import for_review, log_of_paper, open_journal
from iwm_opts.journal.paper_marks import closing_of, largest_loss, marked, settled
from iwm_opts.journal.paper_trade import Closing, Exits, Leg, Mark, PaperTrade
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.snapshot import take_snapshot
from tests.refusals import refused, refused_data

CONDOR = (Leg(1, "P", 180.0), Leg(-1, "P", 185.0), Leg(-1, "C", 215.0), Leg(1, "C", 220.0))


def trade(**other):
    fields = {
        "number": 0,
        "plan": "condors",
        "market": "file",
        "symbol": "IWM",
        "expiration": "2026-04-17",
        "legs": CONDOR,
        "contracts": 2,
        "planned_contracts": 2,
        "opened": "2026-02-27 15:00:00",
        "credit": 1.20,
        "mid": 1.25,
        "model": 1.22,
        "fill": "fraction:0.5",
        "fees_schedule": "custom:0.50",
        "fees": 4.0,
        "risk": 764.0,
        "planned_risk": 764.0,
        "rank": 12.0,
        "exits": Exits(profit=0.5, stop=2.0, dte=21),
        "checklist": {"trend": "met"},
    }
    return PaperTrade(**{**fields, **other})


def a_mark(day, debit=0.9, rule=""):
    return Mark(day, f"{day} 16:00:00", 200.0, debit - 0.02, debit, 2.0, rule)


@pytest.fixture
def journal(tmp_path):
    return open_journal(ChainArchive(tmp_path))


@pytest.fixture(scope="module")
def snapshot(made_quotes, tmp_path_factory):
    file = tmp_path_factory.mktemp("chain") / "chain.csv"
    made_quotes().to_csv(file, index=False)
    return take_snapshot(load_chain(file, symbol="IWM"))


def test_a_trade_comes_back_as_it_was_written(journal):
    first, is_new = journal.add(trade())
    assert (first.number, is_new) == (1, True)
    journal.mark(1, a_mark("2026-03-02"))
    closed = journal.close(1, Closing("2026-03-09 15:00:00", 0.5, 0.45, 0.48, 4.0, "profit"))
    assert journal.trades() == (closed,)
    assert closed.marks == (a_mark("2026-03-02"),)
    assert closed.gain == pytest.approx(200 * (1.20 - 0.50) - 8.0)


def test_the_same_package_of_a_day_is_opened_once(journal):
    journal.add(trade())
    again, is_new = journal.add(trade(credit=1.19))
    assert (again.number, again.credit, is_new) == (1, 1.20, False)
    other, is_new = journal.add(trade(plan="another"))
    assert (other.number, is_new) == (2, True)
    assert len(journal.trades()) == 2


def test_marking_a_day_twice_leaves_one_mark(journal):
    journal.add(trade())
    journal.mark(1, a_mark("2026-03-03", 0.8))
    content = journal.path.read_bytes()
    journal.mark(1, a_mark("2026-03-03", 0.8))
    assert journal.path.read_bytes() == content
    journal.mark(1, a_mark("2026-03-02", 0.9))
    journal.mark(1, a_mark("2026-03-03", 0.7))
    (found,) = journal.trades()
    assert [(mark.day, mark.debit) for mark in found.marks] == [("2026-03-02", 0.9), ("2026-03-03", 0.7)]


def test_what_is_closed_stays_closed(journal):
    journal.add(trade())
    closed = journal.close(1, Closing("2026-03-09 15:00:00", 0.5, 0.45, 0.48, 4.0, "profit"))
    journal.mark(1, a_mark("2026-03-10"))
    assert journal.trades() == (closed,)
    with refused("trade", 1, "2026-03-09"):
        journal.close(1, Closing("2026-03-10 15:00:00", 0.1, 0.1, 0.1, 4.0, "profit"))
    with refused("trade", 7, "iwm-opts paper open"):
        journal.close(7, Closing("2026-03-10 15:00:00", 0.1, 0.1, 0.1, 4.0, "profit"))


@pytest.mark.parametrize(
    ("content", "field"),
    [("{", "content"), ('{"version": 1, "trades": [{"number": 1}]}', "trades.0.plan"), ("[]", "content")],
)
def test_a_damaged_journal_is_named_and_left_alone(journal, content, field):
    journal.path.parent.mkdir(parents=True)
    journal.path.write_text(content)
    with refused_data("journal.json", field):
        journal.add(trade())
    assert journal.path.read_text() == content


def test_a_trade_is_marked_at_the_quotes_of_its_root(made_quotes, tmp_path):
    morning = made_quotes().assign(underlying_symbol="SPX", root="SPX")
    evening = morning[morning["expiration"].astype(str).str.startswith("2026-04-17")].assign(root="SPXW")
    evening["ask"] += 0.10
    pd.concat([morning, evening]).to_csv(tmp_path / "chain.csv", index=False)
    snapshot = take_snapshot(load_chain(tmp_path / "chain.csv", symbol="SPX"))
    debits = [
        marked(trade(symbol="SPX", market="chain.csv", fill="natural", root=root), snapshot).debit
        for root in ("SPX", "SPXW")
    ]
    assert debits[1] - debits[0] == pytest.approx(2 * 0.10)  # two shorts are bought back at the ask


def test_a_later_version_is_refused(journal):
    journal.path.parent.mkdir(parents=True)
    journal.path.write_text(json.dumps({"version": 7, "trades": []}))
    with refused_data("journal.json", "version", "7", "6"):
        journal.trades()


WRITER = """
import pickle, sys
from pathlib import Path
from iwm_opts.journal.paper import open_journal
from iwm_opts.io.archive import ChainArchive
journal = open_journal(ChainArchive(Path(sys.argv[1])))
for trade, mark in pickle.load(sys.stdin.buffer):
    opened, _ = journal.add(trade)
    journal.mark(opened.number, mark)
"""


def start_writer(folder, plan):
    """A process that opens ten trades of a plan, and marks each."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdin=subprocess.PIPE)
    pickle.dump([(trade(plan=f"{plan} {n}"), a_mark("2026-03-02")) for n in range(10)], writer.stdin)
    writer.stdin.close()
    return writer


def test_two_writers_lose_nothing_of_each_other(journal, tmp_path):
    writers = [start_writer(tmp_path, plan) for plan in "ab"]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    found = journal.trades()
    assert sorted(one.number for one in found) == list(range(1, 21))
    assert {one.plan for one in found} == {f"{name} {n}" for name in "ab" for n in range(10)}
    assert all(len(one.marks) == 1 for one in found)


def test_a_mark_is_the_cost_of_closing_at_the_models_fill(snapshot):
    one = marked(trade(), snapshot)
    table = snapshot.table(date(2026, 4, 17))
    bid, ask = [], []
    for leg in CONDOR:
        row = (table.right == (1 if leg.right == "C" else -1)) & (table.strike == leg.strike)
        bid.append(table.bid[row][0])
        ask.append(table.ask[row][0])
    mid = [(b + a) / 2 for b, a in zip(bid, ask, strict=True)]
    cost = -sum(leg.count * m for leg, m in zip(CONDOR, mid, strict=True))
    half = sum((a - b) / 2 for b, a in zip(bid, ask, strict=True))
    assert one.mid == pytest.approx(cost)
    assert one.debit == pytest.approx(cost + 0.5 * half, abs=0.011)  # half of the half-spread, then the tick
    assert one.debit >= one.mid
    assert one.fees == pytest.approx(2.0)  # four legs at 0.50
    assert (one.day, one.at) == ("2026-03-02", "2026-03-02 16:00:00")


@pytest.mark.parametrize(
    ("credit", "exits", "rule"),
    [
        (9.0, Exits(profit=0.5, stop=2.0, dte=21), "profit"),
        (0.05, Exits(profit=0.5, stop=2.0, dte=21), "stop"),
        (1.2, Exits(profit=0.9, stop=9.0, dte=60), "dte"),
        (1.2, Exits(profit=0.9, stop=9.0, sessions=1), "time"),
        (1.2, Exits(), ""),
    ],
)
def test_a_mark_names_the_rule_that_calls(snapshot, credit, exits, rule):
    assert marked(trade(credit=credit, exits=exits), snapshot).rule == rule


def test_a_stop_fills_at_natural(snapshot):
    held, stopped = (marked(trade(credit=credit, exits=Exits(stop=2.0)), snapshot) for credit in (9.0, 0.05))
    half = (held.debit - held.mid) / 0.5  # at half of the half-spreads
    assert stopped.debit == pytest.approx(stopped.mid + half, abs=0.021)  # and the tick


def test_no_rule_calls_on_the_day_of_the_entry(snapshot):
    assert marked(trade(opened="2026-03-02 10:00:00", credit=9.0), snapshot).rule == ""


def test_a_mark_before_the_entry_is_refused(snapshot):
    with refused("as_of", "2026-03-02", "trade 0", "2026-03-03"):
        marked(trade(opened="2026-03-03 10:00:00"), snapshot)
    strange = (Leg(1, "P", 180.5), *CONDOR[1:])
    with refused("trade", 0, "1P180.5", "2026-04-17"):
        marked(trade(legs=strange), snapshot)


def test_real_and_simulated_quotes_are_never_mixed(snapshot):
    with refused("source", snapshot.chain.source, "trade 4", "`source`"):
        marked(trade(number=4, provenance=Provenance.SIMULATED), snapshot)
    simulated = replace(snapshot, chain=replace(snapshot.chain, simulated=True))
    with refused("source", snapshot.chain.source, "trade 0"):
        marked(trade(), simulated)


def test_settlement_by_hand():
    # At 212 the condor is worth nothing; at 183 the short put is 2 in the money: 2 dollars a share are paid.
    _, nothing = settled(trade(), 212.0)
    assert (nothing.debit, nothing.reason, nothing.fees) == (0.0, "expiry", 0.0)
    mark, assigned = settled(trade(fees_schedule="tastytrade"), 183.0)
    assert assigned.debit == pytest.approx(2.0)
    assert assigned.fees == FeeSchedule.parse("tastytrade").exercise_fees(2)
    assert mark.day == "2026-04-17"
    with refused("settle", 0.0):
        settled(trade(), 0.0)


BULL_CALL = (Leg(1, "C", 195.0), Leg(-1, "C", 205.0))


def test_an_own_price_has_the_sign_of_the_package():
    bought = trade(legs=BULL_CALL, credit=-3.28)
    with refused("debit", 0.1, "-0.1"):
        closing_of(bought, a_mark("2026-03-04", -3.0), 0.10, None)
    assert closing_of(bought, a_mark("2026-03-04", -3.0), -0.10, None).debit == -0.10
    assert closing_of(bought, a_mark("2026-03-04", -3.0), 0.0, None).debit == 0.0
    with refused("debit", -0.62, "0.62"):
        closing_of(trade(), a_mark("2026-03-04"), -0.62, None)


def test_a_trade_is_not_closed_before_its_last_event():
    marked_later = trade(number=3, marks=(a_mark("2026-03-06"),))
    with refused("as_of", "2026-03-05 16:00:00", "trade 3", "2026-03-06 16:00:00"):
        closing_of(marked_later, a_mark("2026-03-05"), None, None)
    with refused("as_of", "2026-03-04 16:00:00", "trade 4", "2026-03-04 16:00:01"):
        closing_of(trade(number=4, opened="2026-03-04 16:00:01"), a_mark("2026-03-04"), 0.5, None)
    assert closing_of(marked_later, a_mark("2026-03-06"), None, None).at == "2026-03-06 16:00:00"


def test_the_log_says_when_the_exit_was_due():
    late = replace(
        trade(number=1), marks=(a_mark("2026-03-06"), a_mark("2026-03-09", 0.55, "profit")),
        closing=closing_of(trade(), a_mark("2026-03-11", 0.70, "profit"), 0.72, None),
    )  # fmt: skip
    early = replace(trade(number=2), closing=closing_of(trade(), a_mark("2026-03-04", 0.9), None, None))
    log = log_of_paper([late, early, trade(number=3)])
    first, second = log.closed.sort_values("trade").itertuples()
    assert (first.due, first.due_debit, first.reason) == (pd.Timestamp("2026-03-09"), 0.55, "profit")
    assert (first.debit, first.exit_model) == (0.72, 0.70)
    assert (second.due, second.reason) == (pd.Timestamp("2026-03-04"), "closed")
    assert first.pnl == pytest.approx(200 * (1.20 - 0.72) - 8.0)
    assert len(log.open) == 1
    assert log.problems == ()
    assert log.provenance is Provenance.RECORDED
    made = [trade(number=1, provenance=kind) for kind in (Provenance.MODELLED, Provenance.SIMULATED)]
    assert [log_of_paper([one]).provenance for one in made] == [Provenance.MODELLED, Provenance.SIMULATED]
    assert log_of_paper(made).provenance is Provenance.SIMULATED


def test_a_review_reads_real_quotes_where_there_are_any():
    left = closing_of(trade(), a_mark("2026-03-04"), None, None)
    real, made_up = (
        trade(number=number, closing=left, provenance=kind)
        for number, kind in ((1, Provenance.RECORDED), (2, Provenance.SIMULATED))
    )
    log = for_review([real, made_up])
    assert (len(log.closed), log.provenance) == (1, Provenance.RECORDED)
    assert log.notes == ("1 trade on a simulated market left out",)
    assert for_review([made_up]).provenance is Provenance.SIMULATED


def test_an_empty_journal_has_no_log():
    with refused_data("paper journal", "trades", "iwm-opts paper open"):
        log_of_paper([])


def test_a_journal_of_the_first_version_is_still_read(journal):
    journal.add(trade(marks=(a_mark("2026-03-02"),)))
    document = json.loads(journal.path.read_text())
    document["version"] = 1
    for one in document["trades"]:
        del one["shares"]
        for mark in one["marks"]:
            del mark["dividends"]
    journal.path.write_text(json.dumps(document))
    (read,) = journal.trades()
    assert (read.shares, read.marks[0].dividends, read.multiplier) == (None, 0.0, 100)


def test_a_journal_of_the_version_before_is_read(journal):
    journal.add(trade())
    document = json.loads(journal.path.read_text())
    document["version"] = 2
    del document["trades"][0]["exits"]["minute"]
    journal.path.write_text(json.dumps(document))
    (found,) = journal.trades()
    assert (found.exits.minute, found.exit_by) == (None, None)
    assert found.exits.profit == 0.5


def test_a_journal_without_provenance_keeps_its_meaning_and_loses_nothing(journal):
    markets = ("local record, taken from Cboe", "SIMULATED market, seed 22", "bars of IWM.csv")
    for number, market in enumerate(markets):
        journal.add(trade(market=market, plan=str(number), marks=(a_mark("2026-03-02"),)))
    document = json.loads(journal.path.read_text()) | {"version": 5}
    for row in document["trades"]:
        del row["provenance"]
    journal.path.write_text(json.dumps(document))
    kinds = [Provenance.RECORDED, Provenance.SIMULATED, Provenance.RECORDED]
    assert [item.provenance for item in journal.trades()] == kinds
    journal.mark(2, a_mark("2026-03-03"))
    after = json.loads(journal.path.read_text())
    assert after["version"] == 6
    assert [row.pop("provenance") for row in after["trades"]] == kinds
    assert after["trades"][1]["marks"].pop()["day"] == "2026-03-03"
    assert after["trades"] == document["trades"]


def test_an_intraday_trade_may_reach_its_target_in_its_first_session(snapshot):
    # Marked at 16:00 of the day of its entry: held overnight nothing calls; within the session its stop and clock do.
    overnight = trade(opened="2026-03-02 09:50:00", credit=0.01, model=0.01, exits=Exits(stop=2.0))
    assert marked(overnight, snapshot).rule == ""
    intraday = trade(opened="2026-03-02 09:50:00", credit=0.01, model=0.01, exits=Exits(stop=2.0, minute=45))
    assert marked(intraday, snapshot).rule == "stop"
    calm = trade(opened="2026-03-02 09:50:00", credit=100.0, model=100.0, exits=Exits(stop=2.0, minute=45))
    assert marked(calm, snapshot).rule == "time"


def test_the_largest_loss_has_fees_exercise_and_dividends_in_one_definition(snapshot):
    """A condor three times at 2.75: 1,500 - 825 + 13 fees + 2 legs a side exercised at $5, thrice."""
    three = trade(contracts=3, credit=2.75, fees=13.0, fees_schedule="tastytrade")
    assert largest_loss(three, snapshot) == pytest.approx(1500 - 825 + 13 + 30)
    paying = replace(snapshot, dividends=DividendSchedule((Dividend(date(2026, 3, 25), 0.7),), "given"))
    assert largest_loss(three, paying) == pytest.approx(1500 - 825 + 13 + 30 + 3 * 70)
    # Kept to expiration, one leg of a side may be delivered alone: 10% of 220 on the shares of three.
    kept = replace(three, exits=Exits(profit=0.5, stop=2.0))
    assert largest_loss(kept, snapshot) == pytest.approx(300 * (5 - 2.75 + 22.0) + 13 + 3 * 5)


def test_a_closed_trade_says_when_it_was_closed():
    done = trade(number=5)
    done = replace(done, closing=closing_of(done, a_mark("2026-03-06"), None, None))
    with refused("trade", 5, "2026-03-06"):
        closing_of(done, a_mark("2026-03-05"), None, None)
