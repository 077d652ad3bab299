"""Panels of option files: equal to the chains of each day, whatever the files' layout and number."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.conventions import Provenance
from iwm_opts.errors import DataError
from iwm_opts.io.files import load_chain, read_chains
from iwm_opts.io.history_files import expand
from iwm_opts.io.panel_files import build_panel, read_panel
from iwm_opts.market.chain import expiry_slices
from iwm_opts.market.panel import ARRAYS, DEFECTS
from tests.refusals import refused_data, shows

MON, TUE, WED, THU = (date(2024, 6, day) for day in (3, 4, 5, 6))
FAR = 10_000  # days: every expiration is kept


def same_panels(one, other):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.roots == other.roots


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("file", "symbol", "session"),
    [
        ("SPX_cboe_20190425_20190607", "SPX", None),  # two roots, one that settles on the open
        ("IWM_cboe_full_20260615_20260702", "IWM", None),  # two captures a day, a day missing
        ("IWM_cboe_full_20260615_20260702", "IWM", "close"),
        ("IWM_yahoo_20260708_20260710", "IWM", None),  # quotes of 0/0, crossed and missing ones
        ("SPY_cboe_0-13dte_20260716_20260731", "SPY", None),
        ("VXX_hod_201612", None, None),  # two captures side by side in a row, and a half-day week
    ],
)
def test_a_panel_holds_the_slices_of_every_chain(market_data, file, symbol, session):
    path = market_data / "options" / f"{file}.csv.gz"
    panel = build_panel([path], symbol, session, max_dte=FAR).panel
    chains = [chain for chain in read_chains(path, symbol=symbol, session=session) if not isinstance(chain, DataError)]
    assert panel.dates == tuple(chain.as_of for chain in chains)
    for place, chain in enumerate(chains):
        assert panel.spot[place] == pytest.approx(chain.spot, abs=1e-12)
        assert panel.moment[place] == pytest.approx(chain.moment.timestamp(), abs=1e-6)
        counts = dict(zip(DEFECTS, panel.defects[place].tolist(), strict=True))
        assert counts == {name: getattr(chain.quality, name) for name in DEFECTS}
        ours, theirs = panel.slices(place), [q for q in expiry_slices(chain) if q.years > 0.0]
        assert [(q.root, q.expiration, q.dte) for q in ours] == [(q.root, q.expiration, q.dte) for q in theirs]
        for a, b in zip(ours, theirs, strict=True):
            assert a.sessions_left == b.sessions_left
            assert (a.years, a.effective_days) == pytest.approx((b.years, b.effective_days), abs=1e-10)
            for name in ("strike", "call_bid", "call_ask", "put_bid", "put_ask"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.fixture
def week(quotes_of_day):
    return [quotes_of_day(day) for day in (MON, TUE, WED, THU)]


@pytest.fixture
def saved(tmp_path):
    def save(rows, name):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            rows.to_parquet(path, index=False)
        else:
            rows.to_csv(path, index=False)
        return path

    return save


@pytest.fixture
def whole(week, saved):
    return build_panel([saved(pd.concat(week), "whole.csv")]).panel


class TestManyFiles:
    def test_one_file_a_day_is_the_same_market(self, week, saved, whole):
        files = [saved(day, f"days/{place}.csv.gz") for place, day in enumerate(week)]
        same_panels(build_panel(files[::-1]).panel, whole)
        same_panels(build_panel([files[0].parent]).panel, whole)
        same_panels(build_panel([files[0].parent / "*.csv.gz"]).panel, whole)

    def test_parquet_with_its_own_types_is_the_same_market(self, week, saved, whole):
        typed = pd.concat(week).assign(
            quote_date=lambda rows: pd.to_datetime(rows["quote_date"]).dt.date,
            expiration=lambda rows: pd.to_datetime(rows["expiration"]),
        )
        same_panels(build_panel([saved(typed, "typed.parquet")]).panel, whole)

    def test_calls_and_puts_of_two_files_are_one_chain(self, week, saved, whole):
        rows = pd.concat(week)
        files = [saved(rows[rows["right"] == right], f"{right}.csv") for right in "CP"]
        build = build_panel(files)
        same_panels(build.panel, whole)
        assert build.report.notes(0, FAR**2, 4) == ()

    def test_rows_in_any_order_are_the_same_market(self, week, saved, whole):
        mixed = pd.concat(week).sample(frac=1.0, random_state=1)
        same_panels(build_panel([saved(mixed, "mixed.csv")]).panel, whole)

    def test_stretches_do_not_change_the_panel(self, week, saved, whole, monkeypatch):
        monkeypatch.setattr("iwm_opts.io.panel_batches.STRETCH_ROWS", 10)
        monkeypatch.setattr("iwm_opts.io.panel_batches.BATCH_ROWS", 7)
        for order in (week, [week[2], week[0], week[3], week[1], week[0].iloc[:0]]):
            typed = pd.concat(order)
            same_panels(build_panel([saved(typed, "typed.parquet")]).panel, whole)
        cut = [week[0].iloc[:20], week[1], week[0].iloc[20:], week[2], week[3]]  # Monday in two places
        same_panels(build_panel([saved(pd.concat(cut), "cut.parquet")]).panel, whole)

    def test_a_day_in_two_files_counts_once(self, week, saved, whole):
        files = [saved(pd.concat(week[:3]), "early.csv"), saved(pd.concat(week[2:]), "late.csv")]
        panel = build_panel(files).panel
        assert panel.dates == whole.dates
        assert panel.quotes.tolist() == whole.quotes.tolist()
        assert panel.defects[2, DEFECTS.index("duplicate")] == len(week[2])

    def test_different_quotes_of_one_capture_are_an_error_that_names_both_files(self, week, saved):
        other = week[2].assign(bid=lambda rows: rows["bid"] - 0.01)
        files = [saved(pd.concat(week[:3]), "early.csv"), saved(pd.concat([other, week[3]]), "late.csv")]
        with pytest.raises(DataError) as error:
            build_panel(files)
        assert "early.csv" in str(error.value)
        assert "late.csv" in str(error.value)
        assert "2024-06-05" in str(error.value)

    @pytest.mark.parametrize("order", [1, -1])
    def test_a_day_damaged_in_one_file_and_whole_in_another_is_not_left_out(self, week, saved, whole, order):
        damaged = week[2].astype({"right": object})
        damaged.loc[0, "right"] = "x"
        files = [saved(pd.concat([week[1], damaged]), "a.csv"), saved(pd.concat([week[0], *week[2:]]), "b.csv")]
        build = build_panel(files[::order])
        same_panels(build.panel, whole)
        assert build.report.refused == {}
        alone = build_panel(files[:1])
        assert list(alone.report.refused) == [WED.toordinal()]
        assert alone.panel.dates == (TUE,)

    def test_options_that_all_expired_before_their_day_are_an_error(self, week, saved):
        with pytest.raises(DataError) as error:
            build_panel([saved(week[0].assign(quote_date="2025-06-03"), "late.csv")])
        assert error.value.field == "expiration"

    def test_captures_of_two_files_are_chosen_among(self, week, saved):
        noon = week[0].assign(quote_time="2024-06-03 12:00:00", bid=lambda rows: rows["bid"] - 0.01)
        late = week[0].assign(quote_time="2024-06-03 15:30:00")
        files = [saved(late, "late.csv"), saved(noon, "noon.csv")]
        chosen, asked = build_panel(files).panel, build_panel(files, session="12:00").panel
        assert np.nanmax(chosen.quotes[0] - asked.quotes[0]) == pytest.approx(0.01)

    def test_a_folder_may_hold_other_files(self, week, saved, whole):
        saved(pd.concat(week), "mixed/chains.csv")
        bars = saved(pd.DataFrame({"date": ["2024-06-03"], "close": [100.0]}), "mixed/bars.csv")
        build = build_panel([bars.parent])
        same_panels(build.panel, whole)
        assert "bars.csv" in build.remarks[0]
        with refused_data("bars.csv", "kind"):
            build_panel([bars])

    def test_several_paths_of_a_simulation_are_not_one_market(self, tmp_path):
        (tmp_path / "simulation.json").write_text("{}")
        for path in ("path-0", "path-1"):
            (tmp_path / path).mkdir()
        with refused_data(tmp_path, "files", "2"):
            expand([tmp_path])

    def test_an_empty_folder_is_an_error(self, tmp_path):
        with refused_data(tmp_path, "files", "CSV"):
            expand([tmp_path])


class TestFaults:
    def test_far_expirations_are_left_out(self, week, saved):
        panel = build_panel([saved(week[0], "one.csv")], max_dte=10).panel
        assert panel.dte.tolist() == [4]

    def test_a_damaged_cell_costs_its_day(self, week, saved):
        week[1]["right"] = week[1]["right"].replace("C", "X")
        week[2].loc[week[2].index[3], "strike"] = -5.0
        build = build_panel([saved(pd.concat(week), "damaged.csv")])
        assert build.panel.dates == (MON, THU)
        notes = build.report.notes(0, FAR**2, 2)
        assert any("2024-06-04" in note and "'X'" in note for note in notes)
        assert any("2024-06-05" in note and "-5" in note for note in notes)

    def test_days_that_are_no_market_are_left_out_by_name(self, week, saved, quotes_of_day):
        zeros, holiday = week[1].assign(bid=0.0, ask=0.0), quotes_of_day(date(2024, 6, 19))
        calls = week[2][week[2]["right"] == "C"]
        build = build_panel([saved(pd.concat([week[0], zeros, calls, week[3], holiday]), "faults.csv")])
        assert build.panel.dates == (MON, THU)
        notes = " ".join(build.report.notes(0, FAR**2, 2))
        for words in ("bid and ask are zero", "no puts", "exchange was closed"):
            assert words in notes

    def test_a_handful_of_rows_is_no_day(self, saved, quotes_of_day):
        many = [quotes_of_day(MON).assign(strike=lambda rows, k=k: rows["strike"] + 0.01 * k) for k in range(8)]
        build = build_panel([saved(pd.concat([*many, quotes_of_day(TUE).iloc[:10]]), "stray.csv")], max_dte=FAR)
        assert build.panel.dates == (MON,)
        assert "has 10 rows of 2024-06-04" in build.report.notes(0, FAR**2, 1)[0]

    def test_contracts_of_before_a_split_are_left_out(self, week, saved, whole):
        old = week[1].assign(**{name: 5.0 * week[1][name] for name in ("strike", "bid", "ask")})
        old = old[(old["expiration"] == "2024-06-21") & old["strike"].between(450.0, 550.0)]
        build = build_panel([saved(pd.concat([*week[:2], old, *week[2:]]), "split.csv")])
        same_panels(build.panel, whole)
        assert shows(build.report.notes(0, FAR**2, 4)[0], f"{len(old)} rows", "another market")

    def test_several_symbols_need_a_choice(self, week, saved):
        path = saved(pd.concat([week[0], week[0].assign(underlying_symbol="SPY")]), "two.csv")
        with refused_data("two.csv", "symbol", "IWM", "SPY"):
            build_panel([path])
        assert build_panel([path], symbol="spy").panel.symbol == "SPY"
        with refused_data("two.csv", "symbol", "QQQ"):
            build_panel([path], symbol="QQQ")

    def test_real_and_simulated_files_are_not_one_market(self, week, saved, tmp_path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        from iwm_opts.io.provenance import Origin, with_origin

        table = pa.Table.from_pandas(week[1], preserve_index=False)
        made = tmp_path / "made.parquet"
        pq.write_table(table.replace_schema_metadata(with_origin(table.schema, Origin(simulated=True)).metadata), made)
        assert build_panel([made]).panel.provenance is Provenance.SIMULATED
        with refused_data("made.parquet", "kind"):
            build_panel([saved(week[0], "real.csv"), made])


class TestCache:
    def test_the_second_time_it_is_mapped(self, week, saved, whole, monkeypatch):
        path = saved(pd.concat(week), "again.csv")
        same_panels(read_panel([path]), whole)
        monkeypatch.setattr("iwm_opts.io.panel_files._Reader.build", None)
        same_panels(read_panel([path]), whole)
        assert read_panel([path], first=TUE, last=WED).dates == (TUE, WED)

    def test_another_content_is_another_panel(self, week, saved):
        path = saved(pd.concat(week), "changing.csv")
        assert len(read_panel([path])) == 4
        saved(pd.concat(week[:2]), "changing.csv")
        assert len(read_panel([path])) == 2

    def test_options_are_part_of_the_name(self, week, saved):
        path = saved(week[0], "options.csv")
        assert len(read_panel([path]).expiration) == 2
        assert len(read_panel([path], max_dte=10).expiration) == 1

    def test_days_outside_the_window_are_an_error(self, week, saved):
        with refused_data("window.csv", "quote_date", "4", "2024-06-03", "2024-06-06"):
            read_panel([saved(pd.concat(week), "window.csv")], first=date(2024, 7, 1))

    def test_kernels_take_what_is_mapped(self, week, saved, monkeypatch):
        monkeypatch.setattr("iwm_opts.io.panel_cache.READ_BYTES", 1)
        path = saved(pd.concat(week), "mapped.csv")
        read_panel([path])
        panel = read_panel([path])
        assert panel.quotes.flags.writeable
        panel.quotes[:] = 0.0  # copy on write: the file keeps its quotes
        assert np.nansum(read_panel([path]).quotes) > 0.0


class TestCapturesOutsideSessions:
    """A capture before the open is the close of the session before, in a history as alone."""

    @staticmethod
    def at(rows, clock):
        day = rows["quote_date"].iloc[0]
        return rows.assign(quote_time=f"{day} {clock}")

    @pytest.mark.parametrize("name", ["history.csv", "history.parquet"])
    @pytest.mark.parametrize("is_reversed", [False, True])
    def test_a_history_of_mornings_is_of_the_sessions_before(self, week, saved, name, is_reversed):
        mornings = [self.at(rows, "08:30:00") for rows in week]
        path = saved(pd.concat(mornings[::-1] if is_reversed else mornings), name)
        days = (date(2024, 5, 31), MON, TUE, WED)
        build = build_panel([path])
        assert build.panel.dates == days
        notes = build.report.notes(0, FAR**2, 4)
        assert any(shows(n, "2024-06-03 08:30 New York", "of 2024-05-31") for n in notes)
        chains = list(read_chains(path))
        assert tuple(chain.as_of for chain in chains) == days
        assert build.panel.moment.tolist() == [chain.moment.timestamp() for chain in chains]
        assert [load_chain(path, as_of=day).as_of for day in days] == list(days)
        assert load_chain(path, as_of=THU).as_of == WED  # the file's last day: its capture shows the close before
        assert list(read_chains(path, skip=set(days))) == []

    def test_a_morning_beside_the_session_that_it_shows_is_named(self, week, saved):
        rows = [self.at(week[0], "15:45:00"), self.at(week[1], "08:30:00"), self.at(week[2], "15:45:00")]
        path = saved(pd.concat(rows), "history.csv")
        build = build_panel([path])
        assert build.panel.dates == (MON, WED)
        refusal = "2024-06-04: captured on 2024-06-04 before the open: the close of 2024-06-03, of which there are"
        assert any(refusal in note for note in build.report.notes(0, FAR**2, 2))
        monday, tuesday, wednesday = read_chains(path)
        assert (monday.as_of, wednesday.as_of) == (MON, WED)
        assert refusal in str(tuesday)

    def test_a_morning_in_a_file_of_its_own_fills_the_session_before(self, week, saved):
        files = [saved(self.at(week[0], "09:29:00"), "a.csv"), saved(self.at(week[1], "09:30:00"), "b.csv")]
        assert build_panel(files).panel.dates == (date(2024, 5, 31), TUE)

    def test_a_day_with_a_capture_in_the_session_keeps_its_mornings(self, week, saved):
        rows = [self.at(week[0], "08:30:00"), self.at(week[0], "15:45:00"), self.at(week[1], "12:00:00")]
        build = build_panel([saved(pd.concat(rows), "history.csv")])
        assert build.panel.dates == (MON, TUE)
        note = f"{len(week[0])} rows of captures not chosen, on 1 of 2 days: left out"
        assert note in build.report.notes(0, FAR**2, 2)

    def test_an_index_trades_at_night(self, week, saved):
        rows = [self.at(day, "08:30:00").assign(underlying_symbol="VIX") for day in week]
        assert build_panel([saved(pd.concat(rows), "history.csv")]).panel.dates == (MON, TUE, WED, THU)

    @pytest.mark.parametrize("clock", ["00:00:00", ""])
    def test_a_bare_date_is_not_a_time_before_the_open(self, week, saved, clock):
        rows = [self.at(day, clock) for day in week]
        assert build_panel([saved(pd.concat(rows), "history.csv")]).panel.dates == (MON, TUE, WED, THU)

    @pytest.mark.parametrize("zone", ["America/New_York", None])
    def test_a_typed_midnight_is_not_a_time_before_the_open(self, week, saved, zone):
        rows = pd.concat(week)
        rows["quote_time"] = pd.to_datetime(rows["quote_date"]).dt.tz_localize(zone)
        path = saved(rows, "history.parquet")
        assert build_panel([path]).panel.dates == (MON, TUE, WED, THU)
        assert [chain.as_of for chain in read_chains(path)] == [MON, TUE, WED, THU]

    def test_rows_of_captures_not_chosen_are_counted_and_kept_in_the_cache(self, week, saved):
        rows = [self.at(day, clock) for day in week for clock in ("10:00:00", "12:00:00", "15:45:00")]
        path = saved(pd.concat(rows), "history.csv")
        for _ in range(2):  # the second one out of the cache
            panel = read_panel([path])
            assert shows(panel.notes, 8 * len(week[0]), "4 of 4 days", "captures")
        assert shows(read_panel([path], first=THU).notes, 2 * len(week[0]), "1 of 1 days", "captures")


@pytest.mark.parametrize(
    ("root", "index"),
    [
        ("SPXW", "SPX"), ("VIXW", "VIX"), ("NDXP", "NDX"), ("RUTW", "RUT"), ("DJXW", "DJX"), ("XSPAM", "XSP"),
        ("MRUT", "MRUT"), ("XSP", "XSP"), ("SPX", "SPX"), ("^SPXW", "SPX"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["chain.csv", "chain.parquet"])
@pytest.mark.parametrize("asked", [None, "index", "root"])
def test_a_root_in_the_column_of_underlyings_is_of_its_index(week, saved, root, index, name, asked):
    rows = pd.concat(week[:2]).assign(underlying_symbol=root)
    path, symbol = saved(rows, name), {None: None, "index": index, "root": root}[asked]
    written = root.strip("^")
    monthly = written if (written, index) != ("SPX", "SPX") else "SPX"
    weekly = {"SPX": "SPXW"}.get(written, written)
    panel = build_panel([path], symbol).panel
    assert panel.symbol == index
    chain = load_chain(path, symbol=symbol)
    assert (chain.symbol, set(chain.quotes["underlying_symbol"])) == (index, {index})
    for expiration, expected in ((date(2024, 6, 7), weekly), (date(2024, 6, 21), monthly)):
        assert set(chain.quotes.loc[chain.quotes["expiration"] == str(expiration), "root"]) == {expected}
    assert set(panel.roots) >= {weekly, monthly}


def test_an_index_and_its_sister_in_the_column_of_underlyings_are_one_market(week, saved):
    rows = pd.concat([week[0].assign(underlying_symbol="SPX"), week[0].assign(underlying_symbol="SPXW")])
    rows = rows[(rows["underlying_symbol"] == "SPXW") | (rows["expiration"] == "2024-06-21")]
    path = saved(rows, "chain.csv")
    chain, panel = load_chain(path), build_panel([path]).panel
    assert (chain.symbol, panel.symbol) == ("SPX", "SPX")
    count = len(week[0]) // 2
    assert chain.quotes.groupby(["expiration", "root"]).size().tolist() == [count, count, count]
    assert panel.defects[0, DEFECTS.index("duplicate")] == 0
