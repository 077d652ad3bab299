"""Orders read by readers of their own: whatever the package, each format says its legs, sides, sizes and limit."""

import csv
import io
import json
import math
from datetime import date, datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from iwm_opts.errors import InputError
from iwm_opts.execution.fills import FillModel
from iwm_opts.execution.order_formats import FORMATS, SOURCES, write_order
from iwm_opts.execution.ticket import ExitLevels, QuotedLeg, make_ticket
from iwm_opts.market.contract import Contract, settlement_of
from tests.refusals import refused

TODAY = date(2026, 3, 2)
# Third Fridays and other days; index classes that settle on the open are listed on the former alone.
CLASSES = (
    ("IWM", date(2026, 4, 17)), ("IWM", date(2026, 4, 22)), ("IWM", date(2027, 1, 15)), ("BRK.B", date(2026, 6, 18)),
    ("SPX", date(2026, 4, 17)), ("SPXW", date(2026, 4, 24)), ("RUT", date(2026, 5, 15)), ("RUTW", date(2026, 5, 13)),
)  # fmt: skip
MODELS = ("fraction:0.5", "fraction:0.1", "natural", "orats", "effective:average", "stress:2")


@st.composite
def packages(draw):
    """Legs of one root and expiration, each contract once, with quotes on the tick."""
    root, expiration = draw(st.sampled_from(CLASSES))
    tick = settlement_of(root).tick
    kinds = st.tuples(st.sampled_from("CP"), st.integers(300, 640))
    contracts = draw(st.lists(kinds, min_size=1, max_size=4, unique=True))
    legs = []
    for right, half_dollars in contracts:
        size = draw(st.integers(1, 3)) * draw(st.sampled_from((-1, 1)))
        bid = draw(st.integers(0, 900))
        ask = bid + draw(st.integers(1, 40))
        quote = round(bid * tick, 2), round(ask * tick, 2)
        legs.append(QuotedLeg(Contract(root, expiration, right, half_dollars / 2), size, *quote))
    return legs


@st.composite
def named(draw):
    """Verticals, condors and single options, long and short: what brokers have names for."""
    root, expiration = draw(st.sampled_from(CLASSES))
    low = draw(st.integers(150, 250))
    steps = [draw(st.integers(1, 20)) for _ in range(3)]
    strikes = [low, low + steps[0], low + sum(steps[:2]), low + sum(steps)]
    side = draw(st.sampled_from((-1, 1)))
    shape = draw(st.sampled_from((("P", "P", "C", "C"), ("P", "P"), ("C", "C"), ("P",), ("C",))))
    signs = {4: (1, -1, -1, 1), 2: (1, -1), 1: (1,)}[len(shape)]
    legs = []
    for right, strike, sign in zip(shape, strikes, signs, strict=False):
        bid = draw(st.integers(1, 100)) / 10
        legs.append(QuotedLeg(Contract(root, expiration, right, strike), side * sign, bid, bid + 0.1))
    return legs


def read_occ_symbol(symbol):
    root, day, right, strike = symbol[:6], symbol[6:12], symbol[12], symbol[13:]
    return root.strip(), datetime.strptime(day, "%y%m%d").date(), right, int(strike) / 1000  # noqa: DTZ007


def tastytrade(text):
    body = json.loads(text)
    legs = {
        read_occ_symbol(leg["symbol"]): leg["quantity"] * {"Buy": 1, "Sell": -1}[leg["action"].split()[0]]
        for leg in body["legs"]
    }
    assert {leg["action"].split(" ", 1)[1] for leg in body["legs"]} in ({"to Open"}, {"to Close"})
    return legs, float(body["price"]) * {"Credit": 1, "Debit": -1}[body["price-effect"]]


def occ(text):
    *lines, limit = text.splitlines()
    legs = {}
    for line in lines:
        side, _, _, count, symbol = line.split(" ", 4)
        legs[read_occ_symbol(symbol)] = int(count) * {"BUY": 1, "SELL": -1}[side]
    _, price, effect = limit.split()
    return legs, float(price) * {"CREDIT": 1, "DEBIT": -1}[effect]


