"""Recorded chains as a market: what is quoted, what is estimated and counted, what is unknown and said."""

import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.engine import backtest
from iwm_opts.backtest.rules import Costs, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.io.archive import open_record
from iwm_opts.io.archive_series import merge_series
from iwm_opts.market.capture import make_chain
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.sources.daily_quotes import BY_SMILE, CARRIED, QUOTED, Series
from iwm_opts.sources.recorded_files import archive_days, recorded_days
from iwm_opts.sources.recorded_market import recorded_market
from iwm_opts.sources.source import SpanRequest
from iwm_opts.spreads.entry_rule import EntryRule
from iwm_opts.spreads.legs import Wing
from tests.market_quotes import Request, quotes_near
from tests.market_quotes import marks as marks_of
from tests.refusals import refused, refused_data, shows

MON, TUE, WED, THU, FRI = (date(2024, 3, 4) + timedelta(days=place) for place in range(5))
NEXT, LATER = date(2024, 3, 15), date(2024, 4, 5)
BARS_OF_WEEK = (MON, TUE, WED, THU, FRI)
SERIES = Series("XSP", LATER)


def asked(strikes, right=-1.0, series=SERIES):
    return Request(series, np.full(len(strikes), right), np.array(strikes, dtype=float))


def flat_history():
    """A year of IV between 20 and 21 points."""
    days = pd.bdate_range("2023-01-02", "2024-03-08")
    return pd.Series(0.2 + 0.01 * (np.arange(len(days)) % 2), index=days)


@pytest.fixture
def week(made_day_quotes):
    """Monday to Friday without Thursday."""
    return [made_day_quotes(day, spot, (NEXT, LATER)) for day, spot in ((MON, 200), (TUE, 201), (WED, 202), (FRI, 199))]


@pytest.fixture
def market(week, chain_of):
    return recorded_days(str(chain_of(*week)))


