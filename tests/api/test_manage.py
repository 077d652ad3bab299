"""Open positions at a made chain: cash of rolls by hand, exits due, stale quotes, positions together."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import iwm_opts as iwm
from iwm_opts.market.calendar import sessions
from tests.refusals import refused, shows

LEGS = ["+1P185", "-1P190", "-1C212", "+1C217"]
MONDAY_NOON = datetime(2026, 3, 2, 17, tzinfo=ZoneInfo("America/New_York"))


@pytest.fixture(scope="module")
def chain_path(made_quotes, tmp_path_factory):
    file = tmp_path_factory.mktemp("chain") / "chain.csv.gz"
    made_quotes().to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def chain(chain_path):
    return iwm.read_chain(chain_path, as_of="2026-03-02", dividends="2026-03-25:2.5")


def held(chain, legs=LEGS, credit=1.30, now=MONDAY_NOON, **given):
    given = {"expiration": "2026-04-02", "opened": "2026-02-20", "fill": "natural", "fees": "custom:0.65"} | given
    return iwm.manage(chain, legs, credit=credit, now=now, **given)


def quote(quotes, expiration, text):
    row = quotes[
        (pd.to_datetime(quotes["expiration"]).dt.date == expiration)
        & (quotes["right"] == text[2])
        & (quotes["strike"] == float(text[3:]))
    ].iloc[0]
    return float(row["bid"]), float(row["ask"])


def test_the_cash_of_a_roll_adds_up_to_the_cent(chain, made_quotes):
    quotes = made_quotes()
    result = held(chain, contracts=3)
    (position,) = result.positions
    paid = sum(
        quote(quotes, date(2026, 4, 2), leg)[1] if leg[0] == "-" else -quote(quotes, date(2026, 4, 2), leg)[0]
        for leg in LEGS
    )
    assert position.mark.debit == pytest.approx(paid, abs=1e-9)
    rolls = {(roll.kind, roll.expiration): roll for roll in position.rolls}
    out = rolls["out", date(2026, 4, 17)]
    received = sum(
        quote(quotes, date(2026, 4, 17), leg)[0] if leg[0] == "-" else -quote(quotes, date(2026, 4, 17), leg)[1]
        for leg in LEGS
    )
    assert out.open_credit == pytest.approx(received, abs=1e-9)
    assert out.fees == pytest.approx(3 * 8 * 0.65)
    assert out.cash == pytest.approx(round(300 * (received - paid) - 3 * 8 * 0.65, 2), abs=0.005)
    for roll in position.rolls:
        assert roll.cash == pytest.approx(300 * (roll.open_credit - roll.close_debit) - roll.fees, abs=0.005)
        # Width less credit, less what the close realised, against width less credit: the fees of both orders remain.
        before, after = 500 - 130 + 4 * 0.65, 500 - 100 * roll.open_credit + 4 * 0.65
        assert roll.max_loss_change == pytest.approx(3 * (after - before) - position.pnl, abs=0.01)
    assert {kind for kind, _ in rolls} == {"out", "away", "out and away"}


def test_profit_and_greeks_are_of_the_whole_position(chain):
    one, three = (held(chain, contracts=n).positions[0] for n in (1, 3))
    assert one.pnl == pytest.approx(100 * (1.30 - one.mark.debit) - 8 * 0.65, abs=1e-6)
    assert one.share_of_max_profit == pytest.approx(one.pnl / (130 - 4 * 0.65))
    for name in ("pnl", "max_loss", "delta", "gamma", "theta", "vega", "expected_profit"):
        assert getattr(three, name) == pytest.approx(3 * getattr(one, name), rel=1e-9), name
    assert min(short.distance for short in one.shorts) > 0.5


def test_fees_to_the_cent_are_those_of_the_ticket(chain):
    (position,) = held(chain, fees="tastytrade", contracts=20).positions
    order = iwm.ticket(LEGS, chain, expiration="2026-04-02", contracts=20, fees="tastytrade", as_of="2026-03-02")
    assert position.trade.fees == pytest.approx(order.cost.opening_fees, abs=1e-9)
    assert position.mark.fees * 20 == pytest.approx(order.cost.closing_fees, abs=1e-9)


@pytest.mark.parametrize(
    ("legs", "credit", "remedy"),
    [
        (LEGS, -1.30, "give 1.3 for"),
        (["-1P185", "+1P190"], 2.0, "give -2 for"),
    ],
)
def test_a_credit_of_the_wrong_sign_is_refused(chain, legs, credit, remedy):
    with refused("credit", credit) as refusal:
        held(chain, legs=legs, credit=credit)
    assert refusal.value.remedy.startswith(remedy)
    with refused("credit", credit) as refusal:
        iwm.whatif(legs, chain, expiration="2026-04-02", credit=credit)
    assert refusal.value.remedy.startswith(remedy)


def test_many_lots_fit_80_columns_beside_the_line_to_paste(chain):
    result = held(chain, credit=3.5, contracts=20)
    page = result.to_text(columns=80).splitlines()
    order = result.positions[0].order
    assert order in page  # neither indented nor broken: thinkorswim reads one line
    assert [line for line in page if len(line) > 80 and line != order] == []


def test_an_exit_that_is_due_comes_with_its_order(chain):
    (quiet,) = held(chain).positions
    assert (quiet.rule, quiet.order) == ("", "")
    (gained,) = held(chain, credit=3.5).positions
    assert gained.rule == "profit"
    assert gained.order.startswith("BUY +1 IRON CONDOR IWM")
    assert f"@{gained.mark.debit:.2f}" in gained.order
    assert held(chain, exits=iwm.ExitLevels(dte=31)).positions[0].rule == "dte"
    assert held(chain, credit=0.30).positions[0].rule == "stop"


def test_a_short_call_is_assigned_on_the_eve_of_a_dividend(chain):
    (position,) = held(chain).positions
    call = next(short for short in position.shorts if "C" in short.leg)
    assert call.when == date(2026, 3, 24)
    assert call.boundary > 212
    assert call.cost == pytest.approx(250.0, abs=6)  # the dividend on 100 shares, and an exercise fee


def test_a_call_is_exercised_in_the_last_session_before_its_dividend(chain_path):
    chain = iwm.read_chain(chain_path, as_of="2026-03-02", dividends="2026-03-23:2.5")  # a Monday
    (position,) = held(chain).positions
    assert next(short for short in position.shorts if "C" in short.leg).when == date(2026, 3, 20)


@pytest.fixture(scope="module")
def eve_path(made_quotes, tmp_path_factory):
    """Chain of the last session before an ex-date: calls 40 in the money and more at parity, which imply no vol."""
    quotes = made_quotes()
    deep = (quotes["right"] == "C") & (quotes["strike"] <= 160)
    worth = quotes["underlying_price"] - quotes["strike"]
    quotes.loc[deep, "bid"], quotes.loc[deep, "ask"] = worth[deep] - 0.03, worth[deep] + 0.02
    file = tmp_path_factory.mktemp("chain") / "eve.csv.gz"
    quotes.to_csv(file, index=False)
    return file


def test_assignment_is_expected_on_the_last_session_before_an_ex_date(eve_path):
    chain = iwm.read_chain(eve_path, as_of="2026-03-02", dividends="2026-03-03:2.5")
    log = ["-2C155", "+2C165"]
    result = held(chain, legs=log, credit=8.0, fees="tastytrade", contracts=3)
    (position,) = result.positions
    (short,) = position.shorts
    assert (short.pays_today, short.is_reached, short.when) == (True, True, date(2026, 3, 2))
    assert short.ex_date == date(2026, 3, 3)
    assert 155 < short.boundary < 200
    assert short.cost == pytest.approx(3 * 2 * (250 + 5))
    # Its quote implies no vol: the smile's, whose delta is near its limit.
    assert 0.1 < short.smile_vol < 1.0
    assert position.delta == pytest.approx(0.0, abs=3 * 200 * 0.03)
    assert all(np.isfinite([result.portfolio.delta, result.portfolio.gamma, position.expected_profit]))
    page = " ".join(result.to_text(columns=200).split())
    assert shows(page, "-2C155: ASSIGNMENT EXPECTED TONIGHT, costs $1,530.00: 200.00 is", f"above {short.boundary:.2f}")
    assert shows(page, "no vol")
    assert "nan" not in page
    record = result.to_dict()["positions"][0]["short_legs"][0]
    assert (record["pays_today"], record["ex_date"]) == (True, "2026-03-03")

    later = iwm.read_chain(eve_path, as_of="2026-03-02", dividends="2026-03-04:2.5")
    (short,) = held(later, legs=log, credit=8.0).positions[0].shorts
    assert (short.pays_today, short.is_reached, short.when) == (False, True, date(2026, 3, 3))
    assert "(reached today)" in held(later, legs=log, credit=8.0).to_text(columns=200)


def test_totals_leave_out_and_name_positions_without_greeks(chain, tmp_path, monkeypatch):
    monkeypatch.setattr("iwm_opts.market.snapshot.Snapshot.with_smile_vols", lambda self, table, rows: replace(
        table, delta=np.where(table.strike == 190, np.nan, table.delta)))  # fmt: skip
    log = tmp_path / "log.csv"
    log.write_text(
        "trade,entry,contracts,symbol,legs,expiration,credit,fees\n"
        "A7,2026-02-20,1,IWM,+1P185 -1P190,2026-04-02,1.30,2.60\n"
        "A8,2026-02-20,1,IWM,-1C212 +1C217,2026-04-02,1.30,2.60\n"
    )
    result = iwm.manage(chain, log, now=MONDAY_NOON)
    assert result.portfolio.unpriced == ("A7",)
    assert result.portfolio.delta == result.positions[1].delta
    assert result.portfolio.pnl == pytest.approx(sum(position.pnl for position in result.positions))
    page = " ".join(result.to_text(columns=200).split())
    assert "greeks without A7" in page
    assert "nan" not in page


def test_a_put_has_its_boundary_and_missing_dividends_are_named(chain_path):
    chain = iwm.read_chain(chain_path, as_of="2026-03-02")
    page = " ".join(held(chain).to_text(columns=200).split())
    assert shows(page, "-1P190", "exercise")
    assert "(not reached), costs $5.00" in " ".join(held(chain, fees="tastytrade").to_text(columns=200).split())
    assert "dividends of IWM not given" in page
    assert any("dividends of IWM not given" in warning for warning in held(chain).to_dict()["notes"])


@pytest.mark.parametrize(
    ("legs", "credit", "short"),
    [(["-1C205", "+1C210"], 1.4, "C"), (["+1P190", "-1P195"], 1.4, "P"), (["-1C203"], 4.0, "C")],
)
def test_a_roll_away_goes_out_of_the_money_to_the_delta_of_entries(chain, legs, credit, short):
    (position,) = held(chain, legs=legs, credit=credit).positions
    sign, before = (1 if short == "C" else -1), next(float(leg[3:]) for leg in legs if leg[0] == "-")
    away = [roll for roll in position.rolls if "away" in roll.kind]
    assert {roll.kind for roll in away} == {"away", "out and away"}
    for roll in away:
        strikes = {leg[0]: float(leg[3:]) for leg in roll.legs.split()}
        assert sign * (strikes["-"] - before) > 0
        priced = chain.priced((1, 60))
        row = priced[(priced["expiration"] == pd.Timestamp(roll.expiration)) & (priced["right"] == short)]
        best = (row["delta"].abs() - 0.16).abs().idxmin()
        assert strikes["-"] == row["strike"][best]
        if "+" in strikes:
            assert abs(strikes["+"] - strikes["-"]) == 5
    assert "moves to 0.16 delta" in " ".join(held(chain, legs=legs, credit=credit).to_text(columns=200).split())


def test_a_short_far_out_and_a_debit_are_not_rolled_away(chain):
    for legs, credit in ((["-1C215", "+1C220"], 0.5), (["+1C205", "-1C210"], -2.0)):
        (position,) = held(chain, legs=legs, credit=credit).positions
        assert "away" not in {roll.kind for roll in position.rolls}


def away_of(position):
    return [roll.legs for roll in position.rolls if roll.kind == "away"]


def test_a_condor_rolls_to_the_listed_strikes_nearest_its_centre(made_quotes, tmp_path, chain):
    """Centred by +4; strikes that end in 0, 2, 5 and 7 list +5 alone."""
    legs, quotes = ["+1P180", "-1P185", "-1C207", "+1C212"], made_quotes()
    quotes = quotes[(quotes["strike"] % 5).isin([0, 2])]
    quotes.to_csv(tmp_path / "chain.csv", index=False)
    sparse = iwm.read_chain(tmp_path / "chain.csv", as_of="2026-03-02", dividends="none")
    assert away_of(held(sparse, legs=legs).positions[0]) == ["+1P185 -1P190 -1C212 +1C217"]
    # Centred by +2.5: of 2 and 3 as near the smaller.
    (between,) = held(chain, legs=["+1P180", "-1P185", "-1C210", "+1C215"]).positions
    assert away_of(between) == ["+1P182 -1P187 -1C212 +1C217"]

    quotes.loc[(quotes["strike"] == 217) & (quotes["right"] == "C"), ["bid", "ask"]] = 0.0
    quotes.to_csv(tmp_path / "unquoted.csv", index=False)
    result = held(iwm.read_chain(tmp_path / "unquoted.csv", as_of="2026-03-02", dividends="none"), legs=legs)
    assert away_of(result.positions[0]) == []
    note = "trade 1: no roll away: no strikes listed on 2026-04-02 with a two-sided quote for every leg"
    assert note in result.to_dict()["notes"]
    assert note in " ".join(result.to_text(columns=200).split())


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({"legs": ["+1P185", "-1P190", "-1C210", "+1C215"]}, ("no listed strikes are", "nearer")),
        ({"legs": ["-1C215", "+1C220"], "credit": 0.5}, ("strike 215 is at 0.16 delta",)),
        ({"legs": ["+1C205", "-1C210"], "credit": -2.0}, ("no roll away", "sold for a credit")),
        ({"exits": iwm.ExitLevels(dte=31)}, ("31 days to expiration", "exit is at 31")),
    ],
)
def test_a_roll_that_does_not_exist_is_named_with_its_reason(chain, given, note):
    result = held(chain, **given)
    assert shows(result.to_dict()["notes"], "trade 1", *note)
    assert shows(" ".join(result.to_text(columns=200).split()), *note)


def test_a_chain_read_as_of_a_day_decides_as_of_that_day(chain_path):
    legs = {"expiration": "2026-04-02", "credit": 3.5, "opened": "2026-02-20"}
    named = iwm.manage(iwm.read_chain(chain_path, as_of="2026-03-02", dividends="none"), LEGS, **legs)
    assert (named.stale, named.positions[0].rule) == ("", "profit")
    unnamed = iwm.manage(iwm.read_chain(chain_path, dividends="none"), LEGS, **legs)
    assert shows(unnamed.stale, "with `as_of` 2026-03-02")


def test_a_log_keeps_its_names_and_other_underlyings_are_left_out(chain, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(
        "trade,entry,contracts,symbol,legs,expiration,credit,fees\n"
        "A7,2026-02-20,1,IWM,+1P185 -1P190 -1C212 +1C217,2026-04-02,1.30,2.60\n"
        "A9,2026-02-20,1,IWM,+1P185 -1P190.5 -1C212 +1C217,2026-04-02,1.30,2.60\n"
        "B1,2026-02-20,1,SPY,+1P185 -1P190 -1C212 +1C217,2026-04-02,1.30,2.60\n"
    )
    result = iwm.manage(chain, log, now=MONDAY_NOON)
    assert [row["trade"] for row in result.to_dict()["positions"]] == ["A7", "A9"]
    assert shows(result.notes, "trade B1: of SPY", "of IWM")
    assert (result.portfolio.unmarked, result.portfolio.pnl) == (1, result.positions[0].pnl)
    assert shows(" ".join(result.to_text(columns=120).split()), "1 position", "marked")


def test_opening_fees_that_a_log_does_not_name_are_the_schedules(chain, tmp_path):
    log = tmp_path / "log.csv"
    row = "2026-02-20,1,IWM,+1P185 -1P190 -1C212 +1C217,2026-04-02,1.30"
    log.write_text(f"entry,contracts,symbol,legs,expiration,credit\n{row}\n")
    legs = ["+1P185", "-1P190", "-1C212", "+1C217"]
    entered = {"expiration": "2026-04-02", "credit": 1.30, "opened": "2026-02-20"}
    (logged,) = iwm.manage(chain, log, now=MONDAY_NOON).positions
    (typed,) = iwm.manage(chain, legs, now=MONDAY_NOON, **entered).positions
    assert (logged.pnl, logged.max_loss) == (typed.pnl, typed.max_loss)


def test_no_roll_goes_where_the_dte_exit_is_due_within_days(made_quotes, tmp_path):
    quotes = made_quotes()
    quotes.assign(expiration=quotes["expiration"].astype(str).replace("2026-04-17", "2026-03-25")).to_csv(
        tmp_path / "near.csv", index=False
    )
    chain = iwm.read_chain(tmp_path / "near.csv", as_of="2026-03-02", dividends="none")  # 18, 23 and 31 days ahead
    legs = {"expiration": "2026-03-20", "credit": 1.0, "opened": "2026-02-20"}
    (position,) = iwm.manage(chain, ["+1P185", "-1P190"], now=MONDAY_NOON, **legs).positions
    assert {roll.expiration.isoformat() for roll in position.rolls} == {"2026-04-02"}


def test_a_stop_is_judged_at_the_fill_on_the_own_credit_and_filled_at_natural(chain, made_quotes):
    quotes, day = made_quotes(), date(2026, 4, 2)
    bids, asks = zip(*(quote(quotes, day, leg) for leg in LEGS), strict=True)
    natural = asks[1] + asks[2] - bids[0] - bids[3]  # buys the short legs back, sells the long ones
    mid = natural - sum(np.subtract(asks, bids)) / 2
    stopped, not_yet = (held(chain, credit=credit, fill="mid").positions[0] for credit in (mid / 3.1, mid / 2.9))
    assert (stopped.rule, not_yet.rule) == ("stop", "")
    assert stopped.mark.debit == pytest.approx(round(natural, 2))
    assert f"@{natural:.2f} LMT" in stopped.order
    assert not_yet.mark.debit == pytest.approx(mid, abs=0.0051)


def test_the_header_names_time_and_session_of_the_quotes(made_quotes, tmp_path):
    at = pd.Timestamp("2026-03-02 15:30", tz="America/New_York")
    file = tmp_path / "chain.csv"
    made_quotes().assign(quote_time=at, session="regular").to_csv(file, index=False)
    result = held(iwm.read_chain(file, as_of="2026-03-02", dividends="none"))
    screened = iwm.screen(iwm.read_chain(file, as_of="2026-03-02", dividends="none")).to_text(columns=200)
    (head,) = (line for line in screened.splitlines() if line.startswith("IWM 200.00"))
    assert "2026-03-02 15:30 New York, session regular  from" in head
    assert head in result.to_text(columns=200).splitlines()
    record = result.to_dict()
    assert (record["session"], record["quote_time"]) == ("regular", "2026-03-02T15:30:00-05:00")


def test_stale_quotes_decide_nothing(chain_path):
    chain = iwm.read_chain(chain_path, dividends="none")
    later = datetime(2026, 3, 4, 10, tzinfo=ZoneInfo("America/New_York"))
    stale = held(chain, credit=3.5, now=later)
    assert "STALE: quotes of 2026-03-02" in stale.to_text(columns=80)
    (position,) = stale.positions
    assert (position.rule, position.order, position.rolls) == ("", "", ())
    before_the_open = datetime(2026, 3, 3, 8, tzinfo=ZoneInfo("America/New_York"))
    assert held(chain, credit=3.5, now=before_the_open).stale == ""


def test_condors_of_one_expiration_cannot_lose_both_sides(chain, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(
        "trade,entry,contracts,symbol,legs,expiration,credit,fees\n"
        "low,2026-02-20,1,IWM,+1P170 -1P175 -1C195 +1C200,2026-04-02,2.00,2.60\n"
        "high,2026-02-20,1,IWM,+1P203 -1P208 -1C225 +1C230,2026-04-02,2.50,2.60\n"
    )
    result = iwm.manage(chain, log, now=MONDAY_NOON)
    (risk,) = result.portfolio.risks
    # Each, above its calls: two legs exercised at $5, and the dividend of 2.50 on the short call assigned early.
    assert risk.apart == pytest.approx(500 - 200 + 2.60 + 260 + 500 - 250 + 2.60 + 260)
    # Above 230 all calls are exercised: both lose 5, the credits of both are kept.
    assert risk.together == pytest.approx(1000 - 450 + 5.20 + 2 * 260)
    # Just below 230 the short 225 call alone of the high calls is exercised: 10 lost less 4.50, then 10% of 230 on the
    # shares; three legs exercised or assigned at $5. Two
    # short calls, assigned early, owe the dividend of 2.50 each.
    assert risk.delivery == pytest.approx(100 * (10 - 4.5 + 23 + 2 * 2.5) + 3 * 5 + 5.20)
    assert risk.requirement == pytest.approx(1000)
    apart = iwm.manage(chain, ["+1P170", "-1P175", "-1C225", "+1C230"], expiration="2026-04-02", credit=0.5,
                       now=MONDAY_NOON).portfolio.risks[0]  # fmt: skip
    assert apart.requirement == pytest.approx(500)


def test_losses_of_several_expirations_add_up(chain, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(
        "trade,entry,contracts,symbol,legs,expiration,credit,fees\n"
        "near,2026-02-20,1,IWM,+1P170 -1P175,2026-04-02,1.00,1.30\n"
        "far,2026-02-20,2,IWM,+1P170 -1P175,2026-04-17,1.00,2.60\n"
    )
    result = iwm.manage(chain, log, now=MONDAY_NOON)
    near, far = result.portfolio.risks
    record = result.to_dict()["portfolio"]
    assert record["max_loss"] == pytest.approx(near.together + far.together)
    # Both legs of each are exercised or assigned at $5 when all puts end in the money.
    assert record["max_loss"] == pytest.approx(3 * (500 - 100 + 1.30 + 10))
    assert record["requirement"] == pytest.approx(3 * 500)
    assert "all expirations: largest loss $1,234, margin $1,500" in " ".join(result.to_text(columns=80).split())


def test_a_strike_that_is_gone_is_named(chain):
    (position,) = held(chain, legs=["+1P20", "-1P190"], credit=1.0).positions
    assert "not listed" in position.problem
    assert "not marked" in held(chain, legs=["+1P20", "-1P190"], credit=1.0).to_text(columns=80)


def test_deltas_are_weighted_by_beta(chain, tmp_path):
    days = pd.DatetimeIndex(sessions(date(2025, 1, 2), date(2026, 3, 2)))
    spy = pd.Series(400.0 * 1.001 ** pd.RangeIndex(len(days)), index=days)
    spy += pd.Series([0.0, 4.0] * (len(days) // 2) + [0.0] * (len(days) % 2), index=days)
    ours = 200.0 * (1 + 1.5 * spy.pct_change().fillna(0.0)).cumprod()
    for name, close in (("spy", spy), ("iwm", ours)):
        frame = pd.DataFrame({"date": days, "open": close, "high": close * 1.01, "low": close * 0.99, "close": close})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    result = held(chain, bars=str(tmp_path / "iwm.csv"), spy=str(tmp_path / "spy.csv"))
    assert result.portfolio.beta == pytest.approx(1.5, rel=1e-6)
    assert result.portfolio.spy_delta == pytest.approx(result.portfolio.delta * 1.5 * 200.0 / float(spy.iloc[-1]))


def test_no_position_is_an_error(chain, monkeypatch, tmp_path):
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "archive"))
    with refused("positions", "paper"):
        iwm.manage(chain)
