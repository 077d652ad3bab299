"""Write the tables of README and docs that come out of market data again, or say which differ.

    python examples/tables.py DATA            # names the pages with a table that differs; status 1 where one does
    python examples/tables.py DATA --write

DATA is the folder of `examples/four_stories.py`; IWM_OPTS_TEST_DATA names it where no argument does: so the test of
the examples compares the tables where the data are there. A table lies between the lines `<!-- table NAME -->` and
`<!-- end table -->` of a Markdown file, and NAME is a key of `TABLES`.
"""

import re
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from four_stories import data_folder, files_of, history_rules, stories
from numpy.typing import NDArray
from smile_calibration import SPX_SESSIONS, points, points_at, samples

from iwm_opts.backtest.baselines import prepare_baselines
from iwm_opts.backtest.evidence import gather_evidence
from iwm_opts.backtest.factors import GIVEN
from iwm_opts.backtest.quote_bands import quote_bands
from iwm_opts.backtest.trial import open_trials
from iwm_opts.io.files import load_chain
from iwm_opts.market.gate import gate_ranks
from iwm_opts.research.smile_fit import (
    DELTA_SLACK,
    ChainSample,
    ShapeFit,
    fit_day,
    fit_shapes,
    matched_surface,
    predicted_shape,
    price_errors,
)
from iwm_opts.simulation.parameters import SmileShape, shipped_parameters
from iwm_opts.simulation.spread_fit import (
    CELLS,
    DELTA_EDGES,
    DTE_EDGES,
    FRIDAY,
    SMALLEST_CELL,
    TRADED_DELTA,
    fit_expiration_factors,
    fit_spreads,
    rounded_spreads,
    spread_observations,
    spread_ratio,
    spread_terms,
    trimmed_mean,
)
from iwm_opts.sources.modelled import ModelledMarket
from iwm_opts.sources.modelled_files import ModelledSource, open_modelled
from iwm_opts.sources.source import SpanRequest

Array = NDArray[np.float64]

FULL, NEAR = "IWM_cboe_full_20260615_20260702", "IWM_cboe_0-13dte_20260716_20260731"
SPY_NEAR, SPX = "SPY_cboe_0-13dte_20260716_20260731", "SPX_cboe_20190425_20190607"
JUNE, JULY = (15, 16, 17, 18, 22, 23, 24, 25, 26, 29, 30), (16, 17, 20, 21, 22, 23, 24, 27, 28, 29, 30, 31)
AGES = {"35-55 days": (35, 55), "17-25 days": (17, 25)}  # at entry, and when the DTE exit closes
SOLD = {  # side and delta of the sold option
    f"{delta} {side}": (right, delta / 100) for side, right in (("put", -1.0), ("call", 1.0)) for delta in (10, 16, 25)
}
SMALLEST_MEDIAN = 20  # quotes
BANDS = (0.05, 0.10, 0.16, 0.25, 0.50)  # edges of |delta|
FOLDS = 5  # of the sessions of a symbol
MOST_OFF = 0.15  # of a model's mean spread
BAND_DRAWS = 20  # of the smile
GAMMAS, TILTS = (0.37, 0.44, 0.50), (-0.12, -0.08, -0.04, 0.0)
CONSTANT = (0.485, 1.1, 0.0)  # skew, eta and convexity of version 0.1.0, at every level of vol
FITTED = date(2026, 6, 24)  # last session behind the coefficients of the spread model
CLOSE_ALONE = date(2026, 7, 24)  # has no capture in session
# Gain a trade after each correction, copied by hand from runs of `four_stories.py` at the time: not to be run again.
CORRECTIONS = (
    "0.1.0",
    "published clock, listings, spreads by weekday, put boundary ($5 wings)",
    "wings 1.5% of spot",
    "stops on the day's quotes",
    "variance within the day",
    "smile by level and slope",
    "wings 2% of spot",
    "convexity of the wings",
)
BEFORE = {
    "all years, gated": (
        "-1.55",
        "-2.39 (685)",
        "-9.08 (725)",
        "-8.12 (725)",
        "-8.14 (725)",
        "-8.99 (730)",
        "-7.49 (746)",
    ),
    "all years, ungated": (
        "-6.54",
        "-9.08 (1,114)",
        "-11.61 (1,132)",
        "-9.97 (1,132)",
        "-9.97 (1,132)",
        "-10.59 (1,142)",
        "-8.97 (1,178)",
    ),
    "Q4 2018, gated": ("", "+31.40", "+2.81", "+2.81", "+2.81", "+4.07", "+10.82"),
    "Q4 2018, ungated": ("", "-88.79", "-54.09", "-43.59", "-43.59", "-42.61", "-57.89"),
    "Feb-Apr 2020, gated": ("", "-325.75", "-227.75", "-177.55", "-177.55", "-171.95", "-178.95"),
    "Feb-Apr 2020, ungated": ("", "-178.55", "-102.71", "-80.01", "-80.01", "-83.24", "-111.07"),
    "2022, gated": ("", "-106.20", "-52.23", "-47.80", "-47.80", "-43.51", "-18.37"),
    "2022, ungated": ("", "-1.83", "-11.67", "-11.41", "-11.41", "-8.24", "-2.05"),
}
ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
TABLE = re.compile(r"(<!-- table ([\w-]+) -->\n)(.*?)(<!-- end table -->)", re.DOTALL)
FIGURE = re.compile(r"-?\d+(?:\.\d+)?")