class TestDays:
    def test_every_day_with_rows_is_one_and_gaps_are_told(self, market):
        assert market.days == (MON, TUE, WED, FRI)
        assert market.spot.tolist() == [200.0, 201.0, 202.0, 199.0]
        assert market.provenance.is_real
        assert shows(market.notes, "1 of 5 sessions", THU)

    def test_the_digest_is_of_the_quotes(self, week, chain_of, bars_of, market):
        assert recorded_days(str(chain_of(*week))).digest == market.digest
        bid = week[2].columns.get_loc("bid")
        week[2].iloc[40, bid] -= 0.01
        other = recorded_days(str(chain_of(*week, name="other.csv")))
        assert other.spot.tolist() == market.spot.tolist()
        assert other.digest != market.digest
        assert recorded_days(str(chain_of(*week, name="rate.csv")), SpanRequest(rate=0.05)).digest != other.digest

    def test_first_and_last(self, week, chain_of):
        path = str(chain_of(*week))
        assert recorded_days(path, SpanRequest(first=TUE, last=THU)).days == (TUE, WED)
        told = ("quote_date", "2024-03-11", "4 days", "`first` and `last`")
        with refused_data("chains.csv.gz", *told):
            recorded_days(path, SpanRequest(first=date(2024, 3, 11)))

    def test_rows_in_any_order_are_the_same_market(self, week, chain_of, market):
        mixed = pd.concat(week).sample(frac=1.0, random_state=1)
        other = recorded_days(str(chain_of(mixed, name="mixed.csv")))
        assert other.days == market.days
        for place in range(len(market.days)):
            ours, theirs = quotes_near(market, place, 30, 10), quotes_near(other, place, 30, 10)
            assert ours.delta.tobytes() == theirs.delta.tobytes()

    def test_what_comes_later_changes_nothing(self, week, chain_of, market, made_day_quotes):
        other = made_day_quotes(WED, 150, (NEXT,), vol=0.5)
        short = recorded_days(str(chain_of(*week[:2], other, name="other.csv")))
        for place in range(2):
            ours, theirs = quotes_near(market, place, 30, 10), quotes_near(short, place, 30, 10)
            assert ours.series == theirs.series
            assert ours.delta.tobytes() == theirs.delta.tobytes()
            lost = asked([80.0])  # marked by the smile
            assert marks_of(market, place, [lost])[0].bid.tobytes() == marks_of(short, place, [lost])[0].bid.tobytes()

    def test_a_day_that_is_no_market_is_left_out_by_name(self, week, chain_of, made_day_quotes):
        saturday = made_day_quotes(date(2024, 3, 9), 200, (NEXT, LATER))
        zeros = made_day_quotes(THU, 200, (NEXT, LATER)).assign(bid=0.0, ask=0.0)
        notes = recorded_days(str(chain_of(*week, zeros, saturday))).notes
        assert shows(notes, "left out", "2024-03-09", "exchange")
        assert shows(notes, "left out", THU, "bid", "ask", "zero")

    def test_a_damaged_cell_costs_its_day_and_is_named(self, week, chain_of):
        week[1].loc[week[1].index[7], "strike"] = -1.0
        market = recorded_days(str(chain_of(*week)))
        assert market.days == (MON, WED, FRI)
        assert any("column strike: -1" in note for note in market.notes)

    def test_a_handful_of_rows_is_no_day(self, week, chain_of):
        week[1] = week[1].iloc[:10]
        assert any("has 10 rows of 2024-03-05" in note for note in recorded_days(str(chain_of(*week))).notes)

    def test_nothing_readable_is_an_error(self, chain_of, made_day_quotes):
        with refused_data("chains.csv.gz, 2024-03-04", "quotes"):
            recorded_days(str(chain_of(made_day_quotes(MON, 200, (NEXT,)).assign(bid=0.0, ask=0.0))))

    def test_without_a_quote_date_there_are_no_days(self, week, chain_of):
        with refused_data("chains.csv.gz", "quote_date"):
            recorded_days(str(chain_of(week[0].drop(columns=["quote_date", "quote_time"]))), SpanRequest(symbol="XSP"))

    def test_one_capture_a_day(self, week, chain_of):
        noon = week[0].assign(quote_time=f"{MON} 12:00:00", underlying_price=200.4)
        path = str(chain_of(week[0], noon))
        assert recorded_days(path, SpanRequest(session="16:00")).spot.tolist() == [200.0]
        assert recorded_days(path).spot.tolist() == [200.4]  # the latest within the session

    def test_a_warning_of_many_days_is_one_note(self, week, chain_of):
        path = str(chain_of(*(day.drop(columns="quote_time") for day in week)))
        notes = [note for note in recorded_days(path).notes if shows(note, "time of day")]
        assert len(notes) == 1
        assert notes[0].startswith("on 4 of 4 days")


class TestBoard:
    def test_it_is_the_nearest_expiration_with_its_quotes(self, market, week):
        board = quotes_near(market, 0, 30, 10)
        assert board.series == SERIES
        assert board.dte == 32
        rows = week[0][week[0]["expiration"] == LATER].set_index(["right", "strike"])
        for right, name in ((-1.0, "P"), (1.0, "C")):
            side = board.right == right
            assert board.bid[side].tolist() == rows.loc[name]["bid"].tolist()
            assert board.ask[side].tolist() == rows.loc[name]["ask"].tolist()

    def test_deltas_are_those_of_the_smile_it_was_made_of(self, market):
        from scipy.stats import norm

        board = quotes_near(market, 0, 30, 10)
        years = (LATER - MON).days / 365.0
        forward = 200.0 * math.exp(0.03 * years)
        stdev = (0.2 - 0.25 * np.log(board.strike / forward)) * math.sqrt(years)
        d1 = np.log(forward / board.strike) / stdev + stdev / 2
        true = np.where(board.right > 0, norm.cdf(d1), -norm.cdf(-d1))
        near = (np.abs(true) > 0.05) & (np.abs(true) < 0.95)
        assert board.delta[near] == pytest.approx(true[near], abs=0.003)  # cents, and an hour of summer time

    def test_none_within_reach(self, market):
        assert quotes_near(market, 0, 60, 10) is None
        assert quotes_near(market, 3, 7, 0).series.expiration == NEXT

    def test_what_nobody_quotes_cannot_be_chosen(self, week, chain_of):
        gone = (week[0]["strike"] == 190.0) & (week[0]["expiration"] == LATER)
        week[0].loc[gone, ["bid", "ask"]] = 0.0
        board = quotes_near(recorded_days(str(chain_of(*week))), 0, 30, 10)
        assert 190.0 not in board.strike
        assert 188.0 in board.strike

    def test_of_two_roots_the_fuller_one(self, chain_of, made_day_quotes):
        evening = made_day_quotes(MON, 2000, (NEXT,), root="SPXW").assign(underlying_symbol="SPX")
        morning = made_day_quotes(MON, 2000, (NEXT,), root="SPX").iloc[::3]
        market = recorded_days(str(chain_of(evening, morning)))
        assert quotes_near(market, 0, 11, 2).series == Series("SPXW", NEXT)

    def test_expirations_beyond_reach_are_not_held(self, week, chain_of):
        market = recorded_days(str(chain_of(*week)), SpanRequest(max_dte=20))
        assert quotes_near(market, 0, 15, 5).series.expiration == NEXT
        with refused("dte", "30 +-91", "120 days"):
            quotes_near(market, 0, 30, 91)


