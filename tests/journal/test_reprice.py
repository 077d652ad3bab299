"""Re-pricing by hand: fills at mid give way to a convention, fees to a schedule, to the cent."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import iwm_opts as iwm
from iwm_opts.conventions import ASSUMED_RATE
from iwm_opts.errors import InputError
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.journal.readers import read_log
from iwm_opts.journal.reprice import CASCADE, REJECTED, RepriceTerms, reprice
from iwm_opts.journal.trade_log import log_of_rows
from iwm_opts.market.calendar import at_close, years_to_expiry
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.spread_fit import spread_terms
from tests.refusals import refused, refused_data, shows

CONDOR = {
    "symbol": "IWM", "expiration": "2026-04-17", "legs": "+1P185 -1P190 -1C210 +1C215", "contracts": 2,
    "entry": "2026-03-02 15:50", "exit": "2026-03-17 15:55", "credit": 0.92, "debit": 0.42, "reason": "profit target",
}  # fmt: skip
# Bids and asks: mids of 0.92 and 0.42 for the condor, half-spreads of 0.10 both days.
QUOTES = {
    "2026-03-02": {"P185": (0.50, 0.54), "P190": (0.90, 0.96), "C210": (0.80, 0.86), "C215": (0.30, 0.34)},
    "2026-03-17": {"P185": (0.20, 0.24), "P190": (0.40, 0.46), "C210": (0.30, 0.36), "C215": (0.10, 0.14)},
}
TERMS = RepriceTerms(fees=FeeSchedule.parse("custom:0.65"))


@pytest.fixture
def chains(tmp_path):
    rows = [
        {"quote_date": day, "quote_time": f"{day} 16:00", "underlying_symbol": "IWM", "underlying_price": 200.0,
         "expiration": "2026-04-17", "right": name[0], "strike": float(name[1:]), "bid": bid, "ask": ask}
        for day, quotes in QUOTES.items() for name, (bid, ask) in quotes.items()
    ]  # fmt: skip
    file = tmp_path / "chains.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    return str(file)


def repriced(chains, terms=TERMS, **changes):
    log = log_of_rows([CONDOR | changes], "omega.csv")
    return iwm.reprice(log, quotes=(chains,), fill=terms.fill, stop_fill=terms.stop_fill, fees="custom:0.65").repricing


def test_recorded_quotes_to_the_cent(chains):
    result = repriced(chains)
    (row,) = result.trades.to_dict("records")
    # Half of 0.10 each way: 0.87 and 0.47. Fees: 2 packages x 8 legs x 0.65.
    assert (row["credit"], row["debit"]) == (pytest.approx(0.87), pytest.approx(0.47))
    assert row["fees"] == pytest.approx(10.40)
    assert row["pnl"] == pytest.approx(200 * (0.87 - 0.47) - 10.40) == pytest.approx(69.60)
    assert result.total == pytest.approx(
        {"log_pnl": 100.0, "log_fees": 0.0, "log_slippage": 0.0, "quote_gap": 0.0, "mid_pnl": 100.0,
         "entry_slippage": 10.0, "exit_slippage": 10.0, "fees": 10.40, "assignment": 0.0, "pnl": 69.60}
    )  # fmt: skip
    # 89.60 over 2 x 100 x (0.10 + 0.10) of half-spreads, and over 400 shares of orders.
    assert result.breakeven == (pytest.approx(2.24), pytest.approx(0.224))
    assert (row["entry_quotes"], row["exit_quotes"]) == ("recorded", "recorded")


@pytest.fixture
def captures(chains, tmp_path):
    """Captures of 2026-03-17 at 15:40, mid 0.42, and at 16:06, with asks 1 wider."""

    def write(*times):
        rows = pd.read_csv(chains)
        first, last = rows[rows["quote_date"] == "2026-03-02"], rows[rows["quote_date"] == "2026-03-17"]
        late = [
            last.assign(quote_time=f"2026-03-17 {time}", ask=last["ask"] + (time > "16:00")) for time in times
        ]  # fmt: skip
        files = []
        for number, frame in enumerate([first, *late]):
            files.append(str(tmp_path / f"capture{number}.csv"))
            frame.to_csv(files[-1], index=False)
        return files

    return write


def test_a_fill_in_the_session_takes_no_capture_after_the_close(captures):
    log = log_of_rows([CONDOR | {"exit": "2026-03-17 15:54", "exit_spot": 200.0}], "omega.csv")

    def exits(*times):
        result = iwm.reprice(log, quotes=captures(*times), fill=TERMS.fill, fees="custom:0.65")
        row = result.repricing.trades.iloc[0]
        return row["exit_quotes"], row["exit_half_spread"], " ".join(result.to_text(columns=200).split())

    note = "1 fill in the session not quoted: the captures within 20 min are from before the open or after the close"
    origin, half_spread, page = exits("15:40", "16:06")
    assert (origin, half_spread) == ("recorded", pytest.approx(0.10))
    assert note not in page
    origin, _, page = exits("16:06")
    assert origin == "modelled"
    assert note in page


def test_captures_after_the_close_alone_are_named_where_nothing_can_be_repriced(captures):
    """Without a spot the trade is left out; the quotes that were given are not asked for again."""
    late = CONDOR | {"exit": "2026-03-17 15:54"}
    note = "1 fill in the session not quoted: the captures within 20 min are from before the open or after the close"
    with pytest.raises(InputError) as refusal:
        iwm.reprice(log_of_rows([late], "omega.csv"), quotes=captures("16:06"), fill=TERMS.fill)
    assert note in str(refusal.value)
    assert str(refusal.value).endswith("Give bars, or quotes of the times of the fills.")
    with refused("log", "omega.csv", "IWM"):
        iwm.reprice(log_of_rows([late], "omega.csv"), fill=TERMS.fill)
    both = log_of_rows([late, late | {"exit_spot": 200.0}], "omega.csv")  # one left out, one modelled
    result = iwm.reprice(both, quotes=captures("16:06"), fill=TERMS.fill)
    assert len(result.repricing.left_out) == 1
    assert note.replace("1 fill", "2 fills") in " ".join(result.to_text(columns=200).split())


@pytest.mark.parametrize(
    ("changes", "fill", "debit"),
    [
        ({"reason": "stop loss"}, "fraction:0.5", 0.52),  # at natural: 0.42 and a half-spread
        ({}, "natural", 0.52),
        ({}, "mid", 0.42),
    ],
)
def test_exits_by_reason_and_convention(chains, changes, fill, debit):
    terms = RepriceTerms(fill=FillModel.parse(fill))
    assert repriced(chains, terms, **changes).trades["debit"][0] == pytest.approx(debit)


def test_fills_that_the_quotes_do_not_bear_out_are_a_gap(chains):
    # The log claims 0.03 more than mid and paid 5.00 of fees: 200 x 0.03 is the gap, the rest is as above.
    total = repriced(chains, credit=0.95, fees=5.0).total
    assert total["log_pnl"] == pytest.approx(200 * 0.53 - 5.0)
    assert total["quote_gap"] == pytest.approx(-6.0)
    assert total["pnl"] == pytest.approx(69.60)


def test_mids_of_the_log_count_before_its_fills(chains):
    total = repriced(chains, credit=0.87, debit=0.47, entry_mid=0.92, exit_mid=0.42).total
    assert (total["log_pnl"], total["log_slippage"], total["quote_gap"]) == (
        pytest.approx(80.0), pytest.approx(20.0), pytest.approx(0.0),
    )  # fmt: skip


def test_an_expiry_pays_no_closing_order(chains):
    result = repriced(chains, reason="expiry", exit="2026-04-17", debit=0.0)
    (row,) = result.trades.to_dict("records")
    assert row["pnl"] == pytest.approx(200 * 0.87 - 2 * 4 * 0.65)
    assert row["exit_quotes"] == "settled"
    assert result.breakeven[0] == pytest.approx((200 * 0.92 - 5.20) / (200 * 0.10))


def test_a_credit_that_the_fill_eats_is_not_opened(chains):
    terms = RepriceTerms(fill=FillModel.parse("stress:10"), fees=TERMS.fees)
    with refused("log", "omega.csv") as refusal:
        repriced(chains, terms)
    assert REJECTED in refusal.value.rule
    log = log_of_rows([CONDOR, CONDOR | {"legs": "+1P185 -1P190", "credit": 0.01, "entry_spot": 200.0}], "two")
    both = iwm.reprice(log, quotes=(chains,), fill="stress:3.5", fees="custom:0.65").repricing
    assert list(both.left_out["why"]) == []
    log = log_of_rows([CONDOR | {"entry_spot": 200.0, "exit_spot": 200.0, "credit": credit} for credit in (0.02, 0.92)],
                      "modelled")  # fmt: skip
    modelled = reprice(log, TERMS)
    assert list(modelled.left_out["why"]) == [REJECTED]
    assert len(modelled.trades) == 1


def black(sign, forward, strike, years, vol, discount):
    stdev = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / stdev + stdev / 2
    return discount * sign * (forward * norm.cdf(sign * d1) - strike * norm.cdf(sign * (d1 - stdev)))


def test_modelled_spreads_are_those_of_the_model_at_the_vol_of_the_price():
    day, expiration, spot, vol = date(2026, 3, 3), date(2026, 4, 17), 200.0, 0.25
    years = float(years_to_expiry(at_close(day), [expiration])[0])
    discount = math.exp(-ASSUMED_RATE * years)
    values, halves = [], []
    model = shipped_parameters().spread
    for strike in (185.0, 190.0):
        value = black(-1.0, spot / discount, strike, years, vol, discount)
        terms = spread_terms(np.array([value]), np.zeros(1), np.zeros(1), np.array([45.0]))
        half = 0.5 * model.friday[-1] * math.exp((terms @ np.array(model.coefficients)).item())  # 45 days: beyond 35
        values.append(value)
        halves.append((math.ceil(100 * (value + half)) - math.floor(100 * (value - half))) / 200)
    credit = values[1] - values[0]
    log = log_of_rows(
        [{"entry": day, "exit": "2026-04-17", "reason": "expiry", "expiration": "2026-04-17", "legs": "+1P185 -1P190",
          "contracts": 1, "credit": credit, "debit": 0.0, "entry_spot": spot}], "modelled"
    )  # fmt: skip
    (row,) = reprice(log, TERMS).trades.to_dict("records")
    assert row["entry_mid"] == pytest.approx(credit, abs=1e-9)
    assert row["entry_half_spread"] == pytest.approx(sum(halves), abs=1e-9)
    assert row["credit"] == pytest.approx(math.floor(100 * (credit - sum(halves) / 2)) / 100)
    assert row["entry_quotes"] == "modelled"


def test_bars_give_the_price_of_the_underlying(tmp_path):
    days = ["2026-03-02", "2026-03-17"]
    bars = pd.DataFrame({"date": days, "open": 200.0, "high": 201.0, "low": 199.0, "close": 200.0})
    bars.to_csv(tmp_path / "bars.csv", index=False)
    log = log_of_rows([CONDOR], "mine")
    with refused("log", "mine", "IWM"):
        reprice(log, TERMS)
    result = iwm.reprice(log, bars=tmp_path / "bars.csv", fees="custom:0.65").repricing
    own = log_of_rows([CONDOR | {"entry_spot": 200.0, "exit_spot": 200.0}], "mine")
    assert result.total == reprice(own, TERMS).total


def test_bars_of_another_underlying_price_nothing(tmp_path):
    bars = pd.DataFrame({"close": [2_000.0] * 2}, index=pd.DatetimeIndex(["2026-03-02", "2026-03-17"]))
    with refused("log", "mine", "IWM"):
        reprice(log_of_rows([CONDOR], "mine"), TERMS, bars=bars)


def test_fills_of_a_broker_are_named(chains):
    of_broker = repriced(chains, market="tastytrade transactions, account 5")
    assert shows(of_broker.log.notes, "twice")
    assert not shows(repriced(chains, market="Option Omega").log.notes, "twice")


def test_the_cascade_of_many_trades_adds_up(chains):
    log = log_of_rows(
        [CONDOR | {"entry_spot": 200.0, "exit_spot": 195.0 + i, "debit": 0.2 + 0.1 * i, "entry": "2026-03-03"}
         for i in range(9)], "many",
    )  # fmt: skip
    result = reprice(log, TERMS)
    total = result.total
    assert set(total) == set(CASCADE)
    mid = total["log_pnl"] + total["log_fees"] + total["log_slippage"] - total["assignment"] + total["quote_gap"]
    assert mid == pytest.approx(total["mid_pnl"], abs=0.005)
    costs = total["entry_slippage"] + total["exit_slippage"] + total["fees"]
    assert total["pnl"] == pytest.approx(mid - costs + total["assignment"], abs=0.005)
    assert list(result.log.trades["pnl"]) == pytest.approx(list(result.trades["pnl"]))
    units = 200 * (result.trades["entry_half_spread"] + result.trades["exit_half_spread"])
    share = result.breakeven[0]
    assert total["mid_pnl"] - total["fees"] - share * units.sum() == pytest.approx(0.0, abs=1e-6)


# Columns as Option Omega and tradeblocks write them; contracts of the legs are those of the whole position, and a
# debit to close is positive in one version and negative in the other.
OMEGA = (
    "Date Opened,Time Opened,Opening Price,Legs,Premium,Closing Price,Date Closed,Time Closed,Avg. Closing Cost,"
    "Reason For Close,P/L,No. of Contracts,Margin Req.,Underlying,Strategy,Opening Commissions + Fees,"
    "Closing Commissions + Fees\n"
    "2026-01-05,10:00:00,228.40,2 Feb 20 212 P STO 1.62 | 2 Feb 20 207 P BTO 1.02,60,229.10,2026-01-28,10:15:00,{},"
    "Profit Target,57.60,2,764,IWM,BPS,1.20,1.20\n"
    "2026-03-02,10:00:00,230.00,3 Mar 13 222 P STO 0.80 | 3 Mar 13 217 P BTO 0.35,45,229.00,2026-03-13,16:00:00,0,"
    "Expired,131.40,3,1365,IWM,BPS,3.60,0\n"
)


@pytest.mark.parametrize("closing", ["30", "-30"])
def test_option_omega_logs(tmp_path, closing):
    (tmp_path / "omega.csv").write_text(OMEGA.format(closing))
    log = read_log(tmp_path / "omega.csv")
    first, second = log.closed.to_dict("records")
    assert (first["legs"], first["credit"], first["debit"], first["fees"]) == ("+1P207 -1P212", 0.60, 0.30, 2.40)
    assert (first["symbol"], first["entry_spot"], second["reason"]) == ("IWM", 228.40, "expiry")
    total = reprice(log, TERMS).total
    assert total["mid_pnl"] == pytest.approx(200 * 0.30 + 300 * 0.45)
    assert total["fees"] == pytest.approx(0.65 * (2 * 2 * 2 + 3 * 2))


@pytest.mark.parametrize(
    ("cost", "pnl", "fees"), [(-20, 127.44, "1.28"), (-20, 25.00, "1.28"), (-21.5, 27.44, "1.28"), (-20, -60.00, "")]
)
def test_fees_of_option_omega_are_not_made_up(tmp_path, cost, pnl, fees):
    header, _ = OMEGA.split("\n", 1)
    row = "2026-03-02,10:00:00,230,1 Mar 20 190 P STO 1.20 | 1 Mar 20 185 P BTO 0.70,50,229,2026-03-10,11:00:00,{},"
    row += "Profit Target,{},1,450,IWM,BPS,{},{}\n"
    text = header + "\n" + row.format(cost, pnl, fees, fees) + row.format(-20, 27.44, 1.28, 1.28)
    (tmp_path / "omega.csv").write_text(text)
    log = read_log(tmp_path / "omega.csv")
    assert list(log.closed["pnl"]) == [27.44]
    assert shows(log.problems[0], f"line 2: P/L {pnl:.2f}", "premium")


def test_premiums_of_option_omega_in_whole_dollars(tmp_path):
    # 50.40 - 19.80 less 2.56, and without columns of fees.
    (tmp_path / "omega.csv").write_text(
        OMEGA.split("\n", 1)[0] + "\n2026-03-02,10:00:00,230,1 Mar 20 190 P STO 1.20 | 1 Mar 20 185 P BTO 0.70,50,229,"
        "2026-03-10,11:00:00,-20,Profit Target,28.04,1,450,IWM,BPS,1.28,1.28\n"
        "2026-03-02,10:00:00,230,1 Mar 20 190 P STO 1.20 | 1 Mar 20 185 P BTO 0.70,50,229,"
        "2026-03-10,11:00:00,-20,Profit Target,27.44,1,450,IWM,BPS,,\n"
    )
    rounded, without = read_log(tmp_path / "omega.csv").closed.to_dict("records")
    assert (rounded["pnl"], rounded["fees"]) == (28.04, 2.56)
    assert rounded["debit"] == pytest.approx(0.1940)
    assert (without["pnl"], without["debit"], without["fees"]) == (27.44, 0.20, pytest.approx(2.56))


OPTOPSY = (
    "trade_id,underlying_symbol,entry_date,exit_date,days_held,expiration,entry_cost,exit_proceeds,quantity,multiplier,"
    "dollar_cost,dollar_proceeds,realized_pnl,pct_change,cumulative_pnl,equity,description\n"
    "1,IWM,2026-01-05,2026-01-30,25,2026-02-20,-1.18,-0.60,2,100,-236,-120,116,0.49,116,100116,"
    "put 207.0/put 212.0/call 243.0/call 248.0\n"
    "2,IWM,2026-02-02,2026-03-20,46,2026-03-20,2.10,3.40,1,100,210,340,130,0.62,246,100246,call 230.0/call 235.0\n"
    "3,IWM,2026-02-02,2026-03-20,46,2026-03-20,2.10,3.40,1,100,210,340,130,0.62,246,100246,put 230.0\n"
    "4,IWM,2026-02-02,2026-03-20,46,2026-03-20,2.10,3.40,1,100,210,340,430,0.62,246,100246,call 230.0/call 235.0\n"
)
RAW = (
    "underlying_symbol,underlying_price_entry_leg1,expiration,dte_entry,option_type_leg1,strike_leg1,option_type_leg2,"
    "strike_leg2,total_entry_cost,total_exit_proceeds,pct_change\n"
    "IWM,228.4,2026-02-20,46,put,207.0,put,212.0,-0.60,-0.10,0.83\n"
)


def test_optopsy_logs(tmp_path):
    (tmp_path / "log.csv").write_text(OPTOPSY)
    log = read_log(tmp_path / "log.csv")
    condor, spread = log.closed.to_dict("records")
    assert (condor["strategy"], condor["legs"]) == ("iron-condor", "+1P207 -1P212 -1C243 +1C248")
    assert (condor["credit"], condor["debit"], condor["pnl"]) == (1.18, 0.60, pytest.approx(116.0))
    assert (spread["strategy"], spread["reason"], spread["pnl"]) == ("bull-call", "expiry", pytest.approx(130.0))
    assert any("line 4" in problem and "legs P" in problem for problem in log.problems)
    assert any(shows(each, "5: realized_pnl 430.00 is", "make, 130.00") for each in log.problems)
    (tmp_path / "raw.csv").write_text(RAW)
    (trade,) = read_log(tmp_path / "raw.csv").closed.to_dict("records")
    assert (trade["legs"], f"{trade['entry']:%Y-%m-%d}", trade["entry_spot"]) == ("+1P207 -1P212", "2026-01-05", 228.4)
    assert trade["pnl"] == pytest.approx(50.0)


def test_bars_of_another_ticker_are_refused(tmp_path):
    (tmp_path / "bars.csv").write_text("symbol,date,open,high,low,close\nSPY,2024-06-03,500,502,499,501\n")
    with refused_data("bars.csv", "symbol", "SPY", "IWM"):
        iwm.reprice(log_of_rows([CONDOR], "log"), bars=tmp_path / "bars.csv")


def test_quotes_that_hold_no_chain_are_named(tmp_path, chains):
    log = log_of_rows([CONDOR], "made")
    series = tmp_path / "series.csv"
    series.write_text("date,close\n2026-03-02,20\n")
    for path, field in ((tmp_path / "absent.csv", "content"), (series, "kind")):
        with refused_data(path, field):
            iwm.reprice(log, quotes=(str(path),))
    assert iwm.reprice(log, quotes=(str(tmp_path),)).repricing  # of a folder, other files are left out
