import json

import pytest

from iwm_opts.io.plan_tables import load_events, load_sectors
from iwm_opts.io.series_notes import notes_of
from tests.refusals import refused_data, shows


@pytest.fixture
def written(tmp_path):
    def write(text, name="table.csv"):
        file = tmp_path / name
        file.write_text(text)
        return file

    return write


def test_releases_in_any_order(written):
    table = load_events(written("Date,Event\n2024-03-01,ism\n2024-01-02, GDP \n"))
    assert table["date"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-02", "2024-03-01"]
    assert table["event"].tolist() == ["GDP", "ISM"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("day,event\n2024-01-02,ISM\n", ("date",)),
        ("date,event\nsoon,ISM\n", ("date", "row 2", "soon")),
        ("date,event\n2024-01-02,\n", ("event", "row 2")),
    ],
)
def test_faults_in_releases(written, text, message):
    with refused_data("table.csv", *message):
        load_events(written(text))


HOLDINGS = """\
Made Fund
Fund Holdings as of,"Jan 05, 2026"

Ticker,Name,Sector,Asset Class,Market Value,Weight (%)
"AA","ALPHA","Energy","Equity","3,000.00","60.00"
"BB","BETA","Utilities","Equity","1,000.00","20.00"
"CC","GAMMA","Energy","Equity","500.00","10.00"
"USD","CASH","Cash and/or Derivatives","Cash","9,999.00","10.00"
"The content of this page, among others, is, of course, made, up, here, for tests"
"""


def test_weights_out_of_holdings_leave_cash_out(written):
    table = load_sectors([written(HOLDINGS)])
    assert table["date"].dt.strftime("%Y-%m-%d").unique().tolist() == ["2026-01-05"]
    assert dict(zip(table["sector"], table["weight"], strict=True)) == pytest.approx(
        {"Energy": 3500 / 4500, "Utilities": 1000 / 4500}
    )


def test_weights_from_tables_and_a_profile(written):
    percent = load_sectors([written("date,gics_sector,weight_pct\n2025-05-13,A,60\n2025-05-13,B,40\n")])
    share = load_sectors([written("date,sector,weight\n2025-05-13,A,0.6\n2025-05-13,B,0.4\n")])
    assert percent.equals(share)
    profile = written(json.dumps({"sectorWeightings": {"A": 0.6, "B": 0.4}}), "IWM_20250513.json")
    assert load_sectors([profile]).equals(share)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,sector,weight\n2025-05-13,A,0.6\n", ("weight", "2025-05-13", "60%")),
        ("date,sector,weight\n2025-05-13,A,-0.6\n", ("weight", "row 2", "-0.6")),
        ("date,sector\n2025-05-13,A\n", ("weight",)),
    ],
)
def test_faults_in_weights(written, text, message):
    with refused_data("table.csv", *message):
        load_sectors([written(text)])


@pytest.mark.market_data
def test_real_holdings_agree_with_the_derived_weights(market_data):
    fund = market_data / "fund"
    derived = load_sectors([fund / "IWM_sector_weights.csv"])
    own = load_sectors([fund / "IWM_holdings_20250513.csv.gz", fund / "IWM_holdings_20260121.csv.gz"])
    both = derived.merge(own, on=["date", "sector"])
    assert len(both) == len(derived)
    assert (both["weight_x"] - both["weight_y"]).abs().max() < 0.002  # theirs are of the fund with its cash


def test_days_before_months_are_refused_not_guessed(tmp_path):
    file = tmp_path / "events.csv"
    file.write_text("date,event\n01.02.2024,ISM\n13.02.2024,ISM\n")
    with refused_data("events.csv", "date", "row 2", "01.02.2024", "YYYY-MM-DD"):
        load_events(file)
    file.write_text("date,event\n")
    with refused_data("events.csv", "rows", "CSV"):
        load_events(file)


