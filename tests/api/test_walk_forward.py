import numpy as np
import pandas as pd
import pytest

import iwm_opts as iwm
from iwm_opts.market.calendar import sessions
from tests.refusals import refused

CHANGE = pd.Timestamp("2024-03-01")


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """A fund that rises by 50% a year until 2024-03-01 and falls by as much after it, under a steady index of 20."""
    return market_of(tmp_path_factory.mktemp("turned"))


def market_of(folder, later_drift=-0.5, later_vol=0.1):
    """A fund that rises by 50% a year, under an index of 20, until 2024-03-01; other drift and swings from then on."""
    days = pd.DatetimeIndex(sessions(pd.Timestamp("2021-09-01").date(), pd.Timestamp("2025-03-31").date()))
    rng, is_later = np.random.default_rng(3), days >= CHANGE
    swings = rng.normal(0.0, 1.0, len(days)) * np.where(is_later, later_vol, 0.1) / 252**0.5
    close = 150.0 * np.exp(np.cumsum(np.where(is_later, later_drift, 0.5) / 252.0 + swings))
    bars = pd.DataFrame({"date": days, "open": close, "high": 1.003 * close, "low": 0.997 * close, "close": close})
    bars.assign(volume=1e6).to_csv(folder / "IWM.csv", index=False)
    levels = 20.0 + rng.normal(0.0, 0.5, len(days)) + np.where(is_later, 100.0 * (later_vol - 0.1), 0.0)
    pd.DataFrame({"DATE": days.strftime("%m/%d/%Y"), "CLOSE": levels}).to_csv(folder / "RVX_History.csv", index=False)
    return iwm.modelled_market(
        bars=folder / "IWM.csv", iv_history=folder / "RVX_History.csv", rate=0.03, first="2022-10-03", last="2025-03-14"
    )


@pytest.fixture(scope="module")
def walk(turned):
    rules = iwm.Rules(ivr_below=None, dte=25, exit_dte=7, contracts=1)
    return iwm.walk_forward(
        turned, rules, {"strategy": ["bear-call", "bull-put"]}, in_sample=126, out_of_sample=42, criterion="pnl"
    )


def test_a_planted_change_is_followed_and_dated(walk):
    frame = walk.to_frame()
    before = frame[frame["last"] < CHANGE]
    assert (before["strategy"] == "bull-put").all()
    assert len(before) >= 3
    # A window chooses by half a year: it sees more of the fall than of the rise three months after the change.
    late = frame[frame["first"] > CHANGE + pd.Timedelta(days=200)]
    assert (late["strategy"] == "bear-call").all()
    assert len(late) >= 2
    changed = frame.loc[frame["switched"], "first"]
    assert len(changed) == 1
    assert CHANGE < changed.iloc[0] <= CHANGE + pd.Timedelta(days=200)
    assert changed.iloc[0].date().isoformat() in walk.to_dict()["switches"]
    assert walk.walk.drift["strategy"] == pytest.approx(1.0 / (len(frame) - 1))


@pytest.mark.parametrize("scheme", ["rolling", "anchored"])
def test_what_comes_later_changes_nothing(turned, tmp_path, scheme):
    rules = iwm.Rules(ivr_below=70, dte=25, exit_dte=7, contracts=2)
    grid = {"strategy": ["bear-call", "bull-put"], "profit": [0.25, 0.5]}
    walks = [
        iwm.walk_forward(market, rules, grid, in_sample=126, out_of_sample=42, scheme=scheme)
        for market in (turned, market_of(tmp_path, later_drift=0.6, later_vol=0.4))
    ]
    frames = [each.to_frame() for each in walks]
    chosen = [frame.loc[frame["in_last"] < CHANGE, ["in_first", "in_last", "variant", "score"]] for frame in frames]
    assert len(chosen[0]) >= 5
    pd.testing.assert_frame_equal(*chosen)
    equities = [each.result.equity["equity"] for each in walks]
    early = [equity[equity.index < CHANGE] for equity in equities]
    pd.testing.assert_series_equal(*early)
    assert equities[0].iloc[-1] != equities[1].iloc[-1]
    trades = [each.result.trades for each in walks]
    closed = [each[each["exit"] < CHANGE].reset_index(drop=True) for each in trades]
    assert len(closed[0]) > 50
    pd.testing.assert_frame_equal(*closed)


def test_text_marks_the_windows_that_changed(walk):
    rows = [line.split() for line in walk.to_text(columns=140).splitlines()]
    windows = [row for row in rows if row[:1] == ["0"]]
    assert [row[-1] == "changed" for row in windows] == walk.to_frame()["switched"].tolist()


def test_it_beats_the_rule_that_the_change_broke(walk):
    arms = {arm.name.partition(":")[0]: arm for arm in walk.comparison}
    assert list(arms) == ["walk-forward", "default", "hindsight"]
    assert arms["walk-forward"].metrics.pnl > arms["default"].metrics.pnl
    assert arms["default"].excess.estimate > 0.0
    days = len(walk.result.equity)
    gain = arms["walk-forward"].metrics.pnl - arms["default"].metrics.pnl
    assert arms["default"].excess.estimate == pytest.approx(gain / days)


def test_the_result_is_one_like_any_other(walk, tmp_path):
    result = walk.result
    result.save(tmp_path / "oos")
    assert iwm.montecarlo(tmp_path / "oos", years=1, histories=200).source.name.endswith("oos")
    assert "walk-forward" in result.to_text(columns=100)
    assert result.to_html().startswith("<!")
    length = (walk.to_frame()["last"] - walk.to_frame()["first"]).dt.days
    outside = np.average(walk.to_frame()["out_pnl"], weights=length)
    assert walk.efficiency == pytest.approx(outside / walk.to_frame()["in_pnl"].mean(), rel=0.05)


def test_a_grid_is_needed(turned):
    with refused("grid", None):
        iwm.walk_forward(turned)
    with refused("scheme", "jumping"):
        iwm.walk_forward(turned, None, {"profit": [0.5]}, scheme="jumping")
