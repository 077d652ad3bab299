"""Damaged JSON files of this package: each is refused, made anew or sound."""

import dataclasses
import json
from functools import partial

import numpy as np
import pytest

from iwm_opts.backtest.saved import load_result
from iwm_opts.backtest.sweep_folder import SweepFolder
from iwm_opts.execution.own_fills import own_fill_model
from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.histories import Ledger
from iwm_opts.io.panel_cache import entries, load
from iwm_opts.journal.forecasts import ForecastLog
from iwm_opts.journal.paper import PaperJournal
from iwm_opts.journal.paper_trade import Exits, Leg, Mark, PaperTrade
from tests.refusals import refused_data

TRADE = PaperTrade(
    1, "", "recorded", "IWM", "2024-06-21", (Leg(-1, "P", 195.0), Leg(1, "P", 190.0)), 1, 1, "2024-06-03 15:45:00",
    0.6, 0.65, 0.6, "mid", "none", 1.3, 440.0, 440.0, 12.5, Exits(0.5), {},
    (Mark("2024-06-04", "15:45", 200.0, 0.5, 0.55, 1.3, ""),),
)  # fmt: skip
STATED = dict.fromkeys(("pop", "pop_real_world", "prob_touch", "prob_target", "expected_profit"), 0.5)
VALUES = (
    None, True, [], {}, [[1]], {"a": 1}, 10**400, -(10**30), 10**200, 1e308, float("nan"), "", "x",
    "\x00", "\ud800", 0, -1, "2024-02-30", [None],
)  # fmt: skip
TEXTS = ("[" * 100_000, '{"a":' * 5_000, "[]", "null", "5", '"x"', '{"version":1,"trades":{}}', "9" * 5_001, "{", "")


def read_journal(folder):
    journal = PaperJournal(ChainArchive(folder))
    return [(trade.gain, trade.strategy, trade.exit_by) for trade in journal.trades()]


def read_sweep(folder):
    with SweepFolder(folder, {"seed": 1}):
        pass


def read_panels(folder):
    entries(folder)
    return load(folder / "panel")


RECORDS = {
    "journal": ("paper/journal.json", {"version": 6, "trades": [dataclasses.asdict(TRADE)]}, read_journal),
    "forecasts": (
        "paper/forecasts.json",
        {"version": 2, "forecasts": [{"origin": "paper", "trade": dataclasses.asdict(TRADE), "stated": STATED}]},
        lambda folder: ForecastLog(ChainArchive(folder)).forecasts(),
    ),
    "fills": ("fills.json", {"model": "mine:0.42/4=0.38"}, lambda folder: own_fill_model(ChainArchive(folder))),
    "ledger": ("imports/IWM.json", {"files": {"a": {"name": "a", "sha256": "", "bytes": 1}}},
               lambda folder: Ledger(ChainArchive(folder), "IWM")),
    "sweep": ("sweep.json", {"layout": 3, "seed": 1}, read_sweep),
    "result": ("config.json", {"layout": 1, "version": "1", "asked": {}, "rules": {}, "markets": []}, load_result),
    "panel": ("panel/about.json", {"name": "a", "symbol": "IWM", "notes": [], "warnings": {"1": ["a"]}}, read_panels),
}  # fmt: skip


def mutated(value, rng):
    """A document with one value changed, added or left out."""
    if isinstance(value, dict) and value and rng.integers(6):
        name = list(value)[int(rng.integers(len(value)))]
        if not rng.integers(12):
            return {key: each for key, each in value.items() if key != name}
        return {**value, name: mutated(value[name], rng)}
    if isinstance(value, list | tuple) and value and rng.integers(6):
        place = int(rng.integers(len(value)))
        return [mutated(each, rng) if at == place else each for at, each in enumerate(value)]
    return VALUES[int(rng.integers(len(VALUES)))]


@pytest.mark.parametrize("kind", RECORDS)
def test_a_damaged_record_is_an_error_of_the_package_or_sound(kind, tmp_path, fuzz):
    name, document, read = RECORDS[kind]

    def case(seed: int) -> None:
        rng = np.random.default_rng([seed, list(RECORDS).index(kind)])
        text = TEXTS[seed % len(TEXTS)] if seed % 4 == 0 else json.dumps(mutated(document, rng))
        folder = tmp_path / str(seed)
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
        fuzz.attempt(kind, seed, partial(read, folder))

    fuzz.each(kind, case)


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:12])
def test_a_record_of_another_shape_is_an_error_of_the_package_or_made_anew(kind, text, tmp_path, fuzz):
    name, _, read = RECORDS[kind]
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    fuzz.attempt(kind, text[:20], partial(read, tmp_path))


@pytest.mark.parametrize("name", ["dte", "sessions", "minute"])
@pytest.mark.parametrize("value", [-1, 10**6, -(10**30), 10**200])
def test_an_exit_beyond_the_life_of_any_position_is_refused(name, value, tmp_path):
    trade = dataclasses.asdict(TRADE)
    trade["exits"][name] = value
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "journal.json").write_text(json.dumps({"version": 6, "trades": [trade]}))
    with refused_data("journal.json", "trade 1", "1"):
        read_journal(tmp_path)
