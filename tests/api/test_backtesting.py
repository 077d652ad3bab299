"""The public API of backtests, sweeps and evidence on a small simulated market."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import iwm_opts as iwm
from iwm_opts.backtest import rules as engine
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.spreads.legs import Wing

FAST = {"dte": 30, "exit_dte": 10, "contracts": 1, "ivr_lookback": 20}


@pytest.fixture(scope="module")
def market():
    return iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=1, seed=5, ivr_lookback=20)


@pytest.fixture(scope="module")
def ungated(market):
    return iwm.backtest(market, iwm.Rules(ivr_below=None, **FAST))


def test_a_result_is_the_commands_json(ungated, capsys):
    from iwm_opts.cli.main import main

    command = (
        "backtest --source sim --from 2023-02-15 --to 2023-08-31 --paths 1 --seed 5 --ivr-lookback 20 --no-gate "
        "--dte 30 --exit-dte 10 --contracts 1 --format json"
    )
    with pytest.raises(SystemExit):
        main(command.split())
    assert ungated.to_dict() == json.loads(capsys.readouterr().out)


def test_trades_equity_costs_and_returns_agree(ungated, market):
    trades, equity, costs = ungated.trades, ungated.equity, ungated.costs
    assert len(trades) > 5
    assert trades["entry"].dtype.kind == equity.index.dtype.kind == "M"
    assert costs["pnl"] == pytest.approx(equity["equity"].iloc[-1] - 50_000)
    paid = costs["entry_slippage"] + costs["exit_slippage"] + costs["fees"]
    assert costs["mid_pnl"] - paid + costs["assignment"] == pytest.approx(costs["pnl"])
    returns = ungated.returns
    assert isinstance(returns.index, pd.DatetimeIndex)
    assert 50_000 * np.prod(1.0 + returns) == pytest.approx(equity["equity"].iloc[-1])
    assert returns.mean() / returns.std() * np.sqrt(252) == pytest.approx(ungated.metrics.sharpe)
    assert len(returns) == len(market.days)


def test_trades_without_a_stop_within_the_width_are_counted(market):
    near = iwm.backtest(market, iwm.Rules(ivr_below=None, put_delta=0.45, call_delta=0.45, **FAST))
    beyond = int((3.0 * near.trades["credit"] > 5.0).sum())
    assert beyond > 0
    sentence = "trades without a stop within the width: the worst case is the max loss"
    assert [note for note in near.notes if "stop" in note] == [f"{beyond} {sentence}"]
    without = iwm.backtest(market, iwm.Rules(ivr_below=None, put_delta=0.45, call_delta=0.45, stop=None, **FAST))
    assert not any("stop" in note for note in without.notes)


def test_exits_of_a_debit_name_the_debit(market):
    bought = iwm.backtest(market, iwm.Rules(strategy="bull-call", ivr_below=None, **FAST))
    assert "stop 0.5 x debit" in bought.to_text(columns=200)
    assert "credit" not in next(line for line in bought.to_text(columns=200).splitlines() if line.startswith("exits"))
    never = iwm.backtest(market, iwm.Rules(strategy="bull-call", stop=2.0, ivr_below=None, **FAST))
    sentence = "trades without a stop within the debit: the worst case is the max loss"
    assert [note for note in never.notes if "stop" in note] == [f"{len(never.trades)} {sentence}"]


def test_pictures_and_pages(ungated, tmp_path):
    assert isinstance(ungated.plot(), Axes)
    page = ungated.to_html(tmp_path / "sheet.html")
    assert (tmp_path / "sheet.html").read_text() == page
    assert page.count('class="label"') == 2  # simulated data are labelled on top and bottom
    assert "default-src 'none'" in page  # a browser fetches nothing
    assert "://" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "gate any IV rank" in ungated._repr_html_()


def test_own_entries_are_the_days_of_entry(market, ungated):
    signal = pd.Series(False, index=market.days)
    chosen = market.days[[10, 40, 70]]
    signal[chosen] = True
    result = iwm.backtest(market, iwm.Rules(entries=signal, **FAST))
    assert result.trades["entry"].tolist() == list(chosen)
    every_day = iwm.backtest(market, iwm.Rules(entries=pd.Series(True, index=market.days), **FAST))
    assert len(every_day.trades) == len(ungated.trades)


@pytest.mark.parametrize("zone", ["America/New_York", "UTC"])
def test_entries_with_a_time_zone_are_dates_in_new_york(market, ungated, zone):
    stamps = market.days.tz_localize("America/New_York").tz_convert(zone)
    aware = iwm.backtest(market, iwm.Rules(entries=pd.Series(True, index=stamps), **FAST))
    assert aware.trades["entry"].tolist() == ungated.trades["entry"].tolist()
    dates = iwm.backtest(market, iwm.Rules(entries=pd.Series(True, index=market.days.tz_localize(zone)), **FAST))
    assert dates.trades["entry"].tolist() == ungated.trades["entry"].tolist()


@pytest.mark.parametrize("first", [None, "2020-03-02"])
def test_entries_without_a_date_of_the_market_are_refused(market, first):
    days = pd.DatetimeIndex([]) if first is None else pd.bdate_range(first, periods=20)
    with pytest.raises(InputError) as failure:
        iwm.backtest(market, iwm.Rules(entries=pd.Series(True, index=days, dtype=bool), **FAST))
    assert failure.value.name == "entries"
    assert "2023-02-15 to 2023-08-31" in failure.value.rule


@pytest.mark.parametrize(("name", "levels"), [("profit", (0.25, 0.75)), ("stop", (0.5, 2.0))])
def test_own_levels_by_entry_date_are_those_of_rules_with_each(market, name, levels):
    """Positions do not meet: without a limit on them a trade depends on its own entry alone."""
    rules = {**FAST, "ivr_below": None, "max_open": 100}
    odd = np.arange(len(market.days)) % 2 == 1
    one, other, off = (iwm.backtest(market, iwm.Rules(**{name: level}, **rules)).trades for level in (*levels, None))
    series = pd.Series(np.where(odd, *levels), index=market.days.tz_localize("America/New_York"))
    series.iloc[60:] = np.nan
    result = iwm.backtest(market, iwm.Rules(**{name: series.iloc[:90]}, **rules))
    is_early, is_odd = one["entry"].isin(market.days[:60]), one["entry"].isin(market.days[odd])
    expected = one.where(is_early & is_odd, other.where(is_early, off)).astype(one.dtypes)
    pd.testing.assert_frame_equal(result.trades, expected)
    assert not any(result.trades.equals(each) for each in (one, other, off))
    assert any(name in note for note in result.notes)


def test_own_levels_are_refused_where_rules_vary(market):
    rules = iwm.Rules(profit=pd.Series(0.5, index=market.days), **FAST)
    for ask in (
        lambda: iwm.evidence(market, rules),
        lambda: iwm.sweep(market, rules, {"stop": [1, 2]}),
        lambda: iwm.sweep(market, iwm.Rules(**FAST), {"profit": [0.5, rules.profit]}),
        lambda: iwm.walk_forward(market, rules, {"stop": [1, 2]}),
    ):
        with pytest.raises(InputError) as failure:
            ask()
        assert failure.value.name == "rules"


def test_an_own_gate_reads_only_what_was_known(market):
    seen = []

    def rank_below_40(history):
        seen.append(history.closes.index[-1])
        return history.rank(before=history.closes.index[-1].date() + pd.Timedelta(days=1), lookback=20).rank < 40

    own = iwm.backtest(market, iwm.Rules(gate=rank_below_40, **FAST))
    built_in = iwm.backtest(market, iwm.Rules(ivr_below=40, **FAST))
    pd.testing.assert_frame_equal(own.trades, built_in.trades)
    assert all(known < day for known, day in zip(seen, market.days, strict=True))
    lagged = iwm.backtest(market, iwm.Rules(gate=rank_below_40, lag=3, **FAST))
    pd.testing.assert_frame_equal(lagged.trades, iwm.backtest(market, iwm.Rules(ivr_below=40, lag=3, **FAST)).trades)


def test_a_sweep_holds_the_backtests_of_its_rules(market, ungated):
    rules = iwm.Rules(ivr_below=None, **FAST)
    found = iwm.sweep(market, rules, {"profit": [0.5, None], "width": ["2%", 10]}, draws=99, threads=1)
    frame = found.to_frame()
    assert frame["pnl"].iloc[0] == pytest.approx(ungated.costs["pnl"])
    wide = iwm.backtest(market, iwm.Rules(ivr_below=None, profit=None, width=10, **FAST))
    assert frame["pnl"].iloc[3] == pytest.approx(wide.costs["pnl"])
    best = frame.set_index("number").loc[found.record()["best"]["number"]]
    assert best["per_trade"] == pytest.approx(best["expectancy"])  # one contract a trade
    assert best["per_trade_low"] < best["per_trade"] < best["per_trade_high"]
    assert frame["per_trade"].notna().sum() == 1
    assert isinstance(found.plot(), Axes)
    with pytest.raises(InputError) as failure:
        iwm.sweep(market, rules, {"profits": [1, 2]})
    assert failure.value.name == "grid"


def test_evidence_compares_with_three_baselines(market):
    rules = iwm.Rules(ivr_below=50, **FAST)
    found = iwm.evidence(market, rules, draws=19, random_draws=5, premium=False)
    frame = found.to_frame()
    assert len(frame) == 3
    assert frame["per_trade_estimate"].notna().any()
    assert isinstance(found.plot(), Axes)
    assert found.to_dict()["finding"] == found.finding


def test_a_saved_result_is_compared(ungated, market, tmp_path):
    assert ungated.save(tmp_path / "a")
    assert not ungated.save(tmp_path / "a")
    iwm.backtest(market, iwm.Rules(ivr_below=None, profit=None, **FAST)).save(tmp_path / "b")
    frame = iwm.compare_saved(tmp_path / "a", tmp_path / "b").to_frame().set_index("name")
    assert frame.loc["pnl", "first"] == pytest.approx(ungated.metrics.pnl)


@pytest.mark.parametrize(
    "fields",
    [
        {"contracts": 1, "risk": 0.01},
        {"width": 5, "wing_delta": 0.05},
        {"strategy": "bull-put", "call_delta": 0.1},
        {"entries": pd.Series([True], index=pd.DatetimeIndex(["2023-03-01"])), "gate": lambda history: True},
    ],
)
def test_contradicting_rules(fields):
    with pytest.raises(ConflictError):
        iwm.Rules(**fields)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"profit": 2.0}, "profit"),
        ({"dte": 0}, "dte"),
        ({"ivr_below": 10, "ivr_at_least": 20}, "at_least"),
        ({"strategy": "butterfly"}, "strategy"),
        ({"entries": pd.Series([1.0])}, "entries"),
        ({"entries": pd.Series([True] * 2, index=pd.DatetimeIndex(["2023-03-01"] * 2))}, "entries"),
        ({"profit": pd.Series([0.5, 1.5], index=[1, 5])}, "profit"),
        ({"profit": pd.Series([0.5, 0.2], index=[0, 5])}, "profit"),
        ({"stop": pd.Series([2.0, -1.0], index=pd.DatetimeIndex(["2023-03-01", "2023-03-02"]))}, "stop"),
        ({"stop": pd.Series([2.0], index=["soon"])}, "stop"),
        ({"fill": "hope"}, "fill"),
    ],
)
def test_rules_are_validated_when_made(fields, name):
    with pytest.raises(InputError) as failure:
        iwm.Rules(**fields)
    assert failure.value.name == name


def test_a_market_knows_its_days(market):
    frame = market.to_frame()
    assert (market.kind, market.paths, len(frame)) == ("simulated", 1, len(market.days))
    assert (frame["low"] <= frame["spot"]).all()
    assert frame["iv"].between(0.05, 1.5).all()


def condor_widths(trades):
    """Put and call width of each condor, dollars."""
    strikes = [[float(strike) for strike in re.findall(r"[PC]([\d.]+)", legs)] for legs in trades["legs"]]
    return np.diff(strikes)[:, [0, 2]]


def test_wings_are_a_share_of_the_spot_unless_dollars_are_given(market, ungated):
    shares = condor_widths(ungated.trades) / ungated.trades["entry_spot"].to_numpy()[:, None]
    assert np.abs(shares - 0.02).max() <= 0.5 * 0.02
    assert shares.mean() == pytest.approx(0.02, abs=0.001)
    dollars = iwm.backtest(market, iwm.Rules(ivr_below=None, width=5, **FAST)).trades
    assert (condor_widths(dollars) == 5.0).all()


def test_every_question_of_a_history_starts_from_the_same_wings(market):
    relative, rules, grid = Wing.parse("2%"), iwm.Rules(ivr_below=None, **FAST), {"profit": [0.25, 0.5]}
    assert iwm.Rules().resolved() == engine.Rules()
    assert (engine.Rules().entry.put_wing, engine.Rules().entry.call_wing) == (relative, relative)
    found = iwm.evidence(market, iwm.Rules(**FAST), draws=19, random_draws=3, premium=False).evidence.rules
    swept = iwm.sweep(market, rules, grid, draws=99, threads=1).swept.variants[0].rules
    walked = iwm.walk_forward(market, rules, grid, in_sample=40, out_of_sample=40).walk.default_variant.rules
    for each in (found, swept, walked):
        assert (each.entry.put_wing, each.entry.call_wing) == (relative, relative)