class TestMarks:
    def test_quotes_stand_as_they_are(self, market, week):
        marks = marks_of(market, 1, [asked([180.0, 190.0]), asked([210.0], right=1.0)])
        rows = week[1][week[1]["expiration"] == LATER].set_index(["right", "strike"])
        assert marks[0].bid.tolist() == rows.loc["P"].loc[[180.0, 190.0], "bid"].tolist()
        assert marks[1].ask.tolist() == rows.loc["C"].loc[[210.0], "ask"].tolist()
        assert marks[0].origin.tolist() == [QUOTED, QUOTED]

    @pytest.mark.parametrize("how", ["gone", "zero", "crossed"])
    def test_a_strike_that_left_is_marked_by_the_smile(self, week, chain_of, how):
        lost = (week[1]["strike"] == 186.0) & (week[1]["expiration"] == LATER) & (week[1]["right"] == "P")
        true = float(week[1].loc[lost, "value"].iloc[0])
        if how == "gone":
            week[1] = week[1][~lost]
        else:
            week[1].loc[lost, ["bid", "ask"]] = (0.0, 0.0) if how == "zero" else (2.0, 1.0)
        (marks,) = marks_of(recorded_days(str(chain_of(*week))), 1, [asked([184.0, 186.0])])
        assert marks.origin.tolist() == [QUOTED, BY_SMILE]
        assert marks.bid[1] <= true <= marks.ask[1]
        assert marks.ask[1] - marks.bid[1] == pytest.approx(0.06, abs=0.021)  # what its neighbours are quoted, outward
        assert marks.bid[1] * 100 == pytest.approx(round(marks.bid[1] * 100))

    def test_beyond_the_ladder_too(self, market, week):
        (marks,) = marks_of(market, 1, [asked([80.0])])
        assert marks.origin.tolist() == [BY_SMILE]
        assert 0.0 <= marks.bid[0] < marks.ask[0] < 0.2

    def test_deep_american_options_pay_what_exercise_pays(self, chain_of, made_day_quotes):
        path = chain_of(made_day_quotes(MON, 200, (NEXT, LATER), root="IWM"))
        (marks,) = marks_of(
            recorded_days(str(path), SpanRequest(rate=0.05)), 0, [asked([290.0], series=Series("IWM", LATER))]
        )
        assert marks.ask[0] >= 90.0

    def test_an_expiration_that_is_not_there_has_no_mark(self, week, chain_of):
        week[1] = week[1][week[1]["expiration"] != LATER]
        market = recorded_days(str(chain_of(*week)))
        (marks,) = marks_of(market, 1, [asked([190.0])])
        assert marks.origin.tolist() == [CARRIED]
        assert np.isnan(marks.bid).all()
        assert math.isnan(market.terms(1, SERIES).forward)

    def test_quotes_too_few_to_draw_a_smile_have_none_either(self, week, chain_of):
        later = week[1]["expiration"] == LATER
        week[1] = pd.concat([week[1][~later], week[1][later & (week[1]["strike"] == 230.0)]])
        (marks,) = marks_of(recorded_days(str(chain_of(*week))), 1, [asked([190.0, 230.0])])
        assert marks.origin.tolist() == [CARRIED, QUOTED]


