"""One market in random mixtures of names, orders, separators, dates, zones, units, encodings and kinds of file.

Each is read equal to the market, as a chain and as a panel alike, or refused by name.

`IWM_OPTS_FUZZ=1000` runs as many mixtures as that.
"""

import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.files import load_chain
from iwm_opts.io.layouts.common import SYNONYMS
from iwm_opts.io.panel_files import build_panel
from iwm_opts.market.contract import occ_symbol

MIXTURES = int(os.environ.get("IWM_OPTS_FUZZ", "200"))
DAY, SPOT = pd.Timestamp("2024-06-03"), 100.0
EXPIRATIONS = [pd.Timestamp("2024-06-07"), pd.Timestamp("2024-06-21"), pd.Timestamp("2024-07-19")]
STRIKES = (90.0, 95.0, 97.5, 99.0, 100.0, 101.0, 102.5, 105.0, 110.0)
DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d.%m.%Y", "%d-%b-%Y", "%b %d, %Y",
    "%d%b%Y", "%a %b %d %Y", "%Y-%m-%dT00:00:00Z", "%Y-%m-%d 00:00:00+00:00", "%Y-%m-%dT04:00:00Z",
    "%Y-%m-%d 06:00:00+02:00", "%Y%m%d000000", "epoch-s", "epoch-ms", "epoch-ns", "float",
)  # fmt: skip
RIGHTS = (("C", "P"), ("call", "put"), ("CALL", "PUT"), ("calls", "puts"), ("c", "p"), ("CE", "PE"))
TIMES = (
    "15:45", "154500", "3:45 PM", "2024-06-03 15:45:00", "2024-06-03T19:45:00Z", "2024-06-03 15:45:00-04:00",
    "1717443900", "20240603 154500", "20240603154500", "Mon Jun 03 2024 15:45:00 GMT-0400 (Eastern Daylight Time)",
)  # fmt: skip
KINDS = ("csv", "csv", "csv", "csv", "gzip", "zip", "parquet", "categories", "records", "lines", "split", "columns")
VOL = 0.2
NOT_FOR = {  # names that other layouts or roles claim
    "underlying_symbol": ("underlying", "stock", "symbol", "rootsymbol", "underlyingassetticker"),
    "underlying_price": ("underlying", "stock", "lasttradeprice0"),
    "quote_date": ("tradedate",), "strike": (), "bid": (), "ask": (), "expiration": (), "right": (), "quote_time": (),
}  # fmt: skip


def market() -> pd.DataFrame:
    rows = []
    for expiration in EXPIRATIONS:
        for strike in STRIKES:
            for right, sign in (("C", 1), ("P", -1)):
                value = max(sign * (SPOT - strike), 0.0) + max(3.0 - 0.25 * abs(strike - SPOT), 0.25)
                quotes = round(value - 0.05, 2), round(value + 0.05, 2)
                rows.append((DAY, "IWM", SPOT, expiration, right, strike, *quotes))
    names = ["quote_date", "underlying_symbol", "underlying_price", "expiration", "right", "strike", "bid", "ask"]
    return pd.DataFrame(rows, columns=names)


def spelled_dates(days: pd.Series, form: str) -> pd.Series:
    seconds = days.astype("datetime64[s]").astype("int64")
    if form == "float":
        return days.dt.strftime("%Y%m%d") + ".0"
    if form.startswith("epoch"):
        return (seconds * {"s": 1, "ms": 10**3, "ns": 10**9}[form[6:]]).astype(str)
    return days.dt.strftime(form)