def main() -> None:
    """Compare or write every table."""
    is_written = "--write" in sys.argv
    sys.argv[:] = [argument for argument in sys.argv if argument != "--write"]
    folder = data_folder()
    if folder is None:
        print("no market data: name a folder, or set IWM_OPTS_TEST_DATA")
        return
    differing = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fresh = TABLE.sub(partial(filled, folder), text)
        if not agree(fresh, text):
            differing.append(str(page.relative_to(ROOT)))
            if is_written:
                page.write_text(fresh, encoding="utf-8")
    print("\n".join(differing) or "every table is what the code gives")
    sys.exit(bool(differing) and not is_written)


def agree(fresh: str, kept: str) -> bool:
    """Whether pages differ by at most one in the last decimal of a figure: fits end where their solver stops."""
    if FIGURE.sub("", fresh) != FIGURE.sub("", kept):
        return False
    pairs = zip(FIGURE.findall(fresh), FIGURE.findall(kept), strict=True)
    return all(
        one == other
        or (len(one.partition(".")[2]) == (places := len(other.partition(".")[2])) > 0
            and abs(float(one) - float(other)) < 1.5 * 10.0**-places)
        for one, other in pairs
    )  # fmt: skip


def filled(folder: Path, match: re.Match[str]) -> str:
    """Fill a table between its markers from the data."""
    return match[1] + TABLES[match[2]](folder) + match[4]


@cache
def market_of(folder: Path) -> ModelledMarket:
    """Open the modelled market of all years."""
    return open_modelled(files_of(folder))


