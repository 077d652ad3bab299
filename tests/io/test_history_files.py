"""The file of one day among those of a history."""

import re
from datetime import date

import pandas as pd
import pytest

import iwm_opts as iwm
from iwm_opts.errors import DataError
from iwm_opts.io.history_files import chain_of_day

DAYS = [date(2024, 6, day) for day in (3, 4, 5, 6)]


@pytest.fixture
def folder(tmp_path, quotes_of_day):
    """Write days under names made of each."""

    def write(name, days=DAYS, drop=()):
        for day in days:
            quotes_of_day(day).drop(columns=list(drop)).to_csv(tmp_path / name.format(day=day), index=False)
        return tmp_path

    return write


@pytest.mark.parametrize("name", ["{day}.csv", "IWM_{day:%Y%m%d}.csv.gz", "{day:%A}.csv"])
def test_a_day_or_the_newest_is_found_whatever_the_names(folder, name):
    sources = [folder(name)]
    assert chain_of_day(sources)[0].as_of == DAYS[-1]
    chain, file, skipped = chain_of_day(sources, as_of=DAYS[1])
    assert (chain.as_of, file.name, skipped) == (DAYS[1], name.format(day=DAYS[1]), ())
    pd.testing.assert_frame_equal(chain.quotes, chain_of_day([file])[0].quotes)


def test_a_name_of_another_period_hides_no_day(folder, quotes_of_day):
    sources = [folder("{day}.csv", DAYS[:2])]
    quotes_of_day(DAYS[3]).to_csv(sources[0] / "IWM-2023.csv", index=False)
    assert chain_of_day(sources, as_of=DAYS[3])[1].name == "IWM-2023.csv"


def test_days_that_no_file_holds_are_an_error_with_the_nearest(folder):
    with pytest.raises(DataError) as error:
        chain_of_day([folder("{day}.csv")], as_of=date(2024, 6, 10))
    assert "`as_of` 2024-06-06" in error.value.remedy


@pytest.mark.parametrize("as_of", [None, DAYS[3]])
def test_two_files_of_a_day_are_refused_by_their_names(folder, as_of):
    folder("early-{day}.csv")
    with pytest.raises(DataError) as error:
        chain_of_day([folder("late-{day}.csv")], as_of=as_of)
    assert {f"early-{DAYS[3]}.csv", f"late-{DAYS[3]}.csv"} <= set(error.value.rule.replace(",", "").split())
    assert "early-" in error.value.remedy


def test_files_without_quotes_are_left_out_and_named(folder):
    sources = [folder("{day:%A}.csv")]
    (sources[0] / "bars.csv").write_text("date,close\n2024-06-06,100.0\n")
    chain, _, (skipped,) = chain_of_day(sources, as_of=DAYS[2])
    assert chain.as_of == DAYS[2]
    assert "bars.csv" in skipped
    (sources[0] / "Wednesday.csv").write_text("quote_date,strike\n")
    with pytest.raises(DataError):
        chain_of_day(sources, as_of=DAYS[2])
    with pytest.raises(DataError):  # named by the user
        chain_of_day([sources[0] / name for name in ("Monday.csv", "bars.csv")], as_of=DAYS[1])


def test_a_file_without_a_date_is_of_the_day_in_its_name(folder):
    sources = [folder("{day}.csv", drop=["quote_date"])]
    assert chain_of_day(sources, "IWM", DAYS[2])[1].name == f"{DAYS[2]}.csv"
    with pytest.raises(DataError):
        chain_of_day(sources, "IWM", date(2024, 6, 7))


def test_a_backtest_of_a_history_has_its_quality_by_year_and_the_worst_days(tmp_path, quotes_of_day):
    days = [date(2024, 12, 30), date(2024, 12, 31), date(2025, 1, 2)]
    rows = {day: quotes_of_day(day).assign(expiration="2025-01-17") for day in days}
    rows = {day: of_day.drop_duplicates(["right", "strike"], ignore_index=True) for day, of_day in rows.items()}
    rows[days[2]].loc[:6, "ask"] = rows[days[2]]["bid"] - 0.01  # crossed
    pd.concat(rows.values()).to_csv(tmp_path / "chains.csv", index=False)
    market = iwm.recorded_market(tmp_path)
    count, bad = len(rows[days[0]]), 7
    assert market.trials[0].market.panel.worst_days() == [(days[2], pytest.approx(bad / len(rows[days[2]])))]
    notes = [note for note in market.notes if "quality" in note]
    for words, of_kind in (("3 days", (3 * count, 3 * count - bad)), ("2024", (2 * count, 2 * count)),
                           ("2025", (count, count - bad))):  # fmt: skip
        (note,) = (note for note in notes if f", {words}" in note)
        assert tuple(int(number) for number in re.findall(r"(\d+) (?:rows|usable)", note)) == of_kind
    assert any(str(days[2]) in note for note in notes)