def mixture(seed: int) -> tuple[bytes, str]:
    """Bytes of the market in one mixture, and words that describe it."""
    rng = np.random.default_rng(seed)

    def pick(choices):
        return choices[int(rng.integers(len(choices)))]

    table = market()
    form, rights, mark = pick(DATES), pick(RIGHTS), pick((",", ";", "\t", "|"))
    comma = mark == ";" and bool(rng.integers(2))
    text = pd.DataFrame({"quote_date": spelled_dates(table["quote_date"], form)})
    text["expiration"] = spelled_dates(table["expiration"], form)
    text["underlying_symbol"] = table["underlying_symbol"]
    text["right"] = table["right"].map(dict(zip("CP", rights, strict=True)))
    dollar = bool(rng.integers(4) == 0)
    for name in ("underlying_price", "strike", "bid", "ask"):
        cells = table[name].map("{:.2f}".format)
        cells = cells.str.replace(".", ",") if comma else cells
        text[name] = "$" + cells if dollar and name in ("bid", "ask") else cells
    if rng.integers(2):
        text["quote_time"] = pick(TIMES)
    if rng.integers(3) == 0:
        contracts = zip(table["expiration"], table["right"], table["strike"], strict=True)
        text["contract_symbol"] = [occ_symbol("IWM", e.date(), r, k) for e, r, k in contracts]
    strike_unit = pick((1, 1, 1, 100, 1000))
    if strike_unit > 1:
        text["strike"] = (strike_unit * table["strike"]).astype(int).astype(str)
    vol = pick(("", "{:.4f}", "{:.2f}%"))
    if vol:
        text["implied_volatility"] = vol.format(100 * VOL if "%" in vol else VOL).replace(*(".,") if comma else "..")
    if rng.integers(4) == 0:
        text = text.drop(columns="underlying_price")
    names = {}
    for role in text.columns:
        spellings = [s for s in SYNONYMS.get(role, (role,)) if s not in NOT_FOR.get(role, ())]
        if role in NOT_FOR and rng.integers(2):
            names[role] = pick(spellings)
            names[role] = names[role].upper() if rng.integers(3) == 0 else names[role]
    text = text.rename(columns=names)
    text["remark"] = pick(("", "é", "n/a", "#DIV/0!", "100%"))
    text = text[list(rng.permutation(text.columns))]
    if rng.integers(2):
        text = text.sample(frac=1.0, random_state=seed)
    kind, encoding = pick(KINDS), pick(("utf-8", "utf-8-sig", "utf-16", "cp1252"))
    above = pick(("", "", "\n", "# made by a script\n", "Option chain of IWM\n", f"sep={mark}\n"))
    content = written(text.reset_index(drop=True), kind, (above + text.to_csv(index=False, sep=mark)).encode(encoding))
    return content, f"{kind}, {form}, {mark!r}, {encoding}, strikes x {strike_unit}, {dict(names)}"


def written(text: pd.DataFrame, kind: str, as_csv: bytes) -> bytes:
    out = io.BytesIO()
    if kind == "gzip":
        return gzip.compress(as_csv)
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("chain.csv", as_csv)
    elif kind in ("parquet", "categories"):
        (text if kind == "parquet" else text.astype("category")).to_parquet(out)
    elif kind == "lines":
        return text.to_json(orient="records", lines=True).encode()
    elif kind != "csv":
        return text.to_json(orient=kind).encode()
    return out.getvalue() or as_csv


def test_mixtures_are_equal_or_refused(tmp_path: Path):
    base = market().set_index(["expiration", "right", "strike"])[["bid", "ask"]].sort_index()
    refused = []
    for seed in range(MIXTURES):
        content, words = mixture(seed)
        path = tmp_path / f"{seed}.csv"
        path.write_bytes(content)
        try:
            chain = load_chain(path)
        except DataError as error:
            refused.append(f"seed {seed} ({words}): {error}")
            continue
        quotes = chain.quotes.set_index(["expiration", "right", "strike"])[["bid", "ask"]].sort_index()
        assert (chain.symbol, chain.as_of, chain.spot) == ("IWM", DAY.date(), pytest.approx(SPOT, abs=0.3)), (
            seed,
            words,
        )
        assert len(quotes) == len(base), (seed, words)
        np.testing.assert_allclose(quotes.to_numpy(), base.to_numpy(), atol=1e-9, err_msg=f"seed {seed}: {words}")
        if chain.quote_time is not None:
            assert (chain.quote_time.hour, chain.quote_time.minute) == (15, 45), (seed, words)
        vols = chain.quotes["implied_volatility"]
        assert vols.isna().all() or vols.median() == pytest.approx(VOL), (seed, words)
        panel = build_panel([path]).panel
        assert (panel.dates, panel.spot[0]) == ((DAY.date(),), pytest.approx(chain.spot, abs=0.01)), (seed, words)
        sides = [base.xs(right, level="right")[name] for right in "CP" for name in ("bid", "ask")]
        np.testing.assert_allclose(panel.quotes, np.array(sides), atol=1e-9, err_msg=f"seed {seed}: {words}")
    assert len(refused) <= 0.05 * MIXTURES, "\n".join(refused[:10])