class TestSettlement:
    BARS = {  # noqa: RUF012 (a table)
        MON: (199.5, 201.0, 198.0, 200.5),
        TUE: (200.0, 202.0, 199.0, 201.5),
        FRI: (203.0, 204.0, 198.5, 199.25),
    }

    @pytest.fixture
    def with_bars(self, week, chain_of, bars_of):
        return recorded_days(str(chain_of(*week)), SpanRequest(bars=bars_of(self.BARS)))

    def test_prices_of_the_underlying_come_from_the_bars(self, with_bars):
        assert with_bars.opened[:2].tolist() == [199.5, 200.0]
        assert with_bars.high[3] == 204.0
        assert np.isnan(with_bars.low[2])
        assert shows(with_bars.notes, "1 day", WED)

    def test_morning_roots_settle_on_the_open_evening_roots_on_the_close(self, chain_of, made_day_quotes, bars_of):
        path = chain_of(made_day_quotes(MON, 2000, (NEXT, LATER), root="SPXW").assign(underlying_symbol="SPX"))
        bars = bars_of({MON: (1995, 2010, 1990, 2005), FRI: (2030, 2040, 1985, 1992.5)})
        market = recorded_days(str(path), SpanRequest(bars=bars))
        assert market.settlement_price(Series("SPX", FRI)) == 2030.0  # no chain of that day is needed
        assert market.settlement_price(Series("SPXW", FRI)) == 1992.5
        assert market.settlement_price(Series("SPXW", date(2024, 3, 9))) == 1992.5  # a Saturday ends with Friday
        assert math.isnan(market.settlement_price(Series("SPXW", WED)))

    def test_without_bars_only_a_capture_of_the_close_knows_the_close(self, week, chain_of):
        path = chain_of(*week, week[0].assign(quote_time=f"{MON} 13:00:00"))
        market = recorded_days(str(path))  # Monday's capture is now the one within the session
        assert math.isnan(market.settlement_price(Series("XSP", MON)))
        assert market.settlement_price(Series("XSP", TUE)) == 201.0
        assert shows(market.notes, "no bars", "`bars`")

    def test_bars_of_another_underlying_are_refused(self, week, chain_of, bars_of):
        elsewhere = {day: tuple(10 * price for price in prices) for day, prices in self.BARS.items()}
        with refused_data(
            "bars.csv",
            "spot",
            "2024-03-04",
            "1980 to 2010",
        ):
            recorded_days(str(chain_of(*week)), SpanRequest(bars=bars_of(elsewhere)))

    def test_a_bar_that_contradicts_the_chain_is_unknown(self, week, chain_of, bars_of):
        market = recorded_days(
            str(chain_of(*week)), SpanRequest(bars=bars_of({**self.BARS, TUE: (160, 161, 159, 160)}))
        )
        assert np.isnan(market.opened[1])
        assert any("1 bar contradicts" in note for note in market.notes)


class TestThroughTheEngine:
    """One bull put, natural fills: sold on Monday, followed over a day without its expiration, settled on Friday."""

    @pytest.fixture
    def traded(self, made_day_quotes, chain_of, bars_of):
        days = [
            made_day_quotes(day, spot, (FRI, LATER))
            for day, spot in ((MON, 200), (TUE, 199), (WED, 198), (THU, 197), (FRI, 196))
        ]
        days[2] = days[2][days[2]["expiration"] != FRI]
        closes = zip(BARS_OF_WEEK, (200.0, 199.0, 198.0, 197.0, 193.5), strict=True)
        bars = {day: (200.0, 202.0, 190.0, close) for day, close in closes}
        market = recorded_days(str(chain_of(*days)), SpanRequest(bars=bars_of(bars)))
        history = IvHistory("made", 30, flat_history(), proxy=False, note="made")
        natural = FillModel.parse("natural")
        rules = Rules(
            EntryRule(strategy="bull-put", dte=4, dte_slack=1, put_delta=0.3, put_wing=Wing(width=4.0), max_open=1),
            GateRule(below=None),
            ExitRule(profit=None, stop=None, dte=None),
            SizeRule(contracts=2),
            Costs(natural, natural, natural, FeeSchedule.parse("custom:0.65")),
        )
        return days[0], backtest(market, history, rules)

    def test_it_is_settled_in_cash_on_the_close_and_the_day_is_counted(self, traded):
        monday, result = traded
        (trade,) = result.trades.to_dict("records")
        low, high = (float(leg[3:]) for leg in trade["legs"].split())
        puts = monday[(monday["expiration"] == FRI) & (monday["right"] == "P")].set_index("strike")
        credit = puts.loc[high, "bid"] - puts.loc[low, "ask"]
        assert trade["credit"] == pytest.approx(credit)
        assert (trade["reason"], trade["exit"].date(), trade["days_without_quote"]) == ("expiry", FRI, 1)
        owed = max(high - 193.5, 0.0) - max(low - 193.5, 0.0)
        assert trade["pnl"] == pytest.approx(200 * (credit - owed) - 2 * 2 * 0.65)


