"""OptionMetrics before 2010: codes of OPRA beside option symbols, strikes x 1,000, Saturdays, no am_settlement."""

import itertools
from datetime import date

import pandas as pd
import pytest

from iwm_opts.io.files import load_chain
from iwm_opts.io.panel_files import build_panel
from tests.refusals import shows

SATURDAYS = FEBRUARY, MARCH = ("2010-02-20", "2010-03-20")
OLD, NEW = date(2010, 2, 5), date(2010, 6, 1)


def code(root):
    return lambda expiration, right, strike: f"{root}.{'BN'[right == 'P']}{chr(65 + strike % 26)}"


def symbol(root):
    return lambda expiration, right, strike: f"{root} {expiration[2:].replace('-', '')}{right}{1000 * strike}"


def rows(day, written, *, root="", expirations=SATURDAYS, ticker="IWM", spot=63, step=1, morning=""):
    """A market in parity at spot, of thirteen strikes an expiration."""
    quotes = []
    for expiration, place, (right, sign) in itertools.product(expirations, range(-6, 7), (("C", 1), ("P", -1))):
        strike = spot + place * step
        value = max(sign * (spot - strike), 0.0) + max(3.0 * step - 0.25 * abs(spot - strike), 0.25)
        quotes.append({
            "secid": 106445, "date": day.isoformat(), "symbol": written(expiration, right, strike), "symbol_flag": 0,
            "exdate": expiration, "last_date": "", "cp_flag": right, "strike_price": 1000 * strike,
            "best_bid": round(value - 0.05, 2), "best_offer": round(value + 0.05, 2), "volume": 10,
            "open_interest": 100, "impl_volatility": 0.3, "delta": 0.5 * sign, "cfadj": 1,
            "am_settlement": morning(expiration) if morning else "", "contract_size": 100, "ss_flag": 0,
            "root": root, "suffix": "", "ticker": ticker,
        })  # fmt: skip
    return pd.DataFrame(quotes)


@pytest.fixture
def read(tmp_path):
    def both(*parts, without=(), day=None):
        path = tmp_path / "optionmetrics.csv"
        pd.concat(parts, ignore_index=True).drop(columns=list(without)).to_csv(path, index=False)
        chain, panel = load_chain(path, as_of=day), build_panel([path]).panel
        place = panel.dates.index(chain.as_of)
        held = {
            (root, f"{expiration:%Y-%m-%d}"): (strikes.min(), strikes.max(), len(strikes))
            for (root, expiration), strikes in chain.quotes.groupby(["root", "expiration"])["strike"]
        }
        of_panel = {(s.root, s.expiration.isoformat()): (s.strike.min(), s.strike.max()) for s in panel.slices(place)}
        assert of_panel == {key: (low, high) for key, (low, high, _) in held.items()}
        return chain, held

    return both


WHOLE = {("IWM", day): (57.0, 69.0, 26) for day in SATURDAYS}
ABSENT = [(), ("am_settlement",), ("am_settlement", "root", "suffix")]


@pytest.mark.parametrize("without", ABSENT)
@pytest.mark.parametrize(
    "parts",
    [
        (rows(OLD, code("IOW"), root="IOW"),),
        (rows(OLD, code("IWM")),),
        (rows(OLD, symbol("IWM"), root="IWM"),),
        (rows(OLD, code("IOW"), root="IOW", expirations=[FEBRUARY]), rows(OLD, symbol("IWM"), expirations=[MARCH])),
        (rows(OLD, symbol("IWM"), expirations=[FEBRUARY]), rows(OLD, code("IOW"), root="IOW", expirations=[MARCH])),
        (rows(OLD, code("IOW"), root="IOW")[::2], rows(OLD, symbol("IWM"))[1::2]),
        (rows(OLD, symbol("IWM"))[::2], rows(OLD, code("IOW"), root="IOW")[1::2]),
    ],
    ids=["codes", "no root", "symbols", "by expiration", "symbols first", "by row", "symbols first by row"],
)  # fmt: skip
def test_codes_and_symbols_of_a_day_are_one_market(read, parts, without):
    chain, held = read(*parts, without=without)
    assert (chain.symbol, chain.as_of, held) == ("IWM", OLD, WHOLE)
    assert chain.spot == pytest.approx(63.0, rel=0.01)
    assert not shows(chain.warnings, "contract symbol")


def test_rows_under_codes_and_words_beside_symbols_are_counted(read):
    chain, _ = read(rows(OLD, symbol("IWM"))[::2], rows(OLD, code("IOW"), root="IOW")[1::2])
    assert shows(chain.quality.notes, "26 rows", "of 2010 (IOW)")
    assert any(shows(warning, "26 cells", "contract") for warning in chain.warnings)


def test_days_of_codes_and_of_symbols_in_one_file(read):
    first, second = rows(OLD, code("IOW"), root="IOW"), rows(date(2010, 2, 16), symbol("IWM"), root="IWM")
    for parts in ((first, second), (second, first)):
        assert read(*parts, day=OLD)[1] == WHOLE
        assert read(*parts, day=date(2010, 2, 16))[1] == WHOLE


INDEX = ("2010-02-12", "2010-02-20", "2010-03-31")


@pytest.mark.parametrize(
    ("morning", "without"), [(lambda day: int(day == INDEX[1]), ()), ("", ()), ("", ABSENT[1]), ("", ABSENT[2])]
)
def test_codes_of_an_index_settle_as_the_index(read, morning, without):
    quotes = rows(OLD, code("SXB"), root="SXB", expirations=INDEX, ticker="SPX", spot=1135, step=5, morning=morning)
    chain, held = read(quotes, without=without)
    assert (chain.symbol, set(held)) == (
        "SPX", {("SPXW", INDEX[0]), ("SPX", INDEX[1]), ("SPXW", INDEX[2])},
    )  # fmt: skip


def test_special_settlement_is_left_out_whatever_its_code(read):
    special = rows(OLD, code("WVV"), root="WVV").assign(ss_flag=1, best_bid=9.0, best_offer=9.5)
    assert read(rows(OLD, code("IOW"), root="IOW"), special)[1] == WHOLE


def test_roots_of_later_days_are_kept(read):
    days = ("2010-06-19", "2010-07-17")
    _, held = read(rows(NEW, symbol("IWM"), expirations=days), rows(NEW, symbol("XYZ"), root="XYZ", expirations=days))
    assert {root for root, _ in held} == {"IWM", "XYZ"}