def test_the_order_of_day_and_month_is_decided_by_all_dates_and_said(written):
    events = load_events(written("date,event\n31/12/2025,ISM\n05/06/2025,GDP\n"))
    assert events["date"].dt.strftime("%Y-%m-%d").to_list() == ["2025-06-05", "2025-12-31"]
    assert notes_of(events) == ("dates are DD/MM/YYYY",)
    rows = "31/12/2025,A,0.6\n31/12/2025,B,0.4\n05/06/2025,A,0.5\n05/06/2025,B,0.5\n"
    sectors = load_sectors([written(f"date,sector,weight\n{rows}")])
    assert sectors["date"].dt.strftime("%Y-%m-%d").unique().tolist() == ["2025-06-05", "2025-12-31"]
    assert notes_of(sectors) == ("dates are DD/MM/YYYY",)
    with refused_data("table.csv", "dates", "03/06/2025", "2025-03-06", "2025-06-03"):
        load_events(written("date,event\n03/06/2025,ISM\n02/06/2025,GDP\n".replace("02/06", "05/06")))


@pytest.mark.parametrize(("name", "sign"), [("weight", ""), ("weight", "%"), ("Weight (%)", "")])
def test_weights_that_add_up_to_a_hundred_are_per_cent(written, name, sign):
    sectors = load_sectors([written(f"date,sector,{name}\n2025-05-13,A,60{sign}\n2025-05-13,B,40{sign}\n")])
    assert sectors["weight"].to_list() == [0.6, 0.4]
    decided = ("weights are per cent: those of each date add up to about 100",)
    assert notes_of(sectors) == (() if sign else decided)


def test_weights_with_a_decimal_comma(written):
    sectors = load_sectors([written("date;sector;weight\n2025-05-13;A;60,5\n2025-05-13;B;39,5\n")])
    assert sectors["weight"].to_list() == pytest.approx([0.605, 0.395])
    assert shows(notes_of(sectors), "decimals", "comma")


def test_sectors_of_another_fund_and_doubled_ones_are_refused(written):
    rows = {fund: f"2025-12-31,{fund},A,0.6\n2025-12-31,{fund},B,0.4\n" for fund in ("IWM", "SPY")}
    head = "date,symbol,sector,weight\n"
    with refused_data("table.csv", "symbol", "SPY", "IWM"):
        load_sectors([written(head + rows["SPY"])], "IWM")
    both = load_sectors([written(head + rows["IWM"] + rows["SPY"])], "IWM")
    assert both["weight"].to_list() == [0.6, 0.4]
    assert notes_of(both) == ("rows of IWM among those of 2 symbols: 2 of 4 left out",)
    bare = "date,sector,weight\n2025-12-31,A,0.6\n2025-12-31,B,0.4\n"
    with refused_data("SPY_sectors.csv", "name", "SPY", "IWM"):
        load_sectors([written(bare, "SPY_sectors.csv")], "IWM")
    with refused_data("table.csv", "sector", "B", "2025-12-31"):
        load_sectors([written(bare + "2025-12-31,B,0.04\n")])
    with refused_data("table.csv", "date"):
        load_sectors([written("Ticker,Sector,Weight\nAAA,A,0.6\nBBB,B,0.4\n")], "IWM")


@pytest.mark.parametrize(
    "document",
    [{"A": 0.6, "B": 0.4}, {"sectorWeightings": [{"A": {"raw": 0.6}}, {"B": {"raw": 0.4}}]},
     [{"date": "2025-05-13", "sector": "A", "weight": 0.6}, {"date": "2025-05-13", "sector": "B", "weight": 0.4}]],
)  # fmt: skip
def test_weights_as_json(written, document):
    sectors = load_sectors([written(json.dumps(document), "IWM_20250513.json")], "IWM")
    assert sectors["weight"].to_list() == [0.6, 0.4]
    assert sectors["date"].eq("2025-05-13").all()


def test_a_profile_without_its_date_is_refused(written):
    with refused_data("iwm.json", "date"):
        load_sectors([written(json.dumps({"sectorWeightings": {"A": 0.6, "B": 0.4}}), "iwm.json")])