class TestMissingSessions:
    """Sessions are counted by the exchange's calendar, whatever days the record lacks: here Thursday the 7th."""

    @pytest.fixture
    def traded(self, week, made_day_quotes, chain_of):
        days = [*week, *(made_day_quotes(day, 200, (NEXT, LATER)) for day in (date(2024, 3, 11), date(2024, 3, 12)))]
        market = recorded_days(str(chain_of(*days)))
        history = IvHistory("made", 30, flat_history(), proxy=False, note="made")

        def trades(every, sessions):
            entry = EntryRule("bull-put", dte=32, put_delta=0.3, put_wing=Wing(width=4.0), every=every)
            exits = ExitRule(profit=None, stop=None, dte=None, sessions=sessions)
            return backtest(market, history, Rules(entry, GateRule(below=None), exits, SizeRule(contracts=1))).trades

        return trades

    def test_a_time_stop_closes_on_its_session(self, traded):
        first = traded(every=99, sessions=4).iloc[0]
        assert (first["exit"].date(), first["reason"], first["sessions"]) == (FRI, "time", 4)

    def test_a_time_stop_on_a_missing_session_closes_on_the_next_day(self, traded):
        first = traded(every=99, sessions=3).iloc[0]
        assert (first["exit"].date(), first["reason"], first["sessions"]) == (FRI, "time", 4)

    def test_entries_are_spaced_by_sessions(self, traded):
        entries = [day.date() for day in traded(every=2, sessions=None)["entry"]]
        assert entries == [MON, WED, FRI]


class TestTerms:
    def test_the_forward_is_that_of_parity(self, market):
        terms = market.terms(0, SERIES)
        years = (LATER - MON).days / 365.0
        assert terms.years == pytest.approx(years, abs=2 / 24 / 365)
        assert terms.forward == pytest.approx(200.0 * math.exp(0.03 * years), abs=0.03)

    def test_dividends_not_paid_yet_are_unknown_to_a_day(self, chain_of, made_day_quotes):
        """What goes ex later may change nothing that is decided: deltas of the day are the same."""
        path = str(chain_of(made_day_quotes(MON, 200, (NEXT, LATER), root="IWM")))
        past = (Dividend(date(2023, 9, 20), 0.5), Dividend(date(2023, 12, 20), 0.7))
        boards = [
            quotes_near(
                recorded_days(path, SpanRequest(dividends=DividendSchedule((*past, *ahead), "given"))), 0, 30, 10
            )
            for ahead in ((), (Dividend(date(2024, 3, 20), 9.0),))
        ]
        assert boards[0].delta.tobytes() == boards[1].delta.tobytes()