def basket(text, root):
    legs, cash = {}, 0.0
    for row in csv.DictReader(io.StringIO(text)):
        size = int(row["Quantity"]) * {"BUY": 1, "SELL": -1}[row["Action"]]
        day = datetime.strptime(row["LastTradingDayOrContractMonth"], "%Y%m%d").date()  # noqa: DTZ007
        legs[root, day, row["Right"], float(row["Strike"])] = size
        cash -= size * float(row["LmtPrice"])
    return legs, cash


def thinkorswim(text, root):
    """Words of a line: side and count, ratio and kind, symbol, 100, date, strikes, rights, price."""
    words = (
        text.replace("(Weeklys) ", "")
        .replace("(Quarterlys) ", "")
        .replace(" [AM]", "")
        .removesuffix(" GTC")
        .removesuffix(" LMT")
        .split()
    )
    side, count, at = {"BUY": 1, "SELL": -1}[words[0]], abs(int(words[1])), words.index("100")
    head, (day, strikes, rights, price) = words[2 : at - 1], (" ".join(words[at + 1 : -3]), *words[-3:])
    on = datetime.strptime(day.split("/")[0].title(), "%d %b %y").date()  # noqa: DTZ007
    levels, names = [float(each) for each in strikes.split("/")], [name[0] for name in rights.split("/")]
    ratio = [1]
    if "CONDOR" in head:
        names, ratio = [names[0]] * 2 + [names[1]] * 2, [1, -1, 1, -1]
    elif "VERTICAL" in head:
        names, ratio = names * 2, [1, -1]
    elif "CUSTOM" in head:
        ratio = [int(each) for each in head[0].split("/")]
    legs = {(root, on, right, k): side * count * r for right, k, r in zip(names, levels, ratio, strict=True)}
    return legs, -side * float(price.lstrip("@"))


def read(name, text, root):
    return {"tastytrade": tastytrade, "occ": occ}[name](text) if name in ("tastytrade", "occ") else (
        {"interactive-brokers": basket, "thinkorswim": thinkorswim}[name](text, root)
    )  # fmt: skip


def check(legs, contracts, model):
    root = legs[0].contract.root
    try:
        ticket = make_ticket(legs, contracts, FillModel.parse(model), ExitLevels(0.5, 2.0, 21), TODAY)
    except InputError as error:
        assume(error.name not in ("limit", "fill"))  # nothing to pay; orats knows four legs at most
        raise
    for order, sign in ((ticket.entry, 1), (ticket.target, -1)):
        if order is None:
            continue
        expected = {
            (root, leg.contract.expiration, leg.contract.right, leg.contract.strike): sign * contracts * leg.quantity
            for leg in legs
        }
        for name in FORMATS:
            if name == "interactive-brokers" and sign < 0 and len(legs) > 1:
                continue
            quantities, price = read(name, write_order(order, name), root)
            assert quantities == expected, name
            if name != "interactive-brokers":
                assert price == pytest.approx(order.price, abs=1e-9), name
                continue
            # Ratios above one can leave the limits of the legs a few ticks off the package's.
            largest = max(abs(leg.quantity) for leg in legs)
            assert abs(order.price - price / contracts) < (largest - 1) * settlement_of(root).tick + 1e-9, name


@settings(max_examples=400, deadline=None)
@given(packages(), st.integers(1, 40), st.sampled_from(MODELS))
def test_any_package_is_what_its_orders_say(legs, contracts, model):
    check(legs, contracts, model)


@settings(max_examples=300, deadline=None)
@given(named(), st.integers(1, 40), st.sampled_from(MODELS))
def test_named_packages_are_what_their_orders_say(legs, contracts, model):
    check(legs, contracts, model)


@settings(max_examples=100, deadline=None)
@given(packages(), st.integers(-3, 0))
def test_a_size_of_zero_is_refused(legs, contracts):
    with refused("contracts", contracts, "at least 1"):
        make_ticket(legs, contracts, FillModel.parse("natural"), ExitLevels(), TODAY)


@settings(max_examples=100, deadline=None)
@given(packages(), st.floats(0.01, 5.0), st.data())
def test_a_crossed_leg_is_refused(legs, gap, data):
    leg = data.draw(st.sampled_from(legs))
    assume(math.isfinite(gap) and leg.bid > 0.0)
    with refused("leg"):
        QuotedLeg(leg.contract, leg.quantity, leg.bid, leg.bid - gap)


def test_every_format_names_its_source():
    assert set(SOURCES) == set(FORMATS)
    assert all(source.startswith("https://") for source in SOURCES.values())