def gate_by_weekday(folder: Path) -> str:
    """Share of sessions after which the gate is open, by weekday and lookback."""
    history = market_of(folder).iv_history(10)
    lines = ["| lookback | Mon | Tue | Wed | Thu | Fri |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for lookback in (252, 10):
        ranks = gate_ranks(history, lookback).dropna()
        weekday = pd.DatetimeIndex(ranks.index).day_of_week
        shares = (ranks < 20.0).groupby(weekday).mean()
        lines.append(f"| {lookback} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    return "\n".join(lines) + "\n"


@cache
def present(folder: Path) -> str:
    """Return what `examples/four_stories.py` prints."""
    return stories(folder)


def four_stories(folder: Path) -> str:
    """Return the table and the finding of `examples/four_stories.py`."""
    return f"```text\n{present(folder)}\n```\n"


def corrections(folder: Path) -> str:
    """Return the gain a trade after each correction, the last as it is now."""
    lines = [f"| | {' | '.join(CORRECTIONS)} |", "| --- |" + " ---: |" * len(CORRECTIONS)]
    for name, before in BEFORE.items():
        (row,) = (line for line in present(folder).splitlines() if line.startswith(f"{name} "))
        trades, _, _, _, gain, *_ = row.removeprefix(name).split()
        sample = f" ({int(trades):,})" if name.startswith("all years") else ""
        lines.append(f"| {name} | {' | '.join(before)} | {float(gain):+.2f}{sample} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


def one_factor(folder: Path) -> str:
    """Return the default rules of histories with one thing changed, gated and ungated."""
    trial = open_trials(ModelledSource(), SpanRequest(modelled=files_of(folder)))[0]
    evidence = gather_evidence([trial], history_rules(), random_draws=0)
    lines = ["| rules | gated, $ a trade | 95% interval | trades | ungated | 95% interval |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for factor in evidence.factors:
        spans = [
            f"{each.estimate:+.2f} | {each.low:+.2f} to {each.high:+.2f}" for each in (factor.gated, factor.ungated)
        ]
        name = factor.name.replace("|delta|", "delta").replace(GIVEN, f"{GIVEN}: wings 2%")
        lines.append(f"| {name} | {spans[0]} | {factor.trades:,} | {spans[1]} |")
    return "\n".join(lines) + "\n"


def quote_band_rows(folder: Path) -> str:
    """Return gains over draws of the smile and over spreads, of the default rules of histories."""
    lines = ["| | gated, $ a trade | ungated | gated less ungated |", "| --- | ---: | ---: | ---: |"]
    baselines = prepare_baselines(
        open_trials(ModelledSource(), SpanRequest(modelled=files_of(folder)))[0], history_rules()
    )
    for band in quote_bands([baselines], BAND_DRAWS, seed=1):
        spans = (f"{low:+.2f} to {high:+.2f}" for low, high in (band.gated, band.ungated, band.difference))
        lines.append(f"| {band.name} | {' | '.join(spans)} |")
    return "\n".join(lines) + "\n"


@cache
def observed(symbol: str, path: Path, day: date, session: str | None) -> pd.DataFrame:
    """Quoted spreads of a chain."""
    return spread_observations([load_chain(path, symbol=symbol, as_of=day, session=session)])


def spread_days(folder: Path, session: str, after: date = date.min) -> list[pd.DataFrame]:
    """Quoted spreads of the 25 sessions of June and July 2026, every other session in one of two halves."""
    paths = [(folder / "options" / f"{FULL}.csv.gz", date(2026, 6, day)) for day in JUNE]
    paths += [(folder / "options" / f"{FULL}.csv.gz", date(2026, 7, day)) for day in (1, 2)]
    paths += [(folder / "options" / f"{NEAR}.csv.gz", date(2026, 7, day)) for day in JULY]
    halves = []
    for part in (paths[::2], paths[1::2]):
        days = [(path, day) for path, day in part if day > after and (session == "close" or day != CLOSE_ALONE)]
        halves.append(pd.concat([observed("IWM", path, day, session) for path, day in days], ignore_index=True))
    return halves


def quoted_spreads(folder: Path) -> str:
    """Return trimmed mean spreads of the model over the quotes', each half judged by the other's factors."""
    coefficients = np.array(shipped_parameters().spread.coefficients)
    lines = ["| | 2-7 days | 8-13 | 14-21 | 22-50 |", "| --- | ---: | ---: | ---: | ---: |"]
    for session, words in (("mid", "in session"), ("close", "after the close")):
        halves = spread_days(folder, session)
        ratios: dict[tuple[str, int], list[float]] = {}
        for fitted, judged in (halves, halves[::-1]):
            factors = fit_expiration_factors(coefficients, fitted)
            quotes = with_raw_spreads(judged[judged["delta"].abs().between(*TRADED_DELTA)], coefficients)
            is_friday = quotes["expiration"].dt.day_of_week == FRIDAY
            for name, is_in in (("friday", is_friday), ("other", ~is_friday)):
                for place, cell in enumerate(CELLS):
                    inside = quotes[is_in & quotes["days"].between(*cell)]
                    if len(inside) >= SMALLEST_CELL:
                        ratios.setdefault((name, place), []).append(spread_ratio(inside, factors[name]))
        for name, called in (("friday", "Fridays"), ("other", "other days")):
            spans = [sorted(ratios.get((name, place), [])) for place in range(len(CELLS))]
            cells = [f"{span[0]:.2f}-{span[-1]:.2f}" if span else "" for span in spans]
            lines.append(f"| {called}, {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def spread_samples(folder: Path) -> dict[str, list[pd.DataFrame]]:
    """Quoted spreads by symbol and time of day, a frame a session."""
    options = folder / "options"
    full, near, other = (options / f"{name}.csv.gz" for name in (FULL, NEAR, SPY_NEAR))
    july = [date(2026, 7, day) for day in JULY]
    june = [*(date(2026, 6, day) for day in JUNE), date(2026, 7, 1), date(2026, 7, 2)]
    samples = {}
    for session, words in (("mid", "in session"), ("close", "after the close")):
        days = [day for day in july if session == "close" or day != CLOSE_ALONE]
        samples[f"IWM, {words}"] = [observed("IWM", full, day, session) for day in june]
        samples[f"IWM, {words}"] += [observed("IWM", near, day, session) for day in days]
        samples[f"SPY, {words}"] = [observed("SPY", other, day, session) for day in days]
    for words, days in (
        ("in session", ("20260211", "20260212", "20260213")),
        ("after the close", ("20201005", "20250826")),
    ):
        paths = [(options / f"SPY_yfinance_{day}.csv.gz", date.fromisoformat(day)) for day in days]
        samples[f"SPY, {words}"] += [observed("SPY", path, day, None) for path, day in paths]
    spx = [date.fromisoformat(f"2019{day}") for day in SPX_SESSIONS]
    samples["SPX, in session"] = [observed("SPX", options / f"{SPX}.csv.gz", day, None) for day in spx]
    return samples


def judged_spreads(sessions: list[pd.DataFrame]) -> pd.DataFrame:
    """Quotes of some sessions with the spread of a model fitted without them and every fifth session."""
    parts, numbered = [], [part.assign(session=place) for place, part in enumerate(sessions)]
    for fold in range(FOLDS):
        kept = pd.concat([part for place, part in enumerate(numbered) if place % FOLDS != fold], ignore_index=True)
        quotes = pd.concat(numbered[fold::FOLDS], ignore_index=True)
        is_traded = quotes["delta"].abs().between(*TRADED_DELTA)
        quotes = quotes[is_traded & quotes["days"].between(CELLS[0][0], CELLS[-1][1])]
        coefficients = fit_spreads(kept)
        factors, is_friday = fit_expiration_factors(coefficients, kept), quotes["expiration"].dt.day_of_week == FRIDAY
        for name, is_in in (("friday", is_friday), ("other", ~is_friday)):
            part = with_raw_spreads(quotes[is_in], coefficients).assign(weekday=name)
            parts.append(part.assign(model=rounded_spreads(part, factors[name])))
    return pd.concat(parts, ignore_index=True)


def with_raw_spreads(quotes: pd.DataFrame, coefficients: Array) -> pd.DataFrame:
    """Quotes out of the money with the model's spread before factors and rounding."""
    none, days = np.zeros(len(quotes)), quotes["days"].to_numpy()
    terms = spread_terms(quotes["premium"].to_numpy(), none, quotes["is_call"].to_numpy(), days)
    return quotes.assign(raw=np.exp(terms @ coefficients))


def model_over_quoted(quotes: pd.DataFrame) -> float:
    """Mean spread of the model over the quoted one."""
    return trimmed_mean(quotes["model"].to_numpy()) / trimmed_mean(quotes["spread"].to_numpy())


def spreads_by_cell(folder: Path) -> str:
    """Return mean spreads of models fitted without the session over quoted ones, by symbol, weekday, delta and time."""
    names, shipped = [f"{low}-{high}" for low, high in CELLS], np.array(shipped_parameters().spread.coefficients)
    lines = [f"| | delta | {' | '.join(names)} |", "| --- | --- |" + " ---: |" * len(CELLS)]
    told = []
    for sample, sessions in spread_samples(folder).items():
        quotes = judged_spreads(sessions)
        cells, apart = [], []
        for weekday, called in (("friday", "Fridays"), ("other", "other days")):
            for low, high in pairwise(BANDS):
                rows = quotes[(quotes["weekday"] == weekday) & quotes["delta"].abs().between(low, high)]
                ratios = []
                for cell in (rows[rows["days"].between(*cell)] for cell in CELLS):
                    is_large = len(cell) >= SMALLEST_CELL and cell["session"].nunique() >= FOLDS
                    ratios.append(model_over_quoted(cell) if is_large else np.nan)
                    days = [part for _, part in cell.groupby("session") if len(part) >= SMALLEST_MEDIAN]
                    apart += [model_over_quoted(day) for day in days if is_large]
                cells += ratios
                words = ["" if np.isnan(ratio) else in_bold(ratio) for ratio in ratios]
                if any(words):
                    lines.append(f"| {sample}, {called} | {100 * low:g}-{100 * high:g} | {' | '.join(words)} |")
        whole = with_raw_spreads(quotes, shipped)
        plain = whole.assign(model=rounded_spreads(whole, np.ones(len(CELLS))))
        off = np.abs(np.array(apart) - 1.0)
        told.append(
            f"| {sample} | {len(sessions)} | {(np.abs(np.array(cells) - 1.0) > MOST_OFF).sum()} of "
            f"{np.isfinite(cells).sum()} | {(off > MOST_OFF).mean():.0%} of {len(off)} | {np.median(off):.0%} | "
            f"{model_over_quoted(plain):.2f} |"
        )
    heads = (
        "",
        "sessions",
        "cells off by over 15%",
        "single sessions of cells",
        "median miss of these",
        "shipped model",
    )
    lines += ["", f"| {' | '.join(heads)} |".replace("|  |", "| |"), "| --- |" + " ---: |" * (len(heads) - 1), *told]
    return "\n".join(lines) + "\n"


def in_bold(ratio: float) -> str:
    """Ratio, bold where the model misses."""
    return f"**{ratio:.2f}**" if abs(ratio - 1.0) > MOST_OFF else f"{ratio:.2f}"


def spread_misses(folder: Path) -> str:
    """Return how far the model's median spreads by delta and time are off, each half by the other's factors."""
    coefficients, found = np.array(shipped_parameters().spread.coefficients), []
    for session in ("mid", "close"):
        misses = []
        halves, later = spread_days(folder, session), spread_days(folder, session, FITTED)
        for fitted, judged in zip(halves, later[::-1], strict=True):
            factors = fit_expiration_factors(coefficients, fitted)
            is_judged = judged["delta"].abs().between(0.02, 0.5) & judged["days"].between(8, 365)
            quotes = with_raw_spreads(judged[is_judged], coefficients)
            is_friday = quotes["expiration"].dt.day_of_week == FRIDAY
            quotes["model"] = np.where(
                is_friday, *(rounded_spreads(quotes, factors[name]) for name in ("friday", "other"))
            )
            groups = quotes.groupby(
                [pd.cut(quotes["delta"].abs(), DELTA_EDGES), pd.cut(quotes["days"], DTE_EDGES, right=False)],
                observed=True,
            )
            medians = groups[["spread", "model"]].median()[groups["spread"].count() >= SMALLEST_MEDIAN]
            misses.append(float((medians["model"] / medians["spread"] - 1.0).abs().mean()))
        found.append(float(np.mean(misses)))
    session, close = (f"{miss:.0%}" for miss in found)
    text = (
        f"- Quoted spreads follow a model fitted to 15 to {FITTED.day} June 2026. On later sessions, which its factors "
        f"by weekday were not fitted to either, its medians by delta and time are off by {session} during the session "
        f"and {close} after the close. Spreads of earlier years are the same model's."
    )
    return textwrap.fill(text, 118, subsequent_indent="  ") + "\n"


Forecast = tuple[SmileShape, float, float, float]  # smile, and the skew, eta and convexity of a chain


def smile_forecasts(folder: Path) -> dict[str, list[Forecast]]:
    """Forecast of every chain by method: constants of version 0.1.0, or fitted without the day or symbol."""
    chains, smile = samples(folder), shipped_parameters().smile
    methods = {
        "eSSVI": (points_at(folder, 0.0), False),
        "constant": (points(folder), True),
        "level, slope": (points(folder), False),
    }
    forecasts = {"0.1.0": [(replace(smile, tilt=0.0), *CONSTANT)] * len(chains)}
    for left_out in ("day", "symbol"):
        for method, (fitted, is_constant) in methods.items():
            name = f"{method}, {left_out} left out"
            forecasts[name] = []
            for chain in chains:
                fit = _fit_without(chains, fitted, chain, left_out, is_constant)
                forecasts[name].append((smile, *predicted_shape(fit, smile, chain)))
    return forecasts


def _fit_without(
    chains: tuple[ChainSample, ...], fitted: Array, chain: ChainSample, left_out: str, is_constant: bool
) -> ShapeFit:
    kept = [
        row
        for row, other in enumerate(chains)
        if (other is not chain if left_out == "day" else other.symbol != chain.symbol)
    ]
    return fit_shapes([chains[row] for row in kept], fitted[kept], chain.symbol, is_constant)


@cache
def smile_misses(folder: Path) -> pd.DataFrame:
    """Model less midpoint of verticals at the deltas of `SOLD`, one row a vertical and method."""
    rows = []
    for method, forecasts in smile_forecasts(folder).items():
        for chain, (smile, *shape) in zip(samples(folder), forecasts, strict=True):
            for expiration in chain.expirations:
                age = next((name for name, (low, high) in AGES.items() if low <= expiration.dte <= high), None)
                if age is None:
                    continue
                verticals = expiration.verticals
                error = price_errors(matched_surface(smile, *shape, expiration), expiration, verticals)
                for sold, (right, delta) in SOLD.items():
                    apart = np.where(verticals.right == right, np.abs(verticals.delta - delta), np.inf)
                    at = int(apart.argmin())
                    if apart[at] <= DELTA_SLACK:
                        key = (method, chain.symbol, age, sold, chain.day, expiration.dte)
                        rows.append((*key, error[at], verticals.half_spread[at], verticals.credit[at]))
    columns = ["method", "symbol", "age", "sold", "day", "dte", "error", "half_spread", "credit"]
    return pd.DataFrame(rows, columns=columns)


def smile_out_of_sample(folder: Path) -> str:
    """Return the bias of verticals in half-spreads, by symbol, age, delta and method."""
    misses = smile_misses(folder)
    misses = misses.assign(bias=misses["error"] / misses["half_spread"])
    methods = list(misses["method"].unique())
    lines = [f"| | sold | verticals | {' | '.join(methods)} |", "| --- | --- | ---: |" + " ---: |" * len(methods)]
    for (symbol, age), cell in misses.groupby(["symbol", "age"], sort=False):
        for sold in SOLD:
            verticals = cell[cell["sold"] == sold]
            bias = verticals.groupby("method")["bias"].mean()
            count = (verticals["method"] == methods[0]).sum()
            lines.append(f"| {symbol}, {age} | {sold} | {count} | {' | '.join(f'{bias[m]:+.2f}' for m in methods)} |")
    return "\n".join(lines) + "\n"


def smile_tenor(folder: Path) -> str:
    """Return the misfit of IWM's chains over gamma and tilt, which bend the smile by tenor, to that of the shipped."""
    shipped, chains = shipped_parameters().smile, [chain for chain in samples(folder) if chain.symbol == "IWM"]

    def misfit(smile: SmileShape) -> float:
        return sum(fit_day(smile, chain).misfit for chain in chains)

    least = misfit(shipped)
    lines = [f"| gamma | {' | '.join(f'tilt {tilt:+.2f}' for tilt in TILTS)} |", "| ---: |" + " ---: |" * len(TILTS)]
    for gamma in GAMMAS:
        ratios = (misfit(replace(shipped, gamma=gamma, tilt=tilt)) / least for tilt in TILTS)
        lines.append(f"| {gamma:.2f} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |")
    return "\n".join(lines) + "\n"


def smile_credits(folder: Path) -> str:
    """Return modelled over real credits of 16-delta condors and their mean absolute miss, by symbol, age and method."""
    misses = smile_misses(folder)
    sides = misses[misses["sold"].isin(["16 put", "16 call"])]
    keys = ["method", "symbol", "age", "day", "dte"]
    condors = sides.groupby(keys, sort=False)[["error", "credit"]].agg(["sum", "size"])
    condors = condors[condors["error", "size"] == 2]
    miss = condors["error", "sum"] / condors["credit", "sum"]
    methods = list(misses["method"].unique())
    lines = [f"| | {' | '.join(methods)} |", "| --- |" + " ---: |" * len(methods)]
    for (symbol, age), cell in miss.groupby(["symbol", "age"], sort=False):
        by_method = cell.groupby("method")
        ratio, apart = 1.0 + by_method.mean(), cell.abs().groupby("method").mean()
        lines.append(f"| {symbol}, {age} | {' | '.join(f'{ratio[m]:.3f} ({apart[m]:.1%})' for m in methods)} |")
    return "\n".join(lines) + "\n"


TABLES: dict[str, Callable[[Path], str]] = {
    "gate-by-weekday": gate_by_weekday,
    "four-stories": four_stories,
    "corrections": corrections,
    "one-factor": one_factor,
    "quote-bands": quote_band_rows,
    "quoted-spreads": quoted_spreads,
    "spread-misses": spread_misses,
    "spreads-by-cell": spreads_by_cell,
    "smile-out-of-sample": smile_out_of_sample,
    "smile-credits": smile_credits,
    "smile-tenor": smile_tenor,
}


if __name__ == "__main__":
    main()