class TestOfTheRecord:
    @pytest.fixture
    def record(self, week, tmp_path, monkeypatch):
        monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))
        record = open_record()
        for quotes in week:
            times = pd.to_datetime(quotes["quote_time"]).dt.tz_localize("America/New_York")
            record.add(make_chain(quotes.assign(quote_time=times), symbol="XSP", source="made"))
        return record

    def test_it_is_the_same_market_as_the_file(self, record, market):
        recorded = archive_days(recorded_market("XSP"), SpanRequest())
        assert shows(recorded.name, "record", "XSP")
        assert recorded.days == market.days
        assert quotes_near(recorded, 1, 30, 10).delta.tobytes() == quotes_near(market, 1, 30, 10).delta.tobytes()
        pd.testing.assert_series_equal(recorded.iv_history(30).closes, market.iv_history(30).closes)
        assert recorded.iv_history(30).closes.notna().sum() == 3  # on Friday nothing brackets 30 days

    def test_fetched_bars_and_dividends_come_along(self, record):
        days = pd.DatetimeIndex([MON, TUE, WED, FRI], name="date")
        table = pd.DataFrame({"open": 200.0, "high": 205.0, "low": 195.0, "close": 201.0}, index=days)
        merge_series(record, "bars", "XSP", table)
        assert archive_days(recorded_market("XSP"), SpanRequest()).settlement_price(Series("XSP", MON)) == 201.0

    def test_a_damaged_day_is_left_out_by_name(self, record):
        file = record.captures("XSP", TUE)[0].path
        file.write_bytes(file.read_bytes()[:-9])
        market = archive_days(recorded_market("XSP"), SpanRequest())
        assert market.days == (MON, WED, FRI)
        assert any("left out" in note and "damaged" in note for note in market.notes)

    def test_a_time_chooses_the_capture(self, record):
        with refused("session", "close", "HH:MM"):
            archive_days(recorded_market("XSP"), SpanRequest(session="close"))
        with refused_data("record", "capture", "XSP", "10:00"):
            archive_days(recorded_market("XSP"), SpanRequest(session="10:00"))
        with refused_data(f"local record {record.folder}", "symbol", "IWM", "XSP"):
            archive_days(recorded_market(), SpanRequest())


def test_the_own_series_is_the_index_of_each_chain(chain_of, made_day_quotes):
    days = [made_day_quotes(day, 200, (date(2024, 3, 11), NEXT, LATER)) for day in (MON, TUE)]
    times = pd.to_datetime(days[1]["quote_time"]).dt.tz_localize("America/New_York")
    index = take_snapshot(make_chain(days[1].assign(quote_time=times), symbol="XSP", source="made")).iv
    market = recorded_days(str(chain_of(*days)))
    assert 0.15 < index.iv10 < 0.3
    assert market.iv_history(10).closes.iloc[1] == index.iv10
    assert market.iv_history(30).closes.iloc[1] == index.iv30
    with refused("ivr_tenor", 9, "10", "30"):
        market.iv_history(9)


def test_days_whose_quotes_carry_no_index_have_none_and_thin_ones_are_named(chain_of, made_day_quotes):
    expirations = (date(2024, 3, 11), NEXT, LATER)

    def market(*cut):
        day = made_day_quotes(TUE, 200, expirations)
        gone = (day["right"] == "P") & day["strike"].between(*cut)
        return recorded_days(str(chain_of(made_day_quotes(MON, 200, expirations), day[~gone])))

    whole = market(0, 0).iv_history(30).closes.iloc[1]
    # Bids below 170 are zero: without the puts from there to 190 IV30 came out at 18.4 instead of 20.0, as complete.
    for cut in ((170, 190), (150, 190)):
        incomplete = market(*cut)
        assert math.isnan(incomplete.iv_history(30).closes.iloc[1])
        assert shows(incomplete.notes, "IV30", "30 days")
    thin = market(150, 180)
    assert thin.iv_history(30).closes.iloc[1] == pytest.approx(whole, abs=0.003)
    assert any("IV30: quotes support 94" in note for note in thin.notes)


def test_days_with_quotes_of_zero_within_a_strip_are_named(chain_of, made_day_quotes):
    days = [made_day_quotes(day, 200, (date(2024, 3, 11), NEXT, LATER)) for day in (MON, TUE)]
    whole = recorded_days(str(chain_of(*days)))
    unquoted = (days[1]["right"] == "P") & days[1]["strike"].between(188, 190)
    assert unquoted.sum() >= 6
    days[1].loc[unquoted, ["bid", "ask"]] = 0.0  # two bids of zero in a row would end the wing
    market = recorded_days(str(chain_of(*days)))
    after, before = (each.iv_history(30).closes.iloc[1] for each in (market, whole))
    assert after == pytest.approx(before, abs=0.001)
    assert sum("0/0" in note for note in market.notes) > sum("0/0" in note for note in whole.notes)
